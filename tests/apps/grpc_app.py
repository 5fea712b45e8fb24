"""gRPC by hand, in ASGI: what a gRPC library does on the wire (gRPC over HTTP/2), so that a real client can be asked.

/trial.Echo/ has Unary (the message back; the message `fail` fails), Many (a number in: that many messages), Sum (many
messages in: their number and bytes), Talk (each message back as it comes), Wait (nothing, until the client leaves).
"""

import struct
from collections.abc import AsyncIterator
from typing import Any

from tests.apps.common import say

OK, INVALID_ARGUMENT, UNIMPLEMENTED = 0, 3, 12
PIECE = bytes(range(256)) * 64


class Call:
    """One call: messages in, messages out, and the status that ends it."""

    def __init__(self, receive: Any, send: Any) -> None:
        self._receive = receive
        self._send = send
        self._begun = False
        self.left = False

    async def messages(self) -> AsyncIterator[bytes]:
        """The client's messages, as they come."""
        buffer = b""
        more = True
        while more:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                self.left = True
                return
            buffer += event.get("body", b"")
            more = event.get("more_body", False)
            while len(buffer) >= 5:
                compressed, size = struct.unpack_from(">BI", buffer)
                if compressed:
                    raise ValueError("the client compresses, though nobody said that it may")
                if len(buffer) < 5 + size:
                    break
                yield buffer[5 : 5 + size]
                buffer = buffer[5 + size :]

    async def say(self, message: bytes) -> None:
        """Send a message."""
        await self._begin()
        body = struct.pack(">BI", 0, len(message)) + message
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self, status: int, text: str = "") -> None:
        """Send the trailers; the body may have been empty."""
        await self._begin()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        headers = [
            (b"grpc-status", b"%d" % status),
            (b"grpc-message", text.encode()),
            (b"x-trial-bin", b"AAEC"),
        ]
        await self._send({"type": "http.response.trailers", "headers": headers})

    async def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            headers = [(b"content-type", b"application/grpc"), (b"x-initial", b"there")]
            start = {"type": "http.response.start", "status": 200, "trailers": True}
            await self._send({**start, "headers": headers})


async def _unary(call: Call) -> None:
    async for message in call.messages():
        if message == b"fail":
            await call.end(INVALID_ARGUMENT, "no such thing")
            return
        await call.say(message)
    await call.end(OK)


async def _many(call: Call) -> None:
    async for message in call.messages():
        for _ in range(int(message)):
            await call.say(PIECE)
    await call.end(OK)


async def _sum(call: Call) -> None:
    sizes = [len(message) async for message in call.messages()]
    await call.say(b"%d %d" % (len(sizes), sum(sizes)))
    await call.end(OK)


async def _talk(call: Call) -> None:
    async for message in call.messages():
        await call.say(message)
    await call.end(OK)


async def _wait(call: Call) -> None:
    say("waiting")
    async for _ in call.messages():
        pass
    event = await call._receive()
    say(f"left by {event['type']}")


CALLS = {"Unary": _unary, "Many": _many, "Sum": _sum, "Talk": _talk, "Wait": _wait}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise RuntimeError("only calls here")
    call = Call(receive, send)
    handler = CALLS.get(scope["path"].removeprefix("/trial.Echo/"))
    if handler is None:
        await call.end(UNIMPLEMENTED, "unknown method")
    else:
        await handler(call)
