"""The order of messages; what applications do wrong in it is in the zoo of tests/conformance."""

from typing import Any

import pytest

from penstock.testing.judges import HttpJudge, LifespanJudge, WebSocketJudge, pairs, spec_version
from penstock.testing.scopes import http_scope, lifespan_scope, websocket_scope


def rules(judge: Any, *events: Any) -> list[str]:
    return [rule for event in events for rule, _, _ in judge.event(event)]


@pytest.mark.parametrize(
    "events, expected",
    [
        ([("http.request", {}), ("http.disconnect", {})], []),
        ([("http.request", {"more_body": True}), ("http.request", {})], []),
        ([("http.request", {}), ("http.request", {})], ["HTTP-REQ-04"]),
        ([("http.disconnect", {}), ("http.request", {})], ["HTTP-REQ-01"]),
    ],
)
def test_the_events_of_a_request_have_their_order(events: Any, expected: list[str]) -> None:
    judge = HttpJudge(http_scope())
    assert rules(judge, *({"type": kind, **more} for kind, more in events)) == expected


def test_the_events_of_a_websocket_have_their_order() -> None:
    connect, end = {"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1}
    data = {"type": "websocket.receive", "text": "x"}
    assert rules(WebSocketJudge(websocket_scope()), connect, data) == ["WS-HS-20"]
    assert rules(WebSocketJudge(websocket_scope()), connect, connect) == ["WS-HS-01"]
    assert rules(WebSocketJudge(websocket_scope()), connect, end, data) == ["WS-CLOSE-20"]
    judge = WebSocketJudge(websocket_scope())
    assert rules(judge, connect) == []
    assert list(judge.message({"type": "websocket.accept"})) == []
    assert rules(judge, {"type": "websocket.receive"}) == ["WS-MSG-05"]


def test_the_events_of_a_lifespan_have_their_order() -> None:
    startup, shutdown = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    assert rules(LifespanJudge(lifespan_scope()), shutdown) == ["LIFE-05"]
    assert rules(LifespanJudge(lifespan_scope()), startup, startup) == ["LIFE-05"]
    judge = LifespanJudge(lifespan_scope())
    assert rules(judge, startup) == []
    assert list(judge.message({"type": "lifespan.startup.complete"})) == []
    assert rules(judge, shutdown) == []


@pytest.mark.parametrize(
    "scope, expected",
    [
        ({}, (2, 0)),
        ({"asgi": {"spec_version": "2.4"}}, (2, 4)),
        ({"asgi": None}, (2, 0)),
        ({"asgi": {"spec_version": "new"}}, (2, 0)),
    ],
)
def test_a_version_has_a_default(scope: dict[str, Any], expected: tuple[int, ...]) -> None:
    assert spec_version(scope, "2.0") == expected


def test_of_headers_only_pairs_of_bytes_count() -> None:
    message = {"headers": [(b"A", b"1"), ["b", "2"], 3, (b"c",)]}
    assert pairs(message) == [(b"a", b"1")]
    assert pairs({"headers": 1}) == []
