"""Frames to messages and back: RFC 6455 sections 5, 7 and 8, and the limits of threats.md W04 to W08."""

import random
import struct
from typing import Any

import pytest
import wsproto.frame_protocol as oracle
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.errors import WebSocketError
from penstock.wire import websocket_frames as frames
from penstock.wire.deflate import Inflater
from penstock.wire.websocket import Reader
from penstock.wire.websocket_frames import BINARY, CLOSE, NEED_MORE, PING, PONG, TEXT
from tests.twins import pure

KEY = b"\x37\xfa\x21\x3d"
MAX = 1 << 17


def reader(**changes: Any) -> Any:
    given: dict[str, Any] = {
        "masked": True,
        "message_bytes_max": MAX,
        "fragments_max": 100,
        "empty_max": 10,
    } | changes
    return Reader(**given)


def frame(first: int, payload: bytes = b"", key: bytes = KEY) -> bytes:
    return frames.masked_frame(first, payload, key)


def raw_frame(first: int, length: bytes, payload: bytes = b"") -> bytes:
    """A frame with its length bytes, mask bit included, as given."""
    return bytes((first,)) + length + KEY + frames.apply_mask(payload, KEY, 0)


def events(subject: Any, *chunks: bytes) -> list[Any]:
    """What comes out, up to and including the close code of the error that ended it, if any."""
    found: list[Any] = []
    try:
        for chunk in chunks:
            subject.feed(chunk)
            while (event := subject.next()) != NEED_MORE:
                payload = subject.payload
                found.append(
                    (event, subject.close_code, payload) if event == CLOSE else (event, payload)
                )
    except WebSocketError as error:
        found.append(error.code)
    return found


def bytewise(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


MESSAGES = [
    pytest.param(frame(0x81, b"hello"), [(TEXT, "hello")], id="text"),
    pytest.param(frame(0x82, b"\x00\xff"), [(BINARY, b"\x00\xff")], id="binary"),
    pytest.param(frame(0x81), [(TEXT, "")], id="empty text"),
    pytest.param(frame(0x82), [(BINARY, b"")], id="empty binary"),
    pytest.param(frame(0x81, b"x" * 125), [(TEXT, "x" * 125)], id="longest 7 bit length"),
    pytest.param(frame(0x81, b"x" * 126), [(TEXT, "x" * 126)], id="shortest 16 bit length"),
    pytest.param(frame(0x82, b"x" * 65535), [(BINARY, b"x" * 65535)], id="longest 16 bit length"),
    pytest.param(frame(0x82, b"x" * 65536), [(BINARY, b"x" * 65536)], id="shortest 64 bit length"),
    pytest.param(
        frame(0x01, b"a") + frame(0x00, b"b") + frame(0x80, b"c"), [(TEXT, "abc")], id="fragments"
    ),
    pytest.param(
        frame(0x02) + frame(0x00) + frame(0x80), [(BINARY, b"")], id="fragments without bytes"
    ),
    pytest.param(
        frame(0x01, b"a") + frame(0x89, b"p") + frame(0x8A, b"q") + frame(0x80, b"b"),
        [(PING, b"p"), (PONG, b"q"), (TEXT, "ab")],
        id="control frames between fragments",
    ),
    pytest.param(
        frame(0x01, "κόσμε".encode()[:3]) + frame(0x80, "κόσμε".encode()[3:]),
        [(TEXT, "κόσμε")],
        id="a character cut by a fragment border",
    ),
    pytest.param(frame(0x89, b"x" * 125), [(PING, b"x" * 125)], id="longest ping"),
    pytest.param(
        frame(0x81, b"1") + frame(0x82, b"2") + frame(0x89),
        [(TEXT, "1"), (BINARY, b"2"), (PING, b"")],
        id="several in one read",
    ),
    pytest.param(frame(0x88), [(CLOSE, 1005, "")], id="close without a code"),
    pytest.param(frame(0x88, b"\x03\xe8"), [(CLOSE, 1000, "")], id="close with a code"),
    pytest.param(
        frame(0x88, b"\x0f\xa0" + "tschüß".encode()) + b"anything",
        [(CLOSE, 4000, "tschüß")],
        id="close with a reason, what follows is ignored",
    ),
    pytest.param(
        frame(0x88, b"\x03\xe8" + b"x" * 123), [(CLOSE, 1000, "x" * 123)], id="longest reason"
    ),
]

FAULTS = [
    pytest.param(b"\x81\x05hello", 1002, id="unmasked"),
    *(
        pytest.param(frame(0x81 | bit, b"x"), 1002, id=f"reserved bit {bit:#x}")
        for bit in (0x40, 0x20, 0x10, 0x70)
    ),
    *(
        pytest.param(frame(0x80 | opcode), 1002, id=f"opcode {opcode:#x}")
        for opcode in (3, 7, 0xB, 0xF)
    ),
    *(pytest.param(frame(opcode), 1002, id=f"fragment of {opcode:#x}") for opcode in (8, 9, 0xA)),
    *(
        pytest.param(
            raw_frame(first, b"\xfe\x00\x7e", b"x" * 126), 1002, id=f"126 bytes in {first:#x}"
        )
        for first in (0x88, 0x89, 0x8A)
    ),
    pytest.param(frame(0x80, b"x"), 1002, id="stray last fragment"),
    pytest.param(frame(0x00, b"x"), 1002, id="stray fragment"),
    pytest.param(frame(0x01, b"x") + frame(0x81, b"y"), 1002, id="text inside text"),
    pytest.param(frame(0x01, b"x") + frame(0x02, b"y"), 1002, id="first fragment inside text"),
    pytest.param(frame(0x01, b"x") + frame(0xC0, b"y"), 1002, id="reserved bit on a continuation"),
    pytest.param(raw_frame(0x81, b"\xfe\x00\x7d"), 1002, id="16 bit length not in shortest form"),
    pytest.param(
        raw_frame(0x81, b"\xff" + struct.pack("!Q", 65535)), 1002, id="64 bit length likewise"
    ),
    pytest.param(
        raw_frame(0x81, b"\xff\x80" + b"\x00" * 7), 1002, id="64 bit length with its top bit"
    ),
    pytest.param(raw_frame(0x82, b"\xff" + struct.pack("!Q", 1 << 62)), 1009, id="length of 2**62"),
    pytest.param(
        raw_frame(0x82, b"\xff" + struct.pack("!Q", (1 << 63) - 1)), 1009, id="the longest length"
    ),
    pytest.param(
        raw_frame(0x82, b"\xff" + struct.pack("!Q", MAX + 1)), 1009, id="one byte too many"
    ),
    pytest.param(
        raw_frame(0x02, b"\xff" + struct.pack("!Q", MAX + 1)), 1009, id="in a first fragment"
    ),
    pytest.param(
        frame(0x02, b"x" * MAX) + raw_frame(0x80, b"\x81"),
        1009,
        id="one byte too many in fragments",
    ),
    *(
        pytest.param(frame(0x81, text), 1007, id=f"text {text!r}")
        for text in (
            b"\xff",
            b"\xc0\x80",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"ab\xc3",
            b"\xe2\x82",
        )
    ),
    pytest.param(
        frame(0x01, b"\xc3") + frame(0x80, b"x"), 1007, id="bad character across fragments"
    ),
    pytest.param(frame(0x01, b"\xc3") + frame(0x80), 1007, id="half a character at the end"),
    *(
        pytest.param(frame(0x88, code.to_bytes(2, "big")), 1002, id=f"close code {code}")
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535)
    ),
    pytest.param(frame(0x88, b"\x03"), 1002, id="close of one byte"),
    pytest.param(frame(0x88, b"\x03\xe8\xff"), 1007, id="close reason that is not UTF-8"),
]


