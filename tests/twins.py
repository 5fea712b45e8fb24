"""Loads Penstock a second time, from its .py files alone, so that a test can hold compiled and pure side by side.

`pure("penstock.wire.http1")` is the module as Python, also where `penstock.wire.http1` itself runs compiled. The second tree is
called `penstock_pure`; its modules import each other, never the first tree, so its classes are classes of its own: compare what
they say and do, not what they are.
"""

import ast
import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import penstock

FIRST = "penstock"
SECOND = "penstock_pure"


def _moved(name: str) -> str:
    return (
        SECOND + name.removeprefix(FIRST) if name == FIRST or name.startswith(f"{FIRST}.") else name
    )


class _ToSecondTree(ast.NodeTransformer):
    """Turns absolute imports of the first tree into imports of the second."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if not node.level and node.module:
            node.module = _moved(node.module)
        return node

    def visit_Import(self, node: ast.Import) -> ast.Import:
        for alias in node.names:
            moved = _moved(alias.name)
            if moved != alias.name and not alias.asname:
                raise ImportError(
                    f"`import {alias.name}` binds the name of the first tree; the modules of Penstock write "
                    f"`from {FIRST} import ...`"
                )
            alias.name = moved
        return node


class _SourceLoader(SourceFileLoader):
    """Reads source only: neither a binary nor the first tree's bytecode is ever used."""

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        tree = _ToSecondTree().visit(ast.parse(self.get_data(path), path))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    """Finds the modules of the second tree in the folder of the first."""

    root = Path(penstock.__file__).parent

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.split(".", maxsplit=1)[0] != SECOND:
            return None
        stem = self.root.joinpath(*fullname.split(".")[1:])
        for file, is_package in ((stem / "__init__.py", True), (stem.with_suffix(".py"), False)):
            if file.is_file():
                return spec_from_file_location(
                    fullname,
                    file,
                    loader=_SourceLoader(fullname, str(file)),
                    submodule_search_locations=[str(stem)] if is_package else None,
                )
        # None would let the usual finders look in the same folder, and they prefer binaries.
        raise ModuleNotFoundError(f"{fullname} has no Python source", name=fullname)


def pure(name: str) -> ModuleType:
    """The pure twin of a module of Penstock, given its usual name.

    Raises ImportError for a module that has no Python source, such as the native scanners.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    return importlib.import_module(_moved(name))


def forms(name: str) -> list[Any]:
    """A module that has a native form and a pure one, as parameters for a test of both; on the pure leg only that."""
    found = [pytest.param(pure(name), id="pure")]
    if name in penstock.compiled_modules():
        found.append(pytest.param(importlib.import_module(name), id="native"))
    return found
