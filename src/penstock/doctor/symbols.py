"""What names stand for across the application's own modules, read without running them.

Follows imports, assignments, classes, annotations, FastAPI's Depends() and `app.state`, as far as they
are plain. What cannot be told is unknown, never guessed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import NamedTuple

from penstock.doctor.source import Own

# Where something comes from, as parts: `redis.Redis(…).get` is ("redis", "Redis", "()", "get"), with
# "[]" for an item. Of the application itself, what it is called: module, class, function.
Symbol = tuple[str, ...]
UNKNOWN: Symbol = ()
CALL = "()"
ITEM = "[]"
# Bounds how far one expression is followed: into its parts, and from name to name.
HOPS_MAX = 64

_Node = ast.FunctionDef | ast.AsyncFunctionDef
_WRAPS_TYPE = frozenset({
    "Annotated", "Optional", "Iterator", "Generator", "Iterable", "AsyncIterator", "AsyncGenerator",
    "AsyncIterable", "Final", "ClassVar",
})  # fmt: skip
_PROPERTIES = frozenset({"property", "cached_property"})


class Scope:
    """Names of a module, a function or a class, each with all that it is bound to."""

    __slots__ = ("above", "names", "self_class")

    def __init__(self, above: Scope | None = None) -> None:
        self.above = above
        self.names: dict[str, list[Bound]] = {}
        # Of the body of a class, which its functions do not look names up in
        self.self_class = False

    def bind(self, name: str, bound: Bound) -> None:
        """`name` may be that, too."""
        self.names.setdefault(name, []).append(bound)


class Bound(NamedTuple):
    """What a name is bound to: a symbol, or an expression; `typed` if that is its annotation."""

    symbol: Symbol
    expression: ast.expr | None = None
    scope: Scope | None = None
    typed: bool = False


class Function:
    """A function of the application; `scope` has its parameters and locals."""

    __slots__ = ("file", "node", "path", "scope")

    def __init__(self, file: str, node: _Node, path: Symbol, scope: Scope) -> None:
        self.file = file
        self.node = node
        self.path = path
        self.scope = scope

    @property
    def generates(self) -> bool:
        """Whether a call of it runs nothing yet."""
        return any(isinstance(each, ast.Yield | ast.YieldFrom) for each in within(self.node.body))


class Class:
    """A class of the application: its bases, and what its attributes are set to."""

    __slots__ = ("attributes", "bases", "path", "scope")

    def __init__(self, path: Symbol, bases: list[ast.expr], scope: Scope) -> None:
        self.path = path
        self.bases = bases
        self.scope = scope
        self.attributes = Scope()


class Called(NamedTuple):
    """A call anywhere in the application, and where its names are looked up."""

    node: ast.Call
    scope: Scope


class Project:
    """All that was read, and what it says about names."""

    def __init__(self, sources: Iterable[Own]) -> None:
        self.functions: list[Function] = []
        self.calls: list[Called] = []
        self._entities: dict[Symbol, Function | Class] = {}
        self._modules: dict[Symbol, Scope] = {}
        self._state = Scope()
        self._known: dict[int, Symbol] = {}
        for own in sources:
            self._read(own)

    def function(self, symbol: Symbol) -> Function | None:
        """The function of the application that a call of `symbol` runs; for a class `__init__`, and
        for an object of it `__call__`."""
        found = self._entities.get(symbol)
        if isinstance(found, Class):
            found = self._entities.get(self._canonical((*symbol, "__init__")))
        elif symbol[-1:] == (CALL,) and isinstance(self._entities.get(symbol[:-1]), Class):
            found = self._entities.get(self._canonical((*symbol, "__call__")))
        return found if isinstance(found, Function) else None

    def symbol(self, node: ast.expr | None, scope: Scope, hops: int = 0) -> Symbol:
        """What an expression stands for, or UNKNOWN."""
        if hops > HOPS_MAX:
            return UNKNOWN
        hops += 1
        match node:
            case ast.Name():
                return self._canonical(self._looked_up(node.id, scope, hops), hops)
            case ast.Attribute():
                if _is_state(node.value) and node.attr in self._state.names:
                    return self._bound(self._state.names[node.attr], hops)
                base = self.symbol(node.value, scope, hops)
                return self._canonical((*base, node.attr), hops) if base else UNKNOWN
            case ast.Call():
                return self._called(node, scope, hops)
            case ast.Subscript():
                base = self.symbol(node.value, scope, hops)
                if base and base[-1] in _WRAPS_TYPE:
                    return self.symbol(_first(node.slice), scope, hops)
                return (*base, ITEM) if base else UNKNOWN
            case ast.Await() | ast.NamedExpr() | ast.Starred():
                return self.symbol(node.value, scope, hops)
            case ast.BoolOp():
                known = (self.symbol(each, scope, hops) for each in node.values)
                return next((each for each in known if each), UNKNOWN)
            case ast.IfExp():
                return self.symbol(node.body, scope, hops) or self.symbol(node.orelse, scope, hops)
        return UNKNOWN

    # ----------------------------------------------------------------------------------- following

    def _called(self, node: ast.Call, scope: Scope, hops: int) -> Symbol:
        called = self.symbol(node.func, scope, hops)
        if called and called[-1] in {"Depends", "Security"} and node.args:
            given = self.symbol(node.args[0], scope, hops)
            return self._canonical((*given, CALL), hops) if given else UNKNOWN
        return self._canonical((*called, CALL), hops) if called else UNKNOWN

    def _looked_up(self, name: str, scope: Scope, hops: int) -> Symbol:
        at: Scope | None = scope
        while at is not None:
            if name in at.names and (at is scope or not at.self_class):
                return self._bound(at.names[name], hops)
            at = at.above
        return UNKNOWN

    def _bound(self, bindings: list[Bound], hops: int) -> Symbol:
        """What all bindings of a name agree on; those to a constant say nothing."""
        key = id(bindings)
        if key not in self._known:
            self._known[key] = UNKNOWN  # while it is looked for: it may lead to itself
            found = {self._value(each, hops) for each in bindings}
            self._known[key] = found.pop() if len(found) == 1 else UNKNOWN
        return self._known[key]

    def _value(self, bound: Bound, hops: int) -> Symbol:
        if bound.expression is None or bound.scope is None:
            return bound.symbol
        if bound.typed:
            kind = self._type(bound.expression, bound.scope, hops)
            return self._canonical((*kind, CALL), hops) if kind else UNKNOWN
        return self.symbol(bound.expression, bound.scope, hops)

    def _type(self, node: ast.expr | None, scope: Scope, hops: int) -> Symbol:
        """The class that an annotation names."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                node = ast.parse(node.value, mode="eval").body
            except (SyntaxError, ValueError):
                return UNKNOWN
        if isinstance(node, ast.BinOp) and hops < HOPS_MAX:
            left = self._type(node.left, scope, hops + 1)
            return left or self._type(node.right, scope, hops + 1)
        kind = self.symbol(node, scope, hops)
        return UNKNOWN if kind and kind[-1] == ITEM else kind

    def _canonical(self, symbol: Symbol, hops: int = 0) -> Symbol:
        """The same with all that the application itself has named followed to where it comes from."""
        for _ in range(HOPS_MAX):
            if not symbol:
                return UNKNOWN
            step = self._step(symbol, hops + 1)
            if step == symbol:
                return symbol
            symbol = step
        return UNKNOWN

    def _step(self, symbol: Symbol, hops: int) -> Symbol:
        if hops > HOPS_MAX:
            return UNKNOWN
        for end in range(len(symbol), 0, -1):
            prefix, rest = symbol[:end], symbol[end:]
            entity = self._entities.get(prefix)
            if isinstance(entity, Function):
                if not rest:
                    return symbol
                value = self._returned(entity, hops) if rest[0] == CALL else UNKNOWN
                return (*value, *rest[1:]) if value else UNKNOWN
            if isinstance(entity, Class):
                return self._member(entity, symbol, rest, hops)
            scope = self._modules.get(prefix)
            if scope is not None and rest:
                if rest[0] not in scope.names:
                    return symbol
                value = self._bound(scope.names[rest[0]], hops)
                return (*value, *rest[1:]) if value else UNKNOWN
        return symbol

    def _member(self, owner: Class, symbol: Symbol, rest: Symbol, hops: int) -> Symbol:
        made, name = rest[:1] == (CALL,), rest[1:] if rest[:1] == (CALL,) else rest
        if not name or name[0] in {CALL, ITEM}:
            return symbol
        method = self._entities.get((*owner.path, name[0]))
        if isinstance(method, Function):
            if made and any(last_name(each) in _PROPERTIES for each in method.node.decorator_list):
                value = self._returned(method, hops)
                return (*value, *name[1:]) if value else UNKNOWN
            return (*owner.path, *name)
        if name[0] in owner.attributes.names:
            value = self._bound(owner.attributes.names[name[0]], hops)
            return (*value, *name[1:]) if value else UNKNOWN
        for base in owner.bases:
            value = self.symbol(base, owner.scope, hops)
            if value and value != owner.path:
                return (*value, *rest)
        return symbol

    def _returned(self, function: Function, hops: int) -> Symbol:
        key = id(function)
        if key not in self._known:
            self._known[key] = UNKNOWN
            self._known[key] = self._gives(function, hops)
        return self._known[key]

    def _gives(self, function: Function, hops: int) -> Symbol:
        kind = self._type(function.node.returns, function.scope, hops)
        if kind and kind != ("typing", "Any"):
            return self._canonical((*kind, CALL), hops)
        for each in within(function.node.body):
            if isinstance(each, ast.Return | ast.Yield):
                found = self.symbol(each.value, function.scope, hops)
                if found:
                    return found
        return UNKNOWN

    # ------------------------------------------------------------------------------------- reading

    def _read(self, own: Own) -> None:
        module = tuple((own.module or PurePath(own.file).stem).split("."))
        scope = self._modules.setdefault(module, Scope())
        package = module if PurePath(own.file).stem == "__init__" else module[:-1]
        reading = _Reading(self, own.file, package, module)
        reading.block(own.tree.body, scope, module, None)

    def _add(self, entity: Function | Class) -> None:
        self._entities[entity.path] = entity
        if isinstance(entity, Function):
            self.functions.append(entity)


