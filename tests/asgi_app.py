"""A probe: an ASGI application that records what the server gives it, and tells it to a test in another thread.

`Probe(handler)` calls `await handler(call)` for each request. What the handler does with `call.receive` and `call.send` is
recorded in `call.events`; `call.raw_receive` and `call.raw_send` are the server's own. `call.note(x)` and `call.tell(name)`
carry facts from the application to the test and permissions back, each waited for with a deadline.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

DEADLINE_S = 10.0


class Call:
    """One call of the application: its scope, the events it got, what escaped it, and what it noted."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        self.raw_receive = receive
        self.raw_send = send
        self.loop = asyncio.get_running_loop()
        self.events: list[Any] = []
        self.error: BaseException | None = None
        self.notes: list[Any] = []
        self._news = threading.Condition()
        self._told: dict[str, asyncio.Event] = {}
        self.ended = threading.Event()

    # For the application.

    async def receive(self) -> Any:
        """The server's `receive`, recorded."""
        event = await self.raw_receive()
        self.events.append(event)
        return event

    async def send(self, message: Any) -> None:
        """The server's `send`."""
        await self.raw_send(message)

    def note(self, what: Any) -> None:
        """Tell the test something."""
        with self._news:
            self.notes.append(what)
            self._news.notify_all()

    async def told(self, name: str) -> None:
        """Wait until the test says `tell(name)`."""
        await self._event(name).wait()

    async def body(self) -> bytes:
        """The whole request body; raises EOFError if the client leaves before its end."""
        parts = []
        while True:
            event = await self.receive()
            if event["type"] == "http.disconnect":
                raise EOFError(b"".join(parts))
            parts.append(event.get("body", b""))
            if not event.get("more_body", False):
                return b"".join(parts)

    async def start(self, status: int = 200, headers: Iterable[Any] = (), **more: Any) -> None:
        """Send a start message."""
        await self.send(
            {"type": "http.response.start", "status": status, "headers": list(headers), **more}
        )

    async def write(self, body: bytes, *, more: bool = True) -> None:
        """Send a part of the body, not the last one unless `more` is False."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def answer(
        self, body: bytes = b"ok", status: int = 200, headers: Iterable[Any] = ()
    ) -> None:
        """Send a whole response with its length."""
        await self.start(status, [(b"content-length", b"%d" % len(body)), *headers])
        await self.send({"type": "http.response.body", "body": body})

    async def raised_by(self, message: Any) -> BaseException | None:
        """What `send(message)` raises; None if nothing."""
        try:
            await self.raw_send(message)
        except Exception as error:
            return error
        return None

    # For the test.

    def tell(self, name: str) -> None:
        """Let the application go on that waits in `told(name)`."""
        self.loop.call_soon_threadsafe(lambda: self._event(name).set())

    def noted(self, what: Any) -> None:
        """Wait until the application has noted `what`."""
        with self._news:
            if not self._news.wait_for(
                lambda: what in self.notes or self.ended.is_set(), DEADLINE_S
            ):
                raise TimeoutError(f"{what!r} was never noted, only {self.notes!r}")
            if what not in self.notes:
                raise AssertionError(f"ended with {self.error!r}; {what!r} not in {self.notes!r}")

    def wait(self) -> "Call":
        """Wait for the end of the call."""
        if not self.ended.wait(DEADLINE_S):
            raise TimeoutError(f"the call did not end; noted {self.notes!r}")
        return self

    def _event(self, name: str) -> asyncio.Event:
        return self._told.setdefault(name, asyncio.Event())

    def _end(self) -> None:
        with self._news:
            self.ended.set()
            self._news.notify_all()


Handler = Callable[[Call], Awaitable[Any]]


class Probe:
    """The application; `calls` are its HTTP calls in their order. Lifespan is not its business: see `Served`."""

    def __init__(self, handler: Handler | None = None, **paths: Handler) -> None:
        self._handler = handler
        self._paths = paths
        self.calls: list[Call] = []
        self._news = threading.Condition()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        call = Call(scope, receive, send)
        with self._news:
            self.calls.append(call)
            self._news.notify_all()
        handler = self._paths.get(scope["path"].strip("/")) or self._handler or hello
        try:
            return await handler(call)
        except BaseException as error:
            call.error = error
            raise
        finally:
            call._end()

    def call(self, index: int = 0) -> Call:
        """The call of that number, waited for."""
        with self._news:
            if not self._news.wait_for(lambda: len(self.calls) > index, DEADLINE_S):
                raise TimeoutError(f"call {index} never came")
        return self.calls[index]


async def hello(call: Call) -> None:
    """Take the body and answer `ok`."""
    await call.body()
    await call.answer()


async def echo(call: Call) -> None:
    """Answer with the body of the request."""
    await call.answer(await call.body())
