"""Asks an ASGI application in this process: a server's part in one request, without a network."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from penstock.asgi import ASGI_VERSION, HTTP_SPEC_VERSION
from penstock.doctor.answers import (
    ANSWERED,
    EMPTY,
    RAISED,
    SILENT,
    STREAMS,
    STUCK,
    Answer,
    told,
)
from penstock.doctor.asking import Request
from penstock.doctor.watch import Overdue, Watch
from penstock.gateway.scope import where
from penstock.transport.stall import is_own

# A response that is still going after this is a stream: the client leaves.
STREAM_S = 1.0
# What the application gets to notice that, or that it is cancelled.
LEAVING_S = 1.0


class Exercise:
    """Asks `app` one request after the other on `loop`, watched.

    `state` is what the lifespan put into the scope. `root_path`: the mount path of the application.
    """

    def __init__(
        self,
        app: Any,
        loop: asyncio.AbstractEventLoop,
        watch: Watch,
        state: dict[str, Any] | None,
        root_path: str,
    ) -> None:
        self._app = app
        self._loop = loop
        self._watch = watch
        self._state = state
        self._root_path = root_path

    def ask(self, request: Request) -> tuple[Answer, bytes]:
        """The answer to `request`, and its body."""
        watch = self._watch
        watch.request = str(request)
        client = _Client(request)
        began = time.monotonic()
        try:
            ending, text, place = self._loop.run_until_complete(self._run(client))
        except Overdue as overdue:
            ending, text, place = STUCK, str(overdue), ""  # between two steps of a task
        finally:
            watch.end()
            watch.request = ""
        seconds = time.monotonic() - began
        return Answer(request, ending, client.status, seconds, text, place), client.body()

    def scope(self, request: Request) -> dict[str, Any]:
        """The scope of `request`, as of a client on this machine."""
        path = request.target.partition("?")[0]
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": ASGI_VERSION, "spec_version": HTTP_SPEC_VERSION},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.scheme,
            "path": self._root_path + request.path,
            "raw_path": (self._root_path + path).encode("ascii"),
            "query_string": request.query,
            "root_path": self._root_path,
            "headers": [(b"host", request.host.encode("latin-1")), *request.headers],
            "client": ("127.0.0.1", 49152),
            "server": ("127.0.0.1", 8000),
            "extensions": {},
        }
        if self._state is not None:
            scope["state"] = self._state.copy()
        return scope

    async def _run(self, client: _Client) -> tuple[str, str, str]:
        task = asyncio.ensure_future(
            self._app(self.scope(client.request), client.receive, client.send)
        )
        deadline = time.monotonic() + self._watch.deadline_s
        place = ""
        await asyncio.wait({task}, timeout=min(STREAM_S, self._watch.deadline_s))
        if not task.done() and not client.status:
            await asyncio.wait({task}, timeout=max(deadline - time.monotonic(), 0))
        left = not task.done()
        if left:
            place = waits_at(task)
            client.leave()
            await asyncio.wait({task}, timeout=LEAVING_S)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=LEAVING_S)
        if not task.done():
            return (STREAMS if client.status else SILENT), "", place
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Overdue):
            return STUCK, str(error), ""
        if left:
            return (STREAMS if client.status else SILENT), "", place
        if error is not None:
            return RAISED, *told(error)
        return (ANSWERED if client.ended else EMPTY), "", ""


def waits_at(task: Any) -> str:
    """Where a task waits: the innermost place of the application's own code, if it is there."""
    places = where(task.get_coro()).split(" > ")
    own = [each for each in places if is_own(each.partition(":")[0])]
    return own[-1] if own else places[-1]


class _Client:
    """A client's side of one request: sends its body whole, keeps a part of the answer."""

    # An OpenAPI document is to fit.
    KEPT_BYTES_MAX = 16 * 1024 * 1024

    def __init__(self, request: Request) -> None:
        self.request = request
        self.status = 0
        self.ended = False
        self._body = bytearray()
        self._asked = False
        self._left = asyncio.Event()

    def body(self) -> bytes:
        """What came of the answer's body."""
        return bytes(self._body)

    def leave(self) -> None:
        """The client closes its connection."""
        self._left.set()

    async def receive(self) -> dict[str, Any]:
        """ASGI's receive."""
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self.request.body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """ASGI's send."""
        if self._left.is_set():
            # So that a stream ends
            raise OSError("the client has left")
        kind = message.get("type")
        if kind == "http.response.start":
            self.status = int(message.get("status", 0))
        elif kind == "http.response.body":
            if len(self._body) < self.KEPT_BYTES_MAX:
                self._body += message.get("body", b"")
            if not message.get("more_body", False):
                self.ended = True
                self._left.set()
