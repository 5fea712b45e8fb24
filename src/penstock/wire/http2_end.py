"""Our end of one HTTP/2 stream: what `http2_session` keeps of it."""

from typing import Any


class Http2End:
    """One stream, as its session sees it. Made by the session, one for each request, with `begin`.

    For whoever holds the session:
    - `id`: the stream identifier. `owner`: the holder's object for this stream, None until it sets
      one; the session never looks into it.
    - `waiting`: bytes of body that are queued and not framed yet.
    - `open`: frames may still be sent on it; False after END_STREAM was given or after a reset.
    - `urgency` (0 first, 7 last) and `incremental`: RFC 9218 section 4.

    For the session: `state` (`http2_states`); `send_window` and `receive_window`, bytes that may
    still be sent and received; `window`, what `receive_window` is filled up to; `unreturned`, bytes
    consumed and not given back yet; `unread`, bytes received and not consumed; `remaining`, bytes of
    body that were declared and did not come yet, -1 for an unknown length; `received`, bytes of body
    so far; `items` and `offset`, what waits to be sent; `fin`, END_STREAM follows it; `blocked`, the
    holder was told to wait; `refused`, its body passed a limit; `tunnel`, it is a CONNECT; `queued`, it stands in line to be sent; `turn`, bytes sent in this turn;
    `ticks`, how long the rest of a body came that nobody reads; `lingers`, it was reset, and the application has not ended yet; `done`, the application has ended.
    """

    __slots__ = (
        "blocked",
        "done",
        "fin",
        "id",
        "incremental",
        "items",
        "lingers",
        "offset",
        "open",
        "owner",
        "queued",
        "receive_window",
        "received",
        "refused",
        "remaining",
        "send_window",
        "state",
        "ticks",
        "tunnel",
        "turn",
        "unread",
        "unreturned",
        "urgency",
        "waiting",
        "window",
    )

    def begin(self, number: int, state: int, send_window: int, window: int) -> None:
        """A stream that is opened; windows in bytes."""
        self.id = number
        self.state = state
        self.send_window = send_window
        self.receive_window = window
        self.window = window
        self.unreturned = 0
        self.unread = 0
        self.remaining = 0
        self.received = 0
        self.owner: Any = None
        self.urgency = 3
        self.incremental = False
        self.waiting = 0
        self.items: Any = None
        self.offset = 0
        self.fin = False
        self.open = True
        self.blocked = False
        self.refused = False
        self.tunnel = False
        self.queued = False
        self.turn = 0
        self.ticks = 0
        self.lingers = False
        self.done = False
