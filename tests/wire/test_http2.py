"""Bytes of a client to frames: RFC 9113 sections 3.4, 4, 5.5, 6 and 8.4; threats H03, H15, H27, H29."""

from typing import Any

import pytest

from penstock.errors import Http2Error
from penstock.wire import http2_frames as frames
from penstock.wire.http2 import NO_FRAME, Reader
from penstock.wire.http2_budget import CONTINUATIONS_MAX
from penstock.wire.http2_frames import (
    COMPRESSION_ERROR,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    PREFACE,
    PROTOCOL_ERROR,
)
from tests.wire.http2_peer import GET, Peer, data

SETTINGS = frames.settings([])


def reader() -> Any:
    subject = Reader(16384, 65536)
    subject.feed(PREFACE + SETTINGS)
    assert subject.next() == frames.TYPE_SETTINGS
    return subject


def fault(*given: bytes) -> int:
    """The code that these bytes end the connection with."""
    subject = reader()
    subject.feed(b"".join(given))
    with pytest.raises(Http2Error) as caught:
        while subject.next() != NO_FRAME:
            pass
    assert caught.value.rule.startswith("RFC 9")
    return int(caught.value.code)


def seen(subject: Any, *chunks: bytes) -> list[Any]:
    """Frames as they come out; pieces of one DATA frame joined."""
    found: list[Any] = []
    for chunk in chunks:
        subject.feed(chunk)
        while (kind := subject.next()) != NO_FRAME:
            if kind == frames.TYPE_DATA and not subject.fresh:
                found[-1][3] += subject.payload
                found[-1][4] = subject.ended
            else:
                size = subject.size if kind == frames.TYPE_DATA else 0
                ended = subject.ended if kind in {0, 1} else False
                found.append([kind, subject.flags, subject.number, subject.payload, ended, size])
    return found


def bytewise(given: bytes) -> list[bytes]:
    return [given[i : i + 1] for i in range(len(given))]


STREAM = (
    frames.frame(1, 4, 1, b"block")
    + frames.frame(1, 0x2D, 3, b"\x02" + b"PRIOR" + b"inner" + b"\0\0")
    + frames.frame(1, 1, 5, b"ab")
    + frames.frame(9, 0, 5, b"cd")
    + frames.frame(9, 4, 5, b"ef")
    + data(1, b"body", padding=3)
    + data(1, b"", padding=0)
    + data(1, b"x" * 300, ended=True)
    + frames.ping(b"12345678", False)
    + frames.frame(0x77, 0xFF, 9, b"unknown")
    + frames.window_update(0, 5)
)
WANTED = [
    [1, 4, 1, b"block", False, 0],
    [1, 0x2D, 3, b"inner", True, 0],
    [1, 1, 5, b"abcdef", True, 0],
    [0, 8, 1, b"body", False, 8],
    [0, 8, 1, b"", False, 1],
    [0, 1, 1, b"x" * 300, True, 300],
    [6, 0, 0, b"12345678", False, 0],
    [0x77, 0xFF, 9, b"unknown", False, 0],
    [8, 0, 0, b"\0\0\0\5", False, 0],
]


def test_frames_come_out_the_same_however_they_are_cut() -> None:
    """Whole, byte by byte, and cut in two at every byte."""
    assert seen(reader(), STREAM) == WANTED
    assert seen(reader(), *bytewise(STREAM)) == WANTED
    for cut in range(len(STREAM)):
        assert seen(reader(), STREAM[:cut], STREAM[cut:]) == WANTED
    subject = reader()
    seen(subject, STREAM)
    assert subject.pending() == 0


def test_3_4_a_preface_is_refused_at_its_first_wrong_byte() -> None:
    """H27: whatever is not the preface ends the connection, as soon as that can be seen."""
    for at in range(len(PREFACE)):
        subject = Reader(16384, 65536)
        subject.feed(PREFACE[:at])
        assert subject.next() == NO_FRAME
        subject.feed(bytes((PREFACE[at] ^ 1,)))
        with pytest.raises(Http2Error, match="preface") as caught:
            subject.next()
        assert caught.value.code == PROTOCOL_ERROR


