"""Static files: which request is for one, and what it is answered with.

`StaticFiles` belongs to a worker and is asked for each request before the application is. What a path
means is kept, since it depends on nothing but the configuration; the files themselves are opened and
looked at anew for each request, so that what was deployed a moment ago is served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.gateway.scope import ROOT_PATH_STRIPPED
from penstock.gateway.static_answer import (
    NOSNIFF,
    Answer,
    Description,
    Representation,
    answer,
    describe,
    not_a_read,
    redirect,
    told,
)
from penstock.gateway.static_exchange import RETRY_AFTER, StaticExchange
from penstock.gateway.static_files import (
    BUSY,
    FAILED,
    FOLDER,
    FORBIDDEN,
    MISSING,
    OpenFailed,
    OpenFile,
    open_below,
)
from penstock.gateway.static_path import below, decode, segments
from penstock.gateway.static_types import is_hashed, type_of
from penstock.wire.negotiation import accepted_codings, accepts_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from penstock.config.mounts import Mount
    from penstock.gateway.stream import Service, Stream
    from penstock.wire.events import Head

# In order of how small they are; a client's weights come first.
_CODINGS = (b"br", b"zstd", b"gzip")
_ENDINGS = {b"br": ".br", b"zstd": ".zst", b"gzip": ".gz"}
# A sibling that was not there is not looked for again for so long: three vain looks for each request
# would cost more than the file.
_VAIN_S = 1.0
_REVALIDATE = b"no-cache"
_IMMUTABLE = b"public, max-age=31536000, immutable"
# Paths whose meaning is kept: enough for a site's files, and bounded where clients make paths up.
_PLACES_MAX = 1024
_PLACE_BYTES_MAX = 256
_VARY = b"accept-encoding"


class _Place:
    """What a path means.

    - `mount`: None where the application answers, whatever lies there.
    - `names`: of the file below the mount's folder; empty for the folder itself; None for what no file
      may be called. `page`: they name the index of a folder.
    - `cache`, `kind`: what goes with the file by its name.
    - `described`: by content coding, what is said of the file as it was last (its `facts`).
    - `vain_s`: by content coding, when a sibling was looked for in vain.
    """

    __slots__ = ("cache", "described", "kind", "mount", "names", "page", "vain_s")

    def __init__(self, mount: Mount, names: list[str] | None, *, page: bool) -> None:
        self.mount = mount
        self.names = names
        self.page = page
        name = names[-1] if names else ""
        self.kind = type_of(name)
        self.cache = _cache_control(mount.cache, "" if page else name)
        self.described: dict[bytes, tuple[tuple[int, ...], Description]] = {}
        self.vain_s: dict[bytes, float] = {}


class StaticFiles:
    """The folders of a worker. `clock` gives the wall clock in seconds; `boundary` separates the parts
    of multipart answers and must be secret, so that no file can contain it."""

    __slots__ = ("_boundary", "_clock", "_mounts", "_pages", "_places", "_said_s")

    def __init__(
        self, mounts: Iterable[Mount], clock: Callable[[], float], boundary: bytes
    ) -> None:
        # The longest route first: it is the one that means a path.
        self._mounts = sorted(mounts, key=lambda mount: -len(mount.route))
        self._pages = {
            mount.route: _Place(mount, [mount.spa], page=True)
            for mount in self._mounts
            if mount.spa
        }
        self._clock = clock
        self._boundary = boundary
        self._places: dict[tuple[bytes, str], _Place] = {}
        self._said_s = float("-inf")

    def exchange(self, service: Service, stream: Stream, head: Head) -> StaticExchange | None:
        """The conversation about a request for a file, None for one that is the application's."""
        # What the proxy in front has not taken off the path: what a request is for does not depend on it.
        root = stream.root_path if service.root_path_mode != ROOT_PATH_STRIPPED else ""
        key = (head.raw_path, root)
        place = self._places.get(key)
        if place is None:
            place = self._place(*key)
            if place is None:
                return None
            if len(head.raw_path) <= _PLACE_BYTES_MAX:
                if len(self._places) >= _PLACES_MAX:
                    self._places.clear()
                self._places[key] = place
        if head.upgrade and b"websocket" in head.upgrade:
            return None
        mount = place.mount
        if head.method not in {"GET", "HEAD"}:
            if mount.missing == "app":
                return None
            return StaticExchange(service, stream, head, not_a_read(head), None)
        now_s = self._clock()
        try:
            try:
                file, coding = self._open(place, head, now_s)
            except OpenFailed as failed:
                page = self._pages.get(mount.route)
                if failed.status != MISSING or page is None or not _opens_a_page(head):
                    raise
                place = page
                file, coding = self._open(place, head, now_s)
        except OpenFailed as failed:
            if failed.status == MISSING and mount.missing == "app":
                return None
            self._say(service, failed, place, now_s)
            made = _without_file(failed.status, head)
            return StaticExchange(service, stream, head, made, None)
        described = self._described(place, file, coding, now_s)
        made = answer(head, file, described, now_s, self._boundary)
        return StaticExchange(service, stream, head, made, file)

    def _place(self, raw_path: bytes, root: str) -> _Place | None:
        """What a path means, below `root` or not; None where it is the application's."""
        path, clean = decode(raw_path)
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
        if not clean:
            return _Place(mount, None, page=False)
        if not rest:
            return _Place(mount, [], page=False)
        names = segments(rest, hidden=mount.hidden)
        if names is None or names[-1]:
            return _Place(mount, names, page=False)
        return _Place(
            mount, [*names[:-1], mount.index_file] if mount.index_file else None, page=True
        )

    def _open(self, place: _Place, head: Head, now_s: float) -> tuple[OpenFile, bytes]:
        """The file of a place, or a compressed sibling that the client takes and that is not older, and
        its content coding. Raises OpenFailed."""
        mount, names = place.mount, place.names
        if names is None:
            raise OpenFailed(MISSING)
        if not names:
            raise OpenFailed(self._folder(mount, names))
        try:
            file = open_below(mount.folder, names, symlinks=mount.symlinks)
        except OpenFailed as failed:
            if failed.status != FOLDER:
                raise
            raise OpenFailed(MISSING if place.page else self._folder(mount, names)) from None
        if mount.precompressed and place.kind.compressible:
            for coding in _accepted(head):
                if now_s - place.vain_s.get(coding, 0.0) < _VAIN_S:
                    continue
                sibling = [*names[:-1], names[-1] + _ENDINGS[coding]]
                try:
                    other = open_below(mount.folder, sibling, symlinks=mount.symlinks)
                except OpenFailed:
                    place.vain_s[coding] = now_s
                    continue
                if other.modified_ns >= file.modified_ns:
                    file.close()
                    return other, coding
                other.close()
        return file, b""

    @staticmethod
    def _folder(mount: Mount, names: list[str]) -> int:
        """308 for a folder with an index, 404 for another."""
        if mount.index_file:
            try:
                open_below(
                    mount.folder, [*names, mount.index_file], symlinks=mount.symlinks
                ).close()
            except OpenFailed:
                return MISSING
            return FOLDER
        return MISSING

    def _described(self, place: _Place, file: OpenFile, coding: bytes, now_s: float) -> Description:
        """What is said of the file; made anew only when it has changed."""
        facts = (file.modified_ns, file.size, file.changed_ns)
        kept = place.described.get(coding)
        if kept is not None and kept[0] == facts:
            return kept[1]
        mount = place.mount
        varies = [_VARY] if mount.precompressed and place.kind.compressible else []
        if place is self._pages.get(mount.route):
            varies.append(b"accept")
        vary = b", ".join(varies)
        chosen = Representation(file, place.kind.value, coding, vary, place.cache)
        described = describe(chosen, now_s)
        if described.modified_s is not None:
            # A time that is not told may lie in the future, and be told later
            place.described[coding] = facts, described
        return described

    def _say(self, service: Service, failed: OpenFailed, place: _Place, now_s: float) -> None:
        """One line a second at most about a file that is there and cannot be had."""
        if failed.status in {MISSING, FOLDER} or now_s - self._said_s < 1:
            return
        self._said_s = now_s
        name = ascii("/".join(place.names or ()))[1:-1]
        service.note(
            "warning",
            f"Static file {name:.200} of {place.mount.folder} cannot be opened: {failed.error}",
        )


