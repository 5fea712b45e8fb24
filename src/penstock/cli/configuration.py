"""`penstock config show` and `penstock config check`: the options as they would be used."""

from __future__ import annotations

import os
from typing import Any

import click

from penstock.cli import arguments as line
from penstock.cli.command import bold, given, row
from penstock.config import sources
from penstock.config.config import Config
from penstock.errors import SetupError, UsageError

HELP = {
    "show": "Show every value that `penstock APP` would use, and where it came from.",
    "check": "Look at all options, at the files that they name, and import the application;"
    " bind and serve nothing.",
}
_OWN = {
    "show": (
        ("--changed", "only what is not the default"),
        ("--json", "as JSON, for programs"),
    ),
    "check": (),
}


def main(written: list[str], prog: str) -> int:
    """Run `penstock config` with the arguments behind it, and return the exit code."""
    name = written[0] if written else ""
    if name in {"-h", "--help"}:
        from penstock.cli.command import width

        click.echo(_help_of_both(prog, width()), nl=False)
        return 0
    if name not in HELP:
        from penstock.config.nearest import nearest

        close = nearest(name, HELP)
        raise UsageError(
            f"there is no command config {name}".rstrip() if name else "config does what?",
            f"did you mean {prog} {close}?" if close else f"write {prog} show, or {prog} check",
        )
    rest = written[1:]
    flags = [click.Option([flag], is_flag=True) for flag, _ in _OWN[name]]
    act = _show if name == "show" else _check
    return line.run(
        rest,
        f"{prog} {name}",
        lambda parameters: act(parameters, rest),
        extra=flags,
        text=lambda program, columns: _help(name, program, columns),
    )


def _gathered(parameters: dict[str, Any], written: list[str]) -> sources.Gathered:
    return sources.gather(
        given(parameters, written), os.environ, os.getcwd(), parameters.get("config") or ""
    )


def _show(parameters: dict[str, Any], written: list[str]) -> int:
    from penstock.cli import showing

    found = _gathered(parameters, written)
    for note in found.notes:
        line.note(note)
    if found.problems:
        raise found.problems[0]
    config = Config.of(found.settings)
    if parameters["json"]:
        click.echo(showing.as_json(config, changed=parameters["changed"]))
    else:
        for text in showing.as_table(config, found.files, changed=parameters["changed"]):
            click.echo(text)
    return 0


def _check(parameters: dict[str, Any], written: list[str]) -> int:
    from penstock.cli import checking

    found = _gathered(parameters, written)
    for note in found.notes:
        line.note(note)
    for variable in found.strangers:
        line.note(f"${variable} is no option and has no effect")
    problems: list[SetupError] = [*found.problems, *Config.problems(found.settings)]
    said: list[str] = []
    if not problems:
        config = Config.of(found.settings)
        problems += checking.problems(config)
        said = checking.summary(config, found.files)
        try:
            said.append(checking.application(config))
        except SetupError as error:
            problems.append(error)
    for problem in problems:
        line.tell(problem)
    if problems:
        return min(problem.exit_code for problem in problems)
    for text in said:
        click.echo(text)
    return 0


# ------------------------------------------------------------------------------------------- help


def _help(name: str, program: str, columns: int) -> str:
    import textwrap

    lines = [f"{bold('Usage:')} {program} [APP] [OPTIONS]", "", *textwrap.wrap(HELP[name], columns)]
    lines += [
        "",
        *textwrap.wrap(
            "APP and OPTIONS are those of `penstock APP`, so that a command line can be looked at as"
            " it is: penstock --help lists them.",
            columns,
        ),
    ]
    if _OWN[name]:
        lines += ["", bold("Options of its own")]
    for flag, text in _OWN[name]:
        lines += row(flag, text, columns)
    return "\n".join(lines) + "\n"


def _help_of_both(program: str, columns: int) -> str:
    lines = [f"{bold('Usage:')} {program} show|check [APP] [OPTIONS]", ""]
    for name, text in HELP.items():
        lines += row(name, text, columns)
    return "\n".join(lines) + "\n"
