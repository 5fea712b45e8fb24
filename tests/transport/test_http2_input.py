"""What an HTTP/2 connection receives becomes exchanges: requests, bodies, WebSockets, refusals."""

from typing import Any

import pytest

from penstock.wire.http2_frames import (
    FRAME_SIZE_ERROR,
    TYPE_DATA,
    TYPE_GOAWAY,
    TYPE_HEADERS,
    TYPE_PING,
)
from tests.asgi_app import Call, Probe
from tests.http2 import Http2Client, fields, frame, http2, peer
from tests.sockets import serving
from tests.transport.http1_trial import echo, ok
from tests.transport.http2_trial import Trial


def test_a_request_becomes_a_scope() -> None:
    """Version, host first, path, query; no pseudo header among its headers (HTTP-HDR-06, HTTP-HDR-07)."""
    probe = Probe()
    with serving(probe) as served, http2(served) as client:
        client.get("/a%20b?c=d", "x-own: 1")
    scope = probe.calls[0].scope
    assert (scope["http_version"], scope["method"], scope["scheme"]) == ("2", "GET", "http")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b", b"/a%20b", b"c=d")
    assert scope["headers"] == [(b"host", b"example.test"), (b"x-own", b"1")]
    assert "http.response.push" in scope["extensions"]


def test_bodies_of_several_streams_do_not_mix() -> None:
    """Whatever the order of their pieces; each has its scope (HTTP-CONN-03, HTTP-SCOPE-23)."""
    trial = Trial(echo)
    for n in (1, 3, 5):
        trial.ask("/", stream=n, end=False, method="POST")
    for piece in (b"a", b"b", b"c"):
        for n in (1, 3, 5):
            trial.peer.data(n, b"%d%b" % (n, piece))
    for n in (5, 1, 3):
        trial.peer.data(n, b"", end=True)
        assert trial.answer(n).body == b"%da%db%dc" % (n, n, n)


def test_a_read_full_of_requests_lets_the_loop_turn() -> None:
    """After 64 of them; none is lost, and reading waits meanwhile."""
    trial = Trial(ok)
    requests = [trial.peer.headers(n, fields()) for n in range(1, 301, 2)]
    trial.receive(b"".join(requests))
    assert trial.worker.requests == 64
    trial.loop.turn()
    assert trial.worker.requests == 128
    trial.settle()
    assert [each.status for each in trial.peer.answers.values()] == [200] * 150
    assert trial.transport.reading


@pytest.mark.parametrize("half", [True, False])
def test_a_client_that_ends_its_side(half: bool) -> None:
    """Requests that are whole are answered, others cannot become so (C09)."""
    trial = Trial(echo)
    trial.ask("/whole") if not half else trial.ask("/half", end=False, method="POST")
    if half:
        assert trial.connection.eof_received()
        trial.loop.wait(0.6)
        assert trial.answer().status == 400
    else:
        assert trial.answer().status == 200
        assert not trial.connection.eof_received()


def test_a_limit_of_bodies_holds() -> None:
    """413, before the application has got too much."""
    trial = Trial(echo, limit_request_body=10)
    trial.ask("/declared", ("content-length", "11"), end=False, method="POST")
    assert trial.answer(1).status == 413
    trial.ask("/not", stream=3, end=False, method="POST")
    trial.peer.data(3, b"x" * 11)
    assert trial.answer(3).status == 413
    trial.ask("/fits", stream=5, end=False, method="POST")
    trial.peer.data(5, b"x" * 10, end=True)
    assert trial.answer(5).body == b"x" * 10


def test_a_head_that_is_too_long_is_a_431() -> None:
    """And other streams go on."""
    trial = Trial(ok, limit_request_head=1000)
    trial.ask("/", ("x", "y" * 2000))
    trial.ask("/", stream=3)
    assert [trial.answer(n).status for n in (1, 3)] == [431, 200]


def test_5_4_1_a_broken_protocol_ends_all_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    """A GOAWAY, the end of the connection, and one line with the rule."""
    trial = Trial(echo)
    trial.ask("/", end=False, method="POST")
    trial.peer.send(b"\x00\x00\x01\x06\x00\x00\x00\x00\x00x")
    trial.settle()
    assert [each.code for each in trial.peer.frames if each.type == TYPE_GOAWAY] == [
        FRAME_SIZE_ERROR
    ]
    assert trial.transport.eof
    assert trial.connection.exchanges() == []
    (line,) = [each.message for each in caplog.records if "FRAME_SIZE_ERROR" in each.message]
    assert "RFC 9113" in line
    assert trial.worker.counters.refused_bad == 1


def test_forwarded_headers_are_each_streams_own() -> None:
    """What a trusted proxy says of one request holds for no other."""
    probe = Probe()
    with serving(probe) as served, http2(served) as client:
        client.get("/a", "x-forwarded-for: 192.0.2.1", "x-forwarded-proto: https")
        client.get("/b")
        client.get("/c", "x-forwarded-for: 192.0.2.2")
    clients = [call.scope["client"][0] for call in probe.calls]
    assert clients == ["192.0.2.1", "127.0.0.1", "192.0.2.2"]
    assert [call.scope["scheme"] for call in probe.calls] == ["https", "http", "http"]


