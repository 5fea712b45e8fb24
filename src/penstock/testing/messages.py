"""Each message of ASGI as a table: its fields, their types, and the rule that a wrong one breaks.

A message may have further keys (MSG-12); whatever is in it keeps to the types that ASGI allows
(MSG-03 to MSG-07).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from penstock.testing.faults import MUST, NOTE, SHOULD, shown

# (rule, level, text)
Complaint = tuple[str, str, str]

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_INTEGER_BITS = 63
_FORBIDDEN_IN_VALUES = (b"\r", b"\n", b"\0")


class Field(NamedTuple):
    """A key of a message: the kind of its value, whether it must be there, the rule about it."""

    kind: str
    rule: str = "MSG-09"
    required: bool = False


class Shape(NamedTuple):
    """A type of message: its fields, and the extension that must be offered for it, or ""."""

    fields: dict[str, Field]
    extension: str = ""


_BODY = {"body": Field("bytes", "HTTP-RESP-32"), "more_body": Field("bool", "MSG-14")}
_START = {
    "status": Field("status", "HTTP-RESP-02", required=True),
    "headers": Field("headers", "HTTP-RESP-04"),
    "trailers": Field("bool", "MSG-14"),
}
_DATA = {"bytes": Field("bytes or None"), "text": Field("str or None")}
_FAILED = {"message": Field("str")}

# What applications send
SENT: dict[str, Shape] = {
    "http.response.start": Shape(_START),
    "http.response.body": Shape(_BODY),
    "http.response.trailers": Shape(
        {
            "headers": Field("headers", "TRAIL-08", required=True),
            "more_trailers": Field("bool", "MSG-14"),
        },
        "http.response.trailers",
    ),
    "http.response.push": Shape(
        {
            "path": Field("str", "PUSH-02", required=True),
            "headers": Field("headers", "PUSH-02", required=True),
        },
        "http.response.push",
    ),
    "http.response.zerocopysend": Shape(
        {
            "file": Field("file", "ZCS-03", required=True),
            "offset": Field("int"),
            "count": Field("int"),
            "more_body": Field("bool", "MSG-14"),
        },
        "http.response.zerocopysend",
    ),
    "http.response.pathsend": Shape(
        {"path": Field("path", "PATH-06", required=True)}, "http.response.pathsend"
    ),
    "http.response.early_hint": Shape(
        {"links": Field("links", "HINT-02", required=True)}, "http.response.early_hint"
    ),
    "http.response.debug": Shape(
        {"info": Field("info", "DEBUG-02", required=True)}, "http.response.debug"
    ),
    "websocket.accept": Shape(
        {
            "subprotocol": Field("str or None"),
            "headers": Field("headers", "WS-HS-10"),
        }
    ),
    "websocket.send": Shape(_DATA),
    "websocket.close": Shape(
        {"code": Field("close code", "WS-CLOSE-04"), "reason": Field("reason", "WS-CLOSE-03")}
    ),
    "websocket.http.response.start": Shape(_START, "websocket.http.response"),
    "websocket.http.response.body": Shape(_BODY, "websocket.http.response"),
    "lifespan.startup.complete": Shape({}),
    "lifespan.startup.failed": Shape(_FAILED),
    "lifespan.shutdown.complete": Shape({}),
    "lifespan.shutdown.failed": Shape(_FAILED),
}
# What servers give
GIVEN: dict[str, Shape] = {
    "http.request": Shape(
        {"body": Field("bytes", "HTTP-REQ-02"), "more_body": Field("bool", "HTTP-REQ-02")}
    ),
    "http.disconnect": Shape({}),
    "websocket.connect": Shape({}),
    "websocket.receive": Shape(_DATA),
    "websocket.disconnect": Shape(
        {
            "code": Field("int", "WS-CLOSE-06", required=True),
            "reason": Field("str or None", "WS-CLOSE-09"),
        }
    ),
    "lifespan.startup": Shape({}),
    "lifespan.shutdown": Shape({}),
}
# Their values are no plain data, by their own extension (AMB-D13)
_OPAQUE = {"http.response.zerocopysend": "file", "http.response.debug": "info"}


def settled(message: dict[Any, Any]) -> dict[Any, Any]:
    """A copy of `message` whose lists can be read again: what is a one-time iterable is a list in it."""
    copy = dict(message)
    for key in ("headers", "links"):
        value = copy.get(key)
        if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)):
            copy[key] = [
                tuple(item) if _is_iterator(item) else item
                for item in (value if isinstance(value, (list, tuple)) else list(value))
            ]
    return copy


def _is_iterator(value: object) -> bool:
    return isinstance(value, Iterator)


def complaints(message: Any, shapes: dict[str, Shape], protocol: str) -> Iterator[Complaint]:
    """What is wrong with `message` by itself: its type, its keys and its values."""
    if not isinstance(message, dict):
        yield "MSG-01", MUST, f"a message is a dict, not {_article(message)}"
        return
    kind = message.get("type")
    if not isinstance(kind, str):
        yield "MSG-01", MUST, "a message has the key 'type', a str"
        return
    shape = shapes.get(kind)
    if shape is None:
        yield "MSG-02", MUST, f"there is no message {kind!r} in this direction"
    elif not kind.startswith(f"{protocol}."):
        yield "MSG-02", MUST, f"{kind!r} is no message of a scope of type {protocol!r}"
    fields = shape.fields if shape else {}
    for name, field in fields.items():
        if name in message:
            yield from _judge(name, message[name], field)
        elif field.required:
            yield _rule_of(field, kind), MUST, f"{kind} needs the key {name!r}"
    opaque = _OPAQUE.get(kind)
    for name, value in message.items():
        if not isinstance(name, str):
            yield "MSG-03", MUST, f"keys are str, not {_article(name)}"
        elif name != opaque and name not in fields:
            yield from _walk(value, name)


def _rule_of(field: Field, kind: str) -> str:
    return "WS-CLOSE-06" if kind == "websocket.disconnect" else field.rule


def _judge(name: str, value: Any, field: Field) -> Iterator[Complaint]:
    kind = field.kind
    if value is None and kind.endswith("or None"):
        return
    plain = kind.removesuffix(" or None")
    if plain == "bytes":
        if isinstance(value, (bytearray, memoryview)):
            yield "MSG-09", NOTE, f"{name!r} is bytes, not {_article(value)}"
        elif not isinstance(value, bytes):
            yield field.rule, MUST, f"{name!r} is bytes, not {_article(value)}"
    elif plain == "str":
        if not isinstance(value, str):
            yield field.rule, MUST, f"{name!r} is a str, not {_article(value)}"
    elif plain == "bool":
        if not isinstance(value, bool):
            yield field.rule, SHOULD, f"{name!r} is True or False, not {shown(value)}"
    elif plain == "int":
        yield from _integer(name, value, field.rule)
    elif plain == "headers":
        yield from _headers(name, value, field.rule)
    else:
        yield from _OTHERS[plain](name, value, field.rule)


def _integer(name: str, value: Any, rule: str) -> Iterator[Complaint]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield rule, MUST, f"{name!r} is an int, not {_article(value)}"
    elif not -(1 << _INTEGER_BITS) <= value < 1 << _INTEGER_BITS:
        yield "MSG-05", MUST, f"{name!r} has more than 64 bits"


def _status(name: str, value: Any, rule: str) -> Iterator[Complaint]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield rule, MUST, f"{name!r} is an int, not {_article(value)}"
    elif not 200 <= value <= 999:
        yield rule, SHOULD, f"{value} is no status that ends a request: 200 to 599 are"


def _close_code(name: str, value: Any, rule: str) -> Iterator[Complaint]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield rule, MUST, f"{name!r} is an int, not {_article(value)}"
    elif not 1000 <= value <= 4999 or value in {1004, 1005, 1006, 1015}:
        yield rule, SHOULD, f"{value} is no code that a close frame can have (RFC 6455 section 7.4)"


def _reason(name: str, value: Any, rule: str) -> Iterator[Complaint]:
    if value is None:
        return
    if not isinstance(value, str):
        yield "MSG-09", MUST, f"{name!r} is a str, not {_article(value)}"
    elif len(value.encode("utf-8", "replace")) > 123:
        yield rule, SHOULD, "a reason has at most 123 bytes (RFC 6455 section 5.5)"


def _headers(name: str, value: Any, rule: str) -> Iterator[Complaint]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        yield "HTTP-RESP-08", MUST, f"{name!r} is a list of pairs, not {_article(value)}"
        return
    for pair in value:
        if isinstance(pair, (str, bytes)) or not isinstance(pair, Iterable):
            yield "HTTP-RESP-08", MUST, f"a header is a pair of bytes, not {shown(pair)}"
            continue
        both = tuple(pair)
        if len(both) != 2 or not all(isinstance(each, bytes) for each in both):
            yield "MSG-09", MUST, f"a header is a pair of bytes, not {shown(pair)}"
            continue
        yield from _header(both[0], both[1], rule)


def _header(name: bytes, value: bytes, rule: str) -> Iterator[Complaint]:
    if name.startswith(b":"):
        yield "HTTP-RESP-05", MUST, f"{name!r} is a pseudo header, which only servers write"
    elif not _TOKEN.fullmatch(name):
        yield "HTTP-RESP-26", MUST, f"{name!r} is no field name (RFC 9110 section 5.1)"
    elif name != name.lower():
        # By the letter a MUST. Django writes Content-Type, so every server there is mends it
        yield rule, NOTE, f"names of headers are in lower case, {name!r} is not"
    if any(each in value for each in _FORBIDDEN_IN_VALUES):
        yield "HTTP-RESP-26", MUST, f"the value of {name!r} has CR, LF or NUL in it"
    elif value != value.strip(b" \t"):
        yield "HTTP-RESP-26", NOTE, f"the value of {name!r} has white space around it"


def _file(name: str, value: Any, rule: str) -> Iterator[Complaint]:
    try:
        value.fileno()
    except Exception:
        yield rule, MUST, f"{name!r} has a file descriptor; {_article(value)} has none"


def _path(name: str, value: Any, rule: str) -> Iterator[Complaint]:
    import os

    if not isinstance(value, str):
        yield "MSG-09", MUST, f"{name!r} is a str, not {_article(value)}"
    elif not os.path.isabs(value):
        yield rule, MUST, f"{name!r} is an absolute path, not {value!r}"


def _links(name: str, value: Any, rule: str) -> Iterator[Complaint]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        yield rule, MUST, f"{name!r} is a list of bytes, not {_article(value)}"
        return
    for link in value:
        if not isinstance(link, bytes):
            yield rule, MUST, f"a link is bytes, not {_article(link)}"
        elif any(each in link for each in _FORBIDDEN_IN_VALUES):
            yield "HINT-07", MUST, "a link has CR, LF or NUL in it"


def _info(name: str, value: Any, rule: str) -> Iterator[Complaint]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        yield rule, MUST, f"{name!r} is a dict with str keys, not {_article(value)}"


_OTHERS = {
    "status": _status,
    "close code": _close_code,
    "reason": _reason,
    "file": _file,
    "path": _path,
    "links": _links,
    "info": _info,
}


def _walk(value: Any, where: str) -> Iterator[Complaint]:
    """MSG-03 to MSG-08 for a value and whatever is in it; a value is looked at once."""
    waiting: list[Any] = [value]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is None or isinstance(each, (bool, bytes, str)):
            continue
        if isinstance(each, int):
            yield from _integer(where, each, "MSG-05")
        elif isinstance(each, float):
            if not math.isfinite(each):
                yield "MSG-06", MUST, f"{where!r} holds {each}; floats are finite"
        elif isinstance(each, (list, tuple, dict)):
            if id(each) in seen:
                continue
            seen.add(id(each))
            if isinstance(each, dict):
                if not all(isinstance(key, str) for key in each):
                    yield "MSG-07", MUST, f"{where!r} holds a dict with keys that are no str"
                waiting += each.values()
            else:
                waiting += each
        else:
            yield "MSG-04", MUST, f"{where!r} holds {_article(each)}, which no message can carry"


def _article(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
