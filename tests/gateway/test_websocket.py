"""One WebSocket's conversation: asgi-requirements WS-SCOPE to WS-CLOSE and WS-DENY, threats.md §7.

There is no event loop here: a fake runtime steps the application's coroutines by hand, so that each
test decides what happens when.
"""

import contextvars
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from penstock.errors import ClientDisconnected, MessageError
from penstock.gateway.stream import Runtime, Service, Stream
from penstock.gateway.websocket import WebSocketExchange
from penstock.wire import websocket_frames as frames
from penstock.wire.deflate import Deflater
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

    def new_future(self) -> Any:
        return Future()

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
        self.http_version = "1.1"
        self.extensions = ("websocket.http.response",)
        self.writable = True
        self.out = b""
        self.writes = 0
        self.accepted: Any = None
        self.response: Any = None
        self.ended = False
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
        assert not self.ended, "written after the end"
        self.out += data
        self.writes += 1
        self.ended = end

    def read_more(self) -> None:
        self.reads += 1

    def reset(self, reason: str) -> None:
        assert not self.ended, "reset after the end"
        self.ended = True
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


# The scope.


def test_the_scope_says_what_the_handshake_said() -> None:
    """WS-SCOPE-01 to 11, WS-DENY-01."""
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    state = {"pool": []}
    trial = Trial(
        app,
        (b"sec-websocket-protocol", b"a, b"),
        root_path="/api",
        path=b"/caf%C3%A9",
        state=state,
    )
    (scope,) = scopes
    assert type(scope) is dict
    assert scope["headers"][-1] == (b"sec-websocket-protocol", b"a, b")
    del scope["headers"]
    assert scope == {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/api/café",
        "raw_path": b"/caf%C3%A9",
        "root_path": "/api",
        "query_string": b"q=1",
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80),
        "subprotocols": ["a", "b"],
        "extensions": {"websocket.http.response": {}},
        "state": {"pool": []},
    }
    assert scope["state"] is not state
    assert scope["state"]["pool"] is state["pool"]
    assert trial.stream.dones == 1


def test_a_path_that_has_the_root_path_keeps_it_once() -> None:
    """WS-SCOPE-04."""
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    Trial(app, root_path="/api", path=b"/api/x")
    assert scopes[0]["path"] == "/api/x"


# The handshake.


def test_nothing_is_answered_before_the_application_accepts() -> None:
    """WS-HS-01, WS-HS-02."""
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        events.append(await receive())
        events.append(await receive())

    trial = Trial(app)
    assert events == [{"type": "websocket.connect"}]
    assert trial.stream.accepted is None
    assert trial.stream.response is None


