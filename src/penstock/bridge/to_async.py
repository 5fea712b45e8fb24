"""Sync functions as async ones: `SyncToAsync`, and which thread runs them."""

import asyncio
import functools
import inspect
import os
import sys
import threading
from asyncio import CancelledError
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import Context, ContextVar, Token, copy_context
from typing import Any

from penstock.bridge.current_thread_executor import CurrentThreadExecutor
from penstock.bridge.here import arrive, current, take_back
from penstock.bridge.outbox import Outbox, outbox_of
from penstock.bridge.threads import Threads

# All thread-sensitive code of async programs shares this one thread (SYNC-07).
SINGLE = Threads("penstock-sync")

# Event loops that `async_to_sync` made → the caller's executor, for code that has lost its context.
LOOP_FRAMES: dict[asyncio.AbstractEventLoop, CurrentThreadExecutor] = {}


class Above(threading.local):
    """What this thread runs for an event loop: an object with `outbox`, and `nested`, the task that
    the thread waits for in `async_to_sync`."""

    call: Any = None


ABOVE = Above()
_above = ABOVE


def _forget_parent() -> None:
    # The parent's loop does not turn in this process (SYNC-29).
    _above.call = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)

if sys.version_info >= (3, 12):
    iscoroutinefunction = inspect.iscoroutinefunction
    markcoroutinefunction = inspect.markcoroutinefunction
else:
    iscoroutinefunction = asyncio.iscoroutinefunction

    def markcoroutinefunction(func: Any) -> Any:
        """Let `iscoroutinefunction(func)` be true from now on; returns `func`."""
        func._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
        return func


def is_async_callable(function: Any) -> bool:
    """Whether a call gives a coroutine, as far as can be seen."""
    return iscoroutinefunction(function) or iscoroutinefunction(
        getattr(function, "__call__", function)  # noqa: B004
    )


class ThreadSensitiveContext:
    """`async with`: thread-sensitive calls in the block have a thread of their own, which ends with
    it (SYNC-08). Of nested ones only the outermost counts."""

    __slots__ = ("_threads", "_token")

    def __init__(self) -> None:
        self._token: Token[ThreadSensitiveContext | None] | None = None
        self._threads: Threads | None = None

    async def __aenter__(self) -> "ThreadSensitiveContext":
        if SENSITIVE.get(None) is None:
            self._token = SENSITIVE.set(self)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._token is None:
            return
        SENSITIVE.reset(self._token)
        self._token = None
        threads = self._threads
        self._threads = None
        if threads is None:
            return
        loop = asyncio.get_running_loop()
        ended = _Ended(outbox_of(loop), loop.create_future())
        threads.put(ended)
        stopped = threads.stop()
        # The thread may be waiting for this very loop, so it is waited for without blocking, and
        # with nothing that other work could hold up (SYNC-09).
        await ended.future
        for thread in stopped:
            thread.join()

    def put(self, job: "Job") -> None:
        """Have this context's thread run `job`."""
        if self._threads is None:
            self._threads = Threads("penstock-sync-context")
        self._threads.put(job)


SENSITIVE: ContextVar[ThreadSensitiveContext | None] = ContextVar("penstock.bridge.sensitive")


