"""What a command line holds, and how errors are said. (Flags of other servers: test_main.py.)"""

from typing import Any

import click
import pytest

from penstock.cli import arguments
from penstock.errors import ImportFailed, UsageError


def run(*written: str, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def act(parameters: dict[str, Any]) -> int:
        found.update(parameters)
        return 7

    assert arguments.run(list(written), "penstock", act, **options) == 7
    return found


def test_parameters_come_by_name() -> None:
    assert run("a:b", "--port", "1")["port"] == "1"


def test_a_command_may_have_parameters_of_its_own() -> None:
    extra = [click.Option(["--own"], is_flag=True)]
    assert run("--own", extra=extra)["own"] is True
    with pytest.raises(UsageError, match="there is no option --own"):
        run("--own")


def test_what_changes_nothing_is_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    run("--http", "auto")
    assert capsys.readouterr().err.startswith("penstock: note: --http auto is not needed")
    arguments.note("")
    assert capsys.readouterr().err == ""


def test_help_is_the_commands_own(capsys: pytest.CaptureFixture[str]) -> None:
    code = arguments.run(["-h"], "x", lambda _: 1, text=lambda program, _: f"{program}!\n")
    assert (code, capsys.readouterr().out) == (0, "x!\n")


def test_an_error_is_told_with_its_hint_and_what_the_users_code_raised(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments.tell(UsageError("seen", "change it"))
    assert capsys.readouterr().err == "penstock: seen\n  change it\n"
    try:
        raise ImportFailed("it raised") from ZeroDivisionError("theirs")
    except ImportFailed as error:
        arguments.tell(error)
    assert capsys.readouterr().err == "ZeroDivisionError: theirs\npenstock: it raised\n"
