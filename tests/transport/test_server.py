"""The server starts in order, serves, and shuts down in phases that end; with real sockets."""

import asyncio
import logging
import socket
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.errors import BindError, SetupError, StartupError
from penstock.transport.listeners import TcpListener
from tests.loops import NewLoop, each_loop, run_on
from tests.transport.probe import (
    DEADLINE_S,
    Probe,
    answer,
    connected,
    make,
    reset,
    soon,
    variable,
)

# ------------------------------------------------------------------------------------------- start


@each_loop
def test_it_serves_at_its_url_and_stops_at_the_end_of_the_block(new_loop: NewLoop) -> None:
    async def test() -> None:
        probe = Probe()
        async with make(probe) as server:
            assert server.started
            assert server.url == f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with connected(server) as client:
                client.ask()
                head, body = await client.answer()
                assert head.startswith("http/1.1 200")
                assert "server: penstock" in head
                assert body == b"hello"
        assert probe.events == ["startup", "request /", "shutdown"]
        assert not server.started
        with pytest.raises(RuntimeError, match="no address"):
            server.url

    run_on(new_loop, test())


@each_loop
def test_nobody_gets_through_before_startup_is_complete_life_01_05_06(new_loop: NewLoop) -> None:
    async def test() -> None:
        refused = []
        sockets: list[socket.socket] = []

        async def startup(_scope: Any, _send: Any) -> None:
            sockets.extend(server.sockets)
            try:
                await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            except ConnectionRefusedError:
                refused.append(True)

        server = make(Probe(startup=startup))
        async with server:
            assert refused == [True]

    run_on(new_loop, test())


@each_loop
def test_state_and_context_of_lifespan_reach_each_request_life_state_02_03_04_06(
    new_loop: NewLoop,
) -> None:
    async def test() -> None:
        shared: list[int] = []
        seen: list[Any] = []

        async def startup(scope: Any, _send: Any) -> None:
            variable.set("by startup")
            scope["state"]["shared"] = shared

        async def shutdown(scope: Any, _send: Any) -> None:
            seen.append(dict(scope["state"]))

        class Notes(Probe):
            async def hello(self, receive: Any, send: Any) -> None:
                state = self.scopes[-1]["state"]
                seen.append((variable.get(), dict(state)))
                variable.set("by a request")
                state["own"] = 1
                state["shared"].append(1)
                await answer(send, b"hello")

        async with make(Notes(startup=startup, shutdown=shutdown)) as server:
            async with connected(server) as client:
                for _ in range(2):
                    client.ask()
                    await client.answer()
            assert variable.get() == "unset"
        assert seen == [
            ("by startup", {"shared": shared}),
            ("by startup", {"shared": shared}),
            {"shared": shared},  # as the application left it (LIFE-STATE-05)
        ]
        assert len(shared) == 2

    run_on(new_loop, test())


def test_a_start_that_does_not_end_is_ended_and_the_error_says_where_it_waits_v08() -> None:
    async def test() -> None:
        cleaned = []

        async def startup(_scope: Any, _send: Any) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cleaned.append(True)

        server = make(Probe(startup=startup), timeout_startup=0.05)
        with pytest.raises(StartupError, match=r"did not start within 0\.05 s") as caught:
            await server.start()
        assert "test_server.py" in str(caught.value)
        assert "startup" in str(caught.value)
        assert "--timeout-startup" in caught.value.hint
        assert cleaned == [True]
        assert server._listeners[0].sockets == []

    asyncio.run(test())


def test_a_failed_start_is_raised_and_the_port_is_free_again_life_08() -> None:
    async def test() -> None:
        async def startup(_scope: Any, send: Any) -> None:
            await send({"type": "lifespan.startup.failed", "message": "no database"})
            raise RuntimeError

        server = make(Probe(startup=startup))
        with pytest.raises(StartupError, match="no database"):
            async with server:
                pytest.fail("it must not serve")
        assert server._listeners[0].sockets == []

    asyncio.run(test())


def test_a_taken_port_is_known_before_the_application_starts_v02() -> None:
    async def test() -> None:
        probe = Probe()
        with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(BindError):
            await make(probe, port=other.getsockname()[1]).start()
        assert probe.events == []

    asyncio.run(test())


