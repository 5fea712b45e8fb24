"""Fields of a request to a head: RFC 9113 section 8; threats H18 to H22, H24, H25."""

from typing import Any

import pytest

from penstock.errors import HttpError, StreamError
from penstock.wire.http2_frames import PROTOCOL_ERROR
from penstock.wire.http2_head import check_trailers, make_head, value_of
from penstock.wire.http2_limits import Http2Limits
from tests.wire.http2_peer import GET, POST

LIMITS = Http2Limits()


def head(*fields: tuple[bytes, bytes], ended: bool = True, limits: Http2Limits = LIMITS) -> Any:
    return make_head(list(fields), ended, True, limits)


def changed(name: bytes, *values: bytes) -> list[tuple[bytes, bytes]]:
    """GET with another pseudo-header field, or without."""
    rest = [field for field in GET if field[0] != name]
    return [*rest, *((name, value) for value in values)]


def malformed(*fields: tuple[bytes, bytes], ended: bool = True) -> str:
    with pytest.raises(StreamError) as caught:
        head(*fields, ended=ended)
    assert caught.value.code == PROTOCOL_ERROR
    return caught.value.rule


def test_a_head() -> None:
    """What HTTP/1 would have made of the same request, `host` first."""
    made = head(
        (b":path", b"/a%20b?c=d?e"),
        (b":method", b"PATCH"),
        (b":authority", b"EXAMPLE.org:8080"),
        (b":scheme", b"http"),
        (b"accept", b""),
        (b"x-forwarded-for", b"1.2.3.4"),
        ended=False,
    )
    assert (made.method, made.raw_path, made.query) == ("PATCH", b"/a%20b", b"c=d?e")
    assert made.headers == [
        (b"host", b"EXAMPLE.org:8080"),
        (b"accept", b""),
        (b"x-forwarded-for", b"1.2.3.4"),
    ]
    assert (made.http_version, made.content_length, made.keep_alive) == ("2", -1, True)
    assert (made.forwarded, made.expect_continue, made.upgrade) == (True, False, b"")
    assert head(*changed(b":method", b"brew")).method == "BREW"


def test_8_3_1_asterisk_form_is_for_options() -> None:
    fields = [(b":method", b"OPTIONS"), *changed(b":path", b"*")[1:]]
    assert head(*fields).raw_path == b"*"
    assert malformed(*changed(b":path", b"*")) == "RFC 9113 8.3.1"


@pytest.mark.parametrize("name", [b":method", b":scheme", b":path"])
def test_8_3_1_h20_method_scheme_and_path_are_there_once(name: bytes) -> None:
    malformed(*changed(name))
    value = dict(GET)[name]
    malformed(*changed(name, value, value))


@pytest.mark.parametrize(
    "fields",
    [
        [*GET, (b":authority", b"example.org")],
        [*GET, (b":status", b"200")],
        [*GET, (b":unknown", b"x")],
        [*GET, (b":", b"x")],
        [*GET[:3], (b"accept", b"*/*"), GET[3]],
        [*GET, (b"accept", b"*/*"), (b":status", b"200")],
        [*GET, (b":protocol", b"websocket")],
    ],
)
def test_8_3_h20_pseudo_header_fields_out_of_place(fields: Any) -> None:
    """Twice, of a response, unknown, after other fields."""
    malformed(*fields)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            b":path",
            [b"", b"x", b"http://x/", b"/a b", b"/a#b", b"/\n", b"/\0", b"/\xe4", b"//\r\nx: y"],
        ),
        (b":method", [b"", b"GE T", b"G\n", b"GET\0", b"x" * 65, b"G/T"]),
        (b":scheme", [b"", b"ftp", b"https ", b"HTTPS", b"https\n"]),
        (
            b":authority",
            [
                b"",
                b"a b",
                b"a/b",
                b"user@host",
                b"a\n",
                b"a\0",
                b"a:b",
                b"a:99999",
                b"[::1",
                b"a:1:2",
                b":80",
                b"a?b",
            ],
        ),
    ],
)
def test_8_3_1_h18_h20_pseudo_header_fields_with_wrong_values(
    name: bytes, values: list[bytes]
) -> None:
    for value in values:
        malformed(*changed(name, value))


@pytest.mark.parametrize(
    "value", [b"a", b"a.b:1", b"[::1]:65535", b"127.0.0.1", b"x_y", b"a%41", b"a:"]
)
def test_8_3_1_authorities(value: bytes) -> None:
    assert head(*changed(b":authority", value)).headers[0] == (b"host", value)


def test_8_3_1_h21_one_host_reaches_the_application() -> None:
    """`host` may stand for `:authority`, or repeat it; nothing else."""
    without = changed(b":authority")
    assert head(*without, (b"a", b"b"), (b"host", b"x.y")).headers == [
        (b"host", b"x.y"),
        (b"a", b"b"),
    ]
    assert head(*GET, (b"a", b"b"), (b"host", b"Example.ORG")).headers == [
        (b"host", b"example.org"),
        (b"a", b"b"),
    ]
    malformed(*without)
    malformed(*without, (b"host", b"a"), (b"host", b"a"))
    malformed(*without, (b"host", b""))
    malformed(*without, (b"host", b"a/b"))
    malformed(*GET, (b"host", b"other"))
    malformed(*GET, (b"host", b"example.org"), (b"host", b"other"))


