"""The answer's half of an HTTP conversation with an ASGI application (HTTP spec 2.5).

What the application may send when is a table, `_ACTIONS`; what it sends is checked here and in
`Stream.head`, before one byte of it is written. Declared lengths are counted, bodies dropped where
none is allowed, and what the application leaves unfinished becomes a 500 or a visible cut.
"""

import functools
import os
import stat
from typing import Any

from penstock.errors import ClientDisconnected, MessageError
from penstock.gateway.awaitable import DONE
from penstock.gateway.endings import APP_ERROR
from penstock.gateway.stream import Exchange, Service, Stream
from penstock.gateway.waiters import Waiters
from penstock.wire.events import Head

# Messages, by kind.
_START = 0
_BODY = 1
_TRAILERS = 2
_HINT = 3
_PATH = 4
_ZERO_COPY = 5
_PUSH = 6
_KINDS = {
    "http.response.start": _START,
    "http.response.body": _BODY,
    "http.response.trailers": _TRAILERS,
    "http.response.early_hint": _HINT,
    "http.response.pathsend": _PATH,
    "http.response.zerocopysend": _ZERO_COPY,
    "http.response.push": _PUSH,
}

# States of the response.
_EMPTY = 0
_STARTED = 1
_STREAMING = 2
_BODY_SENT = 3
_COMPLETE = 4

_DO = 0
_REFUSE = 1
_IGNORE = 2
# A row per state, a column per kind of message. Messages after the end are ignored, as the
# specification asks (HTTP-RESP-18, A10); what is out of order raises in the application.
_ACTIONS = (
    #  START    BODY     TRAILERS HINT     PATH     ZERO_COPY PUSH
    (_DO, _REFUSE, _REFUSE, _DO, _REFUSE, _REFUSE, _REFUSE),  # empty
    (_REFUSE, _DO, _REFUSE, _DO, _DO, _DO, _DO),  # started: no body yet
    (_REFUSE, _DO, _REFUSE, _REFUSE, _REFUSE, _DO, _DO),  # streaming: some body
    (_REFUSE, _IGNORE, _DO, _REFUSE, _IGNORE, _IGNORE, _REFUSE),  # body sent, trailers wanted
    (_IGNORE, _IGNORE, _IGNORE, _IGNORE, _IGNORE, _IGNORE, _IGNORE),  # complete
)
_STATE_NAMES = (
    "before http.response.start",
    "after http.response.start",
    "in the middle of the body",
    "after the body",
    "after the response",
)

# An application that never has to wait must still let the loop turn: after so many sends and
# receives, or so many bytes, without a suspension the next one suspends once.
_BURST_EVENTS_MAX = 64
_BURST_BYTES_MAX = 1 << 18
_INT64_MAX = (1 << 63) - 1

# Twins of names that the .pxd makes C integers, for `http` to import.
BURST_EVENTS_MAX = _BURST_EVENTS_MAX
COMPLETE = _COMPLETE
EMPTY = _EMPTY

_ERROR_BODY = b"Internal Server Error"
_ERROR_HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"%d" % len(_ERROR_BODY)),
]


