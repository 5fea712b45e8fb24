"""What a server's memory grows by: idle connections, open WebSockets, idle streams, answers that nobody takes."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from bench import http2, traffic, traffic_http2
from bench.errors import BenchError
from bench.sockets import answer, connect, must_be_open, open_websocket

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from bench.processes import ServerProcess
    from bench.rows import Case, Row

SETTLE_S = 0.5
"""How long a server is left alone before its memory is read."""
_BASE_SHARE = 4
"""Memory is compared between n and n + n/4 connections, so that what the first ones make the
server allocate once, and the free memory that they find, is on both sides."""
_STEADY_S = 1.0
"""Memory that has not grown for this long is what it comes to."""
_GROWTH_TIMEOUT_S = 30.0

_IDLE_UPLOAD = traffic_http2.Shape("POST", 1 << 20)


def grown_bytes(row: Row, case: Case, server: ServerProcess) -> float:
    """By how many bytes the worker grows: for each connection or stream, or altogether for answers
    that are held back.

    Raises:
        BenchError: the server closed something that must stay open.
    """
    if row.kind == "closed-windows":
        return _closed_windows(case, server)
    base = case.connections // _BASE_SHARE
    with contextlib.ExitStack() as stack:
        opened = _open(row, case, server.port, base + case.connections, stack)
        held = [next(opened) for _ in range(base)]
        time.sleep(SETTLE_S)
        before = server.memory()
        held.extend(opened)
        time.sleep(SETTLE_S)
        after = server.memory()
        _must_be_open(held)
    return (after.worker_bytes - before.worker_bytes) / (case.connections * case.streams)


def _open(
    row: Row, case: Case, port: int, count: int, stack: contextlib.ExitStack
) -> Iterator[socket.socket | http2.Client]:
    """Connections that have had one answer each, those with idle streams, or accepted WebSockets;
    made as they are taken, closed with the stack."""
    if row.kind == "open-websocket":
        for handshake, key in traffic.handshakes(count):
            yield stack.enter_context(open_websocket(port, handshake, key))
    elif row.kind == "idle-streams":
        for number in range(count):
            client = _greeted(port, stack, case.streams)
            for block in traffic_http2.blocks(number, case.streams, _IDLE_UPLOAD):
                client.open(block, ended=False)
            yield client
    elif case.http2:
        first = [traffic_http2.blocks(number, 1, traffic_http2.Shape())[0] for number in range(16)]
        for number in range(count):
            client = _greeted(port, stack)
            client.ask(first[number % len(first)])
            yield client
    else:
        for request in traffic.requests(count):
            connection = stack.enter_context(connect(port))
            answer(connection, request)
            yield connection


def _greeted(
    port: int,
    stack: contextlib.ExitStack,
    streams: int = 1,
    window_bytes: int = http2.STREAM_WINDOW_BYTES,
) -> http2.Client:
    client = http2.Client(stack.enter_context(connect(port)))
    client.begin(window_bytes)
    if client.streams_max() < streams:
        raise BenchError(f"the server allows {client.streams_max()} streams, not {streams}")
    return client


def _must_be_open(held: list[socket.socket | http2.Client]) -> None:
    http2.must_be_open([each for each in held if isinstance(each, http2.Client)])
    must_be_open([each for each in held if not isinstance(each, http2.Client)])


def _closed_windows(case: Case, server: ServerProcess) -> float:
    """Ask for everything on one connection whose windows are closed, and watch."""
    blocks = traffic_http2.blocks(0, case.streams, traffic_http2.Shape())
    with contextlib.ExitStack() as stack:
        client = _greeted(server.port, stack, case.streams, window_bytes=0)
        time.sleep(SETTLE_S)
        before = server.memory().worker_bytes
        for block in blocks:
            client.open(block, ended=True)
        peak = before
        grown_at = began_at = time.monotonic()
        while time.monotonic() - grown_at < _STEADY_S:
            time.sleep(0.05)
            now = server.memory().worker_bytes
            if now > peak:
                peak, grown_at = now, time.monotonic()
            if time.monotonic() - began_at > _GROWTH_TIMEOUT_S:
                raise BenchError(
                    f"still growing after {_GROWTH_TIMEOUT_S:g} s, by {peak - before} bytes"
                )
        client.must_be_open()
    return peak - before
