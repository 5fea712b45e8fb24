"""JSON lines: always valid, always one, the same keys."""

import json
import os
from typing import Any

import pytest

from penstock.gateway.endings import CLIENT_GONE, WEBSOCKET_CLOSE
from penstock.observe.access_json import JsonShape
from tests.observe.entries import ODD, entry

FIELDS = ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "curl/8"]


def lines(*entries: Any) -> list[dict[str, Any]]:
    text = JsonShape().render(list(entries), False)
    assert text.isascii()
    assert text.endswith("\n")
    made = text[:-1].split("\n")
    assert all(line.isprintable() for line in made)
    assert len(made) == len(entries)
    return [json.loads(line) for line in made]


def test_a_request_s_line_says_all_that_is_noted() -> None:
    """Units stand in the names; an absent text is empty, so that each key keeps its type."""
    (line,) = lines(entry(picked=FIELDS))
    assert line == {
        "time": "2026-11-22T11:16:02.123Z",
        "event": "request",
        "client": "127.0.0.1",
        "client_port": 54321,
        "method": "GET",
        "path": "/a%20b",
        "query": "q=1",
        "protocol": "HTTP/1.1",
        "status": 200,
        "bytes_in": 5,
        "bytes_out": 1234,
        "duration_us": 2001234,
        "first_byte_us": 567,
        "ended": "complete",
        "request_id": "abc-7",
        "traceparent": FIELDS[0],
        "user_agent": "curl/8",
        "worker": os.getpid(),
    }


def test_a_client_without_address_and_one_that_left() -> None:
    """A Unix socket's peer; status 0 where there was no answer."""
    (line,) = lines(entry(picked=["", ""], client=None, status=0, ended=CLIENT_GONE))
    assert (line["client"], line["client_port"]) == ("", 0)
    assert (line["status"], line["ended"], line["traceparent"]) == (0, "client-gone", "")


def test_a_websocket_s_lines_have_their_close_code() -> None:
    """Also in one batch with requests, without the slow way."""
    request, closed = lines(
        entry(picked=FIELDS),
        entry(picked=FIELDS, event=WEBSOCKET_CLOSE, close_code=1001, status=101),
    )
    assert "close_code" not in request
    assert (closed["event"], closed["close_code"], closed["status"]) == (
        "websocket-close",
        1001,
        101,
    )


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "place", ["method", "path", "query", "version", "picked", "client", "id_head"]
)
def test_nothing_that_a_peer_sends_breaks_a_line_x06(place: str, odd: str) -> None:
    """X06: in any field; neighbours in the batch keep their values."""
    changes: dict[str, Any] = {"picked": FIELDS, place: odd}
    if place == "picked":
        changes = {"picked": [odd, odd]}
    elif place == "client":
        changes["client"] = (odd, 1)
    before, line, after = lines(
        entry(picked=FIELDS), entry(**changes), entry(picked=FIELDS, path="/after")
    )
    assert (before["path"], after["path"]) == ("/a%20b", "/after")
    shown = {"picked": "user_agent", "version": "protocol", "id_head": "request_id"}.get(
        place, place
    )
    assert odd in line[shown]
    assert line["status"] == 200


def test_odd_values_are_found_wherever_lines_hide_them_x06() -> None:
    """X06: quotes that pair up, and values that look like keys, do not cancel out."""
    forged = '","status":500,"path":"'
    for batch in ([forged], [forged, "/"], ["/", forged, forged]):
        found = lines(*[entry(picked=FIELDS, path=path) for path in batch])
        assert [line["path"] for line in found] == batch
        assert {line["status"] for line in found} == {200}
