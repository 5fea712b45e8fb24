"""Blocking exchanges with a server: one request, one answer, checked. No measuring here."""

from __future__ import annotations

import base64
import hashlib
import http.client
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_S = 10.0
_WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def connect(port: int) -> socket.socket:
    """A connection to a server here, without Nagle's delay."""
    made = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer's whole body, and the bytes of head and body together if it was not chunked."""

    body: bytes
    size_bytes: int


def answer(connection: socket.socket, request: bytes) -> Answer:
    """Send a request and read its answer, which must have status 200 and keep the connection."""
    connection.sendall(request)
    response = http.client.HTTPResponse(connection, method=request.split(b" ", 1)[0].decode())
    response.begin()
    body = response.read()
    if response.status != 200:
        raise BenchError(f"status {response.status}, expected 200; body {body[:80]!r}")
    if response.will_close:
        raise BenchError("the answer closes the connection; the load needs keep-alive")
    head_bytes = len(f"HTTP/1.1 {response.status} {response.reason}\r\n\r\n")
    head_bytes += sum(len(f"{name}: {value}\r\n") for name, value in response.getheaders())
    return Answer(body, head_bytes + len(body))


def open_websocket(port: int, handshake: bytes, key: bytes) -> socket.socket:
    """A WebSocket that the server has accepted without any extension (RFC 6455 §4.1)."""
    connection = connect(port)
    connection.sendall(handshake)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        received = connection.recv(1)
        if not received:
            raise BenchError(f"closed during the handshake, after {head[:80]!r}")
        head += received
    accept = base64.b64encode(hashlib.sha1(key + _WEBSOCKET_GUID).digest())
    if not head.startswith(b"HTTP/1.1 101 ") or accept not in head:
        raise BenchError(f"the handshake was not accepted: {head[:80]!r}")
    if b"sec-websocket-extensions" in head.lower():
        raise BenchError("the server agreed on an extension that was not offered")
    return connection


def must_be_open(connections: Sequence[socket.socket]) -> None:
    """Raise BenchError if the server has closed any of these, or sent something unasked."""
    for connection in connections:
        connection.setblocking(False)
        try:
            received = connection.recv(64)
        except BlockingIOError:
            continue
        raise BenchError(f"an idle connection got {received!r}; it must stay open and silent")
