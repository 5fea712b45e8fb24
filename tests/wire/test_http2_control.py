"""What steers a connection: SETTINGS, PING, GOAWAY, priorities, ticks (RFC 9113 section 6, RFC 9218)."""

import pytest

from penstock.wire import http2_frames as frames
from penstock.wire.http2_frames import (
    FLOW_CONTROL_ERROR,
    NO_ERROR,
    PROTOCOL_ERROR,
    TYPE_GOAWAY,
    TYPE_HEADERS,
    TYPE_PING,
    TYPE_SETTINGS,
)
from tests.wire.http2_peer import OK, Frame, Peer


def update(stream: int, value: bytes) -> bytes:
    """PRIORITY_UPDATE."""
    return frames.frame(0x10, 0, 0, stream.to_bytes(4, "big") + value)


def test_6_5_3_settings_are_acknowledged_in_order() -> None:
    """One acknowledgement each, at once, before whatever follows."""
    peer = Peer()
    peer.say(frames.settings([(3, 1)]) + frames.ping(bytes(8), False) + frames.settings([]))
    assert [(f.kind, f.flags) for f in peer.frames()] == [
        (TYPE_SETTINGS, 1),
        (TYPE_PING, 1),
        (TYPE_SETTINGS, 1),
    ]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        (2, 2, PROTOCOL_ERROR),
        (4, 2**31, FLOW_CONTROL_ERROR),
        (5, 16383, PROTOCOL_ERROR),
        (5, 2**24, PROTOCOL_ERROR),
        (8, 2, PROTOCOL_ERROR),
    ],
)
def test_6_5_2_h06_settings_out_of_range(name: int, value: int, code: int) -> None:
    """ENABLE_PUSH, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE; RFC 8441's ENABLE_CONNECT_PROTOCOL."""
    assert Peer().refused_with(code, frames.settings([(3, 5), (name, value)]))


def test_6_5_2_settings_in_range_and_unknown_ones_are_taken() -> None:
    peer = Peer()
    peer.say(
        frames.settings(
            [
                (1, 2**32 - 1),
                (2, 0),
                (2, 1),
                (3, 0),
                (4, 2**31 - 1),
                (5, 2**24 - 1),
                (6, 0),
                (0x99, 7),
            ]
        )
    )
    assert peer.error is None


def test_4_2_our_frames_keep_to_the_least_that_a_peer_may_allow() -> None:
    """Whatever SETTINGS_MAX_FRAME_SIZE it has; long blocks are continued (section 6.10)."""
    peer = Peer(settings=[(5, 2**24 - 1)])
    end = peer.open()
    peer.session.headers(end, b"b" * 40000, False)
    peer.session.send(end, b"d" * 40000, True)
    found = peer.frames()
    assert [(f.kind, f.flags, len(f.payload)) for f in found] == [
        (1, 0, 16384),
        (9, 0, 16384),
        (9, 4, 7232),
        (0, 0, 16384),
        (0, 0, 16384),
        (0, 1, 7232),
    ]
    end = peer.open(3)
    peer.session.headers(end, b"b" * 20000, True)
    assert [(f.kind, f.flags) for f in peer.frames()] == [(1, 1), (9, 4)]


def test_rfc_7541_4_2_a_smaller_table_is_acknowledged_in_the_next_block() -> None:
    """Once; our blocks use no table, so it is set to nothing."""
    peer = Peer(settings=[(1, 100)])
    peer.session.respond(peer.open(1), OK, b"x")
    assert peer.frames()[0].payload == b"\x20" + OK
    peer.session.respond(peer.open(3), OK, b"x")
    assert peer.frames()[0].payload == OK


def test_6_7_ping_is_answered_with_what_it_brought() -> None:
    peer = Peer()
    assert peer.say(frames.ping(b"\1\2\3\4\5\6\7\0", False)) == []
    assert peer.frames() == [(TYPE_PING, 1, 0, b"\1\2\3\4\5\6\7\0")]
    assert peer.say(frames.ping(bytes(8), True)) == []
    assert peer.frames() == []


