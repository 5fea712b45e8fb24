"""How long each import takes while the application is imported, as a tree, with who asked for it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import FrameType, TracebackType
from typing import Any

from penstock.doctor.findings import HINT, Finding

# A start is slow from here on; an import in it is worth a word at this share.
SLOW_S = 1.0
SHARE = 0.2
CULPRITS_MAX = 3


class Node:
    """One module: `seconds` with all that it imported first, `children`; `place` is `file:line` of
    the import statement, "" where it is not in a file."""

    __slots__ = ("children", "name", "place", "seconds")

    def __init__(self, name: str, place: str = "") -> None:
        self.name = name
        self.place = place
        self.seconds = 0.0
        self.children: list[Node] = []


class ImportTimer:
    """Times the imports of this thread within a `with` block; the result is `root`.

    A finder in front of the others lets them find the module and times its loader's `exec_module`,
    on the loader object itself, which stays what it is.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.root = Node("all imports")
        self._clock = clock
        self._open = [self.root]
        self._thread = 0
        self._looking = False

    def __enter__(self) -> ImportTimer:
        self._thread = threading.get_ident()
        sys.meta_path.insert(0, self)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        sys.meta_path.remove(self)
        self.root.seconds = sum(child.seconds for child in self.root.children)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The spec that the other finders find, with its loader timed."""
        if self._looking or threading.get_ident() != self._thread:
            return None
        place = importer(sys._getframe(1))
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            self._looking = True
            try:
                spec: ModuleSpec | None = find(name, path, target)
            finally:
                self._looking = False
            if spec is not None:
                self._time(spec, place)
                return spec
        return None

    def _time(self, spec: ModuleSpec, place: str) -> None:
        loader: Any = spec.loader
        run = getattr(loader, "exec_module", None)
        if run is None or isinstance(loader, type):
            return  # built in, or frozen: a class that all such modules share

        def timed(module: Any) -> None:
            loader.__dict__.pop("exec_module", None)
            node = Node(spec.name, place)
            self._open[-1].children.append(node)
            self._open.append(node)
            began = self._clock()
            try:
                run(module)
            finally:
                node.seconds = self._clock() - began
                self._open.pop()

        try:
            loader.exec_module = timed
        except AttributeError:
            pass  # of a kind that takes no attributes: its time counts for who imports it


def importer(frame: FrameType | None) -> str:
    """`file:line` of the import statement that led to `frame`."""
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith("<frozen importlib") and "importlib/__init__" not in file:
            return "" if file.startswith("<") else f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def culprits(root: Node, own: Callable[[str], bool]) -> list[Finding]:
    """Findings on the imports that most of the start goes to: those that a file of the application
    asks for; `own` says which files are."""
    found: list[Node] = []
    if root.seconds < SLOW_S:
        return []

    def look(node: Node) -> None:
        for child in node.children:
            if child.seconds < root.seconds * SHARE:
                continue
            if child.place and own(child.place.rpartition(":")[0]) and not _is_own(child, own):
                found.append(child)
            else:
                look(child)

    look(root)
    found.sort(key=lambda node: -node.seconds)
    return [
        Finding(
            HINT,
            f"importing {node.name} takes {node.seconds:.2f} s of {root.seconds:.2f} s",
            node.place,
            f"see whether all of {node.name} is needed at the start; --preload lets all workers share one"
            " import",
            node.seconds,
        )
        for node in found[:CULPRITS_MAX]
    ]


def _is_own(node: Node, own: Callable[[str], bool]) -> bool:
    module = sys.modules.get(node.name)
    return own(getattr(module, "__file__", None) or "")
