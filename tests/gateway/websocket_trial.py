"""A WebSocket conversation in a test: an application, a fake stream, and a client's view of both.

There is no event loop: a fake runtime steps the application's coroutines by hand, so that each test
decides what happens when.
"""

import contextvars
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from penstock.errors import MessageError
from penstock.gateway.stream import Runtime, Service, Stream
from penstock.gateway.websocket import WebSocketExchange
from penstock.wire import websocket_frames as frames
from penstock.wire.events import Head
from penstock.wire.handshake import check_upgrade
from penstock.wire.websocket import Reader

KEY = b"\x11\x22\x33\x44"


class Cancelled(BaseException):
    """Stands for asyncio's CancelledError."""


class Future:
    """What `Runtime.new_future` gives."""

    def __init__(self) -> None:
        self._done = False

    def done(self) -> bool:
        return self._done

    def set_result(self, value: Any) -> None:
        assert not self._done
        self._done = True


class Waiter(Future):
    """What `Runtime.new_waiter` gives."""

    def __init__(self, runtime: "FakeRuntime") -> None:
        super().__init__()
        self.runtime = runtime

    def fire(self) -> None:
        self.set_result(None)
        for task in [] if self.runtime.in_task else self.runtime.tasks:
            if task.wait is self:
                task.step()


class Task:
    """A coroutine, stepped by hand."""

    def __init__(self, coroutine: Any, context: contextvars.Context) -> None:
        self.coroutine = coroutine
        self.context = context
        self.wait: Any = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.turns = 0
        self._done = False
        self._cancel = False
        self.step()

    def done(self) -> bool:
        return self._done

    def get_coro(self) -> Any:
        return self.coroutine

    def cancel(self) -> None:
        self._cancel = True
        if self.wait is not None:
            self.wait._done = True

    def is_ready(self) -> bool:
        return not self._done and (self._cancel or self.wait is None or self.wait.done())

    def step(self) -> None:
        self.turns += 1
        try:
            if self._cancel:
                self._cancel = False
                self.wait = self.context.run(self.coroutine.throw, Cancelled())
            else:
                self.wait = self.context.run(self.coroutine.send, None)
            assert self.wait is None or self.wait._asyncio_future_blocking is True
        except StopIteration as stop:
            self._done = True
            self.result = stop.value
        except BaseException as error:
            self._done = True
            self.error = error


