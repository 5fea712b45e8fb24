"""An HTTP/1 connection's socket: what is written, and how reading is paused and the end is made.

Answers go straight to the socket while the transport has nothing of its own to write; files go
past the process; and whoever does not read what we send is cut.
"""

import os
import socket
import struct
from typing import Any

from penstock.errors import HttpError
from penstock.gateway.endings import COMPLETE, RESET, TIMEOUT
from penstock.gateway.stream import DISCONNECT_LOST, DISCONNECT_TIMEOUT, Exchange, Stream
from penstock.transport.direct import write_now
from penstock.transport.record import Record, listed
from penstock.transport.sendfile import send_file
from penstock.wire.http1 import Reader
from penstock.wire.http1_response import Writer

# What the input is for.
HEAD = 0
BODY = 1
WAIT = 2
SOCKET = 3
CLOSED = 4

# How long a client is listened to after its last answer while the server stops: a round trip, and no
# longer than idle connections are kept then.
_CLOSING_LINGER_S = 0.5


class Output(Stream):
    """The base of `http1_log.Logged`; `http1_input.Input` ends responses. `worker` is the `Worker` it belongs to."""

    __slots__ = (
        "_deadline",
        "_direct",
        "_drained",
        "_fd",
        "_file",
        "_file_after",
        "_file_future",
        "_input",
        "_lingering",
        "_lost",
        "_peer_eof",
        "_rate_mark",
        "_rate_since",
        "_reader",
        "_reading_paused",
        "_received",
        "_record",
        "_responded",
        "_sent_mark",
        "_sent_since",
        "_service",
        "_spilled",
        "_transport",
        "_worker",
        "_writer",
        "_written",
        "exchange",
    )

    def __init__(self, worker: Any, extensions: tuple[str, ...]) -> None:
        self._worker = worker
        self._service = worker.service
        self._reader = Reader(worker.limits, "http")
        self._writer = Writer()
        self._transport: Any = None
        self._fd = -1
        self._direct = False
        self._input = HEAD
        self._responded = False
        self._reading_paused = False
        self._peer_eof = False
        self._lingering = False
        self._lost = False
        self._deadline = 0.0
        self._received = 0
        self._written = 0
        self._spilled = False
        self._drained = 0
        self._rate_mark = 0
        self._rate_since = 0.0
        self._sent_mark = -1
        self._sent_since = 0.0
        self._file: Any = None
        self._file_future: Any = None
        self._file_after = b""
        self._record: Record | None = worker.new_record()
        self.ended = COMPLETE
        self.exchange: Exchange | None = None
        self.writable = True
        self.http_version = "1.1"
        self.scheme = "http"
        self.root_path = worker.service.root_path
        self.extensions = extensions
        self.client = None
        self.server = None
        self.tls = None

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
        self._input = CLOSED
        if not self._transport.is_closing():
            self._transport.close()

    def _linger(self) -> None:
        """End our side, and read off what the client still sends, up to a limit and a deadline."""
        self._input = CLOSED
        if self._lingering or self._transport.is_closing():
            return
        if self._peer_eof or self._worker.crowded or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._lingering = True
        self._worker.lingering.add(self)
        self._direct = False
        self._drained = 0
        self._deadline = self._worker.now + self._worker.settings.timeout_undrained
        self._transport.write_eof()
        if self._worker.closing:
            self._worker.loop.call_later(_CLOSING_LINGER_S, self._lingered)
        if self._reading_paused:
            self._resume()

    def _read_off(self, size: int, size_max: int) -> None:
        """What comes after the end counts towards a limit; beyond it reading stops while the client
        has still to be sent something, else the connection is cut."""
        self._drained += size
        if self._drained > size_max:
            if self._transport.get_write_buffer_size():
                self._pause()
            else:
                self._transport.abort()

    def _lingered(self) -> None:
        """A shutdown waits no longer for the client to end its side."""
        if not self._lost:
            self._close()

    def _pause(self) -> None:
        if not self._reading_paused and not self._lost and not self._transport.is_closing():
            self._reading_paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            if self._input == BODY:
                self._rate_since = self._worker.now
                self._rate_mark = self._received
            if not self._lost and not self._transport.is_closing():
                self._transport.resume_reading()

    def pause_writing(self) -> None:
        """The transport's buffer has passed the high-water mark."""
        self.writable = False

    def head(self, status: int, headers: Any, bodyless: bool, trailers: bool) -> int:
        """See `Stream.head`."""
        writer = self._writer
        defaults = self._worker.default_headers
        if self._record is not None and self._record.tells_client:
            headers = listed(headers)
            defaults = self._with_id(headers)
        length = writer.head(status, headers, bodyless, trailers, defaults)
        if writer.dropped_coding:
            self._service.note("debug", "the application's transfer-encoding is dropped (A08)")
        return length

    def _with_id(self, headers: Any) -> bytes:
        """The fields that every response has, with the request's id (see `record.Record`)."""
        exchange: Any = self.exchange
        record = self._record
        defaults: bytes = self._worker.default_headers
        if record is None or exchange is None:
            return defaults
        return record.fields(exchange.head, headers, defaults)

    def flush(self) -> None:
        """See `Stream.flush`."""
        if self._writer.held:
            if self._record is not None:
                self._record.started()
            self._write(self._writer.flush())

    def informational(self, status: int, headers: Any) -> None:
        """See `Stream.informational`."""
        out = self._writer.informational(status, headers)
        if out:
            self._write(out)

    def push(self, path: str, headers: Any) -> None:
        """See `Stream.push`: HTTP/1 has none."""

    def file(self, fd: int, offset: int, count: int, end: bool) -> Any:
        """See `Stream.file`."""
        if self._record is not None:
            self._record.started()
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
                sent = write_now(self._fd, out)
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
                self.ended = RESET
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

    def _check_reader(self, now: float) -> None:
        """What we send must be read at the lowest rate, over each window (S04)."""
        waiting = self._transport.get_write_buffer_size()
        job = self._file
        if not waiting and job is None:
            self._sent_since = now
            self._sent_mark = -1
            return
        gone = self._written - waiting
        if job is not None:
            gone += job.sent
        if self._sent_mark < 0 or self._sent_mark > gone:
            self._sent_since = now
            self._sent_mark = gone
            return
        settings = self._worker.settings
        window = settings.timeout_min_rate
        if now - self._sent_since < window:
            return
        if gone - self._sent_mark >= settings.min_rate * window:
            self._sent_since = now
            self._sent_mark = gone
            return
        self.ended = TIMEOUT
        self._worker.reader_cut()
        if self.exchange is not None:
            self.exchange.on_disconnect(DISCONNECT_TIMEOUT, True)
        if self._fd >= 0 and not self._lost:
            # Else the kernel would keep what is unsent, for as long as the client likes
            reset_at_close(self._fd)
        self._transport.abort()

    def _response_end(self) -> None:
        """The response is whole; the input decides what follows."""
        raise NotImplementedError


def reset_at_close(fd: int) -> None:
    """Let the close of the socket `fd` be a reset; what is not sent yet is given up with it."""
    sock = socket.socket(fileno=os.dup(fd))
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    finally:
        sock.close()


def bodyless(exchange: Any) -> bool:
    """Whether an answer in place of this exchange's, if there is one, has no body."""
    return exchange is not None and exchange.head.method == "HEAD"


def incomplete() -> HttpError:
    """What answers a client that ends before its request does (C09)."""
    return HttpError(400, "the request ended before it was whole", "RFC 9112 8")
