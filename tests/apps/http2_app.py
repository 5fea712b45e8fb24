"""An application without a framework whose paths show what HTTP/2 is used for, by clients and in a browser.

/told: the scope, as JSON. /trailers, /hints: a response with trailers, one after an early hint. /held: ends when the client
leaves, and says so. /upload: length and SHA-256 of the body, and whether it came in pieces. /events: three events. /: a page
that uses them all. Any WebSocket is told how it was opened, then gets everything back; `bye` closes it.
"""

import asyncio
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.apps.common import say

PAGE = (Path(__file__).parent / "http2_page.html").read_bytes()
_TOLD = ("type", "http_version", "scheme", "method", "path", "raw_path", "query_string", "client")


def _told(scope: Any) -> bytes:
    told = {name: scope.get(name) for name in _TOLD}
    told["headers"] = scope["headers"]
    told["extensions"] = sorted(scope["extensions"])
    return json.dumps(told, default=lambda value: value.decode("latin-1")).encode()


async def _answer(send: Any, body: bytes, kind: bytes = b"application/json") -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _upload(receive: Any, send: Any) -> None:
    seen, size, pieces, more = sha256(), 0, 0, True
    while more:
        message = await receive()
        body = message.get("body", b"")
        seen.update(body)
        size += len(body)
        pieces += bool(body)
        more = message.get("more_body", False)
    told = {"bytes": size, "sha256": seen.hexdigest(), "pieces": pieces}
    await _answer(send, json.dumps(told).encode())


async def _events(send: Any) -> None:
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(3):
        body = b"data: %d\n\n" % number
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b""})


async def _trailers(send: Any) -> None:
    # Without a length: a client that knows it may be content with the body
    await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
    await send({"type": "http.response.body", "body": b"body"})
    for name, more in ((b"x-first", True), (b"x-last", False)):
        message = {"type": "http.response.trailers", "headers": [(name, b"told")]}
        await send({**message, "more_trailers": more})


async def _websocket(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    offered = scope["subprotocols"]
    await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
    await send({"type": "websocket.send", "text": _told(scope).decode()})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "bye":
            await send({"type": "websocket.close", "code": 4001, "reason": "genug"})
            return
        await send({**message, "type": "websocket.send"})
    say(f"websocket left {message['code']}")


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await _websocket(scope, receive, send)
        return
    if scope["type"] != "http":
        raise RuntimeError("no lifespan here")
    path = scope["path"]
    if path == "/told":
        await _answer(send, _told(scope))
    elif path == "/upload":
        await _upload(receive, send)
    elif path == "/events":
        await _events(send)
    elif path == "/trailers":
        await _trailers(send)
    elif path == "/hints":
        links = [b"</style.css>; rel=preload; as=style"]
        await send({"type": "http.response.early_hint", "links": links})
        await _answer(send, b"{}")
    elif path == "/pushes":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        push = {"type": "http.response.push", "path": "/told?pushed=é", "headers": []}
        await send(push)
        await send({"type": "http.response.body", "body": b"main"})
    elif path == "/held":
        say("held")
        await receive()
        while (await receive())["type"] != "http.disconnect":
            pass
        say("released")
    else:
        await _answer(send, PAGE, b"text/html; charset=utf-8")
