"""One WebSocket's conversation with an ASGI application (spec 2.5), for every HTTP version.

What the application may send when is a table, `_ACTIONS`. Frames are decoded no faster than the
application takes messages: beyond a full queue they wait undecoded, and the connection stops
reading. Everything the server sends on its own (Pong, Ping, Close) is bounded by what the client
reads. A Close of ours is followed by the client's, or by the end of patience (W13).
"""

from typing import Any

from penstock.errors import ClientDisconnected, MessageError, WebSocketError
from penstock.gateway.awaitable import DONE, Awaitable, Waiters
from penstock.gateway.driving import drive
from penstock.gateway.scope import where
from penstock.gateway.stream import DISCONNECT_SHUTDOWN, Exchange, Service, Stream
from penstock.gateway.websocket_accept import accept_headers, websocket_scope
from penstock.gateway.websocket_denial import Denial
from penstock.wire.deflate import COMPRESS_BYTES_MIN, Deflater, Inflater
from penstock.wire.events import Head
from penstock.wire.handshake import WebSocketOffer
from penstock.wire.websocket import Reader
from penstock.wire.websocket_frames import (
    ABNORMAL_CLOSURE,
    BINARY_HEADERS,
    CLOSE,
    FIN_BINARY,
    FIN_CLOSE,
    FIN_PING,
    FIN_PONG,
    FIN_TEXT,
    INTERNAL_ERROR,
    NEED_MORE,
    NO_STATUS_RECEIVED,
    NORMAL_CLOSURE,
    PING,
    RSV1,
    SERVICE_RESTART,
    TEXT_HEADERS,
    close_payload,
    frame_header,
)

# An alias, since a name from the .pxd must not be contradicted by an annotation.
_int = int

# Messages, by kind.
_SEND = 0
_ACCEPT = 1
_CLOSE = 2
_DENY_START = 3
_DENY_BODY = 4
_KINDS = {
    "websocket.send": _SEND,
    "websocket.accept": _ACCEPT,
    "websocket.close": _CLOSE,
    "websocket.http.response.start": _DENY_START,
    "websocket.http.response.body": _DENY_BODY,
}

# States of the conversation.
_CONNECTING = 0
_OPEN = 1
_DENYING = 2
_FINISHED = 3
_GONE = 4

_DO = 0
_REFUSE = 1
_IGNORE = 2
_LOST = 3
# A row per state, a column per kind of message. After the application's own last word messages are
# ignored (WS-CLOSE-22, A10); once the client, or the server, has ended it they raise an OSError.
_ACTIONS = (
    # SEND     ACCEPT   CLOSE    DENY_START DENY_BODY
    (_REFUSE, _DO, _DO, _DO, _REFUSE),  # connecting
    (_DO, _REFUSE, _DO, _REFUSE, _REFUSE),  # open
    (_REFUSE, _REFUSE, _REFUSE, _REFUSE, _DO),  # denying
    (_IGNORE, _IGNORE, _IGNORE, _IGNORE, _IGNORE),  # finished
    (_LOST, _LOST, _LOST, _LOST, _LOST),  # gone
)
_STATE_NAMES = (
    "before websocket.accept",
    "while the WebSocket is open",
    "after websocket.http.response.start",
    "after the end of the conversation",
    "after the client has left",
)

# An application that never has to wait must still let the loop turn: after so much work or so many
# bytes without a suspension the next call suspends once. A send counts two, a receive one.
_BURST_WORK_MAX = 128
_BURST_BYTES_MAX = 1 << 18
# Bytes in whole messages that wait for the application, beyond which nothing more is decoded.
_QUEUE_BYTES_MAX = 1 << 18
# Bytes that a client may send before its handshake is answered (WS-HS-18).
_EARLY_BYTES_MAX = 1 << 16
# What `buffered` says while nothing more is to be read; above anybody's high-water mark.
_FULL = 1 << 40
# From here on a frame's header and payload are passed on apart, which saves copying the payload.
_JOIN_BYTES_MAX = 1 << 16
_REASON_CHARS_MAX = 100

# Twins of public names: what the .pxd declares as C integers, nobody else can import.
_SMALL_FRAME = 126
_NO_MORE = NEED_MORE
_PING_EVENT = PING
_CLOSE_EVENT = CLOSE

_ERROR_BODY = b"Internal Server Error"
_ERROR_HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"%d" % len(_ERROR_BODY)),
]
_EMPTY_HEADERS = [(b"content-length", b"0")]


