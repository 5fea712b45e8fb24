"""The first signal asks, the second cuts, the third ends; nothing outlives the shutdown's limit."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import DEADLINE_S, ENVIRON, Process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
@pytest.mark.parametrize("loop", ["asyncio", "auto"])
def test_a_signal_ends_it_well_with_status_0_v03(
    start: Callable[..., Process], number: signal.Signals, loop: str
) -> None:
    with start("trial:app", "--port", "0", "--loop", loop, SLOW_SHUTDOWN="1") as process:
        process.port  # it runs
        process.send(number)
        assert process.wait()[0] == 0
        process.until("app: shutdown")
        assert f"{number.name}: shutting down" in process.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("path", ["/stuck", "/stubborn", "/blocked", "/spinning"])
def test_a_second_signal_really_ends_it_v03(
    start: Callable[..., Process], number: signal.Signals, path: str
) -> None:
    with start("trial:app", "--port", "0") as process, process.ask(path):
        process.until(f"app: {path}")
        process.send(number)
        if path in {"/stuck", "/stubborn"}:
            process.until("shutting down")
        else:
            time.sleep(0.2)  # the loop stands still: nothing can tell that the first one came
        process.send(number)
        status, took_s = process.wait()
        assert status == 128 + number
        assert took_s < 5
        process.until("again: ending now")


def test_a_third_signal_ends_it_at_once_v03(start: Callable[..., Process]) -> None:
    with start("trial:app", "--port", "0") as process, process.ask("/spinning"):
        process.until("app: /spinning")
        process.send(signal.SIGTERM)
        time.sleep(0.2)
        process.send(signal.SIGTERM)
        process.until("again: ending now")
        process.send(signal.SIGTERM)
        status, took_s = process.wait()
        assert status == 128 + signal.SIGTERM
        assert took_s < 0.8


@pytest.mark.slow
def test_a_loop_that_stands_still_cannot_outlive_the_shutdown_and_it_says_where_v03(
    start: Callable[..., Process],
) -> None:
    arguments = ("trial:app", "--port", "0", "--timeout-graceful-shutdown", "100ms")
    with start(*arguments) as process, process.ask("/blocked"):
        process.until("app: /blocked")
        process.send(signal.SIGTERM)
        assert process.wait()[0] == 1
        process.until("did not end within")
        process.until("trial.py")


@pytest.mark.slow
def test_a_thread_of_the_application_cannot_outlive_the_shutdown_v03(
    start: Callable[..., Process],
) -> None:
    arguments = ("trial:app", "--port", "0", "--timeout-graceful-shutdown", "100ms")
    with start(*arguments) as process, process.ask("/thread"):
        process.until("app: /thread")
        process.send(signal.SIGTERM)
        process.until("app: shutdown")
        assert process.wait()[0] == 1
        process.until("did not end within")


def test_a_hang_up_says_that_reload_needs_workers_and_changes_nothing(
    start: Callable[..., Process],
) -> None:
    with start("trial:app", "--port", "0") as process:
        process.port  # it runs
        process.send(signal.SIGHUP)
        process.until("reloading needs --workers")
        with process.ask("/") as client:
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
        process.send(signal.SIGTERM)
        assert process.wait()[0] == 0


def test_a_lost_terminal_ends_it_well(start: Callable[..., Process], tmp_path: Path) -> None:
    program = (
        "import os, pty, sys\n"
        "from penstock.cli.main import main\n"
        "sys.exit(main(['trial:app', '--port', '0']))\n"
    )
    controller, terminal = os.openpty()
    log = tmp_path / "log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-c", "import fcntl, os, termios\nos.setsid()\n"
             "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n" + program],
            cwd=tmp_path,
            env=ENVIRON,
            stdin=terminal,
            stdout=output,
            stderr=output,
        )  # fmt: skip
    os.close(terminal)
    try:
        deadline = time.monotonic() + DEADLINE_S
        while b"Running on" not in log.read_bytes() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.close(controller)  # the terminal's window closes: the kernel sends SIGHUP
        assert child.wait(DEADLINE_S) == 0
        assert "app: shutdown" in log.read_text()
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
