"""The writer of HTTP/1 responses: one framing, the right one, and nothing that the application must not send."""

from collections import namedtuple
from http import HTTPStatus
from typing import Any

import h11
import pytest

from penstock.errors import MessageError
from penstock.wire.http1_response import Writer, status_line

DEFAULTS = b"date: now\r\nserver: penstock\r\nx-op: 1\r\n"
LARGE = b"x" * 20_000
Pair = namedtuple("Pair", "name value")


def writer(old: bool = False, keep_alive: bool = True) -> Writer:
    it = Writer()
    it.begin(old, keep_alive)
    return it


def joined(out: Any) -> bytes:
    return out if type(out) is bytes else b"".join(out)


def head_of(*headers: tuple[bytes, bytes], status: int = 200, **more: Any) -> bytes:
    """The head of a response whose body is empty and whole."""
    it = writer(**more)
    it.head(status, list(headers), False, False, DEFAULTS)
    return joined(it.body(b"", True))


class Received:
    """What a client makes of the bytes: the judge is h11."""

    def __init__(self, wire: bytes, method: str) -> None:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method=method, target="/", headers=[("host", "t")]))
        client.send(h11.EndOfMessage())
        client.receive_data(wire)
        response = client.next_event()
        assert isinstance(response, h11.Response)
        self.status = response.status_code
        self.headers = [(bytes(name), bytes(value)) for name, value in response.headers]
        self.body = b""
        self.by_close = False
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                self.by_close = True
                client.receive_data(b"")
            else:
                assert isinstance(event, h11.Data)
                self.body += event.data
        self.trailers = [(bytes(name), bytes(value)) for name, value in event.headers]
        assert client.trailing_data[0] == b""
        self.names = [name for name, _ in self.headers]

    def get(self, name: bytes) -> bytes | None:
        values = [value for key, value in self.headers if key == name]
        assert len(values) <= 1
        return values[0] if values else None


def whole(it: Writer, body: bytes) -> bytes:
    return joined(it.body(body, True))


def in_parts(it: Writer, body: bytes) -> bytes:
    half = len(body) // 2
    parts = (it.body(body[:half], False), it.body(b"", False), it.body(body[half:], False))
    return b"".join(map(joined, (*parts, it.body(b"", True))))


def flushed(it: Writer, body: bytes) -> bytes:
    return it.flush() + joined(it.body(body, True))


def as_file(it: Writer, body: bytes) -> bytes:
    before, after = it.file_frame(len(body), True)
    return before + body + after


def as_file_in_parts(it: Writer, body: bytes) -> bytes:
    out = b""
    half = len(body) // 2
    for data, end in ((body[:half], False), (body[half:], True)):
        before, after = it.file_frame(len(data), end)
        out += before + data + after
    return out


@pytest.mark.parametrize("old", [False, True], ids=["1.1", "1.0"])
@pytest.mark.parametrize("keep_alive", [False, True], ids=["close", "keep-alive"])
@pytest.mark.parametrize("declared", [False, True], ids=["no length", "length"])
@pytest.mark.parametrize("way", [whole, in_parts, flushed, as_file, as_file_in_parts])
@pytest.mark.parametrize("body", [b"", b"hello", LARGE], ids=["empty", "small", "large"])
def test_each_body_has_one_framing(
    old: bool, keep_alive: bool, declared: bool, way: Any, body: bytes
) -> None:
    """A length where it is known, else chunks, else the connection's end (RFC 9112 section 6)."""
    it = writer(old, keep_alive)
    headers = [(b"content-length", b"%d" % len(body))] if declared else []
    assert it.head(200, headers, False, False, DEFAULTS) == (len(body) if declared else -1)
    assert (it.held, it.left) == (True, False)
    response = Received(way(it, body), "GET")
    assert (it.held, it.left) == (False, True)
    known = declared or way in {whole, as_file}
    assert response.body == body
    assert response.get(b"content-length") == (b"%d" % len(body) if known else None)
    assert response.get(b"transfer-encoding") == (None if known or old else b"chunked")
    assert response.by_close == it.by_close == (old and not known)
    assert it.keep_alive == (keep_alive and not it.by_close)
    wanted = (b"keep-alive" if old else None) if it.keep_alive else b"close"
    assert response.get(b"connection") == wanted
    assert response.get(b"x-op") == b"1"


