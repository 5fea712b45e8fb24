"""One HTTP/1.1 or 1.0 connection: the protocol object of its transport, and the `Stream` of its
requests, which come one at a time.

Input runs through `_advance`, the only place that starts an exchange: never a downward call of an
exchange, because on pipelined input that would nest without end. What is fed while a response is
under way waits in the reader, bounded by pausing the transport. After a refusal or a last answer
nothing that arrives is looked at any more; it is read off, within limits, so that the kernel does
not answer it with a reset that takes our last bytes away from the client.
"""

import os
import select
import socket
import struct
from typing import Any

from penstock.errors import HttpError
from penstock.gateway.forwarded import apply as apply_forwarded
from penstock.gateway.http import HttpExchange
from penstock.gateway.stream import (
    DISCONNECT_EOF,
    DISCONNECT_LOST,
    DISCONNECT_PROTOCOL_ERROR,
    DISCONNECT_SHUTDOWN,
    DISCONNECT_TIMEOUT,
    Exchange,
    Stream,
)
from penstock.gateway.websocket import WebSocketExchange
from penstock.gateway.wsgi import WsgiExchange
from penstock.transport.sendfile import send_file
from penstock.wire.handshake import check_upgrade
from penstock.wire.http1 import Reader
from penstock.wire.http1_response import Writer

# What the input is for.
_HEAD = 0
_BODY = 1
_WAIT = 2
_SOCKET = 3
_CLOSED = 4

_EXTENSIONS = (
    "http.response.trailers",
    "http.response.early_hint",
    "http.response.pathsend",
    "http.response.zerocopysend",
)
_OLD_EXTENSIONS = ("http.response.pathsend", "http.response.zerocopysend")
_WEBSOCKET_EXTENSIONS = ("websocket.http.response",)

# Requests answered from one buffer before the loop turns: a pipeline must not hold it.
_PIPELINE_MAX = 32
_RETRY_AFTER_S = b"1"
_ADDRESSES_MAX = 256
# Windows has sockets that are no file descriptors.
_CAN_WRITE = hasattr(os, "writev")

_WATCHED = getattr(select, "POLLRDHUP", 0)


