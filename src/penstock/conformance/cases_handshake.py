"""Cases: the scope of a WebSocket, and its handshake (sections 13 and 14)."""

import asyncio
from typing import Any

from penstock.conformance.client_http1 import Wrong
from penstock.conformance.client_websocket import TEXT, frame
from penstock.conformance.server_probe import Call
from penstock.conformance.server_trial import MUST, SHOULD, Headers, Skip, Trial, case


def _scope(t: Trial, target: str = "/", headers: Headers | None = None) -> dict[str, Any]:
    t.open(target, headers)
    return dict(t.call().scope)


@case("WS-SCOPE-01", MUST, "`type` is websocket; one call for each socket")
def type_is_websocket(t: Trial) -> None:
    t.equal(_scope(t).get("type"), "websocket")
    t.equal(len(t.calls()), 1)


@case("WS-SCOPE-02", MUST, "`http_version`, if given, is 1.1")
def http_version(t: Trial) -> None:
    t.equal(_scope(t).get("http_version", "1.1"), "1.1")


@case("WS-SCOPE-03", MUST, "`scheme`, if given, is ws")
def scheme(t: Trial) -> None:
    t.equal(_scope(t).get("scheme", "ws"), "ws")


@case("WS-SCOPE-03", MUST, "`scheme` is wss over TLS", on="tls")
def scheme_over_tls(t: Trial) -> None:
    t.equal(_scope(t).get("scheme", "ws"), "wss")


@case("WS-SCOPE-04", MUST, "`path` is decoded; `raw_path`, if given, is as received, without query")
def paths(t: Trial) -> None:
    scope = _scope(t, "/caf%C3%A9/a%2Fb?x=1")
    t.equal(scope.get("path"), "/café/a/b")
    if scope.get("raw_path") is not None:
        t.equal(scope["raw_path"], b"/caf%C3%A9/a%2Fb")


@case("WS-SCOPE-05", MUST, "`query_string` is bytes, still encoded")
def query_string(t: Trial) -> None:
    t.equal(_scope(t, "/x?a=%20b").get("query_string"), b"a=%20b")


@case("WS-SCOPE-06", MUST, "`headers` holds pairs of bytes; repeated headers stay several")
def headers(t: Trial) -> None:
    pairs = _scope(t, "/", [("X-A", "1"), ("X-A", "2")]).get("headers", [])
    values = [pair[1] for pair in pairs if bytes(pair[0]).lower() == b"x-a"]
    t.equal(values, [b"1", b"2"])


@case("WS-SCOPE-07", MUST, "`client`, if given, is the client's address, its port an int")
def client(t: Trial) -> None:
    socket = t.open()
    ours = socket.wire.sock.getsockname()
    value = t.call().scope.get("client")
    if value is None:
        raise Skip("the scope has no client")
    t.equal(list(value), list(ours))


@case(
    "WS-SCOPE-08", MUST, "`subprotocols` are str in the client's order, of one line and of several"
)
def subprotocols(t: Trial) -> None:
    t.open("/", [("Sec-WebSocket-Protocol", "a, b")])
    t.equal(list(t.call().scope.get("subprotocols", ())), ["a", "b"])
    t.open("/", [("Sec-WebSocket-Protocol", "a"), ("Sec-WebSocket-Protocol", "b")])
    t.equal(list(t.call(1).scope.get("subprotocols", ())), ["a", "b"])


@case("WS-SCOPE-09", MUST, "`state` is in the scope just where the lifespan's has it", derived=True)
def state(t: Trial) -> None:
    lifespan = t.server.live("lifespan")
    if not lifespan:
        raise Skip("the server has no lifespan")
    t.equal("state" in _scope(t), "state" in lifespan)


@case(
    "WS-SCOPE-10",
    MUST,
    "`asgi.version` is there; `spec_version` is one that there has been",
    derived=True,
)
def versions(t: Trial) -> None:
    asgi = _scope(t).get("asgi") or {}
    t.check(type(asgi.get("version")) is str, "a version, str", asgi)
    known = {"2.0", "2.1", "2.2", "2.3", "2.4", "2.5"}
    t.check(asgi.get("spec_version", "2.0") in known, "2.0 to 2.5", asgi)


async def _late(call: Call) -> None:
    event = await call.receive()
    call.note("first", event["type"])
    await call.signal("go")
    await call.send({"type": "websocket.accept"})
    await call.echo()


@case(
    "WS-HS-01", MUST, "websocket.connect comes first, before the handshake is answered", app=_late
)
def connect_comes_first(t: Trial) -> None:
    socket = t.websocket()
    t.equal(t.noted("first"), "websocket.connect")
    t.check(not socket.wire.quiet(t.pause_s), "no answer yet", socket.wire.buffer)


@case("WS-HS-02", MUST, "The handshake is complete only after websocket.accept", app=_late)
def accept_completes(t: Trial) -> None:
    socket = t.websocket()
    t.noted("first")
    t.check(not socket.wire.quiet(t.pause_s), "no answer yet", socket.wire.buffer)
    t.signal("go")
    t.equal(socket.accepted().status, 101)


