"""An event loop on a thread of its own, for ASGI applications that a sync program calls."""

import asyncio
import logging
import sys
import threading
from contextvars import Context
from typing import Any

from penstock.bridge.outbox import Outbox, outbox_of
from penstock.bridge.threads import watch
from penstock.gateway.lifespan import Lifespan
from penstock.gateway.stream import Runtime

# How long a response's head may wait for its first body.
_FLUSH_DELAY_S = 0.01
# What the application has for the end of its lifespan, and then its tasks for being cancelled.
_SHUTDOWN_S = 10.0
_CANCEL_S = 5.0

_Task: Any = asyncio.Task
_EAGER = sys.version_info >= (3, 12)

log = logging.getLogger("penstock.bridge")


class Waiter(asyncio.Future[None]):
    """A future with `fire`; here it is a turn of the loop later, as any other."""

    def fire(self) -> None:
        """See `Runtime.new_waiter`."""
        if not self.done():
            self.set_result(None)


class LoopRuntime(Runtime):
    """What conversations need of the event loop `loop`. `tasks`: those that run."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.tasks: set[asyncio.Task[Any]] = set()

    def new_future(self) -> Any:
        """See `Runtime.new_future`."""
        return self.loop.create_future()

    def new_waiter(self) -> Any:
        """See `Runtime.new_waiter`."""
        return Waiter(loop=self.loop)

    def start_task(self, coroutine: Any, context: Any) -> Any:
        """See `Runtime.start_task`."""
        if _EAGER:
            task: Any = _Task(coroutine, loop=self.loop, context=context, eager_start=True)
            if task.done():
                return task
        else:
            task = _Task(coroutine, loop=self.loop, context=context)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def call_soon(self, callback: Any) -> None:
        """See `Runtime.call_soon`."""
        self.loop.call_soon(callback)

    def call_from_thread(self, callback: Any) -> None:
        """See `Runtime.call_from_thread`."""
        self.loop.call_soon_threadsafe(callback)

    def flush_soon(self, exchange: Any) -> None:
        """See `Runtime.flush_soon`."""
        self.loop.call_later(_FLUSH_DELAY_S, exchange.flush)


class LoopThread:
    """The loop, its thread, and the application's lifespan on it (`mode`: "auto", "on" or "off").

    The first `outbox()` starts it; `stop` ends it, or else the program's end does. After a fork the
    child starts one of its own. Any thread may call any method.
    """

    def __init__(self, application: Any, mode: str) -> None:
        self._application = application
        self._mode = mode
        self.forget()
        watch(self)

    def forget(self) -> None:
        """Begin anew: the thread of before a fork is not in the child."""
        self._lock = threading.Lock()
        self._outbox: Outbox | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._stopping: Any = None
        self._lifespan: Lifespan | None = None
        self.runtime: Any = None
        self.state: dict[str, Any] | None = None

    def outbox(self) -> Outbox:
        """The way into the loop, once the application has started. Raises StartupError if it does
        not; the next call tries again."""
        outbox = self._outbox
        if outbox is not None:
            return outbox
        with self._lock:
            if self._outbox is None:
                self._ready.clear()
                self._error = None
                self._thread = threading.Thread(target=self._run, name="penstock-asgi-bridge")
                self._thread.start()
                self._ready.wait()
                error: BaseException | None = self._error
                if error is not None:
                    self._thread.join()
                    raise error
            assert self._outbox is not None
            return self._outbox

    def stop(self) -> None:
        """End the application's lifespan, its tasks and the thread; blocks until then. A later
        `outbox()` starts anew."""
        with self._lock:
            thread, outbox = self._thread, self._outbox
            self._thread = self._outbox = None
        if thread is None or outbox is None:
            return
        try:
            outbox.loop.call_soon_threadsafe(self._stopping.set)
        except RuntimeError:  # the loop has ended by itself
            pass
        thread.join()

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._main())
        except BaseException as error:
            self._outbox = None
            self._error = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        self.runtime = LoopRuntime(loop)
        self._stopping = asyncio.Event()
        if self._mode != "off":
            lifespan = Lifespan(self._application, self.runtime, Context(), self._mode, _note)
            lifespan.start()
            await lifespan.started
            lifespan.check()
            self.state = lifespan.scope_state
            self._lifespan = lifespan
        self._outbox = outbox_of(loop)
        self._ready.set()
        await self._stopping.wait()
        await self._end()

    async def _end(self) -> None:
        lifespan = self._lifespan
        tasks = set(self.runtime.tasks)
        if lifespan is not None:
            tasks.discard(lifespan.task)
        if tasks:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_CANCEL_S)
        if lifespan is not None:
            lifespan.stop()
            await asyncio.wait({lifespan.stopped}, timeout=_SHUTDOWN_S)
            lifespan.cancel()
            await asyncio.wait({lifespan.task}, timeout=_CANCEL_S)


def _note(level: str, text: str, error: BaseException | None = None) -> None:
    log.log(getattr(logging, level.upper()), text, exc_info=error)
