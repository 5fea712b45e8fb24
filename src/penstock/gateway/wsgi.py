"""One HTTP request's conversation with a WSGI application (PEP 3333), for every HTTP version.

`WsgiCall` in `wsgi_call` is the half that runs on the application's thread; this half runs on the
loop's, and says there how the two talk. With `--threads 0` they are the same thread.
"""

from collections import deque
from typing import Any

from penstock.errors import ClientDisconnected, HttpError, MessageError
from penstock.gateway.endings import APP_ERROR
from penstock.gateway.stream import DISCONNECT_LOST
from penstock.gateway.wsgi_call import (
    PART_DATA,
    PART_DONE,
    PART_FAILED,
    PART_FILE,
    PART_HEAD,
    PART_RAISED,
    PART_TAKEN,
    WsgiCall,
)

# A request is given to a thread when this much of its body is there, or all of it: a slow upload
# of a small body holds no thread. Less if the connection reads less ahead (option read_buffer).
BODY_AHEAD_BYTES = 65536
# With --threads 0 the body must be whole before the application may run, so it must be small.
INLINE_BODY_BYTES_MAX = 65536

# Where the exchange stands; 0 before `start`.
_COLLECTING = 1  # the body, before a thread is asked for
_RUNNING = 2  # waits for a thread, or has one
_OVER = 3

_PLAIN_TEXT = (b"content-type", b"text/plain; charset=utf-8")


