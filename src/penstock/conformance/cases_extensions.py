"""Cases: extensions, each judged where the live scope offers it (sections 18 and 20)."""

import os
import tempfile

from penstock.conformance.client_http1 import Wrong
from penstock.conformance.server_probe import Call, folder
from penstock.conformance.server_trial import MUST, SHOULD, Trial, case

_DENIAL = "websocket.http.response"
_ZEROCOPY = "http.response.zerocopysend"
_PATH = "http.response.pathsend"
_HINT = "http.response.early_hint"
_TRAILERS = "http.response.trailers"
_PUSH = "http.response.push"


# ------------------------------------------------------------------------------ denial response


async def _denies(call: Call) -> None:
    await call.receive()
    start = {"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-a", b"1")]}
    path = call.scope["path"]
    if path == "/bare":
        del start["headers"]
    if path == "/odd":
        start["status"] = 499
    if path == "/101":
        start["status"] = 101
        if not await call.attempt(start):
            call.note("refused")
            await call.send({"type": "websocket.close"})
        return
    await call.send(start)
    if path == "/start":
        return
    if path == "/accept":
        call.note("accepted", await call.attempt({"type": "websocket.accept"}))
    part = {"type": "websocket.http.response.body"}
    if path == "/bare":
        await call.send(part)
    elif path == "/parts":
        for body in (b"one", b"two"):
            await call.send({**part, "body": body, "more_body": True})
        await call.send({**part, "body": b"three"})
    else:
        await call.send({**part, "body": b"\xff\x00" if path == "/odd" else b"denied"})
    event = await call.soon(0.7)
    call.note("after", None if event is None else event["type"])


def _denied(t: Trial, target: str = "/") -> None:
    t.speaks_websocket()
    t.announced(_DENIAL, "websocket")


@case("WS-DENY-02", MUST, "A denial is a response: status, headers and body", app=_denies)
def denial(t: Trial) -> None:
    _denied(t)
    answer = t.websocket().wire.response()
    t.check(answer.status == 401 and answer.body == b"denied", "401 with denied", answer)
    t.equal(answer.get(b"x-a"), b"1")


@case("WS-DENY-03", MUST, "A denial needs neither `headers` nor `body`", app=_denies)
def bare_denial(t: Trial) -> None:
    _denied(t)
    answer = t.websocket("/bare").wire.response()
    t.check(answer.status == 401 and answer.complete, "401, whole", answer)


@case("WS-DENY-04", MUST, "The parts of a denial's body are joined", app=_denies)
def denial_in_parts(t: Trial) -> None:
    _denied(t)
    t.equal(t.websocket("/parts").wire.response().body, b"onetwothree")


@case("WS-DENY-05", MUST, "After a denial the connection is closed", app=_denies)
def denial_closes(t: Trial) -> None:
    _denied(t)
    socket = t.websocket()
    socket.wire.response()
    t.check(socket.wire.ended(), "the end of the connection", "open")


@case("WS-DENY-06", MUST, "accept after the start of a denial raises", app=_denies)
def accept_after_denial(t: Trial) -> None:
    _denied(t)
    socket = t.websocket("/accept")
    t.check(t.noted("accepted") is False, "an exception from send()", "none")
    t.equal(socket.wire.response().status, 401)


@case("WS-DENY-08", SHOULD, "Any bytes and any status pass", app=_denies, derived=True)
def odd_denial(t: Trial) -> None:
    _denied(t)
    answer = t.websocket("/odd").wire.response()
    t.check(answer.status == 499 and answer.body == b"\xff\x00", "499 with two bytes", answer)


@case("WS-DENY-09", SHOULD, "After a denial receive() says websocket.disconnect", app=_denies, derived=True)
def disconnect_after_denial(t: Trial) -> None:
    _denied(t)
    t.websocket()
    t.equal(t.noted("after"), "websocket.disconnect")


@case("WS-DENY-10", SHOULD, "A denial that is begun and left ends", app=_denies, derived=True)
def unfinished_denial(t: Trial) -> None:
    _denied(t)
    socket = t.websocket("/start")
    try:
        socket.wire.response()
    except Wrong:
        t.check(socket.wire.closed, "an answer or the end", "neither")


