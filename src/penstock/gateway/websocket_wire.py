"""The wire's side of a WebSocket conversation: frames in, control frames out, and every way to end.

Frames are decoded no faster than the application takes messages: beyond a full queue they wait
undecoded, and the connection stops reading. Everything the server sends on its own (Pong, Ping,
Close) is bounded by what the client reads. A Close of ours is followed by the client's, or by the
end of patience (W13).
"""

from typing import Any

from penstock.errors import WebSocketError
from penstock.gateway.endings import TIMEOUT
from penstock.gateway.stream import DISCONNECT_SHUTDOWN, Exchange, Service, Stream
from penstock.gateway.waiters import Waiters
from penstock.gateway.websocket_denial import Denial
from penstock.gateway.websocket_rules import CONNECTING, DENYING, FINISHED, GONE, OPEN
from penstock.wire.deflate import Deflater
from penstock.wire.events import Head
from penstock.wire.handshake import WebSocketOffer
from penstock.wire.websocket import Reader
from penstock.wire.websocket_frames import (
    ABNORMAL_CLOSURE,
    CLOSE,
    FIN_CLOSE,
    FIN_PING,
    FIN_PONG,
    INTERNAL_ERROR,
    NEED_MORE,
    NO_STATUS_RECEIVED,
    PING,
    SERVICE_RESTART,
    close_payload,
    frame_header,
)

# An alias, since a name from the .pxd must not be contradicted by an annotation.
_int = int

# Bytes in whole messages that wait for the application, beyond which nothing more is decoded.
_QUEUE_BYTES_MAX = 1 << 18
# Bytes that a client may send before its handshake is answered (WS-HS-18).
_EARLY_BYTES_MAX = 1 << 16
# What `buffered` says while nothing more is to be read; above anybody's high-water mark.
_FULL = 1 << 40
_REASON_CHARS_MAX = 100
_EMPTY_HEADERS = [(b"content-length", b"0")]

# Twins of public names: what the .pxd declares as C integers, nobody else can import.
_NO_MORE = NEED_MORE
_PING_EVENT = PING
_CLOSE_EVENT = CLOSE


