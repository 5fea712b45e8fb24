"""A session as a client sees it: RFC 9113 sections 5 to 8, and threats H01 to H24 and H30 without sockets."""

from itertools import pairwise
from typing import Any

import pytest

from penstock.errors import Http2Error
from penstock.wire import http2_frames as frames
from penstock.wire.http2_budget import CHURN_MAX, EMPTY_MAX, RESETS_MAX, SMALL_MAX, UNWRITTEN_MAX
from penstock.wire.http2_frames import (
    CANCEL,
    COMPRESSION_ERROR,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    NO_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    SETTINGS_TIMEOUT,
    STREAM_CLOSED,
    TYPE_DATA,
    TYPE_HEADERS,
    TYPE_WINDOW_UPDATE,
)
from penstock.wire.http2_limits import Http2Limits
from tests.wire.http2_peer import GET, OK, POST, Peer, data, rst

# ------------------------------------------------------------------------------------- requests


def test_3_4_the_server_speaks_first() -> None:
    """SETTINGS is its first frame, and waits from the start; the windows are opened."""
    peer = Peer(greet=False)
    first, second = peer.frames()
    assert (first.kind, first.stream, second.kind, second.stream) == (4, 0, 8, 0)
    said = {
        int.from_bytes(first.payload[i : i + 2], "big"): int.from_bytes(
            first.payload[i + 2 : i + 6], "big"
        )
        for i in range(0, len(first.payload), 6)
    }
    assert said == {3: 100, 6: 65536, 8: 1, 9: 1}
    assert int.from_bytes(second.payload, "big") == (1 << 20) - 65535


def test_3_4_the_clients_settings_are_acknowledged_after_our_own() -> None:
    peer = Peer(greet=False)
    peer.say(frames.PREFACE + frames.settings([]))
    assert [(f.kind, f.flags) for f in peer.frames()] == [(4, 0), (8, 0), (4, 1)]


def test_3_4_an_invalid_preface_is_a_protocol_error() -> None:
    """Wrong bytes, and a first frame that is not SETTINGS; our own preface is there all the same."""
    for wrong in (b"GET / HTTP/1.1\r\n", frames.PREFACE + frames.ping(bytes(8), False)):
        peer = Peer(greet=False)
        assert peer.say(wrong) == [("error", PROTOCOL_ERROR)]
        found = peer.frames()
        assert (found[0].kind, found[-1].kind, found[-1].code) == (4, 7, PROTOCOL_ERROR)


def test_limits_that_differ_from_the_defaults_are_said() -> None:
    limits = Http2Limits(
        streams_max=7,
        stream_window=1 << 17,
        frame_max=1 << 15,
        connection_window=65535,
    )
    (first,) = Peer(limits, websockets=False, greet=False).frames()
    assert (
        first.payload
        == frames.settings([(3, 7), (6, 65536), (9, 1), (4, 1 << 17), (5, 1 << 15)])[9:]
    )


def test_a_request_and_its_answer() -> None:
    """The head is what HTTP/1 would have made of it, the answer two frames in one write."""
    peer = Peer()
    assert peer.say(peer.get(1, (b"accept", b"*/*"))) == [("request", 1, True)]
    head = peer.session.head
    assert (head.method, head.raw_path, head.query) == ("GET", b"/", b"")
    assert (head.http_version, head.content_length) == ("2", 0)
    assert head.headers == [(b"host", b"example.org"), (b"accept", b"*/*")]
    assert peer.session.active == 1
    assert peer.session.respond(peer.ends[1], OK, b"hello")
    assert peer.frames() == [(TYPE_HEADERS, 4, 1, OK), (TYPE_DATA, 1, 1, b"hello")]
    assert peer.session.active == 0
    peer.session.done(peer.ends[1])
    assert not peer.session.has_output()
    assert peer.session.ends() == []


def test_an_answer_without_body_is_one_frame() -> None:
    peer = Peer()
    peer.session.respond(peer.open(), OK, b"")
    assert peer.frames() == [(TYPE_HEADERS, 5, 1, OK)]


def test_a_body_arrives_and_ends() -> None:
    peer = Peer()
    assert peer.say(
        peer.post(1, (b"content-length", b"10")), data(1, b"hello"), data(1, b"world", ended=True)
    ) == [("request", 1, False), ("data", 1, b"hello", False), ("data", 1, b"world", True)]
    assert peer.ends[1].unread == 10


def test_reads_may_be_cut_at_every_byte() -> None:
    """The same requests and bodies come out, cut in two anywhere or fed byte by byte."""

    def said(*cuts: int) -> list[Any]:
        peer = Peer(greet=False)
        whole = b"".join(
            (
                frames.PREFACE,
                frames.settings([(4, 100000)]),
                peer.post(1),
                data(1, b"abc", padding=5),
                peer.get(3),
                data(1, b"", ended=True),
                frames.ping(b"abcdefgh", False),
                rst(3),
            )
        )
        places = [0, *(cuts or range(1, len(whole))), len(whole)]
        found = peer.say(*(whole[a:b] for a, b in pairwise(places)))
        joined: list[Any] = []
        for event in found:
            if event[0] == "data" and joined and joined[-1][0] == "data" and not joined[-1][3]:
                joined[-1] = ("data", event[1], joined[-1][2] + event[2], event[3])
            else:
                joined.append(event)
        joined.append(len(peer.frames()))
        joined.append(len(whole))
        return joined

    wanted = said(1)
    assert [event[0] for event in wanted[:-2]] == ["request", "data", "request", "data", "reset"]
    for cut in range(2, wanted[-1]):
        assert said(cut) == wanted
    bytewise = said()
    assert [event[0] for event in bytewise[:-2] if event[0] != "data"] == [
        "request",
        "request",
        "reset",
    ]


# What each type of frame may have set when we send it, and whether it has a stream (section 6).
OURS = {
    0: (0x01, True),
    1: (0x05, True),
    3: (0x00, True),
    4: (0x01, False),
    5: (0x04, True),
    6: (0x01, False),
    7: (0x00, False),
    8: (0x00, None),
    9: (0x04, True),
}


