"""Makes the environment of the Autobahn test suite, which is Python 2 code, in `.venvs/autobahn`; kept while nothing changes.

PENSTOCK_PYTHON2 names a Python 2.7 that is neither under pyenv nor on PATH.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import venvs  # noqa: E402

VENV = ROOT / ".venvs" / "autobahn"
WSTEST = VENV / "bin" / "wstest"
SUITE = "autobahntestsuite==25.10.1"
VIRTUALENV = "virtualenv==20.15.1"  # one of the last that make environments for Python 2
NOT_FOUND = (
    "no Python 2.7 was found under pyenv or on PATH, and the Autobahn test suite needs one:"
    " `pyenv install 2.7.18`, or name it: PENSTOCK_PYTHON2=/path/to/python2.7"
)
EXIT_NOT_FOUND = 3
PROBE = "import sys, ssl, zlib; print('%d.%d %s' % (sys.version_info[:2] + (sys.executable,)))"


def candidates() -> Iterator[str]:
    """Where a Python 2.7 may be, the likeliest first."""
    if named := os.environ.get("PENSTOCK_PYTHON2"):
        yield named
    pyenv_root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    if shutil.which("pyenv"):
        answer = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False)
        pyenv_root = Path(answer.stdout.strip() or pyenv_root)
    yield from map(str, sorted(pyenv_root.glob("versions/2.7*/bin/python2.7"), reverse=True))
    yield from filter(None, map(shutil.which, ("python2.7", "python2")))


def python2() -> str | None:
    """The first Python 2.7 that runs, with the modules that the suite needs; a pyenv shim may exist and not run."""
    for path in candidates():
        try:
            asked = subprocess.run([path, "-c", PROBE], capture_output=True, text=True, check=False)
        except OSError:
            continue
        version, _, executable = asked.stdout.strip().partition(" ")
        if version == "2.7":
            return executable
    return None


def make(base: str) -> None:
    """Make the environment anew if it was made otherwise; raise venvs.Failure with the output of what failed."""
    with venvs.alone("autobahn"), venvs.step(VENV, "suite", f"{base} {SUITE}") as todo:
        if not todo:
            return
        venvs.say(f"installing {SUITE} for {base}")
        shutil.rmtree(VENV, ignore_errors=True)
        with tempfile.TemporaryDirectory() as folder:
            maker = Path(folder) / "bin/python"
            venvs.run(sys.executable, "-m", "venv", folder)
            pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            venvs.run(maker, *pip, VIRTUALENV)
            venvs.run(maker, "-m", "virtualenv", "--quiet", "--python", base, VENV)
            venvs.run(VENV / "bin/python", *pip, SUITE)


def main() -> int:
    """Make the environment; 3 if there is no Python 2.7, 1 if it could not be made."""
    base = python2()
    if base is None:
        venvs.say(NOT_FOUND)
        return EXIT_NOT_FOUND
    try:
        make(base)
    except venvs.Failure as failure:
        venvs.say(str(failure))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
