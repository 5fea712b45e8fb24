"""Synchronous libraries that are called on the event loop, however quick they were: read, not run.

From every `async def` of the application, and from plain functions that frameworks run on the loop,
through the application's own plain functions. Not blamed: what is handed to a thread (only called there,
not here), what is awaited, plain `def` where the framework has threads for it, and the lifespan, in
which nobody waits yet.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from penstock.doctor.findings import HINT, NOTE, Finding
from penstock.doctor.libraries import Library, waits, waits_later
from penstock.doctor.running import Ran, running
from penstock.doctor.source import Own, plainly, threads_instead
from penstock.doctor.symbols import CALL, Function, Project, last_name, written

# How many plain functions a call may be away from the event loop.
DEPTH_MAX = 6
# Bounds what is told; the report bounds the places of each.
LIBRARIES_MAX = 12
# Above hints about what only several threads would meet: this concerns every request.
WEIGHT = 2.0
_TEXT_MAX = 50

# Decorators that make a plain function one that is awaited and runs in a thread
_THREADS = frozenset({
    "sync_to_async", "database_sync_to_async", "run_in_threadpool", "run_sync", "to_thread", "asyncify",
    "run_in_executor", "threaded",
})  # fmt: skip
_LITESTAR = frozenset(
    {("litestar", name) for name in ("get", "post", "put", "patch", "delete", "head", "route")}
    | {("litestar", "handlers", name) for name in ("get", "post", "put", "patch", "delete", "head")}
)
_SANIC = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "route"})
_STRAWBERRY = frozenset({("strawberry", name) for name in ("field", "mutation")})
_TIMERS = {"call_soon": 0, "call_later": 1, "call_at": 1, "call_soon_threadsafe": 0}
# Where an application starts and stops: by keyword, and by decorator
_LIFESPAN = frozenset({"lifespan", "on_startup", "on_shutdown"})
_LIFESPAN_HOOKS = frozenset({
    "on_event", "before_serving", "after_serving", "while_serving", "before_server_start",
    "after_server_start", "before_server_stop", "after_server_stop",
})  # fmt: skip


class Start(NamedTuple):
    """Where the event loop enters the application. For a plain function `runs` says who runs it
    there, and `cure` what gives it a thread."""

    function: Function
    runs: str = ""
    cure: str = ""


class Way(NamedTuple):
    """How a function is reached: from `start`, by its call `first` (None: it is the start itself), which
    `generates`, if it makes a generator; over `depth` calls in all."""

    start: Start
    first: ast.Call | None
    generates: bool
    depth: int


class Use(NamedTuple):
    """Calls of one library in one function, the first of them in `node`.

    `later`: it waits when what it returns is iterated over.
    """

    library: Library
    later: bool
    function: Function
    node: ast.Call | ast.Name
    way: Way
    calls: int


def findings(sources: list[Own], told: Iterable[Finding] = ()) -> list[Finding]:
    """A finding for each library, with all its places; none for lines that `told` are about."""
    lines = {each.place.partition(" ")[0] for each in told}
    groups: dict[str, list[Use]] = {}
    for use in uses(Project(sources), lines):
        groups.setdefault(use.library.name, []).append(use)
    ranked = sorted(groups.values(), key=lambda group: -len(group))
    found = [_finding(group, sources) for group in ranked[:LIBRARIES_MAX]]
    rest = [group[0].library.name for group in ranked[LIBRARIES_MAX:]]
    if rest:
        found.append(Finding(NOTE, f"and {len(rest)} more: {', '.join(rest)}"))
    return found


def uses(project: Project, told: set[str]) -> list[Use]:
    """What of libraries that wait is used on the event loop, in the order of files and lines.

    `told`: lines (`file:line`) that are known already.
    """
    ways = _ways(project)
    found: list[Use] = []
    for function, way in ways:
        here: dict[str, Use] = {}
        known: set[str] = set()
        for ran in running(function.node.body):
            library, later = _waits(project, function, ran)
            if library is None:
                continue
            if _lines(function.file, ran.node) & told:
                known.add(library.name)
                continue
            first = here.get(library.name)
            here[library.name] = (
                first._replace(calls=first.calls + 1) if first
                else Use(library, later, function, ran.node, way, 1)
            )  # fmt: skip
        # Of a connection, whoever mends one line mends them all
        found += [use for name, use in here.items() if not (use.library.whole and name in known)]
    return sorted(found, key=lambda use: (use.function.file, use.node.lineno))


def _waits(project: Project, function: Function, ran: Ran) -> tuple[Library | None, bool]:
    """The library that is waited for here, and whether its result is."""
    if ran.awaited:
        return None, False
    if isinstance(ran.node, ast.Name):
        made = project.symbol(ran.node, function.scope)
        return (waits_later(written(made[:-1])) if made[-1:] == (CALL,) else None), True
    symbol = project.symbol(ran.node.func, function.scope)
    if symbol == ("time", "sleep") and [ast.unparse(each) for each in ran.node.args] == ["0"]:
        return None, False  # gives the processor away, and does not wait
    library = waits(written(symbol))
    if library is None and ran.consumed:
        return waits_later(written(symbol)), True
    return library, False


# ---------------------------------------------------------------------------------------- reaching


def _ways(project: Project) -> list[tuple[Function, Way]]:
    """Every function that runs on the event loop, with the shortest way to it."""
    waiting = [(each.function, Way(each, None, False, 0)) for each in _starts(project)]
    seen = {id(function) for function, _ in waiting}
    for function, way in waiting:  # which grows
        if way.depth >= DEPTH_MAX:
            continue
        for ran in running(function.node.body):
            callee = _callee(project, function, ran)
            if callee is None or id(callee) in seen or isinstance(ran.node, ast.Name):
                continue
            seen.add(id(callee))
            first = way.first or ran.node
            generates = way.generates if way.first else callee.generates
            waiting.append((callee, Way(way.start, first, generates, way.depth + 1)))
    return waiting


def _callee(project: Project, function: Function, ran: Ran) -> Function | None:
    """The plain function of the application that is run here, if one is."""
    if isinstance(ran.node, ast.Name):
        return None
    callee = project.function(project.symbol(ran.node.func, function.scope))
    if callee is None or isinstance(callee.node, ast.AsyncFunctionDef):
        return None
    decorators = {last_name(each) for each in callee.node.decorator_list}
    if decorators & _THREADS or (decorators and ran.awaited):
        return None
    return None if callee.generates and not ran.consumed else callee


def _starts(project: Project) -> list[Start]:
    resting = _resting(project)
    starts = [
        Start(each) for each in project.functions
        if isinstance(each.node, ast.AsyncFunctionDef) and id(each) not in resting
    ]  # fmt: skip
    return [*starts, *(each for each in _inline(project) if id(each.function) not in resting)]


def _resting(project: Project) -> set[int]:
    """Functions that run while the application starts or stops."""
    found: set[int] = set()
    for function in project.functions:
        names = {last_name(each) for each in function.node.decorator_list}
        if function.node.name == "lifespan" or names & _LIFESPAN_HOOKS:
            found.add(id(function))
    for call, scope in project.calls:
        given = [each.value for each in call.keywords if each.arg in _LIFESPAN]
        if last_name(call.func) == "add_event_handler":
            given += call.args[1:]
        for each in given:
            for name in each.elts if isinstance(each, ast.List | ast.Tuple) else [each]:
                callee = project.function(project.symbol(name, scope))
                if callee is not None:
                    found.add(id(callee))
    return found


def _inline(project: Project) -> Iterator[Start]:
    """Plain functions that frameworks run on the event loop."""
    for function in project.functions:
        if isinstance(function.node, ast.FunctionDef):
            for decorator in function.node.decorator_list:
                start = _decorated(project, function, decorator)
                if start is not None:
                    yield start
    for call, scope in project.calls:
        name, symbol = last_name(call.func), project.symbol(call.func, scope)
        given: list[ast.expr] = []
        runs = cure = ""
        if symbol == ("litestar", "di", "Provide") and not _threaded(call):
            given, runs = call.args[:1], "which Litestar runs on the event loop"
            cure = "sync_to_thread=True in Provide()"
        elif symbol in _STRAWBERRY:
            given = [each.value for each in call.keywords if each.arg == "resolver"]
            runs, cure = "which Strawberry runs on the event loop", _STRAWBERRY_CURE
        elif name in _TIMERS and isinstance(call.func, ast.Attribute):
            given = call.args[_TIMERS[name] :][:1]
            runs = f"which {name}() has the event loop run"
            cure = f"a task that awaits asyncio.to_thread() in place of {name}()"
        for each in given:
            callee = project.function(project.symbol(each, scope))
            # A generator is made here, and run by who knows whom
            if (
                callee is not None
                and isinstance(callee.node, ast.FunctionDef)
                and not callee.generates
            ):
                yield Start(callee, runs, cure)


_STRAWBERRY_CURE = "an async def resolver that awaits asyncio.to_thread()"


def _decorated(project: Project, function: Function, decorator: ast.expr) -> Start | None:
    called = decorator if isinstance(decorator, ast.Call) else None
    above = function.scope.above
    if above is None:
        return None
    symbol = project.symbol(called.func if called else decorator, above)
    if called and symbol in _LITESTAR and not _threaded(called):
        return Start(function, "which Litestar runs on the event loop",
                     "sync_to_thread=True in its decorator")  # fmt: skip
    if symbol in _STRAWBERRY:
        return Start(function, "which Strawberry runs on the event loop", _STRAWBERRY_CURE)
    if called and symbol[:1] == ("sanic",) and symbol[-1] in _SANIC and symbol[-2:-1] == (CALL,):
        return Start(function, "which Sanic runs on the event loop",
                     "an async def that awaits asyncio.to_thread()")  # fmt: skip
    return None


def _threaded(call: ast.Call) -> bool:
    return any(
        each.arg == "sync_to_thread" and getattr(each.value, "value", None) is True
        for each in call.keywords
    )


# ---------------------------------------------------------------------------------------- telling


def _finding(group: list[Use], sources: list[Own]) -> Finding:
    first = next((use for use in group if use.way.first is None), group[0])
    rest = [use for use in group if use is not first]
    library = first.library
    text = f"{library.name} is synchronous: {_said(first)} (read, not seen to run)"
    also = tuple(f"{_place(use)}: {_said(use)}" for use in rest)
    return Finding(
        HINT, text, _place(first), _cure(first, sources), WEIGHT + min(len(group), 99) / 100, also
    )


def _said(use: Use) -> str:
    """The call, and how the event loop comes to it."""
    more = f" and {use.calls - 1} more" if use.calls > 1 else ""
    name = _start(use.way.start)
    if use.way.first is None:
        return f"{_call(use.node)}{more} in {name}"
    return f"{_call(use.node)}{more}, called by {name} at line {use.way.first.lineno}" + (
        "" if use.function.file == use.way.start.function.file
        else f" of {use.way.start.function.file}"
    )  # fmt: skip


def _start(start: Start) -> str:
    name = start.function.node.name
    return f"def {name}, {start.runs}" if start.runs else f"async def {name}"


def _call(node: ast.Call | ast.Name) -> str:
    if isinstance(node, ast.Name):
        return f"the query {node.id}"
    return f"{_short(node.func)}()"


def _short(node: ast.expr) -> str:
    text = ast.unparse(node).replace("\n", " ")
    return text if len(text) <= _TEXT_MAX else "…" + text[-_TEXT_MAX:]


def _place(use: Use) -> str:
    return f"{use.function.file}:{use.node.lineno} {use.function.node.name}"


def _cure(use: Use, sources: list[Own]) -> str:
    """What does not hold the loop: the library's other form, or a thread."""
    library, way = use.library, use.way
    call = way.first or use.node
    simple = isinstance(call, ast.Call) and not any(
        isinstance(each, ast.Call) for each in ast.walk(call.func)
    )
    name = _short(call.func) if isinstance(call, ast.Call) and simple else ""
    if way.first is None and use.later:
        name = "list"
    elif way.generates or (way.first is None and library.whole):
        name = ""  # a call of its own for each step would use several threads
    if way.start.cure:
        thread = way.start.cure
    elif library.django:
        thread = f"await sync_to_async({name or 'function'}, thread_sensitive=True)(…)"
    elif name:
        thread = f"await asyncio.to_thread({name}, …)"
    else:
        thread = "put what uses it into a function, and await asyncio.to_thread() that"
    if library.name == "time" and way.first is None and not way.start.cure:
        parts = [library.instead]
    else:
        parts = [library.instead, f"or {thread}" if library.instead else thread]
    plain = threads_instead(sources, way.start.function.file, call.lineno)
    if plain and not library.django:
        parts.append(plainly(plain))
    return ", ".join(filter(None, parts))


def _lines(file: str, node: ast.expr) -> set[str]:
    ends = node.end_lineno or node.lineno
    return {f"{file}:{line}" for line in range(node.lineno, ends + 1)}