@pytest.mark.parametrize(
    "first", [frames.ping(b"12345678", False), frames.SETTINGS_ACK, frames.frame(1, 5, 1, b"\x82")]
)
def test_3_4_the_first_frame_is_settings(first: bytes) -> None:
    subject = Reader(16384, 65536)
    subject.feed(PREFACE + first)
    with pytest.raises(Http2Error, match="not SETTINGS") as caught:
        subject.next()
    assert caught.value.code == PROTOCOL_ERROR


def test_4_1_the_reserved_bit_is_ignored() -> None:
    """H29: in a frame of a stream and in one of the connection."""
    assert seen(reader(), frames.frame(1, 4, 2**31 + 7, b"x"))[0][2] == 7
    assert seen(reader(), frames.frame(6, 0, 2**31, bytes(8)))[0][2] == 0


def test_4_1_flags_that_mean_nothing_are_ignored() -> None:
    """H29: each that a type does not know, and all of those that know none."""
    for kind, known, stream, payload in (
        (0, 0x09, 1, b"body"),
        (1, 0x2D, 1, b"block"),
        (2, 0, 1, bytes(5)),
        (3, 0, 1, bytes(4)),
        (4, 0x01, 0, bytes(6)),
        (6, 0x01, 0, bytes(8)),
        (7, 0, 0, bytes(8)),
        (8, 0, 1, bytes(4)),
    ):
        flags = 0xFF & ~known | (4 if kind == 1 else 0)
        (found,) = seen(reader(), frames.frame(kind, flags, stream, payload))
        assert (found[0], found[2], found[3], found[4]) == (kind, stream, payload, False)
    (found,) = seen(reader(), frames.frame(1, 0, 1, b"a"), frames.frame(9, 0xFF, 1, b"b"))
    assert (found[3], found[4]) == (b"ab", False)


def test_4_2_h15_frames_longer_than_allowed_are_frame_size_errors() -> None:
    """Refused by the header alone, before the payload comes."""
    for kind in (0, 1, 4, 0x77):
        assert fault(frames.frame(kind, 4, 1, bytes(16385))[:9]) == FRAME_SIZE_ERROR


def test_4_2_frames_of_16384_octets_are_taken() -> None:
    for kind, payload in ((0, bytes(16384)), (1, bytes(16384)), (0x77, bytes(16384))):
        (found,) = seen(reader(), frames.frame(kind, 4, 1, payload))
        assert (found[0], found[3]) == (kind, payload)


def misplaced(kind: int, stream: int) -> tuple[int, str]:
    """Code and rule with which a frame of that type on that stream ends the connection."""
    subject = reader()
    subject.feed(frames.frame(kind, 4, stream, bytes(8)))
    with pytest.raises(Http2Error) as caught:
        subject.next()
    return caught.value.code, caught.value.rule


def test_6_1_data_belongs_to_a_stream() -> None:
    assert misplaced(0, 0) == (PROTOCOL_ERROR, "RFC 9113 6.1")


def test_6_2_headers_belong_to_a_stream() -> None:
    assert misplaced(1, 0) == (PROTOCOL_ERROR, "RFC 9113 6.2")


def test_6_3_priority_belongs_to_a_stream() -> None:
    assert misplaced(2, 0) == (PROTOCOL_ERROR, "RFC 9113 6.3")


def test_6_4_rst_stream_belongs_to_a_stream() -> None:
    assert misplaced(3, 0) == (PROTOCOL_ERROR, "RFC 9113 6.4")


def test_6_5_settings_belong_to_the_connection() -> None:
    assert misplaced(4, 1) == (PROTOCOL_ERROR, "RFC 9113 6.5")


def test_6_7_ping_belongs_to_the_connection() -> None:
    assert misplaced(6, 1) == (PROTOCOL_ERROR, "RFC 9113 6.7")


def test_6_8_goaway_belongs_to_the_connection() -> None:
    assert misplaced(7, 1) == (PROTOCOL_ERROR, "RFC 9113 6.8")


