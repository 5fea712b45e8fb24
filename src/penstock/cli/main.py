"""The command `penstock`: settle the options and run, or hand over to one of its other commands.

Whatever a person did wrong ends in one or two lines on stderr and the exit code of the error's class;
a traceback is shown only where it is the user's own code that raised.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from penstock.cli import arguments as line
from penstock.cli.command import given
from penstock.config import sources
from penstock.errors import SetupError, UsageError

# The commands beside `penstock APP`; a module of that name is served as `config:app`
COMMANDS = ("config", "migrate", "doctor", "check")
# Commands that the house has a place for
RESERVED = ("top",)
_INTERRUPTED = 130  # 128 + SIGINT, as shells say it


def main(arguments: Sequence[str] | None = None, *, prog: str = "penstock") -> int:
    """Run the command line `arguments` (default: the process's) and return the exit code."""
    written = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(written, prog)
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except SetupError as error:
        line.tell(error)
        return error.exit_code
    except BrokenPipeError:
        # The reader of --help left early, as `penstock --help | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(written: list[str], prog: str) -> int:
    name = written[0] if written else ""
    if name == "config":
        from penstock.cli import configuration

        return configuration.main(written[1:], f"{prog} config")
    if name == "migrate":
        from penstock.cli import migrate

        return migrate.main(written[1:], f"{prog} migrate")
    if name == "doctor":
        from penstock.cli import doctor

        return doctor.main(written[1:], f"{prog} doctor")
    if name == "check":
        from penstock.cli import check

        return check.main(written[1:], f"{prog} check")
    return line.run(written, prog, lambda parameters: _serve(parameters, written))


def _serve(parameters: dict[str, Any], written: list[str]) -> int:
    app = parameters.get("app")
    if app in COMMANDS:
        raise UsageError(
            f"the command {app} comes first: penstock {app} …",
            f"a module of that name is served as {app}:app",
        )
    if app in RESERVED:
        raise UsageError(
            f"the command {app} is not built yet", f"a module of that name is served as {app}:app"
        )
    flags = given(parameters, written)
    config, notes = sources.load(flags, os.environ, os.getcwd(), parameters.get("config") or "")
    for note in notes:
        line.note(note)
    if not config.app:
        raise UsageError(
            "there is no application to serve",
            "name it: penstock module:app (penstock --help lists the options)",
        )
    if config.dev_cert:
        from penstock.process import devcert

        config = devcert.settle(config, line.note)
    if config.reload:
        from penstock.process.reload import run as reload

        return reload(config)
    if config.workers is not None:
        from penstock.process.supervise import run as supervise

        return supervise(config)
    from penstock.process.run import run  # the server itself: not needed to say what is wrong

    return run(config)
