"""What the log says of a request whose application failed: everything that helps, and no secret (X07)."""

from typing import Any

from penstock.transport.worker import peer, shown

# Tracebacks in one second; a broken application under load must not fill the disk. What is left out
# is counted.
CRASHES_MAX = 50
_FIELDS_MAX = 40

# Parts of the names of header fields that let somebody in, or are likely to.
_SECRETS = (
    b"auth",
    b"cookie",
    b"credential",
    b"key",
    b"pass",
    b"secret",
    b"session",
    b"signature",
    b"token",
)


class Crashes:
    """Bounds how many failures of the application are told in a second."""

    __slots__ = ("_count", "_since")

    def __init__(self) -> None:
        self._count = 0
        self._since = float("-inf")

    def ask(self, now: float) -> tuple[bool, int]:
        """Whether one more is to be told at `now` (seconds), and how many were left out before it."""
        left_out = 0
        if now - self._since >= 1:
            left_out = self.take_left_out()
            self._since = now
        self._count += 1
        return self._count <= CRASHES_MAX, left_out

    def take_left_out(self) -> int:
        """How many were left out so far, once."""
        left_out = max(self._count - CRASHES_MAX, 0)
        self._count = 0
        return left_out

    def is_over(self, now: float) -> bool:
        """Whether some were left out, in a second that is over."""
        return self._count > CRASHES_MAX and now - self._since >= 1


def described(worker: Any, exchange: Any) -> str:
    """Id, client and header fields of a request, as a part of a line; "" if they cannot be told."""
    head = getattr(exchange, "head", None)
    if head is None:
        return ""
    parts = []
    # Rare, and bounded by `Crashes`: no reason for each exchange to know its connection.
    for connection in worker.connections:
        if any(each is exchange for each in connection.exchanges()):
            number, client = connection.identity(exchange)
            parts = [f"id {number}", f"from {peer(client)}"]
            break
    fields = []
    try:
        for name, value in head.headers[:_FIELDS_MAX]:
            shown_value = "(hidden)" if is_secret(name) else shown(value.decode("latin-1"))
            fields.append(f"{shown(name.decode('latin-1'))}: {shown_value}")
    except (AttributeError, TypeError, ValueError):
        fields.append("(what follows is no header field)")  # the application changed the list
    more = len(head.headers) - _FIELDS_MAX
    if more > 0:
        fields.append(f"{more} more")
    return f" ({', '.join(parts)})" * bool(parts) + f"; headers: {'; '.join(fields)}" * bool(fields)


def is_secret(name: bytes) -> bool:
    """Whether a header field of this lower-case name is not for a log."""
    return any(part in name for part in _SECRETS)
