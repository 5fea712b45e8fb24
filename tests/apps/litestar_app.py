"""The contract of test_frameworks, in Litestar."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import Litestar, MediaType, Request, Response, WebSocket, get, post, route
from litestar.background_tasks import BackgroundTask
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.datastructures import Cookie, State, UploadFile
from litestar.enums import HttpMethod, RequestEncodingType
from litestar.exceptions import PermissionDeniedException, WebSocketDisconnect
from litestar.handlers import websocket
from litestar.logging import LoggingConfig
from litestar.params import Body, Parameter
from litestar.response import File, Redirect, ServerSentEvent, Stream

from tests.apps.common import PARTS, TEXT, facts, failing_parts, mark, say, served_file


@contextlib.asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    mark.set("from lifespan")
    say("startup")
    app.state.greeting = "from startup"
    yield
    say("shutdown")


def counting(response: Response[Any]) -> Response[Any]:
    response.headers["x-middleware"] = "passed"
    return response


@route(
    "/hello", http_method=[HttpMethod.GET, HttpMethod.HEAD], media_type=MediaType.TEXT, name="hello"
)
async def hello(request: Request[Any, Any, Any]) -> str | None:
    return "Hello, wörld" if request.method == "GET" else None


@get("/text", media_type=MediaType.TEXT, sync_to_thread=True)
def text() -> str:
    return TEXT


@get("/items/{name:str}")
async def item(name: str, q: Annotated[list[str], Parameter(query="q")]) -> dict[str, Any]:
    return {"name": name, "q": q}


@post("/json", status_code=200)
async def echo_json(data: dict[str, Any]) -> dict[str, Any]:
    return {"got": data}


@post("/form", status_code=200)
async def form(
    data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> dict[str, str]:
    return data


@post("/upload", status_code=200)
async def upload(
    data: Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)],
) -> dict[str, Any]:
    file: UploadFile = data["file"]
    return {"note": data["note"], "filename": file.filename, **facts(await file.read())}


@get("/stream")
async def stream() -> Stream:
    return Stream(iter(PARTS), media_type="application/octet-stream")


@get("/events")
async def events(token: str) -> ServerSentEvent:
    async def ticks() -> AsyncIterator[str]:
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            say(f"left {token}")

    return ServerSentEvent(ticks())


@get("/file")
async def file() -> File:
    return File(served_file(), filename="größe.bin")


@post("/background", status_code=202)
async def background(token: str) -> Response[dict[str, bool]]:
    task = BackgroundTask(asyncio.to_thread, say, f"background {token}")
    return Response({"accepted": True}, background=task)


@get("/raise")
async def broken() -> None:
    raise RuntimeError("broken on purpose")


@get("/late")
async def late() -> Stream:
    return Stream(failing_parts())


@get("/go")
async def go(request: Request[Any, Any, Any]) -> Redirect:
    return Redirect(request.url_for("hello"), status_code=303)


@get("/cookies")
async def cookies(request: Request[Any, Any, Any]) -> Response[dict[str, str]]:
    return Response(
        dict(request.cookies),
        cookies=[
            Cookie(key="first", value="1", httponly=True),
            Cookie(key="second", value="two words", path="/cookies"),
        ],
    )


@get("/state")
async def state(state: State) -> dict[str, str]:
    return {"greeting": state.greeting}


@get("/context")
async def context() -> dict[str, str]:
    before = mark.get()
    mark.set("from a request")
    return {"before": before}


@websocket("/ws/echo")
async def echo(socket: WebSocket[Any, Any, Any]) -> None:
    offered = socket.scope["subprotocols"]
    await socket.accept(
        subprotocols="chat" if "chat" in offered else None, headers={"x-accepted": "yes"}
    )
    try:
        while True:
            message: Any = await socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(code=message["code"], detail=message.get("reason") or "")
            if message.get("text") == "close":
                await socket.close(4001, "genug")
                return
            if message.get("text") is not None:
                await socket.send_text(message["text"])
            else:
                await socket.send_bytes(message["bytes"])
    except WebSocketDisconnect as left:
        say(f"websocket left {left.code} {left.detail}")


@websocket("/ws/deny")
async def deny(socket: WebSocket[Any, Any, Any]) -> None:
    raise PermissionDeniedException("members only")


app = Litestar(
    lifespan=[lifespan],
    after_request=counting,
    cors_config=CORSConfig(allow_origins=["https://example.org"], allow_methods=["PUT"]),
    compression_config=CompressionConfig(backend="gzip", minimum_size=500),
    logging_config=LoggingConfig(log_exceptions="always"),
    openapi_config=None,
    route_handlers=[
        hello, text, item, echo_json, form, upload, stream, events, file, background, broken,
        late, go, cookies, state, context, echo, deny,
    ],
)  # fmt: skip
