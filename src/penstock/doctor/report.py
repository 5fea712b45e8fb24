"""The report as lines of text for a terminal: styles are given as functions, so it can be plain."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterator

from penstock.doctor import flame
from penstock.doctor.answers import ANSWERED, Answer
from penstock.doctor.examine import Report
from penstock.doctor.findings import FINE, HINT, NOTE, WRONG, Finding
from penstock.doctor.proxy import Seen

# (text, name of a style) → text for the terminal
Style = Callable[[str, str], str]

MARKS = {WRONG: "✗", HINT: "!", NOTE: "·", FINE: "✓"}
# Imports that take less are not drawn: there is nothing to see
CHART_S = 0.05
ANSWERS_MAX = 20
ALSO_MAX = 4
_TARGET_MAX = 46


def plain(text: str, _name: str) -> str:
    """No style at all."""
    return text


def lines(report: Report, columns: int, style: Style = plain) -> Iterator[str]:
    """The report, `columns` wide. Names of styles are the levels of findings, `title`, `dim`, and
    `flame0` to `flame5` for the rows of the chart."""
    yield style(f"penstock doctor {report.name}", "title")
    for title, found in report.sections:
        yield ""
        yield style(title, "title")
        if title in {"Start", "Import"} and report.chart.seconds >= CHART_S:
            yield from _chart(report, columns, style)
        if title == "Behind a proxy":
            yield from _table(report.seen, style)
        if title == "Requests":
            yield from _answers(report.answers, style)
        for each in found:
            yield from _finding(each, columns, style)
    yield ""
    yield style("Next", "title")
    for number, step in enumerate(report.steps, 1):
        yield from _wrapped(f"  {number}. ", shorter(step), columns)


def _finding(finding: Finding, columns: int, style: Style) -> Iterator[str]:
    mark = style(MARKS[finding.level], finding.level)
    said = shorter(finding.text)
    text = list(_wrapped("  ", said, columns, "    "))
    if finding.place:
        yield f"  {mark} {style(shorter(finding.place), 'place')}"
        yield from _wrapped("    ", said, columns)
    else:
        yield f"  {mark} {text[0][2:]}"
        yield from text[1:]
    for other in finding.also[:ALSO_MAX]:
        yield from _wrapped("    also ", shorter(other), columns)
    if len(finding.also) > ALSO_MAX:
        yield style(f"    and {len(finding.also) - ALSO_MAX} more", "dim")
    if finding.cure:
        for each in _wrapped("    → ", finding.cure, columns):
            yield style(each, "cure")


def _wrapped(head: str, text: str, columns: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, columns, initial_indent=head, subsequent_indent=indent or " " * len(head),
        break_on_hyphens=False, break_long_words=False,
    ) or [head]  # fmt: skip


def shorter(text: str) -> str:
    """`text` with paths below the current folder as seen from there."""
    return text.replace(os.getcwd().rstrip(os.sep) + os.sep, "")


def _chart(report: Report, columns: int, style: Style) -> Iterator[str]:
    root = report.chart
    if len(root.children) == 1:
        root = root.children[0]
    for number, row in enumerate(flame.rows(root, columns - 2)):
        line, column = "  ", 0
        for block in row:
            line += " " * (block.column - column)
            line += style("▏" + block.text.ljust(block.width - 1), f"flame{number}")
            column = block.column + block.width
        yield line


def _table(seen: list[Seen], style: Style) -> Iterator[str]:
    if not seen:
        return
    head = ("a request of", "client", "scheme", "host", "root_path")
    rows = [head, *((*each[:4], each.root_path or '""') for each in seen)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    for number, row in enumerate(rows):
        text = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield style(f"  {text}".rstrip(), "plain" if number else "dim")


def _answers(answers: list[Answer], style: Style) -> Iterator[str]:
    for each in answers[:ANSWERS_MAX]:
        name = str(each.request)
        if len(name) > _TARGET_MAX:
            name = name[: _TARGET_MAX - 1] + "…"
        status = str(each.status or "-")
        ending = "" if each.ending == ANSWERED else each.ending
        text = f"  {name:<{_TARGET_MAX}} {status:>3} {each.seconds * 1000:>7.0f} ms  {ending}"
        yield style(text.rstrip(), "plain" if not ending and each.status < 500 else HINT)
    if len(answers) > ANSWERS_MAX:
        yield style(f"  and {len(answers) - ANSWERS_MAX} more", "dim")
