"""Each case about request bodies fails on a server that is wrong in just that."""

import asyncio
from collections import UserDict
from typing import Any

import pytest

from tests.conformance.crooked import App, Crooked, Fault, events, unseen

pytestmark = pytest.mark.slow


async def _whole(app: App, scope: Any, receive: Any, send: Any) -> None:
    """The application is called with the whole body."""
    parts = []
    while True:
        event = await receive()
        parts.append(event.get("body", b""))
        if not event.get("more_body", False):
            break
    left = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

    async def first() -> Any:
        return left.pop() if left else await receive()

    await app(scope, first, send)


async def _disconnect_first(app: App, scope: Any, receive: Any, send: Any) -> None:
    async def gone() -> Any:
        await receive()
        return {"type": "http.disconnect"}

    await app(scope, gone, send)


async def _greedy(app: App, scope: Any, receive: Any, send: Any) -> None:
    """Everything is read, whether the application asks or not."""
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def read() -> None:
        while (event := await receive())["type"] == "http.request" and event.get("more_body"):
            queue.put_nowait({**event, "body": event["body"][:1]})
        queue.put_nowait(event)

    task = asyncio.create_task(read())
    await app(scope, queue.get, send)
    await task


async def _one_dict(app: App, scope: Any, receive: Any, send: Any) -> None:
    kept: dict[str, Any] = {}

    async def same() -> Any:
        event = await receive()
        for key, value in event.items():
            kept.setdefault(key, value)
        kept["more_body"] = event.get("more_body", False)
        return kept

    await app(scope, same, send)


async def _lossy(app: App, scope: Any, receive: Any, send: Any) -> None:
    """What arrives for a cancelled receive() is lost."""
    calls = 0

    async def lossy() -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.sleep(5)
        event = await receive()
        return {**event, "body": event["body"][1:]}

    await app(scope, lossy, send)


async def _two_events(app: App, scope: Any, receive: Any, send: Any) -> None:
    kept: list[Any] = []

    async def split() -> Any:
        if kept:
            return kept.pop()
        event = await receive()
        if event.get("body"):
            kept.append({**event, "body": b""})
            return {**event, "more_body": True}
        return event

    await app(scope, split, send)


FAULTS = {
    "first_event": events(lambda e: {**e, "type": "http.body"}),
    "types_of_the_event": events(lambda e: {**e, "body": e.get("body", b"").decode()}),
    "no_body": events(lambda e: {**e, "body": b"x"}),
    "parts_of_the_body": events(lambda e: {**e, "body": e["body"][:-1]} if e.get("body") else e),
    "bodies_are_streamed": Fault(_whole),
    "chunked_bodies": events(lambda e: {**e, "body": b"3\r\n" + e.get("body", b"")}),
    "two_lengths": Fault(
        to_server=lambda d: d[d.index(b"GET /smuggled") :] if b"GET /smuggled" in d else d
    ),
    "backpressure": Fault(_greedy),
    "expect_continue": Fault(
        to_server=lambda d: d.replace(b"Expect: 100-continue", b"X-Expect: 100-continue")
    ),
    "no_continue": Fault(to_client=lambda d: b"HTTP/1.1 100 Continue\r\n\r\n" + d),
    "broken_body": events(
        lambda e: e if e["type"] == "http.request" else {"type": "http.request", "body": b""}
    ),
    "malformed_chunk": Fault(to_server=lambda d: d.replace(b"XYZ\r\n", b"0\r\n\r\n")),
    "body_before_disconnect": Fault(_disconnect_first),
    "events_are_dicts": events(UserDict),
    "events_are_named": events(lambda e: {**e, "type": "request"}),
    "event_values": events(lambda e: {**e, "extra": object()}),
    "more_body_is_a_bool": events(lambda e: {**e, "more_body": int(e.get("more_body", False))}),
    "events_are_fresh": Fault(_one_dict),
    "cancelled_receive": Fault(_lossy),
    "small_body_is_one_event": Fault(_two_events),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "request", FAULTS) == {}
