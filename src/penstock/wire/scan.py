"""The scanner of request heads in pure Python: the contract of its native form, `scan.pyx`.

A leaf does one thing to bytes and knows no state. It says yes with a result or no to anything that
is not plainly right; why something is wrong is found out by its slower caller, once, outside the
hot path. `tests/wire/test_scan.py` and `fuzz/scan.py` hold the two forms equal.
"""

import re

from penstock.wire.events import Head

# Bits of `Head.bits`: which fields that steer the connection are there.
HOST = 1
ODD = 2  # host missing, repeated or unusual, a target that is not in origin form, or CONNECT
LENGTH = 4
CODING = 8
CONNECTION = 16
EXPECT = 32
UPGRADE = 64
KEEP_ALIVE = 128  # there is one `connection` field and it says just this; CONNECTION is not set
FORWARDED = 256  # what a proxy may say of the client

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_REQUEST_LINE = re.compile(
    rb"(" + _TOKEN + rb"{1,64}+) ([\x21\x22\x24-\x7e]++) HTTP/1\.([0-9])\r\n"
)
# A whole line, from the end of the one before to its own: where each line is one, none is broken.
_FIELD = re.compile(rb"\n(" + _TOKEN + rb"++):[ \t]*+([\t -~\x80-\xff]*+)\r(?=\n)")
_PLAIN_HOST = re.compile(rb"[A-Za-z0-9.\-]++(?::(?:[0-9]{1,4}|[0-5][0-9]{4}))?\Z")
_METHODS = {b"GET": "GET", b"POST": "POST", b"HEAD": "HEAD", b"PUT": "PUT"}
_BITS = {
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"connection": CONNECTION,
    b"expect": EXPECT,
    b"upgrade": UPGRADE,
    b"forwarded": FORWARDED,
    b"x-forwarded-for": FORWARDED,
    b"x-forwarded-host": FORWARDED,
    b"x-forwarded-port": FORWARDED,
    b"x-forwarded-prefix": FORWARDED,
    b"x-forwarded-proto": FORWARDED,
}


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
    end += 2
    found = _FIELD.findall(data, start_of_fields - 1, end)
    if len(found) != data.count(b"\n", start_of_fields, end) or len(found) > fields_max:
        return 0
    if (
        data.find(b" \r\n", start_of_fields, end) < 0
        and data.find(b"\t\r\n", start_of_fields, end) < 0
    ):
        headers = [(name.lower(), value) for name, value in found]
    else:
        headers = [(name.lower(), value.rstrip(b" \t")) for name, value in found]
    name, target, minor = line.groups()
    method = _METHODS.get(name) or name.decode("ascii").upper()
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
        or method == "CONNECT"
        or raw_path[:1] != b"/"
        or _PLAIN_HOST.match(host) is None
        or (len(by_name) != len(headers) and [name for name, _ in headers].count(b"host") != 1)
    ):
        bits |= ODD
    head.method = method
    head.raw_path = raw_path
    head.query = query
    head.http_version = "1.0" if minor == b"0" else "1.1"
    head.headers = headers
    head.line_bytes = start_of_fields - start - 2
    head.bits = bits
    return end + 2
