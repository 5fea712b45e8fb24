"""Slots decide in order and within bounds; Admission acts on it and keeps a timer only while needed."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.transport.admission import ADMITTED, QUEUED, REFUSED, Admission, Slots

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
    def __init__(self, seen: list[tuple[str, str]], name: str) -> None:
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
        admission.release()
        assert seen == []
        assert admission._timer is None
        await told(waiting)
        assert seen == [("started", "b")]
        assert admission.running == 1
        admission.release()
        assert admission.running == 0

    run(test)


def test_a_client_lost_between_the_slot_and_its_start_gives_the_slot_on_s11() -> None:
    async def test(make: Callable[[str], Connection], seen: list[Any]) -> None:
        admission = Admission(asyncio.get_running_loop(), 1, 10, 60.0)
        admission.admit(make("a"))
        lost, third = make("b"), make("c")
        admission.admit(lost)
        admission.admit(third)
        admission.release()
        admission.withdraw(lost)
        await told(third)
        assert seen == [("started", "c")]
        admission.release()
        assert (admission.running, admission.waiting) == (0, 0)

    run(test)


def test_a_long_queue_of_instant_requests_does_not_nest() -> None:
    async def test(make: Callable[[str], Connection], seen: list[Any]) -> None:
        admission = Admission(asyncio.get_running_loop(), 1, 5000, 60.0)
        admission.admit(make("first"))

        class Instant(Connection):
            def start_queued(self) -> None:
                super().start_queued()
                admission.release()

        queue = [Instant(seen, str(number)) for number in range(3000)]
        for connection in queue:
            admission.admit(connection)
        admission.release()
        await told(queue[-1])
        assert [name for _, name in seen] == [str(number) for number in range(3000)]
        assert admission.running == 0

    run(test)
