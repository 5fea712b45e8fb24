"""Durations and sizes as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.config.units import (
    DURATION_MAX_S,
    SIZE_MAX,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    "written, seconds",
    [
        ("250ms", 0.25),
        ("30s", 30.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1.5s", 1.5),
        ("2 m", 120.0),
        ("100us", 0.0001),
        ("1d", 86400.0),
        ("75", 75.0),
        (" 0.5 ", 0.5),
        (75, 75.0),
        (0, 0.0),
        (2.5, 2.5),
        ("5S", 5.0),
    ],
)
def test_durations_are_seconds_unless_they_name_a_unit(written: object, seconds: float) -> None:
    assert parse_duration(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written",
    ["", "s", "5x", "-1", "-1s", "1s2", "5 m s", "1e3", "nan", "inf", "५s", "1m-1s", "1,5s"],
)
def test_text_that_is_no_duration_is_explained(written: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(written)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), True, None, [], b"5s"])
def test_values_that_are_no_duration_are_explained(value: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(value)


def test_milliseconds_taken_for_seconds_are_noticed_when_they_exceed_a_year() -> None:
    with pytest.raises(ValueError, match="longer than a year"):
        parse_duration(DURATION_MAX_S + 1)


@pytest.mark.parametrize(
    "written, size",
    [
        ("64KiB", 65536),
        ("16MiB", 16 << 20),
        ("1GiB", 1 << 30),
        ("1.5KiB", 1536),
        ("10B", 10),
        ("512", 512),
        (512, 512),
        ("0", 0),
        ("64 kib", 65536),
    ],
)
def test_sizes_are_bytes_unless_they_name_a_unit(written: object, size: int) -> None:
    assert parse_size(written) == size


@pytest.mark.parametrize("written", ["64K", "64kb", "1MB", "1g"])
def test_a_unit_that_may_mean_1000_or_1024_is_not_guessed(written: str) -> None:
    with pytest.raises(ValueError, match="powers of 1000 or of 1024"):
        parse_size(written)


@pytest.mark.parametrize(
    "written", ["", "KiB", "-1", "1.0001KiB", "1e3", "٣", "5 5", 1.5, None, True]
)
def test_what_is_no_size_is_explained(written: object) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(written)


def test_a_size_beyond_every_machine_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and"):
        parse_size(SIZE_MAX + 1)


@given(st.integers(0, SIZE_MAX))
def test_every_size_is_read_back_as_it_was_shown(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.integers(0, int(DURATION_MAX_S) * 1000))
def test_every_duration_is_read_back_as_it_was_shown(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    "seconds, shown",
    [(0.25, "250ms"), (90, "90s"), (60, "1m"), (3600, "1h"), (0, "0s"), (86400, "1d")],
)
def test_durations_are_shown_in_the_unit_that_reads_best(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown


@pytest.mark.parametrize(
    "size, shown", [(65536, "64KiB"), (1000, "1000"), (0, "0"), (1 << 20, "1MiB")]
)
def test_sizes_are_shown_in_the_unit_that_reads_best(size: int, shown: str) -> None:
    assert format_size(size) == shown
