"""A worker's counters are numbers with names, and the histogram of stalls has a bucket for each length."""

import pytest

from penstock.transport.counters import STALL_BUCKETS_S, Counters


def test_the_histogram_has_a_bucket_for_each_length() -> None:
    counters = Counters()
    for seconds in (0.2, 0.25, 0.3, 7, 61, 600):
        counters.stalled(seconds)
    assert counters.stall_buckets == [2, 1, 0, 0, 0, 1, 0, 0, 2]
    assert counters.stall_longest_s == 600
    assert counters.as_dict()["stall_buckets"] == counters.stall_buckets
    assert counters.as_dict()["stall_buckets"] is not counters.stall_buckets


@pytest.mark.parametrize("bucket, seconds", list(enumerate((*STALL_BUCKETS_S, 1e9))))
def test_a_bucket_reaches_up_to_its_end_and_includes_it(bucket: int, seconds: float) -> None:
    counters = Counters()
    counters.stalled(seconds)
    assert counters.stall_buckets[bucket] == 1
    assert sum(counters.stall_buckets) == counters.stalls == 1


def test_all_begin_at_nothing() -> None:
    numbers = Counters().as_dict()
    assert not any(numbers.pop("stall_buckets"))
    assert set(numbers.values()) == {0}
    assert "refused_clients" in numbers
