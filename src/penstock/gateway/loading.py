"""Find the application, tell which interface it speaks, and explain what is wrong with it.

Without an attribute `app`, then `application`, then the module's only application are taken.
"""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any, NamedTuple

from penstock.config.nearest import nearest
from penstock.errors import ImportFailed, UsageError
from penstock.gateway.asgi2 import single_callable
from penstock.gateway.detect import ASGI2, ASGI3, LABELS, WSGI, Verdict, detect, is_async
from penstock.gateway.importing import Named, import_named, listed, parse, trim

CONVENTIONAL = ("app", "application")
FACTORIES = ("create_app", "make_app", "create_application", "make_application", "get_app")


class Loaded(NamedTuple):
    """An application that is ready to be called.

    `app` is an ASGI 3 application for `asgi3` and, already wrapped, for `asgi2`; for `wsgi` it is
    the WSGI callable. `interface` is what the user wrote the application for; `name` is how
    messages call it, as in `main:app`.
    """

    app: Any
    interface: str
    name: str


def load(
    spec: object, *, interface: str = "auto", factory: bool = False, app_dir: str = ""
) -> Loaded:
    """Return the application that `spec` names, or is.

    `interface` other than "auto" is believed unless it is impossible. With `factory` the named object
    is called with nothing and returns the application. `app_dir` ("": the current folder) is
    importable from now on. ImportFailed (exit 4) says what could not be imported or found, and has
    what the user's own code raised as its cause; UsageError (exit 2) what cannot be told, and the
    option that settles it.
    """
    if spec is None or spec == "":
        raise UsageError("there is no application to serve", "name it: penstock module:app")
    if isinstance(spec, str):
        named = parse(spec)
        module = import_named(named, app_dir)
        application, name = _find(module, named)
        if named.call is not None:
            application = _call(application, name, *named.call)
            name = f"{name}()"
    else:
        application, name = spec, _object_name(spec)
    if factory:
        application = _call(application, name, (), {})
        name = f"{name}()"
    return _judge(application, interface, name)


# ------------------------------------------------------------------------------------------- find


def _find(module: ModuleType, named: Named) -> tuple[Any, str]:
    """The object that is named, or that the module most plainly offers; and its name."""
    if not named.attribute:
        return _offered(module, named)
    value: Any = module
    path = ""
    for part in named.attribute.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            where = f"{module.__name__}:{path}" if path else module.__name__
            close = nearest(part, [name for name in dir(value) if not name.startswith("__")])
            tail = f"did you mean {close}?" if close else _inventory(module)
            raise ImportFailed(f"{where} has no attribute {part!r}", tail) from None
        path = f"{path}.{part}" if path else part
    return value, f"{module.__name__}:{path}"


def _offered(module: ModuleType, named: Named) -> tuple[Any, str]:
    for name in CONVENTIONAL:
        value = getattr(module, name, None)
        # A package may have a submodule called app
        if value is not None and not inspect.ismodule(value):
            return value, f"{module.__name__}:{name}"
    found = _applications(module)
    if len(found) == 1:
        name = next(iter(found))
        return getattr(module, name), f"{module.__name__}:{name}"
    if found:
        shown = listed([f"{name} ({LABELS[kind]})" for name, kind in found.items()])
        raise ImportFailed(
            f"{module.__name__} has several applications: {shown}",
            f"name one: {named.spec}:{next(iter(found))}",
        )
    for name in FACTORIES:
        if callable(getattr(module, name, None)):
            raise ImportFailed(
                f"{module.__name__} has no app or application, but the function {name}",
                f"if it makes the application, write {named.spec}:{name}()",
            )
    raise ImportFailed(
        f"{module.__name__} has no app, no application, and nothing that looks like one",
        _inventory(module),
    )


