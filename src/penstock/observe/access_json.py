"""Access log records as JSON: one object a line, the same keys in each of a kind.

A line is a template that is filled in. What comes from outside needs an escape in next to no line;
so all lines of a batch are made without, and one pass over them tells whether that was right: what
is left of harmless lines without printable ASCII is their quotes and their ends, whose number is
known. Values never contain a raw control or non-ASCII character (X06).
"""

import os
import time
from json.encoder import encode_basestring_ascii as _encoded
from typing import Any

from penstock.gateway.endings import ENDINGS, EVENTS, REQUEST
from penstock.observe.access_entry import Entry

_HARMLESS = bytes(b for b in range(0x20, 0x7F) if b not in b'"\\')

_SHARED = (
    '"status":%d,"bytes_in":%d,"bytes_out":%d,"duration_us":%d,"first_byte_us":%d,"ended":"%s",'
    '"request_id":"%s%s","traceparent":"%s","user_agent":"%s","worker":WORKER}\n'
)
_REQUEST = (
    '{"time":"%s","event":"request",%s,"method":"%s","path":"%s","query":"%s",'
    '"protocol":"HTTP/%s",' + _SHARED
)
_OTHER = (
    '{"time":"%s","event":"%s",%s,"method":"%s","path":"%s","query":"%s","protocol":"HTTP/%s",'
    '"close_code":%d,' + _SHARED
)


class JsonShape:
    """Makes lines of JSON. `wanted`: the request's header fields that they show."""

    wanted: tuple[bytes, ...] = (b"traceparent", b"user-agent")
    wants_lines = False

    def __init__(self) -> None:
        worker = str(os.getpid())
        self._request = _REQUEST.replace("WORKER", worker)
        self._other = _OTHER.replace("WORKER", worker)
        # The quotes and the end of a line that holds nothing harmful; those of the client's part,
        # which is filled in as a whole, are added.
        self._left = self._request.count('"') + 6 + 1
        self._left_other = self._other.count('"') + 6 + 1

    def render(self, entries: list[Any], colours: bool) -> str:
        """The lines of all entries; JSON has no colours."""
        moments = _Moments()
        clients = _Clients()
        request = self._request
        others = 0
        lines = []
        for entry in entries:
            (
                event, client, method, path, query, version, status, ended, bytes_in, bytes_out,
                duration_us, first_byte_us, now, id_head, id_tail, close_code, picked, _,
            ) = entry  # fmt: skip
            if event == REQUEST:
                lines.append(
                    request
                    % (
                        moments[int(now * 1000)], clients[client], method, path, query, version,
                        status, bytes_in, bytes_out, duration_us, first_byte_us, ENDINGS[ended],
                        id_head, id_tail, picked[0], picked[1],
                    )
                )  # fmt: skip
            else:
                others += 1
                lines.append(
                    self._other
                    % (
                        moments[int(now * 1000)], EVENTS[event], clients[client], method, path, query,
                        version, close_code, status, bytes_in, bytes_out, duration_us, first_byte_us,
                        ENDINGS[ended], id_head, id_tail, picked[0], picked[1],
                    )
                )  # fmt: skip
        text = "".join(lines)
        left = text.encode("ascii", "backslashreplace").translate(None, _HARMLESS)
        if len(left) == self._left * (len(entries) - others) + self._left_other * others:
            return text
        return "".join([self._escaped(Entry._make(entry), moments) for entry in entries])

    def _escaped(self, entry: Entry, moments: "_Moments") -> str:
        """One line with every value escaped that came from outside."""
        host, port = entry.client if entry.client is not None else ("", 0)
        before = (f'"client":{_encoded(host)},"client_port":{port or 0}', _inner(entry.method),
                  _inner(entry.path), _inner(entry.query), _inner(entry.version))  # fmt: skip
        after = (
            entry.status, entry.bytes_in, entry.bytes_out, entry.duration_us, entry.first_byte_us,
            ENDINGS[entry.ended], _inner(entry.id_head), entry.id_tail, *map(_inner, entry.picked),
        )  # fmt: skip
        moment = moments[int(entry.time * 1000)]
        if entry.event == REQUEST:
            return self._request % (moment, *before, *after)
        return self._other % (moment, EVENTS[entry.event], *before, entry.close_code, *after)


def _inner(value: Any) -> str:
    return _encoded(value)[1:-1]


class _Moments(dict[int, str]):
    """Milliseconds since 1970 as RFC 3339 has them, in UTC."""

    def __missing__(self, milliseconds: int) -> str:
        seconds, rest = divmod(milliseconds, 1000)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"
        self[milliseconds] = moment
        return moment


class _Clients(dict[Any, str]):
    """The members that say who the client is; an empty text for a Unix socket's."""

    def __missing__(self, client: Any) -> str:
        host, port = client if client is not None else ("", 0)
        members = self[client] = f'"client":"{host}","client_port":{port or 0}'
        return members
