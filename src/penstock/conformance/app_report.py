"""What the checks of an application found, as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from penstock.conformance.app import Report
from penstock.conformance.app_lab import Finding

_EVENTS_MAX = 12
_TARGETS_MAX = 4


def as_text(report: Report, *, notes: bool = True) -> Iterator[str]:
    """Lines: each fault with the conversation that showed it, the notes together, and a sum."""
    for finding in report.faults:
        yield f"{finding.level.upper()} {finding.rule}  {finding.target}: {finding.case}"
        yield f"    {finding.text}"
        if finding.message:
            yield f"    in {finding.message}"
        yield from (f"      {line}" for line in _cut(finding.events))
        yield ""
    if notes:
        for (rule, text), group in groupby(sorted(report.notes, key=_same), key=_same):
            yield f"note {rule}  {_targets(group)}"
            yield f"    {text}"
        if report.notes:
            yield ""
    yield summary(report)


def summary(report: Report) -> str:
    """How many cases were run, and what came of them."""
    targets = len({target for target, _, _ in report.run})
    faults, notes = len(report.faults), len(report.notes)
    return (
        f"{_count(len(report.run), 'case')} for {_count(targets, 'target')}:"
        f" {_count(faults, 'fault')}, {_count(notes, 'note')}"
    )


def as_data(report: Report) -> dict[str, Any]:
    """The report for JSON: every case that was run, every finding."""
    return {
        "cases": [
            {"target": target, "rule": case.rule, "case": case.title, "found": len(found)}
            for target, case, found in report.run
        ],
        "findings": [
            {**finding._asdict(), "events": list(finding.events)} for finding in report.findings
        ],
        "faults": len(report.faults),
        "notes": len(report.notes),
    }


def _same(finding: Finding) -> tuple[str, str]:
    return finding.rule, finding.text


def _targets(findings: Iterable[Finding]) -> str:
    names = list(dict.fromkeys(finding.target for finding in findings))
    more = len(names) - _TARGETS_MAX
    return ", ".join(names[:_TARGETS_MAX]) + (f" and {more} more" if more > 0 else "")


def _cut(events: tuple[str, ...]) -> Iterator[str]:
    yield from events[:_EVENTS_MAX]
    if len(events) > _EVENTS_MAX:
        yield f"… and {len(events) - _EVENTS_MAX} more"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
