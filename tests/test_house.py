"""The rules of the house (design: one-way imports, small documented modules, tests that mirror the tree), read from the code."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import COMPILED, NATIVE, ROOT, SRC, dotted, file_of

MODULES = sorted(SRC.rglob("*.py"))
LINES_MAX = 450

# A room imports only itself and rooms to its left. Modules directly under penstock/ are rooms of one module.
ROOMS = (
    "_leg",
    "errors",
    "asgi",
    "config",
    "wire",
    "gateway",
    "transport",
    "observe",
    "groups",
    "process",
    "cli",
)
# What stands beside the row: which rooms it may use, `penstock` being the public surface, that is `penstock/__init__.py`.
BESIDE = {
    "penstock": set(ROOMS) - {"cli"},
    "__main__": {"cli"},
    "bridge": {*ROOMS[: ROOMS.index("gateway") + 1]},
    "conformance": {"penstock", "testing"},
    "testing": {"penstock"},
    "doctor": {*ROOMS[: ROOMS.index("transport") + 1]},
    "cli": {*ROOMS, "penstock", "bridge", "conformance", "doctor"},
}

# wire/ and gateway/ decide; clocks, chance, sockets, logs and scheduling are handed to them.
HANDED_IN = {
    "asyncio",
    "logging",
    "random",
    "secrets",
    "selectors",
    "socket",
    "ssl",
    "threading",
    "time",
    "uvloop",
}
SANS_IO_EXCEPTIONS: dict[tuple[str, str], str] = {}

# Modules without a test module of their own, and why.
UNMIRRORED = {
    "penstock.conformance.server_certificate": "a constant: the cases over TLS use it",
    "penstock.asgi": "types only: mypy is their test",
    "penstock.process.events": "names only: the tests of the policy use each of them",
}

UNFINISHED = re.compile(
    "|".join(
        (
            r"\bTO" + r"DO\b",
            r"\bFIX" + r"ME\b",
            r"\bX" + r"XX\b",
            r"\bHA" + r"CK\b",
            r"\bfor n" + r"ow\b(?! in\b)",  # but `for now in range(...)`
        )
    )
)


def room_of(name: str) -> str:
    """The room of a dotted module name."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "penstock"


def is_module(name: str) -> bool:
    """Whether a dotted name is a module or package of the tree."""
    path = file_of(name)
    return (
        path.is_file()
        or path.with_suffix(".pyx").is_file()
        or (path.with_suffix("") / "__init__.py").is_file()
    )


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything that a module imports, inside functions and TYPE_CHECKING too."""
    here = dotted(path).split(".")
    package = here if path.name == "__init__.py" else here[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (
                [*package[: len(package) - node.level + 1], *filter(None, [node.module])]
                if node.level
                else [node.module or ""]
            )
            for alias in node.names:
                inner = ".".join((*base, alias.name))
                if inner == "penstock.__version__":  # a constant that each room may show
                    continue
                yield (
                    node.lineno,
                    inner if base[0] == "penstock" and is_module(inner) else ".".join(base),
                )


def allowed(room: str) -> set[str]:
    """The rooms that a room may import, itself included."""
    return {room, *(BESIDE[room] if room in BESIDE else ROOMS[: ROOMS.index(room)])}


def test_every_room_is_known() -> None:
    """A new room takes its place in the row before anything imports it."""
    assert {room_of(dotted(path)) for path in MODULES} - {*ROOMS, *BESIDE} == set()


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_rooms_import_only_rooms_to_their_left(path: Path) -> None:
    """Relative, absolute and lazy imports alike follow the one direction."""
    may = allowed(room_of(dotted(path)))
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for line, name in imports(path)
        if name.split(".")[0] == "penstock" and room_of(name) not in may
    ]
    assert wrong == []


def test_codecs_and_conversations_are_sans_io() -> None:
    """wire/ and gateway/ import no clock, socket, log, thread or event loop; the exceptions are all still needed."""
    found = {
        (dotted(path), name.split(".")[0])
        for room in ("wire", "gateway")
        for path in (SRC / room).rglob("*.py")
        for _, name in imports(path)
        if name.split(".")[0] in HANDED_IN
    }
    assert found == found & set(SANS_IO_EXCEPTIONS)
    assert {pair for pair in SANS_IO_EXCEPTIONS if file_of(pair[0]).exists()} <= found


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_modules_are_small(path: Path) -> None:
    """A module that passes 450 lines is two."""
    lines = len(path.read_text().splitlines())
    assert lines <= LINES_MAX


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_modules_say_what_they_are_for(path: Path) -> None:
    """Each module starts with a docstring."""
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_nothing_is_marked_as_unfinished() -> None:
    """Work that is not done is not in the tree; it is an issue."""
    marked = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("src", "tests", "tools", "bench", "fuzz", "examples")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".pyx", ".pxd", ".sh"}
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert marked == []


@pytest.mark.parametrize(
    "name",
    sorted({dotted(path) for path in MODULES if path.name not in {"__init__.py", "__main__.py"}}),
)
def test_tests_mirror_the_tree(name: str) -> None:
    """src/penstock/wire/http1.py is tested by tests/wire/test_http1.py, penstock/_leg.py by tests/test_leg.py."""
    *rooms, module = name.split(".")[1:]
    mirrored = ROOT.joinpath("tests", *rooms, f"test_{module.removeprefix('_')}.py").is_file()
    assert mirrored != (name in UNMIRRORED), (
        "add the test module, or strike the name from UNMIRRORED"
    )


def test_what_is_listed_as_compiled_exists() -> None:
    """Each name in setup.py has its source and, unless it is native, its .pxd; each .pxd is listed."""
    assert [
        name
        for name in COMPILED
        if not (file_of(name).is_file() and file_of(name, ".pxd").is_file())
    ] == []
    assert [name for name in NATIVE if not file_of(name, ".pyx").is_file()] == []
    assert {dotted(path) for path in SRC.rglob("*.pxd")} <= {*COMPILED, *NATIVE}
    assert {dotted(path) for path in SRC.rglob("*.pyx")} == set(NATIVE)


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_modules_are_plain_python(name: str) -> None:
    """A compiled module knows nothing of it: no `import cython`; and its annotations are objects, as its .pxd needs them."""
    found = {name for _, name in imports(file_of(name))}
    assert not found & {"cython", "Cython", "__future__"}


def test_builds_with_and_without_isolation_use_the_same_tools() -> None:
    """requirements/build.txt repeats what pyproject.toml asks of a build."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    lines = (ROOT / "requirements/build.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == asked
