"""Clients that leave, half or whole: what `receive` and `send` say of it, and when (section HTTP-DISC)."""

import asyncio
import sys
import time
from typing import Any

import pytest

from penstock.errors import ClientDisconnected
from tests.asgi_app import Call, Probe
from tests.loops import NewLoop, each_loop
from tests.sockets import serving

# `receive` must know of a disconnect within this time, also while the socket is not read.
KNOWN_WITHIN_S = 2.0


async def park(call: Call) -> None:
    """Take the body, then wait for the disconnect."""
    await call.body()
    call.note("parked")
    call.note((await call.receive())["type"])


@each_loop
@pytest.mark.parametrize("how", ["finish", "reset", "close"])
def test_a_client_that_leaves_is_noticed(new_loop: NewLoop, how: str) -> None:
    """By FIN, by reset, by close; receive() yields http.disconnect at once (HTTP-DISC-01)."""
    probe = Probe(park)
    with serving(probe, new_loop) as served, served.client() as client:
        client.ask(method="POST", body=b"x")
        probe.call().noted("parked")
        left = time.monotonic()
        {"finish": client.finish, "reset": client.reset, "close": client.sock.close}[how]()
        probe.call().noted("http.disconnect")
        assert time.monotonic() - left < KNOWN_WITHIN_S
        probe.call().wait()


@pytest.mark.usefixtures("each_protocol")
@each_loop
@pytest.mark.parametrize("read", [True, False], ids=["body read", "body not read"])
def test_after_the_response_receive_says_disconnect_again_and_again(
    new_loop: NewLoop, read: bool
) -> None:
    """The client is still there; each call returns promptly (HTTP-DISC-02, HTTP-DISC-03, HTTP-DISC-04)."""

    async def handler(call: Call) -> None:
        if read:
            await call.body()
        await call.answer()
        for _ in range(200):
            call.note(await asyncio.wait_for(call.raw_receive(), 1))

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        for _ in range(2):
            assert client.get(method="POST", body=b"body").body == b"ok"
        for number in range(2):
            assert probe.call(number).wait().notes == [{"type": "http.disconnect"}] * 200


@pytest.mark.usefixtures("each_protocol")
@each_loop
def test_before_the_response_receive_waits(new_loop: NewLoop) -> None:
    """After the last of the body nothing comes while the client is there (HTTP-DISC-05)."""

    async def handler(call: Call) -> None:
        await call.body()
        waiting = asyncio.create_task(call.raw_receive())
        for _ in range(50):
            await asyncio.sleep(0.001)
        call.note(waiting.done())
        await call.start()
        await call.write(b"part")
        call.note(waiting.done())
        await call.write(b"", more=False)
        call.note(await waiting)

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        assert client.get(method="POST", body=b"x").body == b"part"
        assert probe.call().wait().notes == [False, False, {"type": "http.disconnect"}]


@each_loop
@pytest.mark.parametrize("how", ["reset", "close"])
def test_send_to_a_lost_client_raises_an_oserror(new_loop: NewLoop, how: str) -> None:
    """A subclass of our own, within bounded time, and each time again (HTTP-DISC-06, HTTP-DISC-10, A11, SCOPE-06)."""

    async def handler(call: Call) -> None:
        await call.start()
        error = None
        while error is None:
            error = await call.raised_by(
                {"type": "http.response.body", "body": b"x" * 1000, "more_body": True}
            )
        call.note(type(error))
        for message in (
            {"type": "http.response.body", "body": b"y"},
            {"type": "http.response.start", "status": 200},
            {"type": "http.response.early_hint", "links": []},
        ):
            assert isinstance(await call.raised_by(message), ClientDisconnected)
        call.note((await call.receive())["type"])

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        client.ask()
        client.head()
        client.reset() if how == "reset" else client.sock.close()
        assert probe.call().wait().error is None
    kind, event = probe.calls[0].notes[0], probe.calls[0].notes[-1]
    assert issubclass(kind, OSError)
    assert kind is ClientDisconnected
    assert event in {"http.disconnect", "http.request"}


