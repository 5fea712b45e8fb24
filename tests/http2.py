"""Clients of HTTP/2 in a test: one that speaks it as the `h2` library does, and judges what the server says; and one that
writes whatever frames it is told to.

`Http2Client` has the calls of `sockets.Client` that a test needs which does not care what carries it. `Peer` is for
everything else: nothing that it sends is checked, and each frame of the server is kept.
"""

import socket
import struct
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Self

import h2.config
import h2.connection
import h2.events
import h2.settings
import hpack

from penstock.wire.http2_frames import (
    FLAG_ACK,
    FLAG_END_HEADERS,
    FLAG_END_STREAM,
    PREFACE,
    TYPE_CONTINUATION,
    TYPE_DATA,
    TYPE_GOAWAY,
    TYPE_HEADERS,
    TYPE_PING,
    TYPE_RST_STREAM,
    TYPE_SETTINGS,
    TYPE_WINDOW_UPDATE,
)

DEADLINE_S = 10.0
# Wide enough for every test.
WINDOW = 1 << 30


class Answer:
    """A response, complete or not: `status`, `headers` and `trailers` as text, `body`; `error`: the code of a reset."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.parts: list[bytes] = []
        self.size = 0
        self.trailers: list[tuple[str, str]] = []
        self.informational: list[Answer] = []
        self.ended = False
        self.error: int | None = None

    @property
    def body(self) -> bytes:
        """What there is of it."""
        return b"".join(self.parts)

    def more(self, data: bytes) -> None:
        """Take a piece of the body."""
        self.parts.append(data)
        self.size += len(data)

    @property
    def over(self) -> bool:
        return self.ended or self.error is not None

    def all(self, name: str) -> list[str]:
        """The values of all fields of that name."""
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str | None:
        """The value of a field that must not be there twice."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there twice: {values}"
        return values[0] if values else None

    def fields(self, block: Iterable[tuple[bytes, bytes]], *, ended: bool) -> None:
        """Take a header block: 1xx, final, or trailers."""
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in block]
        if self.status:
            self.trailers = pairs
        else:
            assert pairs[0][0] == ":status", pairs
            status = int(pairs[0][1])
            if status < 200:
                before = Answer()
                before.status, before.headers = status, pairs[1:]
                self.informational.append(before)
            else:
                self.status, self.headers = status, pairs[1:]
        self.ended = ended