class _Ended:
    """The last job of a thread."""

    __slots__ = ("future", "outbox")

    def __init__(self, outbox: Outbox, future: Any) -> None:
        self.outbox = outbox
        self.future = future

    def run(self) -> None:
        _post(self.outbox, self)

    def deliver(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


def _post(outbox: Outbox, item: Any) -> None:
    try:
        outbox.post(item)
    except RuntimeError:  # the loop is closed, so nobody waits
        pass


class Job:
    """One call of a sync function: made on the loop, run by a thread, delivered on the loop.

    `future` is done when it is delivered, through `outbox`; unless `tells` is False: then somebody else
    tells the loop. `lineage`, `frame` and `single` are those of the caller's `Here`.
    """

    __slots__ = (
        "_args", "_context", "_function", "_kwargs", "cancelled", "error", "exception", "frame",
        "future", "lineage", "nested", "outbox", "result", "single", "tells",
    )  # fmt: skip

    frame: CurrentThreadExecutor | None
    lineage: Any
    outbox: Outbox
    single: bool
    tells: bool

    def __init__(
        self, function: Any, args: Any, kwargs: Any, context: Context, exception: Any
    ) -> None:
        self._function = function
        self._args = args
        self._kwargs = kwargs
        self._context = context
        self.exception = exception
        here = current()
        if here is None:
            self.lineage = self.frame = None
            self.single = False
        else:
            self.lineage = here.lineage
            self.frame = here.frame
            self.single = here.single
        self.cancelled = False
        self.error: BaseException | None = None
        self.result: Any = None
        self.nested: Any = None
        self.future: Any = None

    def run(self) -> None:
        """Call the function on this thread; not if it was cancelled before (SYNC-19)."""
        if self.cancelled:
            return
        outer = _above.call
        _above.call = self
        try:
            self.result = self._context.run(self._call)
        except BaseException as error:
            self.error = error
        finally:
            _above.call = outer
        if self.tells:
            _post(self.outbox, self)

    def _call(self) -> Any:
        arrive(self.lineage, self.frame, self.single)
        exception = self.exception
        if exception is None:
            return self._function(*self._args, **self._kwargs)
        traceback = exception.__traceback__
        try:
            raise exception
        except BaseException:
            # What the caller handles is what `sys.exc_info()` shows here (SYNC-17).
            return self._function(*self._args, **self._kwargs)
        finally:
            exception.__traceback__ = traceback
            self.exception = exception = None

    def deliver(self) -> None:
        """The call is over: wake who waits for it."""
        self.tells = False
        if not self.future.done():
            self.future.set_result(None)


class SyncToAsync:
    """An async callable that runs the sync function `func` on a thread; see `sync_to_async`."""

    def __init__(
        self,
        func: Any,
        thread_sensitive: bool = True,
        executor: Executor | None = None,
        context: Context | None = None,
    ) -> None:
        if not callable(func) or is_async_callable(func):
            raise TypeError(f"sync_to_async takes sync functions, got {func!r:.80}")
        if thread_sensitive and executor is not None:
            raise TypeError("an executor needs thread_sensitive=False: else it has no say")
        functools.update_wrapper(self, func)
        self.func = func
        self.context = context
        self._thread_sensitive = thread_sensitive
        self._executor = executor
        markcoroutinefunction(self)
        owner = getattr(func, "__self__", None)
        if owner is not None:
            self.__self__ = owner

    def __get__(self, instance: Any, owner: Any = None) -> Callable[..., Any]:
        """Bind a method to its instance (SYNC-16)."""
        return functools.update_wrapper(functools.partial(self.__call__, instance), self.func)

    async def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call on a thread, wait, and return or raise what comes of it."""
        loop = asyncio.get_running_loop()
        own = self.context
        context = copy_context() if own is None else own
        job = Job(self.func, args, kwargs, context, sys.exception())
        job.outbox = outbox_of(loop)
        ticket = None
        error: BaseException | None
        future: Any
        if self._thread_sensitive:
            job.tells = True
            future = job.future = loop.create_future()
            _place(job, loop)
        else:
            job.tells = False
            ticket = loop.run_in_executor(self._executor, job.run)
            future = asyncio.shield(ticket)
        try:
            try:
                await future
            except CancelledError:
                if not await _cancelled(job, ticket, loop):
                    raise
            if own is None:
                take_back(context)
            if job.error is None:
                return job.result
            error = job.error
            # It leads through its traceback to the job, and to this frame: not from there to itself.
            job.error = None
            raise error
        finally:
            error = None


async def _cancelled(job: Job, ticket: Any, loop: asyncio.AbstractEventLoop) -> bool:
    """The task was cancelled while it waited (SYNC-18, SYNC-19). True when `job` is over; False if it
    goes on alone, or never begins."""
    nested = job.nested
    if nested is None:
        job.cancelled = True
        if ticket is not None:
            ticket.cancel()
        return False
    nested.cancel()
    if ticket is not None:
        await asyncio.shield(ticket)
    elif job.tells:
        job.future = loop.create_future()
        await job.future
    return True


def _place(job: Job, loop: asyncio.AbstractEventLoop) -> None:
    """Put `job` where thread-sensitive code belongs (SYNC-10). Raises RuntimeError where it would
    wait for itself (SYNC-11)."""
    frame = job.frame
    if frame is not None and frame.put(job):
        return
    sensitive = SENSITIVE.get(None)
    if sensitive is not None and sensitive._token is not None:
        sensitive.put(job)
        return
    if LOOP_FRAMES:
        frame = LOOP_FRAMES.get(loop)
        if frame is not None and frame.put(job):
            return
    if job.single:
        raise RuntimeError(
            "this would deadlock: the thread of thread-sensitive code waits for this event loop; use"
            " async_to_sync in place of a new loop, or thread_sensitive=False"
        )
    job.single = True
    SINGLE.put(job)
