"""One HTTP/1.1 or 1.0 connection: the protocol object of its transport, and the `Stream` of its
requests.

It is made of three layers, each the base of the next: `http1_output` writes, `http1_input` reads
and starts exchanges, and this module answers the worker: deadlines, a full house, the shutdown.
"""

import os
import select
from typing import Any

from penstock.errors import HttpError
from penstock.gateway.endings import RESET
from penstock.gateway.stream import (
    DISCONNECT_EOF,
    DISCONNECT_LOST,
    DISCONNECT_SHUTDOWN,
    Exchange,
)
from penstock.transport.http1_input import Input
from penstock.transport.http1_output import BODY, CLOSED, HEAD, WAIT, bodyless
from penstock.transport.record import given_id
from penstock.transport.sockets import address_of

_RETRY_AFTER_S = b"1"
_ADDRESSES_MAX = 256
# Windows has sockets that are no file descriptors.
_CAN_WRITE = hasattr(os, "writev")

# How HTTP/2's preface begins: no request of HTTP/1, by design.
_HTTP2_LINE = b"PRI * HTTP/2.0\r\n"

_WATCHED = getattr(select, "POLLRDHUP", 0)


class Connection(Input):
    """See the module. `worker` is the `transport.worker.Worker` that it belongs to."""

    __slots__ = ()

    @staticmethod
    def accepted(
        worker: Any, bind: Any, client: Any, peer: Any, origin: Any = None
    ) -> "Connection":
        """The connection of a socket just accepted at `bind`; `origin` is what its PROXY header
        says. Its addresses are asked for here, once, and not of the transport: that would keep
        objects of its own for each."""
        connection = Connection(worker)
        connection.scheme = connection._own_scheme = bind.scheme
        connection._fd = client.fileno()
        connection._direct = _CAN_WRITE and not bind.tls
        theirs = address_of(peer)
        local = ours = address_of(client.getsockname(), True)
        if origin is not None:
            if origin.tls is not None:
                from penstock.transport.proxied_tls import ProxiedTlsInfo  # few proxies tell of it

                connection.tls = ProxiedTlsInfo(origin.tls)
                connection.scheme = connection._own_scheme = "https"
            if origin.told:
                # From here on the proxy's own address counts for nothing. A path on the proxy's
                # machine is none of ours, so it says nothing of trust.
                theirs, ours, local = origin.client, origin.server or ours, None
        connection.client = theirs
        # One object for all connections that came in by the same address; a host may route whole
        # networks to itself, hence the bound.
        if len(worker.addresses) > _ADDRESSES_MAX:
            worker.addresses.clear()
        connection.server = worker.addresses.setdefault(ours, ours)
        if worker.forwarding is not None:
            connection._proxy = worker.forwarding.of(theirs, local)
            if connection._record is not None:
                connection._record.trusted = connection._proxy.trusted
        return connection

    def connection_lost(self, exc: BaseException | None) -> None:
        """The end, whoever wanted it."""
        worker = self._worker
        self._lost = True
        # From here on the descriptor may be somebody else's.
        self._direct = False
        self._input = CLOSED
        exchange: Any = self.exchange
        self.exchange = None
        if self._queued:
            self._queued = False
            worker.admission.withdraw(self)
        if self._file is not None:
            self._file.cancel()
            self._file = None
            self._file_done()
        if not self.is_websocket:
            self._log_lost(exchange, exc)
        if exchange is not None:
            exchange.on_disconnect(DISCONNECT_LOST, True)
            if self._accepted:
                self._log_websocket(exchange, exchange.close_code)
        worker.connection_closed(self)

    def on_sweep(self, now: float) -> None:
        """Deadlines, and lowest rates, of whatever is under way (S01 to S05)."""
        if self._lost:
            return
        if self._record is not None:
            self._check_record(self._record, self.exchange, not self.is_websocket)
        state = self._input
        ended = state in (HEAD, CLOSED) and self._spilled
        if ended and self._transport.get_write_buffer_size():
            # Not idle, not over: the client still has to read what it was answered (S04).
            self._check_reader(now)
            if state == CLOSED:
                self._deadline = now + self._worker.settings.timeout_undrained
            elif not self._reader.buffered():
                self._deadline = now + self._keep_alive_seconds
            return
        if state == CLOSED:
            if self._lingering and now > self._deadline:
                self._transport.abort()
            return
        if state == HEAD:
            if now > self._deadline:
                if self._reader.buffered():
                    self._refuse(_too_slow("head", "timeout_request_head"))
                else:
                    self._close()
            return
        exchange = self.exchange
        if exchange is not None:
            exchange.on_deadline(now)
            if self._input == CLOSED:
                return
        if self._reading_paused:
            self._check_paused()
        elif state == BODY:
            if not self._responded:
                self._check_sender(now)
            elif now > self._deadline:
                self._linger()
        if self._input != CLOSED:
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

    def _check_paused(self) -> None:
        """While reading is paused no loop reports a FIN or a reset: ask the socket."""
        if not _WATCHED or self._fd < 0:
            return
        poll = select.poll()
        poll.register(self._fd, _WATCHED)
        events = poll.poll(0)
        if not events:
            return
        if events[0][1] & (select.POLLERR | select.POLLHUP) or (
            self.tls is not None and self.tls.here
        ):
            # Over TLS its end is the end of the connection
            self._transport.abort()
        elif self._input == WAIT and self.exchange is not None:
            self.exchange.on_disconnect(DISCONNECT_EOF, False)

    def start_queued(self) -> None:
        """A slot has come free for the request that waited."""
        self._queued = False
        exchange = self.exchange
        if exchange is None or self._lost:
            self._worker.admission.release(self)
            return
        self._advancing = True
        try:
            self._start(exchange)
        finally:
            self._advancing = False
        self._advance()

    def refuse_queued(self) -> None:
        """No slot has come free in time: 503 (S12); the connection stays where it can."""
        exchange: Any = self.exchange
        without_body = bodyless(exchange)
        self._queued = False
        self.exchange = None
        writer = self._writer
        if self._input != WAIT:
            writer.keep_alive = False
        body = b"" if without_body else b"503: too many requests at once\n"
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"retry-after", _RETRY_AFTER_S),
        ]
        writer.head(503, headers, without_body, False, self._worker.default_headers)
        self._write(writer.body(body, True))
        self._responded = True
        if exchange is not None:
            self._log_refused(exchange, 503, False)
        if self._input != WAIT:
            self._linger()
        elif not self._advancing:
            self._end()
            if self._input == HEAD and self._reader.buffered():
                self._advance_soon()

    def exchanges(self) -> list[Exchange]:
        """Those under way, at most one."""
        exchange = self.exchange
        return [] if exchange is None else [exchange]

    @property
    def expects_request(self) -> bool:
        """Whether a request may be on its way that nobody can tell the client not to send."""
        return self.exchange is None

    def identity(self, exchange: Any) -> tuple[str, Any]:
        """Id and client of the request under way; the id is made here where the log asks for none."""
        if self._record is not None:
            return self._record.request_id(exchange.head), self.client
        trusted = self._proxy is not None and self._proxy.trusted
        given = given_id(exchange.head.headers) if trusted else ""
        return given or f"{self._worker.id_prefix}{self._worker.requests}", self.client

    def handed_over(self) -> tuple[Any, ...]:
        """What is known of the socket, for a connection that takes its place; this one is over."""
        self._lost = True
        self._direct, direct = False, self._direct
        self._input = CLOSED
        self._worker.connections.discard(self)
        return (
            self._worker,
            self._fd,
            direct,
            self._proxy,
            self._own_scheme,
            self.client,
            self.server,
            self.tls,
        )

    def _becomes_http2(self) -> bool:
        """Go on as an HTTP/2 connection, if that is what the client speaks (RFC 9113 section 3.3).
        Inside of TLS it has to be agreed on by ALPN, and then it never comes here."""
        transport = self._transport
        data = self._reader.rest()
        if not data.startswith(_HTTP2_LINE) or not self._worker.settings.http2:
            return False
        if transport.get_extra_info("ssl_object") is not None:
            return False
        from penstock.transport import http2  # where nobody speaks it, it takes no memory

        successor = http2.Connection.in_place_of(self)
        transport.set_protocol(successor)
        successor.connection_made(transport)
        successor.data_received(data)
        return True

    def begin_shutdown(self) -> None:
        """The server stops: what runs goes on to its end, and is the last."""
        self._writer.keep_alive = False
        exchange = self.exchange
        if exchange is not None:
            exchange.on_shutdown()
        elif self._lingering or (self._input == HEAD and not self._reader.buffered()):
            self._close()

    def relieve(self) -> None:
        """Room is needed: wait no longer for a client that has got everything to close, too."""
        if self._lingering and not self._lost and not self._transport.get_write_buffer_size():
            self._transport.close()

    def notify_disconnect(self) -> None:
        """The grace is over: tell the application of a long request."""
        if self.exchange is not None and not self.is_websocket:
            self.exchange.on_disconnect(DISCONNECT_SHUTDOWN, False)

    def abort(self) -> None:
        """End it by force."""
        if self.exchange is not None:
            self.ended = RESET
            self.exchange.cancel()
        if not self._lost:
            self._transport.abort()


def _too_slow(what: str, option: str) -> HttpError:
    return HttpError(408, f"the request's {what} came too slowly", "RFC 9110 15.5.9", option)
