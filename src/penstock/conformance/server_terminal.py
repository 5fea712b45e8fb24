"""What `penstock check server` shows on a terminal: progress, a table by area, failures."""

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from penstock.conformance.server_cases import AREAS
from penstock.conformance.server_output import SIGNS, conversation, title
from penstock.conformance.server_run import Run, tally
from penstock.conformance.server_trial import ERROR, FAIL, PASS, SKIP, VERDICTS, WARN, Result

_LINES_MAX = 40  # of one conversation
_WORDS = {PASS: "pass", FAIL: "fail", WARN: "warn", SKIP: "n/a", ERROR: "broke"}


class Progressing:
    """A bar on standard error while a run goes on; nothing where that is no terminal."""

    def __init__(self, console: Console, server: str, total: int) -> None:
        self._wrong = 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[last]}", style="bright_black"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(escape(server), total=total, last="starting")
        self._server = server

    def __enter__(self) -> "Progressing":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def told(self, result: Result) -> None:
        """One more case has ended."""
        self._wrong += result.verdict in {FAIL, ERROR}
        wrong = f" [red]{self._wrong} fail[/red]" if self._wrong else ""
        self._bar.update(
            self._task,
            advance=1,
            last=result.case.key[:40],
            description=escape(self._server) + wrong,
        )


def show(console: Console, found: Run, *, warnings: bool = False) -> None:
    """The table of a run and its failures; with `warnings` those too."""
    table = Table(title=f"{title(found)}: ASGI conformance", title_justify="left")
    table.add_column("area")
    for verdict in VERDICTS:
        if verdict != ERROR or found.count(ERROR):
            table.add_column(_WORDS[verdict], justify="right", style=SIGNS[verdict][1])
    for area, counts in tally(found.results).items():
        table.add_row(AREAS.get(area, area), *_cells(found, counts))
    totals = {verdict: found.count(verdict) for verdict in VERDICTS}
    table.add_section()
    table.add_row("all", *_cells(found, totals), style="bold")
    console.print()
    console.print(table)
    wanted = {FAIL, ERROR, WARN} if warnings else {FAIL, ERROR}
    for result in found.results:
        if result.verdict in wanted:
            _show_result(console, result)
    _show_summary(console, found, warnings=warnings)


def _cells(found: Run, counts: dict[str, int]) -> list[str]:
    return [
        str(counts[verdict] or "") for verdict in VERDICTS if verdict != ERROR or found.count(ERROR)
    ]


def _show_result(console: Console, result: Result) -> None:
    sign, colour = SIGNS[result.verdict]
    case = result.case
    level = f"{case.level}, derived" if case.derived else case.level
    console.print()
    console.print(
        f"[{colour}]{sign} {case.id}[/{colour}] [bold]{level}[/bold]  {escape(case.text)}"
    )
    console.print(f"  expected  {escape(result.expected)}", highlight=False)
    console.print(f"  came      [{colour}]{escape(result.came)}[/{colour}]", highlight=False)
    lines = conversation(result)
    shown = lines if len(lines) <= _LINES_MAX else [*lines[:_LINES_MAX], "  …"]
    for line in shown:
        console.print(f"    [bright_black]{escape(line)}[/bright_black]", highlight=False)


def _show_summary(console: Console, found: Run, *, warnings: bool) -> None:
    wrong = len(found.failed)
    verdict = (
        f"[red]{wrong} of them fail[/red]" if wrong else "[green]no MUST or SHOULD fails[/green]"
    )
    count = len(found.results)
    text = f"{count} case{'' if count == 1 else 's'} in {found.seconds:.0f} s: {verdict}"
    if found.count(WARN):
        hint = "" if warnings else " (--warnings shows them)"
        text += f", {found.count(WARN)} warn{hint}"
    if found.count(SKIP):
        text += f", {found.count(SKIP)} do not apply"
    console.print()
    console.print(text, highlight=False)
