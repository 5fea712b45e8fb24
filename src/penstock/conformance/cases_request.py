"""Cases: the request body's events (section 9, and 3 for their form)."""

import asyncio
import contextlib
import hashlib
import time

from penstock.conformance.client_http1 import Wrong
from penstock.conformance.server_probe import Call
from penstock.conformance.server_report import Long, Other
from penstock.conformance.server_trial import MAY, MUST, SHOULD, Trial, case


@case("HTTP-REQ-01", MUST, "The first event is http.request")
def first_event(t: Trial) -> None:
    t.ask()
    t.check(t.ended().types()[:1] == ["http.request"], "http.request", t.ended().types())


@case("HTTP-REQ-02", MUST, "`body` is bytes and `more_body` a bool, where they are given")
def types_of_the_event(t: Trial) -> None:
    t.ask(method="POST", body=b"abc")
    for event in t.ended().events():
        body, more = event.get("body", b""), event.get("more_body", False)
        t.check(isinstance(body, (bytes, Long)), "bytes", repr(body))
        t.check(more is True or more is False, "a bool", repr(more))


@case("HTTP-REQ-03", MUST, "A request without a body: events that end, with nothing in them")
def no_body(t: Trial) -> None:
    t.ask()
    events = t.ended().events()
    t.check(events and not events[-1].get("more_body", False), "more_body false at last", events)
    t.equal(t.ended().body(), b"")


async def _hashes(call: Call) -> None:
    call.quiet = True
    digest, finals, length = hashlib.sha256(), 0, 0
    while not finals:
        event = await call.receive()
        digest.update(event.get("body", b""))
        length += len(event.get("body", b""))
        finals += not event.get("more_body", False)
    call.note("length", length)
    call.note("digest", digest.hexdigest())
    await call.answer()


