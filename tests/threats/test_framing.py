"""Where a message ends, by its length or its coding (threats L01 to L10, T01 to T10)."""

from typing import Any

import pytest

from tests.sockets import serving
from tests.threats.gate import NEXT, SMUGGLED, AsgiNotes, Gate, request

CHUNKED_BODY = b"3\r\nabc\r\n0\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"


@pytest.mark.parametrize("length", [b"6", b"0", b"5", b""])
@pytest.mark.parametrize("order", [1, -1])
def test_a_length_beside_a_coding_is_refused(gate: Gate, length: bytes, order: int) -> None:
    """L01: CL.TE and TE.CL, in both orders."""
    lines = [b"Content-Length: " + length, CHUNKED][::order]
    gate.refuses(request(*lines) + b"0\r\n\r\n")


@pytest.mark.parametrize(
    "lines",
    [
        [b"Content-Length: 0", b"Content-Length: 42"],
        [b"Content-Length: 42", b"content-length: 0"],
        [b"Content-Length: 2, 3"],
        [b"Content-Length: 2", b"X: y", b"CONTENT-LENGTH: 3"],
    ],
)
def test_lengths_that_differ_are_refused(gate: Gate, lines: list[bytes]) -> None:
    """L02."""
    gate.refuses(request(*lines))


@pytest.mark.parametrize(
    "lines", [[b"Content-Length: 2", b"Content-Length: 2"], [b"Content-Length: 2, 2"]]
)
def test_the_same_length_twice_is_refused(gate: Gate, lines: list[bytes]) -> None:
    """L03: one value would be allowed; refusing leaves no doubt."""
    gate.refuses(request(*lines) + b"ab")


@pytest.mark.parametrize(
    "value",
    [
        b"+2",
        b"-2",
        b"-0",
        b"2_0",
        b"0x2",
        b"2.0",
        b"2e0",
        b"2;a",
        b"2 2",
        b"'2'",
        b"two",
        b"",
        b"\x0b2",
        b"2\x0b",
        b"2\x0c",
        b"2\0",
        b"\0002",
        b"\xa02",
        b"2\xa0",
        "２".encode(),
        "٢".encode(),
        b"2,",
        b",2",
    ],
)
def test_a_length_that_is_no_number_is_refused(gate: Gate, value: bytes) -> None:
    """L04: digits and nothing else."""
    gate.refuses(request(b"Content-Length: " + value) + b"ab")


@pytest.mark.parametrize(
    "value",
    [b"9" * 20, b"9" * 5000, str(2**63).encode(), str(2**64 + 2).encode(), b"1" + b"0" * 18],
)
def test_a_length_beyond_counting_is_refused_at_once(gate: Gate, value: bytes) -> None:
    """L05: nothing is waited for."""
    gate.refuses(request(b"Content-Length: " + value) + b"ab", 413)


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Length: 0002",
        b"Content-Length:2",
        b"Content-Length: \t 2 \t",
        b"Content-Length:" + b"0" * 60 + b"2",
    ],
)
def test_leading_zeros_and_white_space_are_nothing(gate: Gate, line: bytes) -> None:
    """L06."""
    assert gate.serves(request(line) + b"ab").body == b"ab"


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_a_body_that_nobody_reads_is_no_request(gate: Gate, method: bytes) -> None:
    """L07: CL.0: it is read off, and what follows it is the next request."""
    head = request(b"Content-Length: %d" % len(SMUGGLED), line=method + b" /unread HTTP/1.1")
    gate.serves(head + SMUGGLED)
    assert gate.paths == ["/unread", "/next"]


def test_a_chunked_body_that_nobody_reads_is_no_request(gate: Gate) -> None:
    """L07: the same, in chunks."""
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
    gate.serves(request(CHUNKED, line=b"POST /unread HTTP/1.1") + body)
    assert gate.paths == ["/unread", "/next"]


