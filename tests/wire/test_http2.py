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
    """H29: so are flags that mean nothing for a type."""
    assert seen(reader(), frames.frame(1, 0xD4 | 4, 2**31 + 7, b"x"))[0][2] == 7


def test_4_2_h15_frames_longer_than_allowed_are_frame_size_errors() -> None:
    """Refused by the header alone, before the payload comes."""
    for kind in (0, 1, 4, 0x77):
        assert fault(frames.frame(kind, 4, 1, bytes(16385))[:9]) == FRAME_SIZE_ERROR
    assert seen(reader(), frames.frame(0x77, 0, 0, bytes(16384)))[0][0] == 0x77


@pytest.mark.parametrize(
    ("kind", "stream", "section"),
    [
        (0, 0, "6.1"),
        (1, 0, "6.2"),
        (2, 0, "6.3"),
        (3, 0, "6.4"),
        (4, 1, "6.5"),
        (6, 1, "6.7"),
        (7, 1, "6.8"),
    ],
)
def test_6_x_frames_on_a_stream_they_are_not_for(kind: int, stream: int, section: str) -> None:
    """DATA, HEADERS, PRIORITY, RST_STREAM need a stream; SETTINGS, PING, GOAWAY must not have one."""
    subject = reader()
    subject.feed(frames.frame(kind, 4, stream, bytes(8)))
    with pytest.raises(Http2Error) as caught:
        subject.next()
    assert (caught.value.code, caught.value.rule) == (PROTOCOL_ERROR, f"RFC 9113 {section}")


@pytest.mark.parametrize(
    ("kind", "stream", "sizes"),
    [
        (2, 1, (0, 4, 6)),
        (3, 1, (0, 3, 5)),
        (4, 0, (1, 5, 7)),
        (6, 0, (0, 7, 9)),
        (7, 0, (0, 7)),
        (8, 0, (0, 3, 5)),
        (8, 1, (3, 5)),
        (0x10, 0, (0, 3)),
    ],
)
def test_6_x_h15_fixed_lengths(kind: int, stream: int, sizes: tuple[int, ...]) -> None:
    """PRIORITY 5, RST_STREAM 4, SETTINGS a multiple of 6, PING 8, GOAWAY 8 at least, WINDOW_UPDATE 4."""
    for size in sizes:
        assert fault(frames.frame(kind, 0, stream, bytes(size))) == FRAME_SIZE_ERROR


def test_6_1_6_2_h15_padding_longer_than_its_frame_is_a_protocol_error() -> None:
    assert fault(frames.frame(0, 8, 1, b"\x04abc")) == PROTOCOL_ERROR
    assert fault(frames.frame(0, 8, 1, b"")) == FRAME_SIZE_ERROR
    assert fault(frames.frame(1, 12, 1, b"\x04abc")) == PROTOCOL_ERROR
    assert fault(frames.frame(1, 12, 1, b"")) == FRAME_SIZE_ERROR
    assert fault(frames.frame(1, 0x24, 1, b"abcd")) == FRAME_SIZE_ERROR
    assert seen(reader(), frames.frame(0, 8, 1, b"\x03abc"))[0][3:] == [b"", False, 4]


def test_6_5_an_acknowledgement_has_no_payload() -> None:
    """H06."""
    assert fault(frames.frame(4, 1, 0, bytes(6))) == FRAME_SIZE_ERROR


def test_6_10_nothing_comes_between_the_parts_of_a_header_block() -> None:
    """H29: no unknown frame either, and no CONTINUATION of another stream."""
    begun = frames.frame(1, 0, 1, b"a")
    for other in (
        data(1),
        frames.ping(bytes(8), False),
        frames.frame(9, 4, 3, b""),
        frames.frame(0x77, 0, 1, b""),
        frames.frame(1, 4, 1, b""),
    ):
        assert fault(begun, other) == PROTOCOL_ERROR
    assert fault(frames.frame(9, 4, 1, b"")) == PROTOCOL_ERROR


def test_8_4_push_promise_from_a_client_is_a_protocol_error() -> None:
    """H14."""
    assert fault(frames.frame(5, 4, 1, bytes(4))) == PROTOCOL_ERROR


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