@pytest.mark.parametrize(("data", "expected"), MESSAGES)
@pytest.mark.parametrize("split", [lambda data: [data], bytewise], ids=["whole", "bytewise"])
def test_messages_and_control_frames_come_out_as_they_were_sent(
    data: bytes, expected: list[Any], split: Any
) -> None:
    """WS-MSG-02, WS-MSG-03, WS-CLOSE-06, WS-CLOSE-07."""
    assert events(reader(), *split(data)) == expected


@pytest.mark.parametrize(("data", "code"), FAULTS)
@pytest.mark.parametrize("split", [lambda data: [data], bytewise], ids=["whole", "bytewise"])
def test_what_breaks_the_protocol_is_refused_with_its_close_code(
    data: bytes, code: int, split: Any
) -> None:
    """W04, W05, W06, W07; WS-MSG-09, WS-MSG-10, WS-MSG-11. What came before still comes out."""
    assert events(reader(), *split(frame(0x81, b"before") + data)) == [(TEXT, "before"), code]


def test_a_server_frame_with_a_mask_is_refused_by_a_client() -> None:
    assert events(reader(masked=False), frame(0x81, b"x")) == [1002]
    assert events(reader(masked=False), b"\x81\x01x\x89\x00") == [(TEXT, "x"), (PING, b"")]


def test_bad_text_is_refused_at_the_bad_byte_of_a_frame_that_is_not_whole_yet() -> None:
    """W05: as early as the bad byte (Autobahn 6.4.3 and 6.4.4)."""
    text = "κόσμε".encode() + b"\xf4\x90" + b"more"
    data = frame(0x81, text)
    subject = reader()
    header = len(data) - len(text)
    bad = header + len("κόσμε".encode()) + 2
    assert events(subject, *bytewise(data[: bad - 1])) == []
    assert events(subject, data[bad - 1 : bad]) == [1007]


