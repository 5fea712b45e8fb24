"""`async_to_sync`: which loop and thread, and what comes back."""

import asyncio
import functools
import os
import signal
import sys
import threading
import traceback
import warnings
from contextvars import ContextVar
from typing import Any

import pytest

from penstock.bridge import current_thread_executor
from penstock.bridge.sync import AsyncSingleThreadContext, async_to_sync, sync_to_async
from tests.bridge.calls import DEADLINE_S, run

VARIABLE: ContextVar[str] = ContextVar("variable", default="unset")


async def where() -> tuple[int, int]:
    """The loop's and the thread's ids."""
    return id(asyncio.get_running_loop()), threading.get_ident()


def test_sync_21_it_returns_and_raises_what_the_coroutine_does() -> None:
    async def fail() -> None:
        raise KeyError("here")

    assert async_to_sync(asyncio.sleep)(0, "result") == "result"
    with pytest.raises(KeyError, match="here") as caught:
        async_to_sync(fail)()
    assert "fail" in [frame.name for frame in traceback.extract_tb(caught.tb)]


def test_sync_22_it_refuses_to_block_a_running_loop() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="which it would block"):
            async_to_sync(where)()

    run(main())


def test_sync_23_only_what_is_not_marked_as_async_warns() -> None:
    class Async:
        async def __call__(self) -> int:
            return 3

    def plain() -> Any:
        return where()

    with pytest.warns(UserWarning, match="not marked as async") as caught:
        assert async_to_sync(plain)()[1] != threading.get_ident()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert async_to_sync(Async())() == 3
        assert async_to_sync(functools.partial(asyncio.sleep, 0))(4) == 4


def test_sync_24_26_below_a_loop_it_runs_there_unless_a_new_one_is_forced() -> None:
    async def main() -> None:
        here = await where()
        assert await sync_to_async(async_to_sync(where))() == here
        twice = sync_to_async(async_to_sync(sync_to_async(async_to_sync(where))))
        assert await twice() == here
        loop, thread = await sync_to_async(async_to_sync(where, force_new_loop=True))()
        assert loop != here[0]
        assert thread != here[1]

    run(main())


def test_sync_25_else_a_new_loop_runs_in_another_thread_and_is_closed() -> None:
    left = []

    async def main() -> Any:
        async def endless() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                left.append("task")

        async def generate() -> Any:
            try:
                yield 1
            finally:
                left.append("generator")

        generator = generate()
        await anext(generator)
        left.append(generator)
        left.append(asyncio.ensure_future(endless()))
        await asyncio.sleep(0)
        return asyncio.get_running_loop(), threading.get_ident()

    loop, thread = async_to_sync(main)()
    assert loop.is_closed()
    assert thread != threading.get_ident()
    assert left[2:] == ["task", "generator"]


def test_what_a_leftover_task_raises_is_told_to_the_loops_handler() -> None:
    told = []

    async def main() -> None:
        async def bad() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise KeyError from None

        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: told.append(context["exception"]))
        task = loop.create_task(bad())
        await asyncio.sleep(0)
        assert not task.done()

    async_to_sync(main)()
    assert [type(error) for error in told] == [KeyError]


def test_sync_27_the_loop_is_looked_up_when_it_is_called() -> None:
    async def main() -> Any:
        return async_to_sync(where), await where()

    function, (loop, _) = run(main())
    assert function()[1] != threading.get_ident()
    assert loop


def test_sync_28_a_closed_loop_above_is_replaced_by_a_new_one() -> None:
    found: list[Any] = []
    closed, done = threading.Event(), threading.Event()

    async def main() -> None:
        loop, begun = asyncio.get_running_loop(), asyncio.Event()

        def later() -> None:
            loop.call_soon_threadsafe(begun.set)
            closed.wait(DEADLINE_S)
            found.append(async_to_sync(where)())
            done.set()

        task = asyncio.create_task(sync_to_async(later)())
        await begun.wait()
        task.cancel()

    run(main())
    closed.set()
    assert done.wait(DEADLINE_S)
    assert found


