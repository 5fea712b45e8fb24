"""Even load: a worker that has more connections than the others lets them accept.

All workers listen on the same sockets, and whoever is awake first takes the connection. Left alone,
the busiest worker gets two to three times the mean. So each worker compares its count with the mean of
all that serve, in shared memory; above its share it looks away for `PAUSE_S`. When it has looked away
`PAUSES_MAX` times in a row, somebody still waits, and the others have taken nobody meanwhile, it takes
some itself: the others are busy, or hang.
"""

from collections.abc import Callable

from penstock.process import board as columns
from penstock.process.board import Board
from penstock.transport.sockets import ACCEPT, LOOK_AWAY, NEXT_TURN

# Long enough for a process that waits to be scheduled and to accept, and no delay to speak of.
PAUSE_S = 0.003
PAUSES_MAX = 3
# A worker may be this far above the mean: that many connections, and that part of the mean.
SLACK = 1.0
SLACK_SHARE = 1 / 16
# Of what the others left behind, as much is taken before looking around again.
LEFT_BEHIND_MAX = 4
# A worker whose loop has not turned for this long takes nothing, so it has no share in the mean.
SILENT_NS = 2_500_000_000
# Who serves is looked up anew in this time.
LOOK_AROUND_NS = 250_000_000


class Steering:
    """Tells the acceptor of the worker in `slot` (`transport.sockets`) whether to accept one more.

    `clock_ns` is the clock of the board's beats. `count` calls with what the worker holds keep the
    board up to date.
    """

    __slots__ = (
        "_board",
        "_clock_ns",
        "_first",
        "_looked_at",
        "_others",
        "_pauses",
        "_resumed_at",
        "_slot",
        "_taken",
        "_takes",
    )

    def __init__(self, board: Board, slot: int, clock_ns: Callable[[], int]) -> None:
        self._board = board
        self._slot = slot
        self._clock_ns = clock_ns
        self._others: list[int] = []
        self._looked_at = -LOOK_AROUND_NS
        self._pauses = 0
        self._resumed_at = 0
        self._taken = 0  # by the others, when this one looked last
        self._takes = 0  # what the others left, since it woke
        self._first = True

    def count(self, connections: int) -> None:
        """The worker holds this many connections now."""
        self._board.put(self._slot, columns.CONNECTIONS, connections)

    def wake(self) -> None:
        """Somebody waits to be accepted: the acceptor is about to `ask`."""
        now = self._clock_ns()
        if now - self._looked_at >= LOOK_AROUND_NS:
            self._look_around(now)
        if self._pauses and now - self._resumed_at > PAUSE_S * 1e9:
            # Nobody waited when the last pause was over: those who did were taken by the others
            self._pauses = 0
        self._first = True
        self._takes = 0

    def ask(self, connections: int) -> int:
        """ACCEPT one more if it is within the worker's share, or was left to it by the others.

        What exceeds the mean is taken one in a turn of the loop (NEXT_TURN), so that of two that come
        together each goes to another worker.
        """
        others = self._others
        if not others:
            return ACCEPT
        board = self._board
        total = connections
        for slot in others:
            total += board.get(slot, columns.CONNECTIONS)
        mean = total / (len(others) + 1)
        first, self._first = self._first, False
        if connections <= mean:
            return ACCEPT
        if connections <= mean + SLACK + mean * SLACK_SHARE:
            return ACCEPT if first else NEXT_TURN
        taken = total - connections
        if taken > self._taken:
            self._pauses = 0  # they are at it, and only slow to be scheduled
        self._taken = taken
        if self._pauses >= PAUSES_MAX and self._takes < LEFT_BEHIND_MAX:
            self._takes += 1
            return ACCEPT
        return LOOK_AWAY

    def paused(self) -> float:
        """The acceptor looks away; returns for how many seconds."""
        self._pauses = 1 if self._pauses >= PAUSES_MAX else self._pauses + 1
        return PAUSE_S

    def resumed(self) -> None:
        """The acceptor looks again."""
        self._resumed_at = self._clock_ns()

    def _look_around(self, now: int) -> None:
        self._looked_at = now
        board = self._board
        states = board.column(columns.STATE)
        beats = board.column(columns.BEAT_NS)
        self._others = [
            slot
            for slot, state in enumerate(states)
            if state == columns.SERVING and slot != self._slot and now - beats[slot] < SILENT_NS
        ]
