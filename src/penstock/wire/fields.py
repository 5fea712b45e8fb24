"""Response header fields to bytes, in pure Python: the contract of its native form, `fields.pyx`.

A leaf, as `scan`. `tests/wire/test_fields.py` and `fuzz/scan.py` hold the two forms equal.
"""

import re
from typing import Any

# Bits of `Lines.bits`: what the application's headers hold.
SENDS_LENGTH = 1
SENDS_DATE = 2
SENDS_SERVER = 4
SENDS_CODING = 8
SENDS_CONNECTION = 16

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++\Z")
_SENDS = {
    b"content-length": SENDS_LENGTH,
    b"date": SENDS_DATE,
    b"server": SENDS_SERVER,
    b"transfer-encoding": SENDS_CODING,
    b"connection": SENDS_CONNECTION,
}
# Names that most responses carry, as frameworks write them: they need no check of their characters.
_USUAL = dict.fromkeys(
    (
        b"content-type",
        b"Content-Type",
        b"content-encoding",
        b"cache-control",
        b"etag",
        b"last-modified",
        b"location",
        b"set-cookie",
        b"vary",
        b"x-request-id",
    ),
    0,
)
_USUAL.update(_SENDS)
_DIGITS_MAX = 18


class Lines:
    """What `write_fields` has made: `lines`, field lines, each with its CR LF; `bits`, the SENDS_*
    bits; `length`, the declared content-length, -1 for none."""

    __slots__ = ("bits", "length", "lines")

    def __init__(self) -> None:
        self.lines = b""
        self.bits = 0
        self.length = -1


def write_fields(headers: Any, lines: Lines) -> bool:
    """Encode response header fields for HTTP/1 and notice those that matter for framing.

    `headers` is a list or tuple of two-item lists or tuples of bytes; what is made of them goes to
    `lines`. Lines of `transfer-encoding` and `connection` are left out: framing is the server's.
    False, and `lines` stays as it is, for anything else: a wrong type or number of items, a name
    that is no token, CR, LF or NUL in a value, a length that is not 1*18 digits or is there twice.
    """
    bits = 0
    length = -1
    out = []
    for pair in headers:
        if (type(pair) is not tuple and type(pair) is not list) or len(pair) != 2:
            return False
        name, value = pair
        if type(name) is not bytes or type(value) is not bytes:
            return False
        bit = _USUAL.get(name)
        if bit is None:
            if _NAME.match(name) is None:
                return False
            bit = _SENDS.get(name.lower(), 0)
        if bit:
            bits |= bit
            if bit == SENDS_LENGTH:
                if length >= 0 or not value.isdigit() or len(value) > _DIGITS_MAX:
                    return False
                length = int(value)
            elif bit >= SENDS_CODING:
                if b"\r" in value or b"\n" in value or b"\0" in value:
                    return False
                continue
        out.append(name + b": " + value + b"\r\n")
    block = b"".join(out)
    if block.count(b"\n") != len(out) or block.count(b"\r") != len(out) or b"\0" in block:
        return False
    lines.lines = block
    lines.bits = bits
    lines.length = length
    return True


def assemble(line: bytes, fields: bytes, defaults: bytes, framing: bytes, data: bytes) -> bytes:
    """A head's parts and what follows it in one piece; a copy of all of them."""
    return b"".join((line, fields, defaults, framing, data))
