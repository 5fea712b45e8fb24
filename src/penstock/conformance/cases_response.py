"""Cases: response messages, and what reaches the client (sections 4 and 10)."""

import gzip
import hashlib
import time

from penstock.conformance.client_http1 import Wrong
from penstock.conformance.server_probe import Call
from penstock.conformance.server_trial import MAY, MUST, SHOULD, Trial, case

_STATUSES = (200, 299, 404, 418, 451, 499, 599)


async def _status(call: Call) -> None:
    await call.answer(status=int(call.scope["path"][1:]))


@case(
    "HTTP-RESP-03",
    MUST,
    "The status goes out unchanged, with a standard phrase or without",
    app=_status,
)
def statuses(t: Trial) -> None:
    for status in _STATUSES:
        t.equal(t.ask(f"/{status}").status, status)


async def _no_headers(call: Call) -> None:
    await call.send({"type": "http.response.start", "status": 200})
    await call.part(b"ok")


@case("HTTP-RESP-06", MUST, "`headers` may be left out", app=_no_headers)
def headers_left_out(t: Trial) -> None:
    answer = t.ask()
    t.check(answer.status == 200 and answer.body == b"ok", "200 with ok", answer)


async def _ordered(call: Call) -> None:
    await call.answer(headers=[(b"x-1", b"a"), (b"x-2", b"b"), (b"x-1", b"c")])


@case("HTTP-RESP-07", MUST, "Headers keep their order, repeated ones too", app=_ordered)
def order_of_headers(t: Trial) -> None:
    headers = [(k.lower(), v) for k, v in t.ask().headers if k.lower().startswith(b"x-")]
    t.equal(headers, [(b"x-1", b"a"), (b"x-2", b"b"), (b"x-1", b"c")])


async def _iterables(call: Call) -> None:
    pairs = [(b"x-a", b"1"), (b"content-length", b"2")]
    kinds = {
        "/lists": [list(pair) for pair in pairs],
        "/tuples": tuple(pairs),
        "/generator": (pair for pair in pairs),
    }
    headers = kinds[call.scope["path"]]
    call.quiet = True
    await call.send({"type": "http.response.start", "status": 200, "headers": headers})
    await call.part(b"ok")


@case("HTTP-RESP-08", MUST, "`headers` may be lists, tuples or a generator", app=_iterables)
def iterables_of_headers(t: Trial) -> None:
    for target in ("/lists", "/tuples", "/generator"):
        answer = t.ask(target)
        t.check(answer.get(b"x-a") == b"1" and answer.body == b"ok", f"x-a: 1 for {target}", answer)