def test_accept_answers_with_the_subprotocol_and_the_application_s_headers_in_order() -> None:
    """WS-HS-07, WS-HS-09, WS-HS-11."""
    headers = [(b"set-cookie", b"a=1"), (b"connection", b"close"), [b"set-cookie", b"b=2"]]
    trial = Trial(
        answerer({"type": "websocket.accept", "subprotocol": "b", "headers": headers}),
        (b"sec-websocket-protocol", b"a, b"),
    )
    assert trial.stream.accepted == [
        (b"sec-websocket-protocol", b"b"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
    ]
    assert trial.exchange.status == 101
    assert [level for level, _ in trial.notes] == ["debug"]


@pytest.mark.parametrize(
    "changes",
    [
        {"subprotocol": "c"},
        {"subprotocol": b"a"},
        {"headers": [(b"sec-websocket-accept", b"x")]},
        {"headers": [(b"Sec-WebSocket-Protocol", b"a")]},
        {"headers": [(b"sec-websocket-extensions", b"permessage-deflate")]},
        {"headers": [(b":status", b"200")]},
        {"headers": [(b"x", b"a\r\nset-cookie: b")]},
        {"headers": [("x", "y")]},
        {"headers": [(b"x",)]},
        {"headers": [7]},
    ],
)
def test_an_accept_that_would_change_the_handshake_raises_and_can_be_mended(changes: Any) -> None:
    """W03, A01, WS-HS-08, WS-HS-10, ERR-03, ERR-04."""
    errors: list[Any] = []
    trial = Trial(
        answerer({"type": "websocket.accept", **changes}, ACCEPT, errors=errors),
        (b"sec-websocket-protocol", b"a, b"),
    )
    assert isinstance(errors[0], MessageError)
    assert errors[1:] == [None]
    assert trial.stream.accepted == []


@pytest.mark.parametrize(
    "message", [{"type": "websocket.close"}, {"type": "websocket.close", "code": 4000}]
)
def test_close_before_accept_is_a_403_at_once(message: Any) -> None:
    """WS-HS-03, WS-HS-04, WS-HS-19."""
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(message)
        events.append(await receive())
        await Forever()

    trial = Trial(app)
    assert trial.stream.response == (403, [(b"content-length", b"0")], False)
    assert trial.stream.ended
    assert trial.exchange.status == 403
    assert events == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


class Forever:
    """Awaits what never comes."""

    def __await__(self) -> Any:
        future: Any = Future()
        future._asyncio_future_blocking = True
        yield future


def test_an_exception_before_accept_is_a_500() -> None:
    """WS-HS-15, W17."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("no")

    trial = Trial(app)
    assert trial.stream.response[0] == 500
    assert trial.stream.ended
    assert [str(each) for each in trial.failures] == ["no"]
    assert trial.stream.dones == 1


def test_a_return_before_an_answer_is_a_500_with_a_line_in_the_log() -> None:
    """WS-HS-16."""
    trial = Trial(answerer())
    assert trial.stream.response[0] == 500
    assert trial.failures == []
    assert trial.notes[0][0] == "error"


def test_a_client_that_leaves_during_the_handshake_is_a_1006_and_accept_raises() -> None:
    """WS-HS-17, WS-CLOSE-11."""
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        events.append(await receive())
        events.append(await receive())
        await send(ACCEPT)

    trial = Trial(app)
    trial.disconnect()
    assert events == [
        {"type": "websocket.connect"},
        {"type": "websocket.disconnect", "code": 1006, "reason": ""},
    ]
    assert trial.failures == []
    assert trial.stream.accepted is None
    assert trial.stream.dones == 1


def test_frames_that_come_with_the_handshake_wait_for_accept() -> None:
    """WS-HS-18, WS-HS-20."""
    events: list[Any] = []
    gate: Any = Future()
    gate._asyncio_future_blocking = True

    class Gate:
        def __await__(self) -> Any:
            yield gate

    async def app(scope: Any, receive: Any, send: Any) -> None:
        events.append(await receive())
        await Gate()
        await send(ACCEPT)
        events.append(await receive())

    trial = Trial(app)
    trial.text("early")
    assert events == [{"type": "websocket.connect"}]
    gate.set_result(None)
    trial.runtime.run()
    assert events[1] == {"type": "websocket.receive", "text": "early"}


def test_a_flood_before_accept_stops_the_reading() -> None:
    trial = Trial(recorder([]), start=False)
    trial.feed(b"x" * 60_000)
    assert trial.exchange.buffered == 0
    trial.feed(b"x" * 60_000)
    assert trial.exchange.buffered > 1 << 30


# The state machine, each state against each message.

MESSAGES = {
    "send": {"type": "websocket.send", "text": "x"},
    "accept": ACCEPT,
    "close": {"type": "websocket.close"},
    "deny": {"type": "websocket.http.response.start", "status": 418},
    "deny body": {"type": "websocket.http.response.body", "more_body": True},
}
WAYS = {
    "connecting": [],
    "open": [ACCEPT],
    "denying": [MESSAGES["deny"]],
    "rejected": [MESSAGES["close"]],
    "closed": [ACCEPT, MESSAGES["close"]],
    "denied": [MESSAGES["deny"], {"type": "websocket.http.response.body"}],
}
ALLOWED = {
    "connecting": {"accept", "close", "deny"},
    "open": {"send", "close"},
    "denying": {"deny body"},
}


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("state", WAYS)
def test_each_message_in_each_state_is_done_refused_or_ignored(state: str, name: str) -> None:
    """WS-HS-06, WS-HS-12, WS-CLOSE-22, WS-DENY-06, A10."""
    errors: list[Any] = []
    trial = Trial(answerer(*WAYS[state], MESSAGES[name], errors=errors), start=False)
    trial.exchange.start()
    before = trial.notes[:]
    trial.runtime.run()
    error = errors[-1]
    if state in ALLOWED and name not in ALLOWED[state]:
        assert isinstance(error, MessageError)
        assert MESSAGES[name]["type"] in str(error)
    else:
        assert error is None
    if state not in ALLOWED:
        assert ("debug" in {level for level, _ in before}) is True


@pytest.mark.parametrize("name", MESSAGES)
def test_whatever_is_sent_after_the_loss_of_the_client_raises_an_os_error(name: str) -> None:
    """A11, WS-CLOSE-10."""
    caught: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        await receive()
        try:
            await send(MESSAGES[name])
        except OSError as error:
            caught.append(error)

    trial = Trial(app)
    trial.disconnect()
    assert isinstance(caught[0], ClientDisconnected)
    assert trial.stream.out == b""


@pytest.mark.parametrize(
    "message",
    [
        {"type": "websocket.bogus"},
        {"type": "http.response.start", "status": 200},
        {"type": 7},
        {},
        7,
        {"type": "websocket.send"},
        {"type": "websocket.send", "text": None, "bytes": None},
        {"type": "websocket.send", "text": "x", "bytes": b"x"},
        {"type": "websocket.send", "text": b"x"},
        {"type": "websocket.send", "bytes": "x"},
        {"type": "websocket.send", "text": "\ud800"},
        {"type": "websocket.close", "code": 1005, "reason": "x"},
        {"type": "websocket.close", "code": 999},
        {"type": "websocket.close", "code": "1000"},
        {"type": "websocket.close", "reason": b"x"},
        {"type": "websocket.close", "reason": "x" * 124},
    ],
)
def test_a_wrong_message_raises_out_of_the_await_and_nothing_is_sent(message: Any) -> None:
    """ERR-01 to 04, WS-MSG-05, WS-CLOSE-03, WS-CLOSE-04."""
    errors: list[Any] = []
    good = {"type": "websocket.send", "text": "still here", "x-extra": 1}
    trial = Trial(answerer(ACCEPT, message, good, errors=errors))
    assert isinstance(errors[1], MessageError)
    assert trial.sent()[0] == (frames.TEXT, "still here")


# Messages.


def test_text_and_bytes_go_both_ways_as_they_are() -> None:
    """WS-MSG-01, WS-MSG-03, WS-MSG-04, WS-MSG-15."""
    trial = Trial(echo)
    big = b"\x00\xff" * 100_000
    trial.text("hé", "").feed(
        frames.masked_frame(0x82, b"", KEY), frames.masked_frame(0x82, big, KEY)
    )
    assert trial.sent() == [
        (frames.TEXT, "hé"),
        (frames.TEXT, ""),
        (frames.BINARY, b""),
        (frames.BINARY, big),
    ]


def test_a_small_message_is_one_write() -> None:
    trial = Trial(echo)
    trial.text("x" * 64)
    assert trial.stream.writes == 1
    assert trial.stream.out == b"\x81\x40" + b"x" * 64


def test_bytes_like_objects_and_subclasses_are_sent() -> None:
    class Text(str):
        __slots__ = ()

    trial = Trial(
        answerer(
            ACCEPT,
            {"type": "websocket.send", "bytes": bytearray(b"a")},
            {"type": "websocket.send", "bytes": memoryview(b"b")},
            {"type": "websocket.send", "text": Text("c")},
        )
    )
    assert trial.sent()[:3] == [(frames.BINARY, b"a"), (frames.BINARY, b"b"), (frames.TEXT, "c")]


def test_a_message_of_the_application_is_neither_changed_nor_kept() -> None:
    """MSG-15."""
    message = {"type": "websocket.send", "text": "x", "extra": [1]}
    Trial(answerer(ACCEPT, message))
    assert message == {"type": "websocket.send", "text": "x", "extra": [1]}


def test_compression_is_agreed_and_invisible_to_the_application() -> None:
    """WS-MSG-14."""
    trial = Trial(
        echo, (b"sec-websocket-extensions", b"permessage-deflate; client_max_window_bits")
    )
    assert trial.stream.accepted == [
        (
            b"sec-websocket-extensions",
            b"permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
        )
    ]
    text = "abc " * 500
    packed = Deflater(12, True).deflate(text.encode()) or b""
    trial.feed(frames.masked_frame(0xC1, packed, KEY))
    assert trial.stream.out[0] == 0xC1
    assert len(trial.stream.out) < 100
    trial.text("short")
    assert trial.stream.out.endswith(b"\x81\x05short")


def test_compression_can_be_switched_off() -> None:
    trial = Trial(
        echo, (b"sec-websocket-extensions", b"permessage-deflate"), ws_per_message_deflate=False
    )
    assert trial.stream.accepted == []
    trial.feed(frames.masked_frame(0xC1, b"\x00", KEY))
    assert trial.sent()[0][1] == 1002


# Waiting, cancelling, fairness.


def test_a_cancelled_receive_loses_nothing() -> None:
    """APP-17."""
    events: list[Any] = []
    trial = Trial(recorder(events), start=False)
    lost = trial.runtime.start_task(trial.exchange.receive(), contextvars.copy_context())
    assert lost.result == {"type": "websocket.connect"}
    lost = trial.runtime.start_task(trial.exchange.receive(), contextvars.copy_context())
    trial.runtime.run()
    assert not lost.done()
    lost.cancel()
    trial.runtime.run()
    assert isinstance(lost.error, Cancelled)
    sender = trial.runtime.start_task(trial.exchange.send(ACCEPT), contextvars.copy_context())
    assert sender.done()
    trial.text("kept")
    found = trial.runtime.start_task(trial.exchange.receive(), contextvars.copy_context())
    assert found.result == {"type": "websocket.receive", "text": "kept"}


def test_two_who_receive_at_once_get_one_message_each() -> None:
    """A14."""
    results: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)

        async def one() -> None:
            results.append((await receive())["text"])

        for _ in range(2):
            trial.runtime.start_task(one(), contextvars.copy_context())
        await Forever()

    trial = Trial(app, start=False)
    trial.exchange.start()
    trial.text("1")
    assert results == ["1"]
    trial.text("2")
    assert results == ["1", "2"]


def test_calling_receive_or_send_does_nothing_until_it_is_awaited() -> None:
    trial = Trial(recorder([]))
    trial.exchange.send({"type": "websocket.send", "text": "never"})
    trial.exchange.receive().close()
    assert trial.stream.out == b""


def test_send_waits_for_a_slow_client_before_it_writes() -> None:
    """WS-MSG-13, APP-18: what was cancelled while it waited has not been sent."""
    trial = Trial(recorder([]))
    trial.stream.writable = False
    context = contextvars.copy_context()
    texts = [{"type": "websocket.send", "text": text} for text in ("a", "b")]
    first, second = (trial.runtime.start_task(trial.exchange.send(each), context) for each in texts)
    trial.runtime.run()
    assert trial.stream.out == b""
    first.cancel()
    trial.runtime.run()
    assert isinstance(first.error, Cancelled)
    trial.stream.writable = True
    trial.exchange.on_writable()
    trial.runtime.run()
    assert second.done()
    assert trial.sent() == [(frames.TEXT, "b")]


def test_a_send_that_waits_fails_when_the_client_is_lost() -> None:
    """W12."""
    trial = Trial(recorder([]))
    trial.stream.writable = False
    sender = trial.runtime.start_task(
        trial.exchange.send(MESSAGES["send"]), contextvars.copy_context()
    )
    trial.disconnect()
    assert isinstance(sender.error, ClientDisconnected)


def test_an_application_that_never_has_to_wait_lets_the_loop_turn() -> None:
    trial = Trial(answerer(ACCEPT, *[MESSAGES["send"]] * 1000))
    assert trial.runtime.tasks[0].turns > 1000 // 64
    large = {"type": "websocket.send", "bytes": bytes(1 << 18)}
    trial = Trial(answerer(ACCEPT, *[large] * 10))
    assert trial.runtime.tasks[0].turns >= 10


def test_an_application_that_only_receives_lets_the_loop_turn() -> None:
    events: list[Any] = []
    trial = Trial(recorder(events), ws_max_queue=10_000)
    before = trial.runtime.tasks[0].turns
    trial.text(*["x"] * 1000)
    assert len(events) == 1000
    assert trial.runtime.tasks[0].turns - before > 1000 // 128


@pytest.mark.parametrize(
    ("texts", "options"), [(["x"] * 9, {}), (["x" * 100_000] * 4, {"ws_max_queue": 100})]
)
def test_a_full_queue_stops_the_reading_until_the_application_has_taken_it(
    texts: list[str], options: Any
) -> None:
    """W11, WS-MSG-12, WS-MSG-13: by count and by bytes; the order stays."""
    events: list[Any] = []
    gate: Any = Future()
    gate._asyncio_future_blocking = True

    class Gate:
        def __await__(self) -> Any:
            if not gate.done():
                yield gate

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        await Gate()
        while True:
            events.append(await receive())

    trial = Trial(app, **options)
    numbered = [f"{number}{text}" for number, text in enumerate(texts)]
    trial.text(*numbered)
    assert trial.exchange.buffered > 1 << 30
    assert trial.stream.reads == 0
    gate.set_result(None)
    trial.runtime.run()
    assert [event["text"] for event in events] == numbered
    assert trial.exchange.buffered == 0
    assert trial.stream.reads == 1


# Ping and pong.


def test_a_ping_is_answered_with_its_payload_and_not_seen_by_the_application() -> None:
    """WS-MSG-07."""
    events: list[Any] = []
    trial = Trial(recorder(events))
    trial.feed(frames.masked_frame(0x89, b"1", KEY) + frames.masked_frame(0x89, b"2", KEY))
    assert trial.sent() == [(frames.PONG, b"1"), (frames.PONG, b"2")]
    assert events == []


def test_a_flood_of_pings_to_a_client_that_does_not_read_keeps_one_pong() -> None:
    """W11."""
    trial = Trial(recorder([]))
    trial.stream.writable = False
    for number in range(100):
        trial.feed(frames.masked_frame(0x89, b"%d" % number, KEY))
    assert trial.stream.out == b""
    trial.stream.writable = True
    trial.exchange.on_writable()
    trial.exchange.on_writable()
    assert trial.sent() == [(frames.PONG, b"99")]


def test_an_idle_client_is_pinged_and_cut_with_1011_if_it_does_not_answer() -> None:
    """W12, WS-MSG-08."""
    events: list[Any] = []
    trial = Trial(recorder(events))
    for now in range(100, 120):
        trial.exchange.on_deadline(float(now))
    assert trial.sent() == []
    trial.exchange.on_deadline(120.0)
    assert trial.sent() == [(frames.PING, b"")]
    trial.exchange.on_deadline(139.0)
    assert not trial.stream.ended
    trial.exchange.on_deadline(140.0)
    trial.runtime.run()
    assert trial.sent() == [(CLOSE, 1011, "no pong in time")]
    assert "ws_ping_timeout" in trial.stream.reset_for
    assert events == [{"type": "websocket.disconnect", "code": 1011, "reason": "no pong in time"}]


@pytest.mark.parametrize(
    "data", [frames.masked_frame(0x8A, b"", KEY), frames.masked_frame(0x01, b"x", KEY)]
)
def test_whatever_a_client_sends_shows_that_it_is_there(data: bytes) -> None:
    trial = Trial(recorder([]))
    trial.exchange.on_deadline(100.0)
    trial.exchange.on_deadline(120.0)
    trial.feed(data)
    trial.exchange.on_deadline(139.0)
    trial.exchange.on_deadline(158.0)
    assert trial.sent() == [(frames.PING, b"")]
    trial.exchange.on_deadline(159.0)
    assert trial.sent() == [(frames.PING, b"")]


def test_pings_can_be_switched_off() -> None:
    trial = Trial(recorder([]), ws_ping_interval=None)
    for now in range(100, 1000, 10):
        trial.exchange.on_deadline(float(now))
    assert trial.sent() == []


# Close.


@pytest.mark.parametrize(
    ("payload", "event", "answer"),
    [
        (b"\x03\xe8", (1000, ""), (CLOSE, 1000, "")),
        (b"\x0f\xa0h\xc3\xa9", (4000, "hé"), (CLOSE, 4000, "")),
        (b"", (1005, ""), (CLOSE, 1005, "")),
    ],
)
def test_a_client_s_close_is_answered_and_told(payload: bytes, event: Any, answer: Any) -> None:
    """WS-CLOSE-05 to 07, WS-CLOSE-09, WS-CLOSE-18, WS-CLOSE-20, WS-CLOSE-21; W06."""
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        for _ in range(4):
            events.append(await receive())

    trial = Trial(app)
    trial.feed(
        b"".join(frames.masked_frame(0x81, text, KEY) for text in (b"1", b"2"))
        + frames.masked_frame(0x88, payload, KEY)
    )
    code, reason = event
    gone = {"type": "websocket.disconnect", "code": code, "reason": reason}
    assert events == [
        {"type": "websocket.receive", "text": "1"},
        {"type": "websocket.receive", "text": "2"},
        gone,
        gone,
    ]
    assert trial.sent() == [answer]
    assert trial.stream.ended
    assert trial.stream.dones == 1


def test_what_waits_undecoded_behind_a_full_queue_is_delivered_before_the_end() -> None:
    """WS-CLOSE-20: also when the connection is lost meanwhile; the client's own code counts."""
    events: list[Any] = []
    gate: Any = Future()
    gate._asyncio_future_blocking = True

    class Gate:
        def __await__(self) -> Any:
            yield gate

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        await Gate()
        while True:
            events.append(await receive())
            if "code" in events[-1]:
                return

    trial = Trial(app)
    trial.feed(
        b"".join(frames.masked_frame(0x81, b"%d" % number, KEY) for number in range(10))
        + frames.masked_frame(0x88, b"\x03\xe9bye", KEY)
    )
    trial.disconnect()
    gate.set_result(None)
    trial.runtime.run()
    assert [event.get("text") for event in events[:-1]] == [str(number) for number in range(10)]
    assert events[-1] == {"type": "websocket.disconnect", "code": 1001, "reason": "bye"}


@pytest.mark.parametrize(("reason", "gone"), [("lost", True), ("eof", False)])
def test_a_connection_lost_without_a_close_is_a_1006(reason: str, gone: bool) -> None:
    """WS-CLOSE-08, W06."""
    events: list[Any] = []
    trial = Trial(recorder(events))
    trial.disconnect(reason, gone)
    assert events == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]
    assert trial.stream.out == b""
    assert trial.stream.dones == 1


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({}, (CLOSE, 1000, "")),
        ({"code": 3000, "reason": None}, (CLOSE, 3000, "")),
        ({"code": 1001, "reason": "é" * 40}, (CLOSE, 1001, "é" * 40)),
        ({"code": None, "reason": "bye"}, (CLOSE, 1000, "bye")),
        ({"code": 1005}, (CLOSE, 1005, "")),
    ],
)
def test_the_application_s_close_goes_out_and_ends_with_the_client_s(
    message: Any, expected: Any
) -> None:
    """WS-CLOSE-01, 02, 13, 18; 1005 asks for an empty Close (WS-CLOSE-04)."""
    events: list[Any] = []
    trial = Trial(recorder(events, {"type": "websocket.close", **message}))
    assert trial.sent() == [expected]
    assert events == [{"type": "websocket.disconnect", "code": expected[1], "reason": expected[2]}]
    assert not trial.stream.ended
    trial.text("too late").feed(frames.masked_frame(0x89, b"", KEY))
    assert trial.sent() == []
    trial.close()
    assert trial.stream.ended
    assert trial.sent() == []


