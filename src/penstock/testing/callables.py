"""ASGI 2 applications beside ASGI 3 ones, told apart as asgiref does (COMPAT-03 to COMPAT-11)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


def single(app: Any) -> Callable[..., Any]:
    """`app` as a callable of (scope, receive, send): itself, unless it is one of (scope).

    A plain function is taken for an ASGI 2 application only if it cannot be called with three arguments.
    Raises TypeError for what cannot be called.
    """
    if not callable(app):
        raise TypeError(f"an application is callable; {app!r} is not")
    found: Callable[..., Any] = app
    if getattr(app, "_asgi_single_callable", False):
        return found
    if getattr(app, "_asgi_double_callable", False) or _takes_a_scope(app):

        async def called_twice(scope: Any, receive: Any, send: Any) -> Any:
            return await app(scope)(receive, send)

        return called_twice
    return found


def _takes_a_scope(app: Any) -> bool:
    inner = app
    while isinstance(inner, functools.partial):
        inner = inner.func
    if inspect.isclass(inner):
        return not hasattr(inner, "__await__")
    called = inner if inspect.isroutine(inner) else type(inner).__call__
    if inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(called):
        return False
    try:
        inspect.signature(app).bind(None, None, None)
    except TypeError:
        return True
    except ValueError:  # no signature can be had, as of what is written in C
        return False
    return False