async def _cookies(call: Call) -> None:
    await call.answer(headers=[(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")])


@case("HTTP-HDR-10", MUST, "Several set-cookie stay several", app=_cookies)
def set_cookies(t: Trial) -> None:
    t.equal(t.ask().all(b"set-cookie"), [b"a=1", b"b=2"])


async def _waits_between(call: Call) -> None:
    await call.start()
    await call.part(b"one", more=True)
    await call.signal("go")
    await call.part(b"two")


@case("HTTP-RESP-13", MUST, "What was sent is on its way when send() returns", app=_waits_between)
def parts_are_flushed(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        wire.until(b"\r\n\r\n")
        t.check(b"one" in wire.until(b"one"), "the first part", "nothing")
        t.signal("go")
        t.check(b"two" in wire.until(b"two"), "the second part", "nothing")


async def _bare_body(call: Call) -> None:
    await call.start(headers=[(b"x-a", b"1")])
    await call.send({"type": "http.response.body"})
    call.note("sent")
    await call.signal("go")


@case(
    "HTTP-RESP-14",
    MUST,
    "A body message without `body` and `more_body` ends an empty response",
    app=_bare_body,
)
def defaults_of_the_body(t: Trial) -> None:
    answer = t.ask()
    t.check(answer.status == 200 and answer.complete, "a whole 200", answer)
    t.equal(answer.body, b"")
    t.signal("go")


async def _thousand(call: Call) -> None:
    call.quiet = True
    await call.start()
    for number in range(1000):
        await call.part(b"%d," % number * (number % 97), more=True)
    await call.part(b"")


@case("HTTP-RESP-15", MUST, "1000 parts arrive joined, in their order", app=_thousand)
def parts_in_order(t: Trial) -> None:
    answer = t.ask()
    body = b"".join(b"%d," % number * (number % 97) for number in range(1000))
    same = hashlib.sha256(answer.body).digest() == hashlib.sha256(body).digest()
    t.check(same and answer.complete, f"{len(body)} bytes", answer)


async def _goes_on(call: Call) -> None:
    await call.body()
    await call.answer(b"done")
    await call.signal("go")


@case(
    "HTTP-RESP-17",
    MUST,
    "The last body completes the response while the application still runs",
    app=_goes_on,
)
def completed_while_running(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        answer = wire.response()
        t.check(answer.body == b"done" and answer.complete, "the whole answer", answer)
        running = t.call().end is None
        t.signal("go")
        t.check(running, "before the application has ended", "after it")


async def _too_much(call: Call) -> None:
    await call.answer(b"done")
    call.note("raised", not await call.attempt({"type": "http.response.body", "body": b"more"}))


@case("HTTP-RESP-18", SHOULD, "A body after the end is not written", app=_too_much)
def nothing_after_the_end(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        t.equal(wire.response().body, b"done")
        t.noted("raised")
        t.check(not wire.quiet(t.pause_s), "nothing more", wire.buffer)


@case("HTTP-RESP-18", MAY, "A body after the end is ignored: send() does not raise", app=_too_much)
def ignored_after_the_end(t: Trial) -> None:
    t.ask()
    refused = [step.error[0] for step in t.ended().refused()]
    t.check(not refused, "no exception", refused)


async def _body_first(call: Call) -> None:
    call.note("refused", not await call.attempt({"type": "http.response.body", "body": b"x"}))
    await call.answer(b"right")


@case(
    "HTTP-RESP-19",
    SHOULD,
    "A body before the start raises; a right response may follow",
    app=_body_first,
)
def body_before_start(t: Trial) -> None:
    answer = t.ask()
    t.check(t.noted("refused"), "an exception from send()", "none")
    t.check(answer.status == 200 and answer.body == b"right", "200 with right", answer)


async def _two_starts(call: Call) -> None:
    await call.start(200, [(b"content-length", b"5")])
    again = {"type": "http.response.start", "status": 404, "headers": []}
    call.note("refused", not await call.attempt(again))
    await call.part(b"right")


@case(
    "HTTP-RESP-20",
    SHOULD,
    "A second start raises, and the response goes on",
    app=_two_starts,
    derived=True,
)
def second_start(t: Trial) -> None:
    answer = t.ask()
    t.check(t.noted("refused"), "an exception from send()", "none")
    t.check(answer.status == 200 and answer.body == b"right", "200 with right", answer)


_INJECTED = (
    (b"x-a", b"1\r\nx-b: 2"),
    (b"x-a", b"1\nx-b: 2"),
    (b"x-a", b"1\x00"),
    (b"x-a\r\nx-b", b"2"),
)


async def _injects(call: Call) -> None:
    bad = (
        (b"x-a", b"1\r\nx-b: 2"),
        (b"x-a", b"1\nx-b: 2"),
        (b"x-a", b"1\x00"),
        (b"x-a\r\nx-b", b"2"),
    )
    message = {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-length", b"2"), bad[int(call.scope["path"][1:])]],
    }
    if not await call.attempt(message):
        call.note("refused")
        await call.answer(b"ok")
    else:
        await call.part(b"ok")


@case("HTTP-RESP-26", MUST, "CR, LF and NUL in response headers never reach the wire", app=_injects)
def injected_headers(t: Trial) -> None:
    for number, bad in enumerate(_INJECTED):
        with t.connect() as wire:
            wire.send(t.request(f"/{number}"))
            try:
                raw = wire.until(b"\r\n\r\n")
            except Wrong:
                t.check(wire.closed, "an answer or the end", "neither")
                continue
        lines = raw.replace(b"\r\n", b"\n").split(b"\n")
        injected = any(line.startswith(b"x-b") for line in lines) or b"\x00" in raw
        t.check(not injected and b"\r" not in b"".join(lines), f"nothing of {bad}", raw)


async def _own_names(call: Call) -> None:
    date = b"Thu, 01 Jan 1970 00:00:00 GMT"
    await call.answer(headers=[(b"date", date), (b"server", b"mine")])


@case(
    "HTTP-RESP-27",
    MAY,
    "The application's date and server are not repeated",
    app=_own_names,
    derived=True,
)
def date_and_server_once(t: Trial) -> None:
    answer = t.ask()
    t.equal(len(answer.all(b"date")), 1, "date: how often")
    t.equal(len(answer.all(b"server")), 1, "server: how often")


async def _floods(call: Call) -> None:
    call.quiet = True
    await call.start()
    piece = bytes(1 << 16)
    for number in range(2400):  # 150 MiB
        await call.part(piece, more=True)
        if number % 100 == 99:
            call.note("sent", number + 1)
    call.note("all")
    await call.part(b"")


@case(
    "HTTP-RESP-30", SHOULD, "send() waits while the client does not read", app=_floods, derived=True
)
def backpressure(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        wire.until(b"\r\n\r\n")
        t.transcript.add("-", "the client does not read")
        waits_in(t, "150 MiB were taken")


def waits_in(t: Trial, taken: str) -> None:
    """Go on when send() of a flooding application waits; `taken` says what went out if it does not."""
    same, before = 0, -1
    while same < 3:
        seen = t.call()
        t.check(not seen.notes("all"), "send() to wait", taken)
        now = len(seen.notes("sent"))
        same = same + 1 if now == before else 0
        before = now
        time.sleep(t.pause_s)


async def _answers_at_once(call: Call) -> None:
    await call.answer(b"too large", status=413)


@case(
    "HTTP-RESP-34", MUST, "A response may be whole before the request body is", app=_answers_at_once
)
def answer_before_the_body(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request(method="POST", headers=[("Content-Length", "100000")]) + bytes(500))
        if not wire.more(t.pause_s * 3):
            wire.send(bytes(99500))  # a server that reads it all first: it must answer then
        answer = wire.response()
        t.check(answer.status == 413 and answer.complete, "413", answer)


async def _zipped(call: Call) -> None:
    body = gzip.compress(b"hello" * 100, mtime=0)
    await call.answer(body, headers=[(b"content-encoding", b"gzip")])


@case("HTTP-RESP-35", MUST, "Body bytes and content-encoding are left alone", app=_zipped)
def encoded_bodies(t: Trial) -> None:
    answer = t.ask(headers=[("Accept-Encoding", "gzip, br")])
    t.equal(answer.body, gzip.compress(b"hello" * 100, mtime=0))
    t.equal(answer.all(b"content-encoding"), [b"gzip"])
