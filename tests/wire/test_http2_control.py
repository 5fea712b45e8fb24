"""What steers a connection: SETTINGS, PING, GOAWAY, priorities, ticks (RFC 9113 section 6, RFC 9218)."""

import hpack
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
from penstock.wire.http2_limits import Http2Limits
from tests.wire.http2_peer import OK, Frame, Peer


def update(stream: int, value: bytes) -> bytes:
    """PRIORITY_UPDATE."""
    return frames.frame(0x10, 0, 0, stream.to_bytes(4, "big") + value)


def test_6_5_2_what_our_settings_never_say() -> None:
    """That we take pushes; a frame size out of range; a size of the table (section 4.3.1)."""
    for size in (16384, 16385, 2**24 - 1):
        for websockets in (False, True):
            limits = Http2Limits(frame_max=size)
            first = Peer(limits, websockets=websockets, greet=False).frames()[0]
            said = {
                int.from_bytes(first.payload[at : at + 2], "big"): int.from_bytes(
                    first.payload[at + 2 : at + 6], "big"
                )
                for at in range(0, len(first.payload), 6)
            }
            assert first.kind == TYPE_SETTINGS
            assert 1 not in said
            assert said.get(2, 0) == 0
            assert said.get(5, 16384) == size


def test_6_5_3_values_are_taken_in_the_order_they_come() -> None:
    """Each of them: the last one holds, and one between that is wrong ends the connection."""
    peer = Peer(settings=[(4, 0)])
    end = peer.open()
    peer.session.send(end, b"0123456789", True)
    peer.say(frames.settings([(4, 100), (1, 0), (4, 3), (1, 4096)]))
    assert peer.frames() == [(TYPE_SETTINGS, 1, 0, b""), (0, 0, 1, b"012")]
    peer.session.respond(peer.open(3), OK, b"")
    assert peer.frames()[0].payload == b"\x20" + OK
    assert peer.refused_with(FLOW_CONTROL_ERROR, frames.settings([(4, 2**31), (4, 3)]))


def test_6_5_3_settings_hold_from_their_acknowledgement_on() -> None:
    """The acknowledgement first, and then what the new values allow; nothing comes between."""
    peer = Peer(settings=[(4, 0)])
    peer.session.send(peer.open(), b"x" * 10, True)
    assert peer.frames() == []
    peer.say(frames.settings([(4, 10)]))
    assert [(f.kind, f.flags) for f in peer.frames()] == [(TYPE_SETTINGS, 1), (0, 1)]


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
        (9, 2, PROTOCOL_ERROR),
    ],
)
def test_6_5_2_h06_settings_out_of_range(name: int, value: int, code: int) -> None:
    """ENABLE_PUSH, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE; RFC 8441's ENABLE_CONNECT_PROTOCOL;
    RFC 9218's NO_RFC7540_PRIORITIES."""
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


@pytest.mark.parametrize(
    "sizes", [[0], [100], [4095], [0, 4096], [100, 2**32 - 1], [4096, 50, 4096]]
)
def test_4_3_1_the_block_after_a_smaller_table_starts_with_its_size(sizes: list[int]) -> None:
    """In one SETTINGS or in several, however large it becomes again; whatever block it is."""
    for pairs in ([[(1, size)] for size in sizes], [[(1, size) for size in sizes]]):
        for answer in (
            lambda peer: peer.session.respond(peer.ends[1], OK, b"body"),
            lambda peer: peer.session.headers(peer.ends[1], OK, False),
            lambda peer: peer.session.headers(peer.ends[1], OK, True),
        ):
            peer = Peer()
            peer.open()
            peer.say(*(frames.settings(each) for each in pairs))
            answer(peer)
            found = [f for f in peer.frames() if f.kind == TYPE_HEADERS]
            assert [f.payload for f in found] == [b"\x20" + OK]
            decoder = hpack.Decoder()
            decoder.max_allowed_table_size = min(sizes)
            assert decoder.decode(found[0].payload) == [(":status", "200")]


def test_4_3_1_a_block_that_waits_starts_with_the_size_if_it_is_the_next_one() -> None:
    """What is sent first has it, not what was asked for first."""
    peer = Peer(settings=[(4, 0)])
    peer.session.send(peer.open(1), b"waits", False)
    peer.session.headers(peer.ends[1], b"\x0ftrailers", True)
    peer.frames()
    peer.say(frames.settings([(1, 0)]))
    peer.session.headers(peer.open(3), OK, True)
    peer.say(frames.settings([(4, 100)]))
    blocks = [f.payload for f in peer.frames() if f.kind == TYPE_HEADERS]
    assert blocks == [b"\x20" + OK, b"\x0ftrailers"]


