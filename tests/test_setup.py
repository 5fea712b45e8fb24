"""setup.py: PENSTOCK_COMPILE and the promise of all or none, tried on a small package with the same module names."""

import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house import ROOT, file_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

# Three of the modules and one native leaf are enough to tell all from some and none.
COMPILED = ("penstock.wire.http1", "penstock.gateway.stream", "penstock.observe.access")
NATIVE = ("penstock.wire.scan",)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the build files around modules of two lines each."""
    for name in ("pyproject.toml", "MANIFEST.in", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    build = (ROOT / "setup.py").read_text()
    for name, value in (("COMPILED", COMPILED), ("NATIVE", NATIVE)):
        build, found = re.subn(
            rf"^{name} = \(.*?\)$", f"{name} = {value}", build, flags=re.MULTILINE | re.DOTALL
        )
        assert found == 1, f"{name} = (...) is not where this test looks for it in setup.py"
    (tmp_path / "setup.py").write_text(build)
    (tmp_path / "README.md").write_text("A small package.\n")
    for name in (*COMPILED, *NATIVE):
        suffix = ".pyx" if name in NATIVE else ".py"
        path = tmp_path / file_of(name, suffix).relative_to(ROOT)
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text('"""Small."""\n\ndef double(n):\n    return n * 2\n')
        if suffix == ".py":
            path.with_suffix(".pxd").write_text("cpdef object double(object n)\n")
    (tmp_path / "src/penstock/__init__.py").touch()
    (tmp_path / "src/penstock/py.typed").touch()
    return tmp_path


def compiler(tree: Path, refuses: str = "") -> str:
    """A C compiler that is quick, and refuses files whose name contains a word."""
    path = tree / "cc"
    test = f'case "$*" in *{refuses}*) echo "refused" >&2; exit 1;; esac\n' if refuses else ""
    path.write_text(f'#!/bin/sh\n{test}exec cc "$@" -O0 -w\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def wheel(tree: Path, **environment: str) -> tuple[int, str, list[str]]:
    """Build a wheel: exit code, what was printed, and the names of the wheel and of the files in it."""
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "bdist_wheel"],
        cwd=tree,
        env={**os.environ, "PYTHONWARNINGS": "ignore", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    names: list[str] = []
    for path in tree.glob("dist/*.whl"):
        with zipfile.ZipFile(path) as archive:
            names += [path.name, *archive.namelist()]
    return done.returncode, done.stdout, names


def binaries(names: list[str]) -> set[str]:
    """The dotted names of the compiled modules among the files of a wheel."""
    return {
        name.split(".")[0].replace("/", ".") for name in names if name.endswith((".so", ".pyd"))
    }


def test_a_build_compiles_every_module_and_notes_its_sources(tree: Path) -> None:
    code, said, names = wheel(tree, PENSTOCK_COMPILE="require", CC=compiler(tree))
    assert code == 0, said
    assert binaries(names) == {*COMPILED, *NATIVE}
    assert "penstock/_compiled.json" in names
    assert "none-any" not in names[0]
    assert [name for name in names if name.endswith((".pxd", ".pyx", ".c"))] == []
    assert [path for path in (tree / "src").rglob("*") if path.suffix in {".so", ".c"}] == []


@pytest.mark.parametrize("refused", ["stream", "scan"])
def test_auto_compiles_nothing_if_one_module_fails(tree: Path, refused: str) -> None:
    """The other modules were compiled by then; none of them is in the wheel, which is tagged as pure."""
    code, said, names = wheel(tree, PENSTOCK_COMPILE="auto", CC=compiler(tree, refuses=refused))
    assert code == 0, said
    assert binaries(names) == set()
    assert names[0].endswith("-py3-none-any.whl")
    assert "penstock/_compiled.json" not in names
    assert "building the pure leg" in said


def test_auto_falls_back_also_after_an_earlier_success(tree: Path) -> None:
    """What an earlier build left in build/ does not slip into a wheel."""
    assert wheel(tree, CC=compiler(tree))[0] == 0
    shutil.rmtree(tree / "dist")
    (tree / "src/penstock/gateway/stream.py").write_text("def double(n): return n * 3\n")
    code, said, names = wheel(tree, CC=compiler(tree, refuses="stream"))
    assert code == 0, said
    assert binaries(names) == set()


@pytest.mark.parametrize("broken", ["C", "Cython"])
def test_require_fails_whoever_fails(tree: Path, broken: str) -> None:
    """The exit code is not 0 after an error of the C compiler, too, and there is no wheel."""
    if broken == "Cython":
        (tree / "src/penstock/wire/http1.pxd").write_text(
            "cpdef object double(object n, object m)\n"
        )
    refuses = "access" if broken == "C" else ""
    code, said, names = wheel(tree, PENSTOCK_COMPILE="require", CC=compiler(tree, refuses=refuses))
    assert code != 0
    assert "PENSTOCK_COMPILE=require, but nothing was compiled" in said
    assert names == []


def test_skip_does_not_try(tree: Path) -> None:
    """Neither Cython nor a compiler is called: here both would fail."""
    (tree / "src/penstock/wire/http1.pxd").write_text("this is not Cython\n")
    code, said, names = wheel(tree, PENSTOCK_COMPILE="skip", CC="false")
    assert code == 0, said
    assert names[0].endswith("-py3-none-any.whl")
    assert binaries(names) == set()


@pytest.mark.parametrize("value", ["", "1", "Auto"])
def test_any_other_word_is_an_error(tree: Path, value: str) -> None:
    code, said, names = wheel(tree, PENSTOCK_COMPILE=value)
    assert code != 0
    assert "it must be one of auto, require, skip" in said
    assert names == []


def test_nothing_is_built_beside_its_source(tree: Path) -> None:
    """Asked to build in place, the build refuses, or with `auto` stays pure."""
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    for mode, expected in (("require", False), ("auto", True)):
        done = subprocess.run(
            command,
            cwd=tree,
            env={**os.environ, "PENSTOCK_COMPILE": mode},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) is expected
        assert "nothing is compiled beside its source" in done.stderr + done.stdout
        assert list((tree / "src").rglob("*.so")) == []