def test_a_client_that_never_answers_our_close_is_cut_after_the_limit() -> None:
    """W13."""
    trial = Trial(recorder([], {"type": "websocket.close"}))
    for now in (100.0, 105.0, 109.9):
        trial.exchange.on_deadline(now)
    assert not trial.stream.ended
    trial.exchange.on_deadline(110.0)
    assert trial.stream.ended
    assert trial.stream.reset_for
    trial.exchange.on_deadline(200.0)
    trial.disconnect()


def test_a_flood_after_our_close_is_read_off_without_being_kept() -> None:
    """W13: data after Close is ignored."""
    trial = Trial(recorder([], {"type": "websocket.close"}))
    for _ in range(20):
        trial.text(*["x" * 1000] * 20)
        assert trial.exchange.buffered == 0
    trial.close()
    assert trial.stream.ended


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x01x", 1002),
        (frames.masked_frame(0x81, b"\xff", KEY), 1007),
        (b"\x82\xff" + (1 << 40).to_bytes(8, "big"), 1009),
    ],
)
def test_a_broken_frame_closes_with_its_code_after_what_came_before(data: bytes, code: int) -> None:
    """W04, W05, W07, WS-MSG-11; one line in the log says what was seen, and which option matters."""
    events: list[Any] = []
    trial = Trial(recorder(events))
    trial.feed(frames.masked_frame(0x81, b"ok", KEY) + data)
    assert events[0] == {"type": "websocket.receive", "text": "ok"}
    assert (events[1]["type"], events[1]["code"]) == ("websocket.disconnect", code)
    assert trial.sent()[0][:2] == (CLOSE, code)
    assert trial.stream.ended
    ((level, line),) = trial.notes
    assert level == "info"
    assert "RFC 6455" in line
    assert ("ws_max_size" in line) is (code == 1009)
    trial.feed(b"more after the end")
    assert trial.stream.dones == 1


