"""Which files --reload watches, and that storms, circles and closed folders do it no harm (V12)."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import UsageError
from penstock.process import watching
from penstock.process.watching import STORM_S, Looker, Storm, Watcher, watched

DEADLINE_S = 20.0


def nothing(*_: Any) -> None:
    """A note that nobody reads."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("src/app", "src/templates", "src/node_modules/x", "src/.git", "other"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "src"


@pytest.mark.parametrize(
    "include, exclude, path, wanted",
    [
        ((), (), "main.py", True),
        ((), (), "app/views.py", True),
        ((), (), "app/page.html", False),
        ((), (), "main.pyc", False),
        ((), (), ".#main.py", False),
        ((), (), "__pycache__/main.py", False),
        ((), (), "node_modules/x/setup.py", False),
        ((), (), ".venv/lib/x.py", False),
        ((), (), "../other/main.py", False),
        (("*.html",), (), "app/page.html", True),
        (("*.html",), (), "main.py", True),
        (("templates",), (), "templates/deep/page.txt", True),
        (("templates",), (), "app/page.txt", False),
        ((".env",), (), ".env", True),
        (("app/*.json",), (), "app/data.json", True),
        (("app/*.json",), (), "data.json", False),
        ((), ("app",), "app/views.py", False),
        ((), ("app/*",), "app/views.py", False),
        ((), ("./app/*",), "app/deep/views.py", False),
        ((), ("test_*.py",), "test_main.py", False),
        ((), ("test_*.py",), "main.py", True),
        (("*.html",), ("*.py",), "main.py", False),
        (("*.html",), ("*.py",), "page.html", True),
    ],
)
def test_patterns_choose_the_files(
    folder: Path, include: tuple[str, ...], exclude: tuple[str, ...], path: str, wanted: bool
) -> None:
    found = watched((), include, exclude, str(folder))
    assert found.wants(os.path.normpath(folder / path)) is wanted


def test_folders_are_those_given_or_the_current_one_and_none_within_another(folder: Path) -> None:
    assert watched((), (), (), str(folder)).folders == (str(folder),)
    assert watched(("../other", "app"), (), (), str(folder)).folders == (
        str(folder.parent / "other"),
        str(folder / "app"),
    )
    assert watched((".", "app"), ("templates",), (), str(folder)).folders == (str(folder),)


def test_a_folder_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        watched(("nowhere",), (), (), str(folder))


def test_a_file_stands_for_itself_and_must_lie_in_a_watched_folder(folder: Path) -> None:
    for path in (
        folder / "app/site.yaml",
        folder / "app/deep.yaml",
        folder.parent / "other/x.yaml",
    ):
        path.write_text("1")
    found = watched((), ("app/site.yaml",), (), str(folder))
    assert found.wants(str(folder / "app/site.yaml"))
    assert not found.wants(str(folder / "app/deep.yaml"))
    with pytest.raises(UsageError, match=r"x\.yaml lies in none of the folders") as caught:
        watched((), ("../other/x.yaml",), (), str(folder))
    assert f"--reload-dir {folder.parent}/other" in caught.value.hint


def test_a_look_finds_what_was_made_changed_and_removed(folder: Path) -> None:
    (folder / "a.py").write_text("1")
    (folder / "b.py").write_text("1")
    looker = Looker(watched((), (), (), str(folder)), nothing)
    assert looker.look() == set()
    (folder / "a.py").write_text("12")
    (folder / "b.py").unlink()
    (folder / "app/c.py").write_text("1")
    (folder / "c.txt").write_text("1")
    names = {os.path.relpath(path, folder) for path in looker.look()}
    assert names == {"a.py", "b.py", "app/c.py"}
    assert looker.look() == set()


def test_links_in_a_circle_end_and_files_behind_a_link_are_seen_v12(folder: Path) -> None:
    (folder / "app/loop").symlink_to(folder)
    (folder / "app/self").symlink_to("self")
    (folder / "library").symlink_to(folder.parent / "other")
    looker = Looker(watched((), (), (), str(folder)), nothing)
    (folder.parent / "other/lib.py").write_text("1")
    (folder / "app/here.py").write_text("1")
    assert sorted(os.path.basename(path) for path in looker.look()) == ["here.py", "lib.py"]


