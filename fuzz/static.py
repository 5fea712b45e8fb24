"""Static files: whatever path and Range a client sends, no byte from outside of the folder comes back, nothing raises, no
descriptor stays open, and each answer's length is what its head says.

The folder holds files, links that lead out, and a FIFO; all that lies outside of it says SECRET.

    python -m fuzz.static --seconds 60 [--seed N]
"""

import itertools
import os
import tempfile
from pathlib import Path
from random import Random
from urllib.parse import unquote_to_bytes

from fuzz.running import run
from penstock.config.mounts import parse_mounts
from penstock.gateway.static import StaticFiles
from penstock.gateway.stream import Service
from penstock.wire.events import Head
from penstock.wire.ranges import RANGES_MAX, parse_ranges
from tests.gateway.static_trial import FakeStream

SECRET = b"SECRET"
CONTENT = bytes(range(200)) * 50
NAMES = (
    b"a.js", b"sub", b"deep", b"b.txt", b"index.html", b"link", b"up", b"in", b"fifo", b"secret", b"etc", b"passwd",
    b"root", b".", b"..", b"...", b".git", b".well-known", b"", b"nul", b"C:", b"a.js.gz", b"static", b"~", b" ",
)  # fmt: skip
SEPARATORS = (
    b"/",
    b"/",
    b"/",
    b"/",
    b"%2f",
    b"%2F",
    b"\\",
    b"%5c",
    b"//",
    b"%252f",
    b";",
    b"%00",
    b"%c0%af",
)
RANGES = (b"bytes=", b"bytes = ", b"Bytes=", b"lines=", b"", b"bytes")


class Site:
    """The folder, and what is asked of it."""

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="penstock-fuzz-")
        base = Path(self._place.name)
        folder = base / "site"
        (folder / "sub" / "deep").mkdir(parents=True)
        (folder / ".git").mkdir()
        for name in ("a.js", "index.html", "sub/b.txt", "sub/deep/a.js", "sub/index.html"):
            (folder / name).write_bytes(CONTENT)
        (folder / "a.js.gz").write_bytes(CONTENT)
        (folder / ".git" / "secret").write_bytes(SECRET)
        (base / "secret").write_bytes(SECRET)
        (base / "sitesecret").write_bytes(SECRET)
        (folder / "link").symlink_to("../secret")
        (folder / "up").symlink_to("..")
        (folder / "root").symlink_to("/")
        (folder / "in").symlink_to("sub")
        os.mkfifo(folder / "fifo")
        self._service = Service(
            app=None, interface="asgi3", runtime=None, context=None, state=None, settings=None,
            app_failed=None, note=lambda *_: None,
        )  # fmt: skip
        mounts = [
            f"/static={folder}",
            f"/pages={folder}?spa&hidden=off&symlinks=off",
            f"/={folder}?spa",
        ]
        self._files = StaticFiles(parse_mounts(mounts), lambda: 1.8e9, b"edge")

    def ask(
        self, method: str, path: bytes, headers: list[tuple[bytes, bytes]]
    ) -> FakeStream | None:
        """The whole response, None where the application would answer."""
        stream = FakeStream()
        head = Head(method, path, b"", headers, "1.1")
        exchange = self._files.exchange(self._service, stream, head)
        if exchange is None:
            return None
        exchange.start()
        return stream


def path_of(chance: Random) -> bytes:
    """A path as an attacker writes it, printable as the reader guarantees."""
    parts = [chance.choice((b"/static", b"/pages", b"", b"/static..", b"/%73tatic"))]
    for _ in range(chance.randrange(6)):
        parts += [chance.choice(SEPARATORS), chance.choice(NAMES)]
    path = b"".join(parts) or b"/"
    if chance.random() < 0.5:
        path = b"".join(
            b"%%%02x" % octet if chance.random() < 0.15 else bytes((octet,)) for octet in path
        )
    if chance.random() < 0.1:
        place = chance.randrange(len(path) + 1)
        path = path[:place] + bytes((chance.randrange(0x21, 0x7F),)) + path[place:]
    return path if path.startswith(b"/") else b"/" + path


def range_of(chance: Random) -> bytes:
    """A Range field, mostly well formed."""
    specs = []
    for _ in range(chance.choice((1, 1, 2, 3, 20, 300))):
        first, last = chance.randrange(-5, 12000), chance.randrange(-5, 12000)
        specs.append(
            chance.choice(
                (
                    b"%d-%d" % (first, last),
                    b"%d-" % first,
                    b"-%d" % last,
                    b"",
                    b"x",
                    b"9" * 30 + b"-",
                )
            )
            if chance.random() < 0.3
            else b"%d-%d" % (min(abs(first), abs(last)), max(abs(first), abs(last)))
        )
    unit = RANGES[0] if chance.random() < 0.9 else chance.choice(RANGES)
    return unit + chance.choice((b",", b", ", b" ,")).join(specs)


def check_ranges(value: bytes, size: int) -> None:
    """Parts lie within the file, apart, and are few."""
    parts = parse_ranges(value, size) or []
    if len(parts) > RANGES_MAX or sum(part.length for part in parts) > size:
        raise AssertionError(f"{value!r} of {size}: {parts!r}")
    ends = sorted((part.offset, part.offset + part.length) for part in parts)
    if any(end > size or start >= end for start, end in ends) or any(
        before[1] > after[0] for before, after in itertools.pairwise(ends)
    ):
        raise AssertionError(f"{value!r} of {size}: {parts!r}")


def trial(chance: Random, site: Site) -> None:
    """One request, and one Range by itself."""
    check_ranges(range_of(chance), chance.choice((0, 1, 100, 10000, 10**15)))
    path = path_of(chance)
    headers = []
    if chance.random() < 0.5:
        headers.append((b"range", range_of(chance)))
    if chance.random() < 0.3:
        headers.append((b"accept-encoding", b"gzip"))
    if chance.random() < 0.3:
        headers.append((b"accept", b"text/html"))
    before = os.listdir("/proc/self/fd")
    seen = site.ask(chance.choice(("GET", "GET", "GET", "HEAD", "POST", "OPTIONS")), path, headers)
    if os.listdir("/proc/self/fd") != before:
        raise AssertionError(f"{path!r} {headers!r} left a descriptor open")
    if seen is None:
        return
    if SECRET in seen.body_bytes:
        raise AssertionError(f"{path!r} leads out")
    if seen.status in {200, 206} and b".." in unquote_to_bytes(path).split(b"/") and not headers:
        raise AssertionError(f"{path!r} climbs")
    length = seen.get("content-length")
    if not seen.bodyless and length != str(len(seen.body_bytes)):
        raise AssertionError(f"{path!r} {headers!r}: {length} and {len(seen.body_bytes)} bytes")


if __name__ == "__main__":
    made = Site()
    run(__doc__, lambda chance: trial(chance, made))
