"""The threads that run a WSGI application, and the two ways between them and the event loop.

Towards the threads: requests wait in one queue and each idle thread takes one at a time, so that a
quick request never waits behind a slow one while a thread is idle. Threads are woken at the end of
the loop's turn, for all that came in it, because a thread that is woken earlier only fights with
the loop for the interpreter.

Back: what threads produce waits with its exchange, and the exchanges in one outbox; the loop is
woken once for all that is there.
"""

import sys
import threading
import time
import traceback
from collections import deque
from functools import partial
from itertools import islice
from typing import Any

from penstock.gateway.environ import Environs
from penstock.gateway.wsgi import WsgiExchange

# How much of a stuck thread's stack is shown, innermost call first.
_STACK_FRAMES_MAX = 6


def open_pool(service: Any) -> "ThreadPool | InlinePool":
    """The pool that `service.settings.threads` asks for; `stop` must be called in the end."""
    if service.settings.threads == 0:
        return InlinePool(service)
    return ThreadPool(service)


class ThreadPool:
    """`settings.threads` threads. Only `post`, `new_lock` and `where` may be called off the loop.

    At most `settings.limit_connections` exchanges wait for a thread: with one request at a time on
    each connection that can't be reached, but other protocols carry many. `exchange_type` is what
    connections make for each request: known to the pool, so that ASGI's workers do without it.
    """

    __slots__ = (
        "_idle",
        "_outbox",
        "_queue",
        "_runtime",
        "_service",
        "_stopping",
        "_threads",
        "_to_wake",
        "_waiting_max",
        "_wake_pending",
        "environs",
        "inline",
        "new_lock",
    )
    exchange_type = WsgiExchange

    def __init__(self, service: Any) -> None:
        settings = service.settings
        self._service = service
        self._runtime = service.runtime
        self._waiting_max: int = settings.limit_connections
        self._queue: deque[Any] = deque()
        self._idle: deque[Any] = deque()
        self._outbox: deque[Any] = deque()
        self._to_wake = False
        self._wake_pending = False
        self._stopping = False
        self.inline = False
        self.environs = Environs(service, settings.threads > 1)
        self.new_lock = _taken_lock
        self._threads = [_Thread(self, number + 1) for number in range(settings.threads)]
        for thread in self._threads:
            thread.start()

    def submit(self, exchange: Any) -> bool:
        """Have a thread call `exchange.run()`; False where too many wait already."""
        queue = self._queue
        if len(queue) >= self._waiting_max or self._stopping:
            return False
        queue.append(exchange)
        if not self._to_wake and self._idle:
            self._to_wake = True
            self._runtime.call_soon(self._wake)
        return True

    def resubmit(self, exchange: Any) -> None:
        """Have a thread call `exchange.run()` once more, for what is left to do."""
        self._queue.append(exchange)
        self._wake()

    def post(self, exchange: Any) -> None:
        """Have the loop call `exchange.deliver()` soon. For threads."""
        # The append comes before the look at the flag, and `_deliver` clears the flag before it
        # looks at the outbox: so whatever finds the flag set will be seen by that run.
        self._outbox.append(exchange)
        if not self._wake_pending:
            self._wake_pending = True
            self._runtime.call_from_thread(self._deliver)

    def where(self, exchange: Any) -> str:
        """Which thread runs `exchange`, and the innermost calls it stands in; for the log."""
        for thread in self._threads:
            if thread.exchange is exchange:
                return thread.where()
        return "waiting for a free thread (option threads)"

    def running(self) -> list[Any]:
        """The exchanges that have a thread, or wait for one."""
        taken = [thread.exchange for thread in self._threads]
        return [each for each in (*taken, *self._queue.copy()) if each is not None]

    def stop(self, timeout_s: float) -> list[str]:
        """End all threads once they have done what waits for them; nothing new is accepted.

        Blocks for at most `timeout_s`. Returns one line for each thread that did not end by then:
        it cannot be ended by force, and does not keep the process from ending.
        """
        self._stopping = True
        self._queue.extend([None] * len(self._threads))
        self._wake()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))
        return [thread.where() for thread in self._threads if thread.is_alive()]

    def _wake(self) -> None:
        self._to_wake = False
        for _ in range(len(self._queue)):
            try:
                self._idle.pop().release()
            except IndexError:
                return

    def _deliver(self) -> None:
        self._wake_pending = False
        outbox = self._outbox
        # Only what is there by now: later posts have asked for another call.
        for _ in range(len(outbox)):
            exchange = outbox.popleft()
            try:
                exchange.deliver()
            except Exception as error:
                self._service.app_failed(exchange, error)

    def work(self, thread: "_Thread") -> None:
        """What each thread does until it is stopped."""
        queue = self._queue
        idle = self._idle
        lock = thread.lock
        while True:
            try:
                exchange = queue.popleft()
            except IndexError:
                idle.append(lock)
                # A request that came before the lock was in `idle` has woken nobody. If the lock
                # is gone from there by now, somebody has released it, or is about to.
                if queue:
                    try:
                        idle.remove(lock)
                    except ValueError:
                        lock.acquire()
                else:
                    lock.acquire()
                continue
            if exchange is None:
                return
            thread.exchange = exchange
            try:
                exchange.run()
            except BaseException as error:
                # The exchange catches what the application raises, so this is a fault of ours: it
                # must cost one request, not a thread.
                self._runtime.call_from_thread(_Failure(self._service, exchange, error))
            thread.exchange = None
            del exchange