def test_a_long_body_that_nobody_reads_ends_the_connection(gate: Gate) -> None:
    """L07: past the limit for reading it off (64 KiB)."""
    body = SMUGGLED * 10_000
    client = gate.client()
    client.send(request(b"Content-Length: %d" % len(body), line=b"POST /unread HTTP/1.1"))
    assert client.response().status == 200
    with pytest.raises(ConnectionError):
        while True:
            client.send(body)
    assert client.closed()
    assert gate.paths == ["/unread"]


def test_the_rest_of_a_body_after_an_early_answer_is_read_off(gate: Gate) -> None:
    """L08: 0.CL: the next request begins after the exact end of the body."""
    client = gate.client()
    client.send(request(b"Content-Length: %d" % (2 * len(SMUGGLED)), line=b"POST /unread HTTP/1.1"))
    assert client.response().status == 200
    client.send(SMUGGLED)
    client.send(SMUGGLED + NEXT)
    assert client.response().body == b"/next "
    assert gate.paths == ["/unread", "/next"]


def test_the_rest_of_a_body_after_an_early_answer_is_not_waited_for_long() -> None:
    """L08: the time for reading it off has a limit."""
    with serving(AsgiNotes(), timeout_undrained=0.2) as served, served.client() as client:
        client.send(request(b"Content-Length: 100", line=b"POST /unread HTTP/1.1") + b"some")
        assert client.response().status == 200
        assert client.closed()
        client.sock.close()
        served.until(lambda: not served.worker.connections)


def test_a_post_without_a_length_has_no_body(gate: Gate) -> None:
    """L09."""
    assert gate.serves(request()).body == b""
    assert gate.paths == ["/attack", "/next"]


@pytest.mark.parametrize("method", [b"HEAD", b"GET"])
@pytest.mark.parametrize("path", [b"/attack", b"/unread"])
def test_head_and_get_may_have_a_body(gate: Gate, method: bytes, path: bytes) -> None:
    """L10: it is skipped, whether the application reads it or not."""
    head = request(b"Content-Length: %d" % len(SMUGGLED), line=method + b" " + path + b" HTTP/1.1")
    call = gate.serves(head + SMUGGLED)
    assert gate.paths == [path.decode(), "/next"]
    assert call.body == (SMUGGLED if path == b"/attack" else b"")


@pytest.mark.parametrize(
    "value",
    [
        b"xchunked",
        b"cow",
        b"identity",
        b"gzip",
        b"gzip, chunked",
        b"identity, chunked",
        b"chunkedchunked",
        b"chunk",
    ],
)
def test_unknown_codings_are_refused(gate: Gate, value: bytes) -> None:
    """T01: 501, as RFC 9112 section 6.1 asks; an undecoded body never reaches the application."""
    gate.refuses(request(b"Transfer-Encoding: " + value) + CHUNKED_BODY, 501)


@pytest.mark.parametrize(
    "value", [b"chunked, identity", b"chunked, gzip", b"", b",", b"chunked,", b",chunked"]
)
def test_codings_that_leave_the_length_open_are_refused(gate: Gate, value: bytes) -> None:
    """T01: chunked that is not the last coding, and no coding at all."""
    gate.refuses(request(b"Transfer-Encoding: " + value) + CHUNKED_BODY)


@pytest.mark.parametrize("second", [b"chunked", b"identity", b"gzip", b""])
def test_coding_lines_are_one_list(gate: Gate, second: bytes) -> None:
    """T01, T02: a second line is more of the first."""
    gate.refuses(request(CHUNKED, b"Transfer-Encoding: " + second) + CHUNKED_BODY)


def test_chunked_twice_is_refused(gate: Gate) -> None:
    """T02."""
    gate.refuses(request(b"Transfer-Encoding: chunked, chunked") + CHUNKED_BODY)


@pytest.mark.parametrize(
    "value",
    [
        b"\x0bchunked",
        b"chunked\x0b",
        b"\x0cchunked",
        b"\0chunked",
        b"chunked\0",
        b"\x85chunked",
        b"chunked\x85",
        b"\xa0chunked",
        b"chunked\xa0",
        b'"chunked"',
        b"chunked;q=1",
        b"chun ked",
        b"chun\tked",
        b"[chunked]",
    ],
)
def test_a_disguised_chunked_is_refused(gate: Gate, value: bytes) -> None:
    """T03: SP and HTAB are the only optional white space."""
    gate.refuses(request(b"Transfer-Encoding:" + value) + CHUNKED_BODY)


