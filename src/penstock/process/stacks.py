"""Where a worker stands, told from outside: also when its loop, or its interpreter, stands still.

A signal makes the worker write into memory that it shares with the supervisor: first the stacks of all
threads, by the interpreter's fault handler, which needs neither the interpreter nor memory; then, if the
interpreter still runs, tasks and requests. What kills a process, such as a segmentation fault, writes
its stacks there, too. The supervisor reads it when it is there and logs it.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

# None that an application would use: the real-time signals are many. (macOS has none.)
EXPLAIN_SIGNAL: int = int(getattr(signal, "SIGRTMIN", signal.SIGUSR2)) + (
    7 if hasattr(signal, "SIGRTMIN") else 0
)
# Written last, so that the reader knows that nothing more comes.
END = "-- end of report\n"
# Of what is reported, as much is read.
REPORT_BYTES_MAX = 128 * 1024
TASKS_MAX = 20
FRAMES_MAX = 8


def new_report() -> int:
    """A descriptor of the shared memory, for one worker."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("penstock-report", os.MFD_CLOEXEC)
    fd, path = tempfile.mkstemp(prefix="penstock-report-")
    os.unlink(path)
    return fd


def install(report: int, requests: Callable[[], Iterable[str]]) -> None:
    """In the worker, on its main thread: write to `report` when asked, or when something fatal
    happens. `requests()`: a line for each request under way."""

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        try:
            text = "".join(f"{line}\n" for line in _explained(requests))
        except Exception as error:  # it looks at things in the midst of their changes
            text = f"Tasks and requests cannot be told: {error!r}\n"
        os.write(report, (text + END).encode("utf-8", "backslashreplace"))

    signal.signal(EXPLAIN_SIGNAL, on_signal)
    signal.siginterrupt(EXPLAIN_SIGNAL, False)
    faulthandler.register(EXPLAIN_SIGNAL, file=report, all_threads=True, chain=True)
    faulthandler.enable(file=report, all_threads=True)


def _explained(requests: Callable[[], Iterable[str]]) -> Iterator[str]:
    yield "Requests under way:"
    yield from (f"  {line}" for line in requests())
    tasks = sorted(_tasks(), key=lambda task: str(task.get_name()))
    yield f"Tasks: {len(tasks)}"
    for task in tasks[:TASKS_MAX]:
        place = " > ".join(_frames(task)) or "running, or done"
        yield f"  {task.get_name()}: {place}"
    if len(tasks) > TASKS_MAX:
        yield f"  and {len(tasks) - TASKS_MAX} more"


def _tasks() -> set[asyncio.Task[Any]]:
    try:
        return asyncio.all_tasks(asyncio.get_running_loop())
    except RuntimeError:
        return set()


def _frames(task: asyncio.Task[Any]) -> list[str]:
    return [
        f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}"
        for frame in task.get_stack(limit=FRAMES_MAX)
    ]


class Report:
    """The supervisor's side: reads what worker `pid` writes into the descriptor `fd`."""

    __slots__ = ("_read_to", "fd")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._read_to = 0

    def news(self) -> str:
        """What was written since the last call."""
        data = os.pread(self.fd, REPORT_BYTES_MAX, self._read_to)
        self._read_to += len(data)
        return data.decode("utf-8", "replace")

    async def ask(self, pid: int, limit_s: float) -> str:
        """Make the process tell where it stands; says what it could not tell within `limit_s`."""
        found = self.news()
        try:
            os.kill(pid, EXPLAIN_SIGNAL)
        except ProcessLookupError:
            return found + "The process is gone."
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit_s
        while END not in found and loop.time() < deadline:
            await asyncio.sleep(0.01)
            found += self.news()
        if END in found:
            return found.replace(END, "")
        if found:
            return found + "Tasks and requests cannot be told: the interpreter does not run.\n"
        return f"No stacks: the process does not run (state {state_of(pid)}).\n"

    def close(self) -> None:
        """Give the memory back."""
        os.close(self.fd)


def state_of(pid: int) -> str:
    """The state of a process in words, as far as the system tells it."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            letter = file.read().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return "unknown"
    words = {
        "T": "stopped",
        "t": "traced",
        "D": "waiting for a device",
        "Z": "ended",
        "R": "running",
    }
    return words.get(letter, letter)


def of_exception(error: BaseException) -> str:
    """The traceback of an exception, as text."""
    return "".join(traceback.format_exception(error))
