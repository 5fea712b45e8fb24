"""Where the lines of a log go: a standard stream or a file, and never a wait for who reads it.

A regular file takes a whole batch in one plain write. A pipe, a terminal or a socket may be full
because nobody reads it, and a plain write would then hold the event loop for as long. So these are
written without waiting, in pieces that end with a line and that a pipe takes whole or not at all
(PIPE_BUF), which also keeps the lines of several workers apart. What does not fit waits in memory,
up to `BACKLOG_BYTES_MAX`, and a thread that exists only meanwhile writes it when there is room
again; lines beyond that are dropped, and counted in a warning once it moves.
"""

import _thread
import errno
import io
import os
import select
import socket
import stat
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from penstock.errors import UsageError

# What may wait for a reader: some 10,000 lines.
BACKLOG_BYTES_MAX = 1 << 20
# At the end of the process a reader that stands still is given this long.
LAST_WORDS_S = 0.5
# How often the thread looks again where waiting for room has no way to be told of it.
_LOOK_AGAIN_S = 0.05
_PIECE_BYTES = getattr(select, "PIPE_BUF", 512)
_FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)


class Output:
    """One log's way out. May be used from several threads; nothing here raises because of a write.

    `stream_name`: `"stdout"` or `"stderr"`, whatever `sys` has under that name at the time. `path`:
    a file instead, which is opened here, and created if need be; UsageError if that fails.
    `on_lost(lines, where)` is called, from any thread, when dropped lines can be told of.
    """

    def __init__(
        self, stream_name: str, path: str | None, on_lost: Callable[[int, str], None]
    ) -> None:
        self.stream_name = stream_name
        self.path = path
        self._on_lost = on_lost
        self._file = -1
        if path is not None:
            try:
                self._file = _opened(path)
            except OSError as exc:
                raise UsageError(
                    f"The log file {path!a} cannot be opened: {exc.strerror or exc}",
                    "Its folder must exist, and the user that the server runs as may write there.",
                ) from None
        self._complained = False
        self._reset()

    def _reset(self) -> None:
        """Forget what another process or another file had: locks, threads, what waited."""
        self._pid = os.getpid()
        self._lock = _thread.allocate_lock()
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0
        self._lost = 0
        self._pumping = False
        self._target: tuple[int, ...] = ()
        self._way: _Way | None = None

    @property
    def name(self) -> str:
        """What it is, for a person."""
        return self.stream_name if self.path is None else ascii(self.path)[1:-1]

    def write(self, text: str) -> None:
        """Write `text`, which ends with a line, or keep it for later; returns at once."""
        stream: Any = None
        if self._file < 0:
            stream = getattr(sys, self.stream_name)
            if stream is None:
                return
        try:
            if stream is not None and type(stream) is not io.TextIOWrapper:
                stream.write(text)
                stream.flush()
            elif stream is not None:
                data = text.encode(stream.encoding, "backslashreplace")
                self._write(stream.fileno(), data, stream)
            else:
                self._write(self._file, text.encode("utf-8", "backslashreplace"), None)
        except (OSError, ValueError) as exc:
            self._complain(exc)

    def _write(self, fd: int, data: bytes, stream: Any) -> None:
        if self._pid != os.getpid():
            # A fork: whatever waited is the parent's to write, and so was the thread.
            if self._way is not None:
                self._way.close()
            self._reset()
        with self._lock:
            way = self._way_to(fd)
            if not self._backlog:
                # First what the application printed, so that the order is right; past the buffers
                # then: what they keep after a failure would fail again at exit, and turn the
                # process's exit code into 120.
                if stream is not None and way.is_open():
                    stream.flush()
                taken = way.take(data)
                if taken == len(data):
                    return
                data = data[taken:]
            self._keep(data)
            if not self._pumping:
                self._pumping = True
                _thread.start_new_thread(self._pump, ())

    def _keep(self, data: bytes) -> None:
        if self._backlog_bytes + len(data) > BACKLOG_BYTES_MAX:
            room = BACKLOG_BYTES_MAX - self._backlog_bytes
            cut = data.rfind(b"\n", 0, room) + 1 if room > 0 else 0
            self._lost += data.count(b"\n", cut)
            data = data[:cut]
        if data:
            self._backlog.append(data)
            self._backlog_bytes += len(data)

    def _way_to(self, fd: int) -> "_Way":
        """How to write to `fd`, which may have become another file since the last time."""
        info = os.fstat(fd)
        target = (fd, info.st_dev, info.st_ino, info.st_rdev)
        way = self._way
        if way is None or target != self._target:
            if way is not None:
                way.close()
            way = self._way = _way(fd, info.st_mode)
            self._target = target
        return way

    def _pump(self) -> None:
        """The thread: write what waits when there is room; ends when nothing waits any more."""
        while self._drain_once(1.0):
            pass

    def _drain_once(self, limit_s: float) -> bool:
        """Wait for room, at most so long, and use it. False when nothing is left to wait for."""
        way = self._way
        lost = 0
        if way is not None:
            way.wait(limit_s)
        try:
            with self._lock:
                way = self._way
                moved = False
                while self._backlog and way is not None:
                    data = self._backlog.popleft()
                    taken = way.take(data)
                    self._backlog_bytes -= taken
                    moved = moved or taken > 0
                    if taken < len(data):
                        self._backlog.appendleft(data[taken:])
                        break
                if moved and self._lost:
                    lost, self._lost = self._lost, 0
                more = bool(self._backlog)
                if not more:
                    self._pumping = False
        except (OSError, ValueError) as exc:
            self._give_up()
            self._complain(exc)
            return False
        if lost:
            self._on_lost(lost, self.name)
        if more and not moved:
            time.sleep(_LOOK_AGAIN_S)
        return more

    def _give_up(self) -> None:
        with self._lock:
            self._lost += sum(data.count(b"\n") for data in self._backlog)
            self._backlog.clear()
            self._backlog_bytes = 0
            self._pumping = False

    def finish(self) -> None:
        """At the end of the process: write what still waits, if it moves within `LAST_WORDS_S`."""
        until = time.monotonic() + LAST_WORDS_S
        while self._backlog and self._pid == os.getpid():
            left = until - time.monotonic()
            if left <= 0 or not self._drain_once(left):
                return

    def reopen(self) -> bool:
        """Open the file of this name again, after it was renamed; the old one stays in use if that
        fails. True if there is a file and it was opened. Raises OSError."""
        if self.path is None:
            return False
        opened = _opened(self.path)
        with self._lock:
            before, self._file = self._file, opened
            self._complained = False
        os.close(before)
        return True

    def close(self) -> None:
        """Close what was opened here; nothing may be written any more."""
        if self._way is not None:
            self._way.close()
            self._way = None
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _complain(self, exc: Exception) -> None:
        if self._complained:
            return
        self._complained = True
        try:
            sys.stderr.write(
                f"ERROR:    The log cannot be written to {self.name} "
                f"({type(exc).__name__}: {exc}); lines are lost, the server goes on\n"
            )
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            pass


