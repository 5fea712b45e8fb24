"""Calling the application, and what it may do with `receive` and `send` (section APP of the requirements)."""

import asyncio
import contextvars
import functools
import inspect
from typing import Any

import anyio
import pytest

from tests.asgi_app import Call, Probe, echo
from tests.loops import NewLoop, each_loop
from tests.sockets import serving

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.mark.usefixtures("each_protocol")
def test_each_request_is_one_call_also_on_one_connection() -> None:
    """Three requests over one connection are three calls with three scopes (APP-01, APP-03, HTTP-SCOPE-01)."""
    probe = Probe()
    with serving(probe) as served, served.client() as client:
        for _ in range(3):
            assert client.get().status == 200
    assert len(probe.calls) == 3
    assert len({id(call.scope) for call in probe.calls}) == 3
    assert all(call.ended.is_set() and call.error is None for call in probe.calls)


async def _plain(a: Any, b: Any, c: Any) -> None:
    """The parameters' names are the application's business."""
    await c({"type": "http.response.start", "status": 200})
    await c({"type": "http.response.body", "body": b"served"})


class _Instance:
    async def __call__(self, *args: Any) -> None:
        await _plain(*args)

    async def method(self, *args: Any) -> None:
        await _plain(*args)


class _Awaitable:
    """An awaitable that is no coroutine."""

    def __init__(self, *args: Any) -> None:
        self.args = args

    def __await__(self) -> Any:
        return _plain(*self.args).__await__()


def _marked(a: Any, b: Any, c: Any) -> _Awaitable:
    return _Awaitable(a, b, c)


async def _partial(extra: str, a: Any, b: Any, c: Any) -> None:
    await _plain(a, b, c)


@pytest.mark.parametrize(
    "app",
    [
        pytest.param(_plain, id="function"),
        pytest.param(_Instance(), id="instance"),
        pytest.param(_Instance().method, id="bound method"),
        pytest.param(functools.partial(_partial, "extra"), id="partial"),
        pytest.param(functools.partial(_Instance()), id="partial of an instance"),
    ],
)
def test_every_kind_of_callable_is_served(app: Any) -> None:
    """Whatever yields an awaitable is called with three arguments by position (APP-04, APP-15)."""
    with serving(app) as served, served.client() as client:
        assert client.get().body == b"served"


@pytest.mark.usefixtures("each_protocol")
def test_an_awaitable_that_is_no_coroutine_is_awaited() -> None:
    """Only `__await__` is asked of what the application returns (APP-15)."""
    with serving(_marked, interface="asgi3") as served, served.client() as client:
        assert client.get().body == b"served"


@pytest.mark.usefixtures("each_protocol")
def test_receive_and_send_return_awaitables_of_the_coroutine_kind() -> None:
    """`receive()` and `send(m)` are awaitable, give one dict, and pass for coroutines (APP-06, APP-07)."""

    async def handler(call: Call) -> None:
        waiting = call.raw_receive()
        call.note(("awaitable", inspect.isawaitable(waiting), asyncio.iscoroutine(waiting)))
        event = await waiting
        call.note(("dict", type(event) is dict))
        sending = call.raw_send({"type": "http.response.start", "status": 200})
        call.note(("awaitable", inspect.isawaitable(sending), asyncio.iscoroutine(sending)))
        call.note(("result", await sending))
        await call.write(b"", more=False)

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        assert client.get().status == 200
    assert probe.calls[0].notes == [
        ("awaitable", True, True),
        ("dict", True),
        ("awaitable", True, True),
        ("result", None),
    ]


@pytest.mark.parametrize("wrong", [(), ({}, {})], ids=["none", "two"])
def test_send_takes_exactly_one_message(wrong: Any) -> None:
    """A call with another number of arguments is the application's error (APP-07)."""

    async def handler(call: Call) -> None:
        with pytest.raises(TypeError):
            await call.raw_send(*wrong)
        with pytest.raises(TypeError):
            await call.raw_receive(1)
        await call.answer()

    with serving(Probe(handler)) as served, served.client() as client:
        assert client.get().status == 200


@each_loop
def test_lifespan_and_requests_share_one_running_loop(new_loop: NewLoop) -> None:
    """The loop of the lifespan is the loop of the requests (APP-08)."""
    loops = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        loops.append(asyncio.get_running_loop())
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await _plain(scope, receive, send)

    with serving(app, new_loop, lifespan="on") as served, served.client() as client:
        client.get()
        client.get()
    assert len(loops) == 3
    assert len(set(map(id, loops))) == 1


@pytest.mark.usefixtures("each_protocol")
@each_loop
def test_asyncio_works_inside_the_application(new_loop: NewLoop) -> None:
    """Tasks, sleep, wait_for, gather, timeouts and current_task, before and after a suspension (APP-09)."""

    async def handler(call: Call) -> None:
        for _ in range(2):
            task = asyncio.current_task()
            assert task is not None
            assert await asyncio.create_task(asyncio.sleep(0, "slept")) == "slept"
            assert await asyncio.wait_for(asyncio.sleep(0, 1), 5) == 1
            assert await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2)) == [1, 2]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await asyncio.Event().wait()
            async with asyncio.TaskGroup() as group:
                child = group.create_task(asyncio.sleep(0, "child"))
            assert child.result() == "child"
            assert asyncio.current_task() is task
        await call.answer()

    with serving(Probe(handler), new_loop) as served, served.client() as client:
        assert client.get().status == 200


