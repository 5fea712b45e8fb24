"""WebSockets in the test's process."""

import pytest

from penstock.testing import Client, Closed, Denied
from tests.testing.apps import app, ended
from tests.testing.conftest import Run


def test_messages_go_both_ways(run: Run) -> None:
    async def test() -> None:
        async with Client(app).websocket("/", subprotocols=["chat"]) as websocket:
            assert websocket.subprotocol == "chat"
            assert websocket.headers.get("x-accepted") == "yes"
            await websocket.send("text")
            await websocket.send(b"bytes")
            await websocket.send_json({"a": 1})
            assert [await websocket.receive(), await websocket.receive()] == ["text", b"bytes"]
            assert await websocket.receive_json() == {"a": 1}

    run(test())
    assert ended == ["1000 "]


def test_either_side_closes(run: Run) -> None:
    async def test() -> None:
        client = Client(app)
        async with client.websocket("/", subprotocols=["chat"]) as websocket:
            await websocket.close(3001, "enough")
        async with client.websocket("/", subprotocols=["chat"]) as websocket:
            await websocket.lose()
        async with client.websocket("/", subprotocols=["chat"]) as websocket:
            await websocket.send("bye")
            with pytest.raises(Closed, match="4001 as you wish"):
                await websocket.receive()

    run(test())
    assert ended == ["3001 enough", "1006 "]


def test_a_refusal_has_its_response(run: Run) -> None:
    async def test() -> None:
        client = Client(app)
        with pytest.raises(Denied) as refused:
            async with client.websocket("/refuse"):
                pass
        assert refused.value.response.status == 403
        with pytest.raises(Denied) as refused:
            async with client.websocket("/deny"):
                pass
        response = refused.value.response
        assert (response.status, response.body) == (401, b"who are you?")
        with pytest.raises(LookupError):
            async with client.websocket("/broken"):
                pass

    run(test())


def test_a_message_that_does_not_come_is_told(run: Run) -> None:
    async def test() -> None:
        client = Client(app, timeout=0.02)
        async with client.websocket("/", subprotocols=["chat"]) as websocket:
            with pytest.raises(TimeoutError, match="did not send a message"):
                await websocket.receive()

    run(test())
