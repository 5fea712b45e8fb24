"""An HTTP conversation in a test: an application, a fake stream and runtime, and a hand that steps its tasks; no event loop."""

import contextvars
from types import SimpleNamespace
from typing import Any

from penstock.errors import MessageError
from penstock.gateway.http import HttpExchange
from penstock.gateway.stream import Runtime, Service, Stream
from penstock.wire.events import Head

EXTENSIONS = (
    "http.response.trailers",
    "http.response.early_hint",
    "http.response.pathsend",
    "http.response.zerocopysend",
)

START = {"type": "http.response.start", "status": 200}
TRAILING = {**START, "trailers": True}
PART = {"type": "http.response.body", "body": b"part", "more_body": True}
END = {"type": "http.response.body", "body": b"end"}
TRAILERS = {"type": "http.response.trailers", "headers": [(b"x", b"1")]}
HINT = {"type": "http.response.early_hint", "links": [b"</a>"]}


class Cancelled(BaseException):
    """Stands for asyncio's CancelledError."""


class Future:
    """What `Runtime.new_future` gives."""

    def __init__(self) -> None:
        self._done = False
        self.callbacks: list[Any] = []

    def done(self) -> bool:
        return self._done

    def set_result(self, value: Any) -> None:
        assert not self._done
        self._done = True
        for callback in self.callbacks:
            callback(self)

    def add_done_callback(self, callback: Any) -> None:
        self.callbacks.append(callback)


class Waiter(Future):
    """What `Runtime.new_waiter` gives."""

    def __init__(self, runtime: "FakeRuntime") -> None:
        super().__init__()
        self.runtime = runtime

    def fire(self) -> None:
        self.set_result(None)
        for task in [] if self.runtime.in_task else self.runtime.tasks:
            if task.wait is self:
                task.run()


class Task:
    """A coroutine, stepped by hand: `step` goes on until it waits."""

    def __init__(self, coroutine: Any, context: contextvars.Context) -> None:
        self.coroutine = coroutine
        self.context = context
        self.wait: Any = None
        self.turns = 0
        self._done = False
        self._cancelled = False
        self.step()

    def done(self) -> bool:
        return self._done

    def get_coro(self) -> Any:
        return self.coroutine

    def cancel(self) -> None:
        self._cancelled = True
        if self.wait is not None:
            self.wait._done = True

    def step(self) -> None:
        """One step; a wait for None is a turn of the loop."""
        try:
            if self._cancelled:
                self._cancelled = False
                self.wait = self.context.run(self.coroutine.throw, Cancelled())
            else:
                self.wait = self.context.run(self.coroutine.send, None)
        except StopIteration:
            self._done = True
        else:
            self.turns += self.wait is None

    def run(self) -> None:
        """Step while it can go on."""
        while not self._done and (self._cancelled or self.wait is None or self.wait.done()):
            self.step()


class FakeRuntime(Runtime):
    """Futures and tasks without a loop."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.in_task = False
        self.to_flush: list[Any] = []

    def new_future(self) -> Any:
        return Future()

    def new_waiter(self) -> Any:
        return Waiter(self)

    def start_task(self, coroutine: Any, context: Any) -> Any:
        task = Task(coroutine, context)
        self.tasks.append(task)
        return task

    def call_soon(self, callback: Any) -> None:
        raise AssertionError("a conversation schedules nothing by itself")

    def flush_soon(self, exchange: Any) -> None:
        self.to_flush.append(exchange)


class FakeStream(Stream):
    """Records what is called downwards, and refuses what a codec would refuse."""

    def __init__(self) -> None:
        self.writable = True
        self.http_version = "1.1"
        self.scheme = "http"
        self.root_path = ""
        self.tls = None
        self.client = ("192.0.2.1", 1234)
        self.server = ("192.0.2.2", 80)
        self.extensions = EXTENSIONS
        self.calls: list[Any] = []
        self.file_future: Any = None
        self.asked = 0

    def head(self, status: Any, headers: Any, bodyless: bool, trailers: bool) -> int:
        if type(status) is not int or not 200 <= status <= 999:
            raise MessageError("status")
        headers = list(headers)
        self.calls.append(("head", status, bodyless, trailers))
        return int(dict(headers).get(b"content-length", -1))

    def flush(self) -> None:
        self.calls.append(("flush",))

    def body(self, data: bytes, end: bool) -> None:
        assert type(data) is bytes
        self.calls.append(("body", data, end))

    def file(self, fd: int, offset: int, count: int, end: bool) -> Any:
        self.calls.append(("file", offset, count, end))
        self.fd = fd
        self.file_future = Future()
        return self.file_future

    def trailers(self, headers: Any) -> None:
        self.calls.append(("trailers", list(headers)))

    def informational(self, status: int, headers: Any) -> None:
        self.calls.append(("informational", status, list(headers)))

    def read_more(self) -> None:
        self.asked += 1

    def reset(self, reason: str) -> None:
        self.calls.append(("reset", reason))

    def done(self) -> None:
        self.calls.append(("done",))


class Trial:
    """One conversation; `notes` and `failures` are what was logged."""

    def __init__(
        self,
        app: Any,
        method: str = "GET",
        content_length: int = 0,
        headers: Any = (),
        start: bool = True,
        root_path: str = "",
        state: Any = None,
    ) -> None:
        self.runtime = FakeRuntime()
        self.stream = FakeStream()
        self.stream.root_path = root_path
        self.notes: list[tuple[str, str]] = []
        self.failures: list[BaseException] = []
        self.service = Service(
            app=app,
            interface="asgi3",
            runtime=self.runtime,
            context=contextvars.Context(),
            state=state,
            settings=SimpleNamespace(),
            root_path=root_path,
            app_failed=lambda _, error: self.failures.append(error),
            note=lambda level, text: self.notes.append((level, text)),
        )
        head = Head(method, b"/x", b"", list(headers), "1.1", content_length)
        self.exchange = HttpExchange(self.service, self.stream, head)
        if start:
            self.exchange.start()

    @property
    def task(self) -> Task:
        return self.runtime.tasks[0]

    def run(self) -> "Trial":
        """Let the application go on as far as it can."""
        self.task.run()
        return self

    @property
    def wire(self) -> list[Any]:
        """The calls downwards, without the last `done`."""
        return [call for call in self.stream.calls if call != ("done",)]