def test_what_may_not_be_read_and_what_is_no_file_is_passed_over_v12(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(folder / "pipe.py")
    (folder / "dangling.py").symlink_to("nowhere")
    original = os.scandir

    def closed(path: str) -> Any:
        if str(path).endswith("app"):
            raise PermissionError(13, "closed", path)
        return original(path)

    monkeypatch.setattr(os, "scandir", closed)
    (folder / "app/hidden.py").write_text("1")
    looker = Looker(watched((), (), (), str(folder)), nothing)
    assert looker._files == {}
    (folder / "a.py").write_text("1")
    assert {os.path.basename(path) for path in looker.look()} == {"a.py"}


def test_a_storm_is_told_when_it_is_over_or_has_lasted_long_v12() -> None:
    storm = Storm()
    assert storm.over(set(), 10.0) == set()
    assert storm.over({"a"}, 11.0) == set()
    assert storm.over({"b"}, 11.2) == set()
    assert storm.over(set(), 11.4) == {"a", "b"}
    assert storm.over(set(), 11.6) == set()
    for step in range(4):
        assert storm.over({str(step)}, 20 + step * STORM_S / 4) == set()
    assert storm.over({"4"}, 20 + STORM_S) == {"0", "1", "2", "3", "4"}
    assert storm.over({"5"}, 20.1 + STORM_S) == set()


def test_too_many_files_are_told_once_and_bounded_v12(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    monkeypatch.setattr(watching, "FILES_MAX", 10)
    for number in range(30):
        (folder / f"app{number}").mkdir()
        (folder / f"app{number}/x.py").write_text("1")
    looker = Looker(watched((), (), (), str(folder)), lambda _, text: notes.append(text))
    looker.look()
    assert len(looker._files) == 10
    assert len(notes) == 1
    assert "--reload-exclude" in notes[0]


# ------------------------------------------------------------------------------------------- in time


class Heard:
    """What a watcher handed over."""

    def __init__(self) -> None:
        self.calls: list[set[str]] = []
        self.notes: list[str] = []
        self._new = threading.Condition()

    def changed(self, paths: set[str]) -> None:
        with self._new:
            self.calls.append({os.path.basename(path) for path in paths})
            self._new.notify_all()

    def note(self, _: str, text: str) -> None:
        with self._new:
            self.notes.append(text)
            self._new.notify_all()

    def until(self, holds: Callable[[], bool], again: Callable[[], object] = nothing) -> None:
        """Wait for it; `again` is done now and then, for a watcher that had not begun yet."""
        deadline = time.monotonic() + DEADLINE_S
        with self._new:
            while not holds():
                assert time.monotonic() < deadline, (self.calls, self.notes)
                again()
                self._new.wait(0.1)


@pytest.fixture(params=["looking", "told"])
def watching_by(request: pytest.FixtureRequest) -> Iterator[Callable[..., Heard]]:
    """A watcher of either kind over a folder."""
    polling = request.param == "looking"
    if not polling:
        pytest.importorskip("watchfiles")
    watchers = []

    def start(folder: Path, delay_s: float = 0.02) -> Heard:
        heard = Heard()
        watcher = Watcher(
            watched((), (), (), str(folder)), delay_s, heard.changed, heard.note, polling=polling
        )
        watchers.append(watcher)
        watcher.start()
        return heard

    yield start
    for watcher in watchers:
        watcher.stop()


def test_a_change_is_told(folder: Path, watching_by: Callable[..., Heard]) -> None:
    heard = watching_by(folder)
    path, count = folder / "app/a.py", iter(range(10**6))
    heard.until(lambda: bool(heard.calls), lambda: path.write_text(str(next(count))))
    assert heard.calls[0] == {"a.py"}
    assert heard.notes == []


def test_a_storm_is_one_change_v12(
    folder: Path, watching_by: Callable[..., Heard], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "STORM_S", 0.5)
    heard = watching_by(folder, 0.1)
    heard.until(
        lambda: bool(heard.calls), lambda: (folder / "first.py").write_text(str(time.time()))
    )
    for number in range(200):
        (folder / f"f{number}.py").write_text("1")
    expected = {f"f{number}.py" for number in range(200)}
    heard.until(lambda: expected <= set().union(*heard.calls[1:]))
    assert len(heard.calls) <= 4


def test_circles_stop_no_watcher_v12(folder: Path, watching_by: Callable[..., Heard]) -> None:
    (folder / "app/loop").symlink_to(folder)
    (folder / "app/self").symlink_to("self")
    heard = watching_by(folder)
    path, count = folder / "a.py", iter(range(10**6))
    heard.until(lambda: bool(heard.calls), lambda: path.write_text(str(next(count))))
    assert heard.notes == []


def test_where_the_system_does_not_tell_the_files_are_looked_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> Any:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr(watching, "_watchfiles", lambda: fails)
    heard = Heard()
    watcher = Watcher(
        watched((), (), (), str(folder)), 0.02, heard.changed, heard.note, polling=False
    )
    watcher.start()
    try:
        heard.until(lambda: bool(heard.notes))
        assert "watch limit reached" in heard.notes[0]
        path, count = folder / "a.py", iter(range(10**6))
        heard.until(lambda: bool(heard.calls), lambda: path.write_text(str(next(count))))
    finally:
        watcher.stop()


def test_without_watchfiles_it_is_said_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(UsageError, match="needs the package watchfiles") as caught:
        Watcher(watched((), (), (), str(folder)), 1.0, nothing, nothing, polling=False)
    assert "pip install 'penstock[reload]'" in caught.value.hint
    assert "--reload-polling" in caught.value.hint


CLOSED = """
import os, sys, threading
from penstock.process.watching import Watcher, watched
import platform  # while its file may be read: watchfiles asks for it
import queue
try:
    import watchfiles
except ImportError:
    watchfiles = None
os.setuid(65534)
found = queue.Queue()
for polling in [True, False] if watchfiles else [True]:
    watcher = Watcher(watched((), (), (), sys.argv[1]), 0.02, found.put,
                      lambda _, text: found.put(text), polling=polling)
    watcher.start()
    for number in range(1000):
        with open(sys.argv[1] + "/open.py", "w") as file:
            file.write(str(number))
        try:
            print(sorted(found.get(timeout=0.1)))
            break
        except queue.Empty:
            pass
    watcher.stop()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody who may not")
def test_a_folder_that_may_not_be_read_stops_no_watcher_v12(
    open_folder: Path,
) -> None:
    (open_folder / "closed").mkdir(mode=0)
    os.chown(open_folder, 65534, 65534)
    environ = {**os.environ, "PYTHONPATH": str(Path(watching.__file__).parents[2])}
    command = [sys.executable, "-c", CLOSED, str(open_folder)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    assert set(lines) == {str([str(open_folder / "open.py")])}