@pytest.mark.parametrize("old", [False, True], ids=["1.1", "1.0"])
@pytest.mark.parametrize("keep_alive", [False, True], ids=["close", "keep-alive"])
@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 204)]
)
@pytest.mark.parametrize("declared", [False, True], ids=["no length", "length"])
@pytest.mark.parametrize("trailers", [False, True], ids=["", "trailers"])
@pytest.mark.parametrize("way", [whole, in_parts, flushed, as_file])
def test_where_no_body_is_allowed_none_is_framed(
    old: bool, keep_alive: bool, method: str, status: int, declared: bool, trailers: bool, way: Any
) -> None:
    """A07: no transfer-encoding; a length only for HEAD and 304, and only the application's."""
    it = writer(old, keep_alive)
    headers = [(b"x", b"y"), (b"content-length", b"5")] if declared else [(b"x", b"y")]
    it.head(status, headers, True, trailers, DEFAULTS)
    wire = way(it, b"") + (it.trailers([(b"t", b"u")]) if trailers else b"")
    response = Received(wire, method)
    assert (response.status, response.body, response.trailers) == (status, b"", [])
    assert response.get(b"transfer-encoding") is None
    assert response.get(b"content-length") == (b"5" if declared and status != 204 else None)
    assert response.get(b"x") == b"y"
    assert it.keep_alive == keep_alive
    assert wire.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("parts", [[], [b""], [b"hello"], [b"a", b"b"], [LARGE]])
@pytest.mark.parametrize("flush", [False, True])
def test_trailers_follow_the_last_chunk(parts: list[bytes], flush: bool) -> None:
    """TRAIL-01: they need chunks, also where the body is whole at once."""
    it = writer()
    it.head(200, [], False, True, DEFAULTS)
    wire = it.flush() if flush else b""
    for part in parts:
        wire += joined(it.body(part, False))
    wire += it.trailers([(b"t", b"u"), (b"V", b"")])
    response = Received(wire, "GET")
    assert (response.body, response.trailers) == (b"".join(parts), [(b"t", b"u"), (b"v", b"")])


@pytest.mark.parametrize(("old", "length"), [(True, False), (False, True), (True, True)])
def test_trailers_have_no_place_without_chunks(old: bool, length: bool) -> None:
    """In HTTP/1.0, and where a length is declared, they are left out."""
    it = writer(old)
    it.head(200, [(b"content-length", b"2")] if length else [], False, True, DEFAULTS)
    wire = joined(it.body(b"ab", False)) + it.trailers([(b"t", b"u")])
    response = Received(wire, "GET")
    assert (response.body, response.trailers, response.by_close) == (b"ab", [], not length)


def test_trailers_that_have_no_place_cost_no_framing() -> None:
    """To HTTP/1.0, with trailers wanted, a whole body keeps its length and the connection."""
    it = writer(old=True)
    it.head(200, [], False, True, DEFAULTS)
    response = Received(joined(it.body(b"ab", True)), "GET")
    assert (response.get(b"content-length"), it.keep_alive) == (b"2", True)


@pytest.mark.parametrize(
    "name",
    [
        "content-length",
        "Transfer-Encoding",
        "host",
        "Authorization",
        "set-cookie",
        "trailer",
        "te",
        "connection",
        "content-type",
        "content-encoding",
        "content-range",
        "upgrade",
    ],
)
def test_some_fields_make_no_trailers(name: str) -> None:
    """TRAIL-08, RFC 9110 section 6.5.1."""
    it = writer()
    it.head(200, [], False, True, DEFAULTS)
    joined(it.body(b"x", False))
    with pytest.raises(MessageError, match=r"trailer|content-length"):
        it.trailers([(name.encode(), b"x")])
    assert it.trailers([]) == b"0\r\n\r\n"


BAD_PAIRS: list[Any] = [
    (b"x", b"a\r\nSet-Cookie: b"),
    (b"x", b"a\rb"),
    (b"x", b"a\nb"),
    (b"x", b"a\0b"),
    (b"x\r\ny", b"z"),
    (b"x\n", b"z"),
    (b"x\0", b"z"),
    (b"x y", b"z"),
    (b"x:", b"z"),
    (b"", b"z"),
    (b":status", b"200"),
    (b"connection", b"close\r\nx: y"),
    (b"transfer-encoding", b"chunked\n"),
    ("x", b"z"),
    (b"x", "z"),
    (b"x", 1),
    (b"x", None),
    (b"x",),
    (b"x", b"y", b"z"),
    b"xy",
    (b"content-length", b"+1"),
    (b"content-length", b"1, 1"),
    (b"content-length", b""),
    (b"content-length", b"9" * 19),
]


