"""Responses of HTTP/1.1 and 1.0: checked heads and framed bodies to bytes (RFC 9112), sans-IO.

`Writer` belongs to one connection and writes one response after the other. A head is encoded when
the application sends it, and held until the first part of the body shows how it is framed: a length
if the body is whole, else chunks, else (HTTP/1.0) the end of the connection.
"""

from http import HTTPStatus
from typing import Any

from penstock.errors import MessageError
from penstock.wire.fields import (
    SENDS_CODING,
    SENDS_CONNECTION,
    SENDS_DATE,
    SENDS_LENGTH,
    SENDS_SERVER,
    Lines,
    assemble,
    write_fields,
)
from penstock.wire.response_fields import NO_TRAILERS, checked_status, fault, listed

# Below this size one copy is cheaper than one more element in a gathered write.
_JOIN_BYTES_MAX = 16384
_phrases = {status.value: status.phrase.encode("ascii") for status in HTTPStatus}
# By status; b"" where no reason phrase is registered, which is too rare to keep a line for each.
_LINES = tuple(
    b"HTTP/1.1 %d %b\r\n" % (status, _phrases[status]) if status in _phrases else b""
    for status in range(1000)
)


def status_line(status: int) -> bytes:
    """The status line of `status` (100 to 999), with its CR LF (RFC 9112 section 4)."""
    return _LINES[status] or b"HTTP/1.1 %d \r\n" % status