def test_a_broken_frame_lets_the_messages_before_it_be_answered_first() -> None:
    """Autobahn 3.2, 4.1.3 and 5.15, strictly: the echo, then the Close."""
    trial = Trial(echo)
    trial.feed(frames.masked_frame(0x81, b"ok", KEY) + b"\x81\x01x" + b"and more")
    assert [each[:2] for each in trial.sent()] == [(frames.TEXT, "ok"), (CLOSE, 1002)]
    assert trial.stream.ended
    assert trial.exchange.buffered == 0


@pytest.mark.parametrize(
    "then",
    [
        lambda trial: [trial.exchange.on_deadline(now) for now in (100.0, 109.0, 110.0)],
        lambda trial: trial.exchange.on_shutdown(),
        lambda trial: trial.gate.set_result(None),
    ],
    ids=["in time", "at shutdown", "when it ends"],
)
@pytest.mark.parametrize("last", [{"type": "websocket.close"}, MESSAGES["send"]])
def test_a_broken_frame_closes_also_where_the_application_does_not_receive(
    then: Any, last: Any
) -> None:
    """W04: within the close timeout at the latest."""
    gate: Any = Future()
    gate._asyncio_future_blocking = True

    class Gate:
        def __await__(self) -> Any:
            yield gate

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        await Gate()
        await send(last)

    trial: Any = Trial(app)
    trial.gate = gate
    trial.feed(frames.masked_frame(0x81, b"ok", KEY) + b"\x81\x01x")
    assert trial.sent() == []
    trial.feed(b"dropped")
    then(trial)
    trial.runtime.run()
    assert [each[:2] for each in trial.sent() if each[0] == CLOSE] == [(CLOSE, 1002)]
    assert trial.stream.ended


