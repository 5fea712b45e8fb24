"""Which files `--reload` watches, and how it learns that they changed.

    Watched     decides: folders, patterns of names, what is left out; looks at no file
    Looker      looks at the files themselves (`--reload-polling`)
    watch       hands over what changed, from a thread: by watchfiles, or by a Looker

A storm of changes is one change: the thread waits until none came for `--reload-delay`, and hands over
what it has after `STORM_S` at the latest. Symbolic links that lead in a circle, folders that may not be
read and files that vanish while they are looked at are passed over (V12).
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from penstock.errors import UsageError

PATTERNS = ("*.py",)
# Folders whose files are made by programs, or are other people's: nobody edits them by hand.
LEFT_OUT = frozenset({
    "__pycache__", "__pypackages__", "node_modules", "bower_components", "site-packages", "venv",
})  # fmt: skip

# The longest that a storm of changes is waited out: a checkout of a large branch takes about that.
STORM_S = 2.0
# A Looker's part of one core, however many files there are.
LOOK_SHARE = 0.1
# Beyond them a Looker looks at no more files, and says so: its memory and time are for development.
FILES_MAX = 50_000
# Python's own folders are not deeper; a link that leads in a circle would have no end.
DEPTH_MAX = 64


class Watched(NamedTuple):
    """`folders` to watch, absolute; file names that match one of `include` and none of `exclude`,
    and lie in none of the folders `pruned`, absolute."""

    folders: tuple[str, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    pruned: frozenset[str]

    def wants(self, path: str) -> bool:
        """Whether a change of the file at `path`, absolute, is one to start again for."""
        folder = next((each for each in self.folders if _inside(path, each)), None)
        if folder is None:
            return False
        relative = os.path.relpath(path, folder).replace(os.sep, "/")
        *folders, name = relative.split("/")
        here = folder
        for each in folders:
            here = os.path.join(here, each)
            if not self.enters(here):
                return False
        return self._takes(name, relative, path)

    def enters(self, folder: str) -> bool:
        """Whether files in this folder, absolute, may be wanted."""
        name = os.path.basename(folder)
        return not (
            name.startswith(".") or name in LEFT_OUT or folder in self.pruned
            or any(_matches(pattern, name, folder, folder) for pattern in self.exclude)
        )  # fmt: skip

    def _takes(self, name: str, relative: str, path: str) -> bool:
        if any(_matches(pattern, name, relative, path) for pattern in self.exclude):
            return False
        # What begins with a dot is an editor's own, unless it is asked for by such a pattern
        return any(
            _matches(pattern, name, relative, path)
            and (not name.startswith(".") or os.path.basename(pattern).startswith("."))
            for pattern in self.include
        )


def watched(
    folders: Iterable[str], include: Iterable[str], exclude: Iterable[str], current: str
) -> Watched:
    """Return what the options mean, seen from the folder `current`.

    `folders`: none for `current`. A pattern is of a name (`*.html`) or of a path (`templates/*`); one
    that is a folder stands for all that is in it, one that is a file for that file. `*.py` is watched
    unless it is excluded by just that pattern. UsageError for a folder that is not there, and for a
    file that lies in none of the folders.
    """
    roots = [os.path.abspath(os.path.join(current, each)) for each in folders] or [current]
    for root in roots:
        if not os.path.isdir(root):
            raise UsageError(f"--reload-dir {root}: there is no such folder")
    left_out = list(exclude)
    wanted = [pattern for pattern in PATTERNS if pattern not in left_out]
    files = []
    for pattern in include:
        place = os.path.realpath(os.path.join(current, pattern))
        if os.path.isdir(place):
            roots.append(place)
            wanted.append(f"{place}/*")
        elif os.path.isfile(place):
            files.append(place)
            wanted.append(place)
        else:
            wanted.append(pattern)
    outermost = _outermost(roots)
    for file in files:
        if not any(_inside(file, folder) for folder in outermost):
            raise UsageError(
                f"--reload-include {file} lies in none of the folders that are watched",
                f"add --reload-dir {os.path.dirname(file)}, which watches all of that folder",
            )
    pruned = {os.path.realpath(os.path.join(current, each)) for each in left_out}
    return Watched(
        outermost,
        tuple(dict.fromkeys(wanted)),
        tuple(left_out),
        frozenset(each for each in pruned if os.path.isdir(each)),
    )


def _outermost(folders: Iterable[str]) -> tuple[str, ...]:
    """The folders that lie in none of the others."""
    found = dict.fromkeys(os.path.realpath(each) for each in folders)
    return tuple(
        each for each in found if not any(each != other and _inside(each, other) for other in found)
    )


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _matches(pattern: str, name: str, relative: str, path: str) -> bool:
    pattern = pattern.removeprefix("./")
    if "/" not in pattern:
        return fnmatchcase(name, pattern)
    return fnmatchcase(relative, pattern) or fnmatchcase(path.replace(os.sep, "/"), pattern)


class Looker:
    """Knows the state of all watched files, and which changed since the last look.

    `note(level, text)` is told once if there are too many.
    """

    __slots__ = ("_files", "_note", "_told", "_watched")

    def __init__(self, watched: Watched, note: Callable[[str, str], None]) -> None:
        self._watched = watched
        self._note = note
        self._told = False
        self._files = self._seen()

    def look(self) -> set[str]:
        """The files that were made, changed or removed since the last look."""
        before, self._files = self._files, self._seen()
        changed = {path for path, state in self._files.items() if before.get(path) != state}
        return changed | (before.keys() - self._files.keys())

    def _seen(self) -> dict[str, tuple[int, int, int]]:
        files: dict[str, tuple[int, int, int]] = {}
        been: set[tuple[int, int]] = set()
        waiting = [(folder, 0) for folder in self._watched.folders]
        while waiting:
            folder, depth = waiting.pop()
            try:
                found = os.stat(folder)
                if (found.st_dev, found.st_ino) in been or depth > DEPTH_MAX:
                    continue  # a link led here again
                been.add((found.st_dev, found.st_ino))
                with os.scandir(folder) as entries:
                    waiting += [(path, depth + 1) for path in self._looked_at(entries, files)]
            except OSError:
                continue  # it vanished, or may not be read
            if len(files) >= FILES_MAX:
                self._too_many()
                break
        return files

    def _looked_at(
        self, entries: Iterable[os.DirEntry[str]], files: dict[str, tuple[int, int, int]]
    ) -> Iterable[str]:
        for entry in entries:
            try:
                if entry.is_dir():
                    if self._watched.enters(entry.path):
                        yield entry.path
                elif self._watched.wants(entry.path):
                    found = entry.stat()
                    if stat.S_ISREG(found.st_mode):
                        files[entry.path] = (found.st_mtime_ns, found.st_size, found.st_ino)
            except OSError:
                continue

    def _too_many(self) -> None:
        if not self._told:
            self._told = True
            self._note(
                "warning",
                f"There are more than {FILES_MAX} files to look at, and the rest is not watched;"
                " --reload-dir and --reload-exclude leave some out",
            )


class Storm:
    """Makes one change of many (V12): those of each look go in, and all come out when a look found
    none, or `STORM_S` after the first."""

    __slots__ = ("_began", "_found")

    def __init__(self) -> None:
        self._found: set[str] = set()
        self._began = 0.0

    def over(self, news: set[str], now: float) -> set[str]:
        """Take the news of a look at `now`, in seconds; return what is to be told now."""
        if not self._found:
            self._began = now
        self._found |= news
        if news and now - self._began < STORM_S:
            return set()
        found, self._found = self._found, set()
        return found


class Watcher:
    """Watches in a thread of its own from `start` until `stop`, which waits for its end.

    `changed(paths)` and `note(level, text)` are called on that thread. `polling`: look at the files
    instead of asking the system through watchfiles. UsageError from the constructor if watchfiles is
    needed and not there.
    """

    def __init__(
        self,
        watched: Watched,
        delay_s: float,
        changed: Callable[[set[str]], None],
        note: Callable[[str, str], None],
        *,
        polling: bool,
    ) -> None:
        self._watched = watched
        self._delay_s = delay_s
        self._changed = changed
        self._note = note
        self._stop = threading.Event()
        self._notified: Any = None if polling else _watchfiles()
        self._looker: Looker | None = None
        self._thread = threading.Thread(target=self._run, name="penstock-reload", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        if self._notified is None:
            # Not on the thread, which may begin late: what changes from here on is to be seen
            self._looker = Looker(self._watched, self._note)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        if self._notified is not None:
            try:
                self._ask()
            except Exception as error:
                # Too many watches, a file system without them, a folder that vanished
                self._note(
                    "warning",
                    f"The system does not tell of changed files ({error}), so they are looked at"
                    f" every {self._delay_s:g} s",
                )
            else:
                return
        self._look()

    def _ask(self) -> None:
        step_ms = max(10, round(self._delay_s * 1000))
        for changes in self._notified(
            *self._watched.folders,
            watch_filter=lambda _change, path: self._watched.wants(path),
            debounce=max(step_ms, round(STORM_S * 1000)),
            step=step_ms,
            stop_event=self._stop,
            rust_timeout=1000,
            ignore_permission_denied=True,
        ):
            self._changed({path for _, path in changes})

    def _look(self) -> None:
        looker = self._looker or Looker(self._watched, self._note)
        storm = Storm()
        pause_s = self._delay_s
        while not self._stop.wait(pause_s):
            began = time.monotonic()
            if changed := storm.over(looker.look(), began):
                self._changed(changed)
            took_s = time.monotonic() - began
            pause_s = max(self._delay_s, took_s / LOOK_SHARE)


def _watchfiles() -> Any:
    try:
        from watchfiles import watch
    except ImportError:
        raise UsageError(
            "--reload needs the package watchfiles, which tells of changed files",
            "pip install 'penstock[reload]', or add --reload-polling, which looks at them instead",
        ) from None
    return watch
