"""The arguments of a command: ours, those of other servers, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.command import HelpText, build, help_text, known_flags
from penstock.config.nearest import nearest
from penstock.errors import ImportFailed, SetupError, UsageError

if TYPE_CHECKING:
    from penstock.cli.foreign import Foreign


def run(
    written: list[str],
    prog: str,
    act: Callable[[dict[str, Any]], int],
    *,
    extra: Iterable[click.Parameter] = (),
    text: HelpText = help_text,
) -> int:
    """Read the arguments `written` and return what `act` returns for the parameters by name.

    `extra` are parameters besides the options; `text` makes the text of --help. UsageError says what
    no command understands, and what is another server's.
    """
    foreign = _foreign(written)

    def callback(**parameters: Any) -> int:
        for each in foreign:
            note(_accepted(each, parameters[each.parameter]))
        return act(parameters)

    # Added only where one is written, so that the usual start does not pay for a hundred of them
    hidden = [
        click.Option([*each.flags, each.parameter], is_flag=not each.takes_value,
                     multiple=each.takes_value, hidden=True)
        for each in foreign
    ]  # fmt: skip
    own = list(extra)
    command = build(callback, _version, [*own, *hidden], text)
    try:
        return int(command.main(written, prog_name=prog, standalone_mode=False) or 0)
    except click.UsageError as error:
        raise _translated(error, own) from None


def note(text: str) -> None:
    """Say what changes nothing, and is worth knowing; nothing for ""."""
    if text:
        click.echo(f"penstock: note: {text}", err=True)


def tell(error: SetupError) -> None:
    """Say on stderr what is wrong and what to change, below what the user's own code raised."""
    if isinstance(error, ImportFailed) and error.__cause__ is not None:
        import traceback

        click.echo("".join(traceback.format_exception(error.__cause__)), err=True, nl=False)
    click.echo(f"penstock: {error}", err=True)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)


def _version() -> str:
    from penstock.cli.version import version_text  # imports what it reports

    return version_text()


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


def _translated(error: click.UsageError, own: list[click.Parameter]) -> UsageError:
    """What click complains of, in this house's form; `own` are parameters besides the options."""
    if isinstance(error, click.NoSuchOption):
        known = known_flags().union(*(parameter.opts for parameter in own))
        close = nearest(error.option_name, known)
        return UsageError(
            f"there is no option {error.option_name}",
            f"did you mean {close}?" if close else "penstock --help lists all of them",
        )
    text = error.format_message().rstrip(".")
    text = text[:1].lower() + text[1:]
    if "unexpected extra argument" in text:
        return UsageError(text, "one process serves one application: penstock module:app [options]")
    return UsageError(text, "penstock --help lists the options")
