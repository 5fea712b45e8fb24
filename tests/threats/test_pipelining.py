"""Many requests on one connection, and the end of it (threats P01 to P06)."""

import pytest

from tests.threats.gate import NEXT, SMUGGLED, Gate, Sender, request

CLOSE = request(b"Connection: close", line=b"GET /last HTTP/1.1")
HANDSHAKE = (
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def numbered(count: int) -> bytes:
    """So many requests, each with its number, every third one with a body."""
    made = []
    for i in range(count):
        if i % 3:
            made.append(request(line=b"GET /%d HTTP/1.1" % i))
        else:
            body = b"body %d" % i
            made.append(
                request(b"Content-Length: %d" % len(body), line=b"POST /%d HTTP/1.1" % i) + body
            )
    return b"".join(made)


def answer(i: int) -> bytes:
    return b"/%d %b" % (i, b"" if i % 3 else b"body %d" % i)


@pytest.mark.parametrize("count", [3, 100])
def test_pipelined_requests_are_answered_in_order(gate: Gate, count: int) -> None:
    """P01: none lost, one at a time for the application."""
    client = gate.client()
    client.send(numbered(count))
    assert [client.response().body for _ in range(count)] == [answer(i) for i in range(count)]
    assert gate.paths == [f"/{i}" for i in range(count)]
    assert gate.notes.most_running == 1


def test_requests_that_come_byte_by_byte_are_answered_in_order(gate: Gate) -> None:
    """P01."""
    client = gate.client()
    for byte in numbered(4):
        client.send(bytes([byte]))
    assert [client.response().body for _ in range(4)] == [answer(i) for i in range(4)]


def test_a_slow_request_holds_those_behind_it(gate: Gate) -> None:
    """P01: the second is not even begun before the first is answered."""
    client = gate.client()
    client.send(request(line=b"GET /wait HTTP/1.1") + numbered(3))
    gate.until(lambda: gate.paths)
    gate.serves_others()
    assert gate.paths == ["/wait"]
    gate.notes.release = True
    assert client.response().body == b"/wait "
    assert [client.response().body for _ in range(3)] == [answer(i) for i in range(3)]
    assert gate.notes.most_running == 1


def test_a_hundred_requests_with_a_fin_behind_them_are_answered(gate: Gate) -> None:
    """P01, P04: more than are begun in one turn of the loop."""
    client = gate.client()
    client.send(numbered(100))
    client.finish()
    assert [client.response().body for _ in range(100)] == [answer(i) for i in range(100)]
    assert client.closed()


def test_read_ahead_is_bounded_while_a_request_runs(gate: Gate) -> None:
    """P01: what is pipelined behind a slow request waits in the kernel, not in our memory."""
    client = gate.client()
    client.send(request(line=b"GET /wait HTTP/1.1"))
    gate.until(lambda: gate.paths)
    assert client.flood(NEXT * 1000, 64 << 20) < 24 << 20
    gate.serves_others()


def test_read_ahead_is_bounded_while_answers_are_not_read(gate: Gate) -> None:
    """P01, S04: one who asks and asks and reads nothing is not listened to any more."""
    client = gate.client(receive_buffer=4096)
    client.send(request(line=b"GET /large HTTP/1.1") * 8)
    assert client.flood(NEXT * 1000, 64 << 20) < 24 << 20
    assert len(gate.paths) < 8
    gate.serves_others()
    assert client.response().body == b"x" * (1 << 20)


@pytest.mark.parametrize(
    "bad",
    [
        b"BAD\r\n\r\n",
        request(b"X : y"),
        request(b"Content-Length: x"),
        request(b"Transfer-Encoding: chunked") + b"zz\r\n",
        request(host=b""),
    ],
)
def test_nothing_is_served_behind_an_error(gate: Gate, bad: bytes) -> None:
    """P02: not even what was read already; what came before it is answered."""
    gate.refuses(bad, behind=SMUGGLED * 3)
    client = gate.client()
    client.send(NEXT + bad + SMUGGLED)
    assert client.response().body == b"/next "
    gate.ended(client, 400)
    assert gate.paths == ["/next"]


def test_what_follows_a_refusal_is_read_off_to_a_limit(gate: Gate) -> None:
    """P02, general rule 3: and then the connection is cut, however the client goes on."""
    client = gate.client()
    client.send(b"BAD\r\n\r\n")
    assert client.response().status == 400
    with pytest.raises(ConnectionError):
        client.flood(SMUGGLED * 100, 24 << 20)
    gate.serves_others()
    assert gate.paths == []


@pytest.mark.parametrize(
    "last",
    [
        CLOSE,
        request(b"Connection: keep-alive, close", line=b"GET /last HTTP/1.1"),
        request(b"Connection: CLOSE", b"Connection: keep-alive", line=b"GET /last HTTP/1.1"),
        request(line=b"GET /last HTTP/1.0"),
        request(b"Connection: x", line=b"GET /last HTTP/1.0"),
    ],
)
def test_the_last_request_is_the_last(gate: Gate, last: bytes) -> None:
    """P03: one answer, then close."""
    client = gate.client()
    client.send(last + SMUGGLED)
    response = client.response()
    assert response.body == b"/last "
    assert response.get("connection") == "close"
    assert client.closed()
    assert gate.paths == ["/last"]


def test_much_that_follows_the_last_request_takes_its_answer_away_from_nobody(gate: Gate) -> None:
    """P03: our close is no reset while the client still writes (RFC 9112 section 9.6)."""
    client = gate.client()
    sender = Sender(
        client, request(b"Connection: close", line=b"GET /large HTTP/1.1") + SMUGGLED * 1000
    )
    assert client.response().body == b"x" * (1 << 20)
    sender.join()
    assert gate.paths == ["/large"]


def test_http_1_0_stays_open_where_both_want_it(gate: Gate) -> None:
    """P03: `connection: keep-alive` is what makes the difference."""
    client = gate.client()
    client.send(request(b"Connection: keep-alive", line=b"GET /a HTTP/1.0") + CLOSE)
    assert client.response().get("connection") == "keep-alive"
    assert client.response().body == b"/last "
    assert client.closed()


@pytest.mark.parametrize("path", [b"/quick", b"/leaves", b"/large"])
def test_a_half_closed_client_gets_its_answer(gate: Gate, path: bytes) -> None:
    """P04: also if the application hears of the FIN first, and if the answer is large."""
    client = gate.client()
    client.send(request(b"Content-Length: 2", line=b"POST " + path + b" HTTP/1.1") + b"ab")
    client.finish()
    body = client.response().body
    assert body == (b"x" * (1 << 20) if path == b"/large" else path + b" ab")
    assert client.closed()


def test_half_a_request_behind_a_whole_one_and_a_fin_is_refused_at_once(gate: Gate) -> None:
    """P04: nothing more can come, so nothing is waited for."""
    for half in (NEXT[:20], request(b"Content-Length: 10", line=b"POST /half HTTP/1.1") + b"1"):
        client = gate.client()
        client.send(request(line=b"GET /wait HTTP/1.1") + half)
        client.finish()
        gate.until(lambda: gate.paths)
        gate.notes.release = True
        assert client.response().body == b"/wait "
        gate.ended(client, 400)
        gate.notes.reset()


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ((b"Sec-WebSocket-Version: 13",), 403),
        ((b"Sec-WebSocket-Version: 12",), 426),
        ((), 426),
        ((b"Sec-WebSocket-Version: 13", b"Content-Length: 0"), 403),
    ],
)
def test_nothing_is_served_behind_a_refused_upgrade(
    gate: Gate, more: tuple[bytes, ...], status: int
) -> None:
    """P05: whether the application refuses the WebSocket or the server does."""
    client = gate.client()
    client.send(request(*HANDSHAKE, *more, line=b"GET /socket HTTP/1.1") + SMUGGLED)
    gate.serves_others()
    gate.ended(client, status)
    assert gate.paths == (["/socket"] if status == 403 else [])