def said_by_us() -> list[Any]:
    """Frames of every type that the server sends, in all their forms."""
    peer = Peer(greet=False)
    peer.say(frames.PREFACE + frames.settings([]) + frames.SETTINGS_ACK)
    peer.session.headers(peer.open(1), b"b" * 40000, False)
    peer.session.send(peer.ends[1], b"d" * 20000, True)
    peer.session.push(peer.open(3), OK)
    peer.session.respond(peer.ends[3], OK, b"whole")
    peer.session.respond(peer.open(5), OK, b"")
    end = peer.open(7, ended=False)
    for _ in range(3):
        peer.say(data(7, bytes(16384)))
    peer.session.consumed(end, 3 * 16384)
    peer.session.reset(end, CANCEL)
    peer.session.headers(peer.open(9), OK, False)
    peer.session.send(peer.ends[9], b"x", False)
    peer.session.headers(peer.ends[9], b"trailers", True)
    peer.session.ping()
    peer.say(frames.ping(bytes(8), False))
    peer.session.go_away(NO_ERROR, False)
    peer.session.go_away(NO_ERROR, True)
    found = peer.frames()
    assert {frame.kind for frame in found} == OURS.keys()
    return found


def test_4_1_what_is_not_defined_is_left_unset() -> None:
    """The reserved bit and the flags of whatever we send; nor do we pad (sections 6.1 and 6.2)."""
    for frame in said_by_us():
        flags, of_stream = OURS[frame.kind]
        assert frame.flags & ~flags == 0
        assert frame.stream < 2**31
        assert of_stream is None or (frame.stream != 0) == of_stream


def test_4_1_no_frame_of_ours_is_longer_than_16384_octets() -> None:
    """Whatever the peer would take."""
    assert max(len(frame.payload) for frame in said_by_us()) == 16384


def test_4_3_our_header_blocks_are_contiguous() -> None:
    """Whatever else is sent in the meantime, nothing comes between HEADERS and CONTINUATION."""
    peer = Peer(settings=[(4, 2**31 - 1)])
    peer.say(frames.window_update(0, 2**30))
    for stream in (1, 3, 5):
        end = peer.open(stream)
        peer.session.send(end, bytes(50000), False)
        peer.session.headers(end, b"t" * 40000, True)
        peer.say(frames.ping(bytes(8), False))
    found = []
    while more := peer.frames(1):
        found += more
    blocks = 0
    for place, frame in enumerate(found):
        if frame.kind == TYPE_HEADERS:
            rest = found[place + 1 : place + 3]
            assert [(f.kind, f.stream) for f in rest] == [(9, frame.stream)] * 2
            assert [f.flags & 4 for f in (frame, *rest)] == [0, 0, 4]
            blocks += 1
    assert blocks == 3


# ---------------------------------------------------------------------- section 5: streams, states


@pytest.mark.parametrize("frame", [data(1), rst(1), frames.window_update(1, 1)])
def test_5_1_h14_frames_on_an_idle_stream_are_protocol_errors(frame: bytes) -> None:
    """DATA, RST_STREAM and WINDOW_UPDATE need a stream that was opened; PRIORITY does not."""
    assert Peer().refused_with(PROTOCOL_ERROR, frame)
    peer = Peer()
    assert peer.say(frames.frame(2, 0, 1, bytes(5))) == []
    assert peer.error is None


def test_5_1_h14_headers_on_an_idle_stream_of_the_server_are_protocol_errors() -> None:
    """Above every number so far and below the last, before our GOAWAY and after it; others as well."""
    for stream in (2, 4, 8):
        for leaving in (False, True):
            for frame in (b"", data(stream), rst(stream), frames.window_update(stream, 1)):
                peer = Peer()
                peer.open(1)
                peer.session.respond(peer.open(3), OK, b"")
                peer.open(7)
                if leaving:
                    peer.session.go_away(NO_ERROR, True)
                assert peer.refused_with(PROTOCOL_ERROR, frame or peer.get(stream))


def test_5_1_frames_of_unknown_types_are_no_error_in_any_state() -> None:
    """Idle, open, half-closed, closed by either side or by both."""
    peer = Peer()
    peer.open(3, ended=False)
    peer.session.respond(peer.open(5, ended=False), OK, b"")
    peer.open(7)
    peer.session.respond(peer.open(9), OK, b"")
    peer.session.reset(peer.open(11), CANCEL)
    peer.open(13)
    peer.say(rst(13))
    peer.frames()
    for stream in (0, 1, 2, 3, 5, 7, 9, 11, 13, 15):
        assert peer.say(frames.frame(0x77, 0xFF, stream, b"?")) == []
    assert (peer.error, peer.frames()) == (None, [])


@pytest.mark.parametrize("ended", [False, True])
def test_5_1_h14_half_closed_remote_takes_neither_data_nor_headers(ended: bool) -> None:
    peer = Peer()
    peer.open(1)
    assert peer.reset_with(STREAM_CLOSED, data(1, b"x", ended=ended))
    peer.open(3)
    assert peer.reset_with(STREAM_CLOSED, peer.headers(3, [(b"x", b"y")], ended=ended))
    assert peer.session.active == 2
    for end in peer.ends.values():
        peer.session.done(end)
    assert peer.session.active == 0


def test_5_1_h14_closed_by_both_sides() -> None:
    """More DATA or HEADERS are connection errors; late WINDOW_UPDATE and RST_STREAM are ignored."""
    for late in (data(1), data(1, b"", ended=True)):
        peer = Peer()
        peer.session.respond(peer.open(), OK, b"x")
        assert peer.say(frames.window_update(1, 1), rst(1), frames.frame(2, 0, 1, bytes(5))) == []
        assert peer.refused_with(STREAM_CLOSED, late)
    peer = Peer()
    peer.session.respond(peer.open(), OK, b"x")
    assert peer.refused_with(STREAM_CLOSED, peer.get(1))