def test_full_houses_refuse_streams_as_they_refuse_connections() -> None:
    """--limit-concurrency counts requests, whatever carries them (S12)."""

    async def app(call: Call) -> None:
        await call.told("go on")
        await call.answer()

    probe = Probe(app)
    with (
        serving(probe, limit_concurrency=2, limit_queue=1, timeout_queue=5) as served,
        http2(served) as client,
    ):
        streams = [client.ask(f"/{n}") for n in range(4)]
        refused = client.answer(streams[3])
        assert (refused.status, refused.get("retry-after")) == (503, "1")
        probe.call(0).tell("go on")
        assert client.answer(streams[0]).status == 200
        probe.call(1).tell("go on")
        probe.call(2).tell("go on")
        assert [client.answer(n).status for n in streams[1:3]] == [200, 200]
        served.until(lambda: served.worker.admission.running == 0)


# -------------------------------------------------------------------------------------- WebSockets


def connect(client: Http2Client, *headers: str) -> int:
    """An extended CONNECT (RFC 8441 section 5)."""
    return client.ask(
        "/ws",
        "sec-websocket-version: 13",
        *headers,
        method="CONNECT",
        pseudo=[(":protocol", "websocket")],
        end=False,
    )


def masked(opcode: int, payload: bytes) -> bytes:
    """A frame of a client; a mask of zeros."""
    return bytes((0x80 | opcode, 0x80 | len(payload))) + b"\0\0\0\0" + payload


def received(client: Http2Client, stream: int, size: int) -> bytes:
    while client.answers[stream].size < size:
        assert client.more()
    return client.answers[stream].body


async def chat(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "websocket"
    await receive()
    if scope["path"] != "/ws":
        return
    if b"deny" in dict(scope["headers"]).values():
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"].upper()})


def test_a_websocket_by_extended_connect() -> None:
    """Messages both ways, the close handshake, and the end of the stream on both sides (RFC 8441)."""
    with serving(chat) as served, http2(served) as client:
        stream = connect(client, "sec-websocket-protocol: a, b")
        answer = client.head(stream)
        assert (answer.status, answer.get("sec-websocket-protocol")) == (200, "a")
        assert answer.get("sec-websocket-accept") is None
        assert served.on_loop(lambda: served.worker.websockets) == 1
        client.send(stream, masked(1, b"hello"))
        assert received(client, stream, 7) == b"\x81\x05HELLO"
        client.send(stream, masked(8, b"\x03\xe8"), end=True)
        assert client.answer(stream).body[7:] == b"\x88\x02\x03\xe8"
        assert answer.ended
        served.until(lambda: served.worker.websockets == 0)
        assert client.get("/plain").status == 500


@pytest.mark.parametrize("way", ["end", "reset"])
def test_a_client_that_ends_a_websocket_without_a_close(way: str) -> None:
    """The application gets 1006, the connection stays."""
    told = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        told.append((await receive())["code"])

    with serving(app) as served, http2(served) as client:
        stream = connect(client)
        client.head(stream)
        if way == "end":
            client.send(stream, b"", end=True)
            assert client.answer(stream).over
        else:
            client.h2.reset_stream(stream)
            client.flush()
        served.until(lambda: told)
        served.until(lambda: served.worker.websockets == 0)
    assert told == [1006]


def test_8_5_on_a_websocket_only_data_is_sent() -> None:
    """After the head that accepts it, until its end (RFC 9113 section 8.5)."""
    with serving(chat) as served, peer(served) as client:
        head = [(":protocol", "websocket"), ("sec-websocket-version", "13"), ("te", "trailers")]
        client.send(client.headers(1, [*fields("/ws", method="CONNECT"), *head], end=False))
        client.data(1, masked(1, b"hello"))
        client.until(lambda: 1 in client.answers and client.answers[1].size == 7)
        client.data(1, masked(8, b"\x03\xe8"), end=True)
        assert client.answer(1).body == b"\x81\x05HELLO\x88\x02\x03\xe8"
        kinds = [each.type for each in client.frames if each.stream == 1]
        assert kinds[0] == TYPE_HEADERS
        assert set(kinds[1:]) == {TYPE_DATA}


def test_a_websocket_may_be_denied() -> None:
    """403, and the stream is over."""
    with serving(chat) as served, http2(served) as client:
        stream = connect(client, "x: deny")
        answer = client.answer(stream)
        assert (answer.status, answer.ended) == (403, True)
        served.until(lambda: served.worker.websockets == 0)


def test_h25_a_handshake_that_is_wrong_is_refused() -> None:
    """H25: another version is a 426, as over HTTP/1.1; the application is not called."""
    probe = Probe()
    with serving(probe) as served, http2(served) as client:
        stream = client.ask(
            "/ws", "sec-websocket-version: 12", method="CONNECT", end=False,
            pseudo=[(":protocol", "websocket")],
        )  # fmt: skip
        assert client.answer(stream).status == 426
    assert probe.calls == []


def test_a_stop_closes_websockets_with_1012() -> None:
    """As over HTTP/1.1 (WS-CLOSE-19); the connection ends when they have."""
    with serving(chat) as served, peer(served) as client:
        head = [(":protocol", "websocket"), ("sec-websocket-version", "13")]
        client.send(client.headers(1, [*fields("/ws", method="CONNECT"), *head], end=False))
        client.until(lambda: 1 in client.answers)
        served.server.should_exit = True
        client.until(lambda: client.answers[1].body == b"\x88\x02\x03\xf4")
        client.data(1, masked(8, b"\x03\xf4"), end=True)
        assert client.answer(1).ended
        client.send(frame(TYPE_PING, 1, 0, client.frames[-1].payload))
        assert client.ended()
