"""An HTTP/2 client in memory, which writes whatever frames it is told to, and reads what the session says."""

from typing import Any, NamedTuple

import hpack

from penstock.errors import Http2Error
from penstock.wire import http2_frames as frames
from penstock.wire.http2_events import DATA, GOAWAY, NEED_MORE, REFUSED, REQUEST, RESET
from penstock.wire.http2_limits import Http2Limits
from penstock.wire.http2_session import Session

NAMES = {REQUEST: "request", REFUSED: "refused", DATA: "data", RESET: "reset", GOAWAY: "goaway"}
GET = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":authority", b"example.org"),
    (b":path", b"/"),
]
POST = [(b":method", b"POST"), *GET[1:]]
OK = b"\x88"  # :status 200, indexed


class Frame(NamedTuple):
    """A frame of the server."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error code of RST_STREAM or GOAWAY."""
        at = 4 if self.kind == frames.TYPE_GOAWAY else 0
        return int.from_bytes(self.payload[at : at + 4], "big")


class Peer:
    """A session and its client. `ends`: what it keeps of each stream that it told of."""

    def __init__(
        self,
        limits: Http2Limits | None = None,
        *,
        websockets: bool = True,
        greet: bool = True,
        settings: list[tuple[int, int]] | None = None,
    ) -> None:
        self.session = Session(limits or Http2Limits(), websockets)
        self.encoder = hpack.Encoder()
        self.ends: dict[int, Any] = {}
        self.taken = b""
        self.error: Http2Error | None = None
        if greet:
            self.say(frames.PREFACE + frames.settings(settings or []) + frames.SETTINGS_ACK)
            self.frames()

    def say(self, *data: bytes) -> list[Any]:
        """Send bytes; the events that come of them. A connection error ends them, and is kept."""
        found: list[Any] = []
        session = self.session
        for each in data:
            session.receive(each)
            try:
                while (event := session.next()) != NEED_MORE:
                    found.append(self._told(event))
            except Http2Error as error:
                self.error = error
                found.append(("error", error.code))
        return found

    def _told(self, event: int) -> Any:
        session = self.session
        name = NAMES[event]
        if event == GOAWAY:
            return name, session.code
        end = session.stream
        self.ends[end.id] = end
        if event == REQUEST:
            return name, end.id, session.ended
        if event == REFUSED:
            return name, end.id, session.status
        if event == DATA:
            return name, end.id, session.data, session.ended
        return name, end.id, session.code, session.ours

    def headers(
        self, stream: int, fields: list[tuple[bytes, bytes]], ended: bool = True, flags: int = 4
    ) -> bytes:
        """A HEADERS frame."""
        return frames.frame(frames.TYPE_HEADERS, flags | ended, stream, self.encoder.encode(fields))

    def get(self, stream: int, *more: tuple[bytes, bytes]) -> bytes:
        """A whole GET."""
        return self.headers(stream, [*GET, *more])

    def post(self, stream: int, *more: tuple[bytes, bytes]) -> bytes:
        """The head of a POST."""
        return self.headers(stream, [*POST, *more], ended=False)

    def open(self, stream: int = 1, ended: bool = True) -> Any:
        """A stream that was opened; its end."""
        assert self.say(self.get(stream) if ended else self.post(stream)) == [
            ("request", stream, ended)
        ]
        return self.ends[stream]

    def frames(self, bytes_max: int = 1 << 30) -> list[Frame]:
        """What the session has to write, as frames."""
        data = self.session.take(bytes_max)
        found = []
        while data:
            size = int.from_bytes(data[:3], "big")
            number = int.from_bytes(data[5:9], "big")
            assert len(data) >= 9 + size
            found.append(Frame(data[3], data[4], number, data[9 : 9 + size]))
            data = data[9 + size :]
        return found

    def resets(self) -> list[tuple[int, int]]:
        """Streams that the session resets, and why."""
        return [(f.stream, f.code) for f in self.frames() if f.kind == frames.TYPE_RST_STREAM]

    def refused_with(self, code: int, *data: bytes) -> bool:
        """Whether these bytes end the connection: Http2Error, and a GOAWAY as the last frame."""
        events = self.say(*data)
        if not events or events[-1] != ("error", code):
            raise AssertionError(f"{events}, expected error {code}")
        last = self.frames()[-1]
        return (last.kind, last.code) == (frames.TYPE_GOAWAY, code)

    def reset_with(self, code: int, *data: bytes) -> bool:
        """Whether these bytes reset one stream, and the connection goes on."""
        events = self.say(*data)
        resets = self.resets()
        if self.error is not None or [each[1] for each in resets] != [code]:
            raise AssertionError(f"{events}, {resets}, expected a reset with {code}")
        return True


def data(stream: int, payload: bytes = b"", ended: bool = False, padding: int = -1) -> bytes:
    """A DATA frame; padded where `padding` is given."""
    if padding >= 0:
        payload = bytes((padding,)) + payload + bytes(padding)
    flags = ended | (frames.FLAG_PADDED if padding >= 0 else 0)
    return frames.frame(frames.TYPE_DATA, flags, stream, payload)


def rst(stream: int, code: int = frames.CANCEL) -> bytes:
    """RST_STREAM of the client."""
    return frames.rst_stream(stream, code)
