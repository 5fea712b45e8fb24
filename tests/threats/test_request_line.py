"""Request line and target (threats R01 to R12), and what is no request at all (R22)."""

import random

import pytest

from tests.threats.gate import NEXT, SMUGGLED, Gate, request

TLS_HELLO = bytes.fromhex("16030100c4010000c00303") + bytes(range(1, 190))
LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize(
    "attack",
    [
        b"GET /attack HTTP/1.1\nHost: t\n\n",
        b"GET /attack HTTP/1.1\nHost: t\r\n\r\n",
        b"GET /attack HTTP/1.1\r\nHost: t\n\r\n",
        b"GET /attack HTTP/1.1\r\nHost: t\r\n\n",
        b"GET /attack HTTP/1.1\r\r\nHost: t\r\n\r\n",
        b"GET /attack HTTP/1.1\rHost: t\r\n\r\n",
        b"GET /attack\nHTTP/1.1\r\nHost: t\r\n\r\n",
        b"GET /attack\r\nHTTP/1.1\r\nHost: t\r\n\r\n",
        b"GET\r\n/attack HTTP/1.1\r\nHost: t\r\n\r\n",
        b"GET /attack HTTP/1.1\n\rHost: t\r\n\r\n",
    ],
)
def test_lines_end_with_cr_lf(gate: Gate, attack: bytes) -> None:
    """R01."""
    gate.refuses(attack)


@pytest.mark.parametrize(
    ("version", "status"),
    [
        (b"", 400),
        (b" ", 400),
        (b" HTTP", 400),
        (b" HTTP/1", 400),
        (b" HTTP/1.", 400),
        (b" HTTP/1.10", 400),
        (b" HTTP/11.1", 400),
        (b" HTTP/+1.1", 400),
        (b" http/1.1", 400),
        (b" HTTP/1.1 ", 400),
        (b" HTTP/1.1\t", 400),
        (b" HTTP/1,1", 400),
        (b" HTTP 1.1", 400),
        (b" HTTP/1.x", 400),
        (b" ICY/1.1", 400),
        (b" HTTP/0.9", 505),
        (b" HTTP/2.0", 505),
        (b" HTTP/3.1", 505),
    ],
)
def test_other_versions_are_refused(gate: Gate, version: bytes, status: int) -> None:
    """R02."""
    gate.refuses(request(line=b"GET /attack" + version), status)


@pytest.mark.parametrize("minor", [b"1", b"2", b"9"])
def test_later_minor_versions_are_served_as_1_1(gate: Gate, minor: bytes) -> None:
    """R02."""
    call = gate.serves(request(line=b"GET /attack HTTP/1." + minor))
    assert call.scope["http_version"] == "1.1"


@pytest.mark.parametrize(
    "line",
    [
        b"GET  /attack HTTP/1.1",
        b"GET /attack  HTTP/1.1",
        b"GET\t/attack HTTP/1.1",
        b"GET /attack\tHTTP/1.1",
        b"GET\x0b/attack HTTP/1.1",
        b"GET /attack\x0cHTTP/1.1",
        b" GET /attack HTTP/1.1",
        b"GET /att ack HTTP/1.1",
        b"GET /attack HTTP/1.1 /x HTTP/1.1",
        b"GET /attack\xa0HTTP/1.1",
        b"GET HTTP/1.1",
        b"GET /attack",
    ],
)
def test_one_space_separates(gate: Gate, line: bytes) -> None:
    """R03."""
    gate.refuses(request(line=line))


@pytest.mark.parametrize(
    "method", [b"", b"G@T", b"G(T", b"G:T", b"G/T", b'"GET"', b"G\0T", b"G\xc9T", b"\x7f", b"GET,"]
)
def test_a_method_is_a_token(gate: Gate, method: bytes) -> None:
    """R04."""
    gate.refuses(request(line=method + b" /attack HTTP/1.1"))


@pytest.mark.parametrize("size", [65, 100, 1 << 20])
@pytest.mark.parametrize("end", [b" /attack HTTP/1.1\r\nHost: t\r\n\r\n", b""])
def test_a_method_has_at_most_64_bytes(gate: Gate, size: int, end: bytes) -> None:
    """R04: 501, whether the line is whole or not; a line past its own limit may get 414 first."""
    gate.refuses(
        b"M" * size + end, 501, *([414] if size > 8192 else []), behind=b"" if not end else SMUGGLED
    )


@pytest.mark.parametrize("method", [b"PURGE", b"X-Y", b"!#$%&'*+-.^_`|~", b"M" * 64])
def test_unknown_methods_reach_the_application(gate: Gate, method: bytes) -> None:
    """R04."""
    call = gate.serves(request(line=method + b" /attack HTTP/1.1"))
    assert call.scope["method"] == method.decode()