@pytest.mark.usefixtures("each_protocol")
@each_loop
def test_send_works_in_tasks_and_groups(new_loop: NewLoop) -> None:
    """create_task, wait_for, gather, ensure_future and TaskGroup take what send returns (APP-07, APP-09)."""

    async def handler(call: Call) -> None:
        await asyncio.create_task(call.raw_send({"type": "http.response.start", "status": 200}))

        def part(body: bytes) -> Any:
            return call.raw_send({"type": "http.response.body", "body": body, "more_body": True})

        await asyncio.gather(part(b"a"), part(b"b"))
        await asyncio.wait_for(part(b"c"), 5)
        await asyncio.ensure_future(part(b"d"))
        async with asyncio.TaskGroup() as group:
            group.create_task(call.raw_send({"type": "http.response.body", "body": b"e"}))

    with serving(Probe(handler), new_loop) as served, served.client() as client:
        assert client.get().body == b"abcde"


@each_loop
def test_a_body_in_three_parts_reaches_three_kinds_of_waiting(new_loop: NewLoop) -> None:
    """A task, wait_for and gather each get the next part, in order (APP-06, APP-09, HTTP-REQ-04)."""

    async def handler(call: Call) -> None:
        call.note("first")
        one = await asyncio.create_task(call.raw_receive())
        call.note("second")
        two = await asyncio.wait_for(call.raw_receive(), 5)
        call.note("third")
        (three,) = await asyncio.gather(call.raw_receive())
        await call.answer(one["body"] + b"|" + two["body"] + b"|" + three["body"])

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        client.ask("/", "Content-Length: 9", method="POST")
        for part, mark in ((b"abc", "first"), (b"def", "second"), (b"ghi", "third")):
            probe.call().noted(mark)
            client.send(part)
        assert client.response().body == b"abc|def|ghi"


@each_loop
def test_anyio_cancel_scopes_and_task_groups_work(new_loop: NewLoop) -> None:
    """A cancelled scope around receive() loses nothing, and groups may send (APP-09, APP-17)."""

    async def handler(call: Call) -> None:
        with anyio.move_on_after(0.01) as scope:
            await call.raw_receive()
        assert scope.cancelled_caught
        call.note("cancelled")
        event = await call.raw_receive()
        async with anyio.create_task_group() as group:
            group.start_soon(call.raw_send, {"type": "http.response.start", "status": 200})
        async with anyio.create_task_group() as group:
            group.start_soon(call.raw_receive)
            await call.raw_send({"type": "http.response.body", "body": event["body"]})
            group.cancel_scope.cancel()

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        client.ask("/", "Content-Length: 4", method="POST")
        probe.call().noted("cancelled")
        client.send(b"kept")
        assert client.response().body == b"kept"
        probe.call().wait()
    assert probe.calls[0].error is None


@pytest.mark.usefixtures("each_protocol")
def test_one_request_waits_for_another() -> None:
    """Requests of two connections go on side by side (APP-10)."""

    async def waits(call: Call) -> None:
        await call.told("go")
        await call.answer(b"waited")

    async def releases(call: Call) -> None:
        probe.calls[0].tell("go")
        await call.answer(b"released")

    probe = Probe(waits=waits, releases=releases)
    with serving(probe) as served, served.client() as one, served.client() as two:
        one.ask("/waits")
        probe.call()
        assert two.get("/releases").body == b"released"
        assert one.response().body == b"waited"


@each_loop
def test_the_call_outlives_its_connection(new_loop: NewLoop) -> None:
    """The client leaves; the application cleans up in its own time and is not cancelled (APP-12)."""

    async def handler(call: Call) -> None:
        await call.body()
        event = await call.receive()
        call.note(event["type"])
        await call.told("go")
        call.note("cleaned up")

    probe = Probe(handler)
    with serving(probe, new_loop) as served:
        with served.client() as client:
            client.ask()
            probe.call()
            client.reset()
        probe.call().noted("http.disconnect")
        served.until(lambda: not served.worker.connections)
        assert not probe.call().ended.is_set()
        probe.call().tell("go")
        probe.call().wait()
    assert probe.calls[0].notes == ["http.disconnect", "cleaned up"]
    assert probe.calls[0].error is None


@pytest.mark.usefixtures("each_protocol")
@each_loop
def test_one_task_listens_while_another_sends(new_loop: NewLoop) -> None:
    """A parked receive() does not disturb send(), and gets the disconnect at the end (APP-16)."""

    async def handler(call: Call) -> None:
        await call.body()
        listener = asyncio.create_task(call.raw_receive())
        await asyncio.sleep(0)
        await call.start()
        for number in range(5):
            await call.write(b"%d" % number)
        assert not listener.done()
        await call.write(b"", more=False)
        call.note((await listener)["type"])

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        assert client.get().body == b"01234"
        assert probe.call().wait().notes == ["http.disconnect"]


