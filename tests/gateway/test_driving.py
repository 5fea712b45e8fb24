"""Which driver runs: the native one on the compiled leg, else its pure twin."""

from typing import Any

import pytest

from penstock import compiled_modules
from penstock.gateway import drive, driving


def test_the_driver_is_that_of_the_leg() -> None:
    """Both twins have one contract, tried in `test_drive`."""
    native = "penstock.gateway._drive" in compiled_modules()
    assert (driving.drive is not drive.drive) is native


def test_the_exchange_of_a_task_is_found_on_either_driver() -> None:
    """By the coroutine that its task runs; nothing else is taken for one."""

    class Exchange:
        def receive(self) -> None:
            """What the application would call."""

        def send(self, message: object) -> None:
            """The same."""

        def app_ended(self, error: BaseException | None) -> None:
            self.error = error

    class Turn:
        def __await__(self) -> Any:
            yield

    async def app(scope: object, receive: object, send: object) -> None:
        await Turn()

    async def other(exchange: object) -> None:
        await Turn()

    exchange = Exchange()
    for each in {driving.drive, drive.drive}:
        coroutine = each(exchange, app, {})
        coroutine.send(None)
        assert driving.exchange_of(coroutine) is exchange
        with pytest.raises(StopIteration):
            coroutine.send(None)
        assert driving.exchange_of(coroutine) is None
    coroutine = other(exchange)
    coroutine.send(None)
    assert driving.exchange_of(coroutine) is None
    coroutine.close()
