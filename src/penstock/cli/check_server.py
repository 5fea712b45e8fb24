"""`penstock check server`: whether an ASGI server keeps the specification."""

from __future__ import annotations

import click

from penstock.cli.command import Command, bold, row
from penstock.errors import UsageError

OPTIONS = (
    (
        "--only ID",
        "cases of these requirements: HTTP-RESP-03, or WS-* for several; may be repeated",
    ),
    ("--level must|should|may", "try only what is at least this [may]"),
    ("--warnings", "show warnings in full too"),
    ("--name TEXT", "what the command's server is called in reports"),
    ("--json FILE", "write all results; such a file can be given in place of a preset"),
    ("--junit FILE", "write them as JUnit's XML"),
    ("--html FILE", "write one page that compares all servers"),
    ("--list", "list the cases, and try none"),
)
_TEXT = """\
Start a server with a probe application, drive it from raw sockets, HTTP/2 and WebSocket clients, \
and say of each requirement of ASGI whether it holds.

SERVER is penstock, uvicorn, hypercorn, granian, daphne or gunicorn, as installed beside this \
command; or a file that --json wrote, to compare with. Any other server is given by its command \
line, with {app} where the application stands and {port} for the port of 127.0.0.1.

Ends with 1 if a MUST or SHOULD of the specification fails. What the specification does not write \
but everything needs is a warning."""
_EXAMPLES = (
    "penstock",
    "uvicorn --only 'WS-*' --warnings",
    "penstock uvicorn hypercorn granian --html matrix.html",
    "--level must -- uvicorn --loop asyncio --port {port} {app}",
)


def main(written: list[str], prog: str) -> int:
    """Run `penstock check server` with the arguments behind it, and return the exit code."""
    own, words = written, []
    if "--" in written:
        place = written.index("--")
        own, words = written[:place], written[place + 1 :]
        if not words:
            raise UsageError("there is no command behind --", f"{prog} --help")
    command = Command(
        "server",
        params=[
            click.Argument(["names"], nargs=-1),
            click.Option(["--only"], multiple=True),
            click.Option(
                ["--level"],
                type=click.Choice(["must", "should", "may"], case_sensitive=False),
                default="may",
            ),
            click.Option(["--warnings"], is_flag=True),
            click.Option(["--name"], default=""),
            click.Option(["--json"], metavar="FILE", default=""),
            click.Option(["--junit"], metavar="FILE", default=""),
            click.Option(["--html"], metavar="FILE", default=""),
            click.Option(["--list"], is_flag=True),
        ],
        callback=lambda **parameters: parameters,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    command.text = _help
    try:
        parameters = command.main(own, prog_name=prog, standalone_mode=False)
    except click.UsageError as error:
        raise UsageError(error.format_message().rstrip("."), f"{prog} --help") from None
    if isinstance(parameters, int):
        return parameters  # --help has answered
    from rich.console import Console

    from penstock.conformance.server_check import Asked, check
    from penstock.conformance.server_trial import Unusable

    parameters["names"] = list(parameters["names"])
    parameters["only"] = list(parameters["only"])
    try:
        return check(Asked(command=words, **parameters), Console(), Console(stderr=True))
    except Unusable as error:
        raise UsageError(str(error), error.hint) from None


def _help(program: str, columns: int) -> str:
    import textwrap

    lines = [f"{bold('Usage:')} {program} SERVER... [OPTIONS] [-- COMMAND...]", ""]
    for paragraph in _TEXT.split("\n\n"):
        lines += [*textwrap.wrap(paragraph, columns, break_on_hyphens=False), ""]
    lines.append(bold("Options"))
    for label, text in OPTIONS:
        lines += row(label, text, columns)
    lines += ["", bold("Examples"), *(f"  {program} {example}" for example in _EXAMPLES)]
    return "\n".join(lines) + "\n"
