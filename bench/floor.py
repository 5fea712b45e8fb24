"""The floor: a bare uvloop protocol that answers canned bytes and parses nothing.

What a server built on uvloop costs above this is its own; what lies below is the kernel and the
event loop. `python -m bench.floor MODE --port N`, MODE being one of the applications' names.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import functools
import hashlib
import socket
from typing import cast

import uvloop

from bench.apps import CHUNK, CHUNKS, HELLO
from bench.traffic import frames

UPLOAD_BYTES = 1024 * 1024

_STAMP = b"date: Sun, 22 Nov 2026 08:00:00 GMT\r\nserver: floor\r\n"
_HELLO = (
    b"HTTP/1.1 200 OK\r\n"
    + _STAMP
    + b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n\r\n%b"
    % (len(HELLO), HELLO)
)
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    + _STAMP
    + b"content-type: application/octet-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
_STREAM_CHUNK = b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK)
_COUNT = (
    b"HTTP/1.1 200 OK\r\n"
    + _STAMP
    + b"content-type: text/plain\r\ncontent-length: 7\r\n\r\n%d" % UPLOAD_BYTES
)
_WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Hello(asyncio.Protocol):
    """One canned answer for each read; the load never splits or pipelines a request."""

    __slots__ = ("write",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the one method that is needed."""
        self.write = cast(asyncio.Transport, transport).write

    def data_received(self, data: bytes) -> None:
        """Answer."""
        self.write(_HELLO)


class Stream(asyncio.Protocol):
    """1 MiB of canned chunk frames for each read, held back while the client is slow."""

    __slots__ = ("paused", "to_send", "transport")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start idle."""
        self.transport = cast(asyncio.Transport, transport)
        self.paused = False
        self.to_send = 0

    def data_received(self, data: bytes) -> None:
        """Begin an answer."""
        self.to_send = CHUNKS
        self.transport.write(_STREAM_HEAD)
        self._continue()

    def pause_writing(self) -> None:
        """Stop between two chunks."""
        self.paused = True

    def resume_writing(self) -> None:
        """Go on with the next chunk."""
        self.paused = False
        self._continue()

    def _continue(self) -> None:
        while self.to_send and not self.paused:
            self.to_send -= 1
            self.transport.write(_STREAM_CHUNK if self.to_send else _STREAM_CHUNK + b"0\r\n\r\n")


class Upload(asyncio.Protocol):
    """Counts the bytes of 1 MiB uploads, drops them, and answers after the last."""

    __slots__ = ("missing_bytes", "write")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start between two uploads."""
        self.write = cast(asyncio.Transport, transport).write
        self.missing_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Count; the head is found once, in the first read of each upload."""
        if not self.missing_bytes:
            self.missing_bytes = UPLOAD_BYTES + data.index(b"\r\n\r\n") + 4
        self.missing_bytes -= len(data)
        if not self.missing_bytes:
            self.write(_COUNT)


class Echo(asyncio.Protocol):
    """Upgrades, then answers each frame of the load with the frame that must come back."""

    __slots__ = ("answers", "write")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the handshake."""
        self.write = cast(asyncio.Transport, transport).write
        self.answers: dict[bytes, bytes] | None = None

    def data_received(self, data: bytes) -> None:
        """Take one whole frame for each read: the load sends them one at a time."""
        if self.answers is None:
            self._handshake(data)
        else:
            self.write(self.answers[data])

    def _handshake(self, data: bytes) -> None:
        lines = dict(line.split(b": ", 1) for line in data.split(b"\r\n")[1:-2])
        key = lines.get(b"Sec-WebSocket-Key")
        if key is None:
            self.write(_HELLO)
            return
        accept = base64.b64encode(hashlib.sha1(key + _WEBSOCKET_GUID).digest())
        self.write(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            b"sec-websocket-accept: %b\r\n\r\n" % accept
        )
        self.answers = _echoes()


@functools.cache
def _echoes() -> dict[bytes, bytes]:
    return dict(frames())


MODES: dict[str, type[asyncio.Protocol]] = {
    "hello": Hello,
    "stream": Stream,
    "upload": Upload,
    "echo": Echo,
}


async def _serve(protocol: type[asyncio.Protocol], port: int) -> None:
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    server = await loop.create_server(protocol, sock=listener, backlog=4096)
    await server.serve_forever()


def main() -> None:
    """Serve one mode until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    uvloop.run(_serve(MODES[arguments.mode], arguments.port))


if __name__ == "__main__":
    main()
