"""Applications that the tests of `penstock.testing` talk to."""

import asyncio
from contextvars import ContextVar
from pathlib import Path
from typing import Any

mark: ContextVar[str] = ContextVar("mark", default="unset")
ended: list[str] = []

START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain")],
}


async def respond(send: Any, body: bytes = b"ok", **more: Any) -> None:
    await send({**START, **more})
    await send({"type": "http.response.body", "body": body})


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    scope["state"]["greeting"] = "hello"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    ended.append("shutdown")
    await send({"type": "lifespan.shutdown.complete"})


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Each path does something of its own."""
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
    elif scope["type"] == "websocket":
        await websocket(scope, receive, send)
    else:
        await HANDLERS[scope["path"]](scope, receive, send)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    headers = [(b"x-parts", b"1"), (b"x-parts", b"2"), *dict(scope["headers"]).items()]
    await respond(send, body, headers=[pair for pair in headers if pair[0] != b"content-length"])


async def show(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    text = f"{scope['method']} {scope['query_string'].decode()} {scope['state'].get('greeting')}"
    await respond(send, f"{text} {mark.get()}".encode())


async def ticks(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(START)
    gone = asyncio.ensure_future(receive())
    try:
        number = 0
        while not gone.done():
            body = b"tick %d" % number
            await send({"type": "http.response.body", "body": body, "more_body": True})
            number += 1
        ended.append("saw the disconnect")
    except OSError as error:
        ended.append(type(error).__name__)
        raise
    finally:
        gone.cancel()
        await asyncio.wait([gone])


async def everything(scope: Any, receive: Any, send: Any) -> None:
    """Each extension."""
    await receive()
    await send({"type": "http.response.debug", "info": {"template": "x.html"}})
    await send({"type": "http.response.early_hint", "links": [b"</a.css>"]})
    await send({**START, "trailers": True})
    with Path(__file__).open("rb") as file:
        file.seek(3)
        await send(
            {"type": "http.response.zerocopysend", "file": file, "count": 12, "more_body": True}
        )
    await send({"type": "http.response.body", "body": b"!"})
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]})


async def file(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(START)
    await send({"type": "http.response.pathsend", "path": __file__})


async def broken(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    raise LookupError("on purpose")


async def late(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(START)
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise LookupError("on purpose")


async def wrong(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": "200"})


async def silent(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.Event().wait()


HANDLERS = {
    "/echo": echo, "/show": show, "/ticks": ticks, "/all": everything, "/file": file,
    "/broken": broken, "/late": late, "/wrong": wrong, "/silent": silent,
}  # fmt: skip


async def websocket(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    if scope["path"] == "/refuse":
        await send({"type": "websocket.close"})
        return
    if scope["path"] == "/deny":
        await send({"type": "websocket.http.response.start", "status": 401})
        await send({"type": "websocket.http.response.body", "body": b"who are you?"})
        return
    if scope["path"] == "/broken":
        raise LookupError("on purpose")
    await send(
        {"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"x-accepted", b"yes")]}
    )
    while (event := await receive())["type"] == "websocket.receive":
        if event.get("text") == "bye":
            await send({"type": "websocket.close", "code": 4001, "reason": "as you wish"})
            return
        await send({"type": "websocket.send", **{k: event[k] for k in event if k != "type"}})
    ended.append(f"{event['code']} {event['reason']}")
