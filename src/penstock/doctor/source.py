"""Reads the application's own source, without running it: for what no request may have reached.

Hints only, since a reading cannot know what runs: what threads would trip over, and what WSGI has and
ASGI has not. Calls that hold the loop are read in `dependencies`.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from penstock.doctor.findings import HINT, NOTE, Finding
from penstock.transport.stall import is_own

# Bounds the time of a reading.
FILES_MAX = 500
FILE_BYTES_MAX = 1024 * 1024

# What a WSGI application can use and an ASGI application has no counterpart of, by string or name
WSGI_ONLY: dict[str, str] = {
    "wsgi.file_wrapper": "the extension http.response.pathsend, or your framework's FileResponse",
    "wsgi.errors": "the logging module",
    "wsgi.run_once": "nothing: an ASGI server never runs an application once",
    "wsgi.multithread": "nothing: requests share one thread, and switch at each await",
    "wsgi.multiprocess": "nothing: count on several processes",
    "werkzeug.socket": "nothing: the socket is the server's",
    "gunicorn.socket": "nothing: the socket is the server's; WebSockets have their own scope",
    "wsgi.websocket": "scope type websocket",
    "REMOTE_USER": "a header of the proxy, or authentication in the application",
    "uwsgi": "timers, spoolers and caches of uWSGI are for a task queue (celery, arq) and redis",
    "uwsgidecorators": "a task queue (celery, arq)",
    "write()": "http.response.body messages, one for each part",
    "exc_info": "an exception before http.response.start: afterwards a head cannot be replaced",
}
_LOCKS = ("lock", "mutex", "semaphore")
_PROCESS_WIDE = {
    "os.chdir": "the working directory is shared by all threads",
    "locale.setlocale": "the locale is shared by all threads",
    "os.putenv": "the environment is shared by all threads",
    "os.umask": "the umask is shared by all threads",
}


class Own(NamedTuple):
    """One file of the application: its path, its syntax tree, and what it is imported as."""

    file: str
    tree: ast.Module
    module: str = ""


def own_sources(modules: Iterable[str]) -> list[Own]:
    """The application's own files among the imported modules of these names: neither installed nor
    of the standard library. FILES_MAX at most."""
    found: list[Own] = []
    read: set[str] = set()
    for name in modules:
        file = getattr(sys.modules.get(name), "__file__", None) or ""
        if not file.endswith(".py") or not is_own(file) or file in read:
            continue
        if len(found) >= FILES_MAX:
            break
        read.add(file)
        try:
            if os.path.getsize(file) > FILE_BYTES_MAX:
                continue
            with open(file, "rb") as source:
                found.append(Own(file, ast.parse(source.read()), name))
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue  # a module may be anything that has a name like this
    return found


def threads_instead(sources: Iterable[Own], file: str, line: int) -> str:
    """The name of the `async def` at `line` if plain `def` would give it a thread: it awaits nothing,
    and is a route or a dependency of FastAPI or Starlette. "" otherwise."""
    for own in sources:
        if own.file != file:
            continue
        functions = [
            each for each in ast.walk(own.tree)
            if isinstance(each, ast.AsyncFunctionDef)
            and each.lineno <= line <= (each.end_lineno or 0)
        ]  # fmt: skip
        if not functions or not _framework(own.tree):
            return ""
        inner = max(functions, key=lambda each: each.lineno)
        awaits = any(
            isinstance(each, ast.Await | ast.AsyncFor | ast.AsyncWith | ast.Yield)
            for each in _body(inner)
        )
        if awaits or not (inner.decorator_list or _is_given(own.tree, inner.name)):
            return ""
        return inner.name
    return ""


def plainly(name: str) -> str:
    """The advice to write an `async def` that `threads_instead` names as plain `def`."""
    return f"or write def {name} without async, so that it gets a thread"


def wsgi_features(sources: Iterable[Own]) -> list[Finding]:
    """What of WSGI is used that has no counterpart in ASGI."""
    found: list[Finding] = []
    for own in sources:
        for node in ast.walk(own.tree):
            name = ""
            if not isinstance(node, ast.Constant | ast.Import | ast.ImportFrom):
                continue
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                name = node.value
            elif isinstance(node, ast.Import):
                name = node.names[0].name.partition(".")[0]
            elif isinstance(node, ast.ImportFrom):
                name = (node.module or "").partition(".")[0]
            if name in WSGI_ONLY and (name.startswith("uwsgi") == isinstance(
                node, ast.Import | ast.ImportFrom
            )):  # fmt: skip
                found.append(_wsgi_only(name, f"{own.file}:{node.lineno}"))
    return found


def used_features(used: Iterable[str]) -> list[Finding]:
    """The same, of what a request was seen to use."""
    return [_wsgi_only(name, "") for name in sorted(used)]


def _wsgi_only(name: str, place: str) -> Finding:
    return Finding(NOTE, f"{name} has no counterpart in ASGI", place, f"there: {WSGI_ONLY[name]}")


def thread_hints(sources: Iterable[Own], *, wsgi: bool) -> list[Finding]:
    """What goes wrong where several threads run the same code: functions of a WSGI application, and
    plain functions of an ASGI application, which frameworks run in threads."""
    found: list[Finding] = []
    for own in sources:
        names = _imported(own.tree)
        shared = _module_names(own.tree)
        for function in ast.walk(own.tree):
            if isinstance(function, ast.FunctionDef):
                found += _unsafe(own, function, names, shared)
        if not wsgi:
            found += _thread_locals(own, names)
        found += _module_connections(own, names)
    return found


def _unsafe(
    own: Own, function: ast.FunctionDef, names: dict[str, str], shared: set[str]
) -> Iterator[Finding]:
    declared = {
        name for node in _body(function) if isinstance(node, ast.Global) for name in node.names
    }
    for node, locked in _statements(function.body, locked=False):
        place = f"{own.file}:{node.lineno} {function.name}"
        if isinstance(node, ast.AugAssign) and not locked:
            target = node.target
            base: ast.expr = target
            while isinstance(base, ast.Subscript | ast.Attribute):
                base = base.value
            if isinstance(base, ast.Name) and base.id in shared and (
                base.id in declared or isinstance(target, ast.Subscript | ast.Attribute)
            ):  # fmt: skip
                yield Finding(
                    HINT, f"{base.id} is read, changed and written back by every thread that comes"
                    " here: counts get lost", place, "put a threading.Lock around it: with lock: …", 1.0,
                )  # fmt: skip
        for call in ast.walk(node) if not isinstance(node, _COMPOUND) else ():
            if isinstance(call, ast.Call) and _dotted(call.func, names) in _PROCESS_WIDE:
                dotted = _dotted(call.func, names)
                yield Finding(
                    HINT, f"{dotted}(): {_PROCESS_WIDE[dotted]}", place,
                    f"do without {dotted}() in a request: give paths and formats explicitly", 1.0,
                )  # fmt: skip


_COMPOUND = (
    ast.If, ast.For, ast.While, ast.With, ast.Try, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef,
    ast.AsyncFor, ast.AsyncWith, ast.Match,
)  # fmt: skip


def _statements(body: Iterable[ast.AST], *, locked: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """Every statement of a function, and whether it is under a lock; not those of inner functions."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if isinstance(node, ast.stmt):
            yield node, locked
        held = locked
        if isinstance(node, ast.With):
            text = " ".join(ast.unparse(item.context_expr).lower() for item in node.items)
            held = locked or any(word in text for word in _LOCKS)
        if isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _statements(ast.iter_child_nodes(node), locked=held)


