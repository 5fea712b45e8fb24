"""One HTTP request's conversation with an ASGI application (HTTP spec 2.5), for every HTTP version.

This half calls the application, gives it the request, and tells it when the client has left; its
base, `http_response.HttpResponse`, takes the answer.
"""

from typing import Any

from penstock.gateway.awaitable import DONE, Awaitable
from penstock.gateway.driving import drive
from penstock.gateway.http_response import BURST_EVENTS_MAX, COMPLETE, EMPTY, HttpResponse
from penstock.gateway.scope import decode_path, lost_client, where
from penstock.gateway.stream import Service, Stream
from penstock.gateway.waiters import Waiters
from penstock.wire.events import Head

# Copied for each request, and changed where the request differs: cheaper than to build a dict of so
# many keys anew.
_ASGI = {"version": "3.0", "spec_version": "2.5"}
_SCOPE: dict[str, Any] = dict.fromkeys(
    (
        "type",
        "asgi",
        "http_version",
        "server",
        "client",
        "scheme",
        "method",
        "root_path",
        "path",
        "raw_path",
        "query_string",
        "headers",
        "extensions",
    )
)
_SCOPE.update(type="http", http_version="1.1", scheme="http", root_path="")


class _Receive(Awaitable):
    """One call of `receive()`."""

    __slots__ = ("_exchange",)

    _exchange: "HttpExchange"

    def step(self, first: bool) -> Any:
        """Take the next event if there is one, else wait."""
        return self._exchange.receive_step(self)


class _Send(Awaitable):
    """One call of `send()`."""

    __slots__ = ("_exchange", "_message")

    _exchange: "HttpExchange"
    _message: Any

    def step(self, first: bool) -> Any:
        """Handle the message once, then wait until the stream takes more."""
        exchange = self._exchange
        if first or self._message is not None:
            if exchange._file is not None:
                # Nothing may be written beside a file that is on its way.
                return exchange.wait_to_send()
            message = self._message
            self._message = None
            return exchange.send_step(message)
        return exchange.drain_step()


