"""What holds the thread is seen, with its line; what does not is left alone."""

import asyncio
import inspect
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from penstock.doctor.watch import Held, Overdue, Watch
from penstock.transport.watchdog import Sample

LIMIT_S = 0.02
HELD_S = 0.08


def seen(function: Callable[[], Awaitable[None]], deadline_s: float = 20) -> list[Held]:
    """What is found while `function` runs on a watched loop."""
    with Watch(LIMIT_S, deadline_s) as watch:
        loop = watch.new_loop()
        try:
            watch.request = "GET /x"
            loop.run_until_complete(function())
        finally:
            watch.end()
            loop.close()
    return watch.found


def line_of(function: Any, words: str) -> int:
    """The line of `function` that has `words`."""
    lines, first = inspect.getsourcelines(function)
    return first + next(number for number, text in enumerate(lines) if words in text)


async def sleeps() -> None:
    time.sleep(HELD_S)


async def computes() -> None:
    end = time.thread_time() + HELD_S
    while time.thread_time() < end:
        pass


def test_a_sleep_is_found_with_its_line() -> None:
    held = next(each for each in seen(sleeps) if each.seconds)
    assert (held.call.file, held.call.line) == (__file__, line_of(sleeps, "time.sleep"))
    assert (held.call.function, held.computed, held.request) == ("sleeps", False, "GET /x")
    assert held.source == "time.sleep(HELD_S)"
    assert "asyncio.sleep()" in held.advice


def test_a_cpu_loop_is_found_with_its_line_and_told_as_such() -> None:
    held = next(each for each in seen(computes) if each.seconds)
    first = line_of(computes, "while")
    assert held.call.file == __file__
    assert held.call.line in {first, first + 1}
    assert held.computed
    assert "it computes" in held.advice


async def asks_blocking() -> None:
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open("http://127.0.0.1:9/")
    except urllib.error.URLError:
        pass


async def queries() -> None:
    connection = sqlite3.connect(":memory:")
    await asyncio.sleep(0)
    connection.execute("select 1")
    connection.close()


async def runs_program() -> None:
    subprocess.run([sys.executable, "--version"], check=True, capture_output=True)


async def resolves() -> None:
    socket.getaddrinfo("localhost", 80)


@pytest.mark.parametrize(
    "function, line, what",
    [
        (asks_blocking, ".open(", "a blocking connection to 127.0.0.1:9"),
        (queries, "sqlite3.connect", "sqlite3.connect(':memory:')"),
        (queries, "select 1", "a query of SQLite (select …)"),
        (runs_program, "subprocess.run", "subprocess.run()"),
        (resolves, "getaddrinfo", "a look-up of the name localhost"),
    ],
)
def test_what_blocks_is_found_however_quick_it_was(function: Any, line: str, what: str) -> None:
    found = [each for each in seen(function) if each.what == what]
    assert found
    assert {(each.call.file, each.call.line) for each in found} == {
        (__file__, line_of(function, line))
    }


@pytest.mark.skipif(sys.version_info < (3, 13), reason="time.sleep has no audit event before 3.13")
def test_a_short_sleep_is_found_too() -> None:
    async def naps() -> None:
        time.sleep(0.0001)

    (held,) = seen(naps)
    assert held.what == "time.sleep(0.0001)"


def test_what_is_right_is_not_blamed() -> None:
    async def right() -> None:
        await asyncio.sleep(HELD_S)
        await asyncio.to_thread(time.sleep, HELD_S)
        connection = await asyncio.to_thread(sqlite3.connect, ":memory:", check_same_thread=False)
        await asyncio.to_thread(connection.execute, "select 1")
        connection.close()
        program = await asyncio.create_subprocess_exec(sys.executable, "--version", stdout=-3)
        await program.wait()
        await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)
        time.sleep(0)
        left, right = socket.socketpair()
        left.close()
        right.close()
        with socket.socket() as listening, socket.socket() as client:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, listening.getsockname())

    # A machine without CPU can make any line slow once, so only what is known to block is looked at
    assert [each for each in seen(right) if each.what] == []


def test_a_thread_that_computes_is_not_the_loops_fault() -> None:
    def compute() -> None:
        end = time.thread_time() + HELD_S
        while time.thread_time() < end:
            pass

    async def right() -> None:
        await asyncio.to_thread(compute)

    assert [each for each in seen(right) if each.call.file == __file__] == []


def test_a_call_that_does_not_come_back_is_ended() -> None:
    async def never() -> None:
        time.sleep(1000)

    with pytest.raises(Overdue):
        seen(never, 0.1)


def test_an_application_that_catches_everything_is_ended_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("penstock.doctor.watch.AGAIN_S", 0.05)
    caught = []

    async def stubborn() -> None:
        for _ in range(2):
            try:
                time.sleep(1000)
            except BaseException as error:
                caught.append(error)

    seen(stubborn, 0.1)
    assert [type(each) for each in caught] == [Overdue, Overdue]


def test_the_signal_is_given_back() -> None:
    import signal

    before = signal.getsignal(signal.SIGVTALRM)
    seen(sleeps)
    assert signal.getsignal(signal.SIGVTALRM) is before


class Scripted(Watch):
    """With stacks and samples of the test's."""

    def judged(self, before: Sample, after: Sample, files: list[str]) -> list[Held]:
        from penstock.transport.stall import Call

        self._blame(before, after, [[Call(file, 1, "f")] for file in files])
        return self.found


@pytest.mark.parametrize(
    "cpu, process_cpu, files, found",
    [
        (1.0, 1.0, ["/a.py"] * 10, True),
        (0.0, 0.0, ["/a.py"] * 10, True),
        (0.0, 0.9, ["/a.py"] * 10, False),  # another thread had the interpreter
        (1.0, 1.0, [f"/{number}.py" for number in range(10)], False),  # no one place
        (1.0, 1.0, [], False),
    ],
)
def test_blame_needs_one_place_and_this_thread(
    cpu: float, process_cpu: float, files: list[str], found: bool
) -> None:
    before, after = Sample(0, 0, 0, 0), Sample(1.0, cpu, 0, process_cpu)
    assert bool(Scripted(LIMIT_S, 1).judged(before, after, files)) is found


def test_what_it_waited_for_a_processor_does_not_count() -> None:
    before, after = Sample(0, 0, 0, 0), Sample(1.0, 0.25, 0.75, 0.25)
    (held,) = Scripted(LIMIT_S, 1).judged(before, after, ["/a.py"])
    assert held.seconds == 0.25


def test_nothing_is_heard_when_nobody_watches() -> None:
    with Watch(LIMIT_S, 1) as watch:
        pass
    os.system("true")
    time.sleep(0.001)
    assert watch.found == []
