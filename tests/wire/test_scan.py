"""The scanner of request heads: what it takes, and that both its forms are one."""

from random import Random
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz import messages
from fuzz import scan as fuzz
from penstock._leg import leg
from penstock.wire.scan import (
    CODING,
    CONNECTION,
    EXPECT,
    FORWARDED,
    HOST,
    KEEP_ALIVE,
    LENGTH,
    ODD,
    UPGRADE,
)
from tests.twins import forms, pure

each_twin = pytest.mark.parametrize("twin", forms("penstock.wire.scan"))
both_twins = pytest.mark.skipif(
    leg() == "pure", reason="the native form was not built: this is the pure leg"
)
seeds = st.integers(0, 2**48)
HEAD = b"GET /a?b HTTP/1.1\r\nHost: t\r\nX: \t y \t\r\n\r\n"


def head_of(twin: ModuleType, data: bytes, start: int = 0, fields_max: int = 128) -> Any:
    return fuzz.head_of(twin, data, start, fields_max)


def bits_of(twin: ModuleType, *lines: bytes, line: bytes = b"GET / HTTP/1.1") -> Any:
    found = head_of(twin, b"\r\n".join([line, *lines, b"", b""]))
    return None if found is None else found[-1]


@each_twin
def test_a_head_is_taken_apart(twin: ModuleType) -> None:
    headers = [(b"host", b"t"), (b"x", b"y")]
    wanted = (len(HEAD), "GET", b"/a", b"b", headers, "1.1", 17, HOST)
    assert head_of(twin, HEAD) == wanted
    assert head_of(twin, HEAD + b"rest") == wanted
    assert head_of(twin, b"before" + HEAD, 6) == (len(HEAD) + 6, *wanted[1:])


@each_twin
def test_a_part_of_a_head_is_none(twin: ModuleType) -> None:
    for size in range(len(HEAD)):
        assert head_of(twin, HEAD[:size]) is None
    assert head_of(twin, b"", 0) is None
    assert head_of(twin, HEAD, len(HEAD)) is None
    assert head_of(twin, HEAD, len(HEAD) + 9) is None


@each_twin
@pytest.mark.parametrize("byte", range(256))
def test_each_byte_is_allowed_where_the_grammar_has_it(twin: ModuleType, byte: int) -> None:
    """R04, R05, R14 to R17: tokens, targets and values, at the beginning, in the midst and at the end."""
    one = bytes([byte])
    token = one in b"!#$%&'*+-.^_`|~" or one.isalnum()
    for around in ((b"", b""), (b"a", b""), (b"", b"a"), (b"a", b"a")):
        text = one.join(around)
        assert (head_of(twin, b"%b / HTTP/1.1\r\nHost: t\r\n\r\n" % text) is not None) == token
        assert (head_of(twin, b"GET / HTTP/1.1\r\n%b: x\r\n\r\n" % text) is not None) == (
            token or (one == b":" and around[0] == b"a")
        )
        target = 33 <= byte <= 126 and one != b"#"
        assert (head_of(twin, b"GET /%b HTTP/1.1\r\nHost: t\r\n\r\n" % text) is not None) == target
        for pad in (b"", b"v" * 5, b"v" * 13):
            value = text + pad
            found = head_of(twin, b"GET / HTTP/1.1\r\nx:%b\r\n\r\n" % value)
            if byte == 9 or 32 <= byte <= 126 or byte >= 128:
                assert found[4] == [(b"x", value.strip(b" \t"))]
            else:
                assert found is None


@each_twin
@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\nHost: t\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: t\n\r\n",
        b"GET / HTTP/1.1\r\nHost: t\r\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: t\r\n\n",
        b"GET / HTTP/1.1\r\nHost: t\r\n\r",
        b"GET / HTTP/1.1\r\nHost: t\r\n\rx",
        b"GET / HTTP/1.1\r\nHost: t\r",
        b"GET / HTTP/1.1\r\nHost : t\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: t\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: t\r\n x\r\n\r\n",
        b"GET / HTTP/1.1\r\n: t\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost\r\n\r\n",
        b"GET / HTTP/1.x\r\n\r\n",
        b"GET / HTTP/1.10\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / http/1.1\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b" / HTTP/1.1\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_not_plainly_right_is_none(twin: ModuleType, data: bytes) -> None:
    assert head_of(twin, data) is None


@each_twin
def test_fields_and_the_method_have_a_limit(twin: ModuleType) -> None:
    """R04, R13."""
    data = b"GET / HTTP/1.1\r\na:\r\nb:\r\n\r\n"
    assert head_of(twin, data, fields_max=2) is not None
    assert head_of(twin, data, fields_max=1) is None
    assert head_of(twin, b"GET / HTTP/1.1\r\n\r\n", fields_max=0) is not None
    assert head_of(twin, b"G" * 64 + b" / HTTP/1.1\r\n\r\n")[1] == "G" * 64
    assert head_of(twin, b"G" * 65 + b" / HTTP/1.1\r\n\r\n") is None


