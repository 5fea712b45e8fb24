"""The validator as middleware, also under a client that judges nothing."""

from typing import Any

import pytest

from penstock.testing import Client, ContractBroken, Fault, Validated
from penstock.testing.scopes import http_scope
from tests.testing.apps import app, respond
from tests.testing.conftest import Run


def test_a_good_application_passes(run: Run) -> None:
    async def test() -> None:
        async with Client(Validated(app), strict=False) as client:
            assert (await client.get("/show")).status == 200
            async with client.stream("GET", "/ticks") as exchange:
                await exchange.head()
            async with client.websocket("/", subprotocols=["chat"]) as websocket:
                await websocket.send("x")

    run(test())


def test_a_fault_is_raised_where_it_is(run: Run) -> None:
    async def test() -> None:
        with pytest.raises(ContractBroken, match="HTTP-RESP-02") as raised:
            await Client(Validated(app), strict=False).get("/wrong")
        assert any(entry.name == "wrong" for entry in raised.traceback)

    run(test())


def test_a_fault_that_is_caught_is_raised_at_the_end(run: Run) -> None:
    async def catching(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        with pytest.raises(ContractBroken):
            await send({"type": "http.response.start"})
        await respond(send)

    async def test() -> None:
        with pytest.raises(ContractBroken, match="HTTP-RESP-02"):
            await Client(Validated(catching), strict=False, lifespan="off").get("/")

    run(test())


def test_faults_can_be_collected_instead(run: Run) -> None:
    async def careless(scope: Any, receive: Any, send: Any) -> str:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"A", b"1")]})
        await send({"type": "http.response.body"})
        await send({"type": "http.response.body"})
        return "x"

    found: list[Fault] = []

    async def test() -> None:
        response = await Client(Validated(careless, found.append), strict=False).get("/")
        assert response.status == 200

    run(test())
    assert [fault.rule for fault in found] == ["HTTP-RESP-04", "HTTP-RESP-31", "APP-19"]


def test_a_server_that_is_wrong_is_told(run: Run) -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": "x"}

    async def send(message: Any) -> None:
        pass

    async def reading(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    async def test(scope: Any) -> None:
        await Validated(reading)(scope, receive, send)

    with pytest.raises(ContractBroken, match=r"HTTP-REQ-02 \(must, server\)"):
        run(test(http_scope()))
    with pytest.raises(ContractBroken, match=r"HTTP-SCOPE-04 \(must, server\)"):
        run(test(http_scope() | {"method": "get"}))