class InlinePool:
    """`--threads 0`: the loop's own thread runs the application, for what is known to be quick."""

    __slots__ = ("_current", "_runtime", "environs", "inline", "new_lock")
    exchange_type = WsgiExchange

    def __init__(self, service: Any) -> None:
        self._runtime = service.runtime
        self._current: Any = None
        self.inline = True
        self.environs = Environs(service, multithread=False)
        self.new_lock = _taken_lock

    def submit(self, exchange: Any) -> bool:
        """Run the exchange now."""
        self._current = exchange
        exchange.run()
        self._current = None
        return True

    def resubmit(self, exchange: Any) -> None:
        """Run on in the next turn what was suspended."""
        self._runtime.call_soon(partial(self.submit, exchange))

    def post(self, exchange: Any) -> None:
        """Deliver at once: this is the loop's thread."""
        exchange.deliver()

    def where(self, exchange: Any) -> str:
        """What waits is a suspended iterable; anything else holds the loop."""
        if exchange is self._current:
            return "the application, running"
        return "the application's iterable, which waits for the client"

    def running(self) -> list[Any]:
        """The exchange that holds the loop, if one does."""
        return [] if self._current is None else [self._current]

    def stop(self, timeout_s: float) -> list[str]:
        """There is nothing to stop."""
        return []


class _Thread(threading.Thread):
    """A daemon: a request that hangs must not keep the process from ending."""

    def __init__(self, pool: ThreadPool, number: int) -> None:
        super().__init__(name=f"penstock-wsgi-{number}", daemon=True)
        self.lock = _taken_lock()
        self.exchange: Any = None
        self._pool = pool

    def run(self) -> None:
        self._pool.work(self)

    def where(self) -> str:
        frame = sys._current_frames().get(self.ident or 0)
        calls = reversed(traceback.extract_stack(frame)) if frame else iter(())
        places = [
            f"{call.filename}:{call.lineno} in {call.name}"
            for call in islice(calls, _STACK_FRAMES_MAX)
        ]
        return f"thread {self.name} at {' < '.join(places) or 'an unknown place'}"


class _Failure:
    """A call to `app_failed` that a thread asks for."""

    __slots__ = ("error", "exchange", "service")

    def __init__(self, service: Any, exchange: Any, error: BaseException) -> None:
        self.service = service
        self.exchange = exchange
        self.error = error

    def __call__(self) -> None:
        self.service.app_failed(self.exchange, self.error)


def _taken_lock() -> Any:
    """A lock that `acquire` waits for until somebody releases it, once."""
    lock = threading.Lock()
    lock.acquire()
    return lock
