"""Ranges (RFC 9110 section 14): what they ask, how much of it is served, and multipart/byteranges."""

import email
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.wire.ranges import RANGES_MAX, Part, content_range, multipart, parse_ranges

SIZE = 10_000


@pytest.mark.parametrize(
    "value, parts",
    [
        (b"bytes=0-499", [(0, 500)]),
        (b"bytes=500-999", [(500, 500)]),
        (b"bytes=-500", [(9500, 500)]),
        (b"bytes=9500-", [(9500, 500)]),
        (b"bytes=0-0,-1", [(0, 1), (9999, 1)]),
        (b"bytes=0-0", [(0, 1)]),
        (b"bytes=0-", [(0, SIZE)]),
        (b"bytes=-20000", [(0, SIZE)]),
        (b"bytes=9999-99999999999999999999999999", [(9999, 1)]),
        (b"bytes=0000000000000000000000000001-2", [(1, 2)]),
        (b"BYTES=1-2", [(1, 2)]),
        (b"bytes= 1-2 , , 5000-5001 ", [(1, 2), (5000, 2)]),
        (b"bytes=5000-5001,1-2", [(5000, 2), (1, 2)]),
    ],
)
def test_ranges_are_read_as_the_rfc_s_examples(value: bytes, parts: list[tuple[int, int]]) -> None:
    """Section 14.1.2; parts come in the order in which they were asked for (15.3.7.2)."""
    assert parse_ranges(value, SIZE) == parts


@pytest.mark.parametrize(
    "value",
    [
        b"", b"bytes", b"bytes=", b"bytes=,", b"bytes=-", b"bytes=a-b", b"bytes=1", b"bytes=1-2-3", b"bytes=2-1",
        b"bytes=1-2,x", b"bytes=+1-2", b"bytes=1 -2", b"bytes=0x1-2", b"lines=1-2", b"bytes:1-2", b"bytes=--1",
        "bytes=١-٢".encode(),
    ],
)  # fmt: skip
def test_what_is_not_well_formed_is_ignored(value: bytes) -> None:
    """The answer is the whole file then (section 14.2)."""
    assert parse_ranges(value, SIZE) is None


@pytest.mark.parametrize(
    "value", [b"bytes=10000-", b"bytes=10000-10001", b"bytes=-0", b"bytes=99999999999999999999-"]
)
def test_what_lies_beyond_the_end_cannot_be_satisfied(value: bytes) -> None:
    """No part at all: 416 (section 14.1.2)."""
    assert parse_ranges(value, SIZE) == []


def test_one_that_can_be_satisfied_is_enough() -> None:
    assert parse_ranges(b"bytes=10000-,5-5", SIZE) == [(5, 1)]


def test_of_an_empty_file_only_the_last_bytes_can_be_had() -> None:
    """Those are nothing, so the answer is the whole: nothing."""
    assert parse_ranges(b"bytes=0-", 0) == []
    assert parse_ranges(b"bytes=-5", 0) is None


@pytest.mark.parametrize(
    "value, parts",
    [
        (b"bytes=0-10,5-20", [(0, 21)]),
        (b"bytes=5-20,0-10", [(0, 21)]),
        (b"bytes=0-10,11-20", [(0, 21)]),
        (b"bytes=0-10,100-110", [(0, 111)]),
        (b"bytes=0-10,1000-1010", [(0, 11), (1000, 11)]),
        (b"bytes=0-5000,10-20,30-40", [(0, 5001)]),
        (b"bytes=5000-5010,0-10,5005-5020", [(5000, 21), (0, 11)]),
        (b"bytes=" + b"0-," * RANGES_MAX, [(0, SIZE)]),
    ],
)
def test_ranges_that_overlap_or_nearly_touch_are_one(
    value: bytes, parts: list[tuple[int, int]]
) -> None:
    """In the place of the first of them; so never more is sent than the file has (R24)."""
    assert parse_ranges(value, SIZE) == parts


@pytest.mark.parametrize(
    "value",
    [
        b"bytes=" + b",".join(b"%d-%d" % (i * 500, i * 500) for i in range(RANGES_MAX + 1)),
        b"bytes=" + b"0-," * 5000,
        b"bytes=" + b",".join([b"0-1"] * 1000),
        b"bytes=" + b"," * 60000,
        b"bytes=0-" + b"9" * 60000,
    ],
)
def test_a_flood_of_ranges_is_ignored_or_one_part(value: bytes) -> None:
    """R24, CVE-2011-3192: the whole file once, in linear time."""
    began = time.process_time()
    for _ in range(20):
        assert parse_ranges(value, SIZE) in (None, [(0, SIZE)])
    assert time.process_time() - began < 0.5


@given(
    st.lists(
        st.tuples(st.integers(-1, 1200), st.integers(-1, 1200)), min_size=1, max_size=RANGES_MAX
    ),
    st.integers(0, 1000),
)
def test_the_parts_are_within_the_file_apart_and_hold_all_that_was_asked(
    specs: list[tuple[int, int]], size: int
) -> None:
    """Whatever is asked of whatever file."""
    text = b",".join(
        (b"" if first < 0 else b"%d" % first) + b"-" + (b"" if last < 0 else b"%d" % last)
        for first, last in specs
    )
    parts = parse_ranges(b"bytes=" + text, size)
    if parts is None:
        return
    covered = set()
    for offset, length in parts:
        here = set(range(offset, offset + length))
        assert length > 0 and not covered & here
        covered |= here
    assert covered <= set(range(size))
    for first, last in specs:
        if first < 0:
            assert set(range(max(size - last, 0), size)) <= covered
        else:
            end = size - 1 if last < 0 else min(last, size - 1)
            assert set(range(first, end + 1)) <= covered


def test_content_range_names_first_last_and_all() -> None:
    """RFC 9110 section 14.4."""
    assert content_range(Part(42, 1192), 1234) == b"bytes 42-1233/1234"


def test_a_mail_parser_reads_the_multipart_body() -> None:
    """RFC 9110 section 14.6 takes the form from MIME; the declared length is the body's."""
    content = bytes(range(200)) * 50
    parts = [Part(10, 20), Part(5000, 7)]
    before, after, length = multipart(parts, SIZE, b"text/css; charset=utf-8", b"edge")
    pieces = zip(before, parts, strict=True)
    body = b"".join(line + content[part.offset :][: part.length] for line, part in pieces) + after
    assert len(body) == length
    head = b"Content-Type: multipart/byteranges; boundary=edge\r\n\r\n"
    read = email.message_from_bytes(head + body).get_payload()
    assert isinstance(read, list)
    assert [each["content-range"] for each in read] == [
        "bytes 10-29/10000",
        "bytes 5000-5006/10000",
    ]
    assert {each["content-type"] for each in read} == {"text/css; charset=utf-8"}
    assert body.split(b"\r\n\r\n")[1].startswith(content[10:30] + b"\r\n--edge")
