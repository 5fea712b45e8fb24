"""Response fields to HPACK blocks: what may go out, and what is noticed, in both forms."""

from types import ModuleType
from typing import Any

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.hpack import block_of, same_block, same_defaults
from penstock.wire.fields import (
    SENDS_CODING,
    SENDS_CONNECTION,
    SENDS_DATE,
    SENDS_LENGTH,
    SENDS_SERVER,
)
from penstock.wire.hpack import Decoder
from penstock.wire.hpack_table import STATIC_TABLE
from tests.twins import forms, pure

each_twin = pytest.mark.parametrize("twin", forms("penstock.wire.blocks"))


def decoded(block: bytes) -> list[tuple[bytes, bytes]]:
    """What another library reads, with a table that has no room."""
    decoder = hpack.Decoder(max_header_list_size=1 << 30)
    decoder.header_table_size = decoder.max_allowed_table_size = 0
    return [(bytes(name), bytes(value)) for name, value in decoder.decode(block, raw=True)]


@each_twin
def test_6_2_2_fields_are_literals_without_indexing(twin: ModuleType) -> None:
    """Their names by index where the static table has them."""
    headers = [(b"content-type", b"text/html"), [b"x-a", b""], (b"vary", b"\t\xff.")]
    block = b"\x0f\x10\x09text/html" + b"\x00\x03x-a\x00" + b"\x0f\x2c\x02\xff."
    assert block_of(twin, headers) == (block, 0, -1)
    assert block_of(twin, tuple(headers)) == (block, 0, -1)
    assert block_of(twin, []) == (b"", 0, -1)


@each_twin
def test_2_1_fields_are_written_in_their_order(twin: ModuleType) -> None:
    """Those of one name too, and those that are written in different ways."""
    headers = [(b"vary", b"1"), (b"x", b"2"), (b"set-cookie", b"3"), (b"x", b"1"), (b"vary", b"0")]
    for order in (headers, headers[::-1]):
        assert decoded(block_of(twin, order)[0]) == order
        assert decoded(twin.encode_fields(order)) == order


@each_twin
def test_7_1_3_a_cookie_is_never_indexed(twin: ModuleType) -> None:
    """Nor may it be by those between us and the client."""
    assert block_of(twin, [(b"Set-Cookie", b"a=b")]) == (b"\x1f\x28\x03a=b", 0, -1)
    assert twin.encode_fields([(b"set-cookie", b"a")])[:2] == b"\x1f\x28"


@each_twin
def test_9113_8_2_names_are_sent_in_lower_case(twin: ModuleType) -> None:
    headers = [
        (b"Content-Type", b"a"),
        (b"CONTENT-type", b"b"),
        (b"X-Thing", b"c"),
        (b"X" * 33, b"d"),
        (b"!#$%&'*+-.^_`|~09azAZ", b"e"),
    ]
    found = block_of(twin, headers)
    assert decoded(found[0]) == [(name.lower(), value) for name, value in headers]


@each_twin
def test_9113_8_2_1_values_have_no_white_space_around_them(twin: ModuleType) -> None:
    for value, wanted in ((b" a ", b"a"), (b"\t \ta b\t", b"a b"), (b" ", b""), (b"", b"")):
        assert decoded(block_of(twin, [(b"x", value)])[0]) == [(b"x", wanted)]


@each_twin
def test_9113_8_2_2_fields_of_the_connection_are_left_out(twin: ModuleType) -> None:
    """A08; and noticed."""
    for name in (b"Connection", b"keep-alive", b"Proxy-Connection", b"UPGRADE"):
        headers = [(b"a", b"b"), (name, b"close")]
        assert block_of(twin, headers) == (b"\x00\x01a\x01b", SENDS_CONNECTION, -1)
    assert block_of(twin, [(b"transfer-encoding", b"chunked")]) == (b"", SENDS_CODING, -1)


@each_twin
def test_fields_that_matter_are_noticed(twin: ModuleType) -> None:
    headers = [(b"Date", b"x"), (b"server", b"y"), (b"Content-Length", b"007")]
    _, bits, length = block_of(twin, headers)
    assert (bits, length) == (SENDS_DATE | SENDS_SERVER | SENDS_LENGTH, 7)
    assert block_of(twin, [(b"content-length", b"9" * 18)])[2] == 10**18 - 1


