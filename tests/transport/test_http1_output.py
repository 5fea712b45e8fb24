"""The output of an HTTP/1 connection: straight to the socket where that is right, in order always; files; lingering ends."""

import os
import socket
from typing import Any

import pytest

from penstock.config import Bind, UnixAddress
from penstock.transport.http1 import Connection
from tests.loops import NewLoop, each_loop
from tests.sockets import serving
from tests.transport.http1_trial import GET, Trial, ok


class Pair(Trial):
    """A connection with a real socket under its fake transport."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        self.connection = Connection.accepted(self.worker, Bind(UnixAddress("/s")), self.ours, "")
        self.connection.connection_made(self.transport)

    def close(self) -> None:
        self.lose()
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def pair() -> Any:
    made = Pair(ok)
    yield made
    made.close()


def test_a_small_answer_goes_straight_to_the_socket(pair: Pair) -> None:
    """The transport hears nothing of it."""
    pair.receive(GET)
    assert pair.theirs.recv(1000).endswith(b"\r\n\r\nok")
    assert pair.transport.written == b""


def test_behind_what_the_transport_holds_nothing_overtakes(pair: Pair) -> None:
    """While it has something to write, all goes through it; afterwards straight again (HTTP-RESP-15)."""
    pair.transport.takes = False
    pair.connection.body(b"a" * (8 << 20), False)
    direct = 0
    while True:
        try:
            direct += len(pair.theirs.recv(1 << 20))
        except BlockingIOError:
            break
    assert 0 < direct < 8 << 20
    assert direct + len(pair.transport.written) == 8 << 20
    pair.connection.body(b"b", False)
    pair.connection.body(b"c" * 20000, False)
    assert pair.transport.written.endswith(b"b" + b"c" * 20000)
    pair.transport.buffered = 0
    pair.connection.body(b"e", False)
    assert pair.theirs.recv(10) == b"e"


def test_a_full_socket_in_the_midst_of_several_parts_loses_none(pair: Pair) -> None:
    """What was not taken goes to the transport, from the right byte on (HTTP-RESP-15)."""
    pair.connection.head(200, [], False, False)
    body = bytes(range(256)) * 20_000
    # Head, chunk size, data and its end: several parts in one call.
    pair.connection.body(body, False)
    got = b""
    while True:
        try:
            got += pair.theirs.recv(1 << 20)
        except BlockingIOError:
            break
    assert pair.transport.written
    head, _, rest = (got + pair.transport.written).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert rest == b"%x\r\n%b\r\n" % (len(body), body)


def test_a_broken_socket_is_the_transports_to_report(pair: Pair) -> None:
    """It gets the bytes and meets the error itself; once it is closing it gets no more (A11)."""
    pair.theirs.close()
    pair.connection.body(b"x", False)
    assert pair.transport.written == b"x"
    pair.transport.abort()
    pair.connection.body(b"y", False)
    pair.connection.body(b"z" * 20000, False)
    assert pair.transport.written == b"x"


def test_a_lost_connection_never_writes_to_its_old_descriptor(pair: Pair) -> None:
    """Its number may be another file's by then."""
    pair.lose()
    other = os.dup(pair.ours.fileno())
    pair.transport.abort()
    pair.connection.body(b"secret", False)
    os.close(other)
    with pytest.raises(BlockingIOError):
        pair.theirs.recv(10)


def test_a_lingering_end_reads_on_and_then_cuts() -> None:
    """Our FIN first; the client's ends it, or its time does."""
    trial = Trial(ok, timeout_undrained=5)
    trial.receive(b"bad\r\n\r\n")
    assert trial.transport.eof
    assert trial.transport.state == "open"
    assert not trial.connection.eof_received()
    trial = Trial(ok, timeout_undrained=5)
    trial.receive(b"bad\r\n\r\n")
    trial.sweep(6)
    assert trial.transport.state == "aborted"


@each_loop
def test_a_refusal_reaches_a_client_that_is_still_sending(new_loop: NewLoop) -> None:
    """No reset takes the answer away from it (threats, rule 2)."""
    with serving(ok, new_loop) as served, served.client() as client:
        client.send(b"POST / HTTP/1.1\r\nContent-Length: 30000\r\n\r\n" + b"x" * 10000)
        client.send(b"x" * 20000)
        assert client.response().status == 400
        assert client.closed()
