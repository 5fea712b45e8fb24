"""Chunked bodies: sizes, data, extensions, trailers (threats C01 to C11)."""

import time

import pytest

from tests.threats.gate import NEXT, SMUGGLED, Gate, Sender, request, write

HEAD = request(b"Transfer-Encoding: chunked")
LAST = b"0\r\n\r\n"


@pytest.mark.parametrize(
    "size",
    [
        b"0x2",
        b"+2",
        b"-2",
        b"2_",
        b"0_2",
        b" 2",
        b"\t2",
        b"2,",
        b"2 ",
        b"g",
        b"",
        b"\02",
        b"2\0",
        b"\xa02",
        b"2\xa0",
        "２".encode(),
        b"2.0",
        b"'2'",
    ],
)
def test_a_size_that_is_not_hexadecimal_is_refused(gate: Gate, size: bytes) -> None:
    """C01."""
    gate.refuses_body(HEAD, size + b"\r\nab\r\n" + LAST)


@pytest.mark.parametrize(
    "size", [b"f" * 17, b"1" + b"0" * 16, b"8000000000000000", b"f" * 16, b"f" * 2000]
)
def test_a_size_beyond_counting_is_refused_at_once(gate: Gate, size: bytes) -> None:
    """C02."""
    gate.refuses_body(HEAD, size + b"\r\nab")


@pytest.mark.parametrize(
    "end", [b"xx", b"\rx", b"x\n", b"\n", b"\n\n", b"\r\r", b"\r\r\n", b"c\r\n", b"", b"\0\0"]
)
def test_chunk_data_ends_with_cr_lf(gate: Gate, end: bytes) -> None:
    """C03: both bytes are compared."""
    gate.refuses_body(HEAD, b"2\r\nab" + end + LAST)


@pytest.mark.parametrize(
    "line",
    [
        b"2\n",
        b"2;a\n",
        b"2;a=b\n",
        b"2\r",
        b"2\r\r\n",
        b"2;a\r\r\n",
        b"2;a\nb\r\n",
        b"2;a=\n\r\n",
        b"2;a\rb\r\n",
        b'2;a="\n"\r\n',
        b'2;a="\r\n"\r\n',
        b"\n2\r\n",
        b"\r\n2\r\n",
    ],
)
def test_no_line_ends_inside_the_chunk_line(gate: Gate, line: bytes) -> None:
    """C04: TERM.EXT and EXT.TERM."""
    gate.refuses_body(HEAD, line + b"ab\r\n" + LAST)


@pytest.mark.parametrize("last", [b"0\n\r\n", b"0\r\n\n", b"0\n\n", b"0\r\n\r\r\n", b"0\r\n\rX"])
def test_no_line_ends_otherwise_after_the_last_chunk(gate: Gate, last: bytes) -> None:
    """C04, C07."""
    gate.refuses_body(HEAD, b"2\r\nab\r\n" + last)


@pytest.mark.parametrize("end", [b"\r\nab\r\n", b""])
def test_one_extension_of_a_mebibyte_is_refused(gate: Gate, end: bytes) -> None:
    """C05: whether it ends or not."""
    gate.refuses_body(HEAD, b"2;" + b"a" * (1 << 20) + end)


def test_extensions_count_over_the_whole_body(gate: Gate) -> None:
    """C05: 4000 chunks of one byte, with 256 bytes each; redundant zeros are no way around it."""
    gate.refuses_body(HEAD, (b"1;" + b"a" * 255 + b"\r\nx\r\n") * 4000)
    gate.refuses_body(HEAD, (b"0" * 256 + b"1\r\nx\r\n") * 4000)


@pytest.mark.parametrize(
    "extension",
    [
        b";\0",
        b";a\0",
        b";a=\x01",
        b";a=\x7f",
        b';a="',
        b';a="b',
        b';a="b\\"',
        b';a=b"',
        b';a="\x01"',
        b';a="\\\x01"',
        b";",
        b";=b",
        b";a=",
        b"a",
        b" a",
        b";a b",
        b";\xe9=b",
    ],
)
def test_malformed_extensions_are_refused(gate: Gate, extension: bytes) -> None:
    """C06."""
    gate.refuses_body(HEAD, b"2" + extension + b"\r\nab\r\n" + LAST)


@pytest.mark.parametrize(
    ("trailers", "status"),
    [
        (b"X: " + b"a" * (1 << 20), 431),
        (b"X: " + b"a" * (1 << 20) + b"\r\n\r\n", 431),
        (b"a:\r\n" * 20_000 + b"\r\n", 431),
        (b"a:\r\n" * 129 + b"\r\n", 431),
        (b"no colon\r\n\r\n", 400),
        (b"X: y\n\r\n", 400),
        (b"X: y\r\n\n", 400),
        (b"X : y\r\n\r\n", 400),
        (b" X: y\r\n\r\n", 400),
        (b"X: y\r\n z\r\n\r\n", 400),
        (b"X: \0\r\n\r\n", 400),
        (b"X: y\rZ: z\r\n\r\n", 400),
        (b": y\r\n\r\n", 400),
    ],
)
def test_trailers_have_the_rules_and_limits_of_headers(
    gate: Gate, trailers: bytes, status: int
) -> None:
    """C07."""
    gate.refuses_body(HEAD, b"2\r\nab\r\n0\r\n" + trailers, status)


