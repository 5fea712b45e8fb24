"""Cases: how responses are framed in HTTP/1 (section 10), and connections kept (12)."""

from penstock.conformance.client_http1 import Wrong
from penstock.conformance.server_probe import Call
from penstock.conformance.server_trial import MUST, SHOULD, Trial, case


async def _chunked_by_itself(call: Call) -> None:
    headers = [(b"transfer-encoding", b"chunked")]
    if call.scope["path"] == "/length":
        headers.append((b"content-length", b"5"))
    await call.start(headers=headers)
    await call.part(b"hello")


@case(
    "HTTP-RESP-09", MUST, "The application's transfer-encoding is ignored", app=_chunked_by_itself
)
def transfer_encoding_is_ignored(t: Trial) -> None:
    for target in ("/length", "/none"):
        answer = t.ask(target)
        t.check(
            answer.body == b"hello" and answer.complete, f"hello, once framed, for {target}", answer
        )
    answer = t.ask("/none", version="1.0")
    t.check(not answer.all(b"transfer-encoding"), "none of it for HTTP/1.0", answer.head)
    t.equal(answer.body, b"hello")


async def _two_parts(call: Call) -> None:
    await call.start()
    await call.part(b"a", more=True)
    await call.part(b"", more=True)
    await call.part(b"b")


@case(
    "HTTP-RESP-10",
    MUST,
    "A body without a length arrives whole, with an end that can be told",
    app=_two_parts,
)
def body_without_length(t: Trial) -> None:
    answer = t.ask()
    t.check(answer.body == b"ab" and answer.complete, "ab, whole", answer)


@case("HTTP-RESP-11", MUST, "HTTP/1.0 clients get no chunks", app=_two_parts)
def no_chunks_for_http_10(t: Trial) -> None:
    answer = t.ask(version="1.0")
    t.check(not answer.all(b"transfer-encoding"), "no transfer-encoding", answer.head)
    t.equal(answer.body, b"ab")


@case("HTTP-RESP-16", MUST, "An empty part does not end a chunked body", app=_two_parts)
def empty_part(t: Trial) -> None:
    answer = t.ask()
    t.equal(answer.body, b"ab")


async def _plain(call: Call) -> None:
    await call.body()
    await call.answer(b"hello")


@case("HTTP-RESP-21", MUST, "HEAD gets no body, and the connection stays in step", app=_plain)
def head(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request(method="HEAD") + t.request())
        first = wire.response(head=True)
        t.equal(first.status, 200)
        second = wire.response()
        t.check(second.status == 200 and second.body == b"hello", "the second answer", second)


@case("HTTP-RESP-22", SHOULD, "HEAD keeps the application's content-length", app=_plain)
def head_with_length(t: Trial) -> None:
    t.equal(t.ask(method="HEAD").get(b"content-length"), b"5")


async def _bodiless(call: Call) -> None:
    _, status, kind = call.scope["path"].split("/")
    if int(status) > 99:
        await call.start(int(status))
        body = b"body" if kind == "body" else b""
        await call.attempt({"type": "http.response.body", "body": body})
    else:
        await call.answer(b"after")


@case(
    "HTTP-RESP-23",
    MUST,
    "204 and 304 carry no body, no transfer-encoding, 204 no content-length",
    app=_bodiless,
)
def bodiless_statuses(t: Trial) -> None:
    for status in (204, 304):
        for kind in ("empty", "body"):
            with t.connect() as wire:
                wire.send(t.request(f"/{status}/{kind}") + t.request("/1/x"))
                answer = wire.response()
                t.equal(answer.status, status)
                t.check(not answer.all(b"transfer-encoding"), "no transfer-encoding", answer.head)
                if status == 204:
                    t.check(not answer.all(b"content-length"), "no content-length", answer.head)
                if not wire.quiet(t.pause_s) and wire.closed:
                    continue  # to close is a way to stay in step
                t.check(wire.response().body == b"after", "the next answer", wire.buffer)


