"""Where a process stands, told from outside: threads, tasks and requests, or what keeps it from telling."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock.process import stacks
from penstock.process.stacks import Report, new_report, state_of
from tests.command import ENVIRON

PROGRAM = """
import asyncio, os, sys
from penstock.process import stacks
async def waiting():
    await asyncio.Event().wait()
async def main():
    task = asyncio.create_task(waiting(), name="the-task")
    print("ready", flush=True)
    {body}
stacks.install({fd}, lambda: ["GET /it, 1.0 s, waits"])
asyncio.run(main())
"""


def started(report: Report, body: str) -> "subprocess.Popen[bytes]":
    program = PROGRAM.format(fd=report.fd, body=body)
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        env=ENVIRON,
        pass_fds=(report.fd,),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child


@contextmanager
def ended(child: "subprocess.Popen[bytes]", report: Report) -> Iterator["subprocess.Popen[bytes]"]:
    """The child, which ends with the block."""
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()
        report.close()


@pytest.mark.slow
@pytest.mark.parametrize("body", ["await task", "__import__('time').sleep(60)", "while True: pass"])
def test_a_process_whose_interpreter_runs_tells_threads_tasks_and_requests(body: str) -> None:
    report = Report(new_report())
    with ended(started(report, body), report) as child:
        text = asyncio.run(report.ask(child.pid, 20))
    assert "most recent call first" in text
    assert " main\n" in text
    assert "Requests under way:\n  GET /it, 1.0 s, waits\n" in text
    assert "the-task: " in text
    assert stacks.END not in text


def computed_s(pid: int) -> float:
    """Processor time that a process has used in user mode."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
def test_one_that_hangs_in_c_tells_its_threads() -> None:
    report = Report(new_report())
    with ended(started(report, "sum(range(10**12))"), report) as child:
        began = computed_s(child.pid)
        deadline = time.monotonic() + 60
        # It has got there when it has computed: it does nothing else
        while computed_s(child.pid) < began + 0.2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        text = asyncio.run(report.ask(child.pid, 3))
    assert "in main" in text
    assert "Tasks and requests cannot be told: the interpreter does not run." in text


@pytest.mark.slow
def test_one_that_is_stopped_tells_nothing_and_that_is_said() -> None:
    report = Report(new_report())
    with ended(started(report, "await task"), report) as child:
        os.kill(child.pid, signal.SIGSTOP)
        text = asyncio.run(report.ask(child.pid, 0.1))
    assert text == "No stacks: the process does not run (state stopped).\n"


@pytest.mark.slow
def test_what_is_fatal_leaves_its_stacks() -> None:
    report = Report(new_report())
    child = started(report, "__import__('faulthandler')._sigsegv()")
    assert child.wait(20) == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in report.news()
    assert report.news() == ""
    assert child.stdout is not None
    child.stdout.close()
    report.close()


def test_a_process_that_is_gone_is_no_error() -> None:
    report = Report(new_report())
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()
    assert asyncio.run(report.ask(child.pid, 0.1)) == "The process is gone."
    report.close()


def test_the_state_of_a_process_is_told_in_words() -> None:
    assert state_of(os.getpid()) == "running"
    assert state_of(2**30) == "unknown"
