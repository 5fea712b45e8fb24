"""TLS of one connection: a protocol to the socket's transport, and a transport to the HTTP code.

    socket ⇄ raw transport ⇄ TlsLayer ⇄ http1.Connection

The loops' own TLS is not used. It closes within a fixed time whether or not a slow client has read
its answer, does not count what waits in the transport below it, so that slow readers look idle, and
cannot end its own side while it reads off the rest of an upload. Here a TLS connection has the
semantics of a plain one: what is not written yet is counted, and closing waits for it under the
sweep's deadlines.
"""

import os
import ssl
from typing import Any

from penstock.transport.direct import write_now
from penstock.transport.sockets import address_of
from penstock.wire.client_hello import HANDSHAKE, HELLO_BYTES_MAX, server_name

# Windows has sockets that are no file descriptors.
_CAN_WRITE = hasattr(os, "writev")
# Of plaintext in one call; OpenSSL gives one record, which is smaller (RFC 8446 section 5.1).
_READ_MAX = 1 << 14
# Answers of one turn leave in one write, as long as they are not more than this.
_HELD_BYTES_MAX = 1 << 16
# What the client makes TLS itself answer (key updates, refused renegotiations) while it does not
# read: more than a thousand times what honest ones ask for (Z07).
_UNASKED_BYTES_MAX = 1 << 16
# Of a plain request to a TLS port as much is read off, so that its 400 is not lost by a reset.
_PLAIN_BYTES_MAX = 1 << 16

_PLAIN_TEXT = b"400: this port speaks TLS; use https:// to reach it\n"
_PLAIN_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_PLAIN_TEXT), _PLAIN_TEXT)
)

# What arrives is
_HELLO = 0  # the beginning of a TLS handshake, or something else
_SHAKE = 1  # the rest of the handshake
_OPEN = 2  # records with data
_DRAIN = 3  # no longer looked at, only counted by the connection
_PLAIN = 4  # a plain request that is answered already
_OVER = 5  # nothing any more


