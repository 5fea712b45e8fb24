"""The project as the tests about the project see it: its folders, and the lists of setup.py."""

import runpy
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "penstock"

_setup = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")
COMPILED: tuple[str, ...] = _setup["COMPILED"]
NATIVE: tuple[str, ...] = _setup["NATIVE"]
digest: Callable[[str], str] = _setup["digest"]


def dotted(path: Path) -> str:
    """The dotted name of a file of the package, of `__init__.py` the package's."""
    parts = path.relative_to(SRC.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def file_of(name: str, suffix: str = ".py") -> Path:
    """The file of a module, given its dotted name."""
    return SRC.parent.joinpath(*name.split(".")).with_suffix(suffix)