class Writer(Lines):
    """The responses of one connection, one after the other. As `Lines` it is its held head's fields.

    `keep_alive` says whether the connection outlives the response; anyone may take it away until
    the head has left. `held`: a head waits for its body. `left`: something of the final response
    has been given out, so it can no longer be replaced. `by_close`: the response is delimited by
    the end of the connection. `dropped_coding`: the head held last came with a `transfer-encoding`.
    """

    __slots__ = (
        "_bodyless",
        "_chunked",
        "_defaults",
        "_line",
        "_old",
        "_trailers",
        "by_close",
        "dropped_coding",
        "held",
        "keep_alive",
        "left",
    )

    def __init__(self) -> None:
        Lines.__init__(self)
        self._line = b""
        self._defaults = b""
        self._bodyless = False
        self._chunked = False
        self._trailers = False
        self._old = False
        self.keep_alive = True
        self.held = False
        self.left = False
        self.by_close = False
        self.dropped_coding = False

    def begin(self, old: bool, keep_alive: bool) -> None:
        """A new request: `old` for HTTP/1.0, `keep_alive` as the client wants it."""
        self._old = old
        self.keep_alive = keep_alive
        self.held = False
        self.left = False
        self.by_close = False
        self._chunked = False

    def head(
        self, status: int, headers: Any, bodyless: bool, trailers: bool, defaults: bytes
    ) -> int:
        """Check and hold a final head; returns the declared length in bytes, -1 for none.

        `defaults` are ready field lines (date, server, and the operator's own) that the
        application's `date` and `server` take precedence over. Raises MessageError; nothing is
        held then (A01, A08, A09, HTTP-RESP-26).
        """
        if type(status) is not int:
            status = checked_status(status)
        if status < 200 or status > 999:
            raise MessageError(f"status must be 200 to 999, got {status!r}")
        code = status
        if type(headers) is not list:
            headers = listed(headers)
        if not write_fields(headers, self):
            headers = listed(headers)
            if not write_fields(headers, self):
                raise fault(headers)
        keep_alive = self.keep_alive
        if self.bits:
            if self.bits & SENDS_CONNECTION and _closes(headers):
                keep_alive = False
            if self.bits & (SENDS_DATE | SENDS_SERVER):
                defaults = _without(defaults, self.bits)
            if code == 204 and self.bits & SENDS_LENGTH:
                # RFC 9110 section 8.6: no content-length with 204.
                write_fields(
                    [pair for pair in headers if pair[0].lower() != b"content-length"], self
                )
        self.dropped_coding = self.bits & SENDS_CODING != 0
        self.keep_alive = keep_alive
        self._line = _LINES[code] or status_line(code)
        self._defaults = defaults
        self._bodyless = bodyless
        self._trailers = trailers and self.length < 0 and not self._old and not bodyless
        self.held = True
        return self.length

    def flush(self) -> bytes:
        """The held head, now, its framing chosen without knowing the body."""
        self.held = False
        self.left = True
        return self._head_bytes(-1)

    def body(self, data: bytes, end: bool) -> Any:
        """Frame `data`, after the held head. Returns bytes, or a list of them where joining would
        copy much. Lengths are the caller's business (see `Stream.body`)."""
        if self.held:
            self.held = False
            self.left = True
            framing = self._framing(len(data) if end and not self._trailers else -1)
            if len(data) < _JOIN_BYTES_MAX:
                if self._chunked:
                    data = self._chunk(data, end)
                return assemble(self._line, self.lines, self._defaults, framing, data)
            head = assemble(self._line, self.lines, self._defaults, framing, b"")
            if not self._chunked:
                return [head, data]
            return [head, b"%x\r\n" % len(data), data, b"\r\n0\r\n\r\n" if end else b"\r\n"]
        if not self._chunked:
            return data
        if len(data) < _JOIN_BYTES_MAX:
            return self._chunk(data, end)
        return [b"%x\r\n" % len(data), data, b"\r\n0\r\n\r\n" if end else b"\r\n"]

    def file_frame(self, count: int, end: bool) -> tuple[bytes, bytes]:
        """What goes before and after `count` bytes that something else puts on the wire."""
        before = b""
        if self.held:
            self.held = False
            self.left = True
            before = self._head_bytes(count if end and not self._trailers else -1)
        if not self._chunked:
            return before, b""
        if not count:
            return before, b"0\r\n\r\n" if end else b""
        return before + b"%x\r\n" % count, b"\r\n0\r\n\r\n" if end else b"\r\n"

    def trailers(self, headers: Any) -> bytes:
        """The end of the response with these trailer fields, where the framing has room for any.

        Raises MessageError for a field that may not be one (TRAIL-08, TRAIL-09).
        """
        headers = listed(headers)
        encoded = _encoded(headers)
        for name, _ in headers:
            if name.lower() in NO_TRAILERS:
                raise MessageError(f"{name!r} may not be a trailer (RFC 9110 6.5.1)")
        before = b""
        if self.held:
            before = self.flush()
        if not self._chunked:
            return before
        return before + b"0\r\n" + encoded.lines + b"\r\n"

    def informational(self, status: int, headers: Any) -> bytes:
        """A 1xx response; b"" to an HTTP/1.0 client, which knows none (HINT-06)."""
        if self._old:
            return b""
        return status_line(status) + _encoded(listed(headers)).lines + b"\r\n"

    def switch(self, accept: bytes, headers: Any, defaults: bytes) -> bytes:
        """The 101 that turns the connection into a WebSocket (RFC 6455 section 4.2.2). `accept` is
        the value of Sec-WebSocket-Accept. Raises MessageError on a bad header."""
        encoded = _encoded(listed(headers))
        if encoded.bits & (SENDS_DATE | SENDS_SERVER):
            defaults = _without(defaults, encoded.bits)
        self.left = True
        return b"".join(
            (
                _LINES[101],
                b"upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ",
                accept,
                b"\r\n",
                encoded.lines,
                defaults,
                b"\r\n",
            )
        )

    def _chunk(self, data: bytes, end: bool) -> bytes:
        if end:
            if data:
                return b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)
            return b"0\r\n\r\n"
        # An empty chunk would end the body (HTTP-RESP-16).
        if data:
            return b"%x\r\n%b\r\n" % (len(data), data)
        return b""

    def _head_bytes(self, whole: int) -> bytes:
        return assemble(self._line, self.lines, self._defaults, self._framing(whole), b"")

    def _framing(self, whole: int) -> bytes:
        """The lines that frame the body, and the head's end; `whole` is the body's length where it
        is known, else -1."""
        if self._bodyless or self.length >= 0:
            framing = b"\r\n"
        elif whole >= 0:
            framing = b"content-length: %d\r\n\r\n" % whole
        elif not self._old:
            self._chunked = True
            framing = b"transfer-encoding: chunked\r\n\r\n"
        else:
            self.by_close = True
            self.keep_alive = False
            framing = b"\r\n"
        if not self.keep_alive:
            framing = b"connection: close\r\n" + framing
        elif self._old:
            framing = b"connection: keep-alive\r\n" + framing
        return framing


def _closes(headers: Any) -> bool:
    """Whether the application's `connection` closes; it may do nothing else (A08)."""
    closes = False
    for name, value in headers:
        if name.lower() == b"connection":
            options = [option.strip() for option in value.lower().split(b",")]
            if b"close" in options:
                closes = True
            elif options != [b"keep-alive"]:
                raise MessageError(
                    f"connection: {value!r:.80} is not the application's to send; only close is"
                )
    return closes


def _encoded(headers: list[Any]) -> Lines:
    """What `write_fields` makes of the headers; raises MessageError if it takes them not."""
    encoded = Lines()
    if not write_fields(headers, encoded):
        raise fault(headers)
    return encoded


def _without(defaults: bytes, bits: int) -> bytes:
    """`defaults` less those lines that the application sends itself (HTTP-RESP-27)."""
    drop = []
    if bits & SENDS_DATE:
        drop.append(b"date")
    if bits & SENDS_SERVER:
        drop.append(b"server")
    return b"".join(
        line + b"\r\n"
        for line in defaults.split(b"\r\n")
        if line and line.partition(b":")[0].lower() not in drop
    )
