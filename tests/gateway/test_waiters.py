"""Those who wait for the same thing: each has a future of its own, and forgotten ones do not pile up."""

import asyncio
from typing import Any

from penstock.gateway.waiters import Waiters
from tests.loops import NewLoop, each_loop, run_on


@each_loop
def test_cancelling_one_waiter_leaves_the_others(new_loop: NewLoop) -> None:
    """Each has a future of its own; forgotten ones do not pile up (A14)."""

    async def test() -> None:
        loop = asyncio.get_running_loop()
        waiters = Waiters()

        class Runtime:
            new_waiter = staticmethod(loop.create_future)

        woken: list[int] = []

        async def wait(number: int) -> None:
            await waiters.wait(Runtime)
            woken.append(number)

        tasks = [asyncio.create_task(wait(number)) for number in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        waiters.wake()
        waiters.wake()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert woken == [0, 2]

    run_on(new_loop, test())


def test_forgotten_waiters_are_dropped() -> None:
    """A thousand cancelled receives leave one future (A14)."""
    made: list[Any] = []

    class Future:
        cancelled = False

        def done(self) -> bool:
            return self.cancelled

        def set_result(self, value: Any) -> None:
            self.result = value
            self.cancelled = True

    class Runtime:
        @staticmethod
        def new_waiter() -> Any:
            made.append(Future())
            return made[-1]

    waiters = Waiters()
    for _ in range(1000):
        waiters.wait(Runtime).cancelled = True
    last = waiters.wait(Runtime)
    waiters.wake()
    assert last.done()
    assert sum(hasattr(future, "result") for future in made) == 1


def test_whoever_waits_is_fired_at_once() -> None:
    """Each of them, and none that is done; and it is said whether there was any."""
    made: list[Any] = []

    class Future:
        def __init__(self) -> None:
            self.fired = self.cancelled = False
            made.append(self)

        def done(self) -> bool:
            return self.cancelled or self.fired

        def fire(self) -> None:
            self.fired = True

    class Runtime:
        new_waiter = Future

    waiters = Waiters()
    assert not waiters.fire()
    for _ in range(3):
        waiters.wait(Runtime)
    made[1].cancelled = True
    assert waiters.fire()
    assert [each.fired for each in made] == [True, False, True]
    assert not waiters.fire()
