"""The click command made from the table, and its --help."""

import subprocess
import sys

import click
import pytest

from penstock.cli.command import build, flags, given, help_text, known_flags
from penstock.config.kinds import KINDS, Option
from penstock.config.options import OPTIONS


def parsed(*arguments: str) -> dict[str, tuple[object, str]]:
    found: dict[str, tuple[object, str]] = {}

    def callback(**parameters: object) -> int:
        found.update(given(parameters, list(arguments)))
        return 0

    build(callback, lambda: "", (), help_text).main(list(arguments), standalone_mode=False)
    return found


@pytest.mark.parametrize(
    "flag, option",
    [(flag, option) for option in OPTIONS for flag in flags(option)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_spelling_of_every_option_reaches_it(flag: str, option: Option) -> None:
    takes_value = option.kind != "flag" or flag == "--ws-per-message-deflate"
    found = parsed(flag, "5") if takes_value else parsed(flag)
    assert list(found) == [option.name]
    value, written = found[option.name]
    if option.kind == "flag":
        assert value == ("5" if takes_value else not flag.startswith("--no-"))
    else:
        assert value == (("5",) if KINDS[option.kind].repeats else "5")
    assert flag in written or flag.startswith("--no-")


def test_what_is_not_written_is_not_given() -> None:
    assert parsed() == {}
    assert parsed("main:app") == {"app": ("main:app", "APP")}


def test_repeated_flags_collect() -> None:
    assert parsed("-b", ":1", "--bind", ":2")["bind"][0] == (":1", ":2")


def test_short_flags_take_their_value_attached() -> None:
    assert parsed("-w4")["workers"] == ("4", "-w (--workers)")


@pytest.mark.parametrize("width", [60, 72, 80])
def test_the_help_fits_its_terminal(width: int) -> None:
    assert max(map(len, click.unstyle(help_text("penstock", width)).splitlines())) <= width


def test_the_help_names_every_option_once_in_its_group() -> None:
    text = click.unstyle(help_text("penstock", 80))
    for option in OPTIONS:
        if option.kind == "app":
            continue
        name = f"--[no-]{option.toml} " if option.kind == "flag" else f"{option.spelling} "
        if option.name == "ws_per_message_deflate":
            name = "--ws-per-message-deflate "
        labels = [
            line[2:].partition("  ")[0] + " " for line in text.splitlines() if line[2:3] == "-"
        ]
        assert sum(name in label for label in labels) == 1, option.name
    for option in OPTIONS:
        assert f"\n{option.group}\n" in text


def test_the_help_is_plain_text_where_nobody_looks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "penstock", "--help"], capture_output=True, text=True, check=True
    )
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("Usage: python -m penstock APP [OPTIONS]\n")


def test_flags_that_are_known_hold_the_commands_own() -> None:
    assert {"-c", "--config", "--version", "-h", "--help", "-b", "--no-reload"} <= known_flags()
