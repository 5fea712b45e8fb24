"""How many requests run at once, who waits for a free slot, and for how long.

`Slots` decides and knows no clock, no connection and no loop; `Admission` acts on its decisions: it
starts and refuses waiting connections and keeps one timer, only while someone waits.
"""

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from penstock.transport.counters import Counters

# One line about refused requests in this time; it says how many they were.
COMPLAINT_INTERVAL_S = 5.0

ADMITTED = 0
QUEUED = 1
REFUSED = 2


class Slots:
    """`running_max` requests run, up to `waiting_max` others wait in the order in which they came.

    Every ask costs O(1), also when a waiting one leaves from the middle of the queue (S11).
    Asking again for one that waits already changes nothing.
    """

    __slots__ = ("running", "running_max", "wait_s", "waiting", "waiting_max")

    def __init__(self, running_max: int, waiting_max: int, wait_s: float) -> None:
        self.running_max = running_max
        self.waiting_max = waiting_max
        self.wait_s = wait_s
        self.running = 0
        self.waiting: OrderedDict[Any, float] = OrderedDict()

    def ask(self, who: Any, now: float) -> int:
        """ADMITTED (a slot is taken), QUEUED until `now + wait_s`, or REFUSED: the queue is full.

        Nobody overtakes those who wait.
        """
        waiting = self.waiting
        if self.running < self.running_max and not waiting:
            self.running += 1
            return ADMITTED
        if who in waiting:
            return QUEUED
        if len(waiting) >= self.waiting_max or self.wait_s <= 0:
            return REFUSED
        waiting[who] = now + self.wait_s
        return QUEUED

    def leave(self, who: Any) -> bool:
        """`who` waits no more; returns whether it did."""
        return self.waiting.pop(who, None) is not None

    def release(self) -> Any:
        """A slot came free: returns who takes it over, None if nobody waits."""
        if self.waiting:
            return self.waiting.popitem(last=False)[0]
        self.running -= 1
        return None

    def overdue(self, now: float) -> list[Any]:
        """Take out and return those whose wait is over, the longest waiting first."""
        late = []
        waiting = self.waiting
        while waiting:
            who = next(iter(waiting))
            if waiting[who] > now:
                break
            del waiting[who]
            late.append(who)
        return late

    def next_deadline(self) -> float | None:
        """When the next wait is over, None if nobody waits."""
        return next(iter(self.waiting.values())) if self.waiting else None


def _unheard(level: str, text: str) -> None:
    """Where nobody reads the log."""


class Admission:
    """Acts on `Slots` for connections, which have `start_queued()` and `refuse_queued()` (S12).

    WebSockets last, so they take no slot and wait for none: up to `websockets_max` are open, and
    beyond them a handshake is refused at once. Requests for one of the paths in `exempt` are
    admitted whatever runs. None for a maximum: there is none.

    A connection that was admitted, or whose `start_queued()` was called, calls `release(self)` once
    when its request has ended. One whose client is lost while it waits calls `withdraw(self)`.
    `note(level, text)` logs a line.
    """

    __slots__ = (
        "_complained_at",
        "_counters",
        "_exempt",
        "_loop",
        "_note",
        "_refused",
        "_slotless",
        "_slots",
        "_starting",
        "_timer",
        "websockets",
        "websockets_max",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        running_max: int | None,
        waiting_max: int,
        wait_s: float,
        *,
        websockets_max: int | None = None,
        exempt: Iterable[bytes] = (),
        counters: Counters | None = None,
        note: Callable[[str, str], None] = _unheard,
    ) -> None:
        self._loop = loop
        most = sys.maxsize if running_max is None else running_max
        self._slots = Slots(most, waiting_max, wait_s)
        # Those that have a slot, and whose start is due in the next turn of the loop.
        self._starting: set[Any] = set()
        self._timer: asyncio.TimerHandle | None = None
        self.websockets = 0
        self.websockets_max = sys.maxsize if websockets_max is None else websockets_max
        self._exempt = frozenset(exempt)
        # What runs without a slot: whether each is a WebSocket. A connection may have several, since an
        # application may run on after its response is out. Which of them ends first does not matter.
        self._slotless: dict[Any, list[bool]] = {}
        self._counters = Counters() if counters is None else counters
        self._note = note
        self._refused = 0
        self._complained_at = float("-inf")

    @property
    def running(self) -> int:
        """Slots taken."""
        return self._slots.running

    @property
    def waiting(self) -> int:
        """Connections that wait for a slot."""
        return len(self._slots.waiting)

    def admit(self, connection: Any) -> bool:
        """True: go on now. False: wait for `start_queued` or `refuse_queued`; the latter has been
        called already where the queue was full, or for a WebSocket too many."""
        if connection.is_websocket:
            if self.websockets >= self.websockets_max:
                self._counters.refused_websockets += 1
                self._refuse(connection, "--limit-websockets")
                return False
            self.websockets += 1
            self._slotless.setdefault(connection, []).append(True)
            return True
        if self._exempt and connection.exchange.head.raw_path in self._exempt:
            self._slotless.setdefault(connection, []).append(False)
            return True
        now = self._loop.time()
        answer = self._slots.ask(connection, now)
        if answer == ADMITTED:
            return True
        if answer == REFUSED:
            self._counters.refused_full += 1
            self._refuse(connection, "--limit-concurrency, --limit-queue")
            return False
        self._counters.queued += 1
        if self._timer is None:
            self._set_timer()
        return False

    def withdraw(self, connection: Any) -> None:
        """The client of a waiting connection is gone: its request is never started."""
        if connection in self._starting:
            self._starting.discard(connection)
            self._release_slot()
        elif self._slots.leave(connection) and not self._slots.waiting:
            self._drop_timer()

    def release(self, connection: Any) -> None:
        """A running request of `connection` has ended; its slot goes to the one that waited longest."""
        slotless = self._slotless.get(connection)
        if slotless is None:
            self._release_slot()
            return
        if slotless.pop():
            self.websockets -= 1
        if not slotless:
            del self._slotless[connection]

    def _release_slot(self) -> None:
        successor = self._slots.release()
        if successor is None:
            return
        if not self._slots.waiting:
            self._drop_timer()
        # Not from here: this call comes from the end of another exchange, and a start inside it,
        # which may end at once and release again, would nest as deep as the queue is long.
        self._starting.add(successor)
        self._loop.call_soon(self._start, successor)

    def _start(self, connection: Any) -> None:
        if connection in self._starting:
            self._starting.discard(connection)
            connection.start_queued()

    def _set_timer(self) -> None:
        deadline = self._slots.next_deadline()
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._expire)

    def _drop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        # The loop's clock has a resolution: what is due within it is due now, else the timer spins.
        for connection in self._slots.overdue(self._loop.time() + 0.001):
            self._counters.refused_late += 1
            self._refuse(connection, "--limit-concurrency, --timeout-queue")
        if self._timer is None:
            self._set_timer()

    def _refuse(self, connection: Any, options: str) -> None:
        """Answer 503; say it now and then, since an overload refuses thousands."""
        self._refused += 1
        now = self._loop.time()
        if now - self._complained_at >= COMPLAINT_INTERVAL_S:
            self._complained_at = now
            self._note(
                "warning",
                f"Overload: {self._refused} more refused with 503, {self._slots.running} running,"
                f" {len(self._slots.waiting)} waiting, {self.websockets} WebSockets open"
                f" ({options})",
            )
            self._refused = 0
        connection.refuse_queued()
