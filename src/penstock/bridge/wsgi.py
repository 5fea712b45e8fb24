"""A WSGI application as an ASGI one: `WsgiToAsgi`.

The conversation with the application is the server's own, `gateway.wsgi.WsgiExchange`; this module
is what surrounds it: ASGI's `receive` and `send` in the place of a connection, and threads.
"""

import asyncio
import logging
import sys
from asyncio import CancelledError
from collections import deque
from contextvars import copy_context
from threading import Lock
from types import SimpleNamespace
from typing import Any

from penstock.asgi import Receive, Scope, Send
from penstock.bridge.here import arrive, current
from penstock.bridge.outbox import outbox_of
from penstock.bridge.threads import Threads
from penstock.bridge.to_async import ABOVE
from penstock.gateway.environ import VALUES_MAX, Environs
from penstock.gateway.stream import DISCONNECT_LOST, Service, Stream
from penstock.gateway.wsgi import WsgiExchange
from penstock.wire.events import Head

# What may wait to be sent while the application makes more, and how much of a request's body is
# read ahead of it.
_WAITING_BYTES_MAX = 65536
_READ_AHEAD_BYTES = 65536

_SETTINGS = SimpleNamespace(
    drop_underscore_headers=True,  # WSGI-12
    wsgi_drop_proxy_header=True,
    read_buffer=_READ_AHEAD_BYTES,
    workers=2,  # there may be other processes: nobody has said
)


