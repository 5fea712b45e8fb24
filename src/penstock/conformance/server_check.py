"""`penstock check server`: from what was asked for to results, files and an exit status."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from penstock.conformance import server_html, server_output, server_terminal
from penstock.conformance.server_presets import PRESETS, Preset, custom
from penstock.conformance.server_process import Servers, version_of
from penstock.conformance.server_run import Run, chosen, run
from penstock.conformance.server_trial import Case, Unusable

if TYPE_CHECKING:
    from rich.console import Console


class Asked(NamedTuple):
    """What a person asked for."""

    names: list[str]  # presets, and files that --json wrote
    command: list[str]  # a command line with {app} and {port}
    name: str  # what the command's server is called
    only: list[str]
    level: str
    json: str  # files to write, or ""
    junit: str
    html: str
    warnings: bool
    list: bool


def check(asked: Asked, console: "Console", progress: "Console") -> int:
    """Do it; 0 if no MUST or SHOULD fails, 1 if one does. Raises Unusable."""
    cases = chosen(asked.only, asked.level)
    if asked.list:
        for case in cases:
            line = f"{case.id:16} {case.level:6} {case.text}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        return 0
    if not cases:
        raise Unusable("no case is left to try", "--level may tries them all")
    runs = []
    for stage in _stages(asked):
        found = stage if isinstance(stage, Run) else _tried(stage, cases, progress)
        runs.append(found)
        if not isinstance(stage, Run):
            server_terminal.show(console, found, warnings=asked.warnings)
    for path, make in _files(asked):
        try:
            Path(path).write_text(make(runs), encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise Unusable(f"{path} cannot be written: {error.strerror}") from None
    return 1 if any(found.failed for found in runs) else 0


def _stages(asked: Asked) -> list[Preset | Run]:
    found: list[Preset | Run] = []
    for name in asked.names:
        if name.endswith(".json"):
            try:
                text = Path(name).read_text(encoding="utf-8")
            except OSError as error:
                raise Unusable(f"{name} cannot be read: {error.strerror}") from None
            found += server_output.from_json(text, name)
        elif name in PRESETS:
            found.append(PRESETS[name])
        else:
            raise Unusable(
                f"{name} is no preset; there are {', '.join(PRESETS)}",
                "give a command behind --, with {app} and {port}",
            )
    if asked.command:
        found.append(custom(asked.command, asked.name))
    if not found:
        raise Unusable(
            "which server?", f"name one of {', '.join(PRESETS)}, or give a command behind --"
        )
    return found


def _tried(preset: Preset, cases: list[Case], progress: "Console") -> Run:
    began = time.monotonic()
    servers = Servers(preset)
    version = version_of(preset.name)
    try:
        with server_terminal.Progressing(progress, preset.name, len(cases)) as bar:
            command = " ".join(servers.shared("plain").command)
            results = run(servers, cases, bar.told)
    finally:
        servers.close()
    return Run(preset.name, version, command, results, time.monotonic() - began)


def _files(asked: Asked) -> list[tuple[str, Callable[[list[Run]], str]]]:
    makers = (
        (asked.json, server_output.as_json),
        (asked.junit, server_output.as_junit),
        (asked.html, server_html.page),
    )
    return [(path, make) for path, make in makers if path]