def _thread_locals(own: Own, names: dict[str, str]) -> Iterator[Finding]:
    for node in ast.walk(own.tree):
        if isinstance(node, ast.Call) and _dotted(node.func, names) == "threading.local":
            yield Finding(
                HINT, "threading.local() is shared by all requests on the event loop's thread",
                f"{own.file}:{node.lineno}", "contextvars.ContextVar() in place of threading.local()", 1.0,
            )  # fmt: skip


def _module_connections(own: Own, names: dict[str, str]) -> Iterator[Finding]:
    for node in own.tree.body:
        value = getattr(node, "value", None)
        if (
            isinstance(node, ast.Assign | ast.AnnAssign)
            and isinstance(value, ast.Call)
            and _dotted(value.func, names) == "sqlite3.connect"
            and all(each.arg != "check_same_thread" for each in value.keywords)
        ):
            yield Finding(
                HINT, "a connection of sqlite3 made at import works in the importing thread only",
                f"{own.file}:{node.lineno}", "open a connection for each request or each thread", 1.0,
            )  # fmt: skip


# ---------------------------------------------------------------------------------------- reading


def _imported(tree: ast.Module) -> dict[str, str]:
    """Names that imports bind, anywhere in the file: name → what it stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _module_names(tree: ast.Module) -> set[str]:
    found = set()
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        found |= {each.id for each in targets if isinstance(each, ast.Name)}
    return found


def _dotted(node: ast.AST, names: dict[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    return ".".join((names[node.id], *parts))


def _body(function: ast.AST) -> Iterator[ast.AST]:
    """Every node of a function's body; not those of functions within it."""
    for node in ast.iter_child_nodes(function):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _body(node)


def _framework(tree: ast.Module) -> bool:
    return any(
        value.partition(".")[0] in {"fastapi", "starlette"} for value in _imported(tree).values()
    )


def _is_given(tree: ast.Module, name: str) -> bool:
    """Whether a function is an argument of Depends(), Security() or Route()."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(
                node.func, "id", ""
            )  # fmt: skip
            if called in {"Depends", "Security", "Route"} and any(
                isinstance(each, ast.Name) and each.id == name for each in node.args
            ):
                return True
    return False
