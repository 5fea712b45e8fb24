"""Cases: HTTP/2, where the server speaks it (sections 7 to 12)."""

import asyncio

from penstock.conformance.cases_response import waits_in
from penstock.conformance.client_http2 import RST_STREAM
from penstock.conformance.server_probe import Call
from penstock.conformance.server_trial import MUST, SHOULD, Trial, case

_HOP = {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"proxy-connection"}


@case("HTTP-SCOPE-03", MUST, "`http_version` is 2 over HTTP/2", on="http2")
def http_version(t: Trial) -> None:
    client = t.http2()
    t.equal(client.ask(client.fields()).status, 200)
    t.equal(t.call().scope.get("http_version"), "2")


@case("HTTP-SCOPE-06", MUST, "`path` and `query_string` come from :path", on="http2")
def path(t: Trial) -> None:
    client = t.http2()
    client.ask(client.fields(b"/caf%C3%A9?a=%20b"))
    t.equal(t.call().scope.get("path"), "/café")
    t.equal(t.call().scope.get("query_string"), b"a=%20b")


@case("HTTP-SCOPE-23", MUST, "Requests of one connection have scopes of their own", on="http2")
def scopes(t: Trial) -> None:
    client = t.http2()
    streams = [client.open(client.fields(b"/%d" % number)) for number in range(3)]
    for stream in streams:
        t.equal(client.answer(stream).status, 200)
    t.equal(sorted(seen.scope["path"] for seen in t.calls()), ["/0", "/1", "/2"])


@case("HTTP-HDR-06", MUST, "Pseudo headers are not in `headers`", on="http2")
def pseudo_headers(t: Trial) -> None:
    client = t.http2()
    client.ask(client.fields())
    names = [bytes(pair[0]) for pair in t.call().scope["headers"]]
    t.check(not any(name.startswith(b":") for name in names), "no name with a colon", names)


@case("HTTP-HDR-07", MUST, ":authority is the `host` header, at the start of the list", on="http2")
def authority(t: Trial) -> None:
    client = t.http2()
    client.ask(client.fields())
    headers = [tuple(pair) for pair in t.call().scope["headers"]]
    t.check(headers[:1] == [(b"host", b"example.test")], "host: example.test first", headers)


@case("HTTP-HDR-07", MUST, ":authority replaces a `host` header", on="http2")
def authority_replaces_host(t: Trial) -> None:
    client = t.http2()
    answer = client.ask(client.fields(more=[(b"host", b"example.test")]))
    if answer.status >= 400:
        return
    hosts = [pair[1] for pair in t.call().scope["headers"] if pair[0] == b"host"]
    t.equal(hosts, [b"example.test"])


@case(
    "HTTP-HDR-09",
    MUST,
    "Several cookie fields stay several, or are joined by a semicolon",
    on="http2",
)
def cookies(t: Trial) -> None:
    client = t.http2()
    client.ask(client.fields(more=[(b"cookie", b"a=1"), (b"cookie", b"b=2")]))
    values = [bytes(pair[1]) for pair in t.call().scope["headers"] if pair[0] == b"cookie"]
    t.check(values in ([b"a=1", b"b=2"], [b"a=1; b=2"]), "a=1 and b=2", values)


@case("HTTP-REQ-04", MUST, "A body of several DATA frames arrives whole", on="http2")
def body(t: Trial) -> None:
    client = t.http2()
    stream = client.open(client.fields(method=b"POST"), end=False)
    for part in (b"one", b"", b"two"):
        client.data(stream, part)
    client.data(stream, b"three", end=True)
    t.equal(client.answer(stream).status, 200)
    t.equal(t.call().body(), b"onetwothree")


async def _echoes_late(call: Call) -> None:
    number = int(call.scope["path"][1:])
    await asyncio.sleep((number * 7 % 20) / 200)
    await call.answer(b"%d" % number)


@case(
    "HTTP-CONN-03",
    MUST,
    "20 requests at once each get their own answer",
    on="http2",
    app=_echoes_late,
)
def multiplexing(t: Trial) -> None:
    client = t.http2()
    streams = [client.open(client.fields(b"/%d" % number)) for number in range(20)]
    bodies = [client.answer(stream).body for stream in streams]
    t.equal(bodies, [b"%d" % number for number in range(20)])


async def _parks(call: Call) -> None:
    await call.body()
    if call.scope["path"] == "/parked":
        call.note("parked")
        event = await call.receive()
        call.note("got", event["type"])
    else:
        await call.signal("go")
        await call.answer(b"whole")


