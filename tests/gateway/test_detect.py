"""ASGI 3, ASGI 2 and WSGI are told apart by looking (COMPAT-03 to COMPAT-09, APP-15, AMB-S30)."""

import asyncio
import functools
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from penstock.gateway.detect import ASGI2, ASGI3, WSGI, detect, is_async


def wsgi(environ: Any, start_response: Any) -> Any: ...
async def asgi3(scope: Any, receive: Any, send: Any) -> None: ...
async def asgi3_other_names(a: Any, b: Any, c: Any) -> None: ...
async def asgi3_extra(scope: Any, receive: Any, send: Any, extra: int = 1) -> None: ...
def asgi2(scope: Any) -> Any: ...
def wsgi_env(env: Any, start_resp: Any) -> Any: ...
def wsgi_extra(environ: Any, start_response: Any, exc_info: Any = None) -> Any: ...
def returns_coroutine(scope: Any, receive: Any, send: Any) -> Any: ...
def hybrid(scope: Any, receive: Any = None, send: Any = None) -> Any: ...
def takes_two(a: Any, b: Any) -> Any: ...
def generator(environ: Any, start_response: Any) -> Iterator[bytes]:
    yield b""


class Double:
    def __init__(self, scope: Any) -> None: ...
    async def __call__(self, receive: Any, send: Any) -> None: ...


class DoubleNoInit:
    async def __call__(self, receive: Any, send: Any) -> None: ...


class SyncDouble:
    def __init__(self, scope: Any) -> None: ...
    def __call__(self, receive: Any, send: Any) -> Any: ...


