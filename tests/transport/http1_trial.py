"""An HTTP/1 connection in a test: a fake transport and loop, and an application that is stepped by hand; no socket, no clock."""

import contextvars
import logging
from typing import Any

from penstock.config import Config
from penstock.gateway.stream import Service
from penstock.transport.http1 import Connection
from penstock.transport.worker import Worker
from tests.gateway.http_trial import FakeRuntime

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class FakeTransport:
    """Keeps what is written; `takes` says whether it goes out at once, else it stays in the buffer."""

    def __init__(self) -> None:
        self.written = b""
        self.buffered = 0
        self.takes = True
        self.reading = True
        self.state = "open"
        self.eof = False

    def write(self, data: bytes) -> None:
        assert self.state == "open", f"written after {self.state}"
        assert not self.eof, "written after its end"
        self.written += data
        if not self.takes:
            self.buffered += len(data)

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def set_write_buffer_limits(self, high: int) -> None:
        self.high = high

    def is_closing(self) -> bool:
        return self.state != "open"

    def close(self) -> None:
        self.state = "closed"

    def abort(self) -> None:
        self.state = "aborted"

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.eof = True

    def pause_reading(self) -> None:
        assert self.reading, "paused twice"
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading, "resumed twice"
        self.reading = True


class FakeLoop:
    """A clock set by hand and a list of what is to be called."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.soon: list[Any] = []
        self.later: list[Any] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Any, *arguments: Any) -> None:
        self.soon.append((callback, arguments))

    def call_later(self, delay_s: float, callback: Any, *arguments: Any) -> None:
        self.later.append((self.now + delay_s, callback, arguments))

    def wait(self, delay_s: float) -> None:
        """Time passes, and what is due is called."""
        self.now += delay_s
        due = [timer for timer in self.later if timer[0] <= self.now]
        self.later = [timer for timer in self.later if timer[0] > self.now]
        for _, callback, arguments in due:
            callback(*arguments)

    def turn(self) -> None:
        """What was asked for so far is called."""
        calls, self.soon = self.soon, []
        for callback, arguments in calls:
            callback(*arguments)


class Trial:
    """A worker with one connection."""

    def __init__(self, app: Any, **options: Any) -> None:
        self.loop = FakeLoop()
        self.runtime = FakeRuntime()
        self.service = Service(
            app=app,
            interface="asgi3",
            runtime=self.runtime,
            context=contextvars.Context(),
            state=None,
            settings=None,
            app_failed=lambda *_: None,
            note=lambda *_: None,
        )
        settings = Config(proxy_headers=False, date_header=False, server_header=False, **options)
        self.worker = Worker(self.loop, settings, self.service)  # type: ignore[arg-type]
        self.worker.logger = logging.getLogger("penstock.trial")
        self.transport = FakeTransport()
        self.connection = Connection(self.worker)
        self.connection.connection_made(self.transport)

    def receive(self, data: bytes) -> None:
        """Bytes from the client; none may come while reading is paused."""
        assert self.transport.reading
        self.connection.data_received(data)

    def sweep(self, after_s: float = 0.0) -> None:
        """The clock moves on, and the sweep comes round."""
        self.loop.now += after_s
        self.worker.tick(self.loop.now)
        self.worker.sweep(self.loop.now)

    def lose(self) -> None:
        """The transport's last call."""
        self.connection.connection_lost(None)

    @property
    def statuses(self) -> list[int]:
        """Of the responses written so far."""
        return [int(part[:3]) for part in self.transport.written.split(b"HTTP/1.1 ")[1:]]


async def ok(scope: Any, receive: Any, send: Any) -> None:
    """Answer without reading."""
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the body."""
    body, more = b"", True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        body += event["body"]
        more = event["more_body"]
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": body})


async def forever(scope: Any, receive: Any, send: Any) -> None:
    """Wait for the disconnect."""
    while (await receive())["type"] != "http.disconnect":
        pass
