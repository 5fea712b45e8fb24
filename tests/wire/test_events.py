"""A request's head: what it holds when nothing else is said."""

import pytest

from penstock.wire.events import Head


def test_a_head_without_more_is_a_request_without_a_body_on_a_lasting_connection() -> None:
    head = Head("GET", b"/", b"", [], "1.1")
    assert (head.method, head.raw_path, head.query, head.headers) == ("GET", b"/", b"", [])
    assert (head.http_version, head.content_length) == ("1.1", 0)
    assert (head.keep_alive, head.expect_continue, head.upgrade) == (True, False, b"")
    assert (head.forwarded, head.line_bytes, head.bits) == (False, 0, 0)


def test_a_head_holds_what_it_is_given() -> None:
    headers = [(b"host", b"t")]
    head = Head("PUT", b"/a", b"q", headers, "1.0", -1, False, True, b"websocket")
    assert head.headers is headers
    assert (head.content_length, head.keep_alive, head.expect_continue) == (-1, False, True)
    assert head.upgrade == b"websocket"


def test_a_head_takes_no_other_attributes() -> None:
    with pytest.raises(AttributeError):
        Head("GET", b"/", b"", [], "1.1").other = 1  # type: ignore[attr-defined]
