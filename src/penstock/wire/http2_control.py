"""Frames that steer an HTTP/2 connection, and its end (RFC 9113 sections 6.3 to 6.9; RFC 9218).

`Control` is the middle of a session: what the peer says with SETTINGS, PING, RST_STREAM, GOAWAY,
WINDOW_UPDATE and PRIORITY_UPDATE, and what the server says on its own.
"""

from typing import Any

from penstock.errors import Http2Error, StreamError
from penstock.wire.http2 import Reader
from penstock.wire.http2_budget import SETTINGS_IN_ONE_MAX, Budget
from penstock.wire.http2_end import Http2End
from penstock.wire.http2_events import GOAWAY, NEED_MORE, RESET
from penstock.wire.http2_frames import (
    ENHANCE_YOUR_CALM,
    FLAG_ACK,
    FLOW_CONTROL_ERROR,
    FRAME_MAX,
    FRAME_MIN,
    INITIAL_TABLE,
    INITIAL_WINDOW,
    NO_ERROR,
    PROTOCOL_ERROR,
    SETTINGS_ACK,
    SETTINGS_ENABLE_PUSH,
    SETTINGS_HEADER_TABLE_SIZE,
    SETTINGS_INITIAL_WINDOW_SIZE,
    SETTINGS_MAX_CONCURRENT_STREAMS,
    SETTINGS_MAX_FRAME_SIZE,
    SETTINGS_OF_ONE_BIT,
    SETTINGS_TIMEOUT,
    STREAM_ID_MAX,
    TYPE_GOAWAY,
    TYPE_PING,
    TYPE_PRIORITY_UPDATE,
    TYPE_RST_STREAM,
    TYPE_SETTINGS,
    TYPE_WINDOW_UPDATE,
    WINDOW_MAX,
    error_name,
    goaway,
    ping,
    rst_stream,
)
from penstock.wire.http2_limits import Http2Limits, greeting
from penstock.wire.http2_sending import Sender
from penstock.wire.http2_states import (
    CLOSED_BY_END,
    CLOSED_BY_US,
    CODE,
    CONNECTION_FAULT,
    HALF_CLOSED_LOCAL,
    IDLE,
    INPUTS,
    NEXT,
    RECV_RST_STREAM,
    RECV_WINDOW_UPDATE,
    SKIPPED,
    STREAM_FAULT,
)
from penstock.wire.priority import URGENCY, parse_priority

_RESET = RESET
_GOAWAY = GOAWAY
_NEED_MORE = NEED_MORE
_URGENCY = URGENCY
_PING = b"penstock"
# Ranges of numbers that the peer has passed over, and priorities of streams not opened yet, which
# are kept; of more the oldest are forgotten.
_GAPS_MAX = 32
_EARLY_MAX = 100
# For how many ticks the rest of a request's body may come once its response is whole.
_LATE_TICKS_MAX = 5
# Block bytes beyond the limit of a head: a head that is only just too large gets an answer.
_BLOCK_SLACK = 16384
_BODY_BYTES_A_FRAME = 256
_FRAMES_OF_A_REQUEST = 4


