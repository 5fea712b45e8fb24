"""A WSGI and an ASGI call without a server, for tests of the bridges."""

import asyncio
import io
from collections.abc import Callable
from contextlib import closing
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

DEADLINE_S = 10.0


def run(coroutine: Any) -> Any:
    """The coroutine's result, within the deadline, in an event loop of its own."""

    async def bounded() -> Any:
        return await asyncio.wait_for(coroutine, DEADLINE_S)

    return asyncio.run(bounded())


def scope_of(path: str = "/", **fields: Any) -> dict[str, Any]:
    """An HTTP scope."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"example.test")],
        "client": ("192.0.2.7", 4711),
        "server": ("192.0.2.1", 8000),
        **fields,
    }


def request(body: bytes = b"", more_body: bool = False) -> dict[str, Any]:
    """An event with a part of a body."""
    return {"type": "http.request", "body": body, "more_body": more_body}


class Client:
    """Calls an ASGI application: `events` are what it receives, after them nothing comes, until
    `leave()`; `sent` is what it sends. `on_send` is awaited for each message."""

    def __init__(self, *events: Any, on_send: Callable[[Any], Any] | None = None) -> None:
        self._events = list(events) or [request()]
        self._on_send = on_send
        self._left = asyncio.Event()
        self.sent: list[Any] = []

    async def receive(self) -> Any:
        if self._events:
            return self._events.pop(0)
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        if self._on_send is not None:
            await self._on_send(message)

    def leave(self) -> None:
        """The client goes."""
        self._left.set()

    @property
    def body(self) -> bytes:
        """All of the body so far."""
        return b"".join(message.get("body", b"") for message in self.sent)


def ask(app: Any, scope: Any = None, *events: Any) -> list[Any]:
    """What the ASGI application sends for one request."""

    async def main() -> list[Any]:
        client = Client(*events)
        await app(scope or scope_of(), client.receive, client.send)
        return client.sent

    sent: list[Any] = run(main())
    return sent


def environ_of(body: bytes = b"", **fields: Any) -> dict[str, Any]:
    """An environ with a body of known length."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "REMOTE_ADDR": "192.0.2.7",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **fields,
    }
    setup_testing_defaults(environ)
    return environ


def call(app: Any, environ: dict[str, Any] | None = None) -> tuple[str, list[Any], bytes]:
    """Status, headers and body that the WSGI application answers with, under PEP 3333's validator."""
    said: list[Any] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        said[:] = [status, headers]
        return said.append

    with closing(validator(app)(environ or environ_of(), start_response)) as answer:
        body = b"".join(answer)
    return said[0], said[1], body
