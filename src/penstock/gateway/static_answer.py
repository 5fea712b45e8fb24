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

Headers = list[tuple[bytes, bytes]]

NOSNIFF = (b"x-content-type-options", b"nosniff")
# Reproducible builds give all files one time, 1970, 1980 or a second after: it says nothing then.
_TOLD_TIME_NS = 315_619_200 * 10**9


class Piece(NamedTuple):
    """`before` as it is, then `count` bytes of the file from `offset` on."""

    before: bytes
    offset: int
    count: int


class Answer(NamedTuple):
    """A response to be sent: `after` follows the last piece; without pieces it is the whole body."""

    status: int
    headers: Headers
    pieces: list[Piece]
    after: bytes = b""


class Representation(NamedTuple):
    """What was chosen: an open file, its media type, content coding (b"" for none), and the values of
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


def answer(head: Head, chosen: Representation, now_s: float, boundary: bytes) -> Answer:
    """The response to a GET or HEAD. `now_s` is the wall clock, `boundary` what no file contains."""
    file = chosen.file
    tag = entity_tag(file, chosen.coding)
    modified_s = last_modified_s(file, now_s)
    headers: Headers = [(b"etag", tag), NOSNIFF]
    if chosen.cache:
        headers.append((b"cache-control", chosen.cache))
    if chosen.vary:
        headers.append((b"vary", chosen.vary))
    verdict = evaluate(head.headers, tag, modified_s, now_s)
    if verdict == NOT_MODIFIED:
        return Answer(304, headers, [])
    if verdict == FAILED:
        return told(412, b"the file is not the one that the request is about", headers)
    if modified_s is not None:
        headers.append((b"last-modified", format_date(modified_s)))
    headers.append((b"accept-ranges", b"bytes"))
    if chosen.coding:
        headers.append((b"content-encoding", chosen.coding))
    parts = None
    if head.method == "GET":
        asked = _range(head, tag, modified_s, now_s)
        if asked is not None:
            parts = parse_ranges(asked, file.size)
    if parts is None:
        headers += [
            (b"content-type", chosen.content_type),
            (b"content-length", b"%d" % file.size),
        ]
        return Answer(200, headers, [Piece(b"", 0, file.size)])
    if not parts:
        headers = [each for each in headers if each[0] != b"content-encoding"]
        headers.append((b"content-range", b"bytes */%d" % file.size))
        return told(416, b"the file has no such bytes", headers)
    if len(parts) == 1:
        headers += [
            (b"content-type", chosen.content_type),
            (b"content-range", content_range(parts[0], file.size)),
            (b"content-length", b"%d" % parts[0].count),
        ]
        return Answer(206, headers, [Piece(b"", *parts[0])])
    before, after, length = multipart(parts, file.size, chosen.content_type, boundary)
    headers += [
        (b"content-type", b"multipart/byteranges; boundary=" + boundary),
        (b"content-length", b"%d" % length),
    ]
    pieces = [Piece(line, *part) for line, part in zip(before, parts, strict=True)]
    return Answer(206, headers, pieces, after)


def _range(head: Head, tag: bytes, modified_s: int | None, now_s: float) -> bytes | None:
    """The `Range` to be honoured: there once, and not barred by an `If-Range`."""
    asked: bytes | None = None
    condition: bytes | None = None
    for name, value in head.headers:
        if name == b"range":
            if asked is not None:
                return None
            asked = value
        elif name == b"if-range":
            condition = value
    if asked is not None and condition is not None:
        return asked if if_range(condition, tag, modified_s, now_s) else None
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
