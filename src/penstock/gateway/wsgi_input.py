"""The file-like objects in a WSGI environ: `wsgi.input`, `wsgi.errors`, `wsgi.file_wrapper`."""

import io
import os
import stat
from _thread import get_ident
from collections.abc import Iterable
from functools import partial
from typing import Any

# A line that never ends is logged in pieces of this many characters.
_LINE_CHARS_MAX = 8192


class WsgiInput:
    """A request's body as PEP 3333 wants it: bytes, and an end where the body ends (PEP-05).

    `source.take_body()` gives the next bytes of this one request, blocks until there are some, and
    gives b"" at the end; so nothing here can reach into the next request. It raises
    ClientDisconnected where the body was cut off, and so do the methods here.
    """

    __slots__ = ("_chunk", "_position", "_source")

    def __init__(self, source: Any) -> None:
        self._source = source
        self._chunk = b""
        self._position = 0

    def _fill(self) -> bool:
        """See to it that a byte is there; False at the end of the body."""
        if self._position < len(self._chunk):
            return True
        if self._source is None:
            return False
        self._chunk = self._source.take_body()
        self._position = 0
        if not self._chunk:
            self._source = None
            return False
        return True

    def read(self, size: int | None = -1) -> bytes:
        """`size` bytes, fewer only at the end of the body; all that is left for -1 or None."""
        left = -1 if size is None else size
        pieces = []
        while left and self._fill():
            chunk = self._chunk
            start = self._position
            end = len(chunk)
            if 0 <= left < end - start:
                end = start + left
            self._position = end
            pieces.append(chunk[start:end])
            if left > 0:
                left -= end - start
        if len(pieces) == 1:
            return pieces[0]
        return b"".join(pieces)

    def readline(self, size: int | None = -1) -> bytes:
        """Up to and including the next LF, at most `size` bytes if that is not negative."""
        left = -1 if size is None else size
        pieces = []
        while left and self._fill():
            chunk = self._chunk
            start = self._position
            end = chunk.find(b"\n", start) + 1
            ended = end > 0
            if not ended:
                end = len(chunk)
            if 0 <= left < end - start:
                end = start + left
                ended = True
            self._position = end
            pieces.append(chunk[start:end])
            if ended:
                break
            if left > 0:
                left -= end - start
        return b"".join(pieces)

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        """All lines that are left, or as many as make up `hint` bytes if that is positive."""
        lines: list[bytes] = []
        total = 0
        while True:
            line = self.readline()
            if not line:
                return lines
            lines.append(line)
            total += len(line)
            if hint is not None and 0 < hint <= total:
                return lines

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line


EMPTY = WsgiInput(None)
"""The input of every request without a body: it has no state that one could leave in it."""


class ErrorStream:
    """`wsgi.errors`: text becomes lines of the server's log (PEP-06).

    One for all requests. What a thread has written of a line waits until the line ends, or the
    request (`end_request`). Any thread may call any method.
    """

    __slots__ = ("_service", "partial")

    def __init__(self, service: Any) -> None:
        self._service = service
        # Thread's id → its unfinished line; empty but for moments.
        self.partial: dict[int, str] = {}

    def write(self, text: str) -> int:
        """Log the lines that `text` completes."""
        if not isinstance(text, str):
            raise TypeError(f"wsgi.errors takes str, got {type(text).__name__}")
        thread = get_ident()
        lines = (self.partial.pop(thread, "") + text).split("\n")
        rest = lines.pop()
        for line in lines:
            self._log(line)
        while len(rest) > _LINE_CHARS_MAX:
            self._log(rest[:_LINE_CHARS_MAX])
            rest = rest[_LINE_CHARS_MAX:]
        if rest:
            self.partial[thread] = rest
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Log several pieces of text."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Log what this thread has written of a line."""
        rest = self.partial.pop(get_ident(), "")
        if rest:
            self._log(rest)

    def _log(self, line: str) -> None:
        if line:
            service = self._service
            service.runtime.call_from_thread(partial(service.note, "error", line))


class FileWrapper:
    """`wsgi.file_wrapper`: an iterable over a file, which the server sends without copying where
    the file is a plain one and nothing wraps this object on its way back (PEP-20)."""

    __slots__ = ("block_size", "filelike")

    def __init__(self, filelike: Any, block_size: int = 65536) -> None:
        self.filelike = filelike
        self.block_size = block_size

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        block = self.filelike.read(self.block_size)
        if not block:
            raise StopIteration
        return block

    def close(self) -> None:
        """Close the file, if it can be closed."""
        close = getattr(self.filelike, "close", None)
        if close is not None:
            close()


def plain_file(filelike: Any) -> tuple[int, int, int] | None:
    """(descriptor, position, bytes from there to the end) of an open regular file, else None.

    Only io's own binary files count: others have a `fileno()` too, but what one reads from them is
    not what the descriptor holds (gzip.GzipFile) or it moves when asked (SpooledTemporaryFile).
    """
    raw = filelike
    if type(raw) is io.BufferedReader or type(raw) is io.BufferedRandom:
        raw = raw.raw
    if type(raw) is not io.FileIO:
        return None
    try:
        fd = raw.fileno()
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return None
        if type(filelike) is io.BufferedRandom:
            filelike.flush()
        position = filelike.tell()
    except (OSError, ValueError):
        return None
    return fd, position, max(os.fstat(fd).st_size - position, 0)