def test_a_client_lost_after_a_broken_frame_is_a_1006_after_its_messages() -> None:
    trial = Trial(recorder([]), start=False)
    context = contextvars.copy_context()
    trial.runtime.start_task(trial.exchange.receive(), context)
    trial.runtime.start_task(trial.exchange.send(ACCEPT), context)
    trial.feed(frames.masked_frame(0x81, b"ok", KEY) + b"\x81\x01x")
    trial.disconnect()
    results = [trial.runtime.start_task(trial.exchange.receive(), context).result for _ in range(2)]
    assert results[0] == {"type": "websocket.receive", "text": "ok"}
    assert results[1]["code"] == 1006


# How the application's call ends.


def test_a_return_closes_with_1000() -> None:
    """WS-CLOSE-14, WS-CLOSE-16."""
    trial = Trial(answerer(ACCEPT))
    assert trial.sent() == [(CLOSE, 1000, "")]
    assert trial.stream.dones == 1
    assert not trial.stream.ended
    trial.close()
    assert trial.stream.ended


@pytest.mark.parametrize(
    "error", [ValueError("x"), SystemExit(1), KeyboardInterrupt(), OSError("disk")]
)
def test_an_exception_closes_with_1011(error: BaseException) -> None:
    """WS-CLOSE-15, W17, ERR-12, A16."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        raise error

    trial = Trial(app)
    assert trial.sent() == [(CLOSE, 1011, "")]
    assert trial.failures == [error]
    assert trial.stream.dones == 1


def test_the_os_error_of_a_lost_client_is_no_failure_when_it_leaves_the_application() -> None:
    """WS-CLOSE-11, ERR-11."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        await receive()
        await send(MESSAGES["send"])

    trial = Trial(app)
    trial.disconnect()
    assert trial.failures == []
    assert trial.stream.dones == 1


