"""Threads and the two ways between them and the loop; real threads, and a loop that the test turns by hand."""

import contextvars
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from penstock.config import Config
from penstock.gateway.stream import Runtime, Service
from penstock.transport.pool import InlinePool, ThreadPool, open_pool

DEADLINE_S = 10.0


class HandLoop(Runtime):
    """A loop whose turns are calls of `turn`; counts the wake-ups that threads ask for."""

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.soon: list[Callable[[], None]] = []
        self.wake_ups = 0

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.soon.append(callback)

    def call_from_thread(self, callback: Callable[[], None]) -> None:
        self.wake_ups += 1
        self.calls.put(callback)

    def turn(self) -> None:
        """What `call_soon` was told."""
        soon, self.soon = self.soon, []
        for callback in soon:
            callback()

    def wait(self) -> None:
        """Wait for one wake-up and follow it."""
        self.calls.get(timeout=DEADLINE_S)()


class Task:
    """Stands for an exchange."""

    def __init__(
        self, pool: Any, begin: threading.Event | None = None, error: BaseException | None = None
    ) -> None:
        self.pool = pool
        self.begin = begin
        self.error = error
        self.begun = threading.Event()
        self.delivered = 0
        self.thread = 0

    def run(self) -> None:
        self.thread = threading.get_ident()
        self.begun.set()
        if self.begin is not None:
            assert self.begin.wait(DEADLINE_S)
        if self.error is not None:
            raise self.error
        self.pool.post(self)

    def deliver(self) -> None:
        assert threading.get_ident() == threading.main_thread().ident
        self.delivered += 1


class Place:
    """A pool, its loop, and what it reported."""

    def __init__(self, threads: int, limit: int = 100) -> None:
        self.loop = HandLoop()
        self.failures: list[BaseException] = []
        self.service = Service(
            app=None, interface="wsgi", runtime=self.loop, context=contextvars.copy_context(), state=None,
            settings=Config(threads=threads, limit_connections=limit),
            app_failed=lambda _exchange, exc: self.failures.append(exc), note=None,
        )  # fmt: skip
        self.pool: Any = open_pool(self.service)


@pytest.fixture
def place() -> Iterator[Callable[..., Place]]:
    places = []

    def make(threads: int, **options: Any) -> Place:
        places.append(Place(threads, **options))
        return places[-1]

    yield make
    for each in places:
        assert each.pool.stop(DEADLINE_S) == []


def test_the_option_chooses_the_pool(place: Any) -> None:
    """--threads 0 has none; `wsgi.multithread` is true only where two threads may meet (PEP-04)."""
    kinds = [type(place(threads).pool) for threads in (0, 1, 2)]
    assert kinds == [InlinePool, ThreadPool, ThreadPool]


@pytest.mark.parametrize("threads,expected", [(0, False), (1, False), (2, True)])
def test_multithread_is_honest(place: Any, threads: int, expected: bool) -> None:
    """PEP-04."""
    from penstock.wire.events import Head
    from tests.wsgi_fakes import FakeStream

    environ = place(threads).pool.environs.build(
        Head("GET", b"/", b"", [], "1.1"), FakeStream(), None
    )
    assert environ["wsgi.multithread"] is expected


def test_a_thread_of_the_pool_runs_and_the_loop_delivers(place: Any) -> None:
    """WSGI-01."""
    here = place(1)
    task = Task(here.pool)
    assert here.pool.submit(task)
    here.loop.turn()
    here.loop.wait()
    assert (task.delivered, task.thread != threading.get_ident()) == (1, True)


def test_a_quick_request_does_not_wait_behind_a_slow_one(place: Any) -> None:
    """While a thread is idle, also when both came in one turn of the loop."""
    here = place(2)
    gate = threading.Event()
    slow, quick = Task(here.pool, gate), Task(here.pool)
    here.pool.submit(slow)
    here.pool.submit(quick)
    here.loop.turn()
    here.loop.wait()
    assert (slow.delivered, quick.delivered) == (0, 1)
    gate.set()
    here.loop.wait()
    assert slow.delivered == 1


def test_requests_of_one_turn_cost_one_wake_of_the_threads_and_one_of_the_loop(place: Any) -> None:
    """Design 3.9: the hand-over is amortised."""
    here = place(1)
    gate = threading.Event()
    first = Task(here.pool, gate)
    here.pool.submit(first)
    here.loop.turn()
    assert first.begun.wait(DEADLINE_S)
    tasks = [Task(here.pool) for _ in range(20)]
    for task in tasks:
        here.pool.submit(task)
    assert here.loop.soon == []  # nobody is idle, so nobody is to be woken
    last = Task(here.pool)
    here.pool.submit(last)
    gate.set()
    assert last.begun.wait(DEADLINE_S)
    here.loop.wait()
    while last.delivered == 0:
        here.loop.wait()
    assert [task.delivered for task in tasks] == [1] * 20
    assert (
        here.loop.wake_ups <= 2
    )  # the second only where the first was followed before the last post