@each_twin
@pytest.mark.parametrize(
    "pair",
    [
        (b"x", b"a\rb"),
        (b"x", b"a\nb"),
        (b"x", b"a\r\nb: c"),
        (b"x", b"\0"),
        (b"x", b"\n"),
        (b"x\r\ny", b"z"),
        (b"x y", b"z"),
        (b"x:", b"z"),
        (b":status", b"200"),
        (b":path", b"/"),
        (b"", b"z"),
        (b"\xe9", b"z"),
        (b"x" * 40 + b" ", b"z"),
        ("x", b"z"),
        (b"x", "z"),
        (b"x", bytearray(b"z")),
        (b"x", None),
        (b"x",),
        (b"x", b"y", b"z"),
        b"xy",
        None,
        (b"connection", b"a\nb"),
        (b"keep-alive", b"a\rb"),
        (b"transfer-encoding", b"a\0b"),
        (b"content-length", b""),
        (b"content-length", b"+1"),
        (b"content-length", b"1 "),
        (b"content-length", b"9" * 19),
        (b"content-length", "１".encode()),
    ],
)
def test_9113_8_2_1_fields_that_must_not_go_out_are_none(twin: ModuleType, pair: Any) -> None:
    """A01, A08, A10: wherever they stand."""
    assert block_of(twin, [pair]) is None
    assert block_of(twin, [(b"a", b"b"), pair, (b"c", b"d")]) is None


@each_twin
def test_9113_8_3_no_pseudo_header_field_is_an_applications_to_send(twin: ModuleType) -> None:
    """Neither those of responses nor those of requests, nor any other."""
    for name in (b":status", b":path", b":method", b":authority", b":scheme", b":x", b":"):
        assert block_of(twin, [(name, b"200")]) is None


@each_twin
def test_two_lengths_are_none(twin: ModuleType) -> None:
    """A08."""
    assert block_of(twin, [(b"content-length", b"1"), (b"Content-Length", b"1")]) is None


@each_twin
def test_what_is_refused_changes_nothing(twin: ModuleType) -> None:
    """A01: an answer of the server's own can take its place."""
    block = twin.Block()
    assert (block.block, block.bits, block.length) == (b"", 0, -1)
    assert twin.write_block([(b"a", b"b"), (b"content-length", b"3")], block)
    assert not twin.write_block([(b"date", b"x"), (b"a", b"\n")], block)
    assert (block.block, block.bits, block.length) == (
        b"\x00\x01a\x01b\x0f\x0d\x013",
        SENDS_LENGTH,
        3,
    )


@each_twin
@pytest.mark.parametrize(
    "size", [0, 1, 126, 127, 128, 254, 255, 1000, 1011, 1012, 1013, 1014, 1015, 5000, 20000, 70000]
)
def test_5_1_fields_of_any_size_are_written(twin: ModuleType, size: int) -> None:
    """Names as well as values; around each length that takes one octet more."""
    headers = [(b"x", b"v" * size), (b"y", b"z"), (b"n" * (size + 1), b"v")]
    assert decoded(block_of(twin, headers)[0]) == headers


@each_twin
def test_a_each_name_of_the_static_table_is_known(twin: ModuleType) -> None:
    for number, (name, _) in enumerate(STATIC_TABLE, 1):
        if name[:1] != b":" and name not in {b"transfer-encoding", b"content-length"}:
            start = bytes((0x1F if name == b"set-cookie" else 0x0F, number - 15))
            for spelt in (name, name.title(), name.upper()):
                assert block_of(twin, [(spelt, b"v")])[0] == start + b"\x01v"


def test_names_that_an_application_makes_up_are_not_all_remembered() -> None:
    """The pure form remembers the first; what it writes stays the same."""
    blocks = pure("penstock.wire.blocks")
    for number in range(1000):
        name = b"x-%d" % number
        for _ in range(2):
            assert decoded(block_of(blocks, [(name, b"v")])[0]) == [(name, b"v")]
    blocks._starts.clear()
    assert block_of(blocks, [(b"x" * 65, b"v"), (b"x" * 64, b"v")])
    assert list(blocks._starts) == [b"x" * 64]
    for number in range(1000):
        assert block_of(blocks, [(b"x-%d" % number, b"v")])
    assert len(blocks._starts) == 512


