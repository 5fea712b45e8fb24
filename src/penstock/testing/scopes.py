"""Scopes: how a client makes them, and what is wrong with one that a server made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from penstock.testing.faults import MUST, NOTE, SHOULD, shown
from penstock.testing.messages import Complaint

# What the clients here can do; http.response.debug is for tests alone (DEBUG-01)
HTTP_EXTENSIONS = (
    "http.response.debug",
    "http.response.early_hint",
    "http.response.pathsend",
    "http.response.trailers",
    "http.response.zerocopysend",
)
WEBSOCKET_EXTENSIONS = ("websocket.http.response",)
HTTP_SPEC_VERSION = "2.5"
LIFESPAN_SPEC_VERSION = "2.0"
HOST = "localhost"

Headers = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]

_VERSION = re.compile(r"\d+\.\d+")


def header_pairs(headers: Headers | None) -> list[tuple[bytes, bytes]]:
    """`headers` as a scope has them: pairs of bytes, names in lower case; text is Latin-1."""
    given = headers.items() if isinstance(headers, Mapping) else headers or ()
    return [(_bytes(name).lower(), _bytes(value)) for name, value in given]


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


def http_scope(
    method: str = "GET",
    url: str = "/",
    headers: Headers | None = None,
    /,
    *,
    http_version: str = "1.1",
    extensions: Iterable[str] = HTTP_EXTENSIONS,
    **more: Any,
) -> dict[str, Any]:
    """The scope of a request for `url`, an address or a path with its query. `more` overrides keys."""
    scope = {"type": "http", "method": method.upper(), "http_version": http_version}
    return _connection(scope, url, headers, extensions, "http") | more


def websocket_scope(
    url: str = "/",
    headers: Headers | None = None,
    subprotocols: Iterable[str] = (),
    *,
    http_version: str = "1.1",
    extensions: Iterable[str] = WEBSOCKET_EXTENSIONS,
    **more: Any,
) -> dict[str, Any]:
    """The scope of a WebSocket at `url`. `more` overrides keys."""
    offered = list(subprotocols)
    scope = {"type": "websocket", "http_version": http_version, "subprotocols": offered}
    made = _connection(scope, url, headers, extensions, "ws")
    made["headers"] += [
        (b"upgrade", b"websocket"),
        (b"connection", b"upgrade"),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    if offered:
        made["headers"].append((b"sec-websocket-protocol", ", ".join(offered).encode()))
    return made | more


def lifespan_scope(state: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The scope of a lifespan; `state` is what the application may fill."""
    asgi = {"version": "3.0", "spec_version": LIFESPAN_SPEC_VERSION}
    return {"type": "lifespan", "asgi": asgi, "state": {} if state is None else state} | more


def _connection(
    scope: dict[str, Any],
    url: str,
    headers: Headers | None,
    extensions: Iterable[str],
    scheme: str,
) -> dict[str, Any]:
    parts = urlsplit(url)
    secure = parts.scheme in {"https", "wss"}
    raw_path = _escaped(parts.path or "/")
    fields = header_pairs(headers)
    host, port = parts.hostname or HOST, parts.port or (443 if secure else 80)
    if not any(name == b"host" for name, _ in fields):
        fields.insert(0, (b"host", (parts.netloc.rpartition("@")[2] or HOST).encode("idna")))
    return scope | {
        "asgi": {"version": "3.0", "spec_version": HTTP_SPEC_VERSION},
        "scheme": f"{scheme}s" if secure else scheme,
        "path": unquote_to_bytes(raw_path).decode("utf-8", "replace"),
        "raw_path": raw_path,
        "query_string": _escaped(parts.query),
        "root_path": "",
        "headers": fields,
        "client": ("127.0.0.1", 50000),
        "server": (host, port),
        "extensions": {name: {} for name in extensions},
    }


def _escaped(text: str) -> bytes:
    """As on the wire: what is not ASCII, and blanks, percent-encoded from UTF-8."""
    return b"".join(
        b"%%%02X" % byte if byte <= 0x20 or byte >= 0x7F else bytes([byte])
        for byte in text.encode("utf-8")
    )


# ------------------------------------------------------------------------------------------ judge


def scope_complaints(scope: Any) -> Iterator[Complaint]:
    """What is wrong with a scope that a server made (SCOPE-01 to SCOPE-17, HTTP-SCOPE-*, WS-SCOPE-*)."""
    if not isinstance(scope, dict):
        yield "SCOPE-01", MUST, f"a scope is a dict, not a {type(scope).__name__}"
        return
    kind = scope.get("type")
    if not isinstance(kind, str):
        yield "SCOPE-02", MUST, f"a scope has its type, a str, not {shown(kind)}"
        return
    yield from _asgi(
        scope.get("asgi"), "1.0 2.0" if kind == "lifespan" else "2.0 2.1 2.2 2.3 2.4 2.5"
    )
    if kind == "lifespan":
        if "state" in scope and not isinstance(scope["state"], dict):
            yield "LIFE-STATE-01", MUST, f"state is a dict, not {shown(scope['state'])}"
    elif kind in {"http", "websocket"}:
        yield from _extensions(scope.get("extensions"))
        for key, (types, rule, required) in _KEYS.items():
            if key in scope and not isinstance(scope[key], types):
                yield rule, MUST, f"{key!r} cannot be {shown(scope[key])}"
            elif required and key not in scope and (kind == "http" or key in {"path", "headers"}):
                yield rule, MUST, f"the scope lacks {key!r}"
        yield from _values(scope, kind)


