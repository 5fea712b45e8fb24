"""Frames of the server's side of one connection that may leave at once, and its streams' accounts.

`Framer` is the lowest layer of a session: the streams that are not closed, the frames that wait to be
taken, and the windows of both directions (RFC 9113 sections 5.2 and 6.9). What has to wait in its
stream is the business of `http2_sending`.
"""

from typing import Any

from penstock.wire.http2_end import Http2End
from penstock.wire.http2_frames import (
    FLAG_END_HEADERS,
    FLAG_END_STREAM,
    FRAME_MIN,
    INITIAL_WINDOW,
    TYPE_CONTINUATION,
    TYPE_DATA,
    TYPE_HEADERS,
    rst_stream,
    window_update,
)
from penstock.wire.http2_limits import Http2Limits
from penstock.wire.http2_pack import pack_frame
from penstock.wire.http2_states import (
    CLOSED_BY_END,
    CLOSED_BY_US,
    HALF_CLOSED_LOCAL,
    HALF_CLOSED_REMOTE,
    INPUTS,
    NEXT,
    RESERVED_LOCAL,
    SEND_END,
)
from penstock.wire.priority import Order

# Framed and not taken: beyond, the peer does not read, and everything waits in its stream.
UNTAKEN_BYTES_MAX = 65536
# Frames of ours are never longer than the least that every peer allows: a longer one keeps other
# streams waiting.
FRAME_BYTES_MAX = FRAME_MIN
# Streams that were reset, remembered to tell frames that are late from those that are wrong.
_RESETS_KEPT_MAX = 256
_UNTAKEN_BYTES_MAX = UNTAKEN_BYTES_MAX
_FRAME_BYTES_MAX = FRAME_BYTES_MAX
# HPACK: the dynamic table has size 0 (RFC 7541 section 6.3).
_NO_TABLE = b"\x20"