def test_methods_in_lower_case_reach_asgi_in_upper_case(gate: Gate) -> None:
    """R04, HTTP-SCOPE-04: the scope's method is upper case, whatever came."""
    assert gate.serves(request(line=b"get /attack HTTP/1.1")).scope["method"] == "GET"
    gate.notes.reset()
    client = gate.client()
    client.send(request(line=b"head /attack HTTP/1.1") + NEXT)
    assert client.response(head_only=True).get("content-length") == "8"
    assert client.response().body == b"/next "


@pytest.mark.parametrize(
    "target",
    [
        b"/\0",
        b"/a\0b",
        b"/\r",
        b"/a\rb",
        b"/\x01",
        b"/\x1f",
        b"/\x7f",
        b"/\xff",
        b"/caf\xc3\xa9",
        b"attack",
        b"?attack",
        b"attack/b",
        b"t:80",
        b"mailto:x",
        b"%2fattack",
        b"\\attack",
        b".",
    ],
)
def test_a_target_is_printable_and_a_path(gate: Gate, target: bytes) -> None:
    """R05."""
    gate.refuses(request(line=b"GET " + target + b" HTTP/1.1"))


@pytest.mark.parametrize("target", [b"/a#b", b"/#", b"#", b"/a?b#c", b"http://t/#x", b"*#"])
def test_a_fragment_is_refused(gate: Gate, target: bytes) -> None:
    """R06."""
    gate.refuses(request(line=b"OPTIONS " + target + b" HTTP/1.1"))


@pytest.mark.parametrize(
    ("target", "authority", "raw_path", "query"),
    [
        (b"http://u/attack", b"u", b"/attack", b""),
        (b"http://u:8080/attack?q=1", b"u:8080", b"/attack", b"q=1"),
        (b"HTTP://U/attack", b"U", b"/attack", b""),
        (b"http://[::1]:80/attack", b"[::1]:80", b"/attack", b""),
        (b"http://u", b"u", b"/", b""),
        (b"http://u?q=/1", b"u", b"/", b"q=/1"),
        (b"http://u//x", b"u", b"//x", b""),
    ],
)
def test_the_authority_of_an_absolute_target_replaces_the_host(
    gate: Gate, target: bytes, authority: bytes, raw_path: bytes, query: bytes
) -> None:
    """R07, RFC 9112 section 3.2.2."""
    scope = gate.serves(request(b"X: y", line=b"GET " + target + b" HTTP/1.1")).scope
    assert scope["headers"] == [(b"host", authority), (b"x", b"y")]
    assert (scope["raw_path"], scope["query_string"]) == (raw_path, query)


@pytest.mark.parametrize(
    "target",
    [
        b"https://t/attack",
        b"ftp://t/attack",
        b"ws://t/attack",
        b"://t/attack",
        b"http:/attack",
        b"http:///attack",
        b"http://",
        b"http://?x",
        b"http://:80/attack",
        b"http://a@t/attack",
        b"http://t:x/attack",
        b"http://t:99999/attack",
        b"http://[::1/attack",
        b"http://t\\evil/attack",
    ],
)
def test_other_absolute_targets_are_refused(gate: Gate, target: bytes) -> None:
    """R07: another scheme than the connection's, no authority, or one that is none."""
    gate.refuses(request(line=b"GET " + target + b" HTTP/1.1"))


def test_an_absolute_target_needs_a_good_host_beside_it(gate: Gate) -> None:
    """R07, R19."""
    gate.refuses(request(line=b"GET http://u/attack HTTP/1.1", host=b""))
    gate.refuses(request(line=b"GET http://u/attack HTTP/1.1", host=b"Host: a b"))
    gate.refuses(request(b"Host: u", line=b"GET http://u/attack HTTP/1.1"))


@pytest.mark.parametrize("target", [b"a:443", b"/attack", b"http://a/", b"*", b"[::1]:443", b"a"])
@pytest.mark.parametrize("method", [b"CONNECT", b"connect"])
def test_there_is_no_tunnel(gate: Gate, method: bytes, target: bytes) -> None:
    """R08: whatever its target, and what follows is not served."""
    gate.refuses(request(line=method + b" " + target + b" HTTP/1.1"), 501)


def test_options_may_mean_the_whole_server(gate: Gate) -> None:
    """R09."""
    scope = gate.serves(request(line=b"OPTIONS * HTTP/1.1")).scope
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("*", b"*", b"")


