"""An ASGI application as a WSGI one: `AsgiToWsgi`.

The conversation with the application is the server's own, `gateway.http.HttpExchange`, on an event
loop in a thread (`loop_thread`); this module is what surrounds it: the WSGI server's environ,
`wsgi.input` and `start_response` in the place of a connection. The server's thread does all that
belongs to it, as the loop asks for it: reads the body, calls `start_response`, takes blocks.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, copy_context
from http import HTTPStatus
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from penstock.asgi import ASGIApplication
from penstock.bridge.compatibility import guarantee_single_callable
from penstock.bridge.here import arrive, current
from penstock.bridge.loop_thread import LoopThread, log
from penstock.bridge.outbox import Outbox
from penstock.errors import ClientDisconnected, MessageError
from penstock.gateway.http import HttpExchange
from penstock.gateway.stream import DISCONNECT_LOST, Service, Stream
from penstock.wire.events import Head
from penstock.wire.fields import Lines, write_fields
from penstock.wire.response_fields import checked_status, fault, listed

# What is read of a request's body at once, and what may wait to be taken of the response.
_READ_BYTES = 65536
_WAITING_BYTES_MAX = 65536

# Framing and connection are the WSGI server's business (PEP 3333, "Other HTTP Features").
_SERVERS_OWN = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_SETTINGS = SimpleNamespace()

# What the loop asks of the server's thread, beside blocks of body.
_READ = object()
_END = object()


class AsgiToWsgi:
    """A WSGI application that serves HTTP requests with the ASGI application `application`.

    It has one event loop, in a thread of its own, which the first request starts, with the
    application's lifespan (`lifespan`: "auto", "on", "off" as of the server); the program's end or
    `close` ends both. Bodies are streamed both ways: a block is handed on before much more than
    64 KiB are made, and the request's body is read when the application asks for it. When the
    server closes an answer that is not whole, `receive` says so, and `send` raises OSError.
    """

    def __init__(self, application: ASGIApplication, lifespan: str = "auto") -> None:
        if lifespan not in {"auto", "on", "off"}:
            raise ValueError(f"lifespan must be 'auto', 'on' or 'off', got {lifespan!r}")
        self.application = guarantee_single_callable(application)
        self._loop_thread = LoopThread(self.application, lifespan)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Serve one request; returns as soon as the first block is there. What the application
        raises is raised here, or from the iterable."""
        outbox = self._loop_thread.outbox()
        answer = _Answer(self, self._loop_thread, outbox, environ, start_response)
        return answer.begin()

    def close(self) -> None:
        """End lifespan, loop and thread; blocks until then. Another request starts them anew."""
        self._loop_thread.stop()