@case("WS-HS-14", MUST, "The handshake's answer is valid: 101, Upgrade, Connection, the right hash")
def answer_is_valid(t: Trial) -> None:
    socket = t.open()
    socket.send("x")
    t.equal(socket.message(), "x")


async def _refuses(call: Call) -> None:
    await call.receive()
    await call.send({"type": "websocket.close", "code": 4000, "reason": "no"})
    event = await call.soon(0.7)
    call.note("after", None if event is None else event["type"])
    await call.signal("go")


@case("WS-HS-03", MUST, "websocket.close before accept is a 403 without a handshake", app=_refuses)
def close_is_403(t: Trial) -> None:
    socket = t.websocket()
    t.signal("go")
    answer = socket.wire.response()
    t.equal(answer.status, 403)
    t.check(answer.get(b"sec-websocket-accept") is None, "no Sec-WebSocket-Accept", answer.head)


@case("WS-HS-03", SHOULD, "After the 403 the connection is closed", app=_refuses, derived=True)
def closed_after_403(t: Trial) -> None:
    socket = t.websocket()
    t.signal("go")
    socket.wire.response()
    t.check(socket.wire.ended(), "the end of the connection", "open")


@case(
    "WS-HS-04",
    SHOULD,
    "The 403 is sent at once, not when the application returns",
    app=_refuses,
    derived=True,
)
def close_is_403_at_once(t: Trial) -> None:
    socket = t.websocket()
    answer = socket.wire.response()
    t.equal(answer.status, 403)
    t.check(t.call().end is None, "before the application has ended", "after it")
    t.signal("go")


@case(
    "WS-HS-19",
    SHOULD,
    "After a refusal receive() says websocket.disconnect",
    app=_refuses,
    derived=True,
)
def disconnect_after_refusal(t: Trial) -> None:
    socket = t.websocket()
    t.check(
        t.noted("after") == "websocket.disconnect", "websocket.disconnect", t.calls()[0].types()
    )
    t.signal("go")
    socket.wire.close()


async def _sends_early(call: Call) -> None:
    await call.receive()
    call.note("refused", not await call.attempt({"type": "websocket.send", "text": "early"}))
    await call.send({"type": "websocket.accept"})
    await call.echo()


@case(
    "WS-HS-06", SHOULD, "websocket.send before accept raises; accept may follow", app=_sends_early
)
def send_before_accept(t: Trial) -> None:
    socket = t.websocket()
    t.check(t.noted("refused"), "an exception from send()", "none")
    socket.accepted()
    socket.send("x")
    t.equal(socket.message(), "x")


async def _chooses(call: Call) -> None:
    more: dict[str, Any] = {"/b": {"subprotocol": "b"}, "/none": {"subprotocol": None}, "/": {}}
    await call.accept(**more[call.scope["path"]])
    await call.echo()


@case("WS-HS-07", MUST, "The subprotocol of accept is in the answer; None is none", app=_chooses)
def subprotocol(t: Trial) -> None:
    for target, values in (("/b", [b"b"]), ("/none", []), ("/", [])):
        socket = t.websocket(target, [("Sec-WebSocket-Protocol", "a, b")])
        t.equal(socket.accepted().all(b"sec-websocket-protocol"), values, f"for {target}")


async def _accept_headers(call: Call) -> None:
    headers = [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"x-a", b"1")]
    await call.accept(headers=headers)
    await call.echo()


@case("WS-HS-09", MUST, "From 2.1 on, the headers of accept are in the answer", app=_accept_headers)
def accept_headers(t: Trial) -> None:
    t.speaks_websocket()
    t.at_least("websocket", 2, 1)
    answer = t.websocket().accepted()
    t.equal(answer.all(b"set-cookie"), [b"a=1", b"b=2"])
    t.equal(answer.all(b"x-a"), [b"1"])


async def _meddles(call: Call) -> None:
    await call.receive()
    headers = [(b"connection", b"close"), (b"upgrade", b"foo"), (b"sec-websocket-accept", b"x")]
    if not await call.attempt({"type": "websocket.accept", "headers": headers}):
        await call.send({"type": "websocket.accept"})
    await call.echo()


@case(
    "WS-HS-11",
    MUST,
    "Headers of the application cannot break the handshake",
    app=_meddles,
    derived=True,
)
def headers_cannot_break_it(t: Trial) -> None:
    t.speaks_websocket()
    t.at_least("websocket", 2, 1)
    socket = t.open()
    socket.send("x")
    t.equal(socket.message(), "x")


async def _accepts_twice(call: Call) -> None:
    await call.accept()
    call.note("refused", not await call.attempt({"type": "websocket.accept"}))
    await call.echo()


