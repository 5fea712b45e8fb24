"""asgiref's rules for single and double callables."""

import functools
from typing import Any

import pytest

from penstock.bridge.compatibility import (
    double_to_single_callable,
    guarantee_single_callable,
    is_double_callable,
)
from penstock.bridge.sync import markcoroutinefunction
from tests.bridge.calls import run


async def single(scope: Any, receive: Any, send: Any) -> None: ...


def double(scope: Any) -> Any: ...


class Both:
    def __init__(self, *scope: Any) -> None: ...

    async def __call__(self, receive: Any, send: Any) -> None: ...

    async def method(self, scope: Any, receive: Any, send: Any) -> None: ...


def marked(function: Any, *names: str) -> Any:
    for name in names:
        setattr(function, name, True)
    return function


def fresh(asynchronous: bool) -> Any:
    async def one(*args: Any) -> None: ...

    def two(*args: Any) -> Any: ...

    return one if asynchronous else two


@pytest.mark.parametrize(
    "application, expected",
    [
        pytest.param(marked(fresh(False), "_asgi_single_callable"), False, id="comp_03"),
        pytest.param(marked(fresh(True), "_asgi_double_callable"), True, id="comp_04"),
        pytest.param(
            marked(fresh(False), "_asgi_single_callable", "_asgi_double_callable"), False, id="both"
        ),
        pytest.param(Both, True, id="compat_05"),
        pytest.param(Both(), False, id="compat_06"),
        pytest.param(single, False, id="compat_07"),
        pytest.param(functools.partial(single), False, id="partial"),
        pytest.param(Both().method, False, id="bound"),
        pytest.param(double, True, id="plain"),
        pytest.param(lambda s, r, w: single(s, r, w), True, id="compat_08"),
        pytest.param(markcoroutinefunction(fresh(False)), False, id="compat_09"),
    ],
)
def test_compat_03_to_09_the_rules_in_their_order(application: Any, expected: bool) -> None:
    assert is_double_callable(application) is expected


@pytest.mark.parametrize("where", ["__init__", "__call__", "nowhere"])
def test_compat_10_what_either_call_raises_or_returns_comes_out(where: str) -> None:
    class Application:
        def __init__(self, scope: Any) -> None:
            if where == "__init__":
                raise KeyError(where)

        async def __call__(self, receive: Any, send: Any) -> Any:
            if where == "__call__":
                raise KeyError(where)
            return receive, send

    called: Any = double_to_single_callable(Application)  # type: ignore[arg-type]
    if where == "nowhere":
        assert run(called({}, 1, 2)) == (1, 2)
    else:
        with pytest.raises(KeyError, match=where):
            run(called({}, 1, 2))


def test_compat_11_single_ones_stay_and_double_ones_become_single() -> None:
    assert guarantee_single_callable(single) is single
    assert not is_double_callable(guarantee_single_callable(double))
