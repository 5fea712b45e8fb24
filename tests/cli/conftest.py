"""The command in this process: in an empty folder, without variables of its own."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.cli.main import main
from penstock.config.options import OPTIONS

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run the command in `tmp_path`; returns exit code, standard output and standard error."""
    for option in OPTIONS:
        for variable in option.environment:
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        seen = capsys.readouterr()
        assert "Traceback" not in seen.err
        return code, seen.out, seen.err

    return command
