"""Fields of a message checked, in both forms (RFC 9113 sections 8.2 and 8.3; threat H18)."""

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.wire import http2_fields
from tests.twins import forms, pure

each_twin = pytest.mark.parametrize("twin", forms("penstock.wire.http2_fields"))
pure_twin = pure("penstock.wire.http2_fields")


@each_twin
def test_bits(twin: ModuleType) -> None:
    """Each field that means something has its bit; cookies only where there are several."""
    wanted = {
        b"host": twin.HOST,
        b"content-length": twin.LENGTH,
        b"expect": twin.EXPECT,
        b"te": twin.TE,
        b"priority": twin.PRIORITY,
        b"cookie": 0,
        b"x": 0,
    }
    for name in (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"transfer-encoding",
        b"upgrade",
    ):
        wanted[name] = twin.CONNECTION
    for name in (
        b"forwarded",
        *(b"x-forwarded-" + each for each in (b"for", b"host", b"port", b"prefix", b"proto")),
    ):
        wanted[name] = twin.FORWARDED
    for name, bit in wanted.items():
        assert twin.check_fields([(b":path", b"/"), (name, b"x"), (b"a", b"b")], 1) == bit
        for index in range(len(name)):
            other = name[:index] + b"_" + name[index + 1 :]
            assert twin.check_fields([(other, b"x")], 0) == 0
    assert twin.check_fields([(b"cookie", b"a"), (b"x", b""), (b"cookie", b"b")], 0) == twin.COOKIES
    assert twin.check_fields([(b"te", b"a"), (b"host", b"b")], 0) == twin.TE | twin.HOST
    assert twin.check_fields([], 0) == 0
    assert twin.check_fields([(b":path", b"/")], 1) == 0


@each_twin
def test_8_2_1_names_are_lower_case_tokens(twin: ModuleType) -> None:
    """H18: every byte, at every place; the empty name; a pseudo-header field out of place."""
    token = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
    for byte in range(256):
        wanted = 0 if byte in token else -1
        for name in (bytes((byte,)), b"a" + bytes((byte,)), bytes((byte,)) + b"z"):
            assert twin.check_fields([(b"x", b"y"), (name, b"v")], 0) == wanted
    assert twin.check_fields([(b"", b"v")], 0) == -1
    assert twin.check_fields([(b":path", b"/")], 0) == -1


@each_twin
def test_8_2_1_values_have_no_control_characters_nor_white_space_around(twin: ModuleType) -> None:
    """H18: CR, LF, NUL and their like anywhere, SP and HTAB at either end."""
    for byte in range(256):
        bad = byte == 127 or (byte < 32 and byte != 9)
        at_edge = bad or byte in b" \t"
        one = bytes((byte,))
        for value, wrong in (
            (one, at_edge),
            (b"a" + one, at_edge),
            (one + b"b", at_edge),
            (b"a" + one + b"b", bad),
        ):
            for fields in ([(b"x", value)], [(b"a", b""), (b"x", value), (b"b", b"")]):
                assert (twin.check_fields(fields, 0) == -1) == wrong
        for place in range(1, 18):
            value = b"\xe9" * place + one + b"b" * (18 - place)
            assert (twin.check_fields([(b"x", value)], 0) == -1) == bad


@each_twin
def test_8_3_1_paths(twin: ModuleType) -> None:
    """Printable ASCII without space and fragment."""
    for byte in range(256):
        wanted = 33 <= byte <= 126 and byte != 35
        for path in (bytes((byte,)), b"/" + bytes((byte,)), bytes((byte,)) + b"/"):
            assert twin.query_at(path) == (-1 if not wanted else (path + b"?").index(b"?"))
    assert twin.query_at(b"") == -1
    assert twin.query_at(b"/a?b?c") == 2


@each_twin
@pytest.mark.parametrize(
    ("fields", "joined"),
    [
        ([], []),
        ([(b"a", b"1")], [(b"a", b"1")]),
        ([(b"cookie", b"1")], [(b"cookie", b"1")]),
        (
            [(b"a", b""), (b"cookie", b"1"), (b"b", b"2"), (b"cookie", b""), (b"cookie", b"3")],
            [(b"a", b""), (b"cookie", b"1; ; 3"), (b"b", b"2")],
        ),
        ([(b"cookie", b"1"), (b"cookie", b"2"), (b"z", b"")], [(b"cookie", b"1; 2"), (b"z", b"")]),
        ([(b"cookies", b"1"), (b"Cookie", b"2")], [(b"cookies", b"1"), (b"Cookie", b"2")]),
    ],
)
def test_8_2_3_crumbs_become_one_cookie_where_the_first_stood(
    twin: ModuleType, fields: Any, joined: Any
) -> None:
    given = list(fields)
    twin.join_cookies(given)
    assert given == joined


TEXT = st.one_of(
    st.sampled_from(
        [b"cookie", b"te", b"host", b"upgrade", b"x-forwarded-for", b"", b"a b", b" a", b"a\n"]
    ),
    st.binary(max_size=12),
)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=6), st.integers(0, 2))
def test_both_forms_say_the_same(fields: Any, start: int) -> None:
    """Of any fields."""
    assert http2_fields.check_fields(fields, start) == pure_twin.check_fields(fields, start)
    pure = list(fields)
    http2_fields.join_cookies(fields)
    pure_twin.join_cookies(pure)
    assert fields == pure
    for name, value in fields:
        assert http2_fields.query_at(name + value) == pure_twin.query_at(name + value)
