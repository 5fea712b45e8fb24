"""Cases: clients that leave, and what receive() and send() say then (section 11)."""

import asyncio
import time

from penstock.conformance.client_http1 import Wrong
from penstock.conformance.server_probe import Call
from penstock.conformance.server_trial import MUST, SHOULD, Skip, Trial, case


async def _parks(call: Call) -> None:
    await call.body()
    call.note("parked")
    event = await call.receive()
    call.note("got", event["type"])


@case("HTTP-DISC-01", MUST, "receive() says http.disconnect when the client has left", app=_parks)
def client_leaves(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        t.noted("parked")
        wire.leave()
    t.equal(t.noted("got"), "http.disconnect")


async def _receives_after(call: Call) -> None:
    await call.body()
    await call.answer()
    for _ in range(3):
        event = await call.soon(0.7)
        call.note("after", None if event is None else event["type"])
    call.note("done")


def _after(t: Trial) -> list[object]:
    with t.connect() as wire:
        wire.send(t.request(method="POST", body=b"abc"))
        wire.response()
        try:
            t.noted("done")
        except Wrong:
            pass
    return t.calls()[0].notes("after")


@case(
    "HTTP-DISC-02", MUST, "receive() after the response says http.disconnect", app=_receives_after
)
def after_the_response(t: Trial) -> None:
    t.check(_after(t)[:1] == ["http.disconnect"], "http.disconnect", _after_text(t))


@case(
    "HTTP-DISC-04",
    SHOULD,
    "receive() goes on to say so, and does not block for ever",
    app=_receives_after,
    derived=True,
)
def again_after_the_response(t: Trial) -> None:
    _after(t)
    found = t.calls()[0].notes("after")
    t.check(found == ["http.disconnect"] * 3, "http.disconnect three times", _after_text(t))


def _after_text(t: Trial) -> str:
    return ", ".join(str(each or "nothing") for each in t.calls()[0].notes("after"))


async def _answers_unread(call: Call) -> None:
    await call.answer()
    event = await call.soon(0.7)
    call.note("after", None if event is None else event["type"])


@case(
    "HTTP-DISC-03",
    SHOULD,
    "The same if the request body was never read",
    app=_answers_unread,
    derived=True,
)
def after_the_response_unread(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request(method="POST", body=b"abc"))
        wire.response()
        t.equal(t.noted("after"), "http.disconnect")


async def _waits(call: Call) -> None:
    await call.body()
    call.note("pending", await call.soon(0.4) is None)
    await call.answer()


@case(
    "HTTP-DISC-05", MUST, "While the client waits for the response, receive() waits too", app=_waits
)
def receive_waits(t: Trial) -> None:
    t.ask()
    t.check(t.noted("pending"), "no event", t.calls()[0].types())


async def _sends_on(call: Call) -> None:
    await call.body()
    await call.start()
    await call.part(b"one", more=True)
    call.quiet = True
    await call.signal("left")
    kind, text = "", ""
    for number in range(40):
        try:
            await call.part(b"x" * 1000, more=True)
        except BaseException as error:
            kind, text = type(error).__name__, repr([c.__name__ for c in type(error).__mro__])
            call.note("raised", [kind, text, number, isinstance(error, OSError)])
            if call.scope["path"] == "/through":
                raise
            return
        await asyncio.sleep(0.01)
    call.note("raised", [kind, text, 40, False])


def _sent_on(t: Trial, target: str = "/") -> list[object]:
    with t.connect() as wire:
        wire.send(t.request(target))
        wire.until(b"one")
        wire.leave()
    time.sleep(t.pause_s / 3)
    t.signal("left")
    return list(t.noted("raised"))


@case(
    "HTTP-DISC-06",
    SHOULD,
    "From 2.4 on, send() raises an OSError when the client has left",
    app=_sends_on,
)
def send_raises(t: Trial) -> None:
    found = _sent_on(t)
    came = f"{found[0]}" if found[0] else f"{found[2]} sends, no exception"
    version = t.version()
    if version < (2, 4):
        raise Skip(f"the http scope announces {version[0]}.{version[1]}, not 2.4; in fact: {came}")
    t.check(found[3], "an OSError", came)


@case(
    "HTTP-DISC-07", SHOULD, "Below 2.4, send() does nothing when the client has left", app=_sends_on
)
def send_does_nothing(t: Trial) -> None:
    if t.version() >= (2, 4):
        raise Skip("the http scope announces 2.4 or later")
    found = _sent_on(t)
    t.check(not found[0], "no exception", found[1])


_BAD_WORDS = ("traceback", "exception in", "unhandled", "never retrieved")


@case(
    "HTTP-DISC-08",
    MUST,
    "That exception, coming out of the application, is no error",
    app=_sends_on,
)
def exception_is_swallowed(t: Trial) -> None:
    t.use(t.stage.shared("plain"))
    if t.version() < (2, 4):
        raise Skip("the http scope announces no 2.4")
    t.start()
    found = _sent_on(t, "/through")
    if not found[0]:
        raise Skip("send() raises nothing")
    t.ended()
    time.sleep(t.pause_s)
    log = t.server.log()
    t.check(not any(word in log.lower() for word in _BAD_WORDS), "nothing in the log", log[-800:])


async def _slow_answer(call: Call) -> None:
    await call.body()
    await asyncio.sleep(0.1)
    await call.answer(b"late")


@case(
    "HTTP-DISC-11",
    SHOULD,
    "A client that has only ended its side still gets the answer",
    app=_slow_answer,
    derived=True,
)
def half_close(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request(headers=[("Connection", "close")]))
        wire.finish()
        answer = wire.response()
        t.check(answer.body == b"late", "the answer", answer)


async def _cleans_up(call: Call) -> None:
    await call.body()
    call.note("parked")
    await call.receive()
    await asyncio.sleep(0.4)
    call.note("cleaned up")


@case(
    "APP-12",
    MUST,
    "When the client leaves, the application may finish what it does",
    app=_cleans_up,
)
def time_to_clean_up(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        t.noted("parked")
        wire.leave()
    seen = t.ended()
    t.check(seen.notes("cleaned up"), "the application's last note", seen.end)


async def _parks_beside(call: Call) -> None:
    await call.body()
    task = asyncio.ensure_future(call.receive())
    await call.start()
    for number in range(5):
        await call.part(b"%d" % number, more=True)
        await asyncio.sleep(0.01)
    call.note("early", task.done())
    await call.part(b"")
    done, _ = await asyncio.wait([task], timeout=0.7)
    call.note("event", task.result()["type"] if done else None)
    task.cancel()


@case("APP-16", SHOULD, "One task may wait in receive() while another sends", app=_parks_beside)
def receive_beside_send(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        t.equal(wire.response().body, b"01234")
        t.check(t.noted("early") is False, "receive() to wait meanwhile", "it returned")
        t.equal(t.noted("event"), "http.disconnect")


async def _endless(call: Call) -> None:
    await call.body()
    await call.start()
    await call.part(b"one", more=True)
    await call.signal("left")
    call.quiet = True
    began = asyncio.get_running_loop().time()
    piece = {"type": "http.response.body", "body": b"x" * 65536, "more_body": True}
    for _ in range(50):
        if not await call.attempt(piece):
            break
    call.note("took", asyncio.get_running_loop().time() - began)


@case("APP-07", MUST, "send() ends in bounded time after the client has vanished", app=_endless)
def send_is_bounded(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        wire.until(b"one")
        wire.reset()
    t.signal("left")
    t.check(t.noted("took") is not None, "the end of send()", "none")
