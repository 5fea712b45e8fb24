"""The table of stream states, every state against every input (RFC 9113 section 5.1)."""

import pytest

from penstock.wire import http2_states as states
from penstock.wire.http2_frames import PROTOCOL_ERROR, STREAM_CLOSED
from penstock.wire.http2_states import (
    CLOSED_BY_END,
    CLOSED_BY_PEER,
    CLOSED_BY_US,
    CONNECTION_FAULT,
    HALF_CLOSED_LOCAL,
    HALF_CLOSED_REMOTE,
    IDLE,
    IGNORED,
    INPUTS,
    NEXT,
    OPEN,
    RESERVED_LOCAL,
    SKIPPED,
    STATES,
    STREAM_FAULT,
)

BAD = CONNECTION_FAULT | PROTOCOL_ERROR
GONE = CONNECTION_FAULT | STREAM_CLOSED
LATE = STREAM_FAULT | STREAM_CLOSED
NO_TRAILERS = STREAM_FAULT | PROTOCOL_ERROR
LIVE = {OPEN, HALF_CLOSED_LOCAL, HALF_CLOSED_REMOTE, RESERVED_LOCAL}
CLOSED = {CLOSED_BY_END, CLOSED_BY_PEER, CLOSED_BY_US, SKIPPED}


def after(state: int, event: int) -> int:
    return NEXT[state * INPUTS + event]


def test_5_1_the_table_is_whole() -> None:
    """Each entry is a state or a fault that is told from a state by its bits."""
    assert len(NEXT) == STATES * INPUTS
    for entry in NEXT:
        assert entry < STATES or entry == IGNORED or entry & states.FAULTS


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (IDLE, (OPEN, HALF_CLOSED_REMOTE, BAD, BAD, BAD, BAD)),
        (OPEN, (NO_TRAILERS, HALF_CLOSED_REMOTE, OPEN, HALF_CLOSED_REMOTE, CLOSED_BY_PEER, OPEN)),
        (
            HALF_CLOSED_LOCAL,
            (
                NO_TRAILERS,
                CLOSED_BY_END,
                HALF_CLOSED_LOCAL,
                CLOSED_BY_END,
                CLOSED_BY_PEER,
                HALF_CLOSED_LOCAL,
            ),
        ),
        (HALF_CLOSED_REMOTE, (LATE, LATE, LATE, LATE, CLOSED_BY_PEER, HALF_CLOSED_REMOTE)),
        (RESERVED_LOCAL, (BAD, BAD, BAD, BAD, CLOSED_BY_PEER, RESERVED_LOCAL)),
        (CLOSED_BY_END, (GONE, GONE, GONE, GONE, IGNORED, IGNORED)),
        (CLOSED_BY_PEER, (LATE, LATE, LATE, LATE, IGNORED, IGNORED)),
        (CLOSED_BY_US, (IGNORED,) * 6),
        (SKIPPED, (BAD, BAD, GONE, GONE, IGNORED, IGNORED)),
    ],
)
def test_5_1_what_may_be_received(state: int, wanted: tuple[int, ...]) -> None:
    """HEADERS, DATA (each without and with END_STREAM), RST_STREAM, WINDOW_UPDATE in each state."""
    assert tuple(after(state, event) for event in range(6)) == wanted


def test_5_1_what_is_sent() -> None:
    """END_STREAM closes our half, RST_STREAM closes; nothing is sent on what is idle or closed."""
    assert after(OPEN, states.SEND_END) == HALF_CLOSED_LOCAL
    assert after(HALF_CLOSED_REMOTE, states.SEND_END) == CLOSED_BY_END
    assert after(RESERVED_LOCAL, states.SEND_END) == CLOSED_BY_END
    assert {after(state, states.SEND_RST_STREAM) for state in LIVE} == {CLOSED_BY_US}
    for state in {IDLE, *CLOSED}:
        assert after(state, states.SEND_END) == after(state, states.SEND_RST_STREAM) == IGNORED


def test_5_1_what_is_closed_stays_closed() -> None:
    for state in CLOSED:
        for event in range(INPUTS):
            assert after(state, event) >= IGNORED