_NONE = type(None)
_KEYS: dict[str, tuple[tuple[type, ...], str, bool]] = {
    "http_version": ((str,), "HTTP-SCOPE-03", True),
    "method": ((str,), "HTTP-SCOPE-04", True),
    "scheme": ((str,), "HTTP-SCOPE-05", False),
    "path": ((str,), "HTTP-SCOPE-06", True),
    "raw_path": ((bytes, _NONE), "HTTP-SCOPE-09", False),
    "query_string": ((bytes, _NONE), "HTTP-SCOPE-11", True),
    "root_path": ((str,), "HTTP-SCOPE-13", False),
    "headers": ((Iterable,), "HTTP-SCOPE-15", True),
    "client": ((Iterable, _NONE), "HTTP-SCOPE-16", False),
    "server": ((Iterable, _NONE), "HTTP-SCOPE-17", False),
    "subprotocols": ((Iterable,), "WS-SCOPE-08", False),
    "state": ((dict,), "LIFE-STATE-02", False),
}


def _asgi(asgi: Any, versions: str) -> Iterator[Complaint]:
    if not isinstance(asgi, dict) or not isinstance(asgi.get("version"), str):
        yield "SCOPE-03", MUST, f"asgi is a dict with version, a str, not {shown(asgi)}"
        return
    spec = asgi.get("spec_version")
    if spec is not None and (not isinstance(spec, str) or not _VERSION.fullmatch(spec)):
        yield "SCOPE-05", MUST, f"spec_version is a str like '2.0', not {shown(spec)}"
    elif spec is not None and spec not in versions.split():
        yield "SCOPE-05", SHOULD, f"there is no spec_version {spec} of this protocol: {versions}"


def _extensions(extensions: Any) -> Iterator[Complaint]:
    if extensions is None:
        return
    if not isinstance(extensions, dict):
        yield "SCOPE-09", MUST, f"extensions is a dict, not {shown(extensions)}"
    elif not all(
        isinstance(name, str) and isinstance(value, dict) for name, value in extensions.items()
    ):
        yield "SCOPE-10", MUST, "extensions maps names to dicts"


def _values(scope: dict[str, Any], kind: str) -> Iterator[Complaint]:
    """Of keys whose types are right, what their values must not be."""
    schemes = {"http", "https"} if kind == "http" else {"ws", "wss"}
    if isinstance(scope.get("scheme"), str) and scope["scheme"] not in schemes:
        yield "HTTP-SCOPE-05", SHOULD, f"the scheme is {scope['scheme']!r}"
    method = scope.get("method")
    if isinstance(method, str) and method != method.upper():
        yield "HTTP-SCOPE-04", MUST, f"methods are in upper case, {method!r} is not"
    version = scope.get("http_version")
    if isinstance(version, str) and version not in {"1.0", "1.1", "2", "3"}:
        yield "HTTP-SCOPE-03", MUST, f"there is no http_version {version!r}"
    if isinstance(scope.get("raw_path"), bytes) and b"?" in scope["raw_path"]:
        yield "HTTP-SCOPE-10", MUST, "raw_path has the query in it"
    for key in ("client", "server"):
        address = scope.get(key)
        if isinstance(address, (list, tuple)):
            yield from _address(key, address)
    headers = scope.get("headers")
    if isinstance(headers, (list, tuple)):
        yield from _fields(headers)


def _address(key: str, address: list[Any] | tuple[Any, ...]) -> Iterator[Complaint]:
    rule = "HTTP-SCOPE-16" if key == "client" else "HTTP-SCOPE-17"
    if len(address) != 2 or not isinstance(address[0], str):
        yield rule, MUST, f"{key} is host and port, not {shown(address)}"
    elif not isinstance(address[1], int) and not (key == "server" and address[1] is None):
        yield rule, MUST, f"the port of {key} is an int, not {shown(address[1])}"


def _fields(headers: list[Any] | tuple[Any, ...]) -> Iterator[Complaint]:
    for pair in headers:
        if (
            not isinstance(pair, (list, tuple))
            or len(pair) != 2
            or not all(isinstance(each, bytes) for each in pair)
        ):
            yield "HTTP-SCOPE-15", MUST, f"a header is a pair of bytes, not {shown(pair)}"
        elif pair[0].startswith(b":"):
            yield "HTTP-HDR-06", MUST, f"the pseudo header {pair[0]!r} is in the scope"
        elif pair[0] != pair[0].lower():
            yield "HTTP-HDR-01", NOTE, f"the name {pair[0]!r} is not in lower case"
