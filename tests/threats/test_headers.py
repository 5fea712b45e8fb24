"""Header fields (threats R13 to R18, R21, R23)."""

import time

import pytest

from tests.threats.gate import NEXT, Gate, Sender, request

HANDSHAKE = (
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Version: 13",
)


@pytest.mark.parametrize(
    "lines",
    [
        [b"a:"] * 20_000,
        [b"X-Repeated: y"] * 200_000,
        [b"a:"] * 128,
        [b"n%d: x" % i for i in range(128)],
    ],
    ids=["20000", "200000", "129", "129 names"],
)
def test_too_many_headers_are_refused(gate: Gate, lines: list[bytes]) -> None:
    """R13: 128 with the host are the limit."""
    gate.refuses(request(*lines), 431)


def test_as_many_headers_as_allowed_are_served(gate: Gate) -> None:
    """R13."""
    call = gate.serves(request(*[b"X: %d" % i for i in range(127)]))
    assert call.scope["headers"][1:] == [(b"x", b"%d" % i) for i in range(127)]


@pytest.mark.parametrize(
    "line",
    [
        b": x",
        b"a b: x",
        b"a(: x",
        b"a@b: x",
        b"a\x7f: x",
        b"a\0: x",
        b"\xe9: x",
        b"caf\xc3\xa9: x",
        b"no colon",
        b"a",
        b"a/b: x",
        b'"a": x',
        b"a;b: x",
        b"a,b: x",
        b"{a}: x",
        b"a\x0b: x",
        b"a=b: x",
        b"[a]: x",
        b"a?: x",
        b"<a>: x",
        b"a\\: x",
    ],
)
def test_a_header_name_is_a_token(gate: Gate, line: bytes) -> None:
    """R14."""
    gate.refuses(request(line))
    gate.refuses(request(line, b"Host: t", host=b""))


@pytest.mark.parametrize("name", [b"!#$%&'*+-.^_`|~0Aa", b"x" * 1000, b"0"])
def test_every_token_is_a_header_name(gate: Gate, name: bytes) -> None:
    """R14: handed over in lower case."""
    assert (name.lower(), b"v") in gate.serves(request(name + b": v")).scope["headers"]


@pytest.mark.parametrize("byte", [b"\0", b"\r", b"\n"])
@pytest.mark.parametrize("around", [(b"", b"x"), (b"x", b"y"), (b"x", b"")])
def test_values_without_nul_cr_and_lf(gate: Gate, byte: bytes, around: tuple[bytes, bytes]) -> None:
    """R15."""
    gate.refuses(request(b"X: " + around[0] + byte + around[1]))


@pytest.mark.parametrize("code", [*range(1, 9), 11, 12, *range(14, 32), 127])
def test_values_without_control_bytes(gate: Gate, code: int) -> None:
    """R16: at any place of a value, short or long."""
    for place in (0, 3, 8, 30):
        value = bytearray(b"v" * 31)
        value[place] = code
        gate.refuses(request(b"X: " + value))
    gate.refuses(request(b"X: %c" % code))


def test_bytes_over_127_are_handed_over(gate: Gate) -> None:
    """R17: as they came."""
    value = bytes(range(0x80, 0x100))
    call = gate.serves(request(b"X: " + value, b"Y: \xa0"))
    assert call.scope["headers"][1:] == [(b"x", value), (b"y", b"\xa0")]


def test_bytes_over_127_in_a_handshake_are_handed_over(gate: Gate) -> None:
    """R17: also as the name of a subprotocol, which is none, so the server refuses or the application decides."""
    client = gate.client()
    client.send(request(*HANDSHAKE, b"X: \xff\xfe", b"Cookie: \x80", line=b"GET /socket HTTP/1.1"))
    gate.ended(client, 403)
    assert (b"x", b"\xff\xfe") in gate.call("/socket").scope["headers"]
    gate.notes.reset()
    client = gate.client()
    client.send(
        request(*HANDSHAKE, b"Sec-WebSocket-Protocol: \xff\xfe", line=b"GET /socket HTTP/1.1")
    )
    gate.ended(client, 400, 403)
    gate.serves_others()


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"X:y", b"y"),
        (b"X: y", b"y"),
        (b"X: \t y \t ", b"y"),
        (b"X:", b""),
        (b"X: ", b""),
        (b"X:\t \t", b""),
        (b"X: a \t b", b"a \t b"),
        (b"X: :", b":"),
        (b"X::", b":"),
    ],
)
def test_white_space_around_a_value_is_not_part_of_it(
    gate: Gate, line: bytes, value: bytes
) -> None:
    """R18."""
    assert gate.serves(request(line)).scope["headers"][1:] == [(b"x", value)]


def test_repeated_headers_are_handed_over_in_their_order(gate: Gate) -> None:
    """R18: nothing is joined or sorted."""
    call = gate.serves(request(b"B: 1", b"A: 2", b"b: 3", b"Cookie: x", b"Cookie: y"))
    assert call.scope["headers"][1:] == [
        (b"b", b"1"),
        (b"a", b"2"),
        (b"b", b"3"),
        (b"cookie", b"x"),
        (b"cookie", b"y"),
    ]


@pytest.mark.parametrize("name", [b"Proxy", b"proxy", b"PROXY"])
def test_a_header_named_proxy_is_no_setting(wsgi_gate: Gate, name: bytes) -> None:
    """R21: httpoxy."""
    assert "HTTP_PROXY" not in wsgi_gate.serves(request(name + b": http://evil/")).scope


@pytest.mark.alone
def test_a_long_cookie_costs_linear_time(gate: Gate) -> None:
    """R23: 64 KiB of pairs, in one line; also byte by byte."""
    cookie = b"Cookie: " + b"a=b;" * 16_000
    began = time.process_time()
    for _ in range(20):
        gate.serves(request(cookie))
        gate.notes.reset()
    assert time.process_time() - began < 1
    client = gate.client()
    sender = Sender(client, request(cookie) + NEXT)
    assert client.response().status == 200
    assert client.response().body == b"/next "
    sender.join()


@pytest.mark.alone
def test_many_names_cost_linear_time(gate: Gate) -> None:
    """R23: 5000 names are too many here; those that are allowed may be chosen to collide."""
    began = time.process_time()
    for _ in range(20):
        gate.refuses(request(*[b"%x: y" % i for i in range(5000)]), 431)
        gate.notes.reset()
        gate.serves(request(*[b"x%db: y" % i for i in range(100, 220)]))
        gate.notes.reset()
    assert time.process_time() - began < 1