def test_5_1_h14_closed_by_the_peer() -> None:
    """After its RST_STREAM, frames of the peer are stream errors, but for another reset."""
    peer = Peer()
    peer.open()
    assert peer.say(rst(1)) == [("reset", 1, CANCEL, False)]
    assert peer.say(rst(1), frames.window_update(1, 1)) == []
    assert peer.frames() == []
    assert peer.reset_with(STREAM_CLOSED, data(1))


def test_5_1_on_a_closed_stream_nothing_is_sent() -> None:
    """Whichever way it was closed, and whatever the server is asked to send (section 6.4)."""
    for close in (
        lambda peer: peer.session.respond(peer.ends[1], OK, b""),
        lambda peer: peer.session.reset(peer.ends[1], CANCEL),
        lambda peer: peer.say(rst(1)),
    ):
        peer = Peer()
        end = peer.open(1, ended=False)
        peer.say(data(1, bytes(16384)), data(1, bytes(16384)))
        peer.say(data(1, b"", ended=True))
        close(peer)
        peer.frames()
        session = peer.session
        session.headers(end, OK, False)
        session.send(end, b"x", True)
        session.respond(end, OK, b"x")
        session.consumed(end, 32768)
        session.reset(end, CANCEL)
        session.done(end)
        assert [frame for frame in peer.frames() if frame.stream] == []


def test_6_4_after_a_reset_of_the_peer_what_waited_is_not_sent() -> None:
    peer = Peer(settings=[(4, 0)])
    end = peer.open()
    peer.session.send(end, bytes(1000), False)
    peer.session.headers(end, b"trailers", True)
    peer.say(rst(1), frames.settings([(4, 2**31 - 1)]))
    assert [frame for frame in peer.frames() if frame.stream] == []
    for stream in (3, 5):
        peer.session.send(peer.open(stream), bytes(65535), True)
    assert {frame.stream for frame in peer.frames()} == {3}
    peer.say(rst(5), frames.window_update(0, 65535))
    assert peer.frames() == []


def test_5_1_h14_closed_by_us_ignores_what_is_late() -> None:
    """Everything may still come after our RST_STREAM; DATA counts, and the table follows."""
    peer = Peer()
    end = peer.open(1, ended=False)
    peer.session.reset(end, CANCEL)
    assert peer.resets() == [(1, CANCEL)]
    assert (
        peer.say(
            data(1, b"late"),
            peer.headers(1, [(b"x-late", b"1")]),
            frames.window_update(1, 1),
            rst(1),
        )
        == []
    )
    assert peer.error is None
    assert peer.frames() == []
    assert peer.say(peer.get(3, (b"x-late", b"1"))) == [("request", 3, True)]


def test_5_1_1_h14_an_even_number_is_a_protocol_error() -> None:
    peer = Peer()
    assert peer.refused_with(PROTOCOL_ERROR, peer.get(2))


def test_5_1_1_h14_a_smaller_stream_number_is_a_protocol_error() -> None:
    """One that was passed over is closed, and never opens."""
    peer = Peer()
    peer.open(5)
    assert peer.say(frames.window_update(3, 1), rst(3)) == []
    assert peer.refused_with(PROTOCOL_ERROR, peer.get(3))


def test_5_1_1_h14_when_numbers_run_out_the_connection_ends_gracefully() -> None:
    """GOAWAY after stream 2^31-1, which is still served."""
    peer = Peer()
    peer.open(2**31 - 1)
    (goaway,) = peer.frames()
    assert (goaway.kind, goaway.code) == (7, NO_ERROR)
    assert peer.session.leaving
    peer.session.respond(peer.ends[2**31 - 1], OK, b"last")
    assert len(peer.frames()) == 2


def test_5_1_2_h13_streams_above_the_limit_are_refused() -> None:
    """REFUSED_STREAM, so that the client may try again; those below go on; then they have a place."""
    peer = Peer(Http2Limits(streams_max=2))
    peer.open(1)
    peer.open(3)
    assert peer.reset_with(REFUSED_STREAM, peer.get(5))
    peer.session.respond(peer.ends[1], OK, b"")
    peer.frames()
    peer.open(7)


def test_5_1_2_h13_going_on_above_the_limit_ends_the_connection() -> None:
    peer = Peer(Http2Limits(streams_max=1))
    peer.open(1)
    flood = b"".join(peer.get(stream) for stream in range(3, 3 + 2 * RESETS_MAX + 2, 2))
    assert peer.refused_with(ENHANCE_YOUR_CALM, flood)


def test_5_4_a_connection_error_goes_before_a_stream_error() -> None:
    """Of two errors in one frame: a block that is none, DATA beyond the connection's window."""
    bad = frames.frame(TYPE_HEADERS, 5, 3, b"\x80")
    peer = Peer(Http2Limits(streams_max=1))
    peer.open(1)
    assert peer.refused_with(COMPRESSION_ERROR, bad)
    peer = Peer()
    peer.open(3)
    assert peer.refused_with(COMPRESSION_ERROR, bad)
    peer = Peer(Http2Limits(connection_window=65535, stream_window=65535))
    peer.open(1)
    peer.open(3, ended=False)
    for _ in range(3):
        peer.say(data(3, bytes(16384)))
    assert peer.refused_with(FLOW_CONTROL_ERROR, data(1, bytes(16384)))


def test_5_4_2_no_reset_answers_a_reset() -> None:
    """In no state: open, half-closed, closed by either side or by both, passed over."""
    peer = Peer()
    peer.open(3, ended=False)
    peer.open(5)
    peer.session.respond(peer.open(7), OK, b"")
    peer.session.reset(peer.open(9), CANCEL)
    peer.open(11)
    peer.frames()
    peer.say(*(rst(stream) for stream in (1, 3, 3, 5, 7, 9, 11, 11)))
    assert (peer.error, peer.frames()) == (None, [])


