"""The one sweep of a worker: every timeout, and the date, hang on it; no request has a timer.

All limits are on the loop's monotonic clock (V11); the wall clock only makes the date.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

INTERVAL_MAX_S = 1.0
INTERVAL_MIN_S = 0.05

# A sweep that comes this late means that the loop stood still (or the process was stopped): what
# clients sent meanwhile is still in the kernel, and must be read before anyone is called too slow.
LATE_S = 1.0
# Gives the loop one turn to read it.
CATCH_UP_S = 0.02

# The options that are watched by the sweep.
SWEPT = (
    "timeout_request_head",
    "timeout_tls_handshake",
    "timeout_keep_alive",
    "timeout_min_rate",
    "timeout_undrained",
    "ws_ping_interval",
    "ws_ping_timeout",
    "ws_close_timeout",
)

_DAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_MONTHS = (
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun",
    b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
)  # fmt: skip


def http_date(seconds: float) -> bytes:
    """IMF-fixdate of a Unix time (RFC 9110 section 5.6.7), whatever the locale."""
    t = time.gmtime(seconds)
    return b"%s, %02d %s %04d %02d:%02d:%02d GMT" % (
        _DAYS[t.tm_wday], t.tm_mday, _MONTHS[t.tm_mon - 1], t.tm_year, t.tm_hour, t.tm_min, t.tm_sec,
    )  # fmt: skip


def sweep_interval(settings: Any) -> float:
    """Seconds between sweeps: 1, and less where a timeout is so short that it would be missed."""
    timeouts = [getattr(settings, name) for name in SWEPT]
    shortest = min((t for t in timeouts if t), default=INTERVAL_MAX_S * 4)
    return min(max(shortest / 4, INTERVAL_MIN_S), INTERVAL_MAX_S)


class Sweep:
    """Calls `on_sweep(now)` every `interval_s`, in step with the full seconds of the wall clock, so
    that a date built by it is true. `now` is the loop's clock; `on_tick(now)` comes first, and also
    when the sweep itself is put off because the loop stood still."""

    __slots__ = ("_due", "_handle", "_loop", "interval_s", "on_sweep", "on_tick")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        interval_s: float,
        on_tick: Callable[[float], None],
        on_sweep: Callable[[float], None],
    ) -> None:
        self._loop = loop
        self.interval_s = interval_s
        self.on_tick = on_tick
        self.on_sweep = on_sweep
        self._due = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Tick now, and sweep from now on."""
        now = self._loop.time()
        self.on_tick(now)
        self._schedule(now)

    def stop(self) -> None:
        """Sweep no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _schedule(self, now: float) -> None:
        interval = self.interval_s
        # Just behind the boundary: a timer that came a hair early would build the old second.
        self._due = now + interval - time.time() % interval + 0.002
        self._handle = self._loop.call_at(self._due, self._run)

    def _run(self) -> None:
        now = self._loop.time()
        try:
            self.on_tick(now)
            if now - self._due > LATE_S:
                self._due = now + CATCH_UP_S
                self._handle = self._loop.call_at(self._due, self._run)
                return
            self.on_sweep(now)
        except Exception as error:
            # Without the sweep there are no timeouts any more, so it outlives whatever happens.
            self._loop.call_exception_handler(
                {"message": "Exception in the sweep", "exception": error}
            )
        self._schedule(now)
