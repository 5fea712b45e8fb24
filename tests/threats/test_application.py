"""Faults of applications that the server stands up to (threats A01 to A16; WSGI's A13 is tested with WSGI).

Most rows are rules of ASGI too and are tried in tests/asgi, where the tests name them; here stands what only a threat asks for.
"""

import asyncio
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.asgi_app import Call, Probe
from tests.loops import NewLoop, each_loop
from tests.sockets import open_descriptors, serving


@each_loop
def test_a_caught_refusal_leaves_no_byte_a01(new_loop: NewLoop) -> None:
    """An application that tries a hundred evil headers sends none of them."""

    async def handler(call: Call) -> None:
        for number in range(256):
            value = b"v%c\nx-evil: 1" % number
            message = {"type": "http.response.start", "status": 200, "headers": [(b"x", value)]}
            assert await call.raised_by(message) is not None
            name = b"x%c: " % number
            message = {"type": "http.response.start", "status": 200, "headers": [(name, b"v")]}
            assert await call.raised_by(message) is not None
        await call.answer()

    with serving(Probe(handler), new_loop) as served, served.client() as client:
        response = client.get()
        assert {name for name, _ in response.headers} == {"content-length", "date", "server"}


@each_loop
def test_two_lies_about_lengths_on_one_connection_a02_a03(new_loop: NewLoop) -> None:
    """What a pipelining client reads is never taken for the next response."""

    async def handler(call: Call) -> None:
        await call.start(200, [(b"content-length", b"5")])
        try:
            await call.write(b"12345HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", more=False)
        finally:
            call.note("raised")

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        client.ask()
        client.ask()
        client.head()
        assert client.rest() == b"12345"
    assert len(probe.calls) == 1


@each_loop
def test_no_trace_reaches_the_client_a04(new_loop: NewLoop) -> None:
    """Neither class nor text nor file of the exception."""

    async def handler(call: Call) -> None:
        raise ValueError("the password is 1234")

    with serving(Probe(handler), new_loop) as served, served.client() as client:
        response = client.get()
        everything = response.head + response.body
        assert response.status == 500
        for word in (b"ValueError", b"password", b".py", b"Traceback"):
            assert word not in everything


@each_loop
def test_a_client_that_leaves_a_stream_floods_no_log_a11(
    new_loop: NewLoop, caplog: pytest.LogCaptureFixture
) -> None:
    """An application that catches the OSError and goes on sends nothing and logs nothing."""

    async def handler(call: Call) -> None:
        await call.start()
        errors = 0
        while errors < 1000:
            try:
                await call.write(b"x" * 1000)
            except OSError:
                errors += 1

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        client.ask()
        client.head()
        client.reset()
        probe.call().wait()
        served.until(lambda: not served.worker.connections and not served.worker.running)
    assert [
        each
        for each in caplog.records
        if each.levelno >= logging.WARNING and "without a whole" not in each.getMessage()
    ] == []


@each_loop
def test_a_fifo_without_a_writer_holds_nobody_a12(new_loop: NewLoop, tmp_path: Path) -> None:
    """Opening it would wait for ever; it is refused at once."""
    os.mkfifo(tmp_path / "fifo")

    async def handler(call: Call) -> None:
        await call.start()
        await call.send({"type": "http.response.pathsend", "path": str(tmp_path / "fifo")})

    with serving(Probe(handler), new_loop) as served, served.client() as client:
        before = time.monotonic()
        assert client.get().status == 500
        assert time.monotonic() - before < 1


@each_loop
def test_a_stop_during_a_blocked_loop_works_once_it_turns_again_a15(new_loop: NewLoop) -> None:
    """time.sleep in a coroutine holds its worker; the stop that was asked for meanwhile is not lost."""

    async def handler(call: Call) -> None:
        call.note("blocked")
        stopping.wait(10)
        await call.answer(b"late")

    stopping = threading.Event()
    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        client.ask()
        probe.call().noted("blocked")
        served.server.should_exit = True
        stopping.set()
        assert client.response().body == b"late"
        served.stop()
        assert client.closed()


@pytest.mark.leaves_tasks("it is about an application that cannot be ended")
@each_loop
def test_cancellation_that_is_swallowed_ends_the_shutdown_all_the_same_a16(
    new_loop: NewLoop,
) -> None:
    """The application catches CancelledError and goes on: the server says so and ends."""

    async def handler(call: Call) -> None:
        call.note("in")
        for _ in range(2):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                call.note("swallowed")
        await call.answer()

    probe = Probe(handler)
    before = time.monotonic()
    with (
        serving(probe, new_loop, timeout_graceful_shutdown=0.2) as served,
        served.client() as client,
    ):
        client.ask()
        probe.call().noted("in")
        served.stop()
        assert client.closed()
    assert time.monotonic() - before < 5
    assert "swallowed" in probe.calls[0].notes


@each_loop
def test_two_thousand_broken_connections_leave_nothing_v10(new_loop: NewLoop) -> None:
    """Each with an error in it: no connection, task, count or descriptor stays behind, and little memory."""
    kinds: list[Any] = [
        b"",
        b"G",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /raise HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ]

    async def handler(call: Call) -> None:
        probe.calls.clear()
        await call.body()
        if call.scope["path"] == "/raise":
            raise RuntimeError
        if call.scope["path"] == "/stream":
            await call.start()
            while True:
                await call.write(b"x" * 10_000)
        await call.answer()

    def break_one(number: int) -> None:
        client = served.client()
        data = kinds[number % len(kinds)]
        if data:
            client.send(data)
        if number % 3:
            client.reset()
        else:
            client.sock.close()

    def rest() -> None:
        served.until(
            lambda: (
                not served.worker.connections
                and not served.worker.running
                and not served.server.runtime.tasks
            )
        )

    probe = Probe(handler)
    logging.disable(logging.CRITICAL)
    try:
        with serving(probe, new_loop, timeout_undrained=0.2) as served:
            for number in range(200):
                break_one(number)
            rest()
            descriptors = served.on_loop(open_descriptors)
            memory = resident_bytes()
            for number in range(1000):
                break_one(number)
            rest()
            assert served.on_loop(open_descriptors) <= descriptors
            assert resident_bytes() - memory < 8 << 20
            with served.client() as client:
                assert client.get().status == 200
    finally:
        logging.disable(logging.NOTSET)


def resident_bytes() -> int:
    """How much memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
