"""Conditional requests (RFC 9110 section 13): dates in three forms, entity tags, and the order of the preconditions."""

import email.utils
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.wire.conditional import (
    FAILED,
    GO_ON,
    NOT_MODIFIED,
    evaluate,
    format_date,
    if_range,
    matches,
    parse_date,
)

NOW = 1_795_000_000.0
THEN = 784_111_777
DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"
EARLIER = b"Sun, 06 Nov 1994 08:49:36 GMT"
LATER = b"Sun, 06 Nov 1994 08:49:38 GMT"
TAG = b'"abc"'


@pytest.mark.parametrize(
    "text",
    [DATE, b"Sunday, 06-Nov-94 08:49:37 GMT", b"Sun Nov  6 08:49:37 1994"],
    ids=["IMF-fixdate", "RFC 850", "asctime"],
)
def test_the_three_forms_of_a_date_are_read(text: bytes) -> None:
    """The example of RFC 9110 section 5.6.7, which demands all three."""
    assert parse_date(text, NOW) == THEN


@pytest.mark.parametrize(
    "text",
    [
        b"", b"0", b"now", DATE.lower(), DATE + b" ", DATE.replace(b"GMT", b"UTC"), DATE.replace(b"06", b"6"),
        DATE.replace(b"06", b"31"), b"Mon, 29 Feb 2023 00:00:00 GMT", b"Sun, 00 Nov 1994 08:49:37 GMT",
        DATE.replace(b"08:", b"24:"), DATE.replace(b":49", b":60"), DATE.replace(b":37", b":61"),
        DATE.replace(b"Nov", b"nov"), b"Sun, 06 Nov 94 08:49:37 GMT", "Sun, 0٦ Nov 1994 08:49:37 GMT".encode(),
        b"9" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_date_is_none(text: bytes) -> None:
    """Such a condition is ignored, as section 13.1.3 asks."""
    assert parse_date(text, NOW) is None


def test_a_year_of_two_digits_is_at_most_50_years_ahead() -> None:
    """Section 5.6.7; seen from 2026, 77 is 1977 and 76 is 2076."""
    old = parse_date(b"Tuesday, 01-Nov-77 00:00:00 GMT", NOW)
    new = parse_date(b"Sunday, 01-Nov-76 00:00:00 GMT", NOW)
    assert old is not None and old < NOW
    assert new is not None and new > NOW


@given(st.integers(0, 253_402_300_799))
def test_dates_are_written_as_the_standard_library_writes_them(seconds: int) -> None:
    """To the end of the year 9999, and read back as the same."""
    text = format_date(seconds)
    assert text.decode() == email.utils.formatdate(seconds, usegmt=True)
    assert parse_date(text, NOW) == seconds


def test_a_leap_day_is_a_day() -> None:
    assert parse_date(b"Thu, 29 Feb 2024 12:00:00 GMT", NOW) == 1_709_208_000
    assert time.gmtime(1_709_208_000)[:3] == (2024, 2, 29)


@pytest.mark.parametrize(
    "field, strong, weak",
    [
        (b"*", True, True),
        (b" * ", True, True),
        (TAG, True, True),
        (b'W/"abc"', False, True),
        (b'"x", "abc"', True, True),
        (b'"x","abc"', True, True),
        (b'"a,b" , W/"abc"', False, True),
        (b'"a,b"', False, False),
        (b"abc", False, False),
        (b'"abc', False, False),
        (b'w/"abc"', True, True),
        (b"", False, False),
    ],
)
def test_a_list_of_tags_is_compared_weakly_or_strongly(
    field: bytes, strong: bool, weak: bool
) -> None:
    """RFC 9110 section 8.8.3.2. What is no tag is passed over (a small `w` is rubbish before one)."""
    assert matches(field, TAG, strong=True) is strong
    assert matches(field, TAG, strong=False) is weak


def test_a_tag_may_hold_a_comma() -> None:
    assert matches(b'"x", "a,b"', b'"a,b"', strong=True)
    assert not matches(b'"a,b"', b'"a"', strong=False)


def test_a_weak_tag_never_matches_strongly() -> None:
    assert not matches(b'W/"abc"', b'W/"abc"', strong=True)
    assert matches(b'W/"abc"', b'W/"abc"', strong=False)


@pytest.mark.parametrize(
    "fields, verdict",
    [
        ([], GO_ON),
        ([(b"if-match", TAG)], GO_ON),
        ([(b"if-match", b"*")], GO_ON),
        ([(b"if-match", b'"other"')], FAILED),
        ([(b"if-match", b'W/"abc"')], FAILED),
        ([(b"if-match", b'"other"'), (b"if-match", TAG)], GO_ON),
        ([(b"if-unmodified-since", DATE)], GO_ON),
        ([(b"if-unmodified-since", EARLIER)], FAILED),
        ([(b"if-unmodified-since", b"rubbish")], GO_ON),
        # Steps 1 and 2: by date only without a tag
        ([(b"if-match", TAG), (b"if-unmodified-since", EARLIER)], GO_ON),
        ([(b"if-match", b'"other"'), (b"if-unmodified-since", LATER)], FAILED),
        ([(b"if-none-match", TAG)], NOT_MODIFIED),
        ([(b"if-none-match", b'W/"abc"')], NOT_MODIFIED),
        ([(b"if-none-match", b"*")], NOT_MODIFIED),
        ([(b"if-none-match", b'"other"')], GO_ON),
        ([(b"if-none-match", b'"other"'), (b"if-none-match", TAG)], NOT_MODIFIED),
        ([(b"if-modified-since", DATE)], NOT_MODIFIED),
        ([(b"if-modified-since", LATER)], NOT_MODIFIED),
        ([(b"if-modified-since", EARLIER)], GO_ON),
        ([(b"if-modified-since", b"rubbish")], GO_ON),
        # Steps 3 and 4: by date only without a tag
        ([(b"if-none-match", b'"other"'), (b"if-modified-since", DATE)], GO_ON),
        ([(b"if-none-match", TAG), (b"if-modified-since", EARLIER)], NOT_MODIFIED),
        # Steps 1 and 2 come before 3 and 4
        ([(b"if-match", b'"other"'), (b"if-none-match", TAG)], FAILED),
        ([(b"if-match", TAG), (b"if-none-match", TAG)], NOT_MODIFIED),
        ([(b"if-unmodified-since", EARLIER), (b"if-none-match", TAG)], FAILED),
    ],
)  # fmt: skip
def test_preconditions_are_evaluated_in_their_order(
    fields: list[tuple[bytes, bytes]], verdict: int
) -> None:
    """RFC 9110 section 13.2.2."""
    assert evaluate(fields, TAG, THEN, NOW) == verdict


def test_without_a_date_of_our_own_conditions_by_date_are_ignored() -> None:
    for name in (b"if-modified-since", b"if-unmodified-since"):
        assert evaluate([(name, EARLIER)], TAG, None, NOW) == GO_ON


@pytest.mark.parametrize(
    "value, tag, now, holds",
    [
        (TAG, TAG, NOW, True),
        (b'"other"', TAG, NOW, False),
        (b'W/"abc"', TAG, NOW, False),
        (b'W/"abc"', b'W/"abc"', NOW, False),
        (DATE, TAG, NOW, True),
        (EARLIER, TAG, NOW, False),
        (LATER, TAG, NOW, False),
        (DATE, TAG, THEN + 0.5, False),
        (b"rubbish", TAG, NOW, False),
    ],
)
def test_if_range_holds_by_a_strong_tag_or_the_exact_date(
    value: bytes, tag: bytes, now: float, holds: bool
) -> None:
    """RFC 9110 section 13.1.5; a date within its own second is no strong validator (8.8.2.2)."""
    assert if_range(value, tag, THEN, now) is holds
    assert if_range(value, tag, None, now) is (holds and value == TAG)
