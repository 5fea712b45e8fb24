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


# That nothing else may follow is a rule for applications; no text says what a server does about it
@case(
    "WS-DENY-06",
    SHOULD,
    "accept after the start of a denial raises",
    app=_denies,
    derived=True,
)
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


@case(
    "WS-DENY-09",
    SHOULD,
    "After a denial receive() says websocket.disconnect",
    app=_denies,
    derived=True,
)
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


@case(
    "PATH-05",
    SHOULD,
    "A file that is not there is an error, not an empty 200",
    app=_paths,
    derived=True,
)
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