@pytest.mark.parametrize(
    "line", [b"GET *", b"POST *", b"OPTIONS **", b"OPTIONS *?x", b"OPTIONS */"]
)
def test_an_asterisk_is_nothing_else(gate: Gate, line: bytes) -> None:
    """R09."""
    gate.refuses(request(line=line + b" HTTP/1.1"))


@pytest.mark.parametrize(
    ("raw_path", "path"),
    [
        (b"//x", "//x"),
        (b"///", "///"),
        (b"/a/../b", "/a/../b"),
        (b"/./a/.", "/./a/."),
        (b"/a/%2e%2e/b", "/a/../b"),
        (b"/a%2fb%2F", "/a/b/"),
        (b"/%00", "/\0"),
        (b"/a;b=c", "/a;b=c"),
        (b"/a\\b", "/a\\b"),
        (b"/%2541", "/%41"),
        (b"/a+b", "/a+b"),
        (b"/%zz%", "/%zz%"),
        (b"/caf%c3%a9", "/café"),
        (b"/%ff%fe", "/\ufffd\ufffd"),
        (b'/"<>^`{|}', '/"<>^`{|}'),
        (b"/http://u/x", "/http://u/x"),
    ],
)
def test_a_path_is_decoded_once_and_never_tidied(gate: Gate, raw_path: bytes, path: str) -> None:
    """R10: `raw_path` is byte for byte what came."""
    scope = gate.serves(request(line=b"GET " + raw_path + b"?q HTTP/1.1")).scope
    assert (scope["raw_path"], scope["path"]) == (raw_path, path)


@pytest.mark.parametrize(
    "query", [b"a=%20&b=+%ff", b"", b"a?b", b"?", b"%00", b"a=b;c", b"=&&=", b"//"]
)
def test_a_query_is_handed_over_as_it_came(gate: Gate, query: bytes) -> None:
    """R11."""
    scope = gate.serves(request(line=b"GET /attack?" + query + b" HTTP/1.1")).scope
    assert (scope["query_string"], scope["raw_path"]) == (query, b"/attack")


@pytest.mark.parametrize(
    ("attack", "status"),
    [
        (b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: t\r\n\r\n", 414),
        (b"GET /" + b"a" * (1 << 20), 414),
        (b"GET /?" + b"a" * 9000 + b" HTTP/1.1\r\nHost: t\r\n\r\n", 414),
        (request(b"X: " + b"a" * (1 << 20)), 431),
        (request()[:-2] + b"X: " + b"a" * (1 << 20), 431),
        (request(b"a" * (1 << 20) + b": x"), 431),
        (request()[:-2] + b"a" * (1 << 20), 431),
        (request(*[b"X: " + b"a" * 1000] * 100), 431),
    ],
)
def test_what_is_too_long_is_refused(gate: Gate, attack: bytes, status: int) -> None:
    """R12: whether it comes to an end or not."""
    gate.refuses(attack, status)


def test_lines_at_their_limit_are_served(gate: Gate) -> None:
    """R12: a request line of 8192 bytes, and a head of 65536."""
    target = b"/" + b"a" * (8192 - len(b"GET / HTTP/1.1"))
    assert gate.serves(request(line=b"GET " + target + b" HTTP/1.1")).scope["raw_path"] == target
    gate.notes.reset()
    value = b"a" * (65536 - len(request(b"X: ")))
    assert (b"x", value) in gate.serves(request(b"X: " + value)).scope["headers"]


@pytest.mark.parametrize(
    ("noise", "statuses"),
    [
        (random.Random(1).randbytes(1024), (400,)),
        (random.Random(2).randbytes(1024), (400,)),
        (b"\0" * 1024, (400,)),
        (b"\xff" * 1024, (400,)),
        (b"{" + b"}" * 1023, (400, 501)),
        (TLS_HELLO, (400,)),
        (b"SSH-2.0-OpenSSH_9.6\r\n", (400,)),
        (b"\x05\x01\x00", (400,)),
        (b"EHLO example.org\r\n", (400,)),
    ],
)
def test_what_is_no_http_is_refused_at_once(
    gate: Gate, noise: bytes, statuses: tuple[int, ...]
) -> None:
    """R22: nothing more is waited for."""
    gate.refuses(noise, *statuses, behind=b"")


def test_random_bytes_never_reach_the_application(gate: Gate) -> None:
    """R22: nor harm anybody."""
    chance = random.Random(3)
    for _ in range(20):
        client = gate.client()
        client.send(chance.randbytes(200) + b"\r\n\r\n")
        gate.ended(client, 400, 501, 505)
    gate.serves_others()
    assert gate.paths == []
