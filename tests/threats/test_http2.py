"""Threats to HTTP/2 (H01 to H30), tried on a server with real sockets. What a rule asks of the codec alone is tried in tests/wire."""

import asyncio
import struct
from collections.abc import Iterator
from typing import Any

import hpack
import pytest

from penstock.wire.http2_frames import (
    CANCEL,
    COMPRESSION_ERROR,
    ENHANCE_YOUR_CALM,
    FLAG_END_HEADERS,
    FLAG_END_STREAM,
    FLAG_PADDED,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    NO_ERROR,
    PREFACE,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    SETTINGS_TIMEOUT,
    STREAM_CLOSED,
    TYPE_CONTINUATION,
    TYPE_DATA,
    TYPE_GOAWAY,
    TYPE_HEADERS,
    TYPE_PING,
    TYPE_PRIORITY,
    TYPE_PUSH_PROMISE,
    TYPE_RST_STREAM,
    TYPE_SETTINGS,
    TYPE_WINDOW_UPDATE,
)
from tests.asgi_app import Probe
from tests.http2 import Peer, fields, frame, peer, rst, settings, window_update
from tests.sockets import serving
from tests.threats.gate import Gate

# What a flood may cost at most: far above each limit, far below what an attacker would send.
MANY = 20_000


@pytest.fixture
def attacker(gate: Gate) -> Iterator[Peer]:
    """A peer of the gate that does as it likes."""
    with peer(gate.served) as found:
        yield found


def calmed(attacker: Peer, code: int = ENHANCE_YOUR_CALM) -> None:
    """The connection ends with a GOAWAY that says why, and then altogether."""
    assert attacker.goaway().code == code, attacker.goaway()
    assert attacker.ended()


def flood(attacker: Peer, pieces: Iterator[bytes]) -> None:
    """Send pieces until the server has had enough."""
    batch = b""
    for piece in pieces:
        batch += piece
        if len(batch) > 1 << 14:
            if attacker.deaf:
                return
            attacker.send(batch)
            batch = b""
    attacker.send(batch)


def odd(count: int = MANY) -> Iterator[int]:
    """Numbers of new streams."""
    return iter(range(1, 2 * count, 2))


def raw(*more: tuple[bytes, bytes], drop: bytes = b"", **own: bytes) -> bytes:
    """A block of exactly these fields, whatever they are; pseudo fields first, one changed or left out."""
    pseudo = {b":method": b"GET", b":scheme": b"http", b":authority": b"t", b":path": b"/attack"}
    pseudo |= {b":" + name.encode(): value for name, value in own.items()}
    pseudo.pop(drop, None)
    encoder = hpack.Encoder()
    block: bytes = encoder.encode([*pseudo.items(), *more], huffman=False)
    return block


# ------------------------------------------------------------------------------------------ floods


def test_h01_rapid_reset(gate: Gate, attacker: Peer) -> None:
    """H01: the connection ends after some hundred resets, and never do more requests run than streams are allowed."""
    block = raw(path=b"/wait")
    flood(attacker, (attacker.headers(n, block) + rst(n) for n in odd()))
    calmed(attacker)
    assert gate.notes.most_running <= 100
    assert len(gate.paths) < 1000
    gate.serves_others()


def test_h01_resets_after_the_answer(gate: Gate, attacker: Peer) -> None:
    """H01: a reset that finds its request answered costs no more than the request did, and is ignored."""
    block = raw(path=b"/quick")
    before = b""
    for n in odd(1000):
        attacker.send(before + attacker.headers(n, block))
        attacker.answer(n)
        before = rst(n)
    attacker.pinged()
    assert len(gate.paths) == 1000


def _window_zero(n: int) -> bytes:
    return window_update(n, 0)


def _window_overflow(n: int) -> bytes:
    return window_update(n, 2**31 - 1)


def _data_after_end(n: int) -> bytes:
    return frame(TYPE_DATA, FLAG_END_STREAM, n, b"x")


def _headers_after_end(n: int) -> bytes:
    return frame(TYPE_HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, n, b"\x82")


@pytest.mark.parametrize(
    "push", [_window_zero, _window_overflow, _data_after_end, _headers_after_end]
)
def test_h02_made_to_reset(gate: Gate, attacker: Peer, push: Any) -> None:
    """H02: resets that the server is made to send count as the client's own; what runs keeps its place in the limit."""
    block = raw(path=b"/wait")
    flood(attacker, (attacker.headers(n, block) + push(n) for n in odd(5000)))
    calmed(attacker)
    assert gate.notes.most_running <= 100
    gate.serves_others()


