"""What leaves on one HTTP/2 connection: frames, flow control and order (RFC 9113 5.2, 6.9; RFC 9218).

`Sender` is the lower half of a session. Small bodies that fit the windows, with nothing before them,
become frames at once. All else waits in its stream, uncopied, until `take` asks for more: so order
and window are looked at when there is room on the wire, and a stream that was reset leaves nothing
behind. Header blocks go ahead of other streams' bodies, for they are not flow-controlled, except
while the peer does not read: then they wait in their streams too, whose number is limited.
"""

from collections import deque
from typing import Any

from penstock.wire.http2_end import Http2End
from penstock.wire.http2_frames import (
    FLAG_END_HEADERS,
    FLAG_END_STREAM,
    FRAME_MIN,
    INITIAL_WINDOW,
    INTERNAL_ERROR,
    TYPE_CONTINUATION,
    TYPE_DATA,
    TYPE_HEADERS,
    rst_stream,
    window_update,
)
from penstock.wire.http2_limits import Http2Limits
from penstock.wire.http2_pack import pack_frame, whole_answer
from penstock.wire.http2_states import (
    CLOSED_BY_END,
    CLOSED_BY_US,
    HALF_CLOSED_LOCAL,
    INPUTS,
    NEXT,
    SEND_END,
)
from penstock.wire.priority import Order, parse_priority

# Framed and not taken: beyond, the peer does not read, and everything waits in its stream.
_UNTAKEN_BYTES_MAX = 65536
# Streams that were reset, remembered to tell frames that are late from those that are wrong.
_RESETS_KEPT_MAX = 256
# A body taken in small pieces is framed in pieces of this size: the peer's frames may be larger, but
# a large one keeps others waiting.
_FRAME_BYTES_MAX = FRAME_MIN
# HPACK: the dynamic table has size 0 (RFC 7541 section 6.3).
_NO_TABLE = b"\x20"


class HeaderBlock:
    """A header block that waits behind body bytes."""

    __slots__ = ("block", "ended")

    def __init__(self, block: bytes, ended: bool) -> None:
        self.block = block
        self.ended = ended


class Source:
    """A body that is read when there is room for it: `left` bytes of `reader`."""

    __slots__ = ("left", "reader")

    def __init__(self, reader: Any, left: int) -> None:
        self.reader = reader
        self.left = left