@pytest.mark.parametrize(
    "upgrade",
    [
        (
            b"Upgrade: h2c",
            b"Connection: Upgrade, HTTP2-Settings",
            b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        ),
        (b"Upgrade: websocket",),
        (b"Upgrade: TLS/1.0", b"Connection: upgrade"),
    ],
)
def test_an_upgrade_that_means_nothing_here_is_ignored(
    gate: Gate, upgrade: tuple[bytes, ...]
) -> None:
    """P05: the answer is HTTP/1.1's, and so is what follows."""
    gate.serves(request(*upgrade, line=b"GET /plain HTTP/1.1"))
    assert gate.paths == ["/plain", "/next"]


def test_one_empty_line_before_a_request_is_skipped(gate: Gate) -> None:
    """P06: also between requests, and in two pieces."""
    client = gate.client()
    client.send(b"\r\n" + NEXT + b"\r\n" + NEXT + b"\r")
    assert [client.response().body for _ in range(2)] == [b"/next "] * 2
    client.send(b"\n" + NEXT)
    assert client.response().body == b"/next "


@pytest.mark.parametrize(
    "lines", [b"\r\n\r\n", b"\r\n" * (1 << 19), b"\n", b"\r\n\n", b"\r", b"\r\r\n"]
)
def test_more_empty_lines_are_refused(gate: Gate, lines: bytes) -> None:
    """P06: a second one, and any that is not CR LF."""
    gate.refuses(lines)
