"""The way from threads into a loop."""

import asyncio
import os
import threading
import weakref
from contextvars import ContextVar
from typing import Any

import pytest

from penstock.bridge import outbox as module
from penstock.bridge.outbox import Outbox, outbox_of
from tests.bridge.calls import run

EVENTFD = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="there is no eventfd here")


@pytest.fixture(params=["eventfd", "call_soon_threadsafe"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Both ways to wake a loop."""
    if request.param == "eventfd":
        if not hasattr(os, "eventfd"):
            pytest.skip("there is no eventfd here")
    else:
        monkeypatch.setattr(module, "_EVENTFD", False)
    monkeypatch.setattr(module, "_last", module._Last())
    return request.param


class Value:
    """What a context keeps."""


VARIABLE: ContextVar[Any] = ContextVar("variable")


class Bell:
    """`os`, with the writes to a descriptor counted."""

    def __init__(self, rung: list[Any]) -> None:
        self._rung = rung

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, descriptor: int, data: bytes) -> int:
        self._rung.append(descriptor)
        return os.write(descriptor, data)


class Post:
    def __init__(self, found: list[Any], action: Any = None) -> None:
        self.found = found
        self.action = action

    def deliver(self) -> None:
        self.found.append(threading.get_ident())
        if self.action is not None:
            self.action()


def test_posts_are_delivered_on_the_loops_thread_and_share_a_wake_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        outbox = outbox_of(loop)
        assert outbox_of(loop) is outbox
        wakes: list[Any] = []
        monkeypatch.setattr(module, "os", Bell(wakes))
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


def open_descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


@EVENTFD
def test_the_descriptor_is_closed_with_the_loop_though_the_outbox_is_kept() -> None:
    before = open_descriptors()

    async def main() -> Outbox:
        return outbox_of(asyncio.get_running_loop())

    outbox = run(main())
    assert open_descriptors() == before
    with pytest.raises(RuntimeError, match="closed"):
        outbox.post(Post([]))


def test_a_thread_that_turns_to_another_loop_and_back_adds_no_descriptors(way: str) -> None:
    one, other = asyncio.new_event_loop(), asyncio.new_event_loop()
    found = [outbox_of(loop) for loop in (one, other, one, other)]
    assert [outbox.loop for outbox in found] == [one, other] * 2
    assert (found[0] is found[2]) is (way == "eventfd")
    one.close()
    other.close()


def test_the_loop_does_not_keep_the_context_in_which_its_outbox_was_made() -> None:
    async def main() -> None:
        kept = weakref.ref(value := Value())
        token = VARIABLE.set(value)
        outbox_of(asyncio.get_running_loop())
        VARIABLE.reset(token)
        del value, token
        assert kept() is None

    run(main())


@EVENTFD
def test_without_descriptors_it_goes_without_a_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*arguments: Any) -> int:
        raise OSError(24, "Too many open files")

    async def main() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, "eventfd", none_left)
            outbox = outbox_of(asyncio.get_running_loop())
        found: list[Any] = []
        thread = threading.Thread(target=outbox.post, args=(Post(found),))
        thread.start()
        thread.join()
        while not found:
            await asyncio.sleep(0)
        assert outbox._bell() is None

    run(main())


@EVENTFD
def test_a_bell_that_somebody_else_has_heard_is_no_error() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        found: list[Any] = []
        outbox = outbox_of(loop)
        outbox._posts.append(Post(found))
        outbox._heard()
        assert len(found) == 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_EVENTFD", True)
        run(main())