class _Reading:
    """Puts what one file says into a project."""

    def __init__(self, project: Project, file: str, package: Symbol, module: Symbol) -> None:
        self._project = project
        self._file = file
        self._package = package
        self._module = project._modules[module]

    def block(
        self, body: list[ast.stmt], scope: Scope, path: Symbol, owner: Class | None
    ) -> None:  # fmt: skip
        """Read the statements of a module, function or class. `owner`: whose `self` is at hand."""
        shared = {
            name for each in within(body) if isinstance(each, ast.Global) for name in each.names
        }
        for node in within(body):
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._function(node, scope, path, owner)
                case ast.ClassDef():
                    self._class(node, scope, path)
                case ast.Import() | ast.ImportFrom():
                    for name, symbol in self._imported(node):
                        scope.bind(name, Bound(symbol))
                case ast.Call():
                    self._project.calls.append(Called(node, scope))
                case ast.Assign():
                    for target in node.targets:
                        self._assigned(target, node.value, scope, shared, owner)
                case ast.AnnAssign():
                    self._annotated(node, scope, owner)
                case ast.NamedExpr():
                    self._assigned(node.target, node.value, scope, shared, owner)
                case ast.withitem(optional_vars=ast.expr() as target):
                    self._assigned(target, node.context_expr, scope, shared, owner)
                case ast.For() | ast.AsyncFor() | ast.comprehension():
                    self._assigned(node.target, None, scope, shared, owner)

    def _function(self, node: _Node, above: Scope, path: Symbol, owner: Class | None) -> None:
        here = (*path, node.name)
        above.bind(node.name, Bound(here))
        scope = Scope(above)
        self._parameters(node, scope, owner if above.self_class else None)
        self._project._add(Function(self._file, node, here, scope))
        self.block(node.body, scope, (*here, "<locals>"), owner)

    def _parameters(self, node: _Node, scope: Scope, owner: Class | None) -> None:
        given = node.args
        every = [*given.posonlyargs, *given.args]
        defaults: list[ast.expr | None] = [None] * (len(every) - len(given.defaults))
        pairs = [*zip(every, [*defaults, *given.defaults], strict=True),
                 *zip(given.kwonlyargs, given.kw_defaults, strict=True),
                 *((each, None) for each in (given.vararg, given.kwarg) if each)]  # fmt: skip
        decorators = {last_name(each) for each in node.decorator_list}
        for number, (each, default) in enumerate(pairs):
            if number == 0 and owner is not None and "staticmethod" not in decorators:
                made = () if "classmethod" in decorators else (CALL,)
                scope.bind(each.arg, Bound((*owner.path, *made)))
            elif each.annotation is not None:
                scope.bind(each.arg, Bound(UNKNOWN, each.annotation, scope.above, typed=True))
            else:
                scope.bind(each.arg, Bound(UNKNOWN, default, scope.above))

    def _class(self, node: ast.ClassDef, above: Scope, path: Symbol) -> None:
        here = (*path, node.name)
        above.bind(node.name, Bound(here))
        made = Class(here, node.bases, above)
        self._project._add(made)
        scope = made.attributes
        scope.above, scope.self_class = above, True
        self.block(node.body, scope, here, made)

    def _assigned(
        self, target: ast.expr, value: ast.expr | None, scope: Scope, shared: set[str],
        owner: Class | None,
    ) -> None:  # fmt: skip
        if isinstance(value, ast.Constant):
            return
        if isinstance(target, ast.Name):
            (self._module if target.id in shared else scope).bind(
                target.id, Bound(UNKNOWN, value, scope)
            )
        elif isinstance(target, ast.Attribute):
            bound = Bound(UNKNOWN, value, scope)
            if _is_state(target.value):
                self._project._state.bind(target.attr, bound)
            elif owner is not None and isinstance(target.value, ast.Name) and target.value.id in {
                "self", "cls"
            }:  # fmt: skip
                owner.attributes.bind(target.attr, bound)
        elif isinstance(target, ast.Tuple | ast.List):
            for each in target.elts:
                self._assigned(each, None, scope, shared, owner)

    def _annotated(self, node: ast.AnnAssign, scope: Scope, owner: Class | None) -> None:
        if node.value is not None and not isinstance(node.value, ast.Constant):
            self._assigned(node.target, node.value, scope, set(), owner)
        elif isinstance(node.target, ast.Name):
            scope.bind(node.target.id, Bound(UNKNOWN, node.annotation, scope, typed=True))

    def _imported(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Symbol]]:
        for alias in node.names:
            parts = tuple(alias.name.split("."))
            if isinstance(node, ast.Import):
                yield alias.asname or parts[0], parts if alias.asname else parts[:1]
                continue
            base = tuple((node.module or "").split(".")) if node.module else ()
            if node.level:
                base = (*self._package[: len(self._package) - node.level + 1], *base)
            yield alias.asname or alias.name, (*base, *parts)


def within(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Every node of these statements in order, functions and classes in them too, but not theirs."""
    waiting = list(body)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            waiting += node.decorator_list[::-1]
        elif not isinstance(node, ast.Lambda):
            waiting += list(ast.iter_child_nodes(node))[::-1]


def written(symbol: Symbol) -> str:
    """A symbol as text: `redis.Redis().get`."""
    return ".".join(symbol).replace(f".{CALL}", CALL).replace(f".{ITEM}", ITEM)


def _first(node: ast.expr) -> ast.expr:
    return node.elts[0] if isinstance(node, ast.Tuple) and node.elts else node


def last_name(node: ast.expr) -> str:
    """The last name of `a.b.c`, or of a call of it."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_state(node: ast.expr) -> bool:
    """Whether it is `….state`, where Starlette keeps what an application puts there."""
    return isinstance(node, ast.Attribute | ast.Name) and last_name(node) == "state"
