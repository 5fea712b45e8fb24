"""The server's end of a connection: whatever the client still sends, it takes nothing from the answer (RFC 9112 section 9.6)."""

from pathlib import Path
from typing import Any

import pytest

from tests import certificates
from tests.sockets import Client, Served, serving
from tests.transport.http1_trial import GET, Trial
from tests.transport.tls_trial import secure

SIZE = 4 << 20
NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"


async def large(scope: Any, receive: Any, send: Any) -> None:
    """4 MiB; /close says that the connection ends."""
    headers = [(b"content-length", b"%d" % SIZE)]
    if scope["path"] == "/close":
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * SIZE})


async def ok_and_close(scope: Any, receive: Any, send: Any) -> None:
    """A small answer, and the end."""
    headers = [(b"content-length", b"2"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def handed_over(served: Served) -> bool:
    """Whether the kernel has all that the only connection was to send, or the connection is over."""
    return all(
        connection.exchange is None and not connection._transport.get_write_buffer_size()
        for connection in served.worker.connections
    )


def read_slowly(served: Served, client: Client, read: int = 0) -> int:
    """Take a little at a time, until the server has nothing left to hand over; how much it was."""
    while not served.on_loop(lambda: handed_over(served)):
        read += len(client.exactly(1 << 14))
    assert read < SIZE - (1 << 16), "the kernel's buffers hold less than this test needs"
    return read


def drained(served: Served) -> bool:
    """Whether the server has read off something, or the connection is over."""
    return all(connection._drained for connection in served.worker.connections)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("by", ["application", "client", "client, of a file"])
def test_a_request_sent_too_many_takes_nothing_from_a_large_answer(
    by: str, tls: bool, tmp_path: Path
) -> None:
    """The server closes; a request that comes after that must not be answered with a reset."""
    (tmp_path / "file").write_bytes(b"x" * SIZE)
    options = {"static": [f"/static={tmp_path}"], **(certificates.files(tmp_path) if tls else {})}
    with serving(large, **options) as served:
        client = secure(served, receive_buffer=1 << 16) if tls else served.client(1 << 16)
        if by == "application":
            client.ask("/close")
        else:
            client.ask("/" if by == "client" else "/static/file", "Connection: close")
        head = client.head()
        assert head.get("connection") == "close"
        read = read_slowly(served, client)
        client.send(NEXT)
        served.until(lambda: drained(served))
        assert len(client.exactly(SIZE - read)) == SIZE - read
        assert client.closed()
        client.sock.close()
        served.until(lambda: not served.worker.connections)


def test_the_client_s_fin_ends_it_at_once() -> None:
    """Who leaves after the answer leaves nothing behind."""
    with serving(ok_and_close, timeout_undrained=60) as served, served.client() as client:
        assert client.get("/").body == b"ok"
        assert client.closed()
        client.sock.close()
        served.until(lambda: not served.worker.connections)


def test_who_never_leaves_is_left_at_the_deadline() -> None:
    """`timeout_undrained` bounds how long the server listens to what it will not answer (L08)."""
    trial = Trial(ok_and_close, timeout_undrained=5)
    trial.receive(GET)
    assert trial.transport.eof
    assert trial.transport.state == "open"
    trial.sweep(4.9)
    assert trial.transport.state == "open"
    trial.sweep(0.2)
    assert trial.transport.state == "aborted"


def test_what_is_read_off_has_its_limit() -> None:
    """`limit_undrained_body` bounds it in bytes; while the answer is still going out it is only read no further."""
    trial = Trial(ok_and_close, limit_undrained_body=1000)
    trial.receive(GET)
    trial.receive(b"x" * 1000)
    assert trial.transport.state == "open"
    trial.receive(b"x")
    assert trial.transport.state == "aborted"

    slow = Trial(ok_and_close, limit_undrained_body=1000)
    slow.transport.takes = False
    slow.receive(GET)
    slow.receive(b"x" * 1001)
    assert (slow.transport.state, slow.transport.reading) == ("open", False)


def test_an_idle_connection_is_just_closed() -> None:
    """Its answers have arrived long ago: it costs neither a wait nor a timer."""
    trial = Trial(large, timeout_keep_alive=5)
    trial.sweep(60)
    assert trial.transport.state == "closed"
    assert not trial.transport.eof
    assert not trial.loop.later


def test_a_shutdown_does_not_wait_for_who_never_leaves() -> None:
    """One that already reads off is closed when its turn comes; one that begins to is in the same time."""
    trial = Trial(ok_and_close, timeout_undrained=60)
    trial.receive(GET)
    trial.worker.closing = True
    trial.connection.begin_shutdown()
    assert trial.transport.state == "closed"

    late = Trial(ok_and_close, timeout_undrained=60)
    late.worker.closing = True
    late.receive(GET)
    assert late.transport.state == "open"
    late.loop.wait(0.5)
    assert late.transport.state == "closed"


def test_a_server_stops_within_its_drain_while_a_client_never_leaves() -> None:
    """The same over a real connection, whose client neither closes nor says a word."""
    with serving(ok_and_close, timeout_undrained=60, timeout_graceful_shutdown=20) as served:
        client = served.client()
        assert client.get("/").body == b"ok"
        loop = served.loop
        began = loop.time()
        served.stop()
        assert loop.time() - began < 2
        client.sock.close()
