"""What statements run themselves."""

import ast

import pytest

from penstock.doctor.running import Ran, running


def said(ran: Ran) -> str:
    """A call as written, with `await` or `for` before it."""
    return "await " * ran.awaited + "for " * ran.consumed + ast.unparse(ran.node)


@pytest.mark.parametrize(
    "text, calls",
    [
        ("a(b())", ["a(b())", "b()"]),
        ("await a(b())", ["await a(b())", "b()"]),
        ("for x in a(): b()", ["for a()", "b()"]),
        ("for x in rows: pass", ["for rows"]),
        ("async for x in a(): b()", ["await a()", "b()"]),
        ("with a() as x: b()", ["for a()", "b()"]),
        ("async with a(): b()", ["await a()", "b()"]),
        ("list(a())", ["list(a())", "for a()"]),
        ("[b() for x in a() if c()]", ["b()", "for a()", "c()"]),
        ("(b() for x in a())", ["a()"]),
        ("[*a()]", ["for a()"]),
        ("def f(): a()", []),
        ("async def f(): a()", []),
        ("class C: x = a()", []),
        ("f = lambda: a()", []),
        ("if scope['type'] == 'lifespan': a()\nelse: b()", ["b()"]),
        ("if scope['type'] != 'lifespan': a()", ["a()"]),
        ("match kind:\n case 'lifespan': a()\n case 'http': b()", ["b()"]),
    ],
)
def test_what_is_run_and_how(text: str, calls: list[str]) -> None:
    assert [said(each) for each in running(ast.parse(text).body)] == calls