class WebSocketWire(Exchange):
    """What `gateway.websocket.WebSocketExchange` builds on; see `Exchange` for who calls what."""

    __slots__ = (
        "_burst_bytes",
        "_burst_work",
        "_cancelled",
        "_close_by",
        "_close_reason",
        "_close_sent",
        "_connect_taken",
        "_deflater",
        "_denial",
        "_early",
        "_ended",
        "_failure",
        "_heard",
        "_offer",
        "_ping_sent",
        "_pong",
        "_queue",
        "_queue_bytes",
        "_queue_max",
        "_quiet_since",
        "_reader",
        "_receivers",
        "_senders",
        "_service",
        "_state",
        "_stream",
        "_task",
        "close_code",
        "head",
    )

    def __init__(self, service: Service, stream: Stream, head: Head, offer: WebSocketOffer) -> None:
        self._service = service
        self._stream = stream
        self._offer: WebSocketOffer | None = offer
        self.head = head
        self.status = 0
        self.buffered = 0
        self._state = CONNECTING
        self._connect_taken = False
        self._early = b""
        self._reader: Reader | None = None
        self._deflater: Deflater | None = None
        self._queue: list[Any] = []
        self._queue_bytes = 0
        self._queue_max = service.settings.ws_max_queue
        self.close_code = 0
        self._close_reason = ""
        self._close_sent = False
        self._close_by = 0.0
        self._ended = False
        self._failure: WebSocketError | None = None
        self._denial: Denial | None = None
        self._heard = True
        self._quiet_since = 0.0
        self._ping_sent = 0.0
        self._pong: bytes | None = None
        self._burst_work = 0
        self._burst_bytes = 0
        self._receivers: Waiters | None = None
        self._senders: Waiters | None = None
        self._task: Any = None
        self._cancelled = False

    def on_body(self, data: bytes, end: bool) -> None:
        """Frames. Before the application has accepted they are kept, within a limit (WS-HS-18)."""
        self._heard = True
        reader = self._reader
        if reader is not None:
            reader.feed(data)
            if self._decode():
                self._receivers.fire()  # type: ignore[union-attr]
        elif self._state == CONNECTING:
            self._early += data
            if len(self._early) > _EARLY_BYTES_MAX:
                self.buffered = _FULL

    def on_writable(self) -> None:
        """The stream takes more: first the Pong that waited, then those who wait in `send`."""
        if self._pong is not None and not self._close_sent and not self._ended:
            pong = self._pong
            self._pong = None
            self._stream.body(frame_header(FIN_PONG, len(pong)) + pong, False)
        if self._senders is not None:
            self._senders.wake()

    def on_disconnect(self, reason: str, gone: bool) -> None:
        """The client is gone, or ends its side, which for a WebSocket is the same (WS-CLOSE-08)."""
        if reason == DISCONNECT_SHUTDOWN and not gone:
            self.on_shutdown()
            return
        if gone:
            self._ended = True
        elif self._state == DENYING:
            # Half closed: the answer is still wanted.
            self._over(DENYING, ABNORMAL_CLOSURE, "")
            return
        self._over(FINISHED if self._state == FINISHED else GONE, ABNORMAL_CLOSURE, "")
        if not self._ended:
            self._ended = True
            self._stream.reset("the client ended the connection without a Close")

    def on_deadline(self, now: float) -> None:
        """Ping an idle client, miss its Pong, give up on its Close (W12, W13, WS-MSG-08)."""
        if self._ended:
            return
        settings = self._service.settings
        if self._close_sent or self._failure is not None:
            if not self._close_by:
                self._close_by = now + settings.ws_close_timeout
            elif now >= self._close_by and self._failure is not None:
                self._fail()
            elif now >= self._close_by:
                self._ended = True
                self._stream.ended = TIMEOUT
                self._stream.reset("no Close from the client in time")
            return
        if self._state != OPEN:
            return
        if self._heard or self.buffered:
            # While reading is paused an answer could not be heard.
            self._heard = False
            self._quiet_since = now
            self._ping_sent = 0.0
        elif self._ping_sent:
            timeout = settings.ws_ping_timeout
            if timeout is not None and now - self._ping_sent >= timeout:
                self._send_close(INTERNAL_ERROR, "no pong in time")
                self._over(GONE, INTERNAL_ERROR, "no pong in time")
                self._ended = True
                self._stream.ended = TIMEOUT
                self._stream.reset("no Pong from the client in time (ws_ping_timeout changes this)")
        elif self._stream.writable:
            interval = settings.ws_ping_interval
            if interval is not None and now - self._quiet_since >= interval:
                self._ping_sent = now
                self._stream.body(frame_header(FIN_PING, 0), False)

    def on_shutdown(self) -> None:
        """Close with 1012 (WS-CLOSE-19); a handshake that nobody has answered gets a 503."""
        if self._failure is not None:
            self._fail()
        elif self._state == OPEN:
            self._send_close(SERVICE_RESTART, "")
            self._over(GONE, SERVICE_RESTART, "")
        elif self._state == CONNECTING:
            self._answer(503, _EMPTY_HEADERS, b"")
            self._over(GONE, SERVICE_RESTART, "")

    def describe(self) -> str:
        """Method and path as received, for a log line."""
        return f"{self.head.method} {self.head.raw_path.decode('ascii', 'replace')}"

    # Frames from the client.

    def _decode(self) -> bool:
        """Turn what was fed into messages until it is used up or the queue is full; returns whether
        there are any that somebody may wait for."""
        reader: Reader = self._reader  # type: ignore[assignment]
        queue = self._queue
        try:
            while True:
                event = reader.next()
                if event == _NO_MORE:
                    break
                if event < _PING_EVENT:
                    if self._state == FINISHED or self._close_sent:
                        # Nobody takes it any more; only the Close is waited for.
                        continue
                    queue.append(reader.payload)
                    self._queue_bytes += len(reader.payload)
                    if len(queue) >= self._queue_max or self._queue_bytes >= _QUEUE_BYTES_MAX:
                        self.buffered = _FULL
                        break
                elif event == _PING_EVENT:
                    self._answer_ping(reader.payload)
                elif event == _CLOSE_EVENT:
                    self._closed_by_client(reader.close_code, reader.payload)
                    break
        except WebSocketError as exc:
            self._reader = None
            self._failure = exc
            if queue and not self._close_sent:
                # What came before is the application's, and so is a chance to answer it: the
                # failure follows when it asks for more, or after a while (`on_deadline`).
                self.buffered = _FULL
            else:
                self._fail()
        reader.payload = None
        return len(queue) > 0 and self._receivers is not None

    def _resume(self) -> None:
        """Decode what waited; read on if there is room for more."""
        if self._reader is None:
            return
        self.buffered = 0
        if self._decode():
            self._receivers.wake()  # type: ignore[union-attr]
        if not self.buffered and not self._ended:
            self._stream.read_more()

    def _answer_ping(self, payload: bytes) -> None:
        """RFC 6455 section 5.5.3. To a client that does not read, one Pong waits: the last (W11)."""
        if self._close_sent or self._ended:
            return
        if self._stream.writable:
            self._stream.body(frame_header(FIN_PONG, len(payload)) + payload, False)
        else:
            self._pong = payload

    def _closed_by_client(self, code: _int, reason: str) -> None:
        """Answer a Close with the same code, or take it as the answer to ours, and end."""
        if self._close_sent:
            if not self._ended:
                self._ended = True
                self._stream.body(b"", True)
            return
        if self._state == GONE:
            # The end came first; but this is what the client had to say.
            self.close_code = code
            self._close_reason = reason
            return
        self._over(GONE, code, reason)
        if not self._ended:
            payload = b"" if code == NO_STATUS_RECEIVED else code.to_bytes(2, "big")
            self._ended = True
            self._close_sent = True
            self._stream.body(frame_header(FIN_CLOSE, len(payload)) + payload, True)

    def _fail(self) -> None:
        """Fail the connection (RFC 6455 section 7.1.7): Close with the reason, then the end."""
        error: WebSocketError = self._failure  # type: ignore[assignment]
        self._failure = None
        self._service.note(
            "info",
            f"WebSocket closed with {error.code}: {error} ({error.rule}"
            + (f"; {error.option} changes this" if error.option else "")
            + f"), from {self._stream.client}: {self.describe()}",
        )
        self.buffered = 0
        reason = str(error)[:_REASON_CHARS_MAX]
        sent = self._close_sent
        self._over(FINISHED if self._state == FINISHED else GONE, error.code, reason)
        if not self._ended:
            self._ended = True
            self._close_sent = True
            payload = close_payload(error.code, reason)
            frame = b"" if sent else frame_header(FIN_CLOSE, len(payload)) + payload
            self._stream.body(frame, True)

    # The ends.

    def _over(self, state: _int, code: _int, reason: str) -> None:
        """The conversation is over: `receive` gives what is queued, then `websocket.disconnect`.

        The first code stands. Before the application has taken `websocket.connect`, that comes
        first all the same.
        """
        self._state = state
        self._failure = None
        if not self.close_code:
            self.close_code = code
            self._close_reason = reason
        self._pong = None
        if state == FINISHED:
            self._early = b""
        if self._receivers is not None:
            self._receivers.wake()
        if self._senders is not None:
            self._senders.wake()

    def _send_close(self, code: _int, reason: str) -> None:
        if not self._ended and not self._close_sent:
            self._close_sent = True
            payload = close_payload(code, reason)
            self._stream.body(frame_header(FIN_CLOSE, len(payload)) + payload, False)

    def _answer(self, status: _int, headers: Any, body: bytes) -> None:
        """A whole HTTP answer instead of the handshake; the connection ends with it (WS-DENY-05)."""
        if not self._ended:
            self._stream.head(status, headers, False, False)
            self.status = status
            self._ended = True
            self._stream.body(body, True)

    def _cut(self, reason: str) -> None:
        self._service.note("error", f"response cut, {reason}: {self.describe()}")
        if not self._ended:
            self._ended = True
            self._stream.reset(reason)
