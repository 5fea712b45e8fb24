"""What must be reached, as data: how a figure follows from the costs of one round, and its bound.

A figure is taken in each round, from servers measured minutes apart at most; the median of the
rounds is judged.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Costs = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Target:
    """One figure and the bound it must keep. Exactly one of the bounds is given."""

    text: str
    of: Callable[[Costs], float]
    """From the costs by case; a KeyError says that a case was not measured."""
    at_least: float | None = None
    at_most: float | None = None
    unit: str = "×"

    @property
    def bound(self) -> str:
        """The bound as people write it."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g} {self.unit}"
        return f"≤ {self.at_most:g} {self.unit}"

    def keeps(self, value: float) -> bool:
        """Whether a figure is within the bound."""
        if self.at_least is not None:
            return value >= self.at_least
        return self.at_most is None or value <= self.at_most

    def judge(self, rounds: Sequence[Costs]) -> Verdict:
        """Take the figure in each round that has what it needs, and judge the median."""
        values = []
        for costs in rounds:
            try:
                values.append(self.of(costs))
            except KeyError:
                continue
        if not values:
            return Verdict(self, (), None, None)
        median = statistics.median(values)
        return Verdict(self, tuple(values), median, self.keeps(median))


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target's figures: each round's, their median, and whether it keeps the bound."""

    target: Target
    rounds: tuple[float, ...]
    median: float | None
    reached: bool | None


def ratio(
    over: str, under: str, *, at_least: float | None = None, at_most: float | None = None
) -> Target:
    """Cost of one case divided by that of another."""
    return Target(
        f"{over} ÷ {under}",
        lambda costs: costs[over] / costs[under],
        at_least=at_least,
        at_most=at_most,
    )


def best_peer_ratio(peers: Sequence[str], under: str, *, at_least: float) -> Target:
    """Cost of the cheapest peer that was measured, divided by that of a case."""

    def of(costs: Costs) -> float:
        measured = [costs[peer] for peer in peers if peer in costs]
        if not measured:
            raise KeyError(peers[0])
        return min(measured) / costs[under]

    return Target(f"best peer ÷ {under}", of, at_least=at_least)


def difference(more: str, less: str, *, at_most: float, unit: str) -> Target:
    """What one case costs above another."""
    return Target(
        f"{more} − {less}",
        lambda costs: costs[more] - costs[less],
        at_most=at_most,
        unit=unit,
    )


def growth_ratio(server: str, floor: str, change: str, *, at_most: float) -> Target:
    """How much a server's cost grows by a change of load, against how much the floor's does."""

    def of(costs: Costs) -> float:
        own = costs[server + change] / costs[server]
        return own / (costs[floor + change] / costs[floor])

    return Target(f"growth of {server} ÷ growth of {floor}", of, at_most=at_most)


def value(case: str, *, at_most: float, unit: str) -> Target:
    """A case's own figure."""
    return Target(case, lambda costs: costs[case], at_most=at_most, unit=unit)
