"""permessage-deflate: RFC 7692, and threats.md W09 and W10."""

import gc
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.errors import WebSocketError
from penstock.wire import websocket_frames as frames
from penstock.wire.deflate import Deflater, Inflater, negotiate
from penstock.wire.handshake import extension_offers
from penstock.wire.websocket import Reader
from penstock.wire.websocket_frames import BINARY, NEED_MORE, TEXT

KEY = b"\x01\x02\x03\x04"
MAX = 1 << 20


def agree(value: bytes, bits: int = 12, takeover: bool = True) -> Any:
    return negotiate(extension_offers([value]), bits, takeover)


def inflated(subject: Any, data: bytes, step: int = 100) -> bytes:
    """A whole message through `subject`, in pieces."""
    parts = []
    for at in range(0, len(data) + 1, step):
        piece = data[at : at + step]
        subject.put(piece, at + step > len(data))
        while part := subject.take(1000):
            parts.append(part)
    return b"".join(parts)


def messages(subject: Any, data: bytes) -> list[Any]:
    found: list[Any] = []
    try:
        subject.feed(data)
        while (event := subject.next()) != NEED_MORE:
            found.append((event, subject.payload))
    except WebSocketError as error:
        found.append(error.code)
    return found


def reader(inflater: Any, size: int = MAX) -> Any:
    return Reader(True, size, 100, 10, inflater)


ANSWERS = [
    (
        b"permessage-deflate",
        b"permessage-deflate; client_no_context_takeover; server_max_window_bits=12",
    ),
    (
        b"permessage-deflate; client_max_window_bits",
        b"permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
    ),
    (
        b"permessage-deflate; client_max_window_bits=9; server_max_window_bits=10",
        b"permessage-deflate; server_max_window_bits=10; client_max_window_bits=9",
    ),
    (
        b"permessage-deflate; client_max_window_bits; server_no_context_takeover; client_no_context_takeover",
        (
            b"permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
            b"server_max_window_bits=12; client_max_window_bits=12"
        ),
    ),
    (
        b'permessage-deflate; server_max_window_bits="8"; client_max_window_bits="15"',
        b"permessage-deflate; server_max_window_bits=8; client_max_window_bits=12",
    ),
    (
        b"x-other, permessage-deflate; unknown, permessage-deflate; client_max_window_bits",
        b"permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
    ),
]


@pytest.mark.parametrize(("offer", "answer"), ANSWERS)
def test_the_first_acceptable_offer_is_answered_with_windows_no_larger_than_ours(
    offer: bytes, answer: bytes
) -> None:
    assert agree(offer).value == answer


@pytest.mark.parametrize(
    "offer",
    [
        b"x-webkit-deflate-frame",
        b"permessage-deflate; unknown",
        b"permessage-deflate; server_no_context_takeover=1",
        b"permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        b"permessage-deflate; server_max_window_bits",
        b"permessage-deflate; server_max_window_bits=7",
        b"permessage-deflate; server_max_window_bits=16",
        b"permessage-deflate; server_max_window_bits=08",
        b"permessage-deflate; client_max_window_bits=x",
    ],
)
def test_an_offer_with_a_bad_parameter_is_declined(offer: bytes) -> None:
    """RFC 7692 section 7.1."""
    assert agree(offer) is None


def test_without_takeover_neither_side_keeps_its_window() -> None:
    agreement = agree(b"permessage-deflate; client_max_window_bits", takeover=False)
    assert b"server_no_context_takeover; client_no_context_takeover" in agreement.value
    assert (agreement.server_takeover, agreement.client_takeover) == (False, False)


def test_with_the_largest_window_nothing_is_asked_of_the_client() -> None:
    assert agree(b"permessage-deflate", bits=15).value == b"permessage-deflate"


@given(st.lists(st.binary(max_size=3000), max_size=5), st.sampled_from([9, 12, 15]), st.booleans())
@settings(deadline=None)
def test_what_is_compressed_inflates_to_the_same(
    payloads: list[bytes], bits: int, takeover: bool
) -> None:
    deflater = Deflater(bits, takeover)
    inflater = Inflater(bits, takeover)
    for payload in payloads:
        assert inflated(inflater, deflater.deflate(payload) or b"") == payload


def test_context_takeover_makes_repetition_cheap_and_can_be_switched_off() -> None:
    text = bytes(range(32, 127)) * 3
    with_it, without = Deflater(12, True), Deflater(12, False)
    sizes = [len(with_it.deflate(text) or b"") for _ in range(2)]
    assert sizes[1] < sizes[0] // 3
    assert without.deflate(text) == without.deflate(text)


def test_a_window_that_zlib_cannot_write_leaves_messages_uncompressed() -> None:
    assert Deflater(8, True).deflate(b"x" * 500) is None