def test_h02_a_body_over_its_length(gate: Gate, attacker: Peer) -> None:
    """H02: so does a body that is longer than it was said to be."""
    block = raw((b"content-length", b"1"), method=b"POST", path=b"/wait")
    too_much = (
        attacker.headers(n, block, end=False) + frame(TYPE_DATA, 0, n, b"xx") for n in odd(5000)
    )
    flood(attacker, too_much)
    calmed(attacker)
    assert gate.notes.most_running <= 100


@pytest.mark.parametrize("piece", [b"", b"x" * 16384], ids=["empty", "16 KiB"])
def test_h03_continuation_flood(gate: Gate, attacker: Peer, piece: bytes) -> None:
    """H03: a header block has a limit of frames and of bytes."""
    block = attacker.encoder.encode(fields())
    attacker.send(frame(TYPE_HEADERS, FLAG_END_STREAM, 1, block))
    flood(attacker, (frame(TYPE_CONTINUATION, 0, 1, piece) for _ in range(2000)))
    calmed(attacker)
    assert gate.paths == []
    gate.serves_others()


def test_h03_a_header_block_has_a_deadline() -> None:
    """H03: one that stays open ends the connection."""
    with serving(Probe(), timeout_request_head=0.2) as served, peer(served) as attacker:
        attacker.pinged()
        attacker.send(frame(TYPE_HEADERS, FLAG_END_STREAM, 1, b"\x82"))
        calmed(attacker)


def test_h04_hpack_bomb(gate: Gate, attacker: Peer) -> None:
    """H04: a block whose fields come to more than the limit is answered with 431, and no more of it is kept."""
    entry = b"\x40\x01a" + b"\x7f\xa1\x1e" + b"v" * 4000
    block = attacker.encoder.encode(fields())
    attacker.send(attacker.headers(1, block + entry))
    attacker.send(attacker.headers(3, block + b"\xbe" * 15000))
    assert attacker.answer(1).status == 200
    assert attacker.answer(3).status == 431
    assert gate.paths == ["/"]


@pytest.mark.parametrize("name", [b"a", b"cookie"])
def test_h05_many_tiny_fields(gate: Gate, attacker: Peer, name: bytes) -> None:
    """H05: fields are counted one by one, cookie crumbs too, each with 32 bytes beyond its own."""
    entry = b"\x40" + bytes([len(name)]) + name + b"\x00"
    block = attacker.encoder.encode(fields()) + entry + b"\xbe" * 4000
    attacker.send(attacker.headers(1, block))
    assert attacker.answer(1).status == 431
    assert gate.paths == []


@pytest.mark.parametrize(
    "flooding",
    [
        pytest.param(settings((4, 65535)), id="H06"),
        pytest.param(settings(*[(4, 65535)] * 200), id="H06-many-in-one"),
        pytest.param(frame(TYPE_PING, 0, 0, b"12345678"), id="H07"),
        pytest.param(frame(TYPE_PRIORITY, 0, 1, b"\x00\x00\x00\x03\x10"), id="H09-priority"),
        pytest.param(window_update(0, 1), id="H09-window"),
        pytest.param(frame(0x77, 0xFF, 0, b"x" * 100), id="H29"),
    ],
)
def test_frames_that_carry_nothing(gate: Gate, attacker: Peer, flooding: bytes) -> None:
    """H06, H07, H09, H29: each costs its own connection; their answers are bounded."""
    flood(attacker, (flooding for _ in range(30_000)))
    calmed(attacker)
    gate.serves_others()


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(frame(TYPE_DATA, 0, 1), id="H08-empty"),
        pytest.param(frame(TYPE_DATA, FLAG_PADDED, 1, b"\x00"), id="H08-padding"),
    ],
)
def test_h08_empty_data(gate: Gate, attacker: Peer, piece: bytes) -> None:
    """H08: DATA without data, that ends nothing."""
    attacker.ask(1, "/body", end=False, method="POST")
    flood(attacker, (piece for _ in range(30_000)))
    calmed(attacker)