@pytest.mark.parametrize("name", [b"Transfer-Encoding", b"Content-Length", b"Host", b"X"])
@pytest.mark.parametrize("blank", [b" ", b"\t", b"\xa0", b"\x0b"])
def test_white_space_before_the_colon_is_refused(gate: Gate, name: bytes, blank: bytes) -> None:
    """T04: for every name."""
    gate.refuses(request(name + blank + b": chunked") + CHUNKED_BODY)


@pytest.mark.parametrize("blank", [b" ", b"\t"])
def test_a_first_line_that_begins_with_white_space_is_refused(gate: Gate, blank: bytes) -> None:
    """T05."""
    gate.refuses(request(blank + CHUNKED, b"Host: t", host=b"") + CHUNKED_BODY)


@pytest.mark.parametrize(
    "lines",
    [
        [b"Transfer-Encoding:", b" chunked"],
        [b"Transfer-Encoding:", b"\tchunked"],
        [b"X: y", b" z"],
        [b"Content-Length: 1", b" 2"],
        [b"X: y", b" "],
    ],
)
def test_folded_lines_are_refused(gate: Gate, lines: list[bytes]) -> None:
    """T06."""
    gate.refuses(request(*lines) + CHUNKED_BODY)


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\r", b"\n\r", b"\r\r\n"])
def test_a_bare_cr_or_lf_ends_no_line(gate: Gate, end: bytes) -> None:
    """T07: it hides no header either: the request is refused."""
    gate.refuses(request(b"X: y" + end + CHUNKED) + CHUNKED_BODY)


@pytest.mark.parametrize("lines", [[CHUNKED], [CHUNKED, b"Content-Length: 13"]])
@pytest.mark.parametrize("more", [[], [b"Connection: keep-alive"]])
def test_chunked_in_http_1_0_is_refused(gate: Gate, lines: list[bytes], more: list[bytes]) -> None:
    """T08."""
    gate.refuses(request(*lines, *more, line=b"POST /attack HTTP/1.0") + CHUNKED_BODY)


TWINS = [
    b"Transfer_Encoding: chunked",
    b"Content_Length: 99",
    b"X_Forwarded_For: 6.6.6.6",
    b"X_Forwarded_Proto: https",
    b"Host_: evil",
]


def test_a_name_with_an_underscore_steers_nothing(gate: Gate) -> None:
    """T09: ASGI gets it as any other header."""
    call = gate.serves(request(b"Content-Length: 3", *TWINS) + b"abc")
    assert call.body == b"abc"
    assert call.scope["client"][0] == "127.0.0.1"
    assert call.scope["scheme"] == "http"
    assert (b"transfer_encoding", b"chunked") in call.scope["headers"]
    assert b"transfer-encoding" not in dict(call.scope["headers"])


def test_a_name_with_an_underscore_stands_for_nothing_in_wsgi(wsgi_gate: Gate) -> None:
    """T09: there both names would become one key, so it is left out."""
    call = wsgi_gate.serves(request(b"Content-Length: 3", *TWINS, b"X-Real: yes") + b"abc")
    environ: dict[str, Any] = call.scope
    assert call.body == b"abc"
    assert environ["CONTENT_LENGTH"] == "3"
    assert environ["HTTP_HOST"] == "t"
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["wsgi.url_scheme"] == "http"
    assert {key for key in environ if key.startswith("HTTP_")} == {"HTTP_HOST", "HTTP_X_REAL"}


@pytest.mark.parametrize("value", [b"ChunKed", b"chunked \t", b"\t CHUNKED"])
def test_chunked_in_any_case_is_chunked(gate: Gate, value: bytes) -> None:
    """T10: white space around it is none of it."""
    assert gate.serves(request(b"Transfer-Encoding:" + value) + CHUNKED_BODY).body == b"abc"