@each_twin
@pytest.mark.parametrize(
    ("line", "bit"),
    [
        (b"Content-Length: 1", LENGTH),
        (b"TRANSFER-ENCODING: x", CODING),
        (b"Connection: close", CONNECTION),
        (b"connection: keep-alive", KEEP_ALIVE),
        (b"connection: KEEP-Alive", KEEP_ALIVE),
        (b"connection: keep-alive ", KEEP_ALIVE),
        (b"connection: keep_alive", CONNECTION),
        (b"connection: keep-alive, x", CONNECTION),
        (b"connection:", CONNECTION),
        (b"Expect: x", EXPECT),
        (b"upgrade: x", UPGRADE),
        (b"x-forwarded-for: x", FORWARDED),
        (b"X-Forwarded-Proto: x", FORWARDED),
        (b"x-forwarded-host: x", FORWARDED),
        (b"X-FORWARDED-PORT: x", FORWARDED),
        (b"x-forwarded-prefix: x", FORWARDED),
        (b"Forwarded: x", FORWARDED),
        (b"x-forwarded-by: x", 0),
        (b"x_forwarded_for: x", 0),
        (b"content_length: 1", 0),
        (b"content-lengt: 1", 0),
        (b"content-length2: 1", 0),
    ],
)
def test_fields_that_steer_are_noticed(twin: ModuleType, line: bytes, bit: int) -> None:
    assert bits_of(twin, b"Host: t", line) == HOST | bit
    assert bits_of(twin, line, b"Host: t", b"x: y") == HOST | bit


@each_twin
def test_two_connection_fields_are_not_plain(twin: ModuleType) -> None:
    for second in (b"keep-alive", b"close"):
        lines = (b"Host: t", b"Connection: keep-alive", b"Connection: " + second)
        assert bits_of(twin, *lines) == HOST | CONNECTION


@each_twin
@pytest.mark.parametrize(
    "host", [b"t", b"a-b.C9", b"t:1", b"t:9999", b"t:59999", b"127.0.0.1:80", b".", b"-"]
)
def test_plain_hosts_need_no_second_look(twin: ModuleType, host: bytes) -> None:
    assert bits_of(twin, b"Host: " + host) == HOST


@each_twin
@pytest.mark.parametrize(
    "host",
    [
        b"",
        b":80",
        b"t:",
        b"t:60000",
        b"t:99999",
        b"t:123456",
        b"t:x",
        b"t:8x",
        b"[::1]",
        b"a_b",
        b"a b",
        b"a,b",
        b"a@b",
        b"\xe9",
        b"a\tb",
        b"t:1:2",
    ],
)
def test_all_other_hosts_do(twin: ModuleType, host: bytes) -> None:
    """R20."""
    assert bits_of(twin, b"Host: " + host) == HOST | ODD


@each_twin
def test_hosts_that_are_missing_or_two_and_targets_that_are_no_path_need_it_too(
    twin: ModuleType,
) -> None:
    """R07 to R09, R19."""
    assert bits_of(twin, b"x: y") == ODD
    assert bits_of(twin, b"Host: t", b"x: y", b"host: t") == HOST | ODD
    for line in (
        b"GET * ",
        b"GET ?a ",
        b"GET http://t/ ",
        b"GET a ",
        b"CONNECT /a ",
        b"connect a:1 ",
        b"CONNECT a:1 ",
    ):
        assert bits_of(twin, b"Host: t", line=line + b"HTTP/1.1") == HOST | ODD, line


@each_twin
def test_versions(twin: ModuleType) -> None:
    """R02."""
    for minor in range(10):
        found = head_of(twin, b"GET / HTTP/1.%d\r\nHost: t\r\n\r\n" % minor)
        assert found[5] == ("1.1" if minor else "1.0")


@both_twins
@given(seeds)
def test_both_twins_are_one(seed: int) -> None:
    """Heads, header lists and masks by chance, right and broken."""
    fuzz.trial(Random(seed))


@both_twins
@given(st.binary(max_size=120), st.integers(0, 10))
def test_both_twins_are_one_on_any_bytes(data: bytes, start: int) -> None:
    fuzz.same_head(data, start)
    fuzz.same_head(b"GET / HTTP/1.1\r\n" + data)
    fuzz.same_head(b"GET / HTTP/1.1\r\nx: " + data + b"\r\n\r\n")


@both_twins
@given(
    st.lists(st.tuples(st.binary(max_size=34), st.binary(max_size=40)) | st.none() | st.binary())
)
def test_both_twins_are_one_on_any_fields(headers: list[Any]) -> None:
    fuzz.same_fields(headers)


@both_twins
def test_both_twins_are_one_on_names_near_those_that_are_known() -> None:
    """Each name that steers, with each of its letters changed, and cut and made longer."""
    names = [*pure("penstock.wire.scan")._BITS, *pure("penstock.wire.fields")._SENDS]
    for name in names:
        near = [
            name[:i] + bytes([byte]) + name[i + 1 :]
            for i in range(len(name))
            for byte in b"-_aZ~\0 "
        ]
        for other in [name, name.upper(), name[:-1], name + b"x", b"x" + name, *near]:
            fuzz.same_head(b"GET / HTTP/1.1\r\nHost: t\r\n%b: 1\r\n\r\n" % other)
            fuzz.same_fields([(other, b"1")])


@given(seeds)
def test_heads_by_chance_are_often_right(seed: int) -> None:
    """The property tests meet both sides: an unbroken head with a fair target is taken."""
    data = messages.framed(Random(seed))
    assert head_of(pure("penstock.wire.scan"), data) is not None
