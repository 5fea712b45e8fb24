"""Each case about WebSocket handshakes fails on a server that is wrong in just that."""

import asyncio
from typing import Any

import pytest

from tests.conformance.crooked import (
    App,
    Crooked,
    Fault,
    header,
    lenient,
    replaced,
    rescope,
    scope,
    sends,
    unseen,
)

pytestmark = pytest.mark.slow
ACCEPT, CLOSE = "websocket.accept", "websocket.close"


async def _accepts(app: App, scope: Any, receive: Any, send: Any) -> None:
    """The handshake is completed before the application is asked."""
    await send({"type": ACCEPT})

    async def without(message: Any) -> None:
        if message["type"] != ACCEPT:
            await send(message)

    await app(scope, receive, without)


async def _closes_late(app: App, scope: Any, receive: Any, send: Any) -> None:
    kept: list[Any] = []

    async def later(message: Any) -> None:
        if message["type"] == CLOSE:
            kept.append(message)
        else:
            await send(message)

    await app(scope, receive, later)
    for each in kept:
        await send(each)


async def _silent(app: App, scope: Any, receive: Any, send: Any) -> None:
    async def never() -> Any:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            await asyncio.sleep(3)
        return event

    await app(scope, never, send)


async def _lossy(app: App, scope: Any, receive: Any, send: Any) -> None:
    """What comes first after connect is lost."""
    events = 0

    async def lossy() -> Any:
        nonlocal events
        event = await receive()
        events += 1
        return await receive() if events == 2 else event

    await app(scope, lossy, send)


async def _eager(app: App, scope: Any, receive: Any, send: Any) -> None:
    """A message is delivered before accept."""
    given = 0

    async def early() -> Any:
        nonlocal given
        given += 1
        return {"type": "websocket.receive", "text": "early"} if given == 2 else await receive()

    await app(scope, early, send)


async def _says_403(app: App, scope: Any, receive: Any, send: Any) -> None:
    try:
        await app(scope, receive, send)
    except Exception:
        await send({"type": CLOSE})


async def _never_ends(app: App, scope: Any, receive: Any, send: Any) -> None:
    await app(scope, receive, send)
    await asyncio.sleep(3)


def _mended(data: bytes) -> bytes:
    """A handshake that lacks something gets it."""
    name = data.partition(b"X-Probe: ")[2].partition(b"\r\n")[0]
    lines = (
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Probe: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    return lines % name


FAULTS = {
    "type_is_websocket": scope(type="ws"),
    "http_version": scope(http_version="1"),
    "scheme": scope(scheme="http"),
    "scheme_over_tls": scope(scheme="https"),
    "paths": rescope(lambda s: {**s, "raw_path": s["raw_path"] + b"?x=1"}),
    "query_string": rescope(lambda s: {**s, "query_string": s["query_string"].decode()}),
    "headers": header(lambda h: list(dict(h).items())),
    "client": rescope(lambda s: {**s, "client": (s["client"][0], str(s["client"][1]))}),
    "subprotocols": rescope(lambda s: {**s, "subprotocols": s["subprotocols"][-1:]}),
    "state": rescope(lambda s: {k: v for k, v in s.items() if k != "state"}),
    "versions": scope(asgi={"version": "3.0", "spec_version": "3.0"}),
    "connect_comes_first": Fault(_accepts),
    "accept_completes": Fault(_accepts),
    "answer_is_valid": replaced(b"upgrade: websocket", b"upgrade: web-socket"),
    "close_is_403": replaced(b"403 ", b"404 "),
    "closed_after_403": Fault(keep_open=True),
    "close_is_403_at_once": Fault(_closes_late),
    "disconnect_after_refusal": Fault(_silent),
    "send_before_accept": lenient(),
    "subprotocol": sends(lambda m: [{**m, "subprotocol": None}] if m["type"] == ACCEPT else [m]),
    "accept_headers": sends(lambda m: [{**m, "headers": []}] if m["type"] == ACCEPT else [m]),
    "headers_cannot_break_it": replaced(b"\r\nupgrade:", b"\r\nupgrade: foo\r\nupgrade:"),
    "second_accept": lenient(),
    "invalid_handshakes": Fault(to_server=_mended),
    "failure_before_accept": Fault(_says_403),
    "return_before_accept": Fault(_never_ends),
    "client_leaves_early": Fault(_silent),
    "frames_with_the_handshake": Fault(_lossy),
    "nothing_before_accept": Fault(_eager),
    "own_protocol": lenient(),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "handshake", FAULTS) == {}
