"""The server starts in order, serves, and shuts down in phases that end; with real sockets."""

import asyncio
import contextvars
import logging
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.errors import BindError, SetupError, StartupError
from penstock.transport import shutdown as module
from penstock.transport.listeners import TcpListener
from tests.loops import NewLoop, each_loop, run_on

DEADLINE_S = 10.0
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


class Probe:
    """An ASGI application that notes what happens to it; paths say what it does."""

    def __init__(self, **lifespan: Callable[..., Coroutine[Any, Any, None]]) -> None:
        self.events: list[str] = []
        self.arrived = asyncio.Event()
        self.release = asyncio.Event()
        self.lifespan = lifespan
        self.scopes: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.live(scope, receive, send)
            return
        self.scopes.append(scope)
        self.events.append(f"request {scope['path']}")
        self.arrived.set()
        try:
            await getattr(self, scope["path"].strip("/") or "hello")(receive, send)
        except asyncio.CancelledError:
            self.events.append(f"cancelled {scope['path']}")
            raise

    async def live(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        self.events.append("startup")
        if "startup" in self.lifespan:
            await self.lifespan["startup"](scope, send)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.events.append("shutdown")
        if "shutdown" in self.lifespan:
            await self.lifespan["shutdown"](scope, send)
        await send({"type": "lifespan.shutdown.complete"})

    async def hello(self, receive: Any, send: Any) -> None:
        await answer(send, b"hello")

    async def slow(self, receive: Any, send: Any) -> None:
        await self.release.wait()
        await answer(send, b"slow")
        self.events.append("slow has answered")

    async def stream(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await receive()
        while (message := await receive())["type"] != "http.disconnect":
            pass
        self.events.append(message["type"])
        await send({"type": "http.response.body", "body": b"bye"})

    async def stuck(self, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def stubborn(self, receive: Any, send: Any) -> None:
        while not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                self.events.append("swallowed")


async def answer(send: Any, body: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Client:
    """One connection, by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def ask(self, path: str = "/") -> None:
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    async def head(self) -> str:
        async with asyncio.timeout(DEADLINE_S):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()

    async def answer(self) -> tuple[str, bytes]:
        head = await self.head()
        length = int(head.partition("content-length: ")[2].partition("\r")[0])
        async with asyncio.timeout(DEADLINE_S):
            return head, await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        async with asyncio.timeout(DEADLINE_S):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b"<reset>"


@asynccontextmanager
async def connected(server: Any) -> AsyncIterator[Client]:
    place = server.sockets[0].getsockname()
    if isinstance(place, str):
        reader, writer = await asyncio.open_unix_connection(place)
    else:
        reader, writer = await asyncio.open_connection(*place[:2])
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass


def make(app: Any, **options: Any) -> penstock.Server:
    return penstock.Server(app, **{"port": 0, **options})


def reset(sock: Any) -> None:
    """Have the close of `sock` send a reset; a FIN would not be a death."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def soon(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), DEADLINE_S)


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
    assert "test_server.py" in line
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
    assert "test_server.py" in line
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
