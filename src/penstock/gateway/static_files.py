"""Opening a file below a folder, so that nothing outside of the folder is ever opened (A12).

The folder itself is the operator's word and may be, or lie behind, a symbolic link. Below it each
name is opened relative to its folder's descriptor and without following a link, so that nobody can
exchange a folder for a link in between. Where a link is met, the whole path is resolved; if it ends
inside, the resolved path is opened in the same strict way.

This runs on the loop's thread: see docs/static.md for what that costs.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# What `open_below` says when there is no file, as the status that fits.
MISSING = 404
FORBIDDEN = 403
FOLDER = 308
BUSY = 503
FAILED = 500

# O_NONBLOCK: opening a FIFO would wait for a writer. It means nothing to a regular file.
_FILE_FLAGS = os.O_RDONLY
for _name in ("O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY", "O_NOFOLLOW", "O_BINARY", "O_NOINHERIT"):
    _FILE_FLAGS |= getattr(os, _name, 0)
# With O_PATH a folder need not be readable to be gone through, as everywhere else.
_FOLDER_FLAGS = os.O_RDONLY
for _name in ("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_PATH"):
    _FOLDER_FLAGS |= getattr(os, _name, 0)
_RELATIVE = os.open in os.supports_dir_fd

# What opening a link without following it says; a file in the place of a folder says ENOTDIR, too.
_MAY_BE_LINK = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})
_STATUS = (
    dict.fromkeys((errno.EACCES, errno.EPERM), FORBIDDEN)
    | dict.fromkeys((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS), BUSY)
    | dict.fromkeys(
        (
            errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL,
            errno.EISDIR, errno.ENXIO, errno.ENODEV,
        ),
        MISSING,
    )
)  # fmt: skip


class OpenFile:
    """A regular file, open for reading: `fd`, and of its `fstat` what is needed. `close()` it; what is
    forgotten closes with its last reference."""

    __slots__ = ("changed_ns", "fd", "modified_ns", "size")

    def __init__(self, fd: int, info: os.stat_result) -> None:
        self.fd = fd
        self.size = info.st_size
        self.modified_ns = info.st_mtime_ns
        self.changed_ns = info.st_ctime_ns

    def close(self) -> None:
        """Let go of the descriptor; more than once is once."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    __del__ = close

    def read(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes; fewer only where the file ends. Raises OSError."""
        data = os.pread(self.fd, count, offset)
        while data and len(data) < count:
            more = os.pread(self.fd, count - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data


class OpenFailed(Exception):
    """There is no such file to be had: `status` says why, `error` is the system's word, if any."""

    def __init__(self, status: int, error: OSError | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.error = error


def open_below(folder: str, names: Sequence[str], *, symlinks: bool) -> OpenFile:
    """Open the regular file that `names` (checked, not empty) lead to from `folder`.

    `symlinks`: those that end inside of the folder are followed, else none. Raises OpenFailed.
    """
    try:
        fd = _walk(folder, names) if _RELATIVE else _resolved(folder, names)
    except OSError as error:
        if not symlinks or error.errno not in _MAY_BE_LINK or not _RELATIVE:
            raise _failed(error) from None
        fd = -1
    except ValueError:
        # A name that the file system's encoding has no bytes for
        raise OpenFailed(MISSING) from None
    if fd < 0:
        try:
            fd = _resolved(folder, names)
        except OSError as error:
            raise _failed(error) from None
    try:
        info = os.fstat(fd)
        kind = stat.S_IFMT(info.st_mode)
        if kind == stat.S_IFREG:
            return OpenFile(fd, info)
    except OSError as error:
        os.close(fd)
        raise _failed(error) from None
    os.close(fd)
    raise OpenFailed(FOLDER if kind == stat.S_IFDIR else MISSING)


def _failed(error: OSError) -> OpenFailed:
    return OpenFailed(_STATUS.get(error.errno or 0, FAILED), error)


def _walk(folder: str, names: Sequence[str]) -> int:
    """A descriptor of what the names lead to, no link followed; raises OSError."""
    if len(names) == 1:
        return os.open(f"{folder}/{names[0]}", _FILE_FLAGS)
    at = os.open(f"{folder}/{names[0]}", _FOLDER_FLAGS)
    try:
        for name in names[1:-1]:
            inner = os.open(name, _FOLDER_FLAGS, dir_fd=at)
            os.close(at)
            at = inner
        return os.open(names[-1], _FILE_FLAGS, dir_fd=at)
    finally:
        os.close(at)


def _resolved(folder: str, names: Sequence[str]) -> int:
    """The same with links followed, as long as the end of it all is inside of the folder."""
    root = os.path.realpath(folder)
    real = os.path.realpath(os.path.join(root, *names), strict=True)
    if real == root:
        return os.open(root, _FILE_FLAGS & ~getattr(os, "O_NOFOLLOW", 0))
    if os.path.commonpath((root, real)) != root:
        raise OSError(errno.ENOENT, "it leads out of the folder")
    if not _RELATIVE:
        return os.open(real, _FILE_FLAGS)
    return _walk(root, os.path.relpath(real, root).split(os.sep))