def test_h12_padding_is_given_back(gate: Gate, attacker: Peer) -> None:
    """H12: a body in padded pieces arrives whole: padding counts in flow control, and is given back."""
    attacker.ask(1, "/padded", end=False, method="POST")

    def window() -> int:
        updates = [each for each in attacker.frames if each.type == TYPE_WINDOW_UPDATE]
        granted = sum(int.from_bytes(each.payload, "big") for each in updates if each.stream == 1)
        return 65535 + granted - sent

    sent = 0
    for _ in range(500):
        attacker.until(lambda: window() >= 257)
        attacker.send(frame(TYPE_DATA, FLAG_PADDED, 1, b"\xffx" + b"\x00" * 255))
        sent += 257
    attacker.data(1, b"", end=True)
    assert attacker.answer(1).body == b"/padded " + b"x" * 500


def test_h30_answers_that_nobody_reads() -> None:
    """H30: a client that does not read makes nothing grow, and is cut when its time is over."""
    with (
        serving(Probe(), timeout_min_rate=1, timeout_keep_alive=1) as served,
        peer(served, 4096) as attacker,
    ):
        piece = frame(TYPE_PING, 0, 0, b"12345678") * 100
        attacker.sock.settimeout(0.5)
        try:
            for _ in range(100_000):
                attacker.sock.sendall(piece)
        except OSError:
            pass
        served.until(lambda: not served.worker.connections)


# ----------------------------------------------------------------------------- windows and memory


def test_h10_windows_stay_shut() -> None:
    """H10: what applications send into shut windows waits with them, but for bounded queues; byte by byte it goes on."""

    async def large(call: Any) -> None:
        await call.start()
        for _ in range(160):
            await call.write(b"x" * 65536)
            call.note(1)

    probe = Probe(large)
    with serving(probe) as served, peer(served, initial=0, window=0) as attacker:
        for n in odd(100):
            attacker.ask(n)
        attacker.pinged()
        connection = served.connection()
        # The mark of the connection, and what each stream may give before it is told to wait
        assert served.on_loop(lambda: connection.session.queued_bytes) <= (1 << 20) + 100 * 65536
        assert sum(len(call.notes) for call in probe.calls) <= 200
        for n in odd(100):
            attacker.send(window_update(n, 1))
        attacker.until(lambda: sum(each.size for each in attacker.answers.values()) == 100)


def test_h10_a_stream_that_stalls_is_ended() -> None:
    """H10: a window that opens too slowly ends its stream, and the application is told; others go on."""
    ended = []

    async def large(call: Any) -> None:
        try:
            await call.start()
            while True:
                await call.write(b"x" * 65536)
        finally:
            ended.append(call)

    probe = Probe(large)
    with (
        serving(probe, timeout_min_rate=0.3, min_rate=1000) as served,
        peer(served, initial=10) as attacker,
    ):
        attacker.ask(1)
        assert attacker.answer(1).error == CANCEL
        served.until(lambda: ended)
        assert served.on_loop(lambda: served.worker.counters.cut_readers) == 1
        attacker.pinged()


async def deaf(call: Any) -> None:
    await call.told("read")
    await call.answer(b"%d" % len(await call.body()))


def fill(client: Peer, stream: int) -> None:
    """Send as much as a stream's window takes (RFC 9113 section 6.9.2)."""
    for size in (16384, 16384, 16384, 16383):
        client.data(stream, b"x" * size)


def updates(client: Peer) -> list[int]:
    """The streams whose windows were opened since the greeting, 0 for the connection."""
    return [each.stream for each in client.frames[2:] if each.type == TYPE_WINDOW_UPDATE]