def test_what_the_application_leaves_unread_does_not_keep_the_close_waiting() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        await gate_open()

    gate: Any = Future()
    gate._asyncio_future_blocking = True

    class Gate:
        def __await__(self) -> Any:
            yield gate

    async def gate_open() -> None:
        await Gate()

    trial = Trial(app)
    trial.text(*["x"] * 20).close()
    assert trial.exchange.buffered
    gate.set_result(None)
    trial.runtime.run()
    assert trial.exchange.buffered == 0
    assert trial.stream.ended


def test_shutdown_closes_with_1012_and_tells_the_application() -> None:
    """WS-CLOSE-19."""
    events: list[Any] = []
    trial = Trial(recorder(events))
    trial.exchange.on_shutdown()
    trial.exchange.on_shutdown()
    trial.disconnect("shutdown", False)
    assert trial.sent() == [(CLOSE, 1012, "")]
    assert events == [{"type": "websocket.disconnect", "code": 1012, "reason": ""}]
    assert not trial.stream.ended
    trial.close()
    assert trial.stream.ended


def test_shutdown_during_the_handshake_is_a_503() -> None:
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        events.append(await receive())
        events.append(await receive())

    trial = Trial(app)
    trial.exchange.on_shutdown()
    trial.runtime.run()
    assert trial.stream.response[0] == 503
    assert events[1]["type"] == "websocket.disconnect"


