"""Leaf scanners in pure Python: the contract of their native twins in `_scan.pyx`.

A leaf does one thing to bytes and knows no state. It says yes with a result or None for anything
that is not plainly right; why something is wrong is found out by its slower caller, once, outside
the hot path. `tests/wire/test_scan.py` and `fuzz/scan.py` hold the twins equal.
"""

import re
from typing import Any

from penstock.wire.events import Head

# Bits of `parse_head`'s last item: which fields that steer the connection are there.
HOST = 1
ODD = 2  # host missing, repeated or unusual, a target that is not in origin form, or CONNECT
LENGTH = 4
CODING = 8
CONNECTION = 16
EXPECT = 32
UPGRADE = 64
KEEP_ALIVE = 128  # there is one `connection` field and it says just this; CONNECTION is not set
FORWARDED = 256  # what a proxy may say of the client

# Bits of `write_fields`' second item: what the application's headers hold.
SENDS_LENGTH = 1
SENDS_DATE = 2
SENDS_SERVER = 4
SENDS_CODING = 8
SENDS_CONNECTION = 16

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_REQUEST_LINE = re.compile(
    rb"(" + _TOKEN + rb"{1,64}+) ([\x21\x22\x24-\x7e]++) HTTP/1\.([0-9])\r\n"
)
_PLAIN_HOST = re.compile(rb"[A-Za-z0-9.\-]++(?::(?:[0-9]{1,4}|[0-5][0-9]{4}))?\Z")
_NAME = re.compile(_TOKEN + rb"++\Z")
_TOKEN_BYTES = bytes(byte for byte in range(256) if _NAME.match(bytes((byte,))))
_VALUE_BYTES = bytes(byte for byte in range(256) if byte == 9 or 32 <= byte != 127)
_BITS = {
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"connection": CONNECTION,
    b"expect": EXPECT,
    b"upgrade": UPGRADE,
    b"x-forwarded-for": FORWARDED,
    b"x-forwarded-proto": FORWARDED,
}
_SENDS = {
    b"content-length": SENDS_LENGTH,
    b"date": SENDS_DATE,
    b"server": SENDS_SERVER,
    b"transfer-encoding": SENDS_CODING,
    b"connection": SENDS_CONNECTION,
}
_DIGITS_MAX = 18


def parse_head(data: bytes, start: int, fields_max: int, head: Head) -> int:
    """Parse the request head that begins at `start` (RFC 9112 sections 3 and 5), strictly.

    Returns 0 where no whole, well-formed head of at most `fields_max` fields lies there, or where
    its method has more than 64 bytes; else the offset after the head, and sets in `head`: `method`
    (upper case), `raw_path` and `query` (the target split at the first `?`), `http_version` ("1.1"
    for every later minor version), `headers`, `line_bytes` (length of the request line without
    CR LF) and `bits` (the bits named above). Values are copies.
    """
    line = _REQUEST_LINE.match(data, start)
    if line is None:
        return 0
    start_of_fields = line.end()
    # From one byte pair before, so that a head without fields ends like any other.
    end = data.find(b"\r\n\r\n", start_of_fields - 2)
    if end < 0:
        return 0
    headers = []
    if end > start_of_fields:
        block = data[start_of_fields:end]
        lines = block.split(b"\r\n")
        # Built-in methods over the whole block, in place of a regular expression: half the time.
        if block.translate(None, _VALUE_BYTES) != b"\r\n" * (len(lines) - 1):
            return 0
        pairs = [line.split(b":", 1) for line in lines]
        try:
            headers = [(name.lower(), value.strip(b" \t")) for name, value in pairs]
        except ValueError:
            return 0
        names = [name for name, _ in pairs]
        if b"" in names or b"".join(names).translate(None, _TOKEN_BYTES):
            return 0
    if len(headers) > fields_max:
        return 0
    method, target, minor = line.groups()
    head.method = method.decode("ascii").upper()
    raw_path, _, query = target.partition(b"?")
    by_name = dict(headers)
    bits = 0
    for name in by_name.keys() & _BITS.keys():
        bits |= _BITS[name]
    if bits & CONNECTION:
        options = [value for name, value in headers if name == b"connection"]
        if len(options) == 1 and options[0].lower() == b"keep-alive":
            bits ^= CONNECTION | KEEP_ALIVE
    host = by_name.get(b"host")
    if host is not None:
        bits |= HOST
    if (
        host is None
        or head.method == "CONNECT"
        or raw_path[:1] != b"/"
        or _PLAIN_HOST.match(host) is None
        or (len(by_name) != len(headers) and [name for name, _ in headers].count(b"host") != 1)
    ):
        bits |= ODD
    head.raw_path = raw_path
    head.query = query
    head.http_version = "1.0" if minor == b"0" else "1.1"
    head.headers = headers
    head.line_bytes = start_of_fields - start - 2
    head.bits = bits
    return end + 4


def write_fields(headers: Any) -> tuple[bytes, int, int] | None:
    """Encode response header fields for HTTP/1 and notice those that matter for framing.

    `headers` is a list or tuple of two-item lists or tuples of bytes. Returns
    `(lines, bits, length)`: the field lines, each with its CR LF; the SENDS_* bits; the declared
    content-length, -1 for none. Lines of `transfer-encoding` and `connection` are left out: framing
    is the server's. None for anything else: a wrong type or number of items, a name that is no
    token, CR, LF or NUL in a value, a length that is not 1*18 digits or is there twice.
    """
    bits = 0
    length = -1
    lines = []
    for pair in headers:
        if (type(pair) is not tuple and type(pair) is not list) or len(pair) != 2:
            return None
        name, value = pair
        if type(name) is not bytes or type(value) is not bytes or _NAME.match(name) is None:
            return None
        bit = _SENDS.get(name.lower(), 0)
        if bit:
            bits |= bit
            if bit == SENDS_LENGTH:
                if length >= 0 or not value.isdigit() or len(value) > _DIGITS_MAX:
                    return None
                length = int(value)
            elif bit >= SENDS_CODING:
                if b"\r" in value or b"\n" in value or b"\0" in value:
                    return None
                continue
        lines.append(b"%b: %b\r\n" % (name, value))
    block = b"".join(lines)
    if block.count(b"\n") != len(lines) or block.count(b"\r") != len(lines) or b"\0" in block:
        return None
    return block, bits, length


def apply_mask(data: bytes, key: bytes, offset: int) -> bytes:
    """XOR `data` with the four bytes of `key`, from `key[offset % 4]` on (RFC 6455 section 5.3)."""
    size = len(data)
    if not size:
        return b""
    if len(key) != 4:
        raise ValueError("a masking key has four bytes")
    turn = offset & 3
    pad = ((key[turn:] + key[:turn]) * (size // 4 + 1))[:size]
    # Python's big integers are the only thing here that works on many bytes at once.
    return (int.from_bytes(data, "little") ^ int.from_bytes(pad, "little")).to_bytes(size, "little")


def unmask(data: bytes, start: int, end: int) -> bytes:
    """`data[start:end]` unmasked with the key in the four bytes before `start`."""
    if not 4 <= start <= end <= len(data):
        raise ValueError("no masked payload lies there")
    return apply_mask(data[start:end], data[start - 4 : start], 0)