class WsgiToAsgi:
    """An ASGI application that serves the WSGI application `application` on threads of its own.

    - `duplicate_header_limit`: more values of one header field are a 400; None for no limit (WSGI-14).
    - `threads`: how many requests run at once. They start with the first requests; `close` ends them.

    Bodies are streamed both ways, with backpressure. What the application raises comes out of the
    call, so that whatever is around it answers or logs it. May be called by several event loops.
    """

    def __init__(
        self, application: Any, duplicate_header_limit: int | None = VALUES_MAX, threads: int = 10
    ) -> None:
        if threads < 1:
            raise ValueError(f"threads must be 1 or more, got {threads}")
        self.application = application
        self.duplicate_header_limit = duplicate_header_limit
        self._threads = Threads("penstock-wsgi-bridge", threads)
        nobody = Service(
            app=None,
            interface="wsgi",
            runtime=None,
            context=None,
            state=None,
            settings=_SETTINGS,
            app_failed=None,
            note=None,
        )
        self.environs = Environs(nobody, threads > 1, duplicate_header_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request. Raises ValueError for other scopes (WSGI-08)."""
        if scope["type"] != "http":
            raise ValueError(
                f"a WSGI application serves HTTP only, and got a scope of type {scope['type']!r}"
            )
        conversation = Conversation(self, scope, self._threads)
        try:
            await conversation.run(receive, send)
        finally:
            conversation.leave()

    def close(self) -> None:
        """End the threads once they have done what they run; blocks until then."""
        for thread in self._threads.stop():
            thread.join()


class Conversation(Stream):
    """One request: the stream of its exchange, which is ASGI's `send` and `receive`, and its pool,
    which are the application's threads."""

    __slots__ = (
        "_bodyless", "_done", "_exchange", "_failure", "_left", "_listener",
        "_messages", "_news", "_start", "_taken", "_threads", "_waiting_bytes", "_wanted", "_wants",
        "_whole", "bridge", "frame", "lineage", "nested", "outbox", "scope",
    )  # fmt: skip

    inline = False

    def __init__(self, bridge: WsgiToAsgi, scope: Scope, threads: Threads) -> None:
        self.bridge = bridge
        self.scope = scope
        self._threads = threads
        self.outbox = outbox_of(asyncio.get_running_loop())
        self.nested: Any = None
        here = current()
        self.lineage: Any = None if here is None else here.lineage
        self.frame: Any = None if here is None else here.frame
        self.http_version = scope.get("http_version", "1.1")
        self.scheme = scope.get("scheme", "http")
        self.client = _address(scope.get("client"))
        self.server = _address(scope.get("server"))
        self.root_path = scope.get("root_path", "").rstrip("/")
        self.extensions = ()
        self.ended = 0
        self.tls = None
        self.writable = True
        self._messages: deque[Any] = deque()
        self._waiting_bytes = 0
        self._start: Any = None
        self._bodyless = False
        self._news: Any = None
        self._wanted: Any = None
        self._wants = False
        self._listener: Any = None
        self._failure: BaseException | None = None
        self._taken = False
        self._done = False
        self._left = False
        service = Service(
            app=bridge.application,
            interface="wsgi",
            runtime=None,
            context=copy_context(),
            state=None,
            settings=_SETTINGS,
            app_failed=self._failed,
            note=_note,
        )
        head = _head(scope)
        self._whole = head.content_length == 0
        self._exchange: Any = _Exchange(service, self, head, self)
        self._exchange.conversation = self

    # On the loop: ASGI's side.

    async def run(self, receive: Receive, send: Send) -> None:
        """The conversation, to its end; raises what the application or `send` has raised."""
        exchange = self._exchange
        exchange.start()
        # A small body is taken in before a thread is: a slow client holds none.
        while self._wants and not self._taken:
            self._wants = False
            await self._receive(receive)
        loop = self.outbox.loop
        if not (self._done or self._whole):
            self._listen(receive)
        while True:
            while self._messages:
                message = self._messages.popleft()
                try:
                    await send(message)
                except CancelledError:
                    raise
                except Exception as error:
                    self._lost(error)
                    break
                body = message.get("body")
                if body is not None and message.get("more_body"):
                    self._waiting_bytes -= len(body)
                    if self._listener is None:
                        # A long answer: somebody has to see whether there is still a client.
                        self._listen(receive)
            if not self.writable and not self._messages:
                self.writable = True
                exchange.on_writable()
            elif not self._messages:
                if self._done:
                    break
                self._news = loop.create_future()
                await self._news
                self._news = None
        if self._failure is not None:
            raise self._failure

    def leave(self) -> None:
        """The call is over, however it ended: the application's thread learns it if it still runs."""
        listener = self._listener
        self._listener = None
        if listener is not None:
            listener.cancel()
        if self._done:
            # The exchange leads back here.
            self._exchange = None
        else:
            self._messages.clear()
            self._exchange.on_disconnect(DISCONNECT_LOST, True)
            if self.nested is not None:
                self.nested.cancel()
        self._failure = None
        self._left = True

    def _lost(self, error: Exception) -> None:
        """`send` or `receive` raised: the application is told, and its thread waited for."""
        if not isinstance(error, OSError) and self._failure is None:
            self._failure = error
        self._messages.clear()
        if self._exchange is not None:
            self._exchange.on_disconnect(DISCONNECT_LOST, True)

    async def _receive(self, receive: Receive) -> bool:
        """Hand on one event; False after the last (WSGI-18)."""
        event = await receive()
        exchange = self._exchange
        if exchange is None:
            return False
        if event["type"] == "http.request":
            if self._whole:
                return False
            self._whole = not event.get("more_body", False)
            exchange.on_body(event.get("body", b""), self._whole)
            return True
        exchange.on_disconnect(DISCONNECT_LOST, True)
        return False

    def _listen(self, receive: Receive) -> None:
        self._listener = self.outbox.loop.create_task(self._hear(receive))

    async def _hear(self, receive: Receive) -> None:
        """Take the rest of the body as it is asked for, then wait for the client's leave."""
        while not self._done:
            if not (self._wants or self._whole):
                self._wanted = self.outbox.loop.create_future()
                await self._wanted
                self._wanted = None
            self._wants = False
            try:
                if not await self._receive(receive):
                    return
            except Exception as error:
                self._lost(error)
                return

    # On the loop: what the exchange asks of a stream.

    def head(self, status: int, headers: Any, bodyless: bool, trailers: bool) -> int:
        """Keep the head until its first body. A failed application's answer is not ours to make."""
        self._start = {"type": "http.response.start", "status": status, "headers": headers}
        self._bodyless = bodyless
        return -1

    def body(self, data: bytes, end: bool) -> None:
        """Queue a message for `send`, the head before it."""
        if self._failure is None:
            start = self._start
            if start is not None:
                if end and not self._bodyless:
                    # The whole body is here: its length is known (PEP-18).
                    _declare(start["headers"], len(data))
                self._messages.append(start)
                self._start = None
            self._messages.append(
                {"type": "http.response.body", "body": data, "more_body": not end}
            )
            if not end:
                self._waiting_bytes += len(data)
                self.writable = self._waiting_bytes < _WAITING_BYTES_MAX
            self._tell()

    def read_more(self) -> None:
        """Receive on."""
        self._wants = True
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)

    def reset(self, reason: str) -> None:
        """The response stays as it is: what has failed is raised, or there is no client any more."""

    def done(self) -> None:
        """The application's call is over."""
        self._done = True
        if self._left:
            self._exchange = None
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _failed(self, exchange: Any, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error

    # The pool.

    @property
    def environs(self) -> "Conversation":
        """Where the exchange finds `build` and `errors`."""
        return self

    errors = SimpleNamespace(partial=None)

    def build(self, head: Any, stream: Any, body: Any) -> dict[str, Any]:
        """The request's environ (WSGI-02). `wsgi.errors` is the standard error stream; the scope is
        there as `asgi.scope`."""
        scope = self.scope
        environ: dict[str, Any] = self.bridge.environs.build(head, stream, body)
        raw_path = scope.get("raw_path")
        if raw_path:
            target = raw_path.partition(b"?")[0].decode("latin-1")
            query = environ["QUERY_STRING"]
            environ["REQUEST_URI"] = environ["RAW_URI"] = f"{target}?{query}" if query else target
        environ["wsgi.errors"] = sys.stderr
        # It has no faster way to the client here than any other iterable.
        del environ["wsgi.file_wrapper"]
        environ["asgi.scope"] = scope
        return environ

    def submit(self, exchange: Any) -> bool:
        """Have a thread call the application."""
        self._taken = True
        self._threads.put(exchange)
        return True

    def post(self, exchange: Any) -> None:
        """Have the exchange carry out on the loop what the thread asks for."""
        try:
            self.outbox.post(exchange)
        except RuntimeError:
            # The loop is closed: nobody waits for the rest
            exchange.on_disconnect(DISCONNECT_LOST, True)

    def new_lock(self) -> Any:
        """A lock that is taken."""
        lock = Lock()
        lock.acquire()
        return lock


class _Exchange(WsgiExchange):
    """The server's own exchange, on a thread of ours: `async_to_sync` finds the loop above it, and
    `Local` its values."""

    __slots__ = ("conversation",)

    conversation: "Conversation"

    def run(self) -> None:
        """See `WsgiCall.run`."""
        outer = ABOVE.call
        ABOVE.call = self.conversation
        try:
            WsgiExchange.run(self)
        finally:
            ABOVE.call = outer

    def converse(self) -> None:
        """See `WsgiCall.converse`."""
        conversation = self.conversation
        arrive(conversation.lineage, conversation.frame, False)
        WsgiExchange.converse(self)


def _head(scope: Scope) -> Head:
    """What the exchange wants to know of a request. Names in lower case (WSGI-11)."""
    headers = [(bytes(name).lower(), bytes(value)) for name, value in scope.get("headers", ())]
    length = -1
    expects = False
    for name, value in headers:
        if name == b"content-length":
            length = int(value) if value.isdigit() and len(value) < 19 else -1
        elif name == b"expect":
            expects = value.lower() == b"100-continue"
    path = scope["path"].encode("utf-8", "surrogateescape").replace(b"%", b"%25")
    return Head(
        scope["method"].upper(),
        path,
        scope.get("query_string", b""),
        headers,
        scope.get("http_version", "1.1"),
        length,
        True,
        expects,
    )


def _declare(headers: list[tuple[bytes, bytes]], length: int) -> None:
    for name, _ in headers:
        if name == b"content-length":
            return
    headers.append((b"content-length", b"%d" % length))


def _address(address: Any) -> Any:
    """As a tuple with a numeric port, or None (WSGI-09)."""
    if address is None:
        return None
    host, port = address
    return (host, None if port is None else int(port))


def _note(level: str, text: str) -> None:
    _log.log(getattr(logging, level.upper()), text)


_log = logging.getLogger("penstock.bridge")