def test_cancelling_says_where_the_application_stood() -> None:
    async def somewhere_inside(receive: Any) -> None:
        await receive()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        await somewhere_inside(receive)

    trial = Trial(app)
    assert "somewhere_inside" in trial.exchange.cancel()
    trial.runtime.run()
    assert trial.failures == []
    assert trial.stream.dones == 1


# The denial response.


def denial(*messages: Any, errors: list[Any] | None = None) -> Trial:
    return Trial(answerer(*messages, errors=errors))


def body(data: bytes = b"", more: bool = False) -> dict[str, Any]:
    return {"type": "websocket.http.response.body", "body": data, "more_body": more}


def start(**more: Any) -> dict[str, Any]:
    return {"type": "websocket.http.response.start", "status": 401, **more}


def test_a_denial_is_sent_as_the_application_makes_it() -> None:
    """WS-DENY-02, WS-DENY-04, WS-DENY-05, WS-DENY-08."""
    trial = denial(
        start(headers=[(b"x-a", b"1")]), body(b"\xff", True), body(b"\x00", True), body(b"!")
    )
    assert trial.stream.response == (401, [(b"x-a", b"1")], False)
    assert trial.stream.out == b"\xff\x00!"
    assert trial.stream.ended
    assert trial.exchange.status == 401
    assert trial.notes == []


