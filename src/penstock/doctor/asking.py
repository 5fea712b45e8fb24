"""The requests that an application is exercised with: written as URLs, read from an OpenAPI document
or from a HAR file. Nothing is fetched: every URL means a path of the application."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit

from penstock.errors import UsageError

# Bounds the time of a run: each may take as long as its deadline.
REQUESTS_MAX = 200
FILE_BYTES_MAX = 64 * 1024 * 1024
# What changes nothing (RFC 9110 section 9.2.1), and so can be asked more than once.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
# Of the connection that a HAR file was taken from, not of the request.
_LEFT_OUT = frozenset(
    {"connection", "content-length", "host", "keep-alive", "te", "transfer-encoding", "upgrade"}
)
_HAR_HINT = "a HAR file is what a browser's network tools save; --request takes a URL"
_OPENAPI_HINT = "--openapi takes a JSON document, or the path that the application has it at"


class Request(NamedTuple):
    """One request. `target` is the path with its query as sent; header names are in lower case."""

    method: str
    target: str
    host: str = "doctor.invalid"
    scheme: str = "http"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    @property
    def path(self) -> str:
        """The decoded path."""
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> bytes:
        """The query as sent, without its question mark."""
        return self.target.partition("?")[2].encode("ascii")

    @property
    def safe(self) -> bool:
        """Whether it may be sent again."""
        return self.method in SAFE

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


def of_url(text: str) -> Request:
    """The request of `/path?query`, `http://host/path`, with a method before it and a body after it:
    `POST /items {"name": "x"}`. UsageError for what is none."""
    method, _, rest = text.strip().partition(" ")
    if not rest or method.startswith("/") or "://" in method:
        method, rest = "GET", text.strip()
    url, _, body = rest.strip().partition(" ")
    if not set(method) <= _TOKEN:
        raise UsageError(f"{text!r}: {method!r} is no method", "write GET /path, or just /path")
    try:
        return _of(method, url, (), body.strip().encode())
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no request: {error}", "write /path, http://host/path or POST /path {}"
        ) from None


def _of(
    method: str, url: str, headers: Iterable[tuple[bytes, bytes]], body: bytes, kind: str = ""
) -> Request:
    parts = urlsplit(url)
    if not parts.scheme and not url.startswith("/"):
        raise ValueError("the path begins with /")
    if parts.scheme and parts.scheme not in {"http", "https"}:
        raise ValueError(f"{parts.scheme} is not spoken here")
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    if parts.query:
        target += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~?")
    found = list(headers)
    if body and all(name != b"content-type" for name, _ in found):
        found.append((b"content-type", (kind or "application/json").encode()))
    if body:
        found.append((b"content-length", b"%d" % len(body)))
    return Request(
        method.upper(), target, parts.netloc or "doctor.invalid", parts.scheme or "http",
        tuple(found), body,
    )  # fmt: skip


def counted(number: int, one: str, many: str = "") -> str:
    """`number` with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def read(path: str, what: str, hint: str) -> Any:
    """The JSON document in the file `path`; UsageError says what keeps it from being read."""
    try:
        if os.path.getsize(path) > FILE_BYTES_MAX:
            raise UsageError(f"{what} {path} is larger than {FILE_BYTES_MAX >> 20} MiB", hint)
        with open(path, encoding="utf-8-sig") as file:
            return json.load(file)
    except OSError as error:
        raise UsageError(f"{what} {path} cannot be read: {error.strerror}", hint) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{what} {path} is not JSON: {error}", hint) from None


# -------------------------------------------------------------------------------------------- HAR


