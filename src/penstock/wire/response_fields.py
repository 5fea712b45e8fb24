"""What each version of HTTP asks of an application's answer, and what is said of a breach."""

from typing import Any

from penstock.errors import MessageError

_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
# RFC 9110 section 6.5.1: fields that steer framing, routing or authority make no trailers.
NO_TRAILERS = frozenset(
    (
        b"authorization",
        b"connection",
        b"content-encoding",
        b"content-length",
        b"content-range",
        b"content-type",
        b"host",
        b"set-cookie",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)


def checked_status(status: Any) -> int:
    """`status` as a plain int; raises MessageError for what is none (ERR-03)."""
    if isinstance(status, int) and not isinstance(status, bool):
        return int(status)
    raise MessageError(f"status must be an int, got {type(status).__name__}")


def listed(headers: Any) -> list[Any]:
    """`headers` as a list; any iterable will do, also one that can be read only once."""
    try:
        return [tuple(pair) if type(pair) is not tuple else pair for pair in headers]
    except TypeError:
        raise MessageError(
            f"headers must be an iterable of (name, value) pairs, got {headers!r:.80}"
        ) from None


def fault(headers: list[Any]) -> MessageError:
    """What is wrong with header fields, tuples all, that `write_fields` refused (ERR-03, A01)."""
    lengths = 0
    for pair in headers:
        if len(pair) != 2:
            return MessageError(f"a header must be a (name, value) pair, got {pair!r:.80}")
        name, value = pair
        for what, item in (("name", name), ("value", value)):
            if type(item) is not bytes:
                return MessageError(
                    f"a header {what} must be bytes, got {type(item).__name__}: {item!r:.80}"
                )
        if not name or not _TOKEN.issuperset(name):
            return MessageError(f"{name!r:.80} is not a header name (RFC 9110 5.1)")
        if b"\r" in value or b"\n" in value or b"\0" in value:
            return MessageError(f"CR, LF or NUL in the value of header {name!r:.80}: {value!r:.80}")
        if name.lower() == b"content-length":
            lengths += 1
            if lengths > 1:
                return MessageError("content-length is there twice")
            if not value.isdigit() or len(value) > 18:
                return MessageError(f"content-length must be a number, got {value!r:.80}")
    return MessageError("malformed headers")