def test_6_10_continuation_belongs_to_a_stream() -> None:
    """With a header block before it, and without."""
    alone = frames.frame(9, 4, 0, b"")
    assert fault(alone) == PROTOCOL_ERROR
    assert fault(frames.frame(1, 0, 1, b"a"), alone) == PROTOCOL_ERROR


def of_wrong_length(kind: int, stream: int, *sizes: int) -> bool:
    """Whether a frame with a payload of each of these sizes is a frame size error."""
    return {fault(frames.frame(kind, 0, stream, bytes(size))) for size in sizes} == {
        FRAME_SIZE_ERROR
    }


def test_6_3_h15_priority_has_5_octets() -> None:
    """Section 5.4.1: a stream error may be one of the connection, for there may be no stream to reset."""
    assert of_wrong_length(2, 1, 0, 4, 6)


def test_6_4_h15_rst_stream_has_4_octets() -> None:
    assert of_wrong_length(3, 1, 0, 3, 5)


def test_6_5_h15_settings_have_a_multiple_of_6_octets() -> None:
    assert of_wrong_length(4, 0, 1, 5, 7)


def test_6_7_h15_ping_has_8_octets() -> None:
    assert of_wrong_length(6, 0, 0, 7, 9)


def test_6_8_h15_goaway_has_8_octets_at_least() -> None:
    """Section 4.2: too small for what it must hold."""
    assert of_wrong_length(7, 0, 0, 7)


def test_6_9_h15_window_update_has_4_octets() -> None:
    """On the connection and on a stream."""
    assert of_wrong_length(8, 0, 0, 3, 5)
    assert of_wrong_length(8, 1, 3, 5)


def test_rfc_9218_7_1_h15_priority_update_has_4_octets_at_least() -> None:
    assert of_wrong_length(0x10, 0, 0, 3)


def test_4_2_h15_a_frame_without_room_for_what_its_flags_say_is_a_frame_size_error() -> None:
    """A length of padding, or a priority, that is not there."""
    assert fault(frames.frame(0, 8, 1, b"")) == FRAME_SIZE_ERROR
    assert fault(frames.frame(1, 12, 1, b"")) == FRAME_SIZE_ERROR
    assert fault(frames.frame(1, 0x24, 1, b"abcd")) == FRAME_SIZE_ERROR


def test_6_1_h15_padding_as_long_as_its_data_frame_is_a_protocol_error() -> None:
    """Whether the frame is there as a whole or not; one octet less is right."""
    for padding in (b"\x04abc", b"\xffabc"):
        assert fault(frames.frame(0, 8, 1, padding)) == PROTOCOL_ERROR
        assert fault(frames.frame(0, 8, 1, padding)[:10]) == PROTOCOL_ERROR
    assert seen(reader(), frames.frame(0, 8, 1, b"\x03abc"))[0][3:] == [b"", False, 4]


def test_6_2_h15_padding_as_long_as_its_headers_frame_is_a_protocol_error() -> None:
    """One octet less is right, as long as it leaves the priority where that is."""
    for padding in (b"\x04abc", b"\xffabc"):
        assert fault(frames.frame(1, 12, 1, padding)) == PROTOCOL_ERROR
    assert seen(reader(), frames.frame(1, 12, 1, b"\x03abc"))[0][3] == b""
    assert fault(frames.frame(1, 0x2C, 1, b"\x03PRIORab")) == PROTOCOL_ERROR
    assert seen(reader(), frames.frame(1, 0x2C, 1, b"\x02PRIORab"))[0][3] == b""


def test_6_5_an_acknowledgement_has_no_payload() -> None:
    """H06."""
    assert fault(frames.frame(4, 1, 0, bytes(6))) == FRAME_SIZE_ERROR


STRANGERS = (
    data(1),
    frames.ping(bytes(8), False),
    frames.frame(9, 4, 3, b""),
    frames.frame(0x77, 0, 1, b""),
    frames.frame(1, 4, 1, b""),
)


