"""Where a process stands, told from outside: threads, tasks and requests, or what keeps it from telling."""

import asyncio
import os
import signal
import subprocess
import sys

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


def told(body: str, limit_s: float = 20.0) -> str:
    report = Report(new_report())
    child = started(report, body)
    try:
        return asyncio.run(report.ask(child.pid, limit_s))
    finally:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()
        report.close()


@pytest.mark.slow
@pytest.mark.parametrize("body", ["await task", "__import__('time').sleep(60)", "while True: pass"])
def test_a_process_whose_interpreter_runs_tells_threads_tasks_and_requests(body: str) -> None:
    text = told(body)
    assert "most recent call first" in text
    assert " main\n" in text
    assert "Requests under way:\n  GET /it, 1.0 s, waits\n" in text
    assert "the-task: " in text
    assert stacks.END not in text


@pytest.mark.slow
def test_one_that_hangs_in_c_tells_its_threads() -> None:
    """A child that is asked before it has got there can still answer: then the next one is asked."""
    silent = "Tasks and requests cannot be told: the interpreter does not run."
    texts = []
    while len(texts) < 10 and not any(silent in text for text in texts):
        texts.append(told("sum(range(10**12))", limit_s=0.5))
    assert "in main" in texts[-1]
    assert silent in texts[-1]


@pytest.mark.slow
def test_one_that_is_stopped_tells_nothing_and_that_is_said() -> None:
    report = Report(new_report())
    child = started(report, "await task")
    os.kill(child.pid, signal.SIGSTOP)
    text = asyncio.run(report.ask(child.pid, 0.1))
    child.kill()
    child.wait()
    assert child.stdout is not None
    child.stdout.close()
    report.close()
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
