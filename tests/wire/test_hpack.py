"""The decoder of HPACK: public vectors, and what RFC 7541 demands; each test is named by its section."""

import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.hpack import hostile_block, said_by, same_judgement, same_story
from penstock.errors import CompressionError
from penstock.wire.hpack import Decoder
from penstock.wire.hpack_table import STATIC_TABLE

STORIES = json.loads((Path(__file__).parent / "hpack_stories.json").read_text())
NO_LIMIT = 1 << 30
TABLE_BYTES = 4096

Fields = list[tuple[bytes, bytes]]


def decode(decoder: Decoder, block: bytes | str) -> Fields:
    wire = bytes.fromhex(block) if isinstance(block, str) else block
    fields = decoder.decode(wire, NO_LIMIT, NO_LIMIT)
    assert not decoder.too_large
    return fields


def table(decoder: Decoder) -> Fields:
    """The dynamic table, newest entry first."""
    entries: Fields = []
    while True:
        try:
            entries += decode(decoder, index(62 + len(entries)))
        except CompressionError:
            return entries


def index(number: int) -> bytes:
    """An indexed field."""
    if number < 127:
        return bytes((128 | number,))
    assert number < 255
    return bytes((255, number - 127))


def added(name: bytes, value: bytes) -> bytes:
    """A literal that goes to the table."""
    assert len(name) < 127
    size = bytes((len(value),)) if len(value) < 127 else b"\x7f" + seven(len(value) - 127)
    return b"\x40" + bytes((len(name),)) + name + size + value


def seven(value: int) -> bytes:
    """The octets of an integer after its prefix."""
    out = []
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


def refused(block: bytes, *, before: bytes = b"", table_bytes_max: int = TABLE_BYTES) -> str:
    """The message and the rule with which a block is refused."""
    decoder = Decoder(table_bytes_max)
    decode(decoder, before)
    with pytest.raises(CompressionError) as caught:
        decode(decoder, block)
    assert caught.value.rule.startswith("RFC 7541 section ")
    return f"{caught.value} ({caught.value.rule.removeprefix('RFC 7541 section ')})"


# ---------------------------------------------------------------------------------------- vectors

