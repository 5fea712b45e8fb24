"""`penstock doctor`: look at an application, run it in this process, and say what to mend first."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from penstock.cli import arguments as line
from penstock.cli.command import bold, given, row, width
from penstock.config import sources
from penstock.config.units import parse_duration
from penstock.errors import UsageError

LIMIT = "50ms"
DEADLINE = "10s"
OPTIONS = (
    ("--request 'METHOD URL BODY'", "ask this; just /path is a GET; may be repeated"),
    (
        "--openapi FILE|PATH",
        "ask every GET of this document: a JSON file, or a path of the application",
    ),
    ("--har FILE", "ask what a browser has recorded; may be repeated"),
    ("--limit TIME", f"how long a call may hold the event loop [{LIMIT}]"),
    ("--deadline TIME", f"how long a request, the startup and the shutdown may take [{DEADLINE}]"),
)
_TEXT = """\
Import the application, start it, ask it, stop it, all in this process and without a network, and \
say what was found: its interface, slow imports, what a proxy makes of its requests, its lifespan, calls \
that hold the event loop, synchronous dependencies that would profit from threads, what threads trip over, \
and what of WSGI has no counterpart in ASGI.

Without requests, / is asked, and what /openapi.json lists. What changes nothing (GET, HEAD, OPTIONS) is \
asked up to three times, anything else once, and only if you say so.

APP and further OPTIONS are those of `penstock APP`."""
_STYLES: dict[str, dict[str, Any]] = {
    "title": {"bold": True},
    "dim": {"dim": True},
    "wrong": {"fg": "red", "bold": True},
    "hint": {"fg": "yellow"},
    "note": {"dim": True},
    "fine": {"fg": "green"},
    "place": {"bold": True},
    "cure": {"fg": "cyan"},
    "flame0": {"bg": 160, "fg": "bright_white"},
    "flame1": {"bg": 166, "fg": "bright_white"},
    "flame2": {"bg": 172, "fg": 16},
    "flame3": {"bg": 178, "fg": 16},
    "flame4": {"bg": 184, "fg": 16},
    "flame5": {"bg": 190, "fg": 16},
}


def main(written: list[str], prog: str) -> int:
    """Run `penstock doctor` with the arguments behind it, and return the exit code: 1 if something is
    wrong, 4 if the application cannot be imported, 0 otherwise."""
    own = [
        click.Option(["--request", "asked"], multiple=True),
        click.Option(["--openapi"], default=""),
        click.Option(["--har"], multiple=True),
        click.Option(["--limit"], default=LIMIT),
        click.Option(["--deadline"], default=DEADLINE),
    ]
    return line.run(
        written, prog, lambda parameters: _examine(parameters, written), extra=own, text=_help
    )


def _examine(parameters: dict[str, Any], written: list[str]) -> int:
    from penstock.doctor.examine import Asked, examine
    from penstock.doctor.report import lines

    asked = Asked(
        parameters["asked"], parameters["openapi"], parameters["har"],
        _time(parameters, "limit"), _time(parameters, "deadline"),
    )  # fmt: skip
    config, notes = sources.load(
        given(parameters, written), os.environ, os.getcwd(), parameters.get("config") or ""
    )
    for note in notes:
        line.note(note)
    if not config.app:
        raise UsageError(
            "there is no application to look at", "name it: penstock doctor module:app"
        )
    report = examine(config, asked)
    for text in lines(report, width(), _styled):
        click.echo(text)
    if report.hangs:
        # The interpreter would wait for the application's thread for ever
        sys.stdout.flush()
        os._exit(report.exit_code)
    return report.exit_code


def _time(parameters: dict[str, Any], name: str) -> float:
    try:
        value = parse_duration(parameters[name])
    except ValueError as error:
        raise UsageError(f"--{name}: {error}", "write 50ms, 10s") from None
    if not value or value <= 0:
        raise UsageError(f"--{name} {parameters[name]}: expected more than 0", "write 50ms, 10s")
    return float(value)


def _styled(text: str, name: str) -> str:
    style = _STYLES.get(name)
    # click takes the codes off again where the output is no terminal
    return text if style is None or "NO_COLOR" in os.environ else click.style(text, **style)


def _help(program: str, columns: int) -> str:
    import textwrap

    lines = [f"{bold('Usage:')} {program} APP [OPTIONS]", ""]
    for paragraph in _TEXT.split("\n\n"):
        lines += [*textwrap.wrap(paragraph, columns, break_on_hyphens=False), ""]
    lines.append(bold("Options of its own"))
    for label, text in OPTIONS:
        lines += row(label, text, columns)
    return "\n".join(lines) + "\n"
