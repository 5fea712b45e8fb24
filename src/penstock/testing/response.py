"""A response as a test looks at it, put together from the messages that an application sent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from email.message import Message
from typing import Any

_COPY_BYTES = 65536


class Headers(list[tuple[bytes, bytes]]):
    """Header fields in their order, names in lower case; asked for by name they are text (Latin-1)."""

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of `name`."""
        return next(iter(self.get_all(name)), default)

    def get_all(self, name: str) -> list[str]:
        """Each value of `name`, in order."""
        wanted = name.lower().encode("latin-1")
        return [value.decode("latin-1") for each, value in self if each == wanted]

    def named(self, name: str) -> str:
        """The first value of `name`; KeyError names those that are there."""
        value = self.get(name)
        if value is None:
            there = ", ".join(each.decode("latin-1") for each, _ in self)
            raise KeyError(f"there is no {name} among the headers: {there or 'none'}")
        return value


class Response:
    """What the application answered.

    `status`, `headers`, `body`; `trailers`, and `hints` (the links of early hints, one list for each);
    `info` is that of `http.response.debug`; `pushes` are the paths of pushed responses.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers = Headers()
        self.body = b""
        self.trailers = Headers()
        self.hints: list[list[bytes]] = []
        self.info: dict[str, Any] = {}
        self.pushes: list[str] = []
        self.complete = False
        self._awaits_trailers = False

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"

    @property
    def text(self) -> str:
        """The body as text, in the charset of content-type, else UTF-8; what is not valid is replaced."""
        parsed = Message()
        parsed["content-type"] = self.headers.get("content-type", "") or ""
        return self.body.decode(str(parsed.get_content_charset() or "utf-8"), "replace")

    def json(self) -> Any:
        """The body, parsed as JSON."""
        return json.loads(self.body)

    def take(self, message: dict[str, Any], *, offered: bool = True) -> Iterator[bytes]:
        """Note `message` and yield the parts of body that it carries.

        `offered`: whether the scope offered trailers. Raises OSError for a file that cannot be read.
        """
        kind = message["type"].removeprefix("websocket.")
        if kind == "http.response.start":
            self.status = int(message["status"])
            self.headers = _fields(message)
            self._awaits_trailers = offered and bool(message.get("trailers"))
        elif kind == "http.response.body":
            if message.get("body"):
                yield bytes(message["body"])
        elif kind == "http.response.pathsend":
            with open(message["path"], "rb") as file:
                yield from iter(lambda: file.read(_COPY_BYTES), b"")
        elif kind == "http.response.zerocopysend":
            yield from _sent_file(message)
        elif kind == "http.response.trailers":
            self.trailers += _fields(message)
            self.complete = not message.get("more_trailers")
        elif kind == "http.response.early_hint":
            self.hints.append(list(message["links"]))
        elif kind == "http.response.debug":
            self.info.update(message["info"])
        elif kind == "http.response.push":
            self.pushes.append(message["path"])
        if kind in _BODIES and not message.get("more_body") and not self._awaits_trailers:
            self.complete = True


_BODIES = {"http.response.body", "http.response.pathsend", "http.response.zerocopysend"}


def _fields(message: dict[str, Any]) -> Headers:
    return Headers(
        (bytes(name).lower(), bytes(value)) for name, value in message.get("headers", ())
    )


def _sent_file(message: dict[str, Any]) -> Iterator[bytes]:
    """The bytes that a server would send of the file; its position is left where it is (ZCS-04)."""
    descriptor = message["file"].fileno()
    offset = message.get("offset")
    if offset is None:
        offset = os.lseek(descriptor, 0, os.SEEK_CUR)
    left = message.get("count")
    while left is None or left > 0:
        data = os.pread(descriptor, min(left or _COPY_BYTES, _COPY_BYTES), offset)
        if not data:
            return
        yield data
        offset += len(data)
        if left is not None:
            left -= len(data)
