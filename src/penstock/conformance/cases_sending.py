"""Cases: messages that are wrong, or just unusual, and what send() says (sections 3, 4 and 10)."""

import asyncio
import contextlib
import copy

from penstock.conformance.client_http1 import Wrong
from penstock.conformance.server_probe import Call
from penstock.conformance.server_trial import MUST, SHOULD, Trial, case


async def _unknown(call: Call) -> None:
    call.note("before", not await call.attempt({"type": "http.bogus"}))
    await call.start(headers=[(b"content-length", b"2")])
    call.note("after", not await call.attempt({"type": "http.bogus"}))
    await call.part(b"ok")


@case(
    "ERR-01",
    SHOULD,
    "A message of unknown type raises, before the start and after it",
    app=_unknown,
)
def unknown_messages(t: Trial) -> None:
    t.ask()
    t.check(t.noted("before"), "an exception before the start", "none")
    t.check(t.noted("after"), "an exception after the start", "none")


@case("ERR-04", MUST, "send() raises where it is awaited: who catches it can go on", app=_unknown)
def errors_can_be_caught(t: Trial) -> None:
    answer = t.ask()
    t.check(answer.status == 200 and answer.body == b"ok", "200 with ok", answer)


async def _lacking(call: Call) -> None:
    bad = {
        "/status": {"type": "http.response.start", "headers": []},
        "/type": {"status": 200, "headers": []},
    }
    call.note("refused", not await call.attempt(bad[call.scope["path"]]))
    await call.answer(b"right")


@case(
    "ERR-02",
    SHOULD,
    "A message without a required key raises: a start without status, no type",
    app=_lacking,
)
def lacking_keys(t: Trial) -> None:
    for number, target in enumerate(("/status", "/type")):
        with contextlib.suppress(Wrong):
            t.ask(target)
        t.check(
            t.noted("refused", number), f"an exception for a message without {target[1:]}", "none"
        )


@case(
    "ERR-04",
    MUST,
    "A message without a required key leaves no trace: a right response may follow",
    app=_lacking,
    derived=True,
)
def lacking_keys_can_be_caught(t: Trial) -> None:
    for target in ("/status", "/type"):
        answer = t.ask(target)
        right = answer.status == 200 and answer.body == b"right"
        t.check(right, f"200 with right after a message without {target[1:]}", answer)


async def _wrong_types(call: Call) -> None:
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    bad = {
        "status": {**start, "status": "200"},
        "name": {**start, "headers": [("content-length", b"2")]},
        "value": {**start, "headers": [(b"content-length", "2")]},
        "body": {"type": "http.response.body", "body": "ok"},
    }
    which = call.scope["path"][1:]
    if which == "body":
        await call.send(start)
    call.note("refused", not await call.attempt(bad[which]))


def _refused(t: Trial, which: str) -> None:
    with t.connect() as wire:
        wire.send(t.request(f"/{which}"))
        t.check(t.noted("refused"), "an exception from send()", "none")


@case("ERR-03", SHOULD, "A status that is a str raises", app=_wrong_types)
def status_of_wrong_type(t: Trial) -> None:
    _refused(t, "status")


@case("ERR-03", SHOULD, "A header name that is a str raises", app=_wrong_types)
def name_of_wrong_type(t: Trial) -> None:
    _refused(t, "name")


@case("ERR-03", SHOULD, "A header value that is a str raises", app=_wrong_types)
def value_of_wrong_type(t: Trial) -> None:
    _refused(t, "value")


@case("ERR-03", SHOULD, "A body that is a str raises", app=_wrong_types)
def body_of_wrong_type(t: Trial) -> None:
    _refused(t, "body")


async def _pseudo(call: Call) -> None:
    start = {"type": "http.response.start", "status": 200, "headers": [(b":status", b"404")]}
    if not await call.attempt(start):
        await call.answer(b"ok")
        return
    await call.part(b"ok")


@case(
    "HTTP-RESP-05", MUST, "A pseudo header of the application never reaches the wire", app=_pseudo
)
def pseudo_headers(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        try:
            raw = wire.until(b"\r\n\r\n")
        except Wrong:
            return
    t.check(b":status" not in raw, "no :status", raw)


async def _extra_keys(call: Call) -> None:
    await call.receive()
    await call.send({"type": "http.response.start", "status": 200, "headers": [], "x-extra": 1})
    await call.send({"type": "http.response.body", "body": b"ok", "x-extra": {"a": [1]}})


@case("MSG-12", MUST, "Unknown keys in messages are no error", app=_extra_keys)
def unknown_keys(t: Trial) -> None:
    answer = t.ask()
    t.check(answer.status == 200 and answer.body == b"ok", "200 with ok", answer)


async def _defaults(call: Call) -> None:
    start = {"type": "http.response.start", "status": 201}
    if call.scope["path"] == "/bare":
        await call.send(start)
        await call.send({"type": "http.response.body"})
    else:
        await call.send({**start, "headers": [], "trailers": False})
        await call.send({"type": "http.response.body", "body": b"", "more_body": False})


@case("MSG-13", MUST, "Left out, optional keys mean their defaults", app=_defaults)
def defaults(t: Trial) -> None:
    bare, whole = t.ask("/bare"), t.ask("/whole")
    t.check(bare.status == whole.status == 201, "201 both times", f"{bare}; {whole}")
    names = [sorted(key.lower() for key, _ in answer.headers) for answer in (bare, whole)]
    t.equal(names[0], names[1], "the same headers")


async def _keeps(call: Call) -> None:
    start = {"type": "http.response.start", "status": 200, "headers": [[b"x-a", b"1"]]}
    body = {"type": "http.response.body", "body": b"one", "more_body": True}
    before = copy.deepcopy([start, body])
    await call.send(start)
    await call.send(body)
    call.note("same", [start, body] == before)
    body["body"] = b"spoilt"
    start["headers"].append([b"x-b", b"2"])  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    await call.part(b"two")


@case(
    "MSG-15",
    MUST,
    "The server neither changes a message nor looks at it later",
    app=_keeps,
    derived=True,
)
def messages_are_the_applications(t: Trial) -> None:
    answer = t.ask()
    t.check(t.noted("same"), "messages as they were", "changed ones")
    t.check(answer.body == b"onetwo" and answer.get(b"x-b") is None, "onetwo, no x-b", answer)
