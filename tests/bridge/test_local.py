"""`Local`: whose values are seen where."""

import asyncio
import contextvars
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from penstock.bridge.local import Local
from penstock.bridge.sync import async_to_sync, sync_to_async
from tests.bridge.calls import DEADLINE_S, run


def on_thread(function: Callable[[], Any]) -> Any:
    """What the function returns on a new thread."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join(DEADLINE_S)
    return found[0]


def get(local: Local) -> Any:
    return getattr(local, "value", None)


@pytest.mark.parametrize("critical", [True, False])
def test_sync_35_values_are_the_threads_and_the_tasks_own(critical: bool) -> None:
    local = Local(thread_critical=critical)

    async def task(value: int) -> Any:
        inherited = get(local)
        local.value = value
        await asyncio.sleep(0)
        return inherited, local.value

    async def main() -> Any:
        local.value = 0
        found = await asyncio.gather(task(1), task(2))
        return [*found, local.value]

    assert run(main()) == [(0, 1), (0, 2), 0]

    def sync() -> Any:
        local.value = "mine"
        return on_thread(lambda: get(local)), local.value

    assert on_thread(sync) == (None, "mine")


def test_sync_36_values_cross_four_layers_and_come_back() -> None:
    local = Local()

    async def async_layer(depth: int) -> list[Any]:
        found = [local.value]
        local.value = f"async {depth}"
        if depth:
            found += await sync_to_async(sync_layer)(depth)
        return [*found, local.value]

    def sync_layer(depth: int) -> list[Any]:
        found = [local.value]
        local.value = f"sync {depth}"
        return found + async_to_sync(async_layer)(depth - 1)

    def main() -> Any:
        local.value = "outside"
        return [*async_to_sync(async_layer)(1), local.value]

    expected = ["outside", "async 1", "sync 1", "async 0", "async 0", "async 0"]
    assert on_thread(main) == expected

    async def first_set_below() -> Any:
        def below() -> None:
            local.value = "below"

        await sync_to_async(below)()
        return local.value

    assert on_thread(lambda: run(first_set_below())) == "below"


def test_sync_37_thread_critical_values_never_cross() -> None:
    local = Local(thread_critical=True)

    async def inner() -> Any:
        found = [get(local), await sync_to_async(get)(local)]
        local.value = "async"
        await sync_to_async(setattr)(local, "value", "nested")
        return found

    def main() -> Any:
        local.value = "sync"
        found = async_to_sync(inner)()
        contextvars.Context().run(lambda: found.append(local.value))
        return [*found, local.value]

    # The nested sync code runs on this very thread, and so do its changes.
    assert on_thread(main) == [None, "sync", "nested", "nested"]


def test_sync_38_a_thread_that_inherits_a_context_sees_nothing() -> None:
    local = Local()

    def main() -> Any:
        local.value = "mine"
        context = contextvars.copy_context()

        def inherits() -> Any:
            before = get(local)
            local.other = 1
            return before, local.other, get(local)

        return on_thread(lambda: context.run(inherits)), local.value

    assert on_thread(main) == ((None, 1, None), "mine")


@pytest.mark.parametrize("critical", [True, False])
def test_sync_39_missing_names_raise_and_deletion_is_ones_own(critical: bool) -> None:
    local = Local(thread_critical=critical)

    async def delete() -> Any:
        del local.value
        return get(local)

    async def main() -> Any:
        local.value = 1
        deleted = await asyncio.create_task(delete())
        return deleted, local.value

    assert run(main()) == (None, 1)

    def sync() -> None:
        with pytest.raises(AttributeError, match="'value' is not set"):
            _ = local.value
        with pytest.raises(AttributeError, match="'value' is not set"):
            del local.value
        local.value = 1
        del local.value
        assert get(local) is None

    on_thread(sync)


@pytest.mark.parametrize("critical", [True, False])
def test_sync_40_nothing_is_kept_after_its_context(critical: bool) -> None:
    class Thing:
        pass

    local = Local(thread_critical=critical)

    async def main() -> Any:
        local.value = Thing()
        return weakref.ref(local.value)

    gc.disable()
    try:
        assert run(main())() is None
    finally:
        gc.enable()
