"""Byte ranges (RFC 9110 section 14): what a `Range` asks of a representation, and multipart/byteranges.

Work and parts are bounded, whatever is asked: more than `RANGES_MAX` ranges are ignored as a whole
(the answer is the file, with 200), and ranges that overlap or nearly touch are sent as one (R24).
"""

from __future__ import annotations

from typing import NamedTuple

# Readers of PDF and archives ask for a few; a flood asks for thousands (CVE-2011-3192).
RANGES_MAX = 16
# What a part costs besides its bytes: a gap of that size is cheaper sent than left out
# (RFC 9110 section 15.3.7.2).
_GAP_BYTES = 128
# Beyond any file; longer runs of digits are not even converted.
_DIGITS_MAX = 18
_FAR = 10**_DIGITS_MAX


class Part(NamedTuple):
    """`length` bytes from `offset` on; `length` is never 0."""

    offset: int
    length: int


def parse_ranges(value: bytes, size: int) -> list[Part] | None:
    """The parts of a representation of `size` bytes that a `Range` field asks for, in its order.

    None: the field is to be ignored (another unit, not well formed, too many). Empty: it cannot be
    satisfied, which is a 416. Ranges that overlap, or with a gap smaller than the frame of a part,
    come as one, in the place of the first of them.
    """
    unit, found, specs = value.partition(b"=")
    if not found or unit.strip(b" \t").lower() != b"bytes":
        return None
    # One more than the limit shows that it is passed, without splitting all of a flood
    texts = specs.split(b",", RANGES_MAX * 2)
    wanted: list[Part] = []
    asked = 0
    for text in texts:
        stripped = text.strip(b" \t")
        if not stripped:
            # An empty list element counts for nothing (RFC 9110 section 5.6.1.2)
            continue
        asked += 1
        if asked > RANGES_MAX:
            return None
        first, dash, last = stripped.partition(b"-")
        if not dash or not (first or last):
            return None
        start, end = _number(first), _number(last)
        if start == -2 or end == -2 or (start >= 0 and -1 < end < start):
            return None
        if start < 0:
            start, end = max(size - end, 0), (size - 1 if end else -1)
        elif end < 0 or end >= size:
            end = size - 1
        if start <= end:
            wanted.append(Part(start, end - start + 1))
    if not asked or len(texts) > RANGES_MAX * 2:
        return None
    if not size and b"-" in {text.strip(b" \t")[:1] for text in texts}:
        # The last bytes of nothing are nothing, and that can be had (RFC 9110 section 14.1.2)
        return None
    return _coalesced(wanted)


def _number(digits: bytes) -> int:
    """-1 for none, -2 for what is no number."""
    if not digits:
        return -1
    if not digits.isdigit():
        return -2
    digits = digits.lstrip(b"0")
    return int(digits or b"0") if len(digits) <= _DIGITS_MAX else _FAR


def _coalesced(parts: list[Part]) -> list[Part]:
    """The parts with neighbours joined, each where the first of its members stood."""
    if len(parts) < 2:
        return parts
    joined: list[tuple[int, int, int]] = []  # place, start, end
    for place, (offset, length) in sorted(enumerate(parts), key=lambda item: item[1].offset):
        if joined and offset <= joined[-1][2] + _GAP_BYTES:
            first, start, end = joined[-1]
            joined[-1] = (min(first, place), start, max(end, offset + length))
        else:
            joined.append((place, offset, offset + length))
    return [Part(start, end - start) for _, start, end in sorted(joined)]


def content_range(part: Part, size: int) -> bytes:
    """The value of `Content-Range` for a part of `size` bytes (RFC 9110 section 14.4)."""
    return b"bytes %d-%d/%d" % (part.offset, part.offset + part.length - 1, size)


def multipart(
    parts: list[Part], size: int, content_type: bytes, boundary: bytes
) -> tuple[list[bytes], bytes, int]:
    """How several parts are framed as multipart/byteranges (RFC 9110 section 14.6): what stands before
    the bytes of each, what stands after the last, and the length of the whole body."""
    before = [
        b"%b--%b\r\ncontent-type: %b\r\ncontent-range: %b\r\n\r\n"
        % (b"\r\n" if index else b"", boundary, content_type, content_range(part, size))
        for index, part in enumerate(parts)
    ]
    after = b"\r\n--%b--\r\n" % boundary
    length = sum(map(len, before)) + sum(part.length for part in parts) + len(after)
    return before, after, length