class Control(Sender):
    """The steering half of a connection's frames. See `Session`, which is this and more."""

    __slots__ = (
        "_budget",
        "_early",
        "_gaps",
        "_goaway_last",
        "_granted",
        "_head_due",
        "_head_number",
        "_last",
        "_peer_leaves",
        "_promised",
        "_pushed_max",
        "_pushes",
        "_reader",
        "_settings_due",
        "_settings_open",
        "_then",
        "code",
        "leaving",
        "ours",
        "ping_open",
        "stream",
        "text",
        "websockets",
    )

    def __init__(self, limits: Http2Limits, websockets: bool) -> None:
        Sender.__init__(self, limits)
        self.websockets = websockets
        self._budget = Budget()
        self._reader = Reader(limits.frame_max, limits.head_max + _BLOCK_SLACK)
        self._last = 0
        self._promised = 0
        # What the peer's SETTINGS say where they say nothing (section 6.5.2).
        self._peer_leaves = False
        self._pushes = True
        self._pushed_max = STREAM_ID_MAX
        self._goaway_last = STREAM_ID_MAX
        self._gaps: list[tuple[int, int]] | None = None
        self._early: dict[int, bytes] | None = None
        self._granted = 0
        self._settings_open = True
        self._settings_due = 0.0
        self._head_number = 0
        self._head_due = 0.0
        self._then = -1.0
        self.stream: Any = None
        self.code = 0
        self.ours = False
        self.text = ""
        self.leaving = False
        self.ping_open = False
        self._out.append(greeting(limits, websockets))
        self._receive_window += max(limits.connection_window - INITIAL_WINDOW, 0)
        self._window = self._receive_window

    def reset(self, end: Http2End, code: int) -> None:
        """End the stream with RST_STREAM, what waits on it is dropped. No RESET event follows.
        Nothing happens where both sides have ended it."""
        if end.state < CLOSED_BY_END:
            self._reset(end, code)

    def go_away(self, code: int, last: bool) -> None:
        """Queue a GOAWAY. Graceful stop (RFC 9113 section 6.8): once with `last` False, which only
        warns; a round trip later with `last` True, from then on streams are refused."""
        if last and not self.leaving:
            self.leaving = True
            self._goaway_last = self._last
        self._queue_control(goaway(self._goaway_last, code, ""))

    def ping(self) -> None:
        """Queue a PING, unless one has no answer yet."""
        if not self.ping_open:
            self.ping_open = True
            self._queue_control(ping(_PING, False))

    def tick(self, now: float) -> None:
        """About once a second, `now` in seconds of any monotonic clock: budgets recover, deadlines
        of SETTINGS and of header blocks are looked at. Raises Http2Error as `next` does."""
        if self._dead:
            return
        if self._then < 0:
            self._then = now
        seconds = now - self._then
        if seconds >= 1:
            self._budget.recover(seconds, self._progress())
            self._then = now
        error = self._overdue(now)
        if error is not None:
            self._die(error)
            raise error
        for end in self.ends():
            if end.state == HALF_CLOSED_LOCAL:
                end.ticks += 1
                if end.ticks > _LATE_TICKS_MAX:
                    self._reset(end, NO_ERROR)

    def _overdue(self, now: float) -> Http2Error | None:
        """A deadline that is over; each counts from the first tick that sees what it is for."""
        limits = self.limits
        if self._settings_open and limits.settings_s:
            if not self._settings_due:
                self._settings_due = now + limits.settings_s
            elif now > self._settings_due:
                return Http2Error(
                    SETTINGS_TIMEOUT,
                    f"SETTINGS were not acknowledged within {limits.settings_s:g} s",
                    "RFC 9113 6.5.3",
                )
        number = self._reader.number if self._reader.head_open() else 0
        if number != self._head_number:
            self._head_number = number
            self._head_due = now + limits.head_s
        elif number and limits.head_s and now > self._head_due:
            return Http2Error(
                ENHANCE_YOUR_CALM,
                f"a header block did not become whole within {limits.head_s:g} s",
                "RFC 9113 10.5",
                "timeout_request_head",
            )
        return None

    # ---------------------------------------------------------------------- what the peer says

    def _steered(self, kind: int) -> int:
        """A frame that is neither HEADERS nor DATA; the event that it is, NEED_MORE for none."""
        if kind == TYPE_WINDOW_UPDATE:
            return self._on_window_update()
        if kind == TYPE_RST_STREAM:
            return self._on_rst_stream()
        if kind == TYPE_SETTINGS:
            self._on_settings()
            return _NEED_MORE
        self._churn()
        if kind == TYPE_PING:
            payload = self._reader.payload
            if not self._reader.flags & FLAG_ACK:
                self._queue_control(ping(payload, True))
            elif payload == _PING:
                self.ping_open = False
        elif kind == TYPE_GOAWAY:
            self._peer_leaves = True
            self.code = int.from_bytes(self._reader.payload[4:8], "big")
            return _GOAWAY
        elif kind == TYPE_PRIORITY_UPDATE:
            self._on_priority_update()
        # PRIORITY says nothing any more (section 5.3.2), unknown types never did (section 5.5).
        return _NEED_MORE

    def _on_settings(self) -> None:
        """Section 6.5; the last of several values of one setting counts."""
        self._budget.settings()
        if self._reader.flags & FLAG_ACK:
            self._settings_open = False
            return
        payload = self._reader.payload
        if len(payload) > SETTINGS_IN_ONE_MAX * 6:
            raise Http2Error(
                ENHANCE_YOUR_CALM,
                f"{len(payload) // 6} settings in one frame, more than {SETTINGS_IN_ONE_MAX}",
                "RFC 9113 10.5",
            )
        for start in range(0, len(payload), 6):
            self._set(
                int.from_bytes(payload[start : start + 2], "big"),
                int.from_bytes(payload[start + 2 : start + 6], "big"),
            )
        self._queue_control(SETTINGS_ACK)

    def _set(self, name: int, value: int) -> None:
        if name == SETTINGS_INITIAL_WINDOW_SIZE:
            if value > WINDOW_MAX:
                raise Http2Error(
                    FLOW_CONTROL_ERROR, f"SETTINGS_INITIAL_WINDOW_SIZE {value}", "RFC 9113 6.5.2"
                )
            change = value - self._peer_window
            self._peer_window = value
            for end in self.ends():
                end.send_window += change
                if end.send_window > WINDOW_MAX:
                    raise Http2Error(
                        FLOW_CONTROL_ERROR, "a stream's window beyond 2^31-1", "RFC 9113 6.9.2"
                    )
                if change > 0:
                    self._window_opened(end)
        elif name == SETTINGS_MAX_FRAME_SIZE:
            # Ours are never longer than the least that a peer may allow.
            if not FRAME_MIN <= value <= FRAME_MAX:
                raise Http2Error(
                    PROTOCOL_ERROR, f"SETTINGS_MAX_FRAME_SIZE {value}", "RFC 9113 6.5.2"
                )
        elif name in SETTINGS_OF_ONE_BIT:
            if value > 1:
                raise Http2Error(PROTOCOL_ERROR, f"setting {name:#x} is {value}", "RFC 9113 6.5.2")
            if name == SETTINGS_ENABLE_PUSH:
                self._pushes = value == 1
        elif name == SETTINGS_MAX_CONCURRENT_STREAMS:
            self._pushed_max = value
        elif name == SETTINGS_HEADER_TABLE_SIZE and value < INITIAL_TABLE:
            # RFC 7541 section 4.2: the next block says that we keep to it. Ours use no table.
            self._table_update = True
            self._set_quick()

    def _on_window_update(self) -> int:
        """Section 6.9."""
        self._churn()
        reader = self._reader
        increment = int.from_bytes(reader.payload, "big") & WINDOW_MAX
        number = reader.number
        if number == 0:
            if increment == 0:
                raise Http2Error(PROTOCOL_ERROR, "WINDOW_UPDATE by 0", "RFC 9113 6.9")
            self._granted += increment
            self._send_window += increment
            if self._send_window > WINDOW_MAX:
                raise Http2Error(
                    FLOW_CONTROL_ERROR, "the connection's window beyond 2^31-1", "RFC 9113 6.9.1"
                )
            return _NEED_MORE
        end = self._streams.get(number)
        if end is None:
            self._judge(NEXT[self._closed_state(number) * INPUTS + RECV_WINDOW_UPDATE], number)
            return _NEED_MORE
        if increment == 0:
            raise StreamError(PROTOCOL_ERROR, "WINDOW_UPDATE by 0", "RFC 9113 6.9")
        end.send_window += increment
        if end.send_window > WINDOW_MAX:
            raise StreamError(
                FLOW_CONTROL_ERROR, "the stream's window beyond 2^31-1", "RFC 9113 6.9.1"
            )
        self._window_opened(end)
        return _NEED_MORE

    def _on_rst_stream(self) -> int:
        """Section 6.4."""
        number = self._reader.number
        end = self._streams.get(number)
        if end is None:
            self._churn()
            self._judge(NEXT[self._closed_state(number) * INPUTS + RECV_RST_STREAM], number)
            return _NEED_MORE
        if number & 1:
            self._budget.reset()
        else:
            # It may well have what we promise, and did not ask for it.
            self._churn()
        whole = not end.open and end.items is None
        self._close(end, NEXT[end.state * INPUTS + RECV_RST_STREAM])
        if whole:
            return _NEED_MORE
        self.stream = end
        self.code = int.from_bytes(self._reader.payload, "big")
        self.ours = False
        self.text = error_name(self.code)
        return _RESET

    def _on_priority_update(self) -> None:
        """RFC 9218 section 7.1: kept for a stream that is not open yet."""
        payload = self._reader.payload
        number = int.from_bytes(payload[:4], "big") & STREAM_ID_MAX
        if number == 0 or (not number & 1 and number > self._promised):
            raise Http2Error(PROTOCOL_ERROR, f"PRIORITY_UPDATE of stream {number}", "RFC 9218 7.1")
        end = self._streams.get(number)
        if end is not None:
            # What it does not name is as it is by default, not as it was.
            urgency, incremental = parse_priority(payload[4:], _URGENCY, False)
            self._change_priority(end, urgency, incremental)
        elif number & 1 and number > self._last:
            if self._early is None:
                self._early = {}
            elif len(self._early) >= _EARLY_MAX:
                del self._early[next(iter(self._early))]
            self._early[number] = payload[4:]

    # --------------------------------------------------------------------------------- judgement

    def _change_priority(self, end: Http2End, urgency: int, incremental: bool) -> None:
        if self._order is not None:
            self._order.change(end, urgency, incremental)
        else:
            end.urgency = urgency
            end.incremental = incremental

    def _churn(self) -> None:
        self._budget.churn(self._progress())

    def _progress(self) -> int:
        """How many frames that carry nothing may have come for what did happen here."""
        sent = INITIAL_WINDOW + self._granted - self._send_window
        return _FRAMES_OF_A_REQUEST * (self._last // 2) + sent // _BODY_BYTES_A_FRAME

    def _closed_state(self, number: int) -> int:
        """The state of a stream that is not in `_streams`."""
        if not number & 1:
            if number > self._promised:
                return IDLE
        elif number > self._last:
            if self.leaving and number > self._goaway_last:
                return CLOSED_BY_US
            return IDLE
        if self._resets is not None and number in self._resets:
            return self._resets[number]
        for first, beyond in self._gaps or ():
            if first <= number < beyond:
                return SKIPPED
        return CLOSED_BY_END

    def _judge(self, verdict: int, number: int) -> None:
        """Raise what the table of states says, or return: the frame is ignored."""
        if verdict & CONNECTION_FAULT:
            raise Http2Error(
                verdict & CODE,
                f"a frame of type {self._reader.kind:#x} on stream {number}, where none may come",
                "RFC 9113 5.1",
            )
        if verdict & STREAM_FAULT:
            raise StreamError(
                verdict & CODE,
                f"a frame of type {self._reader.kind:#x} on stream {number}, where none may come",
                "RFC 9113 5.1",
            )

    def _open_number(self, number: int) -> None:
        """A new stream of the peer (section 5.1.1): note what it passes over."""
        expected = self._last + 2 if self._last else 1
        if number != expected:
            if self._gaps is None:
                self._gaps = []
            self._gaps.append((expected, number))
            if len(self._gaps) > _GAPS_MAX:
                del self._gaps[0]
        self._last = number
        if number == STREAM_ID_MAX and not self.leaving:
            # Numbers have run out: what comes next needs a new connection.
            self.go_away(NO_ERROR, True)

    def _die(self, error: Http2Error) -> None:
        """A connection error: GOAWAY, and nothing else any more (section 5.4.1)."""
        if not self._dead:
            self._dead = True
            last = min(self._last, self._goaway_last)
            self._queue_control(goaway(last, error.code, str(error)))

    def _end_in_error(self, number: int, error: StreamError) -> int:
        """A stream error: RST_STREAM, and RESET where the stream was open (section 5.4.2)."""
        end = self._streams.get(number)
        if end is None:
            self._remember(number, CLOSED_BY_US)
            self._queue_control(rst_stream(number, error.code))
            self._budget.reset()
            return _NEED_MORE
        whole = not end.open and end.items is None
        self._reset(end, error.code)
        self._budget.reset()
        if whole:
            return _NEED_MORE
        self.stream = end
        self.code = error.code
        self.ours = True
        self.text = str(error)
        return _RESET