@case(
    "WS-HS-12",
    SHOULD,
    "A second accept raises, and the socket goes on",
    app=_accepts_twice,
    derived=True,
)
def second_accept(t: Trial) -> None:
    socket = t.open()
    t.check(t.noted("refused"), "an exception from send()", "none")
    socket.send("x")
    t.equal(socket.message(), "x")


_KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
_BAD = (
    (
        "no key",
        "GET",
        "1.1",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13",
    ),
    (
        "a wrong version",
        "GET",
        "1.1",
        "Upgrade: websocket\r\nConnection: Upgrade\r\n" + _KEY + "\r\nSec-WebSocket-Version: 12",
    ),
    (
        "no version",
        "GET",
        "1.1",
        "Upgrade: websocket\r\nConnection: Upgrade\r\n" + _KEY,
    ),
)


@case("WS-HS-13", MUST, "An invalid handshake is refused with 4xx, and no socket is opened")
def invalid_handshakes(t: Trial) -> None:
    t.speaks_websocket()
    for what, method, version, lines in _BAD:
        with t.connect() as wire:
            head = f"{method} / HTTP/{version}\r\nHost: a\r\nX-Probe: {t.name}\r\n{lines}\r\n\r\n"
            wire.send(head.encode())
            answer = wire.response()
        t.check(400 <= answer.status < 500, f"4xx for {what}", answer)
        opened = [seen for seen in t.calls() if seen.scope["type"] == "websocket"]
        t.check(not opened, f"no websocket call for {what}", "the application was called")


async def _fails(call: Call) -> None:
    await call.receive()
    if call.scope["path"] == "/raise":
        raise RuntimeError("on purpose")


@case("WS-HS-15", SHOULD, "An exception before the answer is a 500", app=_fails, derived=True)
def failure_before_accept(t: Trial) -> None:
    t.equal(t.websocket("/raise").wire.response().status, 500)


@case(
    "WS-HS-16",
    SHOULD,
    "To return before the answer refuses the handshake",
    app=_fails,
    derived=True,
)
def return_before_accept(t: Trial) -> None:
    answer = t.websocket("/return").wire.response()
    t.check(answer.status >= 400, "4xx or 5xx", answer)


async def _accepts_late(call: Call) -> None:
    await call.receive()
    await call.signal("go")
    event = await call.soon(0.7)
    call.note("got", None if event is None else event["type"])
    await call.attempt({"type": "websocket.accept"})
    await call.attempt({"type": "websocket.send", "text": "x"})


@case(
    "WS-HS-17",
    SHOULD,
    "A client that leaves before the answer is a websocket.disconnect",
    app=_accepts_late,
    derived=True,
)
def client_leaves_early(t: Trial) -> None:
    socket = t.websocket()
    t.call()
    socket.wire.leave()
    t.signal("go")
    t.equal(t.noted("got"), "websocket.disconnect")
    t.ended()


async def _reads_early(call: Call) -> None:
    await call.receive()
    early = await call.soon(0.3)
    call.note("early", None if early is None else early["type"])
    await call.send({"type": "websocket.accept"})
    await call.echo()


@case(
    "WS-HS-18",
    MUST,
    "Frames that come with the handshake are kept, or the handshake is refused",
    derived=True,
)
def frames_with_the_handshake(t: Trial) -> None:
    t.speaks_websocket()
    from penstock.conformance.client_websocket import WebSocket

    socket = WebSocket(t.connect())
    opening = socket.opening("/", [("X-Probe", t.name)])
    socket.wire.send(opening + frame(TEXT, b"early"))
    answer = socket.wire.response()
    if answer.status == 400:
        return
    t.equal(answer.status, 101)
    t.equal(socket.message(), "early")


@case(
    "WS-HS-20",
    SHOULD,
    "Nothing is received between connect and accept",
    app=_reads_early,
    derived=True,
)
def nothing_before_accept(t: Trial) -> None:
    t.speaks_websocket()
    from penstock.conformance.client_websocket import WebSocket

    socket = WebSocket(t.connect())
    socket.wire.send(socket.opening("/", [("X-Probe", t.name)]) + frame(TEXT, b"early"))
    try:
        early = t.noted("early")
    except Wrong:
        early = None if t.calls() and t.calls()[0].notes("early") == [None] else "?"
    t.check(early is None, "no event", early)


async def _own_protocol(call: Call) -> None:
    await call.receive()
    headers = [(b"sec-websocket-protocol", b"a")]
    call.note("refused", not await call.attempt({"type": "websocket.accept", "headers": headers}))
    await asyncio.sleep(0)


@case(
    "WS-HS-10",
    SHOULD,
    "sec-websocket-protocol among the headers of accept raises",
    app=_own_protocol,
    derived=True,
)
def own_protocol(t: Trial) -> None:
    t.speaks_websocket()
    t.at_least("websocket", 2, 1)
    t.websocket("/", [("Sec-WebSocket-Protocol", "a")])
    t.check(t.noted("refused"), "an exception from send()", "none")
