"""A server without connections."""

import asyncio
from typing import Any

import pytest

from penstock.bridge.server import StatelessServer
from tests.bridge.calls import DEADLINE_S, run


class Echo(StatelessServer):
    """Calls the application for some ids, and notes what comes back."""

    application_checker_interval = 0.001

    def __init__(self, application: Any, ids: int, **options: Any) -> None:
        super().__init__(application, **options)
        self.ids = ids
        self.sent: list[Any] = []
        self.errors: list[BaseException] = []
        self.kept: list[int] = []
        self.until: Any = lambda: len(self.sent) == self.ids

    async def handle(self) -> None:
        for number in range(self.ids):
            queue = self.get_or_create_application_instance(number, {"type": "test", "id": number})
            assert self.get_or_create_application_instance(number, {}) is queue
            queue.put_nowait({"type": "test.event", "number": number})
            await asyncio.sleep(0)
        while not self.until():
            await asyncio.sleep(0)
        self.kept = list(self.application_instances)

    async def application_send(self, scope: Any, message: Any) -> None:
        self.sent.append((scope["id"], message["number"]))

    async def application_exception(self, exception: BaseException, details: Any) -> None:
        self.errors.append(exception)
        await super().application_exception(exception, details)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    while True:
        await send(await receive())


def test_sync_43_events_reach_the_call_of_their_id() -> None:
    server = Echo(echo, 5)
    run(server.arun())
    assert server.sent == [(number, number) for number in range(5)]


def test_sync_43_of_too_many_calls_the_oldest_ends() -> None:
    server = Echo(echo, 20, max_applications=10)
    run(server.arun())
    assert server.kept == list(range(10, 20))


def test_sync_43_ended_calls_are_taken_away_and_what_they_raise_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise KeyError(scope["id"])

    server = Echo(fail, 2)
    server.until = lambda: not server.application_instances
    run(server.arun())
    assert sorted(error.args for error in server.errors) == [(0,), (1,)]
    assert caplog.text.count("exception in an application") == 2


@pytest.mark.leaves_tasks("an interrupt ends the loop at once")
def test_run_is_arun_in_a_loop_and_an_interrupt_ends_it() -> None:
    server = Echo(echo, 1)
    server.run()
    assert server.sent == [(0, 0)]

    class Interrupted(StatelessServer):
        async def handle(self) -> None:
            raise KeyboardInterrupt

    Interrupted(echo).run()


def test_sync_44_the_base_has_neither_handle_nor_application_send() -> None:
    async def main() -> None:
        server = StatelessServer(echo)
        with pytest.raises(NotImplementedError):
            await asyncio.wait_for(server.arun(), DEADLINE_S)
        with pytest.raises(NotImplementedError):
            await server.application_send({}, {})

    run(main())
