"""The contract of test_frameworks, in Falcon's ASGI form."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import falcon
import falcon.asgi
import falcon.media
from falcon.asgi import Request, Response, SSEvent, WebSocket

from tests.apps.common import PARTS, TEXT, facts, failing_parts, mark, say, served_file

greeting = "not started"


class Counting:
    """Middleware, and what runs at start and stop."""

    async def process_startup(self, scope: Any, event: Any) -> None:
        global greeting
        mark.set("from lifespan")
        greeting = "from startup"
        say("startup")

    async def process_shutdown(self, scope: Any, event: Any) -> None:
        say("shutdown")

    async def process_response(
        self, req: Request, resp: Response, resource: Any, req_succeeded: bool
    ) -> None:
        resp.set_header("x-middleware", "passed")


class Resource:
    """One resource with a suffix for each route."""

    async def on_get_hello(self, req: Request, resp: Response) -> None:
        resp.content_type = "text/plain; charset=utf-8"
        resp.text = "Hello, wörld"

    on_head_hello = on_get_hello

    async def on_get_text(self, req: Request, resp: Response) -> None:
        resp.content_type = "text/plain; charset=utf-8"
        resp.text = TEXT

    async def on_get_item(self, req: Request, resp: Response, name: str) -> None:
        resp.media = {"name": name, "q": req.get_param_as_list("q")}

    async def on_post_json(self, req: Request, resp: Response) -> None:
        resp.media = {"got": await req.get_media()}

    async def on_post_form(self, req: Request, resp: Response) -> None:
        resp.media = await req.get_media()

    async def on_post_upload(self, req: Request, resp: Response) -> None:
        found: dict[str, Any] = {}
        async for part in await req.get_media():
            data = await part.stream.read()
            if part.name == "file":
                found |= {"filename": part.filename, **facts(data)}
            else:
                found["note"] = data.decode()
        resp.media = found

    async def on_get_stream(self, req: Request, resp: Response) -> None:
        async def parts() -> AsyncIterator[bytes]:
            for part in PARTS:
                yield part

        resp.content_type = "application/octet-stream"
        resp.stream = parts()

    async def on_get_events(self, req: Request, resp: Response) -> None:
        token = req.get_param("token", required=True)

        async def ticks() -> AsyncIterator[SSEvent]:
            try:
                while True:  # Falcon looks whether the client left after each event
                    yield SSEvent(data=b"first")
                    await asyncio.sleep(0.02)
            finally:
                say(f"left {token}")

        resp.sse = ticks()

    async def on_get_file(self, req: Request, resp: Response) -> None:
        path = served_file()
        resp.content_type = "application/octet-stream"
        resp.downloadable_as = "größe.bin"
        resp.set_stream(_AsyncFile(path), path.stat().st_size)

    async def on_post_background(self, req: Request, resp: Response) -> None:
        token = req.get_param("token", required=True)
        resp.schedule_sync(lambda: say(f"background {token}"))
        resp.status = falcon.HTTP_202
        resp.media = {"accepted": True}

    async def on_get_raise(self, req: Request, resp: Response) -> None:
        raise RuntimeError("broken on purpose")

    async def on_get_late(self, req: Request, resp: Response) -> None:
        async def parts() -> AsyncIterator[bytes]:
            for part in failing_parts():
                yield part

        resp.stream = parts()

    async def on_get_go(self, req: Request, resp: Response) -> None:
        raise falcon.HTTPSeeOther(f"{req.prefix}/hello")

    async def on_get_cookies(self, req: Request, resp: Response) -> None:
        resp.media = req.cookies
        resp.set_cookie("first", "1", http_only=True, secure=False)
        resp.set_cookie("second", "two words", path="/cookies", secure=False)

    async def on_get_state(self, req: Request, resp: Response) -> None:
        resp.media = {"greeting": greeting}

    async def on_get_context(self, req: Request, resp: Response) -> None:
        before = mark.get()
        mark.set("from a request")
        resp.media = {"before": before}

    async def on_websocket_echo(self, req: Request, ws: WebSocket) -> None:
        await ws.accept(
            subprotocol="chat" if "chat" in ws.subprotocols else None,
            headers=[("x-accepted", "yes")],
        )
        try:
            while True:
                if req.get_param("kind") == "binary":
                    await ws.send_data(await ws.receive_data())
                    continue
                text = await ws.receive_text()
                if text == "close":
                    await ws.close(4001, "genug")
                    return
                await ws.send_text(text)
        except falcon.WebSocketDisconnected as left:
            say(f"websocket left {left.code}")

    async def on_websocket_deny(self, req: Request, ws: WebSocket) -> None:
        raise falcon.HTTPForbidden(description="members only")


class _AsyncFile:
    """A file as Falcon wants to read it."""

    def __init__(self, path: Any) -> None:
        self._file = path.open("rb")

    async def read(self, size: int = -1) -> bytes:
        return bytes(await asyncio.to_thread(self._file.read, size))

    async def close(self) -> None:
        self._file.close()


ROUTES = (
    "hello", "text", "json", "form", "upload", "stream", "events", "file", "background", "raise",
    "late", "go", "cookies", "state", "context",
)  # fmt: skip

app = falcon.asgi.App(
    middleware=[
        Counting(),
        falcon.CORSMiddleware(allow_origins=["https://example.org"]),
    ]
)
app.req_options.keep_blank_qs_values = True
resource = Resource()
for name in ROUTES:
    app.add_route(f"/{name}", resource, suffix=name)
app.add_route("/items/{name}", resource, suffix="item")
app.add_route("/ws/echo", resource, suffix="echo")
app.add_route("/ws/deny", resource, suffix="deny")
