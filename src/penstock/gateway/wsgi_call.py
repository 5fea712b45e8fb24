"""A WSGI application's half of a conversation: what runs on the application's thread (PEP 3333).

`WsgiExchange` in `wsgi` is the other half and extends this one. What this half asks of the loop
travels as parts, in order, through `_parts`; what the loop tells are a few attributes that one side
writes and the other reads, and locks that the loop releases for whoever waits. With `--threads 0`
both are the loop's thread: parts are carried out at once, and instead of waiting for the client the
application's iterable is suspended.
"""

from collections import deque
from typing import Any

from penstock.errors import ClientDisconnected, MessageError
from penstock.gateway.stream import Exchange, Service, Stream
from penstock.gateway.wsgi_headers import encode, status_code
from penstock.gateway.wsgi_input import FileWrapper, WsgiInput, plain_file
from penstock.wire.events import Head

# What `write()` may pile up for a slow client with --threads 0, where nothing can wait for it.
INLINE_WRITE_BYTES_MAX = 1 << 20
# With --threads 0 an iterable that never has to wait must still let the loop turn.
INLINE_BURST_BLOCKS_MAX = 64
INLINE_BURST_BYTES_MAX = 1 << 18
# How far a thread may be ahead of the loop, and how much of the body it takes between two reports.
_AHEAD_BYTES_MAX = 65536
_REPORT_BYTES = 16384

# What the application's thread has to do next.
_CALL = 0
_ITERATE = 1
_CLOSE = 2
_ENDED = 3

# Parts: what the loop is asked to do. (kind, ...)
PART_HEAD = 0  # status, headers, bodyless, data, end
PART_DATA = 1  # data, end
PART_FILE = 2  # status, headers, fd, offset, count
PART_TAKEN = 3  # bytes of body that the application took; more are wanted
PART_FAILED = 4  # exception; the response cannot go on
PART_RAISED = 5  # exception that harms no response
PART_TEXT = 6  # a line for the log
PART_DONE = 7


