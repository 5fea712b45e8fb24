"""Who waits for the same thing: `receive` for an event, `send` for room."""

from typing import Any


class Waiters:
    """The futures of those who wait for the same thing; each waiter looks again when woken."""

    __slots__ = ("_futures",)

    def __init__(self) -> None:
        self._futures: list[Any] = []

    def wait(self, runtime: Any) -> Any:
        """A future that is done when woken. Forgotten (cancelled) ones are dropped on the way."""
        future = runtime.new_waiter()
        if self._futures:
            self._futures = [waiter for waiter in self._futures if not waiter.done()]
        self._futures.append(future)
        return future

    def wake(self) -> bool:
        """Let all who wait look again in the next turn; returns whether there was anyone."""
        woken = False
        if self._futures:
            futures = self._futures
            self._futures = []
            for future in futures:
                if not future.done():
                    future.set_result(None)
                    woken = True
        return woken

    def fire(self) -> bool:
        """Let all who wait look again within this call; returns whether there was anyone.

        For what arrives from outside: the tasks run up to their next wait, so the caller must be
        ready for whatever they do.
        """
        fired = False
        if self._futures:
            futures = self._futures
            self._futures = []
            for future in futures:
                if not future.done():
                    fired = True
                    future.fire()
        return fired
