"""Requests of HTTP/1.1 and 1.0: bytes to heads and bodies (RFC 9112), strict, sans-IO.

`Reader` is fed bytes and asked for the next head, then for that request's body. A head is parsed
in one step by the leaf scanner once it is whole. Only when that says no does the slow half of this
module look at the lines one by one, to tell "not whole yet" from "refused", and why. After a
refusal (`HttpError`) the reader is finished: there is no resynchronising.
"""

import re

from penstock.errors import HttpError
from penstock.wire.events import Head
from penstock.wire.http1_steer import steer, too_large
from penstock.wire.scan import FORWARDED, HOST, KEEP_ALIVE, parse_head

_HEAD = 0
_LENGTH = 1
_CHUNK_SIZE = 2
_CHUNK_DATA = 3
_CHUNK_END = 4
_TRAILERS = 5

_METHOD_BYTES_MAX = 64
_CHUNK_SIZE_DIGITS_MAX = 15
_TOKEN_CHARS = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_token = re.compile(_TOKEN_CHARS + rb"++\Z")
_line = re.compile(
    rb"(?P<method>"
    + _TOKEN_CHARS
    + rb"++) (?P<target>[\x21-\x7e]++) (?P<version>HTTP/[0-9]\.[0-9])\r\n\Z"
)
_field = re.compile(_TOKEN_CHARS + rb"++:[^\x00-\x08\x0a-\x1f\x7f]*+\r\n\Z")
_forbidden = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?=[^\n])")
_chunk_line = re.compile(
    rb"(?P<size>[0-9A-Fa-f]++)(?P<extensions>(?:[ \t]*+;[ \t]*+"
    + _TOKEN_CHARS
    + rb"++(?:[ \t]*+=[ \t]*+(?:"
    + _TOKEN_CHARS
    + rb'++|"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t\x20-\x7e\x80-\xff])*+"))?)*+)\r\n\Z'
)


class Limits:
    """What a request may cost; all bytes but `fields_max`. `body_max` -1: no limit.

    The trailer section has the limits of the head. `chunk_extensions_max` holds for a whole body
    (C05), so that many small extensions cost no more than one large one.
    """

    __slots__ = ("body_max", "chunk_extensions_max", "fields_max", "head_max", "line_max")

    def __init__(
        self,
        line_max: int = 8192,
        head_max: int = 65536,
        fields_max: int = 128,
        chunk_extensions_max: int = 16384,
        body_max: int = -1,
    ) -> None:
        self.line_max = line_max
        self.head_max = head_max
        self.fields_max = fields_max
        self.chunk_extensions_max = chunk_extensions_max
        self.body_max = body_max


