"""A flame chart of imports as lines of text: time goes right, who imported whom goes down."""

from __future__ import annotations

from typing import NamedTuple

from penstock.doctor.imports import Node

DEPTH_MAX = 6
# A narrower block could not show that it is one.
COLUMNS_MIN = 3


class Block(NamedTuple):
    """A module in one row: its first column, its width, and what fits of its name and time."""

    column: int
    width: int
    text: str


def rows(root: Node, columns: int) -> list[list[Block]]:
    """The rows of the chart, `columns` wide: the children of each block below it, the longest first.

    A block's width is its share of `root`'s time; what is too narrow to be seen is left out.
    """
    found: list[list[Block]] = []
    if root.seconds <= 0:
        return found
    level = [(0, columns, root)]
    while level and len(found) < DEPTH_MAX:
        row: list[Block] = []
        below: list[tuple[int, int, Node]] = []
        for start, width, node in level:
            row.append(Block(start, width, _label(node, width)))
            column, room = start, width
            for child in sorted(node.children, key=lambda one: -one.seconds):
                share = min(round(columns * child.seconds / root.seconds), room)
                if share < COLUMNS_MIN:
                    break
                below.append((column, share, child))
                column += share
                room -= share
        found.append(row)
        level = below
    return found


def _label(node: Node, width: int) -> str:
    time = f"{node.seconds:.2f} s" if node.seconds >= 1 else f"{node.seconds * 1000:.0f} ms"
    room = width - 1  # its left edge
    for text in (f"{node.name} {time}", node.name, node.name.rpartition(".")[2]):
        if len(text) <= room:
            return text
    return text[: room - 1] + "…" if room > 2 else ""
