"""`sync_to_async`: which thread, which context, what cancelling does."""

import asyncio
import contextvars
import functools
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import pytest

from penstock.bridge.sync import (
    AsyncToSync,
    SyncToAsync,
    ThreadSensitiveContext,
    async_to_sync,
    iscoroutinefunction,
    markcoroutinefunction,
    sync_to_async,
)
from tests.bridge.calls import DEADLINE_S, run

VARIABLE: ContextVar[str] = ContextVar("variable", default="unset")
thread_id = sync_to_async(threading.get_ident)


def test_sync_01_result_exception_and_traceback_come_out() -> None:
    def fail() -> None:
        raise KeyError("here")

    async def main() -> None:
        assert await sync_to_async(divmod)(7, 2) == (3, 1)
        with pytest.raises(KeyError, match="here") as caught:
            await sync_to_async(fail)()
        assert "fail" in [frame.name for frame in traceback.extract_tb(caught.tb)]

    run(main())


def test_sync_03_what_is_no_sync_function_is_refused() -> None:
    class Async:
        async def __call__(self) -> None: ...

    async def function() -> None: ...

    for wrong in (function, Async(), functools.partial(function), 3):
        with pytest.raises(TypeError, match="sync_to_async takes sync functions"):
            sync_to_async(wrong)  # type: ignore[call-overload]


def test_sync_04_an_executor_and_thread_sensitivity_exclude_each_other() -> None:
    with ThreadPoolExecutor(1) as executor, pytest.raises(TypeError, match="thread_sensitive"):
        sync_to_async(len, executor=executor)


@pytest.mark.parametrize("own", [True, False])
def test_sync_05_without_thread_sensitivity_calls_run_in_parallel(own: bool) -> None:
    """Each waits for the other; a given executor is asked once for each."""
    asked = []

    class Executor(ThreadPoolExecutor):
        def submit(self, *args: Any, **kwargs: Any) -> Any:
            asked.append(args)
            return super().submit(*args, **kwargs)

    barrier = threading.Barrier(2, timeout=DEADLINE_S)

    async def main() -> None:
        options = {"executor": executor} if own else {}
        meet = sync_to_async(barrier.wait, thread_sensitive=False, **options)  # type: ignore[call-overload]
        await asyncio.gather(meet(), meet())

    with Executor(2) as executor:
        run(main())
    assert len(asked) == (2 if own else 0)


def test_sync_06_below_a_sync_caller_all_runs_on_its_thread() -> None:
    async def inner() -> list[int]:
        task = asyncio.create_task(thread_id())
        nested = await sync_to_async(async_to_sync(deeper))()
        return [await thread_id(), await task, *nested]

    async def deeper() -> list[int]:
        return [await thread_id(), await sync_to_async(async_to_sync(thread_id))()]

    assert set(async_to_sync(inner)()) == {threading.get_ident()}


def test_sync_07_below_async_code_one_thread_runs_one_call_at_a_time() -> None:
    running = []

    def step() -> tuple[int, int]:
        running.append(1)
        time.sleep(0.001)
        count = len(running)
        running.pop()
        return threading.get_ident(), count

    async def main() -> Any:
        return await asyncio.gather(*(sync_to_async(step)() for _ in range(5)))

    found = run(main())
    assert len({thread for thread, _ in found}) == 1
    assert [count for _, count in found] == [1] * 5
    assert found[0][0] != threading.get_ident()


def test_sync_08_contexts_have_threads_of_their_own_and_the_outermost_wins() -> None:
    async def inside() -> tuple[int, int, threading.Thread]:
        async with ThreadSensitiveContext():
            first = await thread_id()
            async with ThreadSensitiveContext():
                second = await thread_id()
            thread = await sync_to_async(threading.current_thread)()
            await asyncio.wait_for(both.wait(), DEADLINE_S)
        assert not thread.is_alive()
        return first, second, thread

    async def main() -> Any:
        nonlocal both
        both = asyncio.Barrier(2)
        # The shared thread stays, so nobody else gets its number.
        return [await thread_id(), *await asyncio.gather(inside(), inside())]

    both: Any = None
    outside, (one, one_nested, _), (two, two_nested, _) = run(main())
    assert (one, two) == (one_nested, two_nested)
    assert len({one, two, outside}) == 3


