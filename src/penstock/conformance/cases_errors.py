"""Cases: applications that fail, and what must not suffer from it (sections 4 and 12)."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from penstock.conformance.client_http1 import Wrong
from penstock.conformance.server_probe import Call, shared
from penstock.conformance.server_trial import MUST, SHOULD, Trial, case


async def _fails(call: Call) -> None:
    await call.body()
    raise RuntimeError("on purpose")


@case("HTTP-ERR-01", SHOULD, "An exception before the start is a 500", app=_fails)
def failure_before_start(t: Trial) -> None:
    answer = t.ask()
    t.equal(answer.status, 500)
    t.check(b"Traceback" not in answer.body, "no traceback in the answer", answer.body)


@case(
    "ERR-07",
    MUST,
    "An exception ends the call and its connection's request; it is not called again",
    app=_fails,
)
def failure_ends_the_call(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        try:
            wire.response()
        except Wrong:
            t.check(wire.closed, "an answer or the end", "neither")
    time.sleep(t.pause_s)
    t.equal(len(t.calls()), 1, "calls:")


@case("ERR-13", SHOULD, "An exception is noticed at once", app=_fails, derived=True)
def failure_is_noticed_at_once(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        wire.until(b"\r\n\r\n")
        answered = time.monotonic()
    end = t.ended().end
    took = answered - end.at if end is not None else 0.0
    t.check(took < 0.5, "the answer within half a second", f"after {took:.2f} s")


@case("HTTP-ERR-06", MUST, "The 500 for a HEAD request has no body", app=_fails, derived=True)
def failure_of_a_head(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request(method="HEAD", headers=[("Connection", "close")]))
        answer = wire.response(head=True)
        t.equal(answer.status, 500)
        t.check(not wire.quiet(t.pause_s), "no body", wire.buffer)


async def _says_nothing(call: Call) -> None:
    await call.body()


@case(
    "HTTP-ERR-02",
    SHOULD,
    "An application that returns without an answer is a 500",
    app=_says_nothing,
    derived=True,
)
def no_answer(t: Trial) -> None:
    t.equal(t.ask().status, 500)


async def _only_starts(call: Call) -> None:
    await call.body()
    await call.start()
    if call.scope["path"] == "/raise":
        raise RuntimeError("on purpose")


@case(
    "HTTP-ERR-03",
    SHOULD,
    "A start without a body, and then the end, is no whole 200",
    app=_only_starts,
    derived=True,
)
def only_a_start(t: Trial) -> None:
    for target in ("/raise", "/return"):
        with t.connect() as wire:
            wire.send(t.request(target))
            try:
                answer = wire.response()
            except Wrong:
                t.check(wire.closed, "500 or the end", "neither")
                continue
            whole = answer.status == 200 and answer.complete and answer.framing != "close"
            t.check(not whole, f"500, or a response cut off, for {target}", answer)


async def _stops_in_the_middle(call: Call) -> None:
    await call.body()
    await call.start()
    await call.part(b"first", more=True)
    if call.scope["path"] == "/raise":
        raise RuntimeError("on purpose")


@case(
    "HTTP-ERR-04",
    MUST,
    "A body that breaks off is cut, so that the client can tell",
    app=_stops_in_the_middle,
    derived=True,
)
def broken_off(t: Trial) -> None:
    for target in ("/raise", "/return"):
        with t.connect() as wire:
            wire.send(t.request(target))
            answer = wire.response()
            t.check(not answer.complete, f"a response cut off for {target}", answer)
            t.check(wire.ended(), "the end of the connection", "open")


async def _fails_afterwards(call: Call) -> None:
    await call.answer(b"whole")
    raise RuntimeError("on purpose")


@case(
    "HTTP-ERR-05",
    SHOULD,
    "An exception after the response does not touch it",
    app=_fails_afterwards,
    derived=True,
)
def failure_afterwards(t: Trial) -> None:
    answer = t.ask()
    t.check(answer.body == b"whole" and answer.complete, "whole", answer)
    t.equal(t.ask().status, 200)


async def _every_second(call: Call) -> None:
    if call.scope["path"] == "/bad":
        raise RuntimeError("on purpose")
    await call.answer()


@case("ERR-09", MUST, "Failing calls do not take others with them", app=_every_second)
def failures_are_alone(t: Trial) -> None:
    targets = ["/bad", "/good"] * 12

    def ask(target: str) -> int:
        try:
            return t.ask(target).status
        except Wrong:
            return 0

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(ask, targets))
    t.equal(statuses[1::2], [200] * 12)


async def _odd_exceptions(call: Call) -> None:
    await call.body()
    if call.scope["path"] == "/cancelled":
        raise asyncio.CancelledError
    if call.scope["path"] == "/exit":
        raise SystemExit(1)
    await call.answer()


def _survives(t: Trial, target: str) -> None:
    t.start()
    with t.connect() as wire:
        wire.send(t.request(target))
        try:
            wire.response()
        except Wrong as wrong:
            t.check(wire.closed, "an answer or the end of the connection", wrong.came)
    t.equal(t.ask("/").status, 200)


@case(
    "ERR-12",
    SHOULD,
    "A CancelledError of the application leaves the server running",
    app=_odd_exceptions,
    derived=True,
)
def cancelled_error(t: Trial) -> None:
    _survives(t, "/cancelled")


@case(
    "ERR-12",
    SHOULD,
    "A SystemExit of the application leaves the server running",
    app=_odd_exceptions,
    derived=True,
)
def system_exit(t: Trial) -> None:
    _survives(t, "/exit")


async def _slow(call: Call) -> None:
    await call.body()
    call.note("began")
    await asyncio.sleep(0.8)
    await call.answer(b"finished")


@case(
    "HTTP-CONN-05",
    SHOULD,
    "A graceful stop lets a response under way finish",
    app=_slow,
    derived=True,
)
def graceful_stop(t: Trial) -> None:
    server = t.start()
    with t.connect() as wire:
        wire.send(t.request())
        t.noted("began")
        server.ask_to_stop()
        answer = wire.response()
        t.check(answer.body == b"finished" and answer.complete, "the whole response", answer)


async def _waits_for_each_other(call: Call) -> None:
    event = shared.setdefault(call.name, asyncio.Event())
    if call.scope["path"] == "/set":
        event.set()
    else:
        call.note("waits")
        await asyncio.wait_for(event.wait(), 5)
    await call.answer()


@case(
    "APP-10",
    MUST,
    "One call that waits does not stop another",
    app=_waits_for_each_other,
    derived=True,
)
def calls_are_independent(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request("/wait"))
        t.noted("waits")
        t.equal(t.ask("/set").status, 200)
        t.equal(wire.response().status, 200)