def test_4_3_1_a_table_that_is_not_smaller_needs_no_word() -> None:
    for size in (4096, 4097, 2**32 - 1):
        peer = Peer(settings=[(1, size)])
        peer.session.respond(peer.open(), OK, b"")
        assert peer.frames()[0].payload == OK


@pytest.mark.parametrize("size", [0, 100, 4095])
def test_rfc_7541_4_2_of_several_sizes_one_is_said_that_fits_the_smallest(size: int) -> None:
    """And once."""
    peer = Peer(settings=[(1, 4000), (1, size), (1, 65536)])
    peer.session.respond(peer.open(1), OK, b"")
    peer.session.respond(peer.open(3), OK, b"")
    decoder = hpack.Decoder()
    decoder.max_allowed_table_size = size
    assert [decoder.decode(f.payload) for f in peer.frames()] == [[(":status", "200")]] * 2


def test_6_7_ping_is_answered_with_what_it_brought() -> None:
    peer = Peer()
    assert peer.say(frames.ping(b"\1\2\3\4\5\6\7\0", False)) == []
    assert peer.frames() == [(TYPE_PING, 1, 0, b"\1\2\3\4\5\6\7\0")]


def test_6_7_the_answer_to_a_ping_is_not_answered() -> None:
    """One of ours, and one that nobody asked for."""
    peer = Peer()
    peer.session.ping()
    (ours,) = peer.frames()
    assert (ours.kind, ours.flags, len(ours.payload)) == (TYPE_PING, 0, 8)
    assert peer.say(frames.ping(ours.payload, True), frames.ping(bytes(8), True)) == []
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


def test_6_8_the_last_stream_of_our_goaway_never_rises() -> None:
    """Whatever is opened, asked for or broken afterwards."""
    peer = Peer()
    peer.open(3)
    session = peer.session
    session.go_away(NO_ERROR, False)
    peer.open(5)
    session.go_away(NO_ERROR, True)
    peer.say(peer.get(7))
    session.go_away(NO_ERROR, False)
    session.go_away(NO_ERROR, True)
    peer.say(peer.get(9), frames.window_update(0, 0))
    said = [int.from_bytes(f.payload[:4], "big") for f in peer.frames() if f.kind == TYPE_GOAWAY]
    assert said == [2**31 - 1, 5, 5, 5, 5]


def test_6_8_what_is_ignored_after_our_goaway_still_counts() -> None:
    """Its header blocks change the table, its DATA takes of the connection's window, and gives it back."""
    peer = Peer(Http2Limits(connection_window=65535, connection_window_max=65535))
    end = peer.open(1, ended=False)
    peer.session.go_away(NO_ERROR, True)
    assert peer.say(peer.post(3, (b"x-late", b"1")), peer.headers(3, [(b"x-more", b"2")])) == []
    for _ in range(20):
        assert peer.say(frames.frame(0, 0, 5, bytes(16384))) == []
        peer.frames()
    for size in (16384, 16384, 16384):
        peer.say(frames.frame(0, 0, 7, bytes(size)))
    assert peer.say(peer.headers(1, [(b"x-late", b"1"), (b"x-more", b"2")])) == [
        ("data", 1, b"", True)
    ]
    peer.session.respond(end, OK, b"")
    assert peer.error is None
    peer = Peer(Http2Limits(connection_window=65535))
    peer.open(1, ended=False)
    peer.session.go_away(NO_ERROR, True)
    peer.say(*(frames.frame(0, 0, 1, bytes(16384)) for _ in range(3)))
    peer.say(frames.frame(0, 0, 7, bytes(16383)))
    assert peer.refused_with(FLOW_CONTROL_ERROR, frames.frame(0, 0, 7, b"x"))


def test_6_8_h17_goaway_of_the_peer_is_told() -> None:
    """Its streams run to their end."""
    peer = Peer()
    end = peer.open(1)
    assert peer.say(frames.goaway(0, 2, "bye")) == [("goaway", 2)]
    peer.session.respond(end, OK, b"x")
    assert len(peer.frames()) == 2


def test_6_4_no_reset_is_sent_for_an_idle_stream() -> None:
    """What comes on one ends the connection."""
    for frame in (
        frames.frame(0, 1, 1, b"x"),
        frames.window_update(1, 0),
        frames.window_update(1, 2**31 - 1),
        frames.rst_stream(1, 8),
        frames.frame(2, 0, 1, b""),
    ):
        peer = Peer()
        peer.say(frame)
        assert [f.kind for f in peer.frames()] == [TYPE_GOAWAY]


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
