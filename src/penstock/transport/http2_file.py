"""A file as a stream's body: read in pieces, as the windows have room."""

import os
from typing import Any


class FileSource:
    """`count` bytes of the regular file `fd` from `offset` on, for `Session.send_source`; the
    descriptor stays the caller's.

    When the file is needed no more, `future` is done, and `on_close(whole)` is called: whether all of
    it was read. `left`: bytes that were not read yet. `error`: why not, where that is the file's fault.
    """

    __slots__ = ("_fd", "_future", "_offset", "_on_close", "error", "left")

    def __init__(self, fd: int, offset: int, count: int, future: Any, on_close: Any) -> None:
        self._fd = fd
        self._offset = offset
        self.left = count
        self._future = future
        self._on_close = on_close
        self.error = ""

    def read(self, size: int) -> bytes:
        """The next bytes, at most `size`; b"" if there are none where there should be."""
        size = min(size, self.left)
        try:
            data = os.pread(self._fd, size, self._offset)
        except OSError as error:
            self.error = str(error)
            return b""
        if not data and size:
            self.error = f"the file ended {self.left} bytes early: it was cut meanwhile"
        self._offset += len(data)
        self.left -= len(data)
        return data

    def close(self) -> None:
        """It is needed no more."""
        on_close, self._on_close = self._on_close, None
        if on_close is None:
            return
        if not self._future.done():
            self._future.set_result(None)
        on_close(self.left == 0)
