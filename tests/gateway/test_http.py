"""The request's half of a conversation, without a loop: receive, disconnects, cancellation, bursts, and what escapes."""

from typing import Any

import pytest

from tests.gateway.http_trial import END, PART, START, Cancelled, Trial


@pytest.mark.parametrize(
    "kind", [SystemExit, KeyboardInterrupt, Cancelled, GeneratorExit, BaseException]
)
@pytest.mark.parametrize("later", [False, True])
def test_no_exception_leaves_the_conversation(kind: type[BaseException], later: bool) -> None:
    """In the first step and in a later one the client gets its 500 (ERR-12, A16)."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if later:
            await receive()
            await receive()
        raise kind

    trial = Trial(app)
    if later:
        trial.exchange.on_disconnect("eof", False)
        trial.run()
    assert trial.wire[0][:2] == ("head", 500)
    assert [type(error) for error in trial.failures] == [kind]


def test_a_body_is_given_in_the_parts_that_came() -> None:
    """More is asked for when the application has taken what there was (HTTP-REQ-04, HTTP-REQ-12)."""
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            events.append(await receive())
            more = events[-1].get("more_body", False)
        await send(START)
        await send(END)

    trial = Trial(app, content_length=6)
    assert trial.stream.asked == 1
    trial.exchange.on_body(b"a", False)
    assert trial.exchange.buffered == 0, "somebody waited for it, and has it"
    trial.exchange.on_body(b"bc", False)
    assert trial.exchange.buffered == 0
    trial.exchange.on_body(b"def", True)
    trial.run()
    bodies = [(event["body"], event["more_body"]) for event in events]
    assert bodies == [(b"a", True), (b"bc", True), (b"def", False)]


@pytest.mark.parametrize("gone", [False, True])
def test_what_came_before_the_disconnect_comes_first(gone: bool) -> None:
    """Then the disconnect, as often as it is asked for (HTTP-REQ-14, HTTP-REQ-16, HTTP-DISC-04)."""
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(4):
            events.append(await receive())

    trial = Trial(app, content_length=6, start=False)
    trial.exchange.on_body(b"abc", False)
    trial.exchange.on_disconnect("lost", gone)
    trial.exchange.start()
    assert events == [
        {"type": "http.request", "body": b"abc", "more_body": True},
        *[{"type": "http.disconnect"}] * 3,
    ]


def test_a_cancelled_receive_has_taken_nothing() -> None:
    """Cancelled while it waits, and cancelled when its event was there already (APP-17)."""
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):
            try:
                await receive()
            except Cancelled:
                events.append("cancelled")
        events.append(await receive())

    trial = Trial(app, content_length=3)
    trial.task.cancel()
    trial.task.run()
    assert events == ["cancelled"]
    trial.runtime.in_task = True
    trial.exchange.on_body(b"abc", True)
    trial.task.cancel()
    trial.run()
    assert events[:2] == ["cancelled", "cancelled"]
    assert events[2]["body"] == b"abc"


@pytest.mark.parametrize(
    "endless",
    ["empty parts", "small parts", "large parts", "ignored", "received", "in turn"],
)
def test_no_ready_application_keeps_the_loop_from_turning(endless: str) -> None:
    """After so many events or bytes without a wait, the next await suspends once."""
    steps = [0]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        if endless in {"ignored", "received"}:
            await send(END)
        while steps[0] < 2000:
            steps[0] += 1
            if endless == "received":
                await receive()
            elif endless == "in turn":
                await send({**PART, "body": b""})
                await receive()
            else:
                size = {"empty parts": 0, "small parts": 1, "large parts": 1 << 17}.get(endless, 0)
                await send({**PART, "body": b"x" * size})

    trial = Trial(app)
    if endless == "in turn":
        # A client that has half-closed: each receive() is ready.
        trial.exchange.on_disconnect("eof", False)
    most = before = steps[0]
    while not trial.task.done():
        assert trial.task.wait is None or trial.task.wait.done()
        trial.task.step()
        most = max(most, steps[0] - before)
        before = steps[0]
    assert steps[0] == 2000
    assert most <= (3 if endless == "large parts" else 65)


def test_cancel_says_where_the_application_stands() -> None:
    """For the log of a shutdown; its end is not logged as a failure."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await receive()

    trial = Trial(app)
    place = trial.exchange.cancel()
    assert "test_http.py" in place
    trial.run()
    assert trial.failures == []
    assert trial.stream.calls[-1] == ("done",)


@pytest.mark.parametrize("error", [OSError("of a database"), ValueError("a bug")])
def test_failures_of_its_own_are_logged_though_the_client_is_gone(error: Exception) -> None:
    """Only the loss itself is no failure (HTTP-ERR-07, HTTP-DISC-08)."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        trial.exchange.on_disconnect("lost", True)
        raise error

    trial = Trial(app, start=False)
    trial.exchange.start()
    assert trial.failures == [error]


@pytest.mark.parametrize("how", ["itself", "from", "during", "group"])
def test_what_frameworks_make_of_the_loss_is_no_failure(how: str) -> None:
    """Starlette raises an exception of its own from it, task groups wrap it (ERR-11, HTTP-DISC-08)."""

    class Disconnect(Exception):
        pass

    async def app(scope: Any, receive: Any, send: Any) -> None:
        trial.exchange.on_disconnect("lost", True)
        try:
            await send(START)
        except OSError as error:
            if how == "from":
                raise Disconnect from error
            if how == "during":
                raise Disconnect  # noqa: B904 - as a framework without "from" does
            if how == "group":
                raise ExceptionGroup("tasks", [error, error]) from None
            raise

    trial = Trial(app, start=False)
    trial.exchange.start()
    assert trial.failures == []
    assert [level for level, _ in trial.notes if level in {"error", "warning"}] == []
