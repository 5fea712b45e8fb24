"""The answer's half of an HTTP/2 stream: what an exchange sends, checked, encoded and given to the
session."""

from typing import Any

from penstock.errors import MessageError
from penstock.gateway.endings import APP_ERROR, CLIENT_GONE, COMPLETE, RESET
from penstock.transport.http2_file import FileSource
from penstock.transport.http2_log import LoggedStream
from penstock.transport.http2_output import Output
from penstock.transport.http2_shared import encoded
from penstock.transport.record import listed
from penstock.wire.blocks import response_block, status_field, write_block
from penstock.wire.fields import SENDS_CODING, SENDS_LENGTH, Lines, write_fields
from penstock.wire.http2_frames import CANCEL, INTERNAL_ERROR
from penstock.wire.http2_session import Session
from penstock.wire.response_fields import NO_TRAILERS, checked_status, fault
from penstock.wire.response_fields import listed as as_pairs

# Twins of public names: what the .pxd declares as C integers, nobody else can import.
_CANCEL = CANCEL
_INTERNAL_ERROR = INTERNAL_ERROR

_CONTINUE = 100
_OK = 200
_NO_CONTENT = 204


class Answer(LoggedStream):
    """The base of `http2_stream.Http2Stream`, which fills in its attributes."""

    __slots__ = (
        "_accepted",
        "_block",
        "_bodyless",
        "_defaults",
        "_expect",
        "_file",
        "_held",
        "_left",
        "_length",
        "_session",
        "_status",
        "_unread",
    )

    _accepted: bool
    _block: bytes
    _bodyless: bool
    _connection: Output
    _defaults: bytes
    _expect: bool
    _file: Any
    _held: bool
    _left: bool
    _length: int
    _session: Session
    _status: int
    _unread: int

    def head(self, status: int, headers: Any, bodyless: bool, trailers: bool) -> int:
        """See `Stream.head`."""
        if type(status) is not int:
            status = checked_status(status)
        if status < 200 or status > 999:
            raise MessageError(f"status must be 200 to 999, got {status!r}")
        code = status
        if type(headers) is not list:
            headers = as_pairs(headers)
        shared = self._connection.shared
        block = shared.block
        if not write_block(headers, block):
            headers = as_pairs(headers)
            if not write_block(headers, block):
                raise fault(headers)
        lines = self.worker.default_headers
        bits = block.bits
        if bits:
            if bits & SENDS_CODING:
                note = self._connection.service.note
                note("debug", "the application's transfer-encoding is dropped (A08)")
            if code == _NO_CONTENT and bits & SENDS_LENGTH:
                # RFC 9110 section 8.6: no content-length with 204.
                headers = [pair for pair in headers if pair[0].lower() != b"content-length"]
                write_block(headers, block)
        if self._record is not None and (self._record.tells_client or self._record.wants_lines):
            self._defaults = self._recorded(headers, lines, bits)
        else:
            self._defaults = shared.defaults(lines, bits)
        self._block = block.block
        self._status = code
        self._length = block.length
        self._bodyless = bodyless
        self._held = True
        return block.length

    def _recorded(self, headers: Any, lines: bytes, bits: int) -> bytes:
        """The fields of every response, where a record tells the client the request's id, or wants to
        know which fields there were."""
        record: Any = self._record
        shared = self._connection.shared
        exchange: Any = self.exchange
        block = shared.defaults(lines, bits)
        if record.tells_client and exchange is not None:
            added = record.fields(exchange.head, headers, lines)
            if added is not lines:
                block += encoded(added[len(lines) :], 0)
            lines = added
        if record.wants_lines:
            written = Lines()
            if write_fields(headers, written):
                self._lines = written.lines + lines
        return block

    def _whole_block(self, size: int) -> bytes:
        """The held head as a block. `size`: the body's length in bytes where it is known, else -1."""
        self._held = False
        self._left = True
        if self._length >= 0 or self._bodyless:
            size = -1
        return response_block(self._status, self._block, size, self._defaults)

    def flush(self) -> None:
        """See `Stream.flush`."""
        if self._held:
            if self._record is not None:
                self._record.started()
            self._session.headers(self._end, self._whole_block(-1), False)
            self._connection.output()

    def body(self, data: bytes, end: bool) -> None:
        """See `Stream.body`."""
        session = self._session
        self._written += len(data)
        if self._held:
            if end:
                # The usual case: all of the response at once
                self.writable = session.respond(self._end, self._whole_block(len(data)), data)
            else:
                session.headers(self._end, self._whole_block(-1), False)
                if data:
                    self.writable = session.send(self._end, data, False)
        elif data or end:
            self.writable = session.send(self._end, data, end)
        if not end and self._record is not None:
            self._record.started()
        self._connection.output()
        if end:
            self._response_end()

    def file(self, fd: int, offset: int, count: int, end: bool) -> Any:
        """See `Stream.file`: read in pieces as the windows have room, since each has its frame."""
        if self._record is not None:
            self._record.started()
        if self._held:
            block = self._whole_block(count if end else -1)
            self._session.headers(self._end, block, False)
        self._written += count
        future = self._connection.service.runtime.new_future()
        on_close = self._file_sent_end if end else self._file_sent
        self._file = FileSource(fd, offset, count, future, on_close)
        self._session.send_source(self._end, self._file, count, end)
        self._connection.output()
        return future

    def _file_sent(self, whole: bool) -> None:
        """The session needs the file no more. Where that is the file's fault, it has reset the stream."""
        source = self._file
        self._file = None
        if source is not None and source.error:
            self.ended = RESET
            self._connection.service.note("error", f"response cut, {source.error}")

    def _file_sent_end(self, whole: bool) -> None:
        """The same, at the end of the response."""
        self._file_sent(whole)
        if whole:
            self._response_end()

    def trailers(self, headers: Any) -> None:
        """See `Stream.trailers`."""
        headers = as_pairs(headers)
        block = self._connection.shared.block
        if not write_block(headers, block):
            raise fault(headers)
        for name, _ in headers:
            if name.lower() in NO_TRAILERS:
                raise MessageError(f"{name!r} may not be a trailer (RFC 9110 6.5.1)")
        fields = b"" if self._bodyless else block.block
        self.flush()
        if fields:
            self._session.headers(self._end, fields, True)
        else:
            self._session.send(self._end, b"", True)
        self._connection.output()
        self._response_end()

    def informational(self, status: int, headers: Any) -> None:
        """See `Stream.informational`."""
        headers = as_pairs(headers)
        block = self._connection.shared.block
        if not write_block(headers, block):
            raise fault(headers)
        self._session.headers(self._end, status_field(status) + block.block, False)
        self._connection.output()

    def accept(self, headers: Any) -> None:
        """See `Stream.accept` (RFC 8441 section 5: a 200, and DATA carries the frames)."""
        pairs = as_pairs(headers)
        if self._record is not None and self._record.tells_client:
            pairs = listed(pairs)
        self.head(_OK, pairs, False, False)
        self._accepted = True
        self._session.headers(self._end, self._whole_block(-1), False)
        self._connection.output()
        # What the log counts of a WebSocket is what comes after its handshake
        self._received = self._written = 0
        self._log_websocket(self.exchange, 0)

    def read_more(self) -> None:
        """See `Stream.read_more`: give the windows back what was taken."""
        if self._expect:
            self._expect = False
            if not self._left:
                self._session.headers(self._end, status_field(_CONTINUE), False)
                self._connection.output()
        if self._unread:
            exchange = self.exchange
            buffered = 0 if exchange is None else exchange.buffered
            if buffered < self._unread:
                self._session.consumed(self._end, self._unread - buffered)
                self._unread = buffered
                if self._session.has_output():
                    self._connection.output()

    def reset(self, reason: str) -> None:
        """See `Stream.reset`."""
        exchange: Any = self.exchange
        self._responded = True
        if self.ended == COMPLETE:
            self.ended = RESET if self.worker.closing else CLIENT_GONE
        if exchange is not None and not self.is_websocket:
            self._log(exchange)
        elif exchange is not None and self._accepted:
            self._log_websocket(exchange, exchange.close_code)
        code = _INTERNAL_ERROR if self.ended == APP_ERROR else _CANCEL
        self._session.reset(self._end, code)
        self._connection.output()
        self._give_up()

    def _response_end(self) -> None:
        """The response is whole."""
        raise NotImplementedError

    def _give_up(self) -> None:
        """Nothing more will be sent, nor told."""
        raise NotImplementedError
