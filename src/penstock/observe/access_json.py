"""Access log records as JSON: one object a line, the same keys in each of a kind.

What comes from outside needs an escape in next to no line; so all lines of a batch are made without,
and one pass over them tells whether that was right: what is left of harmless lines without printable
ASCII is their quotes and their ends, whose number is known. If it was not, the batch is made anew,
every value escaped. So no line contains a raw control or non-ASCII character (X06).
"""

import os
import time
from json.encoder import encode_basestring_ascii as _encoded
from typing import Any

from penstock.gateway.endings import ENDINGS, EVENTS
from penstock.observe.access_entry import Entry

_HARMLESS = bytes(b for b in range(0x20, 0x7F) if b not in b'"\\')
_REQUEST = 0


class JsonShape:
    """Makes lines of JSON. `wanted`: the request's header fields that they show."""

    __slots__ = ("_left", "_worker", "wanted", "wants_lines")

    def __init__(self) -> None:
        self.wanted: tuple[bytes, ...] = (b"traceparent", b"user-agent")
        self.wants_lines = False
        self._worker = str(os.getpid())
        # The quotes and the end of a request's line that holds nothing harmful.
        empty = (0, None, "", "", "", "", 0, 0, 0, 0, 0, 0, 0.0, "", "", 0, ["", ""], b"")
        self._left = len(_left(self._line(empty, "", _client(None, False))))

    def render(self, entries: list[Any], colours: bool) -> str:
        """The lines of all entries; JSON has no colours."""
        moments: dict[int, str] = {}
        clients: dict[Any, str] = {}
        expected = 0
        lines = []
        for entry in entries:
            millisecond = int(entry[12] * 1000)
            moment = moments.get(millisecond)
            if moment is None:
                moment = moments[millisecond] = _moment(millisecond)
            address = entry[1]
            client = clients.get(address)
            if client is None:
                client = clients[address] = _client(address, False)
            line = self._line(entry, moment, client)
            lines.append(line)
            expected += self._left
            if entry[0] != _REQUEST:
                expected += 2  # the quotes of one key more
        text = "".join(lines)
        if len(_left(text)) == expected:
            return text
        return "".join([self._escaped(Entry._make(entry)) for entry in entries])

    def _line(self, entry: tuple[Any, ...], moment: str, client: str) -> str:
        """One line, its values as they are."""
        (
            event, _, method, path, query, version, status, ended, bytes_in, bytes_out, duration_us,
            first_byte_us, _, id_head, id_tail, close_code, picked, _,
        ) = entry  # fmt: skip
        more = ""
        if event != _REQUEST:
            more = f'"close_code":{close_code},'
        # A literal with its values, in this form: twice as fast as an f-string where it is interpreted,
        # and as fast where it is compiled.
        return (
            '{"time":"%s","event":"%s",%s,"method":"%s","path":"%s","query":"%s",'  # noqa: UP031
            '"protocol":"HTTP/%s",%s"status":%d,"bytes_in":%d,"bytes_out":%d,"duration_us":%d,'
            '"first_byte_us":%d,"ended":"%s","request_id":"%s%s","traceparent":"%s",'
            '"user_agent":"%s","worker":%s}\n'
        ) % (
            moment, EVENTS[event], client, method, path, query, version, more, status, bytes_in,
            bytes_out, duration_us, first_byte_us, ENDINGS[ended], id_head, id_tail, picked[0],
            picked[1], self._worker,
        )  # fmt: skip

    def _escaped(self, entry: Entry) -> str:
        """One line with every value escaped that came from outside."""
        shown = entry._replace(
            method=_inner(entry.method),
            path=_inner(entry.path),
            query=_inner(entry.query),
            version=_inner(entry.version),
            id_head=_inner(entry.id_head),
            picked=[_inner(value) for value in entry.picked],
        )
        moment = _moment(int(entry.time * 1000))
        return self._line(tuple(shown), moment, _client(entry.client, True))


def _left(text: str) -> bytes:
    """What is left of lines without what is harmless in them."""
    return text.encode("ascii", "backslashreplace").translate(None, _HARMLESS)


def _inner(value: str) -> str:
    return _encoded(value)[1:-1]


def _moment(milliseconds: int) -> str:
    """Milliseconds since 1970 as RFC 3339 has them, in UTC."""
    seconds, rest = divmod(milliseconds, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"


def _client(client: Any, escaped: bool) -> str:
    """The members that say who the client is; an empty text for a Unix socket's."""
    host, port = client if client is not None else ("", 0)
    return f'"client":"{_inner(host) if escaped else host}","client_port":{port or 0}'