def test_a_length_over_the_limit_is_refused_at_the_header() -> None:
    """W07: before the key, and before any of the payload, has come."""
    assert events(reader(), b"\x82\xff" + struct.pack("!Q", 1 << 62)) == [1009]


def test_the_longest_message_is_taken() -> None:
    assert events(reader(), frame(0x82, b"x" * MAX)) == [(BINARY, b"x" * MAX)]
    half = b"x" * (MAX // 2)
    assert events(reader(), frame(0x02, half) + frame(0x80, half)) == [(BINARY, half * 2)]


def test_fragments_of_a_message_are_limited_and_counted_for_each_message() -> None:
    """W08."""
    just = frame(0x02, b"x") + frame(0x00, b"x") * 98 + frame(0x80, b"x")
    assert events(reader(), just * 3) == [(BINARY, b"x" * 100)] * 3
    over = frame(0x02, b"x") + frame(0x00, b"x") * 100
    assert events(reader(), just + over) == [(BINARY, b"x" * 100), 1009]


def test_empty_fragments_of_a_message_are_limited() -> None:
    """W08: a million empty continuations."""
    assert (
        events(reader(), (frame(0x02) + frame(0x00) * 8 + frame(0x80)) * 2) == [(BINARY, b"")] * 2
    )
    assert events(reader(), frame(0x02) + frame(0x00) * 10) == [1009]


def test_reading_can_stop_between_two_messages() -> None:
    subject = reader()
    subject.feed(frame(0x81, b"1") + frame(0x81, b"2"))
    assert subject.next() == TEXT
    assert subject.pending() == 7
    subject.feed(frame(0x81, b"3"))
    assert (subject.next(), subject.payload) == (TEXT, "2")
    assert (subject.next(), subject.payload) == (TEXT, "3")
    assert subject.next() == NEED_MORE
    assert subject.pending() == 0


def test_nothing_is_read_after_a_close() -> None:
    """RFC 6455 section 5.5.1, W13."""
    subject = reader()
    assert events(subject, frame(0x88, b"\x03\xe8"), frame(0x81, b"late"), b"\xff" * 99) == [
        (CLOSE, 1000, "")
    ]


# Both legs, and another implementation's writer.

FRAMES = st.builds(
    lambda first, payload, key: frames.masked_frame(first, payload, key),
    st.sampled_from([0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8A, 0x88, 0x83, 0xC1, 0x09]),
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=60).map(lambda text: text.encode()),
        st.sampled_from([b"", b"\x03\xe8", b"\xf0\x9f", b"\x98\x80", b"z" * 70000]),
    ),
    st.binary(min_size=4, max_size=4),
)


def cut(data: bytes, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    chunks = []
    while data:
        size = chance.choice((1, 2, 3, 7, 60, 5000, len(data)))
        chunks.append(data[:size])
        data = data[size:]
    return chunks


@given(st.lists(FRAMES, max_size=12).map(b"".join), st.integers(0, 1 << 30))
@example(frame(0x01, b"\xf0\x9f") + frame(0x80, b"\x98\x80"), 1)
@settings(deadline=None)
def test_the_cuts_between_reads_change_nothing_in_either_leg(data: bytes, seed: int) -> None:
    twin = pure("penstock.wire.websocket").Reader(True, MAX, 100, 10)
    whole = events(reader(), data)
    assert events(reader(), *cut(data, seed)) == whole
    found: list[Any] = []
    try:
        for chunk in cut(data, seed + 1):
            twin.feed(chunk)
            while (event := twin.next()) != NEED_MORE:
                found.append(
                    (event, twin.close_code, twin.payload)
                    if event == CLOSE
                    else (event, twin.payload)
                )
    except pure("penstock.errors").WebSocketError as error:
        found.append(error.code)
    assert found == whole


@given(st.binary(max_size=400), st.integers(0, 1 << 30))
@settings(deadline=None)
def test_any_bytes_give_events_or_a_documented_error(data: bytes, seed: int) -> None:
    assert events(reader(inflater=Inflater(15, True)), *cut(data, seed)) is not None


@given(
    st.lists(st.one_of(st.text(), st.binary()), max_size=5), st.integers(1, 4), st.integers(0, 99)
)
@settings(deadline=None)
def test_what_another_implementation_writes_is_read(
    messages: list[Any], parts: int, seed: int
) -> None:
    writer = oracle.FrameProtocol(client=True, extensions=[])
    data = b""
    for message in messages:
        size = max(len(message) // parts, 1)
        pieces = [message[at : at + size] for at in range(0, len(message), size)] or [message]
        for index, piece in enumerate(pieces):
            data += writer.send_data(piece, fin=index == len(pieces) - 1) + writer.ping(b"?")
    found = [each for each in events(reader(), *cut(data, seed)) if each[0] != PING]
    assert found == [(TEXT if isinstance(each, str) else BINARY, each) for each in messages]