FIRST = [
    (b":method", b"GET"),
    (b":scheme", b"http"),
    (b":path", b"/"),
    (b":authority", b"www.example.com"),
]
THIRD = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":path", b"/index.html"),
    (b":authority", b"www.example.com"),
    (b"custom-key", b"custom-value"),
]
DATES = (b"Mon, 21 Oct 2013 20:13:21 GMT", b"Mon, 21 Oct 2013 20:13:22 GMT")
LOCATION = (b"location", b"https://www.example.com")
COOKIE = (b"set-cookie", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1")


@pytest.mark.parametrize(
    ("block", "fields", "entries"),
    [
        (
            "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
            [(b"custom-key", b"custom-header")],
            [(b"custom-key", b"custom-header")],
        ),
        ("040c2f73616d706c652f70617468", [(b":path", b"/sample/path")], []),
        ("100870617373776f726406736563726574", [(b"password", b"secret")], []),
        ("82", [(b":method", b"GET")], []),
    ],
)
def test_c_2_single_fields(block: str, fields: Fields, entries: Fields) -> None:
    decoder = Decoder(TABLE_BYTES)
    assert decode(decoder, block) == fields
    assert table(decoder) == entries


@pytest.mark.parametrize(
    "blocks",
    [
        (
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ),
        (
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ),
    ],
    ids=["plain", "huffman"],
)
def test_c_3_and_c_4_requests(blocks: tuple[str, str, str]) -> None:
    decoder = Decoder(TABLE_BYTES)
    entries = [FIRST[3]]
    assert decode(decoder, blocks[0]) == FIRST
    assert table(decoder) == entries
    assert decode(decoder, blocks[1]) == [*FIRST, (b"cache-control", b"no-cache")]
    entries.insert(0, (b"cache-control", b"no-cache"))
    assert table(decoder) == entries
    assert decode(decoder, blocks[2]) == THIRD
    entries.insert(0, (b"custom-key", b"custom-value"))
    assert table(decoder) == entries


@pytest.mark.parametrize(
    "blocks",
    [
        (
            "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
        ),
        (
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ),
    ],
    ids=["plain", "huffman"],
)
def test_c_5_and_c_6_responses(blocks: tuple[str, str, str]) -> None:
    """With a table of 256 bytes, so that entries are evicted."""
    decoder = Decoder(256)
    private = (b"cache-control", b"private")
    rest = [private, (b"date", DATES[0]), LOCATION]
    assert decode(decoder, blocks[0]) == [(b":status", b"302"), *rest]
    assert table(decoder) == [*reversed(rest), (b":status", b"302")]
    assert decode(decoder, blocks[1]) == [(b":status", b"307"), *rest]
    assert table(decoder) == [(b":status", b"307"), *reversed(rest)]
    gzip = (b"content-encoding", b"gzip")
    date = (b"date", DATES[1])
    assert decode(decoder, blocks[2]) == [
        (b":status", b"200"),
        private,
        date,
        LOCATION,
        gzip,
        COOKIE,
    ]
    assert table(decoder) == [COOKIE, gzip, date]


@pytest.mark.parametrize("story", sorted(STORIES["lists"]))
@pytest.mark.parametrize("encoder", sorted(STORIES["blocks"]))
def test_blocks_of_other_implementations(encoder: str, story: str) -> None:
    """Requests and responses of real sites, one connection each."""
    given_blocks = STORIES["blocks"][encoder][story]
    decoder = Decoder(given_blocks["table_bytes_max"])
    for wire, fields in zip(given_blocks["wire"], STORIES["lists"][story], strict=True):
        assert decode(decoder, wire) == [(name.encode(), value.encode()) for name, value in fields]


# ----------------------------------------------------------------------------------------- tables


def test_2_3_1_each_entry_of_the_static_table() -> None:
    block = b"".join(index(number) for number in range(1, 62))
    assert decode(Decoder(TABLE_BYTES), block) == list(STATIC_TABLE)
    for number, (name, _) in enumerate(STATIC_TABLE, 1):
        literal = bytes((number,)) if number < 15 else bytes((15, number - 15))
        assert decode(Decoder(TABLE_BYTES), literal + b"\x01v") == [(name, b"v")]


def test_2_3_2_the_newest_entry_has_the_lowest_index() -> None:
    decoder = Decoder(TABLE_BYTES)
    entries = [(b"n%d" % number, b"v%d" % number) for number in range(60)]
    block = b"".join(added(name, value) for name, value in entries)
    assert decode(decoder, block) == entries
    assert table(decoder) == entries[::-1]


def test_2_3_2_an_entry_may_be_there_twice() -> None:
    decoder = Decoder(TABLE_BYTES)
    assert decode(decoder, added(b"a", b"b") * 3) == [(b"a", b"b")] * 3
    assert table(decoder) == [(b"a", b"b")] * 3


@pytest.mark.parametrize("number", [62, 63, 126, 127, 254])
def test_2_3_3_an_index_beyond_both_tables_is_an_error(number: int) -> None:
    """H26: in a field, and as the name of a literal."""
    message = f"index {number} names no field: the table has 61 static entries and 0 dynamic ones"
    assert refused(index(number)) == f"{message} (2.3.3)"
    for prefix, bits in ((15, 0), (15, 16), (63, 64)):
        if number < prefix:
            literal = bytes((bits | number,))
        else:
            literal = bytes((bits | prefix,)) + seven(number - prefix)
        assert refused(literal + b"\x01v") == f"{message} (2.3.3)"


@pytest.mark.parametrize("count", [1, 5, 100])
def test_2_3_3_an_index_behind_the_last_entry_is_an_error(count: int) -> None:
    """H26: also after as many were evicted."""
    block = added(b"", b"") * count
    assert refused(index(62 + count), before=block) == (
        f"index {62 + count} names no field: the table has 61 static entries and {count} dynamic"
        " ones (2.3.3)"
    )
    small = refused(index(62 + 3), before=block * 4, table_bytes_max=96)
    assert small.startswith("index 65 names no field")


def test_2_2_each_connection_has_a_table_of_its_own() -> None:
    one, other = Decoder(TABLE_BYTES), Decoder(TABLE_BYTES)
    decode(one, added(b"a", b"b"))
    assert table(one) == [(b"a", b"b")]
    assert table(other) == []


def test_4_1_an_entry_counts_for_32_bytes_beside_name_and_value() -> None:
    for size, fits in ((34, True), (33, False)):
        decoder = Decoder(size)
        decode(decoder, added(b"a", b"b"))
        assert table(decoder) == ([(b"a", b"b")] if fits else [])


def test_4_2_a_change_of_size_comes_before_the_first_field() -> None:
    """H26."""
    for field in (index(2), added(b"a", b"b"), b"\x04\x01/", b"\x14\x01/"):
        assert refused(field + b"\x20").endswith("after the first field of a block (4.2)")


def test_4_2_two_changes_of_size_are_allowed_and_no_more() -> None:
    """H26: so 100000 of them cost nothing."""
    assert decode(Decoder(TABLE_BYTES), b"\x20\x3f\xe1\x1f" + index(2)) == [(b":method", b"GET")]
    assert decode(Decoder(TABLE_BYTES), b"\x20") == []
    for count in (3, 100_000):
        assert refused(b"\x20" * count) == (
            "the size of the table changes more than twice in one block (4.2)"
        )


def test_4_3_a_smaller_size_evicts_the_oldest() -> None:
    decoder = Decoder(TABLE_BYTES)
    entries = [(b"%d" % number, b"v") for number in range(9)]
    decode(decoder, b"".join(added(*entry) for entry in entries))
    decode(decoder, b"\x3f" + seven(34 * 4 + 33 - 31))
    assert table(decoder) == entries[:4:-1]
    decode(decoder, b"\x20\x3f\xe1\x1f")
    assert table(decoder) == []
    decode(decoder, added(b"a", b"b"))
    assert table(decoder) == [(b"a", b"b")]


def test_4_3_a_smaller_size_holds_for_what_comes() -> None:
    """Until it is changed again."""
    decoder = Decoder(TABLE_BYTES)
    decode(decoder, b"\x3f" + seven(34 * 2 - 31) + added(b"a", b"1") * 3)
    assert table(decoder) == [(b"a", b"1")] * 2
    decode(decoder, b"\x3f" + seven(34 * 3 - 31) + added(b"a", b"1") * 3)
    assert table(decoder) == [(b"a", b"1")] * 3


def test_4_4_a_new_entry_evicts_the_oldest() -> None:
    """However many were there: what is left are always the newest that fit."""
    decoder = Decoder(34 * 7)
    entries = [(b"%c" % (65 + number % 26), b"%d" % (number % 10)) for number in range(300)]
    for count, entry in enumerate(entries, 1):
        decode(decoder, added(*entry))
        if count % 13 == 0:
            assert table(decoder) == entries[:count][-7:][::-1]


def test_4_4_entries_of_all_sizes_come_and_go() -> None:
    """Against the section word by word; and each counts for what it is (RFC 9113 section 10.5.1)."""
    decoder = Decoder(300)
    entries: Fields = []
    for number in range(400):
        entry = (b"n" * (number % 5), b"v" * (number * 7 % 61))
        entries.insert(0, entry)
        decode(decoder, added(*entry))
        while sum(len(name) + len(value) + 32 for name, value in entries) > 300:
            entries.pop()
        assert table(decoder) == entries
        size = sum(len(name) + len(value) + 32 for name, value in entries)
        block = b"".join(index(62 + place) for place in range(len(entries)))
        assert decoder.decode(block, size, 100) == entries
        assert decoder.decode(block, size - 1, 100) == entries[:-1]


def test_4_4_evicted_entries_are_let_go() -> None:
    """Neither they stay, nor their places in whatever holds the table."""
    decoder = Decoder(34)
    [pair] = decode(decoder, added(b"a", b"b"))
    before = sys.getrefcount(pair)
    decode(decoder, added(b"c", b"d"))
    assert sys.getrefcount(pair) == before - 1
    block = added(b"", b"")
    tracemalloc.start()
    try:
        for _ in range(20_000):
            decoder.decode(block, 0, 0)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 10_000


def test_4_4_an_entry_larger_than_the_table_empties_it() -> None:
    decoder = Decoder(100)
    decode(decoder, added(b"a", b"b") * 2)
    assert decode(decoder, added(b"n", b"v" * 68)) == [(b"n", b"v" * 68)]
    assert table(decoder) == []
    decode(decoder, added(b"n", b"v" * 67))
    assert table(decoder) == [(b"n", b"v" * 67)]


def test_4_4_a_name_may_be_taken_from_the_entry_that_is_evicted() -> None:
    decoder = Decoder(50)
    decode(decoder, added(b"name", b"1"))
    assert decode(decoder, b"\x7e\x0212") == [(b"name", b"12")]
    assert table(decoder) == [(b"name", b"12")]


# -------------------------------------------------------------------------------- representations


def test_2_1_fields_come_out_in_the_order_of_the_block() -> None:
    """Those of one name too."""
    fields = [(b"b", b"2"), (b"a", b"1"), (b"b", b"1"), (b":path", b"/"), (b"a", b"1")]
    for order in (fields, fields[::-1]):
        block = b"".join(
            b"\x84" if name == b":path" else b"\x00\x01" + name + b"\x01" + value
            for name, value in order
        )
        assert decode(Decoder(TABLE_BYTES), block) == order


def test_3_2_representations_are_processed_one_after_the_other() -> None:
    """What one puts into the table, the next of the same block finds at its beginning."""
    decoder = Decoder(34 * 2)
    block = added(b"a", b"1") + b"\xbe" + b"\x00\x01n\x01v" + added(b"b", b"2") + b"\xbf\xbe"
    block += b"\x7f\x00\x013" + b"\xbf" + b"\x82"
    assert decode(decoder, block) == [
        (b"a", b"1"),
        (b"a", b"1"),
        (b"n", b"v"),
        (b"b", b"2"),
        (b"a", b"1"),
        (b"b", b"2"),
        (b"a", b"3"),
        (b"b", b"2"),
        (b":method", b"GET"),
    ]
    assert table(decoder) == [(b"a", b"3"), (b"b", b"2")]


def test_5_1_integers() -> None:
    """C.1: 10 and 1337 with a prefix of five bits; both ends of prefix and octets."""
    for wire, value in (
        ("2a", 10),
        ("3f9a0a", 1337),
        ("3e", 30),
        ("3f00", 31),
        ("3f60", 127),
        ("3f7f", 158),
        ("3f8001", 159),
        ("3fffffff7f", (1 << 28) + 30),
    ):
        assert refused(bytes.fromhex(wire), table_bytes_max=value - 1) == (
            f"a header table of {value} bytes; at most {value - 1} were offered (6.3)"
        )
        assert decode(Decoder(value), wire) == []


@pytest.mark.parametrize("start", ["3f", "ff", "7f", "0f", "1f", "007f", "0001617f"])
def test_5_1_an_integer_that_is_too_long_is_an_error(start: str) -> None:
    """H26: in value or in octets, wherever one may stand."""
    wanted = "an integer has more than four octets after its prefix (5.1)"
    for octets in ("ffffffff0f", "80808080808080808000", "ff" * 1000):
        assert refused(bytes.fromhex(start + octets)) == wanted


@pytest.mark.parametrize(
    "field", [b"\x00\x01", b"\x40\x01", b"\x10\x01", b"\x04", b"\x44", b"\x00"]
)
@pytest.mark.parametrize("length", [b"\x02a", b"\x82a", b"\x7f\x01a", b"\x7f\xff\xff\xff\x7fa"])
def test_5_2_a_string_may_not_pass_the_end_of_its_block(field: bytes, length: bytes) -> None:
    """H26: neither name nor value."""
    start = field + b"n" if field[1:] else field
    assert "before the end of its block (5.2)" in refused(start + length)


@pytest.mark.parametrize(
    "code",
    [
        b"\xff",
        b"\xff\xff\xff\xff",
        b"\xff\xff\xff\xfc",
        b"\x1f\xff\xff\xff\xff",
        b"\x00",
        b"\x18\xff\xff",
    ],
)
def test_5_2_a_wrong_huffman_code_is_an_error(code: bytes) -> None:
    """H26: too much padding, EOS, padding that is not its start."""
    string = bytes((128 | len(code),)) + code
    wanted = "a Huffman code is followed by wrong padding, or holds EOS (5.2)"
    assert refused(b"\x04" + string) == wanted
    assert refused(b"\x40" + string + b"\x01v") == wanted


def test_6_1_index_0_is_an_error() -> None:
    """H26."""
    assert refused(b"\x80") == "index 0 names no field (6.1)"


def test_6_2_1_a_literal_with_indexing_goes_to_the_table() -> None:
    decoder = Decoder(TABLE_BYTES)
    assert decode(decoder, b"\x44\x02/a" + added(b"n", b"v")) == [(b":path", b"/a"), (b"n", b"v")]
    assert table(decoder) == [(b"n", b"v"), (b":path", b"/a")]


@pytest.mark.parametrize("first", [b"\x00", b"\x10"])
def test_6_2_2_and_6_2_3_other_literals_leave_the_table_alone(first: bytes) -> None:
    decoder = Decoder(TABLE_BYTES)
    decode(decoder, added(b"n", b"v"))
    indexed = bytes((first[0] | 15, 62 - 15))
    assert decode(decoder, first + b"\x01a\x00" + indexed + b"\x01w") == [(b"a", b""), (b"n", b"w")]
    assert table(decoder) == [(b"n", b"v")]


@pytest.mark.parametrize("size", [0, 1, 4095, 4096])
def test_6_3_a_size_above_what_was_offered_is_an_error(size: int) -> None:
    """H26."""
    wire = b"\x3f" + seven(size + 1 - 31) if size >= 31 else bytes((0x20 | size + 1,))
    assert refused(wire, table_bytes_max=size) == (
        f"a header table of {size + 1} bytes; at most {size} were offered (6.3)"
    )


@pytest.mark.parametrize("story", sorted(STORIES["lists"]))
def test_6_a_block_that_is_cut_off_is_an_error(story: str) -> None:
    """H26: at each byte, unless a field ends there."""
    for wire in STORIES["blocks"]["go-hpack"][story]["wire"][:2]:
        block = bytes.fromhex(wire)
        whole = decode(Decoder(TABLE_BYTES), block)
        decoders = [Decoder(TABLE_BYTES) for _ in block]
        said = [
            said_by(decoders[end], block[:end], NO_LIMIT, NO_LIMIT) for end in range(len(block))
        ]
        rules = {rule for message, rule in said if isinstance(message, str)}
        assert rules == {"RFC 7541 section 6", "RFC 7541 section 5.2"}
        found = [fields for fields, _ in said if isinstance(fields, list)]
        assert all(fields == whole[: len(fields)] for fields in found)
        # With and without the change of size that these blocks start with.
        assert len(whole) <= len(found) <= len(whole) + 2


# ----------------------------------------------------------------------------------------- limits


def test_h04_references_to_a_large_entry_are_counted_and_not_kept() -> None:
    """A bomb: 15000 references to 4 KB would make 60 MB; the list ends at its limit."""
    decoder = Decoder(TABLE_BYTES)
    large = (b"a", b"v" * (TABLE_BYTES - 33))
    bomb = added(*large) + index(62) * 15000
    fields = decoder.decode(bomb, 65536, 1000)
    assert decoder.too_large
    assert fields == [large] * 16
    # What the table holds is handed out as it is.
    assert len({id(pair) for pair in fields}) == 1
    assert table(decoder) == [large]


@pytest.mark.parametrize("pair", [(b"a", b""), (b"", b""), (b"cookie", b"")])
def test_h05_small_entries_are_counted_with_what_they_cost(pair: tuple[bytes, bytes]) -> None:
    """Thousands of references to a crumb: their number ends the list, and so do 32 bytes for each."""
    decoder = Decoder(TABLE_BYTES)
    bomb = added(*pair) + index(62) * 30000
    assert decoder.decode(bomb, NO_LIMIT, 100) == [pair] * 100
    assert decoder.too_large
    fields = decoder.decode(index(62) * 30000, 16384, 30000)
    assert fields == [pair] * (16384 // (32 + len(pair[0])))
    assert decoder.too_large


def test_9113_10_5_1_a_list_of_just_the_limit_is_whole() -> None:
    block = index(2) + b"\x04\x02/a" + added(b"n", b"v")
    size = 7 + 3 + 5 + 2 + 2 + 3 * 32
    for list_bytes_max, fields_max, kept in (
        (size, 3, 3),
        (size - 1, 3, 2),
        (size, 2, 2),
        (0, 3, 0),
        (NO_LIMIT, 0, 0),
    ):
        decoder = Decoder(TABLE_BYTES)
        fields = decoder.decode(block, list_bytes_max, fields_max)
        assert fields == [(b":method", b"GET"), (b":path", b"/a"), (b"n", b"v")][:kept]
        assert decoder.too_large == (kept < 3)


def test_h04_beyond_a_limit_the_table_goes_on() -> None:
    """So the next block of the connection can be decoded; what is small behind what is too large is
    not taken for the rest of the list."""
    decoder = Decoder(TABLE_BYTES)
    block = added(b"a", b"v" * 500) + added(b"b", b"w") + index(2)
    assert decoder.decode(block, 200, 100) == []
    assert decoder.too_large
    assert table(decoder) == [(b"b", b"w"), (b"a", b"v" * 500)]
    assert decoder.decode(index(62), 200, 100) == [(b"b", b"w")]
    assert not decoder.too_large
    with pytest.raises(CompressionError):
        decoder.decode(index(2) * 10 + index(64), 10, 1)


# ----------------------------------------------------------------------- against another library

pairs = st.tuples(
    st.sampled_from([name for name, _ in STATIC_TABLE]) | st.binary(min_size=1, max_size=12),
    st.sampled_from([value for _, value in STATIC_TABLE]) | st.binary(max_size=300),
)
lists = st.lists(pairs | st.sampled_from(STATIC_TABLE), max_size=16)
sizes = st.none() | st.integers(0, TABLE_BYTES)


@given(
    story=st.lists(st.tuples(lists, st.booleans(), sizes), max_size=8),
    list_bytes_max=st.just(NO_LIMIT) | st.integers(0, 2000),
    fields_max=st.just(NO_LIMIT) | st.integers(0, 16),
)
def test_what_another_library_encodes_is_decoded(
    story: list[Any], list_bytes_max: int, fields_max: int
) -> None:
    """With changes of the table's size, in both forms of the decoder."""
    same_story(story, list_bytes_max, fields_max)


@given(chance=st.randoms(use_true_random=False), count=st.integers(1, 5))
def test_another_library_sees_the_same_in_any_block(chance: Any, count: int) -> None:
    """Right ones and wrong ones."""
    same_judgement([hostile_block(chance) for _ in range(count)])


@given(wire=st.lists(st.binary(max_size=50), max_size=3))
def test_another_library_sees_the_same_in_any_bytes(wire: list[bytes]) -> None:
    same_judgement(wire)
