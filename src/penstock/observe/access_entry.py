"""What a detailed access log notes of one event: a plain tuple, whose places have these names."""

from typing import Any, NamedTuple


class Entry(NamedTuple):
    """`Entry._make` gives names to a noted tuple; see `DetailedLog.note`.

    - `event`, `ended`: numbers of `gateway.endings`. `client`: as in the ASGI scope. `path`,
      `query`: as received. `version`: of HTTP. `status`: 0 if there was no answer.
    - `bytes_in`, `bytes_out`: of the bodies; of a WebSocket all that came and went after the handshake.
    - `duration_us`, `first_byte_us`: microseconds from the end of the request's head. `time`: Unix
      time of the record, in seconds. `close_code`: of a WebSocket that closed, else 0.
    - `id_head`, `id_tail`: the request's id, in two parts that only a line puts together.
    - `picked`: the request's header fields that the format wants, "" for one that is not there.
    - `lines`: the response's header lines, where the format looks at them.
    """

    event: int
    client: Any
    method: str
    path: str
    query: str
    version: str
    status: int
    ended: int
    bytes_in: int
    bytes_out: int
    duration_us: int
    first_byte_us: int
    time: float
    id_head: str
    id_tail: str
    close_code: int
    picked: Any
    lines: bytes

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path
