"""The WebSocket client on the level of frames."""

import socket

import pytest

from penstock.conformance.client_http1 import Transcript, Wire, Wrong
from penstock.conformance.client_websocket import (
    BINARY,
    CLOSE,
    PING,
    TEXT,
    WebSocket,
    close_frame,
    frame,
)


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536])
def test_what_is_masked_is_read_back(length: int) -> None:
    data = bytes(length)
    raw = frame(BINARY, data)
    mask = raw[-length - 4 : len(raw) - length]
    assert bytes(b ^ mask[n % 4] for n, b in enumerate(raw[len(raw) - length :])) == data


def pair(raw: bytes) -> tuple[WebSocket, socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    theirs.sendall(raw)
    return WebSocket(Wire(ours, Transcript(), 0.1)), ours, theirs


def test_messages_are_joined_and_pings_answered() -> None:
    raw = (
        frame(TEXT, b"one ", final=False, masked=False)
        + frame(PING, b"p", masked=False)
        + frame(0, b"two", masked=False)
    )
    web, ours, theirs = pair(raw + frame(CLOSE, b"\x03\xe8bye", masked=False))
    with ours, theirs:
        assert web.message() == "one two"
        found = web.closing()
        assert found is not None and (found.code, found.data[2:]) == (1000, b"bye")


@pytest.mark.parametrize(
    "raw",
    [b"", close_frame(None), frame(TEXT, b"masked")],
    ids=["nothing", "masked close", "masked text"],
)
def test_anything_but_a_message_is_wrong(raw: bytes) -> None:
    web, ours, theirs = pair(raw)
    with ours, theirs, pytest.raises(Wrong):
        web.message()


@pytest.mark.parametrize(
    "lines",
    [
        b"Connection: Upgrade\r\n",
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n",
    ],
)
def test_a_wrong_handshake_is_refused(lines: bytes) -> None:
    web, ours, theirs = pair(b"HTTP/1.1 101 Switching Protocols\r\n" + lines + b"\r\n")
    with ours, theirs, pytest.raises(Wrong):
        web.accepted()
