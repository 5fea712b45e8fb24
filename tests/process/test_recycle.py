"""When a worker has had its time, and what is said about it."""

from typing import Any

import pytest

from penstock.config import Config
from penstock.process.recycle import Recycling

MIB = 1 << 20


def recycling(share: float = 0.0, **options: Any) -> Recycling:
    return Recycling(Config("main:app", workers=2, **options), lambda: share)


def test_nobody_is_recycled_unless_asked() -> None:
    assert recycling().reason(1, 1 << 40, 1e9, 1 << 50) == ""


@pytest.mark.parametrize(
    "options, within, beyond, said",
    [
        ({"limit_max_requests": 500}, (499, 0, 0), (500, 0, 0), "it has served 500 requests"),
        ({"limit_max_age": "1h"}, (0, 3599, 0), (0, 3600, 0), "it is 3600 s old"),
        (
            {"limit_max_rss": "64MiB"},
            (0, 0, 63 * MIB),
            (0, 0, 64 * MIB),
            "it holds 64 MiB of memory",
        ),
    ],
)
def test_a_limit_is_reached_and_its_reason_names_it(
    options: Any, within: Any, beyond: Any, said: str
) -> None:
    limits = recycling(**options)
    assert limits.reason(1, *within) == ""
    assert limits.reason(1, *beyond).startswith(said)
    (name,) = options
    assert f"--{name.replace('_', '-')}" in limits.reason(1, *beyond)


@pytest.mark.parametrize(
    "options, within, beyond",
    [
        ({"limit_max_requests": 500, "limit_max_requests_jitter": 99}, (549, 0, 0), (550, 0, 0)),
        ({"limit_max_age": 100, "limit_max_age_jitter": 100}, (0, 149, 0), (0, 150, 0)),
        (
            {"limit_max_rss": 64 * MIB, "limit_max_rss_jitter": 64 * MIB},
            (0, 0, 96 * MIB - 1),
            (0, 0, 96 * MIB),
        ),
    ],
)
def test_each_limit_has_its_jitter(options: Any, within: Any, beyond: Any) -> None:
    limits = recycling(0.5, **options)
    assert limits.reason(1, *within) == ""
    assert limits.reason(1, *beyond) != ""


def test_the_jitter_of_a_worker_stays_and_differs_from_that_of_others() -> None:
    shares = iter((0.0, 0.9))
    config = Config("main:app", workers=2, limit_max_requests=10, limit_max_requests_jitter=9)
    limits = Recycling(config, lambda: next(shares))
    for _ in range(3):
        assert limits.reason(1, 10, 0, 0)
        assert not limits.reason(2, 10, 0, 0)
    assert limits.reason(2, 19, 0, 0)