def test_forbidden_trailers_change_nothing(gate: Gate) -> None:
    """C08: trailers are never merged into the headers, and steer nothing."""
    trailers = (
        b"Content-Length: 50\r\nTransfer-Encoding: gzip\r\nHost: evil\r\nAuthorization: x\r\n"
        b"X-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n"
    )
    call = gate.serves(HEAD + b"2\r\nab\r\n0\r\n" + trailers)
    assert call.body == b"ab"
    assert call.scope["headers"] == [(b"host", b"t"), (b"transfer-encoding", b"chunked")]
    assert call.scope["client"][0] == "127.0.0.1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"2",
        b"2\r\n",
        b"2\r\na",
        b"2\r\nab\r\n",
        b"2\r\nab\r\n0\r\n",
        b"2\r\nab\r\n0\r\nX: y\r\n",
    ],
)
def test_a_body_that_stops_short_is_not_whole(gate: Gate, body: bytes) -> None:
    """C09: the client has closed its side; the application is told, and is given no orderly end."""
    client = gate.client()
    client.send(HEAD)
    gate.until(lambda: gate.paths)
    client.send(body)
    client.finish()
    gate.serves_others()
    gate.ended(client, 400)
    call = gate.call("/attack")
    gate.until(lambda: call.disconnected)
    assert not call.ended


def test_a_length_that_is_not_reached_is_not_whole(gate: Gate) -> None:
    """C09: the same for a body with a length."""
    client = gate.client()
    client.send(request(b"Content-Length: 10") + b"12345")
    gate.until(lambda: gate.paths)
    client.finish()
    gate.ended(client, 400)
    call = gate.call("/attack")
    gate.until(lambda: call.disconnected)
    assert not call.ended


def test_a_request_in_place_of_a_chunk_is_no_request(gate: Gate) -> None:
    """C09: other bytes follow where the last chunk is missing."""
    gate.refuses_body(HEAD, b"2\r\nab\r\n" + SMUGGLED)


@pytest.mark.alone
def test_many_tiny_chunks_cost_linear_time(gate: Gate) -> None:
    """C10: 70000 chunks of one byte: less than a second of CPU, and the body is right."""
    count = 70_000
    body = b"".join(b"1\r\n%c\r\n" % (65 + i % 26) for i in range(count))
    client = gate.client()
    began = time.process_time()
    sender = Sender(client, HEAD + body + LAST + NEXT)
    response = client.response()
    assert client.response().body == b"/next "
    sender.join()
    assert time.process_time() - began < 1
    assert len(response.body) == len("/attack ") + count
    assert gate.call("/attack").body == bytes(65 + i % 26 for i in range(count))


@pytest.mark.parametrize(
    "body",
    [
        b"2\r\nab\r\n0\r\n\r\n",
        b"2;a\r\nab\r\n0;b\r\n\r\n",
        b"2;a=b;c=d\r\nab\r\n0\r\n\r\n",
        b'2;a="b \\" ; \\\\ c"\r\nab\r\n0\r\n\r\n',
        b"2 ; a = b\r\nab\r\n0\r\n\r\n",
        b"00002\r\nab\r\n000\r\n\r\n",
        b"1\r\na\r\n1\r\nb\r\n0\r\nX: y\r\nZ:\r\n\r\n",
    ],
)
def test_valid_rarities_are_accepted(gate: Gate, body: bytes) -> None:
    """C11: at once, and byte by byte."""
    assert gate.serves(HEAD + body).body == b"ab"
    gate.notes.reset()
    client = gate.client()
    client.send(HEAD)
    gate.until(lambda: gate.paths)
    for byte in body:
        client.send(bytes([byte]))
    assert client.response().body == b"/attack ab"


def test_hexadecimal_sizes_are_read_in_any_case(gate: Gate) -> None:
    """C11."""
    data = bytes(range(256)) * 11
    assert gate.serves(HEAD + b"aFf\r\n" + data[:0xAFF] + b"\r\n" + LAST).body == data[:0xAFF]


def test_chunks_that_come_one_by_one_are_served(gate: Gate) -> None:
    """C11: each chunk in a segment of its own, as streaming clients send them."""
    client = gate.client()
    client.send(HEAD)
    for size in range(1, 8):
        call = gate.until(lambda: gate.notes.calls[0] if gate.notes.calls else None)
        client.send(b"%x\r\n" % size + b"x" * size + b"\r\n")
        wanted = size * (size + 1) // 2
        gate.until(lambda call=call, wanted=wanted: len(call.body) == wanted)
    write(client, LAST)
    assert client.response().body == b"/attack " + b"x" * 28
