"""The contract of test_frameworks, in Starlette."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.apps.common import PARTS, TEXT, facts, failing_parts, mark, say, served_file


@contextlib.asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
    mark.set("from lifespan")
    say("startup")
    yield {"greeting": "from startup"}
    say("shutdown")


class Counting(BaseHTTPMiddleware):
    """The middleware that is known to be hard on servers: it runs the application in a task of its own."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == "/late":  # it would end the broken response as if it were whole
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers["x-middleware"] = "passed"
        return response


async def hello(_: Request) -> Response:
    return PlainTextResponse("Hello, wörld")


async def text(_: Request) -> Response:
    return PlainTextResponse(TEXT)


async def item(request: Request) -> Response:
    return JSONResponse(
        {"name": request.path_params["name"], "q": request.query_params.getlist("q")}
    )


async def echo_json(request: Request) -> Response:
    return JSONResponse({"got": await request.json()})


async def form(request: Request) -> Response:
    async with request.form() as fields:
        return JSONResponse(dict(fields))


async def upload(request: Request) -> Response:
    async with request.form() as fields:
        file: Any = fields["file"]
        return JSONResponse(
            {"note": fields["note"], "filename": file.filename, **facts(await file.read())}
        )


async def stream(_: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for part in PARTS:
            yield part
            await asyncio.sleep(0)

    return StreamingResponse(parts(), media_type="application/octet-stream")


async def events(request: Request) -> Response:
    token = request.query_params["token"]

    async def ticks() -> AsyncIterator[str]:
        try:
            while True:  # Starlette learns that the client left when it sends
                yield "data: first\n\n"
                await asyncio.sleep(0.02)
        finally:
            say(f"left {token}")

    return StreamingResponse(ticks(), media_type="text/event-stream")


async def file(_: Request) -> Response:
    return FileResponse(served_file(), filename="größe.bin")


async def background(request: Request) -> Response:
    task = BackgroundTask(say, f"background {request.query_params['token']}")
    return JSONResponse({"accepted": True}, status_code=202, background=task)


async def broken(_: Request) -> Response:
    raise RuntimeError("broken on purpose")


async def late(_: Request) -> Response:
    return StreamingResponse(failing_parts())


async def go(request: Request) -> Response:
    return RedirectResponse(request.url_for("hello"), status_code=303)


async def cookies(request: Request) -> Response:
    response = JSONResponse(request.cookies)
    response.set_cookie("first", "1", httponly=True)
    response.set_cookie("second", "two words", path="/cookies")
    return response


async def state(request: Request) -> Response:
    return JSONResponse({"greeting": request.state.greeting})


async def context(_: Request) -> Response:
    before = mark.get()
    mark.set("from a request")
    return JSONResponse({"before": before})


async def echo(websocket: WebSocket) -> None:
    offered = websocket.scope["subprotocols"]
    await websocket.accept(
        subprotocol="chat" if "chat" in offered else None, headers=[(b"x-accepted", b"yes")]
    )
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"], message.get("reason"))
            if message.get("text") == "close":
                await websocket.close(4001, "genug")
                return
            if message.get("text") is not None:
                await websocket.send_text(message["text"])
            else:
                await websocket.send_bytes(message["bytes"])
    except WebSocketDisconnect as left:
        say(f"websocket left {left.code} {left.reason}")


async def deny(websocket: WebSocket) -> None:
    await websocket.send_denial_response(PlainTextResponse("members only", status_code=403))


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/hello", hello),
        Route("/text", text),
        Route("/items/{name}", item),
        Route("/json", echo_json, methods=["POST"]),
        Route("/form", form, methods=["POST"]),
        Route("/upload", upload, methods=["POST"]),
        Route("/stream", stream),
        Route("/events", events),
        Route("/file", file),
        Route("/background", background, methods=["POST"]),
        Route("/raise", broken),
        Route("/late", late),
        Route("/go", go),
        Route("/cookies", cookies),
        Route("/state", state),
        Route("/context", context),
        WebSocketRoute("/ws/echo", echo),
        WebSocketRoute("/ws/deny", deny),
    ],
    middleware=[
        Middleware(CORSMiddleware, allow_origins=["https://example.org"], allow_methods=["PUT"]),
        Middleware(GZipMiddleware),
        Middleware(Counting),
    ],
)