class Framer:
    """The lowest layer of a session. See `http2_session.Session`, which is this and more."""

    __slots__ = (
        "_blocked",
        "_dead",
        "_order",
        "_out",
        "_out_bytes",
        "_parked",
        "_peer_window",
        "_quick",
        "_receive_window",
        "_resets",
        "_send_window",
        "_streams",
        "_table_update",
        "_unreturned",
        "_unwritten",
        "_window",
        "active",
        "drained",
        "failed",
        "limits",
        "pushed",
        "queued_bytes",
    )

    def __init__(self, limits: Http2Limits) -> None:
        self.limits = limits
        self._streams: dict[int, Http2End] = {}
        self._out: list[Any] = []
        self._out_bytes = 0
        self._unwritten = 0
        self._order: Order | None = None
        # None as long as there are none, as with others below: an idle connection is to be small.
        self._parked: list[Http2End] | None = None
        self._blocked: list[Http2End] | None = None
        self._resets: dict[int, int] | None = None
        self._send_window = INITIAL_WINDOW
        self._peer_window = INITIAL_WINDOW
        self._receive_window = INITIAL_WINDOW
        self._window = limits.connection_window
        self._unreturned = 0
        self._table_update = False
        self._dead = False
        # How long a body or block may be to be framed at once; -1 while something is before it.
        self._quick = _FRAME_BYTES_MAX
        self.active = 0
        self.pushed = 0
        self.queued_bytes = 0
        self.drained: list[Http2End] | None = None
        self.failed: list[Http2End] | None = None

    def consumed(self, end: Http2End, count: int) -> None:
        """`count` bytes of DATA events were taken by the application, or will be by nobody: the
        windows are given back, in batches (RFC 9113 section 6.9). What was not consumed when the
        stream ends or is reset is given back to the connection by `done`."""
        count = min(count, end.unread)
        if count <= 0:
            return
        end.unread -= count
        self._give_back(count)
        if end.state < HALF_CLOSED_LOCAL and end.open:
            end.unreturned += count
            window = end.window
            # A stream whose body is read may send more before it has to wait, up to the limit (H11);
            # one whose last bytes are on their way needs no more.
            if end.unreturned * 2 >= window and not 0 <= end.remaining <= end.receive_window:
                grown = min(window * 2, self.limits.stream_window_max)
                grown = max(grown, window)
                increment = end.unreturned + grown - window
                end.window = grown
                end.unreturned = 0
                end.receive_window += increment
                self._queue_control(window_update(end.id, increment))

    def stalled(self, end: Http2End) -> bool:
        """Whether a window, the stream's or the connection's, holds what waits on the stream (H10)."""
        return end.items is not None and (end.send_window <= 0 or self._send_window <= 0)

    def done(self, end: Http2End) -> None:
        """The application's call has ended; exactly once for each REQUEST (and for each REFUSED,
        after its answer), also after RESET: frees the stream's place in the limit."""
        end.done = True
        if end.unread:
            self.consumed(end, end.unread)
        if end.lingers:
            end.lingers = False
            self._leave_place(end)

    def ends(self) -> list[Http2End]:
        """The streams that are not closed, oldest first; a copy."""
        return list(self._streams.values())

    def _queue_control(self, frame: bytes) -> None:
        """A frame that answers the peer; their number is limited by who reads the peer's (H30)."""
        self._out.append(frame)
        self._out_bytes += len(frame)
        self._unwritten += 1
        if self._out_bytes > _UNTAKEN_BYTES_MAX:
            self._quick = -1

    def _give_back(self, count: int) -> None:
        """`count` bytes of the connection's window are free again."""
        self._unreturned += count
        window = self._window
        if self._unreturned * 2 >= window:
            grown = max(min(window * 2, self.limits.connection_window_max), window)
            increment = self._unreturned + grown - window
            self._window = grown
            self._unreturned = 0
            self._receive_window += increment
            self._queue_control(window_update(0, increment))

    def _close(self, end: Http2End, state: int) -> None:
        """The stream is over on both sides; whatever waited on it is dropped."""
        end.state = state
        end.open = False
        if self._streams.pop(end.id, None) is None:
            return
        if end.items is not None:
            self._drop_items(end)
        if end.blocked and self._blocked is not None:
            end.blocked = False
            self._blocked.remove(end)
        if state != CLOSED_BY_END:
            self._remember(end.id, state)
            if not end.done:
                # Its application may still be at work: a place in the limit goes with that.
                end.lingers = True
                return
        self._leave_place(end)

    def _leave_place(self, end: Http2End) -> None:
        """The stream counts no more in the limit of its initiator."""
        if end.id & 1:
            self.active -= 1
        else:
            self.pushed -= 1

    def _remember(self, number: int, state: int) -> None:
        """How a stream was closed, where it was not by END_STREAM."""
        if self._resets is None:
            self._resets = {}
        self._resets[number] = state
        if len(self._resets) > _RESETS_KEPT_MAX:
            del self._resets[next(iter(self._resets))]

    def _reset(self, end: Http2End, code: int) -> None:
        self._close(end, CLOSED_BY_US)
        self._queue_control(rst_stream(end.id, code))

    def _drop_items(self, end: Http2End) -> None:
        """Forget what waits on a stream: overridden by the layer that lets it wait."""

    def _set_quick(self) -> None:
        order = self._order
        if self._table_update or (order is not None and (order.count or self._parked)):
            self._quick = -1
        elif self._out_bytes <= _UNTAKEN_BYTES_MAX:
            self._quick = _FRAME_BYTES_MAX

    def _end(self, end: Http2End) -> None:
        """END_STREAM was framed."""
        state = NEXT[end.state * INPUTS + SEND_END]
        end.state = state
        if state == CLOSED_BY_END:
            del self._streams[end.id]
            self._leave_place(end)
        else:
            self._ended_early(end)

    def _ended_early(self, end: Http2End) -> None:
        """The response is whole and the request is not: overridden by the session."""

    def _frame_data(self, end: Http2End, data: Any, size: int, fin: bool) -> None:
        flags = FLAG_END_STREAM if fin else 0
        self._out.append(pack_frame(size, TYPE_DATA, flags, end.id))
        if size:
            self._out.append(data)
        self._out_bytes += size + 9
        if self._out_bytes > _UNTAKEN_BYTES_MAX:
            self._quick = -1
        self._send_window -= size
        end.send_window -= size

    def _frame_headers(self, end: Http2End, block: bytes, fin: bool) -> None:
        if end.state == RESERVED_LOCAL:
            end.state = HALF_CLOSED_REMOTE
        self._frame_block(end.id, TYPE_HEADERS, FLAG_END_STREAM if fin else 0, block, 0)
        if fin:
            self._end(end)

    def _frame_block(self, number: int, kind: int, flags: int, block: bytes, promised: int) -> None:
        """A header block on stream `number`, in as many frames as it takes; `promised`: the stream
        that it is a promise of, else 0."""
        if self._table_update:
            self._table_update = False
            block = _NO_TABLE + block
            self._set_quick()
        if promised:
            block = promised.to_bytes(4, "big") + block
        start = 0
        size = len(block)
        while size - start > _FRAME_BYTES_MAX:
            self._out.append(pack_frame(_FRAME_BYTES_MAX, kind, flags, number))
            self._out.append(block[start : start + _FRAME_BYTES_MAX])
            start += _FRAME_BYTES_MAX
            kind = TYPE_CONTINUATION
            flags = 0
        self._out.append(pack_frame(size - start, kind, flags | FLAG_END_HEADERS, number))
        self._out.append(block[start:] if start else block)
        self._out_bytes += size + 9
        if self._out_bytes > _UNTAKEN_BYTES_MAX:
            self._quick = -1
