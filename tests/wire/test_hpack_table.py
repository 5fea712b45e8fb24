"""The constants of RFC 7541's appendices, against another implementation's."""

from hpack.huffman_constants import REQUEST_CODES_LENGTH
from hpack.table import HeaderTable

from penstock.wire.hpack_table import HUFFMAN_LENGTHS, STATIC_NAMES, STATIC_TABLE


def test_a_the_static_table_is_that_of_the_appendix() -> None:
    assert len(STATIC_TABLE) == 61
    assert HeaderTable.STATIC_TABLE == STATIC_TABLE


def test_a_each_name_has_its_smallest_index() -> None:
    assert {STATIC_TABLE[index - 1][0] for index in STATIC_NAMES.values()} == set(STATIC_NAMES)
    assert STATIC_NAMES[b":method"] == 2
    assert STATIC_NAMES[b"www-authenticate"] == 61


def test_b_the_codes_have_the_lengths_of_the_appendix() -> None:
    assert list(HUFFMAN_LENGTHS) == list(REQUEST_CODES_LENGTH)
    # A code that is whole: no string of bits is left over, none is taken twice (Kraft).
    assert sum(2.0**-length for length in HUFFMAN_LENGTHS) == 1
