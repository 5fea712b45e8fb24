"""Cases: early hints, trailers, pushes, each judged where the live scope offers it (section 20)."""

from penstock.conformance.client_http2 import ENABLE_PUSH, Answer
from penstock.conformance.server_probe import Call
from penstock.conformance.server_trial import MUST, SHOULD, Trial, case

_DENIAL = "websocket.http.response"
_ZEROCOPY = "http.response.zerocopysend"
_PATH = "http.response.pathsend"
_HINT = "http.response.early_hint"
_TRAILERS = "http.response.trailers"
_PUSH = "http.response.push"


# ---------------------------------------------------------------------------- hints, trailers


async def _hints(call: Call) -> None:
    await call.body()
    hint = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]}
    path = call.scope["path"]
    if path == "/before":
        await call.send(hint)
        await call.send({**hint, "links": [b"</b.css>; rel=preload"]})
        await call.answer()
        return
    if path == "/bad":
        call.note("refused", not await call.attempt({**hint, "links": [b"<a>\r\nx-b: 1"]}))
        await call.answer()
        return
    await call.start(headers=[(b"content-length", b"2")])
    await call.send(hint)
    await call.part(b"ok")


def _informational(t: Trial, target: str, version: str = "1.1") -> list[int]:
    """The statuses of all answers to one request."""
    with t.connect() as wire:
        wire.send(t.request(target, version=version))
        statuses: list[int] = []
        while not statuses or statuses[-1] < 200:
            answer = wire.response(informational=True)
            statuses.append(answer.status)
            if answer.status == 103:
                t.check(answer.all(b"link"), "a Link field", answer.head)
    return statuses


@case("HINT-02", SHOULD, "Each hint is a 103 before the response", app=_hints)
def hints(t: Trial) -> None:
    t.announced(_HINT)
    t.equal(_informational(t, "/before"), [103, 103, 200])


@case("HINT-03", MUST, "A hint after the start is a 103 before the head, or ignored", app=_hints)
def hint_after_start(t: Trial) -> None:
    t.announced(_HINT)
    found = _informational(t, "/after")
    t.check(found in ([103, 200], [200]), "103 and 200, or 200", found)


@case("HINT-06", MUST, "HTTP/1.0 clients get no 103", app=_hints)
def no_hints_for_http_10(t: Trial) -> None:
    t.announced(_HINT)
    t.equal(_informational(t, "/before", "1.0"), [200])


@case("HINT-07", MUST, "CR and LF in a link are refused", app=_hints)
def bad_links(t: Trial) -> None:
    t.announced(_HINT)
    with t.connect() as wire:
        wire.send(t.request("/bad"))
        raw = wire.until(b"\r\n\r\n")
    t.check(b"x-b" not in raw and t.noted("refused"), "an exception from send()", raw)


@case(
    "HINT-02", SHOULD, "Over HTTP/2 each hint is a 103 before the response", app=_hints, on="http2"
)
def hints_over_http2(t: Trial) -> None:
    t.announced(_HINT, "http2")
    client = t.http2()
    answer = client.ask(client.fields(b"/before"))
    t.equal([status for status, _ in answer.informational], [103, 103])
    t.equal(answer.status, 200)


async def _trailers(call: Call) -> None:
    await call.body()
    start = {"type": "http.response.start", "status": 200, "headers": [], "trailers": True}
    await call.send({**start, "headers": [(b"trailer", b"x-a, x-b")]})
    await call.part(b"body")
    if call.scope["path"] == "/left":
        return
    await call.signal("go", 0.3)
    first = {"type": "http.response.trailers", "headers": [(b"x-a", b"1")], "more_trailers": True}
    await call.attempt(first)
    await call.attempt({"type": "http.response.trailers", "headers": [(b"x-b", b"2")]})
    call.note("done")


@case(
    "TRAIL-03",
    MUST,
    "With trailers announced the last body does not end the response",
    app=_trailers,
)
def waits_for_trailers(t: Trial) -> None:
    t.announced(_TRAILERS)
    with t.connect() as wire:
        wire.send(t.request(headers=[("TE", "trailers")]))
        wire.until(b"body")
        early = wire.quiet(0.1)
        t.check(b"0\r\n" not in early, "no end yet", early)
        t.signal("go")
        wire.until(b"x-b")


@case("TRAIL-04", MUST, "Trailers of several messages arrive in their order", app=_trailers)
def trailers(t: Trial) -> None:
    t.announced(_TRAILERS)
    answer = t.ask(headers=[("TE", "trailers")])
    found = [(name.lower(), value) for name, value in answer.trailers]
    t.equal(found, [(b"x-a", b"1"), (b"x-b", b"2")])
    t.equal(answer.body, b"body")


@case("TRAIL-04", MUST, "Over HTTP/2 trailers arrive in their order", app=_trailers, on="http2")
def trailers_over_http2(t: Trial) -> None:
    t.announced(_TRAILERS, "http2")
    client = t.http2()
    answer = client.ask(client.fields(more=[(b"te", b"trailers")]))
    t.equal(answer.trailers, [(b"x-a", b"1"), (b"x-b", b"2")])


@case("TRAIL-05", MUST, "Trailers go only to clients whose TE has `trailers`", app=_trailers)
def trailers_only_if_asked_for(t: Trial) -> None:
    t.announced(_TRAILERS)
    answer = t.ask()
    t.check(answer.body == b"body" and answer.complete, "the whole body", answer)
    t.equal(answer.trailers, [])
    for value in ("gzip, trailers", "Trailers"):
        found = t.ask(headers=[("TE", value)]).trailers
        t.check(len(found) == 2, f"trailers for TE: {value}", found)