def test_a_denial_s_defaults_hold() -> None:
    """WS-DENY-03, WS-DENY-09."""
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.http.response.start", "status": 499})
        await send({"type": "websocket.http.response.body"})
        events.append(await receive())

    trial = Trial(app)
    assert trial.stream.response == (499, [], False)
    assert trial.stream.ended
    assert events == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


@pytest.mark.parametrize(
    "message",
    [
        start(status=101),
        start(status="401"),
        start(status=[1]),
        {"type": "websocket.http.response.start"},
    ],
)
def test_a_denial_with_a_wrong_status_raises(message: Any) -> None:
    """WS-DENY-11, ERR-02."""
    errors: list[Any] = []
    trial = denial(message, {"type": "websocket.close"}, errors=errors)
    assert isinstance(errors[0], MessageError)
    assert trial.stream.response[0] == 403


@pytest.mark.parametrize("wrong", [{"body": "x"}, {"body": None}, {"more_body": 1}])
def test_a_denial_body_of_a_wrong_type_raises(wrong: Any) -> None:
    errors: list[Any] = []
    trial = denial(start(), body() | wrong, body(b"ok"), errors=errors)
    assert isinstance(errors[1], MessageError)
    assert trial.stream.out == b"ok"


def test_a_denial_longer_than_declared_raises_and_a_shorter_one_is_cut() -> None:
    """A02, A03."""
    errors: list[Any] = []
    length = {"headers": [(b"content-length", b"3")]}
    trial = denial(start(**length), body(b"four"), body(b"123"), errors=errors)
    assert isinstance(errors[1], MessageError)
    assert trial.stream.out == b"123"
    trial = denial(start(**length), body(b"12"))
    assert trial.stream.reset_for
    assert trial.notes[-1][0] == "error"


def test_a_denial_without_a_body_on_the_wire_sends_none() -> None:
    trial = denial(start(status=204), body(b"dropped"))
    assert trial.stream.response[2] is True
    assert trial.stream.out == b""
    assert trial.stream.ended


def test_an_unfinished_denial_becomes_a_500_or_is_cut() -> None:
    """WS-DENY-10."""
    trial = denial(start())
    assert trial.stream.response[0] == 500
    assert trial.stream.ended
    trial = denial(start(), body(b"part", True))
    assert trial.stream.response[0] == 401
    assert trial.stream.reset_for


def test_a_half_closed_client_still_gets_its_denial() -> None:
    trial = Trial(recorder([]), start=False)
    context = contextvars.copy_context()
    trial.runtime.start_task(trial.exchange.send(start()), context)
    trial.disconnect("eof", False)
    trial.runtime.start_task(trial.exchange.send(body(b"whole")), context)
    assert trial.stream.out == b"whole"
    assert trial.stream.ended


def test_frames_in_the_buffer_are_dropped_with_a_rejection() -> None:
    """W15."""
    trial = Trial(answerer({"type": "websocket.close"}), start=False)
    trial.text("early")
    trial.exchange.start()
    trial.runtime.run()
    trial.text("late")
    assert trial.stream.response[0] == 403
    assert trial.stream.out == b""
