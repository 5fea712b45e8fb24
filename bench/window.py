"""The part of a load that counts: opened after warming up, with the server's CPU time at both ends.

Shared by the load generators written here; `wrk.lua` does the same for wrk.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULT = "RESULT "
"""What the line of a load generator's output that carries its JSON begins with."""


class Window:
    """Counts answers and reads CPU clocks between warm-up and end."""

    __slots__ = (
        "_clocks",
        "_closes_at",
        "_opened_answers",
        "_opened_at",
        "_opened_cpu_s",
        "_opens_at",
        "_seconds",
    )

    def __init__(self, clock_ids: Sequence[int], warm_up_s: float, seconds: float) -> None:
        """Start warming up now; `clock_ids` are those of the server's processes."""
        self._clocks = clock_ids
        self._seconds = seconds
        self._opens_at = time.monotonic() + warm_up_s
        self._closes_at = float("inf")
        self._opened_at = 0.0
        self._opened_answers = 0
        self._opened_cpu_s = 0.0

    def goes_on(self, answers: int) -> bool:
        """Tell the time once a turn, with the answers received so far; False once it is over."""
        now = time.monotonic()
        if now < self._opens_at:
            return True
        if self._closes_at == float("inf"):
            self._opened_at = now
            self._opened_answers = answers
            self._opened_cpu_s = self._cpu_s()
            self._closes_at = now + self._seconds
        return now < self._closes_at

    @property
    def is_open(self) -> bool:
        """Whether answers count already."""
        return self._closes_at != float("inf")

    def result(self, answers: int, latencies_s: list[float]) -> str:
        """The line that reports the window; call it in the turn in which it is over."""
        cpu_s = self._cpu_s() - self._opened_cpu_s
        wall_s = time.monotonic() - self._opened_at
        ordered = sorted(latencies_s) or [0.0]
        return RESULT + json.dumps(
            {
                "requests": answers,
                "p50_us": round(ordered[len(ordered) // 2] * 1e6),
                "p99_us": round(ordered[len(ordered) * 99 // 100] * 1e6),
                "window_requests": answers - self._opened_answers,
                "window_s": wall_s,
                "window_cpu_s": cpu_s,
            }
        )

    def _cpu_s(self) -> float:
        return sum(time.clock_gettime(clock) for clock in self._clocks)
