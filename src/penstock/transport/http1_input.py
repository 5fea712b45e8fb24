"""What an HTTP/1 connection receives, and the exchanges that come of it, one at a time.

Input runs through `_advance`, the only place that starts an exchange: never a downward call of an
exchange, because on pipelined input that would nest without end. What is fed while a response is
under way waits in the reader, bounded by pausing the transport. After a refusal or a last answer
nothing that arrives is looked at any more; it is read off, within limits, so that the kernel does
not answer it with a reset that takes our last bytes away from the client.
"""

from typing import Any

from penstock.errors import HttpError
from penstock.gateway.endings import CLIENT_GONE, COMPLETE, RESET
from penstock.gateway.forwarded import NEVER, TOLD
from penstock.gateway.http import HttpExchange
from penstock.gateway.stream import (
    DISCONNECT_EOF,
    DISCONNECT_LOST,
    DISCONNECT_PROTOCOL_ERROR,
    Exchange,
)
from penstock.transport.http1_log import Logged
from penstock.transport.http1_output import (
    BODY,
    CLOSED,
    HEAD,
    SOCKET,
    WAIT,
    bodyless,
    incomplete,
    reset_at_close,
)
from penstock.transport.record import listed

_EXTENSIONS = (
    "http.response.trailers",
    "http.response.early_hint",
    "http.response.pathsend",
    "http.response.zerocopysend",
)
_OLD_EXTENSIONS = ("http.response.pathsend", "http.response.zerocopysend")
_WEBSOCKET_EXTENSIONS = ("websocket.http.response",)

# How long the end of a client's sending is kept from the application, whose answer it may still
# wait for; well within the 2 s in which a disconnect has to be known.
_FIN_GRACE_S = 0.5
# Requests answered from one buffer before the loop turns: a pipeline must not hold it.
_PIPELINE_MAX = 32