@case(
    "TRAIL-10",
    MUST,
    "An application that leaves without its trailers does not hang the client",
    app=_trailers,
    derived=True,
)
def trailers_that_never_come(t: Trial) -> None:
    t.announced(_TRAILERS)
    with t.connect() as wire:
        wire.send(t.request("/left", headers=[("TE", "trailers"), ("Connection", "close")]))
        t.check(wire.ended(), "the end of the connection", "open")


@case(
    "TRAIL-11",
    MUST,
    "Where trailers are not offered, `trailers` does not break the response",
    app=_trailers,
    derived=True,
)
def trailers_not_offered(t: Trial) -> None:
    answer = t.ask(headers=[("TE", "trailers"), ("Connection", "close")])
    t.check(answer.body == b"body" and answer.complete, "the whole body", answer)


@case(
    "HTTP-RESP-37",
    MUST,
    "With `trailers` the response is not finished by its last body",
    app=_trailers,
)
def trailers_are_waited_for(t: Trial) -> None:
    t.announced(_TRAILERS)
    answer = t.ask(headers=[("TE", "trailers")])
    t.check(answer.complete and len(answer.trailers) == 2, "two trailers", answer.trailers)


# ----------------------------------------------------------------------------------- the others


async def _pushes(call: Call) -> None:
    await call.body()
    path = call.scope["path"]
    headers = [(b"x-probe", call.name.encode())]
    if path in {"/pushed", "/é x"}:
        # A push of its own comes to nothing, and does no harm
        await call.start()
        await call.send({"type": "http.response.push", "path": "/again", "headers": headers})
        await call.part(b"pushed")
        return
    if path == "/pseudo":
        headers = [(b":path", b"/pushed")]
    await call.start()
    what = "/é x" if path == "/encoded" else "/pushed"
    push = {"type": "http.response.push", "path": what, "headers": headers}
    call.note("taken", await call.attempt(push))
    await call.part(b"main")


@case(
    "PUSH-05",
    MUST,
    "To a client that wants no push it is no promise, and no error",
    app=_pushes,
    on="http2",
    derived=True,
)
def push_to_nobody(t: Trial) -> None:
    t.announced(_PUSH, "http2")
    client = t.http2()
    answer = client.ask(client.fields())
    t.check(answer.body == b"main" and not answer.promised, "the response alone", answer)


def _pushed(t: Trial, path: bytes = b"/") -> tuple[dict[bytes, bytes], Answer]:
    """The one promise that comes with the answer to `path`, and what came of it."""
    t.announced(_PUSH, "http2")
    client = t.http2({ENABLE_PUSH: 1})
    answer = client.ask(client.fields(path))
    t.check(len(answer.promised) == 1, "a PUSH_PROMISE", answer)
    stream, fields = answer.promised[0]
    client.answers.setdefault(stream, Answer())
    return dict(fields), client.answer(stream)


@case(
    "PUSH-03",
    SHOULD,
    "To a client that takes pushes it is a promise and a call",
    app=_pushes,
    on="http2",
)
def push(t: Trial) -> None:
    fields, answer = _pushed(t)
    t.check(fields.get(b":path") == b"/pushed", ":path /pushed", fields)
    t.check((answer.status, answer.body) == (200, b"pushed"), "200 and its body", answer)
    t.equal(t.ended(1).scope["path"], "/pushed")


@case(
    "PUSH-04",
    SHOULD,
    "A promise has the authority of the request that it comes with",
    app=_pushes,
    on="http2",
)
def push_authority(t: Trial) -> None:
    fields, _ = _pushed(t)
    t.equal(fields.get(b":authority"), b"example.test")


@case(
    "PUSH-06",
    MUST,
    "The path of a promise is percent-encoded",
    app=_pushes,
    on="http2",
    derived=True,
)
def push_encoded(t: Trial) -> None:
    fields, _ = _pushed(t, b"/encoded")
    t.equal(fields.get(b":path", b"").upper(), b"/%C3%A9%20X")


@case(
    "PUSH-07",
    SHOULD,
    "Pseudo-headers in the headers of a push raise",
    app=_pushes,
    on="http2",
    derived=True,
)
def push_pseudo(t: Trial) -> None:
    t.announced(_PUSH, "http2")
    client = t.http2({ENABLE_PUSH: 1})
    answer = client.ask(client.fields(b"/pseudo"))
    t.check(answer.body == b"main" and not answer.promised, "the response alone", answer)
    t.check(not t.noted("taken"), "an exception", "the message was taken")


@case(
    "PUSH-08",
    SHOULD,
    "A push within a pushed response does nothing, and no harm",
    app=_pushes,
    on="http2",
    derived=True,
)
def push_within_a_push(t: Trial) -> None:
    _, answer = _pushed(t)
    t.check(answer.body == b"pushed" and not answer.promised, "the response alone", answer)
    t.check(not t.ended(1).refused(), "no exception", t.ended(1).refused())


@case("DEBUG-01", SHOULD, "http.response.debug is not offered: it is for tests")
def no_debug(t: Trial) -> None:
    extensions = t.server.live("http").get("extensions") or {}
    t.check("http.response.debug" not in extensions, "no http.response.debug", list(extensions))
