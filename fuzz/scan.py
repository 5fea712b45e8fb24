"""The leaf scanners' native twins against the pure ones: the same result for any bytes, or the same exception.

python -m fuzz.scan --seconds 60 [--seed N]
"""

from collections.abc import Callable
from random import Random
from typing import Any

from fuzz import messages
from fuzz.running import run
from penstock.wire import scan
from penstock.wire.events import Head


def outcome(function: Callable[..., Any], *args: Any) -> Any:
    """What a call returns or raises."""
    try:
        return function(*args)
    except (TypeError, ValueError) as error:
        return type(error)


def head_of(twin: Any, data: bytes, start: int, fields_max: int) -> Any:
    """What `parse_head` says of bytes, and all that it has found."""
    head = Head("", b"", b"", [], "")
    end = twin.parse_head(data, start, fields_max, head)
    if not end:
        return None
    found = (head.method, head.raw_path, head.query, head.headers, head.http_version)
    return (end, *found, head.line_bytes, head.bits)


def same_head(native: Any, data: bytes, start: int = 0, fields_max: int = 128) -> Any:
    """What both twins say of a head; raises AssertionError if they differ."""
    pure, other = (head_of(twin, data, start, fields_max) for twin in (scan, native))
    if pure != other:
        raise AssertionError(f"parse_head({data!r}, {start}, {fields_max}): {pure!r} != {other!r}")
    return pure


def same_fields(native: Any, headers: Any) -> Any:
    """The same for response headers."""
    pure, other = (outcome(twin.write_fields, headers) for twin in (scan, native))
    if pure != other:
        raise AssertionError(f"write_fields({headers!r}): {pure!r} != {other!r}")
    return pure


def same_mask(native: Any, data: bytes, key: bytes, offset: int) -> bytes:
    """The same for masking, in both forms."""
    pure, other = (outcome(twin.apply_mask, data, key, offset) for twin in (scan, native))
    if pure != other:
        raise AssertionError(f"apply_mask({data!r}, {key!r}, {offset}): {pure!r} != {other!r}")
    whole, start = b"??" + key + data, 2 + len(key)
    for end in (start, start + offset, len(whole)):
        pure, other = (outcome(twin.unmask, whole, start, end) for twin in (scan, native))
        if pure != other:
            raise AssertionError(f"unmask({whole!r}, {start}, {end}): {pure!r} != {other!r}")
    return pure  # type: ignore[no-any-return]


def trial(native: Any, chance: Random) -> None:
    """One round of everything."""
    data = messages.broken(chance, messages.head(chance))
    before = chance.randbytes(chance.randrange(4))
    same_head(native, before + data, len(before), chance.choice((0, 3, 12, 128)))
    same_head(native, data[: chance.randrange(len(data) + 1)])
    same_head(native, chance.randbytes(chance.randrange(40)))
    headers = messages.fields(chance)
    same_fields(native, headers if chance.random() < 0.9 else tuple(headers))
    same_mask(
        native, chance.randbytes(chance.randrange(70)), chance.randbytes(4), chance.randrange(9)
    )


if __name__ == "__main__":
    from penstock.wire import _scan

    run(__doc__, lambda chance: trial(_scan, chance))
