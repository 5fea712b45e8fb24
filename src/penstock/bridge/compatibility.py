"""ASGI 2 and ASGI 3 applications told apart, and one made of the other: asgiref's
`asgiref.compatibility`, under the same names and by its rules (COMPAT-03 to COMPAT-11).

The server itself looks closer (`gateway.detect`): it knows WSGI too, and can say what it has seen.
"""

import inspect
from typing import Any

from penstock.asgi import ASGI3Application
from penstock.bridge.to_async import iscoroutinefunction
from penstock.gateway.asgi2 import single_callable


def is_double_callable(application: Any) -> bool:
    """Whether `application` is an ASGI 2 application, which is called twice."""
    if getattr(application, "_asgi_single_callable", False):
        return False
    if getattr(application, "_asgi_double_callable", False):
        return True
    if inspect.isclass(application):
        return True
    call = getattr(application, "__call__", None)  # noqa: B004
    if call is not None and iscoroutinefunction(call):
        return False
    return not iscoroutinefunction(application)


def double_to_single_callable(application: Any) -> ASGI3Application:
    """An ASGI 3 application that serves the ASGI 2 application `application` (COMPAT-10)."""
    return single_callable(application)


def guarantee_single_callable(application: Any) -> ASGI3Application:
    """`application` itself if it is called once, else what `double_to_single_callable` makes of it
    (COMPAT-11)."""
    if is_double_callable(application):
        return double_to_single_callable(application)
    single: ASGI3Application = application
    return single
