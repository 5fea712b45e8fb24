"""Tell ASGI 3, ASGI 2 and WSGI apart by looking at an application, without calling it.

Rules, in this order (COMPAT-03 to COMPAT-09 are asgiref's):

1. asgiref's marks decide: `_asgi_single_callable`, else `_asgi_double_callable`.
2. A class: its instance is the application. Constructed from a scope: ASGI 2. From
   scope, receive, send and awaitable: ASGI 3. From environ, start_response: WSGI.
3. A coroutine function, or an object whose `__call__` is one: ASGI 3. Partials, bound methods and
   `markcoroutinefunction` are seen through.
4. Anything else is called plainly, so what it takes decides: three arguments ASGI 3 (it returns an
   awaitable; asgiref would say ASGI 2, which could never be called: COMPAT-08), two WSGI, one ASGI 2.
5. A wrapper that takes anything (`*args`) is what it wraps (`__wrapped__`).

What remains is not guessed: the verdict is None, with a sentence about what was seen.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

ASGI3 = "asgi3"
ASGI2 = "asgi2"
WSGI = "wsgi"
LABELS = {ASGI3: "ASGI 3", ASGI2: "ASGI 2", WSGI: "WSGI"}

# PEP 3333 calls its arguments environ and start_response, real code also says so:
_WSGI_FIRST = frozenset({"environ", "env", "wsgi_environ", "wsgi_env"})
_WSGI_SECOND = frozenset({"start_response", "start_resp", "start"})
_SCOPE = frozenset({"scope", "asgi_scope", "connection_scope"})


class Verdict(NamedTuple):
    """What an object is: `interface` or None, what was `seen`, and what to do if it is None.

    `certain` is true if also the names say so: needed before an object that the user did not name
    is taken for the application.
    """

    interface: str | None
    seen: str
    advice: str = ""
    certain: bool = True


def detect(application: object) -> Verdict:
    """Return the verdict on `application`; nothing of it is called."""
    if getattr(application, "_asgi_single_callable", False):
        return Verdict(ASGI3, "marked as a single callable")
    if getattr(application, "_asgi_double_callable", False):
        return Verdict(ASGI2, "marked as a double callable")
    if inspect.iscoroutine(application):
        return Verdict(None, "a coroutine", "name the async function itself, do not call it")
    if inspect.ismodule(application):
        return Verdict(None, "a module", "name the application in it, as in module:app")
    if not callable(application):
        return Verdict(None, f"a {_type_name(application)}, which cannot be called")
    if inspect.isclass(_unwrap_partial(application)):
        return _detect_class(application)
    if is_async(application):
        return _detect_async(application)
    return _detect_plain(application)


def is_async(function: object) -> bool:
    """Whether calling `function` gives a coroutine (COMPAT-06, COMPAT-07, COMPAT-09)."""
    function = _unwrap_partial(function)
    if _is_coroutine_function(function):
        return True
    if inspect.isclass(function) or inspect.isroutine(function):
        return False
    return _is_coroutine_function(_unwrap_partial(getattr(function, "__call__", None)))  # noqa: B004


def _is_coroutine_function(function: object) -> bool:
    if inspect.iscoroutinefunction(function):
        return True
    # asyncio's own mark: asgiref before 3.12, and compiled coroutine functions of Cython, have only
    # that. It can be there only if asyncio was imported, so this room need not import it.
    coroutines = sys.modules.get("asyncio.coroutines")
    mark = getattr(coroutines, "_is_coroutine", None)
    return mark is not None and getattr(function, "_is_coroutine", None) is mark


def _unwrap_partial(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


class _Arguments(NamedTuple):
    """How many positional arguments can be given, and how the first ones are called."""

    least: int
    most: int  # _ANY for *args
    names: tuple[str, ...]
    keyword_only: tuple[str, ...]  # without default

    def fits(self, count: int) -> bool:
        return not self.keyword_only and self.least <= count <= self.most

    def __str__(self) -> str:
        shown = ", ".join(self.names) if self.names else "nothing"
        return f"{shown}, *args" if self.most == _ANY and self.names else shown


_ANY = 255


def _arguments(function: Callable[..., Any]) -> _Arguments | None:
    """The positional arguments of `function`; what it wraps counts where it takes anything itself."""
    own = _signature(function, follow=False)
    if own is not None and not (own.most == _ANY and own.least == 0):
        return own
    if _wrapped(function) is None:
        return own
    return _signature(function, follow=True) or own


def _signature(function: Callable[..., Any], *, follow: bool) -> _Arguments | None:
    try:
        signature = inspect.signature(function, follow_wrapped=follow)
    except (TypeError, ValueError):
        return None  # builtins and some compiled callables have none
    least = most = 0
    names: list[str] = []
    needed: list[str] = []
    for parameter in signature.parameters.values():
        empty = parameter.default is parameter.empty
        if parameter.kind in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD}:
            least += empty
            most += 1
            names.append(parameter.name)
        elif parameter.kind is parameter.VAR_POSITIONAL:
            most = _ANY
        elif parameter.kind is parameter.KEYWORD_ONLY and empty:
            needed.append(parameter.name)
    return _Arguments(least, most, tuple(names), tuple(needed))


def _wrapped(function: Any) -> Any:
    wrapped = getattr(function, "__wrapped__", None)
    if wrapped is None and not inspect.isroutine(function):
        wrapped = getattr(getattr(function, "__call__", None), "__wrapped__", None)  # noqa: B004
    return wrapped


def _detect_class(application: Any) -> Verdict:
    bare = _unwrap_partial(application)
    name = bare.__name__
    arguments = _signature(application, follow=True)
    method = (
        None if bare.__call__ is type.__call__ else inspect.getattr_static(bare, "__call__", None)
    )
    asynchronous = method is not None and _is_coroutine_function(method)
    taken = _signature(method, follow=True) if inspect.isfunction(method) else None
    if arguments is not None:
        if arguments.fits(3) and hasattr(bare, "__await__"):
            return Verdict(ASGI3, f"a class that is made from {arguments} and awaited")
        if arguments.least == 2 and hasattr(bare, "__iter__"):
            return Verdict(WSGI, f"a class that is made from {arguments} and iterated over")
        if asynchronous and taken is not None and taken.least == 4:
            return Verdict(
                None,
                f"the class {name}, whose instances are ASGI 3 applications",
                f"name an instance of it: app = {name}({'...' if arguments.least else ''}),"
                f" or {name}() in place of {name}",
            )
        if (
            taken is not None
            and not asynchronous
            and taken.least == 3
            and _wsgi_names(taken.names[1:])
        ):
            return Verdict(
                None,
                f"the class {name}, whose instances are WSGI applications",
                f"name an instance of it, {name}() in place of {name}",
            )
    named = arguments is not None and _double_names(arguments)
    if asynchronous or named:
        return Verdict(ASGI2, "a class whose instances are awaited", certain=named)
    takes = f"takes {arguments}" if arguments is not None else "shows no signature"
    return Verdict(
        None,
        f"the class {name}, which {takes}",
        f"if its instances are applications, name an instance: app = {name}(...)",
    )


def _detect_async(application: Any) -> Verdict:
    arguments = _arguments(application)
    if arguments is None:
        return Verdict(ASGI3, "async", certain=not inspect.isroutine(application))
    if arguments.fits(3):
        named = bool(_SCOPE.intersection(arguments.names[:1])) or "receive" in arguments.names
        certain = named or not inspect.isroutine(application)
        return Verdict(ASGI3, f"async, takes {_listed(arguments)}", certain=certain)
    if arguments.fits(0):
        return Verdict(
            None,
            "an async function that takes nothing: an async factory?",
            "a factory cannot be async: return the application from a plain function, and do what must"
            " be awaited in its lifespan startup",
        )
    return Verdict(
        None,
        f"async, takes {_listed(arguments)}",
        "an ASGI 3 application takes three positional arguments: scope, receive, send",
    )


def _detect_plain(application: Any) -> Verdict:
    wrapped = _wrapped(application)
    own = _signature(application, follow=False)
    if wrapped is not None and (own is None or (own.most == _ANY and own.least == 0)):
        inner = detect(wrapped) if not inspect.ismethod(application) else _detect_bound(application)
        if inner.interface is not None:
            return inner._replace(seen=f"a wrapper of what is {inner.seen}")
    if inspect.isgeneratorfunction(application) and own is not None and not own.fits(2):
        return Verdict(None, f"a generator function that takes {_listed(own)}")
    arguments = _arguments(application)
    if arguments is None:
        return Verdict(None, "a callable whose arguments cannot be seen")
    return _by_arguments(arguments)


def _detect_bound(method: Any) -> Verdict:
    """A bound method made by a wrapper: what is wrapped still takes `self`."""
    return detect(functools.partial(method.__wrapped__, method.__self__))


def _by_arguments(arguments: _Arguments) -> Verdict:
    names = arguments.names
    seen = f"takes {_listed(arguments)}"
    if arguments.fits(2) and _wsgi_names(names):
        return Verdict(WSGI, seen)
    if arguments.fits(3) and (arguments.least == 3 or names[1:3] == ("receive", "send")):
        named = names[:1] != () and names[0] in _SCOPE
        return Verdict(ASGI3, f"{seen}, so it returns an awaitable", certain=named)
    if arguments.least == 2 and arguments.fits(2):
        return Verdict(WSGI, seen, certain=False)
    if arguments.fits(1) and _double_names(arguments):
        return Verdict(ASGI2, seen)
    if arguments.fits(0) and arguments.most != _ANY:
        return Verdict(
            None,
            "a function that can be called with nothing: a factory?",
            "if it returns the application, add --factory or write module:function()",
        )
    return Verdict(None, seen)


def _wsgi_names(names: tuple[str, ...]) -> bool:
    return len(names) >= 2 and (
        names[0].lstrip("_") in _WSGI_FIRST or names[1].lstrip("_") in _WSGI_SECOND
    )


def _double_names(arguments: _Arguments) -> bool:
    return (
        arguments.fits(1) and arguments.names[:1] != () and arguments.names[0].lstrip("_") in _SCOPE
    )


def _listed(arguments: _Arguments) -> str:
    if arguments.keyword_only:
        return f"{arguments} and the keywords {', '.join(arguments.keyword_only)}"
    if arguments.most == _ANY and not arguments.names:
        return "any arguments"
    return str(arguments)


def _type_name(value: object) -> str:
    return type(value).__qualname__