class WsgiExchange(WsgiCall):
    """The conversation about one request; see `Exchange` for who calls what."""

    __slots__ = ()

    # Upwards: called by the connection.

    def start(self) -> None:
        """Have the application called as soon as it has something to do."""
        if self._whole and not self._inline:
            self._submit()
        else:
            self._state = _COLLECTING
            self._collect()

    def on_body(self, data: bytes, end: bool) -> None:
        """Keep `data` until the application asks for it; dropped once the request is over."""
        if self._over:
            return
        if data:
            if self._chunks is None:
                self._chunks = deque()
            self._chunks.append(data)
            self.buffered += len(data)
        if end:
            self._whole = True
        if self._state == _COLLECTING:
            self._collect()
        elif self._state == _RUNNING:
            self._wake()

    def on_writable(self) -> None:
        """The stream takes more: let the application go on."""
        self._blocked = False
        self._unsent = 0
        if self._inline:
            self._resume()
        else:
            self._wake()

    def on_disconnect(self, reason: str, gone: bool) -> None:
        """A body that is not whole will never be: reading it raises. With `gone` the next `write()`
        or block raises ClientDisconnected too, so that `close()` is called (PEP-13, WSGI-18)."""
        if not self._whole:
            self._incomplete = reason
        if gone:
            self._gone = True
            self._over = True
        if self._state == _COLLECTING and self._incomplete:
            # The application was not called, and will not be.
            if not gone:
                self._over = True
                self._stream.reset(f"the request's body is not whole: {reason}")
            self._end()
        elif self._inline and gone:
            self._resume()
        self._wake()

    def on_deadline(self, now: float) -> None:
        """An HTTP exchange has no deadline of its own: the connection watches the wire."""

    def on_shutdown(self) -> None:
        """A request goes on to its end."""

    def where(self) -> str:
        """See `Exchange.where`."""
        if self._state == _COLLECTING:
            return "the request's body, which is not whole"
        if self._state == _RUNNING:
            place: str = self._pool.where(self)
            return place
        return "its end" if self._state == _OVER else "not started"

    def cancel(self) -> str:
        """Let the next thing that the application asks of the server raise; returns where it is.

        A thread cannot be ended by force. `Stream.done` is called if and when it comes back.
        """
        place = self.where()
        if self._state == _COLLECTING:
            self._over = True
            self._end()
        self.on_disconnect(DISCONNECT_LOST, True)
        return place

    # On the loop's thread.

    def _collect(self) -> None:
        """Look whether enough of the body is there to call the application."""
        if self._inline:
            if max(self.head.content_length, self.buffered) > INLINE_BODY_BYTES_MAX:
                self._refuse_body()
                return
            ready = self._whole
        else:
            read_buffer: int = self._service.settings.read_buffer
            # 100 Continue is sent when the application asks for the body, so it must run before.
            ready = (
                self._whole
                or self.head.expect_continue
                or self.buffered >= min(BODY_AHEAD_BYTES, read_buffer)
            )
        if ready:
            self._submit()
        else:
            self._stream.read_more()

    def _submit(self) -> None:
        self._state = _RUNNING
        if not self._pool.submit(self):
            self._service.note("warning", f"503, no thread is free: {self.describe()}")
            self._answer_text(503, b"Service Unavailable", [(b"retry-after", b"1")])
            self._end()

    def _refuse_body(self) -> None:
        self._service.note(
            "warning",
            f"413, --threads 0 takes bodies of up to {INLINE_BODY_BYTES_MAX} bytes; larger ones need"
            f" --threads 1 or more: {self.describe()}",
        )
        self._answer_text(413, b"Content Too Large", [])
        self._end()

    def _resume(self) -> None:
        """With --threads 0: go on with the iterable, if it waits."""
        if self._iterator is not None:
            self._pool.resubmit(self)

    def _end(self) -> None:
        """The application's call is over, or never was."""
        if self._state == _OVER:
            return
        self._state = _OVER
        self._over = True
        if (self._chunks or not self._whole) and not self._incomplete:
            self._incomplete = "the request is over"
        self._chunks = None
        self.buffered = 0
        self._app_error = None
        self._wake()
        self._stream.done()

    def _wake(self) -> None:
        """Let every thread that waits for this exchange look again."""
        waiters = self._waiters
        while waiters:
            waiters.popleft().release()

    def deliver(self) -> None:
        """Carry out what the application's thread has asked for since the last call."""
        self._posted = False
        data = self._answer
        if data is not None:
            self._answer = None
            self._send(self._status, self._headers, data, True)
            self._end()
            return
        parts = self._parts
        delivered = self._delivered
        while parts:
            self._perform(parts.popleft())
        # For a thread that was ahead. One that waits for the body has to wait on.
        if self._delivered != delivered and not self._blocked:
            self._wake()

    def _perform(self, part: tuple[Any, ...]) -> None:
        kind = part[0]
        if kind == PART_DATA:
            data = part[1]
            self._delivered += len(data)
            if not self._over:
                self._body(data, part[2])
        elif kind == PART_HEAD:
            self.bodyless = part[3]
            self._delivered += len(part[4])
            self._send(part[1], part[2], part[4], part[5])
        elif kind == PART_DONE:
            self._end()
        elif kind == PART_TAKEN:
            self._report(part[1])
        elif kind == PART_FILE:
            self._file(part[1], part[2], part[3], part[4], part[5])
        elif kind == PART_FAILED:
            self._failed(part[1])
        elif kind == PART_RAISED:
            self._service.app_failed(self, part[1])
        else:  # PART_TEXT
            self._service.note("error", f"{part[1]}: {self.describe()}")

    def _send(self, status: int, headers: Any, data: bytes, end: bool) -> None:
        """Head and first part of the body, in one write."""
        if self._over or not self._head(status, headers):
            return
        self._body(data, end)

    def _head(self, status: int, headers: Any) -> bool:
        try:
            self._stream.head(status, headers, self.bodyless, False)
        except MessageError as exc:
            # Here and not in start_response: the stream alone knows what its protocol can carry.
            self._app_error = exc
            self._failed(exc)
            self._wake()
            return False
        self.status = status
        return True

    def _body(self, data: bytes, end: bool) -> None:
        stream = self._stream
        self.sent_bytes += len(data)
        if end:
            self._over = True
        stream.body(data, end)
        if not end:
            self._blocked = not stream.writable

    def _file(self, status: int, headers: Any, fd: int, offset: int, count: int) -> None:
        """A file without copying. No thread waits for it; one closes it in the end."""
        future = None
        if not self._over and self._head(status, headers):
            self._over = True
            self.sent_bytes += count
            future = self._stream.file(fd, offset, count, True)
        if future is None:
            self._pool.resubmit(self)
        else:
            future.add_done_callback(self._file_sent)

    def _file_sent(self, _future: Any) -> None:
        self._pool.resubmit(self)

    def _report(self, count: int) -> None:
        """The application took `count` bytes of the body."""
        if self._over:
            # The response is out: the connection reads the rest itself and throws it away.
            if not self._whole and not self._incomplete:
                self._incomplete = "the response is over"
            self._wake()
            return
        self.buffered -= count
        if not self._whole and not self._incomplete:
            self._stream.read_more()

    def _failed(self, exc: BaseException) -> None:
        """An exception has escaped the application (A04, A05), or its head was refused."""
        if isinstance(exc, ClientDisconnected) and (self._gone or self._incomplete):
            if not self._over:
                self._over = True
                self._stream.reset(f"the request's body is not whole: {self._incomplete}")
            return
        if isinstance(exc, HttpError):
            self._service.note("warning", f"{exc.status}, {exc}: {self.describe()}")
            self._answer_text(exc.status, str(exc).encode("ascii", "replace"), [])
            return
        self._service.app_failed(self, exc)
        if self._over:
            return
        self._stream.ended = APP_ERROR
        if self.status == 0:
            self._answer_text(500, b"Internal Server Error", [])
        else:
            self._over = True
            self._service.note("error", f"response cut, the application failed: {self.describe()}")
            self._stream.reset("the application failed")

    def _answer_text(self, status: int, text: bytes, more: list[tuple[bytes, bytes]]) -> None:
        """A whole answer that is not the application's."""
        if self._over:
            return
        self._over = True
        self.status = status
        self.bodyless = self.head.method == "HEAD"
        length = (b"content-length", b"%d" % len(text))
        self._stream.head(status, [_PLAIN_TEXT, length, *more], self.bodyless, False)
        if self.bodyless:
            text = b""
        self.sent_bytes += len(text)
        self._stream.body(text, True)

    def describe(self) -> str:
        """Method and path as received, for a log line."""
        return f"{self.head.method} {self.head.raw_path.decode('ascii', 'replace')}"
