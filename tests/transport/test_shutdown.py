"""The shutdown goes through its phases, says what it had to cut, and ends; with real sockets."""

import asyncio
import socket
import threading
from typing import Any

import pytest

import penstock
from penstock.transport import shutdown as module
from tests.loops import NewLoop, each_loop, run_on
from tests.transport.probe import (
    DEADLINE_S,
    Probe,
    connected,
    make,
    reset,
    soon,
)

# ---------------------------------------------------------------------------------------- shutdown


@each_loop
def test_running_requests_end_before_lifespan_stops_and_say_that_they_are_the_last_life_11_v03(
    new_loop: NewLoop,
) -> None:
    async def test() -> None:
        probe = Probe()
        async with make(probe) as server, connected(server) as client:
            client.ask("/slow")
            await soon(probe.arrived)
            ending = asyncio.ensure_future(server.shutdown())
            while server.sockets:
                await asyncio.sleep(0)
            assert "shutdown" not in probe.events
            probe.release.set()
            head, body = await client.answer()
            assert "connection: close" in head
            assert body == b"slow"
            assert await client.rest() == b""
            await asyncio.wait_for(ending, DEADLINE_S)
        assert probe.events == ["startup", "request /slow", "slow has answered", "shutdown"]

    run_on(new_loop, test())


@each_loop
def test_long_streams_are_told_after_the_grace_and_may_still_send(new_loop: NewLoop) -> None:
    async def test() -> None:
        probe = Probe()
        server = make(probe, timeout_graceful_shutdown=20, timeout_disconnect_grace=0.05)
        async with server, connected(server) as client:
            client.ask("/stream")
            await client.head()
            await asyncio.wait_for(server.shutdown(), DEADLINE_S)
            assert b"bye" in await client.rest()
        assert probe.events == ["startup", "request /stream", "http.disconnect", "shutdown"]

    run_on(new_loop, test())


