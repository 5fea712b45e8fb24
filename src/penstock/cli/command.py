"""The click command, made from the table of options; and its --help, in groups."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import click

from penstock.config.kinds import KINDS, Option
from penstock.config.options import OPTIONS

# uvicorn writes --ws-per-message-deflate BOOLEAN, all its other switches --x/--no-x
_SWITCH_WITH_VALUE = "ws_per_message_deflate"
_NO = "no_"  # prefix of the parameter that switches it off
_WIDTH_MAX = 80
_COLUMN = 30

INTRODUCTION = """\
Serve a Python web application, ASGI or WSGI.

APP is module:attribute, module:factory() or path/to/file.py[:attribute]; without an attribute app, \
application, then the module's only application are tried.

TIME is seconds, or 250ms, 30s, 5m. SIZE is bytes, or 64KiB, 16MiB. `none` is no limit, where there \
can be none. Each option can also be set in penstock.toml, in [tool.penstock] of pyproject.toml, and \
as PENSTOCK_<OPTION>."""

OWN: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("-c", "--config"), "FILE", "TOML file with options; none: read no file"),
    (("--version",), "", "say what runs here, and exit"),
    (("-h", "--help"), "", "show this, and exit"),
)


COMMANDS: tuple[tuple[str, str], ...] = (
    ("config show [APP]", "every value, and where it came from"),
    ("config check [APP]", "look at all of it, import the application, and serve nothing"),
    ("doctor APP", "run the application in this process, and say what to mend first"),
    ("migrate FILE | -- COMMAND", "write penstock.toml from another server's configuration"),
    ("check app APP", "judge an ASGI application by the specification"),
    (
        "check server NAME | -- COMMAND",
        "judge an ASGI server, this one or another, by the specification",
    ),
)

# (name of the program, columns of the terminal) → the text of --help
HelpText = Callable[[str, int], str]


class Command(click.Command):
    """A command with its own layout of --help, which `text` makes."""

    text: HelpText

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the whole help text into `formatter`."""
        formatter.write(self.text(ctx.command_path, width()))


def build(
    callback: Callable[..., int],
    version: Callable[[], str],
    extra: Iterable[click.Parameter],
    text: HelpText,
) -> Command:
    """Return the command; `callback` gets every parameter by name and returns the exit code.

    `version` makes the text of --version when it is asked for, `text` that of --help. `extra` are
    further parameters.
    """

    def show_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if value:
            click.echo(version())
            ctx.exit()

    parameters: list[click.Parameter] = [click.Argument(["app"], required=False)]
    for option in OPTIONS:
        parameters += _parameters(option)
    parameters += [
        click.Option(["-c", "--config", "config"], metavar="FILE"),
        click.Option(
            ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=show_version
        ),
        *extra,
    ]
    command = Command(
        "penstock",
        params=parameters,
        callback=callback,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    command.text = text
    return command


def _parameters(option: Option) -> list[click.Parameter]:
    if option.kind == "app":
        return []
    spellings = [option.spelling, *option.aliases]
    if option.kind != "flag":
        repeats = KINDS[option.kind].repeats
        return [click.Option([*spellings, option.name], multiple=repeats)]
    if option.name == _SWITCH_WITH_VALUE:
        return [
            click.Option([*spellings, option.name]),
            click.Option([f"--no-{option.toml}", _NO + option.name], is_flag=True, default=None),
        ]
    both = [f"{spelling}/--no-{spelling.removeprefix('--')}" for spelling in spellings]
    return [click.Option([*both, option.name], is_flag=True, default=None)]


def given(parameters: dict[str, Any], arguments: list[str]) -> dict[str, tuple[object, str]]:
    """Option's name → raw value and flag as written, of what the command line holds."""
    found: dict[str, tuple[object, str]] = {}
    for option in OPTIONS:
        value = parameters.get(option.name)
        if parameters.get(_NO + option.name):
            found[option.name] = (False, f"--no-{option.toml}")
        elif value is not None and value != ():
            found[option.name] = (value, _written(option, arguments))
    return found


def _written(option: Option, arguments: list[str]) -> str:
    """The flag as the user wrote it, and its canonical name if that is another one."""
    for alias in option.aliases:
        for argument in arguments:
            short = not alias.startswith("--") and argument.startswith(alias)
            if argument.partition("=")[0] == alias or short:
                return f"{alias} ({option.spelling})"
    return option.spelling


def flags(option: Option) -> list[str]:
    """Every flag of `option`, the negative ones too."""
    if option.kind == "app":
        return []
    spellings = [option.spelling, *option.aliases]
    if option.kind == "flag":
        spellings += [f"--no-{spelling.removeprefix('--')}" for spelling in spellings]
    return spellings


def known_flags() -> set[str]:
    """Every flag that the command itself understands."""
    own = {spelling for spellings, _, _ in OWN for spelling in spellings}
    return own.union(*(flags(option) for option in OPTIONS))


# ------------------------------------------------------------------------------------------- help


def help_text(program: str, width: int) -> str:
    """The text of --help for a terminal of `width` columns."""
    import textwrap  # as shutil below: --help alone needs it

    lines = [f"{bold('Usage:')} {program} APP [OPTIONS]", ""]
    for paragraph in INTRODUCTION.split("\n\n"):
        lines += [*textwrap.wrap(paragraph, width), ""]
    groups: dict[str, list[Option]] = {}
    for option in OPTIONS:
        if option.kind != "app":
            groups.setdefault(option.group, []).append(option)
    for group, options in groups.items():
        lines.append(bold(group))
        for option in options:
            lines += row(_label(option), _explained(option), width)
        lines.append("")
    lines.append(bold("Other"))
    for spellings, metavar, text in OWN:
        lines += row(_joined(spellings, metavar), text, width)
    lines += ["", bold("Commands")]
    for command, text in COMMANDS:
        lines += row(command, text, width)
    lines += [
        "",
        *textwrap.wrap("docs/options.md has the reason of each default, and what becomes of the flags"
                       " of other servers.", width),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _label(option: Option) -> str:
    if option.kind == "flag" and option.name != _SWITCH_WITH_VALUE:
        return f"--[no-]{option.toml}"
    shown = [alias for alias in option.aliases if not alias.startswith("--")]
    metavar = "|".join(option.choices) or KINDS[option.kind].metavar
    return _joined((*shown, option.spelling), metavar)


def _joined(spellings: Iterable[str], metavar: str) -> str:
    return f"{', '.join(spellings)} {metavar}".rstrip()


def _explained(option: Option) -> str:
    if option.default is None or option.default in {"", ()}:
        return option.help
    return f"{option.help} [{option.show(option.default)}]"


def row(label: str, text: str, width: int) -> list[str]:
    """The lines of one entry: `label` in its column, `text` wrapped in the other."""
    import textwrap

    wrapped = textwrap.wrap(text, width - _COLUMN - 2, break_on_hyphens=False)
    head = f"  {label}"
    if len(head) > _COLUMN:
        return [head, *(" " * (_COLUMN + 2) + line for line in wrapped)]
    first = f"{head:<{_COLUMN + 2}}{wrapped[0]}"
    return [first, *(" " * (_COLUMN + 2) + line for line in wrapped[1:])]


def bold(text: str) -> str:
    """`text` as a heading."""
    # click takes the codes off again where the output is no terminal
    return text if "NO_COLOR" in os.environ else click.style(text, bold=True)


def width() -> int:
    """Columns for help texts on this terminal."""
    import shutil

    return max(60, min(_WIDTH_MAX, shutil.get_terminal_size().columns))
