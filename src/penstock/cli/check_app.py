"""`penstock check app`: whether an ASGI application keeps the specification."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from penstock.cli.command import Command, bold, row
from penstock.errors import UsageError

if TYPE_CHECKING:
    from penstock.conformance.app import Report
    from penstock.conformance.app_lab import Case

OPTIONS = (
    ("-r, --request REQUEST", "[METHOD] /path [BODY]; may be repeated [GET /]"),
    ("-w, --websocket PATH", "a WebSocket to try; may be repeated"),
    ("-H, --header 'NAME: VALUE'", "sent with each; may be repeated"),
    ("--message TEXT", "what WebSockets are sent [penstock]"),
    ("--patience SECONDS", "how long a call may take to answer, or to end [2]"),
    ("--only RULE", "only cases whose rule begins so, as HTTP-REQ"),
    ("--strict", "end with 1 for notes, too"),
    ("--no-notes", "show no notes"),
    ("--json", "as JSON, for programs"),
    ("--app-dir FOLDER", "where the application is imported from [the current folder]"),
    ("--factory", "APP is a function that makes the application"),
)
_TEXT = """\
Drive an ASGI application through what is legal and nasty: clients that leave early, slow and empty \
bodies, cancellation, unknown keys and types, lifespans of all kinds; and judge every message.

APP is written as for penstock APP. Ends with 1 if there is a fault. Notes are no faults: what is \
legal and worth knowing, and what breaks a rule as widely used frameworks do, which servers put up \
with. What each rule says, and which are notes, stands in docs/testing.md."""
_EXAMPLES = (
    "main:app",
    'main:app -r /items -r \'POST /items {"name": "x"}\' -w /ws',
    "main:app -H 'authorization: Bearer …' --json",
)


def main(written: list[str], prog: str) -> int:
    """Run `penstock check app` with the arguments behind it, and return the exit code."""
    command = Command(
        "app",
        params=[
            click.Argument(["app"], required=False),
            click.Option(["-r", "--request", "requests"], multiple=True),
            click.Option(["-w", "--websocket", "websockets"], multiple=True),
            click.Option(["-H", "--header", "headers"], multiple=True),
            click.Option(["--message"], default="penstock"),
            click.Option(["--patience"], type=click.FloatRange(min=0.01), default=2.0),
            click.Option(["--only"], default=""),
            click.Option(["--strict"], is_flag=True),
            click.Option(["--no-notes"], is_flag=True),
            click.Option(["--json", "as_json"], is_flag=True),
            click.Option(["--app-dir"], default=""),
            click.Option(["--factory"], is_flag=True),
        ],
        callback=lambda **parameters: parameters,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    command.text = _help
    try:
        parameters = command.main(written, prog_name=prog, standalone_mode=False)
    except click.UsageError as error:
        raise UsageError(error.format_message().rstrip("."), f"{prog} --help") from None
    if isinstance(parameters, int):
        return parameters  # --help has answered
    if not parameters["app"]:
        raise UsageError("check which application?", f"{prog} main:app; {prog} --help has more")
    strict = parameters.pop("strict")
    if strict and parameters["no_notes"]:
        raise UsageError("--strict judges the notes that --no-notes hides", "leave one of them out")
    report = _run(**parameters)
    return 1 if report.faults or (strict and report.notes) else 0


def _run(
    app: str,
    requests: tuple[str, ...],
    websockets: tuple[str, ...],
    headers: tuple[str, ...],
    message: str,
    patience: float,
    only: str,
    no_notes: bool,
    as_json: bool,
    app_dir: str,
    factory: bool,
) -> Report:
    from penstock.conformance import app_report
    from penstock.conformance.app import Request, Settings, check_app
    from penstock.gateway import loading

    pairs = tuple(_header(text) for text in headers)
    try:
        asked = [Request.parse(text, pairs) for text in requests] or [Request(headers=pairs)]
    except ValueError as error:
        raise UsageError(str(error)) from None
    # What the application prints is not part of the report
    with contextlib.redirect_stdout(sys.stderr):
        loaded = loading.load(app, factory=factory, app_dir=app_dir or os.getcwd())
    if loaded.interface == "wsgi":
        raise UsageError(
            f"{loaded.name} is a WSGI application; ASGI's rules are not for it",
            "wsgiref.validate judges those",
        )

    def progress(target: str, case: Case) -> None:
        if sys.stderr.isatty():
            text = f"{target}: {case.title}"[: shutil.get_terminal_size().columns - 1]
            click.echo(f"\r\033[K{text}", nl=False, err=True)

    settings = Settings(patience_s=patience, headers=pairs, message=message)
    with contextlib.redirect_stdout(sys.stderr):
        report = check_app(
            loaded.app,
            requests=asked,
            websockets=websockets,
            settings=settings,
            only=only,
            on_case=progress,
        )
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    if not report.run:
        raise UsageError(f"there is no case whose rule begins with {only!r}")
    if as_json:
        click.echo(json.dumps(app_report.as_data(report), indent=2))
    else:
        for line in app_report.as_text(report, notes=not no_notes):
            click.echo(line)
    return report


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"--header {text!r} is no header", "write 'name: value'")
    try:
        f"{name}{value}".encode("latin-1")
    except UnicodeEncodeError:
        raise UsageError(f"--header {text!r} is not Latin-1, as headers are") from None
    return name.strip(), value.strip()


def _help(program: str, columns: int) -> str:
    import textwrap

    lines = [f"{bold('Usage:')} {program} APP [OPTIONS]", ""]
    for paragraph in _TEXT.split("\n\n"):
        lines += [*textwrap.wrap(paragraph, columns, break_on_hyphens=False), ""]
    lines.append(bold("Options"))
    for label, text in OPTIONS:
        lines += row(label, text, columns)
    lines += ["", bold("Examples"), *(f"  {program} {example}" for example in _EXAMPLES)]
    return "\n".join(lines) + "\n"
