"""Each case about framing and connections fails on a server that is wrong in just that."""

from typing import Any

import pytest

from tests.conformance.crooked import App, Crooked, Fault, replaced, sends, unseen

pytestmark = pytest.mark.slow
BODY = "http.response.body"


async def _calls_the_body(app: App, scope: Any, receive: Any, send: Any) -> None:
    await app(scope, receive, send)
    if scope["path"] == "/first":
        await app({**scope, "path": "/evil"}, receive, send)


def _as_pipelined(data: bytes) -> bytes:
    """The requests in the other order."""
    parts = [b"GET" + part for part in data.split(b"GET")[1:]]
    return b"".join(parts[::-1])


FAULTS = {
    "transfer_encoding_is_ignored": replaced(
        b"content-length: 5", b"transfer-encoding: chunked\r\ncontent-length: 5"
    ),
    "no_chunks_for_http_10": replaced(b"\r\n\r\na", b"\r\ntransfer-encoding: chunked\r\n\r\na"),
    "body_without_length": Fault(cut=True, to_client=lambda d: d.replace(b"0\r\n\r\n", b"")),
    "empty_part": sends(
        lambda m: [{**m, "more_body": False}] if m.get("body") == b"" and m["type"] == BODY else [m]
    ),
    "head": Fault(to_client=lambda d: d.replace(b"\r\n\r\n", b"\r\n\r\nhello", 1)),
    "head_with_length": replaced(b"content-length: 5\r\n", b""),
    "bodiless_statuses": replaced(
        b"HTTP/1.1 204 No Content\r\n", b"HTTP/1.1 204 No\r\ncontent-length: 0\r\n"
    ),
    "longer_than_declared": replaced(b"01234", b"0123456789"),
    "shorter_than_declared": Fault(keep_open=True),
    "close_by_the_client": Fault(keep_open=True),
    "close_by_the_application": Fault(keep_open=True),
    "kept_alive": Fault(cut=True),
    "closed_for_http_10": Fault(keep_open=True),
    "pipelined": Fault(to_server=_as_pipelined),
    "unread_body": Fault(_calls_the_body),
    "unknown_upgrade": replaced(b"200 OK", b"501 No"),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "framing", FAULTS) == {}
