"""The thread of a sync caller as an executor, while it waits for async code (SYNC-41, SYNC-42)."""

import queue
import threading
from _thread import get_ident
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

# How often a waiting thread looks whether the event loop that it waits for is still there.
_LOOK_S = 1.0

# Thread → the executor that it runs now, the innermost of those that wait on it.
_running: dict[int, "CurrentThreadExecutor"] = {}


class CurrentThreadExecutor(Executor):
    """Runs on the thread that made it what other threads give it, until what it waits for is done.

    `old_executor` is that of the sync code above, if there is any. `thread` is the thread's ident.
    """

    __slots__ = ("_jobs", "_lock", "_over", "_parent", "thread")

    def __init__(self, old_executor: "CurrentThreadExecutor | None" = None) -> None:
        self.thread = get_ident()
        self._parent = old_executor
        self._jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._over = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Have `fn` called on the thread, as `Executor.submit`.

        Raises RuntimeError on that very thread, which would wait for itself, and where neither this
        executor nor any above it runs any more.
        """
        task = _Task(fn, args, kwargs)
        if not self.put(task):
            raise RuntimeError("no sync caller waits any more: this executor and those above ended")
        return task.future

    def put(self, job: Any) -> bool:
        """Have `job.run()` called on the thread, by the nearest executor that still runs; False if
        none does. Raises RuntimeError on the executor's own thread."""
        if get_ident() == self.thread:
            raise RuntimeError(
                "this would deadlock: the thread that should run it waits for it to be done; call the"
                " function directly"
            )
        executor: CurrentThreadExecutor | None = self
        while executor is not None:
            if executor._take(job):
                return True
            executor = executor._parent
        # A later call of the same thread may wait for the very task that asks.
        executor = _running.get(self.thread)
        return executor is not None and executor._take(job)

    def _take(self, job: Any) -> bool:
        with self._lock:
            if self._over:
                return False
            self._jobs.put(job)
            return True

    def end(self) -> None:
        """Let `run` return after what it has; any thread may call this, more than once."""
        with self._lock:
            if not self._over:
                self._over = True
                self._jobs.put(None)

    def run(self, loop: Any = None) -> None:
        """Run what is submitted until `end` is called.

        Raises RuntimeError if `loop` is closed meanwhile: nobody would call `end` then.
        """
        if get_ident() != self.thread:
            raise RuntimeError("an executor of the current thread was run by another one")
        outer = _running.get(self.thread)
        _running[self.thread] = self
        try:
            while True:
                try:
                    job = self._jobs.get(True, _LOOK_S)
                except queue.Empty:
                    if loop is not None and loop.is_closed():
                        raise RuntimeError(
                            "the event loop was closed while a thread waited for it in async_to_sync"
                        ) from None
                    continue
                if job is None:
                    return
                job.run()
                del job
        finally:
            with self._lock:
                self._over = True
            if outer is None:
                del _running[self.thread]
            else:
                _running[self.thread] = outer

    def run_until_future(self, future: "Future[Any]") -> None:
        """Run what is submitted until `future` is done."""
        future.add_done_callback(self._done)
        self.run()

    def _done(self, _future: Any) -> None:
        self.end()


class _Task:
    """A submitted call."""

    __slots__ = ("_args", "_function", "_kwargs", "future")

    def __init__(self, function: Any, args: Any, kwargs: Any) -> None:
        self._function = function
        self._args = args
        self._kwargs = kwargs
        self.future: Future[Any] = Future()

    def run(self) -> None:
        """Call the function, unless the future was cancelled."""
        future = self.future
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = self._function(*self._args, **self._kwargs)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
