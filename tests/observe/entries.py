"""Entries of the detailed access log, for tests of its formats."""

from typing import Any

from penstock.observe.access_entry import Entry

# 2026-11-22 11:16:02.123 UTC
MOMENT = 1795346162.123

PLAIN = Entry(
    event=0,
    client=("127.0.0.1", 54321),
    method="GET",
    path="/a%20b",
    query="q=1",
    version="1.1",
    status=200,
    ended=0,
    bytes_in=5,
    bytes_out=1234,
    duration_us=2_001_234,
    first_byte_us=567,
    time=MOMENT,
    id_head="abc-",
    id_tail="7",
    close_code=0,
    picked=[],
    lines=b"",
)


def entry(**changes: Any) -> tuple[Any, ...]:
    """A plain tuple as `note` makes it."""
    return tuple(PLAIN._replace(**changes))


# Text that a peer may send where none of it should matter (X06), as latin-1 text.
ODD = (
    "\nINFO: forged",
    "\x1b[31m",
    "\u202e".encode().decode("latin-1"),
    '" 200 OK',
    "\\x41",
    "\x7f\x00",
    '","status":500,"x":"',
    "\xe9\xff",
)
