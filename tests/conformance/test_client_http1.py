"""The strict reader of answers, fed through a socket pair."""

import socket
from collections.abc import Iterator

import pytest

from penstock.conformance.client_http1 import Response, Transcript, Wire, Wrong, connect


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Wire]]:
    server, client = socket.socketpair()
    with server, Wire(client, Transcript(), 0.2) as wire:
        yield server, wire


def answered(
    ends: tuple[socket.socket, Wire], raw: bytes, *, close: bool = False, head: bool = False
) -> Response:
    server, wire = ends
    server.sendall(raw)
    if close:
        server.close()
    return wire.response(head=head)


@pytest.mark.parametrize(
    ("raw", "body", "framing", "complete"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok", "length", True),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1;x\r\nb\r\n0\r\n\r\n",
            b"ab",
            "chunked",
            True,
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nall", b"all", "close", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", b"ok", "length", False),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", b"ab", "chunked", False),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n", b"", "none", True),
    ],
)
def test_answers_are_read(
    ends: tuple[socket.socket, Wire], raw: bytes, body: bytes, framing: str, complete: bool
) -> None:
    found = answered(ends, raw, close=True)
    assert (found.body, found.framing, found.complete) == (body, framing, complete)


@pytest.mark.parametrize(
    "raw",
    [
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad line\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\na",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
    ],
)
def test_wrong_answers_raise(ends: tuple[socket.socket, Wire], raw: bytes) -> None:
    with pytest.raises(Wrong):
        answered(ends, raw, close=True)


def test_silence_is_wrong_after_the_patience(ends: tuple[socket.socket, Wire]) -> None:
    with pytest.raises(Wrong, match=r"nothing more in 0\.2 s"):
        ends[1].response()


def test_a_head_is_followed_by_the_next_answer(ends: tuple[socket.socket, Wire]) -> None:
    found = answered(
        ends,
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nHTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n",
        head=True,
    )
    assert (found.status, found.body, ends[1].response().status) == (200, b"", 404)


def test_trailers_and_the_transcript_are_kept(ends: tuple[socket.socket, Wire]) -> None:
    found = answered(
        ends, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-a: 1\r\n\r\n"
    )
    assert found.trailers == [(b"x-a", b"1")]
    assert "transfer-encoding" in ends[1].transcript.lines[0]


def test_a_connection_that_cannot_be_made_is_wrong(free_port: int) -> None:
    with pytest.raises(Wrong, match="expected a connection"):
        connect(("127.0.0.1", free_port), Transcript(), 0.5)
