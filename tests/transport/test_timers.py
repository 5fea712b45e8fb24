"""The sweep comes in time, outlives failures, and accuses nobody of what the loop itself delayed."""

import asyncio
import time
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.config import Config
from penstock.transport import timers
from penstock.transport.timers import Sweep, http_date, sweep_interval

DEADLINE_S = 5.0


@given(st.integers(0, 4_000_000_000))
def test_the_date_is_the_one_that_the_standard_library_writes(seconds: int) -> None:
    assert http_date(seconds) == formatdate(seconds, usegmt=True).encode()


def test_the_sweep_comes_once_a_second_and_faster_where_a_timeout_is_short() -> None:
    assert sweep_interval(Config()) == 1.0
    assert sweep_interval(Config(timeout_keep_alive=2)) == 0.5
    assert sweep_interval(Config(timeout_request_head=0.01)) == 0.05
    assert sweep_interval(Config(ws_ping_interval=None, ws_ping_timeout=None)) == 1.0


@pytest.mark.parametrize("name", timers.SWEPT)
def test_each_timeout_that_the_sweep_watches_makes_it_faster(name: str) -> None:
    assert sweep_interval(Config(**{name: 0.4})) == pytest.approx(0.1)


def test_tick_and_sweep_come_each_interval_and_the_tick_first() -> None:
    async def test() -> None:
        seen: list[str] = []
        done = asyncio.Event()

        def swept(_now: float) -> None:
            seen.append("sweep")
            if len(seen) >= 5:
                done.set()

        loop = asyncio.get_running_loop()
        sweep = Sweep(loop, 0.05, lambda _now: seen.append("tick"), swept)
        sweep.start()
        assert seen == ["tick"]
        await asyncio.wait_for(done.wait(), DEADLINE_S)
        sweep.stop()
        assert seen == ["tick", "tick", "sweep", "tick", "sweep"]

    asyncio.run(test())


def test_a_sweep_that_raises_does_not_end_the_sweeping() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        complaints: list[Any] = []
        loop.set_exception_handler(lambda _, context: complaints.append(context["exception"]))
        done = asyncio.Event()
        count = 0

        def swept(_now: float) -> None:
            nonlocal count
            count += 1
            if count == 1:
                raise ZeroDivisionError
            done.set()

        sweep = Sweep(loop, 0.05, lambda _now: None, swept)
        sweep.start()
        await asyncio.wait_for(done.wait(), DEADLINE_S)
        sweep.stop()
        assert [type(each) for each in complaints] == [ZeroDivisionError]

    asyncio.run(test())


def test_after_a_standstill_the_loop_reads_first_and_sweeps_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(timers, "LATE_S", 0.1)

    async def test() -> None:
        loop = asyncio.get_running_loop()
        seen: list[str] = []
        done = asyncio.Event()

        def swept(_now: float) -> None:
            seen.append("sweep")
            done.set()

        sweep = Sweep(loop, 0.05, lambda _now: seen.append("tick"), swept)
        sweep.start()
        time.sleep(0.3)  # an application that blocks the loop, or a process that was stopped
        await asyncio.wait_for(done.wait(), DEADLINE_S)
        sweep.stop()
        assert seen == ["tick", "tick", "tick", "sweep"]

    asyncio.run(test())


def test_a_wall_clock_set_back_changes_no_interval_v11(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        gmtime = staticmethod(time.gmtime)
        now = 1_000_000_000.0

        @classmethod
        def time(cls) -> float:
            cls.now -= 86400.25
            return cls.now

    monkeypatch.setattr(timers, "time", Clock)

    async def test() -> None:
        done = asyncio.Event()
        count = 0

        def swept(_now: float) -> None:
            nonlocal count
            count += 1
            if count == 5:
                done.set()

        loop = asyncio.get_running_loop()
        began = loop.time()
        sweep = Sweep(loop, 0.05, lambda _now: None, swept)
        sweep.start()
        await asyncio.wait_for(done.wait(), DEADLINE_S)
        sweep.stop()
        assert loop.time() - began < 2

    asyncio.run(test())
