"""HPACK against the `hpack` library, both ways, and its leaves native against pure.

python -m fuzz.hpack --seconds 60 [--seed N]
"""

from collections.abc import Iterable
from random import Random
from typing import Any

import hpack

from fuzz.running import run
from penstock.errors import CompressionError
from penstock.wire import blocks, huffman
from penstock.wire.hpack import Decoder
from penstock.wire.hpack_table import STATIC_TABLE
from tests.twins import pure

pure_blocks = pure("penstock.wire.blocks")
pure_hpack = pure("penstock.wire.hpack")
pure_huffman = pure("penstock.wire.huffman")
PureCompressionError = pure("penstock.errors").CompressionError

Fields = list[tuple[bytes, bytes]]

NO_LIMIT = 1 << 30
TABLE_BYTES = 4096
# Where Penstock is the stricter one: at most two updates (RFC 7541 section 4.2), and at most four
# octets after an integer's prefix (section 5.1 leaves the number open).
STRICTER = ("RFC 7541 section 4.2", "RFC 7541 section 5.1")
NAMES = [name for name, _ in STATIC_TABLE] + [b"x-a", b"x-b", b"sec-ch-ua", b"X-Upper", b"n" * 200]
VALUES = [value for _, value in STATIC_TABLE] + [
    b"/a/b?c=d",
    b"gzip, deflate, br, zstd",
    b"x" * 126,
    b"\xff" * 127,
    b"\0\n\r",
    b"v" * 3000,
    b"w" * 4100,
]
RESPONSE_NAMES = [name for name, _ in STATIC_TABLE if name[:1] != b":"] + [
    b"Connection",
    b"keep-alive",
    b"Proxy-Connection",
    b"upgrade",
    b"x" * 31,
    b"x" * 32,
    b"X" * 33,
    b"Content-TYPE",
    b"x y",
    b":status",
    b"",
    b"\xe9",
]
RESPONSE_VALUES = [
    b"",
    b"1",
    b" \tx\t ",
    b" ",
    b"a b",
    b"v" * 126,
    b"v" * 127,
    b"\xff" * 300,
    b"a\nb",
    b"\0",
]


class Twins:
    """One decoder of each leg; what they say must be the same."""

    def __init__(self, table_bytes_max: int) -> None:
        self.decoders = (Decoder(table_bytes_max), pure_hpack.Decoder(table_bytes_max))

    def decode(self, block: bytes, list_bytes_max: int, fields_max: int) -> tuple[Fields, bool]:
        """Fields and `too_large`. Raises CompressionError, or AssertionError on a difference."""
        said = [said_by(each, block, list_bytes_max, fields_max) for each in self.decoders]
        if said[0] != said[1]:
            raise AssertionError(f"decode({block!r}): {said[0]!r} != {said[1]!r}")
        if isinstance(said[0][0], str):
            raise CompressionError(*said[0])
        return said[0]


def said_by(decoder: Any, block: bytes, list_bytes_max: int, fields_max: int) -> tuple[Any, Any]:
    """What a decoder says of a block: fields and `too_large`, or an error's message and rule."""
    try:
        return decoder.decode(block, list_bytes_max, fields_max), decoder.too_large
    except (CompressionError, PureCompressionError) as error:
        return str(error), error.rule


def kept(fields: Fields, list_bytes_max: int, fields_max: int) -> Fields:
    """The first of these fields that are within the limits (RFC 9113 section 10.5.1)."""
    count = size = 0
    for name, value in fields:
        size += len(name) + len(value) + 32
        if size > list_bytes_max:
            break
        count += 1
    return fields[: min(count, fields_max)]


def same_story(
    lists: Iterable[tuple[Fields, bool, int | None]], list_bytes_max: int, fields_max: int
) -> None:
    """Lists of fields on one connection, encoded by the library, decoded by us.

    With each go whether it is encoded in Huffman code, and the table's new size if it has one.
    """
    encoder = hpack.Encoder()
    twins = Twins(TABLE_BYTES)
    for fields, is_huffman, table_bytes in lists:
        if table_bytes is not None:
            encoder.header_table_size = table_bytes
        block = encoder.encode(fields, huffman=is_huffman)
        found, too_large = twins.decode(block, list_bytes_max, fields_max)
        wanted = kept(fields, list_bytes_max, fields_max)
        if (found, too_large) != (wanted, len(wanted) < len(fields)):
            raise AssertionError(f"{fields!r} became {found!r}, {too_large}")


def same_judgement(wire: Iterable[bytes]) -> bool:
    """Blocks of anyone on one connection: the library and we see the same fields, or refuse the
    same block. Whether all of them were taken."""
    library = hpack.Decoder(max_header_list_size=NO_LIMIT)
    twins = Twins(TABLE_BYTES)
    for block in wire:
        ours: Any
        theirs: Any
        try:
            ours = twins.decode(block, NO_LIMIT, NO_LIMIT)[0]
        except CompressionError as error:
            if error.rule in STRICTER:
                return False
            ours = None
        try:
            theirs = [
                (bytes(name), bytes(value)) for name, value in library.decode(block, raw=True)
            ]
        except hpack.HPACKError:
            theirs = None
        if ours != theirs:
            raise AssertionError(f"{block!r}: {ours!r} != {theirs!r}")
        if ours is None:
            return False
    return True


def block_of(twin: Any, headers: Any) -> Any:
    """What `write_block` makes of headers: block, bits and length, None if it takes them not."""
    block = twin.Block()
    if not twin.write_block(headers, block):
        return None
    return block.block, block.bits, block.length


