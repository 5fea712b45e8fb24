"""The requests of the HTTP/2 load: header blocks that were encoded before anything is measured.

A connection is one browser. What identifies the browser and its user stays the same on a
connection; path, query and seven of the twelve fields differ from each request to the next. Blocks
are encoded as browsers encode them: every field but those of the pseudo-header fields that change
is put into the dynamic table, strings are Huffman-coded where that is shorter, and the cookie is
split into crumbs. A connection's sequence can be sent again and again, since its first block
begins by emptying the table (RFC 7541 §6.3).
"""

from __future__ import annotations

import base64
import pickle
import random
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpack.hpack import encode_integer
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.table import HeaderTable

from bench.traffic import ACCEPTS, DISTINCT, LANGUAGES, SYSTEMS, path

if TYPE_CHECKING:
    from pathlib import Path

    Field = tuple[bytes, bytes]

SEQUENCES = 16
"""How many different browsers there are; connections beyond repeat them."""
FIELDS = 12
TABLE_BYTES = 4096
"""The dynamic table that every server allows before it says otherwise (RFC 9113 §6.5.2)."""

_SEED = 20261123
_AUTHORITY = b":authority"
_EMPTY_TABLE = b"\x20\x3f\xe1\x1f"
"""Two size updates: to 0, and to `TABLE_BYTES` again."""
_URGENCIES = ("u=1, i", "u=3", "u=2, i", "i")

_HUFFMAN = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


class Encoder:
    """The encoder of one connection, with its dynamic table."""

    __slots__ = ("_begun", "_table")

    def __init__(self) -> None:
        self._table = HeaderTable()
        self._begun = False

    def encode(self, fields: list[Field]) -> bytes:
        """The header block of the next request."""
        block = bytearray() if self._begun else bytearray(_EMPTY_TABLE)
        self._begun = True
        for name, value in fields:
            found = self._table.search(name, value)
            if found is not None and found[2] is not None:
                block += _integer(found[0], 7, 0x80)
                continue
            kept = not name.startswith(b":") or name == _AUTHORITY
            block += _integer(found[0] if found else 0, *((6, 0x40) if kept else (4, 0)))
            if not found:
                block += _string(name)
            block += _string(value)
            if kept:
                self._table.add(name, value)
        return bytes(block)


def _integer(number: int, prefix_bits: int, first: int) -> bytearray:
    """RFC 7541 §5.1, with the bits of `first` before the prefix."""
    encoded = encode_integer(number, prefix_bits)
    encoded[0] |= first
    return encoded


def _string(value: bytes) -> bytearray:
    """RFC 7541 §5.2: whichever form is shorter."""
    coded = _HUFFMAN.encode(value)
    if len(coded) < len(value):
        return _integer(len(coded), 7, 0x80) + coded
    return _integer(len(value), 7, 0) + value


class Browser:
    """One browser and its user: makes their requests."""

    __slots__ = ("_constant", "_cookie", "_random", "_scheme")

    def __init__(self, number: int, scheme: str) -> None:
        """The same number makes the same requests in every run."""
        self._scheme = scheme
        self._random = random_ = random.Random(f"{_SEED} {number}")
        chrome = (
            f"{random_.randrange(110, 150)}.0.{random_.randrange(7000)}.{random_.randrange(200)}"
        )
        system = random_.choice(SYSTEMS)
        self._constant = {
            "user-agent": f"Mozilla/5.0 ({system}) AppleWebKit/537.36 "
            f"(KHTML, like Gecko) Chrome/{chrome} Safari/537.36",
            "accept-language": random_.choice(LANGUAGES),
            "accept-encoding": "gzip, deflate, br, zstd",
            "sec-ch-ua-platform": f'"{system.partition(";")[0]}"',
            "authorization": f"Bearer {base64.urlsafe_b64encode(random_.randbytes(48)).decode()}",
        }
        session = base64.urlsafe_b64encode(random_.randbytes(24)).decode()
        self._cookie = (f"session={session}", f"csrftoken={random_.randbytes(16).hex()}")

    def fields(self, method: str = "GET", body_bytes: int | None = None) -> list[Field]:
        """The next request: pseudo-header fields, `FIELDS` fields, and two more if it has a body."""
        random_ = self._random
        lines = [
            (":method", method),
            (":authority", "shop.example.com"),
            (":scheme", self._scheme),
            (":path", path(random_)),
            *self._constant.items(),
            ("accept", random_.choice(ACCEPTS)),
            ("referer", f"https://shop.example.com{path(random_)}"),
            *(("cookie", crumb) for crumb in self._cookie),
            ("cookie", f"seen={random_.randbytes(6).hex()}"),
            ("if-none-match", f'"{random_.randbytes(8).hex()}"'),
            ("x-request-id", str(uuid.UUID(bytes=random_.randbytes(16), version=4))),
            ("traceparent", f"00-{random_.randbytes(16).hex()}-{random_.randbytes(8).hex()}-01"),
            ("priority", random_.choice(_URGENCIES)),
        ]
        if body_bytes is not None:
            lines.append(("content-type", "application/octet-stream"))
            lines.append(("content-length", str(body_bytes)))
        return [(name.encode(), value.encode()) for name, value in lines]


@dataclass(frozen=True, slots=True)
class Shape:
    """What all requests of a load have in common. A body of None is none at all."""

    method: str = "GET"
    body_bytes: int | None = None
    scheme: str = "http"


def blocks(number: int, count: int, shape: Shape) -> list[bytes]:
    """The first `count` header blocks of a browser's connection."""
    browser, encoder = Browser(number % SEQUENCES, shape.scheme), Encoder()
    return [encoder.encode(browser.fields(shape.method, shape.body_bytes)) for _ in range(count)]


def write(file: Path, shape: Shape, count: int = DISTINCT) -> None:
    """Write `count` header blocks, in `SEQUENCES` sequences, for the load to `read`."""
    each = count // SEQUENCES
    made = [blocks(number, each, shape) for number in range(SEQUENCES)]
    file.write_bytes(pickle.dumps(made))


def read(file: Path) -> list[list[bytes]]:
    """What `write` wrote."""
    made: list[list[bytes]] = pickle.loads(file.read_bytes())
    return made