@case(
    "HTTP-DISC-12",
    MUST,
    "RST_STREAM is a disconnect for its own call only",
    on="http2",
    app=_parks,
    derived=True,
)
def reset_of_a_stream(t: Trial) -> None:
    client = t.http2()
    parked = client.open(client.fields(b"/parked"))
    other = client.open(client.fields(b"/other"))
    t.call(1)
    place = next(n for n, seen in enumerate(t.calls()) if seen.scope["path"] == "/parked")
    t.noted("parked", place)
    client.send(RST_STREAM, 0, parked, (8).to_bytes(4, "big"))
    t.equal(t.noted("got", place), "http.disconnect")
    t.signal("go")
    t.equal(client.answer(other).body, b"whole")


async def _hop_by_hop(call: Call) -> None:
    names = [b"connection", b"keep-alive", b"transfer-encoding", b"upgrade"]
    values = [b"keep-alive", b"timeout=5", b"chunked", b"foo"]
    headers = [*zip(names, values, strict=True), (b"x-a", b"1")]
    if not await call.attempt({"type": "http.response.start", "status": 200, "headers": headers}):
        await call.answer()
        return
    await call.part(b"ok")


@case(
    "HTTP-RESP-28",
    MUST,
    "Hop-by-hop headers of the application do not reach the wire",
    on="http2",
    app=_hop_by_hop,
)
def hop_by_hop(t: Trial) -> None:
    client = t.http2()
    answer = client.ask(client.fields())
    t.equal(answer.status, 200)
    found = [name for name, _ in answer.headers if name in _HOP]
    t.check(not found, "none of them", found)


@case("HTTP-RESP-07", MUST, "Headers keep their order, and are in lower case", on="http2")
def lower_case(t: Trial) -> None:
    client = t.http2()
    answer = client.ask(client.fields())
    names = [name for name, _ in answer.headers]
    t.check(all(name == name.lower() for name in names), "lower case", names)


async def _breaks_off(call: Call) -> None:
    await call.body()
    await call.start()
    await call.part(b"first", more=True)
    if call.scope["path"] == "/raise":
        raise RuntimeError("on purpose")


@case(
    "HTTP-ERR-04",
    MUST,
    "A body that breaks off ends in RST_STREAM, not in END_STREAM",
    on="http2",
    app=_breaks_off,
    derived=True,
)
def broken_off(t: Trial) -> None:
    for target in (b"/raise", b"/return"):
        client = t.http2()
        answer = client.ask(client.fields(target))
        t.check(answer.reset is not None, f"RST_STREAM for {target.decode()}", answer)


@case("HTTP-RESP-21", MUST, "HEAD gets no DATA with bytes", on="http2")
def head(t: Trial) -> None:
    client = t.http2()
    answer = client.ask(client.fields(method=b"HEAD"))
    t.check(answer.status == 200 and not answer.body, "200 without a body", answer)


async def _receives_after(call: Call) -> None:
    await call.body()
    await call.answer()
    event = await call.soon(0.7)
    call.note("after", None if event is None else event["type"])


@case(
    "HTTP-DISC-02",
    MUST,
    "receive() after the response says http.disconnect",
    on="http2",
    app=_receives_after,
)
def after_the_response(t: Trial) -> None:
    client = t.http2()
    client.ask(client.fields())
    t.equal(t.noted("after"), "http.disconnect")


async def _fails(call: Call) -> None:
    raise RuntimeError("on purpose")


@case(
    "HTTP-ERR-01",
    SHOULD,
    "An exception before the start is a 500; other streams go on",
    on="http2",
    app=_fails,
)
def failure(t: Trial) -> None:
    client = t.http2()
    t.equal(client.ask(client.fields()).status, 500)
    t.equal(client.ask(client.fields()).status, 500)


async def _waits_between(call: Call) -> None:
    await call.start()
    await call.part(b"one", more=True)
    await call.signal("go")
    await call.part(b"two")


@case(
    "HTTP-RESP-13",
    MUST,
    "What was sent is on its way when send() returns",
    on="http2",
    app=_waits_between,
)
def parts_are_flushed(t: Trial) -> None:
    client = t.http2()
    stream = client.open(client.fields())
    while client.answers[stream].body != b"one":
        if client.read(t.patience_s) is None:
            t.wrong("the first part", client.answers[stream])
    t.signal("go")
    t.equal(client.answer(stream).body, b"onetwo")


async def _floods(call: Call) -> None:
    call.quiet = True
    await call.start()
    for number in range(200):
        await call.part(bytes(1 << 16), more=True)
        call.note("sent", number)
    call.note("all")
    await call.part(b"")


@case(
    "HTTP-RESP-30",
    SHOULD,
    "send() waits while the client gives no window",
    on="http2",
    app=_floods,
    derived=True,
)
def backpressure(t: Trial) -> None:
    client = t.http2({4: 65535})
    client.head(client.open(client.fields()))
    while client.read(t.pause_s) is not None:
        pass
    waits_in(t, "200 parts of 64 KiB were taken")
