"""The transport for httpx."""

import httpx
import pytest

from penstock.testing import ContractBroken, Transport
from tests.testing.apps import app, ended
from tests.testing.conftest import Run


def client(**options: object) -> httpx.AsyncClient:
    transport = Transport(app, state={"greeting": "hello"}, **options)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


def test_requests_and_responses_pass(run: Run) -> None:
    async def test() -> None:
        async with client() as http:
            assert (await http.get("/show", params={"a": "b c"})).text == "GET a=b+c hello unset"
            assert (await http.post("/echo", json={"a": 1})).json() == {"a": 1}
            info = (await http.get("/all")).extensions["http.response.debug"]
            assert info == {"template": "x.html"}

    run(test())


@pytest.mark.leaves_tasks("httpx's generators, left in the middle, are closed later")
def test_a_response_streams_and_closing_it_is_a_disconnect(run: Run) -> None:
    async def test() -> None:
        async with client() as http, http.stream("GET", "/ticks") as response:
            parts = response.aiter_raw()
            assert await anext(parts) == b"tick 0"
            assert ended == []
        assert ended in (["Disconnected"], ["saw the disconnect"])

    run(test())


def test_errors_are_httpxs_or_the_applications(run: Run) -> None:
    async def test() -> None:
        async with client() as http:
            with pytest.raises(LookupError):
                await http.get("/broken")
            with pytest.raises(LookupError):
                await http.get("/late")
            with pytest.raises(ContractBroken):
                await http.get("/wrong")
            with pytest.raises(httpx.ReadTimeout):
                await http.get("/silent", timeout=0.02)
        async with client(raise_app_exceptions=False) as http:
            assert (await http.get("/broken")).status_code == 500

    run(test())