async def _longer(call: Call) -> None:
    await call.start(headers=[(b"content-length", b"5")])
    await call.attempt({"type": "http.response.body", "body": b"0123456789"})


@case(
    "HTTP-RESP-24",
    SHOULD,
    "More body than content-length says is not written",
    app=_longer,
    derived=True,
)
def longer_than_declared(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        wire.until(b"\r\n\r\n")
        body = wire.exactly(5) + wire.quiet(t.pause_s)
        t.check(len(body) <= 5, "5 bytes at most", body)
        if not wire.closed:
            t.check(t.calls()[0].end, "the end of the call", "none")


async def _shorter(call: Call) -> None:
    await call.start(headers=[(b"content-length", b"10")])
    await call.attempt({"type": "http.response.body", "body": b"01234"})


@case(
    "HTTP-RESP-25",
    SHOULD,
    "Less body than content-length says closes the connection",
    app=_shorter,
    derived=True,
)
def shorter_than_declared(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        wire.until(b"\r\n\r\n")
        body = wire.exactly(10)
        t.check(
            len(body) <= 5 and wire.closed, "5 bytes and the end", (body, wire.closed or "open")
        )


@case("HTTP-RESP-29", MUST, "A client's connection: close is honoured", app=_plain)
def close_by_the_client(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request(headers=[("Connection", "close")]))
        t.equal(wire.response().body, b"hello")
        t.check(wire.ended() == "closed", "the end of the connection", wire.closed or "open")


async def _closes(call: Call) -> None:
    await call.answer(b"hello", headers=[(b"connection", b"close")])


@case("HTTP-RESP-29", MUST, "The application's connection: close is honoured", app=_closes)
def close_by_the_application(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        t.equal(wire.response().body, b"hello")
        t.check(wire.ended() == "closed", "the end of the connection", wire.closed or "open")


@case("HTTP-CONN-01", SHOULD, "HTTP/1.1 connections are kept")
def kept_alive(t: Trial) -> None:
    with t.connect() as wire:
        for _ in range(2):
            wire.send(t.request())
            t.equal(wire.response().status, 200)


@case("HTTP-CONN-01", SHOULD, "HTTP/1.0 connections are closed unless they ask to be kept")
def closed_for_http_10(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request(version="1.0"))
        wire.response()
        t.check(wire.ended(), "the end of the connection", "open")


async def _numbered(call: Call) -> None:
    import asyncio

    number = int(call.scope["path"][1:])
    await asyncio.sleep(0.02 * (3 - number))
    await call.answer(b"%d" % number)


@case("HTTP-CONN-02", SHOULD, "Pipelined requests are answered in their order", app=_numbered)
def pipelined(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(b"".join(t.request(f"/{number}") for number in range(3)))
        t.equal([wire.response().body for _ in range(3)], [b"0", b"1", b"2"])


async def _ignores_the_body(call: Call) -> None:
    await call.answer(call.scope["path"].encode())


@case(
    "HTTP-CONN-04",
    MUST,
    "A body that nobody reads is not taken for the next request",
    app=_ignores_the_body,
)
def unread_body(t: Trial) -> None:
    evil = f"GET /evil?probe={t.name} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    with t.connect() as wire:
        wire.send(t.request("/first", method="POST", body=evil))
        t.equal(wire.response().body, b"/first")
        if wire.send(t.request("/second")):
            try:
                t.equal(wire.response().body, b"/second")
            except Wrong:
                t.check(wire.closed, "the second answer, or the end", wire.buffer)
    paths = [seen.scope["path"] for seen in t.calls()]
    t.check("/evil" not in paths, "no call for the body", paths)


@case("HTTP-CONN-07", SHOULD, "An Upgrade to something unknown is served as HTTP")
def unknown_upgrade(t: Trial) -> None:
    answer = t.ask(headers=[("Upgrade", "foo"), ("Connection", "Upgrade")])
    t.equal(answer.status, 200)
    t.equal(t.call().scope["type"], "http")