class _Receive(Awaitable):
    """One call of `receive()`."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: "WebSocketExchange") -> None:
        self._begun = False
        self.result = None
        self._exchange = exchange

    def step(self, first: bool) -> Any:
        """Take the next event if there is one, else wait."""
        return self._exchange.receive_step(self)


class _Send(Awaitable):
    """One call of `send()`; what cannot be sent yet has not been taken, so cancelling is safe."""

    __slots__ = ("_exchange", "_message")

    def __init__(self, exchange: "WebSocketExchange", message: Any) -> None:
        self._begun = False
        self.result = None
        self._exchange = exchange
        self._message = message

    def step(self, first: bool) -> Any:
        """Handle the message as soon as the stream takes it."""
        return self._exchange.send_step(self._message)


class WebSocketExchange(Exchange):
    """The conversation over one WebSocket; see `Exchange` for who calls what."""

    __slots__ = (
        "_burst_bytes",
        "_burst_work",
        "_cancelled",
        "_close_by",
        "_close_code",
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
        "head",
    )

    def __init__(self, service: Service, stream: Stream, head: Head, offer: WebSocketOffer) -> None:
        self._service = service
        self._stream = stream
        self._offer: WebSocketOffer | None = offer
        self.head = head
        self.status = 0
        self.buffered = 0
        self._state = _CONNECTING
        self._connect_taken = False
        self._early = b""
        self._reader: Reader | None = None
        self._deflater: Deflater | None = None
        self._queue: list[Any] = []
        self._queue_bytes = 0
        self._queue_max = service.settings.ws_max_queue
        self._close_code = 0
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

    # Upwards: called by the connection.

    def start(self) -> None:
        """Call the application with a scope of its own, in a fresh copy of lifespan's context."""
        service = self._service
        scope = websocket_scope(service, self._stream, self.head, self._offer)  # type: ignore[arg-type]
        task = service.runtime.start_task(drive(self, service.app, scope), service.context.copy())
        if not task.done():
            self._task = task

    def on_body(self, data: bytes, end: bool) -> None:
        """Frames. Before the application has accepted they are kept, within a limit (WS-HS-18)."""
        self._heard = True
        reader = self._reader
        if reader is not None:
            reader.feed(data)
            self._decode()
        elif self._state == _CONNECTING:
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
        elif self._state == _DENYING:
            # Half closed: the answer is still wanted.
            self._over(_DENYING, ABNORMAL_CLOSURE, "")
            return
        self._over(_FINISHED if self._state == _FINISHED else _GONE, ABNORMAL_CLOSURE, "")
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
                self._stream.reset("no Close from the client in time")
            return
        if self._state != _OPEN:
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
                self._over(_GONE, INTERNAL_ERROR, "no pong in time")
                self._ended = True
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
        elif self._state == _OPEN:
            self._send_close(SERVICE_RESTART, "")
            self._over(_GONE, SERVICE_RESTART, "")
        elif self._state == _CONNECTING:
            self._answer(503, _EMPTY_HEADERS, b"")
            self._over(_GONE, SERVICE_RESTART, "")

    def cancel(self) -> str:
        """Cancel the application's task; returns where it stood."""
        self._cancelled = True
        task = self._task
        if task is None:
            return "the close handshake" if self._close_sent else "not started"
        place = where(task.get_coro())
        task.cancel()
        return place

    # Downwards: called by the application.

    def receive(self) -> Awaitable:
        """ASGI's `receive`."""
        return _Receive(self)

    def send(self, message: Any) -> Awaitable:
        """ASGI's `send`."""
        return _Send(self, message)

    def receive_step(self, awaitable: Awaitable) -> Any:
        """Give the next event to `awaitable`, or return what to wait for."""
        if not self._connect_taken:
            self._connect_taken = True
            awaitable.result = {"type": "websocket.connect"}
            return DONE
        if self._queue:
            if self._burst_work >= _BURST_WORK_MAX:
                self._burst_work = 0
                self._burst_bytes = 0
                return None
            self._burst_work += 1
            payload = self._queue.pop(0)
            self._queue_bytes -= len(payload)
            if self.buffered and not self._queue:
                self._resume()
            if type(payload) is str:
                awaitable.result = {"type": "websocket.receive", "text": payload}
            else:
                awaitable.result = {"type": "websocket.receive", "bytes": payload}
            return DONE
        if self._failure is not None:
            self._fail()
        if self._close_code:
            awaitable.result = {
                "type": "websocket.disconnect",
                "code": self._close_code,
                "reason": self._close_reason,
            }
            return DONE
        self._burst_work = 0
        self._burst_bytes = 0
        if self._receivers is None:
            self._receivers = Waiters()
        return self._receivers.wait(self._service.runtime)

    def send_step(self, message: Any) -> Any:
        """Check and carry out a message, or return what has to be waited for before."""
        if type(message) is not dict:
            message = _as_dict(message)
        name = message.get("type")
        kind = _KINDS.get(name, -1) if type(name) is str else -1
        if kind < 0:
            raise MessageError(
                f"unknown message type {name!r:.80}; see the ASGI WebSocket specification"
            )
        action = _ACTIONS[self._state][kind]
        if action != _DO:
            if action == _LOST:
                raise ClientDisconnected("the client is gone")
            if action == _REFUSE:
                raise MessageError(f"{name} may not be sent {_STATE_NAMES[self._state]}")
            self._service.note("debug", f"{name} {_STATE_NAMES[self._state]} is ignored")
            return DONE
        if kind == _CLOSE:
            self._close(message)
            return DONE
        if not self._stream.writable:
            self._burst_work = 0
            self._burst_bytes = 0
            if self._senders is None:
                self._senders = Waiters()
            return self._senders.wait(self._service.runtime)
        if self._burst_work >= _BURST_WORK_MAX or self._burst_bytes >= _BURST_BYTES_MAX:
            self._burst_work = 0
            self._burst_bytes = 0
            return None
        self._burst_work += 2
        if kind == _SEND:
            self._send(message)
        elif kind == _ACCEPT:
            self._accept(message)
        elif kind == _DENY_START:
            self._deny(message)
        else:
            self._deny_body(message)
        return DONE

    # The messages.

    def _send(self, message: dict[str, Any]) -> None:
        text = message.get("text")
        data = message.get("bytes")
        if text is not None and data is None:
            if type(text) is not str and not isinstance(text, str):
                raise MessageError(f"text must be a str, got {type(text).__name__}")
            try:
                data = text.encode("utf-8")
            except UnicodeEncodeError as exc:
                raise MessageError(f"text cannot be encoded as UTF-8: {exc.reason}") from None
            first = FIN_TEXT
            headers = TEXT_HEADERS
        elif data is not None and text is None:
            if type(data) is not bytes:
                data = _as_bytes(data)
            first = FIN_BINARY
            headers = BINARY_HEADERS
        else:
            raise MessageError("websocket.send needs exactly one of text and bytes")
        size = len(data)
        self._burst_bytes += size
        if self._deflater is not None and size >= COMPRESS_BYTES_MIN:
            compressed = self._deflater.deflate(data)
            if compressed is not None:
                self._frame(first | RSV1, compressed)
                return
        if size < _SMALL_FRAME:
            self._stream.body(headers[size] + data, False)
        else:
            self._frame(first, data)

    def _frame(self, first: _int, payload: bytes) -> None:
        header = frame_header(first, len(payload))
        if len(payload) < _JOIN_BYTES_MAX:
            self._stream.body(header + payload, False)
        else:
            self._stream.body(header, False)
            if not self._ended:
                self._stream.body(payload, False)

    def _accept(self, message: dict[str, Any]) -> None:
        headers, agreement = accept_headers(message, self._offer, self._service)  # type: ignore[arg-type]
        settings = self._service.settings
        inflater = None
        if agreement is not None:
            inflater = Inflater(agreement.client_bits, agreement.client_takeover)
        self._stream.accept(headers)
        if agreement is not None:
            self._deflater = Deflater(agreement.server_bits, agreement.server_takeover)
        self.status = 101
        self._offer = None
        if self._ended:
            return
        self._state = _OPEN
        self._reader = Reader(
            True,
            settings.ws_max_size,
            settings.ws_max_fragments,
            settings.ws_max_empty,
            inflater,
        )
        early = self._early
        self._early = b""
        if early:
            self._reader.feed(early)
            self._resume()

    def _close(self, message: dict[str, Any]) -> None:
        code = message.get("code")
        if code is None:
            code = NORMAL_CLOSURE
        reason = message.get("reason")
        if reason is None:
            reason = ""
        if not isinstance(code, int) or not isinstance(reason, str):
            raise MessageError("websocket.close needs an int as code and a str as reason")
        payload = close_payload(code, reason)
        if self._failure is not None:
            self._fail()
        elif self._state == _CONNECTING:
            # The code is for the application alone: 403 says no (WS-HS-03).
            self._answer(403, _EMPTY_HEADERS, b"")
            self._over(_FINISHED, ABNORMAL_CLOSURE, "")
        else:
            self._over(_FINISHED, code, reason)
            self._close_sent = True
            self._stream.body(frame_header(FIN_CLOSE, len(payload)) + payload, False)

    def _deny(self, message: dict[str, Any]) -> None:
        """Another answer than 403 (extension `websocket.http.response`)."""
        self._denial = Denial(self._stream, message)
        self.status = self._denial.status
        self._offer = None
        self._early = b""
        self._state = _DENYING

    def _deny_body(self, message: dict[str, Any]) -> None:
        denial: Denial = self._denial  # type: ignore[assignment]
        data, last = denial.body(message)
        self._burst_bytes += len(data)
        if not last:
            self._stream.body(data, False)
        elif denial.is_short():
            self._stream.body(data, False)
            self._over(_FINISHED, ABNORMAL_CLOSURE, "")
            self._cut(f"{denial.left} bytes short of the declared content-length")
        else:
            self._over(_FINISHED, ABNORMAL_CLOSURE, "")
            self._ended = True
            self._stream.body(data, True)

    # Frames from the client.

    def _decode(self) -> None:
        """Turn what was fed into messages until it is used up or the queue is full."""
        reader: Reader = self._reader  # type: ignore[assignment]
        queue = self._queue
        try:
            while True:
                event = reader.next()
                if event == _NO_MORE:
                    break
                if event < _PING_EVENT:
                    if self._state == _FINISHED or self._close_sent:
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
        if queue and self._receivers is not None:
            self._receivers.wake()

    def _resume(self) -> None:
        """Decode what waited; read on if there is room for more."""
        if self._reader is None:
            return
        self.buffered = 0
        self._decode()
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
        if self._state == _GONE:
            # The end came first; but this is what the client had to say.
            self._close_code = code
            self._close_reason = reason
            return
        self._over(_GONE, code, reason)
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
        self._over(_FINISHED if self._state == _FINISHED else _GONE, error.code, reason)
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
        if not self._close_code:
            self._close_code = code
            self._close_reason = reason
        self._pong = None
        if state == _FINISHED:
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

    def app_ended(self, exc: BaseException | None) -> None:
        """The application's call is over; `exc` is what escaped it. Called once, by `drive`."""
        if exc is not None:
            self._failed(exc)
        else:
            self._finish(NORMAL_CLOSURE, "the application returned")
        self._task = None
        # Nobody will receive any more; the close handshake goes on without the application.
        self._queue = []
        self._queue_bytes = 0
        if self.buffered:
            self._resume()
        self._stream.done()

    def _failed(self, exc: BaseException) -> None:
        """An exception has escaped the application (W17, WS-CLOSE-11, WS-CLOSE-15)."""
        if not self._cancelled and not (
            isinstance(exc, OSError) and self._state in {_GONE, _FINISHED}
        ):
            self._service.app_failed(self, exc)
        self._finish(INTERNAL_ERROR, "the application failed")

    def _finish(self, code: _int, what: str) -> None:
        """Do what the application has left undone (WS-HS-15, WS-HS-16, WS-CLOSE-14 to 16)."""
        if self._failure is not None:
            self._fail()
        elif self._state == _OPEN:
            self._send_close(code, "")
            self._over(_FINISHED, code, "")
        elif self._state == _CONNECTING or (
            self._state == _DENYING and not self._denial.begun  # type: ignore[union-attr]
        ):
            if code == NORMAL_CLOSURE:
                self._service.note(
                    "error", f"{what} without an answer to the handshake: {self.describe()}"
                )
            self._answer(500, _ERROR_HEADERS, _ERROR_BODY)
            self._over(_FINISHED, ABNORMAL_CLOSURE, "")
        elif self._state == _DENYING:
            self._over(_FINISHED, ABNORMAL_CLOSURE, "")
            self._cut(f"{what} in the middle of the body")

    def describe(self) -> str:
        """Method and path as received, for a log line."""
        return f"{self.head.method} {self.head.raw_path.decode('ascii', 'replace')}"


def _as_dict(message: Any) -> dict[str, Any]:
    try:
        return dict(message)
    except (TypeError, ValueError):
        raise MessageError(f"a message must be a dict, got {type(message).__name__}") from None


def _as_bytes(data: Any) -> bytes:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise MessageError(f"bytes must be bytes, got {type(data).__name__}")
