"""What is answered with a file: status, headers and parts, from its facts and the request; pure.

Conditions and ranges are those of RFC 9110; they are about the representation that was chosen, so a
compressed sibling has an entity tag, a length and ranges of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from penstock.wire.conditional import FAILED, NOT_MODIFIED, evaluate, format_date, if_range
from penstock.wire.ranges import content_range, multipart, parse_ranges

if TYPE_CHECKING:
    from penstock.gateway.static_files import OpenFile
    from penstock.wire.events import Head
    from penstock.wire.ranges import Part

Headers = list[tuple[bytes, bytes]]

NOSNIFF = (b"x-content-type-options", b"nosniff")
# The fields of a request that can make its answer something else than the whole file.
_STEERING = frozenset(
    (
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"range",
    )
)
# Reproducible builds give all files one time, 1970, 1980 or a second after: it says nothing then.
_TOLD_TIME_NS = 315_619_200 * 10**9


class Piece(NamedTuple):
    """`before` as it is, then `length` bytes of the file from `offset` on."""

    before: bytes
    offset: int
    length: int


class Answer(NamedTuple):
    """A response to be sent: `after` follows the last piece; without pieces it is the whole body."""

    status: int
    headers: Headers
    pieces: list[Piece]
    after: bytes = b""


class Description(NamedTuple):
    """What is said of a file as long as it does not change: its entity tag, the second it was changed
    (None: untold), the headers of a 304, and those of a 200."""

    tag: bytes
    modified_s: int | None
    unchanged: Headers
    headers: Headers


class Representation(NamedTuple):
    """What was chosen: an open file, its media type, content coding (b"" for none), the values of
    `vary` and `cache-control` (b"" for none)."""

    file: OpenFile
    content_type: bytes
    coding: bytes
    vary: bytes
    cache: bytes


def entity_tag(file: OpenFile, coding: bytes) -> bytes:
    """A strong entity tag from the time of the last change, the size, and the coding.

    The time of change of the inode joins it only where the file's own says nothing, since that
    differs from machine to machine.
    """
    parts = b"%x-%x" % (file.modified_ns, file.size)
    if file.modified_ns < _TOLD_TIME_NS:
        parts += b"-%x" % file.changed_ns
    return b'"%b-%b"' % (parts, coding) if coding else b'"%b"' % parts


def last_modified_s(file: OpenFile, now_s: float) -> int | None:
    """The second for `Last-Modified`; None for a time that says nothing, or lies in the future
    (RFC 9110 section 8.8.2.1)."""
    if file.modified_ns < _TOLD_TIME_NS or file.modified_ns > now_s * 10**9:
        return None
    return file.modified_ns // 10**9


def describe(chosen: Representation, now_s: float) -> Description:
    """What is to be said of the chosen file; `now_s` is the wall clock."""
    file = chosen.file
    tag = entity_tag(file, chosen.coding)
    modified_s = last_modified_s(file, now_s)
    unchanged: Headers = [(b"etag", tag), NOSNIFF]
    if chosen.cache:
        unchanged.append((b"cache-control", chosen.cache))
    if chosen.vary:
        unchanged.append((b"vary", chosen.vary))
    headers = unchanged.copy()
    if modified_s is not None:
        headers.append((b"last-modified", format_date(modified_s)))
    if chosen.coding:
        headers.append((b"content-encoding", chosen.coding))
    headers += [
        (b"accept-ranges", b"bytes"),
        (b"content-type", chosen.content_type),
        (b"content-length", b"%d" % file.size),
    ]
    return Description(tag, modified_s, unchanged, headers)


def answer(
    head: Head, file: OpenFile, described: Description, now_s: float, boundary: bytes
) -> Answer:
    """The response to a GET or HEAD for a file. `now_s` is the wall clock, `boundary` what no file
    contains."""
    steering = [pair for pair in head.headers if pair[0] in _STEERING]
    if steering:
        verdict = evaluate(steering, described.tag, described.modified_s, now_s)
        if verdict == NOT_MODIFIED:
            return Answer(304, described.unchanged, [])
        if verdict == FAILED:
            text = b"the file is not the one that the request is about"
            return told(412, text, described.unchanged)
        if head.method == "GET":
            asked = _range(steering, described, now_s)
            parts = None if asked is None else parse_ranges(asked, file.size)
            if parts is not None:
                return _in_parts(file, described, parts, boundary)
    return Answer(200, described.headers, [Piece(b"", 0, file.size)])


def _in_parts(file: OpenFile, described: Description, parts: list[Part], boundary: bytes) -> Answer:
    """The 206 with the parts, or the 416 where there are none."""
    size = file.size
    if not parts:
        unsatisfied = [*described.unchanged, (b"content-range", b"bytes */%d" % size)]
        return told(416, b"the file has no such bytes", unsatisfied)
    *headers, content_type, _ = described.headers
    if len(parts) == 1:
        headers += [
            content_type,
            (b"content-range", content_range(parts[0], size)),
            (b"content-length", b"%d" % parts[0].length),
        ]
        return Answer(206, headers, [Piece(b"", *parts[0])])
    before, after, length = multipart(parts, size, content_type[1], boundary)
    headers += [
        (b"content-type", b"multipart/byteranges; boundary=" + boundary),
        (b"content-length", b"%d" % length),
    ]
    pieces = [Piece(line, *part) for line, part in zip(before, parts, strict=True)]
    return Answer(206, headers, pieces, after)


def _range(steering: Headers, described: Description, now_s: float) -> bytes | None:
    """The `Range` to be honoured: there once, and not barred by an `If-Range`."""
    asked: bytes | None = None
    condition: bytes | None = None
    for name, value in steering:
        if name == b"range":
            if asked is not None:
                return None
            asked = value
        elif name == b"if-range":
            condition = value
    if asked is not None and condition is not None:
        return asked if if_range(condition, described.tag, described.modified_s, now_s) else None
    return asked


def told(status: int, text: bytes, headers: Headers) -> Answer:
    """An answer that says something to a person."""
    body = b"%d: %b\n" % (status, text)
    return Answer(
        status,
        [
            *headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
        ],
        [],
        body,
    )


def redirect(head: Head) -> Answer:
    """To the same path with a slash at its end. The target is relative to the request's own path, so
    that it holds behind a proxy that strips a prefix, and can lead to no other host."""
    target = b"./" + head.raw_path.rpartition(b"/")[2] + b"/"
    if head.query:
        target += b"?" + head.query
    return told(308, b"it is a folder", [(b"location", target), NOSNIFF])


def not_a_read(head: Head) -> Answer:
    """To a method that is neither GET nor HEAD (RFC 9110 sections 9.3.7 and 15.5.6)."""
    allow = [(b"allow", b"GET, HEAD, OPTIONS"), NOSNIFF]
    if head.method == "OPTIONS":
        return Answer(204, allow, [])
    return told(405, b"a file can only be read", allow)
