"""One request to an ASGI application, as a server would ask it, in each way that it can end."""

import asyncio
import time
from typing import Any

import pytest

from penstock.doctor.answers import ANSWERED, EMPTY, RAISED, SILENT, STREAMS, STUCK, Answer
from penstock.doctor.asking import of_url
from penstock.doctor.exercise import Exercise
from penstock.doctor.watch import Watch


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STREAM_S", "LEAVING_S"):
        monkeypatch.setattr(f"penstock.doctor.exercise.{name}", 0.05)


def asked(app: Any, text: str = "/", **more: Any) -> tuple[Answer, bytes]:
    with Watch(0.05, 0.1) as watch:
        loop = watch.new_loop()
        try:
            exercise = Exercise(app, loop, watch, more.get("state"), more.get("root_path", ""))
            return exercise.ask(of_url(text))
        finally:
            loop.close()


async def answer(send: Any, *bodies: bytes) -> None:
    await send({"type": "http.response.start", "status": 201, "headers": []})
    for body in bodies:
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body"})


def test_it_gets_its_body_then_waits_for_the_client_and_answers() -> None:
    got = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.append(await receive())
        await answer(send, b"a", b"b")
        got.append(await receive())

    result, body = asked(app, "POST /x {}")
    assert (result.ending, result.status, body) == (ANSWERED, 201, b"ab")
    assert got == [
        {"type": "http.request", "body": b"{}", "more_body": False},
        {"type": "http.disconnect"},
    ]


def test_the_scope_is_that_of_a_server() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        await answer(send)

    state = {"db": object()}
    asked(app, "https://h.example/a%20b?c=d", state=state, root_path="/m")
    (scope,) = seen
    assert scope["path"] == "/m/a b"
    assert scope["raw_path"] == b"/m/a%20b"
    assert (scope["query_string"], scope["scheme"]) == (b"c=d", "https")
    assert scope["headers"][0] == (b"host", b"h.example")
    assert scope["state"] == state
    assert scope["state"] is not state


async def raises(_scope: Any, _receive: Any, _send: Any) -> None:
    raise ValueError("so")


async def stops(_scope: Any, _receive: Any, _send: Any) -> None:
    return


async def waits(_scope: Any, _receive: Any, _send: Any) -> None:
    await asyncio.Event().wait()


async def blocks(_scope: Any, _receive: Any, _send: Any) -> None:
    time.sleep(1000)


async def streams(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "app, ending",
    [(raises, RAISED), (stops, EMPTY), (waits, SILENT), (blocks, STUCK), (streams, STREAMS)],
)
def test_each_end_has_its_name(app: Any, ending: str) -> None:
    result, _ = asked(app)
    assert result.ending == ending
    if ending in {RAISED, SILENT}:
        assert result.place.startswith(f"{__file__}:")
        assert result.place.endswith(app.__name__)


def test_a_stream_hears_that_its_client_leaves() -> None:
    heard = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        heard.append(await receive())
        try:
            await send({"type": "http.response.body", "body": b"x"})
        except OSError as error:
            heard.append(error)

    assert asked(app)[0].ending == STREAMS
    assert heard[0] == {"type": "http.disconnect"}
    assert isinstance(heard[1], OSError)


def test_an_application_that_will_not_be_cancelled_is_left() -> None:
    release = asyncio.Event()

    async def stubborn(_scope: Any, _receive: Any, _send: Any) -> None:
        try:
            await release.wait()
        except asyncio.CancelledError:
            await release.wait()

    assert asked(stubborn)[0].ending == SILENT
