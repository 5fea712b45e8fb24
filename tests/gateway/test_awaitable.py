"""What send() and receive() return: no coroutine, and yet taken for one wherever the library wants one."""

import asyncio
import inspect
from collections.abc import Awaitable as AbcAwaitable
from collections.abc import Coroutine
from typing import Any

import pytest

from penstock.gateway.awaitable import DONE, Awaitable
from tests.loops import NewLoop, each_loop, run_on


class Steps(Awaitable):
    """Gives the waits of a list one by one, then its result."""

    def __init__(self, waits: list[Any], result: Any = None) -> None:
        super().__init__()
        self.waits = waits
        self.seen: list[bool] = []
        self.end = result

    def step(self, first: bool) -> Any:
        self.seen.append(first)
        if self.waits:
            return self.waits.pop(0)
        if isinstance(self.end, BaseException):
            raise self.end
        self.result = self.end
        return DONE


def test_it_has_the_interface_of_a_coroutine() -> None:
    """Asyncio and inspect take it (APP-06, APP-07)."""
    awaitable = Steps([])
    assert isinstance(awaitable, Coroutine)
    assert isinstance(awaitable, AbcAwaitable)
    assert inspect.isawaitable(awaitable)
    assert asyncio.iscoroutine(awaitable)
    awaitable.close()


@pytest.mark.parametrize("result", [None, 0, "x", {}, {"type": "http.disconnect"}, StopIteration])
def test_a_ready_one_ends_in_its_first_step(result: Any) -> None:
    """Its result is what the await gives, also one that StopIteration could mistake."""
    with pytest.raises(StopIteration) as caught:
        Steps([], result).send(None)
    assert caught.value.value == result


def test_nothing_happens_at_the_call() -> None:
    """Only the first step does anything, and only it is the first."""
    awaitable = Steps([None, None])
    assert awaitable.seen == []
    assert awaitable.send(None) is None
    assert next(awaitable) is None
    with pytest.raises(StopIteration):
        awaitable.send(None)
    assert awaitable.seen == [True, False, False]


def test_an_error_comes_out_of_the_await() -> None:
    """Not out of the call (ERR-04)."""
    awaitable = Steps([], ValueError("x"))
    with pytest.raises(ValueError, match="x"):
        awaitable.send(None)


@pytest.mark.parametrize("form", ["instance", "class", "class and value", "with traceback"])
def test_throw_raises_what_it_is_given(form: str) -> None:
    """In each of the forms that the protocol of generators knows."""
    awaitable = Steps([None])
    awaitable.send(None)
    error = ValueError("x")
    try:
        raise error
    except ValueError as caught:
        traceback = caught.__traceback__
    arguments: tuple[Any, ...] = {
        "instance": (error,),
        "class": (ValueError,),
        "class and value": (ValueError, error),
        "with traceback": (ValueError, error, traceback),
    }[form]
    with pytest.raises(ValueError):
        awaitable.throw(*arguments)
    assert awaitable.seen == [True]


@each_loop
@pytest.mark.parametrize("debug", [False, True])
def test_the_library_waits_for_it(new_loop: NewLoop, debug: bool) -> None:
    """await, create_task, wait_for, gather, ensure_future, shield, TaskGroup, timeout; with futures and turns (APP-09)."""

    async def test() -> None:
        loop = asyncio.get_running_loop()
        loop.set_debug(debug)

        def later() -> Any:
            future = loop.create_future()
            loop.call_soon(future.set_result, None)
            return future

        def make() -> Steps:
            return Steps([None, later(), None, later()], "result")

        assert await make() == "result"
        assert await asyncio.create_task(make()) == "result"
        assert await asyncio.wait_for(make(), 5) == "result"
        assert await asyncio.gather(make(), make()) == ["result", "result"]
        assert await asyncio.ensure_future(make()) == "result"
        assert await asyncio.shield(make()) == "result"
        async with asyncio.timeout(5):
            assert await make() == "result"
        async with asyncio.TaskGroup() as group:
            task = group.create_task(make())
        assert task.result() == "result"

    run_on(new_loop, test())