@pytest.mark.parametrize(
    "field",
    [
        (b"connection", b"close"),
        (b"keep-alive", b"x"),
        (b"proxy-connection", b"x"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"h2c"),
        (b"te", b"gzip"),
        (b"te", b"trailers, gzip"),
    ],
)
def test_8_2_2_h19_connection_specific_fields_are_malformed(field: tuple[bytes, bytes]) -> None:
    malformed(*GET, field)
    assert head(*GET, (b"te", b"trailers")).headers[1] == (b"te", b"trailers")


@pytest.mark.parametrize(
    "field",
    [
        (b"", b"x"),
        (b"A", b"x"),
        (b"a b", b"x"),
        (b"a:", b"x"),
        (b"a\n", b"x"),
        (b"a", b"x\n"),
        (b"a", b"\0"),
        (b"a", b" x"),
    ],
)
def test_8_2_1_h18_malformed_fields(field: tuple[bytes, bytes]) -> None:
    assert malformed(*GET, field) == "RFC 9113 8.2.1"


def test_8_1_1_h22_content_length() -> None:
    """One number; none where the stream has ended; the body's limit is looked at before it comes."""
    assert head(*POST, (b"content-length", b"010"), ended=False).content_length == 10
    assert head(*POST, (b"content-length", b"0"), ended=False).content_length == 0
    assert head(*POST, (b"content-length", b"0")).content_length == 0
    for value in (b"", b"+3", b"-1", b"3,3", b"0x1", b"1 2"):
        malformed(*POST, (b"content-length", value), ended=False)
    malformed(*POST, (b"content-length", b"1"), (b"content-length", b"1"), ended=False)
    malformed(*POST, (b"content-length", b"1"))
    for value, limits in ((b"1" * 30, LIMITS), (b"11", Http2Limits(body_max=10))):
        with pytest.raises(HttpError) as caught:
            head(*POST, (b"content-length", value), ended=False, limits=limits)
        assert caught.value.status == 413


def test_expect() -> None:
    """RFC 9110 section 10.1.1; without a body there is nothing to wait for."""
    assert head(*POST, (b"expect", b"100-Continue"), ended=False).expect_continue
    assert not head(*POST, (b"expect", b"miracles")).expect_continue
    with pytest.raises(HttpError) as caught:
        head(*POST, (b"expect", b"miracles"), ended=False)
    assert caught.value.status == 417


def test_8_2_3_h24_cookie_crumbs_are_joined_where_the_first_stood() -> None:
    made = head(
        *GET, (b"a", b"b"), (b"cookie", b"c=1"), (b"d", b"e"), (b"cookie", b""), (b"cookie", b"f=2")
    )
    assert made.headers[1:] == [(b"a", b"b"), (b"cookie", b"c=1; ; f=2"), (b"d", b"e")]


def test_8_5_h25_connect() -> None:
    """RFC 8441 section 4: extended CONNECT has :scheme and :path, the other has not."""
    full = [(b":method", b"CONNECT"), *GET[1:]]
    made = head(*full, (b":protocol", b"WebSocket"), ended=False)
    assert (made.upgrade, made.method, made.content_length) == (b"websocket", "CONNECT", -1)
    malformed(*full, ended=False)
    malformed(*full[:-1], (b":protocol", b"websocket"), ended=False)
    malformed(*full, (b":protocol", b"websocket"), ended=True)
    for value in (b"web socket\n", b"\0", b" websocket"):
        malformed(*full, (b":protocol", value), ended=False)
    to = (b":authority", b"example.org:443")
    for fields in ([full[0], to], [*full, (b":protocol", b"connect-udp")]):
        with pytest.raises(HttpError) as caught:
            head(*fields, ended=False)
        assert caught.value.status == 501


@pytest.mark.parametrize("authority", [b"example.org", b"example.org:", b"[::1]", None])
def test_8_5_h25_connect_says_host_and_port_and_nothing_else(authority: bytes | None) -> None:
    """Neither :scheme nor :path, alone or both; `host` does not stand for :authority here."""
    method = (b":method", b"CONNECT")
    if authority is None:
        assert malformed(method, (b"host", b"example.org:443"), ended=False) == "RFC 9113 8.5"
    else:
        assert malformed(method, (b":authority", authority), ended=False) == "RFC 9113 8.5"
    to = (b":authority", b"example.org:443")
    for more in ([GET[1]], [GET[3]], [GET[1], GET[3]]):
        assert malformed(method, *more, to, ended=False) == "RFC 9113 8.5"


def test_8_1_h23_trailers() -> None:
    check_trailers([(b"grpc-status", b"0"), (b"x", b"")])
    for field in (
        (b":path", b"/"),
        (b"X", b"y"),
        (b"x", b"x\n"),
        (b"connection", b"x"),
        (b"te", b"gzip"),
        (b"te", b"trailers"),
    ):
        with pytest.raises(StreamError):
            check_trailers([field])


def test_values_of_a_field_are_one() -> None:
    assert value_of([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")], b"a") == b"1, 3"
