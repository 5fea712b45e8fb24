"""Slots decide in order and within bounds; Admission acts on it and keeps a timer only while needed."""

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.transport.admission import ADMITTED, QUEUED, REFUSED, Admission, Slots
from penstock.transport.counters import Counters

DEADLINE_S = 5.0


def test_requests_run_up_to_the_limit_then_wait_then_are_refused_s12() -> None:
    slots = Slots(2, 2, 1.0)
    answers = [slots.ask(who, 0.0) for who in "abcde"]
    assert answers == [ADMITTED, ADMITTED, QUEUED, QUEUED, REFUSED]


def test_a_free_slot_goes_to_the_one_that_waited_longest() -> None:
    slots = Slots(1, 10, 1.0)
    for who in "abc":
        slots.ask(who, 0.0)
    assert [slots.release(), slots.release(), slots.release()] == ["b", "c", None]
    assert slots.running == 0


def test_a_newcomer_does_not_overtake_those_who_wait() -> None:
    slots = Slots(1, 10, 1.0)
    for who in "ab":
        slots.ask(who, 0.0)
    assert slots.release() == "b"
    assert slots.ask("c", 0.0) == QUEUED


def test_one_that_leaves_is_never_started_s11() -> None:
    slots = Slots(1, 10, 1.0)
    for who in "abc":
        slots.ask(who, 0.0)
    assert slots.leave("b")
    assert not slots.leave("b")
    assert slots.release() == "c"


def test_waits_end_in_order_of_arrival() -> None:
    slots = Slots(1, 10, 1.0)
    slots.ask("a", 0.0)
    slots.ask("b", 0.0)
    slots.ask("c", 0.5)
    assert slots.next_deadline() == 1.0
    assert slots.overdue(0.9) == []
    assert slots.overdue(1.0) == ["b"]
    assert slots.next_deadline() == 1.5
    assert slots.overdue(9.0) == ["c"]
    assert slots.next_deadline() is None


@pytest.mark.parametrize("waiting_max, wait_s", [(0, 1.0), (5, 0.0)])
def test_without_a_queue_or_without_time_a_request_is_refused_at_once(
    waiting_max: int, wait_s: float
) -> None:
    slots = Slots(1, waiting_max, wait_s)
    slots.ask("a", 0.0)
    assert slots.ask("b", 0.0) == REFUSED


@given(st.lists(st.sampled_from(["ask", "release", "leave", "late"]), max_size=80))
def test_whatever_happens_slots_are_neither_lost_nor_doubled(steps: list[str]) -> None:
    slots = Slots(2, 3, 1.0)
    running: set[int] = set()
    waiting: list[int] = []
    now = 0.0
    for number, step in enumerate(steps):
        now += 0.3
        if step == "ask":
            answer = slots.ask(number, now)
            if answer == ADMITTED:
                running.add(number)
            elif answer == QUEUED:
                waiting.append(number)
        elif step == "release" and running:
            running.pop()
            successor = slots.release()
            if waiting:
                assert successor == waiting.pop(0)
                running.add(successor)
            else:
                assert successor is None
        elif step == "leave" and waiting:
            assert slots.leave(waiting.pop())
        elif step == "late":
            for late in slots.overdue(now):
                assert late == waiting.pop(0)
        assert slots.running == len(running) <= 2
        assert list(slots.waiting) == waiting
        assert len(waiting) <= 3


class Connection:
    is_websocket = False

    def __init__(self, seen: list[tuple[str, str]], name: str, path: bytes = b"/") -> None:
        self.exchange = SimpleNamespace(head=SimpleNamespace(raw_path=path))
        self.seen = seen
        self.name = name
        self.news = asyncio.Event()

    def start_queued(self) -> None:
        self.seen.append(("started", self.name))
        self.news.set()

    def refuse_queued(self) -> None:
        self.seen.append(("refused", self.name))
        self.news.set()


def run(
    test: Callable[[Callable[[str], Connection], list[Any]], Coroutine[Any, Any, None]],
) -> None:
    seen: list[tuple[str, str]] = []
    asyncio.run(test(lambda name: Connection(seen, name), seen))


async def told(connection: Connection) -> None:
    await asyncio.wait_for(connection.news.wait(), DEADLINE_S)


def test_a_wait_ends_with_a_refusal_at_its_deadline_s12() -> None:
    async def test(make: Callable[[str], Connection], seen: list[Any]) -> None:
        loop = asyncio.get_running_loop()
        admission = Admission(loop, 1, 10, 0.05)
        assert admission.admit(make("a"))
        waiting = make("b")
        began = loop.time()
        assert not admission.admit(waiting)
        await told(waiting)
        assert loop.time() - began >= 0.04
        assert seen == [("refused", "b")]
        assert (admission.running, admission.waiting) == (1, 0)

    run(test)


def test_a_full_queue_refuses_inside_the_call() -> None:
    async def test(make: Callable[[str], Connection], seen: list[Any]) -> None:
        admission = Admission(asyncio.get_running_loop(), 1, 0, 1.0)
        admission.admit(make("a"))
        assert not admission.admit(make("b"))
        assert seen == [("refused", "b")]

    run(test)


def test_a_slot_that_comes_free_starts_the_next_in_a_later_turn_and_stops_the_timer() -> None:
    async def test(make: Callable[[str], Connection], seen: list[Any]) -> None:
        admission = Admission(asyncio.get_running_loop(), 1, 10, 60.0)
        admission.admit(make("a"))
        waiting = make("b")
        admission.admit(waiting)
        assert admission._timer is not None
        admission.release(make("any"))
        assert seen == []
        assert admission._timer is None
        await told(waiting)
        assert seen == [("started", "b")]
        assert admission.running == 1
        admission.release(make("any"))
        assert admission.running == 0

    run(test)


