"""What an HTTP/1 connection tells the access log: each request once, each WebSocket twice.

By default that is next to nothing, and costs as little; where the log wants details, a
`record.Record` keeps them.
"""

from typing import Any

from penstock.gateway.endings import (
    CLIENT_GONE,
    COMPLETE,
    REQUEST,
    RESET,
    STREAM_START,
    TIMEOUT,
    UNDER_WAY,
    WEBSOCKET_CLOSE,
    WEBSOCKET_OPEN,
)
from penstock.transport.http1_output import Output
from penstock.transport.record import Record

_ABNORMAL_CLOSURE = 1006  # RFC 6455 section 7.1.5
_TOO_SLOW = 408


class Logged(Output):
    """The base of `http1_input.Input`."""

    __slots__ = ("_logged",)

    def __init__(self, worker: Any, extensions: tuple[str, ...]) -> None:
        Output.__init__(self, worker, extensions)
        self._logged = False

    def _begin_record(self, head: Any) -> float:
        """A request begins on a connection that has a record; returns the precise time."""
        self.ended = COMPLETE
        record: Record = self._record  # type: ignore[assignment]
        return record.begin(head, self._worker.requests)

    def _log(self, exchange: Any) -> None:
        log = self._worker.access_log
        if log is not None and not self._logged:
            self._logged = True
            if self._record is not None and self._record.details:
                self._tell(self._record, exchange, REQUEST)
                return
            head = exchange.head
            log.add(
                self.client,
                head.method,
                head.raw_path,
                head.query,
                head.http_version,
                exchange.status,
            )

    def _tell(self, record: Record, exchange: Any, event: int) -> None:
        """Note a request with all details: at once, or when the client has what was written."""
        waits = self._spilled and not self._lost and self._transport.get_write_buffer_size() > 0
        lines = b""
        if record.wants_lines:
            lines = self._writer.lines + self._worker.default_headers
        record.note(
            event,
            self.client,
            exchange.head,
            exchange.status,
            self.ended if event == REQUEST else UNDER_WAY,
            record.bytes_in,
            getattr(exchange, "sent_bytes", 0),
            0,
            lines,
            waits and event == REQUEST,
        )

    def _log_refused(self, exchange: Any, status: int, left: bool) -> None:
        """Note a request that was refused under way. `left`: its response had begun before."""
        self.ended = TIMEOUT if status == _TOO_SLOW else RESET if left else COMPLETE
        if not left:
            exchange.status = status
        self._log(exchange)

    def _log_lost(self, exchange: Any, exc: BaseException | None) -> None:
        """The connection is lost: note what did not come to its end."""
        record = self._record
        if record is not None and record.held is not None:
            record.release(self.ended if exc is None else CLIENT_GONE)
        if exchange is None or self._responded:
            return
        if not exchange.status and (record is None or not record.details):
            return
        if self.ended == COMPLETE:
            self.ended = CLIENT_GONE
        self._log(exchange)

    def _check_record(self, record: Record, exchange: Any, plain: bool) -> None:
        """The sweep: a line that waited for the client, or that tells of a response's start."""
        if record.held is not None and not self._transport.get_write_buffer_size():
            record.release(COMPLETE)
        if exchange is not None and plain and exchange.status and record.is_due():
            self._tell(record, exchange, STREAM_START)

    def _log_websocket(self, exchange: Any, close_code: int) -> None:
        """Note that a WebSocket opened (0), or how it closed."""
        log = self._worker.access_log
        record = self._record
        if record is not None and record.details:
            self._tell_websocket(record, exchange, close_code)
        elif log is not None:
            head = exchange.head
            log.add_websocket(self.client, head.raw_path, head.query, close_code)

    def _tell_websocket(self, record: Record, exchange: Any, close_code: int) -> None:
        """The same with all details. What the 101 and the handshake took is not counted."""
        if not close_code:
            record.bytes_in, record.bytes_out = self._received, self._written
        elif not self.ended and close_code == _ABNORMAL_CLOSURE:
            self.ended = CLIENT_GONE
        record.note(
            WEBSOCKET_CLOSE if close_code else WEBSOCKET_OPEN,
            self.client,
            exchange.head,
            101,
            self.ended if close_code else UNDER_WAY,
            self._received - record.bytes_in,
            self._written - record.bytes_out,
            close_code,
            b"",
            False,
        )
