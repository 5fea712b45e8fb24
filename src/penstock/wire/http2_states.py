"""The states of a stream as a table (RFC 9113 section 5.1), from the server's side.

A stream that we promise is "reserved (local)", and "half-closed (remote)" from our HEADERS on. What
the RFC calls "closed" is told apart by how it came to be, for what may still arrive depends on it:

    CLOSED_BY_END    both sides ended it: more of the peer is a connection error
    CLOSED_BY_PEER   the peer reset it: more is a stream error
    CLOSED_BY_US     we reset it: the peer may not know yet, what comes is dropped
    SKIPPED          never opened, passed over by a higher number (section 5.1.1)

`NEXT[state * INPUTS + input]` is the next state, or a fault: CONNECTION_FAULT or STREAM_FAULT with
the error code in the low bits, or IGNORED.
"""

from penstock.wire.http2_frames import PROTOCOL_ERROR, STREAM_CLOSED

IDLE = 0
OPEN = 1
HALF_CLOSED_LOCAL = 2
HALF_CLOSED_REMOTE = 3
RESERVED_LOCAL = 4
CLOSED_BY_END = 5
CLOSED_BY_PEER = 6
CLOSED_BY_US = 7
SKIPPED = 8
STATES = 9

# RECV_..._END: the frame has END_STREAM. SEND_END: a frame of ours has it.
RECV_HEADERS = 0
RECV_HEADERS_END = 1
RECV_DATA = 2
RECV_DATA_END = 3
RECV_RST_STREAM = 4
RECV_WINDOW_UPDATE = 5
SEND_END = 6
SEND_RST_STREAM = 7
INPUTS = 8

IGNORED = 0x20
STREAM_FAULT = 0x40
CONNECTION_FAULT = 0x80
FAULTS = STREAM_FAULT | CONNECTION_FAULT
CODE = 0x1F

# For what this side does: a mistake of the server's own, which no peer can cause.
_NEVER = IGNORED
_BAD = CONNECTION_FAULT | PROTOCOL_ERROR
_GONE = CONNECTION_FAULT | STREAM_CLOSED
_LATE = STREAM_FAULT | STREAM_CLOSED
# Section 8.1: a second HEADERS is the trailer section, and that ends the stream.
_NO_TRAILERS = STREAM_FAULT | PROTOCOL_ERROR

_TABLE = {
    IDLE: (OPEN, HALF_CLOSED_REMOTE, _BAD, _BAD, _BAD, _BAD, _NEVER, _NEVER),
    OPEN: (
        _NO_TRAILERS,
        HALF_CLOSED_REMOTE,
        OPEN,
        HALF_CLOSED_REMOTE,
        CLOSED_BY_PEER,
        OPEN,
        HALF_CLOSED_LOCAL,
        CLOSED_BY_US,
    ),
    HALF_CLOSED_LOCAL: (
        _NO_TRAILERS,
        CLOSED_BY_END,
        HALF_CLOSED_LOCAL,
        CLOSED_BY_END,
        CLOSED_BY_PEER,
        HALF_CLOSED_LOCAL,
        _NEVER,
        CLOSED_BY_US,
    ),
    HALF_CLOSED_REMOTE: (
        _LATE,
        _LATE,
        _LATE,
        _LATE,
        CLOSED_BY_PEER,
        HALF_CLOSED_REMOTE,
        CLOSED_BY_END,
        CLOSED_BY_US,
    ),
    RESERVED_LOCAL: (
        _BAD,
        _BAD,
        _BAD,
        _BAD,
        CLOSED_BY_PEER,
        RESERVED_LOCAL,
        CLOSED_BY_END,
        CLOSED_BY_US,
    ),
    CLOSED_BY_END: (_GONE, _GONE, _GONE, _GONE, IGNORED, IGNORED, _NEVER, _NEVER),
    CLOSED_BY_PEER: (_LATE, _LATE, _LATE, _LATE, IGNORED, IGNORED, _NEVER, _NEVER),
    CLOSED_BY_US: (IGNORED, IGNORED, IGNORED, IGNORED, IGNORED, IGNORED, _NEVER, _NEVER),
    SKIPPED: (_BAD, _BAD, _GONE, _GONE, IGNORED, IGNORED, _NEVER, _NEVER),
}

NEXT = bytes(_TABLE[state][event] for state in range(STATES) for event in range(INPUTS))
