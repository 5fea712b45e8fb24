"""A WebSocket client on the level of frames (RFC 6455)."""

import base64
import hashlib
import os
import struct
from typing import NamedTuple

from penstock.conformance.client_http1 import Response, Wire, Wrong

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Frame(NamedTuple):
    """A frame of the server."""

    opcode: int
    data: bytes
    final: bool
    reserved: int

    @property
    def code(self) -> int | None:
        """The code of a Close, None if it has none."""
        return int.from_bytes(self.data[:2], "big") if len(self.data) >= 2 else None


def frame(
    opcode: int, data: bytes, *, final: bool = True, masked: bool = True, reserved: int = 0
) -> bytes:
    """The bytes of a frame; it may be a wrong one."""
    first = (0x80 if final else 0) | reserved << 4 | opcode
    mask = 0x80 if masked else 0
    if len(data) < 126:
        head = bytes([first, mask | len(data)])
    elif len(data) < 1 << 16:
        head = struct.pack("!BBH", first, mask | 126, len(data))
    else:
        head = struct.pack("!BBQ", first, mask | 127, len(data))
    if not masked:
        return head + data
    key = os.urandom(4)
    repeated = (key * (len(data) // 4 + 1))[: len(data)]
    mixed = int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")
    return head + key + mixed.to_bytes(len(data), "big")


def close_frame(code: int | None = 1000, reason: str = "") -> bytes:
    """A Close with `code` and `reason`, or empty."""
    data = b"" if code is None else code.to_bytes(2, "big") + reason.encode()
    return frame(CLOSE, data)


class WebSocket:
    """One end of a WebSocket over a `Wire`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.key = base64.b64encode(os.urandom(16))

    def opening(self, target: str, headers: list[tuple[str, str]]) -> bytes:
        """The bytes of the handshake."""
        lines = [
            f"GET {target} HTTP/1.1",
            "Host: example.test",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {self.key.decode()}",
            "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in headers),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def accepted(self) -> Response:
        """The server's 101, checked (RFC 6455 section 4.1); Wrong if it is anything else."""
        answer = self.wire.response()
        if answer.status != 101:
            raise Wrong("101", answer)
        digest = base64.b64encode(hashlib.sha1(self.key + _GUID).digest())  # noqa: S324
        if (answer.get(b"upgrade") or b"").lower() != b"websocket":
            raise Wrong("Upgrade: websocket", answer.head)
        if b"upgrade" not in (answer.get(b"connection") or b"").lower():
            raise Wrong("Connection: Upgrade", answer.head)
        if answer.all(b"sec-websocket-accept") != [digest]:
            raise Wrong(f"Sec-WebSocket-Accept: {digest.decode()}, once", answer.head)
        return answer

    def send(self, data: bytes | str) -> None:
        """A text or a binary message, in one frame."""
        text = isinstance(data, str)
        raw = data.encode() if isinstance(data, str) else data
        self.wire.send(frame(TEXT if text else BINARY, raw))

    def receive(self) -> Frame | None:
        """The next frame, or None if the connection ends, or nothing comes; Pings are answered."""
        while True:
            head = self.wire.exactly(2)
            if len(head) < 2:
                return None
            length = head[1] & 0x7F
            if head[1] & 0x80:
                raise Wrong("an unmasked frame", head)
            if length >= 126:
                size = 2 if length == 126 else 8
                length = int.from_bytes(self.wire.exactly(size), "big")
            data = self.wire.exactly(length)
            if len(data) < length:
                return None
            found = Frame(head[0] & 15, data, bool(head[0] & 0x80), head[0] >> 4 & 7)
            if found.opcode == PING:
                self.wire.send(frame(PONG, data))
                continue
            return found

    def message(self) -> bytes | str:
        """The next message, joined; Wrong if a Close or an end comes in its place."""
        first = self.receive()
        data = b""
        opcode = first.opcode if first is not None else -1
        while first is not None and first.opcode in {CONTINUATION, TEXT, BINARY}:
            data += first.data
            if first.final:
                return data.decode() if opcode == TEXT else data
            first = self.receive()
        raise Wrong("a message", first if first is not None else self.wire.closed or "nothing")

    def closing(self) -> Frame | None:
        """The next Close, data before it passed over; None if the connection ends without."""
        while (found := self.receive()) is not None and found.opcode != CLOSE:
            pass
        return found
