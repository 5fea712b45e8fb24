"""A worker that dies is replaced at once the first time, then later and later, up to a limit."""

from penstock.process import backoff as module
from penstock.process.backoff import Backoff


def waits(backoff: Backoff, count: int) -> list[float]:
    now, found = 100.0, []
    for _ in range(count):
        backoff.failed(now, ())
        found.append(max(backoff.until - now, 0.0))
        now += found[-1]
    return found


def test_the_first_time_is_at_once_and_the_wait_grows_up_to_a_limit_v01() -> None:
    found = waits(Backoff(), 12)
    assert found[:5] == [0, 0.25, 0.5, 1, 2]
    assert found[-3:] == [module.DELAY_S_MAX] * 3


def test_a_worker_that_had_served_for_long_is_a_first_time() -> None:
    backoff = Backoff()
    for _ in range(20):
        backoff.died(100.0, module.STEADY_S, ())
    assert backoff.until < 100


def test_one_that_stays_ends_the_series_but_only_once() -> None:
    backoff = Backoff()
    waits(backoff, 6)
    backoff.failed(200.0, [195.0])
    assert backoff.until < 200
    # The same steady worker says nothing about the next ones that fail
    backoff.failed(201.0, [195.0])
    assert backoff.until == 201.25


def test_one_that_serves_only_just_ends_no_series() -> None:
    backoff = Backoff()
    waits(backoff, 6)
    backoff.failed(200.0, [199.5])
    assert backoff.until > 200
