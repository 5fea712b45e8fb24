"""Threads that run jobs for event loops. They start when they are needed, and end with the program,
after the jobs that it has given them."""

import atexit
import os
import queue
import threading
import weakref
from typing import Any


class Threads:
    """Up to `count` threads that take jobs in the order in which they were put.

    A job is anything with a method `run()`, which raises nothing. Any thread may call any method.
    """

    __slots__ = ("__weakref__", "_count", "_jobs", "_lock", "_name", "_started")

    def __init__(self, name: str, count: int = 1) -> None:
        self._name = name
        self._count = count
        self.forget()
        watch(self)

    def forget(self) -> None:
        """Begin anew without threads: those of before a fork are not in the child."""
        self._jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started: list[threading.Thread] = []

    def put(self, job: Any) -> None:
        """Have a thread call `job.run()` soon."""
        if len(self._started) < self._count:
            self._start()
        self._jobs.put(job)

    def stop(self) -> list[threading.Thread]:
        """Let the threads end after what was put so far; returns them, to be joined. What is put
        later starts new ones."""
        with self._lock:
            threads = self._started
            self._started = []
            jobs = self._jobs
            self._jobs = queue.SimpleQueue()
        for _ in threads:
            jobs.put(None)
        return threads

    def _start(self) -> None:
        with self._lock:
            if len(self._started) < self._count:
                number = len(self._started) + 1
                thread = threading.Thread(
                    target=_work, args=(self._jobs,), name=f"{self._name}-{number}"
                )
                self._started.append(thread)
                thread.start()


def _work(jobs: "queue.SimpleQueue[Any]") -> None:
    while True:
        job = jobs.get()
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
