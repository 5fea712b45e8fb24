"""A run: chosen cases on one server, several at a time; what went wrong is tried again.

The second time it has a server of its own, so that no case suffers from what another one did to
the server, and less company, so that a slow machine is not taken for a wrong server.
"""

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from fnmatch import fnmatchcase
from typing import NamedTuple

from penstock.conformance import server_cases
from penstock.conformance.server_trial import (
    ERROR,
    FAIL,
    LEVELS,
    VERDICTS,
    WARN,
    Case,
    Result,
    Stage,
    Unusable,
    attempt,
)

# Most of a case's time is waiting: for what must not come, and for what does not come.
_AT_ONCE = 6


class Run(NamedTuple):
    """All results of a server, in the order of the cases."""

    server: str
    version: str
    command: str
    results: list[Result]
    seconds: float

    def count(self, verdict: str) -> int:
        """How many cases ended so."""
        return sum(result.verdict == verdict for result in self.results)

    @property
    def failed(self) -> list[Result]:
        """What is wrong: a MUST or SHOULD of the specification, or a case that broke."""
        return [result for result in self.results if result.verdict in {FAIL, ERROR}]


def chosen(only: Iterable[str] = (), level: str = "may") -> list[Case]:
    """The cases whose ids match one of `only` (`HTTP-RESP-03`, `WS-*`), down to `level`.

    Raises Unusable if a pattern matches none.
    """
    cases = server_cases.all_cases()
    patterns = [pattern for each in only for pattern in re.split(r"[,\s]+", each) if pattern]
    for pattern in patterns:
        if not any(fnmatchcase(case.id, pattern.upper()) for case in cases):
            raise Unusable(
                f"no requirement is called {pattern}",
                "ids are as in HTTP-RESP-03, or WS-* for several; --list shows all",
            )
    deepest = LEVELS.index(level.upper())
    return [
        case
        for case in cases
        if LEVELS.index(case.level) <= deepest
        and (not patterns or any(fnmatchcase(case.id, each.upper()) for each in patterns))
    ]


def run(stage: Stage, cases: list[Case], told: Callable[[Result], None]) -> list[Result]:
    """Try all `cases`; `told` hears of each once, in the order in which they end."""
    found: dict[str, Result] = {}
    again: list[Case] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(attempt, stage, case) for case in cases]
        for future in as_completed(futures):
            result = future.result()
            found[result.case.key] = result
            if result.verdict in {FAIL, WARN, ERROR}:
                again.append(result.case)
            else:
                told(result)
    with ThreadPoolExecutor(2) as pool:
        for future in as_completed([pool.submit(_again, stage, case) for case in again]):
            result = future.result()
            found[result.case.key] = result
            told(result)
    return [found[case.key] for case in cases]


def _again(stage: Stage, case: Case) -> Result:
    own = stage.alone()
    try:
        return attempt(own, case, 2)
    finally:
        own.close()


def tally(results: Iterable[Result]) -> dict[str, dict[str, int]]:
    """Area → verdict → how many."""
    found: dict[str, dict[str, int]] = {}
    for result in results:
        counts = found.setdefault(result.case.area, dict.fromkeys(VERDICTS, 0))
        counts[result.verdict] += 1
    return found