def same_block(headers: Any) -> Any:
    """What both forms make of response headers, and the library of that."""
    one, other = (block_of(twin, headers) for twin in (pure_blocks, blocks))
    if one != other:
        raise AssertionError(f"write_block({headers!r}): {one!r} != {other!r}")
    if one is None:
        return None
    left_out = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
    wanted = [
        (name.lower(), value.strip(b" \t"))
        for name, value in headers
        if name.lower() not in left_out
    ]
    found = hpack.Decoder(max_header_list_size=NO_LIMIT).decode(one[0], raw=True)
    if [(bytes(name), bytes(value)) for name, value in found] != wanted:
        raise AssertionError(f"write_block({headers!r}): {found!r}")
    return one


def same_defaults(pairs: Fields) -> bytes:
    """The same for `encode_fields`."""
    one: bytes = pure_blocks.encode_fields(pairs)
    if one != blocks.encode_fields(pairs):
        raise AssertionError(f"encode_fields({pairs!r})")
    found = Decoder(0).decode(one, NO_LIMIT, NO_LIMIT)
    if found != [(name.lower(), value) for name, value in pairs]:
        raise AssertionError(f"encode_fields({pairs!r}): {found!r}")
    return one


def same_huffman(data: bytes, start: int, end: int) -> Any:
    """Huffman codes, in both forms."""
    if huffman.encode(data) != pure_huffman.encode(data):
        raise AssertionError(f"encode({data!r})")
    one, other = (twin.decode(data, start, end) for twin in (pure_huffman, huffman))
    if one != other:
        raise AssertionError(f"decode({data!r}, {start}, {end}): {one!r} != {other!r}")
    return one


def fields_of(chance: Random) -> Fields:
    """A header list, of names and values that come again and again, and of new ones."""
    fields = []
    for _ in range(chance.randrange(20)):
        if chance.random() < 0.4:
            fields.append(chance.choice(STATIC_TABLE))
        elif chance.random() < 0.8:
            fields.append((chance.choice(NAMES), chance.choice(VALUES)))
        else:
            name = chance.randbytes(chance.randrange(1, 9))
            fields.append((name, chance.randbytes(chance.randrange(200))))
    return fields


def integer(value: int, prefix: int, bits: int) -> bytes:
    """An integer below the pattern `bits`, with a prefix whose ones are `prefix`."""
    if value < prefix:
        return bytes((bits | value,))
    value -= prefix
    out = [bits | prefix]
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


def literal(chance: Random) -> bytes:
    """A string literal, now and then one that is none."""
    text = chance.choice(VALUES) if chance.random() < 0.5 else chance.randbytes(chance.randrange(9))
    flag = 0
    if chance.random() < 0.5:
        flag = 128
        if chance.random() < 0.9:
            text = huffman.encode(text)
    size = len(text)
    if chance.random() < 0.01:
        size += chance.choice((-1, 1))
    return integer(max(size, 0), 127, flag) + text


def hostile_block(chance: Random) -> bytes:
    """Representations by chance, most of them right, with indices near the ends of the tables."""
    parts = [
        integer(chance.choice((0, 31, 100, 1000, 4095, 4096)), 31, 32)
        for _ in range(chance.choice((0, 0, 0, 1, 2)))
    ]
    for _ in range(chance.randrange(12)):
        kind = chance.random()
        index = chance.choice((1, 15, 61, 62, 62, 63, 64, 66, 70))
        if kind < 0.4:
            parts.append(integer(index, 127, 128))
            continue
        prefix, bits = chance.choice(((63, 64), (63, 64), (15, 0), (15, 16)))
        if chance.random() < 0.5:
            parts.append(integer(0, prefix, bits) + literal(chance))
        else:
            parts.append(integer(index, prefix, bits))
        parts.append(literal(chance))
    if chance.random() < 0.02:
        parts.append(b"\x20")
    block = bytearray(b"".join(parts))
    if block and chance.random() < 0.1:
        block[chance.randrange(len(block))] = chance.randrange(256)
    if chance.random() < 0.05:
        del block[chance.randrange(len(block) + 1) :]
    return bytes(block)


def trial(chance: Random) -> None:
    """One round of everything."""
    sizes = (None, None, None, 0, 64, 200, 4096)
    story = [
        (fields_of(chance), chance.random() < 0.5, chance.choice(sizes))
        for _ in range(chance.randrange(1, 10))
    ]
    limits = (NO_LIMIT, NO_LIMIT, 0, 100, 1000)
    same_story(story, chance.choice(limits), chance.choice((NO_LIMIT, 0, 3, 10)))
    # A first block that fills the table, so that indices mean something.
    first = b"".join(
        b"\x40\x01" + bytes((97 + place,)) + b"\x02xy" for place in range(chance.randrange(6))
    )
    same_judgement([first, *(hostile_block(chance) for _ in range(chance.randrange(1, 6)))])
    same_judgement([chance.randbytes(chance.randrange(60))])
    headers: Any = [
        (chance.choice(RESPONSE_NAMES[:-4]), chance.choice(RESPONSE_VALUES[:-2]))
        for _ in range(chance.randrange(8))
    ]
    if chance.random() < 0.3:
        headers.append((chance.choice(RESPONSE_NAMES), chance.choice(RESPONSE_VALUES)))
    if chance.random() < 0.3:
        headers.append((b"content-length", b"%d" % chance.randrange(1 << 40)))
    if chance.random() < 0.05:
        headers.append(chance.choice(((b"a",), [b"a", b"b"], None, ("a", b"b"), (b"a", "b"))))
    same_block(headers if chance.random() < 0.8 else tuple(headers))
    same_defaults([(name or b"x", value.strip(b" \t")) for name, value in fields_of(chance)])
    data = chance.randbytes(chance.randrange(40))
    start = chance.randrange(len(data) + 1)
    same_huffman(data, start, chance.randrange(start, len(data) + 1))


if __name__ == "__main__":
    run(__doc__, trial)