class Connection(Stream):
    """See the module. `worker` is the `transport.worker.Worker` that it belongs to."""

    __slots__ = (
        "_accept",
        "_accepted",
        "_advancing",
        "_body_limit",
        "_deadline",
        "_direct",
        "_drained",
        "_expect",
        "_fd",
        "_file",
        "_file_after",
        "_file_future",
        "_head_begun",
        "_head_seconds",
        "_high_water",
        "_input",
        "_keep_alive_seconds",
        "_lingering",
        "_logged",
        "_lost",
        "_peer",
        "_peer_eof",
        "_queued",
        "_rate_mark",
        "_rate_since",
        "_spilled",
        "_reader",
        "_reading_paused",
        "_received",
        "_responded",
        "_service",
        "_transport",
        "_trusted",
        "_worker",
        "_writer",
        "_written",
        "_wsgi",
        "exchange",
        "is_websocket",
    )

    @staticmethod
    def accepted(worker: Any, client: Any, peer: Any) -> "Connection":
        """The connection of a socket just accepted. Its addresses are asked for here, once, and not
        of the transport: that would keep objects of its own for each."""
        connection = Connection(worker)
        connection._fd = client.fileno()
        connection._direct = _CAN_WRITE
        connection._peer = connection.client = _address(peer)
        local = _address(client.getsockname(), True)
        # One object for all connections that came in by the same address; a host may route whole
        # networks to itself, hence the bound.
        if len(worker.addresses) > _ADDRESSES_MAX:
            worker.addresses.clear()
        connection.server = worker.addresses.setdefault(local, local)
        if worker.trust is not None:
            connection._trusted = worker.trust.is_trusted(connection._peer, local)
        return connection

    def __init__(self, worker: Any) -> None:
        settings = worker.settings
        self._worker = worker
        self._service = worker.service
        self._wsgi = worker.service.interface == "wsgi"
        self._reader = Reader(worker.limits, "http")
        self._writer = Writer()
        self._transport: Any = None
        self._fd = -1
        self._direct = False
        self._peer: Any = None
        self._trusted = False
        self._input = _HEAD
        self._advancing = False
        self._accept = b""
        self._accepted = False
        self._head_begun = False
        self._responded = False
        self._queued = False
        self._expect = False
        self._reading_paused = False
        self._peer_eof = False
        self._lingering = False
        self._lost = False
        self._logged = False
        self._high_water = settings.read_buffer
        self._keep_alive_seconds = settings.timeout_keep_alive
        self._head_seconds = settings.timeout_request_head
        self._deadline = 0.0
        self._received = 0
        self._written = 0
        self._spilled = False
        self._drained = 0
        self._rate_mark = -1
        self._rate_since = 0.0
        self._body_limit = settings.limit_undrained_body
        self._file: Any = None
        self._file_future: Any = None
        self._file_after = b""
        self.exchange: Exchange | None = None
        self.is_websocket = False
        self.writable = True
        self.http_version = "1.1"
        self.scheme = "http"
        self.extensions = _EXTENSIONS
        self.client = None
        self.server = None

    # The transport's calls.

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
        if self._input == _SOCKET:
            exchange = self.exchange
            if exchange is not None:
                exchange.on_body(data, False)
                if exchange.buffered > self._high_water:
                    self._pause()
            return
        if self._input == _CLOSED:
            self._drained += len(data)
            if self._drained > self._body_limit:
                self._transport.abort()
            return
        self._reader.feed(data)
        if self._input == _WAIT:
            if self._reader.buffered() > self._high_water:
                self._pause()
        elif not self._advancing:
            self._advance()

    def eof_received(self) -> bool:
        """A FIN: no death (P04). Returns whether the transport stays open for our side."""
        self._peer_eof = True
        exchange = self.exchange
        if self._input == _SOCKET:
            if exchange is not None:
                exchange.on_disconnect(DISCONNECT_LOST, True)
            return False
        if self._input == _CLOSED:
            return False
        if exchange is None:
            if not self._reader.buffered():
                return False
            self._advance()
            return True
        if self._input == _BODY:
            if self._responded:
                return False
            self._refuse(_incomplete())
            return True
        exchange.on_disconnect(DISCONNECT_EOF, False)
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        """The end, whoever wanted it."""
        worker = self._worker
        self._lost = True
        # From here on the descriptor may be somebody else's.
        self._direct = False
        self._input = _CLOSED
        exchange = self.exchange
        self.exchange = None
        if self._queued:
            self._queued = False
            worker.admission.withdraw(self)
        if self._file is not None:
            self._file.cancel()
            self._file = None
            self._file_done()
        if exchange is not None:
            if not self._responded and exchange.status and not self.is_websocket:
                self._log(exchange)
            exchange.on_disconnect(DISCONNECT_LOST, True)
        worker.connection_closed(self)

    def pause_writing(self) -> None:
        """The transport's buffer has passed the high-water mark."""
        self.writable = False

    def resume_writing(self) -> None:
        """The transport's buffer is below the low-water mark again."""
        self.writable = True
        if self.exchange is not None:
            self.exchange.on_writable()
        if self._input == _HEAD and self._reader.buffered() and not self._advancing:
            self._advance()

    # The input.

    def _advance(self) -> None:
        """Take what the reader has: heads, bodies, and the ends of exchanges, in their order."""
        if self._advancing:
            return
        self._advancing = True
        started = 0
        deferred = False
        try:
            while True:
                if self._input == _HEAD:
                    if not self._reader.buffered():
                        break
                    if not self.writable:
                        deferred = True
                        break
                    if started == _PIPELINE_MAX:
                        deferred = True
                        self._worker.loop.call_soon(self._advance)
                        break
                    head = self._reader.head()
                    if head is None:
                        break
                    started += 1
                    self._begin(head)
                if self._input == _BODY and not self._take_body():
                    break
                if self._input != _WAIT or not self._responded:
                    break
                self._end()
        except HttpError as exc:
            self._refuse(exc)
        finally:
            self._advancing = False
        if self._input == _HEAD:
            if self._reader.buffered():
                # A head's deadline counts from its first byte, not from its last (S01).
                if not self._head_begun:
                    self._head_begun = True
                    self._deadline = self._worker.now + self._head_seconds
                if deferred:
                    if self._reader.buffered() > self._high_water:
                        self._pause()
                elif self._peer_eof:
                    self._refuse(_incomplete())
                elif self._reading_paused:
                    self._resume()
            elif self._peer_eof:
                self._close()
        elif self._input != _CLOSED and self._reader.buffered() > self._high_water:
            self._pause()

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
        if self._trusted:
            self.client = self._peer
            self.scheme = "http"
            if head.forwarded:
                self.client, self.scheme = apply_forwarded(
                    worker.trust, self._peer, "http", head.headers
                )
        self._writer.begin(old, head.keep_alive and not worker.closing)
        if head.upgrade and not self._wsgi and b"websocket" in head.upgrade.split(b","):
            exchange: Exchange = self._begin_websocket(head)
        elif self._wsgi:
            exchange = WsgiExchange(service, self, head, worker.pool)
            self._input = _BODY if head.content_length else _WAIT
        else:
            request = HttpExchange.__new__(HttpExchange)
            request.begin(service, self, head)
            exchange = request
            self._input = _BODY if head.content_length else _WAIT
        self.exchange = exchange
        worker.requests += 1
        if self._input == _BODY:
            self._rate_since = worker.now
            self._rate_mark = self._received
            self._take_body()
            if self._peer_eof and self._input == _BODY:
                raise _incomplete()
        if worker.admission is not None:
            self._queued = True
            if not worker.admission.admit(self):
                return
            self._queued = False
        self._start(exchange)

    def _start(self, exchange: Exchange) -> None:
        self._worker.running += 1
        if self._peer_eof:
            exchange.on_disconnect(DISCONNECT_EOF, False)
        exchange.start()
        if self._input == _SOCKET and not self._lost:
            rest = self._reader.rest()
            if rest:
                exchange.on_body(rest, False)

    def _begin_websocket(self, head: Any) -> Exchange:
        """A handshake: its answer is the last thing that is HTTP here, whatever it is (P05)."""
        offer = check_upgrade(head, self._worker.settings)
        self._accept = offer.accept
        self.is_websocket = True
        self.extensions = _WEBSOCKET_EXTENSIONS
        self._writer.keep_alive = False
        self._input = _SOCKET
        return WebSocketExchange(self._service, self, head, offer)

    def _take_body(self) -> bool:
        """Give the exchange what there is of the body; whether it is whole now."""
        reader = self._reader
        if reader.body_ended:
            self._input = _WAIT
            return True
        data = reader.body()
        ended = reader.body_ended
        exchange = self.exchange
        if self._responded or exchange is None:
            self._drained += len(data)
            if self._drained > self._body_limit:
                self._linger()
                return False
        elif data or ended:
            exchange.on_body(data, ended)
            if exchange.buffered > self._high_water and not ended:
                self._pause()
        if ended:
            self._input = _WAIT
            self._rate_mark = -1
        return ended

    def _end(self) -> None:
        """Response and body are whole: the connection is free for the next request, or closes."""
        self.exchange = None
        if not self._writer.keep_alive:
            if self._reader.buffered():
                # What was sent too many must not turn our close into a reset (RFC 9112 9.6).
                self._linger()
            else:
                self._close()
            return
        self._input = _HEAD
        self._reader.release()
        self._deadline = self._worker.now + self._keep_alive_seconds
        if self._reading_paused:
            self._resume()

    def _refuse(self, exc: HttpError) -> None:
        """Answer a request that is refused, and serve nothing that follows (threats, rule 2)."""
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
        self._input = _CLOSED
        if not left:
            self._answer(exc.status, str(exc), getattr(exc, "headers", ()), _bodyless(exchange))
            self._linger()
        elif exchange is not None:
            self._transport.close()

    def _answer(self, status: int, text: str, headers: Any, bodyless: bool) -> None:
        """A whole small answer of the server's own; the connection closes after it."""
        body = b"" if bodyless else b"%d: %b\n" % (status, text.encode("ascii", "replace"))
        writer = self._writer
        writer.keep_alive = False
        fields = [(b"content-type", b"text/plain; charset=utf-8"), *headers]
        writer.head(status, fields, bodyless, False, self._worker.default_headers)
        self._write(writer.body(body, True))

    def _close(self) -> None:
        """Close once everything is written."""
        self._input = _CLOSED
        if not self._transport.is_closing():
            self._transport.close()

    def _linger(self) -> None:
        """End our side, and read off what the client still sends, up to a limit and a deadline."""
        self._input = _CLOSED
        if self._lingering or self._transport.is_closing():
            return
        if self._peer_eof or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._lingering = True
        self._direct = False
        self._drained = 0
        self._deadline = self._worker.now + self._worker.settings.timeout_undrained
        self._transport.write_eof()
        if self._reading_paused:
            self._resume()

    def _pause(self) -> None:
        if not self._reading_paused and not self._lost and not self._transport.is_closing():
            self._reading_paused = True
            self._rate_mark = -1
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            if self._input == _BODY:
                self._rate_since = self._worker.now
                self._rate_mark = self._received
            if not self._lost and not self._transport.is_closing():
                self._transport.resume_reading()

    # The exchange's calls; see Stream.

    def head(self, status: int, headers: Any, bodyless: bool, trailers: bool) -> int:
        """See `Stream.head`."""
        return self._writer.head(
            status, headers, bodyless, trailers, self._worker.default_headers
        )

    def flush(self) -> None:
        """See `Stream.flush`."""
        if self._writer.held:
            self._write(self._writer.flush())

    def body(self, data: bytes, end: bool) -> None:
        """See `Stream.body`."""
        if self._accepted:
            if data:
                self._write(data)
            if end:
                self._responded = True
                self._linger()
            return
        if end and self._input == _BODY and self._expect:
            # The client may send the body after this answer, or not: there is no telling (S10).
            self._writer.keep_alive = False
        out = self._writer.body(data, end)
        if out:
            self._write(out)
        if end:
            self._response_end()

    def file(self, fd: int, offset: int, count: int, end: bool) -> Any:
        """See `Stream.file`."""
        before, after = self._writer.file_frame(count, end)
        if before:
            self._write(before)
        future = self._service.runtime.new_future()
        self._file_future = future
        self._spilled = True
        self._file_after = after
        self._file = None
        on_done = self._file_sent_end if end else self._file_sent
        job = send_file(self._worker.loop, self._transport, fd, offset, count, on_done)
        if self._file_future is not None:
            self._file = job
        return future

    def trailers(self, headers: Any) -> None:
        """See `Stream.trailers`."""
        out = self._writer.trailers(headers)
        if out:
            self._write(out)
        self._response_end()

    def informational(self, status: int, headers: Any) -> None:
        """See `Stream.informational`."""
        out = self._writer.informational(status, headers)
        if out:
            self._write(out)

    def accept(self, headers: Any) -> None:
        """See `Stream.accept`: the rest of the connection belongs to the WebSocket."""
        out = self._writer.switch(self._accept, headers, self._worker.default_headers)
        self._accepted = True
        self._write(out)
        if self._worker.access_log is not None and self.exchange is not None:
            head = self.exchange.head
            self._worker.access_log.add_websocket(self.client, head.raw_path, head.query, 0)

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
        exchange = self.exchange
        self._responded = True
        if exchange is not None and not self.is_websocket:
            self._log(exchange)
        self._writer.keep_alive = False
        if self._file is not None:
            self._file.cancel()
            self._file = None
            self._file_done()
            self._transport.abort()
        if self._writer.by_close and self._fd >= 0 and not self._lost:
            # An orderly end of the connection would be an orderly end of the body (A05).
            _reset_at_close(self._fd)
            self._transport.abort()
        self._input = _CLOSED
        self.exchange = None
        self._close()

    def done(self) -> None:
        """See `Stream.done`."""
        worker = self._worker
        worker.running -= 1
        if worker.admission is not None:
            worker.admission.release()

    # Their insides.

    def _response_end(self) -> None:
        """The response is whole; go on with the input, but start nothing from here."""
        self._responded = True
        exchange = self.exchange
        if exchange is not None:
            self._log(exchange)
        if self._input == _BODY:
            # What is left of the body has a deadline of its own from now on (L08).
            self._deadline = self._worker.now + self._worker.settings.timeout_undrained
            if self._expect:
                self._linger()
            elif self._reading_paused:
                self._resume()
        elif self._input == _SOCKET:
            self._linger()
        elif self._input == _WAIT and not self._advancing:
            self._end()
            if self._input == _HEAD:
                if self._reader.buffered():
                    self._worker.loop.call_soon(self._advance)
                elif self._peer_eof:
                    self._close()

    def _log(self, exchange: Any) -> None:
        log = self._worker.access_log
        if log is not None and not self._logged:
            self._logged = True
            head = exchange.head
            log.add(
                self.client, head.method, head.raw_path, head.query, head.http_version, exchange.status
            )

    def _write(self, out: Any) -> None:
        """Write bytes, or a list of bytes: straight to the socket while the transport has nothing
        of its own to write, which saves its queue and a turn of the loop. What the kernel does not
        take goes to the transport, which tells when it has room again. While more requests or
        messages wait, answers are left to the transport too: it sends all of a turn in one write.
        """
        transport = self._transport
        if self._spilled and not transport.get_write_buffer_size():
            self._spilled = False
        direct = self._direct and not self._spilled
        if type(out) is bytes:
            size = len(out)
            self._written += size
            if direct and not self._reader.buffered():
                try:
                    sent = os.write(self._fd, out)
                except OSError:
                    # Full for now, or broken: the transport finds out and reports in its own way.
                    sent = 0
                if sent == size:
                    return
                if sent:
                    out = out[sent:]
            self._spilled = True
            # A broken transport complains about each further write: not of ours (A11).
            if not transport.is_closing():
                transport.write(out)
            return
        for part in out:
            self._written += len(part)
        sent = 0
        if direct:
            try:
                sent = os.writev(self._fd, out)
            except OSError:
                sent = 0
        for part in out:
            if sent >= len(part):
                sent -= len(part)
            else:
                self._spilled = True
                if not transport.is_closing():
                    transport.write(part[sent:] if sent else part)
                sent = 0

    def _file_sent(self, error: BaseException | None) -> None:
        """`send_file` has ended, and with it a part of the response."""
        self._file = None
        if error is not None:
            if not isinstance(error, ConnectionError):
                self._service.note("error", f"response cut, {error}")
            if self.exchange is not None:
                self.exchange.on_disconnect(DISCONNECT_LOST, True)
            self._file_done()
            self._transport.abort()
            return
        if self._file_after:
            self._write(self._file_after)
        self._file_done()

    def _file_sent_end(self, error: BaseException | None) -> None:
        """`send_file` has ended, and with it the response."""
        self._file_sent(error)
        if error is None:
            self._response_end()

    def _file_done(self) -> None:
        future = self._file_future
        self._file_future = None
        if future is not None and not future.done():
            future.set_result(None)

    # The worker's calls.

    def on_sweep(self, now: float) -> None:
        """Deadlines, and lowest rates, of whatever is under way (S01 to S05)."""
        if self._lost:
            return
        state = self._input
        if state == _CLOSED:
            if self._lingering and now > self._deadline:
                self._transport.abort()
            elif not self._lingering:
                self._check_reader(now)
            return
        if state == _HEAD:
            if now > self._deadline:
                if self._reader.buffered():
                    self._refuse(_too_slow("head", "timeout_request_head"))
                else:
                    self._close()
            return
        exchange = self.exchange
        if exchange is not None:
            exchange.on_deadline(now)
            if self._lost or self._input == _CLOSED:
                return
        if self._reading_paused:
            self._check_paused()
        if state == _BODY and not self._reading_paused:
            if self._responded:
                if now > self._deadline:
                    self._linger()
                return
            self._check_sender(now)
        else:
            self._check_reader(now)

    def _check_sender(self, now: float) -> None:
        """A body must come at the lowest rate, over each window (S03)."""
        settings = self._worker.settings
        window = settings.timeout_min_rate
        if self._expect:
            # The client rightly waits for us.
            self._rate_since = now
        if now - self._rate_since < window:
            return
        if self._received - self._rate_mark >= settings.min_rate * window:
            self._rate_since = now
            self._rate_mark = self._received
            return
        self._refuse(_too_slow("body", "min_rate"))

    def _check_reader(self, now: float) -> None:
        """What we send must be read at the lowest rate, over each window (S04)."""
        waiting = self._transport.get_write_buffer_size()
        job = self._file
        if not waiting and job is None:
            self._rate_since = now
            self._rate_mark = -1
            return
        gone = self._written - waiting
        if job is not None:
            gone += job.sent
        if self._rate_mark < 0 or self._rate_mark > gone:
            self._rate_since = now
            self._rate_mark = gone
            return
        settings = self._worker.settings
        window = settings.timeout_min_rate
        if now - self._rate_since < window:
            return
        if gone - self._rate_mark >= settings.min_rate * window:
            self._rate_since = now
            self._rate_mark = gone
            return
        self._service.note("info", "a client that does not read is cut (min_rate changes this)")
        if self.exchange is not None:
            self.exchange.on_disconnect(DISCONNECT_TIMEOUT, True)
        self._transport.abort()

    def _check_paused(self) -> None:
        """While reading is paused no loop reports a FIN or a reset: ask the socket."""
        if not _WATCHED or self._fd < 0:
            return
        poll = select.poll()
        poll.register(self._fd, _WATCHED)
        events = poll.poll(0)
        if not events:
            return
        if events[0][1] & (select.POLLERR | select.POLLHUP):
            self._transport.abort()
        elif self._input == _WAIT and self.exchange is not None:
            self.exchange.on_disconnect(DISCONNECT_EOF, False)

    def start_queued(self) -> None:
        """A slot has come free for the request that waited."""
        self._queued = False
        exchange = self.exchange
        if exchange is None or self._lost:
            self._worker.admission.release()
            return
        self._advancing = True
        try:
            self._start(exchange)
        finally:
            self._advancing = False
        self._advance()

    def refuse_queued(self) -> None:
        """No slot has come free in time: 503 (S12); the connection stays where it can."""
        bodyless = _bodyless(self.exchange)
        self._queued = False
        self.exchange = None
        writer = self._writer
        if self._input != _WAIT:
            writer.keep_alive = False
        body = b"" if bodyless else b"503: too many requests at once\n"
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"retry-after", _RETRY_AFTER_S),
        ]
        writer.head(503, headers, bodyless, False, self._worker.default_headers)
        self._write(writer.body(body, True))
        self._responded = True
        if not self._advancing:
            if self._input == _WAIT:
                self._end()
                if self._input == _HEAD and self._reader.buffered():
                    self._worker.loop.call_soon(self._advance)
            else:
                self._linger()

    def begin_shutdown(self) -> None:
        """The server stops: what runs goes on to its end, and is the last."""
        self._writer.keep_alive = False
        exchange = self.exchange
        if exchange is not None:
            exchange.on_shutdown()
        elif self._input == _HEAD and not self._reader.buffered():
            self._close()

    def notify_disconnect(self) -> None:
        """The grace is over: tell the application of a long request."""
        if self.exchange is not None and not self.is_websocket:
            self.exchange.on_disconnect(DISCONNECT_SHUTDOWN, False)

    def abort(self, reason: str) -> str:
        """End it by force; returns what was stuck, and where, for the log."""
        exchange: Any = self.exchange
        place = ""
        if exchange is not None:
            head = getattr(exchange, "head", None)
            name = f"{head.method} {head.raw_path.decode('ascii')}" if head is not None else ""
            place = f"{name} at {exchange.cancel()}"
        if not self._lost:
            self._transport.abort()
        return place


def _address(name: Any, local: bool = False) -> Any:
    """An ASGI address of a socket's name: (host, port), (path, None) for a Unix socket of our own,
    None where there is nothing to tell (HTTP-SCOPE-16 to 19)."""
    if isinstance(name, tuple):
        return name[0].partition("%")[0], name[1]
    if local and isinstance(name, (str, bytes)) and name:
        return os.fsdecode(name), None
    return None


def _reset_at_close(fd: int) -> None:
    """Let the close of the socket `fd` be a reset; what is not sent yet is given up with it."""
    sock = socket.socket(fileno=os.dup(fd))
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    finally:
        sock.close()


def _bodyless(exchange: Any) -> bool:
    """Whether an answer in place of this exchange's, if there is one, has no body."""
    return exchange is not None and exchange.head.method == "HEAD"


def _incomplete() -> HttpError:
    return HttpError(400, "the request ended before it was whole", "RFC 9112 8")


def _too_slow(what: str, option: str) -> HttpError:
    return HttpError(408, f"the request's {what} came too slowly", "RFC 9110 15.5.9", option)
