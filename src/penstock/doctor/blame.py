"""What the watch saw, as findings: one for each place, with what it cost and what cures it."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.doctor.findings import HINT, WRONG, Finding
from penstock.doctor.source import Own, plainly, threads_instead
from penstock.doctor.watch import Held
from penstock.transport.stall import is_own

_SOURCE_MAX = 80
_REQUESTS_MAX = 3
# A call that blocks for as long as somebody else likes, and was quick this time, among the slow ones
_KNOWN_S = 0.01


def confirmed(first: Iterable[Held], again: Iterable[Held]) -> list[Held]:
    """Those of `first` that are known to block, and those that held the loop both times: a stall
    that happens once may be the machine's."""
    held = {_function(each) for each in again if each.seconds}
    return [each for each in first if not each.seconds or _function(each) in held]


def first_time_only(first: Iterable[Held]) -> list[Finding]:
    """Findings on what the first request alone pays for: imports within functions."""
    return [
        Finding(
            HINT, f"the first {each.request} pays {each.seconds:.2f} s for an import: {each.source}",
            str(each.call), "import at the top of the module, so that the start pays for it",
            each.seconds,
        )
        for each in first
        if each.importing
        and each.seconds
        and is_own(each.call.file)
        # What a library imports when it is first used is not the application's to move
        and each.source.startswith(("import ", "from "))
    ]  # fmt: skip


def findings(held: Iterable[Held], sources: list[Own]) -> list[Finding]:
    """A finding for each line that held the loop, the longest first.

    What computes is seen at many lines of a function; one of them stands for a request.
    """
    worst: dict[object, Held] = {}
    for each in held:
        key = (each.call.file, each.call.function if each.computed else each.call.line,
               each.request, each.what)  # fmt: skip
        if key not in worst or worst[key].seconds < each.seconds:
            worst[key] = each
    groups: dict[tuple[str, int], list[Held]] = {}
    for each in worst.values():
        groups.setdefault((each.call.file, each.call.line), []).append(each)
    found = [_finding(group, sources) for group in groups.values()]
    return sorted(found, key=lambda each: -each.weight)


def _finding(group: list[Held], sources: list[Own]) -> Finding:
    worst = max(group, key=lambda each: each.seconds)
    whats = list(dict.fromkeys(each.what for each in group if each.what))
    if worst.computed:
        text = f"computes on the event loop for {worst.seconds:.2f} s"
    elif worst.seconds:
        text = f"holds the event loop for {worst.seconds:.2f} s"
    else:
        text = "blocks the event loop"
    if whats:
        text += f": {whats[0]}" + (f", {whats[1]}" if len(whats) > 1 else "")
    if worst.source:
        text += f" · {worst.source[:_SOURCE_MAX]}"
    asked = list(dict.fromkeys(each.request for each in group))
    more = f" and {len(asked) - _REQUESTS_MAX} more" if len(asked) > _REQUESTS_MAX else ""
    text += f" ({', '.join(asked[:_REQUESTS_MAX])}{more})"
    cure = worst.advice
    plain = threads_instead(sources, worst.call.file, worst.call.line)
    if plain:
        cure += f"; {plainly(plain)}"
    return Finding(WRONG, text, str(worst.call), cure, worst.seconds or _KNOWN_S)


def _function(held: Held) -> tuple[str, str]:
    return held.call.file, held.call.function
