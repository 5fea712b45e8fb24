"""One call or two (COMPAT-03 to COMPAT-11)."""

import asyncio
import functools
from typing import Any

import pytest

from penstock.testing.callables import single


async def modern(scope: Any, receive: Any, send: Any) -> str:
    return "single"


def plain(scope: Any, receive: Any, send: Any) -> Any:
    return modern(scope, receive, send)


class Instance:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> str:
        return "single"


def double(scope: Any) -> Any:
    async def instance(receive: Any, send: Any) -> str:
        return "double"

    return instance


class DoubleClass:
    def __init__(self, scope: Any) -> None:
        pass

    async def __call__(self, receive: Any, send: Any) -> str:
        return "double"


@pytest.mark.parametrize(
    "app", [modern, plain, Instance(), functools.partial(modern), Instance().__call__]
)
def test_an_application_of_one_call_stays_itself(app: Any) -> None:
    assert single(app) is app
    assert asyncio.run(single(app)({}, None, None)) == "single"


@pytest.mark.parametrize("app", [double, DoubleClass, functools.partial(DoubleClass)])
def test_an_application_of_two_calls_is_called_twice(app: Any) -> None:
    assert asyncio.run(single(app)({}, None, None)) == "double"


def test_marks_decide_first() -> None:
    def marked(scope: Any, receive: Any = None, send: Any = None) -> Any:
        return double(scope)

    marked._asgi_double_callable = True  # type: ignore[attr-defined]
    assert asyncio.run(single(marked)({}, None, None)) == "double"
    marked._asgi_single_callable = True  # type: ignore[attr-defined]
    assert single(marked) is marked


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match="an application is callable"):
        single("main:app")
