"""One request over HTTP/2: the `Stream` of an exchange, over one stream of a session."""

from typing import Any

from penstock.errors import HttpError
from penstock.gateway.endings import COMPLETE, RESET, TIMEOUT
from penstock.gateway.stream import (
    DISCONNECT_EOF,
    DISCONNECT_LOST,
    DISCONNECT_PROTOCOL_ERROR,
    DISCONNECT_SHUTDOWN,
    DISCONNECT_TIMEOUT,
)
from penstock.transport.http1_output import incomplete
from penstock.transport.http2_answer import Answer
from penstock.transport.http2_output import Output
from penstock.transport.record import given_id
from penstock.wire.http2_frames import CANCEL

_EXTENSIONS = (
    "http.response.trailers",
    "http.response.early_hint",
    "http.response.pathsend",
    "http.response.zerocopysend",
    "http.response.push",
)
_CANCEL = CANCEL
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_BUSY = "too many requests at once"
_RETRY_AFTER = (b"retry-after", b"1")


class Http2Stream(Answer):
    """See the module. What `admission.Admission` asks of one that waits is here, too.

    It belongs to its connection's `streams` until its response is whole and has been written, or it
    was reset; the application may go on after that, until `done`.
    """

    __slots__ = (
        "_body_ended",
        "_method",
        "_over",
        "_queued",
        "_rate_mark",
        "_rate_since",
        "_sent_mark",
        "_sent_since",
        "_started",
    )

    def begin(self, connection: Output, end: Any, head: Any, ended: bool) -> None:
        """A request has come: `head`, on the session's `end`; `ended`: it has no body. In place of
        `__init__`, since a plain method is much cheaper to call than a type."""
        worker = connection.worker
        self._connection = connection
        self.worker = worker
        self._session = connection.session
        self._end = end
        self.client = connection.client
        self.server = connection.server
        self.scheme = connection.scheme
        self.tls = connection.tls
        self.root_path = connection.service.root_path
        self.http_version = "2"
        self.extensions = _EXTENSIONS
        self.ended = COMPLETE
        self.writable = True
        self.exchange = None
        self.is_websocket = False
        self._accepted = False
        self._block = b""
        self._bodyless = False
        self._body_ended = ended
        self._defaults = b""
        self._expect = head.expect_continue and not ended
        self._file = None
        self._held = False
        self._left = False
        self._length = -1
        self._lines = b""
        self._logged = False
        self._method = head.method
        self._over = False
        self._queued = False
        self._rate_mark = 0
        self._rate_since = worker.now
        self._received = 0
        self._record = None
        self._responded = False
        self._sent_mark = -1
        self._sent_since = 0.0
        self._started = False
        self._unread = 0
        self._written = 0

    # The request.

    def begin_record(self, head: Any) -> float:
        """The log, or somebody else, wants to know more of the request; returns the precise time."""
        record = self.worker.new_record()
        record.trusted = self._connection.trusts_peer()
        self._record = record
        began: float = record.begin(head, self.worker.requests)
        return began

    def admit(self, exchange: Any) -> None:
        """Start `exchange`, or let it wait for a free place."""
        self.exchange = exchange
        admission = self.worker.admission
        if admission is not None:
            self._queued = True
            if not admission.admit(self):
                return
            self._queued = False
        self._start()

    def _start(self) -> None:
        exchange = self.exchange
        self._started = True
        self.worker.running += 1
        if exchange is not None:
            exchange.start()

    def start_queued(self) -> None:
        """A place has come free for the request that waited."""
        self._queued = False
        if self.exchange is None:
            self.worker.admission.release(self)
        else:
            self._start()

    def refuse_queued(self) -> None:
        """No place has come free in time: 503 (S12)."""
        exchange: Any = self.exchange
        self._queued = False
        self._answer_text(503, _BUSY, [_RETRY_AFTER])
        if exchange is not None:
            self._log_refused(exchange, 503, False)

    def received(self, data: bytes, ended: bool) -> None:
        """Bytes of the request's body (or of the WebSocket); `ended`: they are the last."""
        size = len(data)
        self._received += size
        exchange = self.exchange
        if ended:
            self._body_ended = True
        if exchange is None:
            self._session.consumed(self._end, size)
            return
        if self._record is not None and not self.is_websocket:
            self._record.bytes_in += size
        exchange.on_body(data, ended)
        unread = self._unread + size
        # What ended meanwhile has no use for the rest
        buffered = 0 if self.exchange is None else exchange.buffered
        if buffered >= unread:
            self._unread = unread
        else:
            self._session.consumed(self._end, unread - buffered)
            self._unread = buffered
        if ended and self.is_websocket and self.exchange is not None:
            exchange.on_disconnect(DISCONNECT_EOF, False)

    # The response; the rest of it is in `http2_answer`.

    def push(self, path: str, headers: Any) -> None:
        """See `Stream.push`."""
        # Here, since hardly anybody pushes
        from penstock.wire.http2_push import promised_request

        exchange: Any = self.exchange
        connection = self._connection
        # The authority comes first in a head's headers
        authority = exchange.head.headers[0][1]
        limits = connection.shared.limits
        head, block = promised_request(path, headers, self.scheme, authority, limits)
        if self.worker.closing:
            return
        end = self._session.push(self._end, block)
        if end is not None:
            connection.output()
            self.worker.loop.call_soon(connection.begin_promised, self, end, head)

    def told_as(self, other: "Http2Stream") -> None:
        """It is as if the client of `other` had made this request."""
        self.client = other.client
        self.server = other.server
        self.scheme = other.scheme
        self.root_path = other.root_path

    # What happens to it.

    def drained(self) -> None:
        """The session takes more."""
        self.writable = True
        exchange = self.exchange
        if exchange is not None:
            exchange.on_writable()

    def lost(self, reason: str) -> None:
        """Nothing can be sent any more: the client has reset the stream or is gone (`reason` is one
        of the DISCONNECT_* names), or has broken the protocol."""
        exchange: Any = self.exchange
        self.exchange = None
        if self._queued:
            self._queued = False
            self.worker.admission.withdraw(self)
        if reason == DISCONNECT_PROTOCOL_ERROR and self.ended == COMPLETE:
            self.ended = RESET
        if not self.is_websocket:
            self._log_lost(exchange)
        self._responded = True
        if exchange is not None:
            exchange.on_disconnect(reason, True)
            if self._accepted:
                self._log_websocket(exchange, exchange.close_code)
        self._give_up()

    def half_closed(self) -> None:
        """The client has ended its side of the connection: a request that is not whole stays so, a
        WebSocket is over, and who waits for the client to leave is told."""
        exchange = self.exchange
        if exchange is None:
            return
        if self.is_websocket:
            self.lost(DISCONNECT_LOST)
        elif self._body_ended:
            exchange.on_disconnect(DISCONNECT_EOF, False)
        else:
            self.refuse(incomplete())

    def told_shutdown(self) -> None:
        """The grace of the shutdown is over."""
        exchange = self.exchange
        if exchange is not None and not self.is_websocket:
            exchange.on_disconnect(DISCONNECT_SHUTDOWN, False)

    def cancel(self) -> None:
        """End the application's call by force."""
        exchange = self.exchange
        if exchange is not None:
            self.ended = RESET
            exchange.cancel()

    def refuse(self, exc: HttpError) -> None:
        """Answer a request that is refused, or end it if its answer has begun."""
        self.worker.refused(self, exc.status, exc)
        exchange: Any = self.exchange
        self.exchange = None
        if self._queued:
            self._queued = False
            self.worker.admission.withdraw(self)
        left = self._left
        if exchange is not None:
            exchange.on_disconnect(DISCONNECT_PROTOCOL_ERROR, True)
        if left:
            self._responded = True
            self._session.reset(self._end, _CANCEL)
            self._connection.output()
            self._give_up()
        else:
            self._answer_text(exc.status, str(exc), getattr(exc, "headers", ()))
        if exchange is not None:
            self._log_refused(exchange, exc.status, left)

    def _answer_text(self, status: int, text: str, headers: Any) -> None:
        """A whole small answer of the server's own."""
        bodyless = self._method == "HEAD"
        body = b"" if bodyless else b"%d: %b\n" % (status, text.encode("ascii", "replace"))
        self.exchange = None
        self.head(status, [_TEXT, *headers], bodyless, False)
        self.body(body, True)

    # The ends.

    def done(self) -> None:
        """See `Stream.done`."""
        worker = self.worker
        worker.running -= 1
        if worker.admission is not None:
            worker.admission.release(self)
        self._session.done(self._end)

    def _response_end(self) -> None:
        """The response is whole. What is left of the request's body is the session's business."""
        self._responded = True
        exchange: Any = self.exchange
        if exchange is not None:
            if self._accepted:
                self._log_websocket(exchange, exchange.close_code)
            else:
                self._log(exchange)
            self.exchange = None
        if not self.let_go():
            self._connection.ends(self)

    def let_go(self) -> bool:
        """Leave the connection, unless some of the response still waits; whether that is done."""
        if self._over:
            return True
        if self._waits():
            return False
        self._give_up()
        return True

    def _give_up(self) -> None:
        """Nothing more will be sent, nor told: leave the connection."""
        if self._over:
            return
        self._over = True
        self.exchange = None
        record = self._record
        if record is not None and record.held is not None:
            record.release(COMPLETE)
        if self.is_websocket:
            self.worker.websockets -= 1
        self._end.owner = None
        self._connection.over(self)
        if not self._started:
            self._session.done(self._end)

    def request_id(self) -> str:
        """The id of the request under way, made here where the log does not ask for one."""
        exchange: Any = self.exchange
        if self._record is not None:
            return self._record.request_id(exchange.head)
        given = given_id(exchange.head.headers) if self._connection.trusts_peer() else ""
        return given or f"{self.worker.id_prefix}{self.worker.requests}"

    def stalls(self) -> bool:
        """Whether the response waits for the client to open a window."""
        return self._waits() and self._session.stalled(self._end)

    # Deadlines.

    def on_sweep(self, now: float) -> None:
        """Deadlines and lowest rates of what is under way (S03, S04, H10)."""
        if self._record is not None:
            self._check_record(self._record)
        exchange = self.exchange
        if exchange is not None:
            exchange.on_deadline(now)
        if self._over:
            return
        if not self._body_ended and not self._responded and not self.is_websocket:
            self._check_sender(now)
        if not self._over:
            self._check_reader(now)

    def _check_sender(self, now: float) -> None:
        """A body must come at the lowest rate, over each window (S03)."""
        settings = self.worker.settings
        window = settings.timeout_min_rate
        if self._expect or self._unread:
            # The client rightly waits for us, or may have to.
            self._rate_since = now
            self._rate_mark = self._received
        if now - self._rate_since < window:
            return
        if self._received - self._rate_mark >= settings.min_rate * window:
            self._rate_since = now
            self._rate_mark = self._received
            return
        self.refuse(
            HttpError(408, "the request's body came too slowly", "RFC 9110 15.5.9", "min_rate")
        )

    def _check_reader(self, now: float) -> None:
        """The client must open its windows at the lowest rate, over each window of time (H10)."""
        end = self._end
        if not self.stalls():
            self._sent_mark = -1
            return
        gone = self._written - end.waiting
        if self._file is not None:
            gone -= self._file.left
        if self._sent_mark < 0:
            self._sent_since = now
            self._sent_mark = gone
            return
        settings = self.worker.settings
        window = settings.timeout_min_rate
        if now - self._sent_since < window:
            return
        if gone - self._sent_mark >= settings.min_rate * window:
            self._sent_since = now
            self._sent_mark = gone
            return
        self.worker.reader_cut()
        self.ended = TIMEOUT
        self._session.reset(end, _CANCEL)
        self._connection.output()
        self.lost(DISCONNECT_TIMEOUT if self.exchange is not None else DISCONNECT_LOST)