class Input(Logged):
    """The base of `http1.Connection`: the transport's calls, and those of the exchange that end a
    response or ask for more of the request."""

    __slots__ = (
        "_accept",
        "_accepted",
        "_advancing",
        "_body_limit",
        "_expect",
        "_head_begun",
        "_head_seconds",
        "_high_water",
        "_keep_alive_seconds",
        "_own_scheme",
        "_proxy",
        "_queued",
        "_told",
        "_wsgi",
        "is_websocket",
    )

    def __init__(self, worker: Any) -> None:
        Logged.__init__(self, worker, _EXTENSIONS)
        settings = worker.settings
        self._wsgi = worker.service.interface == "wsgi"
        self._own_scheme = "http"
        self._proxy: Any = None
        self._told = False
        self._advancing = False
        self._accept = b""
        self._accepted = False
        self._head_begun = False
        self._queued = False
        self._expect = False
        self._high_water = settings.read_buffer
        self._keep_alive_seconds = settings.timeout_keep_alive
        self._head_seconds = settings.timeout_request_head
        self._body_limit = settings.limit_undrained_body
        self.is_websocket = False

    def connection_made(self, transport: Any) -> None:
        """Start the first deadline (S02)."""
        worker = self._worker
        self._transport = transport
        transport.set_write_buffer_limits(high=worker.settings.write_buffer)
        self._deadline = worker.now + self._head_seconds
        worker.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        self._received += len(data)
        if self._input == SOCKET:
            exchange = self.exchange
            if exchange is not None:
                exchange.on_body(data, False)
                if self._input == SOCKET and exchange.buffered > self._high_water:
                    self._pause()
            return
        if self._input == CLOSED:
            self._read_off(len(data), self._body_limit)
            return
        self._reader.feed(data)
        if self._input == WAIT:
            if self._reader.buffered() > self._high_water:
                self._pause()
        elif not self._advancing:
            self._advance()

    def eof_received(self) -> bool:
        """A FIN: no death (P04). Returns whether the transport stays open for our side."""
        self._peer_eof = True
        exchange = self.exchange
        if self._input == SOCKET and exchange is not None:
            exchange.on_disconnect(DISCONNECT_LOST, True)
        if self._input in (SOCKET, CLOSED) or (exchange is None and not self._reader.buffered()):
            return False
        if exchange is None:
            self._advance()
            return True
        if self._input == BODY:
            if self._responded:
                return False
            self._refuse(incomplete())
            return True
        # Some frameworks cancel what runs at the first sign of a disconnect: a quick answer to a
        # half-closed client is out before it is given (P04).
        self._worker.loop.call_later(_FIN_GRACE_S, self._tell_fin, exchange)
        return True

    def _tell_fin(self, exchange: Exchange) -> None:
        if self.exchange is exchange:
            exchange.on_disconnect(DISCONNECT_EOF, False)

    def resume_writing(self) -> None:
        """The transport's buffer is below the low-water mark again."""
        self.writable = True
        if self.exchange is not None:
            self.exchange.on_writable()
        if self._input == HEAD and self._reader.buffered() and not self._advancing:
            self._advance()

    def _advance(self) -> None:
        """Take what the reader has: heads, bodies, and the ends of exchanges, in their order."""
        if self._advancing:
            return
        self._advancing = True
        started, deferred = 0, False
        try:
            while True:
                if self._input == HEAD:
                    if not self._reader.buffered():
                        break
                    if not self.writable:
                        deferred = True
                        break
                    if started == _PIPELINE_MAX:
                        deferred = True
                        self._advance_soon()
                        break
                    head = self._reader.head()
                    if head is None:
                        break
                    started += 1
                    self._begin(head)
                if self._input == BODY and not self._take_body():
                    break
                if self._input != WAIT or not self._responded:
                    break
                self._end()
        except HttpError as exc:
            self._refuse(exc)
        finally:
            self._advancing = False
        if self._input == HEAD:
            if self._reader.buffered():
                # A head's deadline counts from its first byte, not from its last (S01).
                if not self._head_begun:
                    self._head_begun = True
                    self._deadline = self._worker.now + self._head_seconds
                if deferred:
                    if self._reader.buffered() > self._high_water:
                        self._pause()
                elif self._peer_eof:
                    self._refuse(incomplete())
                elif self._reading_paused:
                    self._resume()
            elif self._peer_eof:
                self._close()
        elif self._input != CLOSED and self._reader.buffered() > self._high_water:
            self._pause()

    def _advance_soon(self) -> None:
        self._worker.loop.call_soon(self._advance)

    def _begin(self, head: Any) -> None:
        """Start the exchange of a request whose head is whole."""
        worker = self._worker
        service = self._service
        old = head.http_version == "1.0"
        self.http_version = head.http_version
        self.extensions = _OLD_EXTENSIONS if old else _EXTENSIONS
        self._responded = False
        self._logged = False
        self._head_begun = False
        self._expect = head.expect_continue
        self._drained = 0
        if (head.forwarded or self._told) and self._proxy is not None:
            answer = self._proxy.tell(self, self._own_scheme, head)
            self._told = answer == TOLD
            if answer == NEVER:
                self._proxy = None
        self._writer.begin(old, head.keep_alive and not worker.closing)
        self._input = BODY if head.content_length else WAIT
        file = None if worker.static is None else worker.static.exchange(service, self, head)
        if file is not None:
            exchange: Exchange = file
        elif head.upgrade and not self._wsgi and b"websocket" in head.upgrade.split(b","):
            exchange = self._begin_websocket(head)
        elif self._wsgi:
            exchange = worker.pool.exchange_type(service, self, head, worker.pool)
        else:
            request = HttpExchange.__new__(HttpExchange)
            request.begin(service, self, head)
            exchange = request
        self.exchange = exchange
        worker.requests += 1
        exchange.began = worker.now if self._record is None else self._begin_record(head)
        if self._input == BODY:
            self._rate_since = worker.now
            self._rate_mark = self._received
            self._take_body()
            if self._peer_eof and self._input == BODY:
                raise incomplete()
        if worker.admission is not None:
            self._queued = True
            if not worker.admission.admit(self):
                return
            self._queued = False
        self._start(exchange)

    def _start(self, exchange: Exchange) -> None:
        self._worker.running += 1
        if self._peer_eof:
            self._worker.loop.call_later(_FIN_GRACE_S, self._tell_fin, exchange)
        exchange.start()
        if self._input == SOCKET and not self._lost:
            rest = self._reader.rest()
            if rest:
                exchange.on_body(rest, False)

    def _begin_websocket(self, head: Any) -> Exchange:
        """A handshake: its answer is the last thing that is HTTP here, whatever it is (P05)."""
        # Here, since most workers never see a handshake, and frames, zlib and hashlib take 1.4 MB
        from penstock.gateway.websocket import WebSocketExchange
        from penstock.wire.handshake import check_upgrade

        offer = check_upgrade(head, self._worker.settings)
        self._accept = offer.accept
        self.is_websocket = True
        self._worker.websockets += 1
        self.extensions = _WEBSOCKET_EXTENSIONS
        self._writer.keep_alive = False
        self._input = SOCKET
        return WebSocketExchange(self._service, self, head, offer)

    def _take_body(self) -> bool:
        """Give the exchange what there is of the body; whether it is whole now."""
        reader = self._reader
        if self._reader.body_ended:
            self._input = WAIT
            return True
        data = reader.body()
        ended = reader.body_ended
        if self._record is not None:
            self._record.bytes_in += len(data)
        exchange = self.exchange
        if self._responded or exchange is None:
            self._drained += len(data)
            if self._drained > self._body_limit:
                self._linger()
                return False
        elif data or ended:
            if ended:
                self._input = WAIT
            # The application may run on within this call, to its end or to ours.
            exchange.on_body(data, ended)
            if self._input == BODY and exchange.buffered > self._high_water:
                self._pause()
        if ended and self._input == BODY:
            self._input = WAIT
        return ended

    def _end(self) -> None:
        """Response and body are whole: the connection is free for the next request, or closes."""
        self.exchange = None
        if not self._writer.keep_alive:
            # What is sent too many must not turn our close into a reset (RFC 9112 section 9.6).
            self._linger()
            return
        self._input = HEAD
        self._reader.release()
        self._deadline = self._worker.now + self._keep_alive_seconds
        # Not with much still to be parsed: each answer would let in more than one request takes out.
        if self._reading_paused and self._reader.buffered() <= self._high_water:
            self._resume()

    def _refuse(self, exc: HttpError) -> None:
        """Answer a request that is refused, and serve nothing that follows (threats, rule 2)."""
        first = self.exchange is None and self._received == self._reader.buffered()
        if first and self._becomes_http2():
            return
        self._worker.refused(self, exc.status, exc)
        exchange = self.exchange
        self.exchange = None
        if self._queued:
            self._queued = False
            self._worker.admission.withdraw(self)
        left = self._writer.left
        if exchange is not None:
            exchange.on_disconnect(DISCONNECT_PROTOCOL_ERROR, True)
        else:
            self._writer.begin(False, False)
            left = False
        if self._responded and exchange is not None:
            left = True
        self._responded = True
        self._input = CLOSED
        if not left:
            self._answer(exc.status, str(exc), getattr(exc, "headers", ()), bodyless(exchange))
            self._linger()
        elif exchange is not None:
            self._transport.close()
        if exchange is not None:
            self._log_refused(exchange, exc.status, left)

    def _becomes_http2(self) -> bool:
        """Whether what was refused is HTTP/2, and another connection has taken over."""
        raise NotImplementedError

    def body(self, data: bytes, end: bool) -> None:
        """See `Stream.body`."""
        if self._accepted:
            if data:
                self._write(data)
            if end:
                self._responded = True
                self._linger()
            return
        if end and self._input == BODY and self._expect:
            # The client may send the body after this answer, or not: there is no telling (S10).
            self._writer.keep_alive = False
        if not end and self._record is not None:
            self._record.started()
        out = self._writer.body(data, end)
        if out:
            self._write(out)
        if end:
            self._response_end()

    def trailers(self, headers: Any) -> None:
        """See `Stream.trailers`."""
        out = self._writer.trailers(headers)
        if out:
            self._write(out)
        self._response_end()

    def accept(self, headers: Any) -> None:
        """See `Stream.accept`: the rest of the connection belongs to the WebSocket."""
        defaults = self._worker.default_headers
        if self._record is not None and self._record.tells_client:
            headers = listed(headers)
            defaults = self._with_id(headers)
        out = self._writer.switch(self._accept, headers, defaults)
        self._accepted = True
        self._write(out)
        self._log_websocket(self.exchange, 0)

    def read_more(self) -> None:
        """See `Stream.read_more`."""
        if self._expect:
            self._expect = False
            if not self._writer.left and not self._responded:
                self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._reading_paused:
            self._resume()

    def reset(self, reason: str) -> None:
        """See `Stream.reset`: what is written still goes out, the end of the message does not."""
        exchange: Any = self.exchange
        self._responded = True
        if self.ended == COMPLETE:
            self.ended = RESET if self._worker.closing else CLIENT_GONE
        if exchange is not None and not self.is_websocket:
            self._log(exchange)
        elif exchange is not None and self._accepted:
            self._log_websocket(exchange, exchange.close_code)
        self._writer.keep_alive = False
        if self._file is not None:
            self._file.cancel()
            self._file = None
            self._file_done()
            self._transport.abort()
        if self._writer.by_close and self._fd >= 0 and not self._lost:
            # An orderly end of the connection would be an orderly end of the body (A05).
            reset_at_close(self._fd)
            self._transport.abort()
        self._input = CLOSED
        self.exchange = None
        self._close()

    def done(self) -> None:
        """See `Stream.done`."""
        worker = self._worker
        worker.running -= 1
        if worker.admission is not None:
            worker.admission.release(self)

    def _response_end(self) -> None:
        """The response is whole; go on with the input, but start nothing from here."""
        self._responded = True
        exchange = self.exchange
        if exchange is not None:
            self._log(exchange)
        if self._input == BODY:
            # What is left of the body has a deadline of its own from now on (L08).
            self._deadline = self._worker.now + self._worker.settings.timeout_undrained
            if self._expect:
                self._linger()
            elif self._reading_paused:
                self._resume()
        elif self._input == SOCKET:
            self._linger()
        elif self._input == WAIT and not self._advancing:
            self._end()
            if self._input == HEAD:
                if self._reader.buffered():
                    self._advance_soon()
                elif self._peer_eof:
                    self._close()
