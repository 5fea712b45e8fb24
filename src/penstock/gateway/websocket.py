"""The application's side of a WebSocket conversation (ASGI spec 2.5), for every HTTP version.

What the application may send when is a table, `websocket_rules.ACTIONS`; what it sends is checked
before one byte of it is written. What the client sends, and the close handshake, is the business of
`websocket_wire`.
"""

from typing import Any

from penstock.errors import ClientDisconnected, MessageError
from penstock.gateway.awaitable import DONE, Awaitable
from penstock.gateway.driving import drive
from penstock.gateway.endings import APP_ERROR
from penstock.gateway.scope import where
from penstock.gateway.waiters import Waiters
from penstock.gateway.websocket_accept import accept_headers, websocket_scope
from penstock.gateway.websocket_denial import Denial
from penstock.gateway.websocket_rules import (
    ACCEPT,
    ACTIONS,
    CONNECTING,
    DENY_START,
    DENYING,
    DO,
    FINISHED,
    GONE,
    KINDS,
    LOST,
    OPEN,
    REFUSE,
    SEND,
    SHUT,
    STATE_NAMES,
)
from penstock.gateway.websocket_wire import WebSocketWire
from penstock.wire.deflate import COMPRESS_BYTES_MIN, Deflater, Inflater
from penstock.wire.websocket import Reader
from penstock.wire.websocket_frames import (
    ABNORMAL_CLOSURE,
    BINARY_HEADERS,
    FIN_BINARY,
    FIN_CLOSE,
    FIN_TEXT,
    INTERNAL_ERROR,
    NORMAL_CLOSURE,
    RSV1,
    TEXT_HEADERS,
    close_payload,
    frame_header,
)

# An alias, since a name from the .pxd must not be contradicted by an annotation.
_int = int

# An application that never has to wait must still let the loop turn: after so much work or so many
# bytes without a suspension the next call suspends once. A send counts two, a receive one.
_BURST_WORK_MAX = 128
_BURST_BYTES_MAX = 1 << 18
# From here on a frame's header and payload are passed on apart, which saves copying the payload.
_JOIN_BYTES_MAX = 1 << 16
_SMALL_FRAME = 126

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


class WebSocketExchange(WebSocketWire):
    """The conversation over one WebSocket; see `Exchange` for who calls what."""

    __slots__ = ()

    def start(self) -> None:
        """Call the application with a scope of its own, in a fresh copy of lifespan's context."""
        service = self._service
        scope = websocket_scope(service, self._stream, self.head, self._offer)  # type: ignore[arg-type]
        task = service.runtime.start_task(drive(self, service.app, scope), service.context.copy())
        if not task.done():
            self._task = task

    def where(self) -> str:
        """See `Exchange.where`."""
        if self._task is None:
            return "the close handshake" if self._close_sent else "not started"
        return where(self._task.get_coro())

    def cancel(self) -> str:
        """Cancel the application's task; returns where it stood."""
        self._cancelled = True
        place = self.where()
        if self._task is not None:
            self._task.cancel()
        return place

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
        if self.close_code:
            awaitable.result = {
                "type": "websocket.disconnect",
                "code": self.close_code,
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
        kind = KINDS.get(name, -1) if type(name) is str else -1
        if kind < 0:
            raise MessageError(
                f"unknown message type {name!r:.80}; see the ASGI WebSocket specification"
            )
        action = ACTIONS[self._state][kind]
        if action != DO:
            if action == LOST:
                raise ClientDisconnected("the client is gone")
            if action == REFUSE:
                raise MessageError(f"{name} may not be sent {STATE_NAMES[self._state]}")
            self._service.note("debug", f"{name} {STATE_NAMES[self._state]} is ignored")
            return DONE
        if kind == SHUT:
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
        if kind == SEND:
            self._send(message)
        elif kind == ACCEPT:
            self._accept(message)
        elif kind == DENY_START:
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
        self._state = OPEN
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
        elif self._state == CONNECTING:
            # The code is for the application alone: 403 says no (WS-HS-03).
            self._answer(403, _EMPTY_HEADERS, b"")
            self._over(FINISHED, ABNORMAL_CLOSURE, "")
        else:
            self._over(FINISHED, code, reason)
            self._close_sent = True
            self._stream.body(frame_header(FIN_CLOSE, len(payload)) + payload, False)

    def _deny(self, message: dict[str, Any]) -> None:
        """Another answer than 403 (extension `websocket.http.response`)."""
        self._denial = Denial(self._stream, message)
        self.status = self._denial.status
        self._offer = None
        self._early = b""
        self._state = DENYING

    def _deny_body(self, message: dict[str, Any]) -> None:
        denial: Denial = self._denial  # type: ignore[assignment]
        data, last = denial.body(message)
        self._burst_bytes += len(data)
        if not last:
            self._stream.body(data, False)
        elif denial.is_short():
            self._stream.body(data, False)
            self._over(FINISHED, ABNORMAL_CLOSURE, "")
            self._cut(f"{denial.left} bytes short of the declared content-length")
        else:
            self._over(FINISHED, ABNORMAL_CLOSURE, "")
            self._ended = True
            self._stream.body(data, True)

    # The ends.

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
            isinstance(exc, OSError) and self._state in {GONE, FINISHED}
        ):
            self._stream.ended = APP_ERROR
            self._service.app_failed(self, exc)
        self._finish(INTERNAL_ERROR, "the application failed")

    def _finish(self, code: _int, what: str) -> None:
        """Do what the application has left undone (WS-HS-15, WS-HS-16, WS-CLOSE-14 to 16)."""
        if self._failure is not None:
            self._fail()
        elif self._state == OPEN:
            self._send_close(code, "")
            self._over(FINISHED, code, "")
        elif self._state == CONNECTING or (
            self._state == DENYING and not self._denial.begun  # type: ignore[union-attr]
        ):
            if code == NORMAL_CLOSURE:
                self._service.note(
                    "error", f"{what} without an answer to the handshake: {self.describe()}"
                )
            self._answer(500, _ERROR_HEADERS, _ERROR_BODY)
            self._over(FINISHED, ABNORMAL_CLOSURE, "")
        elif self._state == DENYING:
            self._over(FINISHED, ABNORMAL_CLOSURE, "")
            self._cut(f"{what} in the middle of the body")


def _as_dict(message: Any) -> dict[str, Any]:
    try:
        return dict(message)
    except (TypeError, ValueError):
        raise MessageError(f"a message must be a dict, got {type(message).__name__}") from None


def _as_bytes(data: Any) -> bytes:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise MessageError(f"bytes must be bytes, got {type(data).__name__}")