@each_twin
def test_9113_8_3_2_the_status_is_a_field(twin: ModuleType) -> None:
    """By index alone where the static table has it."""
    for status in range(100, 1000):
        field = twin.status_field(status)
        assert Decoder(0).decode(field, 1000, 1) == [(b":status", b"%d" % status)]
        assert len(field) == (1 if status in {200, 204, 206, 304, 400, 404, 500} else 5)


@each_twin
def test_the_length_of_a_body_is_a_field(twin: ModuleType) -> None:
    for length in (0, 1, 9, 10, 99, 100, 18362, (1 << 32) - 1, 1 << 32, 10**17, 10**18 - 1):
        field = block_of(twin, [(b"content-length", b"%d" % length)])[0]
        assert twin.response_block(200, b"", length, b"") == twin.status_field(200) + field
        assert decoded(field) == [(b"content-length", b"%d" % length)]


@each_twin
def test_the_block_of_a_response(twin: ModuleType) -> None:
    """Status, fields, length and defaults, in this order; numbers that are none are refused."""
    fields = block_of(twin, [(b"a", b"1")])[0]
    defaults = block_of(twin, [(b"b", b"2")])[0]
    for status in (100, 200, 201, 404, 999):
        said = (b":status", b"%d" % status)
        block = twin.response_block(status, fields, -1, defaults)
        assert decoded(block) == [said, (b"a", b"1"), (b"b", b"2")]
        block = twin.response_block(status, fields, 0, defaults)
        assert decoded(block) == [said, (b"a", b"1"), (b"content-length", b"0"), (b"b", b"2")]
    for status in (99, 1000):
        with pytest.raises(ValueError, match="no status"):
            twin.response_block(status, b"", 0, b"")
        with pytest.raises(ValueError, match="no status"):
            twin.status_field(status)
    with pytest.raises(ValueError, match="no length of a body"):
        twin.response_block(200, b"", 10**18, b"")


@each_twin
def test_4_2_a_table_without_room_is_said(twin: ModuleType) -> None:
    """A peer that offers a table below 4096 bytes must hear it with the first block."""
    decoder = hpack.Decoder()
    decoder.max_allowed_table_size = 0
    with pytest.raises(hpack.InvalidTableSizeError):
        decoder.decode(twin.status_field(200))
    assert decoder.decode(twin.NO_TABLE + twin.status_field(200)) == [(":status", "200")]
    assert decoder.decode(twin.status_field(204)) == [(":status", "204")]


@each_twin
def test_5_2_defaults_are_as_short_as_they_can_be(twin: ModuleType) -> None:
    """Huffman code where it helps."""
    pairs = [(b"Server", b"penstock"), (b"x-thing", b"\xff\xff"), (b"date", b"\t" * 300)]
    block = twin.encode_fields(pairs)
    assert decoded(block) == [(name.lower(), value) for name, value in pairs]
    assert len(twin.encode_fields(pairs[:1])) == 2 + 1 + 6
    assert len(twin.encode_fields([(b"x-thing", b"\xff\xff")])) == 1 + 1 + 6 + 1 + 2
    assert twin.encode_fields([]) == b""


names = (
    st.sampled_from([name for name, _ in STATIC_TABLE])
    | st.sampled_from([b"connection", b"upgrade", b"X" * 32, b"X" * 33])
    | st.text("abcXYZ019-_", min_size=1, max_size=40).map(str.encode)
    | st.binary(max_size=5)
)
values = (
    st.text(" \tabc:/=", max_size=200).map(str.encode)
    | st.integers(0, 10**19).map(lambda number: b"%d" % number)
    | st.binary(max_size=300)
)


@given(headers=st.lists(st.tuples(names, values), max_size=12))
def test_another_library_reads_what_is_written(headers: list[tuple[bytes, bytes]]) -> None:
    """And both forms write the same."""
    same_block(headers)


@given(pairs=st.lists(st.tuples(names.filter(bool), st.binary(max_size=300)), max_size=6))
def test_defaults_are_decoded(pairs: list[tuple[bytes, bytes]]) -> None:
    same_defaults(pairs)
