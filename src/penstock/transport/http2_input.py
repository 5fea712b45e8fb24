"""What an HTTP/2 connection receives, and the exchanges that come of it, many at a time.

`_advance` is the only place that starts an exchange from input. What is fed while the client does not
read waits in the session, undecoded, and reading is paused: nothing that we would have to say to it can
grow. After a connection error, or the last GOAWAY, what arrives is read off within limits.
"""

import select
from typing import Any

from penstock.errors import Http2Error, HttpError
from penstock.gateway.forwarded import NEVER
from penstock.gateway.http import HttpExchange
from penstock.gateway.stream import DISCONNECT_LOST, DISCONNECT_PROTOCOL_ERROR, Exchange
from penstock.transport.http2_output import Output
from penstock.transport.http2_stream import Http2Stream
from penstock.wire.events import Head
from penstock.wire.http2_events import DATA, NEED_MORE, REFUSED, REQUEST, RESET
from penstock.wire.http2_frames import ERROR_NAMES

# Twins of public names: what the .pxd declares as C integers, nobody else can import.
_DATA = DATA
_NEED_MORE = NEED_MORE
_REFUSED = REFUSED
_REQUEST = REQUEST
_RESET = RESET

_RULE = "RFC 9113"
# Of a request whose head cannot be told: its answer is one that suits any method, without a body.
_NO_HEAD = Head("HEAD", b"", b"", [], "2")
_WEBSOCKET_EXTENSIONS = ("websocket.http.response",)
_WATCHED = getattr(select, "POLLRDHUP", 0)
# How long the end of a client's sending is kept from the applications, as for HTTP/1.
_FIN_GRACE_S = 0.5
# Requests started in one turn of the loop: a read full of small ones must not hold it.
_REQUESTS_MAX = 64
# The client's preface and an empty SETTINGS (RFC 9113 section 3.4): before it has sent these, its
# deadline is that of a request's head.
_GREETING_BYTES = 24 + 9


