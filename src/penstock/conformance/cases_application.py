"""Cases: how the application is called (sections 1 and 2)."""

import asyncio

from penstock.conformance.server_probe import Call, variable
from penstock.conformance.server_trial import MAY, MUST, SHOULD, Skip, Trial, Unusable, case


@case("APP-01", MUST, "Each request is one call with three arguments")
def one_call_each(t: Trial) -> None:
    for _ in range(3):
        t.equal(t.ask().status, 200)
    t.equal(len(t.calls()), 3, "calls:")


@case("APP-03", MUST, "The unit is the request: three of one connection have three scopes")
def a_call_for_each_request(t: Trial) -> None:
    with t.connect() as wire:
        for _ in range(3):
            wire.send(t.request())
            wire.response()
    t.equal(len({seen.key for seen in t.calls()}), 3, "calls:")


def _serves(t: Trial, app: str) -> None:
    try:
        t.start(app)
    except Unusable as error:
        t.wrong("a server that serves it", error.hint.splitlines()[-1:] or error)
    answer = t.ask()
    t.check(answer.status == 200 and answer.body == b"ok", "200 with ok", answer)


@case(
    "APP-04",
    SHOULD,
    "The arguments are positional: their names are the application's",
    derived=True,
)
def positional_arguments(t: Trial) -> None:
    _serves(t, "renamed")


@case("APP-15", MUST, "An instance with an async __call__ is an application", derived=True)
def an_instance(t: Trial) -> None:
    _serves(t, "instance")


@case("APP-15", MUST, "An async bound method is an application", derived=True)
def a_bound_method(t: Trial) -> None:
    _serves(t, "method")


@case("APP-15", MUST, "A functools.partial of a coroutine function is an application", derived=True)
def a_partial(t: Trial) -> None:
    _serves(t, "partial")


@case("COMPAT-01", MAY, "Applications of ASGI 2 are served: functions")
def legacy_function(t: Trial) -> None:
    _serves(t, "legacy")


@case("COMPAT-01", MAY, "Applications of ASGI 2 are served: classes")
def legacy_class(t: Trial) -> None:
    _serves(t, "Legacy")


async def _awaitables(call: Call) -> None:
    waiting = call.raw_receive()
    call.note("receive", hasattr(waiting, "__await__"))
    event = await waiting
    call.note("event", type(event) is dict)
    await call.start()
    sending = call.raw_send({"type": "http.response.body", "body": b"ok"})
    call.note("send", hasattr(sending, "__await__"))
    call.note("result", await sending)


@case("APP-06", MUST, "receive() returns an awaitable of one event, a dict", app=_awaitables)
def receive_is_awaitable(t: Trial) -> None:
    t.ask()
    t.check(t.noted("receive"), "an awaitable", "something else")
    t.check(t.noted("event"), "a dict", "something else")


@case("APP-07", MUST, "send() takes one dict and returns an awaitable", app=_awaitables)
def send_is_awaitable(t: Trial) -> None:
    answer = t.ask()
    t.check(t.noted("send"), "an awaitable", "something else")
    t.equal(answer.body, b"ok")


@case("APP-08", MUST, "Requests and the lifespan share a running event loop")
def one_loop(t: Trial) -> None:
    t.ask()
    t.ask()
    loops = {seen.loop for seen in t.calls()}
    t.check(len(loops) == 1, "one loop for both requests", loops)
    lifespan = t.lifespan()
    if lifespan:
        t.equal(lifespan[0].loop, loops.pop(), "the lifespan's loop")


async def _uses_asyncio(call: Call) -> None:
    async def child() -> str:
        await asyncio.sleep(0.01)
        return "done" if asyncio.current_task() is not None else "no task"

    call.note("task", asyncio.current_task() is not None)
    call.note("child", await asyncio.create_task(child()))
    try:
        await asyncio.wait_for(asyncio.sleep(5), 0.02)
    except TimeoutError:
        call.note("timeout", True)
    await call.answer()


@case(
    "APP-09",
    MUST,
    "Tasks, sleep, wait_for and current_task work in the application",
    app=_uses_asyncio,
    derived=True,
)
def asyncio_works(t: Trial) -> None:
    answer = t.ask()
    t.check(t.noted("task"), "a current task", "none")
    t.equal(t.noted("child"), "done")
    t.check(t.noted("timeout"), "a timeout", "none")
    t.equal(answer.status, 200)


async def _sets_a_variable(call: Call) -> None:
    call.note("variable", variable.get())
    variable.set("set by an earlier request")
    await call.answer()


@case(
    "APP-21",
    SHOULD,
    "Context variables do not leak from one request to the next",
    app=_sets_a_variable,
    derived=True,
)
def context_variables(t: Trial) -> None:
    with t.connect() as wire:
        for _ in range(2):
            wire.send(t.request())
            wire.response()
    t.equal(t.noted("variable", 1), "unset")


async def _returns_something(call: Call) -> str:
    await call.answer()
    return "x"


@case("APP-19", MAY, "A return value other than None does no harm", app=_returns_something)
def return_value(t: Trial) -> None:
    t.equal(t.ask().status, 200)
    t.equal(t.ask().status, 200)


async def _cancels_a_send(call: Call) -> None:
    call.quiet = True
    await call.body()
    await call.start()
    piece = {"type": "http.response.body", "body": bytes(1 << 20), "more_body": True}
    for _ in range(200):
        try:
            await asyncio.wait_for(call.send(piece), 0.2)
        except TimeoutError:
            call.note("cancelled")
            raise RuntimeError("on purpose") from None


@case(
    "APP-18",
    SHOULD,
    "A cancelled send() leaves a response that is a prefix of what was sent",
    app=_cancels_a_send,
    derived=True,
)
def cancelled_send(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(t.request())
        try:
            # All buffers in between have to be full first
            t.noted("cancelled", times=8)
        except Exception as error:
            raise Skip("send() never waits") from error
        answer = wire.response()
        t.check(not answer.complete and not answer.body.strip(b"\0"), "zeros, cut off", answer)
