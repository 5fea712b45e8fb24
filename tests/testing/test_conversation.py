"""One call, driven by hand; `Communicator` has asgiref's names (TEST-01 to TEST-06)."""

import asyncio
from typing import Any

import pytest

from penstock.testing import Communicator, Conversation, Disconnected
from penstock.testing.scopes import http_scope
from tests.testing.apps import app, broken, mark, respond
from tests.testing.conftest import Run

REQUEST = {"type": "http.request"}


def test_test_01_both_kinds_of_applications_are_called(run: Run) -> None:
    class Double:
        def __init__(self, scope: Any) -> None:
            self.scope = scope

        async def __call__(self, receive: Any, send: Any) -> None:
            await receive()
            await respond(send, self.scope["path"].encode())

    async def test() -> None:
        talk = Communicator(Double, http_scope("GET", "/x"))
        await talk.send_input(REQUEST)
        assert (await talk.receive_output())["type"] == "http.response.start"
        assert (await talk.receive_output())["body"] == b"/x"
        await talk.wait()

    run(test())


def test_test_02_the_application_starts_late_and_in_an_empty_context(run: Run) -> None:
    seen: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(mark.get())

    async def test() -> None:
        mark.set("of the test")
        talk = Communicator(application, http_scope())
        await asyncio.sleep(0)
        assert seen == []
        with pytest.raises(TimeoutError):
            await talk.receive_output()
        assert seen == ["unset"]

    run(test())


def test_test_03_an_input_raises_what_the_application_raised(run: Run) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("on purpose")

    async def test() -> None:
        with pytest.raises(LookupError):
            await Communicator(application, http_scope()).send_input(REQUEST)

    run(test())


def test_test_04_an_output_that_does_not_come_cancels(run: Run) -> None:
    async def test() -> None:
        talk = Communicator(app, http_scope("GET", "/silent"))
        with pytest.raises(TimeoutError):
            await talk.receive_output(timeout=0.01)
        assert talk.cancelled
        failing = Communicator(broken, http_scope())
        failing.feed(REQUEST)
        with pytest.raises(LookupError):
            await failing.receive_output()

    run(test())


def test_test_05_nothing_is_received_without_cancelling(run: Run) -> None:
    async def test() -> None:
        talk = Communicator(app, http_scope("GET", "/echo"))
        assert await talk.receive_nothing(timeout=0.01) is True
        await talk.send_input(REQUEST)
        assert await talk.receive_nothing() is False
        await talk.receive_output()
        await talk.receive_output()
        await talk.wait()
        assert await talk.receive_nothing() is True

    run(test())


def test_test_06_a_call_that_stays_is_cancelled(run: Run) -> None:
    async def test() -> None:
        talk = Communicator(app, http_scope("GET", "/silent"))
        await talk.wait(timeout=0.01)
        assert talk.cancelled
        stopped = Communicator(app, http_scope("GET", "/silent"))
        stopped.start()
        await asyncio.sleep(0)
        stopped.stop()
        assert await stopped.over()

    run(test())


def test_a_cancelled_receive_loses_no_event(run: Run) -> None:
    got: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.001)
        got.append(await receive())

    async def test() -> None:
        talk = Conversation(application, http_scope(), strict=False)
        talk.start()
        await asyncio.sleep(0.005)
        talk.feed({**REQUEST, "body": b"x"})
        assert await talk.over()

    run(test())
    assert [event["body"] for event in got] == [b"x"]


def test_after_the_response_the_request_is_over_again_and_again(run: Run) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await respond(send)
        for _ in range(3):
            assert (await receive())["type"] == "http.disconnect"

    async def test() -> None:
        talk = Conversation(application, http_scope())
        talk.feed(REQUEST)
        assert await talk.over()
        talk.reraise()
        assert talk.receives_after_end == 3

    run(test())


def test_after_the_client_left_send_raises_a_subclass_of_oserror(run: Run) -> None:
    async def test() -> None:
        talk = Conversation(app, http_scope("GET", "/echo"))
        talk.feed(REQUEST)
        talk.disconnect()
        assert await talk.over()
        assert type(talk.error) is Disconnected
        assert isinstance(talk.error, OSError)
        assert talk.faults == []

    run(test())


def test_what_ends_a_process_ends_only_the_call(run: Run) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise SystemExit(3)

    async def test() -> None:
        talk = Conversation(application, http_scope())
        assert await talk.over()
        with pytest.raises(SystemExit):
            talk.reraise()

    run(test())


def test_a_call_that_ignores_its_cancellation_is_told_apart(run: Run) -> None:
    async def stubborn(scope: Any, receive: Any, send: Any) -> None:
        try:
            await receive()
        except asyncio.CancelledError:
            await asyncio.sleep(3600)

    async def test() -> None:
        for application, at_once in ((stubborn, False), (app, True)):
            talk = Conversation(application, http_scope("GET", "/echo"))
            talk.start()
            await asyncio.sleep(0)
            assert await talk.cancel(0.01) is at_once
            assert talk.ended

    run(test())
