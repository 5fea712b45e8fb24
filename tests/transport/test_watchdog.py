"""A blocked loop is told once, with what blocks it; a process that stands still as a whole is not blamed on the application."""

import asyncio
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from penstock.transport.counters import Counters
from penstock.transport.watchdog import (
    BEATS,
    BLOCKED,
    STARVED,
    STOPPED,
    Sample,
    Watchdog,
    judge,
)
from tests.loops import NewLoop, each_loop, run_on
from tests.sockets import serving

DEADLINE_S = 10.0
LIMIT_S = 0.25


def sample(at: float, cpu: float = 0.0, waited: float = 0.0, process_cpu: float = 0.0) -> Sample:
    return Sample(at, cpu, waited, process_cpu)


@pytest.mark.parametrize(
    "after, watched, kind",
    [
        # The thread beside it ran on time: the loop is blocked, whether it computes or waits.
        (sample(10), True, BLOCKED),
        (sample(10, cpu=10, process_cpu=10), True, BLOCKED),
        # The thread did not run either: somebody held the interpreter, or the process was stopped.
        (sample(10, cpu=9, process_cpu=9), False, BLOCKED),
        (sample(10, cpu=0, process_cpu=9), False, BLOCKED),
        (sample(10), False, STOPPED),
        # Ready to run, and no processor.
        (sample(10, waited=9.5), True, STARVED),
        (sample(10, waited=9.5), False, STARVED),
        # Long blocked, and now and then without a processor: blocked.
        (sample(10, cpu=5, waited=5), True, BLOCKED),
        (sample(10, cpu=4, waited=6, process_cpu=4), False, BLOCKED),
        # Without the wait for a processor it would have been within the limit.
        (sample(1.2, waited=0.3), True, ""),
    ],
)
def test_a_silence_is_judged_by_what_the_threads_did_in_it(
    after: Sample, watched: bool, kind: str
) -> None:
    assert judge(sample(0), after, 1.0, watched=watched) == kind


class Notes:
    """What a watchdog says, and when."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.news = threading.Condition()

    def __call__(self, level: str, text: str) -> None:
        with self.news:
            self.lines.append((level, text))
            self.news.notify_all()

    def wait(self, count: int) -> list[str]:
        """The texts, once there are so many."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.lines) >= count, DEADLINE_S), self.lines
            return [text for _, text in self.lines]


def describe(thread: int, computed: bool) -> str:
    return f" in {thread}"


def watched(
    new_loop: NewLoop, test: Callable[[Watchdog, Notes, Counters], Any], *, limit_s: float = LIMIT_S
) -> None:
    async def main() -> None:
        notes, counters = Notes(), Counters()
        loop = asyncio.get_running_loop()
        watchdog = Watchdog(loop, limit_s, counters, describe, notes)
        watchdog.start()
        try:
            await test(watchdog, notes, counters)
        finally:
            watchdog.stop()

    run_on(new_loop, main())


@each_loop
def test_a_blocked_loop_is_told_while_it_is_blocked_and_again_when_it_goes_on(
    new_loop: NewLoop,
) -> None:
    async def test(watchdog: Watchdog, notes: Notes, counters: Counters) -> None:
        began = time.monotonic()
        # Here the loop stands still until the watchdog's own thread has spoken
        (text,) = notes.wait(1)
        blocked_s = time.monotonic() - began
        assert re.match(r"The event loop has stood still for \d\.\d", text)
        assert text.endswith(f" in {threading.get_ident()}")
        # It stood still since its last beat
        assert blocked_s >= LIMIT_S - LIMIT_S / BEATS
        await asyncio.sleep(LIMIT_S / BEATS * 2)
        assert len(notes.lines) == 2
        level, text = notes.lines[1]
        assert level == "warning"
        assert text.startswith("The event loop goes on; it stood still for 0.")
        assert counters.stalls == 1
        assert LIMIT_S <= counters.stall_s <= time.monotonic() - began
        assert sum(counters.stall_buckets) == 1

    watched(new_loop, test)


@each_loop
def test_one_stall_is_told_once_however_long_it_lasts(new_loop: NewLoop) -> None:
    async def test(watchdog: Watchdog, notes: Notes, counters: Counters) -> None:
        notes.wait(1)
        time.sleep(LIMIT_S * 5)
        await asyncio.sleep(LIMIT_S / BEATS * 2)
        assert len(notes.lines) == 2
        assert counters.stalls == 1
        assert counters.stall_longest_s >= LIMIT_S * 5

    watched(new_loop, test)


@each_loop
def test_each_stall_has_lines_of_its_own(new_loop: NewLoop) -> None:
    async def test(watchdog: Watchdog, notes: Notes, counters: Counters) -> None:
        for count in (1, 3, 5):
            notes.wait(count)
            await asyncio.sleep(LIMIT_S / BEATS * 2)
        assert counters.stalls == 3

    watched(new_loop, test)


