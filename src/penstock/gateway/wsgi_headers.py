"""What a WSGI application gives to `start_response`, checked and as bytes (PEP 3333).

What only the protocol can judge, such as a line feed in a value, is checked in `Stream.head`.
"""

from typing import Any

from penstock.errors import MessageError

# PEP 3333, "Other HTTP Features": the server's own, in HTTP/1.1 and as RFC 9110 section 7.6.1 and
# RFC 9113 section 8.2.2 have them today.
_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "trailers",
        "transfer-encoding",
        "upgrade",
    )
)
# Names that were checked before. Applications may make them up, so the table is emptied when full.
_NAMES_MAX = 512
_names: dict[str, bytes] = {}

# What `encode` says of headers without a content-length.
UNDECLARED = -1


def status_code(status: Any) -> int:
    """The code of `"200 OK"`. Raises MessageError for what has not that form (PEP-09)."""
    if not isinstance(status, str):
        raise MessageError(f"status must be str, got {type(status).__name__} (PEP 3333)")
    code = status[:3]
    if len(status) < 4 or status[3] != " " or not (code.isascii() and code.isdigit()):
        raise MessageError(f"status must be like '200 OK', got {status!r:.80} (PEP 3333)")
    number = int(code)
    if number < 200:
        raise MessageError(f"status must be 200 to 999, got {status!r:.80}")
    return number


def encode(headers: Any, fields: list[tuple[bytes, bytes]]) -> int:
    """Append `headers` to `fields`, with names in lower case; returns the declared content-length
    in bytes, or UNDECLARED. Raises MessageError (PEP-10, PEP-17)."""
    declared = UNDECLARED
    for name, value in headers:
        key = _names.get(name)
        if key is None:
            key = _field_name(name)
        if not isinstance(value, str):
            raise MessageError(
                f"the value of header {name!r} must be str, got {type(value).__name__} (PEP 3333)"
            )
        try:
            fields.append((key, value.encode("latin-1")))
        except UnicodeEncodeError:
            raise MessageError(
                f"the value of header {name!r} has characters beyond latin-1: {value!r:.80}"
                " (PEP 3333)"
            ) from None
        if key == b"content-length":
            declared = _length(value, declared)
    return declared


def _field_name(name: Any) -> bytes:
    if not isinstance(name, str):
        raise MessageError(f"a header name must be str, got {type(name).__name__} (PEP 3333)")
    lower = name.lower()
    if lower in _HOP_BY_HOP:
        raise MessageError(
            f"header {name!r} is hop-by-hop: the server's to send, not the application's (PEP 3333)"
        )
    try:
        encoded = lower.encode("latin-1")
    except UnicodeEncodeError:
        raise MessageError(f"header name {name!r:.80} is not ASCII") from None
    if len(_names) >= _NAMES_MAX:
        _names.clear()
    _names[name] = encoded
    return encoded


def _length(value: str, declared: int) -> int:
    if declared >= 0 or len(value) > 18 or not (value.isascii() and value.isdigit()):
        raise MessageError(f"content-length must be one number, got {value!r:.80}")
    return int(value)
