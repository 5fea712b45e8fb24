"""The wire's side of a conversation: Ping, Pong and Close, W04 to W13, WS-CLOSE."""

import contextvars
from typing import Any

import pytest

from penstock.wire import websocket_frames as frames
from tests.gateway.websocket_trial import (
    ACCEPT,
    CLOSE,
    KEY,
    MESSAGES,
    Future,
    Trial,
    echo,
    recorder,
)

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
    assert not trial.stream.over
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
    assert trial.stream.over
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
    assert not trial.stream.over
    trial.text("too late").feed(frames.masked_frame(0x89, b"", KEY))
    assert trial.sent() == []
    trial.close()
    assert trial.stream.over
    assert trial.sent() == []


def test_a_client_that_never_answers_our_close_is_cut_after_the_limit() -> None:
    """W13."""
    trial = Trial(recorder([], {"type": "websocket.close"}))
    for now in (100.0, 105.0, 109.9):
        trial.exchange.on_deadline(now)
    assert not trial.stream.over
    trial.exchange.on_deadline(110.0)
    assert trial.stream.over
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
    assert trial.stream.over


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
    assert trial.stream.over
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
    assert trial.stream.over
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
    assert trial.stream.over


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
