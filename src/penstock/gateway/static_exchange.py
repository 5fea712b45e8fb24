"""The conversation about one static file, for every protocol.

Small files leave with their head in one write, larger ones by `Stream.file`, without copying where the
protocol can. What is sent is what the head said, whatever happens to the file meanwhile: one that has
become shorter is a 503 before the head has left, and a cut connection after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.gateway.static_answer import NOSNIFF, Answer, told
from penstock.gateway.static_files import BUSY, OpenFile
from penstock.gateway.stream import Exchange, Service, Stream

if TYPE_CHECKING:
    from penstock.wire.events import Head

# Up to here a body is read and leaves with its head in one write; beyond, `Stream.file` is cheaper.
READ_BYTES_MAX = 65536
RETRY_AFTER = (b"retry-after", b"1")


class StaticExchange(Exchange):
    """The conversation about one file; see `Exchange` for who calls what. It owns `file`."""

    __slots__ = (
        "_answer",
        "_file",
        "_gone",
        "_next",
        "_sending",
        "_service",
        "_stream",
        "bodyless",
        "head",
        "sent_bytes",
    )

    def __init__(
        self, service: Service, stream: Stream, head: Head, made: Answer, file: OpenFile | None
    ) -> None:
        self._service = service
        self._stream = stream
        self._answer = made
        self._file = file
        self._gone = False
        self._next = 0
        self._sending = False
        self.head = head
        self.status = 0
        self.buffered = 0
        self.sent_bytes = 0
        self.bodyless = head.method == "HEAD" or made.status in {204, 304}

    def start(self) -> None:
        """Answer: at once, or piece by piece as the client reads."""
        made = self._answer
        pieces = made.pieces
        whole = self.bodyless or sum(piece.length for piece in pieces) <= READ_BYTES_MAX
        body = b""
        if whole and not self.bodyless:
            read = self._read(made) if pieces else made.after
            if read is None:
                made = told(BUSY, b"the file was changed meanwhile", [RETRY_AFTER, NOSNIFF])
                read = made.after
            body = read
        self.status = made.status
        self._stream.head(made.status, made.headers, self.bodyless, False)
        if whole:
            self.sent_bytes = len(body)
            self._stream.body(body, True)
            self._end()
        else:
            self._go_on()

    def _read(self, made: Answer) -> bytes | None:
        """The whole body; None if the file turned out shorter, or could not be read."""
        parts = []
        for before, offset, length in made.pieces:
            try:
                data = self._file.read(offset, length) if self._file is not None else b""
            except OSError as error:
                self._service.note("warning", f"static file cannot be read: {error}")
                return None
            if len(data) != length:
                return None
            parts += [before, data]
        return parts[1] if len(parts) == 2 and not made.after else b"".join((*parts, made.after))

    def _go_on(self, _sent: Any = None) -> None:
        """Send the pieces from the next one on, until one has to be waited for."""
        made = self._answer
        stream = self._stream
        self._sending = False
        while self._file is not None and not self._gone and self._next < len(made.pieces):
            before, offset, length = made.pieces[self._next]
            self._next += 1
            self.sent_bytes += len(before) + length
            if before:
                stream.body(before, False)
            end = self._next == len(made.pieces) and not made.after
            future = stream.file(self._file.fd, offset, length, end)
            if future is not None and not future.done():
                self._sending = True
                future.add_done_callback(self._go_on)
                return
        if made.after and not self._gone:
            self.sent_bytes += len(made.after)
            stream.body(made.after, True)
        self._end()

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._stream.done()

    def on_body(self, data: bytes, end: bool) -> None:
        """The body of a request for a file means nothing."""

    def on_writable(self) -> None:
        """The stream's own business: what is sent here waits for nothing else."""

    def on_disconnect(self, reason: str, gone: bool) -> None:
        """A client that is gone gets no more; one that only ends its side still gets all."""
        if gone:
            self._gone = True
            if not self._sending and self._file is not None and not self.status:
                self._file.close()
                self._file = None

    def on_deadline(self, now: float) -> None:
        """The connection watches how the client reads."""

    def on_shutdown(self) -> None:
        """It goes on to its end."""

    def where(self) -> str:
        """See `Exchange.where`."""
        return "a static file, as fast as the client reads"

    def cancel(self) -> str:
        """Send no more; the connection is cut next. Returns where it stood."""
        self._gone = True
        return self.where()
