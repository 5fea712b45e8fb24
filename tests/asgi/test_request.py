"""Request bodies: events, streaming, backpressure, 100-continue, and bodies that break off (section HTTP-REQ)."""

import asyncio
import hashlib
import random
from typing import Any

import pytest

from tests.asgi_app import Call, Probe, echo
from tests.loops import NewLoop, each_loop
from tests.sockets import serving


async def note_events(call: Call) -> None:
    """Take events up to the disconnect or the end of the body, note them, and answer."""
    while True:
        event = await call.receive()
        if event["type"] == "http.disconnect" or not event["more_body"]:
            break
    call.note("over")
    await call.answer()


@pytest.mark.usefixtures("each_protocol")
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("length", [(), ("Content-Length: 0",)])
def test_a_request_without_a_body_gives_one_empty_event(
    method: str, length: tuple[str, ...]
) -> None:
    """The first event is http.request, not a disconnect (HTTP-REQ-01, HTTP-REQ-03, A14, L09)."""
    probe = Probe(note_events)
    with serving(probe) as served, served.client() as client:
        for _ in range(2):
            client.get("/", *length, method=method)
    for call in probe.calls:
        assert call.events == [{"type": "http.request", "body": b"", "more_body": False}]


def test_an_empty_chunked_body_is_an_empty_body() -> None:
    """Also if it takes its time (HTTP-REQ-03, HTTP-REQ-06)."""
    probe = Probe(echo)
    with serving(probe) as served, served.client() as client:
        client.ask("/", "Transfer-Encoding: chunked", method="POST")
        probe.call()
        client.send(b"0\r\n\r\n")
        assert client.response().body == b""
    assert b"".join(event["body"] for event in probe.calls[0].events) == b""
    assert [event["more_body"] for event in probe.calls[0].events][-1] is False


@each_loop
@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 10 << 20])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_arrive_whole(new_loop: NewLoop, size: int, chunked: bool) -> None:
    """Hashed on both sides; `more_body` is false once, at the end (HTTP-REQ-04, HTTP-HDR-11)."""
    body = random.Random(size).randbytes(size)

    async def handler(call: Call) -> None:
        total = hashlib.sha256()
        last = 0
        while not last:
            event = await call.raw_receive()
            total.update(event["body"])
            last += not event["more_body"]
        await call.answer(total.hexdigest().encode())

    with serving(Probe(handler), new_loop) as served, served.client() as client:
        for _ in range(2):
            if chunked:
                client.ask("/", "Transfer-Encoding: chunked", method="POST")
                for start in range(0, size, 100_000):
                    part = body[start : start + 100_000]
                    client.send(b"%x\r\n%b\r\n" % (len(part), part))
                client.send(b"0\r\n\r\n")
            else:
                client.ask(method="POST", body=body)
            assert client.response().body == hashlib.sha256(body).hexdigest().encode()


@each_loop
@pytest.mark.parametrize("chunked", [False, True])
def test_the_application_starts_before_the_body_is_there(new_loop: NewLoop, chunked: bool) -> None:
    """It gets the parts as they arrive (HTTP-REQ-05)."""

    async def handler(call: Call) -> None:
        more = True
        while more:
            event = await call.receive()
            more = event["more_body"]
            call.note(event["body"])
        await call.answer()

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        framing = "Transfer-Encoding: chunked" if chunked else "Content-Length: 6"
        client.ask("/", framing, method="POST")
        probe.call()
        for part in (b"one", b"two"):
            client.send(b"3\r\n%b\r\n" % part if chunked else part)
            probe.call().noted(part)
        if chunked:
            client.send(b"0\r\n\r\n")
        assert client.response().status == 200


def test_chunks_extensions_and_trailers_are_taken_off() -> None:
    """The application sees the payload, nothing of its framing (HTTP-REQ-06, HTTP-HDR-11, C08, C11)."""
    probe = Probe(echo)
    with serving(probe) as served, served.client() as client:
        client.ask("/", "Transfer-Encoding: chunked", method="POST")
        client.send(b'1\r\na\r\n010;x=y;z="q;\\""\r\n0123456789abcdef\r\n')
        client.send(b"0\r\nx-trailer: 1\r\nHost: evil\r\n\r\n")
        assert client.response().body == b"a0123456789abcdef"
    assert [name for name, _ in probe.calls[0].scope["headers"]] == [b"host", b"transfer-encoding"]