def test_5_4_2_after_our_reset_frames_still_change_the_connection() -> None:
    """The table of HPACK and the connection's window: the next stream reads right."""
    peer = Peer(Http2Limits(connection_window=65535, connection_window_max=65535))
    peer.session.reset(peer.open(1, ended=False), CANCEL)
    assert peer.resets() == [(1, CANCEL)]
    for _ in range(20):
        assert peer.say(data(1, bytes(16384))) == []
        assert {(f.kind, f.stream) for f in peer.frames()} <= {(TYPE_WINDOW_UPDATE, 0)}
    peer.say(peer.headers(1, [(b"x-late", b"1")]))
    assert peer.say(peer.get(3, (b"x-late", b"1"))) == [("request", 3, True)]
    assert peer.session.head.headers[-1] == (b"x-late", b"1")


def test_5_5_websockets_that_were_not_offered_are_malformed() -> None:
    """RFC 8441 is used where our SETTINGS say so, and not otherwise."""
    fields = [(b":method", b"CONNECT"), *GET[1:], (b":protocol", b"websocket")]
    for offered in (False, True):
        peer = Peer(websockets=offered, greet=False)
        said = peer.frames()[0].payload
        assert (b"\0\x08\0\0\0\x01" in said) == offered
        peer.say(frames.PREFACE + frames.settings([]) + frames.SETTINGS_ACK)
        found = peer.say(peer.headers(1, fields, ended=False))
        assert found == ([("request", 1, False)] if offered else [])
        assert peer.resets() == ([] if offered else [(1, PROTOCOL_ERROR)])


def test_5_4_1_after_a_connection_error_there_is_silence() -> None:
    """GOAWAY names the last stream; nothing more is read, framed or raised."""
    peer = Peer()
    end = peer.open(1)
    assert peer.say(data(3) + peer.get(3)) == [("error", PROTOCOL_ERROR)]
    (goaway,) = peer.frames()
    assert int.from_bytes(goaway.payload[:4], "big") == 1
    assert b"RFC" not in goaway.payload
    assert peer.say(peer.get(5)) == []
    session = peer.session
    session.send(end, b"x" * 100000, True)
    session.reset(end, CANCEL)
    session.consumed(end, 5)
    session.done(end)
    session.tick(1e9)
    session.take(1 << 20)
    assert session.next() == 0


def test_5_5_h29_unknown_frames_are_ignored_and_counted() -> None:
    """1000 of 16 KiB pass; without any request between them they do not go on for ever."""
    peer = Peer()
    unknown = frames.frame(0x77, 0xFF, 0, bytes(16384))
    for _ in range(1000):
        assert peer.say(unknown) == []
    assert peer.session.pending() == 0
    assert peer.refused_with(ENHANCE_YOUR_CALM, frames.frame(0x77, 0, 0, b"") * CHURN_MAX)


# --------------------------------------------------------------------------- section 6: flow control


def test_6_9_h16_data_beyond_the_streams_window_resets_it() -> None:
    peer = Peer()
    peer.open(1, ended=False)
    for _ in range(4):
        assert peer.say(data(1, bytes(16383)))
    assert peer.reset_with(FLOW_CONTROL_ERROR, data(1, bytes(16383)))
    peer.open(3)


def test_6_9_h16_data_beyond_the_connections_window_ends_it() -> None:
    peer = Peer(Http2Limits(connection_window=65535))
    peer.open(1, ended=False)
    peer.open(3, ended=False)
    peer.say(data(1, bytes(16384)), data(1, bytes(16384)), data(3, bytes(16384)))
    assert peer.refused_with(FLOW_CONTROL_ERROR, data(3, bytes(16384)))


def test_6_9_data_of_closed_streams_counts_and_is_given_back() -> None:
    """So that nobody's late frames close the connection's window."""
    peer = Peer()
    peer.session.reset(peer.open(1, ended=False), CANCEL)
    for _ in range(200):
        assert peer.say(data(1, bytes(16384))) == []
        peer.frames()
    assert peer.error is None


def test_6_9_data_of_streams_in_error_counts_and_is_given_back() -> None:
    """Beyond its length, after its end, beyond its window; while the application works, and after."""
    for parts in (
        (b"5", [data(1, bytes(10000))]),
        (b"20000", [data(1, bytes(10000), ended=True)]),
    ):
        for whole in (False, True):
            peer = Peer(Http2Limits(connection_window=65535, connection_window_max=65535))
            length, said = parts
            peer.say(peer.post(1, (b"content-length", length)))
            end = peer.ends[1]
            if whole:
                peer.session.respond(end, OK, b"x")
                peer.session.done(end)
            peer.frames()
            peer.say(*said)
            if not whole:
                peer.session.done(end)
            assert peer.error is None
            peer.open(3, ended=False)
            found = peer.say(*(data(3, bytes(5000)) for _ in range(6)))
            assert len(found) == 6
            peer.session.consumed(peer.ends[3], 30000)
            updates = [f for f in peer.frames() if (f.kind, f.stream) == (8, 0)]
            assert sum(int.from_bytes(f.payload, "big") for f in updates) == 40000


def test_6_9_what_flow_control_does_not_hold_is_taken_while_the_windows_are_closed() -> None:
    """HEADERS, trailers, PING, RST_STREAM, SETTINGS and WINDOW_UPDATE, with no octet of DATA allowed."""
    peer = Peer(Http2Limits(connection_window=65535))
    peer.open(1, ended=False)
    for size in (16384, 16384, 16384, 16383):
        peer.say(data(1, bytes(size)))
    peer.open(3)
    assert peer.say(peer.headers(1, [(b"x", b"y")])) == [("data", 1, b"", True)]
    assert peer.say(rst(3)) == [("reset", 3, CANCEL, False)]
    peer.say(frames.ping(bytes(8), False), frames.settings([]), frames.window_update(0, 1))
    assert [(f.kind, f.flags) for f in peer.frames()] == [(6, 1), (4, 1)]
    assert peer.refused_with(FLOW_CONTROL_ERROR, data(1, b"x"))


def test_6_9_a_late_window_update_is_no_error() -> None:
    """For a stream whose request has ended, and for one that is over."""
    peer = Peer()
    end = peer.open(1)
    assert peer.say(frames.window_update(1, 5)) == []
    assert end.send_window == 65540
    peer.session.respond(end, OK, b"")
    peer.frames()
    assert peer.say(frames.window_update(1, 5), frames.window_update(1, 0)) == []
    assert (peer.error, peer.frames()) == (None, [])


