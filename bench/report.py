"""The report: a table in the terminal, and the Markdown page of docs/benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

    from bench.results import Results, RowResult

_OWN = "penstock"
_NONE = "–"

_METHOD = """\
Each server serves from one process on one core, the load comes from another core, over the
loopback. The cost is the CPU time, user and system, of the server's whole process tree divided by
the answers in the same window; the kernel's clock for it counts nanoseconds. The window opens
after a warm-up, on established connections. Every case starts a fresh process; the cases of a row
take turns, forwards and backwards, for several rounds. A ratio is taken within each round, and the
median of the rounds is what is judged.

No two requests of the load are alike: paths and the values of eight of the twelve headers differ
from each to the next, so that nothing is won by remembering. Answers are compared with what they
must be before a server is measured; an error, a timeout, an answer of another size or an access
log with too few lines fails the case. WebSocket echoes are compared one by one. Limits, deadlines
and checks are those of every day.

Over HTTP/2 a connection is one browser: what identifies it and its user stays the same, path and
seven of twelve fields differ from each request to the next, and the blocks were encoded before the
load began as browsers encode them, dynamic table, Huffman code and cookie crumbs included
([`bench/traffic_http2.py`](../../bench/traffic_http2.py)). 512 requests are under way all the time,
each answer's status and size are checked. The row of one request at a time says what its client
waits, not what the server's CPU does. uvicorn speaks HTTP/2 by its extra parser only. TLS is 1.3,
with the certificate that most sites have (ECDSA, P-256); connections are made before the window.

The floor is a bare uvloop protocol that answers canned bytes without reading what was asked
([`bench/floor.py`](../../bench/floor.py)). How each server is started is in
[`bench/servers.py`](../../bench/servers.py).
"""

_COLUMNS = """\
Medians of the rounds. *lowest–highest* is the cost in the best and the worst round; *÷ penstock*
compares medians (what must be reached, above, is judged round by round). *answers/s* and *p99* are
those of a server that is kept as busy as the load can. *worker MB* is the resident memory of the
process that serves; *tree MB* adds up all processes, shared pages once. KB and MB are 10³ and 10⁶
bytes.
"""


def _figure(value: float | None, digits: int = 3) -> str:
    """A number with three significant digits and thousands apart; a dash for none."""
    if value is None:
        return _NONE
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def _spread(costs: list[float]) -> str:
    return f"{_figure(min(costs))}–{_figure(max(costs))}" if len(costs) > 1 else _NONE


def _table(result: RowResult) -> tuple[list[str], dict[str, list[str]]]:
    """The headings and each case's cells, without the columns that have no figure at all."""
    rows = {case: _cells(result, case) for case in result.samples}
    headings = _headings(result)
    kept = [
        index
        for index in range(len(headings))
        if any(cells[index] != _NONE for cells in rows.values())
    ]
    return (
        [headings[index] for index in kept],
        {case: [cells[index] for index in kept] for case, cells in rows.items()},
    )


def _cells(result: RowResult, case: str) -> list[str]:
    cost, own = result.median(case, "cost"), result.median(_OWN, "cost")
    return [
        _figure(cost),
        _spread(result.costs(case)),
        f"{cost / own:.2f} ×" if cost is not None and own else _NONE,
        _figure(result.median(case, "answers_per_s"), 4),
        _figure(result.median(case, "p99_ms")),
        _figure(result.median(case, "worker_mb")),
        _figure(result.median(case, "tree_mb")),
    ]


def _headings(result: RowResult) -> list[str]:
    unit = result.row.unit
    return [
        f"{unit} CPU each" if unit == "µs" else unit,
        "lowest–highest",
        f"÷ {_OWN}",
        "answers/s",
        "p99 ms",
        "worker MB",
        "tree MB",
    ]


def print_row(console: Console, result: RowResult) -> None:
    """One row's table, its failures and its targets, in the terminal."""
    table = Table(title=result.row.title, title_justify="left", title_style="bold")
    table.add_column("server")
    headings, rows = _table(result)
    for heading in headings:
        table.add_column(heading, justify="right")
    for case, cells in rows.items():
        style = "bold green" if case.startswith(_OWN) else "dim" if case == "floor" else None
        table.add_row(case, *cells, style=style)
    console.print(table)
    for case, reason in result.failures.items():
        console.print(f"  [red]{case} failed:[/] {escape(reason)}", highlight=False)
    verdicts = result.verdicts()
    for verdict in verdicts:
        if verdict.median is None:
            continue
        colour, sign = ("green", "✓") if verdict.reached else ("red", "✗")
        rounds = " ".join(f"{value:.2f}" for value in verdict.rounds)
        console.print(
            f"  [{colour}]{sign} {verdict.median:.2f} {verdict.target.unit}[/]  {verdict.target.text} {verdict.target.bound}"
            f"  [dim](rounds: {rounds})[/]",
            highlight=False,
        )
    open_targets = sum(verdict.median is None for verdict in verdicts)
    if open_targets:
        console.print(f"  [dim]{open_targets} of {len(verdicts)} targets not measured[/]")
    console.print()


def page(results: Results) -> str:
    """The whole page, in Markdown."""
    parts = [
        "# Benchmarks\n",
        "<!-- Written by `python -m bench`; change bench/report.py, not this page. -->\n",
        "![CPU time for each answer, by server](chart.svg)\n",
        f"Measured on {results.date}, all in one run:\n",
        f"```sh\n{results.command}\n```\n",
        "## What must be reached\n",
        _targets(results),
        "## How it is measured\n",
        _METHOD,
        f"{results.rounds} rounds (large bodies: at least 7) of {results.seconds:g} s each.\n",
        "## The machine and the versions\n",
        _pairs(results.machine),
        _pairs(results.versions),
        "## Every figure\n",
        _COLUMNS,
    ]
    parts.extend(_row(result) for result in results.rows)
    return "\n".join(parts)


def _pairs(pairs: dict[str, str]) -> str:
    lines = "\n".join(f"| {name} | {value} |" for name, value in pairs.items())
    return f"| | |\n| --- | --- |\n{lines}\n"


def _targets(results: Results) -> str:
    lines = ["| benchmark | figure | must be | measured | |", "| --- | --- | --- | --- | --- |"]
    for result in results.rows:
        for verdict in result.verdicts():
            target = verdict.target
            measured = "not measured"
            if verdict.median is not None:
                measured = f"{verdict.median:.2f} {target.unit}"
            sign = {True: "reached", False: "**missed**", None: ""}[verdict.reached]
            lines.append(
                f"| {result.row.title} | {target.text} | {target.bound} | {measured} | {sign} |"
            )
    return "\n".join(lines) + "\n"


def _row(result: RowResult) -> str:
    headings, rows = _table(result)
    headings = ["server", *headings]
    lines = [
        f"### {result.row.title}\n",
        "| " + " | ".join(headings) + " |",
        "| --- |" + " ---: |" * (len(headings) - 1),
    ]
    for case, cells in rows.items():
        name = f"**{case}**" if case.startswith(_OWN) else case
        lines.append("| " + " | ".join([name, *cells]) + " |")
    lines.extend(f"\n{case} failed: {reason}" for case, reason in result.failures.items())
    return "\n".join(lines) + "\n"
