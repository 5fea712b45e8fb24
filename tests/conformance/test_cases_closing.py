"""Each case about WebSockets that end fails on a server that is wrong in just that."""

import asyncio
from typing import Any

import pytest

from tests.conformance.crooked import App, Crooked, Fault, events, sends, strict, unseen
from tests.conformance.test_cases_disconnect import _swallowing

pytestmark = pytest.mark.slow
ELSEWHERE = ("exception_is_swallowed", "stop_of_the_server")
CLOSE, GONE = "websocket.close", "websocket.disconnect"
OLD = {"websocket": {"asgi": {"spec_version": "2.3"}}}


async def _silent(app: App, scope: Any, receive: Any, send: Any) -> None:
    """A disconnect is never told."""

    async def never() -> Any:
        event = await receive()
        if event["type"] == GONE:
            await asyncio.sleep(3)
        return event

    await app(scope, never, send)


async def _once(app: App, scope: Any, receive: Any, send: Any) -> None:
    """A disconnect is told once, and never again."""
    told = False

    async def once() -> Any:
        nonlocal told
        if told:
            await asyncio.sleep(3)
        event = await receive()
        told = event["type"] == GONE
        return event

    await app(scope, once, send)


async def _cancelling(app: App, scope: Any, receive: Any, send: Any) -> None:
    """The application is cancelled when the client has left."""
    gone = asyncio.Event()

    async def watched() -> Any:
        event = await receive()
        if event["type"] == GONE:
            gone.set()
        return event

    task = asyncio.create_task(app(scope, watched, send))
    waiting = asyncio.create_task(gone.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    waiting.cancel()
    await asyncio.gather(task, waiting, return_exceptions=True)


async def _staying(app: App, scope: Any, receive: Any, send: Any) -> None:
    """When the application has ended, the socket stays open."""
    try:
        await app(scope, receive, send)
    finally:
        await asyncio.sleep(3)


async def _dropping(app: App, scope: Any, receive: Any, send: Any) -> None:
    """What is not yet received when the client closes is lost."""

    async def dropping() -> Any:
        event = await receive()
        while event["type"] == "websocket.receive":
            event = await receive()
        return event

    await app(scope, dropping, send)


def _closing(**changes: Any) -> Fault:
    return sends(lambda m: [{**m, **changes}] if m["type"] == CLOSE else [m])


def _gone(**changes: Any) -> Fault:
    return events(lambda e: {**e, **changes} if e["type"] == GONE else e)


def _code_1005(data: bytes) -> bytes:
    return data.replace(b"\x88\x00", b"\x88\x02\x03\xed").replace(b"\x03\xe8", b"\x03\xed")


def _too_long(data: bytes) -> bytes:
    """A Close of more than 125 bytes."""
    place = data.find(b"\x88", data.find(b"\r\n\r\n") + 1)
    return data if place < 0 else data[:place] + b"\x88\x7e\x00\x80\x03\xe8" + bytes(126)


RIGHT = {"send_does_nothing": Fault(_swallowing, live=OLD)}
FAULTS = {
    "codes": _closing(code=1000),
    "reasons": _closing(reason=""),
    "long_reason": Fault(to_client=_too_long),
    "forbidden_code": Fault(to_client=_code_1005),
    "client_closes": Fault(_silent),
    "connection_is_lost": Fault(_silent),
    "code_of_the_client": _gone(code=1006),
    "no_code": _gone(code=1006),
    "lost_without_close": _gone(code=1000),
    "reason_of_the_client": _gone(reason=""),
    "send_raises": Fault(_swallowing),
    "send_does_nothing": Fault(live=OLD),
    "disconnect_after_own_close": Fault(_silent),
    "disconnect_again": Fault(_once),
    "end_of_the_application": Fault(_staying),
    "failure_is_1011": Fault(to_client=lambda d: d.replace(b"\x03\xf3", b"\x03\xe8")),
    "return_closes": Fault(_staying),
    "time_to_clean_up": Fault(_cancelling),
    "close_handshake": Fault(keep_open=True),
    "messages_before_the_close": Fault(_dropping),
    "message_after_close": strict(when=lambda m: m.get("text") == "x"),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "closing", FAULTS, ELSEWHERE, RIGHT) == {}
