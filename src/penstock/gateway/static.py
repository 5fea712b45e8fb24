"""Static files: which request is for one, and the conversation that answers it, for every protocol.

`StaticFiles` belongs to a worker and finds the file of a request; `StaticExchange` sends it, the same
for ASGI and WSGI applications, which never see the request. Small files leave with their head in one
write, larger ones by `Stream.file`, without copying where the protocol can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.gateway.static_answer import (
    NOSNIFF,
    Answer,
    Representation,
    answer,
    not_a_read,
    redirect,
    told,
)
from penstock.gateway.static_files import BUSY, FAILED, FOLDER, FORBIDDEN, MISSING
from penstock.gateway.static_files import OpenFailed, OpenFile, open_below
from penstock.gateway.static_path import below, decode, segments
from penstock.gateway.static_types import is_hashed, type_of
from penstock.gateway.stream import Exchange, Service, Stream
from penstock.wire.negotiation import accepted_codings, accepts_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from penstock.config.mounts import Mount
    from penstock.wire.events import Head

# Up to here a body is read and leaves with its head in one write; beyond, `Stream.file` is cheaper.
READ_BYTES_MAX = 65536
# In order of how small they are; a client's weights come first.
_CODINGS = (b"br", b"zstd", b"gzip")
_ENDINGS = {b"br": ".br", b"zstd": ".zst", b"gzip": ".gz"}
_REVALIDATE = b"no-cache"
_IMMUTABLE = b"public, max-age=31536000, immutable"
_RETRY_AFTER = (b"retry-after", b"1")


class StaticFiles:
    """The folders of a worker. `clock` gives the wall clock in seconds; `boundary` separates the parts
    of multipart answers and must be secret, so that no file can contain it."""

    __slots__ = ("_boundary", "_clock", "_mounts", "_said_s")

    def __init__(
        self, mounts: Iterable[Mount], clock: Callable[[], float], boundary: bytes
    ) -> None:
        # The longest route first: it is the one that means a path.
        self._mounts = sorted(mounts, key=lambda mount: -len(mount.route))
        self._clock = clock
        self._boundary = boundary
        self._said_s = float("-inf")

    def exchange(self, service: Service, stream: Stream, head: Head) -> StaticExchange | None:
        """The conversation about a request for a file, None for one that is the application's."""
        if head.upgrade and b"websocket" in head.upgrade:
            return None
        path, clean = decode(head.raw_path)
        root = service.root_path
        if root and below(path, root):
            path = path[len(root) :]
        for mount in self._mounts:
            rest = below(path, mount.route)
            if rest is not None:
                break
        else:
            return None
        for route in mount.besides:
            if below(path, route) is not None:
                return None
        if head.method not in {"GET", "HEAD"}:
            if mount.missing == "app":
                return None
            return StaticExchange(service, stream, head, not_a_read(head), None)
        names = segments(rest, hidden=mount.hidden) if clean and rest else None
        chosen: Representation | int
        if names is None:
            chosen = self._folder(mount, []) if clean and not rest else MISSING
        else:
            chosen = self._choose(service, mount, names, head)
        if chosen == MISSING and mount.spa and _opens_a_page(head):
            chosen = self._page(service, mount, head)
        if isinstance(chosen, Representation):
            made = answer(head, chosen, self._clock(), self._boundary)
            return StaticExchange(service, stream, head, made, chosen.file)
        if chosen == MISSING and mount.missing == "app":
            return None
        return StaticExchange(service, stream, head, _without_file(chosen, head), None)

    def _choose(
        self, service: Service, mount: Mount, names: list[str], head: Head
    ) -> Representation | int:
        """The file that the names mean, or the status that says why there is none."""
        page = not names[-1]
        if page:
            if not mount.index:
                return MISSING
            names = [*names[:-1], mount.index]
        try:
            file = open_below(mount.folder, names, symlinks=mount.symlinks)
        except OpenFailed as failed:
            if failed.status == FOLDER:
                return MISSING if page else self._folder(mount, names)
            self._say(service, failed, names)
            return failed.status
        cache = _REVALIDATE if page else _cache_control(mount.cache, names[-1])
        if mount.cache == "off":
            cache = b""
        return self._negotiated(mount, names, head, file, cache)

    def _folder(self, mount: Mount, names: list[str]) -> int:
        """308 for a folder with an index, 404 for another."""
        if mount.index:
            try:
                open_below(mount.folder, [*names, mount.index], symlinks=mount.symlinks).close()
            except OpenFailed:
                return MISSING
            return FOLDER
        return MISSING

    def _page(self, service: Service, mount: Mount, head: Head) -> Representation | int:
        """The one page of an application that finds its way in the browser."""
        try:
            file = open_below(mount.folder, [mount.spa], symlinks=mount.symlinks)
        except OpenFailed as failed:
            self._say(service, failed, [mount.spa])
            return MISSING if failed.status == FOLDER else failed.status
        chosen = self._negotiated(mount, [mount.spa], head, file, _REVALIDATE)
        return chosen._replace(vary=chosen.vary + b", accept" if chosen.vary else b"accept")

    @staticmethod
    def _negotiated(
        mount: Mount, names: list[str], head: Head, file: OpenFile, cache: bytes
    ) -> Representation:
        """The file, or a compressed sibling that the client takes and that is not older."""
        kind = type_of(names[-1])
        if not mount.precompressed or not kind.compressible:
            return Representation(file, kind.value, b"", b"", cache)
        accepted = b",".join(value for name, value in head.headers if name == b"accept-encoding")
        if accepted:
            for coding in accepted_codings(accepted, _CODINGS):
                sibling = [*names[:-1], names[-1] + _ENDINGS[coding]]
                try:
                    other = open_below(mount.folder, sibling, symlinks=mount.symlinks)
                except OpenFailed:
                    continue
                if other.modified_ns >= file.modified_ns:
                    file.close()
                    return Representation(other, kind.value, coding, b"accept-encoding", cache)
                other.close()
        return Representation(file, kind.value, b"", b"accept-encoding", cache)

    def _say(self, service: Service, failed: OpenFailed, names: list[str]) -> None:
        """One line a second at most about a file that is there and cannot be had."""
        if failed.status in {MISSING, FOLDER}:
            return
        now_s = self._clock()
        if now_s - self._said_s >= 1:
            self._said_s = now_s
            service.note(
                "warning",
                f"static file {ascii('/'.join(names))[1:-1]:.200} cannot be opened: {failed.error}",
            )


