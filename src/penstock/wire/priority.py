"""Extensible priorities (RFC 9218): what a client asks for, and who is served next.

`Order` holds the streams that could send at once. The urgency comes first (section 10): a lower
number is served before a higher one. Within one urgency streams take turns. A turn of an
incremental stream is one frame; any other stream keeps its turn until it is through, but for no
longer than TURN_BYTES, so that a download without end does not hold up the small answers of the
same urgency. For the same reason one frame in STRIDE goes to the other urgencies, one after the
other, as far as anyone waits there.
"""

from collections import deque
from typing import Any

from penstock.wire.http2_end import Http2End

URGENCY = 3
LEVELS = 8
TURN_BYTES = 65536
STRIDE = 8

_LEVELS = LEVELS
_TURN_BYTES = TURN_BYTES
_STRIDE = STRIDE
_FIELD_BYTES_MAX = 1024
# What nearly every client says, as urgency and incremental; -1 for what is not said.
_USUAL = {
    b"i": (-1, 1),
    **{b"u=%d" % urgency: (urgency, -1) for urgency in range(LEVELS)},
    **{b"u=%d, i" % urgency: (urgency, 1) for urgency in range(LEVELS)},
}
_SWITCHES = {b"i": True, b"i=?1": True, b"i=?0": False}


def parse_priority(value: bytes, urgency: int, incremental: bool) -> tuple[int, bool]:
    """Urgency and incremental of a Priority field value (RFC 9218 section 4); what it does not say
    is as given. Unknown members, and values out of range or of another type, are ignored."""
    usual = _USUAL.get(value)
    if usual is not None:
        said, switched = usual
        return urgency if said < 0 else said, incremental if switched < 0 else True
    for member in value[:_FIELD_BYTES_MAX].split(b","):
        item = member.partition(b";")[0].strip(b" \t")
        if len(item) == 3 and item[:2] == b"u=" and 48 <= item[2] <= 55:
            urgency = item[2] - 48
        elif item in _SWITCHES:
            incremental = _SWITCHES[item]
    return urgency, incremental


class Order:
    """The streams of one connection that wait for their turn; `count` of them."""

    __slots__ = ("_levels", "_served", "count")

    def __init__(self) -> None:
        self._levels: list[Any] = [None] * _LEVELS
        self._served = 0
        self.count = 0

    def add(self, end: Http2End) -> None:
        """Last of its urgency; nothing happens to one that waits already."""
        if not end.queued:
            level = self._levels[end.urgency]
            if level is None:
                level = self._levels[end.urgency] = deque()
            level.append(end)
            end.queued = True
            end.turn = 0
            self.count += 1

    def discard(self, end: Http2End) -> None:
        """It waits no more: it has nothing to send, or may not."""
        if end.queued:
            level = self._levels[end.urgency]
            if level[0] is end:
                level.popleft()
            else:
                level.remove(end)
            end.queued = False
            self.count -= 1

    def change(self, end: Http2End, urgency: int, incremental: bool) -> None:
        """Give a stream another priority, whether it waits or not; then it stands last."""
        waits = end.queued
        self.discard(end)
        end.urgency = urgency
        end.incremental = incremental
        if waits:
            self.add(end)

    def first(self) -> Http2End | None:
        """Whose turn it is; it stays in its place."""
        if not self.count:
            return None
        served = self._served
        start = 0
        if served % _STRIDE == _STRIDE - 1:
            start = served // _STRIDE % _LEVELS
        for step in range(_LEVELS):
            level = self._levels[(start + step) % _LEVELS]
            if level:
                end: Http2End = level[0]
                return end
        return None

    def sent(self, end: Http2End, count: int) -> None:
        """`end`, which was the first, has sent a frame of `count` bytes and has more."""
        self._served += 1
        end.turn += count
        if end.incremental or end.turn >= _TURN_BYTES:
            end.turn = 0
            self._levels[end.urgency].rotate(-1)
