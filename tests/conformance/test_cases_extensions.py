"""Each case about extensions fails on a server that is wrong in just that."""

import asyncio
import os
from typing import Any

import pytest

from tests.conformance.crooked import (
    App,
    Crooked,
    Fault,
    lenient,
    replaced,
    sends,
    strict,
    unseen,
)

pytestmark = pytest.mark.slow
BODY, FILE = "websocket.http.response.body", "http.response.zerocopysend"
HINT, TRAILERS, PATH = (
    "http.response.early_hint",
    "http.response.trailers",
    "http.response.pathsend",
)


def _on(kind: str, **changes: Any) -> Fault:
    """Messages of a kind are changed."""
    return sends(lambda m: [{**m, **changes}] if m["type"] == kind else [m])


def _without(kind: str, *keys: str) -> Fault:
    return sends(
        lambda m: [{k: v for k, v in m.items() if k not in keys}] if m["type"] == kind else [m]
    )


def _dropped(kind: str) -> Fault:
    return sends(lambda m: [] if m["type"] == kind else [m])


async def _silent(app: App, scope: Any, receive: Any, send: Any) -> None:
    async def never() -> Any:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            await asyncio.sleep(3)
        return event

    await app(scope, never, send)


async def _staying(app: App, scope: Any, receive: Any, send: Any) -> None:
    await app(scope, receive, send)
    await asyncio.sleep(3)


async def _closing_files(app: App, scope: Any, receive: Any, send: Any) -> None:
    async def close(message: Any) -> None:
        await send(message)
        if message["type"] == FILE:
            message["file"].close()

    await app(scope, receive, close)


async def _empty_files(app: App, scope: Any, receive: Any, send: Any) -> None:
    """A file that cannot be sent is an empty body."""

    async def empty(message: Any) -> None:
        path = message.get("path", "")
        if message["type"] == PATH and not (os.path.isabs(path) and os.path.exists(path)):
            message = {"type": "http.response.body"}
        await send(message)

    await app(scope, receive, empty)


async def _bodies_for_files(app: App, scope: Any, receive: Any, send: Any) -> None:
    """A BytesIO is taken for a file."""

    async def read(message: Any) -> None:
        if message["type"] == FILE:
            message = {"type": "http.response.body", "body": message["file"].read()}
        await send(message)

    await app(scope, receive, read)


FAULTS = {
    "denial": replaced(b"401 ", b"403 "),
    "bare_denial": strict(
        KeyError, lambda m: m["type"] == "websocket.http.response.start" and "headers" not in m
    ),
    "denial_in_parts": _without(BODY, "more_body"),
    "denial_closes": Fault(keep_open=True),
    "accept_after_denial": lenient(),
    "odd_denial": replaced(b"\xff\x00", b"??"),
    "disconnect_after_denial": Fault(_silent),
    "unfinished_denial": Fault(_staying),
    "denial_with_101": replaced(b"403 Forbidden", b"101 Switching"),
    "mixed_with_bodies": _without(FILE, "offset"),
    "offset": _on(FILE, offset=0),
    "count": _without(FILE, "count"),
    "complete": _on(FILE, more_body=True),
    "file_stays_open": Fault(_closing_files),
    "no_descriptor": Fault(_bodies_for_files),
    "file_by_its_path": replaced(b"xxx", b"xx"),
    "missing_file": Fault(_empty_files),
    "relative_path": Fault(_empty_files),
    "head_and_empty": Fault(to_client=lambda d: d + b"body"),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "extensions", FAULTS) == {}
