"""Access log records as JSON: one object a line, the same keys in each of a kind.

What comes from outside needs an escape in next to no line, so one pass over all of it together tells
whether any of it does. No line contains a raw control or non-ASCII character (X06).
"""

import os
import time
from json.encoder import encode_basestring_ascii as _encoded
from typing import Any

from penstock.gateway.endings import ENDINGS, EVENTS

_HARMLESS = bytes(b for b in range(0x20, 0x7F) if b not in b'"\\')
_REQUEST = 0
# Clients whose members are kept; beyond them all are forgotten.
_CLIENTS_MAX = 1024


class JsonShape:
    """Makes lines of JSON. `wanted`: the request's header fields that they show."""

    __slots__ = (
        "_clients",
        "_second",
        "_second_shown",
        "_worker",
        "wanted",
        "wants_lines",
    )

    def __init__(self) -> None:
        self.wanted: tuple[bytes, ...] = (b"traceparent", b"user-agent")
        self.wants_lines = False
        self._worker = str(os.getpid())
        # What was made last of what seldom changes from line to line.
        self._second = -1
        self._second_shown = ""
        self._clients: dict[Any, str] = {}

    def render(self, entries: list[Any], colours: bool) -> str:
        """The lines of all entries; JSON has no colours."""
        return "".join([self.line(*entry[:-1]) for entry in entries])

    def line(
        self,
        event: int,
        client: Any,
        method: str,
        path: str,
        query: str,
        version: str,
        status: int,
        ended: int,
        bytes_in: int,
        bytes_out: int,
        duration_us: int,
        first_byte_us: int,
        now: float,
        id_head: str,
        id_tail: str,
        close_code: int,
        picked: list[str],
    ) -> str:
        """One line; see `access_entry` for what the arguments mean."""
        milliseconds = int(now * 1000)
        second = milliseconds // 1000
        millisecond = milliseconds - second * 1000
        if second != self._second:
            self._second = second
            self._second_shown = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        who = self._clients.get(client)
        if who is None:
            if len(self._clients) >= _CLIENTS_MAX:
                self._clients.clear()
            who = self._clients[client] = _who(client)
        # Whatever comes from outside, except for the client's part, which is escaped when it is kept.
        if _left(f"{method}{path}{query}{version}{id_head}{picked[0]}{picked[1]}"):
            method, path, query = _inner(method), _inner(path), _inner(query)
            version, id_head = _inner(version), _inner(id_head)
            picked = [_inner(value) for value in picked]
        return self._filled(
            event, millisecond, who, method, path, query, version, status, ended, bytes_in,
            bytes_out, duration_us, first_byte_us, id_head, id_tail, close_code, picked,
        )  # fmt: skip

    def _filled(
        self,
        event: int,
        millisecond: int,
        who: str,
        method: str,
        path: str,
        query: str,
        version: str,
        status: int,
        ended: int,
        bytes_in: int,
        bytes_out: int,
        duration_us: int,
        first_byte_us: int,
        id_head: str,
        id_tail: str,
        close_code: int,
        picked: list[str],
    ) -> str:
        """One line, the values as they are."""
        more = ""
        if event != _REQUEST:
            more = f'"close_code":{close_code},'
        # A literal with its values, in this form: twice as fast as an f-string where it is interpreted,
        # and as fast where it is compiled.
        return (
            '{"time":"%s.%03dZ","event":"%s",%s,"method":"%s","path":"%s","query":"%s",'  # noqa: UP031
            '"protocol":"HTTP/%s",%s"status":%d,"bytes_in":%d,"bytes_out":%d,"duration_us":%d,'
            '"first_byte_us":%d,"ended":"%s","request_id":"%s%s","traceparent":"%s",'
            '"user_agent":"%s","worker":%s}\n'
        ) % (
            self._second_shown, millisecond, EVENTS[event], who, method, path, query, version, more,
            status, bytes_in, bytes_out, duration_us, first_byte_us, ENDINGS[ended], id_head, id_tail,
            picked[0], picked[1], self._worker,
        )  # fmt: skip


def _left(text: str) -> bytes:
    """What is left of `text` without what is harmless in it."""
    return text.encode("ascii", "backslashreplace").translate(None, _HARMLESS)


def _inner(value: str) -> str:
    return _encoded(value)[1:-1]


def _who(client: Any) -> str:
    """The members that say who the client is; an empty text for a Unix socket's."""
    host, port = client if client is not None else ("", 0)
    return f'"client":"{_inner(host)}","client_port":{port or 0}'
