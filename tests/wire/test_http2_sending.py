"""What waits, and in which order it goes: windows, priorities, fairness, sources (threat H10)."""

from typing import Any

from penstock.wire import http2_frames as frames
from penstock.wire.http2_frames import INTERNAL_ERROR, TYPE_DATA, TYPE_HEADERS, TYPE_RST_STREAM
from penstock.wire.http2_framing import UNTAKEN_BYTES_MAX
from penstock.wire.http2_limits import Http2Limits
from penstock.wire.priority import TURN_BYTES
from tests.wire.http2_peer import OK, Peer

WIDE = [(4, 2**31 - 1)]


def wide() -> Peer:
    """A peer whose windows are open."""
    peer = Peer(settings=WIDE)
    peer.say(frames.window_update(0, 2**30))
    peer.frames()
    return peer


class Source:
    """A source that gives `size` bytes, and keeps how often it was closed."""

    def __init__(self, size: int, error: bool = False) -> None:
        self.left = size
        self.error = error
        self.closed = 0

    def read(self, count: int) -> bytes:
        if self.error and self.left <= 0:
            raise OSError("gone")
        count = min(count, self.left)
        self.left -= count
        return b"s" * count

    def close(self) -> None:
        self.closed += 1


def body(found: Any, stream: int = 1) -> bytes:
    return b"".join(f.payload for f in found if f.kind == TYPE_DATA and f.stream == stream)


def test_a_large_body_goes_in_bounded_frames() -> None:
    """Whole, in order, END_STREAM on the last; `take` passes its limit by one frame at most."""
    peer = wide()
    end = peer.open()
    data = bytes(range(256)) * 400
    peer.session.headers(end, OK, False)
    assert not peer.session.send(end, data, True)
    assert not end.open
    assert end.waiting == len(data)
    found = peer.frames(20000)
    assert sum(len(f.payload) for f in found) <= 20000 + 16384
    while more := peer.frames(20000):
        found += more
    assert body(found) == data
    assert [f.flags for f in found if f.kind == TYPE_DATA] == [0] * 6 + [1]
    assert (end.waiting, peer.session.queued_bytes, peer.session.active) == (0, 0, 0)


def test_6_9_nothing_goes_beyond_the_streams_window() -> None:
    """What waits goes on when the window opens, byte by byte if need be."""
    peer = Peer(settings=[(4, 5)])
    end = peer.open()
    peer.session.send(end, b"0123456789", True)
    assert body(peer.frames()) == b"01234"
    assert peer.session.stalled(end)
    for digit in b"56789":
        peer.say(frames.window_update(1, 1))
        (frame,) = peer.frames()
        assert frame.payload == bytes((digit,))
    assert frame.flags == 1


def test_6_9_nothing_goes_beyond_the_connections_window() -> None:
    """Shared by all; header blocks, empty bodies and ends need none of it."""
    peer = Peer(settings=WIDE)
    for stream in (1, 3):
        peer.session.send(peer.open(stream), bytes(50000), True)
    found = peer.frames()
    assert sum(len(f.payload) for f in found) == 65535
    assert not peer.session.has_output()
    assert peer.session.stalled(peer.ends[3])
    peer.session.respond(peer.open(5), OK, b"")
    end = peer.open(7)
    peer.session.headers(end, OK, False)
    peer.session.send(end, b"", True)
    assert [(f.kind, f.flags, f.stream) for f in peer.frames()] == [(1, 5, 5), (1, 4, 7), (0, 1, 7)]
    peer.say(frames.window_update(0, 100))
    assert peer.session.has_output()
    assert sum(len(f.payload) for f in peer.frames()) == 100
    peer.say(frames.window_update(0, 100000))
    found = peer.frames()
    assert sum(len(f.payload) for f in found) == 34465 - 100
    assert peer.session.active == 0


def test_8_1_trailers_go_behind_the_body_that_waits() -> None:
    peer = Peer(settings=[(4, 0)])
    end = peer.open()
    peer.session.headers(end, OK, False)
    peer.session.send(end, b"body", False)
    peer.session.headers(end, b"trailers", True)
    assert not end.open
    assert [f.kind for f in peer.frames()] == [TYPE_HEADERS]
    peer.say(frames.window_update(1, 10))
    assert [(f.kind, f.flags, f.payload) for f in peer.frames()] == [
        (0, 0, b"body"),
        (1, 5, b"trailers"),
    ]
    assert peer.session.active == 0


def test_8_1_1xx_before_the_head() -> None:
    peer = wide()
    end = peer.open()
    peer.session.headers(end, b"103", False)
    peer.session.respond(end, OK, b"x")
    assert [(f.kind, f.flags, f.payload) for f in peer.frames()] == [
        (1, 4, b"103"),
        (1, 4, OK),
        (0, 1, b"x"),
    ]


def test_an_end_that_comes_later_is_an_empty_frame() -> None:
    """Also while nothing waits, and while the body before it does."""
    peer = wide()
    end = peer.open()
    peer.session.send(end, b"x", False)
    peer.session.send(end, b"", False)
    peer.session.send(end, b"", True)
    assert [(f.flags, f.payload) for f in peer.frames()] == [(0, b"x"), (1, b"")]
    end = peer.open(3)
    peer.session.send(end, bytes(20000), False)
    peer.session.send(end, b"", True)
    assert [f.flags for f in peer.frames()] == [0, 1]


