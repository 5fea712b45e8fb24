"""Each case about clients that leave fails on a server that is wrong in just that."""

import asyncio
from typing import Any

import pytest

from tests.conformance.crooked import App, Crooked, Fault, unseen

pytestmark = pytest.mark.slow
ELSEWHERE = ("exception_is_swallowed",)


async def _silent(app: App, scope: Any, receive: Any, send: Any) -> None:
    """A disconnect is never told."""

    async def never() -> Any:
        event = await receive()
        if event["type"] == "http.disconnect":
            await asyncio.sleep(3)
        return event

    await app(scope, never, send)


async def _once(app: App, scope: Any, receive: Any, send: Any) -> None:
    """A disconnect is told once."""
    told = False

    async def once() -> Any:
        nonlocal told
        if told:
            await asyncio.sleep(5)
        event = await receive()
        told = event["type"] == "http.disconnect"
        return event

    await app(scope, once, send)


async def _early(app: App, scope: Any, receive: Any, send: Any) -> None:
    """A disconnect is told while the client waits."""
    bodies = 1

    async def early() -> Any:
        nonlocal bodies
        bodies -= 1
        return await receive() if bodies >= 0 else {"type": "http.disconnect"}

    await app(scope, early, send)


async def _swallowing(app: App, scope: Any, receive: Any, send: Any) -> None:
    async def swallow(message: Any) -> None:
        try:
            await send(message)
        except OSError:
            pass

    await app(scope, receive, swallow)


async def _cancelling(app: App, scope: Any, receive: Any, send: Any) -> None:
    """The application is cancelled when the client has left."""
    gone = asyncio.Event()

    async def watched() -> Any:
        event = await receive()
        if event["type"] == "http.disconnect":
            gone.set()
        return event

    task = asyncio.create_task(app(scope, watched, send))
    waiting = asyncio.create_task(gone.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    waiting.cancel()
    await asyncio.gather(task, waiting, return_exceptions=True)


async def _hanging(app: App, scope: Any, receive: Any, send: Any) -> None:
    """send() never ends when the client has left."""

    async def hang(message: Any) -> None:
        try:
            await send(message)
        except OSError:
            await asyncio.sleep(3)

    await app(scope, receive, hang)


OLD = {"http": {"asgi": {"spec_version": "2.3"}}}
RIGHT = {"send_does_nothing": Fault(_swallowing, live=OLD)}
FAULTS = {
    "client_leaves": Fault(_silent),
    "after_the_response": Fault(_silent),
    "again_after_the_response": Fault(_once),
    "after_the_response_unread": Fault(_silent),
    "receive_waits": Fault(_early),
    "send_raises": Fault(_swallowing),
    "send_does_nothing": Fault(live=OLD),
    "half_close": Fault(cut=True, to_client=lambda _: b"", to_server=lambda d: d),
    "time_to_clean_up": Fault(_cancelling),
    "receive_beside_send": Fault(_early),
    "send_is_bounded": Fault(_hanging),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "disconnect", FAULTS, ELSEWHERE, RIGHT) == {}