class HttpResponse(Exchange):
    """The base of `http.HttpExchange`, which fills in its attributes."""

    __slots__ = (
        "_burst_bytes",
        "_burst_events",
        "_cancelled",
        "_chunks",
        "_disconnected",
        "_eager",
        "_file",
        "_gone",
        "_held",
        "_pending",
        "_receivers",
        "_remaining",
        "_senders",
        "_service",
        "_state",
        "_stream",
        "_trailers",
        "bodyless",
        "head",
        "sent_bytes",
    )

    _burst_bytes: int
    _burst_events: int
    _cancelled: bool
    _chunks: list[bytes] | None
    _disconnected: bool
    _eager: bool
    _file: Any
    _gone: bool
    _held: bool
    _pending: list[Any] | None
    _receivers: Waiters | None
    _remaining: int
    _senders: Waiters | None
    _service: Service
    _state: int
    _stream: Stream
    _trailers: bool
    bodyless: bool
    head: Head
    sent_bytes: int

    def flush(self) -> None:
        """Let a held head leave without its body (after `Runtime.flush_soon`)."""
        if self._held and not self._gone and self._state == _STARTED:
            self._held = False
            self._stream.flush()

    def send_step(self, message: Any) -> Any:
        """Check and carry out a message; returns what the application has to wait for."""
        return self._handle(message if type(message) is dict else _as_dict(message))

    def _handle(self, message: dict[str, Any]) -> Any:
        name = message.get("type")
        kind = _KINDS.get(name, -1) if type(name) is str else -1
        if kind < 0:
            raise MessageError(
                f"unknown message type {name!r:.80}; see the ASGI HTTP specification"
            )
        action = _ACTIONS[self._state][kind]
        if self._gone and self._state != _COMPLETE:
            raise ClientDisconnected("the client is gone")
        if action != _DO:
            if action == _IGNORE:
                self._service.note("debug", f"{name} {_STATE_NAMES[self._state]} is ignored")
                self._burst_events += 1
                return self.drain_step()
            raise MessageError(f"{name} may not be sent {_STATE_NAMES[self._state]}")
        if kind == _BODY:
            self._body(message)
        elif kind == _START:
            self._start(message)
            return DONE
        elif kind == _TRAILERS:
            self._send_trailers(message)
        elif kind == _HINT:
            self._hint(message)
        elif kind == _PATH:
            self._path(message)
        elif kind == _PUSH:
            self._push(message)
        else:
            self._zero_copy(message)
        self._burst_events += 1
        if (
            self._stream.writable
            and self._file is None
            and self._burst_events < _BURST_EVENTS_MAX
            and self._burst_bytes < _BURST_BYTES_MAX
        ):
            return DONE
        return self.drain_step()

    def drain_step(self) -> Any:
        """Wait for a file under way, for room in the stream's buffer, or for one turn."""
        if self._file is not None:
            return self.wait_to_send()
        if self._gone and self._state != _COMPLETE:
            raise ClientDisconnected("the client left while data waited to be sent")
        if not self._stream.writable and self._state != _COMPLETE:
            return self.wait_to_send()
        if self._burst_events >= _BURST_EVENTS_MAX or self._burst_bytes >= _BURST_BYTES_MAX:
            self._burst_events = 0
            self._burst_bytes = 0
            return None
        return DONE

    def wait_to_send(self) -> Any:
        """A future of its own for each `send` that waits: cancelling one cancels nothing else."""
        self._burst_events = 0
        self._burst_bytes = 0
        if self._senders is None:
            self._senders = Waiters()
        return self._senders.wait(self._service.runtime)

    def _start(self, message: dict[str, Any]) -> None:
        status: Any = message.get("status")
        headers = message.get("headers")
        if headers is None:
            headers = []
        trailers = message.get("trailers", False) is True
        # RFC 9110 section 6.4.1.
        bodyless = self.head.method == "HEAD" or status in {204, 304}
        stream = self._stream
        self._remaining = stream.head(status, headers, bodyless, trailers)
        self.bodyless = bodyless
        self._trailers = trailers and "http.response.trailers" in stream.extensions
        self.status = int(status)
        self._state = _STARTED
        self._held = True
        if not self._eager:
            self._service.runtime.flush_soon(self)

    def _body(self, message: dict[str, Any]) -> None:
        data = message.get("body", b"")
        if type(data) is not bytes:
            data = _as_bytes(data)
        more = message.get("more_body", False)
        if type(more) is not bool:
            raise MessageError(f"more_body must be a bool, got {type(more).__name__}")
        self._held = False
        size = len(data)
        if self.bodyless:
            data = b""
        else:
            if 0 <= self._remaining < size:
                self._excess(data)
            self.sent_bytes += size
            self._burst_bytes += size
            if self._remaining >= 0:
                self._remaining -= size
        if more:
            self._state = _STREAMING
            self._stream.body(data, False)
        else:
            self._finish(data)

    def _finish(self, data: bytes) -> None:
        """The last of the body: end the response, unless trailers or missing bytes forbid it."""
        if self._remaining > 0 and not self.bodyless:
            self._stream.body(data, False)
            self._cut(f"{self._remaining} bytes short of the declared content-length")
        elif self._trailers:
            self._state = _BODY_SENT
            self._stream.body(data, False)
        else:
            self._complete()
            self._stream.body(data, True)

    def _excess(self, data: bytes) -> None:
        """More than was declared: what was declared goes out, and the rest raises (A02)."""
        size = len(data)
        allowed = self._remaining
        self.sent_bytes += allowed
        self._stream.body(data[:allowed], False)
        self._complete()
        self._stream.ended = APP_ERROR
        self._stream.reset("more body than the declared content-length")
        raise MessageError(
            f"{size} bytes of body where {allowed} were left of the declared content-length"
        )

    def _send_trailers(self, message: dict[str, Any]) -> None:
        """Trailer fields go out only to a client that asked for them (TRAIL-05)."""
        fields = (self._pending or []) + list(message.get("headers") or ())
        if message.get("more_trailers", False) is True:
            self._pending = fields
            return
        self._stream.trailers(fields if _wants_trailers(self.head) else [])
        self._complete()

    def _hint(self, message: dict[str, Any]) -> None:
        links = message.get("links")
        if links is None or isinstance(links, (bytes, str)):
            raise MessageError("http.response.early_hint needs links, an iterable of bytes")
        fields = [(b"link", link) for link in links]
        if self._state == _STARTED and not self._held:
            # The head has left: a 103 after it would be taken for the next response (HINT-03).
            self._service.note("debug", "early hint after the head has left is ignored")
            return
        self._stream.informational(103, fields)

    def _push(self, message: dict[str, Any]) -> None:
        """Promise another response (PUSH-01, PUSH-02)."""
        if "http.response.push" not in self._stream.extensions:
            raise MessageError("http.response.push is not among the scope's extensions")
        path = message.get("path")
        if type(path) is not str or not path.startswith("/"):
            raise MessageError(f"the path of a push must begin with /, got {path!r:.80}")
        self._stream.push(path, message.get("headers") or ())

    def _path(self, message: dict[str, Any]) -> None:
        """Send a whole file by its name; the file is opened here and closed when it has gone."""
        path = message.get("path")
        if type(path) is not str or not os.path.isabs(path) or "\0" in path:
            raise MessageError(f"path must be an absolute path, got {path!r:.80}")
        # O_NONBLOCK: opening a FIFO would wait for a writer. It means nothing to a regular file.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                raise MessageError(f"{path!r:.200} is no regular file")
            self._send_file(fd, 0, info.st_size, False)
        finally:
            os.close(fd)

    def _zero_copy(self, message: dict[str, Any]) -> None:
        file: Any = message.get("file")
        try:
            fd = file if type(file) is int else file.fileno()
            info = os.fstat(fd)
        except (AttributeError, OSError, ValueError, TypeError) as exc:
            raise MessageError(f"file must have a file descriptor: {exc}") from None
        if not stat.S_ISREG(info.st_mode):
            raise MessageError("file must be a regular file")
        offset: Any = message.get("offset")
        count: Any = message.get("count")
        follow = offset is None
        for what, number in (("offset", offset), ("count", count)):
            if number is not None and (type(number) is not int or not 0 <= number <= _INT64_MAX):
                raise MessageError(f"{what} must be an int of 0 to 2**63 - 1, got {number!r:.80}")
        if follow:
            offset = os.lseek(fd, 0, os.SEEK_CUR)
        rest = max(info.st_size - offset, 0)
        count = rest if count is None else min(count, rest)
        if follow:
            os.lseek(fd, offset + count, os.SEEK_SET)
        self._send_file(fd, offset, count, message.get("more_body", False) is True)

    def _send_file(self, fd: int, offset: int, count: int, more: bool) -> None:
        """Count a file like a body of `count` bytes, and hand it to the stream.

        The stream gets a duplicate of `fd`: also an application whose `send` was cancelled may
        close its own, and the number of a closed one may soon be another file's.
        """
        if self.bodyless:
            count = 0
        elif self._remaining >= 0:
            excess = count > self._remaining
            if excess or (not more and count < self._remaining):
                fault = "more" if excess else "less"
                if not self._held:
                    self._cut(f"{fault} file than the declared content-length")
                raise MessageError(f"{fault} bytes of file than the declared content-length")
        own = os.dup(fd) if count else -1
        if self._remaining >= 0:
            self._remaining -= count
        self._held = False
        self.sent_bytes += count
        end = not more and not self._trailers
        if end:
            self._complete()
        else:
            self._state = _STREAMING if more else _BODY_SENT
        if not count:
            self._stream.body(b"", end)
            return
        self._file = self._stream.file(own, offset, count, end)
        if self._file is None:
            os.close(own)
        else:
            self._file.add_done_callback(functools.partial(self.file_gone, own))

    def file_gone(self, fd: int, _future: Any) -> None:
        """The stream needs its descriptor no more: let go of it, and let the next `send` go on."""
        os.close(fd)
        self._file = None
        if self._senders is not None:
            self._senders.wake()

    def _unfinished(self, reason: str) -> None:
        """End a response that the application left: a 500 if nothing has left, else a cut."""
        if not self._disconnected:
            self._stream.ended = APP_ERROR
        if self._state == _EMPTY or (self._state == _STARTED and self._held):
            if not self._cancelled and reason != "the application failed":
                self._service.note("error", f"{reason}: {self.describe()}")
            bodyless = self.head.method == "HEAD"
            stream = self._stream
            stream.head(500, _ERROR_HEADERS, bodyless, False)
            self.status = 500
            self._held = False
            self._complete()
            if not bodyless:
                self.sent_bytes = len(_ERROR_BODY)
            stream.body(b"" if bodyless else _ERROR_BODY, True)
        else:
            self._cut(reason)

    def _cut(self, reason: str) -> None:
        """End a response that cannot be finished, so that the client can tell; and say so.

        An application that was told of a disconnect rightly stops: that is no error of its own.
        """
        level = "error"
        if self._disconnected:
            level = "debug"
        else:
            self._stream.ended = APP_ERROR
        self._service.note(level, f"response cut, {reason}: {self.describe()}")
        self._complete()
        self._stream.reset(reason)

    def _complete(self) -> None:
        """Nothing more of this response: `receive` yields `http.disconnect` (HTTP-DISC-02)."""
        self._state = _COMPLETE
        self._held = False
        self._chunks = None
        self.buffered = 0
        if self._receivers is not None:
            self._receivers.wake()

    def describe(self) -> str:
        """Method and path as received, for a log line."""
        return f"{self.head.method} {self.head.raw_path.decode('ascii', 'replace')}"


def _as_dict(message: Any) -> dict[str, Any]:
    try:
        return dict(message)
    except (TypeError, ValueError):
        raise MessageError(f"a message must be a dict, got {type(message).__name__}") from None


def _as_bytes(data: Any) -> bytes:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise MessageError(f"body must be bytes, got {type(data).__name__}")


def _wants_trailers(head: Head) -> bool:
    """Whether the client sent `TE: trailers` (RFC 9110 section 6.5.1, TRAIL-05)."""
    for name, value in head.headers:
        if name == b"te":
            for option in value.lower().split(b","):
                if option.partition(b";")[0].strip() == b"trailers":
                    return True
    return False
