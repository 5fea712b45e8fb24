"""The reader of HTTP/1 requests: the same however its bytes come, strict, and bounded by each of its limits."""

import time
from random import Random
from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz import http1 as fuzz
from fuzz import messages
from fuzz.http1 import Outcome, read
from penstock._leg import leg
from penstock.errors import HttpError
from penstock.wire.http1 import Limits, Reader
from tests.twins import pure

GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: t\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
seeds = st.integers(0, 2**48)

# Whole requests: bytes, method, path, query, headers after the host, version, body.
VALID: dict[str, tuple[bytes, tuple[Any, ...]]] = {
    "get": (GET, ("GET", b"/", b"", [], "1.1", b"")),
    "query": (b"GET /a?b?c HTTP/1.1\r\nHost: t\r\n\r\n", ("GET", b"/a", b"b?c", [], "1.1", b"")),
    "old": (b"GET / HTTP/1.0\r\nHost: t\r\n\r\n", ("GET", b"/", b"", [], "1.0", b"")),
    "later": (b"GET / HTTP/1.9\r\nHost: t\r\n\r\n", ("GET", b"/", b"", [], "1.1", b"")),
    "empty line first P06": (b"\r\n" + GET, ("GET", b"/", b"", [], "1.1", b"")),
    "lower case R04": (b"get / HTTP/1.1\r\nHost: t\r\n\r\n", ("GET", b"/", b"", [], "1.1", b"")),
    "values R18": (
        b"GET / HTTP/1.1\r\nHost: t\r\nX:\t y \t\r\nY:\r\nx: \xff\r\n\r\n",
        ("GET", b"/", b"", [(b"x", b"y"), (b"y", b""), (b"x", b"\xff")], "1.1", b""),
    ),
    "asterisk R09": (
        b"OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n",
        ("OPTIONS", b"*", b"", [], "1.1", b""),
    ),
    "absolute R07": (
        b"GET http://t/a?b HTTP/1.1\r\nHost: u\r\n\r\n",
        ("GET", b"/a", b"b", [], "1.1", b""),
    ),
    "length L06": (
        POST + b"Content-Length: 03\r\n\r\nabc",
        ("POST", b"/", b"", [(b"content-length", b"03")], "1.1", b"abc"),
    ),
    "length 0": (
        POST + b"Content-Length: 0\r\n\r\n",
        ("POST", b"/", b"", [(b"content-length", b"0")], "1.1", b""),
    ),
    "chunked C11": (
        CHUNKED + b'2;a="b"\r\nab\r\n001\r\nc\r\n000;x\r\nT: u\r\n\r\n',
        ("POST", b"/", b"", [(b"transfer-encoding", b"chunked")], "1.1", b"abc"),
    ),
    "chunked empty": (
        CHUNKED + b"0\r\n\r\n",
        ("POST", b"/", b"", [(b"transfer-encoding", b"chunked")], "1.1", b""),
    ),
}

