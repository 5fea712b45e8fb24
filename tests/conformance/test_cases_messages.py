"""Each case about WebSocket messages fails on a server that is wrong in just that."""

import asyncio
from typing import Any

import pytest

from penstock.conformance.client_websocket import frame
from tests.conformance.crooked import (
    App,
    Crooked,
    Fault,
    events,
    lenient,
    sends,
    strict,
    unseen,
)
from tests.conformance.test_cases_response import _unbounded

pytestmark = pytest.mark.slow
SEND = "websocket.send"


def _split(event: Any) -> Any:
    text = event.get("text")
    return {**event, "text": text[:4]} if text else event


async def _lossy(app: App, scope: Any, receive: Any, send: Any) -> None:
    """What comes for a cancelled receive() is lost."""
    task: Any = None

    async def lossy() -> Any:
        nonlocal task
        if task is not None:
            await task
        task = asyncio.ensure_future(receive())
        event = await asyncio.shield(task)
        task = None
        return event

    await app(scope, lossy, send)


async def _shuffled(app: App, scope: Any, receive: Any, send: Any) -> None:
    count = 0

    async def shuffled(message: Any) -> None:
        nonlocal count
        count += 1
        await send({**message, "text": "0"} if count == 1500 else message)

    await app(scope, receive, shuffled)


def _harmless(data: bytes) -> bytes:
    """Only the handshake gets through as it is: frames become one that is right."""
    return data if data.startswith(b"GET") else frame(1, b"x")


def _another_code(data: bytes) -> bytes:
    return (
        data.replace(b"\x03\xef", b"\x03\xe8")
        .replace(b"\x03\xea", b"\x03\xe8")
        .replace(b"\x03\xf1", b"\x03\xe8")
    )


FAULTS = {
    "text_message": events(lambda e: {**e, "bytes": b""} if "text" in e else e),
    "binary_message": events(lambda e: {**e, "text": ""} if "bytes" in e else e),
    "events_are_named": events(
        lambda e: {**e, "type": e["type"] if e["type"] == "websocket.receive" else "ws"}
    ),
    "fragments": events(_split),
    "empty_messages": sends(
        lambda m: [] if m["type"] == SEND and not (m.get("text") or m.get("bytes")) else [m]
    ),
    "kinds_of_messages": sends(
        lambda m: [{"type": SEND, "bytes": m["text"].encode()}] if m.get("text") else [m]
    ),
    "both_kinds": lenient(),
    "neither_kind": lenient(),
    "text_of_wrong_type": lenient(),
    "bytes_of_wrong_type": lenient(),
    "unknown_message": lenient(),
    "pings": Fault(to_client=lambda d: d.replace(b"payload", b"another")),
    "text_that_is_no_utf8": Fault(to_server=_harmless),
    "unmasked_frame": Fault(to_server=_harmless),
    "reserved_bits": Fault(to_server=_harmless),
    "reserved_opcode": Fault(to_server=_harmless),
    "long_control_frame": Fault(to_server=_harmless),
    "close_for_bad_text": Fault(to_client=_another_code),
    "close_for_wrong_frames": Fault(to_client=_another_code),
    "too_large": Fault(to_client=_another_code),
    "order": Fault(_shuffled),
    "backpressure": Fault(_unbounded),
    "compression": events(_split),
    "large_messages": sends(lambda m: [{**m, "text": m["text"][:-1]}] if m.get("text") else [m]),
    "cancelled_receive": Fault(_lossy),
    "unknown_keys": strict(when=lambda m: "x-extra" in m),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "messages", FAULTS) == {}