@each_loop
def test_what_is_stuck_is_cut_at_the_deadline_with_a_line_that_says_where_v03(
    new_loop: NewLoop, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        probe = Probe()
        server = make(probe, timeout_graceful_shutdown=0.3)
        async with server, connected(server) as client:
            client.ask("/stuck")
            await soon(probe.arrived)
            loop = asyncio.get_running_loop()
            began = loop.time()
            await asyncio.wait_for(server.shutdown(), DEADLINE_S)
            assert loop.time() - began < 2
            await client.rest()
        assert probe.events == ["startup", "request /stuck", "cancelled /stuck", "shutdown"]

    run_on(new_loop, test())
    (line,) = [text for text in caplog.messages if "Cut by the shutdown" in text]
    assert "GET /stuck" in line
    assert "probe.py" in line
    assert "stuck" in line


@each_loop
def test_a_request_that_swallows_its_cancellation_is_left_behind_and_lifespan_still_stops_v03(
    new_loop: NewLoop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CANCEL_S", 0.1)

    async def test() -> None:
        probe = Probe()
        server = make(probe, timeout_graceful_shutdown=0.2)
        async with server, connected(server) as client:
            client.ask("/stubborn")
            await soon(probe.arrived)
            await asyncio.wait_for(server.shutdown(), DEADLINE_S)
        assert probe.events == ["startup", "request /stubborn", "swallowed", "shutdown"]
        probe.release.set()
        assert server.runtime is not None
        await asyncio.wait_for(asyncio.wait(server.runtime.tasks), DEADLINE_S)

    run_on(new_loop, test())
    assert any("ignores its cancellation" in text for text in caplog.messages)


@each_loop
def test_a_request_whose_client_has_left_is_waited_for_and_cut_too(
    new_loop: NewLoop, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        probe = Probe()
        server = make(probe, timeout_graceful_shutdown=0.3)
        async with server:
            async with connected(server) as client:
                client.ask("/stuck")
                await soon(probe.arrived)
                reset(client.writer.get_extra_info("socket"))
                client.writer.transport.abort()
            assert server.worker is not None
            async with asyncio.timeout(DEADLINE_S):
                while server.worker.connections:
                    await asyncio.sleep(0.01)
        assert probe.events == ["startup", "request /stuck", "cancelled /stuck", "shutdown"]

    run_on(new_loop, test())
    assert any("its client has left" in text for text in caplog.messages)


def test_a_lifespan_shutdown_that_hangs_is_cut_with_a_line_that_says_where_v08(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIFESPAN_SHUTDOWN_MIN_S", 0.05)

    async def test() -> None:
        async def shutdown(_scope: Any, _send: Any) -> None:
            await asyncio.Event().wait()

        async with make(Probe(shutdown=shutdown), timeout_graceful_shutdown=0.1):
            pass

    asyncio.run(test())
    (line,) = [text for text in caplog.messages if "lifespan shutdown did not end" in text]
    assert "test_shutdown.py" in line
    assert "--timeout-lifespan-shutdown" in line


def test_lifespan_gets_what_the_requests_left_of_the_time_life_12() -> None:
    async def test() -> None:
        async def shutdown(_scope: Any, _send: Any) -> None:
            await asyncio.sleep(1.3)  # longer than its reserve of 5/6 s, shorter than the whole

        probe = Probe(shutdown=shutdown)
        async with make(probe, timeout_graceful_shutdown=5):
            pass
        assert probe.events == ["startup", "shutdown"]

    asyncio.run(test())


@each_loop
def test_a_forced_end_cuts_at_once_and_still_stops_the_application(new_loop: NewLoop) -> None:
    async def test() -> None:
        probe = Probe()
        async with make(probe) as server, connected(server) as client:
            client.ask("/stuck")
            await soon(probe.arrived)
            ending = asyncio.ensure_future(server.shutdown())
            await asyncio.sleep(0)
            server.force_exit = True
            await asyncio.wait_for(ending, 2)
        assert probe.events[-2:] == ["cancelled /stuck", "shutdown"]

    run_on(new_loop, test())


@each_loop
def test_clients_in_the_queue_of_the_kernel_are_not_reset(new_loop: NewLoop) -> None:
    async def test() -> None:
        probe = Probe()
        async with make(probe) as server:
            # The loop does not turn between the connects and the shutdown, and there are more of
            # them than one turn accepts.
            clients = []
            for _ in range(100):
                client = socket.create_connection(server.sockets[0].getsockname())
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                client.setblocking(False)
                clients.append(client)
            ending = asyncio.ensure_future(server.shutdown())
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(DEADLINE_S):
                for client in clients:
                    assert (await loop.sock_recv(client, 1000)).startswith(b"HTTP/1.1 200")
                    client.close()
            await asyncio.wait_for(ending, DEADLINE_S)

    run_on(new_loop, test())


@each_loop
def test_a_request_that_crosses_with_the_shutdown_is_answered_as_the_last_v03(
    new_loop: NewLoop,
) -> None:
    async def test() -> None:
        async with make(Probe()) as server, connected(server) as client, connected(server) as idle:
            for each in (client, idle):
                each.ask()
                await each.answer()
            ending = asyncio.ensure_future(server.shutdown())
            while server.sockets:
                await asyncio.sleep(0)
            client.ask()
            head, body = await client.answer()
            assert "connection: close" in head
            assert body == b"hello"
            assert await idle.rest() == b""
            await asyncio.wait_for(ending, DEADLINE_S)

    run_on(new_loop, test())


@each_loop
def test_should_exit_may_be_set_by_any_thread(new_loop: NewLoop) -> None:
    async def test() -> None:
        probe = Probe()
        server = make(probe, on_ready=lambda server: thread.start())
        thread = threading.Thread(target=lambda: setattr(server, "should_exit", True))
        await asyncio.wait_for(server.serve(), DEADLINE_S)
        thread.join()
        assert probe.events == ["startup", "shutdown"]
        assert server.should_exit
        with pytest.raises(ValueError, match="taken back"):
            server.should_exit = False

    run_on(new_loop, test())


@each_loop
def test_a_cancelled_serve_shuts_down_well(new_loop: NewLoop) -> None:
    async def test() -> None:
        probe = Probe()
        ready = asyncio.Event()
        serving = asyncio.ensure_future(make(probe, on_ready=lambda _: ready.set()).serve())
        await soon(ready)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert probe.events == ["startup", "shutdown"]

    run_on(new_loop, test())


@each_loop
def test_a_cancelled_call_does_not_cut_the_shutdown_short(new_loop: NewLoop) -> None:
    async def test() -> None:
        probe = Probe()
        async with make(probe) as server, connected(server) as client:
            client.ask("/slow")
            await soon(probe.arrived)
            impatient = asyncio.ensure_future(server.shutdown())
            while server.sockets:
                await asyncio.sleep(0)
            impatient.cancel()
            with pytest.raises(asyncio.CancelledError):
                await impatient
            probe.release.set()
            assert (await client.answer())[1] == b"slow"
        assert probe.events[-2:] == ["slow has answered", "shutdown"]

    run_on(new_loop, test())


# ---------------------------------------------------------------------------- while others serve on


def shared() -> tuple[socket.socket, socket.socket]:
    """One listening socket, twice: for the server, and for who serves after it."""
    sock = socket.create_server(("127.0.0.1", 0))
    return sock, sock.dup()


@each_loop
def test_a_worker_that_is_succeeded_leaves_the_queue_to_the_others(new_loop: NewLoop) -> None:
    async def test() -> None:
        sock, other = shared()
        server = penstock.Server(Probe(), sockets=[sock])
        await server.start()
        assert server.acceptor is not None
        server.acceptor.pause()
        async with connected(server) as client:
            client.ask()
            server.succeeded = True
            await server.shutdown()
            other.settimeout(DEADLINE_S)
            accepted, _ = other.accept()
            assert accepted.recv(4096).startswith(b"GET / HTTP/1.1")
            accepted.close()
        other.close()

    run_on(new_loop, test())


@each_loop
def test_an_idle_connection_stays_for_its_next_answer_as_long_as_it_was_told_v03(
    new_loop: NewLoop,
) -> None:
    async def test() -> None:
        server = make(Probe())
        server.drain_s = DEADLINE_S
        await server.start()
        async with connected(server) as client:
            client.ask()
            assert "connection: close" not in (await client.answer())[0]
            ending = asyncio.ensure_future(server.shutdown())
            async with asyncio.timeout(DEADLINE_S):
                while not server.worker or not server.worker.closing:
                    await asyncio.sleep(0.001)
            client.ask()
            assert "connection: close" in (await client.answer())[0]
            assert await client.rest() == b""
            await ending

    run_on(new_loop, test())
