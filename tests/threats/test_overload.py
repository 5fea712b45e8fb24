"""More than the server is to take: what is refused, how, and who goes on being served (S11, S12)."""

import asyncio
import time
from typing import Any

from tests.loops import NewLoop, each_loop
from tests.sockets import Client, serving

HANDSHAKE = (
    b"GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class App:
    """Requests for /hold wait until their clients leave or the test lets go; others are answered at once."""

    def __init__(self) -> None:
        self.started = 0
        self.told = 0
        self.release = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.started += 1
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (await receive())["type"] != "websocket.disconnect":
                pass
            return
        if scope["path"] == "/hold":
            await receive()
            gone = asyncio.ensure_future(receive())
            let_go = asyncio.ensure_future(self.release.wait())
            await asyncio.wait({gone, let_go}, return_when=asyncio.FIRST_COMPLETED)
            let_go.cancel()
            if gone.done():
                assert gone.result()["type"] == "http.disconnect"
                self.told += 1
                return
            gone.cancel()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


@each_loop
def test_a_flood_of_clients_that_leave_does_no_work_and_leaves_nothing_s11(
    new_loop: NewLoop,
) -> None:
    """Those that run are told http.disconnect, those that wait are never started, and all counts are 0."""
    app = App()
    options = {"limit_concurrency": 20, "limit_queue": 1000, "timeout_queue": 60}
    with serving(app, new_loop, **options) as served:
        worker, admission = served.worker, served.worker.admission
        clients = [served.client() for _ in range(300)]
        for client in clients:
            client.ask("/hold")
        served.until(lambda: (admission.running, admission.waiting) == (20, 280))
        # All at once, else the next in the queue takes the place of the first
        served.on_loop(lambda: [client.reset() for client in clients])
        served.until(lambda: not worker.connections)
        served.until(lambda: (admission.running, admission.waiting, worker.running) == (0, 0, 0))
        assert worker.counters.queued == 280
        with served.client() as client:
            assert client.get().status == 204
    assert (app.started, app.told) == (20 + 1, 20)


@each_loop
def test_websockets_too_many_get_503_and_requests_go_on_s12(new_loop: NewLoop) -> None:
    app = App()
    options = {"limit_websockets": 2, "limit_concurrency": 1}
    with serving(app, new_loop, **options) as served:
        sockets = [served.client() for _ in range(3)]
        try:
            answers = [shake(client) for client in sockets]
            assert answers == [101, 101, 503]
            # They take no place of a request
            with served.client() as client:
                assert client.get().status == 204
            sockets[0].reset()
            served.until(lambda: served.worker.admission.websockets == 1)
            with served.client() as another:
                assert shake(another) == 101
            assert served.worker.counters.refused_websockets == 1
        finally:
            for client in sockets:
                client.sock.close()


def shake(client: Client) -> int:
    """The status of a handshake's answer; a refusal says when to come again, and ends the connection."""
    client.send(HANDSHAKE)
    head = client.until(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    if status == 503:
        assert b"\r\nretry-after: 1\r\n" in head
        assert b"\r\nconnection: close\r\n" in head
        assert client.rest().startswith(b"503")
    return status


@each_loop
def test_the_health_path_is_served_when_nothing_else_is_s12(new_loop: NewLoop) -> None:
    app = App()
    options = {"limit_concurrency": 1, "limit_queue": 0, "health_path": ["/health", "/up"]}
    with serving(app, new_loop, **options) as served:
        with served.client() as running, served.client() as client:
            running.ask("/hold")
            served.until(lambda: served.worker.admission.running == 1)
            for path, status in [("/", 503), ("/health", 204), ("/up?x=1", 204), ("/healthy", 503)]:
                assert client.get(path).status == status
            served.loop.call_soon_threadsafe(app.release.set)
            assert running.response().status == 204
            assert client.get("/").status == 204
        assert served.worker.counters.refused_full == 2
        served.until(lambda: served.worker.admission.running == 0)


@each_loop
def test_one_client_cannot_take_all_connections_s12(new_loop: NewLoop) -> None:
    """It is closed before anything is read of it."""
    options = {"limit_connections_per_client": 3, "forwarded_allow_ips": ""}
    with serving(App(), new_loop, **options) as served:
        clients = [served.client() for _ in range(10)]
        try:
            served.until(lambda: served.worker.counters.refused_clients == 7)
            assert len(served.on_loop(lambda: list(served.worker.connections))) == 3
            assert [client.closed() for client in clients[3:]] == [True] * 7
            assert [client.get().status for client in clients[:3]] == [204] * 3
        finally:
            for client in clients:
                client.sock.close()


@each_loop
def test_a_client_that_does_not_read_holds_little_in_the_kernel_s04(new_loop: NewLoop) -> None:
    """Its TCP memory is everybody's: once it is used up, all connections of the machine are slow."""
    taken = 0

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        nonlocal taken
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 16384, "more_body": True})
            taken += 16384

    with serving(endless, new_loop) as served, served.client(receive_buffer=4096) as client:
        client.ask()
        before = -1
        while before != (before := served.on_loop(lambda: taken)) or not before:
            time.sleep(0.1)  # until nothing moves any more
        assert taken < 400_000


@each_loop
def test_a_full_server_waits_for_no_clients_farewell_s07(new_loop: NewLoop) -> None:
    """Who has had the last answer makes room: when the last place is taken, and while there is none."""
    options = {"limit_connections": 2, "timeout_undrained": 60}
    with serving(App(), new_loop, **options) as served, served.client() as first:
        worker = served.worker
        assert first.get("/", "Connection: close").status == 204
        served.until(lambda: len(worker.lingering) == 1)
        with served.client() as second:
            assert second.get().status == 204
            served.until(lambda: not worker.lingering)
            with served.client() as third, served.client() as fourth:
                assert third.get("/", "Connection: close").status == 204
                assert fourth.get().status == 204
            assert not worker.lingering
        served.until(lambda: not worker.crowded)
