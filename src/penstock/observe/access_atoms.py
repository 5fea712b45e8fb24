"""Access log lines from a format of `%(…)s` atoms, as gunicorn and Apache have them.

A format becomes a plan once: a template, and for each atom in it a function that takes what it shows
out of an entry. What comes from outside is looked at for a whole batch, as in `access_json`: if any
line needs an escape, all of the batch are made anew, with every text in them escaped (X06).
"""

import base64
import binascii
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from penstock.config.log_format import Piece
from penstock.gateway.endings import ENDINGS, EVENTS, WEBSOCKET_CLOSE
from penstock.observe.access_entry import Entry
from penstock.observe.logs import quoted

_HARMLESS = bytes(b for b in range(0x20, 0x7F) if b not in b'"\\')
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_VALUE_CHARS_MAX = 1024

_Get = Callable[[Entry], Any]


class AtomShape:
    """Makes lines of a parsed format. `wanted`: the request's header fields that it needs;
    `wants_lines`: it shows fields of the response."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._wanted: list[bytes] = []
        self.wants_lines = False
        template = ""
        literals = ""
        getters: list[_Get] = []
        for kind, name, width in pieces:
            if kind == "literal":
                template += name.replace("%", "%%")
                literals += name
            else:
                template += f"%{width or ''}s"
                getters.append(self._getter(kind, name))
        self._template = template + "\n"
        self._getters = tuple(getters)
        self._left = len(_left(literals + "\n"))

    @property
    def wanted(self) -> tuple[bytes, ...]:
        """The request's header fields that are shown, or made something of."""
        return tuple(self._wanted)

    def render(self, entries: list[Any], colours: bool) -> str:
        """The lines of all entries; a format has no colours."""
        getters = self._getters
        template = self._template
        rows = [tuple([get(entry) for get in getters]) for entry in map(Entry._make, entries)]
        text = "".join([template % row for row in rows])
        if len(_left(text)) == self._left * len(rows):
            return text
        return "".join([template % tuple([quoted(str(value)) for value in row]) for row in rows])

    def _getter(self, kind: str, name: str) -> _Get:
        if kind == "atom":
            if name in _FIELDS:
                return self._field(_FIELDS[name])
            if name == "u":
                return _user(self._place(b"authorization"))
            return _MADE[name]() if name in _MADE else _ATOMS[name]
        if kind == "i":
            return self._field(name.encode("ascii"))
        if kind == "o":
            self.wants_lines = True
            return _response_field(name.encode("ascii"))
        return self._variable(name)

    def _place(self, field: bytes) -> int:
        """Where the field stands among those that are picked."""
        if field not in self._wanted:
            self._wanted.append(field)
        return self._wanted.index(field)

    def _field(self, field: bytes) -> _Get:
        place = self._place(field)
        return lambda entry: entry.picked[place] or "-"

    def _variable(self, name: str) -> _Get:
        """A variable of the request, as CGI names them; else one of the process, as it is now."""
        if name in _VARIABLES:
            return _VARIABLES[name]
        if name in {"CONTENT_TYPE", "CONTENT_LENGTH"} or name.startswith("HTTP_"):
            return self._field(name.removeprefix("HTTP_").lower().replace("_", "-").encode("ascii"))
        value = os.environ.get(name, "-")
        return lambda _: value


def _left(text: str) -> bytes:
    """What is left of lines without what is harmless in them."""
    return text.encode("ascii", "backslashreplace").translate(None, _HARMLESS)


def _host(entry: Entry) -> Any:
    client = entry.client
    return client[0] if client is not None else "-"


def _port(entry: Entry) -> Any:
    client = entry.client
    return client[1] if client is not None else "-"


def _protocol(entry: Entry) -> str:
    return f"HTTP/{entry.version}"


def _request_line(entry: Entry) -> str:
    return f"{entry.method} {entry.target} HTTP/{entry.version}"


def _status(entry: Entry) -> Any:
    return (entry.close_code if entry.event == WEBSOCKET_CLOSE else entry.status) or "-"


def _seconds(entry: Entry) -> str:
    seconds, rest = divmod(entry.duration_us, 1_000_000)
    return f"{seconds}.{rest:06d}"


def _local_time() -> _Get:
    """`[22/Nov/2026:11:16:02 +0000]`, whatever the locale; made once a second."""
    known: dict[int, str] = {}

    def shown(entry: Entry) -> str:
        second = int(entry.time)
        if second not in known:
            known.clear()
            t = time.localtime(second)
            known[second] = (
                f"[{t.tm_mday:02d}/{_MONTHS[t.tm_mon - 1]}/{t.tm_year:04d}"
                f":{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} {time.strftime('%z', t)}]"
            )
        return known[second]

    return shown


def _utc_time(entry: Entry) -> str:
    seconds, rest = divmod(int(entry.time * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"


def _process() -> _Get:
    shown = f"<{os.getpid()}>"
    return lambda _: shown


def _worker() -> _Get:
    shown = str(os.getpid())
    return lambda _: shown


def _user(place: int) -> _Get:
    """The name in `Basic` authorization (RFC 7617), nothing else of it."""

    def shown(entry: Entry) -> str:
        scheme, _, credentials = entry.picked[place].partition(" ")
        if scheme.lower() != "basic":
            return "-"
        try:
            name, colon, _ = base64.b64decode(credentials, validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return "-"
        return name.decode("latin-1") if colon and name else "-"

    return shown


def _response_field(name: bytes) -> _Get:
    """The first field of this name among the response's header lines."""

    def shown(entry: Entry) -> str:
        for line in entry.lines.split(b"\r\n"):
            field, _, value = line.partition(b":")
            if field.lower() == name:
                return value.strip()[:_VALUE_CHARS_MAX].decode("latin-1") or "-"
        # Where the application did not send it, the length was found out while the response was made.
        return str(entry.bytes_out) if name == b"content-length" and entry.bytes_out else "-"

    return shown


_FIELDS = {"f": b"referer", "a": b"user-agent", "traceparent": b"traceparent"}
_ATOMS: dict[str, _Get] = {
    "h": _host,
    "l": lambda _: "-",
    "r": _request_line,
    "m": lambda entry: entry.method,
    "U": lambda entry: entry.path,
    "q": lambda entry: entry.query,
    "H": _protocol,
    "s": _status,
    "B": lambda entry: entry.bytes_out,
    "b": lambda entry: entry.bytes_out or "-",
    "T": lambda entry: entry.duration_us // 1_000_000,
    "M": lambda entry: entry.duration_us // 1000,
    "D": lambda entry: entry.duration_us,
    "L": _seconds,
    "time": _utc_time,
    "port": _port,
    "event": lambda entry: EVENTS[entry.event],
    "ended": lambda entry: ENDINGS[entry.ended],
    "bytes_in": lambda entry: entry.bytes_in,
    "first_byte": lambda entry: entry.first_byte_us,
    "request_id": lambda entry: f"{entry.id_head}{entry.id_tail}",
}
# Those whose function is made with the plan.
_MADE: dict[str, Callable[[], _Get]] = {"t": _local_time, "p": _process, "worker": _worker}
_VARIABLES: dict[str, _Get] = {
    "REMOTE_ADDR": _host,
    "REMOTE_PORT": _port,
    "REQUEST_METHOD": _ATOMS["m"],
    "PATH_INFO": _ATOMS["U"],
    "QUERY_STRING": _ATOMS["q"],
    "RAW_URI": lambda entry: entry.target,
    "REQUEST_URI": lambda entry: entry.target,
    "SERVER_PROTOCOL": _protocol,
}
