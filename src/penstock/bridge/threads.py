"""Threads that run jobs for event loops. They start when they are needed, and end with the program,
after the jobs that it has given them."""

import atexit
import os
import threading
import weakref
from collections import deque
from typing import Any


class Threads:
    """Up to `count` threads that take jobs in the order in which they were put.

    A job is anything with a method `run()`, which raises nothing. Any thread may call any method.

    One thread at a time is being woken, and wakes the next if there is more to do: quick jobs are done
    by one thread in a row, since many at once would only fight for the interpreter; as soon as one
    waits for something, the next goes on.
    """

    __slots__ = ("__weakref__", "_count", "_crew", "_lock", "_name", "_started")

    def __init__(self, name: str, count: int = 1) -> None:
        self._name = name
        self._count = count
        self.forget()
        watch(self)

    def forget(self) -> None:
        """Begin anew without threads: those of before a fork are not in the child."""
        self._crew = _Crew()
        self._lock = threading.Lock()
        self._started: list[threading.Thread] = []

    def put(self, job: Any) -> None:
        """Have a thread call `job.run()` soon."""
        crew = self._crew
        if not crew.idle and len(self._started) < self._count:
            self._start()
            crew = self._crew
        crew.jobs.append(job)
        crew.wake()

    def stop(self) -> list[threading.Thread]:
        """Let the threads end after what was put so far; returns them, to be joined. What is put
        later starts new ones."""
        with self._lock:
            threads = self._started
            self._started = []
            crew = self._crew
            self._crew = _Crew()
        for _ in threads:
            crew.jobs.append(None)
        crew.wake()
        return threads

    def _start(self) -> None:
        with self._lock:
            if len(self._started) < self._count:
                number = len(self._started) + 1
                thread = threading.Thread(target=self._crew.work, name=f"{self._name}-{number}")
                self._started.append(thread)
                thread.start()


class _Crew:
    """Threads that take from one queue, `jobs`; None ends the one that takes it."""

    __slots__ = ("_waking", "idle", "jobs")

    def __init__(self) -> None:
        self.jobs: deque[Any] = deque()
        self.idle: deque[Any] = deque()
        self._waking = False

    def wake(self) -> None:
        """Wake a thread for what was put, unless one is on its way already."""
        # The job comes before the look at the flag, and a woken thread clears the flag before it
        # looks at the jobs: so whatever finds the flag set will be seen by that thread.
        while not self._waking:
            self._waking = True
            try:
                self.idle.pop().release()
                return
            except IndexError:
                # All are busy, and look again before they rest.
                self._waking = False
            if not (self.jobs and self.idle):
                return
            # Somebody put a job, saw the flag and left it to us.

    def work(self) -> None:
        """What each thread does."""
        jobs = self.jobs
        idle = self.idle
        lock = threading.Lock()
        lock.acquire()
        while True:
            try:
                job = jobs.popleft()
            except IndexError:
                idle.append(lock)
                # A job that came before the lock was there has woken nobody. If the lock is gone by
                # now, somebody has released it, or is about to.
                if jobs:
                    try:
                        idle.remove(lock)
                        continue
                    except ValueError:
                        pass
                lock.acquire()
                self._waking = False
                continue
            if jobs:
                self.wake()
            if job is None:
                return
            job.run()
            # Nothing of it is kept while the thread waits for the next.
            del job


_all: "weakref.WeakSet[Any]" = weakref.WeakSet()


def watch(holder: Any) -> None:
    """Have `holder.stop()` called when the program ends, and `holder.forget()` in a child after a
    fork. It is not kept alive for that."""
    _all.add(holder)


def _end() -> None:
    for holder in list(_all):
        holder.stop()


def _forget() -> None:
    for holder in list(_all):
        holder.forget()


# Before the interpreter waits for its threads, which is before what `atexit` registers is called.
getattr(threading, "_register_atexit", atexit.register)(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
