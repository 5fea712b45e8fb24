"""The error page of --reload says what went wrong, and nothing of it is markup."""

import asyncio
from typing import Any

import pytest

from penstock.process.reload_page import TRACEBACK_CHARS_MAX, Problem, application, wants_html

PROBLEM = Problem(
    "<b>app</b> & co cannot be imported", 'look at "it"', "  File <script>alert(1)</script>\n"
)


def answered(problem: Problem, *headers: tuple[bytes, bytes], kind: str = "http") -> list[Any]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(application(problem)({"type": kind, "headers": list(headers)}, receive, send))
    return sent


def test_a_browser_gets_an_escaped_page_with_status_500() -> None:
    start, body = answered(PROBLEM, (b"accept", b"text/HTML,application/xhtml+xml,*/*;q=0.8"))
    headers = dict(start["headers"])
    assert start["status"] == 500
    assert headers[b"content-type"] == b"text/html; charset=utf-8"
    assert headers[b"cache-control"] == b"no-store"
    assert int(headers[b"content-length"]) == len(body["body"])
    page = body["body"].decode()
    assert "&lt;b&gt;app&lt;/b&gt; &amp; co cannot be imported" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert "<b>" not in page


@pytest.mark.parametrize("accept", [None, b"*/*", b"application/json"])
def test_others_get_text_with_status_500(accept: bytes | None) -> None:
    start, body = answered(PROBLEM, *([(b"accept", accept)] if accept else []))
    assert start["status"] == 500
    assert dict(start["headers"])[b"content-type"] == b"text/plain; charset=utf-8"
    lines = body["body"].decode().splitlines()
    assert lines == [
        "  File <script>alert(1)</script>",
        PROBLEM.title,
        PROBLEM.hint,
        "Penstock starts the application again when a file changes.",
    ]


def test_a_websocket_is_refused() -> None:
    assert answered(PROBLEM, kind="websocket") == [{"type": "websocket.close", "code": 1011}]


def test_a_page_without_traceback_still_says_what_happened() -> None:
    (_, body) = answered(Problem("It died"), (b"accept", b"text/html"))
    assert body["body"].count(b"It died") == 3


def test_an_endless_traceback_is_cut_at_its_beginning() -> None:
    problem = Problem("x", "", "a" * TRACEBACK_CHARS_MAX + "the end")
    for accept in (b"text/html", b"*/*"):
        (_, body) = answered(problem, (b"accept", accept))
        assert b"the end" in body["body"]
        assert len(body["body"]) < TRACEBACK_CHARS_MAX + 3000


def test_text_that_is_no_unicode_is_no_error() -> None:
    (_, body) = answered(Problem("\udcff"), (b"accept", b"text/html"))
    assert b"?" in body["body"]


def test_html_is_for_who_asks_for_it_by_name() -> None:
    assert wants_html([(b"host", b"x"), (b"accept", b"text/html")])
    assert not wants_html([(b"host", b"text/html"), (b"accept", b"*/*")])