class FakeRuntime(Runtime):
    """Runs what is ready, when told to."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.in_task = False

    def new_future(self) -> Any:
        return Future()

    def new_waiter(self) -> Any:
        return Waiter(self)

    def start_task(self, coroutine: Any, context: Any) -> Task:
        task = Task(coroutine, context)
        self.tasks.append(task)
        return task

    def turn(self) -> None:
        """One turn of the loop."""
        for task in [task for task in self.tasks if task.is_ready()]:
            task.step()

    def run(self) -> None:
        """Turn until everything waits or is done."""
        for _ in range(10_000):
            if not any(task.is_ready() for task in self.tasks):
                return
            self.turn()
        raise AssertionError("the tasks never wait for anything")


class FakeStream(Stream):
    """Notes what goes out."""

    def __init__(self) -> None:
        self.client = ("127.0.0.1", 5)
        self.server = ("127.0.0.1", 80)
        self.scheme = "http"
        self.root_path = ""
        self.tls = None
        self.http_version = "1.1"
        self.extensions = ("websocket.http.response",)
        self.writable = True
        self.out = b""
        self.writes = 0
        self.accepted: Any = None
        self.response: Any = None
        self.over = False
        self.reset_for = ""
        self.reads = 0
        self.dones = 0

    def accept(self, headers: Any) -> None:
        for name, value in headers:
            if b"\r" in name + value or b"\n" in name + value:
                raise MessageError("line break in a header")
        self.accepted = list(headers)

    def head(self, status: int, headers: Any, bodyless: bool, trailers: bool) -> int:
        assert not trailers
        if type(status) is not int or not 200 <= status <= 999:
            raise MessageError("status")
        self.response = (status, list(headers), bodyless)
        lengths = [int(value) for name, value in headers if name == b"content-length"]
        return lengths[0] if lengths else -1

    def body(self, data: bytes, end: bool) -> None:
        assert not self.over, "written after the end"
        self.out += data
        self.writes += 1
        self.over = end

    def read_more(self) -> None:
        self.reads += 1

    def reset(self, reason: str) -> None:
        assert not self.over, "reset after the end"
        self.over = True
        self.reset_for = reason

    def done(self) -> None:
        self.dones += 1


class Trial:
    """An exchange with an application, and a client's view of what it sends."""

    def __init__(
        self,
        app: Callable[..., Any],
        *headers: tuple[bytes, bytes],
        root_path: str = "",
        path: bytes = b"/chat",
        state: Any = None,
        start: bool = True,
        **options: Any,
    ) -> None:
        self.stream = FakeStream()
        self.stream.root_path = root_path
        self.runtime = FakeRuntime()
        self.notes: list[tuple[str, str]] = []
        self.failures: list[BaseException] = []
        settings = SimpleNamespace(
            **{
                "ws_max_size": 1 << 20,
                "ws_max_queue": 4,
                "ws_max_fragments": 100,
                "ws_max_empty": 10,
                "ws_ping_interval": 20.0,
                "ws_ping_timeout": 20.0,
                "ws_close_timeout": 10.0,
                "ws_per_message_deflate": True,
                "ws_deflate_window_bits": 12,
                "ws_deflate_takeover": True,
                "ws_allowed_origins": (),
            }
            | options
        )
        self.service = Service(
            app=app,
            interface="asgi3",
            runtime=self.runtime,
            context=contextvars.copy_context(),
            state=state,
            settings=settings,
            root_path=root_path,
            app_failed=lambda _exchange, exc: self.failures.append(exc),
            note=lambda level, text: self.notes.append((level, text)),
        )
        head = Head(
            "GET",
            path,
            b"q=1",
            [
                (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
                (b"sec-websocket-version", b"13"),
                *headers,
            ],
            "1.1",
            upgrade=b"websocket",
        )
        self.exchange = WebSocketExchange(
            self.service, self.stream, head, check_upgrade(head, settings)
        )
        self._reader = Reader(False, 1 << 24, 1000, 1000)
        self._seen = 0
        if start:
            self.exchange.start()
            self.runtime.run()

    def feed(self, *data: bytes) -> "Trial":
        for each in data:
            self.exchange.on_body(each, False)
        self.runtime.run()
        return self

    def text(self, *texts: str) -> "Trial":
        return self.feed(b"".join(frames.masked_frame(0x81, text.encode(), KEY) for text in texts))

    def close(self, payload: bytes = b"\x03\xe8") -> "Trial":
        return self.feed(frames.masked_frame(0x88, payload, KEY))

    def sent(self) -> list[Any]:
        """Frames that went out since the last call: (event, payload) or (CLOSE, code, reason)."""
        self._reader.feed(self.stream.out[self._seen :])
        self._seen = len(self.stream.out)
        found: list[Any] = []
        while event := self._reader.next():
            payload = self._reader.payload
            found.append(
                (event, self._reader.close_code, payload)
                if event == frames.CLOSE
                else (event, payload)
            )
        return found

    def disconnect(self, reason: str = "lost", gone: bool = True) -> None:
        self.exchange.on_disconnect(reason, gone)
        self.runtime.run()


def recorder(events: list[Any], *messages: Any) -> Callable[..., Any]:
    """An application that accepts, sends `messages`, and notes what it receives until the end."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for message in messages:
            await send(message)
        while True:
            event = await receive()
            events.append(event)
            if event["type"] == "websocket.disconnect":
                return

    return app


def answerer(*messages: Any, errors: list[Any] | None = None) -> Callable[..., Any]:
    """An application that sends `messages` after connect, noting what each send raised."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        for message in messages:
            try:
                await send(message)
            except Exception as error:
                if errors is None:
                    raise
                errors.append(error)
            else:
                if errors is not None:
                    errors.append(None)

    return app


async def echo(scope: Any, receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] != "websocket.disconnect":
        event["type"] = "websocket.send"
        await send(event)


ACCEPT = {"type": "websocket.accept"}
CLOSE = frames.CLOSE


MESSAGES = {
    "send": {"type": "websocket.send", "text": "x"},
    "accept": ACCEPT,
    "close": {"type": "websocket.close"},
    "deny": {"type": "websocket.http.response.start", "status": 418},
    "deny body": {"type": "websocket.http.response.body", "more_body": True},
}


class Forever:
    """Awaits what never comes."""

    def __await__(self) -> Any:
        future: Any = Future()
        future._asyncio_future_blocking = True
        yield future
