"""APP is read, its module imported; what goes wrong is explained (exit 2 and 4)."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import ImportFailed, UsageError
from penstock.gateway.importing import import_named, listed, parse, trim

Write = Callable[[str, str], None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def imported(spec: str, app_dir: str = "") -> Any:
    return import_named(parse(spec), app_dir)


def failure(spec: str, app_dir: str = "") -> ImportFailed:
    with pytest.raises(ImportFailed) as seen:
        imported(spec, app_dir)
    assert seen.value.exit_code == 4
    return seen.value


@pytest.mark.parametrize(
    "spec, module, file, attribute, call",
    [
        ("main:app", "main", "", "app", None),
        ("a.b.c:d.e", "a.b.c", "", "d.e", None),
        ("main", "main", "", "", None),
        ("main:make()", "main", "", "make", ((), {})),
        ("main:a.make('x', debug=True)", "main", "", "a.make", (("x",), {"debug": True})),
        ("a/main.py", "", "a/main.py", "", None),
        ("a/main.py:app", "", "a/main.py", "app", None),
        ("../main.py:make()", "", "../main.py", "make", ((), {})),
    ],
)
def test_every_form_of_app_is_read(
    spec: str, module: str, file: str, attribute: str, call: Any
) -> None:
    assert parse(spec) == (spec, module, file, attribute, call)


@pytest.mark.parametrize(
    "spec, hint",
    [
        ("main:", "write main:app, or main"),
        (":app", "as in main:app"),
        ("src/main:app", "write src.main:app"),
        ("my-app:app", "as in main:app"),
        ("main:app:x", "write module:app"),
        ("main:1x", "write module:app"),
        ("main:make(x)", "create_app('production', debug=False)"),
        ("main:make(*[1])", "create_app('production', debug=False)"),
        ("main:make(**{})", "create_app('production', debug=False)"),
        ("main:make(", "create_app('production', debug=False)"),
        ("main:(1)", "create_app('production', debug=False)"),
    ],
)
def test_what_can_name_nothing_is_a_usage_error(spec: str, hint: str) -> None:
    with pytest.raises(UsageError) as seen:
        parse(spec)
    assert hint in seen.value.hint


def test_the_current_folder_is_importable(folder: Path) -> None:
    (folder / "here_mod.py").write_text("value = 1")
    assert imported("here_mod:app").value == 1


def test_another_folder_is_importable_with_app_dir(folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "src" / "there_mod.py").write_text("value = 2")
    assert "there_mod" in failure("there_mod").args[0]
    assert imported("there_mod", "src").value == 2
    with pytest.raises(UsageError, match="--app-dir nowhere: there is no such folder"):
        imported("there_mod", "nowhere")


def test_a_file_is_imported_under_its_full_package_name(folder: Path) -> None:
    package = folder / "proj" / "pkg_a" / "pkg_b"
    package.mkdir(parents=True)
    for init in (package, package.parent):
        (init / "__init__.py").write_text("")
    (package / "web.py").write_text("from . import __name__ as package")
    module = imported("proj/pkg_a/pkg_b/web.py")
    assert (module.__name__, module.package) == ("pkg_a.pkg_b.web", "pkg_a.pkg_b")
    assert imported("proj/pkg_a/__init__.py").__name__ == "pkg_a"


def test_a_file_that_is_not_there_is_explained(folder: Path) -> None:
    (folder / "service.py").write_text("")
    assert failure("servce.py").hint == "did you mean service.py?"
    assert failure("zzz.py").hint == ""
    assert "nor is there a folder" in failure("x/service.py").hint


def test_a_file_with_the_name_of_another_module_is_explained(folder: Path) -> None:
    (folder / "json.py").write_text("")
    error = failure("json.py")
    assert "has the name of another module" in str(error)
    assert error.hint == "rename the file"


def test_a_file_name_that_python_cannot_import_is_explained(folder: Path) -> None:
    (folder / "my-app.py").write_text("")
    assert "no module name" in str(failure("my-app.py"))


def test_a_module_that_is_not_there_suggests_the_nearest(folder: Path) -> None:
    (folder / "website.py").write_text("")
    error = failure("webiste:app")
    assert str(error) == f"there is no module 'webiste', seen from {folder}"
    assert error.hint == "did you mean website:app?"
    assert error.__cause__ is None
    assert "found there: website; --app-dir" in failure("zzz").hint


def test_an_empty_folder_is_told(folder: Path) -> None:
    assert "no Python files" in failure("zzz").hint


def test_a_submodule_that_is_not_there_suggests_its_neighbour(folder: Path) -> None:
    (folder / "shop_pkg").mkdir()
    (folder / "shop_pkg" / "__init__.py").write_text("")
    (folder / "shop_pkg" / "asgi.py").write_text("")
    assert failure("shop_pkg.agsi:app").hint == "did you mean shop_pkg.asgi:app?"


def test_a_dot_in_place_of_the_colon_is_noticed(folder: Path) -> None:
    (folder / "dotted_mod.py").write_text("app = 1")
    assert failure("dotted_mod.app").hint == "did you mean dotted_mod:app?"
    assert failure("dotted_mod.nothing").hint == "did you mean dotted_mod:nothing?"


def frames(error: BaseException) -> list[str]:
    trace, found = error.__traceback__, []
    while trace is not None:
        found.append(Path(trace.tb_frame.f_code.co_filename).name)
        trace = trace.tb_next
    return found


def test_what_the_users_module_raises_is_the_cause_from_its_first_frame_on(folder: Path) -> None:
    (folder / "broken_mod.py").write_text("import broken_inner")
    (folder / "broken_inner.py").write_text("1 / 0")
    error = failure("broken_mod:app")
    assert (
        str(error) == "broken_mod raised ZeroDivisionError while it was imported: division by zero"
    )
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert [name for name in frames(error.__cause__) if not name.startswith("<frozen")] == [
        "broken_mod.py",
        "broken_inner.py",
    ]
    assert frames(error.__cause__)[0] == "broken_mod.py"


def test_a_module_that_the_users_module_lacks_is_not_the_users_typing_mistake(folder: Path) -> None:
    (folder / "needs_mod.py").write_text("import not_installed_anywhere")
    error = failure("needs_mod:app")
    assert "raised ModuleNotFoundError" in str(error)
    assert error.hint == f"is not_installed_anywhere installed for {sys.executable}?"
    (folder / "selfish_mod.py").write_text("import selfish_mod.missing")
    assert "raised ModuleNotFoundError" in str(failure("selfish_mod.missing"))


def test_a_syntax_error_is_shown_as_such(folder: Path) -> None:
    (folder / "typo_mod.py").write_text("def x(:\n")
    error = failure("typo_mod:app")
    assert isinstance(error.__cause__, SyntaxError)


def test_a_module_that_ends_the_process_is_explained(folder: Path) -> None:
    (folder / "exits_mod.py").write_text("import sys; sys.exit(3)")
    error = failure("exits_mod:app")
    assert "raised SystemExit while it was imported: 3" in str(error)
    assert "__main__" in error.hint


def test_nothing_is_trimmed_of_a_traceback_that_starts_with_the_user() -> None:
    with pytest.raises(KeyError) as seen:
        raise KeyError
    assert trim(seen.value) is seen.value.__traceback__


def test_a_long_list_is_cut() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdefgh")) == "a, b, c, d, e, f and 2 more"


def test_a_module_made_a_moment_ago_is_found(folder: Path) -> None:
    """Python looks into a folder again only when its time has changed, which takes a tick of the clock."""
    failure("fresh:app")
    before = folder.stat().st_mtime_ns
    (folder / "fresh.py").write_text("app = 1")
    os.utime(folder, ns=(before, before))
    assert imported("fresh:app").app == 1


def test_a_folder_made_since_the_last_look_is_looked_into(folder: Path) -> None:
    """What was no folder once, and is remembered as such, is asked again."""
    later = folder / "later"
    sys.path.insert(0, str(later))
    sys.path_importer_cache[str(later)] = None
    later.mkdir()
    (later / "fresh.py").write_text("app = 2")
    assert imported("fresh:app").app == 2