class TlsLayer:
    """See the module. `tls` is the `transport.tls.Tls` of the worker; `arrival`, of the connection
    that it becomes: bind, socket, peer and PROXY header, as `Connection.accepted` takes them.

    Until the handshake is over it stands among the worker's connections itself, and has what the
    worker, the sweep and the shutdown ask of one. `began` is the worker's clock when it was made.
    """

    __slots__ = (
        "_arrival",
        "_closing",
        "_connection",
        "_deadline",
        "_fd",
        "_hello",
        "_holding",
        "_incoming",
        "_outgoing",
        "_raw",
        "_ssl",
        "_state",
        "_tls",
        "_unasked",
        "began",
        "client",
    )

    exchange = None
    expects_request = True
    is_websocket = False

    def __init__(self, tls: Any, arrival: tuple[Any, Any, Any, Any]) -> None:
        self._tls = tls
        self._arrival: Any = arrival
        self._raw: Any = None
        self._fd = arrival[1].fileno() if _CAN_WRITE else -1
        self._ssl: Any = None
        self._incoming: Any = None
        self._outgoing: Any = None
        self._connection: Any = None
        self._hello = b""
        self._state = _HELLO
        self._holding = False
        self._closing = False
        self._unasked = 0
        self._deadline = 0.0
        self.began = 0.0
        self.client = address_of(arrival[2])

    # The protocol of the raw transport

    def connection_made(self, transport: Any) -> None:
        """Start the deadline of the handshake (S02, Z03)."""
        tls = self._tls
        self._raw = transport
        self.began = tls.worker.now
        self._deadline = self.began + tls.settings.timeout_tls_handshake
        tls.begin(self)

    def data_received(self, data: bytes) -> None:
        """Bytes from the socket."""
        state = self._state
        if state == _OPEN:
            self._read(data)
        elif state == _DRAIN:
            self._connection.data_received(data)
        elif state == _SHAKE:
            self._incoming.write(data)
            self._shake()
        elif state == _HELLO:
            self._hello += data
            self._begin()
        elif state == _PLAIN:
            self._unasked += len(data)
            if self._unasked > _PLAIN_BYTES_MAX:
                self._raw.abort()

    def eof_received(self) -> bool:
        """A FIN. Without a close_notify before it the data may be cut (Z04); either way it is the
        end of the connection."""
        if self._state in {_OPEN, _DRAIN}:
            self._connection.eof_received()
        return False

    def connection_lost(self, exc: BaseException | None) -> None:
        """The end, whoever wanted it."""
        self._closing = True
        self._state = _OVER
        # From here on the descriptor may be somebody else's
        self._fd = -1
        connection, self._connection = self._connection, None
        self._incoming = self._outgoing = self._ssl = None
        if connection is not None:
            connection.connection_lost(exc)
        else:
            self._tls.ended(self)

    def pause_writing(self) -> None:
        """The raw transport's buffer is above its high-water mark."""
        if self._connection is not None:
            self._connection.pause_writing()

    def resume_writing(self) -> None:
        """It is below the low-water mark again."""
        self._unasked = 0
        if self._connection is not None:
            self._connection.resume_writing()

    def _begin(self) -> None:
        """Choose the certificate, once the client has said for which name."""
        hello = self._hello
        if hello[0] != HANDSHAKE:
            self._hello = b""
            self._not_tls(hello)
            return
        certificates = self._tls.certificates
        context = certificates.default
        if len(certificates.contexts) > 1 and len(hello) <= HELLO_BYTES_MAX:
            name = server_name(hello)
            if name is None:
                return
            context = certificates.choose(name)
        self._hello = b""
        self._state = _SHAKE
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._incoming.write(hello)
        self._shake()

    def _shake(self) -> None:
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            # The alert that says why leaves before the close
            self._flush()
            self._state = _OVER
            self._tls.failed(self, error)
            self._raw.close()
            return
        self._flush()
        tls = self._tls
        tls.ended(self)
        connection = tls.connect(self._arrival, self._ssl)
        # With it the socket, which the raw transport has
        self._arrival = None
        self._connection = connection
        self._state = _OPEN
        connection.connection_made(self)
        self._read(b"")

    def _not_tls(self, first: bytes) -> None:
        """The client speaks something else: plain HTTP is told so, or sent to https (Z02)."""
        raw = self._raw
        if not first[:1].isalpha():
            self._state = _OVER
            raw.close()
        elif self._arrival[0].redirect:
            connection = self._tls.redirecting(self._arrival)
            self._state = _OVER
            self._arrival = None
            self._tls.ended(self)
            raw.set_protocol(connection)
            connection.connection_made(raw)
            connection.data_received(first)
        else:
            self._state = _PLAIN
            raw.write(_PLAIN_ANSWER)
            self._deadline = self._tls.worker.now + self._tls.settings.timeout_undrained
            if raw.can_write_eof():
                raw.write_eof()

    def _read(self, data: bytes) -> None:
        """Decrypt all that has come, and hand it on in one piece."""
        read = self._ssl.read
        parts = []
        ended = False
        broken: ssl.SSLError | None = None
        if data:
            self._incoming.write(data)
        try:
            while part := read(_READ_MAX):
                parts.append(part)
                # Not for the error that says that there is no more: it would cost as much as a record
                if not self._incoming.pending and not self._ssl.pending():
                    break
            else:
                ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            broken = error
        if self._outgoing.pending and not self._answer_unasked():
            return
        if parts:
            self._holding = True
            try:
                self._connection.data_received(parts[0] if len(parts) == 1 else b"".join(parts))
            finally:
                self._holding = False
                if self._outgoing is not None and self._outgoing.pending:
                    self._flush()
        if self._state != _OPEN:
            return
        if broken is not None:
            self._state = _OVER
            self._tls.broken(self, broken)
            self._raw.close()
        elif ended:
            # The client's close_notify
            self._connection.eof_received()
            self.close()

    def _answer_unasked(self) -> bool:
        """Write what TLS has to say by itself; False if the client makes it talk without end."""
        self._unasked += self._outgoing.pending
        self._flush()
        if self._unasked > _UNASKED_BYTES_MAX and self._raw.get_write_buffer_size():
            self._raw.abort()
            return False
        if not self._raw.get_write_buffer_size():
            self._unasked = 0
        return True

    def _flush(self) -> None:
        """Write what is encrypted: straight to the socket while the raw transport has nothing of its
        own to write, as `http1_output` does."""
        raw = self._raw
        if not self._outgoing.pending or raw.is_closing():
            return
        data = self._outgoing.read()
        if self._fd >= 0 and not raw.get_write_buffer_size():
            sent = write_now(self._fd, data)
            if sent == len(data):
                return
            data = data[sent:]
        raw.write(data)

    # The transport of the connection

    def write(self, data: bytes) -> None:
        """Encrypt and write; dropped once this side is closed."""
        if self._closing or self._state != _OPEN or not data:
            return
        encrypt = self._ssl.write
        size = len(data)
        try:
            # Each call takes one record
            sent = encrypt(data)
            if sent < size:
                view = memoryview(data)
                while sent < size:
                    sent += encrypt(view[sent:])
        except ssl.SSLError as error:
            self._tls.broken(self, error)
            self.abort()
            return
        if not self._holding or self._outgoing.pending > _HELD_BYTES_MAX:
            self._flush()

    def set_protocol(self, connection: Any) -> None:
        """As `asyncio.BaseTransport`: from now on it is `connection`'s."""
        self._connection = connection

    def close(self) -> None:
        """Say close_notify, and close once everything is written."""
        if not self._closing:
            self._closing = True
            self._say_goodbye()
            self._raw.close()

    def abort(self) -> None:
        """Close at once; what is not written is lost."""
        self._closing = True
        self._raw.abort()

    def can_write_eof(self) -> bool:
        """Whether our side can be ended alone, as `write_eof` does."""
        return bool(self._raw.can_write_eof())

    def write_eof(self) -> None:
        """Say close_notify and end our side; what still arrives goes undecrypted to the connection,
        which only counts it."""
        if self._state == _OPEN and not self._closing:
            self._say_goodbye()
            self._state = _DRAIN
            self._raw.write_eof()

    def _say_goodbye(self) -> None:
        if self._state != _OPEN:
            return
        try:
            self._ssl.unwrap()
        except ssl.SSLError:
            # It is said, and would wait for the client to say the same
            pass
        self._flush()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._closing or bool(self._raw.is_closing())

    def get_write_buffer_size(self) -> int:
        """What is written and has not left yet, in bytes, encrypted."""
        waiting: int = self._raw.get_write_buffer_size()
        if self._outgoing is not None:
            waiting += self._outgoing.pending
        return waiting

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As `asyncio.WriteTransport`."""
        self._raw.set_write_buffer_limits(high, low)

    def pause_reading(self) -> None:
        """As `asyncio.ReadTransport`."""
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        """As `asyncio.ReadTransport`."""
        self._raw.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As `asyncio.BaseTransport`; `ssl_object` and `sslcontext` are those of this layer."""
        if name == "ssl_object":
            return self._ssl
        if name == "sslcontext":
            return self._ssl.context if self._ssl is not None else default
        return self._raw.get_extra_info(name, default)

    # A connection of the worker, as long as the handshake lasts

    def exchanges(self) -> list[Any]:
        """None yet."""
        return []

    def on_sweep(self, now: float) -> None:
        """The handshake's deadline."""
        if now > self._deadline:
            if self._state != _PLAIN:
                self._tls.late(self)
            self._raw.abort()

    def begin_shutdown(self) -> None:
        """The server stops, and the handshake had its share of the drain."""
        self._raw.close()

    def notify_disconnect(self) -> None:
        """There is no application that would want to know."""
