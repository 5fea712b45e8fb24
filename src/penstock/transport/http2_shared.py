"""What all HTTP/2 connections of one worker share: limits, and the fields that every response has."""

from typing import Any

from penstock.wire.blocks import Block, encode_fields
from penstock.wire.fields import SENDS_DATE, SENDS_SERVER
from penstock.wire.http2_frames import INITIAL_WINDOW
from penstock.wire.http2_limits import Http2Limits


class Shared:
    """See the module. Made with the worker's first HTTP/2 connection.

    `limits`: of each connection. `block`: what a response's fields are encoded into; used up before
    anyone else gets to run. `websockets`: WebSockets are offered (RFC 8441).
    """

    __slots__ = ("_blocks", "_lines", "block", "limits", "websockets")

    def __init__(self, worker: Any) -> None:
        settings = worker.settings
        stream_window = INITIAL_WINDOW
        if worker.service.interface == "wsgi":
            from penstock.gateway.wsgi import INLINE_BODY_BYTES_MAX

            # A WSGI application is not called before this much of the body is there, and what is there
            # gives no window back: the first one must hold it, and the byte that is too many.
            stream_window = INLINE_BODY_BYTES_MAX + 1
        self.limits = Http2Limits(
            streams_max=settings.limit_http2_streams,
            line_max=settings.limit_request_line,
            head_max=settings.limit_request_head,
            fields_max=settings.limit_request_fields,
            body_max=-1 if settings.limit_request_body is None else settings.limit_request_body,
            stream_window=stream_window,
            stream_queue_max=settings.write_buffer,
            settings_s=settings.timeout_request_head,
            head_s=settings.timeout_request_head,
        )
        self.websockets = worker.service.interface != "wsgi"
        self.block = Block()
        self._lines: bytes | None = None
        self._blocks: dict[int, bytes] = {}

    def defaults(self, lines: bytes, bits: int) -> bytes:
        """The field lines `lines`, those of every response (`Worker.default_headers`), as a block;
        without those that the application sends itself, by SENDS_DATE and SENDS_SERVER of `bits`
        (HTTP-RESP-27). Encoded once for as long as the lines are the same object."""
        if lines is not self._lines:
            self._lines = lines
            self._blocks = {}
        bits &= SENDS_DATE | SENDS_SERVER
        block = self._blocks.get(bits)
        if block is None:
            block = self._blocks[bits] = encoded(lines, bits)
        return block


def encoded(lines: bytes, bits: int) -> bytes:
    """Field lines of HTTP/1 as a block, without those that `bits` (SENDS_DATE, SENDS_SERVER) names."""
    pairs = []
    for line in lines.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or (name == b"date" and bits & SENDS_DATE):
            continue
        if not (name == b"server" and bits & SENDS_SERVER):
            pairs.append((name, value.strip(b" \t")))
    return encode_fields(pairs)
