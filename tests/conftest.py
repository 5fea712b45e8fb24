"""What holds for every test: it leaves nothing behind, it knows its leg, and it says which programs it needs.

After each test there must be no more threads, child processes, open descriptors and pending tasks than before it. A warning,
also of a socket that nobody closed, is an error (pyproject.toml).
"""

import asyncio
import gc
import logging
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import penstock._leg

CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
# What is on its way out gets this long (descriptors too: a library's own thread may close them); what is still there was forgotten.
GRACE_S = 2.0

# The machine is shared and slow at times: an example's duration says nothing. In CI a failure must be the same for everybody.
settings.register_profile(
    "suite",
    deadline=None,
    max_examples=int(os.environ.get("PENSTOCK_TEST_EXAMPLES", "100")),
    derandomize=CI,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("suite")


def pytest_sessionstart() -> None:
    """Refuse to test another leg than the one that was asked for in PENSTOCK_LEG.

    Under nohup everything that is started would ignore SIGHUP, and rightly so: not here.
    """
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    asked, found = os.environ.get("PENSTOCK_LEG"), penstock._leg.leg()
    if asked and asked != found:
        raise pytest.UsageError(
            f"PENSTOCK_LEG={asked}, but `import penstock` gives the {found} leg from {Path(penstock.__file__).parent}"
        )


def pytest_collection() -> None:
    """Ten thousand tests are collected in two thirds of the time if nobody looks for garbage among them, then or later."""
    gc.disable()


def pytest_collection_finish() -> None:
    """From here on, what a test forgets is found as ever."""
    gc.freeze()
    gc.enable()


def pytest_report_header() -> str:
    """Say at the top what is being tested."""
    return f"penstock: {penstock._leg.leg()} leg, from {Path(penstock.__file__).parent}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs are missing, or fail it where nothing may be missing."""
    needed = [name for mark in item.iter_markers("requires_program") for name in mark.args]
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        text = f"needs {', '.join(missing)}; tools/debian-packages installs what the tests need"
        (pytest.fail if CI else pytest.skip)(text)


@pytest.fixture(autouse=True)
def loggers_as_they_were() -> Iterator[None]:
    """What a test configures of Penstock's loggers ends with it: the next one may read their records."""
    loggers = [
        logging.getLogger(name) for name in ("penstock", "penstock.error", "penstock.access")
    ]
    before = [(list(each.handlers), each.level, each.propagate, each.disabled) for each in loggers]
    yield
    for each, (handlers, level, propagate, disabled) in zip(loggers, before, strict=True):
        each.handlers[:] = handlers
        each.setLevel(level)
        each.propagate = propagate
        each.disabled = disabled


@pytest.fixture
def leg() -> str:
    """The leg under test: `compiled` or `pure`."""
    return penstock._leg.leg()


@pytest.fixture
def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago. Where the server can say its port, start it on port 0 instead."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(autouse=True)
def _nothing_left_behind(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    pending: list[str] = []
    if request.node.get_closest_marker("leaves_tasks") is None:
        _watch_pending_tasks(monkeypatch, pending)
    threads, children, descriptors = set(threading.enumerate()), _children(), _open_numbers()
    yield
    complaints = [f"a task still pending at the end of its loop: {task}" for task in pending]
    new_threads = _settled(lambda: set(threading.enumerate()) - threads)
    complaints += [f"a thread: {thread!r}" for thread in new_threads]
    new_children = _settled(lambda: _children() - children)
    complaints += [f"a child process: {_command(pid)}" for pid in new_children]
    if _open_numbers() - descriptors:
        gc.collect()  # a forgotten socket is closed here, with the ResourceWarning that fails the test
        new = _settled(lambda: _open_numbers() - descriptors)
        complaints += [f"an open descriptor: {_leads_to(fd)}" for fd in sorted(new)]
    if complaints:
        pytest.fail("the test left behind\n  " + "\n  ".join(complaints), pytrace=False)


def _watch_pending_tasks(monkeypatch: pytest.MonkeyPatch, pending: list[str]) -> None:
    """Note the tasks that a loop's runner has to cancel, because nobody awaited or cancelled them before."""
    original: Callable[[asyncio.AbstractEventLoop], None] = asyncio.runners._cancel_all_tasks  # type: ignore[attr-defined]

    def cancel_all(loop: asyncio.AbstractEventLoop) -> None:
        pending.extend(repr(task) for task in asyncio.all_tasks(loop))
        original(loop)

    monkeypatch.setattr(asyncio.runners, "_cancel_all_tasks", cancel_all)


def _settled(look: Callable[[], set[Any]]) -> set[Any]:
    """What is seen once nothing is left, or at the end of the grace."""
    deadline = time.monotonic() + GRACE_S
    while (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return seen


def _children() -> set[int]:
    """The process ids of this process's children, zombies excepted; empty where /proc does not list them."""
    found: set[int] = set()
    for listing in Path("/proc/self/task").glob("*/children"):
        try:
            found.update(map(int, listing.read_text().split()))
        except OSError:  # the thread ended meanwhile
            continue
    return {pid for pid in found if _state(pid) not in {"", "Z"}}


def _state(pid: int) -> str:
    """The letter of a process's state, empty if there is no such process. (In the midst of exec its command is empty.)"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        words = b""
    return f"{pid} {words.decode(errors='replace')}"


def _open_numbers() -> set[int]:
    """Open descriptors; empty where there is no /proc."""
    try:
        listed = os.listdir("/proc/self/fd")
    except OSError:
        return set()
    found = set()
    for number in map(int, listed):
        try:
            os.fstat(number)
        except OSError:  # that of the listing itself
            continue
        found.add(number)
    return found


def _leads_to(number: int) -> str:
    try:
        return f"{number} -> {os.readlink(f'/proc/self/fd/{number}')}"
    except OSError:
        return str(number)
