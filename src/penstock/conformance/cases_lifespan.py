"""Cases: the lifespan of an application (section 17). Each starts a server of its own."""

import asyncio
import os
import signal
import time

from penstock.conformance.client_http1 import Transcript, Wrong, connect
from penstock.conformance.server_probe import Call, shutdown, startup
from penstock.conformance.server_report import Seen
from penstock.conformance.server_trial import MUST, SHOULD, Skip, Started, Trial, case

_END = 4  # times the patience, for a server to end
_GONE_S = 0.02


def _one(t: Trial) -> Seen:
    """The lifespan call of the server; Skip if it has none."""
    calls = t.lifespan()
    if not calls:
        raise Skip("the server knows no lifespan")
    return calls[0]


def _knows_lifespan(t: Trial) -> None:
    if not t.stage.shared("plain").live("lifespan"):
        raise Skip("the server knows no lifespan")


def _notes(t: Trial, name: str) -> list[object]:
    return [value for seen in t.lifespan() for value in seen.notes(name)]


def _stopped(t: Trial, server: Started) -> int:
    wait_s = _END * t.patience_s
    status = server.stop(wait_s=wait_s)
    if status is None:
        t.wrong("the end of the server after SIGTERM", f"none within {wait_s:g} s")
    return status


@case("LIFE-01", SHOULD, "The application is called with a lifespan scope before any request")
def lifespan_comes_first(t: Trial) -> None:
    t.ask()
    calls = t.lifespan()
    t.check(calls, "a call with type lifespan", "none: the server has no lifespan")
    t.check(calls[0].at < t.call().at, "the lifespan call first", "a request first")


@case(
    "LIFE-02", SHOULD, "One lifespan for each event loop: two workers, two lifespans", on="workers"
)
def one_for_each_loop(t: Trial) -> None:
    _knows_lifespan(t)
    t.ask()
    ends = time.monotonic() + _END * t.patience_s
    while len(t.lifespan()) < 2 and time.monotonic() < ends:  # the second worker may start later
        time.sleep(_GONE_S)
    for _ in range(20):
        t.ask()
    loops = [seen.loop for seen in t.lifespan()]
    used = {seen.loop for seen in t.calls()}
    t.check(len(loops) == len(set(loops)) == 2, "two lifespans on two loops", loops)
    t.check(used <= set(loops), "requests on loops that had one", used)


@case(
    "LIFE-04",
    MUST,
    "The scope has `type` and `asgi.version`; spec_version, if given, is 1.0 or 2.0",
)
def scope(t: Trial) -> None:
    asgi = _one(t).scope.get("asgi") or {}
    t.check(type(asgi.get("version")) is str, "a version, str", asgi)
    version = asgi.get("spec_version", "1.0")
    t.check(version in {"1.0", "2.0"}, "1.0 or 2.0", repr(version))


async def _slow_start(call: Call) -> None:
    await call.receive()
    call.note("starting")
    await asyncio.sleep(0.7)
    call.note("started")
    await call.send({"type": "lifespan.startup.complete"})
    await shutdown(call)


@case("LIFE-05", MUST, "lifespan.startup is the first event, before requests are taken")
def startup_is_first(t: Trial) -> None:
    seen = _one(t)
    t.check(seen.types()[:1] == ["lifespan.startup"], "lifespan.startup", seen.types())


@case("LIFE-06", MUST, "No request is answered before startup.complete")
def nothing_before_complete(t: Trial) -> None:
    _knows_lifespan(t)
    t.start(lifespan=_slow_start)
    steps = [step for step in _one(t).steps if step.name == "started"]
    t.check(steps, "startup.complete before the first answer", "an answer during the start")
    t.ask()
    t.check(t.call().at >= steps[0].at, "the first request after it", "one before it")


async def _raises(call: Call) -> None:
    raise RuntimeError("no lifespan here")


@case("LIFE-07", MUST, "An application that raises for lifespan is served without", app=None)
def raises_for_lifespan(t: Trial) -> None:
    _knows_lifespan(t)
    server = t.start(lifespan=_raises)
    t.equal(t.ask().status, 200)
    _stopped(t, server)
    calls = t.lifespan()
    t.check(len(calls) == 1 and not calls[0].events(), "no further lifespan event", len(calls))


async def _fails(call: Call) -> None:
    await call.receive()
    await call.send({"type": "lifespan.startup.failed", "message": "the database is gone"})


async def _fails_and_raises(call: Call) -> None:
    await call.receive()
    await call.send({"type": "lifespan.startup.failed", "message": "the database is gone"})
    raise RuntimeError("the database is gone")


async def _fails_silently(call: Call) -> None:
    await call.receive()
    await call.send({"type": "lifespan.startup.failed"})