def of_har(path: str) -> tuple[list[Request], list[str]]:
    """The requests of a HAR file to the host of its first one, and notes on what was left out."""
    document = read(path, "the HAR file", _HAR_HINT)
    entries = _at(document, "log", "entries")
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"the HAR file {path} has no log.entries", _HAR_HINT)
    found: list[Request] = []
    odd = 0
    for entry in entries:
        try:
            found.append(_of_entry(entry["request"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            odd += 1
    notes = (
        [f"{path}: {counted(odd, 'entry', 'entries')} of no HTTP request left out"] if odd else []
    )
    own = [each for each in found if each.host == found[0].host]
    if len(own) < len(found):
        notes.append(f"{path}: {counted(len(found) - len(own), 'request')} to other hosts left out")
    return own, notes


def _of_entry(request: dict[str, Any]) -> Request:
    headers = [
        (item["name"].lower().encode("latin-1"), item["value"].encode("latin-1", "replace"))
        for item in request.get("headers", ())
        if not item["name"].startswith(":") and item["name"].lower() not in _LEFT_OUT
    ]
    data = request.get("postData") or {}
    body = (data.get("text") or "").encode()
    return _of(request["method"], request["url"], headers, body, data.get("mimeType") or "")


# ---------------------------------------------------------------------------------------- OpenAPI


def of_openapi(document: Any, name: str) -> tuple[list[Request], list[str]]:
    """A request for each GET of an OpenAPI document, and notes on what was left out.

    Parameters that must be there get their example, their default, or the first value of their kind.
    """
    paths = _at(document, "paths")
    if not isinstance(paths, dict):
        raise UsageError(f"{name} is no OpenAPI document: it has no paths", _OPENAPI_HINT)
    found: list[Request] = []
    changing = 0
    for path, item in paths.items():
        if not isinstance(item, dict) or not str(path).startswith("/"):
            continue
        changing += len({"post", "put", "patch", "delete"} & set(item))
        operation = item.get("get")
        if isinstance(operation, dict):
            found.append(_of_operation(document, str(path), item, operation))
    notes = []
    if changing:
        notes.append(
            f"{name}: {counted(changing, 'operation')} that would change something left out; ask one with"
            " --request 'POST /path {}', or give a HAR file"
        )
    return found, notes


def _of_operation(
    document: Any, path: str, item: dict[str, Any], operation: dict[str, Any]
) -> Request:
    query: list[tuple[str, str]] = []
    headers: list[tuple[bytes, bytes]] = []
    for given in [*_list(item.get("parameters")), *_list(operation.get("parameters"))]:
        parameter = _resolved(document, given)
        name = str(parameter.get("name", ""))
        place = parameter.get("in")
        if place == "path":
            value = quote(_value(document, parameter), safe="")
            path = path.replace("{" + name + "}", value)
        elif place == "query" and parameter.get("required"):
            query.append((name, _value(document, parameter)))
        elif place == "header" and parameter.get("required"):
            value = _value(document, parameter)
            headers.append((name.lower().encode("latin-1", "replace"), value.encode()))
    url = path + (f"?{urlencode(query)}" if query else "")
    return _of("GET", url, headers, b"")


_OF_KIND = {"integer": "1", "number": "1", "boolean": "true", "array": "x", "object": "{}"}
_OF_FORMAT = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "email": "a@example.com",
}


def _value(document: Any, parameter: dict[str, Any]) -> str:
    schema = _resolved(document, parameter.get("schema"))
    for options in (schema.get("anyOf"), schema.get("oneOf"), schema.get("allOf")):
        if _list(options):
            schema = {**_resolved(document, _list(options)[0]), **schema}
    examples = parameter.get("examples")
    named = list(examples.values()) if isinstance(examples, dict) else []
    candidates = [
        parameter.get("example"),
        *(each.get("value") for each in named if isinstance(each, dict)),
        *_list(schema.get("examples")),
        schema.get("example"),
        schema.get("default"),
        schema.get("const"),
        *_list(schema.get("enum")),
        schema.get("minimum"),
    ]
    for value in candidates:
        if value is not None:
            return value if isinstance(value, str) else json.dumps(value)
    kind = schema.get("type", parameter.get("type"))
    return _OF_FORMAT.get(str(schema.get("format")), _OF_KIND.get(str(kind), "x"))


def _resolved(document: Any, value: Any) -> dict[str, Any]:
    """`value`, or what its `$ref` within the document points to."""
    for _ in range(8):
        if not isinstance(value, dict):
            return {}
        reference = value.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return value
        keys = [key.replace("~1", "/").replace("~0", "~") for key in reference[2:].split("/")]
        value = _at(document, *keys)
    return {}


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
