"""The application of the trials. Each answer says which process gave it; each request is noted before it is answered.

The notes go to the file that $TRIAL_NOTES names, a line each, in one write: they outlive a process that is killed.
"""

import asyncio
import os
import time
from typing import Any

_NOTES = os.environ.get("TRIAL_NOTES", "")
_FD = os.open(_NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if _NOTES else -1
_TEXT = [(b"content-type", b"text/plain")]


def note(*words: object) -> None:
    if _FD >= 0:
        os.write(_FD, (" ".join(map(str, (os.getpid(), *words))) + "\n").encode())


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    if scope["type"] == "websocket":
        await websocket(receive, send)
        return
    client = scope["client"]
    note("request", client[1] if client else 0, time.time())
    paths = {"/events": events, "/upload": upload, "/hang": hang, "/grow": grow, "/large": large}
    await paths.get(scope["path"], answer)(receive, send)


async def lifespan(receive: Any, send: Any) -> None:
    await receive()
    note("startup")
    await send({"type": "lifespan.startup.complete"})
    await receive()
    note("shutdown")
    await send({"type": "lifespan.shutdown.complete"})


async def answer(_receive: Any, send: Any, more: bytes = b"") -> None:
    body = b"%d%s" % (os.getpid(), more)
    headers = [*_TEXT, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def large(_receive: Any, send: Any) -> None:
    """More than sockets hold, in pieces."""
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    for _ in range(256):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
    await send({"type": "http.response.body"})


async def events(receive: Any, send: Any) -> None:
    """An event stream without an end, until the server or the client says that it is over."""
    await receive()
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/event-stream")],
        }
    )
    gone = asyncio.ensure_future(receive())
    try:
        while not gone.done():
            await send({"type": "http.response.body", "body": b"data: tick\n\n", "more_body": True})
            await asyncio.wait({gone}, timeout=0.5)
        note("told")
        await send({"type": "http.response.body", "body": b"event: bye\n\n"})
    finally:
        gone.cancel()


async def upload(receive: Any, send: Any) -> None:
    """Reads all of a body, however slowly it comes."""
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            note("told")
            return
        length += len(message["body"])
        if not message["more_body"]:
            await answer(receive, send, b" %d" % length)
            return


async def websocket(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": str(os.getpid())})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            note("told", message["code"])
            return
        await send({"type": "websocket.send", "text": message.get("text") or ""})


async def hang(_receive: Any, _send: Any) -> None:
    time.sleep(3600)


KEPT: list[bytes] = []


async def grow(receive: Any, send: Any) -> None:
    KEPT.append(bytes(1 << 20))
    await answer(receive, send)
