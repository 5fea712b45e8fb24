"""An HTTP/2 client on the level of frames (RFC 9113): it can send wrong ones, and sees what comes."""

import ssl
import struct
import time
from typing import NamedTuple

from penstock.conformance.client_hpack import BlockError, Decoder, encode
from penstock.conformance.client_http1 import Wire, Wrong

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY = range(8)
WINDOW_UPDATE, CONTINUATION = 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, HAS_PRIORITY = 1, 1, 4, 8, 0x20
ENABLE_PUSH, INITIAL_WINDOW_SIZE = 2, 4
_NAMES = (
    *("DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS"),
    *("PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION"),
)
_WINDOW = (1 << 31) - 1
_DATA_MAX = 16384
Fields = list[tuple[bytes, bytes]]


class Frame(NamedTuple):
    """A frame as it came."""

    type: int
    flags: int
    stream: int
    data: bytes

    def __str__(self) -> str:
        name = _NAMES[self.type] if self.type < len(_NAMES) else f"type {self.type}"
        return f"{name} flags={self.flags:#x} stream={self.stream} {len(self.data)} bytes"


class Answer:
    """What has come on a stream."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: Fields = []
        self.informational: list[tuple[int, Fields]] = []
        self.body = b""
        self.trailers: Fields = []
        self.ended = False
        self.reset: int | None = None  # the error code of RST_STREAM
        self.promised: list[tuple[int, Fields]] = []

    def all(self, name: bytes) -> list[bytes]:
        """The values of a header, in order."""
        return [value for key, value in self.headers if key == name]

    def __str__(self) -> str:
        end = "ended" if self.ended else f"reset {self.reset}" if self.reset is not None else "open"
        return f"{self.status} with {len(self.body)} bytes ({end}): {self.body[:80]!r}"


class Http2:
    """A connection; what must come is waited for as long as its wire's patience."""

    def __init__(self, wire: Wire, name: str, settings: dict[int, int]) -> None:
        self.wire = wire
        self.name = name
        self.answers: dict[int, Answer] = {}
        self.goaway: int | None = None  # the error code of a GOAWAY
        self.settings: dict[int, int] = {}
        self.greedy = INITIAL_WINDOW_SIZE not in settings  # give the server all the room there is
        self.window = 65535  # what the server lets us send on the connection
        self.windows: dict[int, int] = {}
        self._next = 1
        self._decoder = Decoder()
        self._block = b""
        settings = {ENABLE_PUSH: 0, **settings}
        if self.greedy:
            settings[INITIAL_WINDOW_SIZE] = _WINDOW
        packed = b"".join(struct.pack("!HI", *pair) for pair in settings.items())
        data = PREFACE + self.frame(SETTINGS, 0, 0, packed)
        if self.greedy:
            data += self.frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", _WINDOW - 65535))
        wire.send(data)

    @staticmethod
    def frame(kind: int, flags: int, stream: int, data: bytes) -> bytes:
        """The bytes of a frame."""
        return struct.pack("!I", len(data))[1:] + struct.pack("!BBI", kind, flags, stream) + data

    def send(self, kind: int, flags: int, stream: int, data: bytes) -> None:
        """Send a frame."""
        self.wire.send(self.frame(kind, flags, stream, data))

    def fields(
        self, path: bytes = b"/", method: bytes = b"GET", more: Fields | None = None
    ) -> Fields:
        """The header fields of a request in the name of the case."""
        return [
            (b":method", method),
            (b":scheme", b"https" if isinstance(self.wire.sock, ssl.SSLSocket) else b"http"),
            (b":authority", b"example.test"),
            (b":path", path),
            (b"x-probe", self.name.encode()),
            *(more or ()),
        ]

    def open(self, fields: Fields, *, end: bool = True) -> int:
        """Begin a request; the number of its stream."""
        stream = self._next
        self._next += 2
        self.answers[stream] = Answer()
        flags = END_HEADERS | (END_STREAM if end else 0)
        self.send(HEADERS, flags, stream, encode(fields))
        return stream

    def data(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """A piece of a request body, as far as the windows let it go."""
        place = 0
        while True:
            room = min(self.window, self.windows.setdefault(stream, self._initial()), _DATA_MAX)
            if place < len(data) and room <= 0:
                if not self.read(self.wire.patience_s):
                    raise Wrong("room to send", f"none after {place} bytes")
                continue
            piece = data[place : place + room]
            place += len(piece)
            self.window -= len(piece)
            self.windows[stream] -= len(piece)
            last = place >= len(data)
            self.send(DATA, END_STREAM if end and last else 0, stream, piece)
            if last:
                return

    def _initial(self) -> int:
        return self.settings.get(INITIAL_WINDOW_SIZE, 65535)

    def read(self, wait_s: float) -> Frame | None:
        """Take one frame, if one comes in `wait_s`, and keep what it says."""
        ends = time.monotonic() + wait_s
        while len(self.wire.buffer) < 9 or len(self.wire.buffer) < 9 + self._length():
            if not self.wire.more(max(ends - time.monotonic(), 0.0)):
                return None
        length = self._length()
        head, data = self.wire.buffer[:9], self.wire.buffer[9 : 9 + length]
        self.wire.buffer = self.wire.buffer[9 + length :]
        found = Frame(head[3], head[4], int.from_bytes(head[5:9], "big") & _WINDOW, data)
        self.wire.transcript.add("·", str(found))
        self._take(found)
        return found

    def _length(self) -> int:
        return int.from_bytes(self.wire.buffer[:3], "big")

    def _take(self, frame: Frame) -> None:
        answer = self.answers.get(frame.stream)
        data = frame.data
        if frame.type == SETTINGS and not frame.flags & ACK:
            for place in range(0, len(data) - 5, 6):
                key, value = struct.unpack_from("!HI", data, place)
                if key == INITIAL_WINDOW_SIZE:
                    for stream in self.windows:
                        self.windows[stream] += value - self._initial()
                self.settings[key] = value
            self.send(SETTINGS, ACK, 0, b"")
        elif frame.type == PING and not frame.flags & ACK:
            self.send(PING, ACK, 0, data)
        elif frame.type == GOAWAY:
            self.goaway = int.from_bytes(data[4:8], "big")
        elif frame.type == WINDOW_UPDATE:
            grown = int.from_bytes(data[:4], "big")
            if frame.stream == 0:
                self.window += grown
            else:
                room = self.windows.setdefault(frame.stream, self._initial())
                self.windows[frame.stream] = room + grown
        elif frame.type in {HEADERS, PUSH_PROMISE, CONTINUATION}:
            self._take_block(frame)
        elif answer is not None and frame.type == RST_STREAM:
            answer.reset = int.from_bytes(data[:4], "big")
        elif answer is not None and frame.type == DATA:
            answer.body += _unpadded(frame)
            answer.ended = bool(frame.flags & END_STREAM)

    def _take_block(self, frame: Frame) -> None:
        data = _unpadded(frame) if frame.type != CONTINUATION else frame.data
        if frame.type == HEADERS and frame.flags & HAS_PRIORITY:
            data = data[5:]
        self._block = data if frame.type != CONTINUATION else self._block + data
        if frame.type != CONTINUATION:
            self._first = frame
        if not frame.flags & END_HEADERS:
            return
        promised = self._first.type == PUSH_PROMISE
        block = self._block[4:] if promised else self._block
        try:
            fields = self._decoder.decode(block)
        except BlockError as error:
            raise Wrong("a header block of RFC 7541", error) from None
        answer = self.answers.setdefault(frame.stream, Answer())
        if promised:
            answer.promised.append((int.from_bytes(self._block[:4], "big"), fields))
            return
        ended = bool(self._first.flags & END_STREAM)
        status = dict(fields).get(b":status")
        if status is None:
            answer.trailers = fields
        elif status.startswith(b"1"):
            answer.informational.append((int(status), fields[1:]))
        else:
            answer.status, answer.headers = int(status), fields[1:]
        answer.ended = ended

    def answer(self, stream: int) -> Answer:
        """The answer on a stream, when it has ended or was reset; Wrong if neither comes."""
        found = self.answers[stream]
        ends = time.monotonic() + self.wire.patience_s
        while not found.ended and found.reset is None:
            left = ends - time.monotonic()
            if left <= 0 or self.read(left) is None:
                state = self.wire.closed or f"GOAWAY {self.goaway}"
                raise Wrong("the end of the answer", f"{found} ({state})")
        return found

    def head(self, stream: int) -> Answer:
        """The answer on a stream, when its head has come."""
        found = self.answers[stream]
        ends = time.monotonic() + self.wire.patience_s
        while not found.status and found.reset is None:
            if self.read(max(ends - time.monotonic(), 0.0)) is None:
                raise Wrong("the head of an answer", f"{found} ({self.wire.closed})")
        return found

    def ask(self, fields: Fields, body: bytes | None = None) -> Answer:
        """A request and its answer."""
        stream = self.open(fields, end=body is None)
        if body is not None:
            self.data(stream, body, end=True)
        return self.answer(stream)

    def settled(self) -> bool:
        """Whether the server has sent its SETTINGS: whether it speaks HTTP/2."""
        ends = time.monotonic() + self.wire.patience_s
        while (left := ends - time.monotonic()) > 0:
            frame = self.read(left)
            if frame is None or frame.type == SETTINGS:
                return frame is not None and not frame.flags & ACK
        return False


def _unpadded(frame: Frame) -> bytes:
    if not frame.flags & PADDED:
        return frame.data
    return frame.data[1 : len(frame.data) - frame.data[0]]