def test_a_listen_that_fails_still_stops_the_application_life_23(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(self: TcpListener) -> None:
        raise BindError("taken meanwhile")

    monkeypatch.setattr(TcpListener, "listen", fails)

    async def test() -> None:
        probe = Probe()
        with pytest.raises(BindError, match="taken meanwhile"):
            await make(probe).start()
        assert probe.events == ["startup", "shutdown"]

    asyncio.run(test())


def test_an_application_without_lifespan_is_served_with_a_warning_v08(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http", "only HTTP here"
        await answer(send, b"hello")

    async def test() -> None:
        async with make(app) as server, connected(server) as client:
            client.ask()
            assert (await client.answer())[1] == b"hello"

    asyncio.run(test())
    (record,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert "served without lifespan" in record.getMessage()
    assert record.exc_info is not None
    assert "only HTTP here" in str(record.exc_info[1])


def test_lifespan_off_asks_nothing_and_offers_no_state_life_state_02() -> None:
    async def test() -> None:
        probe = Probe()
        async with make(probe, lifespan="off") as server, connected(server) as client:
            client.ask()
            await client.answer()
        assert probe.events == ["request /"]
        assert "state" not in probe.scopes[0]

    asyncio.run(test())


def test_asked_to_stop_while_starting_it_does_not_serve() -> None:
    async def test() -> None:
        async def startup(_scope: Any, _send: Any) -> None:
            server.should_exit = True
            await asyncio.Event().wait()

        server = make(Probe(startup=startup))
        await asyncio.wait_for(server.serve(), DEADLINE_S)
        assert not server.started
        with pytest.raises(SetupError, match="asked to stop"):
            server = make(Probe(startup=startup))
            await server.start()

    asyncio.run(test())


def test_a_server_starts_once() -> None:
    async def test() -> None:
        async with make(Probe()) as server:
            with pytest.raises(RuntimeError, match="starts once"):
                await server.start()

    asyncio.run(test())


def test_given_sockets_are_served_and_closed_at_the_end() -> None:
    async def test() -> None:
        sock = socket.create_server(("127.0.0.1", 0))
        async with penstock.Server(Probe(), sockets=[sock]) as server, connected(server) as client:
            client.ask()
            assert (await client.answer())[1] == b"hello"
        assert sock.fileno() == -1

    asyncio.run(test())


@each_loop
def test_a_unix_socket_is_served_and_removed_x10(new_loop: NewLoop, tmp_path: Path) -> None:
    async def test() -> None:
        path = tmp_path / "s"
        async with penstock.Server(Probe(), uds=str(path)) as server:
            assert server.url == f"unix:{path}"
            async with connected(server) as client:
                client.ask()
                assert (await client.answer())[1] == b"hello"
        assert not path.exists()

    run_on(new_loop, test())


@each_loop
def test_a_wsgi_application_is_served(new_loop: NewLoop) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "4")])
        return [b"wsgi"]

    async def test() -> None:
        async with make(app, threads=2) as server, connected(server) as client:
            client.ask()
            assert (await client.answer())[1] == b"wsgi"

    run_on(new_loop, test())


# ------------------------------------------------------------------------------------------ limits


@each_loop
def test_over_the_limit_of_running_requests_one_waits_and_then_gets_503_s12(
    new_loop: NewLoop,
) -> None:
    async def test() -> None:
        probe = Probe()
        server = make(probe, limit_concurrency=1, timeout_queue=0.1)
        async with server, connected(server) as first, connected(server) as second:
            first.ask("/slow")
            await soon(probe.arrived)
            second.ask()
            head, _ = await second.answer()
            assert head.startswith("http/1.1 503")
            assert "retry-after:" in head
            second.ask()
            await asyncio.sleep(0)
            probe.release.set()
            assert (await first.answer())[1] == b"slow"
            head, body = await second.answer()  # the connection stays sane
            assert (head[:12], body) == ("http/1.1 200", b"hello")
            assert server.worker is not None
            assert server.worker.running == 0
        assert probe.events.count("request /") == 1

    run_on(new_loop, test())


@each_loop
def test_an_idle_connection_is_closed_but_not_while_a_request_runs_s05(new_loop: NewLoop) -> None:
    async def test() -> None:
        probe = Probe()
        server = make(probe, timeout_keep_alive=0.2)
        async with server, connected(server) as idle, connected(server) as busy:
            busy.ask("/slow")
            idle.ask()
            await idle.answer()
            assert await idle.rest() == b""
            probe.release.set()
            assert (await busy.answer())[1] == b"slow"

    run_on(new_loop, test())


def test_clients_that_leave_while_queued_or_running_leave_no_count_behind_s11() -> None:
    async def test() -> None:
        probe = Probe()
        server = make(probe, limit_concurrency=20, timeout_queue=20, backlog=300)
        async with server:
            clients = []
            for _ in range(100):
                client = socket.create_connection(server.sockets[0].getsockname())
                client.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
                clients.append(client)
            worker = server.worker
            assert worker is not None
            assert worker.admission is not None
            async with asyncio.timeout(DEADLINE_S):
                while worker.admission.waiting < 80:
                    await asyncio.sleep(0.01)
                for client in clients[20:] + clients[:20]:
                    reset(client)
                    client.close()
                while worker.connections or worker.running:
                    await asyncio.sleep(0.01)
            assert worker.admission.running == 0
            assert worker.admission.waiting == 0
        assert probe.events.count("request /stream") == 20
        assert probe.events.count("http.disconnect") == 20

    asyncio.run(test())
