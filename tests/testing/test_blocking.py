"""The client of plain tests."""

import pytest

from penstock.testing import Closed, Denied, SyncClient
from tests.testing.apps import app, ended


def test_requests_streams_and_websockets_without_await() -> None:
    with SyncClient(app) as client:
        assert client.state == {"greeting": "hello"}
        assert client.get("/show").text == "GET  hello unset"
        assert client.post("/echo", json=1).json() == 1
        for method in ("put", "patch", "delete", "head"):
            assert getattr(client, method)("/show").text.startswith(method.upper())
        with client.stream("POST", "/echo", body=None) as exchange:
            exchange.write(b"one ")
            exchange.write(b"two", more=False)
            assert exchange.head().status == 200
            assert exchange.read().body == exchange.response.body == b"one two"
        with client.stream("GET", "/ticks") as exchange:
            exchange.hold()
            exchange.release()
            assert next(exchange.parts()) == b"tick 0"
            exchange.hold()
            exchange.disconnect()
            exchange.ended()
            assert len(ended) == 1
        with client.websocket("/", subprotocols=["chat"]) as websocket:
            assert (websocket.subprotocol, websocket.headers.get("x-accepted")) == ("chat", "yes")
            websocket.send_json([1])
            assert websocket.receive_json() == [1]
            websocket.send("bye")
            with pytest.raises(Closed):
                websocket.receive()
        with client.websocket("/", subprotocols=["chat"]) as websocket:
            websocket.close(4000)
        with client.websocket("/", subprotocols=["chat"]) as websocket:
            websocket.lose()
        with pytest.raises(Denied), client.websocket("/refuse"):
            pass
    assert ended[1:] == ["4000 ", "1006 ", "shutdown"]


def test_what_fails_in_a_block_is_what_the_test_sees() -> None:
    with SyncClient(app, lifespan="off") as client:
        with pytest.raises(ZeroDivisionError), client.stream("GET", "/ticks"):
            1 / 0
        with (
            pytest.raises(ZeroDivisionError),
            client.websocket("/", subprotocols=["chat"]),
        ):
            1 / 0
