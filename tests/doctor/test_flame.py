"""The chart: a block's width is its share of the time, below the one that imported it."""

from penstock.doctor.flame import DEPTH_MAX, Block, rows
from tests.doctor.test_imports import node


def test_blocks_are_as_wide_as_they_took_long_and_stand_below_their_importer() -> None:
    root = node("app", 1.0, node("b", 0.25), node("a.long", 0.5, node("c", 0.4)))
    assert rows(root, 40) == [
        [Block(0, 40, "app 1.00 s")],
        [Block(0, 20, "a.long 500 ms"), Block(20, 10, "b 250 ms")],
        [Block(0, 16, "c 400 ms")],
    ]


def test_a_name_is_cut_to_its_block_and_what_is_too_narrow_is_left_out() -> None:
    root = node(
        "app", 1.0, node("package.module", 0.2), node("a.averylongname", 0.1), node("x", 0.02)
    )
    assert rows(root, 40)[1] == [Block(0, 8, "module"), Block(8, 4, "av…")]


def test_the_chart_has_an_end() -> None:
    deep = node("leaf", 1.0)
    for number in range(20):
        deep = node(str(number), 1.0, deep)
    assert len(rows(deep, 40)) == DEPTH_MAX
    assert rows(node("nothing", 0.0), 40) == []
