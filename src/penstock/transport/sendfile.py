"""A file onto a plain TCP or Unix socket without copying it through the process.

No event loop offers this for uvloop's transports, so it works beside the transport: once the
transport's write buffer is empty, `os.sendfile` writes to a duplicate of the socket's descriptor,
and `add_writer` on the duplicate says when the socket takes more. While it goes on, nobody may
write to the transport. Over TLS, and where there is no `os.sendfile`, the file is read and written in
pieces.
"""

import asyncio
import errno
import os
from collections.abc import Callable
from typing import Any

# Of one file in one turn of the loop: bounds how long a cold disk or a fast reader holds the loop.
TURN_BYTES_MAX = 1 << 18

# A transport whose buffer is not empty yet is looked at in each of the next turns (uvloop writes at
# the end of the turn), then less and less often. Its own signal, `resume_writing`, is the
# connection's, and comes at a low-water mark that need not be empty.
_CHECKS_AT_ONCE = 2
_CHECK_MIN_S = 0.001
_CHECK_MAX_S = 0.016

_SENDFILE: Any = getattr(os, "sendfile", None)
# The pair of file and socket cannot do it: a file of /proc, an odd file system.
_NOT_POSSIBLE = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSOCK, errno.EOPNOTSUPP})


class SendFile:
    """One file on its way. `sent` is the number of bytes that the kernel has taken, for the check of
    slow readers. `cancel()` ends it without `on_done`; call it when the connection is lost."""

    __slots__ = (
        "_by_reads",
        "_checks",
        "_count",
        "_fd",
        "_handle",
        "_loop",
        "_offset",
        "_on_done",
        "_socket",
        "_transport",
        "_watching",
        "sent",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: Any,
        fd: int,
        offset: int,
        count: int,
        on_done: Callable[[BaseException | None], None],
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._fd = fd
        self._offset = offset
        self._count = count
        self._on_done = on_done
        self._socket = -1
        self._checks = 0
        self._watching = False
        self._by_reads = _SENDFILE is None
        self._handle: asyncio.Handle | None = None
        self.sent = 0

    def start(self) -> None:
        """Begin as soon as the transport has nothing of its own to write."""
        self._handle = None
        if self._transport.is_closing():
            self._finish(ConnectionResetError("the connection is closing"))
            return
        if self._transport.get_write_buffer_size():
            self._check_again(self.start)
            return
        self._checks = 0
        if self._transport.get_extra_info("sslcontext") is not None:
            # The socket takes what is encrypted, and only the transport encrypts
            self._by_reads = True
        elif self._socket < 0 and not self._by_reads:
            try:
                self._socket = os.dup(self._transport.get_extra_info("socket").fileno())
            except OSError as error:
                # Out of descriptors: the slower way needs none
                if error.errno not in {errno.EMFILE, errno.ENFILE}:
                    self._finish(error)
                    return
                self._by_reads = True
        self._go_on()

    def cancel(self) -> None:
        """Stop; nothing more is written, and `on_done` is not called."""
        self._release()
        self._on_done = _nobody

    def _go_on(self) -> None:
        self._handle = None
        if self.sent >= self._count:
            self._finish(None)
        elif self._by_reads:
            self._read_piece()
        else:
            self._send_piece()

    def _send_piece(self) -> None:
        wanted = min(TURN_BYTES_MAX, self._count - self.sent)
        try:
            taken = _SENDFILE(self._socket, self._fd, self._offset + self.sent, wanted)
        except (BlockingIOError, InterruptedError):
            self._watch()
            return
        except OSError as error:
            if error.errno in _NOT_POSSIBLE and not self.sent:
                self._unwatch()
                self._by_reads = True
                self._go_on()
            else:
                self._finish(error)
            return
        if taken == 0:
            self._finish(self._too_short())
            return
        self.sent += taken
        if self.sent >= self._count:
            self._finish(None)
        else:
            self._watch()

    def _read_piece(self) -> None:
        if self._transport.get_write_buffer_size():
            self._check_again(self._go_on)
            return
        self._checks = 0
        wanted = min(TURN_BYTES_MAX, self._count - self.sent)
        try:
            data = os.pread(self._fd, wanted, self._offset + self.sent)
        except OSError as error:
            self._finish(error)
            return
        if not data:
            self._finish(self._too_short())
            return
        self._transport.write(data)
        self.sent += len(data)
        self._handle = self._loop.call_soon(self._go_on)

    def _check_again(self, callback: Callable[[], None]) -> None:
        checks = self._checks
        self._checks += 1
        if checks < _CHECKS_AT_ONCE:
            self._handle = self._loop.call_soon(callback)
        else:
            delay = min(_CHECK_MIN_S * 2 ** min(checks - _CHECKS_AT_ONCE, 10), _CHECK_MAX_S)
            self._handle = self._loop.call_later(delay, callback)

    def _too_short(self) -> OSError:
        return OSError(
            errno.EIO,
            f"the file ended after {self.sent} of {self._count} bytes: it was cut meanwhile",
        )

    def _watch(self) -> None:
        if not self._watching:
            self._watching = True
            self._loop.add_writer(self._socket, self._go_on)

    def _unwatch(self) -> None:
        if self._watching:
            self._watching = False
            self._loop.remove_writer(self._socket)

    def _release(self) -> None:
        self._unwatch()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._socket >= 0:
            os.close(self._socket)
            self._socket = -1

    def _finish(self, error: BaseException | None) -> None:
        self._release()
        on_done, self._on_done = self._on_done, _nobody
        on_done(error)


def _nobody(error: BaseException | None) -> None:
    """Stands where nobody wants to know any more."""


def send_file(
    loop: asyncio.AbstractEventLoop,
    transport: Any,
    fd: int,
    offset: int,
    count: int,
    on_done: Callable[[BaseException | None], None],
) -> SendFile:
    """Send `count` bytes of the regular file `fd` from `offset` on over `transport`'s socket.

    `on_done(None)` is called once when the kernel has taken them all, `on_done(error)` when that
    cannot be: the connection must be cut then, since the response is not whole. Possibly before
    this returns. Nothing may be written to `transport` meanwhile. `fd` stays the caller's.
    """
    job = SendFile(loop, transport, fd, offset, count, on_done)
    job.start()
    return job
