"""The leaves of `wire`, native against pure: the same result for any bytes, or the same exception.

python -m fuzz.scan --seconds 60 [--seed N]
"""

from collections.abc import Callable
from random import Random
from typing import Any

from fuzz import messages
from fuzz.running import run
from penstock.wire import fields, mask, scan
from penstock.wire.events import Head
from tests.twins import pure

pure_fields = pure("penstock.wire.fields")
pure_mask = pure("penstock.wire.mask")
pure_scan = pure("penstock.wire.scan")


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


def lines_of(twin: Any, headers: Any) -> Any:
    """What `write_fields` makes of headers: lines, bits and length, None if it takes them not."""
    lines = twin.Lines()
    if not twin.write_fields(headers, lines):
        return None
    return lines.lines, lines.bits, lines.length


def same_head(data: bytes, start: int = 0, fields_max: int = 128) -> Any:
    """What both forms say of a head; raises AssertionError if they differ."""
    one, other = (head_of(twin, data, start, fields_max) for twin in (pure_scan, scan))
    if one != other:
        raise AssertionError(f"parse_head({data!r}, {start}, {fields_max}): {one!r} != {other!r}")
    return one


def same_fields(headers: Any) -> Any:
    """The same for response headers."""
    one, other = (outcome(lines_of, twin, headers) for twin in (pure_fields, fields))
    if one != other:
        raise AssertionError(f"write_fields({headers!r}): {one!r} != {other!r}")
    return one


def same_mask(data: bytes, key: bytes, offset: int) -> bytes:
    """The same for masking, in both forms."""
    one, other = (outcome(twin.apply_mask, data, key, offset) for twin in (pure_mask, mask))
    if one != other:
        raise AssertionError(f"apply_mask({data!r}, {key!r}, {offset}): {one!r} != {other!r}")
    whole, start = b"??" + key + data, 2 + len(key)
    for end in (start, start + offset, len(whole)):
        found, other = (outcome(twin.unmask, whole, start, end) for twin in (pure_mask, mask))
        if found != other:
            raise AssertionError(f"unmask({whole!r}, {start}, {end}): {found!r} != {other!r}")
    return one  # type: ignore[no-any-return]


def trial(chance: Random) -> None:
    """One round of everything."""
    data = messages.broken(chance, messages.head(chance))
    before = chance.randbytes(chance.randrange(4))
    same_head(before + data, len(before), chance.choice((0, 3, 12, 128)))
    same_head(data[: chance.randrange(len(data) + 1)])
    same_head(chance.randbytes(chance.randrange(40)))
    headers = messages.fields(chance)
    same_fields(headers if chance.random() < 0.9 else tuple(headers))
    same_mask(chance.randbytes(chance.randrange(70)), chance.randbytes(4), chance.randrange(9))


if __name__ == "__main__":
    run(__doc__, trial)