def test_6_9_a_window_update_of_nothing() -> None:
    """On a stream it resets that, on the connection it ends it (H02)."""
    peer = Peer()
    peer.open()
    assert peer.reset_with(PROTOCOL_ERROR, frames.window_update(1, 0))
    assert peer.refused_with(PROTOCOL_ERROR, frames.window_update(0, 0))


def test_6_9_1_h16_a_window_beyond_its_maximum() -> None:
    peer = Peer()
    peer.open()
    assert peer.reset_with(FLOW_CONTROL_ERROR, frames.window_update(1, 2**31 - 1))
    assert peer.refused_with(FLOW_CONTROL_ERROR, frames.window_update(0, 2**31 - 1))


def test_6_9_1_our_windows_stay_below_their_maximum() -> None:
    """However much is read, and given back."""
    peer = Peer()
    end = peer.open(1, ended=False)
    windows = {0: 65535, 1: 65535}
    windows[0] += (1 << 20) - 65535
    for _ in range(2000):
        size = min(16384, *windows.values())
        peer.say(data(1, bytes(size)))
        peer.session.consumed(end, size)
        windows[0] -= size
        windows[1] -= size
        for frame in peer.frames():
            windows[frame.stream] += int.from_bytes(frame.payload, "big")
        assert 0 < min(windows.values()) <= max(windows.values()) <= 4 << 20
    assert peer.error is None


def test_6_9_2_a_new_initial_window_changes_open_streams() -> None:
    """Below zero as well, and then more than its size must be opened first."""
    peer = Peer(settings=[(4, 10)])
    end = peer.open()
    peer.session.send(end, b"x" * 100, True)
    assert peer.frames()[-1].payload == b"x" * 10
    peer.say(frames.settings([(4, 5)]))
    assert end.send_window == -5
    peer.frames()
    peer.say(frames.window_update(1, 5))
    assert peer.frames() == []
    assert peer.session.stalled(end)
    peer.say(frames.settings([(4, 1000)]))
    assert peer.frames()[-1] == (TYPE_DATA, 1, 1, b"x" * 90)


def test_6_9_2_an_initial_window_that_overflows_ends_the_connection() -> None:
    peer = Peer()
    peer.open()
    peer.say(frames.window_update(1, 2**31 - 1 - 65535))
    assert peer.refused_with(FLOW_CONTROL_ERROR, frames.settings([(4, 65536)]))


def test_7_unknown_error_codes_are_codes_like_others() -> None:
    """A reset is a reset, and a GOAWAY a GOAWAY."""
    peer = Peer()
    peer.open(1)
    end = peer.open(3)
    assert peer.say(rst(1, 0xDEADBEEF)) == [("reset", 1, 0xDEADBEEF, False)]
    assert peer.say(frames.goaway(0, 0x7FFFFFFF, "")) == [("goaway", 0x7FFFFFFF)]
    peer.session.respond(end, OK, b"x")
    assert [f.kind for f in peer.frames()] == [1, 0]


def test_h11_windows_are_given_back_for_what_was_taken_only() -> None:
    """Nothing while the application does not read; in batches when it does, and more each time."""
    peer = Peer()
    end = peer.open(1, ended=False)
    for _ in range(3):
        peer.say(data(1, bytes(16384)))
    assert peer.frames() == []
    peer.session.consumed(end, 16384)
    assert peer.frames() == []
    peer.session.consumed(end, 32768)
    (update,) = peer.frames()
    assert (update.kind, update.stream) == (TYPE_WINDOW_UPDATE, 1)
    assert int.from_bytes(update.payload, "big") == 3 * 16384 + 65535
    assert end.window == 2 * 65535
    for _ in range(200):
        size = min(16384, end.receive_window)
        peer.say(data(1, bytes(size)))
        peer.session.consumed(end, size)
    peer.frames()
    assert end.window == 1 << 20


def test_h11_memory_is_bounded_by_the_connections_window() -> None:
    """100 streams that nobody reads may bring 1 MiB in all."""
    peer = Peer()
    streams = range(1, 201, 2)
    for stream in streams:
        peer.open(stream, ended=False)
    brought = 0
    for stream in streams:
        for _ in range(3):
            if peer.error is None and peer.say(data(stream, bytes(16384)))[-1][0] == "data":
                brought += 16384
    assert peer.error is not None
    assert peer.error.code == FLOW_CONTROL_ERROR
    assert brought <= 1 << 20


