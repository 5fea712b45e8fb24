"""The command in this process: in an empty folder, without variables of its own."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.cli.main import main
from penstock.config.options import OPTIONS

Ask = Callable[..., tuple[int, str, str]]


def without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset what is an option, and what has our prefix: what steers the tests is among it."""
    ours = {name for name in os.environ if name.startswith("PENSTOCK_")}
    for name in ours.union(*(option.environment for option in OPTIONS)):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run the command in `tmp_path`; returns exit code, standard output and standard error."""
    without_variables(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        seen = capsys.readouterr()
        assert "Traceback" not in seen.err
        return code, seen.out, seen.err

    return command
