"""The contract of test_frameworks, in FastAPI, with what is FastAPI's own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import (
    BackgroundTasks,
    Body,
    Depends,
    FastAPI,
    File,
    Form,
    Query,
    Request,
    UploadFile,
    WebSocket,
    WebSocketDisconnect,
)
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from pydantic import BaseModel
from starlette.middleware.base import RequestResponseEndpoint

from tests.apps.common import PARTS, TEXT, facts, mark, say, served_file


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
    mark.set("from lifespan")
    say("startup")
    yield {"greeting": "from startup"}
    say("shutdown")


app = FastAPI(lifespan=lifespan)
app.add_middleware(GZipMiddleware)
app.add_middleware(CORSMiddleware, allow_origins=["https://example.org"], allow_methods=["PUT"])


@app.middleware("http")
async def counting(request: Request, call_next: RequestResponseEndpoint) -> Response:
    response = await call_next(request)
    response.headers["x-middleware"] = "passed"
    return response


@app.get("/hello", response_class=PlainTextResponse)
@app.head("/hello", response_class=PlainTextResponse, include_in_schema=False)
async def hello() -> str:
    return "Hello, wörld"


@app.get("/text", response_class=PlainTextResponse)
def text() -> str:
    return TEXT


@app.get("/items/{name}")
async def item(name: str, q: Annotated[list[str], Query()]) -> dict[str, Any]:
    return {"name": name, "q": q}


@app.post("/json")
async def echo_json(got: Annotated[Any, Body(embed=False)]) -> dict[str, Any]:
    return {"got": got}


@app.post("/form")
async def form(request: Request) -> dict[str, Any]:
    return dict(await request.form())


@app.post("/upload")
async def upload(note: Annotated[str, Form()], file: Annotated[UploadFile, File()]) -> Any:
    return {"note": note, "filename": file.filename, **facts(await file.read())}


@app.get("/stream")
async def stream() -> StreamingResponse:
    return StreamingResponse(iter(PARTS), media_type="application/octet-stream")


@app.get("/events")
async def events(token: str) -> StreamingResponse:
    async def ticks() -> AsyncIterator[str]:
        try:
            while True:  # Starlette learns that the client left when it sends
                yield "data: first\n\n"
                await asyncio.sleep(0.02)
        finally:
            say(f"left {token}")

    return StreamingResponse(ticks(), media_type="text/event-stream")


@app.get("/file")
async def file() -> FileResponse:
    return FileResponse(served_file(), filename="größe.bin")


@app.post("/background", status_code=202)
async def background(token: str, tasks: BackgroundTasks) -> dict[str, bool]:
    tasks.add_task(say, f"background {token}")
    return {"accepted": True}


@app.get("/raise")
def broken() -> None:
    raise RuntimeError("broken on purpose")


@app.get("/go")
async def go(request: Request) -> RedirectResponse:
    return RedirectResponse(request.url_for("hello"), status_code=303)


@app.get("/cookies")
async def cookies(request: Request) -> JSONResponse:
    response = JSONResponse(request.cookies)
    response.set_cookie("first", "1", httponly=True)
    response.set_cookie("second", "two words", path="/cookies")
    return response


@app.get("/state")
async def state(request: Request) -> dict[str, str]:
    return {"greeting": request.state.greeting}


@app.get("/context")
async def context() -> dict[str, str]:
    before = mark.get()
    mark.set("from a request")
    return {"before": before}


@app.websocket("/ws/echo")
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


@app.websocket("/ws/deny")
async def deny(websocket: WebSocket) -> None:
    await websocket.send_denial_response(PlainTextResponse("members only", status_code=403))


# ------------------------------------------------------------------------------- FastAPI's own


class Order(BaseModel):
    """What is checked before the endpoint sees it."""

    article: str
    count: int


def connection(token: str) -> Iterator[str]:
    yield f"connection for {token}"
    say(f"dependency closed {token}")


@app.post("/order")
async def order(order: Order, lent: Annotated[str, Depends(connection)]) -> dict[str, Any]:
    return {"article": order.article, "count": order.count, "lent": lent}
