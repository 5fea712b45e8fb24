"""ASGI 2 applications behind the single call of ASGI 3."""

import asyncio
from typing import Any

import pytest

from penstock.gateway.asgi2 import single_callable
from penstock.gateway.detect import ASGI3, detect


async def receive() -> dict[str, Any]:
    return {"type": "http.request"}


async def send(message: Any) -> None:
    SENT.append(message)


SENT: list[Any] = []


class Legacy:
    def __init__(self, scope: Any) -> None:
        self.scope = scope

    async def __call__(self, receive: Any, send: Any) -> Any:
        await send((self.scope, await receive()))
        return "returned"


def test_both_calls_are_made_and_the_value_comes_back() -> None:
    """COMPAT-10: instance = app(scope), then await instance(receive, send)."""
    SENT.clear()
    assert asyncio.run(single_callable(Legacy)({"type": "http"}, receive, send)) == "returned"  # type: ignore[func-returns-value]
    assert SENT == [({"type": "http"}, {"type": "http.request"})]


def test_the_first_call_is_made_before_anything_is_awaited() -> None:
    """COMPAT-02: no event of the client is needed for it."""
    called = []

    def application(scope: Any) -> Any:
        called.append(scope)
        return Legacy(scope)

    coroutine = single_callable(application)({"type": "http"}, never, send)
    with pytest.raises(KeyError):
        coroutine.send(None)  # type: ignore[attr-defined]
    assert called == [{"type": "http"}]


async def never() -> Any:
    raise KeyError


def failing_first(scope: Any) -> Any:
    raise ZeroDivisionError


def failing_second(scope: Any) -> Any:
    async def instance(receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    return instance


@pytest.mark.parametrize("application", [failing_first, failing_second])
def test_errors_of_either_call_come_out_of_the_awaited_one(application: Any) -> None:
    """COMPAT-10."""
    awaited = single_callable(application)({}, receive, send)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(awaited)  # type: ignore[arg-type]


def test_what_is_wrapped_is_a_single_callable_for_everyone() -> None:
    """COMPAT-11."""
    assert detect(single_callable(Legacy)).interface == ASGI3
