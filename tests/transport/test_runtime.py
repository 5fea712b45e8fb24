"""The runtime keeps its tasks alive, shares wake-ups between threads, and shares one flush timer."""

import asyncio
import contextvars
import gc
import sys
import threading
import weakref
from typing import Any

import pytest

from penstock.transport.runtime import FLUSH_DELAY_S, LoopRuntime

DEADLINE_S = 5.0
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are Python 3.12's")
def test_a_coroutine_that_never_waits_has_ended_before_the_call_returns() -> None:
    async def test() -> None:
        runtime = LoopRuntime(asyncio.get_running_loop())

        async def quick() -> str:
            return "done"

        task = runtime.start_task(quick(), contextvars.copy_context())
        assert task.done()
        assert task.result() == "done"
        assert not runtime.tasks

    asyncio.run(test())


def test_a_task_runs_in_the_context_that_is_given() -> None:
    async def test() -> None:
        runtime = LoopRuntime(asyncio.get_running_loop())
        context = contextvars.copy_context()

        async def sets() -> None:
            variable.set("by the task")
            await asyncio.sleep(0)

        await runtime.start_task(sets(), context)
        assert context[variable] == "by the task"
        assert variable.get() == "unset"

    asyncio.run(test())


def test_an_unfinished_task_is_kept_and_the_last_end_is_told() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        runtime = LoopRuntime(loop)
        idle = asyncio.Event()
        runtime.on_idle = idle.set
        waiting: list[asyncio.Future[None]] = []

        async def waits() -> None:
            future: asyncio.Future[None] = loop.create_future()
            waiting.append(future)
            await future

        task = weakref.ref(runtime.start_task(waits(), contextvars.copy_context()))
        await asyncio.sleep(0)
        gc.collect()
        assert task() is not None
        assert len(runtime.tasks) == 1
        waiting[0].set_result(None)
        await asyncio.wait_for(idle.wait(), DEADLINE_S)
        assert not runtime.tasks

    asyncio.run(test())


def test_callbacks_from_threads_arrive_in_order_and_share_wake_ups() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        runtime = LoopRuntime(loop)
        wake_ups = 0
        real = loop.call_soon_threadsafe

        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal wake_ups
            wake_ups += 1
            return real(*args, **kwargs)

        loop.call_soon_threadsafe = counted  # type: ignore[method-assign]
        seen: list[int] = []
        done = asyncio.Event()

        def produce() -> None:
            for number in range(1000):
                runtime.call_from_thread(lambda number=number: seen.append(number))
            runtime.call_from_thread(done.set)

        thread = threading.Thread(target=produce)
        thread.start()
        thread.join()  # the loop does not turn meanwhile, so all of it shares one wake-up
        assert wake_ups == 1
        await asyncio.wait_for(done.wait(), DEADLINE_S)
        assert seen == list(range(1000))

    asyncio.run(test())


def test_no_callback_is_lost_while_threads_and_loop_race() -> None:
    async def test() -> None:
        runtime = LoopRuntime(asyncio.get_running_loop())
        seen = 0
        done = asyncio.Event()

        def count() -> None:
            nonlocal seen
            seen += 1
            if seen == 4 * 5000:
                done.set()

        def produce() -> None:
            for _ in range(5000):
                runtime.call_from_thread(count)

        threads = [threading.Thread(target=produce) for _ in range(4)]
        for thread in threads:
            thread.start()
        await asyncio.wait_for(done.wait(), 20)
        for thread in threads:
            thread.join()

    asyncio.run(test())


def test_a_callback_that_raises_harms_no_other() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        complaints: list[Any] = []
        loop.set_exception_handler(lambda _, context: complaints.append(context["exception"]))
        runtime = LoopRuntime(loop)
        done = asyncio.Event()
        runtime.call_from_thread(lambda: 1 / 0)
        runtime.call_from_thread(done.set)
        await asyncio.wait_for(done.wait(), DEADLINE_S)
        assert [type(each) for each in complaints] == [ZeroDivisionError]

    asyncio.run(test())


def test_a_callback_after_the_loop_was_closed_is_dropped() -> None:
    loop = asyncio.new_event_loop()
    runtime = LoopRuntime(loop)
    loop.close()
    runtime.call_from_thread(lambda: None)


def test_heads_that_wait_for_their_body_share_one_timer() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        runtime = LoopRuntime(loop)
        done = asyncio.Event()
        flushed: list[Any] = []

        class Exchange:
            def flush(self) -> None:
                flushed.append(self)
                if len(flushed) == 2:
                    done.set()

        first, second = Exchange(), Exchange()
        began = loop.time()
        runtime.flush_soon(first)
        timer = runtime._flush_timer
        runtime.flush_soon(second)
        assert runtime._flush_timer is timer
        await asyncio.wait_for(done.wait(), DEADLINE_S)
        assert flushed == [first, second]
        assert loop.time() - began >= FLUSH_DELAY_S * 0.9
        assert runtime._flush_timer is None

    asyncio.run(test())


def test_close_lets_go_of_what_waits() -> None:
    async def test() -> None:
        runtime = LoopRuntime(asyncio.get_running_loop())
        runtime.flush_soon(object())
        runtime.close()
        assert runtime._flush_timer is None
        assert not runtime._to_flush

    asyncio.run(test())
