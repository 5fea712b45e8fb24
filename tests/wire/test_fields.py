"""Response fields to bytes: what may go out, and what is noticed, in both forms."""

from types import ModuleType
from typing import Any

import pytest

from fuzz.scan import lines_of
from penstock.wire.fields import (
    SENDS_CODING,
    SENDS_CONNECTION,
    SENDS_DATE,
    SENDS_LENGTH,
    SENDS_SERVER,
)
from tests.twins import forms

each_twin = pytest.mark.parametrize("twin", forms("penstock.wire.fields"))


@each_twin
def test_response_fields_are_written(twin: ModuleType) -> None:
    headers = [(b"Date", b"x"), [b"server", b""], (b"Content-Length", b"007"), (b"x", b"\t\xff")]
    lines = b"Date: x\r\nserver: \r\nContent-Length: 007\r\nx: \t\xff\r\n"
    wanted = (lines, SENDS_DATE | SENDS_SERVER | SENDS_LENGTH, 7)
    assert lines_of(twin, headers) == wanted
    assert lines_of(twin, tuple(headers)) == wanted
    assert lines_of(twin, []) == (b"", 0, -1)
    assert lines_of(twin, [(b"content-length", b"9" * 18)])[2] == 10**18 - 1


@each_twin
def test_framing_of_the_application_is_left_out(twin: ModuleType) -> None:
    """A08."""
    headers = [(b"Transfer-Encoding", b"chunked"), (b"a", b"b"), (b"CONNECTION", b"close")]
    assert lines_of(twin, headers) == (b"a: b\r\n", SENDS_CODING | SENDS_CONNECTION, -1)


@each_twin
@pytest.mark.parametrize(
    "pair",
    [
        (b"x", b"a\rb"),
        (b"x", b"a\nb"),
        (b"x", b"a\r\nb: c"),
        (b"x", b"\0"),
        (b"x\r\ny", b"z"),
        (b"x y", b"z"),
        (b"x:", b"z"),
        (b"", b"z"),
        (b"\xe9", b"z"),
        ("x", b"z"),
        (b"x", "z"),
        (b"x", bytearray(b"z")),
        (b"x", None),
        (b"x",),
        (b"x", b"y", b"z"),
        b"xy",
        None,
        (b"connection", b"a\nb"),
        (b"transfer-encoding", b"a\0b"),
        (b"content-length", b""),
        (b"content-length", b"+1"),
        (b"content-length", b"1 "),
        (b"content-length", b"9" * 19),
        (b"content-length", "１".encode()),
    ],
)
def test_fields_that_must_not_go_out_are_none(twin: ModuleType, pair: Any) -> None:
    """A01, A08, A10: wherever they stand."""
    assert lines_of(twin, [pair]) is None
    assert lines_of(twin, [(b"a", b"b"), pair, (b"c", b"d")]) is None


@each_twin
def test_two_lengths_are_none(twin: ModuleType) -> None:
    """A08."""
    assert lines_of(twin, [(b"content-length", b"1"), (b"Content-Length", b"1")]) is None


@each_twin
def test_what_is_refused_changes_nothing(twin: ModuleType) -> None:
    """A01: an answer of the server's own can take its place."""
    lines = twin.Lines()
    assert twin.write_fields([(b"a", b"b"), (b"content-length", b"3")], lines)
    assert not twin.write_fields([(b"date", b"x"), (b"a", b"\n")], lines)
    assert (lines.lines, lines.bits, lines.length) == (
        b"a: b\r\ncontent-length: 3\r\n",
        SENDS_LENGTH,
        3,
    )


@each_twin
@pytest.mark.parametrize("size", [0, 1, 1000, 1023, 1024, 1025, 5000])
def test_fields_of_any_size_are_written(twin: ModuleType, size: int) -> None:
    value = b"v" * size
    assert lines_of(twin, [(b"x", value), (b"y", b"z")]) == (b"x: %b\r\ny: z\r\n" % value, 0, -1)


@each_twin
def test_parts_become_one(twin: ModuleType) -> None:
    assert twin.assemble(b"a", b"", b"bc", b"d", b"ef") == b"abcdef"
    assert twin.assemble(b"", b"", b"", b"", b"") == b""
