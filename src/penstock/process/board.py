"""What the workers of a server know of each other: a table in shared memory, a row for each.

A worker writes its own row, from its event loop; everybody reads all of them. Each value is an aligned
machine word that is written at once, so nobody waits for anybody and nothing is ever half there.
Reading or writing costs no system call.
"""

import mmap
import os
import tempfile

# Rows of the table: running workers, those that still drain beside them, and replacements.
SLOTS_MAX = 256

# The columns of a row.
PID = 0
STATE = 1
BEAT_NS = 2  # the worker's loop wrote it; time.monotonic_ns(), which all processes share
CONNECTIONS = 3
WEBSOCKETS = 4
RUNNING = 5
REQUESTS = 6
RSS_BYTES = 7
STALLS = 8  # how often the loop stood still for long
STALLED_NS = 9  # how long in all
ACCEPTED = 10
COUNTED = 11  # from here on these counters of `transport.counters`, in this order
COUNTERS = (
    "queued",
    "refused_full",
    "refused_late",
    "refused_websockets",
    "refused_clients",
    "refused_bad",
    "cut_readers",
    "starved",
)
_COLUMNS = 32
_ROW_BYTES = _COLUMNS * 8

# Values of STATE.
FREE = 0
STARTING = 1
SERVING = 2
DRAINING = 3


class Board:
    """The table. `Board()` makes one; `Board(fd)` opens one by an inherited descriptor, which stays
    the caller's."""

    __slots__ = ("_map", "fd", "words")

    def __init__(self, fd: int = -1) -> None:
        size = SLOTS_MAX * _ROW_BYTES
        if fd < 0:
            fd = _memory("penstock-board")
            os.ftruncate(fd, size)
        self.fd = fd
        self._map = mmap.mmap(fd, size)
        self.words = memoryview(self._map).cast("q")

    def get(self, slot: int, column: int) -> int:
        """One value."""
        return self.words[slot * _COLUMNS + column]

    def put(self, slot: int, column: int, value: int) -> None:
        """Write one value; only the slot's worker does, and the supervisor while it has none."""
        self.words[slot * _COLUMNS + column] = value

    def clear(self, slot: int) -> None:
        """Free a row."""
        start = slot * _COLUMNS
        for column in range(_COLUMNS):
            self.words[start + column] = 0

    def row(self, slot: int) -> tuple[int, ...]:
        """All values of a row, in the order of the columns."""
        start = slot * _COLUMNS
        return tuple(self.words[start : start + _COLUMNS])

    def column(self, column: int) -> list[int]:
        """One value of every row."""
        return self.words[column::_COLUMNS].tolist()

    def close(self) -> None:
        """Give the memory back."""
        self.words.release()
        self._map.close()


def _memory(name: str) -> int:
    """A descriptor of memory that has no name in the file system and is not inherited by itself."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name)
    fd, path = tempfile.mkstemp(prefix=f"{name}-")
    os.unlink(path)
    return fd
