"""One HTTP/2 connection of a server (RFC 9113), sans-IO: bytes in, events out; answers in, bytes out.

The layers below: `http2.Reader` cuts bytes into frames, `http2_sending.Sender` frames and orders what
leaves, `http2_control.Control` does what steers the connection. Here are requests and their bodies.
"""

from typing import Any

from penstock.errors import CompressionError, Http2Error, HttpError, StreamError
from penstock.wire.hpack import Decoder
from penstock.wire.http1_steer import too_large
from penstock.wire.http2_budget import SMALL_BYTES, UNWRITTEN_MAX
from penstock.wire.http2_control import Control
from penstock.wire.http2_end import Http2End
from penstock.wire.http2_events import DATA, NEED_MORE, REFUSED, REQUEST
from penstock.wire.http2_fields import PRIORITY
from penstock.wire.http2_frames import (
    COMPRESSION_ERROR,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    INITIAL_TABLE,
    NO_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_ID_MAX,
    TYPE_DATA,
    TYPE_HEADERS,
    TYPE_PUSH_PROMISE,
)
from penstock.wire.http2_head import check_trailers, make_head, value_of
from penstock.wire.http2_limits import Http2Limits
from penstock.wire.http2_states import (
    CLOSED_BY_END,
    FAULTS,
    HALF_CLOSED_LOCAL,
    HALF_CLOSED_REMOTE,
    IGNORED,
    INPUTS,
    NEXT,
    RECV_DATA,
    RECV_DATA_END,
    RECV_HEADERS,
    RECV_HEADERS_END,
    RESERVED_LOCAL,
)
from penstock.wire.priority import URGENCY, parse_priority

_NEED_MORE = NEED_MORE
_REQUEST = REQUEST
_REFUSED = REFUSED
_DATA = DATA
_URGENCY = URGENCY
_SMALL_BYTES = SMALL_BYTES
_UNWRITTEN_MAX = UNWRITTEN_MAX
_PRIORITY = PRIORITY
# limit_request_fields does not count these (RFC 9113 section 8.3.1, RFC 8441 section 4).
_PSEUDO_FIELDS = 5


