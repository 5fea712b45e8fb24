"""`penstock migrate`: another server's configuration as a penstock.toml."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from penstock.cli import arguments as line
from penstock.cli.command import Command, bold, row
from penstock.errors import UsageError

if TYPE_CHECKING:
    from penstock.bridge.migration import Migration

OPTIONS = (
    ("-o, --output FILE", "write there in place of standard output; a file that exists is kept"),
    ("--force", "with -o: replace the file"),
    ("--trust", "let Python files do whatever they want when they are run to be read"),
)
_TEXT = """\
Write a penstock.toml that does what another server's configuration does, with a comment for \
whatever has no counterpart.

FILE is gunicorn.conf.py, hypercorn's TOML or Python file, uwsgi.ini, NGINX Unit's JSON, or a file \
that holds a server's command line: a Procfile, a Dockerfile, a systemd unit, a script. A command \
line can also be given itself, in quotes or behind --, of gunicorn, uvicorn, hypercorn, granian or \
uwsgi. Of several sources the later one counts."""
_EXAMPLES = (
    "gunicorn.conf.py",
    "Procfile -o penstock.toml",
    '"uvicorn main:app --port 80 --workers 4"',
    "-- gunicorn -c gunicorn.conf.py mysite.wsgi",
)


def main(written: list[str], prog: str) -> int:
    """Run `penstock migrate` with the arguments behind it, and return the exit code."""
    own, found, words = _divided(written)
    command = Command(
        "migrate",
        params=[
            click.Argument(["sources"], nargs=-1),
            click.Option(["-o", "--output"], metavar="FILE"),
            click.Option(["--force"], is_flag=True),
            click.Option(["--trust"], is_flag=True),
        ],
        callback=lambda **parameters: parameters,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    command.text = _help
    try:
        parameters = command.main(own, prog_name=prog, standalone_mode=False)
    except click.NoSuchOption as error:
        raise UsageError(
            f"there is no option {error.option_name}",
            "put the other server's command line in quotes, or behind --",
        ) from None
    except click.UsageError as error:
        raise UsageError(error.format_message().rstrip("."), f"{prog} --help") from None
    if isinstance(parameters, int):
        return parameters  # --help has answered
    sources = list(parameters["sources"])
    if not sources and not found:
        raise UsageError("migrate what?", f"{prog} gunicorn.conf.py; {prog} --help has more")
    output = parameters["output"]
    if output is not None and os.path.lexists(output) and not parameters["force"]:
        raise UsageError(f"{output} exists, and is kept", "choose another -o FILE, or add --force")
    from penstock.bridge.migration import Migration

    migration = Migration(os.getcwd(), line.note, trust=parameters["trust"])
    for source in sources:
        _add(migration, source)
    if found:
        migration.add_words(words)
    text = migration.text()
    if output is None:
        click.echo(text, nl=False)
        return 0
    try:
        with open(output, "w" if parameters["force"] else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None
    click.echo(f"wrote {output}; look at it with: penstock config check -c {output}")
    return 0


def _divided(written: list[str]) -> tuple[list[str], bool, list[str]]:
    """Our own arguments, whether there is a `--`, and the command line behind it."""
    if "--" not in written:
        return written, False, []
    place = written.index("--")
    return written[:place], True, written[place + 1 :]


def _add(migration: Migration, source: str) -> None:
    if os.path.isfile(source):
        migration.add_file(source)
    elif " " in source:
        migration.add_line(source)
    else:
        raise UsageError(
            f"there is no file {source}",
            "a command line stands in quotes or behind --: penstock migrate -- uvicorn main:app",
        )


def _help(program: str, columns: int) -> str:
    import textwrap

    lines = [f"{bold('Usage:')} {program} FILE... | -- COMMAND LINE", ""]
    for paragraph in _TEXT.split("\n\n"):
        lines += [*textwrap.wrap(paragraph, columns, break_on_hyphens=False), ""]
    lines.append(bold("Options"))
    for label, text in OPTIONS:
        lines += row(label, text, columns)
    lines += ["", bold("Examples"), *(f"  {program} {example}" for example in _EXAMPLES)]
    return "\n".join(lines) + "\n"
