"""Each case about hints, trailers and pushes fails on a server that is wrong in just that."""

import asyncio
from typing import Any

import pytest

from penstock.wire.huffman import encode
from tests.conformance.crooked import (
    App,
    Crooked,
    Fault,
    lenient,
    replaced,
    sends,
    unseen,
)

pytestmark = pytest.mark.slow
BODY, FILE = "websocket.http.response.body", "http.response.zerocopysend"
HINT, TRAILERS, PATH, PUSH = (
    "http.response.early_hint",
    "http.response.trailers",
    "http.response.pathsend",
    "http.response.push",
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


async def _staying(app: App, scope: Any, receive: Any, send: Any) -> None:
    await app(scope, receive, send)
    await asyncio.sleep(3)


async def _head_first(app: App, scope: Any, receive: Any, send: Any) -> None:
    """A hint after the start comes too late for the client."""
    started = False

    async def late(message: Any) -> None:
        nonlocal started
        if started and message["type"] == HINT:
            raise RuntimeError("too late")
        started = started or message["type"] == "http.response.start"
        await send(message)

    await app(scope, receive, late)


def _promise(data: bytes) -> bytes:
    """A PUSH_PROMISE before the first HEADERS of a read."""
    block = b"\x82\x86\x84" + b"\x00\x01a\x01b"
    payload = b"\x00\x00\x00\x02" + block
    place = 0
    while place + 9 <= len(data):
        if data[place + 3] == 1:
            frame = len(payload).to_bytes(3, "big") + b"\x05\x04\x00\x00\x00\x01" + payload
            return data[:place] + frame + data[place:]
        place += 9 + int.from_bytes(data[place : place + 3], "big")
    return data


async def _refuses_nested(app: App, scope: Any, receive: Any, send: Any) -> None:
    """Pushes of a pushed request raise."""

    async def refusing(message: Any) -> None:
        if message["type"] == PUSH and scope["path"] == "/pushed":
            raise RuntimeError("on purpose")
        await send(message)

    await app(scope, receive, refusing)


FAULTS = {
    "push": _dropped(PUSH),
    "push_to_nobody": Fault(to_client=_promise),
    "push_authority": replaced(encode(b"example.test"), encode(b"example.tess")),
    "push_encoded": _on(PUSH, path="/a"),
    "push_pseudo": lenient(),
    "push_within_a_push": Fault(_refuses_nested),
    "hints": _dropped(HINT),
    "hint_after_start": Fault(_head_first),
    "no_hints_for_http_10": Fault(
        to_client=lambda d: b"HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n" + d
    ),
    "bad_links": lenient(),
    "hints_over_http2": _dropped(HINT),
    "waits_for_trailers": _without("http.response.start", "trailers"),
    "trailers": replaced(b"x-a: 1\r\n", b""),
    "trailers_over_http2": _dropped(TRAILERS),
    "trailers_only_if_asked_for": Fault(
        to_client=lambda d: d.replace(b"0\r\n\r\n", b"0\r\nx-a: 1\r\n\r\n")
    ),
    "trailers_that_never_come": Fault(_staying),
    "trailers_not_offered": Fault(to_client=lambda d: d.replace(b"0\r\n", b""), keep_open=True),
    "trailers_are_waited_for": _without("http.response.start", "trailers"),
    "no_debug": Fault(live={"http": {"extensions": {"http.response.debug": {}}}}),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "hints", FAULTS) == {}
