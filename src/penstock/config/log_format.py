"""The language of `--access-log-format`: names, and formats made of gunicorn's `%(…)s` atoms.

A format is parsed here, when the options are read, so that a mistake in it ends the start with what
is wrong. How each atom is filled in is the business of `observe.access_atoms`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from penstock.config.nearest import nearest

TEXT = "text"
JSON = "json"

COMMON = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s'
NAMED = {"common": COMMON, "combined": COMMON + ' "%(f)s" "%(a)s"'}

# What may stand between the parentheses, and what it shows. The one-letter atoms are gunicorn's; the
# words are ours.
ATOMS = {
    "h": "client's address",
    "l": "always -",
    "u": "user name of Basic authorization",
    "t": "time of the record, as in [22/Nov/2026:11:16:02 +0000]",
    "r": "request line",
    "m": "method",
    "U": "path as received, without query",
    "q": "query string",
    "H": "protocol",
    "s": "status; of a WebSocket's end its close code; - if there was no answer",
    "B": "bytes of the response's body",
    "b": "the same, - for none",
    "f": "referer",
    "a": "user agent",
    "T": "duration in whole seconds",
    "M": "duration in whole milliseconds",
    "D": "duration in microseconds",
    "L": "duration in seconds, with six decimals",
    "p": "process id, as in <1234>",
    "time": "time of the record in UTC, as in 2026-11-22T11:16:02.123Z",
    "port": "client's port",
    "event": "request, stream-start, websocket-open or websocket-close",
    "ended": "complete, client-gone, timeout, reset, app-error or, of a start, under-way",
    "bytes_in": "bytes of the request's body",
    "first_byte": "time to the first byte of the response, in microseconds",
    "request_id": "the request's id",
    "traceparent": "the request's traceparent (W3C Trace Context)",
    "worker": "process id",
}

# X07: what lets somebody in never reaches a log, however it is asked for.
SECRET_FIELDS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})

_PIECE = re.compile(r"%(?:%|\((\{[^{}]+\}[A-Za-z]|[^(){}]+)\)(-?[0-9]{0,3})([A-Za-z]))")
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_KINDS = {"i": "request header", "o": "response header", "e": "variable"}


class Piece(NamedTuple):
    """One part of a format.

    `kind`: `"literal"` (`name` is the text), `"atom"` (a key of `ATOMS`), `"i"`, `"o"` (a field of
    the request or the response, in lower case) or `"e"` (a variable). `width`: least number of
    characters, negative to fill up at the right, 0 for none.
    """

    kind: str
    name: str
    width: int = 0


def parse(text: str) -> tuple[Piece, ...]:
    """The pieces of a format, or of one of `NAMED`. ValueError says what is wrong, and what is near."""
    text = NAMED.get(text, text)
    pieces: list[Piece] = []
    start = 0
    for mark in re.finditer("%", text):
        if mark.start() < start:
            continue
        found = _PIECE.match(text, mark.start())
        if found is None:
            raise ValueError(_misspelt(text, mark.start()))
        _literal(pieces, text[start : mark.start()])
        start = found.end()
        if found[1] is None:
            _literal(pieces, "%")
        else:
            pieces.append(_piece(found[1], found[2], found[3]))
    _literal(pieces, text[start:])
    if not any(piece.kind != "literal" for piece in pieces):
        near = nearest(text, (TEXT, JSON, *NAMED))
        raise ValueError(
            f"{text!r} is neither text, json, common or combined nor a format with %(…)s in it"
            + (f"; did you mean {near}?" if near else "")
        )
    return tuple(pieces)


def check(text: str) -> str:
    """`text` if it is a format that can be used; ValueError otherwise."""
    if not text.isprintable():
        raise ValueError(f"{text!r} holds a control character: a record is one line")
    if text not in {TEXT, JSON}:
        parse(text)
    return text


def _literal(pieces: list[Piece], text: str) -> None:
    if text and pieces and pieces[-1].kind == "literal":
        text = pieces.pop().name + text
    if text:
        pieces.append(Piece("literal", text))


def _piece(name: str, width: str, conversion: str) -> Piece:
    written = f"%({name}){width}{conversion}"
    if conversion not in {"s", "d"}:
        raise ValueError(f"{written!r}: the letter after the parenthesis is s")
    if width == "-" or width.removeprefix("-").startswith("0"):
        raise ValueError(f"{written!r}: a width is a number such as 12, or -12")
    size = int(width or 0)
    if name.startswith("{"):
        return _field(name[1:-2], name[-1], size)
    if name not in ATOMS:
        near = nearest(name, ATOMS)
        raise ValueError(
            f"there is no atom %({name})s"
            + (f"; did you mean %({near})s?" if near else f"; there are {', '.join(ATOMS)}")
        )
    return Piece("atom", name, size)


def _field(name: str, kind: str, width: int) -> Piece:
    if kind not in _KINDS:
        raise ValueError(
            f"%({{{name}}}{kind})s: the letter after the brace is i (request header), o (response"
            " header) or e (variable)"
        )
    if not _FIELD_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a {_KINDS[kind]}")
    field = name.lower().replace("_", "-").removeprefix("http-") if kind == "e" else name.lower()
    if field in SECRET_FIELDS:
        raise ValueError(
            f"{name!r} is a secret and never logged; %(u)s shows the user name of Basic authorization"
        )
    return Piece(kind, name if kind == "e" else field, width)


def _misspelt(text: str, start: int) -> str:
    seen = text[start : start + 12]
    bare = re.match(r"%[<>]?([A-Za-z])", seen)
    if bare is not None and bare[1] in ATOMS:
        return f"{seen!r}: write %({bare[1]})s for it, or %% for a percent sign"
    return f"{seen!r} is no %(…)s atom; write %% for a percent sign"
