"""Answers other than a WebSocket: WS-DENY, A02, A03, W15."""

import contextvars
from typing import Any

import pytest

from penstock.errors import MessageError
from tests.gateway.websocket_trial import Trial, answerer, recorder


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
    assert trial.stream.over
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
    assert trial.stream.over
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
    assert trial.stream.over


def test_an_unfinished_denial_becomes_a_500_or_is_cut() -> None:
    """WS-DENY-10."""
    trial = denial(start())
    assert trial.stream.response[0] == 500
    assert trial.stream.over
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
    assert trial.stream.over


def test_frames_in_the_buffer_are_dropped_with_a_rejection() -> None:
    """W15."""
    trial = Trial(answerer({"type": "websocket.close"}), start=False)
    trial.text("early")
    trial.exchange.start()
    trial.runtime.run()
    trial.text("late")
    assert trial.stream.response[0] == 403
    assert trial.stream.out == b""
