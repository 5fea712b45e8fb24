"""Slowness and floods: every wait has an end, every heap a limit (threats S01 to S13 without TLS, L05, L08, P01).

Limits are set small, and each test waits for what must happen, never for time to pass.
"""

import asyncio
import logging
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.asgi_app import Call, Probe, echo
from tests.loops import NewLoop, each_loop
from tests.sockets import DEADLINE_S, Client, serving


def drip(client: Client, data: bytes, pause_s: float = 0.02) -> float:
    """Send byte by byte until the server ends it or all is sent; the seconds it took."""
    began = time.monotonic()
    client.sock.settimeout(pause_s)
    try:
        for byte in data:
            client.send(bytes([byte]))
            try:
                if not client.more():
                    break
                if client.buffer:
                    break
            except TimeoutError:
                pass
    except ConnectionError:
        pass
    finally:
        client.sock.settimeout(DEADLINE_S)
    return time.monotonic() - began


@each_loop
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 1000, id="headers"),
        pytest.param(b"G" + b"E" * 50 + b" /" + b"x" * 5000, id="request line"),
    ],
)
def test_a_head_byte_by_byte_is_ended_from_its_first_byte_s01(
    new_loop: NewLoop, data: bytes
) -> None:
    """408 after the limit, although every byte comes in time."""
    probe = Probe()
    with serving(probe, new_loop, timeout_request_head=0.3) as served, served.client() as client:
        took = drip(client, data)
        assert client.response().status == 408
        assert 0.2 < took < 2
        assert client.closed()
    assert probe.calls == []


@each_loop
def test_the_next_head_on_a_connection_has_the_same_limit_s01(new_loop: NewLoop) -> None:
    """The keep-alive time does not add to it."""
    options = {"timeout_request_head": 0.3, "timeout_keep_alive": 60}
    with serving(Probe(), new_loop, **options) as served, served.client() as client:
        assert client.get().status == 200
        took = drip(client, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000)
        assert client.response().status == 408
        assert took < 2


@each_loop
def test_a_silent_connection_is_closed_s02(new_loop: NewLoop) -> None:
    """Without a word, after the limit of a head."""
    with serving(Probe(), new_loop, timeout_request_head=0.2) as served, served.client() as client:
        began = time.monotonic()
        assert client.closed()
        assert 0.1 < time.monotonic() - began < 2


