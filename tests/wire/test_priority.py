"""Extensible priorities (RFC 9218): what is asked for, and who is served next."""

import pytest

from penstock.wire.http2_end import Http2End
from penstock.wire.priority import LEVELS, STRIDE, TURN_BYTES, Order, parse_priority

FRAME = 16384


def end(number: int, urgency: int = 3, incremental: bool = False) -> Http2End:
    made = Http2End()
    made.begin(number, 1, 65535, 65535)
    made.urgency = urgency
    made.incremental = incremental
    return made


def served(order: Order, count: int) -> list[int]:
    """Whose frames go out, when everybody always has more."""
    found = []
    for _ in range(count):
        first = order.first()
        assert first is not None
        found.append(first.id)
        order.sent(first, FRAME)
    return found


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b"", (3, False)),
        (b"u=0", (0, False)),
        (b"u=7, i", (7, True)),
        (b"i,u=5", (5, True)),
        (b"i=?1", (3, True)),
        (b"i=?0", (3, False)),
        (b"u=1;x=y, i;q=?0", (1, True)),
        (b"u=8", (3, False)),
        (b"u=-1", (3, False)),
        (b"u=2.5", (3, False)),
        (b"i=1", (3, False)),
        (b'u="1", x=5, \xff', (3, False)),
        (b"u=1,u=2", (2, False)),
        (b"," * 100000, (3, False)),
    ],
)
def test_rfc_9218_4_priority_field_values(value: bytes, wanted: tuple[int, bool]) -> None:
    """Urgency 0 to 7 and incremental; what is malformed or out of range is ignored."""
    assert parse_priority(value, 3, False) == wanted


def test_rfc_9218_5_what_is_not_said_stays() -> None:
    assert parse_priority(b"i", 6, False) == (6, True)
    assert parse_priority(b"u=1", 6, True) == (1, True)


def test_rfc_9218_10_the_more_urgent_goes_first() -> None:
    """But for one frame in STRIDE, which lets the others not starve."""
    order = Order()
    for each in (end(1, 5), end(3, 0), end(5, 7)):
        order.add(each)
    found = served(order, STRIDE * LEVELS * 4)
    assert found[: STRIDE - 1] == [3] * (STRIDE - 1)
    assert {1, 5} <= set(found)
    assert found.count(3) > len(found) * 3 // 4


def test_rfc_9218_10_incremental_streams_share() -> None:
    order = Order()
    for number in (1, 3, 5):
        order.add(end(number, incremental=True))
    assert served(order, 6) == [1, 3, 5, 1, 3, 5]


def test_fairness_a_download_without_end_gives_way_after_its_turn() -> None:
    """Other streams go one after the other, each for TURN_BYTES at most."""
    order = Order()
    order.add(end(1))
    order.add(end(3))
    turn = TURN_BYTES // FRAME
    assert served(order, 3 * turn) == [1] * turn + [3] * turn + [1] * turn


def test_waiting_is_counted() -> None:
    """Added twice is there once; discarded is gone; another priority moves it."""
    order = Order()
    one, two = end(1), end(3)
    assert order.first() is None
    for each in (one, two, one):
        order.add(each)
    assert order.count == 2
    order.change(two, 0, True)
    assert order.first() is two
    order.discard(two)
    order.discard(two)
    assert (order.count, order.first()) == (1, one)
    order.change(two, 1, False)
    assert (order.count, two.urgency, two.queued) == (1, 1, False)
    order.discard(one)
    assert (order.count, order.first()) == (0, None)