def _applications(module: ModuleType) -> dict[str, str]:
    """Public objects of `module` that are certainly applications: name → interface.

    Functions and classes must be the module's own: an imported one is a building block.
    """
    found: dict[str, str] = {}
    seen: set[int] = set()
    for name, value in vars(module).items():
        if name.startswith("_") or not callable(value) or id(value) in seen:
            continue
        try:
            built = inspect.isroutine(value) or inspect.isclass(value)
            if built and getattr(value, "__module__", None) != module.__name__:
                continue
            verdict = detect(value)
        except Exception:  # noqa: S112 - a proxy such as flask.request, which has nothing behind it yet
            continue
        if verdict.interface is not None and verdict.certain:
            found[name] = verdict.interface
            seen.add(id(value))
    return found


def _inventory(module: ModuleType) -> str:
    found = _applications(module)
    if found:
        return f"it has {listed([f'{name} ({LABELS[kind]})' for name, kind in found.items()])}"
    public = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    ]
    return f"it has {listed(public)}" if public else "it is empty"


# ------------------------------------------------------------------------------------------ judge


def _call(factory: Any, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The application that `factory` makes."""
    if not callable(factory):
        raise UsageError(
            f"{name} is a {type(factory).__qualname__}, which cannot be called as a factory",
            "remove --factory, or the brackets",
        )
    if is_async(factory):
        verdict = detect(factory)
        if verdict.interface is not None:
            raise UsageError(
                f"{name} is itself an {LABELS[verdict.interface]} application, no factory",
                "remove --factory, or the brackets",
            )
        raise UsageError(f"{name}: {verdict.seen}", verdict.advice)
    try:
        inspect.signature(factory).bind(*arguments, **keywords)
    except ValueError:
        pass  # no signature to be seen: the call will tell
    except TypeError as error:
        given = "without arguments" if not arguments and not keywords else "like this"
        verdict = detect(factory)
        own = (
            f"; it looks like the {LABELS[verdict.interface]} application itself"
            if (verdict.interface)
            else ""
        )
        raise UsageError(
            f"{name} cannot be called {given}: {error}{own}",
            "remove --factory, or the brackets"
            if own
            else "give plain values in brackets, as in module:create_app('production')",
        ) from None
    try:
        made = factory(*arguments, **keywords)
    except (Exception, SystemExit) as error:
        error.__traceback__ = trim(error)
        raise ImportFailed(f"{name} raised {type(error).__name__}: {error}") from error
    if inspect.iscoroutine(made):
        made.close()
        raise UsageError(
            f"{name} returned a coroutine: a factory cannot be async",
            "return the application from a plain function, and do what must be awaited in its lifespan"
            " startup",
        )
    if made is None:
        raise UsageError(f"{name} returned None, not an application", "does it lack its return?")
    return made


def _judge(application: Any, interface: str, name: str) -> Loaded:
    verdict = detect(application)
    if interface == "auto":
        if verdict.interface is None:
            advice = _advice(verdict, application).replace("module:function", name)
            raise UsageError(f"{name} is {_what(verdict)}", advice)
        interface = verdict.interface
    elif not callable(application):
        raise UsageError(f"{name} is {_what(verdict)}", verdict.advice)
    elif interface != ASGI3 and verdict.interface == ASGI3 and is_async(application):
        # A coroutine is neither what ASGI 2 awaits nor what WSGI iterates over: it can never work
        raise UsageError(
            f"{name} is no {LABELS[interface]} application: it is {_what(verdict)}",
            f"remove --interface {interface}",
        )
    if interface == ASGI2:
        return Loaded(single_callable(application), interface, name)
    return Loaded(application, interface, name)


def _what(verdict: Verdict) -> str:
    return (
        verdict.seen
        if verdict.seen.startswith(("a ", "an ", "the ", "async"))
        else (f"a callable that {verdict.seen}")
    )


def _advice(verdict: Verdict, application: object) -> str:
    if verdict.advice:
        return verdict.advice
    if not callable(application):
        return "name the application itself, as in module:app"
    return (
        "ASGI 3 takes scope, receive, send; ASGI 2 scope; WSGI environ, start_response: say which it"
        f" is with --interface {ASGI3}, {ASGI2} or {WSGI}"
    )


def _object_name(application: object) -> str:
    for holder in (application, type(application)):
        qualified = getattr(holder, "__qualname__", None)
        if isinstance(qualified, str):
            return f"{getattr(holder, '__module__', '') or '?'}:{qualified}"
    return repr(application)
