"""The answer's half of a conversation, without a loop: the whole product of states and messages, ends, files, waiting to send."""

import os
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import ClientDisconnected, MessageError
from tests.gateway.http_trial import END, HINT, PART, START, TRAILERS, TRAILING, Cancelled, Trial

# How to reach each state of a response.
STATES: dict[str, list[Any]] = {
    "empty": [],
    "hinted": [HINT],
    "started": [START],
    "streaming": [START, PART],
    "body sent": [TRAILING, END],
    "complete": [START, END],
    "complete with trailers": [TRAILING, END, TRAILERS],
}
# state -> what each kind of message does there: do, refuse (raises, changes nothing), ignore.
EXPECTED = {
    "empty": {"start": "do", "part": "refuse", "end": "refuse", "trailers": "refuse", "hint": "do", "path": "refuse", "zero": "refuse"},
    "hinted": {"start": "do", "part": "refuse", "end": "refuse", "trailers": "refuse", "hint": "do", "path": "refuse", "zero": "refuse"},
    "started": {"start": "refuse", "part": "do", "end": "do", "trailers": "refuse", "hint": "do", "path": "do", "zero": "do"},
    "streaming": {"start": "refuse", "part": "do", "end": "do", "trailers": "refuse", "hint": "refuse", "path": "refuse", "zero": "do"},
    "body sent": {"start": "refuse", "part": "ignore", "end": "ignore", "trailers": "do", "hint": "refuse", "path": "ignore", "zero": "ignore"},
    "complete": dict.fromkeys(("start", "part", "end", "trailers", "hint", "path", "zero"), "ignore"),
    "complete with trailers": dict.fromkeys(("start", "part", "end", "trailers", "hint", "path", "zero"), "ignore"),
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


@pytest.mark.parametrize("kind", list(EXPECTED["empty"]))
@pytest.mark.parametrize("state", list(STATES))
@pytest.mark.parametrize("gone", [False, True], ids=["there", "gone"])
def test_every_message_in_every_state(state: str, kind: str, gone: bool, file: Path) -> None:
    """It is done, refused or ignored as the table says; to a lost client, before the end, it raises OSError."""
    outcome: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in STATES[state]:
            await send(message)
        if gone:
            trial.exchange.on_disconnect("lost", True)
        with file.open("rb") as content:
            messages = {
                "start": START, "part": PART, "end": END, "trailers": TRAILERS, "hint": HINT,
                "path": {"type": "http.response.pathsend", "path": str(file)},
                "zero": {"type": "http.response.zerocopysend", "file": content},
            }  # fmt: skip
            outcome.append(len(trial.stream.calls))
            try:
                await send(messages[kind])
                outcome.append(None)
            except BaseException as error:
                outcome.append(error)
                raise

    trial = Trial(app, headers=[(b"te", b"trailers")], start=False)
    trial.exchange.start()
    if trial.stream.file_future is not None:
        trial.stream.file_future.set_result(None)
        trial.run()
    before, error = outcome
    expected = EXPECTED[state][kind]
    if gone and not state.startswith("complete"):
        assert isinstance(error, ClientDisconnected)
        assert trial.failures == []
        assert len(trial.wire) == before
    elif expected == "do":
        assert error is None
        assert len(trial.stream.calls) > before + 1
    elif expected == "refuse":
        assert isinstance(error, MessageError)
    else:
        assert error is None
        # Then the application ends, and with it a response that still lacks its trailers.
        assert [call[0] for call in trial.wire[before:]] == (
            ["reset"] if state == "body sent" else []
        )
        assert trial.notes[0][0] == "debug"
    assert trial.stream.calls[-1] == ("done",)
    assert trial.stream.calls.count(("done",)) == 1


@pytest.mark.parametrize("state", list(STATES))
@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("moment", ["at once", "later", "after the head has left"])
def test_the_end_of_the_application_in_every_state(state: str, raises: bool, moment: str) -> None:
    """A 500 where nothing has left, a cut where something has, nothing where all has (HTTP-ERR-01 to HTTP-ERR-05)."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in STATES[state]:
            await send(message)
        if moment != "at once":
            await receive()
            await receive()
        if raises:
            raise ValueError

    trial = Trial(app)
    flushed = moment == "after the head has left"
    if moment != "at once":
        if flushed and trial.runtime.to_flush:
            trial.runtime.to_flush.pop().flush()
        trial.exchange.on_disconnect("eof", False)
        trial.run()
    assert len(trial.failures) == raises
    ended = trial.wire[-1]
    if state in {"empty", "hinted"} or (state == "started" and not flushed):
        assert trial.wire[-2][:2] == ("head", 500)
        assert ended == ("body", b"Internal Server Error", True)
        assert trial.exchange.status == 500
    elif state in {"started", "streaming", "body sent"}:
        assert ended[0] == "reset"
        # Who was told of a disconnect rightly stops.
        assert trial.notes[-1][0] == ("error" if moment == "at once" else "debug")
    else:
        assert ended[0] in {"body", "trailers"}
        assert trial.notes == []
    assert trial.stream.calls.count(("done",)) == 1


def test_a_file_is_sent_with_a_descriptor_of_its_own(file: Path) -> None:
    """Open until the stream is done with it, whatever becomes of the send; then closed, and the next send goes on (ZCS-07, ZCS-08)."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        descriptor = os.open(file, os.O_RDONLY)
        try:
            await send(
                {"type": "http.response.zerocopysend", "file": descriptor, "more_body": True}
            )
        except Cancelled:
            sent.append("cancelled")
        os.close(descriptor)
        await send(END)
        sent.append("end")

    trial = Trial(app)
    own = trial.stream.fd
    trial.task.cancel()
    trial.run()
    assert sent == ["cancelled"]
    os.fstat(own)
    assert ("body", b"end", True) not in trial.wire
    trial.stream.file_future.set_result(None)
    with pytest.raises(OSError):
        os.fstat(own)
    trial.run()
    assert sent == ["cancelled", "end"]
    assert trial.wire[-1] == ("body", b"end", True)


def test_a_send_waits_for_room_and_is_done_once() -> None:
    """The part was written when the send began to wait; cancelling the wait does not repeat it (APP-18, HTTP-RESP-30)."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        try:
            await send(PART)
        except Cancelled:
            await send({**END, "body": b"after"})

    trial = Trial(app, start=False)
    trial.stream.writable = False
    trial.exchange.start()
    assert trial.wire[-1] == ("body", b"part", False)
    trial.task.cancel()
    trial.run()
    assert [call for call in trial.wire if call[0] == "body"] == [
        ("body", b"part", False),
        ("body", b"after", True),
    ]


def test_a_send_that_waits_is_woken_by_room_and_by_loss() -> None:
    """Room lets it return, the loss of the client lets it raise (HTTP-DISC-06)."""
    outcome: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(PART)
        outcome.append("room")
        trial.stream.writable = False
        try:
            await send(PART)
        except OSError as error:
            outcome.append(type(error))

    trial = Trial(app, start=False)
    trial.stream.writable = False
    trial.exchange.start()
    assert outcome == []
    trial.stream.writable = True
    trial.exchange.on_writable()
    trial.run()
    assert outcome == ["room"]
    trial.exchange.on_disconnect("lost", True)
    trial.run()
    assert outcome == ["room", ClientDisconnected]
    assert trial.task.done()


def test_the_head_is_flushed_once_and_only_while_it_is_held() -> None:
    """A flush that comes late, after the body or after the loss, does nothing (HTTP-RESP-12)."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await receive()
        await receive()

    trial = Trial(app)
    (exchange,) = trial.runtime.to_flush
    exchange.flush()
    exchange.flush()
    assert trial.wire == [("head", 200, False, False), ("flush",)]

    async def whole(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(END)

    assert Trial(whole).runtime.to_flush == []