def test_a_loop_that_is_closed_while_a_thread_waits_for_it_ends_the_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(current_thread_executor, "_LOOK_S", 0.01)
    found: list[Any] = []
    done = threading.Event()

    waits = asyncio.Event()

    async def forever() -> None:
        waits.set()
        await asyncio.Event().wait()

    def wait() -> None:
        try:
            async_to_sync(forever)()
        except BaseException as error:
            found.append(error)
        done.set()

    loop = asyncio.new_event_loop()
    task: Any = loop.create_task(sync_to_async(wait)())
    loop.run_until_complete(waits.wait())
    # Nobody cancels what is left, as asyncio.run would.
    task._log_destroy_pending = False
    for each in asyncio.all_tasks(loop):
        each._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()
    assert done.wait(DEADLINE_S)
    assert "closed" in str(found)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_sync_29_a_forked_child_does_not_use_its_parents_loop() -> None:
    def fork() -> int:
        child = os.fork()
        if not child:
            signal.alarm(10)
            loop, thread = async_to_sync(where)()
            os._exit(0 if loop and thread != threading.get_ident() else 1)
        return os.waitpid(child, 0)[1]

    assert run(sync_to_async(fork)()) == 0


@pytest.mark.parametrize("fails", [False, True])
def test_sync_30_context_variables_go_in_and_changes_come_back(fails: bool) -> None:
    async def change() -> str:
        before = VARIABLE.get()
        VARIABLE.set("inside")
        if fails:
            raise KeyError(before)
        return before

    token = VARIABLE.set("outside")
    try:
        assert async_to_sync(change)() == "outside"
    except KeyError as error:
        assert error.args == ("outside",)  # noqa: PT017
    assert VARIABLE.get() == "inside"
    VARIABLE.reset(token)


def test_sync_31_a_single_thread_context_keeps_new_loops_on_one_thread() -> None:
    def nested() -> tuple[int, int]:
        return async_to_sync(where)()

    with AsyncSingleThreadContext():
        first = async_to_sync(where)()
        with AsyncSingleThreadContext():
            second = async_to_sync(where)()
        third = async_to_sync(where)()
        names = {thread.name for thread in threading.enumerate()}
        assert "penstock-async-1" in names
    assert first[1] == second[1] == third[1] != threading.get_ident()
    assert "penstock-async-1" not in {thread.name for thread in threading.enumerate()}

    async def main() -> None:
        def below() -> Any:
            with AsyncSingleThreadContext():
                return nested()

        assert await sync_to_async(below)() == await where()

    run(main())


def test_sync_33_the_exception_under_way_stays() -> None:
    async def seen() -> Any:
        return sys.exc_info()[1]

    with pytest.raises(KeyError, match="handled"):
        try:
            raise KeyError("handled")
        except KeyError as error:
            assert async_to_sync(seen)() is error  # noqa: PT017
            raise


def test_sync_34_methods_keep_their_instance() -> None:
    class Thing:
        @async_to_sync
        async def method(self, number: int) -> Any:
            return self, number

        async def plain(self) -> "Thing":
            return self

    thing = Thing()
    assert thing.method(3) == (thing, 3)  # type: ignore[call-arg, arg-type]
    bound: Any = async_to_sync(thing.plain)
    assert bound.__self__ is thing
    assert bound() is thing


def test_an_interrupted_wait_cancels_what_it_waited_for() -> None:
    """Ctrl-C in the main thread does not leave the coroutine running."""
    ended = threading.Event()

    async def stay() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            async_to_sync(stay)()
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.wait(DEADLINE_S)


def test_sync_18_what_is_cancelled_before_its_first_step_ends_the_wait() -> None:
    begun = []

    async def awaited() -> None:
        begun.append("awaited")

    async def main() -> None:
        def factory(loop: Any, coroutine: Any, **more: Any) -> Any:
            task.cancel()  # its step comes before that of the task which is made here
            return asyncio.Task(coroutine, loop=loop, **more)

        task = asyncio.ensure_future(sync_to_async(async_to_sync(awaited))())
        asyncio.get_running_loop().set_task_factory(factory)
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert begun == []
