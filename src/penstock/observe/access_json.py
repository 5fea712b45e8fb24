"""Access log records as JSON: one object a line, the same keys in each of a kind.

What comes from outside needs an escape in next to no line, so the leaf that writes lines, `json_line`,
looks whether any of it does, and only then it is escaped. No line contains a raw control or non-ASCII
character (X06).
"""

import os
import time
from json.encoder import encode_basestring_ascii as _encoded
from typing import Any

from penstock.gateway.endings import ENDINGS, EVENTS
from penstock.observe.json_line import json_line

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
        more = ""
        if event != _REQUEST:
            more = f'"close_code":{close_code},'
        traceparent, agent = picked
        line = json_line(
            self._second_shown, millisecond, EVENTS[event], who, method, path, query, version, more,
            status, bytes_in, bytes_out, duration_us, first_byte_us, ENDINGS[ended], id_head, id_tail,
            traceparent, agent, self._worker, False,
        )  # fmt: skip
        if not line:
            line = json_line(
                self._second_shown, millisecond, EVENTS[event], who, _inner(method), _inner(path),
                _inner(query), _inner(version), more, status, bytes_in, bytes_out, duration_us,
                first_byte_us, ENDINGS[ended], _inner(id_head), id_tail, _inner(traceparent),
                _inner(agent), self._worker, True,
            )  # fmt: skip
        return line


def _inner(value: str) -> str:
    return _encoded(value)[1:-1]


def _who(client: Any) -> str:
    """The members that say who the client is; an empty text for a Unix socket's."""
    host, port = client if client is not None else ("", 0)
    return f'"client":"{_inner(host)}","client_port":{port or 0}'
