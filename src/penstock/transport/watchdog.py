"""Notices an event loop that stands still, and says once what blocks it, while it is blocked.

The loop gives a sign of life by a timer, four times in the time that it may stand still; that is
its whole cost, whatever runs on it. A thread sleeps until the next sign would be overdue, about once
in that time, and looks whether it came. So the sign comes from the loop itself; the thread only reads it.

Not every silence is a blocked loop. A stopped process (SIGSTOP, a debugger, a suspended machine)
and one without CPU stand still as a whole, this thread included. They are told apart by what the
system says of the loop's thread: how much it computed, and how long it was ready to run and waited
for a processor. Code that computes for long without giving up the interpreter keeps this thread
from looking, too; it is named as soon as it lets go.
"""

import _thread
import os
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

# Signs of life in the time that the loop may stand still: that exact are the times that are told.
BEATS = 4
# From this share of a silence on, what the loop's thread did in it is the reason of it.
SHARE = 0.5
# `stop` waits this long for the thread, which may be about to write a line.
STOP_S = 1.0

_UNSEEN = (
    ", and the watchdog did not come to see why: there was no CPU for it, or code does not give up"
    " the interpreter (a long regular expression, a large JSON document, an extension in C)"
)

# What a silence is.
BLOCKED = "blocked"
STARVED = "starved"
STOPPED = "stopped"


class Sample(NamedTuple):
    """The state of the loop's thread at `at` (monotonic), all in seconds since some start.

    `cpu`: what it computed; `waited`: how long it was ready and got no processor, 0 where the system
    does not tell; `process_cpu`: what all threads computed.
    """

    at: float
    cpu: float
    waited: float
    process_cpu: float


def judge(before: Sample, after: Sample, limit_s: float, *, watched: bool) -> str:
    """What the silence of more than `limit_s` between two samples is: BLOCKED, STARVED, STOPPED, or
    "" for none that counts: without the time that it waited for a processor it would be shorter.

    `watched`: the watchdog's own thread ran on time meanwhile, so the process was not stopped.
    """
    span = after.at - before.at
    waited = after.waited - before.waited
    if span - waited < limit_s:
        return STARVED if waited >= span * SHARE else ""
    if watched or after.process_cpu - before.process_cpu >= (span - waited) * SHARE:
        return BLOCKED
    return STOPPED


class Meter:
    """Samples the thread that makes it; `read` from any thread, until that one ends (OSError)."""

    def __init__(self) -> None:
        self._clock_id = 0
        self._schedstat = -1
        if hasattr(time, "pthread_getcpuclockid"):
            self._clock_id = time.pthread_getcpuclockid(threading.get_ident())
        try:
            path = f"/proc/self/task/{threading.get_native_id()}/schedstat"
            self._schedstat = os.open(path, os.O_RDONLY)
        except OSError:
            pass  # not Linux, or no /proc: a want of CPU looks like a stopped process then

    def read(self) -> Sample:
        """The thread's state now."""
        waited = 0.0
        if self._schedstat >= 0:
            try:
                waited = int(os.pread(self._schedstat, 64, 0).split()[1]) / 1e9
            except (OSError, ValueError, IndexError):
                pass
        cpu = time.clock_gettime(self._clock_id) if self._clock_id else 0.0
        return Sample(time.monotonic(), cpu, waited, time.process_time())

    def close(self) -> None:
        """Give the descriptor back."""
        if self._schedstat >= 0:
            os.close(self._schedstat)
            self._schedstat = -1