def test_fairness_small_answers_overtake_a_download_without_end() -> None:
    """RFC 9218 section 10: whoever asks for little waits for what is framed already and for one turn of
    the other, not for its end."""
    peer = wide()
    download = peer.open(1)
    peer.session.headers(download, OK, False)
    for number in range(3, 203, 2):
        while peer.session.send(download, bytes(16384), False):
            pass
        peer.session.respond(peer.open(number), OK, b"small")
        sent = []
        while number not in {f.stream for f in sent if f.kind == TYPE_DATA}:
            sent += peer.frames(16384)
        assert len(body(sent)) <= UNTAKEN_BYTES_MAX + TURN_BYTES + 16384
    assert peer.session.active == 1


def test_rfc_9218_10_urgent_streams_go_first() -> None:
    """By the request's own word, a PRIORITY_UPDATE, or the response's."""
    peer = wide()
    for stream, value in ((1, b"u=5"), (3, b"u=1"), (5, b"u=3")):
        peer.say(peer.get(stream, (b"priority", value)))
        peer.session.send(peer.ends[stream], bytes(32768), True)
    assert [f.stream for f in peer.frames()] == [3, 3, 5, 5, 1, 1]
    for stream in (7, 9):
        peer.session.send(peer.open(stream), bytes(32768), True)
    peer.say(frames.frame(0x10, 0, 0, b"\0\0\0\x09u=0"))
    assert [f.stream for f in peer.frames()] == [9, 9, 7, 7]
    for stream in (11, 13):
        peer.say(peer.get(stream, (b"priority", b"i")))
        peer.session.send(peer.ends[stream], bytes(32768), True)
    assert [f.stream for f in peer.frames()] == [11, 13, 11, 13]


def test_h10_send_says_when_to_wait_and_drained_when_to_go_on() -> None:
    """Above 64 KiB of a stream; below half of it the end is told once."""
    peer = Peer(settings=[(4, 0)])
    end = peer.open()
    assert peer.session.send(end, bytes(65536), False)
    assert not peer.session.send(end, b"x", False)
    assert not peer.session.send(end, b"y", False)
    peer.say(frames.window_update(1, 20000))
    peer.frames()
    assert peer.session.drained is None
    peer.say(frames.window_update(1, 20000))
    peer.frames()
    assert peer.session.drained == [end]
    assert not end.blocked


def test_h10_all_streams_together_have_a_limit_too() -> None:
    """Those that were told to wait only for the others' sake go on when the others have sent."""
    peer = Peer(Http2Limits(connection_queue_max=100000), settings=[(4, 0)])
    one, two = peer.open(1), peer.open(3)
    assert peer.session.send(one, bytes(60000), False)
    assert not peer.session.send(two, bytes(60000), False)
    peer.session.reset(one, 8)
    peer.frames()
    assert peer.session.drained is None
    peer.say(frames.window_update(3, 60000))
    peer.frames()
    assert peer.session.drained == [two]
    assert peer.session.queued_bytes == 0


def test_a_blocked_stream_that_is_reset_is_not_told_of_again() -> None:
    peer = Peer(settings=[(4, 0)])
    end = peer.open()
    peer.session.send(end, bytes(100000), False)
    peer.say(frames.rst_stream(1, 8))
    peer.frames()
    assert peer.session.drained is None
    assert peer.session.queued_bytes == 0


def test_sources_are_read_when_there_is_room() -> None:
    """In frames, as the windows allow; closed once, with the last byte."""
    peer = Peer(settings=[(4, 20000)])
    end = peer.open()
    source = Source(50000)
    peer.session.headers(end, OK, False)
    peer.session.send_source(end, source, 50000, True)
    assert (source.left, end.open) == (50000, False)
    found = peer.frames()
    assert (source.left, source.closed) == (30000, 0)
    peer.say(frames.window_update(1, 30000))
    found += peer.frames()
    assert body(found) == b"s" * 50000
    assert (source.closed, found[-1].flags, peer.session.active) == (1, 1, 0)


def test_a_source_that_ends_early_resets_its_stream() -> None:
    """By too few bytes, or by OSError; the holder finds it in `failed`."""
    for error in (False, True):
        peer = wide()
        end = peer.open()
        source = Source(20000, error)
        peer.session.send_source(end, source, 50000, True)
        found = peer.frames()
        assert (found[-1].kind, found[-1].code) == (TYPE_RST_STREAM, INTERNAL_ERROR)
        assert peer.session.failed == [end]
        assert source.closed == 1
        peer.session.done(end)
        assert peer.session.active == 0


def test_sources_are_closed_whatever_happens() -> None:
    """With the stream, with a reset of either side, at once where there is nothing to send."""
    for break_it in (
        lambda peer, end: peer.say(frames.rst_stream(1, 8)),
        lambda peer, end: peer.session.reset(end, 8),
    ):
        peer = Peer(settings=[(4, 0)])
        source = Source(10)
        end = peer.open()
        peer.session.send_source(end, source, 10, True)
        peer.frames()
        break_it(peer, end)
        assert source.closed == 1
        late = Source(10)
        peer.session.send_source(end, late, 10, True)
        assert late.closed == 1
    peer = wide()
    source = Source(0)
    peer.session.send_source(peer.open(), source, 0, True)
    assert source.closed == 1
    assert [(f.kind, f.flags) for f in peer.frames()] == [(0, 1)]


def test_bodies_and_sources_go_in_the_order_they_were_given() -> None:
    peer = wide()
    end = peer.open()
    peer.session.send(end, b"a" * 20000, False)
    peer.session.send_source(end, Source(5), 5, False)
    peer.session.send(end, b"b" * 5, True)
    found = peer.frames()
    assert body(found) == b"a" * 20000 + b"s" * 5 + b"b" * 5
    assert found[-1].flags == 1
