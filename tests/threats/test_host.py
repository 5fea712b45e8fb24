"""The host (threats R19, R20)."""

import pytest

from tests.threats.gate import Gate, request


@pytest.mark.parametrize(
    "lines",
    [[], [b"Host: t", b"Host: t"], [b"Host: t", b"host: u"], [b"Host: t", b"X: y", b"HOST:"]],
)
@pytest.mark.parametrize("line", [b"GET /attack HTTP/1.1", b"GET /attack HTTP/1.2"])
def test_there_is_one_host(gate: Gate, lines: list[bytes], line: bytes) -> None:
    """R19."""
    gate.refuses(request(*lines, line=line, host=b""))


@pytest.mark.parametrize("value", [b"a, b", b"a,b c", b"t, t"])
def test_a_list_of_hosts_is_refused(gate: Gate, value: bytes) -> None:
    """R19."""
    gate.refuses(request(host=b"Host: " + value))


def test_two_hosts_are_too_many_in_http_1_0(gate: Gate) -> None:
    """R19."""
    gate.refuses(request(b"Host: u", line=b"GET /attack HTTP/1.0"))


def test_http_1_0_needs_no_host(gate: Gate) -> None:
    """R19."""
    client = gate.client()
    client.send(request(line=b"GET /attack HTTP/1.0", host=b""))
    assert client.response().body == b"/attack "
    assert gate.call("/attack").scope["headers"] == []


@pytest.mark.parametrize(
    "value",
    [
        b"a b",
        b"a/b",
        b"a?b",
        b"a#b",
        b"a@b",
        b"[::1",
        b"::1]",
        b"[::1]x",
        b"[::1]:x",
        b"[]",
        b"[::g]",
        b"a\0b",
        b"a:b",
        b"a:1:2",
        b":80",
        b":",
        b"<a>",
        b"a:99999999",
        b"a:65536",
        b"a:70000",
        b"a:99999",
        b"a:-1",
        b"a:+1",
        b"a:8 0",
        b"a\\b",
        b"%",
        b"%g0",
        b'"a"',
        b"a\xe9",
        b"http://a",
        b"{{a}}",
        b"a|b",
        b"a^b",
        b"a`b",
    ],
)
def test_a_host_is_a_host(gate: Gate, value: bytes) -> None:
    """R20: applications build URLs of it."""
    gate.refuses(request(host=b"Host: " + value))


@pytest.mark.parametrize(
    "value",
    [
        b"t",
        b"EXAMPLE.org",
        b"example.org:8080",
        b"127.0.0.1:1",
        b"t:65535",
        b"t:0080",
        b"[::1]",
        b"[fe80::1:2]:443",
        b"[::ffff:1.2.3.4]:80",
        b"a_b-c~d",
        b"xn--caf-dma.example",
        b"caf%C3%A9",
        b"a.",
        b"a:",
        b"t:59999",
        b"t:60000",
        b"",
    ],
)
def test_hosts_are_handed_over_as_they_came(gate: Gate, value: bytes) -> None:
    """R20: RFC 9112 section 3.2 lets a client send an empty one."""
    assert gate.serves(request(host=b"Host: " + value)).scope["headers"] == [(b"host", value)]
