"""Async functions as sync ones: `AsyncToSync`, and which event loop runs them."""

import asyncio
import functools
import sys
import warnings
from asyncio import CancelledError
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar, Token, copy_context
from typing import Any

from penstock.bridge.current_thread_executor import CurrentThreadExecutor
from penstock.bridge.here import arrive, current, take_back
from penstock.bridge.threads import Threads
from penstock.bridge.to_async import ABOVE, LOOP_FRAMES, is_async_callable

# Threads that have run a loop wait for the next: to start one takes longer than to make the loop.
SPARE: deque[Threads] = deque()
_SPARE_MAX = 4

_Task: Any = asyncio.Task
_EAGER = sys.version_info >= (3, 12)


class AsyncSingleThreadContext:
    """`with`: all event loops that `async_to_sync` makes in the block run on one thread, which ends
    with it (SYNC-31). Of nested ones only the outermost counts; without effect where the code has
    an event loop above it."""

    __slots__ = ("_threads", "_token")

    def __init__(self) -> None:
        self._token: Token[AsyncSingleThreadContext | None] | None = None
        self._threads: Threads | None = None

    def __enter__(self) -> "AsyncSingleThreadContext":
        if _SINGLE_THREAD.get(None) is None:
            self._token = _SINGLE_THREAD.set(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._token is None:
            return
        _SINGLE_THREAD.reset(self._token)
        self._token = None
        if self._threads is not None:
            for thread in self._threads.stop():
                thread.join()
            self._threads = None

    def put(self, job: Any) -> None:
        """Have this context's thread run `job`."""
        if self._threads is None:
            self._threads = Threads("penstock-async")
        self._threads.put(job)


_SINGLE_THREAD: ContextVar[AsyncSingleThreadContext | None] = ContextVar(
    "penstock.bridge.single_thread"
)


class _Call:
    """One awaitable that a sync caller waits for, in `frame`. `above`: what the caller's thread runs
    for the loop, None where the call has a loop of its own."""

    __slots__ = (
        "_awaitable", "_cancelled", "_exception", "_lineage", "above", "context", "error", "frame",
        "loop", "result", "task",
    )  # fmt: skip

    def __init__(
        self, awaitable: Any, frame: CurrentThreadExecutor, lineage: Any, exception: Any
    ) -> None:
        self._awaitable = awaitable
        self._lineage = lineage
        self._exception = exception
        self._cancelled = False
        self.frame = frame
        self.context: Context = copy_context()
        self.above: Any = None
        self.loop: Any = None
        self.task: Any = None
        self.result: Any = None
        self.error: BaseException | None = None

    # On the loop above.

    def deliver(self) -> None:
        """Start the awaitable as a task of the loop above; called on its thread."""
        if self._cancelled:
            self.frame.end()
            return
        loop = asyncio.get_running_loop()
        coroutine = self._within()
        if _EAGER and loop.get_task_factory() is None:
            task = _Task(coroutine, loop=loop, context=self.context, eager_start=True)
            if task.done():
                return
        else:
            task = loop.create_task(coroutine, context=self.context)
            task.add_done_callback(self._ended)
        self.task = task
        self.above.nested = task

    def _ended(self, task: Any) -> None:
        """The task is over. One that is cancelled before its first step has run nothing of `_within`."""
        if self._awaitable is not None:
            if isinstance(self._awaitable, Coroutine):
                self._awaitable.close()
            self._awaitable = None
            self.error = CancelledError()
            self.above.nested = None
            self.frame.end()

    async def _within(self) -> None:
        arrive(self._lineage, self.frame, False)
        if self._exception is None:
            # As `_drive` does, with a coroutine less.
            try:
                self.result = await self._awaitable
            except BaseException as error:
                self.error = error
            self._awaitable = None
        else:
            await self._drive()
        self.above.nested = None
        self.frame.end()

    async def _drive(self) -> None:
        """Await, and keep the outcome, whatever it is: it is raised in the sync caller."""
        exception = self._exception
        try:
            if exception is None:
                self.result = await self._awaitable
            else:
                traceback = exception.__traceback__
                try:
                    raise exception
                except BaseException:
                    # What the caller handles is what `sys.exc_info()` shows here (SYNC-33).
                    self.result = await self._awaitable
                finally:
                    exception.__traceback__ = traceback
        except BaseException as error:
            self.error = error
        finally:
            self._awaitable = self._exception = exception = None

    # With a loop of its own.

    def run(self) -> None:
        """Make an event loop on this thread, await, and close it (SYNC-25)."""
        above = ABOVE.call
        ABOVE.call = None
        try:
            loop = self.loop = asyncio.new_event_loop()
            try:
                self.task = loop.create_task(self._alone(loop), context=self.context)
                loop.run_until_complete(self.task)
            finally:
                loop.close()
        except BaseException as error:
            if self.error is None:
                self.error = error
        finally:
            ABOVE.call = above
            self.task = None
            self.frame.end()

    async def _alone(self, loop: asyncio.AbstractEventLoop) -> None:
        arrive(self._lineage, self.frame, False)
        LOOP_FRAMES[loop] = self.frame
        try:
            await self._drive()
            await _settle(loop)
        finally:
            del LOOP_FRAMES[loop]

    def cancel(self) -> None:
        """Cancel the task; for the sync caller's thread, which waits no more."""
        self._cancelled = True
        loop = self.loop if self.above is None else self.above.outbox.loop
        task = self.task
        if task is not None and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)


