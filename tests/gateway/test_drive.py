"""The driver of applications' calls: the pure twin and, where it was built, the native one do the same."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from penstock.gateway.drive import drive as pure
from penstock.gateway.driving import drive as used
from penstock.gateway.scope import where
from tests.loops import NewLoop, each_loop, run_on

twins = pytest.mark.parametrize(
    "drive", list(dict.fromkeys((pure, used))), ids=lambda drive: type(drive).__name__
)


class Exchange:
    """Records the end."""

    def __init__(self) -> None:
        self.ends: list[BaseException | None] = []

    def receive(self) -> None:
        raise NotImplementedError

    def send(self) -> None:
        raise NotImplementedError

    def app_ended(self, error: BaseException | None) -> None:
        self.ends.append(error)


def step(coroutine: Any) -> bool:
    """One step; True at the end."""
    try:
        coroutine.send(None)
    except StopIteration:
        return True
    return False


class Turn:
    def __await__(self) -> Any:
        yield


@twins
def test_the_application_gets_three_arguments(drive: Any) -> None:
    """The scope and the exchange's own methods, by position (APP-01, APP-04)."""
    exchange = Exchange()
    scope = {"type": "http"}
    got: list[Any] = []

    async def app(a: Any, b: Any, c: Any) -> str:
        got.extend((a, b, c))
        return "ignored"

    assert step(drive(exchange, app, scope))
    assert got[0] is scope
    assert got[1:] == [exchange.receive, exchange.send]
    assert exchange.ends == [None]


@twins
@pytest.mark.parametrize(
    "kind",
    [
        ValueError,
        SystemExit,
        KeyboardInterrupt,
        GeneratorExit,
        asyncio.CancelledError,
        BaseException,
    ],
)
@pytest.mark.parametrize("turns", [0, 2])
def test_whatever_escapes_is_told_once_and_goes_no_further(
    drive: Any, kind: type[BaseException], turns: int
) -> None:
    """In the first step and later (ERR-12, A16)."""
    exchange = Exchange()

    async def app(*_: Any) -> None:
        for _ in range(turns):
            await Turn()
        raise kind("x")

    coroutine = drive(exchange, app, {})
    for _ in range(turns):
        assert not step(coroutine)
    assert step(coroutine)
    assert [type(end) for end in exchange.ends] == [kind]


@twins
@pytest.mark.parametrize("bad", [lambda *_: 1 / 0, lambda *_: None, lambda *_: 5, lambda: None])
def test_a_call_that_fails_is_the_applications_failure(drive: Any, bad: Any) -> None:
    """It raises at once, or returns what cannot be awaited, or takes other arguments."""
    exchange = Exchange()
    assert step(drive(exchange, bad, {}))
    assert isinstance(exchange.ends[0], (ZeroDivisionError, TypeError))


@twins
def test_any_awaitable_will_do(drive: Any) -> None:
    """What `__await__` gives is stepped (APP-15)."""
    exchange = Exchange()
    coroutine = drive(exchange, lambda *_: Turn(), {})
    assert not step(coroutine)
    assert step(coroutine)
    assert exchange.ends == [None]


@twins
def test_what_is_thrown_reaches_the_application(drive: Any) -> None:
    """Which may catch it and go on, or let it escape (A16)."""
    exchange = Exchange()
    caught: list[Any] = []

    async def app(*_: Any) -> None:
        try:
            await Turn()
        except asyncio.CancelledError as error:
            caught.append(error)
        await Turn()

    coroutine = drive(exchange, app, {})
    assert not step(coroutine)
    error = asyncio.CancelledError()
    coroutine.throw(error)
    assert caught == [error]
    second = asyncio.CancelledError()
    with pytest.raises(StopIteration):
        coroutine.throw(second)
    assert exchange.ends == [second]


@twins
def test_an_application_that_ends_on_what_is_thrown(drive: Any) -> None:
    """Returning is a plain end."""
    exchange = Exchange()

    async def app(*_: Any) -> None:
        try:
            await Turn()
        except ValueError:
            pass

    coroutine = drive(exchange, app, {})
    assert not step(coroutine)
    with pytest.raises(StopIteration):
        coroutine.throw(ValueError())
    assert exchange.ends == [None]


@twins
@each_loop
def test_a_task_drives_it(drive: Any, new_loop: NewLoop) -> None:
    """With sleeps, futures, timeouts and cancellation; `where` looks through it."""

    async def test() -> None:
        exchange = Exchange()
        begun = asyncio.Event()

        async def app(*_: Any) -> None:
            assert asyncio.current_task() is task
            await asyncio.sleep(0)
            begun.set()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await asyncio.Event().wait()
            begun.set()
            await asyncio.sleep(60)

        coroutine = drive(exchange, app, {})
        assert isinstance(coroutine, Coroutine)
        task = asyncio.create_task(coroutine)
        await begun.wait()
        begun.clear()
        await begun.wait()
        await asyncio.sleep(0)
        assert " app" in where(task.get_coro())
        task.cancel()
        await task
        assert [type(end) for end in exchange.ends] == [asyncio.CancelledError]

    run_on(new_loop, test())


@twins
def test_one_that_is_thrown_away_leaves_no_warning(drive: Any) -> None:
    """Never started, or closed in the midst of it."""
    exchange = Exchange()
    cleaned: list[bool] = []

    async def app(*_: Any) -> None:
        try:
            await Turn()
        finally:
            cleaned.append(True)

    drive(exchange, app, {}).close()
    coroutine = drive(exchange, app, {})
    step(coroutine)
    coroutine.close()
    assert cleaned == [True]
