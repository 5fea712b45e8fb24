"""What leaves on one HTTP/2 connection, and in which order (RFC 9113 section 5.2; RFC 9218).

`Sender` is the second layer of a session. Small bodies that fit the windows, with nothing before
them, become frames at once. All else waits in its stream, uncopied, until `take` asks for more: so
order and window are looked at when there is room on the wire, and a stream that was reset leaves
nothing behind. Header blocks go ahead of other streams' bodies, for they are not flow-controlled,
except while the peer does not read: then they wait in their streams too, whose number is limited.
"""

from collections import deque
from typing import Any

from penstock.wire.http2_end import Http2End
from penstock.wire.http2_frames import INTERNAL_ERROR
from penstock.wire.http2_framing import FRAME_BYTES_MAX, UNTAKEN_BYTES_MAX, Framer
from penstock.wire.http2_pack import whole_answer
from penstock.wire.http2_states import CLOSED_BY_END
from penstock.wire.priority import Order, parse_priority

_UNTAKEN_BYTES_MAX = UNTAKEN_BYTES_MAX
_FRAME_BYTES_MAX = FRAME_BYTES_MAX


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


class Sender(Framer):
    """The sending half of a connection. See `http2_session.Session`, which is this and more."""

    __slots__ = ()

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
                if self._blocked is None:
                    self._blocked = []
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

    def has_output(self) -> bool:
        """Whether `take` would give anything."""
        if self._out:
            return True
        order = self._order
        return (
            order is not None
            and not self._dead
            and (order.count > 0 or (self._parked is not None and self._send_window > 0))
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

    def _window_opened(self, end: Http2End) -> None:
        """The stream's window has grown: it may have its turn again."""
        if (
            end.items is not None
            and end.send_window > 0
            and self._order is not None
            and (self._parked is None or end not in self._parked)
        ):
            self._order.add(end)
            self._quick = -1

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
        if self._parked is not None and end in self._parked:
            self._parked.remove(end)
            if not self._parked:
                self._parked = None
        self._set_quick()

    def _fill(self, bytes_max: int) -> None:
        """Frames of the streams whose turn it is, until there are `bytes_max` bytes to write."""
        order = self._order
        if order is None:
            return
        if self._parked is not None and self._send_window > 0:
            parked = self._parked
            self._parked = None
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
                        if self._parked is None:
                            self._parked = []
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
            if self.failed is None:
                self.failed = []
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
        drained = []
        for end in self._blocked or ():
            if end.state >= CLOSED_BY_END:
                end.blocked = False
            elif end.waiting * 2 > self.limits.stream_queue_max:
                kept.append(end)
            else:
                end.blocked = False
                drained.append(end)
        self._blocked = kept or None
        if drained:
            self.drained = drained if self.drained is None else self.drained + drained
