"""HTTP/2 as a client of the load speaks it: frames (RFC 9113 §4), and blocking exchanges, checked.

No header block is decoded here: of an answer's block only the status matters, and that stands at
its beginning. A server that writes 200 in a way that is not known here fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.errors import BenchError

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0, 1, 3, 4, 6, 7, 8, 9,
)  # fmt: skip
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 3, 4, 5

HEAD_BYTES = 9
FRAME_BYTES_MAX = 16384
"""The largest frame payload that may be sent to anybody unasked (§4.2)."""
WINDOW_BYTES = 65535
"""Every window before somebody says otherwise (§6.9.2)."""
STREAM_WINDOW_BYTES = 6 << 20
CONNECTION_WINDOW_BYTES = 15 << 20
"""What this end lets the server send: as much as a browser does."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_STATUS_200 = (b"\x88", b"\x08\x03200")
"""How servers write it: as an entry of the static table, or as a literal with the name from there."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return b"%b%c%c%b%b" % (
        len(payload).to_bytes(3, "big"),
        kind,
        flags,
        stream.to_bytes(4, "big"),
        payload,
    )


def window_update(stream: int, increment: int) -> bytes:
    """Lets the peer send more."""
    return frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))


def greeting(stream_window_bytes: int = STREAM_WINDOW_BYTES) -> bytes:
    """What a client sends first: preface, SETTINGS without push, and its connection's window."""
    settings = b"".join(
        number.to_bytes(2, "big") + value.to_bytes(4, "big")
        for number, value in ((2, 0), (INITIAL_WINDOW_SIZE, stream_window_bytes))
    )
    more = window_update(0, CONNECTION_WINDOW_BYTES - WINDOW_BYTES)
    return _PREFACE + frame(SETTINGS, 0, 0, settings) + more


def settings(payload: bytes) -> dict[int, int]:
    """What a SETTINGS frame says."""
    return {
        int.from_bytes(payload[at : at + 2], "big"): int.from_bytes(payload[at + 2 : at + 6], "big")
        for at in range(0, len(payload), 6)
    }


def must_be_200(block: bytes) -> None:
    """Raise BenchError unless an answer's header block begins with status 200.

    Size updates of the dynamic table may come before it (RFC 7541 §4.2).
    """
    at = 0
    while at < len(block) and block[at] >> 5 == 1:
        more = block[at] & 0x1F == 0x1F
        at += 1
        while more:
            more = block[at] >= 0x80
            at += 1
    if not block[at:].startswith(_STATUS_200):
        raise BenchError(f"expected a header block with status 200, got {block[:40]!r}")


def failure(kind: int, stream: int, payload: bytes) -> BenchError:
    """What an RST_STREAM or GOAWAY that must not be here says."""
    if kind == GOAWAY:
        code = int.from_bytes(payload[4:8], "big")
        return BenchError(f"GOAWAY with error code {code}: {payload[8:80]!r}")
    code = int.from_bytes(payload[:4], "big")
    return BenchError(f"stream {stream} was reset with error code {code}")


@dataclass(slots=True)
class Client:
    """One connection that asks and waits; `begin` comes first."""

    socket: socket.socket
    peer: dict[int, int] = field(default_factory=dict)
    """The server's settings, by number."""
    window_bytes: int = WINDOW_BYTES
    """How much body the connection lets this end send."""
    next_stream: int = 1
    _buffer: bytes = b""

    def begin(self, stream_window_bytes: int = STREAM_WINDOW_BYTES) -> None:
        """Greet, and wait until both ends have acknowledged each other's settings."""
        self.socket.sendall(greeting(stream_window_bytes))
        acknowledged = False
        while not (acknowledged and self.peer):
            kind, flags, _, payload = self._frame()
            acknowledged |= kind == SETTINGS and bool(flags & ACK)
            self._note(kind, flags, payload)

    def streams_max(self) -> int:
        """How many streams the server allows at once."""
        return self.peer.get(MAX_CONCURRENT_STREAMS, 1 << 31)

    def open(self, block: bytes, *, ended: bool) -> int:
        """Send a request's header block on a new stream."""
        stream = self.next_stream
        self.next_stream += 2
        flags = END_HEADERS | (END_STREAM if ended else 0)
        self.socket.sendall(frame(HEADERS, flags, stream, block))
        return stream

    def ask(self, block: bytes, body: bytes | None = None) -> bytes:
        """Send a request and return its answer's body, which must come with status 200."""
        stream = self.open(block, ended=body is None)
        to_send = memoryview(body or b"")
        stream_window_bytes = self.peer.get(INITIAL_WINDOW_SIZE, WINDOW_BYTES)
        answer: list[bytes] = []
        while True:
            while to_send and (room := min(self.window_bytes, stream_window_bytes)) > 0:
                size = min(room, FRAME_BYTES_MAX)
                part, to_send = bytes(to_send[:size]), to_send[size:]
                self.window_bytes -= len(part)
                stream_window_bytes -= len(part)
                self.socket.sendall(frame(DATA, 0 if to_send else END_STREAM, stream, part))
            kind, flags, number, payload = self._frame()
            if number != stream:
                self._note(kind, flags, payload)
            elif kind == DATA:
                answer.append(payload)
                if flags & END_STREAM:
                    given = window_update(0, len(payload)) if payload else b""
                    self.socket.sendall(given)
                    return b"".join(answer)
                if payload:
                    given = window_update(0, len(payload)) + window_update(stream, len(payload))
                    self.socket.sendall(given)
            elif kind == WINDOW_UPDATE:
                stream_window_bytes += int.from_bytes(payload, "big")
            elif kind == RST_STREAM:
                raise failure(kind, stream, payload)
            elif kind == HEADERS and not answer:
                must_be_200(payload)
                if flags & END_STREAM:
                    return b""

    def must_be_open(self) -> None:
        """Raise BenchError if the server has closed the connection, or says that it will."""
        self.socket.setblocking(False)
        try:
            while True:
                kind, flags, _, payload = self._frame()
                self._note(kind, flags, payload)
        except BlockingIOError:
            return

    def _note(self, kind: int, flags: int, payload: bytes) -> None:
        """Take a frame of the connection."""
        if kind == SETTINGS and not flags & ACK:
            self.peer |= settings(payload) or {0: 0}
            self.socket.sendall(frame(SETTINGS, ACK, 0))
        elif kind == WINDOW_UPDATE:
            self.window_bytes += int.from_bytes(payload, "big")
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            raise failure(kind, 0, payload)

    def _frame(self) -> tuple[int, int, int, bytes]:
        """Kind, flags, stream and payload of the next frame."""
        while True:
            buffer = self._buffer
            end = HEAD_BYTES + int.from_bytes(buffer[:3], "big")
            if len(buffer) >= max(end, HEAD_BYTES):
                self._buffer = buffer[end:]
                stream = int.from_bytes(buffer[5:9], "big")
                return buffer[3], buffer[4], stream, buffer[HEAD_BYTES:end]
            received = self.socket.recv(1 << 18)
            if not received:
                raise BenchError("the server closed an HTTP/2 connection")
            self._buffer = buffer + received


def must_be_open(clients: Sequence[Client]) -> None:
    """Raise BenchError if the server has closed any of these connections."""
    for client in clients:
        client.must_be_open()
