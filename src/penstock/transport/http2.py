"""One HTTP/2 connection: the protocol object of its transport (RFC 9113).

It is made of three layers, each the base of the next: `http2_output` writes, `http2_input` reads and
starts exchanges, and this module answers the worker: deadlines, the shutdown, and how a connection
becomes one of HTTP/2: by ALPN, or because the client's first bytes say so.
"""

from typing import Any

from penstock.errors import Http2Error
from penstock.gateway.endings import TIMEOUT
from penstock.gateway.stream import DISCONNECT_LOST, DISCONNECT_TIMEOUT, Exchange
from penstock.transport.http2_input import Input
from penstock.transport.http2_output import WRITE_BUFFER_BYTES
from penstock.wire.http2_frames import NO_ERROR

_NO_ERROR = NO_ERROR

# How long the second step of a graceful GOAWAY waits for the client to have seen the first, where it
# does not answer our PING (RFC 9113 section 6.8 asks for a round trip at least).
_GOAWAY_S = 1.0


class Connection(Input):
    """See the module. `worker` is the `transport.worker.Worker` that it belongs to."""

    __slots__ = ("_last_step_at",)

    # Of a connection whose only request is a WebSocket; here its streams count.
    is_websocket = False
    # A GOAWAY lets requests on their way be answered, so the shutdown need not wait for them
    expects_request = False

    def __init__(self, worker: Any) -> None:
        Input.__init__(self, worker)
        self._last_step_at = -1.0

    @staticmethod
    def in_place_of(connection: Any) -> "Connection":
        """An HTTP/2 connection for the socket of a fresh `http1.Connection`, which is given up."""
        worker, fd, direct, proxy, scheme, client, server, tls = connection.handed_over()
        successor = Connection(worker)
        successor._fd = fd
        successor._direct = direct
        successor._proxy = proxy
        successor.scheme = scheme
        successor.client = client
        successor.server = server
        successor.tls = tls
        return successor

    def connection_made(self, transport: Any) -> None:
        """Greet the client (RFC 9113 section 3.4), and start the first deadline (S02)."""
        worker = self.worker
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._deadline = worker.now + worker.settings.timeout_request_head
        worker.connections.add(self)
        self.output()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The end, whoever wanted it."""
        self._lost = True
        # From here on the descriptor may be somebody else's.
        self._direct = False
        self._closed = True
        for stream in list(self.streams):
            stream.lost(DISCONNECT_LOST)
        self.worker.connection_closed(self)

    # For the worker.

    def exchanges(self) -> list[Exchange]:
        """Those under way."""
        return [stream.exchange for stream in list(self.streams) if stream.exchange is not None]

    def identity(self, exchange: Any) -> tuple[str, Any]:
        """Id and client of a request under way."""
        for stream in self.streams:
            if stream.exchange is exchange:
                return stream.request_id(), stream.client
        return "", self.client

    def on_sweep(self, now: float) -> None:
        """Deadlines, and lowest rates, of whatever is under way (S01 to S05, H03, H10)."""
        if self._lost:
            return
        if self._closed:
            self._sweep_closed(now)
            return
        try:
            self.session.tick(now)
        except Http2Error as exc:
            self._fail(exc)
            return
        if (self._peer_eof or self._reading_paused) and self._is_gone():
            self._transport.abort()
            return
        for stream in list(self.streams):
            stream.on_sweep(now)
        if not self._reads(now):
            self._cut_reader()
            return
        if self.session.has_output():
            self._flush()
        if self._last_step_at >= 0:
            self._go_on_leaving(now)
        elif not self.streams and now > self._deadline:
            if self._transport.get_write_buffer_size():
                # Not idle: it still has to read what it was answered (S04)
                self._deadline = now + self.worker.settings.timeout_keep_alive
            else:
                self._leave()

    def _sweep_closed(self, now: float) -> None:
        if self._transport.get_write_buffer_size():
            if not self._reads(now):
                self._cut_reader()
            self._deadline = now + self.worker.settings.timeout_undrained
        elif self._lingering and now > self._deadline:
            self._transport.abort()

    def _cut_reader(self) -> None:
        """The client does not read what it asked for."""
        self.worker.reader_cut()
        for stream in list(self.streams):
            stream.ended = TIMEOUT
            stream.lost(DISCONNECT_TIMEOUT)
        self._cut()

    def begin_shutdown(self) -> None:
        """The server stops. First step: a warning, and a PING whose answer tells that it was read;
        what comes before that is still served (RFC 9113 section 6.8)."""
        if self._closed:
            if self._lingering:
                self._close()
            return
        if self._last_step_at >= 0:
            return
        self._last_step_at = self.worker.loop.time() + _GOAWAY_S
        # In this order: some clients take nothing more once they have read a GOAWAY
        self.session.ping()
        self.session.go_away(_NO_ERROR, False)
        self.output()
        self.worker.loop.call_later(_GOAWAY_S, self._late)
        for stream in list(self.streams):
            if stream.is_websocket and stream.exchange is not None:
                stream.exchange.on_shutdown()

    def _late(self) -> None:
        if not self._lost and not self._closed:
            self._go_on_leaving(self.worker.loop.time())

    def _go_on_leaving(self, now: float) -> None:
        """The second step when it is due; the end when nothing is left."""
        session = self.session
        if not session.leaving and (not session.ping_open or now >= self._last_step_at):
            session.go_away(_NO_ERROR, True)
            self._flush()
        if session.leaving and not self.streams and not session.has_output():
            self._linger()

    def _leave(self) -> None:
        """Say goodbye to an idle client, and close."""
        self.session.go_away(_NO_ERROR, True)
        self._flush()
        self._linger()

    def _after(self) -> None:
        """See `Input._after`: also the time to see whether a graceful end has come."""
        if self._last_step_at >= 0:
            self._go_on_leaving(self.worker.loop.time())
        elif self._peer_eof and not self.streams and not self.session.has_output():
            self._close()

    def notify_disconnect(self) -> None:
        """The grace is over: tell the applications of long requests."""
        for stream in list(self.streams):
            stream.told_shutdown()

    def abort(self) -> None:
        """End it by force."""
        for stream in list(self.streams):
            stream.cancel()
        if not self._lost:
            self._transport.abort()
