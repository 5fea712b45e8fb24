"""`sync_to_async` and `async_to_sync` together; asgiref's names and signatures."""

import asyncio
import inspect
import threading
from contextvars import ContextVar
from typing import Any

import pytest

import penstock.bridge
from penstock.bridge import sync
from penstock.bridge.sync import async_to_sync, iscoroutinefunction, sync_to_async
from tests.bridge.calls import run

VARIABLE: ContextVar[str] = ContextVar("variable", default="unset")


def test_sync_02_the_signature_is_asgirefs() -> None:
    parameters = inspect.signature(sync_to_async).parameters
    assert list(parameters) == ["func", "thread_sensitive", "executor", "context"]
    assert [each.default for each in parameters.values()] == [None, True, None, None]
    assert all(each.kind is each.KEYWORD_ONLY for each in list(parameters.values())[1:])


def test_sync_15_only_the_result_is_a_coroutine_function() -> None:
    assert iscoroutinefunction(sync_to_async(len))
    assert not iscoroutinefunction(sync_to_async)
    assert not iscoroutinefunction(async_to_sync(sync_to_async(len)))


def test_sync_01_21_both_are_decorators_too() -> None:
    @sync_to_async(thread_sensitive=False)
    def double(number: int) -> int:
        return number * 2

    @async_to_sync(force_new_loop=True)
    async def six() -> int:
        return await double(3)

    assert six() == 6


def test_sync_32_a_chain_with_a_task_at_its_end_does_not_deadlock() -> None:
    @sync_to_async
    def innermost() -> int:
        return threading.get_ident()

    @async_to_sync
    async def third() -> int:
        return await asyncio.create_task(innermost())

    @async_to_sync
    async def first() -> Any:
        return await asyncio.wait_for(sync_to_async(third)(), 10)

    assert first() == threading.get_ident()


def test_sync_13_30_the_context_goes_four_layers_down_and_back() -> None:
    seen = []

    async def layer(depth: int) -> None:
        seen.append(VARIABLE.get())
        VARIABLE.set(f"async {depth}")
        if depth:
            await sync_to_async(below)(depth)
        seen.append(VARIABLE.get())

    def below(depth: int) -> None:
        seen.append(VARIABLE.get())
        VARIABLE.set(f"sync {depth}")
        async_to_sync(layer)(depth - 1)

    run(layer(2))
    assert seen == ["unset", "async 2", "sync 2", "async 1", "sync 1", "async 0"] + ["async 0"] * 2


def test_every_name_is_imported_when_it_is_asked_for() -> None:
    assert {name: getattr(penstock.bridge, name) for name in penstock.bridge.__all__}
    assert set(sync.__all__) <= set(penstock.bridge.__all__) <= set(dir(penstock.bridge))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = penstock.bridge.nothing