def test_6_7_a_ping_of_ours_is_open_until_its_answer() -> None:
    """One at a time."""
    peer = Peer()
    peer.session.ping()
    peer.session.ping()
    (ping,) = peer.frames()
    assert peer.session.ping_open
    peer.say(frames.ping(b"another!", True))
    assert peer.session.ping_open
    peer.say(frames.ping(ping.payload, True))
    assert not peer.session.ping_open


def test_6_8_h17_a_graceful_stop_has_two_steps() -> None:
    """First a warning that refuses nothing, then the last stream; what comes after it is ignored."""
    peer = Peer()
    peer.open(1)
    peer.session.go_away(NO_ERROR, False)
    (first,) = peer.frames()
    assert first.payload == (2**31 - 1).to_bytes(4, "big") + bytes(4)
    peer.open(3)
    peer.session.go_away(NO_ERROR, True)
    (second,) = peer.frames()
    assert second == Frame(TYPE_GOAWAY, 0, 0, (3).to_bytes(4, "big") + bytes(4))
    assert peer.session.leaving
    late = peer.post(5) + frames.frame(0, 0, 5, b"x") + frames.rst_stream(5, 8)
    assert peer.say(late, frames.window_update(7, 1)) == []
    assert peer.error is None
    for stream in (1, 3):
        peer.session.respond(peer.ends[stream], OK, b"done")
    assert [f.kind for f in peer.frames()] == [1, 0, 1, 0]
    assert peer.session.active == 0


def test_6_8_h17_goaway_of_the_peer_is_told() -> None:
    """Its streams run to their end."""
    peer = Peer()
    end = peer.open(1)
    assert peer.say(frames.goaway(0, 2, "bye")) == [("goaway", 2)]
    peer.session.respond(end, OK, b"x")
    assert len(peer.frames()) == 2


def test_6_4_a_reset_of_ours() -> None:
    """RST_STREAM once; nothing of what waited goes out; no event."""
    peer = Peer(settings=[(4, 0)])
    end = peer.open(1)
    peer.session.headers(end, OK, False)
    peer.session.send(end, b"waits", True)
    peer.session.reset(end, 2)
    peer.session.reset(end, 2)
    assert [(f.kind, f.payload) for f in peer.frames()] == [(TYPE_HEADERS, OK), (3, b"\0\0\0\2")]
    assert peer.session.queued_bytes == 0
    peer.session.done(end)
    assert peer.session.active == 0
    peer.session.respond(peer.open(3), OK, b"")
    peer.session.reset(peer.ends[3], 8)
    assert len(peer.frames()) == 1


def test_rfc_9218_7_priority_updates() -> None:
    """Of an open stream at once, of one to come when it opens, before what its own field says."""
    peer = Peer()
    end = peer.open(1)
    peer.say(update(1, b"u=6, i"))
    assert (end.urgency, end.incremental) == (6, True)
    peer.say(update(3, b"u=1") + peer.get(3, (b"priority", b"u=5")))
    assert peer.ends[3].urgency == 1
    peer.say(peer.get(5, (b"priority", b"u=5, i")))
    assert (peer.ends[5].urgency, peer.ends[5].incremental) == (5, True)
    peer.say(update(1, b"i"))
    assert (end.urgency, end.incremental) == (3, True)
    assert peer.refused_with(PROTOCOL_ERROR, update(0, b"u=1"))
    assert Peer().refused_with(PROTOCOL_ERROR, update(2, b"u=1"))


def test_rfc_9218_5_the_response_may_say_another_priority() -> None:
    peer = Peer(settings=[(4, 0)])
    end = peer.open(1)
    peer.session.prioritize(end, b"u=0")
    assert (end.urgency, end.incremental) == (0, False)
    peer.session.send(end, b"x", False)
    peer.session.prioritize(end, b"i")
    assert (end.urgency, end.incremental) == (0, True)