def test_h12_padding_is_given_back_and_not_kept() -> None:
    """20000 frames of one byte and 255 of padding: the windows do not close, one byte each is there."""
    peer = Peer()
    end = peer.open(1, ended=False)
    frame = data(1, b"x", padding=255)
    for _ in range(SMALL_MAX // 100):
        events = peer.say(frame * 100)
        assert len(events) == 100
        assert events[0] == ("data", 1, b"x", False)
        peer.session.consumed(end, 100)
        peer.frames()
    assert peer.error is None
    assert end.unread == 0
    assert peer.refused_with(ENHANCE_YOUR_CALM, frame * 200)


def test_h12_what_is_not_consumed_goes_back_with_the_stream() -> None:
    """A stream that ends unread leaves nothing of the connection's window closed."""
    peer = Peer(Http2Limits(connection_window=65535, connection_window_max=65535))
    for stream in range(1, 21, 2):
        end = peer.open(stream, ended=False)
        peer.say(data(stream, bytes(16384)), data(stream, b"", ended=True))
        peer.session.respond(end, OK, b"")
        peer.session.done(end)
        peer.frames()
    assert peer.error is None


# -------------------------------------------------------------------- section 8: messages, bodies


@pytest.mark.parametrize(
    ("length", "parts"),
    [
        (b"5", [data(1, b"1234", ended=True)]),
        (b"5", [data(1, b"123456")]),
        (b"5", [data(1, b"12345"), data(1, b"6", ended=True)]),
        (b"0", [data(1, b"1")]),
    ],
)
def test_8_1_1_h22_a_body_of_another_length_resets_the_stream(
    length: bytes, parts: list[bytes]
) -> None:
    """As soon as it can be seen, and the application is told."""
    peer = Peer()
    assert peer.say(peer.post(1, (b"content-length", length))) == [("request", 1, False)]
    assert peer.say(*parts)[-1] == ("reset", 1, PROTOCOL_ERROR, True)
    assert peer.resets() == [(1, PROTOCOL_ERROR)]


def test_8_1_1_h22_trailers_end_a_body_too() -> None:
    peer = Peer()
    peer.say(peer.post(1, (b"content-length", b"5")), data(1, b"1234"))
    assert peer.reset_with(PROTOCOL_ERROR, peer.headers(1, [(b"x", b"y")]))


def test_8_1_h23_trailers_are_checked_and_dropped() -> None:
    """They end the body, and are in no event."""
    peer = Peer()
    peer.say(peer.post(1), data(1, b"body"))
    assert peer.say(peer.headers(1, [(b"grpc-status", b"0")])) == [("data", 1, b"", True)]
    assert peer.reset_with(STREAM_CLOSED, peer.headers(1, [(b"x", b"y")]))


@pytest.mark.parametrize(
    ("fields", "ended"),
    [
        ([(b"x", b"y")], False),
        ([(b":path", b"/")], True),
        ([(b":status", b"200")], True),
        ([(b":path", b"/")], False),
        ([(b"X", b"y")], True),
        ([(b"x", b"a\nb")], True),
        ([(b"connection", b"close")], True),
        ([(b"te", b"gzip")], True),
    ],
)
def test_8_1_h23_trailers_that_are_none(fields: Any, ended: bool) -> None:
    """Without END_STREAM, with pseudo-header fields, malformed, connection-specific."""
    peer = Peer()
    peer.open(1, ended=False)
    assert peer.reset_with(PROTOCOL_ERROR, peer.headers(1, fields, ended=ended))


def test_8_1_trailers_that_are_too_long_reset_the_stream() -> None:
    peer = Peer(Http2Limits(head_max=1024))
    peer.open(1, ended=False)
    assert peer.reset_with(ENHANCE_YOUR_CALM, peer.headers(1, [(b"x", b"y" * 1000)]))


def test_8_1_a_response_before_the_end_of_the_request() -> None:
    """A rest that fits the window is let come and dropped; of a larger one the client is told."""
    peer = Peer()
    end = peer.open(1, ended=False)
    peer.session.respond(end, OK, b"no")
    assert [frame.kind for frame in peer.frames()] == [TYPE_HEADERS, TYPE_DATA]
    assert peer.say(data(1, b"rest"), data(1, b"", ended=True)) == []
    assert peer.session.active == 0
    assert peer.say(peer.post(3, (b"content-length", b"1000000"))) == [("request", 3, False)]
    peer.session.respond(peer.ends[3], OK, b"no")
    assert [(f.kind, f.flags) for f in peer.frames()] == [(1, 4), (0, 1), (3, 0)]
    end = peer.open(5, ended=False)
    peer.session.respond(end, OK, b"no")
    peer.frames()
    for _ in range(5):
        peer.say(data(5, bytes(13107)))
    assert peer.resets() == [(5, NO_ERROR)]


def test_8_1_a_rest_that_does_not_come_is_not_waited_for() -> None:
    peer = Peer()
    peer.session.respond(peer.open(1, ended=False), OK, b"no")
    peer.frames()
    for now in range(10):
        peer.session.tick(float(now))
    assert peer.resets() == [(1, NO_ERROR)]


def test_8_2_malformed_requests_never_reach_the_application() -> None:
    """H18: a stream error, and no event (what is malformed, `test_http2_head` says)."""
    peer = Peer()
    assert peer.say(peer.get(1, (b"Upper", b"x"))) == []
    assert peer.resets() == [(1, PROTOCOL_ERROR)]
    assert peer.session.active == 0
    peer.open(3)


def test_8_1_1_malformed_goes_before_whatever_else_could_be_answered() -> None:
    """CONNECT to nowhere, too long a path, too large a body, an unknown expectation: malformed first."""
    peer = Peer(Http2Limits(line_max=10, body_max=10))
    connect = [(b":method", b"CONNECT"), (b":authority", b"a:1")]
    long = [*POST[:3], (b":path", b"/" * 11)]
    bad = [(b"connection", b"close")], [(b"te", b"gzip")], [(b"content-length", b"x")]
    stream = 1
    for fields in (connect, long, [*POST, (b"expect", b"x")]):
        for more in bad:
            assert peer.reset_with(PROTOCOL_ERROR, peer.headers(stream, fields + more, ended=False))
            stream += 2
    large = [*POST, (b"content-length", b"9" * 30)]
    assert peer.reset_with(PROTOCOL_ERROR, peer.headers(stream, large))
    assert peer.session.active == 0


def test_8_2_3_h24_cookie_crumbs_are_joined() -> None:
    peer = Peer()
    peer.say(peer.get(1, (b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2")))
    assert peer.session.head.headers[1:] == [(b"cookie", b"a=1; b=2"), (b"x", b"y")]


def test_8_5_h25_connect() -> None:
    """CONNECT has no proxy here, and an unknown protocol no server; both get an answer."""
    peer = Peer()
    plain = [(b":method", b"CONNECT"), (b":authority", b"example.org:443")]
    assert peer.say(peer.headers(1, plain, ended=False)) == [("refused", 1, 501)]
    full = [(b":method", b"CONNECT"), *GET[1:]]
    assert peer.say(peer.headers(3, [*full, (b":protocol", b"connect-udp")], ended=False)) == [
        ("refused", 3, 501)
    ]
    assert peer.say(peer.headers(5, [*full, (b":protocol", b"websocket")], ended=False)) == [
        ("request", 5, False)
    ]
    assert (peer.session.protocol, peer.session.head.method) == (b"websocket", "CONNECT")
    peer = Peer(websockets=False)
    fields = [*full, (b":protocol", b"websocket")]
    assert peer.reset_with(PROTOCOL_ERROR, peer.headers(1, fields, ended=False))


@pytest.mark.parametrize("ended", [False, True])
def test_8_5_on_a_connected_stream_there_is_data_and_what_steers_it(ended: bool) -> None:
    """DATA, WINDOW_UPDATE, PRIORITY; HEADERS are a stream error."""
    peer = Peer()
    fields = [(b":method", b"CONNECT"), *GET[1:], (b":protocol", b"websocket")]
    peer.say(peer.headers(1, fields, ended=False))
    peer.session.headers(peer.ends[1], OK, False)
    peer.frames()
    assert peer.say(frames.window_update(1, 1), frames.frame(2, 0, 1, bytes(5))) == []
    assert peer.say(data(1, b"frame")) == [("data", 1, b"frame", False)]
    assert peer.reset_with(PROTOCOL_ERROR, peer.headers(1, [(b"x", b"y")], ended=ended))


def test_8_7_a_refused_stream_was_given_to_nobody() -> None:
    """REFUSED_STREAM where there was no event, and never where there was one."""
    peer = Peer(Http2Limits(streams_max=1))
    peer.open(1, ended=False)
    assert peer.say(peer.get(3), data(3, b"x"), rst(3)) == []
    assert peer.resets() == [(3, REFUSED_STREAM)]
    assert peer.say(data(1, b"x"), frames.window_update(1, 0))[-1][0] == "reset"
    assert peer.resets() == [(1, PROTOCOL_ERROR)]


def test_8_7_goaway_names_the_last_stream_that_was_given_to_anybody() -> None:
    """One at least as high, of each GOAWAY: graceful, after it, and for an error."""
    peer = Peer()
    peer.open(1)
    peer.open(5)
    peer.session.go_away(NO_ERROR, False)
    peer.open(7)
    peer.session.go_away(NO_ERROR, True)
    assert peer.say(peer.get(9), data(11)) == []
    peer.say(frames.window_update(0, 0))
    assert [int.from_bytes(f.payload[:4], "big") for f in peer.frames() if f.kind == 7] == [
        2**31 - 1,
        7,
        7,
    ]
    peer = Peer()
    peer.open(1)
    peer.open(5)
    peer.say(frames.window_update(0, 0))
    assert [int.from_bytes(f.payload[:4], "big") for f in peer.frames()] == [5]


def test_refused_requests_can_be_answered() -> None:
    """A head beyond its limits, a target too long, a body too large: no event but REFUSED."""
    peer = Peer(Http2Limits(head_max=4096, line_max=100, body_max=10, fields_max=10))
    cases = [
        (431, peer.get(1, (b"x", b"y" * 5000))),
        (431, peer.get(3, *[(b"x%d" % i, b"") for i in range(20)])),
        (414, peer.headers(5, [*GET[:3], (b":path", b"/" + b"x" * 100)])),
        (413, peer.post(7, (b"content-length", b"11"))),
        (417, peer.post(9, (b"expect", b"miracles"))),
    ]
    for stream, (status, frame) in zip(range(1, 11, 2), cases, strict=True):
        assert peer.say(frame) == [("refused", stream, status)]
        assert peer.session.text
        peer.session.respond(peer.ends[stream], OK, b"no")
        peer.session.done(peer.ends[stream])
        peer.frames()
    assert peer.say(data(7, b"late", ended=True), data(9, b"", ended=True)) == []
    assert peer.session.active == 0
    peer.open(11, ended=False)
    assert peer.say(data(11, bytes(9)), data(11, bytes(2)), data(11, bytes(2), ended=True)) == [
        ("data", 11, bytes(9), False),
        ("refused", 11, 413),
    ]


# -------------------------------------------------------------------------------------------- floods


def test_h01_rapid_reset() -> None:
    """HEADERS and RST_STREAM over and over end the connection after a few hundred."""
    peer = Peer()
    count = 0
    for stream in range(1, 40001, 2):
        events = peer.say(peer.get(stream) + rst(stream))
        if peer.error is not None:
            break
        assert [each[0] for each in events] == ["request", "reset"]
        peer.session.done(peer.ends[stream])
        peer.frames()
        count += 1
    assert peer.error is not None
    assert peer.error.code == ENHANCE_YOUR_CALM
    assert count == RESETS_MAX


def test_h01_streams_at_work_keep_their_place() -> None:
    """While the application works on what was reset, no more than the limit are started."""
    peer = Peer()
    started = []
    for stream in range(1, 401, 2):
        events = peer.say(peer.get(stream) + rst(stream))
        started += [each[1] for each in events if each[0] == "request"]
    assert len(started) == 100
    assert peer.session.active == 100
    for stream in started:
        peer.session.done(peer.ends[stream])
    assert peer.session.active == 0


@pytest.mark.parametrize(
    "provoke",
    [
        lambda stream: frames.window_update(stream, 0),
        lambda stream: frames.window_update(stream, 2**31 - 1),
        lambda stream: data(stream, b"x"),
        lambda stream: data(stream, b"", ended=True),
    ],
)
def test_h02_made_you_reset(provoke: Any) -> None:
    """Resets that the peer provokes count as its own, and keep their place while there is work."""
    peer = Peer()
    started = []
    for stream in range(1, 401, 2):
        events = peer.say(peer.get(stream) + provoke(stream))
        started += [each[1] for each in events if each[0] == "request"]
    assert len(started) == 100
    for stream in started:
        peer.session.done(peer.ends[stream])
    flood = b"".join(peer.get(s) + provoke(s) for s in range(401, 401 + 2 * RESETS_MAX, 2))
    assert peer.refused_with(ENHANCE_YOUR_CALM, flood)


def test_h03_a_header_block_that_stays_open_has_a_deadline() -> None:
    peer = Peer(Http2Limits(head_s=5))
    peer.say(peer.headers(1, GET, flags=0))
    peer.session.tick(100.0)
    peer.session.tick(104.0)
    with pytest.raises(Http2Error, match="header block"):
        peer.session.tick(105.5)
    assert peer.frames()[-1].code == ENHANCE_YOUR_CALM


def test_h04_h05_a_block_that_decodes_to_much_is_refused() -> None:
    """HPACK bomb: 4000 bytes in the table, referred to 15000 times; and tiny crumbs without end."""
    peer = Peer()
    block = peer.encoder.encode([*GET, (b"x", b"y" * 4000)]) + b"\xbe" * 12000
    assert peer.say(frames.frame(TYPE_HEADERS, 5, 1, block)) == [("refused", 1, 431)]
    peer = Peer()
    block = peer.encoder.encode([*GET, (b"cookie", b"")]) + b"\xbe" * 12000
    assert peer.say(frames.frame(TYPE_HEADERS, 5, 1, block)) == [("refused", 1, 431)]
    assert peer.session.head is None
    peer.session.respond(peer.ends[1], OK, b"")
    assert peer.session.active == 0


def test_h06_settings_flood() -> None:
    peer = Peer()
    assert peer.refused_with(ENHANCE_YOUR_CALM, frames.settings([(3, 1)]) * 30000)
    peer = Peer()
    assert peer.refused_with(ENHANCE_YOUR_CALM, frames.settings([(3, 1)] * 2400))


def test_h07_ping_flood() -> None:
    """Answered at first; the answers that wait are few whatever comes."""
    peer = Peer()
    assert peer.say(frames.ping(b"01234567", False)) == []
    assert peer.frames() == [(6, 1, 0, b"01234567")]
    assert peer.refused_with(ENHANCE_YOUR_CALM, frames.ping(bytes(8), False) * 50000)


def test_h07_pings_beside_real_work_are_no_flood() -> None:
    """A client that measures the line with a PING for each request may do so for ever."""
    peer = Peer()
    for stream in range(1, 20001, 2):
        peer.say(peer.get(stream) + frames.ping(bytes(8), False))
        peer.session.respond(peer.ends[stream], OK, b"hello")
        peer.session.take(1 << 20)
    assert peer.error is None


@pytest.mark.parametrize("frame", [data(1), data(1, b"", padding=0), data(1, b"", padding=200)])
def test_h08_empty_frames(frame: bytes) -> None:
    """DATA without a byte of body gives no event, and ends the connection after a while."""
    peer = Peer()
    peer.open(1, ended=False)
    assert peer.say(frame) == []
    assert peer.refused_with(ENHANCE_YOUR_CALM, frame * EMPTY_MAX)


def test_h09_priority_and_window_churn() -> None:
    """50000 PRIORITY frames on idle streams, or windows opened byte by byte; no state is kept."""
    for frame in (
        frames.frame(2, 0, 99, bytes(5)),
        frames.window_update(0, 1),
        frames.frame(0x10, 0, 0, b"\0\0\0\x09u=1"),
    ):
        peer = Peer()
        assert peer.refused_with(ENHANCE_YOUR_CALM, frame * 50000)
    peer = Peer()
    for start in range(1990):
        peer.say(frames.frame(0x10, 0, 0, (2 * start + 1).to_bytes(4, "big") + b"u=1"))
    peer.open(2 * 1989 + 1)
    assert peer.ends[2 * 1989 + 1].urgency == 1


def test_h10_closed_windows_bound_what_is_queued() -> None:
    """100 streams of 10 MiB against a window of nothing: `send` says stop at 64 KiB, or 1 MiB in all."""
    peer = Peer(settings=[(4, 0)])
    chunk = bytes(16384)
    for stream in range(1, 201, 2):
        end = peer.open(stream)
        peer.session.headers(end, OK, False)
        while peer.session.send(end, chunk, False):
            pass
    assert peer.session.queued_bytes <= (1 << 20) + 100 * 16384
    assert all(end.waiting <= 65536 + 16384 for end in peer.ends.values())
    assert all(frame.kind == TYPE_HEADERS for frame in peer.frames())
    assert not peer.session.has_output()


def test_h30_answers_that_the_peer_does_not_read_are_bounded() -> None:
    """Acknowledgements, PING answers and resets together; nothing is taken, time goes by."""
    peer = Peer()
    now = 0.0
    for _ in range(100):
        now += 1.0
        peer.session.tick(now)
        peer.say(frames.ping(bytes(8), False) * 1000)
        if peer.error is not None:
            break
    assert peer.error is not None
    assert peer.error.code == ENHANCE_YOUR_CALM
    assert len(peer.frames()) <= UNWRITTEN_MAX + 2


def test_budgets_recover() -> None:
    """A client that resets a few streams each second goes on for ever."""
    peer = Peer()
    stream = 1
    for second in range(60):
        peer.session.tick(float(second))
        for _ in range(40):
            peer.say(peer.get(stream) + rst(stream))
            peer.session.done(peer.ends[stream])
            stream += 2
        peer.frames()
    assert peer.error is None


def test_6_5_3_settings_have_to_be_acknowledged_in_time() -> None:
    peer = Peer(greet=False)
    peer.say(frames.PREFACE + frames.settings([]))
    peer.session.tick(50.0)
    peer.session.tick(59.0)
    with pytest.raises(Http2Error, match="SETTINGS"):
        peer.session.tick(61.0)
    assert peer.frames()[-1].code == SETTINGS_TIMEOUT
    peer = Peer()
    for now in (50.0, 59.0, 61.0, 1000.0):
        peer.session.tick(now)


def test_posts_of_a_kib_need_few_window_updates() -> None:
    """The connection's window is given back in batches, a stream's not at all once its body is here."""
    peer = Peer()
    updates = 0
    for stream in range(1, 2001, 2):
        peer.say(peer.headers(stream, POST, ended=False) + data(stream, bytes(1024), ended=True))
        peer.session.consumed(peer.ends[stream], 1024)
        peer.session.respond(peer.ends[stream], OK, b"ok")
        peer.session.done(peer.ends[stream])
        updates += sum(frame.kind == TYPE_WINDOW_UPDATE for frame in peer.frames())
    assert peer.error is None
    assert updates == 1
