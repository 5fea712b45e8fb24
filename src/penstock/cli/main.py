"""The command `penstock`: read the command line, settle the options, run, return the exit code.

Whatever a person did wrong ends in one or two lines on stderr and the exit code of the error's class;
a traceback is shown only where it is the user's own code that raised.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.command import Command, build, given, known_flags
from penstock.config import sources
from penstock.config.nearest import nearest
from penstock.errors import ImportFailed, SetupError, UsageError

if TYPE_CHECKING:
    from penstock.cli.foreign import Foreign

# Commands that the house has a place for; a module of that name is served as `check:app`
RESERVED = ("check", "config", "doctor", "migrate", "top")
_INTERRUPTED = 130  # 128 + SIGINT, as shells say it


def main(arguments: Sequence[str] | None = None, *, prog: str = "penstock") -> int:
    """Run the command line `arguments` (default: the process's) and return the exit code."""
    written = list(sys.argv[1:] if arguments is None else arguments)
    try:
        foreign = _foreign(written)
        command = _command(written, foreign)
        return int(command.main(written, prog_name=prog, standalone_mode=False) or 0)
    except click.UsageError as error:
        return _fail(_translated(error))
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except SetupError as error:
        return _fail(error)
    except BrokenPipeError:
        # The reader of --help left early, as `penstock --help | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _command(written: list[str], foreign: list[Foreign]) -> Command:
    def run(**parameters: Any) -> int:
        for each in foreign:
            _note(_accepted(each, parameters[each.parameter]))
        return _serve(parameters, written)

    # Added only where one is written, so that the usual start does not pay for a hundred of them
    hidden = [
        click.Option([*each.flags, each.parameter], is_flag=not each.takes_value,
                     multiple=each.takes_value, hidden=True)
        for each in foreign
    ]  # fmt: skip
    return build(run, _version, hidden)


def _version() -> str:
    from penstock.cli.version import version_text  # imports what it reports

    return version_text()


def _serve(parameters: dict[str, Any], written: list[str]) -> int:
    app = parameters.get("app")
    if app in RESERVED:
        raise UsageError(
            f"the command {app} is not built yet", f"a module of that name is served as {app}:app"
        )
    flags = given(parameters, written)
    config, notes = sources.load(flags, os.environ, os.getcwd(), parameters.get("config") or "")
    for note in notes:
        _note(note)
    if not config.app:
        raise UsageError(
            "there is no application to serve",
            "name it: penstock module:app (penstock --help lists the options)",
        )
    from penstock.process.run import run  # the server itself: not needed to say what is wrong

    return run(config)


# ------------------------------------------------------------------------- flags of other servers


def _foreign(written: list[str]) -> list[Foreign]:
    """Other servers' flags on the command line."""
    known = known_flags()
    names = [_flag(argument, known) for argument in _before_end(written)]
    strange = {name for name in names if name and name not in known}
    if not strange:
        return []
    from penstock.cli.foreign import BY_FLAG

    return list(
        {BY_FLAG[name].parameter: BY_FLAG[name] for name in strange if name in BY_FLAG}.values()
    )


def _before_end(written: list[str]) -> list[str]:
    return written[: written.index("--")] if "--" in written else written


def _flag(argument: str, known: set[str]) -> str:
    if argument.startswith("--"):
        return argument.partition("=")[0]
    if argument.startswith("-") and argument not in known:
        return argument[:2]
    return ""


def _accepted(foreign: Foreign, value: object) -> str:
    """The note on a value that changes nothing; UsageError for any other."""
    from penstock.cli.foreign import BARE

    if value in {None, False, ()}:
        return ""  # it was the value of some other flag
    words = value if isinstance(value, tuple) else (BARE,)
    shown = foreign.flags[-1] if len(foreign.flags) == 1 else "/".join(foreign.flags[:2])
    for word in words:
        if word not in foreign.harmless:
            given_value = "" if word is BARE else f" {word}"
            raise UsageError(
                f"{shown}{given_value} is for {foreign.server}; here: {foreign.instead}"
            )
    return f"{shown} {words[-1] if words[-1] is not BARE else ''}".rstrip() + (
        f" is not needed: {foreign.harmless[words[-1]]}"
    )


# ----------------------------------------------------------------------------------------- errors


def _translated(error: click.UsageError) -> UsageError:
    """What click complains of, in this house's form."""
    if isinstance(error, click.NoSuchOption):
        close = nearest(error.option_name, known_flags())
        return UsageError(
            f"there is no option {error.option_name}",
            f"did you mean {close}?" if close else "penstock --help lists all of them",
        )
    text = error.format_message().rstrip(".")
    text = text[:1].lower() + text[1:]
    if "unexpected extra argument" in text:
        return UsageError(text, "one process serves one application: penstock module:app [options]")
    return UsageError(text, "penstock --help lists the options")


def _note(text: str) -> None:
    if text:
        click.echo(f"penstock: note: {text}", err=True)


def _fail(error: SetupError) -> int:
    if isinstance(error, ImportFailed) and error.__cause__ is not None:
        import traceback

        click.echo("".join(traceback.format_exception(error.__cause__)), err=True, nl=False)
    click.echo(f"penstock: {error}", err=True)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)
    return error.exit_code
