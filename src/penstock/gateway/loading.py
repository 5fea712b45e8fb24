"""Import the application, tell which interface it speaks, and explain what is wrong with it.

    APP = module [":" attribute] / file ".py" [":" attribute]
    attribute = name *("." name) ["(" literals ")"]

Without an attribute `app`, then `application`, then the module's only application are taken.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from types import ModuleType, TracebackType
from typing import Any, NamedTuple

from penstock.config.nearest import nearest
from penstock.errors import ImportFailed, UsageError
from penstock.gateway.asgi2 import single_callable
from penstock.gateway.detect import ASGI2, ASGI3, LABELS, WSGI, Verdict, detect, is_async

CONVENTIONAL = ("app", "application")
FACTORIES = ("create_app", "make_app", "create_application", "make_application", "get_app")
_SHOWN_MAX = 6
_OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


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
        named = _parse(spec)
        module = _import(named, app_dir)
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


# ------------------------------------------------------------------------------------------ parse


class _Named(NamedTuple):
    """A parsed APP."""

    spec: str
    module: str  # dotted name, or "" for a file
    file: str
    attribute: str
    call: tuple[tuple[Any, ...], dict[str, Any]] | None


def _parse(spec: str) -> _Named:
    place, attribute = _split(spec)
    call = None
    if "(" in attribute:
        attribute, call = _parse_call(spec, attribute)
    if attribute and not all(part.isidentifier() for part in attribute.split(".")):
        raise UsageError(
            f"{spec!r}: {attribute!r} is no attribute", "write module:app or module:create_app()"
        )
    if place.endswith(".py"):
        return _Named(spec, "", place, attribute, call)
    if "/" in place or os.sep in place:
        fixed = place.strip("/" + os.sep).replace(os.sep, "/").replace("/", ".")
        raise UsageError(
            f"{place!r} is neither a module nor a .py file",
            f"write {fixed}:{attribute or 'app'} or {place}.py",
        )
    if not all(part.isidentifier() for part in place.split(".")):
        raise UsageError(
            f"{spec!r} names no module",
            "write module:attribute, as in main:app or package.module:app, or path/to/file.py",
        )
    return _Named(spec, place, "", attribute, call)


def _split(spec: str) -> tuple[str, str]:
    file, found, attribute = spec.partition(".py:")
    if found:
        return f"{file}.py", attribute
    if spec.endswith(".py"):
        return spec, ""
    place, colon, attribute = spec.partition(":")
    if colon and not attribute:
        raise UsageError(f"{spec!r} ends with its colon", f"write {spec}app, or {place}")
    return place, attribute


def _parse_call(spec: str, text: str) -> tuple[str, tuple[tuple[Any, ...], dict[str, Any]]]:
    import ast  # only factories written as calls need it

    try:
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call):
            raise ValueError
        arguments = tuple(ast.literal_eval(argument) for argument in call.args)
        keywords = {str(each.arg): ast.literal_eval(each.value) for each in call.keywords if each.arg}
        if len(keywords) != len(call.keywords):
            raise ValueError
        return ast.unparse(call.func), (arguments, keywords)
    except (SyntaxError, ValueError):
        raise UsageError(
            f"{spec!r}: {text!r} is no call with plain values",
            "write module:create_app() or module:create_app('production', debug=False)",
        ) from None


# ----------------------------------------------------------------------------------------- import


def _import(named: _Named, app_dir: str) -> ModuleType:
    folder = os.path.abspath(app_dir or os.getcwd())
    if not os.path.isdir(folder):
        raise UsageError(f"--app-dir {app_dir}: there is no such folder")
    _make_importable(folder)
    if not named.file:
        return _import_module(named.module, named, folder)
    path = os.path.abspath(os.path.join(folder, named.file))
    if not os.path.isfile(path):
        raise ImportFailed(f"there is no file {named.file}", _similar_file(path, folder))
    dotted, root = _dotted(path)
    _make_importable(root)
    module = _import_module(dotted, named, root)
    found = getattr(module, "__file__", None)
    if found is None or not os.path.samefile(found, path):
        raise ImportFailed(
            f"{named.file} has the name of another module: `import {dotted}` gives {found or dotted!r}",
            "rename the file",
        )
    return module


def _make_importable(folder: str) -> None:
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _dotted(path: str) -> tuple[str, str]:
    """The module name of the file at `path`, and the folder that must be importable for it."""
    folder, file = os.path.split(path)
    stem = file.removesuffix(".py")
    parts = [] if stem == "__init__" else [stem]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    if not all(part.isidentifier() for part in parts):
        raise ImportFailed(
            f"{'.'.join(parts)!r} is no module name that Python can import",
            "rename the file: letters, digits and underscores only",
        )
    return ".".join(parts), folder


def _import_module(name: str, named: _Named, folder: str) -> ModuleType:
    # A module that was made since the last look into the folder would be missed (importlib's docs)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if (name == missing or name.startswith(f"{missing}.")) and not trim(error):
            raise _not_found(name, missing, named, folder) from None
        raise _raised(named, "while it was imported", error) from error
    except (Exception, SystemExit) as error:
        raise _raised(named, "while it was imported", error) from error


def _not_found(name: str, missing: str, named: _Named, folder: str) -> ImportFailed:
    parent, _, last = missing.rpartition(".")
    if parent in sys.modules and hasattr(sys.modules[parent], last):
        # The habit of a dotted path to the object
        return ImportFailed(f"there is no module {missing!r}", f"did you mean {parent}:{last}?")
    here = folder
    if parent:
        paths = getattr(sys.modules.get(parent), "__path__", None)
        if paths is None:
            return ImportFailed(
                f"there is no module {missing!r}: {parent} is a module, not a package",
                f"did you mean {parent}:{named.attribute or last}?",
            )
        here = next(iter(paths), folder)
    modules = _modules_in(here)
    close = nearest(last or missing, modules)
    prefix = f"{parent}." if parent else ""
    tail = f":{named.attribute}" if named.attribute else ""
    if close:
        hint = f"did you mean {prefix}{close}{tail}?"
    elif modules:
        hint = f"found there: {_enumerate(sorted(modules))}; --app-dir names another folder"
    else:
        hint = "there are no Python files; start in the application's folder, or name it with --app-dir"
    return ImportFailed(f"there is no module {name!r}, seen from {here}", hint)


def _modules_in(folder: str) -> list[str]:
    names = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py") and not entry.name.startswith("_"):
                names.append(entry.name.removesuffix(".py"))
            elif entry.name.isidentifier() and os.path.isfile(os.path.join(entry, "__init__.py")):
                names.append(entry.name)
    return names


def _similar_file(path: str, folder: str) -> str:
    parent, file = os.path.split(path)
    if not os.path.isdir(parent):
        return f"nor is there a folder {parent}"
    close = nearest(file, [f"{name}.py" for name in _modules_in(parent)])
    return f"did you mean {os.path.relpath(os.path.join(parent, close), folder)}?" if close else ""


def _raised(named: _Named, when: str, error: BaseException) -> ImportFailed:
    """What the user's own code raised: the traceback, from the user's first line on, is the cause."""
    error.__traceback__ = trim(error)
    what = type(error).__name__
    if isinstance(error, SystemExit):
        hint = "it ended the process: guard what runs a program with if __name__ == '__main__'"
    elif isinstance(error, ModuleNotFoundError):
        hint = f"is {error.name} installed for {sys.executable}?"
    else:
        hint = ""
    return ImportFailed(f"{named.module or named.file} raised {what} {when}: {error}", hint)


def trim(error: BaseException) -> TracebackType | None:
    """The traceback of `error` without what is ours or importlib's before the user's first frame."""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not (file.startswith(("<frozen importlib", _OWN_FOLDER)) or file == importlib.__file__):
            break
        trace = trace.tb_next
    return trace


# ------------------------------------------------------------------------------------------- find


def _find(module: ModuleType, named: _Named) -> tuple[Any, str]:
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


def _offered(module: ModuleType, named: _Named) -> tuple[Any, str]:
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
        listed = _enumerate([f"{name} ({LABELS[kind]})" for name, kind in found.items()])
        raise ImportFailed(
            f"{module.__name__} has several applications: {listed}",
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
        except Exception:  # a proxy such as flask.request, which has nothing behind it yet
            continue
        if verdict.interface is not None and verdict.certain:
            found[name] = verdict.interface
            seen.add(id(value))
    return found


def _inventory(module: ModuleType) -> str:
    found = _applications(module)
    if found:
        return f"it has {_enumerate([f'{name} ({LABELS[kind]})' for name, kind in found.items()])}"
    public = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    ]
    return f"it has {_enumerate(public)}" if public else "it is empty"


def _enumerate(names: list[str]) -> str:
    more = len(names) - _SHOWN_MAX
    return ", ".join(names[:_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")


# ------------------------------------------------------------------------------------------ judge


def _call(
    factory: Any, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
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
        own = f"; it looks like the {LABELS[verdict.interface]} application itself" if (
            verdict.interface
        ) else ""
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
            raise UsageError(f"{name} is {_what(verdict)}", _advice(verdict, application))
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
    return verdict.seen if verdict.seen.startswith(("a ", "an ", "the ", "async")) else (
        f"a callable that {verdict.seen}"
    )


def _advice(verdict: Verdict, application: object) -> str:
    if verdict.advice or not callable(application):
        return verdict.advice
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