@each_loop
def test_a_send_that_waits_when_the_client_is_lost_raises(new_loop: NewLoop) -> None:
    """It does not wait for ever, and what it held is given back (HTTP-DISC-06, APP-07, A11)."""

    async def handler(call: Call) -> None:
        await call.start()
        try:
            while True:
                await call.write(b"x" * 65536)
        except OSError as error:
            call.note(type(error))

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client(4096) as client:
        client.ask()
        connection = served.connection()
        served.until(lambda: connection.exchange is not None and not connection.writable)
        client.reset()
        assert probe.call().wait().notes == [ClientDisconnected]
        served.until(lambda: not served.worker.connections and not served.worker.running)


@each_loop
@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_half_closed_client_gets_its_whole_answer(
    new_loop: NewLoop, later: bool, method: str
) -> None:
    """FIN is no death: not before, nor while the answer is made (HTTP-DISC-11, P04)."""
    size = 3_000_000

    async def handler(call: Call) -> None:
        await call.body()
        if later:
            call.note((await call.receive())["type"])
        await call.start()
        for _ in range(size // 10_000):
            await call.write(b"x" * 10_000)
        await call.write(b"", more=False)

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as client:
        client.ask(method=method, body=b"body" if method == "POST" else None)
        client.finish()
        assert client.response().body == b"x" * size
        assert client.closed()
        probe.call().wait()
    assert probe.calls[0].notes == (["http.disconnect"] if later else [])


@each_loop
def test_one_lost_client_is_lost_for_its_own_call_only(new_loop: NewLoop) -> None:
    """Others wait on undisturbed (HTTP-DISC-01, ERR-09)."""

    async def handler(call: Call) -> None:
        await call.body()
        call.note("parked")
        event = asyncio.create_task(call.raw_receive())
        go = asyncio.create_task(call.told("go"))
        await asyncio.wait({event, go}, return_when=asyncio.FIRST_COMPLETED)
        call.note(event.done())
        go.cancel()
        event.cancel()
        await call.answer()

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client() as stays, served.client() as leaves:
        stays.ask()
        probe.call(0).noted("parked")
        leaves.ask()
        probe.call(1).noted("parked")
        leaves.reset()
        assert probe.call(1).wait().notes == ["parked", True]
        probe.call(0).tell("go")
        assert stays.response().body == b"ok"
    assert probe.calls[0].notes == ["parked", False]


@pytest.mark.skipif(sys.platform != "linux", reason="asks the socket the Linux way")
@each_loop
@pytest.mark.parametrize("how", ["finish", "reset"])
@pytest.mark.parametrize("what", ["pipelined", "body"])
def test_a_disconnect_is_known_while_reading_is_paused(
    new_loop: NewLoop, how: str, what: str
) -> None:
    """Neither loop reports it then; the sweep asks the socket, within 2 s (HTTP-DISC-01)."""

    async def handler(call: Call) -> None:
        call.note("parked")
        await call.told("paused")
        if what == "pipelined":
            assert (await call.raw_receive())["type"] == "http.request"
            event = await call.raw_receive()
        else:
            event = {"type": "http.request"}
            while event["type"] == "http.request":
                event = await call.raw_receive()
        call.note((event["type"], time.monotonic()))

    probe = Probe(handler)
    with serving(probe, new_loop, read_buffer=4096) as served, served.client() as client:
        if what == "pipelined":
            client.ask()
            probe.call().noted("parked")
            # More than is read ahead, less than the kernel takes: a FIN behind it still arrives.
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
            served.until(lambda: True)
        else:
            client.ask("/", f"Content-Length: {1 << 30}", method="POST")
            probe.call().noted("parked")
            client.flood(b"x" * 65536, 64 << 20)
        probe.call().tell("paused")
        left = time.monotonic()
        getattr(client, how)()
        call = probe.call().wait()
    kind, known = call.notes[-1]
    assert kind == "http.disconnect"
    assert known - left < KNOWN_WITHIN_S


@each_loop
def test_a_thousand_clients_that_leave_are_all_told(new_loop: NewLoop) -> None:
    """Each running call hears of it, and the counters are back to nothing (S11, A11)."""
    count = 300
    heard: list[Any] = []

    async def handler(call: Call) -> None:
        await call.body()
        heard.append((await call.raw_receive())["type"])

    probe = Probe(handler)
    with serving(probe, new_loop) as served:
        clients = [served.client() for _ in range(count)]
        for client in clients:
            client.ask()
        served.until(lambda: served.worker.running == count)
        for client in clients:
            client.reset()
        served.until(lambda: not served.worker.running and not served.worker.connections)
    assert heard == ["http.disconnect"] * count