def test_a_message_in_compressed_fragments_is_read_across_any_cut() -> None:
    """RFC 7692 section 7.2.3.2; a later message refers to an earlier one."""
    deflater = Deflater(12, True)
    text = "κόσμε " * 200
    data = b""
    for _ in range(3):
        packed = deflater.deflate(text.encode()) or b""
        data += frames.masked_frame(0x41, packed[:5], KEY)
        data += frames.masked_frame(0x89, b"", KEY)
        data += frames.masked_frame(0x80, packed[5:], KEY)
    subject = reader(Inflater(12, True))
    found = [each for byte in data for each in messages(subject, bytes((byte,)))]
    assert [each for each in found if each[0] == TEXT] == [(TEXT, text)] * 3


def test_uncompressed_messages_pass_where_compression_is_agreed() -> None:
    subject = reader(Inflater(12, True))
    assert messages(subject, frames.masked_frame(0x82, b"plain", KEY)) == [(BINARY, b"plain")]


@pytest.mark.parametrize("payload", [b"\x00", bytes.fromhex("f248cdc9c90700")])
def test_the_specification_s_own_examples_are_read(payload: bytes) -> None:
    """RFC 7692 section 7.2.3: an empty message, and `Hello`."""
    expected = "Hello" if len(payload) > 1 else ""
    data = frames.masked_frame(0xC1, payload, KEY)
    assert messages(reader(Inflater(15, True)), data * 2) == [(TEXT, expected)] * 2


def test_a_block_marked_as_the_last_one_does_not_end_the_conversation() -> None:
    """RFC 7692 section 7.2.3.4: `Hello` with BFINAL set, twice, then a usual one."""
    final = frames.masked_frame(0xC1, bytes.fromhex("f348cdc9c9070000"), KEY)
    usual = frames.masked_frame(0xC1, bytes.fromhex("f248cdc9c90700"), KEY)
    assert messages(reader(Inflater(15, True)), final * 2 + usual) == [(TEXT, "Hello")] * 3


@pytest.mark.parametrize("payload", [b"\xff\xff\xff", b"\x06", b"\x03\x00" * 400])
def test_what_is_no_deflate_data_closes_with_1007(payload: bytes) -> None:
    assert messages(reader(Inflater(15, True)), frames.masked_frame(0xC2, payload, KEY)) == [1007]


def test_inflated_text_is_checked_as_it_comes() -> None:
    """W05: the bad byte is refused though the message is not whole."""
    packed = Deflater(12, True).deflate(b"ok \xff" + b"x" * 500) or b""
    assert messages(reader(Inflater(12, True)), frames.masked_frame(0x41, packed, KEY)) == [1007]


@pytest.mark.parametrize("fragmented", [False, True])
def test_a_compression_bomb_closes_with_1009_and_little_memory(fragmented: bool) -> None:
    """W09: 512 MiB of zeros in about 500 KiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = bytes(1 << 20)
    # Zeros after zeros are the same bytes each time; to compress all of them would take seconds
    first, next_one = (packer.compress(block) + packer.flush(zlib.Z_SYNC_FLUSH) for _ in range(2))
    packed = first + next_one * 511
    assert len(zlib.decompressobj(-15).decompress(first + next_one * 3)) == 4 << 20
    data = frames.masked_frame(0x42 if fragmented else 0xC2, packed[:-4], KEY)
    subject = reader(Inflater(15, True))
    gc.collect()
    tracemalloc.start()
    try:
        assert messages(subject, data) == [1009]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * MAX + 2 * len(data)


def test_the_limit_counts_what_was_inflated() -> None:
    deflater = Deflater(12, False)
    fits = deflater.deflate(bytes(1000)) or b""
    over = deflater.deflate(bytes(1001)) or b""
    subject = reader(Inflater(12, False), 1000)
    assert messages(subject, frames.masked_frame(0xC2, fits, KEY)) == [(BINARY, bytes(1000))]
    assert messages(subject, frames.masked_frame(0xC2, over, KEY)) == [1009]


def test_compressed_bytes_that_inflate_to_nothing_are_limited_too() -> None:
    """Empty stored blocks could go on for ever."""
    data = frames.masked_frame(0x42, b"\x00\x00\x00\xff\xff" * 1000, KEY)
    assert messages(reader(Inflater(12, True), 1000), data) == [1009]


def test_zlib_s_memory_is_small_and_taken_only_when_needed() -> None:
    """W10: under 64 KiB for a connection that compresses both ways."""
    payload = bytes(range(256)) * 4
    packed = Deflater(12, True).deflate(payload) or b""
    gc.collect()
    count = 200
    before = _resident()
    pairs = [(Deflater(12, True), Inflater(12, True)) for _ in range(count)]
    assert _resident() - before < count * 2048
    for deflater, inflater in pairs:
        deflater.deflate(payload)
        inflated(inflater, packed, 4096)
    assert _resident() - before < count * 60 * 1024


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096