@each_loop
@pytest.mark.parametrize("framing", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
def test_a_slow_body_is_ended_s03(new_loop: NewLoop, framing: str) -> None:
    """Below the least rate over its window: http.disconnect to the application, 408 to the client."""

    async def handler(call: Call) -> None:
        while (await call.receive())["type"] != "http.disconnect":
            pass
        call.note("disconnect")

    probe = Probe(handler)
    options = {"min_rate": 1000, "timeout_min_rate": 0.3}
    with serving(probe, new_loop, **options) as served, served.client() as client:
        client.ask("/", framing, method="POST")
        drip(client, b"1\r\nx\r\n" * 1000)
        assert client.response().status == 408
        probe.call().noted("disconnect")
        probe.call().wait()


@each_loop
def test_a_body_at_the_least_rate_is_not_ended_s03(new_loop: NewLoop) -> None:
    """Slow, but not too slow; nor one that waits because the application does not read."""

    async def handler(call: Call) -> None:
        if call.scope["path"] == "/later":
            call.note("in")
            await call.told("go")
        await call.answer(b"%d" % len(await call.body()))

    probe = Probe(handler)
    # A sixth of what is sent, so that a machine that stutters is not taken for a slow client.
    options = {"min_rate": 20, "timeout_min_rate": 0.2, "read_buffer": 4096}
    with serving(probe, new_loop, **options) as served, served.client() as client:
        client.ask("/", "Content-Length: 60", method="POST")
        drip(client, b"x" * 60, 0.008)
        assert client.response().body == b"60"
        client.ask("/later", f"Content-Length: {1 << 20}", method="POST")
        probe.call(1).noted("in")
        sent = client.flood(b"x" * 4096, 16384)
        exchange = served.connection().exchange
        served.until(lambda: exchange.buffered > 4096)
        now = served.on_loop(served.loop.time)
        # The sweep looks as if windows had passed: reading is paused, so nobody is too slow.
        for step in range(1, 8):
            served.on_loop(lambda step=step: served.worker.sweep(now + step))
        probe.call(1).tell("go")
        client.send(b"x" * ((1 << 20) - sent))
        assert client.response().body == b"%d" % (1 << 20)


@each_loop
@pytest.mark.parametrize("what", ["stream", "whole", "file", "pipeline"])
def test_a_client_that_does_not_read_is_cut_s04(
    new_loop: NewLoop, what: str, tmp_path: Path
) -> None:
    """send() waits, then raises; the connection is gone after the window, and little was ever held."""
    path = tmp_path / "file"
    path.touch()
    os.truncate(path, 64 << 20)

    async def handler(call: Call) -> None:
        await call.start()
        if what == "file":
            await call.send({"type": "http.response.pathsend", "path": str(path)})
        elif what == "stream":
            try:
                while True:
                    await call.write(b"x" * 65536)
            except OSError:
                call.note("cut")
        else:
            await call.write(b"x" * (64 << 20 if what == "whole" else 1 << 20), more=False)

    probe = Probe(handler)
    options = {"min_rate": 1000, "timeout_min_rate": 0.3}
    with serving(probe, new_loop, **options) as served, served.client(4096) as client:
        for _ in range(60 if what == "pipeline" else 1):
            client.ask()
        probe.call().ended.wait(0)
        served.until(lambda: not served.worker.connections, 3)
        if what == "stream":
            probe.call().noted("cut")
        served.until(lambda: not served.worker.running)


@each_loop
def test_a_client_that_drips_a_body_and_does_not_read_is_cut_s04(new_loop: NewLoop) -> None:
    """Sending at the least rate is no excuse for not reading at it."""

    async def handler(call: Call) -> None:
        reading = asyncio.create_task(call.body())
        await call.start()
        try:
            while True:
                await call.write(b"x" * 65536)
        finally:
            reading.cancel()

    probe = Probe(handler)
    options = {"min_rate": 100, "timeout_min_rate": 0.3}
    with serving(probe, new_loop, **options) as served, served.client(4096) as client:
        client.ask("/", "Transfer-Encoding: chunked", method="POST")
        deadline = time.monotonic() + 3
        try:
            while served.on_loop(lambda: len(served.worker.connections)):
                client.send(b"1\r\nx\r\n" * 20)
                assert time.monotonic() < deadline, "it is held for ever"
        except ConnectionError:
            pass
        served.until(lambda: not served.worker.running)


@each_loop
def test_a_client_that_reads_slowly_but_steadily_is_not_cut_s04(new_loop: NewLoop) -> None:
    """Above the least rate it may take many windows."""
    size = 8 << 20

    async def handler(call: Call) -> None:
        await call.answer(b"x" * size)

    options = {"min_rate": 1000, "timeout_min_rate": 0.1}
    with serving(Probe(handler), new_loop, **options) as served, served.client(65536) as client:
        client.ask()
        client.head()
        left = size - len(client.buffer)
        while left:
            left -= len(client.sock.recv(min(left, 65536)))
            if left % 16 == 0:
                time.sleep(0.004)


@each_loop
def test_an_idle_connection_is_closed_and_a_busy_one_is_not_s05(new_loop: NewLoop) -> None:
    """After the keep-alive time, never while a request is under way."""

    async def handler(call: Call) -> None:
        if call.scope["path"] == "/long":
            call.note("in")
            await call.told("go")
        await call.answer()

    probe = Probe(handler)
    with (
        serving(probe, new_loop, timeout_keep_alive=0.2) as served,
        served.client() as busy,
        served.client() as idle,
    ):
        busy.ask("/long")
        probe.call().noted("in")
        idle.get()
        began = time.monotonic()
        assert idle.closed()
        assert 0.1 < time.monotonic() - began < 2
        probe.call().tell("go")
        assert busy.response().body == b"ok"


@each_loop
def test_many_half_sent_heads_hold_nobody_up_s06(new_loop: NewLoop) -> None:
    """300 of them; a normal request is answered within a second, and each costs under 64 KiB."""
    with serving(Probe(), new_loop) as served:
        with served.client() as client:
            client.get()
        clients = [served.client() for _ in range(10)]
        memory = resident_bytes()
        clients += [served.client() for _ in range(300)]
        for client in clients:
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"a" * 4000)
        with served.client() as other:
            began = time.monotonic()
            assert other.get().status == 200
            assert time.monotonic() - began < 1
        assert resident_bytes() - memory < 300 * 65536
        for client in clients:
            client.sock.close()
        served.until(lambda: not served.worker.connections)


