"""The application's side of a conversation: WS-HS, WS-MSG, WS-CLOSE, W17, APP-17, A10, A11, A14."""

import contextvars
from typing import Any

import pytest

from penstock.errors import ClientDisconnected, MessageError
from penstock.wire import websocket_frames as frames
from penstock.wire.deflate import Deflater
from tests.gateway.websocket_trial import (
    ACCEPT,
    CLOSE,
    KEY,
    MESSAGES,
    Cancelled,
    Forever,
    Future,
    Trial,
    answerer,
    echo,
    recorder,
)

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
    assert trial.stream.over
    assert trial.exchange.status == 403
    assert events == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


def test_an_exception_before_accept_is_a_500() -> None:
    """WS-HS-15, W17."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("no")

    trial = Trial(app)
    assert trial.stream.response[0] == 500
    assert trial.stream.over
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


# How the application's call ends.


def test_a_return_closes_with_1000() -> None:
    """WS-CLOSE-14, WS-CLOSE-16."""
    trial = Trial(answerer(ACCEPT))
    assert trial.sent() == [(CLOSE, 1000, "")]
    assert trial.stream.dones == 1
    assert not trial.stream.over
    trial.close()
    assert trial.stream.over


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
    assert trial.stream.over


def test_shutdown_closes_with_1012_and_tells_the_application() -> None:
    """WS-CLOSE-19."""
    events: list[Any] = []
    trial = Trial(recorder(events))
    trial.exchange.on_shutdown()
    trial.exchange.on_shutdown()
    trial.disconnect("shutdown", False)
    assert trial.sent() == [(CLOSE, 1012, "")]
    assert events == [{"type": "websocket.disconnect", "code": 1012, "reason": ""}]
    assert not trial.stream.over
    trial.close()
    assert trial.stream.over


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
