"""Bytes of an HTTP/2 client to frames (RFC 9113 sections 3.4, 4, 6), sans-IO.

`Reader` cuts what arrived into frames and checks of each what can be checked without knowing its
stream: the client's preface, lengths, flags, padding, and that nothing comes between the parts of a
header block, which it joins. DATA is given piece by piece as it arrives, all else once it is whole:
no body is held back here, and no other frame is longer than `frame_max`.
"""

from penstock.errors import Http2Error
from penstock.wire.http2_budget import CONTINUATIONS_MAX
from penstock.wire.http2_frames import (
    ENHANCE_YOUR_CALM,
    FLAG_ACK,
    FLAG_END_HEADERS,
    FLAG_END_STREAM,
    FLAG_PADDED,
    FLAG_PRIORITY,
    FRAME_SIZE_ERROR,
    PREFACE,
    PROTOCOL_ERROR,
    TYPE_CONTINUATION,
    TYPE_DATA,
    TYPE_GOAWAY,
    TYPE_HEADERS,
    TYPE_PING,
    TYPE_PRIORITY,
    TYPE_PRIORITY_UPDATE,
    TYPE_PUSH_PROMISE,
    TYPE_RST_STREAM,
    TYPE_SETTINGS,
    TYPE_WINDOW_UPDATE,
)
from penstock.wire.http2_pack import unpack_frame
from penstock.wire.huffman import copy

# What `next` gives instead of a frame type.
NO_FRAME = -1

_NO_FRAME = NO_FRAME
_HEADER_BYTES = 9
_STREAM_MASK = 0x7FFFFFFF
_NOT_PLAIN = FLAG_PADDED | FLAG_PRIORITY

# States: between frames, in a DATA frame, in a header block, before the preface and before the
# client's first SETTINGS.
_READY = 0
_IN_DATA = 1
_IN_BLOCK = 2
_PREFACE = 3
_FIRST = 4

# For each type: whether its stream must be 0 (True), must not be (False) or may be either (None), the
# section that says so, and its length where that is fixed.
_ANY = -1
_RULES = {
    TYPE_PRIORITY: (False, "6.3", 5),
    TYPE_RST_STREAM: (False, "6.4", 4),
    TYPE_SETTINGS: (True, "6.5", _ANY),
    TYPE_PING: (True, "6.7", 8),
    TYPE_GOAWAY: (True, "6.8", _ANY),
    TYPE_WINDOW_UPDATE: (None, "6.9", 4),
    TYPE_PRIORITY_UPDATE: (True, "RFC 9218 7.1", _ANY),
}