class HttpExchange(HttpResponse):
    """The conversation about one request; see `Exchange` for who calls what."""

    __slots__ = (
        "_body_ended",
        "_body_taken",
        "_task",
    )

    _task: Any

    def __init__(self, service: Service, stream: Stream, head: Head) -> None:
        self.begin(service, stream, head)

    def begin(self, service: Service, stream: Stream, head: Head) -> None:
        """What `__init__` does; apart because a connection makes one for each request, and a plain
        method is much cheaper to call than a type."""
        self._service = service
        self._stream = stream
        self.head = head
        self.status = 0
        self.buffered = 0
        self.sent_bytes = 0
        self.bodyless = False
        self._state = EMPTY
        self._remaining = -1
        self._chunks: list[bytes] | None = None
        self._body_ended = head.content_length == 0
        self._body_taken = False
        self._disconnected = False
        self._gone = False
        self._cancelled = False
        self._held = False
        self._trailers = False
        self._pending: list[Any] | None = None
        self._eager = False
        self._burst_events = 0
        self._burst_bytes = 0
        self._receivers: Waiters | None = None
        self._senders: Waiters | None = None
        self._file: Any = None
        self._task: Any = None

    # Upwards: called by the connection.

    def start(self) -> None:
        """Call the application with a scope of its own, in a fresh copy of lifespan's context."""
        service = self._service
        self._eager = True
        task = service.runtime.start_task(
            drive(self, service.app, self._scope()), service.context.copy()
        )
        self._eager = False
        if self._state != COMPLETE or not task.done():
            self._task = task
            if self._held:
                service.runtime.flush_soon(self)

    def on_body(self, data: bytes, end: bool) -> None:
        """Keep `data` until the application asks for it; dropped once the response is complete."""
        if self._state == COMPLETE:
            return
        if data:
            if self._chunks is None:
                self._chunks = [data]
            else:
                self._chunks.append(data)
        if end:
            self._body_ended = True
        self.buffered += len(data)
        # Whoever waits takes it now: to stop reading for a piece that is gone in the next turn
        # would cost more than all the rest of an upload.
        if self._receivers is not None:
            self._receivers.fire()

    def on_writable(self) -> None:
        """The stream takes more: wake those who wait in `send`."""
        if self._senders is not None:
            self._senders.wake()

    def on_disconnect(self, reason: str, gone: bool) -> None:
        """Let `receive` yield `http.disconnect`; with `gone`, let `send` raise (HTTP-DISC-06)."""
        self._disconnected = True
        if gone:
            self._gone = True
            if self._senders is not None:
                self._senders.wake()
        if self._receivers is not None:
            self._receivers.wake()

    def on_deadline(self, now: float) -> None:
        """An HTTP exchange has no deadline of its own: the connection watches the wire."""

    def on_shutdown(self) -> None:
        """A request goes on to its end."""

    def where(self) -> str:
        """See `Exchange.where`."""
        if self._task is None:
            return "the application, running" if self._eager else "not started"
        return where(self._task.get_coro())

    def cancel(self) -> str:
        """Cancel the application's task; returns where it stood."""
        self._cancelled = True
        place = self.where()
        if self._task is not None:
            self._task.cancel()
        return place

    # Downwards: called by the application.

    def receive(self) -> Awaitable:
        """ASGI's `receive`."""
        # No __init__: these are made for each event, and a call through the type costs much.
        awaitable = _Receive.__new__(_Receive)
        awaitable._begun = False
        awaitable.result = None
        awaitable._exchange = self
        return awaitable

    def send(self, message: Any) -> Awaitable:
        """ASGI's `send`."""
        awaitable = _Send.__new__(_Send)
        awaitable._begun = False
        awaitable.result = None
        awaitable._exchange = self
        awaitable._message = message
        return awaitable

    def receive_step(self, awaitable: Awaitable) -> Any:
        """Give the next event to `awaitable`, or return what to wait for."""
        if self._burst_events >= BURST_EVENTS_MAX:
            self._burst_events = 0
            return None
        self._burst_events += 1
        if self._state != COMPLETE and not self._body_taken:
            if self._body_ended or self._chunks is not None:
                body = b""
                if self._chunks is not None:
                    body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
                    self._chunks = None
                    self.buffered = 0
                if self._body_ended:
                    self._body_taken = True
                elif not self._disconnected:
                    self._stream.read_more()
                awaitable.result = {
                    "type": "http.request",
                    "body": body,
                    "more_body": not self._body_taken,
                }
                return DONE
            if not self._disconnected:
                self._stream.read_more()
        if self._state == COMPLETE or self._disconnected:
            awaitable.result = {"type": "http.disconnect"}
            return DONE
        self._burst_events = 0
        if self._receivers is None:
            self._receivers = Waiters()
        return self._receivers.wait(self._service.runtime)

    # The end, and the beginning.

    def app_ended(self, exc: BaseException | None) -> None:
        """The application's call is over; `exc` is what escaped it. Called once, by `drive`."""
        if exc is not None:
            self._failed(exc)
        elif self._state != COMPLETE and not self._gone:
            self._unfinished("the application returned without a whole response")
        self._task = None
        self._stream.done()

    def _failed(self, exc: BaseException) -> None:
        """An exception has escaped the application (A04, A05, HTTP-DISC-08)."""
        if self._gone and lost_client(exc):
            # The loss itself, or what a framework made of it, is no failure of the application.
            return
        if not self._cancelled:
            self._service.app_failed(self, exc)
        if self._state != COMPLETE and not self._gone:
            self._unfinished("the application failed")

    def _scope(self) -> dict[str, Any]:
        """A scope that shares no mutable part with any other (SCOPE-08)."""
        head = self.head
        service = self._service
        stream = self._stream
        scope = _SCOPE.copy()
        if head.http_version != "1.1":
            scope["http_version"] = head.http_version
        if stream.scheme != "http":
            scope["scheme"] = stream.scheme
        root_path = stream.root_path
        if root_path:
            scope["root_path"] = root_path
        scope["asgi"] = _ASGI.copy()
        scope["server"] = stream.server
        scope["client"] = stream.client
        scope["method"] = head.method
        scope["path"] = decode_path(head.raw_path, root_path, service.root_path_mode)
        scope["raw_path"] = head.raw_path
        scope["query_string"] = head.query
        scope["headers"] = head.headers
        # One empty dict for all names of this scope: nothing of it reaches another request.
        nothing: dict[str, Any] = {}
        extensions = {}
        for name in stream.extensions:
            extensions[name] = nothing
        if stream.scheme != "http" and stream.tls is not None:
            extensions["tls"] = stream.tls.entry()
        scope["extensions"] = extensions
        if service.state is not None:
            scope["state"] = service.state.copy()
        return scope