class Reader:
    """The requests of one connection, one after the other.

    Call `feed` with what arrived, then `head` until it gives a `Head`, then `body` until
    `body_ended`; then `head` again. `buffered` is the number of bytes fed and not yet taken: the
    caller bounds it by not feeding. Bytes returned are copies or the fed objects themselves.
    """

    __slots__ = (
        "_body_bytes",
        "_data",
        "_extension_bytes",
        "_fields",
        "_limits",
        "_position",
        "_remaining",
        "_scanned",
        "_scheme",
        "_section_bytes",
        "_skipped_line",
        "_state",
        "body_ended",
    )

    def __init__(self, limits: Limits, scheme: str) -> None:
        """`scheme` (`"http"` or `"https"`) is what an absolute target must have."""
        self._limits = limits
        self._scheme = scheme
        self._data = b""
        self._position = 0
        self._state = _HEAD
        self._remaining = 0
        self._scanned = 0
        self._fields = 0
        self._section_bytes = 0
        self._body_bytes = 0
        self._extension_bytes = 0
        self._skipped_line = False
        self.body_ended = True

    def feed(self, data: bytes) -> None:
        """Take over what arrived. The object is kept, not copied, where nothing is left over."""
        if self._position == len(self._data):
            self._data = data
            self._scanned = 0
        else:
            self._data = self._data[self._position :] + data
            self._scanned -= self._position
            if self._scanned < 0:
                self._scanned = 0
        self._position = 0

    def buffered(self) -> int:
        """Bytes that were fed and not taken yet."""
        return len(self._data) - self._position

    def rest(self) -> bytes:
        """Give up what was fed and not taken: it belongs to another protocol (WebSocket)."""
        rest = self._data[self._position :]
        self._data = b""
        self._position = 0
        return rest

    def release(self) -> None:
        """Let go of bytes that were taken: an idle connection holds nothing of its last request."""
        if self._position == len(self._data):
            self._data = b""
            self._position = 0

    def head(self) -> Head | None:
        """The next request's head, None if it is not whole yet. Raises HttpError (RFC 9112 3-7)."""
        data = self._data
        if self._position == len(data):
            return None
        limits = self._limits
        if not self._scanned:
            # RFC 9112 section 2.2: an empty line before the request line is skipped, one (P06).
            if (
                data[self._position] == 13
                and not self._skipped_line
                and data[self._position : self._position + 2] == b"\r\n"
            ):
                self._skipped_line = True
                self._position += 2
                if self._position == len(data):
                    return None
            elif data[self._position] == 13 and self._position + 1 == len(data):
                # Half of that line, or of one too many: the next byte will show.
                return None
        elif data.find(b"\n\r\n", max(self._scanned - 2, 0)) < 0:
            self._explain()
            return None
        head = Head.__new__(Head)
        end = parse_head(data, self._position, limits.fields_max, head)
        if not end:
            self._explain()
            return None
        if head.line_bytes > limits.line_max or end - self._position > limits.head_max:
            self._explain()
        self._position = end
        self._scanned = 0
        self._fields = 0
        self._skipped_line = False
        bits = head.bits
        head.keep_alive = head.http_version == "1.1" or bits & KEEP_ALIVE != 0
        head.forwarded = bits & FORWARDED != 0
        head.expect_continue = False
        head.content_length = 0
        head.upgrade = b""
        if bits & ~(KEEP_ALIVE | FORWARDED) != HOST:
            steer(head, self._scheme, limits.body_max)
        self.body_ended = True
        self._state = _HEAD
        if head.content_length:
            self.body_ended = False
            self._body_bytes = 0
            self._extension_bytes = 0
            if head.content_length > 0:
                self._state = _LENGTH
                self._remaining = head.content_length
            else:
                self._state = _CHUNK_SIZE
        return head

    def body(self) -> bytes:
        """What there is of the body, b"" for nothing yet; sets `body_ended` at its end.

        Raises HttpError on broken chunks or a passed limit (RFC 9112 section 7.1).
        """
        data = self._data
        if self._state == _LENGTH:
            start = self._position
            available = len(data) - start
            if available >= self._remaining:
                self._position += self._remaining
                self._remaining = 0
                self._state = _HEAD
                self.body_ended = True
            else:
                self._position = len(data)
                self._remaining -= available
            if start == 0 and self._position == len(data):
                return data
            return data[start : self._position]
        if self._state == _HEAD:
            return b""
        return self._chunks()

    def _chunks(self) -> bytes:
        """All chunk data that is there, joined once, so that many tiny chunks cost linear time."""
        parts = []
        data = self._data
        size = len(data)
        while True:
            if self._state == _CHUNK_DATA:
                if self._position == size:
                    break
                take = min(self._remaining, size - self._position)
                parts.append(data[self._position : self._position + take])
                self._position += take
                self._remaining -= take
                if self._remaining:
                    break
                self._state = _CHUNK_END
            if self._state == _CHUNK_END:
                # Both bytes are compared (C03), the first as soon as it is there.
                end = data[self._position : self._position + 2]
                if not b"\r\n".startswith(end):
                    raise _refuse(400, "no CR LF after a chunk's data", "RFC 9112 7.1")
                if len(end) < 2:
                    break
                self._position += 2
                self._state = _CHUNK_SIZE
            if self._state == _CHUNK_SIZE and not self._chunk_size():
                break
            if self._state == _TRAILERS:
                if self._trailers():
                    self._state = _HEAD
                    self._fields = 0
                    self.body_ended = True
                break
        if len(parts) == 1:
            return parts[0]
        return b"".join(parts)

    def _chunk_size(self) -> bool:
        """Take one chunk-size line; False if it is not whole yet."""
        data = self._data
        position = self._position
        limit = self._limits.chunk_extensions_max
        end = data.find(b"\n", self._scanned if self._scanned > position else position)
        if end < 0:
            tail = data[self._scanned if self._scanned > position else position :]
            if _forbidden.search(tail) or (
                self._scanned <= position and tail and tail[0] not in b"0123456789abcdefABCDEF"
            ):
                raise _refuse(400, "malformed chunk size", "RFC 9112 7.1")
            if len(data) - position > limit + _CHUNK_SIZE_DIGITS_MAX + 2:
                raise _refuse(
                    400, "chunk extensions too long", "RFC 9112 7.1.1", "limit_chunk_extensions"
                )
            # A CR at the very end is judged together with the byte that follows it.
            self._scanned = max(position, len(data) - 1)
            return False
        self._scanned = 0
        match = _chunk_line.match(data[position : end + 1])
        if match is None:
            raise _refuse(400, "malformed chunk size or extension", "RFC 9112 7.1")
        digits, extensions = match.group("size", "extensions")
        if len(digits) > _CHUNK_SIZE_DIGITS_MAX and len(digits.lstrip(b"0")) > (
            _CHUNK_SIZE_DIGITS_MAX
        ):
            raise _refuse(400, "chunk size too large", "RFC 9112 7.1")
        # Redundant zeros count as extension bytes: otherwise they would be free of any limit.
        self._extension_bytes += len(extensions) + max(len(digits) - _CHUNK_SIZE_DIGITS_MAX, 0)
        if self._extension_bytes > limit:
            raise _refuse(
                400, "chunk extensions too long", "RFC 9112 7.1.1", "limit_chunk_extensions"
            )
        self._position = end + 1
        size = int(digits, 16)
        if size == 0:
            self._state = _TRAILERS
            self._fields = 0
            self._section_bytes = 0
            return True
        self._body_bytes += size
        if 0 <= self._limits.body_max < self._body_bytes:
            raise too_large(self._limits.body_max)
        self._remaining = size
        self._state = _CHUNK_DATA
        return True

    def _trailers(self) -> bool:
        """Check and drop the trailer section (C07, C08); False if it is not whole yet.

        ASGI has no event for request trailers, and merging them into the head is an attack.
        """
        data = self._data
        while True:
            position = self._position
            end = data.find(b"\n", self._scanned if self._scanned > position else position)
            taken = (len(data) if end < 0 else end + 1) - position
            if self._section_bytes + taken > self._limits.head_max:
                raise _refuse(431, "trailers too long", "RFC 6585 5", "limit_request_head")
            if end < 0:
                if _forbidden.search(data, max(position, self._scanned)):
                    raise _refuse(400, "malformed trailer field", "RFC 9112 7.1.2")
                self._scanned = max(position, len(data) - 1)
                return False
            self._scanned = 0
            line = data[position : end + 1]
            self._position = end + 1
            self._section_bytes += taken
            if line == b"\r\n":
                return True
            self._fields += 1
            if self._fields > self._limits.fields_max:
                raise _refuse(431, "too many trailer fields", "RFC 6585 5", "limit_request_fields")
            if _field.match(line) is None:
                raise _refuse(400, "malformed trailer field", "RFC 9112 7.1.2")

    def _explain(self) -> None:
        """Look at the head line by line: raise why it is refused, or return: it is not whole yet.

        Goes on where the last call stopped, so that a head that comes byte by byte costs linear
        time in all.
        """
        data = self._data
        limits = self._limits
        start = self._position
        position = max(self._scanned, start)
        line_start = data.rfind(b"\n", start, position) + 1 if position > start else start
        line_start = max(line_start, start)
        while True:
            end = data.find(b"\n", position)
            # Of a line that is not whole yet, a CR at the end may belong to its end.
            line_bytes = (len(data) - data.endswith(b"\r") if end < 0 else end - 1) - start
            if line_start == start and line_bytes > limits.line_max:
                raise _refuse(414, "request line too long", "RFC 9110 4.1", "limit_request_line")
            if (len(data) if end < 0 else end + 1) - start > limits.head_max:
                raise _refuse(431, "request head too long", "RFC 6585 5", "limit_request_head")
            if end < 0:
                break
            line = data[line_start : end + 1]
            if line_start == start:
                self._explain_line(line)
            elif line == b"\r\n":
                raise _refuse(400, "malformed request head", "RFC 9112 2.1")
            else:
                self._fields += 1
                if self._fields > limits.fields_max:
                    raise _refuse(
                        431, "too many header fields", "RFC 6585 5", "limit_request_fields"
                    )
                if _field.match(line) is None:
                    raise _refuse(400, _field_fault(line), "RFC 9112 5")
            position = line_start = end + 1
        if line_start == start:
            token = data[start : start + _METHOD_BYTES_MAX + 1].split(b" ", 1)[0]
            if not _token.match(token):
                raise _refuse(400, "no method at the start of the request", "RFC 9112 3")
            if len(token) > _METHOD_BYTES_MAX:
                raise _refuse(501, "method too long", "RFC 9112 3")
        bad = _forbidden.search(data, position)
        if bad:
            raise _refuse(400, f"forbidden byte 0x{bad.group()[0]:02x} in the head", "RFC 9112 2.2")
        # A CR at the very end is judged together with the byte that follows it.
        self._scanned = max(len(data) - 1, line_start)

    def _explain_line(self, line: bytes) -> None:
        """Raise if this whole request line is not one of HTTP/1 (RFC 9112 section 3)."""
        match = _line.match(line)
        if match is None:
            raise _refuse(400, "malformed request line", "RFC 9112 3")
        method, target, version = match.group("method", "target", "version")
        if version[5:7] != b"1.":
            raise _refuse(505, "not a version that is spoken here", "RFC 9110 15.6.6")
        if len(method) > _METHOD_BYTES_MAX:
            raise _refuse(501, "method too long", "RFC 9112 3")
        if b"#" in target:
            raise _refuse(400, "fragment in the request target", "RFC 9112 3.2")


def _field_fault(line: bytes) -> str:
    """Say in a few words what is wrong with a header line."""
    if not line.endswith(b"\r\n"):
        return "line ends without CR LF"
    if line[:1] in (b" ", b"\t"):
        return "folded header line"
    name, colon, _ = line.partition(b":")
    if not colon:
        return "header line without a colon"
    if name.endswith((b" ", b"\t")):
        return "white space before the colon"
    if not _token.match(name):
        return "malformed header name"
    return "forbidden byte in a header value"


def _refuse(status: int, message: str, rule: str, option: str = "") -> HttpError:
    return HttpError(status, message, rule, option)