class Sender:
    """Frames of our side of a connection. See `Session`, which is this and more."""

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
        "queued_bytes",
    )

    def __init__(self, limits: Http2Limits) -> None:
        self.limits = limits
        self._streams: dict[int, Http2End] = {}
        self._out: list[Any] = []
        self._out_bytes = 0
        self._unwritten = 0
        self._order: Order | None = None
        self._parked: list[Http2End] = []
        self._blocked: list[Http2End] = []
        self._resets: dict[int, int] = {}
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
        self.queued_bytes = 0
        self.drained: list[Http2End] = []
        self.failed: list[Http2End] = []

    def respond(self, end: Http2End, block: bytes, data: bytes) -> bool:
        """A whole response: `block` as HEADERS, `data` as DATA, the last of them with END_STREAM.

        The quick way for what `headers` and `send` do; the same contract as theirs.
        """
        size = len(data)
        quick = self._quick
        if (
            size <= quick
            and len(block) <= quick
            and size <= self._send_window
            and size <= end.send_window
            and end.items is None
            and end.open
        ):
            answer = whole_answer(end.id, block, data)
            self._out.append(answer)
            self._out_bytes += len(answer)
            if self._out_bytes > _UNTAKEN_BYTES_MAX:
                self._quick = -1
            self._send_window -= size
            end.open = False
            self._end(end)
            return True
        self.headers(end, block, not size)
        if size:
            return self.send(end, data, True)
        return True

    def headers(self, end: Http2End, block: bytes, fin: bool) -> None:
        """Send a header block (HPACK, made without the dynamic table): 1xx, final or trailers.

        Cut into HEADERS and CONTINUATION where it is longer than a frame, in its place behind body
        bytes that wait. `fin`: END_STREAM. Nothing happens on a stream that is not `open`.
        """
        if not end.open:
            return
        if fin:
            end.open = False
        if end.items is not None or self._out_bytes > _UNTAKEN_BYTES_MAX:
            self._enqueue(end, HeaderBlock(block, fin))
            return
        self._frame_headers(end, block, fin)

    def send(self, end: Http2End, data: bytes, fin: bool) -> bool:
        """Send body bytes; `fin`: END_STREAM follows them.

        Framed at once where they are small, fit the windows and nothing is before them, else queued
        without copying. False while more waits than the high-water mark, of this stream or of all:
        then the end comes back in `drained` once there is room. True on a stream that is not `open`,
        where nothing happens.
        """
        if not end.open:
            return True
        size = len(data)
        if (
            size <= self._quick
            and size <= self._send_window
            and size <= end.send_window
            and end.items is None
        ):
            if size or fin:
                self._frame_data(end, data, size, fin)
                if fin:
                    end.open = False
                    self._end(end)
            return True
        if size:
            end.waiting += size
            self.queued_bytes += size
            self._enqueue(end, data)
        if fin:
            end.open = False
            end.fin = True
            if end.items is None:
                self._enqueue(end, b"")
        if (
            end.waiting > self.limits.stream_queue_max
            or self.queued_bytes > self.limits.connection_queue_max
        ):
            if not end.blocked:
                end.blocked = True
                self._blocked.append(end)
            return False
        return True

    def send_source(self, end: Http2End, source: Any, count: int, fin: bool) -> None:
        """Send `count` bytes that `source.read(n)` gives: at least one and at most `n` bytes, called
        from `take` when there is room for them. `source.close()` is called exactly once, when it is
        needed no more, for whatever reason. A source that gives b"" or raises OSError before its end
        resets the stream with INTERNAL_ERROR and puts it into `failed`. Sends by pieces of at most
        one frame; the bytes are not counted in `waiting`."""
        if not end.open or count == 0:
            source.close()
            if fin:
                self.send(end, b"", True)
            return
        if fin:
            end.open = False
            end.fin = True
        self._enqueue(end, Source(source, count))

    def prioritize(self, end: Http2End, value: bytes) -> None:
        """Change a stream's priority to what a `priority` field of the response says (RFC 9218
        section 5); what it does not name stays, what is malformed is ignored."""
        urgency, incremental = parse_priority(value, end.urgency, end.incremental)
        if urgency == end.urgency and incremental == end.incremental:
            return
        if self._order is None:
            end.urgency = urgency
            end.incremental = incremental
        else:
            self._order.change(end, urgency, incremental)

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

    def done(self, end: Http2End) -> None:
        """The application's call has ended; exactly once for each REQUEST (and for each REFUSED,
        after its answer), also after RESET: frees the stream's place in the limit."""
        end.done = True
        if end.unread:
            self.consumed(end, end.unread)
        if end.lingers:
            end.lingers = False
            self.active -= 1

    def ends(self) -> list[Http2End]:
        """The streams that are not closed, oldest first; a copy."""
        return list(self._streams.values())

    def has_output(self) -> bool:
        """Whether `take` would give anything."""
        if self._out:
            return True
        order = self._order
        return (
            order is not None
            and not self._dead
            and (order.count > 0 or (len(self._parked) > 0 and self._send_window > 0))
        )

    def take(self, bytes_max: int) -> bytes:
        """What is to be written next: everything but bodies, and as much of these as windows allow,
        in order of priority, until `bytes_max` is reached (passed by one frame at most)."""
        if self._order is not None and not self._dead:
            self._fill(bytes_max)
        out = self._out
        if not out:
            return b""
        data: bytes = out[0] if len(out) == 1 else b"".join(out)
        self._out = []
        self._out_bytes = 0
        self._unwritten = 0
        self._set_quick()
        return data

    # ------------------------------------------------------------------ for the session's other half

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
        if end.blocked:
            end.blocked = False
            self._blocked.remove(end)
        if state != CLOSED_BY_END:
            self._remember(end.id, state)
            if not end.done:
                # Its application may still be at work: a place in the limit goes with that.
                end.lingers = True
                return
        self.active -= 1

    def _remember(self, number: int, state: int) -> None:
        """How a stream was closed, where it was not by END_STREAM."""
        self._resets[number] = state
        if len(self._resets) > _RESETS_KEPT_MAX:
            del self._resets[next(iter(self._resets))]

    def _reset(self, end: Http2End, code: int) -> None:
        self._close(end, CLOSED_BY_US)
        self._queue_control(rst_stream(end.id, code))

    def _window_opened(self, end: Http2End) -> None:
        """The stream's window has grown: it may have its turn again."""
        if (
            end.items is not None
            and end.send_window > 0
            and self._order is not None
            and end not in self._parked
        ):
            self._order.add(end)
            self._quick = -1

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
            self.active -= 1
        else:
            self._ended_early(end)

    def _ended_early(self, end: Http2End) -> None:
        """The response is whole and the request is not: overridden by the session."""

    # -------------------------------------------------------------------------------------- own

    def _enqueue(self, end: Http2End, item: Any) -> None:
        if end.items is None:
            end.items = deque()
        end.items.append(item)
        if self._order is None:
            self._order = Order()
        self._order.add(end)
        self._quick = -1

    def _drop_items(self, end: Http2End) -> None:
        """Forget what waits on a stream."""
        for item in end.items:
            if type(item) is Source:
                source = item
                source.reader.close()
        end.items = None
        self.queued_bytes -= end.waiting
        end.waiting = 0
        end.offset = 0
        if self._order is not None:
            self._order.discard(end)
        if end in self._parked:
            self._parked.remove(end)
        self._set_quick()

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
        if self._table_update:
            self._table_update = False
            block = _NO_TABLE + block
            self._set_quick()
        flags = FLAG_END_STREAM if fin else 0
        kind = TYPE_HEADERS
        start = 0
        size = len(block)
        while size - start > _FRAME_BYTES_MAX:
            self._out.append(pack_frame(_FRAME_BYTES_MAX, kind, flags, end.id))
            self._out.append(block[start : start + _FRAME_BYTES_MAX])
            start += _FRAME_BYTES_MAX
            kind = TYPE_CONTINUATION
            flags = 0
        self._out.append(pack_frame(size - start, kind, flags | FLAG_END_HEADERS, end.id))
        self._out.append(block[start:] if start else block)
        self._out_bytes += size + 9
        if self._out_bytes > _UNTAKEN_BYTES_MAX:
            self._quick = -1
        if fin:
            self._end(end)

    def _fill(self, bytes_max: int) -> None:
        """Frames of the streams whose turn it is, until there are `bytes_max` bytes to write."""
        order = self._order
        if order is None:
            return
        if self._parked and self._send_window > 0:
            parked = self._parked
            self._parked = []
            for end in parked:
                order.add(end)
        while self._out_bytes < bytes_max:
            first = order.first()
            if first is None:
                break
            self._serve(order, first)
        if self._blocked:
            self._unblock()

    def _serve(self, order: Order, end: Http2End) -> None:
        """One frame of DATA at most, and the header blocks that stand before or after it."""
        items = end.items
        sent = 0
        while items:
            item = items[0]
            if type(item) is HeaderBlock:
                waiting = item
                items.popleft()
                if waiting.ended:
                    self._leave(order, end)
                self._frame_headers(end, waiting.block, waiting.ended)
                if waiting.ended:
                    return
                continue
            if type(item) is Source:
                file = item
                room = file.left
            else:
                body = item
                room = len(body) - end.offset
            if room:
                if sent:
                    break
                window = min(end.send_window, self._send_window)
                if window <= 0:
                    order.discard(end)
                    if end.send_window > 0:
                        self._parked.append(end)
                    return
                room = min(room, window, _FRAME_BYTES_MAX)
            if type(item) is Source:
                sent = self._from_source(end, item, room)
                if not sent:
                    return
            else:
                sent = room
                self._from_bytes(end, item, room)
            if end.items is None:
                return
        if not items:
            self._leave(order, end)
        elif end.queued:
            order.sent(end, sent)

    def _leave(self, order: Order, end: Http2End) -> None:
        """Nothing waits on the stream any more."""
        end.items = None
        end.offset = 0
        order.discard(end)

    def _from_bytes(self, end: Http2End, item: bytes, room: int) -> None:
        """Frame `room` bytes of the first item."""
        offset = end.offset
        stop = offset + room
        items = end.items
        last = stop == len(item)
        if last:
            items.popleft()
            end.offset = 0
        else:
            end.offset = stop
        fin = last and end.fin and not items
        end.waiting -= room
        self.queued_bytes -= room
        piece = item if room == len(item) else memoryview(item)[offset:stop]
        self._frame_data(end, piece, room, fin)
        if fin:
            self._finish(end)

    def _from_source(self, end: Http2End, item: Source, room: int) -> int:
        """Frame at most `room` bytes of a source; how many, 0 where it failed."""
        try:
            data = item.reader.read(room)
        except OSError:
            data = b""
        size = len(data)
        if not 0 < size <= room:
            self._reset(end, INTERNAL_ERROR)
            self.failed.append(end)
            return 0
        item.left -= size
        fin = False
        if not item.left:
            end.items.popleft()
            item.reader.close()
            fin = end.fin and not end.items
        self._frame_data(end, data, size, fin)
        if fin:
            self._finish(end)
        return size

    def _finish(self, end: Http2End) -> None:
        """END_STREAM went out with the last byte that waited."""
        if self._order is not None:
            self._leave(self._order, end)
        self._end(end)

    def _unblock(self) -> None:
        """Let those go on whose queue has room again, below half of the marks."""
        if self.queued_bytes * 2 > self.limits.connection_queue_max:
            return
        kept = []
        for end in self._blocked:
            if end.state >= CLOSED_BY_END:
                end.blocked = False
            elif end.waiting * 2 > self.limits.stream_queue_max:
                kept.append(end)
            else:
                end.blocked = False
                self.drained.append(end)
        self._blocked = kept
