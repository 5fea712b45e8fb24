"""The HTTP/2 client against the h2 library's idea of a server."""

import socket

import h2.config
import h2.connection
import h2.events
import pytest

from penstock.conformance.client_http1 import Transcript, Wire, Wrong
from penstock.conformance.client_http2 import Frame, Http2


def test_a_request_is_answered_by_another_implementation() -> None:
    ours, theirs = socket.socketpair()
    server = h2.connection.H2Connection(
        h2.config.H2Configuration(client_side=False, header_encoding=None)
    )
    with ours, theirs:
        wire = Wire(ours, Transcript(), 0.3)
        client = Http2(wire, "name", {})
        stream = client.open(client.fields(b"/x", b"POST"), end=False)
        client.data(stream, b"body", end=True)
        server.initiate_connection()
        events = server.receive_data(theirs.recv(1 << 16))
        request = next(e for e in events if isinstance(e, h2.events.RequestReceived))
        assert (b":path", b"/x") in [tuple(pair) for pair in request.headers]
        assert b"".join(e.data for e in events if isinstance(e, h2.events.DataReceived)) == b"body"
        server.send_headers(stream, [(b":status", b"103"), (b"link", b"<a>")])
        server.send_headers(stream, [(b":status", b"200"), (b"x-a", b"1")])
        server.send_data(stream, b"one")
        server.send_headers(stream, [(b"x-b", b"2")], end_stream=True)
        theirs.sendall(server.data_to_send())
        answer = client.answer(stream)
        assert (answer.status, answer.body, answer.trailers) == (200, b"one", [(b"x-b", b"2")])
        assert answer.informational == [(103, [(b"link", b"<a>")])]
        assert answer.all(b"x-a") == [b"1"]


def test_an_answer_that_never_ends_is_wrong() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client = Http2(Wire(ours, Transcript(), 0.05), "name", {})
        with pytest.raises(Wrong, match="the end of the answer"):
            client.ask(client.fields())


def test_frames_are_shown_by_name() -> None:
    assert str(Frame(0, 1, 3, b"ab")) == "DATA flags=0x1 stream=3 2 bytes"
