"""The applications that every server serves: as little Python as ASGI and PEP 3333 allow.

Nothing here imports anything at run time: what a benchmark sees is the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

HELLO = b"Hello, World!\n"

CHUNK_BYTES = 64 * 1024
CHUNKS = 16
CHUNK = bytes(range(256)) * (CHUNK_BYTES // 256)
"""One chunk of the streamed answer; `CHUNKS` of them make 1 MiB."""

LARGE_CHUNKS = 160
"""That many of them make 10 MiB."""

_HELLO_HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"%d" % len(HELLO)),
]
_STREAM_HEADERS = [(b"content-type", b"application/octet-stream")]


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every request with the same few bytes."""
    if scope["type"] != "http":
        await _other(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": _HELLO_HEADERS})
    await send({"type": "http.response.body", "body": HELLO})


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with 1 MiB in 64 KiB pieces and no declared length."""
    if scope["type"] != "http":
        await _other(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": _STREAM_HEADERS})
    for _ in range(CHUNKS - 1):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": CHUNK})


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with 10 MiB in 64 KiB pieces, as fast as they are taken."""
    if scope["type"] != "http":
        await _other(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": _STREAM_HEADERS})
    for _ in range(LARGE_CHUNKS - 1):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": CHUNK})


async def upload(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the whole body, piece by piece, and answer with the number of its bytes."""
    if scope["type"] != "http":
        await _other(scope, receive, send)
        return
    received_bytes = 0
    more = True
    while more:
        message = await receive()
        received_bytes += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"%d" % received_bytes
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Send every WebSocket message back; a plain request gets the hello answer."""
    if scope["type"] != "websocket":
        await hello(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is not None:
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})


def wsgi_hello(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer every request with the same few bytes, as a WSGI application."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(HELLO)))]
    start_response("200 OK", headers)
    return [HELLO]


async def _other(scope: Scope, receive: Receive, send: Send) -> None:
    """Complete lifespan; an application that serves HTTP refuses any other scope."""
    if scope["type"] != "lifespan":
        raise RuntimeError(f"this application serves http, not {scope['type']}")
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