def test_h11_an_application_that_never_reads() -> None:
    """H11: windows are given back for what was taken and for nothing else; those of all streams together are 1 MiB."""
    probe = Probe(deaf)
    with serving(probe) as served, peer(served) as client:
        numbers = range(1, 33, 2)
        for n in numbers:
            client.ask(n, end=False, method="POST")
            fill(client, n)
        client.pinged()
        assert updates(client) == []
        for n in numbers:
            probe.call(n // 2).tell("read")
        client.until(lambda: {0, *numbers} <= {*updates(client)})
        for n in numbers:
            client.data(n, b"x", end=True)
        assert {client.answer(n).body for n in numbers} == {b"65536"}


def test_h16_more_than_the_window() -> None:
    """H16: DATA beyond a stream's window ends the stream, beyond the connection's the connection."""
    probe = Probe(deaf)
    with serving(probe) as served, peer(served) as client:
        client.ask(1, end=False, method="POST")
        fill(client, 1)
        client.data(1, b"x")
        assert client.answer(1).error == FLOW_CONTROL_ERROR
        call = probe.call()
        for n in range(3, 37, 2):
            client.ask(n, end=False, method="POST")
            fill(client, n)
        calmed(client, FLOW_CONTROL_ERROR)
        for each in (call, *probe.calls):
            each.tell("read")


# ------------------------------------------------------------------------------------- the protocol


def test_h13_more_streams_than_allowed(gate: Gate, attacker: Peer) -> None:
    """H13: those above the limit are refused, and may be tried again; if it goes on the connection ends."""
    for n in odd(101):
        attacker.ask(n, "/wait")
    assert attacker.answer(201).error == REFUSED_STREAM
    gate.until(lambda: gate.notes.most_running == 100)
    for n in range(203, 203 + 800, 2):
        attacker.ask(n, "/wait")
    calmed(attacker)


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        pytest.param(frame(TYPE_DATA, 0, 1, b"x"), PROTOCOL_ERROR, id="data on idle"),
        pytest.param(rst(1), PROTOCOL_ERROR, id="reset of idle"),
        pytest.param(window_update(1, 1), PROTOCOL_ERROR, id="window of idle"),
        pytest.param(
            frame(TYPE_PUSH_PROMISE, 4, 1, b"\x00\x00\x00\x02\x82"), PROTOCOL_ERROR, id="push"
        ),
        pytest.param(
            frame(TYPE_HEADERS, 5, 2, b"\x82\x84\x86\x41\x01t"), PROTOCOL_ERROR, id="even"
        ),
        pytest.param(frame(TYPE_CONTINUATION, 4, 1, b"\x82"), PROTOCOL_ERROR, id="continuation"),
    ],
)
def test_h14_states(gate: Gate, attacker: Peer, attack: bytes, code: int) -> None:
    """H14: frames where none may be end the connection."""
    attacker.send(attack)
    calmed(attacker, code)
    assert gate.paths == []


def test_h14_numbers_run_out(gate: Gate, attacker: Peer) -> None:
    """H14: the last stream there can be is served, and a GOAWAY says that it was the last."""
    attacker.ask(2**31 - 1, "/last")
    assert attacker.answer(2**31 - 1).status == 200
    assert attacker.goaway().code == NO_ERROR


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        pytest.param(frame(TYPE_DATA, 0, 1, b"x" * 16385), FRAME_SIZE_ERROR, id="H15-16385"),
        pytest.param(frame(TYPE_PING, 0, 0, b"1"), FRAME_SIZE_ERROR, id="H15-ping"),
        pytest.param(frame(TYPE_RST_STREAM, 0, 1, b"1"), FRAME_SIZE_ERROR, id="H15-reset"),
        pytest.param(frame(TYPE_SETTINGS, 0, 0, b"1"), FRAME_SIZE_ERROR, id="H06-length"),
        pytest.param(frame(TYPE_SETTINGS, 1, 0, b"123456"), FRAME_SIZE_ERROR, id="H06-ack"),
        pytest.param(settings((4, 2**31)), FLOW_CONTROL_ERROR, id="H06-window"),
        pytest.param(settings((5, 1)), PROTOCOL_ERROR, id="H06-frame size"),
        pytest.param(settings((2, 2)), PROTOCOL_ERROR, id="H06-push"),
        pytest.param(frame(TYPE_SETTINGS, 0, 1), PROTOCOL_ERROR, id="H06-stream"),
        pytest.param(window_update(0, 0), PROTOCOL_ERROR, id="H16-zero"),
        pytest.param(window_update(0, 2**31 - 1), FLOW_CONTROL_ERROR, id="H16-overflow"),
        pytest.param(
            frame(TYPE_HEADERS, 5 | FLAG_PADDED, 1, b"\xff\x82"), PROTOCOL_ERROR, id="H15-padding"
        ),
        pytest.param(frame(TYPE_GOAWAY, 0, 0, b"1234"), FRAME_SIZE_ERROR, id="H15-goaway"),
        pytest.param(frame(TYPE_WINDOW_UPDATE, 0, 0, b"123"), FRAME_SIZE_ERROR, id="H15-window"),
    ],
)
def test_frames_that_are_wrong(gate: Gate, attacker: Peer, attack: bytes, code: int) -> None:
    """H06, H15, H16: the connection ends with the code that the RFC names."""
    attacker.send(attack)
    calmed(attacker, code)
    gate.serves_others()