def _refuses_to_start(t: Trial, server: Started) -> int:
    status = None
    ends = time.monotonic() + _END * t.patience_s
    while status is None and time.monotonic() < ends:
        try:
            with connect(server.address, Transcript(), 0.5) as wire:
                wire.send(t.request())
                t.check(not wire.more(0.3), "no answer", wire.buffer)
        except Wrong as wrong:
            if wrong.expected != "a connection":
                raise
        status = server.exit_status(_GONE_S)
    if status is None:
        t.wrong("the end of the server", f"it still runs after {_END * t.patience_s:g} s")
    return status


@case(
    "LIFE-08", SHOULD, "startup.failed: the message is shown, and the server ends without serving"
)
def startup_failed(t: Trial) -> None:
    _knows_lifespan(t)
    server = t.start(lifespan=_fails, ready=False)
    _refuses_to_start(t, server)
    t.check(
        "the database is gone" in server.log(), "the message in its output", server.log()[-400:]
    )


@case("LIFE-08", SHOULD, "After startup.failed the exit status is not 0", derived=True)
def startup_failed_status(t: Trial) -> None:
    _knows_lifespan(t)
    status = _refuses_to_start(t, t.start(lifespan=_fails, ready=False))
    t.check(status != 0, "an exit status that is not 0", status)


@case("LIFE-09", MUST, "The same if the application raises afterwards", derived=True)
def startup_failed_and_raised(t: Trial) -> None:
    _knows_lifespan(t)
    _refuses_to_start(t, t.start(lifespan=_fails_and_raises, ready=False))


@case("LIFE-10", MUST, "`message` may be left out")
def startup_failed_without_message(t: Trial) -> None:
    _knows_lifespan(t)
    _refuses_to_start(t, t.start(lifespan=_fails_silently, ready=False))
    refused = [str(step) for seen in t.lifespan() for step in seen.refused()]
    t.check(not any("KeyError" in each for each in refused), "the message to be taken", refused)


async def _open_connection(call: Call) -> None:
    await call.body()
    call.note("began")
    await asyncio.sleep(0.6)
    await call.answer()
    call.note("answered")


@case(
    "LIFE-11", MUST, "lifespan.shutdown comes when all connections are done", app=_open_connection
)
def shutdown_comes_last(t: Trial) -> None:
    _knows_lifespan(t)
    server = t.start()
    with t.connect() as wire:
        wire.send(t.request())
        t.noted("began")
        server.ask_to_stop()
        wire.more(3.0)
    _stopped(t, server)
    told = [step.at for step in _one(t).steps if step.kind == "event"][1:]
    t.check(told, "lifespan.shutdown", "none")
    end = t.ended().end
    done = end.at if end is not None else 0.0
    t.check(told[0] >= done, "the request to end first", f"shutdown {done - told[0]:.2f} s before")


async def _slow_stop(call: Call) -> None:
    await startup(call)
    await call.receive()
    await asyncio.sleep(0.6)
    call.note("stopped")
    await call.send({"type": "lifespan.shutdown.complete"})


@case("LIFE-12", MUST, "The server waits for shutdown.complete")
def waits_for_shutdown(t: Trial) -> None:
    _knows_lifespan(t)
    server = t.start(lifespan=_slow_stop)
    _stopped(t, server)
    t.check(_notes(t, "stopped"), "the application to finish", "the end before it")


async def _fails_to_stop(call: Call) -> None:
    await startup(call)
    await call.receive()
    await call.send({"type": "lifespan.shutdown.failed", "message": "could not save"})


@case("LIFE-13", SHOULD, "shutdown.failed: the message is shown, and the server ends")
def shutdown_failed(t: Trial) -> None:
    _knows_lifespan(t)
    server = t.start(lifespan=_fails_to_stop)
    _stopped(t, server)
    t.check("could not save" in server.log(), "the message in its output", server.log()[-400:])


async def _returns(call: Call) -> None:
    call.note("called")


@case(
    "LIFE-14",
    SHOULD,
    "An application that returns at once is served without lifespan",
    derived=True,
)
def returns_at_once(t: Trial) -> None:
    _knows_lifespan(t)
    server = t.start(lifespan=_returns)
    t.equal(t.ask().status, 200)
    _stopped(t, server)


@case(
    "LIFE-15",
    SHOULD,
    "An application that returns after startup.complete does not hold up the stop",
    derived=True,
)
def returns_after_startup(t: Trial) -> None:
    _knows_lifespan(t)
    server = t.start(lifespan=startup)
    t.equal(t.ask().status, 200)
    _stopped(t, server)


async def _wrong_messages(call: Call) -> None:
    await call.receive()
    call.note("bogus", not await call.attempt({"type": "lifespan.bogus"}))
    call.note("early", not await call.attempt({"type": "lifespan.shutdown.complete"}))
    await call.send({"type": "lifespan.startup.complete"})
    call.note("twice", not await call.attempt({"type": "lifespan.startup.complete"}))
    await shutdown(call)