@case("WS-DENY-11", SHOULD, "101 as the status of a denial is refused", app=_denies, derived=True)
def denial_with_101(t: Trial) -> None:
    _denied(t)
    answer = t.websocket("/101").wire.response()
    t.check(answer.status >= 400, "an exception from send(), and no 101", answer)


# -------------------------------------------------------------------------------- files


async def _files(call: Call) -> None:
    await call.body()
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"0123456789" * 10)
        file.flush()
        path = call.scope["path"]
        message = {"type": "http.response.zerocopysend", "file": file}
        if path == "/position":
            os.lseek(file.fileno(), 10, os.SEEK_SET)
            file.seek(10)
            message["count"] = 5
        elif path == "/offset":
            message |= {"offset": 95}
        elif path == "/count":
            message |= {"offset": 0, "count": 7}
        elif path == "/mixed":
            call.quiet = True
            await call.start()
            await call.part(b"a", more=True)
            await call.send({**message, "offset": 0, "count": 2, "more_body": True})
            await call.part(b"b", more=True)
            await call.send({**message, "offset": 2, "count": 2})
            return
        call.quiet = True
        await call.start()
        await call.send(message)
        call.note("open", os.fstat(file.fileno()).st_size)


def _sent(t: Trial, target: str) -> bytes:
    t.announced(_ZEROCOPY)
    answer = t.ask(target)
    t.check(answer.status == 200 and answer.complete, "a whole 200", answer)
    return answer.body


@case("ZCS-02", MUST, "Files and bodies may be mixed", app=_files)
def mixed_with_bodies(t: Trial) -> None:
    t.equal(_sent(t, "/mixed"), b"a01b23")


@case("ZCS-04", MUST, "`offset` counts; without it the file's position does", app=_files)
def offset(t: Trial) -> None:
    t.equal(_sent(t, "/offset"), b"56789")
    t.equal(_sent(t, "/position"), b"01234")


@case("ZCS-05", MUST, "`count` bytes are sent", app=_files)
def count(t: Trial) -> None:
    t.equal(_sent(t, "/count"), b"0123456")


@case("ZCS-06", MUST, "Without `more_body` the response is complete", app=_files)
def complete(t: Trial) -> None:
    _sent(t, "/count")


@case("ZCS-07", MUST, "The server does not close the file", app=_files)
def file_stays_open(t: Trial) -> None:
    _sent(t, "/count")
    t.equal(t.noted("open"), 100)


async def _no_file(call: Call) -> None:
    import io

    call.quiet = True
    await call.start()
    message = {"type": "http.response.zerocopysend", "file": io.BytesIO(b"x")}
    try:
        await call.send(message)
    except Exception:
        call.note("refused", True)
        await call.part(b"ok")
        return
    call.note("refused", False)


@case("ZCS-03", MUST, "A file without a descriptor raises", app=_no_file)
def no_descriptor(t: Trial) -> None:
    t.announced(_ZEROCOPY)
    with t.connect() as wire:
        wire.send(t.request())
        t.check(t.noted("refused"), "an exception from send()", "none")


async def _paths(call: Call) -> None:
    await call.body()
    path = os.path.join(folder, call.name + ".data")
    size = 0 if call.scope["path"] == "/empty" else 300000
    with open(path, "wb") as file:
        file.write(b"x" * size)
    wanted = {"/missing": path + ".missing", "/relative": os.path.basename(path)}
    await call.start(headers=[] if size else [(b"content-length", b"0")])
    message = {"type": "http.response.pathsend", "path": wanted.get(call.scope["path"], path)}
    if not await call.attempt(message):
        call.note("refused")
        raise RuntimeError("the path was refused")


@case("PATH-02", MUST, "The file arrives whole, and ends the response", app=_paths)
def file_by_its_path(t: Trial) -> None:
    t.announced(_PATH)
    answer = t.ask()
    t.check(answer.complete and answer.body == b"x" * 300000, "300000 bytes", answer)