def test_a_body_byte_by_byte() -> None:
    """However the bytes are cut, the body is the same (HTTP-REQ-04, HTTP-REQ-06)."""
    raw = (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\nA;e\r\n0123456789\r\n0\r\nt: 1\r\n\r\n"
    )
    with serving(Probe(echo)) as served, served.client() as client:
        for _ in range(2):
            for byte in raw:
                client.send(bytes([byte]))
            assert client.response().body == b"abc0123456789"


@each_loop
@pytest.mark.parametrize("chunked", [False, True])
def test_an_application_that_does_not_read_stops_the_client(
    new_loop: NewLoop, chunked: bool
) -> None:
    """A 64 MiB upload stalls in the kernel's buffers; the server holds little of it, and then all arrives (HTTP-REQ-12)."""
    size = 64 << 20
    chunk = b"x" * 65536
    piece = b"10000\r\n" + chunk + b"\r\n" if chunked else chunk

    async def handler(call: Call) -> None:
        await call.told("go")
        total, more = 0, True
        while more:
            event = await call.raw_receive()
            total += len(event["body"])
            more = event["more_body"]
        await call.answer(b"%d" % total)

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
        client.ask("/", framing, method="POST")
        probe.call()
        written = client.flood(piece, size)
        assert written < size // 2
        connection = served.connection()
        held = served.on_loop(lambda: connection.exchange.buffered)
        # One read of the socket more than the limit of 64 KiB; a read of uvloop is up to 256 KiB.
        assert held <= 65536 + 262144
        probe.call().tell("go")
        # Go on where the flood broke off, in the midst of a piece.
        pieces = size // len(chunk) * len(piece)
        for at in range(written, pieces, 1 << 20):
            start = at % len(piece)
            data = (piece * (2 + (1 << 20) // len(piece)))[
                start : start + min(1 << 20, pieces - at)
            ]
            client.send(data)
        if chunked:
            client.send(b"0\r\n\r\n")
        assert client.response().body == b"%d" % size


def test_100_continue_comes_when_the_application_asks() -> None:
    """Not before its first receive, and once (HTTP-REQ-13, S10)."""

    async def handler(call: Call) -> None:
        await call.told("read")
        await call.answer(await call.body())

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        for number in range(2):
            client.ask("/", "Expect: 100-continue", "Content-Length: 4", method="POST")
            probe.call(number)
            client.sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                client.sock.recv(1)
            client.sock.settimeout(10)
            probe.call(number).tell("read")
            assert client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.send(b"bo")
            client.send(b"dy")
            response = client.response()
            assert response.body == b"body"
            assert response.informational == []


@each_loop
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("how", ["fin", "reset"])
def test_a_body_that_breaks_off(new_loop: NewLoop, chunked: bool, how: str) -> None:
    """The application gets what came, then http.disconnect, never an orderly end (HTTP-REQ-14, C09)."""
    probe = Probe(note_events)
    with serving(probe, new_loop) as served, served.client() as client:
        client.ask(
            "/", "Transfer-Encoding: chunked" if chunked else "Content-Length: 100", method="POST"
        )
        client.send(b"32\r\n" + b"x" * 20 if chunked else b"x" * 50)
        call = probe.call()
        if how == "fin":
            client.finish()
            assert client.response().status == 400
            assert client.closed()
        else:
            client.reset()
        call.noted("over")
        call.wait()
    assert call.events[-1] == {"type": "http.disconnect"}
    assert all(event["more_body"] for event in call.events[:-1])


@each_loop
@pytest.mark.parametrize(
    "broken",
    [b"3\r\nabcX\r\n", b"0x3\r\nabc\r\n", b"3\nabc\r\n", b"g\r\n", b"-1\r\n", b"0\r\nbad\r\n\r\n"],
)
def test_a_broken_chunk_is_a_disconnect_and_a_400(new_loop: NewLoop, broken: bytes) -> None:
    """Never a silent end of the body (HTTP-REQ-15, C01, C03)."""
    probe = Probe(note_events)
    with serving(probe, new_loop) as served, served.client() as client:
        client.ask("/", "Transfer-Encoding: chunked", method="POST")
        call = probe.call()
        client.send(broken + b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.response().status == 400
        assert client.closed()
        call.wait()
    assert call.events[-1] == {"type": "http.disconnect"}
    assert len(probe.calls) == 1


def test_a_broken_chunk_in_the_same_bytes_as_the_head() -> None:
    """The application need not be called at all; nothing after it is served (HTTP-REQ-15, P02)."""
    probe = Probe(note_events)
    with serving(probe) as served, served.client() as client:
        client.send(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
            b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        assert client.response().status == 400
        assert client.closed()
    assert all(call.scope["path"] != "/next" for call in probe.calls)


def test_a_broken_body_after_the_response_has_begun_cuts_it() -> None:
    """No 400 in the midst of a response, no orderly end either (HTTP-REQ-15, rule C09)."""

    async def handler(call: Call) -> None:
        await call.start()
        await call.write(b"part")
        while (await call.receive())["type"] != "http.disconnect":
            pass
        error = await call.raised_by({"type": "http.response.body", "body": b"more"})
        call.note(isinstance(error, OSError))

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        client.ask("/", "Transfer-Encoding: chunked", method="POST")
        assert client.head().status == 200
        client.send(b"zz\r\n")
        assert client.rest() == b"4\r\npart\r\n"
        assert probe.call().wait().notes == [True]


@each_loop
def test_a_body_that_came_before_the_disconnect_is_delivered(new_loop: NewLoop) -> None:
    """First http.request, whole, then http.disconnect (HTTP-REQ-16)."""

    async def handler(call: Call) -> None:
        await call.told("left")
        call.note([await call.raw_receive(), await call.raw_receive(), await call.raw_receive()])

    probe = Probe(handler)
    with serving(probe, new_loop) as served:
        for number, leave in enumerate(("reset", "finish")):
            with served.client() as client:
                client.ask(method="POST", body=b"whole")
                probe.call(number)
                exchange = served.connection().exchange
                served.until(lambda exchange=exchange: exchange.buffered == 5)
                getattr(client, leave)()
                served.until(lambda leave=leave: not served.worker.connections or leave == "finish")
                probe.call(number).tell("left")
                probe.call(number).wait()
    for call in probe.calls:
        assert call.notes[0][0] == {"type": "http.request", "body": b"whole", "more_body": False}
        assert call.notes[0][1:] == [{"type": "http.disconnect"}] * 2


@each_loop
def test_two_receivers_at_once_lose_nothing(new_loop: NewLoop) -> None:
    """Each event goes to one of them; after the end both get the disconnect (A14, APP-17)."""

    async def handler(call: Call) -> None:
        parts: list[bytes] = []

        async def take() -> str:
            while (event := await call.raw_receive())["type"] == "http.request":
                parts.append(event["body"])
                call.note(b"".join(parts))
            return str(event["type"])

        takers = [asyncio.create_task(take()) for _ in range(3)]
        while b"".join(parts) != b"abcdef":
            await asyncio.sleep(0)
        await call.answer(b"".join(parts))
        call.note(await asyncio.gather(*takers))

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        client.ask("/", "Content-Length: 6", method="POST")
        call = probe.call()
        for end in (2, 4, 6):
            client.send(b"abcdef"[end - 2 : end])
            call.noted(b"abcdef"[:end])
        assert client.response().body == b"abcdef"
        assert call.wait().notes[-1] == ["http.disconnect"] * 3


def test_a_request_that_waits_for_ever_costs_no_turns() -> None:
    """A parked receive() of a bodyless request waits without being woken (A14, HTTP-DISC-05)."""
    wakes: list[Any] = []

    async def handler(call: Call) -> None:
        await call.body()
        call.note("parked")
        wakes.append(await call.raw_receive())

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        client.ask()
        call = probe.call()
        call.noted("parked")
        for _ in range(20):
            served.on_loop(lambda: served.worker.sweep(served.loop.time()))
        assert wakes == []
        client.reset()
        call.wait()
    assert wakes == [{"type": "http.disconnect"}]
