"""What `send()` and `receive()` return: an awaitable that is no coroutine while nothing waits.

A ready answer costs one small object and no scheduling. It takes its effect at the first step, not
at the call, so a cancelled `receive()` loses nothing, and errors come out of the await. It has the
coroutine interface (`send`, `throw`, `close`, `__await__`), so `create_task`, `wait_for`, `gather`
and anyio take it like one.
"""

from typing import Any


class Awaitable:
    """Base of the awaitables; a subclass has the one method `step`.

    `step(first)` does its work and returns `DONE` with `result` set, or what to give to the event
    loop: a future of `Runtime.new_waiter` to wait for, or None to let the loop turn once. It is
    called again (`first` False) when that is over.
    """

    __slots__ = ("_begun", "result")

    def __init__(self) -> None:
        self._begun = False
        self.result: Any = None

    def step(self, first: bool) -> Any:
        """One step; see the class. Exceptions come out of the await."""
        raise NotImplementedError

    def __await__(self) -> "Awaitable":
        return self

    def __iter__(self) -> "Awaitable":
        return self

    def __next__(self) -> Any:
        first = not self._begun
        self._begun = True
        wait = self.step(first)
        if wait is DONE:
            if self.result is None:
                raise StopIteration
            raise StopIteration(self.result)
        if wait is not None:
            # What a future's own __await__ does before it hands itself to the task.
            wait._asyncio_future_blocking = True
        return wait

    def send(self, value: Any) -> Any:
        """Go on: the coroutine interface; `value` is ignored."""
        return self.__next__()

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        """Raise inside the awaitable, as cancelling does; nothing has been taken, nothing is lost."""
        if value is None:
            value = kind() if isinstance(kind, type) else kind
        if traceback is not None:
            value = value.with_traceback(traceback)
        raise value

    def close(self) -> None:
        """The coroutine interface; there is nothing to give back."""


DONE = object()
