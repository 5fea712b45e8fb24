"""A connection and a pool without a loop and without threads, for conversations with WSGI applications.

`Bench(app)` holds all of it. `bench.request(...)` starts an exchange; `bench.work()` lets "the thread" and "the loop"
take turns until nothing is left to do. Where a thread would wait, `bench.on_wait` is called: it plays what the client
does meanwhile, and if that wakes nobody, the test fails instead of hanging.
"""

import contextvars
from collections import deque
from collections.abc import Callable
from typing import Any

from penstock.config import Config
from penstock.errors import MessageError
from penstock.gateway.environ import Environs
from penstock.gateway.scope import ROOT_PATH_MODES
from penstock.gateway.stream import Runtime, Service, Stream
from penstock.gateway.wsgi import WsgiExchange
from penstock.transport.pool import InlinePool
from penstock.wire.events import Head


class FakeFuture:
    """A future as `Stream.file` returns it."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[Any], None]] = []

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self.callbacks.append(callback)

    def finish(self) -> None:
        for callback in self.callbacks:
            callback(self)


class FakeRuntime(Runtime):
    """Calls queue up until `turn`."""

    def __init__(self) -> None:
        self.calls: deque[Callable[[], None]] = deque()

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.calls.append(callback)

    def call_from_thread(self, callback: Callable[[], None]) -> None:
        self.calls.append(callback)

    def turn(self) -> bool:
        """Whether anything was called."""
        some = bool(self.calls)
        for _ in range(len(self.calls)):
            self.calls.popleft()()
        return some


class FakeStream(Stream):
    """Writes down what it is told. `full_after`: not writable once so many bytes wait; `take` takes them."""

    def __init__(
        self,
        scheme: str = "http",
        client: Any = ("192.0.2.7", 4711),
        server: Any = ("192.0.2.1", 8000),
    ) -> None:
        self.scheme = scheme
        self.root_path = ""
        self.tls = None
        self.client = client
        self.server = server
        self.http_version = "1.1"
        self.extensions = ()
        self.writable = True
        self.full_after = -1
        self.events: list[tuple[Any, ...]] = []
        self.sent = b""
        self.sent_at_once: list[bytes] = []
        self.waiting = 0
        self.future: FakeFuture | None = None
        self.exchange: Any = None

    def head(self, status: int, headers: Any, bodyless: bool, trailers: bool) -> int:
        for name, value in headers:
            if type(name) is not bytes or type(value) is not bytes or b"\n" in value:
                raise MessageError(f"bad header {name!r}: {value!r}")
        self.events.append(("head", status, list(headers), bodyless))
        return -1

    def body(self, data: bytes, end: bool) -> None:
        self.events.append(("body", data, end))
        self.sent += data
        self.waiting += len(data)
        if 0 <= self.full_after < self.waiting:
            self.writable = False

    def take(self) -> None:
        """The client has read all that waited."""
        self.waiting = 0
        self.writable = True
        self.exchange.on_writable()

    def file(self, fd: int, offset: int, count: int, end: bool) -> FakeFuture | None:
        self.events.append(("file", fd, offset, count, end))
        return self.future

    def read_more(self) -> None:
        self.events.append(("read_more",))

    def reset(self, reason: str) -> None:
        self.events.append(("reset", reason))

    def done(self) -> None:
        self.events.append(("done",))

    def names(self) -> list[str]:
        """The kinds of events, in order."""
        return [event[0] for event in self.events]

    @property
    def status(self) -> int:
        """Of the last head."""
        return int([event for event in self.events if event[0] == "head"][-1][1])

    @property
    def headers(self) -> dict[bytes, bytes]:
        """Of the last head."""
        return dict([event for event in self.events if event[0] == "head"][-1][2])


class StepLock:
    """A lock whose `acquire` plays on instead of waiting."""

    def __init__(self, bench: "Bench") -> None:
        self.bench = bench
        self.released = False

    def release(self) -> None:
        assert not self.released, "one release for each lock"
        self.released = True

    def acquire(self) -> None:
        self.bench.turn()
        if not self.released:
            self.bench.waits += 1
            if self.bench.on_wait is not None:
                self.bench.on_wait()
            self.bench.turn()
        assert self.released, "the application's thread would wait for ever"


class StepPool:
    """The interface of `ThreadPool`, with the test as its only thread."""

    def __init__(self, bench: "Bench") -> None:
        self.inline = False
        self.bench = bench
        self.environs = Environs(bench.service, multithread=True)
        self.queue: deque[Any] = deque()
        self.outbox: deque[Any] = deque()
        self.full = False

    def submit(self, exchange: Any) -> bool:
        if not self.full:
            self.queue.append(exchange)
        return not self.full

    def resubmit(self, exchange: Any) -> None:
        self.queue.append(exchange)

    def post(self, exchange: Any) -> None:
        self.outbox.append(exchange)

    def where(self, exchange: Any) -> str:
        return "somewhere"

    def new_lock(self) -> StepLock:
        return StepLock(self.bench)


class Bench:
    """A worker with one WSGI application; `threads=0` runs it as `--threads 0` does."""

    def __init__(self, app: Any, root_path: str = "", **options: Any) -> None:
        self.notes: list[tuple[str, str]] = []
        self.failures: list[BaseException] = []
        self.runtime = FakeRuntime()
        self.waits = 0
        self.on_wait: Callable[[], None] | None = None
        options.setdefault("threads", 4)
        self.service = Service(
            app=app,
            interface="wsgi",
            runtime=self.runtime,
            context=contextvars.copy_context(),
            state=None,
            settings=Config(**options),
            root_path=root_path,
            root_path_mode=ROOT_PATH_MODES[options.get("root_path_mode", "auto")],
            app_failed=lambda _exchange, exc: self.failures.append(exc),
            note=lambda level, text: self.notes.append((level, text)),
        )
        self.pool: Any = InlinePool(self.service) if options["threads"] == 0 else StepPool(self)
        self.stream = FakeStream()
        self.stream.root_path = root_path
        self.exchange: Any = None

    def request(
        self,
        method: str = "GET",
        path: bytes = b"/",
        length: int = 0,
        expect: bool = False,
        start: bool = True,
    ) -> WsgiExchange:
        """An exchange about this request, started."""
        head = Head(method, path, b"", [(b"host", b"example.test")], "1.1", length, True, expect)
        self.exchange = self.stream.exchange = WsgiExchange(
            self.service, self.stream, head, self.pool
        )
        if start:
            self.exchange.start()
        return self.exchange

    def turn(self) -> bool:
        """One turn of the loop; whether it had anything to do."""
        some = self.runtime.turn()
        while getattr(self.pool, "outbox", None):
            self.pool.outbox.popleft().deliver()
            some = True
        return some

    def run(self) -> bool:
        """Let the thread take what is submitted; whether there was something."""
        queue = getattr(self.pool, "queue", None)
        if not queue:
            return False
        while queue:
            queue.popleft().run()
        return True

    def work(self) -> FakeStream:
        """Thread and loop in turns, until both have nothing left to do."""
        while self.run() or self.turn():
            pass
        return self.stream


def answer(app: Any, method: str = "GET", **options: Any) -> FakeStream:
    """What a whole simple request to `app` puts on its stream; its failures and notes hang on it as attributes."""
    bench = Bench(app, **options)
    bench.request(method)
    stream = bench.work()
    stream.failures = bench.failures  # type: ignore[attr-defined]
    stream.notes = bench.notes  # type: ignore[attr-defined]
    return stream
