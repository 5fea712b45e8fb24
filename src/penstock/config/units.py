"""Durations and sizes as people write them: `250ms`, `30s`, `5m`; `64KiB`, `16MiB`.

A bare number is seconds, or bytes. Each parser raises ValueError with a message that says what was
seen and what would be understood; who calls it adds the name of the option and where it was written.
"""

from __future__ import annotations

# ruff: noqa: TRY004 - ValueError is the one error of parsers, for wrong types too
import math
import re

SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {"b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}

# Beyond a year a deadline is a slip of the finger (and beyond 2**53 a float drops seconds).
DURATION_MAX_S = 366 * 86400.0
SIZE_MAX = 1 << 50

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?) *([a-z]+)", re.IGNORECASE)
# Where a multiple of 1000 and of 1024 share a spelling, guessing is wrong for half of the readers.
_DECIMAL = {"k": "KiB", "kb": "KiB", "m": "MiB", "mb": "MiB", "g": "GiB", "gb": "GiB"}


def parse_duration(value: object) -> float:
    """Return `value` in seconds: a number, or text such as `250ms`, `1.5s`, `5m`, `1h30m`."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is no duration: give seconds as a number, or text like '30s'")
    seconds = _duration_text(value) if isinstance(value, str) else float(value)
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"{value!r} is no duration: it must be 0 or more, and finite")
    if seconds > DURATION_MAX_S:
        raise ValueError(
            f"{value!r} is longer than a year; a bare number is seconds, '250ms' is not"
        )
    return seconds


def _duration_text(text: str) -> float:
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped):
        return float(stripped)
    seconds = 0.0
    position = 0
    while position < len(stripped):
        part = _PART.match(stripped, position)
        if part is None or part[2].lower() not in SECONDS:
            raise ValueError(
                f"{text!r} is no duration: write a number with us, ms, s, m, h or d, as in 250ms, 30s,"
                " 5m, 1h30m; a bare number is seconds"
            )
        seconds += float(part[1]) * SECONDS[part[2].lower()]
        position = part.end()
    if not stripped:
        raise ValueError("an empty text is no duration: write 250ms, 30s, 5m")
    return seconds


def parse_size(value: object) -> int:
    """Return `value` in bytes: a whole number, or text such as `64KiB`, `1.5MiB`."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{value!r} is no size: give whole bytes, or text like '64KiB'")
    size = _size_text(value) if isinstance(value, str) else value
    if not 0 <= size <= SIZE_MAX:
        raise ValueError(f"{value!r} is no size: it must lie between 0 and {format_size(SIZE_MAX)}")
    return size


def _size_text(text: str) -> int:
    stripped = text.strip()
    if stripped.isascii() and stripped.isdigit():
        return int(stripped)
    part = _PART.fullmatch(stripped)
    unit = part[2].lower() if part is not None else ""
    if part is not None and unit in _DECIMAL:
        raise ValueError(
            f"{text!r} could mean powers of 1000 or of 1024: write {part[1]}{_DECIMAL[unit]}, or bytes"
        )
    if part is None or unit not in BYTES:
        raise ValueError(
            f"{text!r} is no size: write a number with B, KiB, MiB, GiB or TiB, as in 64KiB, 16MiB;"
            " a bare number is bytes"
        )
    exact = float(part[1]) * BYTES[unit]
    if not exact.is_integer():
        raise ValueError(f"{text!r} is {exact} bytes: a size is a whole number of bytes")
    return int(exact)


def format_duration(seconds: float) -> str:
    """The shortest spelling that `parse_duration` reads back as the same number of seconds."""
    if seconds == 0:
        return "0s"
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count = seconds / SECONDS[unit]
        if count >= 1 and count.is_integer() and float(count) * SECONDS[unit] == seconds:
            # 90 s is read faster than 1.5m, 120 s slower than 2m
            return f"{int(count)}{unit}"
    return f"{seconds!r}s"


def format_size(size: int) -> str:
    """The shortest spelling that `parse_size` reads back as the same number of bytes."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size and size % BYTES[unit.lower()] == 0:
            return f"{size // BYTES[unit.lower()]}{unit}"
    return f"{size}"