def test_h17_after_our_goaway_streams_are_refused() -> None:
    """H17: what runs ends well, what comes after the last GOAWAY is ignored or refused."""
    probe = Probe(slow)
    with serving(probe, timeout_graceful_shutdown=5) as served, peer(served) as client:
        client.ask(1)
        call = probe.call()
        served.server.should_exit = True
        assert client.goaway().payload[:4] == b"\x7f\xff\xff\xff"
        client.ask(3)
        probe.call(1)
        client.until(lambda: any(each.type == TYPE_PING for each in client.frames))
        ping = next(each for each in client.frames if each.type == TYPE_PING)
        client.send(frame(TYPE_PING, 1, 0, ping.payload))
        client.until(lambda: sum(each.type == TYPE_GOAWAY for each in client.frames) == 2)
        assert [each for each in client.frames if each.type == TYPE_GOAWAY][1].payload[:4] == (
            b"\x00\x00\x00\x03"
        )
        client.ask(5)
        call.tell("go on")
        probe.calls[1].tell("go on")
        assert (client.answer(1).status, client.answer(3).status) == (200, 200)
        assert client.ended()
    assert len(probe.calls) == 2


async def slow(call: Any) -> None:
    await call.told("go on")
    await call.answer()


def test_h17_the_client_leaves(gate: Gate, attacker: Peer) -> None:
    """H17: after a GOAWAY of the client its streams are answered."""
    attacker.ask(1, "/wait")
    gate.until(lambda: gate.paths)
    attacker.send(frame(TYPE_GOAWAY, 0, 0, struct.pack(">II", 0, 0)))
    attacker.pinged()
    gate.notes.release = True
    assert attacker.answer(1).status == 200


MALFORMED = {
    "H18-cr": raw((b"x", b"a\rb")),
    "H18-lf": raw((b"x", b"a\nb")),
    "H18-nul": raw((b"x", b"a\0b")),
    "H18-leading space": raw((b"x", b" a")),
    "H18-trailing space": raw((b"x", b"a ")),
    "H18-lf in path": raw(path=b"/\nx"),
    "H18-cr in method": raw(method=b"G\rT"),
    "H18-upper case": raw((b"X", b"a")),
    "H18-colon": raw((b"x:y", b"a")),
    "H18-space in name": raw((b"x y", b"a")),
    "H18-empty name": raw((b"", b"a")),
    "H19-transfer-encoding": raw((b"transfer-encoding", b"chunked")),
    "H19-connection": raw((b"connection", b"close")),
    "H19-keep-alive": raw((b"keep-alive", b"1")),
    "H19-proxy-connection": raw((b"proxy-connection", b"close")),
    "H19-upgrade": raw((b"upgrade", b"h2c")),
    "H19-te": raw((b"te", b"gzip")),
    "H20-no method": raw(drop=b":method"),
    "H20-no scheme": raw(drop=b":scheme"),
    "H20-no path": raw(drop=b":path"),
    "H20-unknown": raw(unknown=b"x"),
    "H20-status": raw(status=b"200"),
    "H20-after fields": raw((b"x", b"a"), (b":path", b"/b"), drop=b":path"),
    "H20-twice": raw((b":path", b"/b")),
    "H20-empty path": raw(path=b""),
    "H20-path without slash": raw(path=b"x"),
    "H20-space in path": raw(path=b"/a b"),
    "H20-space in method": raw(method=b"GET x"),
    "H20-slash in authority": raw(authority=b"t/x"),
    "H20-user": raw(authority=b"u@t"),
    "H20-scheme": raw(scheme=b"h ttp"),
    "H21-hosts": raw((b"host", b"other")),
    "H22-plus": raw((b"content-length", b"+3")),
    "H22-twice": raw((b"content-length", b"3"), (b"content-length", b"4")),
    "H22-with the end": raw((b"content-length", b"3")),
}