@each_loop
def test_a_loop_that_turns_is_not_mentioned(new_loop: NewLoop) -> None:
    async def test(watchdog: Watchdog, notes: Notes, counters: Counters) -> None:
        for _ in range(20):
            time.sleep(LIMIT_S / 10)
            await asyncio.sleep(0)
        assert notes.lines == []
        assert counters.stalls == 0

    watched(new_loop, test, limit_s=1.0)


def test_it_ends_at_once_and_leaves_no_thread() -> None:
    async def test(watchdog: Watchdog, notes: Notes, counters: Counters) -> None:
        began = time.monotonic()
        watchdog.stop()
        watchdog.stop()
        assert time.monotonic() - began < 5
        assert watchdog._ended.locked()  # taken by `stop`: the thread has released it at its end

    watched(asyncio.new_event_loop, test, limit_s=60.0)


def test_a_description_that_fails_costs_nothing_but_itself() -> None:
    async def main() -> None:
        notes = Notes()

        def fails(thread: int, computed: bool) -> str:
            raise ZeroDivisionError

        watchdog = Watchdog(asyncio.get_running_loop(), LIMIT_S, Counters(), fails, notes)
        watchdog.start()
        try:
            (text,) = notes.wait(1)
        finally:
            watchdog.stop()
        assert text.endswith("; what blocks it cannot be told: ZeroDivisionError()")

    asyncio.run(main())


class Scripted(Watchdog):
    """Its samples are given, its clock is not."""

    def __init__(self, notes: Notes, counters: Counters, samples: list[Sample]) -> None:
        self.samples = samples
        super().__init__(self, LIMIT_S, counters, describe, notes)
        self._sleep.acquire()

    def call_later(self, delay_s: float, callback: Any) -> Any:
        """The loop's, too."""
        return self

    def cancel(self) -> None:
        """A timer's, too."""

    def _sample(self) -> Sample:
        return self.samples.pop(0)


def turned(*samples: Sample) -> tuple[Notes, Counters]:
    """What is said when the loop gives a sign of life at each of these."""
    notes, counters = Notes(), Counters()
    watchdog = Scripted(notes, counters, list(samples))
    watchdog._last = watchdog._sample()
    while watchdog.samples:
        watchdog._beat()
    return notes, counters


def test_a_stopped_process_is_no_stall() -> None:
    """SIGSTOP, a debugger, a suspended machine: nothing ran, so nobody is to blame."""
    notes, counters = turned(sample(0), sample(LIMIT_S / 4), sample(30))
    ((level, text),) = notes.lines
    assert level == "debug"
    assert text == "The process stood still for 29.88 s: it was stopped"
    assert counters.stalls == counters.starved == 0


def test_a_machine_without_cpu_is_told_as_such() -> None:
    notes, counters = turned(sample(0), sample(3, waited=2.95))
    ((level, text),) = notes.lines
    assert level == "warning"
    assert "got no processor" in text
    assert counters.stalls == 0
    assert counters.starved == 1
    assert counters.starved_s == pytest.approx(3 - LIMIT_S / 4)


def test_code_that_keeps_the_interpreter_is_told_at_its_end_at_least() -> None:
    notes, counters = turned(sample(0), sample(3, cpu=2.9, process_cpu=2.9))
    ((level, text),) = notes.lines
    assert level == "warning"
    assert "does not give up the interpreter" in text
    assert counters.stalls == 1


def test_after_a_stop_the_loop_has_its_whole_time_again() -> None:
    """The thread may come to run before the loop does."""
    notes, counters = Notes(), Counters()
    watchdog = Scripted(notes, counters, [])
    now = time.monotonic()
    watchdog._last = sample(now - 60)
    # The look comes late, and finds that nothing ran: no blame, and a new start from here
    watchdog.samples = [sample(now + 40)]
    watchdog._look()
    assert notes.lines == []
    assert watchdog._stopped == (watchdog._last, sample(now + 40))
    # Still no sign of life a whole limit after that: now it is the loop's
    watchdog._stopped = (watchdog._last, sample(now - 50))
    watchdog.samples = [sample(time.monotonic())]
    watchdog._look()
    ((_, text),) = notes.lines
    assert text.startswith("The event loop has stood still for 49.9")


async def quick(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@pytest.mark.parametrize(
    "options, watches",
    [({}, False), ({"warn_blocked_loop": 2}, True), ({"warn_blocked_loop": 0}, False)],
)
def test_a_server_in_a_program_is_watched_only_if_asked(options: Any, watches: bool) -> None:
    with serving(quick, **options) as served:
        assert (served.server._watchdog is not None) is watches
