"""WebSocket frames to messages and back (RFC 6455), sans-IO, for either side of a connection.

How it reads: `Reader.feed` takes bytes, `Reader.next` gives one event at a time, so that whoever
reads can stop between two messages and leave the rest undecoded. A data frame that lies whole in
the bytes at hand becomes a message with no copy in between; any other payload is unmasked, inflated
and checked piece by piece as it arrives, so that a bad byte is refused when it comes and memory
grows with what came, never with what a header announces. Control frames are at most 125 bytes and
are waited for whole.

A first byte of a frame is judged by one table for each situation (section 5.2): inside a message or
not, compression agreed or not.
"""

from codecs import utf_8_decode
from typing import Any

from penstock.errors import WebSocketError
from penstock.wire.mask import apply_mask, unmask
from penstock.wire.websocket_frames import (
    CLOSE_CODES,
    INVALID_PAYLOAD,
    MESSAGE_TOO_BIG,
    NEED_MORE,
    NO_STATUS_RECEIVED,
    PROTOCOL_ERROR,
    RSV1,
)

# Aliases, since a name from the .pxd must not be contradicted by an annotation.
_int = int

# Twins of public names and -1: what the .pxd declares as C integers, nobody else can import.
_NEED_MORE = NEED_MORE
_GO_ON = -1
_COMPRESSED_BIT = RSV1
_CONTROL_BYTES_MAX = 125

# Verdicts of the first-byte tables: a frame's kind, or why it is refused. Those of frames that can
# be an event of their own have the numbers of these events.
_V_WHOLE_TEXT = 1
_V_WHOLE_BINARY = 2
_V_PING = 3
_V_PONG = 4
_V_CLOSE = 5
_V_FIRST_TEXT = 6
_V_FIRST_BINARY = 7
_V_MIDDLE = 8
_V_LAST = 9
_V_REFUSED = 16
_V_RSV = 16
_V_OPCODE = 17
_V_FRAGMENTED_CONTROL = 18
_V_STRAY = 19
_V_INSIDE = 20

_REFUSALS = {
    _V_RSV: ("a reserved bit is set that no agreed extension defines", "RFC 6455 section 5.2"),
    _V_OPCODE: ("a reserved opcode", "RFC 6455 section 5.2"),
    _V_FRAGMENTED_CONTROL: ("a control frame without FIN", "RFC 6455 section 5.5"),
    _V_STRAY: ("a continuation frame without a message to go on with", "RFC 6455 section 5.4"),
    _V_INSIDE: ("a new message inside an unfinished one", "RFC 6455 section 5.4"),
}

# The kind of each opcode: outside a message, without and with FIN; inside one, without and with.
_KINDS = {
    0x0: (_V_STRAY, _V_STRAY, _V_MIDDLE, _V_LAST),
    0x1: (_V_FIRST_TEXT, _V_WHOLE_TEXT, _V_INSIDE, _V_INSIDE),
    0x2: (_V_FIRST_BINARY, _V_WHOLE_BINARY, _V_INSIDE, _V_INSIDE),
    0x8: (_V_FRAGMENTED_CONTROL, _V_CLOSE, _V_FRAGMENTED_CONTROL, _V_CLOSE),
    0x9: (_V_FRAGMENTED_CONTROL, _V_PING, _V_FRAGMENTED_CONTROL, _V_PING),
    0xA: (_V_FRAGMENTED_CONTROL, _V_PONG, _V_FRAGMENTED_CONTROL, _V_PONG),
}


def _verdict(first: int, inside: bool, compressed: bool) -> int:
    kinds = _KINDS.get(first & 0x0F)
    reserved = first & 0x70
    if reserved and not (compressed and reserved == RSV1 and first & 0x0F in {0x1, 0x2}):
        return _V_RSV
    if kinds is None:
        return _V_OPCODE
    return kinds[2 * inside + (first >> 7)]