@pytest.mark.parametrize("block", MALFORMED.values(), ids=MALFORMED)
def test_heads_that_are_malformed(gate: Gate, attacker: Peer, block: bytes) -> None:
    """H18 to H22: the stream is reset, or answered with 400; nothing of it reaches the application, and others go on."""
    attacker.send(attacker.headers(1, block))
    answer = attacker.answer(1)
    assert answer.error == PROTOCOL_ERROR or answer.status == 400
    attacker.send(attacker.headers(3, raw(path=b"/next")))
    assert attacker.answer(3).body == b"/next "
    assert gate.paths == ["/next"]


@pytest.mark.parametrize(
    ("length", "parts"), [(b"3", [b"xxxx"]), (b"3", [b"xx", b"xx"]), (b"3", [b"xx"]), (b"3", [b""])]
)
def test_h22_bodies_of_another_length(
    gate: Gate, attacker: Peer, length: bytes, parts: list[bytes]
) -> None:
    """H22: the stream is reset, and an application that runs is told."""
    attacker.send(attacker.headers(1, raw((b"content-length", length), path=b"/body"), end=False))
    gate.until(lambda: gate.paths)
    for number, part in enumerate(parts, 1):
        attacker.data(1, part, end=number == len(parts))
    assert attacker.answer(1).error == PROTOCOL_ERROR
    gate.until(lambda: gate.call("/body").disconnected)
    assert not gate.call("/body").ended


@pytest.mark.parametrize(
    ("block", "end"),
    [(b"\x00\x01x\x01y", False), (b"\x82", True), (b"\x00\x01X\x01y", True)],
    ids=["no end", "pseudo", "upper case"],
)
def test_h23_trailers_that_are_malformed(
    gate: Gate, attacker: Peer, block: bytes, end: bool
) -> None:
    """H23: the stream is reset, and the application is told."""
    attacker.ask(1, "/body", end=False, method="POST")
    gate.until(lambda: gate.paths)
    attacker.send(attacker.headers(1, block, end=end))
    assert attacker.answer(1).error == PROTOCOL_ERROR
    gate.until(lambda: gate.call("/body").disconnected)


def test_h23_trailers_are_dropped(gate: Gate, attacker: Peer) -> None:
    """H23: good ones end the body, and reach nobody."""
    attacker.ask(1, "/body", end=False, method="POST")
    attacker.data(1, b"abc")
    attacker.send(attacker.headers(1, [("x-trailer", "1"), ("host", "evil")]))
    assert attacker.answer(1).body == b"/body abc"
    assert (b"host", b"evil") not in gate.call("/body").scope["headers"]


def test_h24_cookie_crumbs(gate: Gate, attacker: Peer) -> None:
    """H24: they come as one field."""
    attacker.ask(1, "/", ("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"))
    attacker.answer(1)
    headers = gate.call("/").scope["headers"]
    assert [value for name, value in headers if name == b"cookie"] == [b"a=1; b=2"]


def test_h21_one_host(gate: Gate, attacker: Peer) -> None:
    """H21: the authority is the host, also where both are there and agree."""
    attacker.ask(1, "/", ("host", "example.test"))
    attacker.answer(1)
    headers = gate.call("/").scope["headers"]
    assert headers[0] == (b"host", b"example.test")
    assert [name for name, _ in headers].count(b"host") == 1


@pytest.mark.parametrize(
    "more",
    [
        pytest.param([(":protocol", "other")], id="unknown"),
        pytest.param([], id="no protocol"),
    ],
)
def test_h25_connect(gate: Gate, attacker: Peer, more: list[tuple[str, str]]) -> None:
    """H25: a CONNECT that is not for a WebSocket is refused, whatever it says."""
    attacker.send(attacker.headers(1, [*fields("/x", method="CONNECT"), *more], end=False))
    answer = attacker.answer(1)
    assert answer.error == PROTOCOL_ERROR or answer.status in {400, 501}
    assert gate.paths == []


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", id="over-long integer"),
        pytest.param(b"\xfe", id="bad index"),
        pytest.param(b"\x80", id="index 0"),
        pytest.param(b"\x00\x84\xff\xff\xff\xff\x01a", id="huffman eos"),
        pytest.param(b"\x3f\xe1\xff\x03", id="table too large"),
        pytest.param(b"\x82\x3f\x01", id="update not at the start"),
        pytest.param(b"\x20" * 16000, id="size updates"),
    ],
)
def test_h26_hpack_faults(gate: Gate, attacker: Peer, block: bytes) -> None:
    """H26: the connection ends with COMPRESSION_ERROR."""
    attacker.send(attacker.headers(1, block))
    calmed(attacker, COMPRESSION_ERROR)
    assert gate.paths == []