class _Answer(Stream):
    """One request: the stream of its exchange, and the iterable that the WSGI server gets."""

    __slots__ = (
        "_blocked", "_context", "_end", "_exchange", "_failed", "_finished", "_first", "_held",
        "_input", "_left", "_lineage", "_news", "_outbox", "_over", "_reading", "_sent",
        "_start_response", "_taken",
    )  # fmt: skip

    def __init__(
        self,
        bridge: AsgiToWsgi,
        loop_thread: LoopThread,
        outbox: Outbox,
        environ: Any,
        start_response: Any,
    ) -> None:
        self._outbox = outbox
        self._start_response = start_response
        self._context: Context = copy_context()
        here = current()
        self._lineage = None if here is None else here.lineage
        head = _head(environ)
        self._input = environ["wsgi.input"]
        self._left = head.content_length
        self._news: SimpleQueue[Any] = SimpleQueue()
        self._first = b""
        self._end = False
        self._held: Any = None
        self._reading = False
        self._failed = False
        self._finished = False
        self._over = False
        self._blocked = False
        self._sent = 0
        self._taken = 0
        self.http_version = head.http_version
        self.scheme = environ["wsgi.url_scheme"]
        self.root_path = _utf8(environ.get("SCRIPT_NAME", "")).rstrip("/")
        self.client = _client(environ)
        self.server = (environ["SERVER_NAME"], int(environ["SERVER_PORT"]))
        self.extensions = ()
        self.ended = 0
        self.tls = None
        self.writable = True
        self._exchange: Any = HttpExchange(
            Service(
                app=bridge.application,
                interface="asgi3",
                runtime=loop_thread.runtime,
                context=self._context,
                state=loop_thread.state,
                settings=_SETTINGS,
                app_failed=self._app_failed,
                note=_note,
            ),
            self,
            head,
        )

    # On the server's thread: the iterable.

    def begin(self) -> "_Answer":
        """Have the application called; wait for the first block, or the end."""
        self._post(self)
        try:
            self._first = self._next()
        except BaseException:
            # Nobody has the iterable, so nobody will close it.
            self.close()
            raise
        return self

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block = self._first
        if block:
            self._first = b""
            return block
        block = self._next()
        if not block:
            raise StopIteration
        return block

    def close(self) -> None:
        """The server wants no more (PEP-13)."""
        if not self._end:
            self._end = True
            self._post(_Post(self.leave))

    def _next(self) -> bytes:
        """Do what the loop asks for until there is a block; b"" at the end."""
        if self._end:
            return b""
        while True:
            news = self._news.get()
            if type(news) is bytes:
                self._taken += len(news)
                if self._blocked:
                    self._post(_Post(self.room))
                return news
            if news is _READ:
                self._read()
            elif news is _END:
                self._end = True
                return b""
            elif type(news) is tuple:
                self._start_response(*news)
            else:
                self._end = True
                try:
                    raise news
                finally:
                    del news

    def _read(self) -> None:
        size = _READ_BYTES if self._left < 0 else min(_READ_BYTES, self._left)
        # Not all servers have it: without it a slow body comes in blocks of this size.
        read = getattr(self._input, "read1", None) or self._input.read
        data = b""
        try:
            data = read(size)
        except (OSError, ValueError) as error:
            log.debug("wsgi.input raised %r", error)
        if self._left > 0:
            self._left -= len(data)
        whole = self._left == 0 or (self._left < 0 and not data)
        self._post(_Post(self.tell, bytes(data), whole))

    def _post(self, item: Any) -> None:
        try:
            self._outbox.post(item)
        except RuntimeError as error:
            self._end = True
            raise RuntimeError("the ASGI application was stopped during a request") from error

    # On the loop.

    def deliver(self) -> None:
        """Call the application; posted by `begin`."""
        self._context.run(arrive, self._lineage, None, False)
        self._exchange.start()

    def tell(self, data: bytes, whole: bool) -> None:
        """What was read of the request's body."""
        self._reading = False
        if not self._over:
            if data or whole:
                self._exchange.on_body(data, whole)
            else:
                self._exchange.on_disconnect(DISCONNECT_LOST, True)

    def leave(self) -> None:
        """The server has closed the iterable."""
        if not self._over:
            self._exchange.on_disconnect(DISCONNECT_LOST, True)

    def room(self) -> None:
        """The server took a block."""
        if self._blocked and self._sent - self._taken < _WAITING_BYTES_MAX:
            self._blocked = False
            self.writable = True
            if not self._over:
                self._exchange.on_writable()

    def head(self, status: int, headers: Any, bodyless: bool, trailers: bool) -> int:
        """See `Stream.head`."""
        fields = listed(headers)
        lines = Lines()
        if not write_fields(fields, lines):
            raise fault(fields)
        code = checked_status(status)
        if not 200 <= code <= 999:
            raise MessageError(f"status must be 200 to 999, got {code}")
        self._held = (
            f"{code} {_REASONS.get(code, 'Unknown')}",
            [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in fields
                if name.lower() not in _SERVERS_OWN
            ],
        )
        return lines.length

    def flush(self) -> None:
        """See `Stream.flush`: `start_response` is called, though the server may still wait."""
        if self._held is not None:
            self._news.put(self._held)
            self._held = None

    def body(self, data: bytes, end: bool) -> None:
        """See `Stream.body`."""
        if self._failed:
            return
        self.flush()
        if data:
            self._sent += len(data)
            self._news.put(data)
        if end:
            self._finished = True
            self._news.put(_END)
        elif self._sent - self._taken >= _WAITING_BYTES_MAX:
            self._blocked = True
            self.writable = False
            # What was taken before the flag was set told nobody
            if self._sent - self._taken < _WAITING_BYTES_MAX:
                self._blocked = False
                self.writable = True

    def read_more(self) -> None:
        """See `Stream.read_more`."""
        if not self._reading:
            self._reading = True
            self._news.put(_READ)

    def reset(self, reason: str) -> None:
        """See `Stream.reset`: the iterable raises, so that the server cuts the answer."""
        if not self._failed:
            self._failed = True
            self._news.put(MessageError(f"the answer is not whole: {reason}"))

    def done(self) -> None:
        """See `Stream.done`."""
        self._over = True
        if not (self._finished or self._failed):
            # The application took the client's leave for the end; the server's thread still waits.
            self._news.put(ClientDisconnected("the request's body broke off"))
        # The exchange leads back here.
        self._exchange = None

    def _app_failed(self, exchange: Any, error: BaseException) -> None:
        if self._finished:
            log.error("the application raised after its answer", exc_info=error)
        else:
            self._failed = True
            self._news.put(error)