class _Way:
    """How bytes get to a descriptor. This one is for regular files, which never make one wait."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def take(self, data: bytes) -> int:
        """Write as much as can be written without waiting; returns how many bytes that is."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        return len(data)

    def is_open(self) -> bool:
        """Whether there is room for something."""
        return True

    def wait(self, limit_s: float) -> None:
        """Return when there is room, or after `limit_s`."""

    def close(self) -> None:
        """Let go of what was made here."""


class _Patient(_Way):
    """For pipes, terminals and sockets. `owned`: the descriptor is ours, in non-blocking mode, and
    so can be written to without looking first."""

    def __init__(self, fd: int, owned: bool, sock: socket.socket | None = None) -> None:
        super().__init__(fd)
        self._owned = owned
        self._sock = sock

    def take(self, data: bytes) -> int:
        """In pieces that end with a line where a line is not longer than a piece."""
        start = 0
        while start < len(data):
            end = min(start + _PIECE_BYTES, len(data))
            if end < len(data):
                end = data.rfind(b"\n", start, end) + 1 or end
            sent = self._send(data[start:end])
            start += sent
            if not sent:
                break
        return start

    def _send(self, piece: bytes) -> int:
        try:
            if self._sock is not None:
                return self._sock.send(piece, socket.MSG_DONTWAIT)
            if not self._owned and not self.is_open():
                return 0
            return os.write(self._fd, piece)
        except OSError as exc:
            if exc.errno in _FULL:
                return 0
            raise

    def is_open(self) -> bool:
        """Whether there is room for something."""
        return self._room(0)

    def wait(self, limit_s: float) -> None:
        """Return when there is room, or after `limit_s`."""
        self._room(limit_s)

    def _room(self, limit_s: float) -> bool:
        # One for each call: a poll object serves one thread at a time.
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        return bool(poll.poll(limit_s * 1000))

    def close(self) -> None:
        """Let go of what was made here."""
        if self._sock is not None:
            self._sock.close()
        elif self._owned:
            os.close(self._fd)


def _way(fd: int, mode: int) -> _Way:
    """The way to the file of this mode."""
    if not hasattr(select, "poll"):
        return _Way(fd)
    if stat.S_ISSOCK(mode):
        copy = os.dup(fd)
        return _Patient(copy, True, socket.socket(fileno=copy))
    if stat.S_ISFIFO(mode) or os.isatty(fd):
        # A description of our own: non-blocking mode on the one that was inherited would hold for
        # every process that shares it, the shell among them.
        try:
            own = os.open(
                f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
            )
        except OSError:
            return _Patient(fd, False)
        return _Patient(own, True)
    return _Way(fd)


def _opened(path: str) -> int:
    """The file, for appending. Non-blocking, as to open a named pipe would wait for its reader; it
    means nothing to regular files."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    return os.open(path, flags, 0o666)
