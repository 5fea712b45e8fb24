"""A static file's conversation in a test: a fake stream that keeps what it is given, and a clock set by hand; no socket, no loop."""

import os
from pathlib import Path
from typing import Any

from penstock.config.mounts import Mount, parse_mounts
from penstock.gateway.scope import ROOT_PATH_AUTO
from penstock.gateway.static import StaticFiles
from penstock.gateway.stream import Service, Stream
from penstock.wire.events import Head
from tests.gateway.http_trial import Future

NOW = 1_795_000_000.0
# When the files of a trial were changed.
CHANGED_S = 1_700_000_000
BOUNDARY = b"edge"


class FakeStream(Stream):
    """Keeps the response. `holds` says whether files have to be waited for; then `sent()` goes on."""

    def __init__(self, *, holds: bool = False, root_path: str = "") -> None:
        self.root_path = root_path
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.bodyless = False
        self.body_bytes = b""
        self.ended = 0
        self.dones = 0
        self.holds = holds
        self.waiting: list[tuple[Future, int, int, int, bool]] = []
        self.files = 0

    def head(self, status: int, headers: Any, bodyless: bool, trailers: bool) -> int:
        assert not self.status, "two heads"
        assert not trailers
        self.status = status
        self.fields = list(headers)
        self.bodyless = bodyless
        return -1

    def body(self, data: bytes, end: bool) -> None:
        assert not self.waiting, "written beside a file"
        assert self.status and not self.ended
        assert not (self.bodyless and data)
        self.body_bytes += data
        self.ended += end

    def file(self, fd: int, offset: int, count: int, end: bool) -> Any:
        assert not self.waiting, "two files at once"
        assert self.status and not self.ended and count
        self.files += 1
        future = Future()
        self.waiting.append((future, fd, offset, count, end))
        if not self.holds:
            self.sent()
        return future

    def sent(self) -> None:
        """The file under way has gone."""
        future, fd, offset, count, end = self.waiting.pop()
        self.body_bytes += os.pread(fd, count, offset)
        self.ended += end
        future.set_result(None)

    def lost(self, exchange: Any) -> None:
        """The client is gone in the midst of it."""
        exchange.on_disconnect("lost", True)
        for future, *_ in self.waiting:
            future.set_result(None)
        self.waiting.clear()

    def done(self) -> None:
        self.dones += 1

    def get(self, name: str) -> str | None:
        """The value of a field that must not be there twice."""
        values = [value.decode() for key, value in self.fields if key == name.encode()]
        assert len(values) <= 1
        return values[0] if values else None


class Site:
    """A folder of files, mounted as a text like `/static=?spa` says (its folder is put in)."""

    def __init__(
        self, folder: Path, *mounts: str, root_path: str = "", root_path_mode: int = ROOT_PATH_AUTO
    ) -> None:
        self.folder = folder
        self.root_path = root_path
        self.now = NOW
        self.notes: list[tuple[str, str]] = []
        self.service = Service(
            app=None,
            interface="asgi3",
            runtime=None,
            context=None,
            state=None,
            settings=None,
            app_failed=None,
            note=lambda level, text: self.notes.append((level, text)),
            root_path_mode=root_path_mode,
        )
        texts = [text.replace("=", f"={folder}", 1) for text in mounts]
        self.mounts: tuple[Mount, ...] = parse_mounts(texts)
        self.files = StaticFiles(self.mounts, lambda: self.now, BOUNDARY)

    def write(self, name: str, content: str | bytes, changed_s: float = CHANGED_S) -> Path:
        """A file of the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (changed_s, changed_s))
        return path

    def begin(
        self,
        target: str,
        *headers: tuple[bytes, bytes],
        method: str = "GET",
        stream: FakeStream | None = None,
        **more: Any,
    ) -> Any:
        """The exchange of a request, not started; None where it is the application's."""
        path, _, query = target.partition("?")
        head = Head(method, path.encode(), query.encode(), list(headers), "1.1", **more)
        return self.files.exchange(self.service, stream or self.stream(), head)

    def stream(self) -> FakeStream:
        """The way back of a request to this site."""
        return FakeStream(root_path=self.root_path)

    def ask(self, target: str, *headers: tuple[bytes, bytes], **more: Any) -> FakeStream | None:
        """The whole response to a request; None where it is the application's."""
        stream = self.stream()
        exchange = self.begin(target, *headers, stream=stream, **more)
        if exchange is None:
            return None
        exchange.start()
        assert stream.ended == 1
        assert stream.dones == 1
        assert exchange.status == stream.status
        return stream

    def get(self, target: str, *headers: tuple[bytes, bytes], **more: Any) -> FakeStream:
        """The same, for what must be no application's."""
        stream = self.ask(target, *headers, **more)
        assert stream is not None, f"{target} went to the application"
        return stream
