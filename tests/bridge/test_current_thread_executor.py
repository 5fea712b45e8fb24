"""The executor of a waiting thread."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from penstock.bridge.current_thread_executor import CurrentThreadExecutor
from tests.bridge.calls import DEADLINE_S


def elsewhere(function: Callable[[], Any]) -> Any:
    """What the function returns or raises on another thread."""
    found: Future[Any] = Future()

    def work() -> None:
        try:
            found.set_result(function())
        except BaseException as error:
            found.set_exception(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(DEADLINE_S)
    return found.result(0)


def test_what_others_submit_runs_on_the_waiting_thread_until_its_future_is_done() -> None:
    executor = CurrentThreadExecutor()
    done: Future[None] = Future()
    found = []

    def use() -> None:
        found.append(executor.submit(threading.get_ident).result(DEADLINE_S))
        found.append(executor.submit(int, "x").exception(DEADLINE_S))
        last = executor.submit(threading.get_ident)
        done.set_result(None)
        found.append(last.result(DEADLINE_S))

    thread = threading.Thread(target=use)
    thread.start()
    executor.run_until_future(done)
    thread.join()
    assert [found[0], type(found[1]), found[2]] == [thread_id(), ValueError, thread_id()]


def thread_id() -> int:
    return threading.get_ident()


def test_a_cancelled_call_does_not_run() -> None:
    executor = CurrentThreadExecutor()
    ran: list[int] = []
    future: Any = elsewhere(lambda: executor.submit(ran.append, 1))
    future.cancel()
    executor.end()
    executor.run()
    assert ran == []


def test_sync_41_its_own_thread_may_not_submit_and_others_may_not_run_it() -> None:
    executor = CurrentThreadExecutor()
    with pytest.raises(RuntimeError, match="deadlock"):
        executor.submit(print)
    with pytest.raises(RuntimeError, match="by another"):
        elsewhere(executor.run)


def test_sync_42_work_goes_to_the_closest_that_still_runs() -> None:
    outer = CurrentThreadExecutor()
    inner = CurrentThreadExecutor(outer)
    inner.end()
    inner.run()
    future = elsewhere(lambda: inner.submit(thread_id))
    outer.end()
    outer.run()
    assert future.result(0) == thread_id()
    with pytest.raises(RuntimeError, match="no sync caller waits"):
        elsewhere(lambda: inner.submit(thread_id))


def test_a_later_wait_of_the_same_thread_takes_what_an_ended_one_left() -> None:
    ended = CurrentThreadExecutor()
    ended.end()
    ended.run()
    later = CurrentThreadExecutor()
    found = []

    def use() -> None:
        found.append(ended.submit(thread_id).result(DEADLINE_S))
        later.end()

    thread = threading.Thread(target=use)
    later.submit = None  # type: ignore[assignment, method-assign]
    first = elsewhere(lambda: later.put(_Start(thread)))
    assert first
    later.run()
    thread.join()
    assert found == [thread_id()]


class _Start:
    def __init__(self, thread: threading.Thread) -> None:
        self._thread = thread

    def run(self) -> None:
        self._thread.start()
