"""Fields of an HTTP/2 message checked, in pure Python: the contract of `http2_fields.pyx`.

A leaf, as `scan`. `tests/wire/test_http2_fields.py` and `fuzz/http2.py` hold the two forms equal.
"""

import re

# Bits: which fields are there that mean something to the server.
HOST = 1
LENGTH = 2
EXPECT = 4
FORWARDED = 8  # what a proxy may say of the client
COOKIES = 16  # more than one cookie field
TE = 32
PRIORITY = 64
CONNECTION = 128  # a connection-specific field (RFC 9113 section 8.2.2)

_PATH = re.compile(rb"[\x21\x22\x24-\x7e]++\Z")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]++\Z")
_BITS = {
    b"host": HOST,
    b"content-length": LENGTH,
    b"expect": EXPECT,
    b"forwarded": FORWARDED,
    b"x-forwarded-for": FORWARDED,
    b"x-forwarded-host": FORWARDED,
    b"x-forwarded-port": FORWARDED,
    b"x-forwarded-prefix": FORWARDED,
    b"x-forwarded-proto": FORWARDED,
    b"te": TE,
    b"priority": PRIORITY,
    b"connection": CONNECTION,
    b"keep-alive": CONNECTION,
    b"proxy-connection": CONNECTION,
    b"transfer-encoding": CONNECTION,
    b"upgrade": CONNECTION,
}
# Names that need no check of their characters.
_USUAL = frozenset(
    (
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"authorization",
        b"cache-control",
        b"content-type",
        b"cookie",
        b"if-modified-since",
        b"if-none-match",
        b"origin",
        b"pragma",
        b"range",
        b"referer",
        b"sec-ch-ua",
        b"sec-ch-ua-mobile",
        b"sec-ch-ua-platform",
        b"sec-fetch-dest",
        b"sec-fetch-mode",
        b"sec-fetch-site",
        b"sec-fetch-user",
        b"traceparent",
        b"upgrade-insecure-requests",
        b"user-agent",
        b"x-request-id",
        *_BITS,
    )
)

_steering = _BITS.keys()
_PLAIN = _USUAL - _steering
# Changes whatever is not printable ASCII.
_PRINTABLE = bytes(byte if 0x20 <= byte < 0x7F else byte ^ 1 for byte in range(256))
# What may stand in a value, and the LF that joins them for one look at all.
_ALLOWED = bytes((9, 10, *range(0x20, 0x7F), *range(0x80, 0x100)))


def check_fields(fields: list[tuple[bytes, bytes]], start: int) -> int:
    """Check the fields from index `start` on (RFC 9113 section 8.2.1); which of the bits are there.

    -1 for a name that is no lower-case token (so a pseudo-header field too), for a value that
    begins or ends with white space or holds a control character other than HTAB.
    """
    if start:
        fields = fields[start:]
    by_name = dict(fields)
    # The usual request in few steps: known names, each once, that mean nothing here, and values
    # that are printable ASCII. Whatever is not plainly so is looked at closely.
    if len(by_name) == len(fields) and _PLAIN.issuperset(by_name):
        values = b"|".join([b"", *by_name.values(), b""])
        if (
            values.translate(_PRINTABLE) == values
            and values.find(b" |") < 0
            and values.find(b"| ") < 0
        ):
            return 0
    return _check_closely(fields, by_name)


def query_at(value: bytes) -> int:
    """Where the first `?` of a path is, its size where there is none (RFC 9113 section 8.3.1); -1 for
    what is no path: nothing, or other bytes than printable ASCII without space and `#`."""
    if _PATH.match(value) is None:
        return -1
    place = value.find(b"?")
    return place if place >= 0 else len(value)


def join_cookies(fields: list[tuple[bytes, bytes]]) -> None:
    """Make cookie crumbs one field, where the first of them stands (RFC 9113 section 8.2.3). Changes
    the list, copies the values."""
    crumbs = [value for name, value in fields if name == b"cookie"]
    if crumbs:
        place = [name for name, _ in fields].index(b"cookie")
        rest = [field for field in fields[place:] if field[0] != b"cookie"]
        fields[place:] = [(b"cookie", b"; ".join(crumbs)), *rest]


def _check_closely(fields: list[tuple[bytes, bytes]], by_name: dict[bytes, bytes]) -> int:
    for name in by_name:
        if name not in _USUAL and _NAME.match(name) is None:
            return -1
    values = b"\n".join([value for _, value in fields])
    # LF before and after, so that one look for white space beside LF sees both ends of each.
    if (
        values.translate(None, _ALLOWED)
        or (fields and values.count(b"\n") != len(fields) - 1)
        or _edged(b"\n" + values + b"\n")
    ):
        return -1
    bits = 0
    if not _steering.isdisjoint(by_name):
        for name in by_name:
            bits |= _BITS.get(name, 0)
    if (
        len(by_name) != len(fields)
        and b"cookie" in by_name
        and [name for name, _ in fields].count(b"cookie") > 1
    ):
        bits |= COOKIES
    return bits


def _edged(values: bytes) -> bool:
    return b"\n " in values or b" \n" in values or b"\n\t" in values or b"\t\n" in values
