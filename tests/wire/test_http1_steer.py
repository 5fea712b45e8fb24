"""What fields of a request steer: each rule against heads that are made by hand."""

from typing import Any

import pytest

from penstock.errors import HttpError
from penstock.wire.events import Head
from penstock.wire.http1_steer import steer, too_large
from penstock.wire.scan import parse_head


def steered(
    *lines: str, line: str = "POST / HTTP/1.1", scheme: str = "http", body_max: int = -1
) -> Head:
    head = Head("", b"", b"", [], "")
    assert parse_head("\r\n".join([line, *lines, "", ""]).encode("latin-1"), 0, 128, head)
    head.keep_alive = head.http_version == "1.1"
    steer(head, scheme, body_max)
    return head


def refused(*lines: str, **more: Any) -> HttpError:
    with pytest.raises(HttpError) as caught:
        steered(*lines, **more)
    return caught.value


@pytest.mark.parametrize(
    ("value", "length"), [("0", 0), ("1", 1), ("007", 7), ("9" * 18, 10**18 - 1), ("0" * 40, 0)]
)
def test_a_length_is_a_number(value: str, length: int) -> None:
    """L06."""
    assert steered("Host: t", f"Content-Length: {value}").content_length == length


@pytest.mark.parametrize(
    "value", ["", "+1", "-1", "1 2", "1,1", "0x1", "1_0", "\xb2", "\xa01", "a"]
)
def test_anything_else_is_none(value: str) -> None:
    """L04, L02."""
    error = refused("Host: t", f"Content-Length: {value}")
    assert (error.status, error.rule) == (400, "RFC 9110 8.6")


def test_lengths_have_a_limit() -> None:
    """S09, L05."""
    assert steered("Host: t", "Content-Length: 5", body_max=5).content_length == 5
    assert steered("Host: t", "Content-Length: 0", body_max=0).content_length == 0
    error = refused("Host: t", "Content-Length: 6", body_max=5)
    assert (error.status, error.option) == (413, "limit_request_body")
    assert refused("Host: t", "Content-Length: " + "1" + "0" * 18).status == 413
    assert "5 bytes" in str(too_large(5))


@pytest.mark.parametrize(
    ("values", "status"),
    [
        (["chunked"], 0),
        (["CHUNKED"], 0),
        (["gzip"], 501),
        (["gzip, chunked"], 501),
        (["gzip", "chunked"], 501),
        (["chunked", "chunked"], 400),
        (["chunked, gzip"], 400),
        ([""], 400),
        (["chunked,"], 400),
        (["chunked;q=1"], 400),
        (['"chunked"'], 400),
        (["chun ked"], 400),
        (["\xa0chunked"], 400),
    ],
)
def test_chunked_is_the_only_coding(values: list[str], status: int) -> None:
    """T01, T02, T03."""
    lines = ["Host: t", *(f"Transfer-Encoding: {value}" for value in values)]
    if status:
        assert refused(*lines).status == status
    else:
        assert steered(*lines).content_length == -1


def test_a_coding_excludes_a_length_and_http_1_0() -> None:
    """L01, T08."""
    assert refused("Host: t", "Transfer-Encoding: chunked", "Content-Length:").status == 400
    assert refused("Host: t", "Transfer-Encoding: chunked", line="POST / HTTP/1.0").status == 400


@pytest.mark.parametrize(
    ("connection", "upgrade", "wanted"),
    [
        ("Upgrade", "WebSocket", b"websocket"),
        ("keep-alive, upgrade", "h2c", b"h2c"),
        ("close", "websocket", b""),
        ("upgraded", "websocket", b""),
    ],
)
def test_an_upgrade_is_one_that_connection_names(
    connection: str, upgrade: str, wanted: bytes
) -> None:
    """P05, RFC 9110 section 7.8."""
    assert steered("Host: t", f"Connection: {connection}", f"Upgrade: {upgrade}").upgrade == wanted


def test_http_1_0_upgrades_to_nothing_and_expects_nothing() -> None:
    """S10, RFC 9110 section 7.8."""
    lines = ("Host: t", "Connection: upgrade", "Upgrade: websocket", "Expect: 100-continue")
    head = steered(*lines, line="GET / HTTP/1.0")
    assert (head.upgrade, head.expect_continue) == (b"", False)
    assert steered("Expect: tea", line="GET / HTTP/1.0").expect_continue is False


@pytest.mark.parametrize("value", ["100-continue", "100-Continue", "100-continue,"])
def test_there_is_one_expectation(value: str) -> None:
    """S10."""
    assert steered("Host: t", f"Expect: {value}").expect_continue is True


@pytest.mark.parametrize("value", ["", "tea", "100-continue, tea", "100-continue=x"])
def test_other_expectations_are_not_met(value: str) -> None:
    """S10."""
    assert refused("Host: t", f"Expect: {value}").status == 417


@pytest.mark.parametrize(
    ("line", "scheme", "raw_path", "host"),
    [
        ("GET http://u/a HTTP/1.1", "http", b"/a", b"u"),
        ("GET https://u:1?q HTTP/1.1", "https", b"/", b"u:1"),
        ("OPTIONS * HTTP/1.1", "http", b"*", b"a_b"),
        ("GET / HTTP/1.1", "http", b"/", b"a_b"),
    ],
)
def test_targets(line: str, scheme: str, raw_path: bytes, host: bytes) -> None:
    """R07, R09: an absolute target takes the place of the host."""
    head = steered("X: y", "Host: a_b", line=line, scheme=scheme)
    assert head.raw_path == raw_path
    assert sorted(head.headers) == [(b"host", host), (b"x", b"y")]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET https://u/ HTTP/1.1", 400),
        ("GET http:///a HTTP/1.1", 400),
        ("GET http://u@v/ HTTP/1.1", 400),
        ("GET http://:1/ HTTP/1.1", 400),
        ("GET a HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("OPTIONS *?a HTTP/1.1", 400),
        ("CONNECT u:1 HTTP/1.1", 501),
        ("CONNECT / HTTP/1.1", 501),
        ("connect / HTTP/1.0", 501),
    ],
)
def test_targets_that_are_refused(line: str, status: int) -> None:
    """R05, R07 to R09."""
    assert refused("Host: t", line=line).status == status


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["Host: t", "Host: t"],
        ["Host: a b"],
        ["Host: t:65536"],
        ["Host: :1"],
        ["Host: a@b"],
        ["Host: [::1"],
    ],
)
def test_hosts_that_are_refused(lines: list[str]) -> None:
    """R19, R20."""
    assert refused(*lines).status == 400


def test_http_1_0_may_go_without_a_host() -> None:
    """R19."""
    assert steered(line="GET / HTTP/1.0").headers == []