class WsgiCall(Exchange):
    """The application's half of `WsgiExchange`, and the attributes of both.

    `pool` is one of `transport.pool`: `submit` has `run` called, `post` has `deliver` called on the
    loop's thread. `head`, `status`, `sent_bytes` and `bodyless` are for the access log.
    """

    __slots__ = (
        "_answer",
        "_app_error",
        "_blocked",
        "_chunks",
        "_context",
        "_declared",
        "_delivered",
        "_finished",
        "_gone",
        "_head_out",
        "_headers",
        "_incomplete",
        "_inline",
        "_iterator",
        "_over",
        "_parts",
        "_phase",
        "_pool",
        "_posted",
        "_produced",
        "_result",
        "_service",
        "_state",
        "_status",
        "_stream",
        "_taken",
        "_unsent",
        "_waiters",
        "_whole",
        "bodyless",
        "head",
        "sent_bytes",
    )

    def __init__(self, service: Service, stream: Stream, head: Head, pool: Any) -> None:
        self._service = service
        self._stream = stream
        self._pool = pool
        self.head = head
        self.status = 0
        self.buffered = 0
        self.sent_bytes = 0
        self.bodyless = head.method == "HEAD"
        # Written on the loop's thread, read on the application's.
        self._state = 0
        self._whole = head.content_length == 0
        self._chunks: Any = None
        self._incomplete = ""
        self._gone = False
        self._over = False
        self._blocked = False
        self._app_error: Any = None
        self._delivered = 0
        # Written on the application's thread.
        self._inline: bool = pool.inline
        self._answer: Any = None
        self._status = 0
        self._headers: Any = None
        self._declared = -1
        self._produced = 0
        self._head_out = False
        self._finished = False
        self._phase = _CALL
        self._result: Any = None
        self._iterator: Any = None
        self._context: Any = None
        self._taken = 0
        self._unsent = 0
        self._posted = False
        # Shared: appended to on one side, taken from on the other.
        self._parts: Any = None
        self._waiters: Any = None

    def run(self) -> None:
        """Call the application, or go on where it was left; called by the pool."""
        context = self._context
        if context is None:
            if self._gone:
                # The client left while the request waited: no work for it (S11).
                self._phase = _ENDED
                self._put((PART_DONE,))
                return
            context = self._context = self._service.context.copy()
        elif self._phase == _CLOSE:
            # The thread that sent the file off may not have left the context yet.
            context = context.copy()
        context.run(self.converse)

    def converse(self) -> None:
        """The application's call, or a part of it, whatever it raises; in the request's context."""
        phase = self._phase
        try:
            if phase == _CALL:
                phase = self._call()
            if phase == _ITERATE:
                phase = self._iterate()
        except BaseException as exc:
            phase = _CLOSE
            if exc is not self._app_error:
                self._put((PART_FAILED, exc))
        if phase == _CLOSE:
            self._close()

    def _call(self) -> int:
        """Call the application, and answer at once where its answer is of a simple kind. Returns
        the next phase."""
        body = None
        if self.head.content_length:
            body = WsgiInput(self)
        environ = self._pool.environs.build(self.head, self._stream, body)
        result = self._service.app(environ, self.start_response)
        kind = type(result)
        one = (kind is list or kind is tuple) and len(result) == 1 and not self._head_out
        if one and self._single(result[0]):
            return _ENDED
        self._result = result
        if kind is FileWrapper and not self._head_out and self._send_file(result):
            return _ENDED  # for this thread
        try:
            self._iterator = iter(result)
        except TypeError:
            raise MessageError(
                f"the application returned {type(result).__name__}, not an iterable of bytes"
                " (PEP 3333)"
            ) from None
        self._phase = _ITERATE
        return _ITERATE

    def _single(self, block: Any) -> bool:
        """The usual answer: one block, so that its length is known (PEP-18). True if it is sent."""
        if type(block) is not bytes or not self._status:
            return False
        size = len(block)
        if self._bare():
            if self._declared < 0 and not self._no_content():
                self._headers.append((b"content-length", b"%d" % size))
            return False
        if self._declared != size and self._declared >= 0:
            return False
        self._phase = _ENDED
        self._flush_errors()
        self._answer = block
        self._pool.post(self)
        return True

    def _bare(self) -> bool:
        """Whether the answer has no body on the wire (RFC 9110 sections 9.3.2, 15.3.5, 15.4.5)."""
        return self._no_content() or self.head.method == "HEAD"

    def _no_content(self) -> bool:
        status = self._status
        return status in {204, 304}

    def _send_file(self, wrapper: FileWrapper) -> bool:
        """Send a plain file by descriptor (PEP-20); False if it has to be read instead."""
        plain = plain_file(wrapper.filelike)
        if plain is None or not self._status or self._no_content():
            return False
        fd, offset, count = plain
        if self._declared < 0:
            self._headers.append((b"content-length", b"%d" % count))
        elif self._declared > count:
            raise MessageError(
                f"the application declared {self._declared} bytes of a file that has {count} left"
            )
        else:
            count = self._declared
        if not count or self.head.method == "HEAD":
            return False
        self._head_out = True
        # The loop has `run` called again when it has sent the file; this may be before we return.
        self._phase = _CLOSE
        self._put((PART_FILE, self._status, self._headers, fd, offset, count))
        return True

    def _iterate(self) -> int:
        """Hand on block after block, each before the next is asked for (PEP-14). Returns the next
        phase: the same if the rest has to wait for the client (only with --threads 0)."""
        burst_blocks = 0
        produced = self._produced
        if self._gone:
            raise ClientDisconnected("the client is gone")
        # `write()` may have sent all there is to send.
        for block in () if self._finished else self._iterator:
            self._block(block, False)
            if self._finished:
                break
            if self._inline:
                if self._blocked:
                    return _ITERATE
                burst_blocks += 1
                if (
                    burst_blocks >= INLINE_BURST_BLOCKS_MAX
                    or self._produced - produced >= INLINE_BURST_BYTES_MAX
                ):
                    self._pool.resubmit(self)
                    return _ITERATE
        self._finish()
        return _CLOSE

    def _block(self, block: Any, written: bool) -> None:
        """One block of body. Raises MessageError for what is none (PEP-16, PEP-19)."""
        if type(block) is not bytes:
            if not isinstance(block, bytes):
                raise MessageError(
                    f"a block of the body must be bytes, got {type(block).__name__} (PEP 3333)"
                )
            block = bytes(block)
        if not self._status:
            raise MessageError("the application gave a body before it called start_response")
        size = len(block)
        if not size:
            return
        if self._bare():
            # Nothing of the body is wanted, so nothing more of it need be made (PEP-11).
            if not self._head_out:
                self._head_out = True
                self._finished = True
                self._push((PART_HEAD, self._status, self._headers, True, b"", True), 0, True)
            return
        if self._declared >= 0:
            room = self._declared - self._produced
            if size > room:
                if written:
                    raise MessageError(
                        f"write() of {size} bytes where {room} were left of the declared"
                        " content-length"
                    )
                self._put(
                    (PART_TEXT, f"{size - room} bytes beyond the declared content-length cut")
                )
                block = block[:room]
                size = room
            # The iterable is not resumed for what could not be sent (WSGI-15).
            self._finished = size == room
        self._produced += size
        if self._head_out:
            self._push((PART_DATA, block, self._finished), size, self._finished)
        else:
            self._head_out = True
            self._push(
                (PART_HEAD, self._status, self._headers, False, block, self._finished),
                size,
                self._finished,
            )

    def _finish(self) -> None:
        """The iterable has ended (WSGI-19). Raises MessageError if the response cannot."""
        if not self._status:
            raise MessageError("the application returned without calling start_response (PEP 3333)")
        if self._finished:
            return
        bare = self._bare()
        if self._declared > self._produced and not bare:
            raise MessageError(
                f"the application declared a content-length of {self._declared} and sent"
                f" {self._produced} bytes"
            )
        self._finished = True
        if self._head_out:
            self._put((PART_DATA, b"", True))
        else:
            self._head_out = True
            self._put((PART_HEAD, self._status, self._headers, bare, b"", True))

    def _close(self) -> None:
        """Call the iterable's `close`, once, whatever came before (PEP-13)."""
        self._phase = _ENDED
        result = self._result
        self._result = None
        self._iterator = None
        close = getattr(result, "close", None)
        if close is not None:
            try:
                close()
            except BaseException as exc:
                self._put((PART_RAISED, exc))
        self._flush_errors()
        self._put((PART_DONE,))

    def _flush_errors(self) -> None:
        errors = self._pool.environs.errors
        if errors.partial:
            errors.flush()

    def _put(self, part: tuple[Any, ...]) -> None:
        """Ask the loop for something, and do not wait for it."""
        if self._parts is None:
            self._parts = deque()
        # The append comes before the look at the flag; `deliver` clears the flag before it looks
        # at the parts: so whatever finds the flag set will be seen by that call.
        self._parts.append(part)
        if not self._posted:
            self._posted = True
            self._pool.post(self)

    def _push(self, part: tuple[Any, ...], size: int, end: bool) -> None:
        """Ask the loop to send something, and wait while too much waits to be sent already.

        Raises ClientDisconnected when the client is gone, and what was wrong with the head.
        """
        self._check()
        self._put(part)
        if end:
            return
        if self._inline:
            if self._blocked:
                self._unsent += size
                if self._unsent > INLINE_WRITE_BYTES_MAX:
                    raise MessageError(
                        f"write() of more than {INLINE_WRITE_BYTES_MAX} bytes to a client that does"
                        " not take them: return an iterable, or use --threads 1 or more"
                    )
            self._check()
            return
        while self._is_ahead():
            self._wait_if(True)
            self._check()

    def _is_ahead(self) -> bool:
        return (
            self._blocked or self._produced - self._delivered >= _AHEAD_BYTES_MAX
        ) and not self._gone

    def _wait_if(self, writing: bool) -> None:
        """Wait until the loop has news, unless there are some already."""
        if self._waiters is None:
            self._waiters = deque()
        lock = self._pool.new_lock()
        self._waiters.append(lock)
        # News from before the append have woken nobody. A lock that stays there unused is harmless.
        if self._is_ahead() if writing else self._is_dry():
            lock.acquire()

    def _check(self) -> None:
        if self._gone:
            raise ClientDisconnected("the client is gone")
        if self._app_error is not None:
            raise self._app_error

    def take_body(self) -> bytes:
        """The next bytes of the request's body, b"" at its end; for `WsgiInput`.

        Waits for them; raises ClientDisconnected if they will never come.
        """
        asked = False
        while True:
            # Before the look at the chunks: the last of them may come in between.
            whole = self._whole
            chunks = self._chunks
            if chunks:
                chunk: bytes = chunks.popleft()
                self._taken += len(chunk)
                if self._taken >= _REPORT_BYTES and not whole:
                    self._put((PART_TAKEN, self._taken))
                    self._taken = 0
                return chunk
            if self._incomplete:
                raise ClientDisconnected(f"the request's body is not whole: {self._incomplete}")
            if whole:
                return b""
            if not asked:
                asked = True
                self._put((PART_TAKEN, self._taken))
                self._taken = 0
            self._wait_if(False)

    def _is_dry(self) -> bool:
        return not self._chunks and not self._whole and not self._incomplete

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        """PEP 3333's `start_response`; returns `write`. Nothing is sent yet (PEP-11).

        Raises MessageError for what may not be sent, and for a second call without `exc_info`;
        with it, raises that exception if the headers are out (PEP-12).
        """
        if exc_info is not None:
            try:
                if self._head_out:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self._status:
            raise MessageError("start_response was called twice, without exc_info (PEP 3333)")
        code = status_code(status)
        fields: list[tuple[bytes, bytes]] = []
        declared = encode(headers, fields)
        # Only what the last call said counts (WSGI-16).
        self._headers = fields
        self._declared = declared
        self._status = code
        return self.write

    def write(self, data: bytes) -> None:
        """PEP 3333's `write`: body, before what the iterable gives (PEP-22)."""
        self._block(data, True)
