"""tests/conftest.py: what a test leaves behind makes it fail; a missing program skips it, or fails it in CI."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import ROOT

OFFENDERS = """
import asyncio, os, socket, subprocess, threading, time
import pytest

kept = []

def test_nothing(leg, free_port):
    assert leg in {"pure", "compiled"} and 0 < free_port < 65536

def test_thread():
    threading.Thread(target=time.sleep, args=(4,), daemon=True).start()

def test_thread_that_ends_soon():
    threading.Thread(target=time.sleep, args=(0.05,)).start()

def test_child():
    kept.append(subprocess.Popen(["sleep", "4"]))

def test_descriptor():
    kept.append(os.open(os.devnull, os.O_RDONLY))

def test_forgotten_socket():
    cycle = [socket.socket()]
    cycle.append(cycle)

async def spawn():
    kept.append(asyncio.create_task(asyncio.sleep(60)))

def test_task():
    asyncio.run(spawn())

@pytest.mark.leaves_tasks("this is about tasks that are left")
def test_task_allowed():
    asyncio.run(spawn())

@pytest.mark.requires_program("a-program-that-nobody-has")
def test_program():
    pass
"""

ALWAYS = {
    "test_nothing": "PASSED",
    "test_thread": "ERROR",
    "test_thread_that_ends_soon": "PASSED",
    "test_child": "ERROR",
    "test_descriptor": "ERROR",
    "test_forgotten_socket": "ERROR",
    "test_task": "ERROR",
    "test_task_allowed": "PASSED",
}


@pytest.mark.slow
@pytest.mark.parametrize("ci, program", [("false", "SKIPPED"), ("true", "ERROR")])
def test_offenders_are_seen(tmp_path: Path, ci: str, program: str) -> None:
    """One offender of each kind, in a session of its own."""
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    (tmp_path / "test_offenders.py").write_text(OFFENDERS)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-v",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "-c",
            ROOT / "pyproject.toml",
            "--rootdir",
            tmp_path,
            tmp_path,
        ],
        cwd=tmp_path,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    # A test whose teardown fails is listed twice; the last word counts.
    verdicts = dict(re.findall(r"::(test_\w+) (PASSED|SKIPPED|ERROR|FAILED)", done.stdout))
    assert verdicts == {**ALWAYS, "test_program": program}, done.stdout
    for what in ("a thread:", "a child process:", "an open descriptor:", "a task still pending"):
        assert what in done.stdout