def _opens_a_page(head: Head) -> bool:
    return any(name == b"accept" and accepts_html(value) for name, value in head.headers)


def _cache_control(cache: str, name: str) -> bytes:
    """The value of `cache-control` for a file, by the setting of its mount."""
    if cache == "immutable" or (cache == "hashed" and is_hashed(name)):
        return _IMMUTABLE
    if cache.isdigit():
        return b"public, max-age=" + cache.encode()
    return _REVALIDATE


def _without_file(status: int, head: Head) -> Answer:
    if status == FOLDER:
        return redirect(head)
    if status == FORBIDDEN:
        return told(FORBIDDEN, b"the file may not be read", [NOSNIFF])
    if status == BUSY:
        return told(BUSY, b"too many files are open", [_RETRY_AFTER, NOSNIFF])
    if status == MISSING:
        return told(MISSING, b"there is no such file", [NOSNIFF])
    return told(FAILED, b"the file cannot be opened", [NOSNIFF])


class StaticExchange(Exchange):
    """The conversation about one file; see `Exchange` for who calls what. It owns `file`."""

    __slots__ = (
        "_answer",
        "_file",
        "_gone",
        "_next",
        "_sending",
        "_service",
        "_stream",
        "bodyless",
        "head",
        "sent_bytes",
    )

    def __init__(
        self, service: Service, stream: Stream, head: Head, made: Answer, file: OpenFile | None
    ) -> None:
        self._service = service
        self._stream = stream
        self._answer = made
        self._file = file
        self._gone = False
        self._next = 0
        self._sending = False
        self.head = head
        self.status = 0
        self.buffered = 0
        self.sent_bytes = 0
        self.bodyless = head.method == "HEAD" or made.status in {204, 304}

    def start(self) -> None:
        """Answer: at once, or piece by piece as the client reads."""
        made = self._answer
        pieces = made.pieces
        whole = self.bodyless or sum(piece.count for piece in pieces) <= READ_BYTES_MAX
        body = b""
        if whole and not self.bodyless:
            read = self._read(made) if pieces else made.after
            if read is None:
                made = told(BUSY, b"the file was changed meanwhile", [_RETRY_AFTER, NOSNIFF])
                read = made.after
            body = read
        self.status = made.status
        self._stream.head(made.status, made.headers, self.bodyless, False)
        if whole:
            self.sent_bytes = len(body)
            self._stream.body(body, True)
            self._end()
        else:
            self._go_on()

    def _read(self, made: Answer) -> bytes | None:
        """The whole body; None if the file turned out shorter, or could not be read."""
        parts = []
        for before, offset, count in made.pieces:
            try:
                data = self._file.read(offset, count) if self._file is not None else b""
            except OSError as error:
                self._service.note("warning", f"static file cannot be read: {error}")
                return None
            if len(data) != count:
                return None
            parts += [before, data]
        return parts[1] if len(parts) == 2 and not made.after else b"".join((*parts, made.after))

    def _go_on(self, _sent: Any = None) -> None:
        """Send the pieces from the next one on, until one has to be waited for."""
        made = self._answer
        stream = self._stream
        self._sending = False
        while self._file is not None and not self._gone and self._next < len(made.pieces):
            before, offset, count = made.pieces[self._next]
            self._next += 1
            self.sent_bytes += len(before) + count
            if before:
                stream.body(before, False)
            end = self._next == len(made.pieces) and not made.after
            future = stream.file(self._file.fd, offset, count, end)
            if future is not None and not future.done():
                self._sending = True
                future.add_done_callback(self._go_on)
                return
        if made.after and not self._gone:
            self.sent_bytes += len(made.after)
            stream.body(made.after, True)
        self._end()

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._stream.done()

    def on_body(self, data: bytes, end: bool) -> None:
        """The body of a request for a file means nothing."""

    def on_writable(self) -> None:
        """The stream's own business: what is sent here waits for nothing else."""

    def on_disconnect(self, reason: str, gone: bool) -> None:
        """A client that is gone gets no more; one that only ends its side still gets all."""
        if gone:
            self._gone = True
            if not self._sending and self._file is not None and not self.status:
                self._file.close()
                self._file = None

    def on_deadline(self, now: float) -> None:
        """The connection watches how the client reads."""

    def on_shutdown(self) -> None:
        """It goes on to its end."""

    def where(self) -> str:
        """See `Exchange.where`."""
        return "a static file, as fast as the client reads"

    def cancel(self) -> str:
        """Send no more; the connection is cut next. Returns where it stood."""
        self._gone = True
        return self.where()
