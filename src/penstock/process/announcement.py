"""The file that tells other programs where the server listens (`--announce`).

    {"pid": 4711, "addresses": [{"url": "http://127.0.0.1:40123", "host": "127.0.0.1", "port": 40123, ...}]}

It appears when the server serves, whole from its first moment, and is gone when it ends: who waits
for it needs no port that was free a moment ago. A left-over one is removed at the start.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
from collections.abc import Iterable
from typing import Any

from penstock.config import Bind
from penstock.errors import SetupError
from penstock.transport.listeners import url_of
from penstock.transport.sockets import address_of


class Announcement:
    """The file at `path`.

    `predecessor`: a living process whose file may stay until this one writes its own, 0 for none.
    """

    __slots__ = ("_written", "path", "predecessor")

    def __init__(self, path: str, predecessor: int = 0) -> None:
        # The application may change the folder before the end
        self.path = os.path.abspath(path)
        self.predecessor = predecessor
        self._written: tuple[int, int] | None = None

    def claim(self) -> None:
        """Remove what an earlier server has left. SetupError for what is no file that one wrote, and
        for a folder that is not there."""
        if not os.path.isdir(os.path.dirname(self.path)):
            raise self._failed("the folder is not there")
        try:
            found = os.lstat(self.path)
            if not stat.S_ISREG(found.st_mode):
                raise self._failed("what is there is no ordinary file")
            if not self.predecessor:
                os.unlink(self.path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._failed(error.strerror or str(error)) from None

    def write(self, bound: Iterable[tuple[socket.socket, Bind]]) -> None:
        """Say where these sockets are. SetupError if the file cannot be written."""
        told = {"pid": os.getpid(), "addresses": [_told(sock, bind) for sock, bind in bound]}
        temporary = f"{self.path}.{os.getpid()}.new"
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            with open(temporary, "x", encoding="utf-8") as file:
                file.write(json.dumps(told) + "\n")
                written = os.fstat(file.fileno())
            os.replace(temporary, self.path)
        except OSError as error:
            raise self._failed(error.strerror or str(error)) from None
        self._written = (written.st_dev, written.st_ino)

    def withdraw(self) -> None:
        """Remove the file if it is still the one that was written here. May be called again."""
        ours, self._written = self._written, None
        if ours is None:
            return
        with contextlib.suppress(OSError):
            found = os.lstat(self.path)
            if (found.st_dev, found.st_ino) == ours:
                os.unlink(self.path)

    def _failed(self, why: str) -> SetupError:
        return SetupError(
            f"{self.path} cannot tell where the server listens: {why}",
            "Give --announce a path in a folder where the server's user may write.",
        )


def _told(sock: socket.socket, bind: Bind) -> dict[str, Any]:
    """One address: `url` for a client on this machine, and what the socket is bound to."""
    told: dict[str, Any] = {"url": url_of(sock, bind), "name": bind.name}
    if sock.family == socket.AF_UNIX:
        told["path"] = address_of(sock.getsockname(), True)[0]
    else:
        told["host"], told["port"] = sock.getsockname()[:2]
    return {**told, "tls": bind.tls, "proxy_protocol": bind.proxy_protocol}
