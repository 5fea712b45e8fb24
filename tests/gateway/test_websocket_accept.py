"""The scope and the accept: WS-SCOPE, WS-HS-07 to 11, W03."""

from typing import Any

import pytest

from penstock.errors import MessageError
from tests.gateway.websocket_trial import ACCEPT, Trial, answerer


def test_the_scope_says_what_the_handshake_said() -> None:
    """WS-SCOPE-01 to 11, WS-DENY-01."""
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    state = {"pool": []}
    trial = Trial(
        app,
        (b"sec-websocket-protocol", b"a, b"),
        root_path="/api",
        path=b"/caf%C3%A9",
        state=state,
    )
    (scope,) = scopes
    assert type(scope) is dict
    assert scope["headers"][-1] == (b"sec-websocket-protocol", b"a, b")
    del scope["headers"]
    assert scope == {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/api/café",
        "raw_path": b"/caf%C3%A9",
        "root_path": "/api",
        "query_string": b"q=1",
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80),
        "subprotocols": ["a", "b"],
        "extensions": {"websocket.http.response": {}},
        "state": {"pool": []},
    }
    assert scope["state"] is not state
    assert scope["state"]["pool"] is state["pool"]
    assert trial.stream.dones == 1


def test_a_path_that_has_the_root_path_keeps_it_once() -> None:
    """WS-SCOPE-04."""
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    Trial(app, root_path="/api", path=b"/api/x")
    assert scopes[0]["path"] == "/api/x"


def test_accept_answers_with_the_subprotocol_and_the_application_s_headers_in_order() -> None:
    """WS-HS-07, WS-HS-09, WS-HS-11."""
    headers = [(b"set-cookie", b"a=1"), (b"connection", b"close"), [b"set-cookie", b"b=2"]]
    trial = Trial(
        answerer({"type": "websocket.accept", "subprotocol": "b", "headers": headers}),
        (b"sec-websocket-protocol", b"a, b"),
    )
    assert trial.stream.accepted == [
        (b"sec-websocket-protocol", b"b"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
    ]
    assert trial.exchange.status == 101
    assert [level for level, _ in trial.notes] == ["debug"]


@pytest.mark.parametrize(
    "changes",
    [
        {"subprotocol": "c"},
        {"subprotocol": b"a"},
        {"headers": [(b"sec-websocket-accept", b"x")]},
        {"headers": [(b"Sec-WebSocket-Protocol", b"a")]},
        {"headers": [(b"sec-websocket-extensions", b"permessage-deflate")]},
        {"headers": [(b":status", b"200")]},
        {"headers": [(b"x", b"a\r\nset-cookie: b")]},
        {"headers": [("x", "y")]},
        {"headers": [(b"x",)]},
        {"headers": [7]},
    ],
)
def test_an_accept_that_would_change_the_handshake_raises_and_can_be_mended(changes: Any) -> None:
    """W03, A01, WS-HS-08, WS-HS-10, ERR-03, ERR-04."""
    errors: list[Any] = []
    trial = Trial(
        answerer({"type": "websocket.accept", **changes}, ACCEPT, errors=errors),
        (b"sec-websocket-protocol", b"a, b"),
    )
    assert isinstance(errors[0], MessageError)
    assert errors[1:] == [None]
    assert trial.stream.accepted == []