class Endpoint:
    """Starlette's HTTPEndpoint has this form."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None: ...
    def __await__(self) -> Iterator[None]:
        yield


class WsgiClass:
    """PEP 3333 has this example."""

    def __init__(self, environ: Any, start_response: Any) -> None: ...
    def __iter__(self) -> Iterator[bytes]:
        yield b""


class Three:
    def __init__(self, debug: bool = False) -> None: ...
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...
    async def method(self, scope: Any, receive: Any, send: Any) -> None: ...
    def wsgi(self, environ: Any, start_response: Any) -> Any: ...
    def double(self, scope: Any) -> Any: ...
    @classmethod
    async def of_class(cls, scope: Any, receive: Any, send: Any) -> None: ...
    @staticmethod
    async def static(scope: Any, receive: Any, send: Any) -> None: ...


class Wsgi:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...


class Middleware:
    def __init__(self, app: Any) -> None: ...
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*arguments: Any, **keywords: Any) -> Any: ...

    return wrapper


def async_decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper(scope: Any, receive: Any, send: Any) -> None: ...

    return wrapper


class Decorated:
    @decorated
    async def method(self, scope: Any, receive: Any, send: Any) -> None: ...
    @decorated
    def wsgi(self, environ: Any, start_response: Any) -> Any: ...


class DecoratedCall:
    @decorated
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


def marked(function: Any, **marks: bool) -> Any:
    for name, value in marks.items():
        setattr(function, name, value)
    return function


async def _async_marked_double(scope: Any, receive: Any, send: Any) -> None: ...
async def _async_marked_both(scope: Any, receive: Any, send: Any) -> None: ...


CASES: dict[str, tuple[Any, str]] = {
    "a coroutine function (COMPAT-07)": (asgi3, ASGI3),
    "with other names (APP-04)": (asgi3_other_names, ASGI3),
    "with a default beyond the three": (asgi3_extra, ASGI3),
    "an instance with async __call__ (COMPAT-06)": (Three(), ASGI3),
    "a bound async method (COMPAT-07)": (Three().method, ASGI3),
    "an async classmethod": (Three.of_class, ASGI3),
    "an async staticmethod": (Three.static, ASGI3),
    "a partial of a coroutine function (COMPAT-07)": (
        functools.partial(asgi3_extra, extra=2),
        ASGI3,
    ),
    "a partial of an instance": (functools.partial(Three()), ASGI3),
    "a partial of a partial": (functools.partial(functools.partial(Three().method)), ASGI3),
    "a partial that fixes an argument": (functools.partial(lambda x, s, r, w: None, 1), ASGI3),
    "a plain function of three (AMB-S30)": (returns_coroutine, ASGI3),
    "a lambda of three": (lambda s, r, w: asgi3(s, r, w), ASGI3),
    "a function that serves ASGI 2 and 3": (hybrid, ASGI3),
    "a class that is awaited (Starlette's endpoints)": (Endpoint, ASGI3),
    "a decorated coroutine function": (decorated(asgi3), ASGI3),
    "decorated twice": (decorated(decorated(asgi3)), ASGI3),
    "a decorated instance": (decorated(Three()), ASGI3),
    "a decorated bound method": (decorated(Three().method), ASGI3),
    "a bound method that is decorated": (Decorated().method, ASGI3),
    "an instance whose __call__ is decorated": (DecoratedCall(), ASGI3),
    "an async wrapper of WSGI": (async_decorated(wsgi), ASGI3),
    "marked single (COMPAT-03)": (marked(lambda *a: None, _asgi_single_callable=True), ASGI3),
    "marked both ways (COMPAT-04)": (
        marked(_async_marked_both, _asgi_single_callable=True, _asgi_double_callable=True),
        ASGI3,
    ),
    "marked double (COMPAT-04)": (marked(_async_marked_double, _asgi_double_callable=True), ASGI2),
    "a function of a scope (COMPAT-01)": (asgi2, ASGI2),
    "a bound method of a scope": (Three().double, ASGI2),
    "a class of a scope (COMPAT-05)": (Double, ASGI2),
    "a class with async __call__ only (COMPAT-05)": (DoubleNoInit, ASGI2),
    "a class with plain __call__": (SyncDouble, ASGI2),
    "a partial of such a class": (functools.partial(Double), ASGI2),
    "a decorated function of a scope": (decorated(asgi2), ASGI2),
    "a WSGI function": (wsgi, WSGI),
    "WSGI under other names": (wsgi_env, WSGI),
    "WSGI with a default beyond the two": (wsgi_extra, WSGI),
    "any function of two": (takes_two, WSGI),
    "a WSGI generator": (generator, WSGI),
    "a WSGI instance": (Wsgi(), WSGI),
    "a WSGI method": (Three().wsgi, WSGI),
    "a WSGI class (PEP 3333)": (WsgiClass, WSGI),
    "a partial of WSGI": (functools.partial(wsgi_extra, exc_info=1), WSGI),
    "decorated WSGI": (decorated(wsgi), WSGI),
    "a decorated WSGI method": (Decorated().wsgi, WSGI),
}


@pytest.mark.parametrize("application, interface", CASES.values(), ids=CASES)
def test_the_interface_is_seen(application: Any, interface: str) -> None:
    assert detect(application).interface == interface


def no_arguments() -> Any: ...
async def async_factory() -> Any: ...
async def async_two(environ: Any, start_response: Any) -> None: ...
def one_argument(settings: Any) -> Any: ...
def keywords_only(environ: Any, start_response: Any, *, debug: Any) -> Any: ...
def anything(*arguments: Any) -> Any: ...
def four(a: Any, b: Any, c: Any, d: Any) -> Any: ...
def one_at_a_time(request: Any) -> Iterator[int]:
    yield 1


async def _coroutine() -> None: ...


@pytest.mark.parametrize(
    "application, seen, advice",
    [
        (no_arguments, "a factory?", "--factory"),
        (async_factory, "an async factory?", "cannot be async"),
        (async_two, "async, takes environ, start_response", "scope, receive, send"),
        (one_argument, "takes settings", ""),
        (keywords_only, "and the keywords debug", ""),
        (anything, "takes any arguments", ""),
        (four, "takes a, b, c, d", ""),
        (one_at_a_time, "a generator function that takes request", ""),
        (Three, "the class Three, whose instances are ASGI 3", "Three() in place of Three"),
        (Middleware, "the class Middleware, whose instances are ASGI 3", "app = Middleware(...)"),
        (Wsgi, "the class Wsgi, whose instances are WSGI", "Wsgi() in place of Wsgi"),
        (dict, "the class dict", "an instance"),
        ({}, "a dict, which cannot be called", ""),
        (None, "a NoneType, which cannot be called", ""),
        (sys, "a module", "module:app"),
    ],
)
def test_what_cannot_be_told_is_described(application: Any, seen: str, advice: str) -> None:
    verdict = detect(application)
    assert verdict.interface is None
    assert seen in verdict.seen
    assert advice in verdict.advice


def test_a_coroutine_is_not_the_function_that_made_it() -> None:
    coroutine = _coroutine()
    assert detect(coroutine).seen == "a coroutine"
    coroutine.close()


@pytest.mark.parametrize("application", [asgi3_other_names, takes_two, lambda s, r, w: None])
def test_without_the_usual_names_it_is_no_certainty(application: Any) -> None:
    """A helper with three arguments is not the module's application unless the user names it."""
    assert not detect(application).certain


def test_coroutine_functions_marked_by_asyncio_are_seen() -> None:
    """COMPAT-09: the only mark on Python 3.11, and that of compiled coroutine functions."""

    def function(scope: Any, receive: Any, send: Any) -> None: ...

    mark = getattr(asyncio.coroutines, "_is_coroutine", None)
    if mark is None:
        pytest.skip("this Python's asyncio has no mark of its own")
    assert not is_async(function)
    function._is_coroutine = mark  # type: ignore[attr-defined]
    assert is_async(function)


def test_coroutine_functions_marked_by_inspect_are_seen() -> None:
    """COMPAT-09: also on instances."""
    mark = getattr(__import__("inspect"), "markcoroutinefunction", None)
    if mark is None:
        pytest.skip("this Python has no markcoroutinefunction")
    instance = Wsgi()
    mark(instance)
    assert detect(mark(lambda *arguments: None)).interface == ASGI3
    assert is_async(instance)


def test_a_partial_of_an_asynchronous_instance_is_asynchronous() -> None:
    """COMPAT-06 and COMPAT-07: partials are seen through, down to the instance's __call__."""
    assert is_async(functools.partial(functools.partial(Three())))
    assert not is_async(functools.partial(Wsgi()))


def test_nothing_of_the_application_is_called() -> None:
    class Strict(types.SimpleNamespace):
        def __call__(self, environ: Any, start_response: Any) -> Any:
            raise AssertionError

    assert detect(Strict()).interface == WSGI
