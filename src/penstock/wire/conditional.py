"""Conditional requests (RFC 9110 section 13): entity tags, dates, and what they decide, sans-IO.

An entity tag is handled as it stands on the wire, quotes and a possible `W/` included. Times are
whole seconds since 1970 UTC, as `Last-Modified` has them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun",
         b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), 1,
    )
}  # fmt: skip
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTH = rb"(?P<month>" + rb"|".join(_MONTHS) + rb")"
_TIME = rb"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_DAY = "|".join(_DAYS).encode()
_LONG_DAY = rb"Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
# IMF-fixdate, and the two obsolete forms that a recipient must still read (RFC 9110 section 5.6.7).
_DATES = tuple(
    re.compile(form)
    for form in (
        rb"(?:" + _DAY + rb"), (?P<day>\d\d) " + _MONTH + rb" (?P<year>\d{4}) " + _TIME + rb" GMT",
        rb"(?:" + _LONG_DAY + rb"), (?P<day>\d\d)-" + _MONTH + rb"-(?P<year>\d\d) " + _TIME
        + rb" GMT",
        rb"(?:" + _DAY + rb") " + _MONTH + rb" (?P<day>[ \d]\d) " + _TIME + rb" (?P<year>\d{4})",
    )
)  # fmt: skip
# RFC 9110 section 8.8.3; what is between the quotes may hold a comma.
_TAG = re.compile(rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_YEAR_S = 31_556_952
_FAR_YEARS = 50

# What the preconditions say about a GET or HEAD.
GO_ON = 0
NOT_MODIFIED = 304
FAILED = 412


def parse_date(value: bytes, now_s: float) -> int | None:
    """The time that an HTTP-date names, None if it is none (RFC 9110 section 5.6.7).

    A year of two digits is never taken to lie more than 50 years after `now_s`.
    """
    for form in _DATES:
        found = form.fullmatch(value)
        if found is not None:
            break
    else:
        return None
    year, month = int(found["year"]), _MONTHS[found["month"]]
    if len(found["year"]) == 2:
        this_year = 1970 + int(now_s // _YEAR_S)
        year += this_year - this_year % 100
        if year > this_year + _FAR_YEARS:
            year -= 100
    day, hour = int(found["day"]), int(found["hour"])
    minute, second = int(found["minute"]), int(found["second"])
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= _MONTH_DAYS[month - 1] + leap or hour > 23 or minute > 59 or second > 60:
        return None
    return ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second


def format_date(time_s: int) -> bytes:
    """The IMF-fixdate of a time, whatever the locale."""
    days, seconds = divmod(time_s, 86400)
    # The inverse of `_days`: years begin in March, in eras of 400 years.
    era, day_of_era = divmod(days + 719468, 146097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * from_march + 2) // 5 + 1
    month = from_march + 3 if from_march < 10 else from_march - 9
    year = year_of_era + era * 400 + (month <= 2)
    return b"%b, %02d %b %04d %02d:%02d:%02d GMT" % (
        _DAYS[(days + 3) % 7].encode(), day, list(_MONTHS)[month - 1], year,
        seconds // 3600, seconds // 60 % 60, seconds % 60,
    )  # fmt: skip


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a day of the Gregorian calendar."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return (
        era * 146097
        + year_of_era * 365
        + year_of_era // 4
        - year_of_era // 100
        + day_of_year
        - 719468
    )


def matches(field: bytes, tag: bytes, *, strong: bool) -> bool:
    """Whether `tag` is in a list of entity tags, or the list is `*` (RFC 9110 section 8.8.3.2).

    What is no entity tag is passed over: it can match nothing.
    """
    if field.strip(b" \t") == b"*":
        return True
    if strong:
        return not tag.startswith(b"W/") and tag in _TAG.findall(field)
    opaque = tag.removeprefix(b"W/")
    return any(found.removeprefix(b"W/") == opaque for found in _TAG.findall(field))


def evaluate(
    headers: Iterable[tuple[bytes, bytes]], tag: bytes, modified_s: int | None, now_s: float
) -> int:
    """What the preconditions of a GET or HEAD say, in the order of RFC 9110 section 13.2.2: `GO_ON`,
    `NOT_MODIFIED` or `FAILED`. The representation is there and has the entity tag `tag`;
    `modified_s` is its `Last-Modified`, None without one: conditions by date are ignored then.
    """
    match: bytes | None = None
    none_match: bytes | None = None
    modified: bytes | None = None
    unmodified: bytes | None = None
    for name, value in headers:
        if name == b"if-none-match":
            none_match = value if none_match is None else none_match + b"," + value
        elif name == b"if-modified-since":
            modified = value
        elif name == b"if-match":
            match = value if match is None else match + b"," + value
        elif name == b"if-unmodified-since":
            unmodified = value
    if match is not None:
        if not matches(match, tag, strong=True):
            return FAILED
    elif unmodified is not None and modified_s is not None:
        date_s = parse_date(unmodified, now_s)
        if date_s is not None and modified_s > date_s:
            return FAILED
    if none_match is not None:
        if matches(none_match, tag, strong=False):
            return NOT_MODIFIED
    elif modified is not None and modified_s is not None:
        date_s = parse_date(modified, now_s)
        if date_s is not None and modified_s <= date_s:
            return NOT_MODIFIED
    return GO_ON


def if_range(value: bytes, tag: bytes, modified_s: int | None, now_s: float) -> bool:
    """Whether an `If-Range` holds, so that a range may be sent (RFC 9110 section 13.1.5).

    An entity tag must match strongly. A date must be that of `Last-Modified` exactly, and a second
    old at least, since within one second a file may change twice.
    """
    if value.endswith(b'"'):
        return value == tag and not tag.startswith(b"W/")
    date_s = parse_date(value, now_s)
    return date_s is not None and date_s == modified_s and modified_s + 1 <= now_s