@case("LIFE-16", SHOULD, "Lifespan messages that are unknown or out of order raise", derived=True)
def wrong_messages(t: Trial) -> None:
    _knows_lifespan(t)
    t.start(lifespan=_wrong_messages, ready=False)
    ends = time.monotonic() + t.patience_s
    while not _notes(t, "twice") and time.monotonic() < ends:
        time.sleep(_GONE_S)
    for name in ("bogus", "early", "twice"):
        t.check(_notes(t, name) == [True], f"an exception for {name}", _notes(t, name) or "none")


async def _ticks(call: Call) -> None:
    await startup(call)
    waiting = asyncio.ensure_future(call.receive())
    ticks = 0
    while not waiting.done():
        await asyncio.wait([waiting], timeout=0.05)
        ticks += 1
    call.note("ticks", ticks)
    await call.send({"type": "lifespan.shutdown.complete"})


@case("LIFE-18", MUST, "The lifespan call runs as long as the server serves")
def runs_while_serving(t: Trial) -> None:
    _knows_lifespan(t)
    server = t.start(lifespan=_ticks)
    for _ in range(5):
        t.ask()
        time.sleep(0.06)
    _stopped(t, server)
    t.check(_notes(t, "ticks"), "lifespan.shutdown in a call that ran all the time", "none")


async def _goes_on(call: Call) -> None:
    await startup(call)
    await shutdown(call)
    await call.attempt({"type": "lifespan.shutdown.complete"})
    try:
        await call.soon(0.2)
    except Exception as error:
        call.note("raised", type(error).__name__)


@case("LIFE-24", SHOULD, "receive() and send() after the end do not break the stop", derived=True)
def after_the_end(t: Trial) -> None:
    _knows_lifespan(t)
    server = t.start(lifespan=_goes_on)
    status = _stopped(t, server)
    t.check(status in {0, -signal.SIGTERM}, "an ordinary end", status)


async def _keeps_state(call: Call) -> None:
    state = call.scope.get("state")
    call.note("empty", state == {})
    if state is not None:
        state["list"] = []
        state["pid"] = os.getpid()
    await startup(call)
    if state is not None:
        await asyncio.sleep(0)
        state["late"] = 1
    await call.receive()
    if state is not None:
        call.note("keys", sorted(state))
        call.note("list", list(state.get("list", ())))
    await call.send({"type": "lifespan.shutdown.complete"})


async def _uses_state(call: Call) -> None:
    await call.body()
    state = call.scope.get("state")
    if state is not None:
        call.note("keys", sorted(state))
        call.note("list", list(state.get("list", ())))
        state["mine"] = 1
        if "list" in state:
            state["list"].append(call.number)
    await call.answer()


def _with_state(t: Trial) -> None:
    _knows_lifespan(t)
    if "state" not in t.stage.shared("plain").live("lifespan"):
        raise Skip("the lifespan scope has no state")
    server = t.start(lifespan=_keeps_state)
    t.ask()
    t.ask()
    _stopped(t, server)


@case(
    "LIFE-STATE-01", MUST, "`state`, if given, is a dict, and empty at the start", app=_uses_state
)
def state_is_empty(t: Trial) -> None:
    _with_state(t)
    t.equal(_notes(t, "empty"), [True])


@case(
    "LIFE-STATE-02",
    MUST,
    "Requests have `state` if the lifespan has it",
    app=_uses_state,
    derived=True,
)
def state_in_requests(t: Trial) -> None:
    _with_state(t)
    t.check("state" in t.call().scope, "state in the scope", sorted(t.call().scope))


@case("LIFE-STATE-03", MUST, "Each request has a copy: its own keys do not stay", app=_uses_state)
def state_is_copied(t: Trial) -> None:
    _with_state(t)
    keys = t.noted("keys", 1)
    t.check(
        "mine" not in keys and "list" in keys, "the lifespan's keys, not the first request's", keys
    )


@case("LIFE-STATE-04", MUST, "The copy is shallow: what is in it is shared", app=_uses_state)
def state_is_shallow(t: Trial) -> None:
    _with_state(t)
    t.equal(t.noted("list", 1), [0])


@case(
    "LIFE-STATE-05",
    MUST,
    "The server adds and removes nothing; all is there at the shutdown",
    app=_uses_state,
)
def state_is_the_applications(t: Trial) -> None:
    _with_state(t)
    t.equal(_notes(t, "keys"), [["late", "list", "pid"]])
    t.equal(_notes(t, "list"), [[[0, 1]]][0])


@case(
    "LIFE-STATE-06",
    SHOULD,
    "Keys added after the start are seen by later requests",
    app=_uses_state,
    derived=True,
)
def state_grows(t: Trial) -> None:
    _with_state(t)
    t.check("late" in t.noted("keys", 1), "late", t.noted("keys", 1))
