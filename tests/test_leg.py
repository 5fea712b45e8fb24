"""penstock._leg: which leg runs; and the binaries of the compiled leg belong to this source tree."""

import importlib
import json
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import penstock
from penstock import _leg
from tests.house import COMPILED, NATIVE, SRC, digest
from tests.twins import pure

PACKAGE = Path(penstock.__file__).parent


def test_the_leg_is_all_or_none() -> None:
    """Either every module of setup.py's lists runs compiled, or none does."""
    assert _leg.compiled_modules() in {(), tuple(sorted((*COMPILED, *NATIVE)))}


def test_what_is_listed_is_what_is_loaded(leg: str) -> None:
    """The import system loads a binary exactly for the modules that compiled_modules() names."""
    for name in COMPILED:
        origin = importlib.import_module(name).__file__ or ""
        assert origin.endswith(tuple(EXTENSION_SUFFIXES)) == (name in _leg.compiled_modules()), (
            origin
        )
    assert leg == ("compiled" if _leg.compiled_modules() else "pure")


def test_binaries_of_other_interpreters_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is counted only if its suffix is one that this interpreter loads."""
    (tmp_path / "wire").mkdir()
    (tmp_path / "wire/one.cpython-27-x86_64-linux-gnu.so").touch()
    (tmp_path / f"wire/two{EXTENSION_SUFFIXES[0]}").touch()
    monkeypatch.setattr(_leg, "__file__", str(tmp_path / "_leg.py"))
    assert _leg.compiled_modules.__wrapped__() == ("penstock.wire.two",)


def test_the_compiled_leg_is_not_stale(leg: str) -> None:
    """Every binary was made from the sources in this tree: a hash over them was noted when it was built."""
    if leg == "pure":
        pytest.skip("the pure leg runs the sources themselves")
    noted = json.loads((PACKAGE / "_compiled.json").read_text())
    stale = [name for name in (*COMPILED, *NATIVE) if noted[name] != digest(name)]
    assert not stale, (
        f"compiled from other sources than these: {stale}; tools/venvs.py builds them anew"
    )


def test_the_installed_sources_are_those_of_the_tree() -> None:
    """What is tested is this tree, also where it was installed from a wheel."""
    for file in sorted(SRC.rglob("*.py")):
        assert (PACKAGE / file.relative_to(SRC)).read_bytes() == file.read_bytes(), file
    assert {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")} == {
        path.relative_to(SRC) for path in SRC.rglob("*.py")
    }


def test_no_binary_lies_beside_its_source() -> None:
    """A binary in src would win over the edited file, silently."""
    assert [path for suffix in (".so", ".pyd", ".c") for path in SRC.rglob(f"*{suffix}")] == []


@pytest.mark.parametrize("name", COMPILED)
def test_a_pure_twin_is_pure_and_separate(name: str) -> None:
    """tests.twins gives the Python form of each module, in a tree of its own."""
    twin = pure(name)
    assert (twin.__file__ or "").endswith(".py")
    assert twin is not importlib.import_module(name)
    for value in vars(twin).values():
        module = getattr(value, "__module__", "")
        assert not (isinstance(module, str) and module.startswith("penstock.")), value
