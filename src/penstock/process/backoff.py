"""When a worker that died is replaced: at once the first time, then later and later.

A worker that served for a while before it died is a first time again: its death has another cause, or
comes seldom enough. So a killer that strikes each second harms nobody, and workers that die as soon
as they serve do not become a busy loop.
"""

from __future__ import annotations

from collections.abc import Iterable

# Who served for this long was healthy.
STEADY_S = 2.0
FIRST_DELAY_S = 0.25
DELAY_S_MAX = 30.0


class Backoff:
    """`until`: nothing is started before, on the clock of the calls' `now`."""

    __slots__ = ("_failures", "_forgiven_at", "until")

    def __init__(self) -> None:
        self.until = float("-inf")
        self._failures = 0
        self._forgiven_at = float("-inf")

    def died(self, now: float, served_s: float, ready_since: Iterable[float]) -> None:
        """A worker that served for `served_s` died; others serve since `ready_since`."""
        if served_s < STEADY_S:
            self.failed(now, ready_since)

    def failed(self, now: float, ready_since: Iterable[float]) -> None:
        """A worker failed to start, or died as soon as it served."""
        # One that was started after the last failures, and is steady, ends the series.
        steady = [since for since in ready_since if self._forgiven_at < since <= now - STEADY_S]
        if steady:
            self._forgiven_at = max(steady)
            self._failures = 0
        self._failures += 1
        if self._failures > 1:
            delay_s = min(FIRST_DELAY_S * 2.0 ** min(self._failures - 2, 10), DELAY_S_MAX)
            self.until = max(self.until, now + delay_s)
