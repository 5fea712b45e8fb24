"""The way from threads into a loop."""

import asyncio
import threading
from typing import Any

import pytest

from penstock.bridge.outbox import outbox_of
from tests.bridge.calls import run


class Post:
    def __init__(self, found: list[Any], action: Any = None) -> None:
        self.found = found
        self.action = action

    def deliver(self) -> None:
        self.found.append(threading.get_ident())
        if self.action is not None:
            self.action()


def test_posts_are_delivered_on_the_loops_thread_and_share_a_wake_up() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        outbox = outbox_of(loop)
        assert outbox_of(loop) is outbox
        wakes = []
        original = loop.call_soon_threadsafe

        def counted(*args: Any, **kwargs: Any) -> Any:
            wakes.append(args)
            return original(*args, **kwargs)

        loop.call_soon_threadsafe = counted  # type: ignore[method-assign]
        found: list[Any] = []
        thread = threading.Thread(target=lambda: [outbox.post(Post(found)) for _ in range(5)])
        thread.start()
        thread.join()
        while len(found) < 5:
            await asyncio.sleep(0)
        assert found == [threading.get_ident()] * 5
        assert len(wakes) == 1

    run(main())


def test_what_is_posted_during_a_delivery_comes_in_the_next_turn() -> None:
    async def main() -> None:
        outbox = outbox_of(asyncio.get_running_loop())
        found: list[Any] = []
        again = Post(found)
        outbox.post(Post(found, lambda: outbox.post(again)))
        while len(found) < 2:
            await asyncio.sleep(0)

    run(main())


def test_what_a_post_raises_is_told_and_the_others_are_delivered() -> None:
    async def main() -> None:
        told: list[Any] = []
        found: list[Any] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: told.append(context["exception"]))
        outbox = outbox_of(loop)
        outbox.post(Post(found, lambda: [].index(1)))
        outbox.post(Post(found))
        while len(found) < 2:
            await asyncio.sleep(0)
        assert [type(error) for error in told] == [ValueError]

    run(main())


@pytest.mark.parametrize("pending", [True, False])
def test_sync_28_a_closed_loop_takes_nothing(pending: bool) -> None:
    async def main() -> Any:
        return outbox_of(asyncio.get_running_loop())

    outbox = run(main())
    outbox._waking = pending
    with pytest.raises(RuntimeError, match="closed"):
        outbox.post(Post([]))
