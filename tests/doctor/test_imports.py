"""Imports are timed as the tree that they are, and modules are left as they were."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.doctor.imports import ImportTimer, Node, culprits


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """`penstock_a` imports `penstock_b` twice and `penstock_c`, which fails."""
    (tmp_path / "penstock_a.py").write_text(
        "import penstock_b\n\nimport penstock_b\n"
        "try:\n    import penstock_c\nexcept ZeroDivisionError:\n    pass\n"
    )
    (tmp_path / "penstock_b.py").write_text("")
    (tmp_path / "penstock_c.py").write_text("import penstock_d\n1 / 0\n")
    (tmp_path / "penstock_d.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield tmp_path
    for name in "abcd":
        sys.modules.pop(f"penstock_{name}", None)


def ticking() -> Iterator[float]:
    """A clock that goes on a second with each look."""
    now = 0.0
    while True:
        now += 1
        yield now


def test_each_import_has_its_time_its_place_and_its_own_imports(tree: Path) -> None:
    clock = ticking()
    with ImportTimer(lambda: next(clock)) as timer:
        importlib.import_module("penstock_a")
    (a,) = timer.root.children
    b, c = a.children
    (d,) = c.children
    assert [(each.name, each.seconds) for each in (a, b, c, d)] == [
        ("penstock_a", 7), ("penstock_b", 1), ("penstock_c", 3), ("penstock_d", 1),
    ]  # fmt: skip
    assert timer.root.seconds == 7
    assert b.place == f"{tree / 'penstock_a.py'}:1"
    assert c.place == f"{tree / 'penstock_a.py'}:5"


def test_nothing_stays_behind(tree: Path) -> None:
    before = list(sys.meta_path)
    with ImportTimer():
        module = importlib.import_module("penstock_b")
    assert sys.meta_path == before
    assert module.__spec__ is not None
    assert "exec_module" not in vars(module.__spec__.loader)


def test_a_module_that_is_not_there_is_missed_as_ever() -> None:
    with ImportTimer(), pytest.raises(ModuleNotFoundError, match="penstock_none"):
        importlib.import_module("penstock_none")


def node(name: str, seconds: float, *children: Node, place: str = "") -> Node:
    made = Node(name, place)
    made.seconds = seconds
    made.children = list(children)
    return made


def test_what_the_applications_own_files_import_is_blamed_for_a_slow_start() -> None:
    inner = node("inner", 1.8, place="/lib/heavy.py:1")
    heavy = node("heavy", 1.9, inner, place="/srv/app.py:3")
    light = node("light", 0.1, place="/srv/app.py:4")
    root = node("all", 2.5, node("app", 2.2, heavy, light, place="/lib/importing.py:9"))
    (finding,) = culprits(root, lambda file: file.startswith("/srv/"))
    assert finding.place == "/srv/app.py:3"
    assert "importing heavy takes 1.90 s of 2.50 s" in finding.text


def test_a_quick_start_is_nobodys_fault() -> None:
    root = node("all", 0.5, node("heavy", 0.4, place="/srv/app.py:3"))
    assert culprits(root, lambda file: file.startswith("/srv/")) == []
