"""Read what APP says and import the module that it names, or explain why that fails.

APP = module [":" attribute] / file ".py" [":" attribute]
attribute = name *("." name) ["(" literals ")"]
"""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType, TracebackType
from typing import Any, NamedTuple

from penstock.config.nearest import nearest
from penstock.errors import ImportFailed, UsageError

_SHOWN_MAX = 6
_OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def listed(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _SHOWN_MAX
    return ", ".join(names[:_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")


# ------------------------------------------------------------------------------------------ parse


class Named(NamedTuple):
    """A parsed APP."""

    spec: str
    module: str  # dotted name, or "" for a file
    file: str
    attribute: str
    call: tuple[tuple[Any, ...], dict[str, Any]] | None


def parse(spec: str) -> Named:
    """Return what `spec` says; UsageError for a text that can name nothing."""
    place, attribute = _split(spec)
    call = None
    if "(" in attribute:
        attribute, call = _parse_call(spec, attribute)
    if attribute and not all(part.isidentifier() for part in attribute.split(".")):
        raise UsageError(
            f"{spec!r}: {attribute!r} is no attribute", "write module:app or module:create_app()"
        )
    if place.endswith(".py"):
        return Named(spec, "", place, attribute, call)
    if os.path.isdir(place) and ("/" in place or os.sep in place):
        raise UsageError(
            f"{place!r} is a folder",
            f"name the file in it that has the application, as in {os.path.join(place, 'main.py')}",
        )
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
    return Named(spec, place, "", attribute, call)


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
            raise ValueError  # noqa: TRY004 - caught below
        arguments = tuple(ast.literal_eval(argument) for argument in call.args)
        keywords = {
            str(each.arg): ast.literal_eval(each.value) for each in call.keywords if each.arg
        }
        if len(keywords) != len(call.keywords):
            raise ValueError
        return ast.unparse(call.func), (arguments, keywords)
    except (SyntaxError, ValueError):
        raise UsageError(
            f"{spec!r}: {text!r} is no call with plain values",
            "write module:create_app() or module:create_app('production', debug=False)",
        ) from None


# ----------------------------------------------------------------------------------------- import


def import_named(named: Named, app_dir: str) -> ModuleType:
    """Import the module of `named`, with `app_dir` importable; ImportFailed says why it cannot be."""
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


def _import_module(name: str, named: Named, folder: str) -> ModuleType:
    _look_again()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if (name == missing or name.startswith(f"{missing}.")) and not trim(error):
            raise _not_found(name, missing, named, folder) from None
        raise _raised(named, "while it was imported", error) from error
    except (Exception, SystemExit) as error:
        raise _raised(named, "while it was imported", error) from error


def _look_again() -> None:
    """Have the folders of `sys.path` read again: a module made since the last look would be missed.

    `importlib.invalidate_caches` does this too, but it also imports importlib.metadata, and with
    it zipfile, tempfile and email: a megabyte and a tenth of the start, for nothing.
    """
    for path, finder in list(sys.path_importer_cache.items()):
        if finder is None:
            # There was nothing to import from, perhaps no folder even
            del sys.path_importer_cache[path]
        elif hasattr(finder, "invalidate_caches"):
            finder.invalidate_caches()


def _not_found(name: str, missing: str, named: Named, folder: str) -> ImportFailed:
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
        hint = f"found there: {listed(sorted(modules))}; --app-dir names another folder"
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


def _raised(named: Named, when: str, error: BaseException) -> ImportFailed:
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
