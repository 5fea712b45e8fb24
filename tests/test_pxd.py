"""Each .pxd says the same as its .py: classes, bases, attributes, methods, parameters, constants.

Cython compares little of this, and what differs shows only at run time, on one leg: an attribute that is not declared, a
`cdef` class that is missing, a parameter with another name. The .pxd is read with Cython's own parser.
"""

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from tests.house import COMPILED, file_of


@dataclass
class Class:
    """A class: its base, its attributes and the parameters of its methods."""

    base: str | None = None
    attributes: set[str] | None = None
    methods: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Module:
    """A module: its classes, functions, other names (constants and imports), and the locals with a C type."""

    classes: dict[str, Class] = field(default_factory=dict)
    functions: dict[str, list[str]] = field(default_factory=dict)
    constants: set[str] = field(default_factory=set)
    locals: dict[str, set[str]] = field(default_factory=dict)


# ------------------------------------------------------------------------------------------------ reading the .pxd


@cache
def declared(name: str) -> Module:
    """What a .pxd declares."""
    from Cython.Compiler import TreeFragment

    text = file_of(name, ".pxd").read_text()
    tree = TreeFragment.parse_from_strings(name, text, level="module_pxd")
    module = Module()
    _read(tree.body, module, None)
    return module


def _read(node: Any, module: Module, inside: str | None) -> None:
    kind = type(node).__name__
    if kind == "StatListNode":
        for each in node.stats:
            _read(each, module, inside)
    elif kind == "CClassDefNode":
        bases = [base.name if hasattr(base, "name") else base.attribute for base in node.bases.args]
        module.classes[node.class_name] = Class(bases[0] if bases else None, set())
        if node.body is not None:
            _read(node.body, module, node.class_name)
    elif kind == "CVarDefNode":
        for declarator in node.declarators:
            _declarator(declarator, node, module, inside)
    elif kind == "SingleAssignmentNode":  # `import cython`
        assert type(node.rhs).__name__ == "ImportNode", "a .pxd assigns nothing"
    elif kind not in {
        "CImportStatNode",
        "FromCImportStatNode",
        "CTypeDefNode",
        "PassStatNode",
        "CEnumDefNode",
    }:
        raise AssertionError(f"this test cannot judge a {kind} in a .pxd; teach it, or do without")


def _declarator(declarator: Any, node: Any, module: Module, inside: str | None) -> None:
    while type(declarator).__name__ in {"CPtrDeclaratorNode", "CConstDeclaratorNode"}:
        declarator = declarator.base
    function = type(declarator).__name__ == "CFuncDeclaratorNode"
    name = declarator.base.name if function else declarator.name
    owner = module.classes[inside] if inside else None
    if not function:
        if owner is None:
            module.constants.add(name)
        else:
            assert owner.attributes is not None
            owner.attributes.add(name)
        return
    parameters = [arg.declarator.name or arg.base_type.name for arg in declarator.args]
    (owner.methods if owner else module.functions)[name] = parameters
    for decorator in node.decorators or ():
        call = decorator.decorator
        if getattr(call.function, "attribute", "") == "locals":
            words = {pair.key.value for pair in call.keyword_args.key_value_pairs}
            module.locals[f"{inside}.{name}" if inside else name] = words


