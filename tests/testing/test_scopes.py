"""Scopes: those that clients make are right, and wrong ones are told."""

from typing import Any

import pytest

from penstock.testing.scopes import (
    header_pairs,
    http_scope,
    lifespan_scope,
    scope_complaints,
    websocket_scope,
)


@pytest.mark.parametrize("scope", [http_scope(), websocket_scope(), lifespan_scope()])
def test_scopes_that_are_made_here_are_right(scope: dict[str, Any]) -> None:
    assert list(scope_complaints(scope)) == []


def test_an_address_becomes_a_scope() -> None:
    scope = http_scope("post", "https://example.org:444/caf%C3%A9%2Fx/ü?a=ü b", {"X-A": "1"})
    assert (scope["method"], scope["scheme"]) == ("POST", "https")
    assert scope["path"] == "/café/x/ü"
    assert scope["raw_path"] == b"/caf%C3%A9%2Fx/%C3%BC"
    assert scope["query_string"] == b"a=%C3%BC%20b"
    assert scope["headers"] == [(b"host", b"example.org:444"), (b"x-a", b"1")]
    assert scope["server"] == ("example.org", 444)


def test_a_host_that_is_given_is_the_only_one() -> None:
    scope = http_scope("GET", "/", [("Host", "other")])
    assert scope["headers"] == [(b"host", b"other")]
    assert header_pairs(None) == []


def test_a_websocket_offers_its_subprotocols() -> None:
    scope = websocket_scope("wss://localhost/x", subprotocols=["a", "b"])
    assert (scope["scheme"], scope["subprotocols"]) == ("wss", ["a", "b"])
    assert (b"sec-websocket-protocol", b"a, b") in scope["headers"]


@pytest.mark.parametrize(
    "more, rule",
    [
        ({"type": 1}, "SCOPE-02"),
        ({"asgi": {}}, "SCOPE-03"),
        ({"asgi": {"version": "3.0", "spec_version": 2}}, "SCOPE-05"),
        ({"asgi": {"version": "3.0", "spec_version": "9.9"}}, "SCOPE-05"),
        ({"extensions": []}, "SCOPE-09"),
        ({"extensions": {"x": None}}, "SCOPE-10"),
        ({"http_version": "1"}, "HTTP-SCOPE-03"),
        ({"method": "get"}, "HTTP-SCOPE-04"),
        ({"scheme": "ws"}, "HTTP-SCOPE-05"),
        ({"path": b"/"}, "HTTP-SCOPE-06"),
        ({"raw_path": "/"}, "HTTP-SCOPE-09"),
        ({"raw_path": b"/?x"}, "HTTP-SCOPE-10"),
        ({"query_string": ""}, "HTTP-SCOPE-11"),
        ({"root_path": None}, "HTTP-SCOPE-13"),
        ({"headers": None}, "HTTP-SCOPE-15"),
        ({"headers": [("a", "b")]}, "HTTP-SCOPE-15"),
        ({"headers": [(b":path", b"/")]}, "HTTP-HDR-06"),
        ({"headers": [(b"Host", b"x")]}, "HTTP-HDR-01"),
        ({"client": ("127.0.0.1", "80")}, "HTTP-SCOPE-16"),
        ({"server": ("x", "80")}, "HTTP-SCOPE-17"),
        ({"server": ["x"]}, "HTTP-SCOPE-17"),
        ({"state": None}, "LIFE-STATE-02"),
    ],
)
def test_a_wrong_scope_is_told(more: dict[str, Any], rule: str) -> None:
    assert [each for each, _, _ in scope_complaints(http_scope() | more)] == [rule]


def test_keys_that_must_be_there_are_missed() -> None:
    scope = http_scope()
    del scope["query_string"], scope["method"]
    assert [rule for rule, _, _ in scope_complaints(scope)] == ["HTTP-SCOPE-04", "HTTP-SCOPE-11"]
    wrong = lifespan_scope() | {"state": None}
    assert [rule for rule, _, _ in scope_complaints(wrong)] == ["LIFE-STATE-01"]
