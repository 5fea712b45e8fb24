"""The contract of test_frameworks, in Falcon's WSGI form."""

import time
from collections.abc import Iterator
from typing import Any

import falcon
from falcon import Request, Response

from tests.apps.common import PARTS, TEXT, facts, failing_parts, mark, say, served_file


class Counting:
    """Middleware."""

    def process_response(
        self, req: Request, resp: Response, resource: Any, req_succeeded: bool
    ) -> None:
        resp.set_header("x-middleware", "passed")


class Resource:
    """One resource with a suffix for each route."""

    def on_get_hello(self, req: Request, resp: Response) -> None:
        resp.content_type = "text/plain; charset=utf-8"
        resp.text = "Hello, wörld"

    on_head_hello = on_get_hello

    def on_get_text(self, req: Request, resp: Response) -> None:
        resp.content_type = "text/plain; charset=utf-8"
        resp.text = TEXT

    def on_get_item(self, req: Request, resp: Response, name: str) -> None:
        resp.media = {"name": name, "q": req.get_param_as_list("q")}

    def on_post_json(self, req: Request, resp: Response) -> None:
        resp.media = {"got": req.get_media()}

    def on_post_form(self, req: Request, resp: Response) -> None:
        resp.media = req.get_media()

    def on_post_upload(self, req: Request, resp: Response) -> None:
        found: dict[str, Any] = {}
        for part in req.get_media():
            data = part.stream.read()
            if part.name == "file":
                found |= {"filename": part.filename, **facts(data)}
            else:
                found["note"] = data.decode()
        resp.media = found

    def on_get_stream(self, req: Request, resp: Response) -> None:
        resp.content_type = "application/octet-stream"
        resp.stream = iter(PARTS)

    def on_get_events(self, req: Request, resp: Response) -> None:
        token = req.get_param("token", required=True)

        def ticking() -> Iterator[bytes]:
            try:
                while True:
                    yield b"data: first\n\n"
                    time.sleep(0.02)
            finally:
                say(f"left {token}")

        resp.content_type = "text/event-stream"
        resp.stream = ticking()

    def on_get_file(self, req: Request, resp: Response) -> None:
        path = served_file()
        resp.content_type = "application/octet-stream"
        resp.downloadable_as = "größe.bin"
        resp.set_stream(path.open("rb"), path.stat().st_size)

    def on_get_raise(self, req: Request, resp: Response) -> None:
        raise RuntimeError("broken on purpose")

    def on_get_late(self, req: Request, resp: Response) -> None:
        resp.stream = failing_parts()

    def on_get_go(self, req: Request, resp: Response) -> None:
        raise falcon.HTTPSeeOther(f"{req.prefix}/hello")

    def on_get_cookies(self, req: Request, resp: Response) -> None:
        resp.media = req.cookies
        resp.set_cookie("first", "1", http_only=True, secure=False)
        resp.set_cookie("second", "two words", path="/cookies", secure=False)

    def on_get_context(self, req: Request, resp: Response) -> None:
        before = mark.get()
        mark.set("from a request")
        resp.media = {"before": before}


ROUTES = (
    "hello", "text", "json", "form", "upload", "stream", "events", "file", "raise", "late", "go",
    "cookies", "context",
)  # fmt: skip

application = falcon.App(
    middleware=[Counting(), falcon.CORSMiddleware(allow_origins=["https://example.org"])]
)
resource = Resource()
for name in ROUTES:
    application.add_route(f"/{name}", resource, suffix=name)
application.add_route("/items/{name}", resource, suffix="item")