@pytest.mark.parametrize("pair", BAD_PAIRS, ids=repr)
def test_not_one_byte_of_a_bad_header_goes_out(pair: Any) -> None:
    """A01, A08, A10: in no kind of head; and the writer goes on as if it had not been asked."""
    headers = [(b"a", b"b"), pair]
    it = writer()
    it.head(404, [(b"first", b"1")], False, True, DEFAULTS)
    for attempt in (
        lambda: it.head(200, headers, False, False, DEFAULTS),
        lambda: it.informational(103, headers),
        lambda: it.switch(b"x", headers, DEFAULTS),
        lambda: it.trailers(headers),
    ):
        with pytest.raises(MessageError):
            attempt()
        assert (it.held, it.left, it.keep_alive) == (True, False, True)
    wire = joined(it.body(b"", False))
    assert wire.startswith(b"HTTP/1.1 404 Not Found\r\nfirst: 1\r\n")
    assert wire.count(b"\r\n") == 7


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ((b"x", b"a\nb"), "CR, LF or NUL in the value of header b'x'"),
        ((b"x y", b"z"), r"b'x y' is not a header name \(RFC 9110 5.1\)"),
        (("x", b"z"), "a header name must be bytes, got str: 'x'"),
        ((b"x", 1), "a header value must be bytes, got int: 1"),
        ((b"x",), r"a header must be a \(name, value\) pair, got \(b'x',\)"),
        ((b"content-length", b"x"), "content-length must be a number, got b'x'"),
    ],
)
def test_a_refusal_says_what_was_seen(pair: Any, words: str) -> None:
    """ERR-03."""
    with pytest.raises(MessageError, match=words):
        writer().head(200, [(b"a", b"b"), pair], False, False, b"")


def test_what_a_refusal_shows_is_cut() -> None:
    with pytest.raises(MessageError) as caught:
        writer().head(200, [(b"x" * 10_000 + b" ", b"y" * 10_000 + b"\n")], False, False, b"")
    assert len(str(caught.value)) < 300


def test_two_lengths_are_refused() -> None:
    """A08."""
    with pytest.raises(MessageError, match="content-length is there twice"):
        writer().head(
            200, [(b"content-length", b"1"), (b"Content-Length", b"1")], False, False, b""
        )


@pytest.mark.parametrize("headers", [5, [5], [(b"a", b"b"), None]])
def test_headers_that_are_none_are_refused(headers: Any) -> None:
    """A10."""
    with pytest.raises(MessageError, match="iterable"):
        writer().head(200, headers, False, False, b"")


@pytest.mark.parametrize(
    "headers",
    [
        lambda: [(b"a", b"1"), (b"b", b"2")],
        lambda: ((b"a", b"1"), [b"b", b"2"]),
        lambda: [[b"a", b"1"], (b"b", b"2")],
        lambda: [Pair(b"a", b"1"), Pair(b"b", b"2")],
        lambda: [iter((b"a", b"1")), (b"b", b"2")],
        lambda: iter([(b"a", b"1"), [b"b", b"2"]]),
        lambda: {b"a": b"1", b"b": b"2"}.items(),
    ],
    ids=["list", "tuple", "lists", "named tuples", "iterators", "iterator", "items"],
)
def test_any_iterable_of_pairs_is_headers(headers: Any) -> None:
    """HTTP-RESP-08: also one that can be read only once."""
    it = writer()
    it.head(200, headers(), False, False, b"")
    assert joined(it.body(b"", True)).startswith(b"HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\n")


@pytest.mark.parametrize(
    "status", [99, 100, 101, 103, 199, 1000, -1, 0, "200", b"200", 200.0, None, True, 1 << 80]
)
def test_other_statuses_are_refused(status: Any) -> None:
    """A09."""
    it = writer()
    with pytest.raises(MessageError, match="status must be"):
        it.head(status, [], False, False, b"")
    assert it.held is False


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, b"HTTP/1.1 200 OK\r\n"),
        (HTTPStatus.IM_A_TEAPOT, b"HTTP/1.1 418 I'm a Teapot\r\n"),
        (299, b"HTTP/1.1 299 \r\n"),
        (999, b"HTTP/1.1 999 \r\n"),
    ],
)
@pytest.mark.parametrize("old", [False, True])
def test_status_lines(status: int, line: bytes, old: bool) -> None:
    """HTTP-RESP-26; the version is the server's, not the request's (RFC 9110 section 2.5)."""
    assert head_of(status=status, old=old).startswith(line)
    assert status_line(int(status)) == line


def test_framing_is_not_the_applications() -> None:
    """A08: its transfer-encoding is dropped, never two framings."""
    response = Received(head_of((b"Transfer-Encoding", b"gzip, chunked"), (b"a", b"b")), "GET")
    assert (response.get(b"transfer-encoding"), response.get(b"content-length")) == (None, b"0")
    it = writer()
    it.head(200, [(b"transfer-encoding", b"chunked"), (b"content-length", b"1")], False, False, b"")
    response = Received(joined(it.body(b"x", True)), "GET")
    assert (response.get(b"transfer-encoding"), response.body) == (None, b"x")