EXHAUST = """
import asyncio, resource, socket, sys
import penstock

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"ok"})

async def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    async with penstock.Server(app, port=0, lifespan="off") as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(usage.ru_utime + usage.ru_stime)

if sys.argv[1] == "uvloop":
    import uvloop
    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main())
else:
    asyncio.run(main())
"""


@each_loop
def test_out_of_descriptors_it_waits_and_goes_on_s07(new_loop: NewLoop) -> None:
    """200 connects at a limit of 64: no exit, no spinning, and all who stay are served in the end."""
    name = "uvloop" if "uvloop" in new_loop.__module__ else "asyncio"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, "-c", EXHAUST, name],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    clients = []
    try:
        port = int(process.stdout.readline())
        clients = [Client(socket.create_connection(("127.0.0.1", port), 10)) for _ in range(200)]
        for client in clients:
            client.ask("/", "Connection: close")
        for client in clients:
            assert client.response().body == b"ok"
        output, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert float(output) < 5
        assert errors.count(b"cannot be accepted") <= 10
    finally:
        for client in clients:
            client.sock.close()
        process.kill()
        process.communicate()


@each_loop
def test_connect_and_reset_at_once_s08(new_loop: NewLoop, caplog: pytest.LogCaptureFixture) -> None:
    """500 of them: nothing above debug in the log, and the accept loop lives."""
    caplog.set_level(logging.INFO)
    with serving(Probe(), new_loop) as served:
        for _ in range(500):
            served.client().reset()
        with served.client() as client:
            assert client.get().status == 200
        served.until(lambda: not served.worker.connections)
    assert [each.getMessage() for each in caplog.records if each.name == "penstock.error"] == []


@each_loop
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused_s09(new_loop: NewLoop, chunked: bool) -> None:
    """At its header before the application is called, or at the chunk that passes it; 413 and close."""

    async def handler(call: Call) -> None:
        while (await call.receive())["type"] != "http.disconnect":
            pass
        call.note("disconnect")

    probe = Probe(handler)
    with serving(probe, new_loop, limit_request_body=1000) as served, served.client() as client:
        if chunked:
            client.ask("/", "Transfer-Encoding: chunked", method="POST")
            client.send(b"3E8\r\n" + b"x" * 1000 + b"\r\n")
            probe.call()
            client.send(b"1\r\nx\r\n0\r\n\r\n")
            assert client.response().status == 413
            probe.call().noted("disconnect")
        else:
            client.ask("/", "Content-Length: 1001", "Expect: 100-continue", method="POST")
            assert client.response().status == 413
        assert client.closed()
    assert len(probe.calls) == chunked


def test_a_body_at_the_limit_is_taken_s09() -> None:
    """The limit itself is allowed."""
    with serving(Probe(echo), limit_request_body=1000) as served, served.client() as client:
        assert client.get(method="POST", body=b"x" * 1000).body == b"x" * 1000
        client.ask("/", "Transfer-Encoding: chunked", method="POST")
        client.send((b"1f4\r\n" + b"x" * 500 + b"\r\n") * 2 + b"0\r\n\r\n")
        assert client.response().body == b"x" * 1000