class _Post:
    """A call of one of the methods above, on the loop."""

    __slots__ = ("_arguments", "_method")

    def __init__(self, method: Any, *arguments: Any) -> None:
        self._method = method
        self._arguments = arguments

    def deliver(self) -> None:
        self._method(*self._arguments)


def _head(environ: dict[str, Any]) -> Head:
    """The request as the exchange wants it, from what the WSGI server says of it."""
    headers: list[tuple[bytes, bytes]] = []
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            name = key[5:].lower().replace("_", "-").encode("latin-1")
            headers.append((name, value.encode("latin-1")))
        elif key in {"CONTENT_TYPE", "CONTENT_LENGTH"} and value:
            headers.append((key.lower().replace("_", "-").encode(), value.encode("latin-1")))
    length = environ.get("CONTENT_LENGTH", "")
    if length.isdigit():
        content_length = int(length)
    else:
        # Without a length nobody but the server can tell where the body ends.
        content_length = -1 if environ.get("wsgi.input_terminated") else 0
    protocol: str = environ.get("SERVER_PROTOCOL", "")
    version = protocol.removeprefix("HTTP/").removesuffix(".0") or "1.1"
    query: str = environ.get("QUERY_STRING", "")
    return Head(
        environ["REQUEST_METHOD"].upper(),
        _raw_path(environ),
        query.encode("latin-1"),
        headers,
        "1.0" if version == "1" else version,
        content_length,
    )


def _raw_path(environ: dict[str, Any]) -> bytes:
    """The path before its escapes were decoded, as received if the server says so."""
    path = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1")
    for key in ("REQUEST_URI", "RAW_URI"):
        target: str = environ.get(key, "").partition("?")[0]
        if target.isascii() and unquote_to_bytes(target) == path:
            return target.encode()
    return quote_from_bytes(path, safe="/!$&'()*+,;=:@~").encode()


def _client(environ: dict[str, Any]) -> tuple[str, int] | None:
    address = environ.get("REMOTE_ADDR", "")
    port = str(environ.get("REMOTE_PORT", ""))
    return (address, int(port) if port.isdigit() else 0) if address else None


def _utf8(text: str) -> str:
    """Text of an environ, which has a character for each byte."""
    return text.encode("latin-1").decode("utf-8", "replace")


def _note(level: str, text: str) -> None:
    log.log(getattr(logging, level.upper()), text)
