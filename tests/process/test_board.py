"""The table in shared memory: rows that do not touch each other, and that another process sees."""

import os
import subprocess
import sys

from penstock.process import board as columns
from penstock.process.board import SLOTS_MAX, Board
from tests.command import ENVIRON


def closed(board: Board) -> None:
    board.close()
    os.close(board.fd)


def test_each_value_has_a_place_of_its_own() -> None:
    board = Board()
    for slot in range(SLOTS_MAX):
        for column in range(columns.STALLED_NS + 1):
            board.put(slot, column, slot * 100 + column)
    for slot in range(SLOTS_MAX):
        for column in range(columns.STALLED_NS + 1):
            assert board.get(slot, column) == slot * 100 + column
    assert board.row(3)[: columns.REQUESTS] == (300, 301, 302, 303, 304, 305)
    assert board.column(columns.CONNECTIONS)[:3] == [3, 103, 203]
    closed(board)


def test_a_freed_row_is_empty_and_its_neighbours_are_not() -> None:
    board = Board()
    for slot in (1, 2, 3):
        board.put(slot, columns.PID, 7)
    board.clear(2)
    assert [board.get(slot, columns.PID) for slot in (1, 2, 3)] == [7, 0, 7]
    assert set(board.row(2)) == {0}
    closed(board)


def test_another_process_writes_where_this_one_reads() -> None:
    board = Board()
    program = f"from penstock.process.board import Board; Board({board.fd}).put(5, 6, 1 << 62)"
    subprocess.run([sys.executable, "-c", program], env=ENVIRON, pass_fds=(board.fd,), check=True)
    assert board.get(5, columns.REQUESTS) == 1 << 62
    closed(board)


def test_its_memory_is_not_inherited_by_what_the_application_starts_v06() -> None:
    board = Board()
    assert not os.get_inheritable(board.fd)
    closed(board)
