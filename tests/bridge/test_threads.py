"""Threads that run jobs."""

import subprocess
import sys
import threading
from typing import Any

from penstock.bridge.threads import Threads
from tests.bridge.calls import DEADLINE_S


class Job:
    def __init__(self, function: Any) -> None:
        self.run = function


def test_threads_start_one_by_one_up_to_their_number_and_stop_after_their_jobs() -> None:
    threads = Threads("some", 2)
    found: list[str] = []
    together = threading.Barrier(2, timeout=DEADLINE_S)

    def work() -> None:
        together.wait()
        found.append(threading.current_thread().name)

    for _ in range(4):
        threads.put(Job(work))
    stopped = threads.stop()
    for thread in stopped:
        thread.join()
    assert len(stopped) == 2
    assert sorted(found) == ["some-1", "some-1", "some-2", "some-2"]


def test_after_a_stop_new_ones_start() -> None:
    threads = Threads("some")
    done = threading.Event()
    assert threads.stop() == []
    threads.put(Job(done.set))
    assert done.wait(DEADLINE_S)
    for thread in threads.stop():
        thread.join()


def test_a_child_after_a_fork_starts_its_own() -> None:
    threads = Threads("some")
    first, second = threading.Event(), threading.Event()
    threads.put(Job(first.set))
    assert first.wait(DEADLINE_S)
    mine = threads._started
    crew = threads._crew
    threads.forget()
    threads.put(Job(second.set))
    assert second.wait(DEADLINE_S)
    assert threads._started != mine
    crew.jobs.append(None)
    crew.wake()
    for thread in [*mine, *threads.stop()]:
        thread.join()


def test_the_programs_end_waits_for_jobs_and_not_for_idle_threads() -> None:
    code = (
        "import time\n"
        "from penstock.bridge.threads import Threads\n"
        "class Job:\n"
        "    def run(self): time.sleep(0.05); print('done', flush=True)\n"
        "idle, busy = Threads('idle'), Threads('busy')\n"
        "for each in idle, busy: each.put(Job())\n"
        "busy.put(Job())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    # Two threads may write their line ends after both words
    assert (ended.stdout.count("done"), ended.stderr) == (3, "")
