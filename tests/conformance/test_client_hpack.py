"""The client's HPACK against another implementation."""

import hpack
import pytest

from penstock.conformance.client_hpack import STATIC, BlockError, Decoder, encode, unpack

FIELDS = [
    (b":status", b"200"),
    (b"content-type", b"text/html"),
    (b"x-a", bytes(range(32, 127))),
    (b"x-a", b""),
]


def test_the_static_table_is_that_of_the_rfc() -> None:
    assert list(hpack.hpack.HeaderTable.STATIC_TABLE) == STATIC


def test_blocks_of_another_encoder_are_decoded_with_their_table() -> None:
    encoder, decoder = hpack.Encoder(), Decoder()
    for _ in range(3):
        assert decoder.decode(encoder.encode(FIELDS)) == FIELDS


def test_blocks_are_read_by_another_decoder() -> None:
    found = hpack.Decoder().decode(encode(FIELDS), raw=True)
    assert [tuple(pair) for pair in found] == FIELDS


@pytest.mark.parametrize(
    "block", [b"\x80", b"\xff\xff\xff\xff\xff\xff\xff\xff", b"\x00\x05ab", b"\xfe", b"\x3f\xe2\x1f"]
)
def test_wrong_blocks_raise(block: bytes) -> None:
    with pytest.raises(BlockError):
        Decoder().decode(block)


def test_padding_that_is_not_of_eos_raises() -> None:
    with pytest.raises(BlockError):
        unpack(b"\x00")