def _accepted(head: Head) -> tuple[bytes, ...]:
    fields = [value for name, value in head.headers if name == b"accept-encoding"]
    if not fields:
        return ()
    return accepted_codings(fields[0] if len(fields) == 1 else b",".join(fields), _CODINGS)


def _opens_a_page(head: Head) -> bool:
    return any(name == b"accept" and accepts_html(value) for name, value in head.headers)


def _cache_control(cache: str, name: str) -> bytes:
    """The value of `cache-control`, b"" for none, by the setting of a mount and the name of a file; ""
    for a page, whose address says nothing of its content."""
    if cache == "off":
        return b""
    if name and (cache == "immutable" or (cache == "hashed" and is_hashed(name))):
        return _IMMUTABLE
    if name and cache.isdigit():
        return b"public, max-age=" + cache.encode()
    return _REVALIDATE


def _without_file(status: int, head: Head) -> Answer:
    if status == FOLDER:
        return redirect(head)
    if status == FORBIDDEN:
        return told(FORBIDDEN, b"the file may not be read", [NOSNIFF])
    if status == BUSY:
        return told(BUSY, b"too many files are open", [RETRY_AFTER, NOSNIFF])
    if status == MISSING:
        return told(MISSING, b"there is no such file", [NOSNIFF])
    return told(FAILED, b"the file cannot be opened", [NOSNIFF])
