"""Response header fields to HPACK blocks, in pure Python: the contract of its form in `blocks.pyx`.

A leaf, as `fields`. It keeps no state: no field is put into the peer's table (RFC 7541 section
6.2.2), so blocks can be made before it is known which connection they go out on, and in any order.
`tests/wire/test_blocks.py` and `fuzz/hpack.py` hold the two forms equal.
"""

import re
from collections.abc import Iterable
from typing import Any

from penstock.wire.fields import (
    SENDS_CODING,
    SENDS_CONNECTION,
    SENDS_DATE,
    SENDS_LENGTH,
    SENDS_SERVER,
)
from penstock.wire.hpack_table import STATIC_NAMES, STATIC_TABLE
from penstock.wire.huffman import encode as encode_huffman

# What the first block on a connection starts with where the peer's SETTINGS_HEADER_TABLE_SIZE is
# below 4096: the table has no room, and that suits every later size too (RFC 7541 section 4.2).
NO_TABLE = b"\x20"

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++\Z")
_DIGITS_MAX = 18
# Applications have few names of their own; what they make up as they go must not stay.
_STARTS_MAX = 512
_REMEMBERED_BYTES_MAX = 64
_SENDS = {
    b"content-length": SENDS_LENGTH,
    b"date": SENDS_DATE,
    b"server": SENDS_SERVER,
    b"transfer-encoding": SENDS_CODING,
    b"connection": SENDS_CONNECTION,
    b"keep-alive": SENDS_CONNECTION,
    b"proxy-connection": SENDS_CONNECTION,
    b"upgrade": SENDS_CONNECTION,
}


def _integer(value: int, prefix: int, bits: int) -> bytes:
    """An integer with a prefix of ones `prefix`, below the pattern `bits` (RFC 7541 section 5.1)."""
    if value < prefix:
        return bytes((bits | value,))
    value -= prefix
    out = [bits | prefix]
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


# How a field starts whose name the static table has. Nobody on the way to the client may put a
# cookie into a table either (RFC 7541 section 7.1.3).
_STATIC_STARTS = {
    name: _integer(index, 15, 16 if name == b"set-cookie" else 0)
    for name, index in STATIC_NAMES.items()
    if name[:1] != b":"
}


def _start(name: bytes) -> tuple[bytes, int]:
    """How the field of a token starts, and its bit; what comes first is remembered."""
    lower = name.lower()
    start = (
        _STATIC_STARTS.get(lower) or b"\0" + _integer(len(lower), 127, 0) + lower,
        _SENDS.get(lower, 0),
    )
    if len(_starts) < _STARTS_MAX and len(name) <= _REMEMBERED_BYTES_MAX:
        _starts[name] = start
    return start


_starts: dict[bytes, tuple[bytes, int]] = {}
_LENGTHS = tuple(bytes((length,)) for length in range(127))
_STATUSES = {
    int(value): bytes((128 | index,))
    for index, (name, value) in enumerate(STATIC_TABLE, 1)
    if name == b":status"
}


class Block:
    """What `write_block` has made: `block`, the fields; `bits`, the SENDS_* bits of `fields`, of
    which SENDS_CONNECTION stands for each field that is about the connection; `length`, the
    declared content-length, -1 for none."""

    __slots__ = ("bits", "block", "length")

    def __init__(self) -> None:
        self.block = b""
        self.bits = 0
        self.length = -1


def write_block(headers: Any, block: Block) -> bool:
    """Encode response header fields for HTTP/2 and notice those that matter.

    `headers` is a list or tuple of two-item lists or tuples of bytes; what is made of them goes to
    `block`: names in lower case, values as they are but for white space around them (RFC 9113
    section 8.2). `connection`, `keep-alive`, `proxy-connection`, `transfer-encoding` and `upgrade`
    are left out (section 8.2.2). False, and `block` stays as it is, for anything else: a wrong type
    or number of items, a name that is no token, CR, LF or NUL in a value, a length that is not
    1*18 digits or is there twice.
    """
    bits = 0
    length = -1
    out: list[bytes] = []
    values = []
    for pair in headers:
        if (type(pair) is not tuple and type(pair) is not list) or len(pair) != 2:
            return False
        name, value = pair
        if type(name) is not bytes or type(value) is not bytes:
            return False
        values.append(value)
        start = _starts.get(name)
        if start is None:
            if _NAME.match(name) is None:
                return False
            start = _start(name)
        bit = start[1]
        if bit:
            bits |= bit
            if bit == SENDS_LENGTH:
                if length >= 0 or not value.isdigit() or len(value) > _DIGITS_MAX:
                    return False
                length = int(value)
            elif bit >= SENDS_CODING:
                continue
        value = value.strip(b" \t")
        size = len(value)
        out += (start[0], _LENGTHS[size] if size < 127 else _integer(size, 127, 0), value)
    whole = b"".join(values)
    if b"\n" in whole or b"\r" in whole or b"\0" in whole:
        return False
    block.block = b"".join(out)
    block.bits = bits
    block.length = length
    return True


def status_field(status: int) -> bytes:
    """The field `:status` for 100 to 999 (RFC 9113 section 8.3.2), in one byte or in five; ValueError
    for other numbers."""
    if not 100 <= status <= 999:
        raise ValueError("no status")
    return _STATUSES.get(status) or b"\x08\x03%d" % status


def response_block(status: int, fields: bytes, length: int, defaults: bytes) -> bytes:
    """The block of a final response: `:status` of 100 to 999, `fields` as `write_block` made them, a
    `content-length` of 0 to 10**18 - 1 bytes (RFC 9110 section 8.6) unless `length` is -1, `defaults`.
    ValueError for other numbers. Copies."""
    if length >= 10**18:
        raise ValueError("no length of a body")
    if length < 0:
        return b"%b%b%b" % (status_field(status), fields, defaults)
    digits = b"%d" % length
    return b"%b%b\x0f\x0d%b%b%b" % (
        status_field(status),
        fields,
        _LENGTHS[len(digits)],
        digits,
        defaults,
    )


def encode_fields(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Fields that are sent many times, once encoded: as short as goes without a table.

    Names are tokens, in any case, and values without white space around them; this is not checked.
    """
    out: list[bytes] = []
    for name, value in pairs:
        name = name.lower()
        out += (_STATIC_STARTS.get(name) or b"\0" + _string(name), _string(value))
    return b"".join(out)


def _string(text: bytes) -> bytes:
    """A string literal, in Huffman code where that is shorter (RFC 7541 section 5.2)."""
    code = encode_huffman(text)
    if len(code) < len(text):
        return _integer(len(code), 127, 128) + code
    return _integer(len(text), 127, 0) + text
