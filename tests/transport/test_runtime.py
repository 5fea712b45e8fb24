"""The runtime keeps its tasks alive, shares wake-ups between threads, and shares one flush timer."""

import asyncio
import contextvars
import gc
import sys
import threading
import weakref
from typing import Any

import pytest

from penstock.gateway.awaitable import DONE, Awaitable
from penstock.transport.runtime import FLUSH_DELAY_S, LoopRuntime, Waiter
from tests.loops import NewLoop, each_loop, run_on

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


class Once(Awaitable):
    """Waits for one waiter, as `receive` does."""

    def __init__(self, waiter: Any) -> None:
        super().__init__()
        self.waiter = waiter

    def step(self, first: bool) -> Any:
        return self.waiter if first else DONE


async def waits(waiter: Any, seen: list[str]) -> None:
    """What a task does that waits: notes that it goes on, and in which context."""
    variable.set("the task's")
    try:
        await Once(waiter)
    except asyncio.CancelledError as error:
        seen.append(f"cancelled {error.args}")
        raise
    seen.append(variable.get())


@each_loop
def test_a_fired_task_goes_on_within_the_call(new_loop: NewLoop) -> None:
    """In its own context, as the current task, and up to its next wait."""

    async def test() -> None:
        loop = asyncio.get_running_loop()
        first, second = Waiter(loop), Waiter(loop)
        seen: list[Any] = []

        async def both() -> None:
            await waits(first, seen)
            seen.append(asyncio.current_task())
            await waits(second, seen)

        task = asyncio.create_task(both())
        await asyncio.sleep(0)
        fired = loop.create_future()

        def fire() -> None:
            first.fire()
            first.fire()
            fired.set_result(list(seen))

        loop.call_soon(fire)
        assert await fired == ["the task's", task]
        assert variable.get() == "unset"
        second.set_result(None)
        assert not task.done()
        await asyncio.wait_for(task, DEADLINE_S)
        assert seen[2:] == ["the task's"]

    run_on(new_loop, test())


@each_loop
def test_tasks_do_not_nest(new_loop: NewLoop) -> None:
    """Fired by another task, it goes on in the next turn."""

    async def test() -> None:
        waiter = Waiter(asyncio.get_running_loop())
        seen: list[str] = []
        task = asyncio.create_task(waits(waiter, seen))
        await asyncio.sleep(0)
        waiter.fire()
        assert seen == []
        assert waiter.done()
        await asyncio.wait_for(task, DEADLINE_S)
        assert seen == ["the task's"]

    run_on(new_loop, test())


@each_loop
def test_a_waiting_task_can_be_cancelled(new_loop: NewLoop) -> None:
    """With its message; what comes after that changes nothing."""

    async def test() -> None:
        waiter = Waiter(asyncio.get_running_loop())
        seen: list[str] = []
        task = asyncio.create_task(waits(waiter, seen))
        await asyncio.sleep(0)
        task.cancel("enough")
        assert waiter.cancelled()
        waiter.fire()
        waiter.set_result(None)
        assert not waiter.cancel()
        await asyncio.wait({task}, timeout=DEADLINE_S)
        assert task.cancelled()
        assert seen == ["cancelled ('enough',)"]

    run_on(new_loop, test())


@each_loop
def test_what_is_resolved_before_anyone_waits_is_not_lost(new_loop: NewLoop) -> None:
    async def test() -> None:
        for resolve in (Waiter.fire, lambda waiter: waiter.set_result(None)):
            waiter = Waiter(asyncio.get_running_loop())
            with pytest.raises(asyncio.InvalidStateError):
                waiter.result()
            resolve(waiter)
            assert waiter.exception() is None
            seen: list[str] = []
            await asyncio.wait_for(asyncio.create_task(waits(waiter, seen)), DEADLINE_S)
            assert seen == ["the task's"]

    run_on(new_loop, test())


def test_a_waiter_is_a_future_for_one() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        waiter = Waiter(loop)
        assert asyncio.isfuture(waiter)
        assert waiter.get_loop() is loop
        called: list[Any] = []
        waiter.add_done_callback(called.append)
        with pytest.raises(RuntimeError, match="one task"):
            waiter.add_done_callback(print)
        assert waiter.remove_done_callback(print) == 0
        assert waiter.remove_done_callback(called.append) == 1
        waiter.fire()
        await asyncio.sleep(0)
        assert called == []

    asyncio.run(test())


@each_loop
@pytest.mark.leaves_tasks("the loop was ended by force")
def test_what_ends_the_loop_does_not_end_the_caller_that_fires(new_loop: NewLoop) -> None:
    """A SystemExit leaves by the loop, not through a connection's read."""
    reached: list[bool] = []

    async def test() -> None:
        loop = asyncio.get_running_loop()
        waiter = Waiter(loop)

        async def leaves() -> None:
            await Once(waiter)
            raise SystemExit(7)

        task = asyncio.create_task(leaves())
        await asyncio.sleep(0)

        def fire() -> None:
            waiter.fire()
            reached.append(isinstance(task.exception(), SystemExit))

        loop.call_soon(fire)
        await asyncio.wait({task}, timeout=DEADLINE_S)
        await asyncio.sleep(DEADLINE_S)

    with pytest.raises(SystemExit) as caught:
        run_on(new_loop, test())
    assert caught.value.code == 7
    assert reached == [True]