class Watchdog:
    """Watches the loop that `start` is called on.

    - `limit_s`: how long it may stand still. `counters`: see `counters.Counters`.
    - `describe(thread, computed)`: text about what the loop's thread (its identifier) does now; called on
      the watchdog's thread. `computed`: whether it spent the time computing.
    - `note(level, text)`: logs a line; called on both threads.
    """

    def __init__(
        self,
        loop: Any,
        limit_s: float,
        counters: Any,
        describe: Callable[[int, bool], str],
        note: Callable[[str, str], None],
    ) -> None:
        self._loop = loop
        self._limit_s = limit_s
        self._beat_s = limit_s / BEATS
        self._counters = counters
        self._describe = describe
        self._note = note
        self._thread = 0
        self._meter: Any = None
        self._timer: Any = None
        self._last = Sample(0.0, 0.0, 0.0, 0.0)
        # The last sign of life before a silence that was told, so that it is told once
        self._told: Sample | None = None
        # The last sign of life before the process was stopped, and its state when it went on
        self._stopped: tuple[Sample, Sample] | None = None
        self._stopping = False
        # Released to end the thread's sleep, and by the thread at its end
        self._sleep = _thread.allocate_lock()
        self._ended = _thread.allocate_lock()

    def start(self) -> None:
        """Watch from now on; on the loop's thread."""
        self._thread = threading.get_ident()
        self._meter = Meter()
        self._last = self._sample()
        self._timer = self._loop.call_later(self._beat_s, self._beat)
        self._sleep.acquire()
        self._ended.acquire()
        # A bare thread: `threading` would wait for it at the interpreter's end, come what may.
        _thread.start_new_thread(self._watch, ())

    def stop(self) -> None:
        """Watch no more; on the loop's thread."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        self._stopping = True
        self._sleep.release()
        self._ended.acquire(timeout=STOP_S)
        if self._meter is not None:
            self._meter.close()

    # On the loop's thread.

    def _beat(self) -> None:
        """The loop turns."""
        before, self._last = self._last, self._sample()
        self._timer = self._loop.call_later(self._beat_s, self._beat)
        silence_s = self._last.at - before.at - self._beat_s
        if self._told is before:
            self._over(silence_s, BLOCKED, "")
        elif silence_s >= self._limit_s:
            # The thread has not seen it: it could not run either, or was about to look.
            kind = judge(before, self._last, self._limit_s + self._beat_s, watched=False)
            self._over(silence_s, kind, _UNSEEN)

    def _over(self, silence_s: float, kind: str, unseen: str) -> None:
        """A silence has ended."""
        if kind == BLOCKED:
            self._counters.stalled(silence_s)
            self._note(
                "warning", f"The event loop goes on; it stood still for {silence_s:.2f} s{unseen}"
            )
        elif kind == STARVED:
            self._counters.starved += 1
            self._counters.starved_s += silence_s
            self._note(
                "warning",
                f"The event loop could not run for {silence_s:.2f} s: it was ready, and got no"
                " processor. More CPU, a higher CPU limit or fewer workers on this machine help",
            )
        elif kind == STOPPED:
            self._note("debug", f"The process stood still for {silence_s:.2f} s: it was stopped")

    # On the watchdog's thread, except where the loop's calls it.

    def _sample(self) -> Sample:
        sample: Sample = self._meter.read()
        return sample

    def _watch(self) -> None:
        try:
            while not self._stopping:
                self._look()
        except OSError:
            pass  # the loop's thread has ended without a word, so its clock is gone, and its loop
        finally:
            self._ended.release()

    def _look(self) -> None:
        """Sleep until the next sign of life is late by the limit, and look whether it came."""
        last = self._last
        stopped = self._stopped
        before = stopped[1] if stopped is not None and stopped[0] is last else last
        asleep = time.monotonic()
        if self._told is last:
            self._sleep.acquire(timeout=self._limit_s)
            return
        limit_s = self._beat_s + self._limit_s
        wait_s = max(before.at + limit_s - asleep, 0.0)
        if self._sleep.acquire(timeout=wait_s) or self._last is not last:
            return
        sample = self._sample()
        on_time = sample.at - asleep - wait_s < self._limit_s * SHARE
        kind = judge(before, sample, limit_s, watched=on_time)
        waited_s = sample.waited - before.waited
        able_s = sample.at - before.at - waited_s
        if kind == STOPPED:
            # It went on a moment ago, and the loop may take as long as ever to show it.
            self._stopped = (last, sample)
        elif kind != BLOCKED:
            # Too early to tell: the loop waited for a processor for a part of the time
            self._sleep.acquire(timeout=max(limit_s - able_s, self._beat_s / BEATS))
        else:
            text = self._explain(sample.cpu - before.cpu >= able_s * SHARE)
            if self._last is last:
                self._told = last
                silence_s = sample.at - before.at - self._beat_s
                self._note("warning", f"The event loop has stood still for {silence_s:.2f} s{text}")

    def _explain(self, computed: bool) -> str:
        try:
            return self._describe(self._thread, computed)
        except Exception as error:
            return f"; what blocks it cannot be told: {error!r}"


def watch(worker: Any) -> Watchdog:
    """Watch the loop of `worker`, from now on and on this thread, as its options say."""

    def explained(thread: int, computed: bool) -> str:
        # Here, since most loops never stand still
        from penstock.transport.stall import explain

        return explain(worker, thread, computed)

    limit_s = worker.settings.warn_blocked_loop
    watchdog = Watchdog(worker.loop, limit_s, worker.counters, explained, worker.note)
    watchdog.start()
    return watchdog
