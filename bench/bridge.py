"""Round trips between sync and async, beside asgiref's: `python -m bench.bridge`.

Each round measures both, in alternating order, so that whatever else the machine does meets both; the
median of the rounds' ratios of wall time is judged, and that of CPU time told beside it, which who else
works on the machine disturbs less. Ends with 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import asgiref.sync

import penstock.bridge.sync

if TYPE_CHECKING:
    from collections.abc import Callable

AT_LEAST = 1.5
SIDES: tuple[tuple[str, Any], ...] = (("asgiref", asgiref.sync), ("penstock", penstock.bridge.sync))


def function() -> int:
    """What is called on a thread."""
    return 1


async def coroutine() -> int:
    """What is awaited in a loop."""
    return 1


def sequence(side: Any, count: int) -> None:
    call = side.sync_to_async(function)

    async def main() -> None:
        for _ in range(count):
            await call()

    asyncio.run(main())


def crowd(side: Any, count: int) -> None:
    call = side.sync_to_async(function)

    async def main() -> None:
        for _ in range(count // 50):
            await asyncio.gather(*(call() for _ in range(50)))

    asyncio.run(main())


def below_loop(side: Any, count: int) -> None:
    call = side.async_to_sync(coroutine)

    def calls() -> None:
        for _ in range(count):
            call()

    asyncio.run(side.sync_to_async(calls)())


def below_sync(side: Any, count: int) -> None:
    call = side.sync_to_async(function)

    async def calls() -> None:
        for _ in range(count):
            await call()

    side.async_to_sync(calls)()


def new_loops(side: Any, count: int) -> None:
    call = side.async_to_sync(coroutine)
    for _ in range(count // 10):
        call()


ROUND_TRIPS: dict[str, tuple[Callable[[Any, int], None], int]] = {
    "sync_to_async, one after the other": (sequence, 1),
    "sync_to_async, 50 at once": (crowd, 1),
    "sync_to_async below async_to_sync": (below_sync, 1),
    "async_to_sync below sync_to_async": (below_loop, 1),
    "async_to_sync with a new loop": (new_loops, 10),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.bridge", description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--count", type=int, default=500, help="round trips in each round")
    arguments = parser.parse_args()
    missed = 0
    for name, (measured, share) in ROUND_TRIPS.items():
        walls: dict[str, list[float]] = {side: [] for side, _ in SIDES}
        cpus: dict[str, list[float]] = {side: [] for side, _ in SIDES}
        for number in range(arguments.rounds):
            for side, module in SIDES if number % 2 else reversed(SIDES):
                began, spent = time.perf_counter(), time.process_time()
                measured(module, arguments.count)
                scale = share / arguments.count * 1e6
                cpus[side].append((time.process_time() - spent) * scale)
                walls[side].append((time.perf_counter() - began) * scale)
        print(name)
        for what, times in (("wall", walls), ("CPU", cpus)):
            theirs, ours = times["asgiref"], times["penstock"]
            ratio = statistics.median(a / b for a, b in zip(theirs, ours, strict=True))
            missed += what == "wall" and ratio < AT_LEAST
            print(
                f"    {what:5} asgiref {statistics.median(theirs):7.1f} µs  "
                f"penstock {statistics.median(ours):7.1f} µs  × {ratio:.2f}  (≥ {AT_LEAST})"
            )
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())