def test_6_2_nothing_but_its_continuation_comes_after_headers_without_end() -> None:
    """H29: no unknown frame either (section 5.5), and no CONTINUATION of another stream."""
    for other in STRANGERS:
        assert fault(frames.frame(1, 0, 1, b"a"), other) == PROTOCOL_ERROR


def test_6_10_nothing_comes_between_the_parts_of_a_header_block() -> None:
    """The same after a CONTINUATION that does not end it."""
    begun = frames.frame(1, 0, 1, b"a") + frames.frame(9, 0, 1, b"b")
    for other in STRANGERS:
        assert fault(begun, other) == PROTOCOL_ERROR


def test_5_5_an_unknown_frame_inside_a_header_block_is_a_protocol_error() -> None:
    """H29."""
    assert fault(frames.frame(1, 0, 1, b"a"), frames.frame(0x77, 0, 1, b"")) == PROTOCOL_ERROR


def test_6_10_continuation_has_a_header_block_before_it() -> None:
    """One that is not whole: after nothing, after DATA, and after a block that has ended."""
    late = frames.frame(9, 4, 1, b"")
    for before in (b"", data(1, b"x"), frames.frame(1, 4, 1, b"a"), SETTINGS):
        assert fault(before, late) == PROTOCOL_ERROR
    ended = frames.frame(1, 0, 1, b"a") + frames.frame(9, 4, 1, b"b")
    assert fault(ended, late) == PROTOCOL_ERROR


def test_8_4_push_promise_from_a_client_is_a_protocol_error() -> None:
    """H14: on whatever stream (sections 6.6 and 8.4.1), in whatever form."""
    for stream in (0, 1, 2):
        for flags, payload in ((4, bytes(4)), (0, b"\0\0\0\2"), (12, b"\xff"), (4, b"")):
            assert fault(frames.frame(5, flags, stream, payload)) == PROTOCOL_ERROR


def test_h03_continuation_flood() -> None:
    """Empty ones are counted, large ones measured, as they come."""
    begun = frames.frame(1, 0, 1, b"")
    empty = frames.frame(9, 0, 1, b"")
    assert seen(reader(), begun + empty * (CONTINUATIONS_MAX - 1) + frames.frame(9, 4, 1, b"")) == [
        [1, 0, 1, b"", False, 0]
    ]
    assert fault(begun + empty * (CONTINUATIONS_MAX + 1)) == ENHANCE_YOUR_CALM
    assert fault(begun + frames.frame(9, 0, 1, bytes(16384)) * 5) == ENHANCE_YOUR_CALM


def test_an_open_header_block_is_told() -> None:
    """Its deadline is somebody else's."""
    subject = reader()
    assert not subject.head_open()
    seen(subject, frames.frame(1, 0, 1, b""))
    assert subject.head_open()
    seen(subject, frames.frame(9, 4, 1, b""))
    assert not subject.head_open()


def test_4_3_h26_faults_of_hpack_end_the_connection() -> None:
    """Bad index, integer without end, bad Huffman, table size over the limit, block cut short."""
    for block in (
        b"\x80",
        b"\xff\xff\xff\xff\xff\x0f",
        b"\x00\x81\x00\x00",
        b"\x3f\xe2\xff\x7f",
        b"\x40",
    ):
        peer = Peer()
        assert peer.refused_with(COMPRESSION_ERROR, frames.frame(1, 5, 1, block))


def test_4_3_blocks_of_refused_streams_change_the_table_too() -> None:
    """A stream above the limit is refused, and the next block still reads right."""
    peer = Peer()
    for stream in range(1, 203, 2):
        peer.say(peer.headers(stream, [*GET, (b"x-n", b"%d" % stream)], ended=False))
    assert peer.resets() == [(201, frames.REFUSED_STREAM)]
    peer.session.reset(peer.ends[1], 8)
    peer.session.done(peer.ends[1])
    assert peer.say(peer.get(203, (b"x-n", b"201"))) == [("request", 203, True)]
    assert peer.session.head.headers[-1] == (b"x-n", b"201")