def test_a_client_lost_between_the_slot_and_its_start_gives_the_slot_on_s11() -> None:
    async def test(make: Callable[[str], Connection], seen: list[Any]) -> None:
        admission = Admission(asyncio.get_running_loop(), 1, 10, 60.0)
        admission.admit(make("a"))
        lost, third = make("b"), make("c")
        admission.admit(lost)
        admission.admit(third)
        admission.release(make("any"))
        admission.withdraw(lost)
        await told(third)
        assert seen == [("started", "c")]
        admission.release(make("any"))
        assert (admission.running, admission.waiting) == (0, 0)

    run(test)


def test_a_long_queue_of_instant_requests_does_not_nest() -> None:
    async def test(make: Callable[[str], Connection], seen: list[Any]) -> None:
        admission = Admission(asyncio.get_running_loop(), 1, 5000, 60.0)
        admission.admit(make("first"))

        class Instant(Connection):
            def start_queued(self) -> None:
                super().start_queued()
                admission.release(make("any"))

        queue = [Instant(seen, str(number)) for number in range(3000)]
        for connection in queue:
            admission.admit(connection)
        admission.release(make("any"))
        await told(queue[-1])
        assert [name for _, name in seen] == [str(number) for number in range(3000)]
        assert admission.running == 0

    run(test)


class Clock:
    """Stands for the loop of an admission that nobody waits for."""

    def __init__(self) -> None:
        self.now = 100.0

    def time(self) -> float:
        return self.now


class Socket(Connection):
    is_websocket = True


def test_websockets_have_a_limit_of_their_own_and_take_no_slot_s12() -> None:
    seen: list[Any] = []
    admission = Admission(Clock(), 1, 10, 1.0, websockets_max=2)  # type: ignore[arg-type]
    sockets = [Socket(seen, name) for name in "abc"]
    assert [admission.admit(each) for each in sockets] == [True, True, False]
    assert seen == [("refused", "c")]
    assert (admission.websockets, admission.running) == (2, 0)
    assert admission.admit(Connection(seen, "request"))
    admission.release(sockets[0])
    assert (admission.websockets, admission.running) == (1, 1)
    assert admission.admit(Socket(seen, "d"))


def test_without_a_limit_of_requests_only_websockets_are_limited() -> None:
    seen: list[Any] = []
    admission = Admission(Clock(), None, 0, 0.0, websockets_max=0)  # type: ignore[arg-type]
    assert all(admission.admit(Connection(seen, str(number))) for number in range(100))
    assert not admission.admit(Socket(seen, "socket"))


def test_health_paths_are_admitted_whatever_runs_s12() -> None:
    seen: list[Any] = []
    admission = Admission(Clock(), 1, 0, 0.0, exempt=[b"/health"])  # type: ignore[arg-type]
    assert admission.admit(Connection(seen, "running"))
    health = Connection(seen, "health", b"/health")
    assert admission.admit(health)
    assert not admission.admit(Connection(seen, "other", b"/healthy"))
    admission.release(health)
    assert admission.running == 1
    # A WebSocket is none of them: it would stay
    admission.websockets_max = 0
    assert not admission.admit(Socket(seen, "socket", b"/health"))


@given(st.lists(st.sampled_from(["request", "health", "socket", "end"]), max_size=60))
def test_one_connection_may_run_several_things_and_all_is_given_back(steps: list[str]) -> None:
    """An application that runs on after its response is out shares its connection with the next request."""
    seen: list[Any] = []
    admission = Admission(Clock(), 50, 0, 0.0, exempt=[b"/health"])  # type: ignore[arg-type]
    connection: Any = Connection(seen, "one")
    running = 0
    for step in steps:
        if step == "end":
            if running:
                running -= 1
                admission.release(connection)
            continue
        connection.is_websocket = step == "socket"
        connection.exchange.head.raw_path = b"/health" if step == "health" else b"/"
        running += admission.admit(connection)
    for _ in range(running):
        admission.release(connection)
    assert (admission.running, admission.websockets, admission._slotless) == (0, 0, {})


def test_refusals_are_counted_each_by_its_reason_and_told_now_and_then() -> None:
    seen: list[Any] = []
    lines: list[str] = []
    clock, counters = Clock(), Counters()
    admission = Admission(  # type: ignore[arg-type]
        clock, 1, 1, 1.0, websockets_max=0, counters=counters,
        note=lambda level, text: lines.append(f"{level}: {text}"),
    )  # fmt: skip
    clock.call_at = lambda *_: None  # type: ignore[attr-defined]
    for number in range(5):
        admission.admit(Connection(seen, str(number)))
    admission.admit(Socket(seen, "socket"))
    clock.now += 2
    admission._expire()
    assert counters.queued == 1
    assert counters.refused_full == 3
    assert counters.refused_websockets == 1
    assert counters.refused_late == 1
    (line,) = lines
    assert line == (
        "warning: Overload: 1 more refused with 503, 1 running, 1 waiting, 0 WebSockets open"
        " (--limit-concurrency, --limit-queue)"
    )
    clock.now += 4
    admission.admit(Socket(seen, "socket"))
    assert "5 more refused" in lines[1]
    assert lines[1].endswith("(--limit-websockets)")