@pytest.mark.parametrize("broken", range(len(PREFACE)))
def test_h27_a_preface_that_is_broken(gate: Gate, broken: int) -> None:
    """H27: whichever byte it is, nothing is served; the connection ends."""
    client = gate.client()
    preface = bytearray(PREFACE)
    preface[broken] ^= 0x20 if chr(preface[broken]).isalpha() else 0x01
    client.send(bytes(preface) + settings() + frame(TYPE_HEADERS, 5, 1, raw()))
    client.sock.shutdown(1)
    client.rest()
    assert gate.paths == []


@pytest.mark.parametrize("size", [1, 3, 14, 15, 16, 18, 20, 23])
def test_h27_a_preface_in_pieces(gate: Gate, size: int) -> None:
    """H27: it may come in pieces of any size."""
    with Peer(gate.client().sock, greet=False) as client:
        for start in range(0, len(PREFACE), size):
            client.send(PREFACE[start : start + size])
        client.send(settings())
        client.ask(1, "/pieces")
        assert client.answer(1).status == 200


def test_h27_http_1_after_the_preface(gate: Gate) -> None:
    """H27: what follows the preface is HTTP/2, or nothing."""
    with Peer(gate.client().sock, greet=False) as client:
        client.send(PREFACE + b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        assert client.goaway().code in {PROTOCOL_ERROR, FRAME_SIZE_ERROR}
        assert client.ended()
    assert gate.paths == []


def test_h27_http_2_after_http_1(gate: Gate) -> None:
    """H27: a connection that has begun with HTTP/1 stays with it."""
    client = gate.client()
    assert client.get("/first").status == 200
    client.send(PREFACE + settings())
    gate.ended(client, 505)
    assert gate.paths == ["/first"]


@pytest.mark.parametrize("more", [(), ("HTTP2-Settings: AAMAAABkAAQAAP__", "HTTP2-Settings: x")])
def test_h27_upgrade_to_h2c_is_ignored(gate: Gate, more: tuple[str, ...]) -> None:
    """H27: the request is served once, as HTTP/1.1."""
    client = gate.client()
    response = client.get(
        "/h2c",
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        *more,
        method="POST",
        body=b"x",
    )
    assert (response.status, response.body) == (200, b"/h2c x")
    assert client.get("/next").status == 200


def test_h27_not_where_it_is_switched_off() -> None:
    """H27: --no-http2 serves HTTP/1.1 only."""
    with serving(Probe(), http2=False) as served, served.client() as client:
        client.send(PREFACE + settings())
        assert client.response().status == 505
        assert client.closed()


def test_settings_have_to_be_acknowledged() -> None:
    """RFC 9113 section 6.5.3: within a deadline."""
    with serving(Probe(), timeout_request_head=0.2) as served, peer(served) as client:
        client.acknowledges = False
        calmed(client, SETTINGS_TIMEOUT)


def test_closed_streams_are_told_from_wrong_ones(gate: Gate, attacker: Peer) -> None:
    """H14: frames of a stream that both sides have ended are STREAM_CLOSED, or late and ignored."""
    attacker.ask(1, "/done")
    attacker.answer(1)
    attacker.send(window_update(1, 1) + rst(1))
    attacker.pinged()
    attacker.send(frame(TYPE_DATA, 0, 1, b"x"))
    calmed(attacker, STREAM_CLOSED)


def test_a_stream_that_downloads_does_not_starve_another() -> None:
    """Fairness: while one stream downloads without end, small answers come through."""

    async def handler(call: Any) -> None:
        if call.scope["path"] != "/endless":
            await call.answer(b"small")
            return
        await call.start()
        try:
            while True:
                await call.write(b"x" * 65536)
        except (OSError, asyncio.CancelledError):
            pass

    with serving(Probe(handler)) as served, peer(served) as client:
        client.ask(1, "/endless")
        client.until(lambda: 1 in client.answers and client.answers[1].size > 1 << 20)
        before = client.answers[1].size
        for n in range(3, 23, 2):
            client.ask(n, "/small")
            assert client.answer(n).body == b"small"
        # Each waits for what is under way, and for its turn, not for the end
        assert client.answers[1].size - before < 32 << 20
        client.send(rst(1))
        client.pinged()
