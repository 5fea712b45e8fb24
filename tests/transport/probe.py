"""A server by hand: an application that notes what happens to it, and clients that say what they do."""

import asyncio
import contextvars
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import penstock

DEADLINE_S = 10.0
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


class Probe:
    """An ASGI application that notes what happens to it; paths say what it does."""

    def __init__(self, **lifespan: Callable[..., Coroutine[Any, Any, None]]) -> None:
        self.events: list[str] = []
        self.arrived = asyncio.Event()
        self.release = asyncio.Event()
        self.lifespan = lifespan
        self.scopes: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.live(scope, receive, send)
            return
        self.scopes.append(scope)
        self.events.append(f"request {scope['path']}")
        self.arrived.set()
        try:
            await getattr(self, scope["path"].strip("/") or "hello")(receive, send)
        except asyncio.CancelledError:
            self.events.append(f"cancelled {scope['path']}")
            raise

    async def live(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        self.events.append("startup")
        if "startup" in self.lifespan:
            await self.lifespan["startup"](scope, send)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.events.append("shutdown")
        if "shutdown" in self.lifespan:
            await self.lifespan["shutdown"](scope, send)
        await send({"type": "lifespan.shutdown.complete"})

    async def hello(self, receive: Any, send: Any) -> None:
        await answer(send, b"hello")

    async def slow(self, receive: Any, send: Any) -> None:
        await self.release.wait()
        await answer(send, b"slow")
        self.events.append("slow has answered")

    async def stream(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await receive()
        while (message := await receive())["type"] != "http.disconnect":
            pass
        self.events.append(message["type"])
        await send({"type": "http.response.body", "body": b"bye"})

    async def stuck(self, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def stubborn(self, receive: Any, send: Any) -> None:
        while not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                self.events.append("swallowed")


async def answer(send: Any, body: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Client:
    """One connection, by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def ask(self, path: str = "/") -> None:
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    async def head(self) -> str:
        async with asyncio.timeout(DEADLINE_S):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()

    async def answer(self) -> tuple[str, bytes]:
        head = await self.head()
        length = int(head.partition("content-length: ")[2].partition("\r")[0])
        async with asyncio.timeout(DEADLINE_S):
            return head, await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        async with asyncio.timeout(DEADLINE_S):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b"<reset>"


@asynccontextmanager
async def connected(server: Any) -> AsyncIterator[Client]:
    place = server.sockets[0].getsockname()
    if isinstance(place, str):
        reader, writer = await asyncio.open_unix_connection(place)
    else:
        reader, writer = await asyncio.open_connection(*place[:2])
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass


def make(app: Any, **options: Any) -> penstock.Server:
    return penstock.Server(app, **{"port": 0, **options})


def reset(sock: Any) -> None:
    """Have the close of `sock` send a reset; a FIN would not be a death."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def soon(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), DEADLINE_S)
