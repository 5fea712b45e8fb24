"""What statements run themselves when they are run: their calls, and what they iterate over."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from penstock.doctor.symbols import last_name

# What iterates over what it is given, at once
_CONSUMES = frozenset({
    "list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "any", "all", "min", "max", "next",
    "enumerate", "zip", "reversed", "join", "extend", "update",
})  # fmt: skip


class Ran(NamedTuple):
    """An expression that runs where it is written: a call, or a name that is iterated over."""

    node: ast.Call | ast.Name
    awaited: bool
    consumed: bool


def running(body: list[ast.stmt]) -> Iterator[Ran]:
    """The calls that these statements make themselves, in order: not those in functions, lambdas and
    generators that are only made here, nor those for a scope of type lifespan."""
    waiting: list[tuple[ast.AST, bool, bool]] = [(each, False, False) for each in body[::-1]]
    while waiting:
        node, awaited, consumed = waiting.pop()
        if isinstance(node, ast.Call) or (isinstance(node, ast.Name) and consumed):
            yield Ran(node, awaited, consumed)
        waiting += list(_parts(node, consumed))[::-1]


def _parts(node: ast.AST, consumed: bool) -> Iterator[tuple[ast.AST, bool, bool]]:
    """What runs as a part of `node`, each with whether it is awaited, and iterated over."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
            return
        case ast.match_case(pattern=ast.MatchValue(ast.Constant("lifespan"))):
            return
        case ast.If() if _for_lifespan(node.test):
            yield from ((each, False, False) for each in node.orelse)
        case ast.Await():
            yield node.value, True, False
        case ast.For():
            yield node.iter, False, True
            yield from ((each, False, False) for each in (*node.body, *node.orelse))
        case ast.AsyncFor():
            yield node.iter, True, False
            yield from ((each, False, False) for each in (*node.body, *node.orelse))
        case ast.With():
            yield from ((each.context_expr, False, True) for each in node.items)
            yield from ((each, False, False) for each in node.body)
        case ast.AsyncWith():
            yield from ((each.context_expr, True, False) for each in node.items)
            yield from ((each, False, False) for each in node.body)
        case ast.comprehension():
            yield node.iter, bool(node.is_async), not node.is_async
            yield from ((each, False, False) for each in node.ifs)
        case ast.GeneratorExp() if not consumed:
            yield node.generators[0].iter, False, False
        case ast.YieldFrom() | ast.Starred():
            yield node.value, False, True
        case ast.Subscript():
            yield node.value, False, consumed
            yield node.slice, False, False
        case ast.Call():
            yield node.func, False, False
            given = (*node.args, *(each.value for each in node.keywords))
            yield from ((each, False, last_name(node.func) in _CONSUMES) for each in given)
        case _:
            yield from ((each, False, False) for each in ast.iter_child_nodes(node))


def _for_lifespan(test: ast.expr) -> bool:
    """Whether it asks for a lifespan scope: `scope["type"] == "lifespan"`."""
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.ops[0], ast.Eq)
        and any(getattr(each, "value", None) == "lifespan" for each in test.comparators)
    )
