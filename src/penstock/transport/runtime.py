"""What conversations need of an asyncio event loop: futures, tasks, and a way in from threads."""

import asyncio
import contextvars
import sys
from collections import deque
from typing import Any

from penstock.gateway.stream import Runtime
from penstock.transport.direct import call_with

# How long a response's head may wait for its first body, so that both leave in one write.
FLUSH_DELAY_S = 0.01

_Task: Any = asyncio.Task
_current_task = asyncio.current_task
_EAGER = sys.version_info >= (3, 12)


_PENDING = 0
_DONE = 1
_CANCELLED = 2


class Waiter:
    """A future for one task, which `fire` lets go on within the call.

    asyncio's own future always takes a turn of the loop for that: one more handle, and for a quiet
    server one more look at all sockets, for each message. A task takes any object that has the
    methods of a future (`asyncio.isfuture`).
    """

    __slots__ = (
        "_asyncio_future_blocking",
        "_callback",
        "_context",
        "_loop",
        "_message",
        "_state",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.begin(loop)

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """What `__init__` does; apart because a plain method is much cheaper to call than a type."""
        self._loop = loop
        self._asyncio_future_blocking = False
        self._callback: Any = None
        self._context: Any = None
        self._message: Any = None
        self._state = _PENDING

    def get_loop(self) -> Any:
        """As of a future, like all that has no docstring of its own here."""
        return self._loop

    def done(self) -> bool:
        """Whether it is resolved or cancelled."""
        return self._state != _PENDING

    def cancelled(self) -> bool:
        """Whether it is cancelled."""
        return self._state == _CANCELLED

    def result(self) -> None:
        """None; raises CancelledError or InvalidStateError."""
        if self._state == _CANCELLED:
            raise (
                asyncio.CancelledError()
                if self._message is None
                else asyncio.CancelledError(self._message)
            )
        if self._state == _PENDING:
            raise asyncio.InvalidStateError("nothing has come yet")

    def exception(self) -> None:
        """As `result`."""
        self.result()

    def add_done_callback(self, callback: Any, *, context: Any = None) -> None:
        """Call `callback(self)` in `context` when done; there is one callback, the task's."""
        if self._callback is not None:
            raise RuntimeError("only one task can wait here")
        self._callback = callback
        self._context = contextvars.copy_context() if context is None else context
        if self._state != _PENDING:
            self._schedule()

    def remove_done_callback(self, callback: Any) -> int:
        """Forget the callback; returns how many there were."""
        if self._callback is None or self._callback != callback:
            return 0
        self._callback = None
        return 1

    def cancel(self, msg: Any = None) -> bool:
        """Let the task go on with CancelledError; returns whether it was still waiting."""
        if self._state != _PENDING:
            return False
        self._state = _CANCELLED
        self._message = msg
        self._schedule()
        return True

    def set_result(self, result: Any) -> None:
        """Let the task go on in the next turn of the loop."""
        if self._state == _PENDING:
            self._state = _DONE
            self._schedule()

    def fire(self) -> None:
        """Let the task go on now, up to its next wait; in the next turn where a task is running,
        since they do not nest."""
        if self._state != _PENDING:
            return
        callback = self._callback
        if callback is None or _current_task(self._loop) is not None:
            self.set_result(None)
            return
        self._state = _DONE
        context = self._context
        self._callback = self._context = None
        try:
            context.run(callback, self)
        except BaseException as error:
            # SystemExit and KeyboardInterrupt end the loop, not the read callback that we are in.
            self._loop.call_soon(_reraise, error)

    def _schedule(self) -> None:
        callback = self._callback
        if callback is not None:
            context = self._context
            # Neither is kept: they lead back to the request that waited.
            self._callback = self._context = None
            self._loop.call_soon(callback, self, context=context)


def _reraise(error: BaseException) -> None:
    raise error


class LoopRuntime(Runtime):
    """`Runtime` on an event loop.

    `tasks` holds every unfinished task, since the loop itself keeps only weak references to them;
    `on_idle`, when set, is called each time the last of them ends.
    """

    __slots__ = (
        "_flush_timer",
        "_from_threads",
        "_task_options",
        "_to_flush",
        "_waking",
        "loop",
        "on_idle",
        "tasks",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.tasks: set[asyncio.Task[Any]] = set()
        self.on_idle: Any = None
        self._from_threads: deque[Any] = deque()
        self._task_options = {"loop": loop, "eager_start": True, "context": None}
        self._waking = False
        self._to_flush: list[Any] = []
        self._flush_timer: asyncio.TimerHandle | None = None

    def new_future(self) -> Any:
        """See `Runtime.new_future`."""
        return self.loop.create_future()

    def new_waiter(self) -> Any:
        """See `Runtime.new_waiter`."""
        waiter = Waiter.__new__(Waiter)
        waiter.begin(self.loop)
        return waiter

    def call_soon(self, callback: Any) -> Any:
        """See `Runtime.call_soon`."""
        return self.loop.call_soon(callback)

    def start_task(self, coroutine: Any, context: Any) -> Any:
        """Run `coroutine` in `context`; on Python 3.12 and later up to its first suspension before
        this returns. A task that has ended by then was never scheduled and is not kept."""
        if _EAGER:
            options = self._task_options
            options["context"] = context
            task: Any = call_with(_Task, coroutine, options)
            # A request's context, and what hangs on it, is not kept until the next one.
            options["context"] = None
            if task.done():
                return task
        else:
            task = _Task(coroutine, loop=self.loop, context=context)
        self.tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if self.on_idle is not None and not self.tasks:
            self.on_idle()

    def call_from_thread(self, callback: Any) -> None:
        """Call `callback()` on the loop's thread soon; callbacks that are queued while a wake-up is
        pending share it. Dropped in silence once the loop is closed: nobody is left to call it."""
        # The append comes before the look at the flag, and `_run_from_threads` clears the flag
        # before it empties the queue: so whatever finds the flag set will be seen by that run.
        self._from_threads.append(callback)
        if not self._waking:
            self._waking = True
            try:
                self.loop.call_soon_threadsafe(self._run_from_threads)
            except RuntimeError:
                self._from_threads.clear()

    def _run_from_threads(self) -> None:
        self._waking = False
        queue = self._from_threads
        # Only what is there now: a thread that keeps adding must not keep the loop from turning.
        for _ in range(len(queue)):
            callback = queue.popleft()
            try:
                callback()
            except Exception as error:
                self.loop.call_exception_handler(
                    {"message": "Exception in a callback from a thread", "exception": error}
                )
        if queue and not self._waking:
            self._waking = True
            self.loop.call_soon(self._run_from_threads)

    def flush_soon(self, exchange: Any) -> None:
        """Call `exchange.flush()` at most `FLUSH_DELAY_S` from now; exchanges share one timer."""
        self._to_flush.append(exchange)
        if self._flush_timer is None:
            self._flush_timer = self.loop.call_later(FLUSH_DELAY_S, self._flush)

    def _flush(self) -> None:
        self._flush_timer = None
        exchanges, self._to_flush = self._to_flush, []
        for exchange in exchanges:
            try:
                exchange.flush()
            except Exception as error:
                self.loop.call_exception_handler(
                    {"message": "Exception while a response's head was sent", "exception": error}
                )

    def close(self) -> None:
        """Let go of the timer; nothing may be started any more."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        self._to_flush.clear()
