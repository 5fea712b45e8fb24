"""Frames that leave at once, and the accounts of streams."""

import pytest

from penstock.wire import http2_frames as frames
from penstock.wire.http2_framing import FRAME_BYTES_MAX, UNTAKEN_BYTES_MAX
from tests.wire.http2_peer import OK, Peer


def test_nothing_of_ours_is_longer_than_every_peer_allows() -> None:
    assert FRAME_BYTES_MAX == frames.FRAME_MIN


def test_what_one_read_gives_leaves_in_one_piece() -> None:
    """Answers of several streams, an acknowledgement and a PING in one `take`."""
    peer = Peer()
    peer.say(peer.get(1) + frames.settings([]) + peer.get(3) + frames.ping(bytes(8), False))
    for stream in (1, 3):
        peer.session.respond(peer.ends[stream], OK, b"x")
    assert [f.kind for f in peer.frames()] == [4, 6, 1, 0, 1, 0]
    assert peer.session.take(1 << 20) == b""


def test_a_closed_end_can_be_asked_and_told_anything() -> None:
    peer = Peer()
    end = peer.open()
    session = peer.session
    session.respond(end, OK, b"x")
    peer.frames()
    assert not end.open
    assert session.send(end, b"x", True)
    session.headers(end, OK, True)
    assert session.respond(end, OK, b"x")
    session.consumed(end, 10)
    session.done(end)
    session.reset(end, 8)
    session.prioritize(end, b"u=1")
    assert not session.stalled(end)
    assert peer.frames() == []


@pytest.mark.parametrize("fin", [False, True])
def test_while_the_peer_does_not_read_everything_waits_in_its_stream(fin: bool) -> None:
    """So that untaken frames are bounded by the stream limit: header blocks wait too."""
    peer = Peer(settings=[(4, 2**31 - 1)])
    peer.say(frames.window_update(0, 2**30))
    peer.frames()
    for stream in range(1, 21, 2):
        peer.session.respond(peer.open(stream), OK, bytes(16000))
    assert peer.session.active == 5
    last = peer.open(21)
    peer.session.headers(last, OK, fin)
    if not fin:
        peer.session.send(last, b"x", True)
    assert len(peer.session.take(0)) <= UNTAKEN_BYTES_MAX + FRAME_BYTES_MAX + 200
    kinds = [(f.kind, f.stream) for f in peer.frames()]
    assert (1, 21) in kinds
    assert peer.session.active == 0
