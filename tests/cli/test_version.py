"""`penstock --version`."""

import platform
import re
from importlib import metadata

import pytest

from penstock import __version__, _leg
from penstock.cli import version
from penstock.cli.main import main


def test_it_names_version_leg_python_and_loop(capsys: pytest.CaptureFixture[str], leg: str) -> None:
    assert main(["--version"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"penstock {__version__} (")
    assert ("pure Python" in out) == (leg == "pure")
    assert platform.python_version() in out
    assert re.search(r"uvloop \d|asyncio \(no uvloop\)", out)
    assert out.count("\n") == 1


def test_it_names_the_loop_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _name: "9.9")
    assert "uvloop 9.9" in version.version_text()

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert "asyncio (no uvloop)" in version.version_text()


@pytest.mark.parametrize(
    "modules, said",
    [
        ((), "(pure Python)"),
        (("a",), "(compiled: 1 module)"),
        (("a", "b"), "(compiled: 2 modules)"),
    ],
)
def test_it_counts_what_is_compiled(
    modules: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version, "compiled_modules", lambda: modules)
    assert said in version.version_text()
    assert callable(_leg.compiled_modules)
