"""Who accepts the next connection: whoever has not more than a fair share, or is left with it."""

import os
from collections.abc import Iterator

import pytest

from penstock.process import board as columns
from penstock.process import steering as module
from penstock.process.board import Board
from penstock.process.steering import Steering
from penstock.transport.sockets import ACCEPT, LOOK_AWAY, NEXT_TURN

MS = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now_ns = 10_000_000_000

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board()
    yield board
    board.close()
    os.close(board.fd)


def serving(board: Board, clock: Clock, *counts: int) -> list[Steering]:
    """A steering for each worker, which serve and hold as many connections."""
    for slot, count in enumerate(counts):
        board.put(slot, columns.STATE, columns.SERVING)
        board.put(slot, columns.BEAT_NS, clock.now_ns)
        board.put(slot, columns.CONNECTIONS, count)
    return [Steering(board, slot, clock) for slot in range(len(counts))]


def test_alone_it_takes_everything(board: Board) -> None:
    [only] = serving(board, Clock(), 5000)
    only.wake()
    assert only.ask(5000) == ACCEPT


def test_above_its_share_it_leaves_the_next_one_to_the_others(board: Board) -> None:
    one, other = serving(board, Clock(), 50, 40)
    one.wake()
    other.wake()
    assert one.ask(50) == LOOK_AWAY
    assert other.ask(40) == ACCEPT


def test_a_few_more_than_the_mean_are_within_the_share(board: Board) -> None:
    one, _ = serving(board, Clock(), 41, 39)
    one.wake()
    assert one.ask(41) == ACCEPT
    assert one.ask(47) == LOOK_AWAY


def test_what_is_left_after_several_looks_away_it_takes_but_not_all_at_once(board: Board) -> None:
    clock = Clock()
    one, _ = serving(board, clock, 50, 0)
    for _ in range(module.PAUSES_MAX):
        one.wake()
        assert one.ask(50) == LOOK_AWAY
        clock.now_ns += int(one.paused() * 1e9)
        one.resumed()
        clock.now_ns += MS // 10
    one.wake()
    taken = 0
    while one.ask(50 + taken) == ACCEPT:
        taken += 1
    assert taken == module.LEFT_BEHIND_MAX
    one.paused()
    one.resumed()
    one.wake()
    assert one.ask(54) == LOOK_AWAY  # the others have their chance again


def test_while_the_others_take_some_it_leaves_them_the_rest(board: Board) -> None:
    clock = Clock()
    one, other = serving(board, clock, 50, 0)
    for count in range(1, 20):
        one.wake()
        assert one.ask(50) == LOOK_AWAY
        clock.now_ns += int(one.paused() * 1e9)
        one.resumed()
        other.count(count)


def test_what_came_later_was_not_left_behind(board: Board) -> None:
    clock = Clock()
    one, _ = serving(board, clock, 50, 0)
    for _ in range(10):
        one.wake()
        assert one.ask(50) == LOOK_AWAY
        one.paused()
        one.resumed()
        clock.now_ns += 50 * MS  # nobody was there when it looked again


@pytest.mark.parametrize("why", ["it hangs", "it drains", "it starts"])
def test_a_worker_that_takes_nothing_has_no_share_in_the_mean(board: Board, why: str) -> None:
    clock = Clock()
    one, _ = serving(board, clock, 50, 0)
    if why == "it hangs":
        board.put(1, columns.BEAT_NS, clock.now_ns - module.SILENT_NS - 1)
    else:
        board.put(1, columns.STATE, columns.DRAINING if why == "it drains" else columns.STARTING)
    one.wake()
    assert one.ask(50) == ACCEPT


def test_a_worker_that_joins_is_seen_within_the_time_to_look_around(board: Board) -> None:
    clock = Clock()
    [one] = serving(board, clock, 50)
    one.wake()
    serving(board, clock, 50, 0)
    clock.now_ns += module.LOOK_AROUND_NS
    one.wake()
    assert one.ask(50) == LOOK_AWAY


def test_its_count_is_for_the_others_to_see(board: Board) -> None:
    one, other = serving(board, Clock(), 0, 9)
    other.wake()
    assert other.ask(9) == LOOK_AWAY
    one.count(9)
    assert other.ask(9) == ACCEPT


def test_of_two_that_come_together_it_takes_one_and_gives_the_others_a_turn(board: Board) -> None:
    one, _ = serving(board, Clock(), 0, 0)
    one.wake()
    assert one.ask(0) == ACCEPT
    assert one.ask(1) == NEXT_TURN
    one.wake()
    assert one.ask(1) == ACCEPT