class Reader:
    """The frames of one connection.

    Call `feed` with what arrived, then `next` until it gives NO_FRAME. What it gave last
    - `kind`: the frame's type; a header block is one HEADERS, whatever frames it came in.
    - `flags` and `number` (the stream identifier) of the frame, for a header block of its HEADERS.
    - `payload`: bytes without padding and priority; of DATA the next piece, possibly empty.
    - `ended`: END_STREAM was there; for DATA with the last piece only.
    - `fresh`: for DATA, whether this is its frame's first piece; then `size` is what the frame counts
      for in flow control, padding included, and `body` its bytes of body.

    `head_open`: a header block has begun and is not whole.
    """

    __slots__ = (
        "_block_bytes",
        "_block_flags",
        "_block_max",
        "_continuations",
        "_data",
        "_frame_max",
        "_fresh",
        "_last",
        "_left",
        "_padding",
        "_parts",
        "_position",
        "_state",
        "body",
        "ended",
        "flags",
        "fresh",
        "kind",
        "number",
        "payload",
        "size",
    )

    def __init__(self, frame_max: int, block_max: int) -> None:
        """`frame_max`: what SETTINGS_MAX_FRAME_SIZE allows; `block_max`: bytes of a header block."""
        self._frame_max = frame_max
        self._block_max = block_max
        self._data = b""
        self._position = 0
        self._state = _PREFACE
        self._left = 0
        self._padding = 0
        self._last = False
        self._fresh = False
        self._parts: list[bytes] | None = None
        self._block_bytes = 0
        self._block_flags = 0
        self._continuations = 0
        self.kind = 0
        self.flags = 0
        self.number = 0
        self.payload = b""
        self.ended = False
        self.fresh = False
        self.size = 0
        self.body = 0

    def feed(self, data: bytes) -> None:
        """Take over what arrived. The object is kept, not copied, where nothing is left over."""
        if self._position < len(self._data):
            self._data = self._data[self._position :] + data
        else:
            self._data = data
        self._position = 0

    def pending(self) -> int:
        """Bytes that were fed and not taken yet."""
        return len(self._data) - self._position

    def head_open(self) -> bool:
        """Whether a header block has begun and is not whole."""
        return self._state == _IN_BLOCK

    def next(self) -> int:
        """The type of the next frame, NO_FRAME if none is there. Raises Http2Error: the reader is
        finished then. A PRIORITY of the wrong length ends the connection too, though section 6.3
        asks for no more than its stream: there may be none to reset."""
        if self._state == _IN_DATA and not self._skip_padding():
            return self._piece() if self._left else _NO_FRAME
        if self._state == _PREFACE and not self._read_preface():
            return _NO_FRAME
        data = self._data
        position = self._position
        start = position + _HEADER_BYTES
        if start > len(data):
            if position == len(data):
                # An idle connection holds nothing of what it read last.
                self._data = b""
                self._position = 0
            return _NO_FRAME
        high, low, kind, flags, number = unpack_frame(data, position)
        size = high << 8 | low
        if size > self._frame_max:
            raise _fault(
                FRAME_SIZE_ERROR, f"a frame of {size} bytes; {self._frame_max} are allowed", "4.2"
            )
        # The reserved bit is ignored (section 4.1).
        number &= _STREAM_MASK
        if self._state:
            self._check_expected(kind, flags, number)
        end = start + size
        if kind == TYPE_DATA:
            if not number:
                raise _fault(PROTOCOL_ERROR, "DATA on stream 0", "6.1")
            if end > len(data) or flags & FLAG_PADDED:
                return self._begin_data(start, size, flags, number)
            self.payload = data[start:end]
            self.fresh = True
            self.size = self.body = size
            self.ended = flags & FLAG_END_STREAM != 0
        else:
            if end > len(data):
                return _NO_FRAME
            self.payload = copy(data, start, end)
            if kind == TYPE_HEADERS:
                if not number:
                    raise _fault(PROTOCOL_ERROR, "HEADERS on stream 0", "6.2")
                self.ended = flags & FLAG_END_STREAM != 0
                if flags & _NOT_PLAIN:
                    self._unwrap(flags)
                if not flags & FLAG_END_HEADERS:
                    self._position = end
                    self._begin_block(flags, number)
                    return self.next()
            elif kind == TYPE_CONTINUATION:
                self._position = end
                if not self._add_to_block(flags):
                    return self.next()
                kind = TYPE_HEADERS
                flags = self._block_flags
            else:
                self._check_rules(kind, flags, number, size)
        self._position = end
        self.kind = kind
        self.flags = flags
        self.number = number
        return self.kind

    def _read_preface(self) -> bool:
        """Section 3.4: refused at the first byte that is wrong."""
        data = self._data[: len(PREFACE)]
        if not PREFACE.startswith(data):
            raise _fault(PROTOCOL_ERROR, f"no HTTP/2 preface but {data!r}", "3.4")
        if len(data) < len(PREFACE):
            return False
        self._position = len(PREFACE)
        self._state = _FIRST
        return True

    def _check_expected(self, kind: int, flags: int, number: int) -> None:
        """The one frame that may come first, or next inside a header block."""
        if self._state == _FIRST:
            if kind != TYPE_SETTINGS or flags & FLAG_ACK:
                raise _fault(
                    PROTOCOL_ERROR, f"the first frame is of type {kind:#x}, not SETTINGS", "3.4"
                )
            self._state = _READY
        elif kind != TYPE_CONTINUATION or number != self.number:
            raise _fault(
                PROTOCOL_ERROR,
                f"a frame of type {kind:#x} on stream {number} inside the header block of stream "
                f"{self.number}",
                "6.10",
            )

    def _check_rules(self, kind: int, flags: int, number: int, size: int) -> None:
        """Stream and length of all other types; unknown ones may have any (section 5.5)."""
        if kind == TYPE_PUSH_PROMISE:
            raise _fault(PROTOCOL_ERROR, "PUSH_PROMISE from a client", "8.4")
        rule = _RULES.get(kind)
        if rule is None:
            return
        alone, section, fixed = rule
        if alone is not None and (number == 0) != alone:
            raise _fault(PROTOCOL_ERROR, f"a frame of type {kind:#x} on stream {number}", section)
        if (
            fixed not in {_ANY, size}
            or (kind == TYPE_SETTINGS and size % 6)
            or (kind == TYPE_SETTINGS and flags & FLAG_ACK and size)
            or (kind == TYPE_GOAWAY and size < 8)
            or (kind == TYPE_PRIORITY_UPDATE and size < 4)
        ):
            raise _fault(FRAME_SIZE_ERROR, f"a frame of type {kind:#x} with {size} bytes", section)

    def _unwrap(self, flags: int) -> None:
        """Take padding and priority off the payload of HEADERS (section 6.2)."""
        payload = self.payload
        start = 0
        padding = 0
        if flags & FLAG_PADDED:
            if not payload:
                raise _fault(FRAME_SIZE_ERROR, "no pad length in a padded frame", "6.2")
            padding = payload[0]
            start = 1
        if flags & FLAG_PRIORITY:
            start += 5
            if start > len(payload):
                raise _fault(FRAME_SIZE_ERROR, "HEADERS too short for its priority", "6.2")
        if start + padding > len(payload):
            raise _fault(PROTOCOL_ERROR, "padding longer than its frame", "6.2")
        self.payload = payload[start : len(payload) - padding]

    def _begin_block(self, flags: int, number: int) -> None:
        self._parts = [self.payload]
        self._block_bytes = len(self.payload)
        self._block_flags = flags
        self._continuations = 0
        self._state = _IN_BLOCK
        self.number = number

    def _add_to_block(self, flags: int) -> bool:
        """One CONTINUATION more; whether the block is whole now, and then in `payload`."""
        if self._state != _IN_BLOCK or self._parts is None:
            raise _fault(PROTOCOL_ERROR, "CONTINUATION without HEADERS before it", "6.10")
        self._continuations += 1
        self._block_bytes += len(self.payload)
        if self._continuations > CONTINUATIONS_MAX:
            raise _fault(
                ENHANCE_YOUR_CALM, f"more than {CONTINUATIONS_MAX} CONTINUATION frames", "10.5.1"
            )
        if self._block_bytes > self._block_max:
            raise Http2Error(
                ENHANCE_YOUR_CALM,
                f"a header block of more than {self._block_max} bytes",
                "RFC 9113 10.5.1",
                "limit_request_head",
            )
        self._parts.append(self.payload)
        if not flags & FLAG_END_HEADERS:
            return False
        self.payload = b"".join(self._parts)
        self._parts = None
        self.ended = self._block_flags & FLAG_END_STREAM != 0
        self._state = _READY
        return True

    def _begin_data(self, start: int, size: int, flags: int, number: int) -> int:
        """DATA that is padded or not there as a whole."""
        padding = 0
        left = size
        if flags & FLAG_PADDED:
            if not size:
                raise _fault(FRAME_SIZE_ERROR, "no pad length in a padded frame", "6.1")
            if start == len(self._data):
                return _NO_FRAME
            padding = self._data[start]
            start += 1
            left -= 1 + padding
            if left < 0:
                raise _fault(PROTOCOL_ERROR, "padding longer than its frame", "6.1")
        self._position = start
        self._left = left
        self._padding = padding
        self._last = flags & FLAG_END_STREAM != 0
        self._fresh = True
        self._state = _IN_DATA
        self.flags = flags
        self.number = number
        self.size = size
        self.body = left
        return self._piece()

    def _piece(self) -> int:
        """What there is of a DATA frame's body; NO_FRAME where nothing is, of one that has any."""
        start = self._position
        end = min(start + self._left, len(self._data))
        if start == end and self._left:
            if start == len(self._data):
                self._data = b""
                self._position = 0
            return _NO_FRAME
        self._position = end
        self._left -= end - start
        self.payload = self._data[start:end]
        self.ended = self._last and not self._left
        self.fresh = self._fresh
        self._fresh = False
        self.kind = TYPE_DATA
        return TYPE_DATA

    def _skip_padding(self) -> bool:
        """Inside a DATA frame, pass over padding after its body; whether the frame is over."""
        if self._left:
            return False
        end = min(self._position + self._padding, len(self._data))
        self._padding -= end - self._position
        self._position = end
        if self._padding:
            return False
        self._state = _READY
        return True


def _fault(code: int, text: str, section: str) -> Http2Error:
    rule = section if section.startswith("RFC") else f"RFC 9113 {section}"
    return Http2Error(code, text, rule)