def test_sync_09_leaving_a_context_lets_the_loop_turn_that_its_thread_waits_for() -> None:
    async def main() -> None:
        go_on = asyncio.Event()
        parked = asyncio.Event()

        async def park() -> None:
            parked.set()
            await asyncio.shield(go_on.wait())

        def stay() -> None:
            try:
                async_to_sync(park)()
            except asyncio.CancelledError:
                async_to_sync(go_on.wait)()

        async def leave() -> None:
            async with ThreadSensitiveContext():
                task = asyncio.create_task(sync_to_async(stay)())
                await parked.wait()
                task.cancel()
                asyncio.get_running_loop().call_soon(go_on.set)

        await leave()

    run(main())


def test_sync_10_a_sync_caller_comes_before_a_context_and_that_before_the_shared_thread() -> None:
    async def main() -> list[int]:
        async with ThreadSensitiveContext():
            return [await thread_id(), await sync_to_async(async_to_sync(thread_id))()]

    async def contextless() -> int:
        loop = asyncio.get_running_loop()
        return await loop.create_task(thread_id(), context=contextvars.Context())

    assert set(async_to_sync(main)()) == {threading.get_ident()}
    # The loop knows whom it was made for, though the context does not.
    assert async_to_sync(contextless)() == threading.get_ident()
    inside = run(main())
    assert len(set(inside)) == 1


def test_sync_11_12_what_would_wait_for_itself_raises_and_the_next_call_is_fine() -> None:
    def new_loop() -> None:
        asyncio.run(thread_id())  # type: ignore[arg-type]

    async def main() -> None:
        for _ in range(2):
            with pytest.raises(RuntimeError, match="deadlock"):
                await sync_to_async(new_loop)()
        await thread_id()

    run(main())
    with pytest.raises(RuntimeError, match="deadlock"):
        async_to_sync(sync_to_async(new_loop))()


def test_sync_13_context_variables_go_in_and_changes_come_back_also_on_failure() -> None:
    def change(fails: bool) -> None:
        assert VARIABLE.get() == "set outside"
        VARIABLE.set("set inside")
        if fails:
            raise KeyError

    async def main(fails: bool) -> None:
        VARIABLE.set("set outside")
        if fails:
            with pytest.raises(KeyError):
                await sync_to_async(change)(fails)
        else:
            await sync_to_async(change)(fails)
        assert VARIABLE.get() == "set inside"

    run(main(False))
    run(main(True))


def test_sync_14_a_context_that_is_given_keeps_its_changes() -> None:
    context = contextvars.Context()

    def change() -> str:
        before = VARIABLE.get()
        VARIABLE.set(before + "+")
        return before

    async def main() -> Any:
        VARIABLE.set("outside")
        changed = sync_to_async(change, context=context)
        found = await asyncio.gather(changed(), changed(), changed())
        assert VARIABLE.get() == "outside"
        return found

    assert run(main()) == ["unset", "unset+", "unset++"]
    assert context[VARIABLE] == "unset+++"


def test_sync_15_marks_are_seen() -> None:
    def function() -> None: ...

    assert not iscoroutinefunction(function)
    assert iscoroutinefunction(markcoroutinefunction(function))
    assert iscoroutinefunction(sync_to_async(len))


def test_sync_16_metadata_and_methods() -> None:
    class Thing:
        @sync_to_async
        def method(self, number: int) -> Any:
            """What it does."""
            return self, number

        def plain(self) -> "Thing":
            return self

    thing = Thing()
    assert run(thing.method(3)) == (thing, 3)  # type: ignore[call-arg, arg-type]
    assert (Thing.__dict__["method"].__name__, Thing.__dict__["method"].__doc__) == (
        "method",
        "What it does.",
    )
    assert iscoroutinefunction(thing.method)
    bound: Any = sync_to_async(thing.plain)
    assert bound.__self__ is thing
    assert run(bound()) is thing