class Session(Control):
    """All streams of one connection.

    Feed with `receive`, ask with `next` until NEED_MORE; whoever wants to stop in between leaves the
    rest undecoded (`pending`). Give answers with `respond`, `headers`, `send`, `send_source`, and
    promise others with `push`; write what `take` gives. Acknowledgements, answers to PING, WINDOW_UPDATE, RST_STREAM and GOAWAY are
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
      while the application still works on them (H01, H02). `pushed`: the same of those that were
      promised, which have a limit of their own.
    - `queued_bytes`: body bytes that wait in all streams.
    - `drained`: ends that may be written to again; `failed`: ends whose source gave less than it had
      to (see `send_source`), which were reset. None for none; the holder takes them after `take`, and
      sets None.
    - `leaving`: our last GOAWAY is out, no new stream is taken. `ping_open`: our PING has no answer
      yet.
    """

    __slots__ = ("_decoder", "data", "ended", "head", "option", "protocol", "status")

    def __init__(self, limits: Http2Limits, websockets: bool) -> None:
        """`limits` are shared by all connections; `websockets`: offer extended CONNECT."""
        Control.__init__(self, limits, websockets)
        # What holds where no SETTINGS say otherwise, and ours do not: so no block of the client's has
        # to start with another size (RFC 9113 section 4.3.1).
        self._decoder = Decoder(INITIAL_TABLE)
        self.head: Any = None
        self.protocol = b""
        self.ended = False
        self.data = b""
        self.status = 0
        self.option = ""

    def receive(self, data: bytes) -> None:
        """Take over what arrived, the client's preface first (RFC 9113 section 3.4). The object is
        kept, not copied, where nothing is left over."""
        if not self._dead:
            self._reader.feed(data)

    def pending(self) -> int:
        """Bytes that were fed and are not decoded yet; after NEED_MORE those of a frame that is not
        whole."""
        return self._reader.pending()

    def next(self) -> int:
        """The next event. Raises Http2Error for a connection error (RFC 9113 section 5.4.1): its
        GOAWAY is queued; write what `take` gives, then close. No more events come after it."""
        if self._dead:
            return _NEED_MORE
        reader = self._reader
        try:
            while True:
                kind = reader.next()
                try:
                    if kind == TYPE_HEADERS:
                        event = self._on_headers()
                    elif kind == TYPE_DATA:
                        event = self._on_data()
                    elif kind < 0:
                        return _NEED_MORE
                    else:
                        event = self._steered(kind)
                except StreamError as error:
                    event = self._end_in_error(reader.number, error)
                if event:
                    return event
                if self._unwritten > _UNWRITTEN_MAX:
                    raise Http2Error(
                        ENHANCE_YOUR_CALM,
                        f"more than {_UNWRITTEN_MAX} answers that the peer does not read",
                        "RFC 9113 10.5",
                    )
        except Http2Error as error:
            self._die(error)
            raise
        except CompressionError as error:
            fault = Http2Error(COMPRESSION_ERROR, str(error), error.rule)
            self._die(fault)
            raise fault from None

    def push(self, end: Http2End, block: bytes) -> Http2End | None:
        """Promise the response to a request that the peer has not made (section 8.4): `block` is its
        header block, made without the dynamic table. Returns its stream, to be answered as if it had
        come as a REQUEST that is whole, `done` included. None, and nothing was sent: the peer takes
        no pushes, or no more of them; `end` is not one of its requests, or has its answer; one side
        leaves; or there are `streams_max` of them already."""
        number = self._promised + 2
        if (
            not self._pushes
            or self._peer_leaves
            or self._dead
            or self.leaving
            or not end.open
            or not end.id & 1
            or end.tunnel
            or self.pushed >= min(self._pushed_max, self.limits.streams_max)
            or number > STREAM_ID_MAX
        ):
            return None
        self._promised = number
        self._frame_block(end.id, TYPE_PUSH_PROMISE, 0, block, number)
        promised = Http2End.__new__(Http2End)
        promised.begin(number, RESERVED_LOCAL, self._peer_window, 0)
        promised.urgency = end.urgency
        promised.incremental = end.incremental
        self._streams[number] = promised
        self.pushed += 1
        return promised

    def _on_headers(self) -> int:
        """A header block: it is decoded whatever becomes of it, for the table's sake (4.3)."""
        reader = self._reader
        limits = self.limits
        decoder = self._decoder
        number = reader.number
        fields = decoder.decode(reader.payload, limits.head_max, limits.fields_max + _PSEUDO_FIELDS)
        ended = reader.ended
        end = self._streams.get(number)
        state = self._closed_state(number) if end is None else end.state
        verdict = NEXT[state * INPUTS + (RECV_HEADERS_END if ended else RECV_HEADERS)]
        if verdict & FAULTS:
            self._judge(verdict, number)
        if verdict == IGNORED:
            self._churn()
            return _NEED_MORE
        if end is not None:
            return self._on_trailers(end, fields, verdict)
        if not number & 1:
            raise Http2Error(
                PROTOCOL_ERROR,
                f"the client opens stream {number}, an even number",
                "RFC 9113 5.1.1",
            )
        self._open_number(number)
        if self.active >= limits.streams_max:
            # As a stream error, it counts as one that was reset (H13).
            raise StreamError(
                REFUSED_STREAM, f"more than {limits.streams_max} streams", "RFC 9113 5.1.2"
            )
        self.status = 0
        self.head = None
        if decoder.too_large:
            self._refuse(431, "request head too long", "limit_request_head")
        else:
            try:
                self.head = make_head(fields, ended, self.websockets, limits)
            except HttpError as error:
                self._refuse(error.status, str(error), error.option)
        end = Http2End.__new__(Http2End)
        end.begin(number, verdict, self._peer_window, limits.stream_window)
        self._streams[number] = end
        self.active += 1
        self.stream = end
        self.ended = ended
        early = None
        if self._early:
            early = self._early.pop(number, None)
            if early is not None:
                end.urgency, end.incremental = parse_priority(early, _URGENCY, False)
        if self.status:
            if not ended:
                end.remaining = -1
            return _REFUSED
        head = self.head
        end.remaining = head.content_length
        self.protocol = head.upgrade
        end.tunnel = head.upgrade != b""
        if head.bits & _PRIORITY and early is None:
            end.urgency, end.incremental = parse_priority(
                value_of(head.headers, b"priority"), _URGENCY, False
            )
        return _REQUEST

    def _refuse(self, status: int, text: str, option: str) -> None:
        self.status = status
        self.text = text
        self.option = option

    def _on_trailers(self, end: Http2End, fields: list[tuple[bytes, bytes]], state: int) -> int:
        """A second header block (section 8.1). ASGI has no event for trailers of a request, and
        merging them into the head is an attack: they are checked and dropped."""
        if end.tunnel:
            raise StreamError(PROTOCOL_ERROR, "HEADERS on a CONNECT stream", "RFC 9113 8.5")
        if self._decoder.too_large:
            raise StreamError(
                ENHANCE_YOUR_CALM, "trailers too long", "RFC 9113 10.5.1", "limit_request_head"
            )
        check_trailers(fields)
        if end.remaining > 0:
            raise StreamError(
                PROTOCOL_ERROR, f"{end.remaining} bytes less than content-length", "RFC 9113 8.1.1"
            )
        return self._deliver(end, b"", state)

    def _on_data(self) -> int:
        """A piece of a DATA frame, which counts against both windows before anything else (6.9)."""
        reader = self._reader
        number = reader.number
        end = self._streams.get(number)
        data = reader.payload
        size = len(data)
        padding = 0
        if reader.fresh:
            if reader.size > self._receive_window:
                raise Http2Error(
                    FLOW_CONTROL_ERROR, "DATA beyond the connection's window", "RFC 9113 6.9"
                )
            self._receive_window -= reader.size
            padding = reader.size - reader.body
            if padding:
                self._give_back(padding)
            if reader.body < _SMALL_BYTES and not reader.ended:
                if reader.body:
                    self._budget.small()
                else:
                    self._budget.empty()
        ended = reader.ended
        state = self._closed_state(number) if end is None else end.state
        verdict = NEXT[state * INPUTS + (RECV_DATA_END if ended else RECV_DATA)]
        if end is None or verdict & FAULTS:
            if size:
                self._give_back(size)
            self._judge(verdict, number)
            self._churn()
            return _NEED_MORE
        if reader.fresh:
            end.receive_window -= reader.size
            if end.receive_window < 0:
                self._give_back(size)
                raise StreamError(
                    FLOW_CONTROL_ERROR, "DATA beyond the stream's window", "RFC 9113 6.9"
                )
            # Padding is nobody's to consume; the stream's share goes with the next WINDOW_UPDATE.
            end.unreturned += padding
        end.unread += size
        end.received += size
        if end.remaining >= 0:
            end.remaining -= size
            if end.remaining < 0 or (ended and end.remaining):
                # Nobody gets it, so nobody would give it back.
                end.unread -= size
                self._give_back(size)
                raise StreamError(
                    PROTOCOL_ERROR, "a body of another length than content-length", "RFC 9113 8.1.1"
                )
        elif 0 <= self.limits.body_max < end.received and end.open and not end.refused:
            return self._refuse_body(end, verdict)
        return self._deliver(end, data, verdict)

    def _deliver(self, end: Http2End, data: bytes, state: int) -> int:
        """Body for the application, unless nobody waits for it any more."""
        end.state = state
        if end.refused or not end.open:
            self._drop(end, len(data))
            return _NEED_MORE
        ended = state == HALF_CLOSED_REMOTE
        if not data and not ended:
            return _NEED_MORE
        self.stream = end
        self.data = data
        self.ended = ended
        return _DATA

    def _drop(self, end: Http2End, size: int) -> None:
        """Body bytes that came after the response was given."""
        if size:
            self.consumed(end, size)
        if end.state == CLOSED_BY_END:
            self._close(end, CLOSED_BY_END)
        elif end.state == HALF_CLOSED_LOCAL:
            self._ended_early(end)

    def _refuse_body(self, end: Http2End, state: int) -> int:
        error = too_large(self.limits.body_max)
        self._refuse(error.status, str(error), error.option)
        end.refused = True
        end.state = state
        self.stream = end
        self.ended = state == HALF_CLOSED_REMOTE
        return _REFUSED

    def _ended_early(self, end: Http2End) -> None:
        """The response is whole and the request is not. What is left of it may still come where the
        window has room for it; else the client is told to stop (section 8.1)."""
        if end.remaining > end.receive_window or end.receive_window <= 0:
            self._reset(end, NO_ERROR)
