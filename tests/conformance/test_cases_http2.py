"""Each case about HTTP/2 fails on a server that is wrong in just that."""

import asyncio
from typing import Any

import pytest

from tests.conformance.crooked import (
    App,
    Crooked,
    Fault,
    events,
    header,
    rescope,
    scope,
    unseen,
)
from tests.conformance.test_cases_response import _collecting

pytestmark = pytest.mark.slow


async def _finishing(app: App, scope: Any, receive: Any, send: Any) -> None:
    try:
        await app(scope, receive, send)
    except Exception:
        pass
    await send({"type": "http.response.body"})


async def _leisurely(app: App, scope: Any, receive: Any, send: Any) -> None:
    """send() never waits for the client, though it is slow: it goes on long after the last frame."""

    async def taken(message: Any) -> None:
        if message["type"] == "http.response.start":
            await send(message)
        await asyncio.sleep(0.01)

    await app(scope, receive, taken)


async def _swapped(app: App, scope: Any, receive: Any, send: Any) -> None:
    """Some answers go to the wrong stream."""
    path = scope["path"]
    await app({**scope, "path": "/7" if path == "/3" else path}, receive, send)


async def _hanging(app: App, scope: Any, receive: Any, send: Any) -> None:
    """A disconnect is never told."""

    async def never() -> Any:
        event = await receive()
        if event["type"] == "http.disconnect":
            await asyncio.sleep(3)
        return event

    await app(scope, never, send)


async def _pleased(app: App, scope: Any, receive: Any, send: Any) -> None:
    try:
        await app(scope, receive, send)
    except Exception:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})


def _literal(name: bytes, value: bytes) -> bytes:
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def _with_field(name: bytes, value: bytes) -> Any:
    """Adds a field to each HEADERS frame that a read begins with."""

    def change(data: bytes) -> bytes:
        found, place = b"", 0
        while place + 9 <= len(data):
            length = int.from_bytes(data[place : place + 3], "big")
            frame = data[place : place + 9 + length]
            place += 9 + length
            if frame[3] == 1:
                more = _literal(name, value)
                frame = (length + len(more)).to_bytes(3, "big") + frame[3:] + more
            found += frame
        return found + data[place:]

    return change


def _with_data(data: bytes) -> bytes:
    """A DATA frame behind each HEADERS frame with END_STREAM."""
    found, place = b"", 0
    while place + 9 <= len(data):
        length = int.from_bytes(data[place : place + 3], "big")
        frame = data[place : place + 9 + length]
        place += 9 + length
        if frame[3] == 1 and frame[4] & 1:
            frame = frame[:4] + bytes([frame[4] & ~1]) + frame[5:]
            frame += b"\x00\x00\x02\x00\x01" + frame[5:9] + b"ok"
        found += frame
    return found + data[place:]


FAULTS = {
    "http_version": scope(http_version="2.0"),
    "path": rescope(lambda s: {**s, "path": s["raw_path"].decode()}),
    "scopes": scope(path="/0"),
    "pseudo_headers": header(lambda h: [(b":method", b"GET"), *h]),
    "authority": header(lambda h: h[1:] + h[:1]),
    "authority_replaces_host": header(lambda h: [*h, (b"host", b"example.test")]),
    "cookies": header(lambda h: [(k, v.replace(b"; ", b", ")) for k, v in h]),
    "body": events(lambda e: {**e, "body": e.get("body", b"")[::-1]}),
    "multiplexing": Fault(_swapped),
    "reset_of_a_stream": Fault(_hanging),
    "hop_by_hop": Fault(to_client=_with_field(b"connection", b"close")),
    "lower_case": Fault(to_client=_with_field(b"X-A", b"1")),
    "broken_off": Fault(_finishing),
    "head": Fault(to_client=_with_data),
    "after_the_response": Fault(_hanging),
    "failure": Fault(_pleased),
    "parts_are_flushed": Fault(_collecting),
    "backpressure": Fault(_leisurely),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "http2", FAULTS) == {}