def test_sync_17_the_exception_that_the_caller_handles_is_seen() -> None:
    async def main() -> None:
        try:
            raise KeyError("handled")
        except KeyError as error:
            before = len(traceback.extract_tb(error.__traceback__))
            assert await sync_to_async(sys.exc_info)() != (None, None, None)
            assert await sync_to_async(lambda: sys.exc_info()[1])() is error  # noqa: PT017
            assert len(traceback.extract_tb(error.__traceback__)) == before  # noqa: PT017
        assert await sync_to_async(lambda: sys.exc_info()[1])() is None

    run(main())


@pytest.mark.parametrize("absorbs", [True, False])
@pytest.mark.parametrize("sensitive", [True, False])
def test_sync_18_a_cancel_reaches_what_the_thread_waits_for(absorbs: bool, sensitive: bool) -> None:
    async def main() -> Any:
        waiting = asyncio.Event()

        async def nested() -> str:
            waiting.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not absorbs:
                    raise
            return "absorbed"

        function = sync_to_async(async_to_sync(nested), thread_sensitive=sensitive)
        task = asyncio.create_task(function())
        await waiting.wait()
        task.cancel()
        return await task

    if absorbs:
        assert run(main()) == "absorbed"
    else:
        with pytest.raises(asyncio.CancelledError):
            run(main())


@pytest.mark.parametrize("sensitive", [True, False])
def test_sync_19_a_running_function_goes_on_and_a_queued_one_never_starts(sensitive: bool) -> None:
    went_on = threading.Event()
    started = []

    async def main() -> None:
        begun, end = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def block() -> None:
            loop.call_soon_threadsafe(begun.set)
            end.wait(DEADLINE_S)
            went_on.set()

        with ThreadPoolExecutor(1) as executor:
            options: Any = {} if sensitive else {"thread_sensitive": False, "executor": executor}
            first = asyncio.create_task(sync_to_async(block, **options)())
            await begun.wait()
            second = asyncio.create_task(sync_to_async(started.append, **options)(1))
            await asyncio.sleep(0)
            for task in (first, second):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert not went_on.is_set()
            end.set()
            await sync_to_async(started.append, **options)(2)

    run(main())
    assert went_on.is_set()
    assert started == [2]


def test_sync_20_any_keyword_reaches_the_function() -> None:
    def keywords(**given: int) -> dict[str, int]:
        return given

    names = "loop func context self self_ exc_info task_context executor thread_sensitive"
    given = dict.fromkeys(names.split(), 1)
    assert run(sync_to_async(keywords)(**given)) == given

    async def main(**given: int) -> dict[str, int]:
        return given

    assert async_to_sync(main)(**given) == given


def test_sync_42_a_task_that_outlives_its_sync_caller_gets_the_shared_thread() -> None:
    async def main() -> None:
        tasks = []
        ended = asyncio.Event()

        async def later() -> int:
            await ended.wait()
            return await thread_id()

        async def spawn() -> None:
            tasks.append(asyncio.create_task(later()))

        await sync_to_async(async_to_sync(spawn))()
        ended.set()
        assert await tasks[0] == await thread_id()

    run(main())


def test_the_classes_are_what_the_functions_return() -> None:
    assert isinstance(sync_to_async(len), SyncToAsync)
    assert isinstance(async_to_sync(sync_to_async(len)), AsyncToSync)


def test_an_exception_leaves_no_cycle_that_keeps_it() -> None:
    """Reference counting alone frees what a failed call held."""
    code = (
        "import asyncio, gc, weakref\n"
        "from penstock.bridge import sync_to_async\n"
        "class Thing: pass\n"
        "def fail(thing): raise KeyError\n"
        "async def main():\n"
        "    gc.disable()\n"
        "    thing = Thing(); seen = weakref.ref(thing)\n"
        "    try: await sync_to_async(fail)(thing)\n"
        "    except KeyError: pass\n"
        "    del thing\n"
        "    await sync_to_async(len)('')\n"
        "    print(seen() is None)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    assert done.stdout == "True\n"