@each_loop
@pytest.mark.parametrize("cut", ["wait_for", "cancel", "timeout"])
def test_a_cancelled_receive_loses_nothing(new_loop: NewLoop, cut: str) -> None:
    """What comes after a cancelled receive() is delivered whole to the next (APP-17)."""

    async def handler(call: Call) -> None:
        for _ in range(3):
            if cut == "wait_for":
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(call.raw_receive(), 0.01)
            elif cut == "timeout":
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await call.raw_receive()
            else:
                task = asyncio.create_task(call.raw_receive())
                await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
        call.note("cancelled")
        await call.answer(await call.body())

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        client.ask("/", "Content-Length: 10", method="POST")
        probe.call().noted("cancelled")
        client.send(b"0123456789")
        assert client.response().body == b"0123456789"


@each_loop
def test_a_receive_cancelled_when_its_event_is_there_loses_nothing(new_loop: NewLoop) -> None:
    """The event arrives in the same turn as the cancellation: it goes to the next receive() (APP-17)."""

    async def handler(call: Call) -> None:
        task = asyncio.create_task(call.raw_receive())
        await asyncio.sleep(0)
        call.note("waiting")
        await call.told("arrived")
        # The future is resolved, the task has not run yet.
        exchange = next(iter(served.worker.connections)).exchange
        while not exchange.buffered and not task.done():
            await asyncio.sleep(0)
        task.cancel()
        try:
            event = await task
            call.note("came first")
        except asyncio.CancelledError:
            event = await call.raw_receive()
        await call.answer(event["body"])

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        client.ask("/", "Content-Length: 4", method="POST")
        probe.call().noted("waiting")
        client.send(b"here")
        probe.call().tell("arrived")
        assert client.response().body == b"here"


@pytest.mark.usefixtures("each_protocol")
@each_loop
def test_a_cancelled_send_leaves_a_well_formed_prefix(new_loop: NewLoop) -> None:
    """A send cancelled while it waits for a slow client has sent its chunk once and whole (APP-18)."""
    part = bytes(range(256)) * 1024

    async def handler(call: Call) -> None:
        await call.start()
        sent = 0
        try:
            while True:
                async with asyncio.timeout(0.05):
                    await call.raw_send(
                        {"type": "http.response.body", "body": part, "more_body": True}
                    )
                sent += 1
        except TimeoutError:
            sent += 1
        call.note("cancelled")
        await call.write(b"after")
        await call.write(b"", more=False)
        call.note(sent)

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client(4096) as client:
        client.ask()
        probe.call().noted("cancelled")
        response = client.response()
        call = probe.call().wait()
        assert response.body == part * call.notes[-1] + b"after"


@pytest.mark.usefixtures("each_protocol")
def test_a_return_value_harms_nothing() -> None:
    """What the application returns has no meaning (APP-19)."""

    async def handler(call: Call) -> str:
        await call.answer()
        return "x"

    with serving(Probe(handler)) as served, served.client() as client:
        assert client.get().status == 200
        assert client.get().status == 200


@pytest.mark.usefixtures("each_protocol")
@each_loop
def test_context_variables_do_not_leak(new_loop: NewLoop) -> None:
    """Each call begins with the context of lifespan, whatever calls before it have set (APP-21)."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            variable.set("by lifespan")
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        seen = variable.get()
        variable.set("by a request")
        if scope["path"] == "/later":
            await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": seen.encode()})

    with serving(app, new_loop, lifespan="on") as served, served.client() as client:
        for target in ("/", "/", "/later", "/later", "/"):
            assert client.get(target).body == b"by lifespan"
        client.ask("/")
        client.ask("/")
        assert client.response().body == client.response().body == b"by lifespan"


def test_legacy_applications_are_served() -> None:
    """A double callable gets its scope at once and is awaited right after (COMPAT-01, COMPAT-02)."""
    steps = []

    class Legacy:
        def __init__(self, scope: Any) -> None:
            steps.append("init")
            self.scope = scope

        async def __call__(self, receive: Any, send: Any) -> None:
            steps.append("call")
            await _plain(self.scope, receive, send)

    def function(scope: Any) -> Any:
        return Legacy(scope)

    for app in (Legacy, function):
        with serving(app) as served, served.client() as client:
            client.ask("/", "Content-Length: 1", method="POST")
            assert client.response().body == b"served"
    assert steps == ["init", "call"] * 2


def test_an_echo_over_and_over_stays_right() -> None:
    """A hundred bodies of many sizes come back as they were, on one connection (APP-01, HTTP-REQ-04)."""
    with serving(Probe(echo)) as served, served.client() as client:
        for number in range(100):
            body = bytes([number]) * (number * 97)
            assert client.get(method="POST", body=body).body == body
