"""The client: lifespan, requests, and what becomes of errors."""

from typing import Any

import pytest

from penstock.testing import Client, ContractBroken
from tests.testing.apps import app, ended, mark
from tests.testing.conftest import Run


def test_a_block_is_a_lifespan_whose_state_requests_have(run: Run) -> None:
    async def test() -> None:
        async with Client(app) as client:
            assert (await client.get("/show?a=%20b")).text == "GET a=%20b hello unset"
            assert ended == []
        assert ended == ["shutdown"]

    run(test())


def test_each_request_has_a_copy_of_the_state_and_none_of_the_tests_variables(run: Run) -> None:
    async def test() -> None:
        mark.set("of the test")
        async with Client(app) as client:
            client.state["greeting"] = "later"
            assert (await client.get("/show")).text.endswith("later unset")

    run(test())


def test_without_lifespan_there_is_no_state(run: Run) -> None:
    async def test() -> None:
        async with Client(app, lifespan="off") as client:
            with pytest.raises(KeyError, match="state"):
                await client.get("/show")

    run(test())
    assert ended == []


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_every_method_has_its_name(method: str, run: Run) -> None:
    async def test() -> Any:
        async with Client(app) as client:
            return await getattr(client, method)("/show")

    assert run(test()).text.startswith(method.upper())


def test_bodies_are_bytes_json_or_a_form(run: Run) -> None:
    async def test() -> None:
        async with Client(app, headers={"X-All": "1"}) as client:
            plain = await client.post("/echo", body="grün")
            assert plain.text == "grün"
            assert plain.headers.get("x-all") == "1"
            assert (await client.post("/echo", json={"a": [1]})).json() == {"a": [1]}
            form = await client.post("/echo", form={"a": "b c"}, headers={"x": "1"})
            assert form.body == b"a=b+c"
            assert form.headers.named("content-type") == "application/x-www-form-urlencoded"
            assert form.headers.get_all("x-parts") == ["1", "2"]

    run(test())


def test_what_the_application_raises_the_client_raises_or_it_is_a_500(run: Run) -> None:
    async def test() -> None:
        with pytest.raises(LookupError, match="on purpose"):
            await Client(app).get("/broken")
        with pytest.raises(LookupError, match="on purpose"):
            await Client(app).get("/late")
        assert (await Client(app, raise_errors=False).get("/broken")).status == 500

    run(test())


def test_an_application_that_breaks_the_rules_is_told(run: Run) -> None:
    async def test() -> None:
        with pytest.raises(ContractBroken, match="HTTP-RESP-02"):
            await Client(app).get("/wrong")

    run(test())


def test_a_wait_ends(run: Run) -> None:
    async def test() -> None:
        with pytest.raises(TimeoutError, match=r"did not send a response in 0\.05 s"):
            await Client(app, timeout=0.05).get("/silent")

    run(test())


def test_the_scope_can_be_given_keys(run: Run) -> None:
    async def test() -> None:
        client = Client(app, scope={"state": {"greeting": "given"}})
        assert (await client.get("/show")).text == "GET  given unset"

    run(test())


def failing(*messages: dict[str, Any], error: type[Exception] | None = None) -> Any:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await receive()
            await send(message)
        if error is not None:
            raise error("on purpose")

    return application


def test_a_start_that_fails_is_an_error(run: Run) -> None:
    async def test(application: Any, mode: str = "auto") -> None:
        async with Client(application, lifespan=mode):
            pass

    failed = failing({"type": "lifespan.startup.failed", "message": "no database"})
    with pytest.raises(RuntimeError, match="no database"):
        run(test(failed))
    run(test(failing(error=LookupError)))
    with pytest.raises(LookupError):
        run(test(failing(error=LookupError), "on"))
    with pytest.raises(RuntimeError, match="has no lifespan"):
        run(test(failing(), "on"))
    with pytest.raises(ContractBroken, match="LIFE-19"):
        run(test(failing({"type": "lifespan.shutdown.complete"})))
    with pytest.raises(ValueError, match="lifespan is 'auto', 'on' or 'off'"):
        Client(app, lifespan="of")


def test_a_shutdown_that_fails_is_an_error(run: Run) -> None:
    complete = {"type": "lifespan.startup.complete"}

    async def test(application: Any) -> None:
        async with Client(application):
            pass

    with pytest.raises(RuntimeError, match="still busy"):
        run(test(failing(complete, {"type": "lifespan.shutdown.failed", "message": "still busy"})))
    with pytest.raises(LookupError):
        run(test(failing(complete, error=LookupError)))
