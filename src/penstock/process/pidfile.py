"""The file that names the server's process (`--pid`).

A left-over file is replaced, one of a living process stops the start, and at the end the file is
removed if it still names this process. Symbolic links are never followed, and nothing that is no
ordinary file is ever touched (V07).
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import NamedTuple

from penstock.errors import SetupError

# A pid and a line's end; whoever wrote more did not write a pid file.
BYTES_MAX = 64
# A process is no older than its file says: the system counts starts in hundredths of seconds and
# the clock may be set a little meanwhile.
CLOCK_TOLERANCE_S = 2.0
# Two servers that start at once find each other's files; each look finds at most one new one.
LOOKS_MAX = 5


class Found(NamedTuple):
    """A pid file that is there. `pid` is None where the content is none."""

    pid: int | None
    modified_s: float
    identity: tuple[int, int]  # device and inode


class PidFile:
    """The file at `path`, once `claim` succeeded.

    `predecessor`: a living process whose file may be taken over, because it hands its sockets to
    this one; 0 for none.
    """

    __slots__ = ("_fd", "_pid", "path", "predecessor")

    def __init__(self, path: str, predecessor: int = 0) -> None:
        # The application may change the folder before the end
        self.path = os.path.abspath(path)
        self.predecessor = predecessor
        self._pid = 0
        self._fd = -1

    def claim(self) -> None:
        """Write this process's id. SetupError if the file is another's, or cannot be written."""
        pid = os.getpid()
        temporary = f"{self.path}.{pid}.new"
        try:
            fd = _created(temporary)
        except OSError as error:
            raise SetupError(
                f"The pid file {self.path} cannot be written: {error.strerror}",
                "Give --pid a path in a folder where this user may write; the folder must be there.",
            ) from None
        try:
            os.write(fd, b"%d\n" % pid)
            self._place(temporary)
        except BaseException as error:
            os.close(fd)
            if isinstance(error, OSError):
                raise SetupError(
                    f"The pid file {self.path} cannot be written: {error.strerror}",
                    "Give --pid another path, or remove what is there.",
                ) from None
            raise
        finally:
            os.unlink(temporary)
        self._pid, self._fd = pid, fd

    def _place(self, temporary: str) -> None:
        """Give the new file its name, which fails if there is a file by then: so of two servers
        that start at once one succeeds."""
        for _ in range(LOOKS_MAX):
            try:
                os.link(temporary, self.path, follow_symlinks=False)
            except FileExistsError:
                self._make_room()
            else:
                return
        raise SetupError(
            f"The pid file {self.path} is made anew whenever a stale one is removed",
            "Another server is starting with the same --pid: give each its own.",
        )

    def _make_room(self) -> None:
        try:
            found = read(self.path)
        except FileNotFoundError:
            return
        if found.pid is not None and found.pid not in {os.getpid(), self.predecessor}:
            who = living(found.pid, found.modified_s)
            if who:
                raise SetupError(
                    f"The pid file {self.path} belongs to process {found.pid}, which runs: {who}",
                    f"Stop it (kill {found.pid}), or give --pid another path.",
                )
        _unlink_if(self.path, found.identity)

    def remove(self) -> None:
        """Remove the file if it is still the one that `claim` wrote. May be called again."""
        fd, self._fd = self._fd, -1
        if fd == -1:
            return
        try:
            # In a child that was forked from this process: the file is not its own
            if os.getpid() == self._pid:
                ours = os.fstat(fd)
                _unlink_if(self.path, (ours.st_dev, ours.st_ino))
        except OSError:
            # After a change of user the folder may be closed to us: an empty file names nobody
            with contextlib.suppress(OSError):
                os.ftruncate(fd, 0)
        finally:
            os.close(fd)


def read(path: str) -> Found:
    """What the file at `path` says. FileNotFoundError, or SetupError if it is no ordinary file."""
    try:
        # Not blocking: opening a named pipe would wait for a writer
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        what = "a symbolic link" if os.path.islink(path) else f"unreadable ({error.strerror})"
        raise _not_touched(path, what) from None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise _not_touched(path, "no ordinary file")
        data = os.read(fd, BYTES_MAX + 1)
    finally:
        os.close(fd)
    text = data.strip()
    if text and not (text.isdigit() and len(data) <= BYTES_MAX):
        raise _not_touched(path, "no pid file: it holds something else")
    # An empty one is what a server left that was killed while it wrote
    pid = int(text) if text else None
    return Found(pid, found.st_mtime, (found.st_dev, found.st_ino))


def living(pid: int, since_s: float) -> str:
    """Who `pid` is, if it runs and is the one that wrote a file at `since_s` (seconds of the
    epoch); "" if it is gone.

    A process that started after the file was written got a number that was used before.
    """
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return ""
    except PermissionError:
        pass  # it runs, as another user
    began_s = _began_s(pid)
    if began_s is not None and began_s > since_s + CLOCK_TOLERANCE_S:
        return ""
    return _command(pid) or "its command cannot be seen"


def _began_s(pid: int) -> float | None:
    """When the process started, in seconds of the epoch; None where the system does not say
    (proc(5): starttime in clock ticks after boot, btime)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        with open("/proc/stat", "rb") as file:
            boot_s = next(int(line.split()[1]) for line in file if line.startswith(b"btime "))
        return boot_s + ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(300).replace(b"\0", b" ").decode("utf-8", "backslashreplace").strip()
    except OSError:
        return ""
    return words if words.isprintable() else ascii(words)


def _created(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o644)
    except FileExistsError:
        # Of a process with our number that was killed at this very place
        os.unlink(path)
        return os.open(path, flags, 0o644)


def _unlink_if(path: str, identity: tuple[int, int]) -> None:
    """Remove the file only if it is the one that was looked at."""
    with contextlib.suppress(FileNotFoundError):
        found = os.lstat(path)
        if (found.st_dev, found.st_ino) == identity:
            os.unlink(path)


def _not_touched(path: str, what: str) -> SetupError:
    return SetupError(
        f"The pid file {path} is {what}, so it is left alone",
        "Remove it, or give --pid another path.",
    )