class Http2Client:
    """A connection of the `h2` library: whatever the server does against RFC 9113 raises."""

    def __init__(self, sock: socket.socket, scheme: str = "http", *, push: bool = False) -> None:
        self.sock = sock
        self.scheme = scheme
        self.promises: list[tuple[int, list[tuple[str, str]]]] = []  # stream, fields
        config = h2.config.H2Configuration(
            client_side=True, header_encoding=None, validate_outbound_headers=False
        )
        self.h2 = h2.connection.H2Connection(config)
        # As first values: changed ones would be told the server by nobody
        self.h2.local_settings = h2.settings.Settings(
            initial_values={
                **self.h2.local_settings,
                h2.settings.SettingCodes.ENABLE_PUSH: int(push),
            }
        )
        self.h2.initiate_connection()
        self.answers: dict[int, Answer] = {}
        self.taken: set[int] = set()
        self.goaway: int | None = None
        self.at_end = False
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def flush(self) -> None:
        """Write what the library has to say."""
        data = self.h2.data_to_send()
        if data:
            self.sock.sendall(data)

    def ask(
        self,
        target: str = "/",
        *headers: str,
        method: str = "GET",
        body: bytes | None = None,
        end: bool = True,
        pseudo: Iterable[tuple[str, str]] = (),
        version: str = "2",
    ) -> int:
        """Send a request; returns its stream. `end` False leaves it open for `send`."""
        assert version == "2"
        stream: int = self.h2.get_next_available_stream_id()
        fields = [
            (":method", method),
            (":scheme", self.scheme),
            (":authority", "example.test"),
            (":path", target),
            *pseudo,
        ]
        for line in headers:
            name, _, value = line.partition(":")
            fields.append((name.lower(), value.strip()))
        if body is not None:
            fields.append(("content-length", str(len(body))))
        self.h2.send_headers(stream, fields, end_stream=end and not body)
        self.answers[stream] = Answer()
        self.flush()
        if body:
            self.send(stream, body, end=end)
        return stream

    def send(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send body bytes, as the windows allow."""
        while True:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            piece, data = data[:room], data[room:]
            if piece or not data:
                self.h2.send_data(stream, piece, end_stream=end and not data)
                self.flush()
            if not data:
                return
            if not room:
                self.more()

    def more(self) -> bool:
        """Read and handle what there is; False at the end of the connection."""
        data = self.sock.recv(1 << 16)
        if not data:
            self.at_end = True
            return False
        for event in self.h2.receive_data(data):
            self.handle(event)
        self.flush()
        return True

    def handle(self, event: Any) -> None:
        """Take what has happened."""
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.error_code
        if isinstance(event, h2.events.PushedStreamReceived):
            fields = [(name.decode(), value.decode()) for name, value in event.headers]
            self.promises.append((event.pushed_stream_id, fields))
            self.answers[event.pushed_stream_id] = Answer()
        stream = getattr(event, "stream_id", None)
        answer = self.answers.get(stream) if stream else None
        if answer is None:
            return
        if isinstance(
            event,
            h2.events.ResponseReceived
            | h2.events.InformationalResponseReceived
            | h2.events.TrailersReceived,
        ):
            answer.fields(event.headers, ended=False)
        elif isinstance(event, h2.events.DataReceived):
            answer.more(event.data)
            self.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            answer.ended = True
        elif isinstance(event, h2.events.StreamReset):
            answer.error = event.error_code

    def head(self, stream: int) -> Answer:
        """Read up to the head of the response on `stream`."""
        answer = self.answers[stream]
        while not answer.status and not answer.over:
            if not self.more():
                raise EOFError("the connection ended before a response")
        return answer

    def answer(self, stream: int) -> Answer:
        """Read the whole response on `stream`, or up to its reset."""
        answer = self.answers[stream]
        while not answer.over:
            if not self.more():
                raise EOFError(f"the connection ended in a response: {answer.__dict__!r:.300}")
        length = answer.get("content-length")
        if length is not None and answer.ended and answer.size:
            assert int(length) == answer.size
        return answer

    def get(self, target: str = "/", *headers: str, **more: Any) -> Answer:
        """Ask, and read the response."""
        stream = self.ask(target, *headers, **more)
        self.taken.add(stream)
        return self.answer(stream)

    def response(self) -> Answer:
        """Read the whole response to the oldest request that nobody has asked for yet."""
        stream = min(stream for stream in self.answers if stream not in self.taken)
        self.taken.add(stream)
        return self.answer(stream)

    def closed(self) -> bool:
        """Whether the server ends the connection; what it says before is taken."""
        try:
            while self.more():
                pass
        except ConnectionError:
            pass
        return True


def http2(served: Any, receive_buffer: int = 0, *, push: bool = False) -> Http2Client:
    """A new HTTP/2 connection to a server, by prior knowledge; `push`: it takes promises."""
    return Http2Client(served.client(receive_buffer).sock, push=push)


class Frame(NamedTuple):
    """A frame of the server."""

    type: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error code of a RST_STREAM or GOAWAY."""
        start = 4 if self.type == TYPE_GOAWAY else 0
        code: int = struct.unpack_from(">I", self.payload, start)[0]
        return code


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame as bytes (RFC 9113 section 4.1), whatever it says."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(*pairs: tuple[int, int], ack: bool = False) -> bytes:
    """A SETTINGS frame."""
    payload = b"".join(struct.pack(">HI", *pair) for pair in pairs)
    return frame(TYPE_SETTINGS, FLAG_ACK if ack else 0, 0, payload)


def window_update(stream: int, count: int) -> bytes:
    """A WINDOW_UPDATE frame."""
    return frame(TYPE_WINDOW_UPDATE, 0, stream, struct.pack(">I", count))


def rst(stream: int, code: int = 8) -> bytes:
    """A RST_STREAM frame."""
    return frame(TYPE_RST_STREAM, 0, stream, struct.pack(">I", code))


def fields(
    path: str = "/",
    *more: tuple[str, str],
    method: str = "GET",
    authority: str = "example.test",
    scheme: str = "http",
) -> list[tuple[str, str]]:
    """The fields of a request."""
    return [
        (":method", method),
        (":scheme", scheme),
        (":authority", authority),
        (":path", path),
        *more,
    ]


class Peer:
    """A client that sends what it is told to. It acknowledges the server's SETTINGS, unless told otherwise, and opens no
    window by itself: `deaf` says that the server takes no more. `initial` is SETTINGS_INITIAL_WINDOW_SIZE, `window` what it adds to the connection's."""

    def __init__(
        self,
        sock: socket.socket,
        *,
        initial: int = WINDOW,
        window: int = WINDOW,
        greet: bool = True,
    ) -> None:
        self.sock = sock
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.buffer = b""
        self.frames: list[Frame] = []
        self.answers: dict[int, Answer] = {}
        self.at_end = False
        self.deaf = False
        self.acknowledges = True
        self._block = b""
        if greet:
            opening = PREFACE + settings((4, initial))
            self.send(opening + (window_update(0, window) if window else b""))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        """Write exactly these bytes; a server that listens no more is none of our business."""
        try:
            self.sock.sendall(data)
        except ConnectionError:
            self.deaf = True

    def headers(
        self, stream: int, block: Iterable[tuple[str, str]] | bytes, *, end: bool = True
    ) -> bytes:
        """A HEADERS frame as bytes, of fields or of a block that is made already."""
        if not isinstance(block, bytes):
            block = self.encoder.encode(list(block))
        flags = FLAG_END_HEADERS | (FLAG_END_STREAM if end else 0)
        return frame(TYPE_HEADERS, flags, stream, block)

    def ask(self, stream: int, path: str = "/", *more: tuple[str, str], **rest: Any) -> None:
        """Send a request without a body."""
        end = rest.pop("end", True)
        self.send(self.headers(stream, fields(path, *more, **rest), end=end))

    def data(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send a DATA frame."""
        self.send(frame(TYPE_DATA, FLAG_END_STREAM if end else 0, stream, data))

    def more(self) -> bool:
        """Read what there is; False at the end of the connection, however it comes."""
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            self.at_end = True
            return False
        self.buffer += data
        for each in self.split():
            self.frames.append(each)
            self.take(each)
        return True

    def split(self) -> Iterator[Frame]:
        """The whole frames among what was read."""
        while len(self.buffer) >= 9:
            size = int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) < 9 + size:
                return
            kind, flags, stream = struct.unpack(">BBI", self.buffer[3:9])
            payload = self.buffer[9 : 9 + size]
            self.buffer = self.buffer[9 + size :]
            yield Frame(kind, flags, stream, payload)

    def take(self, got: Frame) -> None:
        """Keep what a frame says of an answer."""
        if got.type == TYPE_SETTINGS and not got.flags & FLAG_ACK and self.acknowledges:
            self.send(settings(ack=True))
        if not got.stream:
            return
        answer = self.answers.setdefault(got.stream, Answer())
        if got.type in {TYPE_HEADERS, TYPE_CONTINUATION}:
            self._block += got.payload
            if got.flags & FLAG_END_HEADERS:
                block = [
                    (bytes(name), bytes(value))
                    for name, value in self.decoder.decode(self._block, raw=True)
                ]
                self._block = b""
                answer.fields(block, ended=False)
            if got.type == TYPE_HEADERS and got.flags & FLAG_END_STREAM:
                answer.ended = True
        elif got.type == TYPE_DATA:
            answer.more(got.payload)
            answer.ended = bool(got.flags & FLAG_END_STREAM)
        elif got.type == TYPE_RST_STREAM:
            answer.error = got.code

    def until(self, look: Any) -> Any:
        """Read until `look()` says something true; fails at the end of the connection, or of patience."""
        deadline = time.monotonic() + DEADLINE_S
        while not (seen := look()):
            if not self.more():
                raise EOFError(f"the connection ended; frames: {self.frames[-20:]!r:.600}")
            assert time.monotonic() < deadline, "it never came true"
        return seen

    def answer(self, stream: int) -> Answer:
        """Read the whole answer on `stream`, or up to its reset."""
        self.until(lambda: stream in self.answers and self.answers[stream].over)
        return self.answers[stream]

    def goaway(self) -> Frame:
        """Read up to a GOAWAY."""
        found: Frame = self.until(
            lambda: next((each for each in self.frames if each.type == TYPE_GOAWAY), None)
        )
        return found

    def ended(self) -> bool:
        """Read to the end of the connection."""
        while self.more():
            pass
        return True

    def pinged(self, payload: bytes = b"pingpong") -> None:
        """Have everything handled that was sent so far: a PING comes back behind it."""
        self.send(frame(TYPE_PING, 0, 0, payload))
        self.until(
            lambda: any(
                each.type == TYPE_PING and each.flags & FLAG_ACK and each.payload == payload
                for each in self.frames
            )
        )


def peer(served: Any, receive_buffer: int = 0, **more: Any) -> Peer:
    """A new connection to a server."""
    return Peer(served.client(receive_buffer).sock, **more)