class Input(Output):
    """The base of `http2.Connection`."""

    __slots__ = ("_advance_due", "_greeted", "_recording", "_wsgi")

    def __init__(self, worker: Any) -> None:
        Output.__init__(self, worker)
        self._wsgi = worker.service.interface == "wsgi"
        self._advance_due = False
        self._greeted = False
        self._recording = worker.new_record() is not None

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        self._received += len(data)
        if self._closed:
            self._read_off(len(data))
            return
        if not self._greeted and self._received >= _GREETING_BYTES:
            self._greeted = True
            self._deadline = self.worker.now + self.worker.settings.timeout_keep_alive
        self.session.receive(data)
        if self._advance_due or self._paused:
            self._pause()
        elif not self._advancing:
            self._advance()

    def eof_received(self) -> bool:
        """A FIN. Streams under way get their answers; returns whether the transport stays open. A client
        that has closed both its sides answers our PING with a reset, which the sweep sees."""
        self._peer_eof = True
        if self._closed or not self.streams:
            return False
        self.session.ping()
        self.output()
        self.worker.loop.call_later(_FIN_GRACE_S, self._tell_fin)
        return True

    def _is_gone(self) -> bool:
        """Whether the client is gone: no loop reports it while nothing is read. Ends the streams that
        wait for a window from a client which will send none."""
        if self._peer_eof:
            for stream in list(self.streams):
                if stream.stalls():
                    stream.lost(DISCONNECT_LOST)
        if not _WATCHED or self._fd < 0:
            return False
        poll = select.poll()
        poll.register(self._fd, _WATCHED)
        events = poll.poll(0)
        return bool(events) and events[0][1] & (select.POLLERR | select.POLLHUP) != 0

    def _tell_fin(self) -> None:
        if self._lost:
            return
        if self._is_gone():
            self._transport.abort()
            return
        for stream in list(self.streams):
            stream.half_closed()

    def advance_soon(self) -> None:
        """Go on with the input in the next turn of the loop."""
        if not self._advance_due:
            self._advance_due = True
            self.worker.loop.call_soon(self._advance_now)

    def _advance_now(self) -> None:
        self._advance_due = False
        if not self._closed and not self._lost and not self._paused:
            self._resume()
            self._advance()

    def _resumed(self) -> None:
        """The socket takes more: write, and go on with what waited for that."""
        self._flush()
        if not self._paused and not self._closed and not self._advance_due:
            self._resume()
            if self.session.pending():
                self._advance()

    def _advance(self) -> None:
        """Take what the session has, and write at the end what has come of it. A GOAWAY of the client
        changes nothing: the streams under way go on to their ends."""
        if self._advancing:
            return
        self._advancing = True
        started = 0
        session = self.session
        try:
            while True:
                event = session.next()
                if event == _REQUEST:
                    self._begin(session.stream, session.head, session.protocol, session.ended)
                    started += 1
                    if started == _REQUESTS_MAX:
                        self.advance_soon()
                        break
                elif event == _DATA:
                    stream: Any = session.stream.owner
                    if stream is not None:
                        stream.received(session.data, session.ended)
                    else:
                        session.consumed(session.stream, len(session.data))
                elif event == _NEED_MORE:
                    break
                elif event == _RESET:
                    self._reset(session.stream, session.ours)
                elif event == _REFUSED:
                    self._refuse(session)
        except Http2Error as exc:
            self._fail(exc)
        finally:
            self._advancing = False
        if not self._closed:
            self._flush()
            self._after()

    def _begin(self, end: Any, head: Any, protocol: bytes, ended: bool) -> None:
        """Start the exchange of a request whose head has come."""
        stream = Http2Stream.__new__(Http2Stream)
        stream.begin(self, end, head, ended)
        end.owner = stream
        self.streams.add(stream)
        self._start(stream, head, protocol)

    def begin_promised(self, parent: Any, end: Any, head: Any) -> None:
        """See `Output.begin_promised`."""
        if self._lost or self._closed or not end.open:
            # The client has taken it back meanwhile, or is gone
            self.session.done(end)
            return
        stream = Http2Stream.__new__(Http2Stream)
        stream.begin(self, end, head, True)
        stream.told_as(parent)
        end.owner = stream
        self.streams.add(stream)
        self._start(stream, head, b"")

    def _start(self, stream: Any, head: Any, protocol: bytes) -> None:
        """Start the exchange of a stream."""
        worker = self.worker
        service = self.service
        if (
            head.forwarded
            and self._proxy is not None
            and self._proxy.tell(stream, self.scheme, head) == NEVER
        ):
            self._proxy = None
        file = None
        if worker.static is not None and not protocol:
            file = worker.static.exchange(service, stream, head)
        if file is not None:
            exchange: Exchange = file
        elif protocol:
            try:
                exchange = self._begin_websocket(stream, head)
            except HttpError as exc:
                stream.refuse(exc)
                return
        elif self._wsgi:
            exchange = worker.pool.exchange_type(service, stream, head, worker.pool)
        else:
            request = HttpExchange.__new__(HttpExchange)
            request.begin(service, stream, head)
            exchange = request
        worker.requests += 1
        if self._recording:
            exchange.began = stream.begin_record(head)
        else:
            exchange.began = worker.now
        stream.admit(exchange)

    def _begin_websocket(self, stream: Any, head: Any) -> Exchange:
        """An extended CONNECT (RFC 8441)."""
        # Here, since most workers never see one
        from penstock.gateway.websocket import WebSocketExchange
        from penstock.wire.handshake import check_connect

        offer = check_connect(head, self.worker.settings)
        stream.is_websocket = True
        stream.extensions = _WEBSOCKET_EXTENSIONS
        self.worker.websockets += 1
        return WebSocketExchange(self.service, stream, head, offer)

    def _reset(self, end: Any, ours: bool) -> None:
        """A stream is over before its response was."""
        stream: Any = end.owner
        if stream is None:
            if ours:
                self.worker.counters.refused_bad += 1
            return
        stream.lost(DISCONNECT_PROTOCOL_ERROR if ours else DISCONNECT_LOST)

    def _refuse(self, session: Any) -> None:
        """A request that must not reach the application, or not go on."""
        end = session.stream
        exc = HttpError(session.status, session.text, _RULE, session.option)
        stream: Any = end.owner
        if stream is None:
            stream = Http2Stream.__new__(Http2Stream)
            stream.begin(self, end, _NO_HEAD, session.ended)
            end.owner = stream
            self.streams.add(stream)
        stream.refuse(exc)

    def _fail(self, exc: Http2Error) -> None:
        """The client has broken the protocol, or asks too much: GOAWAY, and the end."""
        self.worker.refused(self, ERROR_NAMES[exc.code], exc)
        for stream in list(self.streams):
            stream.lost(DISCONNECT_PROTOCOL_ERROR)
        self._flush()
        self._linger()
