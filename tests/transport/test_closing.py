"""The server's end of a connection: whatever the client still sends, it takes nothing from the answer (RFC 9112 section 9.6)."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import certificates
from tests.sockets import Client, serving
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


STEP = 1 << 16


class Side(NamedTuple):
    """The server's end of a TCP connection, as the kernel has it."""

    ended: bool  # all has been handed over, and the end of it
    unread: int  # bytes


def side_of(client: Client) -> Side | None:
    """The server's end of the connection of `client`; None where it is gone (proc(5), /proc/net/tcp)."""
    # By both ports: a connection to another server may have had the client's, and still be waited for
    ports = [client.sock.getpeername()[1], client.sock.getsockname()[1]]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, queues, *_ = line.split()
        if [int(each.partition(":")[2], 16) for each in (local, remote)] == ports:
            return Side(state in {"04", "05"}, int(queues.partition(":")[2], 16))
    return None


def read_slowly(client: Client) -> int:
    """Take a little at a time, until the server has handed over all, with its end; how much it was."""
    read = 0
    while (side := side_of(client)) is not None and not side.ended and read + STEP <= SIZE:
        read += len(client.exactly(STEP))
    return read


def looked_at(client: Client) -> bool:
    """Whether the server has read all that was sent, or is gone."""
    side = side_of(client)
    return side is None or (side.ended and not side.unread)


# It looks for its connection by port in the kernel's table, where other tests have theirs.
@pytest.mark.alone
@pytest.mark.parametrize(
    "by, tls",
    [
        ("application", False),
        ("client", False),
        ("client, of a file", False),
        ("application", True),
    ],
)
def test_a_request_sent_too_many_takes_nothing_from_a_large_answer(
    by: str, tls: bool, tmp_path: Path
) -> None:
    """The server closes; a request that comes after that must not be answered with a reset."""
    (tmp_path / "file").write_bytes(b"x" * SIZE)
    options = {"static": [f"/static={tmp_path}"], **(certificates.files(tmp_path) if tls else {})}
    with serving(large, **options) as served:
        client = secure(served) if tls else served.client()
        if by == "application":
            client.ask("/close")
        else:
            client.ask("/" if by == "client" else "/static/file", "Connection: close")
        head = client.head()
        assert head.get("connection") == "close"
        read = read_slowly(client)
        client.send(NEXT)
        served.until(lambda: looked_at(client))
        assert side_of(client) is not None, "the kernel has answered with a reset"
        assert len(client.exactly(SIZE - read)) == SIZE - read
        assert client.sock.recv(1) == b""
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
