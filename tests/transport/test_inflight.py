"""Requests under way are told with age and place, whatever carries them and whatever state they are in."""

import asyncio
import re
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from penstock.gateway.driving import exchange_of
from penstock.transport.inflight import LINES_MAX, in_flight
from tests.sockets import Served, serving

HANDSHAKE = (
    b"GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def waits(receive: Any) -> None:
    await receive()
    await asyncio.Event().wait()


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
    await waits(receive)


def tick(served: Served) -> None:
    """The worker's clock ticks once a second: without this what follows would look as old."""
    served.on_loop(lambda: served.worker.tick(served.loop.time() + 1))


def lines_of(served: Served, count: int) -> list[str]:
    """The lines, once there are so many."""

    def look() -> list[str]:
        # Later than any of them began, also by a clock that counts milliseconds and was ticked ahead
        lines = in_flight(served.worker, served.loop.time() + 2)
        return lines if len(lines) == count else []

    lines: list[str] = served.until(look)
    return lines


def test_requests_and_websockets_are_told_oldest_first_with_age_and_place() -> None:
    with serving(app) as served, served.client() as first, served.client() as second:
        first.ask("/a%20b?secret=1", method="POST")
        lines_of(served, 1)
        tick(served)
        second.send(HANDSHAKE)
        oldest, newest = lines_of(served, 2)
        assert re.match(r"POST /a%20b, \d\.\d s, waits at .*test_inflight\.py:\d+ waits > ", oldest)
        assert re.match(r"WebSocket /socket, \d\.\d s, waits at ", newest)
        # Without eager tasks (Python 3.11) it is there before the application is called
        served.until(lambda: "test_inflight" in in_flight(served.worker, served.loop.time())[1])
        assert "secret" not in oldest


def test_age_is_counted_from_the_head_in_seconds() -> None:
    with serving(app) as served, served.client() as client:
        client.ask("/slow")
        lines_of(served, 1)
        (line,) = served.on_loop(lambda: in_flight(served.worker, served.worker.now + 7.25))
        assert re.match(r"GET /slow, [78]\.\d s, ", line)


def test_a_request_whose_client_has_left_is_told_as_such() -> None:
    with serving(app) as served:
        with served.client() as client:
            client.ask("/left")
            lines_of(served, 1)
            client.reset()
        served.until(lambda: not served.worker.connections)
        (line,) = lines_of(served, 1)
        assert line.startswith("GET /left (its client has left), ")


def test_a_request_that_waits_for_a_slot_is_told() -> None:
    with (
        serving(app, limit_concurrency=1, timeout_queue=30) as served,
        served.client() as first,
        served.client() as second,
    ):
        first.ask("/runs")
        lines_of(served, 1)
        tick(served)
        second.ask("/queued")
        lines = lines_of(served, 2)
        assert [line.split(",")[0] for line in lines] == ["GET /runs", "GET /queued"]
        assert lines[1].endswith("waits at not started")


class Threaded:
    """A WSGI application that is held by the test."""

    def __init__(self) -> None:
        self.release = threading.Event()

    def __call__(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        self.stand_here()
        start_response("200 OK", [])
        yield b"x"

    def stand_here(self) -> None:
        self.release.wait(20)


def test_a_wsgi_request_is_told_with_the_frame_of_its_thread() -> None:
    threaded = Threaded()
    with serving(threaded, interface="wsgi", threads=1) as served:
        with served.client() as first, served.client() as second:
            first.ask("/thread")
            lines_of(served, 1)
            served.until(lambda: any("stand_here" in line for line in in_flight(served.worker, 0)))
            tick(served)
            second.ask("/no-thread")
            lines = lines_of(served, 2)
            assert "waits at thread penstock-wsgi-1 at " in lines[0]
            assert lines[1].endswith("waits at waiting for a free thread (option threads)")
            threaded.release.set()
            assert first.response().status == second.response().status == 200
        served.until(lambda: not in_flight(served.worker, 0))


def test_a_wsgi_request_on_the_loops_thread_is_told_as_running() -> None:
    threaded = Threaded()
    with serving(threaded, interface="wsgi", threads=0) as served, served.client() as client:
        client.ask("/inline")
        until_told(served, "GET /inline, ", "the application, running")
        threaded.release.set()
        assert client.response().status == 200


def until_told(served: Served, *texts: str) -> None:
    """Look from here, since the loop stands still."""
    for _ in range(2000):
        if any(all(text in line for text in texts) for line in in_flight(served.worker, 0)):
            return
        threading.Event().wait(0.002)
    raise AssertionError(in_flight(served.worker, 0))


def test_it_can_be_asked_from_another_thread_while_the_application_holds_the_loop() -> None:
    release = threading.Event()

    async def holds(scope: Any, receive: Any, send: Any) -> None:
        release.wait(20)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    with serving(holds) as served, served.client() as client:
        client.ask("/held")
        until_told(served, "GET /held, ", "running" if sys.version_info >= (3, 12) else "waits at")
        release.set()
        assert client.response().status == 204


def test_the_lines_are_bounded_and_the_rest_is_counted() -> None:
    with serving(app) as served:
        clients = [served.client() for _ in range(LINES_MAX + 3)]
        try:
            for client in clients:
                client.ask()
            now = served.loop.time() + 2
            served.until(lambda: in_flight(served.worker, now)[-1:] == ["and 3 more"])
            assert len(in_flight(served.worker, now)) == LINES_MAX + 1
            assert len(in_flight(served.worker, 0, lines_max=2)) == 3
        finally:
            for client in clients:
                client.sock.close()


def test_idle_connections_are_no_requests() -> None:
    async def hello(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    with serving(hello) as served, served.client() as client:
        client.get()
        served.until(lambda: served.worker.connections and not in_flight(served.worker, 0))


def test_no_state_makes_it_raise() -> None:
    class Broken:
        head = SimpleNamespace(method="GET", raw_path=b"/broken")
        began = 1.0

        def where(self) -> str:
            raise RuntimeError("no place")

    worker: Any = SimpleNamespace(
        connections={
            SimpleNamespaceById(exchanges=lambda: [Broken()]),
            SimpleNamespaceById(exchanges=list),
        },
        service=SimpleNamespace(runtime=SimpleNamespace(tasks=set())),
        pool=None,
    )
    (line,) = in_flight(worker, 2.0)
    assert line == "a request that cannot be described: RuntimeError('no place')"
    del worker.service
    (line,) = in_flight(worker, 2.0)
    assert line.startswith("the requests under way cannot be listed: AttributeError")


class SimpleNamespaceById(SimpleNamespace):
    __hash__ = object.__hash__


@pytest.mark.parametrize("coroutine", [None, 3, object()])
def test_what_is_no_drive_has_no_exchange(coroutine: Any) -> None:
    assert exchange_of(coroutine) is None


def test_a_control_character_of_the_peer_does_not_reach_the_line_x06() -> None:
    head = SimpleNamespace(method="GET", raw_path=b"/\x1b[2J\r\n")
    exchange = SimpleNamespace(head=head, began=0.0, where=lambda: "x")
    worker: Any = SimpleNamespace(
        connections={SimpleNamespaceById(exchanges=lambda: [exchange])},
        service=SimpleNamespace(runtime=SimpleNamespace(tasks=set())),
        pool=None,
    )
    (line,) = in_flight(worker, 2.0)
    assert line.isprintable()
