"""What the doctor found, and which three of it come first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

# Levels, the gravest first
WRONG = "wrong"  # it fails, or keeps others waiting
HINT = "hint"  # it may be meant so, and is worth a look
NOTE = "note"  # a fact that is neither
FINE = "fine"  # it was looked at

STEPS_MAX = 3


class Finding(NamedTuple):
    """One thing that was seen.

    `place` is `file:line function` or "", `cure` what to do about it or "". `weight` orders findings
    of one level, the greater first: seconds, where it is about time. `also` are further places, each a
    line of text.
    """

    level: str
    text: str
    place: str = ""
    cure: str = ""
    weight: float = 0.0
    also: tuple[str, ...] = ()


def next_steps(findings: Iterable[Finding], otherwise: Iterable[str]) -> list[str]:
    """The next three things to do: the cures of what is gravest, filled up with `otherwise`.

    One cure is told once, with the first place that needs it and how many more do.
    """
    groups: dict[str, list[Finding]] = {}
    for level in (WRONG, HINT):
        ranked = [each for each in findings if each.level == level and each.cure]
        for each in sorted(ranked, key=lambda one: -one.weight):
            groups.setdefault(each.cure, []).append(each)
    steps = []
    for cure, group in groups.items():
        places = [each.place for each in group if each.place]
        where = f"{places[0]}: " if places else ""
        others = len(places) - 1 + sum(len(each.also) for each in group)
        more = f" (and {others} more like it)" if others > 0 else ""
        steps.append(f"{where}{cure}{more}")
    return [*steps, *otherwise][:STEPS_MAX]