def test_every_request_is_run_whatever_the_timing(place: Any) -> None:
    """No lost wake-up: one by one, and in bursts, over several threads."""
    here = place(3)
    for burst in [1] * 200 + [2, 3, 7] * 100:
        tasks = [Task(here.pool) for _ in range(burst)]
        for task in tasks:
            assert here.pool.submit(task)
        here.loop.turn()
        while not all(task.delivered for task in tasks):
            here.loop.wait()
        assert [task.delivered for task in tasks] == [1] * burst


def test_the_queue_is_bounded(place: Any) -> None:
    """Beyond `limit_connections` waiting requests, submit refuses; what is to be closed is never refused."""
    here = place(1, limit=2)
    gate = threading.Event()
    running = Task(here.pool, gate)
    here.pool.submit(running)
    here.loop.turn()
    assert running.begun.wait(DEADLINE_S)
    waiting = [Task(here.pool) for _ in range(2)]
    assert [here.pool.submit(task) for task in waiting] == [True, True]
    refused, closing = Task(here.pool), Task(here.pool)
    assert here.pool.submit(refused) is False
    here.pool.resubmit(closing)
    gate.set()
    while not closing.delivered:
        here.loop.wait()
    assert (waiting[1].delivered, refused.delivered) == (1, 0)


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt()])
def test_a_fault_costs_no_thread(place: Any, error: BaseException) -> None:
    """Whatever escapes is reported on the loop, and the thread takes the next request."""
    here = place(1)
    task = Task(here.pool)
    here.pool.submit(Task(here.pool, error=error))
    here.pool.submit(task)
    here.loop.turn()
    while not task.delivered:
        here.loop.wait()
    assert here.failures == [error]


def test_a_fault_in_one_delivery_harms_no_other(place: Any) -> None:
    """The rest of the outbox is delivered."""
    here = place(1)
    bad, good = Task(here.pool), Task(here.pool)
    bad.deliver = lambda: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    here.pool.submit(bad)
    here.pool.submit(good)
    here.loop.turn()
    while not good.delivered:
        here.loop.wait()
    assert [type(exc) for exc in here.failures] == [ZeroDivisionError]


def test_stop_names_the_stuck_thread_and_where_it_hangs() -> None:
    """Design 6: shutdown says what it waited for; nothing new is accepted."""
    here = Place(2)
    gate = threading.Event()

    class Stuck(Task):
        def run(self) -> None:
            self.begun.set()
            self.hang_here()

        def hang_here(self) -> None:
            assert gate.wait(DEADLINE_S)

    stuck = Stuck(here.pool)
    here.pool.submit(stuck)
    here.loop.turn()
    assert stuck.begun.wait(DEADLINE_S)
    assert "hang_here" in here.pool.where(stuck)
    lines = here.pool.stop(0.2)
    assert len(lines) == 1
    assert "penstock-wsgi-" in lines[0]
    assert "hang_here" in lines[0]
    assert here.pool.submit(Task(here.pool)) is False
    gate.set()
    assert here.pool.stop(DEADLINE_S) == []


def test_what_waits_is_still_done_at_stop() -> None:
    """A file that was sent is still to be closed (PEP-13)."""
    here = Place(1)
    tasks = [Task(here.pool) for _ in range(5)]
    for task in tasks:
        here.pool.submit(task)
    assert here.pool.stop(DEADLINE_S) == []
    assert all(task.begun.is_set() for task in tasks)


def test_where_of_a_waiting_request(place: Any) -> None:
    """It waits for a thread, which the option says the number of."""
    here = place(1)
    assert "threads" in here.pool.where(Task(here.pool))


def test_a_taken_lock_waits_for_one_release(place: Any) -> None:
    """`new_lock` is what exchanges wait on."""
    lock = place(0).pool.new_lock()
    assert lock.acquire(False) is False
    lock.release()
    assert lock.acquire(False) is True


def test_inline_runs_on_this_thread(place: Any) -> None:
    """--threads 0: at once, and what was suspended in the next turn."""
    here = place(0)
    task = Task(here.pool)
    assert here.pool.submit(task) is True
    assert (task.thread, task.delivered) == (threading.get_ident(), 1)
    here.pool.resubmit(task)
    assert task.delivered == 1
    here.loop.turn()
    assert task.delivered == 2
    assert here.pool.where(task)
