"""What a connection remembers of a request for the log: times, bytes, and the request's id.

Only connections whose access log wants details, or whose requests carry an id to the application,
have one: all others do not pay for it.
"""

from time import monotonic
from typing import Any

from penstock.gateway.endings import COMPLETE

# An alias, since a name from the .pxd must not be contradicted by an annotation.
_int = int

_ID_HEADER = b"x-request-id"
_ID_BYTES_MAX = 128
# Printable ASCII without what separates or quotes somewhere.
_ID_BYTES = bytes(b for b in range(0x21, 0x7F) if b not in b'"\\,;')


class Record:
    """One connection's; `begin` starts it anew for each request.

    `log`: an access log that wants details (`observe.access_details`), or None. `prefix`: of the ids
    that are made. `to_app`, `tells_client`: who else sees the id. `bytes_in` is counted by the
    connection; of a WebSocket, `bytes_in` and `bytes_out` are what had come and gone before it.
    `held`: what the log is told once its response has reached the client. `trusted`: the peer is a
    proxy that may say what a request's id is.
    """

    __slots__ = (
        "_began",
        "_first",
        "_log",
        "_number",
        "_prefix",
        "_stream_start_s",
        "_to_app",
        "_told",
        "bytes_in",
        "bytes_out",
        "details",
        "held",
        "tells_client",
        "trusted",
        "wants_lines",
    )

    def __init__(self, log: Any, prefix: str, to_app: bool, tells_client: bool) -> None:
        self._log = log
        self.details = log is not None
        self.wants_lines = log is not None and log.wants_lines
        self._stream_start_s = 0.0 if log is None else log.stream_start_s
        self._prefix = prefix
        self._to_app = to_app
        self.tells_client = tells_client
        self._began = 0.0
        self._first = 0.0
        self._number = 0
        self._told = False
        self.bytes_in = 0
        self.bytes_out = 0
        self.held: Any = None
        self.trusted = False

    def begin(self, head: Any, number: _int) -> float:
        """A request begins, the `number`-th of its worker; returns the time."""
        self._began = monotonic()
        self._first = 0.0
        self._number = number
        self._told = False
        self.bytes_in = 0
        if self._to_app:
            value = self.request_id(head).encode("ascii")
            # What an untrusted client calls itself would pass for the id.
            head.headers[:] = [field for field in head.headers if field[0] != _ID_HEADER]
            head.headers.append((_ID_HEADER, value))
        return self._began

    def request_id(self, head: Any) -> str:
        """The request's id: what a trusted peer says, or the worker's prefix and a number."""
        return self._given_id(head) or f"{self._prefix}{self._number}"

    def _given_id(self, head: Any) -> str:
        return given_id(head.headers) if self.trusted else ""

    def fields(self, head: Any, headers: Any, defaults: bytes) -> bytes:
        """The `defaults` of a response, with the id unless the application's `headers` say one."""
        try:
            for name, _ in headers:
                if name.lower() == _ID_HEADER:
                    return defaults
        except (AttributeError, TypeError, ValueError):
            return defaults  # no header fields: the writer says what is wrong with them
        return b"%b%b: %b\r\n" % (defaults, _ID_HEADER, self.request_id(head).encode("ascii"))

    def started(self) -> None:
        """Something of the response leaves."""
        if not self._first:
            self._first = monotonic()

    def is_due(self) -> bool:
        """Whether a response that goes on is to have a line for its start, once, now."""
        if self._told or not self._stream_start_s:
            return False
        self._told = monotonic() - self._began >= self._stream_start_s
        return self._told

    def note(
        self,
        event: _int,
        client: Any,
        head: Any,
        status: _int,
        ended: _int,
        bytes_in: _int,
        bytes_out: _int,
        close_code: _int,
        lines: bytes,
        hold: bool,
    ) -> None:
        """Tell the log. `hold`: not yet, since the client may not get all of it; see `release`."""
        now = monotonic()
        began = self._began
        first = 0
        if status:
            first = int(((self._first or now) - began) * 1e6)
        duration = int((now - began) * 1e6)
        id_head = self._given_id(head)
        id_tail = ""
        if not id_head:
            id_head = self._prefix
            id_tail = str(self._number)
        if self.held is not None:
            self.release(COMPLETE)
        if hold:
            self.held = (
                event, client, head, status, ended, bytes_in, bytes_out, duration, first, close_code,
                id_head, id_tail, lines, now,
            )  # fmt: skip
        else:
            self._log.note(
                event, client, head, status, ended, bytes_in, bytes_out, duration, first, close_code,
                id_head, id_tail, lines, now,
            )  # fmt: skip

    def release(self, ended: _int) -> None:
        """The response that was held has reached the client, or (`ended`) it has not."""
        held = self.held
        self.held = None
        self._log.note(*held[:4], ended or held[4], *held[5:])


def listed(headers: Any) -> Any:
    """`headers` as a list, since they may be what can be read only once; as they are if they are none."""
    if type(headers) is list:
        return headers
    try:
        return list(headers)
    except TypeError:
        return headers


def given_id(headers: Any) -> str:
    """The id in the request's header fields, "" for none that can be used."""
    try:
        for name, value in headers:
            if name == _ID_HEADER:
                if 0 < len(value) <= _ID_BYTES_MAX and not value.translate(None, _ID_BYTES):
                    text: str = value.decode("ascii")
                    return text
                return ""
    except (AttributeError, TypeError, ValueError):
        pass  # the application has put something else into its scope's list
    return ""
