"""What an HTTP/2 stream tells the access log: a request once, a WebSocket twice.

As `http1_log` for a connection; here each stream has its own `record.Record`, where the log wants
details.
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
from penstock.gateway.stream import Exchange, Stream
from penstock.transport.record import Record

_ABNORMAL_CLOSURE = 1006  # RFC 6455 section 7.1.5
_WEBSOCKET_STATUS = 200  # RFC 8441 section 5
_TOO_SLOW = 408


class LoggedStream(Stream):
    """The base of `http2_stream.Http2Stream`, which fills in its attributes.

    `exchange`: the conversation, None before it begins and after its response is whole. `_lines`: the
    response's header fields as HTTP/1 writes them, where the log wants to look at them.
    """

    __slots__ = (
        "_connection",
        "_end",
        "_lines",
        "_logged",
        "_received",
        "_record",
        "_responded",
        "_written",
        "exchange",
        "is_websocket",
        "worker",
    )

    _connection: Any
    _end: Any
    _lines: bytes
    _logged: bool
    _received: int
    _record: Record | None
    _responded: bool
    _written: int
    exchange: Exchange | None
    is_websocket: bool
    worker: Any

    def _waits(self) -> bool:
        """Whether some of the response has not found room yet."""
        return self._end.items is not None

    def _log(self, exchange: Any) -> None:
        log = self.worker.access_log
        if log is not None and not self._logged:
            self._logged = True
            if self._record is not None and self._record.details:
                self._tell(self._record, exchange, REQUEST)
                return
            head = exchange.head
            log.add(self.client, head.method, head.raw_path, head.query, "2", exchange.status)

    def _tell(self, record: Record, exchange: Any, event: int) -> None:
        """Note a request with all details: at once, or when the client has what was written."""
        record.note(
            event,
            self.client,
            exchange.head,
            exchange.status,
            self.ended if event == REQUEST else UNDER_WAY,
            record.bytes_in,
            getattr(exchange, "sent_bytes", 0),
            0,
            self._lines,
            self._waits() and event == REQUEST,
        )

    def _log_refused(self, exchange: Any, status: int, left: bool) -> None:
        """Note a request that was refused under way. `left`: its response had begun before."""
        self.ended = TIMEOUT if status == _TOO_SLOW else RESET if left else COMPLETE
        if not left:
            exchange.status = status
        self._log(exchange)

    def _log_lost(self, exchange: Any) -> None:
        """The client is lost: note what did not come to its end."""
        record = self._record
        if record is not None and record.held is not None:
            record.release(CLIENT_GONE)
        if exchange is None or self._responded:
            return
        if not exchange.status and (record is None or not record.details):
            return
        if self.ended == COMPLETE:
            self.ended = CLIENT_GONE
        self._log(exchange)

    def _check_record(self, record: Record) -> None:
        """The sweep: a line that waited for the client, or that tells of a response's start."""
        exchange = self.exchange
        if record.held is not None and not self._waits():
            record.release(COMPLETE)
        if exchange is not None and not self.is_websocket and exchange.status and record.is_due():
            self._tell(record, exchange, STREAM_START)

    def _log_websocket(self, exchange: Any, close_code: int) -> None:
        """Note that a WebSocket opened (0), or how it closed."""
        log = self.worker.access_log
        record = self._record
        if record is not None and record.details:
            if close_code and not self.ended and close_code == _ABNORMAL_CLOSURE:
                self.ended = CLIENT_GONE
            record.note(
                WEBSOCKET_CLOSE if close_code else WEBSOCKET_OPEN,
                self.client,
                exchange.head,
                _WEBSOCKET_STATUS,
                self.ended if close_code else UNDER_WAY,
                self._received,
                self._written,
                close_code,
                b"",
                False,
            )
        elif log is not None:
            head = exchange.head
            log.add_websocket(self.client, head.raw_path, head.query, close_code)