def _table(compressed: bool) -> bytes:
    return bytes(
        _verdict(first, inside, compressed) for inside in (False, True) for first in range(256)
    )


# Indexed by the first byte, plus 256 inside a message.
_PLAIN = _table(compressed=False)
_COMPRESSED = _table(compressed=True)
_INSIDE = 256


class Reader:
    """Frames of one direction of a connection to messages.

    - `masked`: frames must be masked: True for a server, which reads what a client sends.
    - `inflater`: a `deflate.Inflater` where compression was agreed, else None.
    - `message_bytes_max`, `fragments_max` and `empty_max` bound one message: its size (after
      inflating), its frames, and how many of these may be empty.

    `payload` belongs to the event that `next` returned last: str for TEXT, bytes for BINARY, PING
    and PONG. For CLOSE, `payload` is the reason (str) and `close_code` the code, 1005 for none.
    `pending` is the number of bytes fed and not yet decoded.
    """

    __slots__ = (
        "_continued",
        "_data",
        "_empty",
        "_empty_max",
        "_fragments",
        "_fragments_max",
        "_inflater",
        "_inflating",
        "_inside",
        "_key",
        "_last",
        "_left",
        "_masked",
        "_message_bytes_max",
        "_offset",
        "_parts",
        "_pos",
        "_table",
        "_tail",
        "_text",
        "_wire_bytes",
        "close_code",
        "finished",
        "payload",
    )

    def __init__(
        self,
        masked: bool,
        message_bytes_max: int,
        fragments_max: int,
        empty_max: int,
        inflater: Any = None,
    ) -> None:
        self._masked = masked
        self._message_bytes_max = message_bytes_max
        self._fragments_max = fragments_max
        self._empty_max = empty_max
        self._inflater = inflater
        self._table = _PLAIN if inflater is None else _COMPRESSED
        self._data = b""
        self._pos = 0
        # The frame under way: payload bytes still to come, its key and how far that was used.
        self._left = 0
        self._key = b""
        self._offset = 0
        self._last = False
        # The message under way.
        self._inside = 0
        self._continued = False
        self._text = False
        self._inflating = False
        self._parts: Any = None
        self._tail = b""
        self._fragments = 0
        self._empty = 0
        self._wire_bytes = 0
        self.payload: Any = None
        self.close_code = 0
        self.finished = False

    def pending(self) -> int:
        """Bytes that were fed and are not decoded yet."""
        return len(self._data) - self._pos

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the peer; call `next` until it returns NEED_MORE or, to leave
        the rest for later, any number of times. Dropped after a Close (section 5.5.1)."""
        if self.finished:
            return
        if self._pos < len(self._data):
            self._data = self._data[self._pos :] + data
        else:
            self._data = data
        self._pos = 0

    def next(self) -> int:
        """The next event, NEED_MORE for none. Raises `WebSocketError` with the code to close with;
        the connection is over then. After CLOSE there are no more events."""
        while True:
            if self._continued:
                event = self._go_on()
                if event != _GO_ON:
                    return event
                continue
            data = self._data
            pos = self._pos
            avail = len(data) - pos
            if avail < 2:
                if avail == 0:
                    # An idle connection holds on to nothing.
                    self._data = b""
                    self._pos = 0
                return _NEED_MORE
            first = data[pos]
            size = data[pos + 1]
            verdict = self._table[self._inside + first]
            if (size >= 0x80) != self._masked or verdict >= _V_REFUSED:
                self._refuse(verdict)
            size &= 0x7F
            pos += 2
            if size > _CONTROL_BYTES_MAX:
                if _V_PING <= verdict <= _V_CLOSE:
                    raise WebSocketError(
                        PROTOCOL_ERROR,
                        "a control frame longer than 125 bytes",
                        "RFC 6455 section 5.5",
                    )
                width = 2 if size == 126 else 8
                if avail < 2 + width:
                    return _NEED_MORE
                size = self._long_size(pos, width)
                pos += width
            if verdict <= _V_WHOLE_BINARY:
                if size > self._message_bytes_max and size > self._wire_bytes_max(first):
                    self._too_big()
            elif verdict >= _V_FIRST_TEXT:
                self._check_fragment(verdict, first, size)
            if self._masked:
                pos += 4
            end = pos + size
            if len(data) >= end and verdict <= _V_CLOSE and first < 0xC0:
                self._pos = end
                if self._masked:
                    payload = unmask(data, pos, end) if size else b""
                else:
                    payload = data[pos:end]
                if verdict == _V_WHOLE_TEXT:
                    self.payload = self._whole_text(payload)
                    return _V_WHOLE_TEXT
                self.payload = payload
                if verdict == _V_CLOSE:
                    self._read_close(payload)
                return verdict
            if _V_PING <= verdict <= _V_CLOSE or len(data) < pos:
                return _NEED_MORE
            self._open(verdict, first, size, pos)

    def _refuse(self, verdict: _int) -> None:
        if verdict >= _V_REFUSED:
            text, rule = _REFUSALS[verdict]
            raise WebSocketError(PROTOCOL_ERROR, text, rule)
        if self._masked:
            raise WebSocketError(
                PROTOCOL_ERROR, "a frame from a client without a mask", "RFC 6455 section 5.1"
            )
        raise WebSocketError(PROTOCOL_ERROR, "a masked frame from a server", "RFC 6455 section 5.1")

    def _too_big(self) -> None:
        raise WebSocketError(
            MESSAGE_TOO_BIG,
            f"a message of more than {self._message_bytes_max} bytes",
            "RFC 6455 section 10.4",
            "ws_max_size",
        )

    def _long_size(self, pos: _int, width: _int) -> int:
        """The 16 or 64 bit length at `pos`, cut at 2**62: nothing that long is taken anyway."""
        data = self._data
        if width == 2:
            size = data[pos] << 8 | data[pos + 1]
            if size >= 126:
                return size
        else:
            if data[pos] >= 0x80:
                raise WebSocketError(
                    PROTOCOL_ERROR, "a length with its highest bit set", "RFC 6455 section 5.2"
                )
            long_size = int.from_bytes(data[pos : pos + 8], "big")
            if long_size >= 65536:
                return min(long_size, 1 << 62)
        raise WebSocketError(
            PROTOCOL_ERROR, "a length not in its shortest form", "RFC 6455 section 5.2"
        )

    def _check_fragment(self, verdict: _int, first: _int, size: _int) -> None:
        """Refuse, at its header, a fragment that breaks a limit of its message."""
        fragments = 0
        empty = 0
        total = size
        if verdict >= _V_MIDDLE:
            fragments = self._fragments
            empty = self._empty
            total += self._wire_bytes
            first = _COMPRESSED_BIT if self._inflating else 0
        if total > self._message_bytes_max and total > self._wire_bytes_max(first):
            self._too_big()
        if fragments >= self._fragments_max:
            raise WebSocketError(
                MESSAGE_TOO_BIG,
                f"a message of more than {self._fragments_max} fragments",
                "RFC 6455 section 10.4",
                "ws_max_fragments",
            )
        if size == 0 and empty >= self._empty_max:
            raise WebSocketError(
                MESSAGE_TOO_BIG,
                f"a message with more than {self._empty_max} empty fragments",
                "RFC 6455 section 10.4",
                "ws_max_empty",
            )

    def _wire_bytes_max(self, first: _int) -> int:
        # Deflate never needs more than this to carry the longest message; without the bound, empty
        # deflate blocks could go on for ever inside one message.
        if not first & _COMPRESSED_BIT:
            return self._message_bytes_max
        return self._message_bytes_max + (self._message_bytes_max >> 6) + 1024

    def _whole_text(self, payload: bytes) -> str:
        try:
            return payload.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._bad_text(error) from None

    def _bad_text(self, error: UnicodeDecodeError) -> WebSocketError:
        return WebSocketError(
            INVALID_PAYLOAD, f"text that is not UTF-8 ({error.reason})", "RFC 6455 section 8.1"
        )

    def _read_close(self, payload: bytes) -> None:
        """Sections 5.5.1 and 7.4."""
        self.finished = True
        self._data = b""
        self._pos = 0
        if not payload:
            self.close_code = NO_STATUS_RECEIVED
            self.payload = ""
            return
        code = int.from_bytes(payload[:2], "big") if len(payload) > 1 else 0
        if code not in CLOSE_CODES:
            raise WebSocketError(
                PROTOCOL_ERROR,
                f"a Close frame with code {code}" if code else "a Close frame of one byte",
                "RFC 6455 section 7.4",
            )
        self.close_code = code
        self.payload = self._whole_text(payload[2:])

    def _open(self, verdict: _int, first: _int, size: _int, pos: _int) -> None:
        """Begin a data frame whose payload is taken piece by piece."""
        if verdict not in {_V_MIDDLE, _V_LAST}:
            self._parts = bytearray()
            self._text = verdict in {_V_WHOLE_TEXT, _V_FIRST_TEXT}
            self._inflating = (first & _COMPRESSED_BIT) != 0
            self._tail = b""
            self._fragments = 0
            self._empty = 0
            self._wire_bytes = 0
        self._fragments += 1
        if size == 0:
            self._empty += 1
        self._wire_bytes += size
        self._last = verdict == _V_LAST or verdict <= _V_WHOLE_BINARY
        self._inside = _INSIDE
        self._continued = True
        self._left = size
        self._offset = 0
        if self._masked:
            self._key = self._data[pos - 4 : pos]
        self._pos = pos

    def _go_on(self) -> int:
        """Take what is there of the payload under way: an event, or _GO_ON if
        that was not the last frame of its message."""
        data = self._data
        pos = self._pos
        count = len(data) - pos
        if count > self._left:
            count = self._left
        if count > 0:
            chunk = data if count == len(data) else data[pos : pos + count]
            self._pos = pos + count
            if self._masked:
                chunk = apply_mask(chunk, self._key, self._offset)
                self._offset = (self._offset + count) & 3
            self._left -= count
            if self._inflating:
                self._inflate(chunk, False)
            else:
                self._add(chunk)
        if self._left > 0:
            self._data = b""
            self._pos = 0
            return _NEED_MORE
        self._continued = False
        if not self._last:
            return _GO_ON
        if self._inflating:
            self._inflate(b"", True)
        return self._close_message()

    def _inflate(self, chunk: bytes, last: bool) -> None:
        """Inflate in steps, so that a bomb is noticed when it crosses the limit (RFC 7692)."""
        inflater = self._inflater
        inflater.put(chunk, last)
        while True:
            room = self._message_bytes_max - len(self._parts)
            part = inflater.take(room + 1)
            if not part:
                return
            if len(part) > room:
                self._too_big()
            self._add(part)

    def _add(self, chunk: bytes) -> None:
        """Append payload to the message; refuse text at its first bad byte (section 8.1)."""
        if self._text and (self._tail or not chunk.isascii()):
            whole = self._tail + chunk if self._tail else chunk
            try:
                consumed = utf_8_decode(whole, "strict", False)[1]
            except UnicodeDecodeError as error:
                raise self._bad_text(error) from None
            self._tail = whole[consumed:]
        self._parts += chunk

    def _close_message(self) -> int:
        parts = self._parts
        self._parts = None
        self._inside = 0
        if self._text:
            if self._tail:
                raise WebSocketError(
                    INVALID_PAYLOAD, "text that ends inside a character", "RFC 6455 section 8.1"
                )
            self.payload = parts.decode("utf-8")
            return _V_WHOLE_TEXT
        self.payload = bytes(parts)
        return _V_WHOLE_BINARY