REFUSED: dict[str, tuple[bytes, int]] = {
    "L01": (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "L02": (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n", 400),
    "L03": (POST + b"Content-Length: 3, 3\r\n\r\n", 400),
    "L04": (POST + b"Content-Length: +3\r\n\r\n", 400),
    "L05": (POST + b"Content-Length: " + b"9" * 19 + b"\r\n\r\n", 413),
    "T01": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    "T02": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n", 400),
    "T04": (POST + b"X : y\r\n\r\n", 400),
    "T05": (b"GET / HTTP/1.1\r\n Host: t\r\n\r\n", 400),
    "T06": (POST + b"X: y\r\n z\r\n\r\n", 400),
    "T07": (POST + b"X: y\rZ: a\r\n\r\n", 400),
    "T08": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "C01": (CHUNKED + b"0x2\r\n", 400),
    "C02": (CHUNKED + b"1" + b"0" * 15 + b"\r\n", 400),
    "C03": (CHUNKED + b"2\r\nabc", 400),
    "C03 half": (CHUNKED + b"2\r\nab\rx", 400),
    "C04": (CHUNKED + b"2\n", 400),
    "C06": (CHUNKED + b"2;\0\r\n", 400),
    "C07": (CHUNKED + b"0\r\nx\r\n\r\n", 400),
    "P06": (b"\r\n\r\n" + GET, 400),
    "P06 bare": (b"\n" + GET, 400),
    "R01": (b"GET / HTTP/1.1\nHost: t\n\n", 400),
    "R02": (b"GET / HTTP/2.0\r\nHost: t\r\n\r\n", 505),
    "R02 none": (b"GET /\r\n\r\n", 400),
    "R03": (b"GET  / HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "R04": (b"G@T / HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "R04 long": (b"G" * 65 + b" / HTTP/1.1\r\nHost: t\r\n\r\n", 501),
    "R05": (b"GET /\xff HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "R06": (b"GET /#a HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "R07": (b"GET ftp://t/ HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "R08": (b"CONNECT t:443 HTTP/1.1\r\nHost: t\r\n\r\n", 501),
    "R08 path": (b"CONNECT / HTTP/1.1\r\nHost: t\r\n\r\n", 501),
    "R09": (b"GET * HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "R14": (POST + b": y\r\n\r\n", 400),
    "R16": (POST + b"X: \x01\r\n\r\n", 400),
    "R19": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "R20": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    "S10": (POST + b"Expect: tea\r\n\r\n", 417),
}


def reader(**limits: int) -> Reader:
    return Reader(Limits(**limits), "http")


def splits(data: bytes) -> list[list[bytes]]:
    """The bytes whole, one by one, and in two at each place."""
    one_by_one = [data[i : i + 1] for i in range(len(data))]
    return [[data], one_by_one, *([data[:i], data[i:]] for i in range(1, len(data)))]


def facts(outcome: Outcome) -> list[tuple[Any, ...]]:
    return [
        (*head[:3], [field for field in head[3] if field[0] != b"host"], head[4], body)
        for head, body in outcome.messages
    ]


@pytest.mark.parametrize("name", VALID)
def test_whole_requests_are_read_however_they_come(name: str) -> None:
    data, wanted = VALID[name]
    for pieces in splits(data):
        outcome = read(pieces)
        assert (facts(outcome), outcome.end) == ([wanted], "head")


@pytest.mark.parametrize("name", VALID)
@pytest.mark.parametrize("behind", [GET, b"\r\n" + GET, b"G", b"POST / HTTP/1.1\r\n"])
def test_what_follows_a_request_is_the_next(name: str, behind: bytes) -> None:
    """P01: the bytes behind the exact end are left where they are."""
    data, wanted = VALID[name]
    more = [VALID["get"][1]] if behind.endswith(GET) else []
    for pieces in splits(data + behind):
        assert facts(read(pieces)) == [wanted, *more]


@pytest.mark.parametrize("name", VALID)
def test_a_request_is_not_whole_before_its_last_byte(name: str) -> None:
    data, _ = VALID[name]
    for size in range(len(data)):
        outcome = read([data[:size]])
        assert (outcome.messages, outcome.end != "refused") == ([], True)


@pytest.mark.parametrize("name", REFUSED)
def test_bad_requests_are_refused_however_they_come(name: str) -> None:
    """The names are those of threats.md's rows."""
    data, status = REFUSED[name]
    for pieces in splits(data):
        outcome = read(pieces)
        assert (outcome.messages, outcome.end, outcome.status) == ([], "refused", status)


@pytest.mark.parametrize("name", REFUSED)
def test_a_good_request_before_a_bad_one_is_read(name: str) -> None:
    """P02."""
    data, status = REFUSED[name]
    if name.startswith("P06"):
        data = b"\r\n" + data
    outcome = read([GET + data + GET])
    assert (facts(outcome), outcome.status) == ([VALID["get"][1]], status)


def test_errors_name_their_rule_and_the_option_that_changes_them() -> None:
    it = reader(line_max=5)
    it.feed(GET)
    with pytest.raises(HttpError, match="request line too long") as caught:
        it.head()
    assert (caught.value.rule, caught.value.option) == ("RFC 9110 4.1", "limit_request_line")


LINE = len(b"GET / HTTP/1.1")
TRAILERS = b"T: u\r\n\r\n"
LIMITS = [
    ("line_max", LINE, GET, 414),
    ("line_max", LINE + 1, b"\r\n" + GET.replace(b"/ ", b"/a "), 414),
    ("head_max", len(GET), GET, 431),
    ("head_max", len(GET), b"\r\n" + GET, 431),
    ("fields_max", 1, GET, 431),
    ("fields_max", 3, POST + b"a:\r\nb:\r\n\r\n", 431),
    ("body_max", 3, POST + b"Content-Length: 3\r\n\r\nabc", 413),
    ("body_max", 3, CHUNKED + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 413),
    ("chunk_extensions_max", 6, CHUNKED + b"2;ab\r\nab\r\n0;ab\r\n\r\n", 400),
    ("chunk_extensions_max", 3, CHUNKED + b"0" * 17 + b"2\r\nab\r\n0\r\n\r\n", 400),
    ("fields_max", 3, CHUNKED + b"0\r\na:\r\nb:\r\nc:\r\n\r\n", 431),
    (
        "head_max",
        len(CHUNKED) + 9,
        CHUNKED + b"0\r\nT:" + b"u" * (len(CHUNKED) + 3) + b"\r\n\r\n",
        431,
    ),
]


@pytest.mark.parametrize(("name", "value", "data", "status"), LIMITS)
def test_limits_hold_to_the_byte(name: str, value: int, data: bytes, status: int) -> None:
    """R12, R13, S09, C05, C07: at the limit it is served, one below it is refused, however the bytes come."""
    for pieces in splits(data):
        assert read(pieces, **{name: value}).end == "head"
    for pieces in splits(data):
        outcome = read(pieces, **{name: value - 1})
        assert (outcome.end, outcome.status) == ("refused", status), pieces


@pytest.mark.parametrize(
    ("data", "limits", "status"),
    [
        (b"GET /" + b"a" * 50, {"line_max": 40}, 414),
        (POST + b"X: " + b"a" * 100, {"head_max": 90}, 431),
        (POST + b"a" * 100, {"head_max": 90}, 431),
        (CHUNKED + b"2;" + b"a" * 100, {"chunk_extensions_max": 50}, 400),
        (CHUNKED + b"0\r\nT: " + b"a" * 100, {"head_max": 90}, 431),
        (b"G" * 65, {}, 501),
        (POST + b"Content-Length: 4\r\n\r\n", {"body_max": 3}, 413),
        (CHUNKED + b"4\r\n", {"body_max": 3}, 413),
    ],
)
def test_what_is_too_long_is_refused_before_its_end(
    data: bytes, limits: dict[str, int], status: int
) -> None:
    """R12, C05, C07, S09: no end is waited for."""
    for pieces in splits(data):
        outcome = read(pieces, **limits)
        assert (outcome.end, outcome.status) == ("refused", status)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /\x01",
        b"GET / HTTP/1.1\r\nX: \0",
        b"GET / HTTP/1.1\r\nX: y\rZ",
        CHUNKED + b"2;\0",
        CHUNKED + b"g",
        CHUNKED + b"0\r\nT: \x7f",
        b"\x16\x03\x01",
    ],
)
def test_forbidden_bytes_are_refused_before_the_end_of_their_line(data: bytes) -> None:
    """R16, R22, C06, C07: no end is waited for."""
    for pieces in splits(data):
        assert (outcome := read(pieces)).end == "refused", pieces
        assert outcome.status == 400


def test_counters_begin_anew_with_each_request() -> None:
    """Trailers, extensions and body bytes of one request are not counted in the next."""
    body = b"3;ab\r\nabc\r\n0\r\nT: u\r\nU: v\r\n\r\n"
    for pieces in splits((CHUNKED + body) * 3):
        outcome = read(
            pieces, fields_max=2, chunk_extensions_max=3, body_max=3, head_max=len(CHUNKED)
        )
        assert [message.body for message in outcome.messages] == [b"abc"] * 3


@pytest.mark.parametrize(
    ("version", "fields", "keep_alive"),
    [
        ("1.1", b"", True),
        ("1.0", b"", False),
        ("1.1", b"Connection: close\r\n", False),
        ("1.1", b"Connection: CLOSE\r\n", False),
        ("1.1", b"Connection: keep-alive\r\n", True),
        ("1.1", b"Connection: keep-alive, close\r\n", False),
        ("1.1", b"Connection: keep-alive\r\nConnection: close\r\n", False),
        ("1.1", b"Connection: x, y\r\n", True),
        ("1.1", b"Connection: closed\r\n", True),
        ("1.0", b"Connection: keep-alive\r\n", True),
        ("1.0", b"Connection: Keep-Alive\r\n", True),
        ("1.0", b"Connection: x, Keep-Alive\r\n", True),
        ("1.0", b"Connection: close, keep-alive\r\n", False),
        ("1.0", b"Connection: x\r\n", False),
        ("1.0", b"Connection:\r\n", False),
    ],
)
def test_who_may_come_again(version: str, fields: bytes, keep_alive: bool) -> None:
    """P03, RFC 9112 section 9.3."""
    it = reader()
    it.feed(b"GET / HTTP/%b\r\nHost: t\r\n%b\r\n" % (version.encode(), fields))
    head = it.head()
    assert head is not None
    assert (head.keep_alive, head.http_version) == (keep_alive, version)


def test_forwarding_fields_are_noticed() -> None:
    """T09: those with an underscore are not."""
    for name, found in (
        (b"X-Forwarded-For", True),
        (b"x-forwarded-proto", True),
        (b"X_Forwarded_For", False),
    ):
        it = reader()
        it.feed(GET[:-2] + name + b": x\r\n\r\n")
        head = it.head()
        assert head is not None
        assert head.forwarded is found


def test_a_body_comes_as_it_arrives() -> None:
    it = reader()
    it.feed(POST + b"Content-Length: 5\r\n\r\nab")
    head = it.head()
    assert head is not None
    assert head.content_length == 5
    assert (it.body(), it.body_ended) == (b"ab", False)
    assert (it.body(), it.body_ended) == (b"", False)
    it.feed(b"cd")
    assert (it.body(), it.body_ended) == (b"cd", False)
    it.feed(b"e" + GET)
    assert (it.body(), it.body_ended) == (b"e", True)
    assert (it.body(), it.buffered()) == (b"", len(GET))


def test_a_fed_object_is_given_back_without_a_copy() -> None:
    it = reader()
    it.feed(POST + b"Content-Length: 100000\r\n\r\n")
    it.head()
    data = b"x" * 50_000
    it.feed(data)
    assert it.body() is data


def test_what_is_not_taken_belongs_to_the_next_protocol() -> None:
    it = reader()
    it.feed(GET + b"\x81\x00")
    it.head()
    assert it.rest() == b"\x81\x00"
    assert (it.rest(), it.buffered()) == (b"", 0)


def test_chunks_that_begin_a_read_are_found() -> None:
    """Reads that end exactly where a part of a chunk ends, whatever the sizes of the reads before."""
    parts = [
        CHUNKED,
        b"4\r\nabcd\r\n",
        b"1\r\nx\r\n",
        b"2\r\n",
        b"yz",
        b"\r\n",
        b"0\r\n",
        b"\r\n",
        GET,
    ]
    outcome = read(parts)
    assert [message.body for message in outcome.messages] == [b"abcdxyz", b""]


def spent(feed: Any) -> float:
    """The least CPU time of three runs, in seconds."""
    times = []
    for _ in range(3):
        began = time.process_time()
        feed()
        times.append(time.process_time() - began)
    return min(times)


def one_by_one(data: bytes) -> None:
    it = reader()
    for i in range(len(data)):
        it.feed(data[i : i + 1])
        head = it.head()
        if head is not None:
            break
    while not it.body_ended and i + 1 < len(data):
        i += 1
        it.feed(data[i : i + 1])
        it.body()
    assert (i, it.body_ended) == (len(data) - 1, True)


@pytest.mark.alone
@pytest.mark.parametrize(
    "grow",
    [
        lambda n: POST + b"X: " + b"v" * n + b"\r\n\r\n",
        lambda n: POST + b"Xyz: 67\r\n" * (n // 9) + b"\r\n",
        lambda n: CHUNKED + b"1\r\nx\r\n" * (n // 6) + b"0\r\n\r\n",
        lambda n: CHUNKED + b"2;" + b"e" * (n // 4) + b"\r\nab\r\n0\r\n\r\n",
        lambda n: CHUNKED + b"0\r\nT: " + b"u" * n + b"\r\n\r\n",
    ],
    ids=["long field", "many fields", "chunks", "extension", "trailer"],
)
def test_bytes_that_come_one_by_one_cost_linear_time(
    grow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S01, C10, R23: four times the bytes cost about four times the time, not sixteen times."""
    monkeypatch.setitem(globals(), "reader", lambda: Reader(Limits(fields_max=10_000), "http"))
    short, long = (spent(lambda n=n: one_by_one(grow(n))) for n in (12_000, 48_000))
    assert long < short * 9


@pytest.mark.alone
def test_many_chunks_at_once_cost_linear_time() -> None:
    """C10."""
    data = CHUNKED + b"1\r\nx\r\n" * 70_000 + b"0\r\n\r\n"
    assert spent(lambda: read([data])) < 1


@given(seeds)
def test_cuts_change_nothing(seed: int) -> None:
    """Connections by chance, right and broken: whole, cut, and byte by byte give the same."""
    chance = Random(seed)
    data = fuzz.connection(chance)
    fuzz.same_however_cut(data, messages.pieces(chance, data))


@given(seeds)
def test_cuts_change_nothing_near_the_limits(seed: int) -> None:
    chance = Random(seed)
    data = fuzz.connection(chance)
    limits = {
        "line_max": chance.choice((14, 20)),
        "head_max": chance.choice((50, 90)),
        "fields_max": chance.choice((1, 3)),
        "chunk_extensions_max": chance.choice((0, 3)),
        "body_max": chance.choice((0, 10)),
    }
    fuzz.same_however_cut(data, messages.pieces(chance, data), **limits)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    fuzz.same_however_cut(data, [data[:100], data[100:]])


@given(seeds)
def test_what_we_accept_h11_reads_alike(seed: int) -> None:
    """What h11 refuses we refuse, but for what `fuzz.http1.JUSTIFIED` lists."""
    fuzz.agree(fuzz.connection(Random(seed)))


@given(seeds)
def test_whole_requests_are_accepted_as_by_h11(seed: int) -> None:
    """And not merely because everything is refused."""
    data = messages.framed(Random(seed))
    outcome = fuzz.agree(data)
    assert (len(outcome.messages), outcome.end) == (1, "head")


class Llhttp:
    """What llhttp makes of a connection's bytes: the oracle behind Node and httptools."""

    def __init__(self, data: bytes) -> None:
        self.messages: list[tuple[Any, ...]] = []
        self.refused = ""
        self.parser = httptools.HttpRequestParser(self)
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.refused = repr(error)

    def on_message_begin(self) -> None:
        self.url, self.body = b"", b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_body:
            self.headers.append((name.lower(), value.rstrip(b" \t")))

    in_body = False

    def on_headers_complete(self) -> None:
        self.in_body = True

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.in_body = False
        self.messages.append((self.parser.get_method().decode(), self.url, self.headers, self.body))


# llhttp has a list of methods, all in upper case.
KNOWN_METHODS = {"GET", "POST", "HEAD", "PUT", "OPTIONS", "PATCH", "DELETE"}
# It refuses white space around the parts of a chunk extension, which RFC 9112 section 7.1.1 tells recipients to accept.
LLHTTP_JUSTIFIED = ("Invalid character in chunk extensions", "Invalid character in chunk size")


@given(seeds)
def test_what_we_accept_llhttp_reads_alike(seed: int) -> None:
    chance = Random(seed)
    data = messages.broken(chance, messages.framed(chance))
    ours = read([data])
    theirs = Llhttp(data)
    for i, (head, body) in enumerate(ours.messages):
        method, raw_path, query, headers = head[:4]
        upgrade = head[8]
        if method not in KNOWN_METHODS or upgrade or b"get /" in data or b"GET http" in data:
            return
        if any(reason in theirs.refused for reason in LLHTTP_JUSTIFIED):
            return
        assert i < len(theirs.messages), (data, theirs.refused)
        their_method, url, their_headers, their_body = theirs.messages[i]
        assert (method, headers, body) == (their_method, their_headers, their_body)
        assert url.partition(b"?")[::2] == (raw_path, query)


@pytest.mark.skipif(leg() == "pure", reason="one leg only: there is nothing to compare")
@given(seeds)
def test_both_legs_read_alike(seed: int) -> None:
    """The compiled reader and the pure one: the same messages, the same refusals, the same words."""
    fuzz.trial(Random(seed), pure("penstock.wire.http1"))