# ------------------------------------------------------------------------------------------------ reading the .py

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def written(name: str) -> Module:
    """What a .py defines, in the same form."""
    module = Module()
    for node in ast.parse(file_of(name).read_text()).body:
        if isinstance(node, ast.ClassDef):
            module.classes[node.name] = _class(node)
            for each in node.body:
                if isinstance(each, Function):
                    module.locals[f"{node.name}.{each.name}"] = _names_bound(each)
        elif isinstance(node, Function):
            module.functions[node.name] = _parameters(node)
            module.locals[node.name] = _names_bound(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                module.constants.update(
                    each.id for each in ast.walk(target) if isinstance(each, ast.Name)
                )
        elif isinstance(node, ast.ImportFrom):
            module.constants.update(alias.asname or alias.name for alias in node.names)
    return module


def _class(node: ast.ClassDef) -> Class:
    base = node.bases[0] if node.bases else None
    found = Class(
        base.id
        if isinstance(base, ast.Name)
        else ast.unparse(base).rpartition(".")[2]
        if base
        else None
    )
    for each in node.body:
        if isinstance(each, Function):
            found.methods[each.name] = _parameters(each)
        elif isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__slots__":
            slots = ast.literal_eval(each.value)
            found.attributes = {slots} if isinstance(slots, str) else set(slots)
    return found


def _parameters(node: Function) -> list[str]:
    return [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]


def _names_bound(node: Function) -> set[str]:
    stored = {
        each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    return {*stored, *_parameters(node)}


# ------------------------------------------------------------------------------------------------ comparing


@pytest.mark.parametrize("name", COMPILED)
def test_classes_with_slots_are_cdef_classes(name: str) -> None:
    """A class with __slots__ in a compiled module is declared, and with the same base; no other class is."""
    with_slots = {
        key: value.base
        for key, value in written(name).classes.items()
        if value.attributes is not None
    }
    assert {key: value.base for key, value in declared(name).classes.items()} == with_slots


@pytest.mark.parametrize("name", COMPILED)
def test_attributes_are_the_slots(name: str) -> None:
    """Every slot is declared, every declared attribute is a slot: the two legs have and lack the same."""
    for key, value in declared(name).classes.items():
        assert value.attributes == written(name).classes[key].attributes, key


@pytest.mark.parametrize("name", COMPILED)
def test_methods_and_functions_have_the_same_parameters(name: str) -> None:
    """Whatever the .pxd declares is defined, with parameters of the same names in the same order."""
    pairs = [(declared(name).functions, written(name).functions)]
    pairs += [
        (value.methods, written(name).classes[key].methods)
        for key, value in declared(name).classes.items()
    ]
    for said, real in pairs:
        assert said == {key: value for key, value in real.items() if key in said}


@pytest.mark.parametrize("name", COMPILED)
def test_constants_and_locals_exist(name: str) -> None:
    """A C constant or a C local is a name that the .py binds or imports: a misspelt one would silently stay a Python object."""
    assert declared(name).constants - written(name).constants == set()
    for function, words in declared(name).locals.items():
        assert words - written(name).locals.get(function, set()) == set(), function


@pytest.mark.parametrize("name", COMPILED)
def test_nothing_declared_is_a_coroutine(name: str) -> None:
    """An `async def` that is declared in a .pxd runs and returns no coroutine."""
    source = ast.parse(file_of(name).read_text())
    coroutines = {node.name for node in ast.walk(source) if isinstance(node, ast.AsyncFunctionDef)}
    functions = {
        *declared(name).functions,
        *(each for value in declared(name).classes.values() for each in value.methods),
    }
    assert coroutines & functions == set()


@pytest.mark.parametrize("name", COMPILED)
def test_widths_and_pointers_are_safe(name: str) -> None:
    """No raw character pointer (it reads past the end) and no 32-bit unsigned length (it wraps): see CONTRIBUTING."""
    code = re.sub(r"#.*", "", file_of(name, ".pxd").read_text())
    assert re.findall(r"char\s*\*+|unsigned int|unsigned long(?! long)|\buint32_t\b", code) == []


# ------------------------------------------------------------------------------------------------ this test itself


def test_a_difference_of_each_kind_is_seen(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison reads both files as they are: one example with a difference of each kind."""
    (tmp_path / "m.py").write_text(
        "from errors import E\nLIMIT = 1\nclass A:\n    __slots__ = ('x', 'y')\n    def feed(self, data): pass\n"
        "def scan(data, start):\n    i = 0\n    return i\n"
    )
    (tmp_path / "m.pxd").write_text(
        "import cython\ncdef int LIMITS\ncdef class A:\n    cdef Py_ssize_t x, z\n    cpdef object feed(self, bytes chunk)\n"
        "@cython.locals(i=Py_ssize_t, j=int)\ncdef Py_ssize_t scan(const unsigned char[:] data, Py_ssize_t start) except -1\n"
    )
    monkeypatch.setattr(
        "tests.test_pxd.file_of", lambda name, suffix=".py": tmp_path / f"{name}{suffix}"
    )
    said, real = declared.__wrapped__("m"), written.__wrapped__("m")
    assert said == Module(
        {"A": Class(None, {"x", "z"}, {"feed": ["self", "chunk"]})},
        {"scan": ["data", "start"]},
        {"LIMITS"},
        {"scan": {"i", "j"}},
    )
    assert real == Module(
        {"A": Class(None, {"x", "y"}, {"feed": ["self", "data"]})},
        {"scan": ["data", "start"]},
        {"E", "LIMIT"},
        {"A.feed": {"self", "data"}, "scan": {"i", "data", "start"}},
    )