@case("PATH-05", SHOULD, "A file that is not there is an error, not an empty 200", app=_paths, derived=True)
def missing_file(t: Trial) -> None:
    t.announced(_PATH)
    with t.connect() as wire:
        wire.send(t.request("/missing"))
        try:
            answer = wire.response()
        except Wrong:
            t.check(wire.closed, "an error or the end", "neither")
            return
    t.check(answer.status >= 400 or not answer.complete, "an error", answer)


@case("PATH-06", SHOULD, "A relative path is refused", app=_paths, derived=True)
def relative_path(t: Trial) -> None:
    t.announced(_PATH)
    with t.connect() as wire:
        wire.send(t.request("/relative"))
        try:
            answer = wire.response()
        except Wrong:
            return
    t.check(answer.status >= 400 or not answer.complete, "an error", answer)


@case("PATH-07", MUST, "HEAD gets no file; an empty file works", app=_paths, derived=True)
def head_and_empty(t: Trial) -> None:
    t.announced(_PATH)
    with t.connect() as wire:
        wire.send(t.request(method="HEAD"))
        t.equal(wire.response(head=True).status, 200)
        t.check(not wire.quiet(t.pause_s), "no body", wire.buffer[:100])
    answer = t.ask("/empty")
    t.check(answer.status == 200 and answer.complete and not answer.body, "an empty 200", answer)


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
        statuses = []
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


@case("HINT-02", SHOULD, "Over HTTP/2 each hint is a 103 before the response", app=_hints, on="http2")
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


@case("TRAIL-03", MUST, "With trailers announced the last body does not end the response", app=_trailers)
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


@case("TRAIL-10", MUST, "An application that leaves without its trailers does not hang the client", app=_trailers, derived=True)
def trailers_that_never_come(t: Trial) -> None:
    t.announced(_TRAILERS)
    with t.connect() as wire:
        wire.send(t.request("/left", headers=[("TE", "trailers"), ("Connection", "close")]))
        t.check(wire.ended(), "the end of the connection", "open")


@case("TRAIL-11", MUST, "Where trailers are not offered, `trailers` does not break the response", app=_trailers, derived=True)
def trailers_not_offered(t: Trial) -> None:
    answer = t.ask(headers=[("TE", "trailers"), ("Connection", "close")])
    t.check(answer.body == b"body" and answer.complete, "the whole body", answer)


@case("HTTP-RESP-37", MUST, "With `trailers` the response is not finished by its last body", app=_trailers)
def trailers_are_waited_for(t: Trial) -> None:
    t.announced(_TRAILERS)
    answer = t.ask(headers=[("TE", "trailers")])
    t.check(answer.complete and len(answer.trailers) == 2, "two trailers", answer.trailers)


# ----------------------------------------------------------------------------------- the others


async def _pushes(call: Call) -> None:
    await call.body()
    if call.scope["path"] == "/pushed":
        await call.answer(b"pushed")
        return
    await call.start()
    await call.send({"type": "http.response.push", "path": "/pushed", "headers": []})
    await call.part(b"main")


@case("PUSH-05", MUST, "To a client that wants no push it is no promise, and no error", app=_pushes, on="http2", derived=True)
def push_to_nobody(t: Trial) -> None:
    t.announced(_PUSH, "http2")
    client = t.http2()
    answer = client.ask(client.fields())
    t.check(answer.body == b"main" and not answer.promised, "the response alone", answer)


@case("PUSH-03", SHOULD, "To a client that takes pushes it is a promise and a call", app=_pushes, on="http2")
def push(t: Trial) -> None:
    t.announced(_PUSH, "http2")
    client = t.http2({2: 1})
    answer = client.ask(client.fields(), None)
    t.check(answer.promised, "PUSH_PROMISE", "none")


@case("DEBUG-01", SHOULD, "http.response.debug is not offered: it is for tests")
def no_debug(t: Trial) -> None:
    extensions = t.server.live("http").get("extensions") or {}
    t.check("http.response.debug" not in extensions, "no http.response.debug", list(extensions))