# ----------------------------------------------------------------------------------------- Expect (S10)


def expecting(
    client: Client, *headers: str, version: str = "1.1", value: str = "100-continue"
) -> None:
    client.ask(
        "/", f"Expect: {value}", "Content-Length: 4", *headers, method="POST", version=version
    )


@each_loop
@pytest.mark.parametrize("later", [False, True])
def test_an_answer_without_reading_ends_the_connection_s10(new_loop: NewLoop, later: bool) -> None:
    """No 100 after it, `connection: close`, and the end at once: nobody can tell whether a body follows."""

    async def handler(call: Call) -> None:
        if later:
            await asyncio.sleep(0)
        await call.answer(b"no", 403)

    with serving(Probe(handler), new_loop) as served, served.client() as client:
        expecting(client)
        response = client.response()
        assert (response.status, response.get("connection")) == (403, "close")
        assert response.informational == []
        began = time.monotonic()
        assert client.closed()
        assert time.monotonic() - began < 1


def test_a_body_sent_without_waiting_needs_no_100_to_be_read_s10() -> None:
    """The client did not wait; whether a 100 comes or not, body and next request are right."""
    with serving(Probe(echo)) as served, served.client() as client:
        client.send(
            b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody"
            b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        assert client.response().body == b"body"
        assert client.response().body == b""


def test_a_body_sent_at_once_and_not_read_is_no_request_s10() -> None:
    """The application answers without reading; the bytes are a body, and are never served."""
    probe = Probe(lambda call: call.answer(b"no", 403))
    with serving(probe) as served, served.client() as client:
        inner = b"GET /evil HTTP/1.1\r\nHost: x\r\n\r\n"
        client.send(
            b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
            % len(inner)
        )
        assert client.response().status == 403
        client.send(inner)
        assert client.closed()
    assert len(probe.calls) == 1


@pytest.mark.parametrize("value", ["200-ok", "100-continue, x", "x=100-continue", "100-continuex"])
def test_an_unknown_expectation_is_417_s10(value: str) -> None:
    """The application is not called."""
    probe = Probe()
    with serving(probe) as served, served.client() as client:
        expecting(client, value=value)
        assert client.response().status == 417
        assert client.closed()
    assert probe.calls == []


def test_an_expectation_of_an_old_client_is_ignored_s10() -> None:
    """HTTP/1.0 knows no 100."""
    with serving(Probe(echo)) as served, served.client() as client:
        expecting(client, version="1.0")
        client.send(b"body")
        assert client.rest().startswith(b"HTTP/1.1 200")


def test_no_100_follows_the_response_s10() -> None:
    """The application answers first and asks for the body afterwards."""

    async def handler(call: Call) -> None:
        await call.answer(b"early")
        call.note((await call.receive())["type"])

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        expecting(client)
        assert client.response().body == b"early"
        assert client.closed()
    assert probe.call().wait().notes == ["http.disconnect"]


def test_no_100_in_the_middle_of_the_response_s10() -> None:
    """The head has left before the application asks for the body: a 100 would be taken for a response."""

    async def handler(call: Call) -> None:
        await call.start()
        await call.write(b"part")
        call.note("asked")
        body = await call.body()
        await call.write(body, more=False)

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        expecting(client)
        client.head()
        assert client.chunk() == b"part"
        probe.call().noted("asked")
        client.send(b"body")
        assert client.chunk() == b"body"
        assert client.chunk() == b""


# ------------------------------------------------------------------------------- undrained bodies (L08)


@each_loop
@pytest.mark.parametrize("later", [False, True])
def test_a_rest_that_does_not_come_ends_the_connection_l08(new_loop: NewLoop, later: bool) -> None:
    """After an early answer the body has a time limit of its own."""

    async def handler(call: Call) -> None:
        if later:
            await asyncio.sleep(0)
        await call.answer(b"early")

    with (
        serving(Probe(handler), new_loop, timeout_undrained=0.2) as served,
        served.client() as client,
    ):
        began = time.monotonic()
        client.ask("/", "Content-Length: 1000", method="POST")
        assert client.response().body == b"early"
        assert client.closed()
        assert 0.1 < time.monotonic() - began < 2
        served.until(lambda: not served.worker.connections, 3)


@each_loop
@pytest.mark.parametrize("framing", ["Content-Length: 100000000", "Transfer-Encoding: chunked"])
def test_a_rest_that_is_too_large_ends_the_connection_l08(new_loop: NewLoop, framing: str) -> None:
    """The answer arrives although the client goes on sending, and little of that is taken."""
    probe = Probe(lambda call: call.answer(b"early", 413))
    with serving(probe, new_loop, limit_undrained_body=65536) as served, served.client() as client:
        client.ask("/", framing, method="POST")
        response = client.response()
        assert (response.status, response.body) == (413, b"early")
        piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        try:
            sent = client.flood(piece, 100_000_000)
        except ConnectionError:
            sent = 0
        assert sent < 50_000_000
        served.until(lambda: not served.worker.connections, 8)


# ------------------------------------------------------------------------------------- floods (S11, S12)


@each_loop
def test_what_waits_for_a_slot_and_leaves_is_never_started_s11(new_loop: NewLoop) -> None:
    """Reset while queued: no call, and the counters are back to nothing."""

    async def handler(call: Call) -> None:
        call.note("in")
        await call.told("go")
        await call.answer()

    probe = Probe(handler)
    options = {"limit_concurrency": 1, "timeout_queue": 30}
    with serving(probe, new_loop, **options) as served, served.client() as first:
        first.ask()
        probe.call().noted("in")
        others = [served.client() for _ in range(20)]
        for other in others:
            other.ask("/queued")
        admission = served.worker.admission
        served.until(lambda: admission.waiting == 20)
        for other in others:
            other.reset()
        served.until(lambda: admission.waiting == 0 and len(served.worker.connections) == 1)
        probe.call().tell("go")
        assert first.response().body == b"ok"
        served.until(lambda: admission.running == 0)
    assert len(probe.calls) == 1


@each_loop
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_beyond_the_limit_a_request_waits_then_gets_503_s12(new_loop: NewLoop, method: str) -> None:
    """With Retry-After; its connection stays in step and is served once there is room."""

    async def handler(call: Call) -> None:
        if call.scope["path"] == "/hold":
            call.note("in")
            await call.told("go")
        await call.answer(await call.body())

    probe = Probe(handler)
    options = {"limit_concurrency": 1, "timeout_queue": 0.1}
    with (
        serving(probe, new_loop, **options) as served,
        served.client() as first,
        served.client() as second,
    ):
        first.ask("/hold")
        probe.call().noted("in")
        body = b"body" if method == "POST" else None
        for _ in range(2):
            response = second.get(method=method, body=body)
            assert (response.status, response.get("retry-after")) == (503, "1")
        assert second.buffer == b""
        second.ask("/", method=method, body=body)
        probe.call().tell("go")
        first.response()
        assert second.response(head_only=method == "HEAD").status == 200
    assert len(probe.calls) == 2


@each_loop
def test_a_full_queue_refuses_at_once_s12(new_loop: NewLoop) -> None:
    """No wait for those whom the queue has no room for."""

    async def handler(call: Call) -> None:
        call.note("in")
        await call.told("go")
        await call.answer()

    probe = Probe(handler)
    options = {"limit_concurrency": 1, "limit_queue": 1, "timeout_queue": 60}
    with serving(probe, new_loop, **options) as served, served.client() as running:
        running.ask()
        probe.call().noted("in")
        with served.client() as waiting, served.client() as refused:
            waiting.ask()
            served.until(lambda: served.worker.admission.waiting == 1)
            for method in ("GET", "HEAD"):
                assert refused.get(method=method).status == 503
            refused.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
            for _ in range(3):
                assert refused.response().status == 503
            probe.call().tell("go")
            assert running.response().body == b"ok"
            probe.call(1).tell("go")
            assert waiting.response().body == b"ok"


@each_loop
@pytest.mark.parametrize("expect", [False, True])
def test_a_503_in_the_midst_of_a_body_ends_the_connection_s12(
    new_loop: NewLoop, expect: bool
) -> None:
    """At once refused or after its wait; the rest of the body is never taken for a request."""

    async def handler(call: Call) -> None:
        call.note("in")
        await call.told("go")
        await call.answer()

    probe = Probe(handler)
    for queue in (0, 5):
        options = {"limit_concurrency": 1, "limit_queue": queue, "timeout_queue": 0.1}
        with (
            serving(probe, new_loop, timeout_undrained=0.3, **options) as served,
            served.client() as first,
            served.client() as second,
        ):
            first.ask()
            probe.call(1 if queue else 0).noted("in")
            second.ask(
                "/",
                "Content-Length: 100",
                *(["Expect: 100-continue"] if expect else []),
                method="POST",
            )
            response = second.response()
            assert (response.status, response.get("connection")) == (503, "close")
            began = time.monotonic()
            assert second.closed()
            assert time.monotonic() - began < 2
            probe.call(1 if queue else 0).tell("go")
            first.response()
    assert len(probe.calls) == 2


@each_loop
def test_beyond_the_limit_of_connections_a_client_waits_to_be_accepted_s12(
    new_loop: NewLoop,
) -> None:
    """It is served as soon as another has left."""
    with (
        serving(Probe(), new_loop, limit_connections=2) as served,
        served.client() as third_later,
        served.client() as second,
    ):
        assert third_later.get().status == 200
        assert second.get().status == 200
        with served.client() as waits:
            waits.ask()
            served.on_loop(lambda: None)
            assert served.on_loop(lambda: len(served.worker.connections)) == 2
            second.sock.close()
            assert waits.response().status == 200


@each_loop
def test_a_client_that_pipelines_and_does_not_read_is_held_up_p01(new_loop: NewLoop) -> None:
    """Its answers fill the buffer, its requests stay in the kernel, and then all are answered."""
    body = b"x" * 10_000

    async def handler(call: Call) -> None:
        probe.calls.clear()
        await call.answer(body)

    probe = Probe(handler)
    requests = (b"GET / HTTP/1.1\r\nHost: x\r\nX: %b\r\n\r\n" % (b"y" * 2000)) * 100
    with serving(probe, new_loop) as served, served.client() as client:
        memory = resident_bytes()
        sent = client.flood(requests, 64 << 20)
        assert sent < 32 << 20
        assert resident_bytes() - memory < 16 << 20
        seen = 0
        head = client.until(b"\r\n\r\n")
        client.exactly(len(body))
        seen = len(head) + len(body)
        whole = sent // (len(requests) // 100)
        left = (whole - 1) * seen
        piece = bytearray(1 << 20)
        left -= len(client.buffer)
        client.buffer = b""
        while left > 0:
            taken = client.sock.recv_into(piece, min(left, len(piece)))
            assert taken, "the connection ended early"
            left -= taken


def test_the_server_decodes_no_body_s13() -> None:
    """What says that it is compressed is handed over as it came."""
    probe = Probe(echo)
    with serving(probe) as served, served.client() as client:
        response = client.get(
            "/", "Content-Encoding: gzip, br", method="POST", body=b"\x1f\x8bno gzip"
        )
        assert response.body == b"\x1f\x8bno gzip"


@each_loop
def test_a_length_beyond_all_measure_is_refused_at_once_l05(new_loop: NewLoop) -> None:
    """Nobody waits for such a body."""
    with serving(Probe(), new_loop) as served:
        for length in ("9" * 20, str(2**63), str(2**64 + 2)):
            with served.client() as client:
                client.ask("/", f"Content-Length: {length}", method="POST")
                assert client.response().status in {400, 413}
                assert client.closed()


def resident_bytes() -> int:
    """How much memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