@case(
    "HTTP-REQ-04",
    MUST,
    "The parts of a body, joined, are the body: 1 byte, 64 KiB, 10 MiB",
    app=_hashes,
)
def parts_of_the_body(t: Trial) -> None:
    for number, length in enumerate((1, 1 << 16, 10 << 20)):
        body = hashlib.sha256(b"seed").digest() * (length // 32 + 1)
        body = body[:length]
        with t.connect() as wire:
            wire.send(t.request(method="POST", body=body))
            wire.response()
        t.equal(t.noted("length", number), length, "length")
        t.equal(t.noted("digest", number), hashlib.sha256(body).hexdigest(), "SHA-256")


async def _first_part(call: Call) -> None:
    event = await call.receive()
    call.note("part", event.get("body", b""))
    while event.get("more_body", False):
        event = await call.receive()
    await call.answer()


@case("HTTP-REQ-05", SHOULD, "The application starts before the body is whole", app=_first_part)
def bodies_are_streamed(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request(method="POST", headers=[("Content-Length", "6")]) + b"abc")
        t.equal(t.noted("part"), b"abc", "the first part")
        wire.send(b"def")
        wire.response()


_CHUNKED = (
    (b"1\r\na\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n", b"a0123456789abcdef"),
    (b"3;name=value\r\nabc\r\n0\r\n\r\n", b"abc"),
    (b"3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n", b"abc"),
    (b"0\r\n\r\n", b""),
)


@case(
    "HTTP-REQ-06",
    MUST,
    "Chunks are decoded: sizes, extensions and trailers do not reach the application",
)
def chunked_bodies(t: Trial) -> None:
    for number, (raw, body) in enumerate(_CHUNKED):
        with t.connect() as wire:
            wire.send(t.request(method="POST", headers=[("Transfer-Encoding", "chunked")]) + raw)
            wire.response()
        t.equal(t.ended(number).body(), body, "the body")


_SMUGGLING = (
    ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    ("Content-Length: 3\r\nContent-Length: 4\r\n", b"abc"),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n"),
)


@case("HTTP-REQ-07", MUST, "A request with two lengths, or a length and chunks, smuggles nothing")
def two_lengths(t: Trial) -> None:
    for number, (lines, body) in enumerate(_SMUGGLING):
        with t.connect() as wire:
            head = f"POST /first HTTP/1.1\r\nHost: a\r\nX-Probe: {t.name}\r\n{lines}\r\n".encode()
            wire.send(head + body + t.request(f"/smuggled/{number}"))
            try:
                answer = wire.response()
                if answer.status < 400:
                    wire.quiet(t.pause_s)
            except Wrong:
                t.check(wire.closed, "an answer or the end", "neither")
    paths = [seen.scope["path"] for seen in t.calls()]
    smuggled = [_SMUGGLING[int(path[10:])][0] for path in paths if path.startswith("/smuggled")]
    # RFC 9112 section 6.1: after such a request the connection is closed in any case
    t.check(not smuggled, "no call for what follows", f"one, behind {smuggled}")


async def _idle(call: Call) -> None:
    await call.signal("go")
    call.quiet = True
    await call.body()
    await call.answer()


@case(
    "HTTP-REQ-12",
    SHOULD,
    "While the application does not read, the server stops reading",
    app=_idle,
    derived=True,
)
def backpressure(t: Trial) -> None:
    size = 64 << 20
    with t.connect() as wire:
        wire.send(t.request(method="POST", headers=[("Content-Length", str(size))]))
        t.call()
        wire.sock.settimeout(t.pause_s * 3)
        sent, piece = 0, bytes(1 << 16)
        try:
            while sent < size:
                sent += wire.sock.send(piece)
        except TimeoutError:
            pass
        t.signal("go")
    t.check(sent < 40 << 20, "the upload to stall", f"{sent >> 20} MiB were taken")


async def _asks_late(call: Call) -> None:
    await call.signal("go")
    await call.body()
    await call.answer()


@case(
    "HTTP-REQ-13",
    SHOULD,
    "Expect: 100-continue is answered when the application asks for the body",
    app=_asks_late,
)
def expect_continue(t: Trial) -> None:
    with t.connect() as wire:
        headers = [("Expect", "100-continue"), ("Content-Length", "3")]
        wire.send(t.request(method="POST", headers=headers))
        t.signal("go")
        answer = wire.response(informational=True)
        t.check(answer.status == 100, "100", answer)
        wire.send(b"abc")
        answer = wire.response()
        t.check(answer.status == 200, "200 after the body", answer)
    t.equal(t.ended().body(), b"abc")


async def _does_not_ask(call: Call) -> None:
    await call.answer(status=413)


@case(
    "HTTP-REQ-13",
    SHOULD,
    "No 100 where the application answers without asking for the body",
    app=_does_not_ask,
)
def no_continue(t: Trial) -> None:
    with t.connect() as wire:
        headers = [("Expect", "100-continue"), ("Content-Length", "3")]
        wire.send(t.request(method="POST", headers=headers))
        answer = wire.response(informational=True)
        t.check(answer.status == 413, "413 at once", answer)


async def _reads_all(call: Call) -> None:
    while True:
        event = await call.soon(5)
        if event is None or event["type"] == "http.disconnect":
            return
        if not event.get("more_body", False):
            call.note("whole")
            return


@case(
    "HTTP-REQ-14",
    MUST,
    "A body that breaks off ends in http.disconnect, not in more_body false",
    app=_reads_all,
    derived=True,
)
def broken_body(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request(method="POST", headers=[("Content-Length", "100")]) + bytes(50))
        try:
            t.call()
        except Wrong:
            return  # whoever waits for the whole body has nothing to tell
        wire.leave()
    seen = t.ended()
    t.check(not seen.notes("whole"), "http.disconnect", seen.types())


@case(
    "HTTP-REQ-15",
    SHOULD,
    "A malformed chunk is an error, not the end of the body",
    app=_reads_all,
    derived=True,
)
def malformed_chunk(t: Trial) -> None:
    with t.connect() as wire:
        head = t.request(method="POST", headers=[("Transfer-Encoding", "chunked")])
        wire.send(head + b"3\r\nabc\r\n")
        with contextlib.suppress(Wrong):
            t.call()  # one that waits for the whole body does not call
        wire.send(b"XYZ\r\n")
        time.sleep(t.pause_s)
        wire.leave()
    calls = t.calls()
    whole = bool(calls) and bool(t.ended().notes("whole"))
    t.check(not whole, "a disconnect, or no call", [seen.types() for seen in calls])


async def _late(call: Call) -> None:
    await call.signal("go")
    await asyncio.sleep(0.05)
    await call.soon(1)
    await call.soon(1)


@case(
    "HTTP-REQ-16",
    SHOULD,
    "A body that came before the client left is delivered first",
    app=_late,
    derived=True,
)
def body_before_disconnect(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request(method="POST", body=b"abc"))
        t.call()
        wire.leave()
    time.sleep(t.pause_s / 3)
    t.signal("go")
    t.check(t.ended().types()[:1] == ["http.request"], "http.request first", t.ended().types())


@case("MSG-01", MUST, "Events are dicts with a str `type`")
def events_are_dicts(t: Trial) -> None:
    t.ask(method="POST", body=b"abc")
    for event in t.ended().events():
        bases = event.bases if isinstance(event, Other) else (type(event).__name__,)
        t.check("dict" in bases, "a dict", event)
        t.check(isinstance(event, Other) or type(event.get("type")) is str, "a str type", event)


@case("MSG-02", MUST, "Events of an http scope are called http.…")
def events_are_named(t: Trial) -> None:
    t.ask()
    types = t.ended().types()
    t.check(all(name.startswith("http.") for name in types), "http.…", types)


@case("MSG-04", MUST, "Event values are of ASGI's types")
def event_values(t: Trial) -> None:
    t.ask(method="POST", body=b"abc")
    for event in t.ended().events():
        strange = [key for key, value in event.items() if isinstance(value, Other)]
        t.check(not strange, "bytes, str, int, bool, None", {k: event[k] for k in strange})


@case("MSG-14", SHOULD, "`more_body` is a real bool", derived=True)
def more_body_is_a_bool(t: Trial) -> None:
    t.ask(method="POST", body=b"abc")
    for event in t.ended().events():
        if "more_body" in event:
            t.check(type(event["more_body"]) is bool, "a bool", repr(event["more_body"]))


async def _spoils_events(call: Call) -> None:
    event = await call.receive()
    call.note("first")
    while event.get("more_body", False):
        event.clear()
        event["type"] = "spoilt"
        event = await call.receive()
    await call.answer()


@case("MSG-16", SHOULD, "Each event is a fresh dict", app=_spoils_events, derived=True)
def events_are_fresh(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request(method="POST", headers=[("Content-Length", "6")]) + b"abc")
        t.noted("first")
        wire.send(b"def")
        wire.response()
    t.check(set(t.ended().types()) == {"http.request"}, "http.request each time", t.ended().types())


async def _reads_one(call: Call) -> None:
    call.note("cancelled", await call.soon(0.1))
    call.note("body", await call.body())
    await call.answer()


@case("APP-17", SHOULD, "A cancelled receive() loses nothing", app=_reads_one, derived=True)
def cancelled_receive(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request(method="POST", headers=[("Content-Length", "6")]))
        try:
            t.noted("cancelled")
        except Wrong:
            wire.send(b"abcdef")  # a server that calls the application with the whole body
            return
        wire.send(b"abcdef")
        wire.response()
    t.equal(t.noted("body"), b"abcdef", "the whole body")


@case("HTTP-REQ-04", MAY, "A small body is one event")
def small_body_is_one_event(t: Trial) -> None:
    t.ask(method="POST", body=b"abc")
    t.check(len(t.ended().events()) == 1, "one event", t.ended().events())