def _spare() -> Threads:
    try:
        return SPARE.pop()
    except IndexError:
        return Threads("penstock-async")


async def _settle(loop: asyncio.AbstractEventLoop) -> None:
    """End what a loop still holds before it is closed, as `asyncio.run` does."""
    tasks = asyncio.all_tasks(loop)
    tasks.discard(asyncio.current_task(loop))
    if tasks:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            error = None if task.cancelled() else task.exception()
            if error is not None:
                loop.call_exception_handler(
                    {"message": "exception in a task cancelled by async_to_sync",
                     "exception": error, "task": task}
                )  # fmt: skip
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


class AsyncToSync:
    """A sync callable that waits for the async function `awaitable`; see `async_to_sync`."""

    def __init__(self, awaitable: Callable[..., Awaitable[Any]], force_new_loop: bool = False):
        if not is_async_callable(awaitable):
            # Only a warning: much that gives awaitables cannot be seen to (SYNC-23).
            warnings.warn(
                f"async_to_sync got {awaitable!r:.80}, which is not marked as async", stacklevel=3
            )
        self.awaitable = awaitable
        self.force_new_loop = force_new_loop
        owner = getattr(awaitable, "__self__", None)
        if owner is not None:
            self.__self__ = owner

    def __get__(self, instance: Any, owner: Any = None) -> Callable[..., Any]:
        """Bind a method to its instance (SYNC-34)."""
        return functools.update_wrapper(functools.partial(self.__call__, instance), self.awaitable)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call, wait, and return or raise what comes of it."""
        if asyncio._get_running_loop() is not None:
            raise RuntimeError(
                "async_to_sync was called where an event loop runs, which it would block: await the"
                " async function itself"
            )
        above = None if self.force_new_loop else ABOVE.call
        here = current()
        lineage, outer = (None, None) if here is None else (here.lineage, here.frame)
        frame = CurrentThreadExecutor(outer)
        error: BaseException | None
        call = _Call(self.awaitable(*args, **kwargs), frame, lineage, sys.exception())
        try:
            if not (above is not None and self._above(call, above)):
                self._alone(call)
            take_back(call.context)
            if call.error is None:
                return call.result
            error = call.error
            # It leads through its traceback to the call, and to this frame: not from there to itself.
            call.error = None
            raise error
        finally:
            error = None

    def _above(self, call: _Call, above: Any) -> bool:
        """Wait for the loop above (SYNC-24); False if it takes nothing any more (SYNC-28)."""
        call.above = above
        outbox = above.outbox
        loop = outbox.loop
        try:
            outbox.post(call)
        except RuntimeError:
            call.above = None
            return False
        try:
            call.frame.run(loop)
        except BaseException:
            call.cancel()
            raise
        return True

    def _alone(self, call: _Call) -> None:
        """Wait for a new loop on another thread."""
        context = _SINGLE_THREAD.get(None)
        threads = None
        if context is not None:
            context.put(call)
        else:
            threads = _spare()
            threads.put(call)
        try:
            call.frame.run()
        except BaseException:
            call.cancel()
            raise
        finally:
            if threads is not None:
                if len(SPARE) < _SPARE_MAX:
                    SPARE.append(threads)
                else:
                    threads.stop()