@pytest.mark.parametrize(
    ("values", "keep_alive"),
    [
        ([b"close"], False),
        ([b"Close"], False),
        ([b"keep-alive, close"], False),
        ([b"keep-alive"], True),
        ([b"keep-alive", b"close"], False),
    ],
)
def test_the_application_may_close(values: list[bytes], keep_alive: bool) -> None:
    """A08: and say nothing else of the connection."""
    response = Received(head_of(*[(b"Connection", value) for value in values]), "GET")
    assert response.get(b"connection") == (None if keep_alive else b"close")


@pytest.mark.parametrize(
    "values", [[b"upgrade"], [b""], [b"x"], [b"keep-alive, x"], [b"close", b"upgrade"]]
)
def test_the_application_may_not_steer_the_connection_otherwise(values: list[bytes]) -> None:
    """A08: and a refused head changes nothing."""
    it = writer()
    with pytest.raises(MessageError, match="is not the application's to send; only close is"):
        it.head(200, [(b"connection", value) for value in values], False, False, b"")
    assert (it.keep_alive, it.held) == (True, False)


@pytest.mark.parametrize("names", [(), (b"Date",), (b"SERVER",), (b"Date", b"SERVER")])
def test_the_applications_date_and_server_take_precedence(names: tuple[bytes, ...]) -> None:
    """HTTP-RESP-27: each is there once, and the operator's own headers stay."""
    response = Received(head_of(*[(name, b"mine") for name in names]), "GET")
    for name, default in ((b"date", b"now"), (b"server", b"penstock"), (b"x-op", b"1")):
        mine = name in {given.lower() for given in names}
        assert response.get(name) == (b"mine" if mine else default)


def test_a_later_head_replaces_a_held_one() -> None:
    """A04: an exception can still become a 500."""
    it = writer()
    it.head(200, [(b"content-length", b"5"), (b"a", b"b")], True, True, DEFAULTS)
    it.head(500, [], False, False, DEFAULTS)
    response = Received(joined(it.body(b"sorry", True)), "GET")
    assert (response.status, response.body, response.get(b"a")) == (500, b"sorry", None)


def test_each_response_begins_anew() -> None:
    """P01: nothing of one response is left in the next."""
    it = writer(old=True, keep_alive=False)
    it.head(200, [(b"a", b"b")], False, False, DEFAULTS)
    it.body(b"x", False)
    assert it.by_close
    it.begin(False, True)
    assert (it.keep_alive, it.by_close, it.left, it.held) == (True, False, False, False)
    it.head(200, [], False, False, DEFAULTS)
    assert joined(it.body(b"x", False)).endswith(b"chunked\r\n\r\n1\r\nx\r\n")
    it.begin(False, True)
    it.head(200, [(b"content-length", b"1")], False, False, DEFAULTS)
    assert joined(it.body(b"x", True)).endswith(b"\r\n\r\nx")


def test_large_bodies_are_not_copied() -> None:
    for declared, parts in ((False, 4), (True, 2)):
        it = writer()
        it.head(200, [(b"content-length", b"40000")] if declared else [], False, False, b"")
        out = it.body(LARGE, False)
        assert (len(out), any(part is LARGE for part in out)) == (parts, True)
        again = it.body(LARGE, True)
        assert again is LARGE if declared else again[1] is LARGE


def test_informational_responses() -> None:
    """HINT-06: none to HTTP/1.0, which knows none."""
    it = writer()
    it.head(200, [], False, False, b"")
    assert (
        it.informational(103, [(b"link", b"</a>")])
        == b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    )
    assert (it.held, it.left) == (True, False)
    assert writer(old=True).informational(103, [(b"link", b"</a>")]) == b""


def test_switching_protocols() -> None:
    """RFC 6455 section 4.2.2."""
    it = writer()
    wire = it.switch(
        b"key",
        [(b"sec-websocket-protocol", b"chat"), (b"date", b"mine"), (b"Connection", b"close")],
        DEFAULTS,
    )
    lines = wire.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 101 Switching Protocols"
    assert lines[1:4] == [
        b"upgrade: websocket",
        b"connection: Upgrade",
        b"sec-websocket-accept: key",
    ]
    assert lines[4:] == [
        b"sec-websocket-protocol: chat",
        b"date: mine",
        b"server: penstock",
        b"x-op: 1",
        b"",
        b"",
    ]
    assert it.left is True
