"""An HTTP answer instead of a WebSocket (extension `websocket.http.response`, WS-DENY)."""

from typing import Any

from penstock.errors import MessageError
from penstock.gateway.stream import Stream


class Denial:
    """One denial response, from its `.start` on.

    `left` is what remains of the declared content-length in bytes, -1 without one; `begun` says
    that some of the body has been passed on, so that the answer can no longer be replaced.
    """

    __slots__ = ("_bodyless", "begun", "left", "status")

    def __init__(self, stream: Stream, message: dict[str, Any]) -> None:
        """Raises `MessageError` for a bad status (1xx too, WS-DENY-11) or header."""
        status: Any = message.get("status")
        headers = message.get("headers")
        self._bodyless = isinstance(status, int) and status in {204, 304}
        self.left = stream.head(status, [] if headers is None else headers, self._bodyless, False)
        self.status = int(status)
        self.begun = False

    def body(self, message: dict[str, Any]) -> tuple[bytes, bool]:
        """Check one body message; returns the bytes to send and whether they are the last.

        Raises `MessageError` for wrong types and for more than was declared (A02); then nothing has
        been counted.
        """
        data = message.get("body", b"")
        more = message.get("more_body", False)
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise MessageError(f"body must be bytes, got {type(data).__name__}")
        if not isinstance(more, bool):
            raise MessageError(f"more_body must be a bool, got {type(more).__name__}")
        data = b"" if self._bodyless else bytes(data)
        if self.left >= 0 and not self._bodyless:
            if len(data) > self.left:
                raise MessageError(
                    f"{len(data)} bytes of body where {self.left} were left of the declared "
                    "content-length"
                )
            self.left -= len(data)
        self.begun = True
        return data, not more

    def is_short(self) -> bool:
        """Whether an end now would miss the declared length (A03)."""
        return self.left > 0 and not self._bodyless
