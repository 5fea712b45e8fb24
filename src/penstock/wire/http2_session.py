"""One HTTP/2 connection of a server (RFC 9113), sans-IO: bytes in, events out; answers in, bytes out."""

from typing import Any

from penstock.wire.http2_end import Http2End
from penstock.wire.http2_limits import Http2Limits


class Session:
    """All streams of one connection.

    Feed with `receive`, ask with `next` until NEED_MORE; whoever wants to stop in between leaves the
    rest undecoded (`pending`). Give answers with `respond`, `headers`, `send`, `send_source`; write
    what `take` gives. Acknowledgements, answers to PING, WINDOW_UPDATE, RST_STREAM and GOAWAY are
    made here and leave with `take`; the server's SETTINGS wait there from the start.

    Fields of the last event, see `http2_events`; those that it does not name are stale
    - `stream`: its `Http2End`. `head`: `events.Head`, `http_version` "2". `protocol`: b"", or
      b"websocket" for an extended CONNECT (RFC 8441; `head.method` is then "CONNECT").
    - `ended`: END_STREAM was there. Trailers are checked and dropped: they are DATA, b"", ended.
    - `data`: bytes; a slice of what was fed, or the fed object itself; kept by nobody else.
    - `status`, `text`, `option`: what REFUSED says: status to answer with, why, and the option that
      would change it.
    - `code`, `ours`, `text`: of RESET the error code (RFC 9113 section 7), True where the session
      reset the stream for the peer's fault, and that fault; of GOAWAY the code.

    Other attributes
    - `active`: streams that have a place in the stream limit: open ones, and those that were reset
      while the application still works on them (H01, H02).
    - `queued_bytes`: body bytes that wait in all streams.
    - `drained`: ends that may be written to again; the holder empties the list after `take`.
    - `leaving`: our last GOAWAY is out, no new stream is taken. `ping_open`: our PING has no answer
      yet.
    - `head_open`: a header block has begun and is not whole (its deadline is `tick`'s).
    """

    def __init__(self, limits: Http2Limits, websockets: bool) -> None:
        """`limits` are shared by all connections; `websockets`: offer extended CONNECT."""
        raise NotImplementedError

    def receive(self, data: bytes) -> None:
        """Take over what arrived, the client's preface first (RFC 9113 section 3.4). The object is
        kept, not copied, where nothing is left over."""
        raise NotImplementedError

    def pending(self) -> int:
        """Bytes that were fed and are not decoded yet; 0 again once `next` gave NEED_MORE and no
        frame is half there."""
        raise NotImplementedError

    def next(self) -> int:
        """The next event. Raises Http2Error for a connection error (RFC 9113 section 5.4.1): its
        GOAWAY is queued; write what `take` gives, then close. No more events come after it."""
        raise NotImplementedError

    def respond(self, end: Http2End, block: bytes, data: bytes) -> bool:
        """A whole response: `block` as HEADERS, `data` as DATA, the last of them with END_STREAM.

        The quick way for what `headers` and `send` do; the same contract as theirs.
        """
        raise NotImplementedError

    def headers(self, end: Http2End, block: bytes, fin: bool) -> None:
        """Send a header block (HPACK, made without the dynamic table): 1xx, final or trailers.

        Cut into HEADERS and CONTINUATION as the peer's SETTINGS_MAX_FRAME_SIZE needs, in its place
        behind body bytes that wait. `fin`: END_STREAM. Nothing happens on a stream that is not
        `open`.
        """
        raise NotImplementedError

    def send(self, end: Http2End, data: bytes, fin: bool) -> bool:
        """Send body bytes; `fin`: END_STREAM follows them.

        Framed at once as far as the windows allow and nothing is before them, else queued without
        copying. False while more waits than the high-water mark, of this stream or of all: then the
        end comes back in `drained` once there is room. True on a stream that is not `open`, where
        nothing happens.
        """
        raise NotImplementedError

    def send_source(self, end: Http2End, source: Any, count: int, fin: bool) -> None:
        """Send `count` bytes that `source.read(n)` gives (at most `n` bytes, called from `take` when
        there is room for them). `source.close()` is called exactly once, when it is needed no more,
        for whatever reason. A source that ends early resets the stream with INTERNAL_ERROR, of which
        `next` tells with RESET, `ours`."""
        raise NotImplementedError

    def reset(self, end: Http2End, code: int) -> None:
        """End the stream with RST_STREAM, what waits on it is dropped. No RESET event follows.
        Nothing happens where both sides have ended it."""
        raise NotImplementedError

    def consumed(self, end: Http2End, count: int) -> None:
        """`count` bytes of DATA events were taken by the application, or will be by nobody: the
        windows are given back, in batches (RFC 9113 section 6.9). What was not consumed when the
        stream ends or is reset is given back to the connection by `done`."""
        raise NotImplementedError

    def done(self, end: Http2End) -> None:
        """The application's call has ended; exactly once for each REQUEST (and for each REFUSED,
        after its answer), also after RESET: frees the stream's place in the limit."""
        raise NotImplementedError

    def prioritize(self, end: Http2End, value: bytes) -> None:
        """Change a stream's priority to what a `priority` field of the response says (RFC 9218
        section 5); what it does not name stays, what is malformed is ignored."""
        raise NotImplementedError

    def go_away(self, code: int, last: bool) -> None:
        """Queue a GOAWAY. Graceful stop (RFC 9113 section 6.8): once with `last` False, which only
        warns; a round trip later with `last` True, from then on streams are refused."""
        raise NotImplementedError

    def ping(self) -> None:
        """Queue a PING, unless one has no answer yet."""
        raise NotImplementedError

    def tick(self, now: float) -> None:
        """About once a second, `now` in seconds of any monotonic clock: budgets recover, deadlines
        of SETTINGS and of header blocks are looked at. Raises Http2Error as `next` does."""
        raise NotImplementedError

    def ends(self) -> list[Http2End]:
        """The streams that are not closed, oldest first; a copy."""
        raise NotImplementedError

    def has_output(self) -> bool:
        """Whether `take` would give anything."""
        raise NotImplementedError

    def take(self, bytes_max: int) -> bytes:
        """What is to be written next: everything but bodies, and as much of these as windows allow,
        in order of priority, until `bytes_max` is reached (passed by one frame at most)."""
        raise NotImplementedError
