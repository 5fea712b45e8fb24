"""Static files over real connections: paths that climb (A12), floods of ranges (R24), files that change, clients that do not read.

The pure parts have their own tests in tests/gateway; here the whole server answers, for ASGI and WSGI applications.
"""

import asyncio
import contextlib
import gc
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.loops import NewLoop, each_loop
from tests.sockets import Served, open_descriptors, serving

LARGE = os.urandom(1 << 20) * 8
SECRET = b"the secret"


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """The application, which must see none of it."""
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"application"})


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """The same."""
    start_response("299 Application", [])
    return [b"application"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`site`, with a secret beside it, and links to it."""
    base = tmp_path_factory.mktemp("static")
    site = base / "site"
    (site / "sub").mkdir(parents=True)
    (base / "secret").write_bytes(SECRET)
    (base / "sitesecret").write_bytes(SECRET)
    (site / "small.txt").write_bytes(b"small")
    (site / "large.bin").write_bytes(LARGE)
    (site / "link").symlink_to("../secret")
    (site / "up").symlink_to("..")
    (site / "passwd").symlink_to("/etc/passwd")
    (site / ".hidden").write_bytes(SECRET)
    os.mkfifo(site / "fifo")
    return site


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def _server(request: pytest.FixtureRequest, folder: Path) -> Iterator[Served]:
    """A server of either kind, with the folder under /static."""
    app, interface = (asgi, "asgi3") if request.param == "asgi" else (wsgi, "wsgi")
    with serving(app, interface=interface, static=[f"/static={folder}"]) as server:
        with server.client() as client:
            # libuv opens a spare descriptor with the first connection, and the pool starts its threads
            client.get("/")
        server.until(lambda: not server.worker.connections)
        yield server


@pytest.fixture
def served(_server: Served) -> Iterator[Served]:
    """For one test: no connection and no descriptor is left after it."""
    before = open_descriptors()
    yield _server
    _server.until(lambda: not _server.worker.connections and open_descriptors() <= before)


CLIMBS = (
    "/static/../secret", "/static/%2e%2e/secret", "/static/%2E%2e%2fsecret", "/static/..%2fsecret",
    "/static/..%5csecret", "/static/..\\secret", "/static/%5c..%5csecret", "/static/sub/../../secret",
    "/static/sub/%2e%2e/%2e%2e/secret", "/static/./../secret", "/static/....//secret", "/static//../secret",
    "/static/%252e%252e/secret", "/static/%c0%ae%c0%ae/secret", "/static/%e0%80%ae./secret",
    "/static/..%00/secret", "/static/%00../secret", "/static/small.txt%00", "/static/small.txt%00.js",
    "/static//etc/passwd", "/static/%2fetc/passwd", "/static/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/static/C:/secret", "/static/C:%5csecret", "/static/nul", "/static/small.txt::$DATA",
    "/static/link", "/static/up/secret", "/static/passwd", "/static/.hidden", "/static/fifo",
    "/static/sub/", "/static/sub", "/static/small.txt/", "/static/small.txt/x", "/static%2f..%2fsecret",
    "/static/..;/secret", "/static/%u002e%u002e/secret", "/static/~root", "/static/" + "x" * 4000,
)  # fmt: skip


@pytest.mark.parametrize("target", CLIMBS)
def test_no_path_climbs_out_of_the_folder_a12(served: Served, target: str) -> None:
    """404, whatever tries; and the connection goes on with the next request."""
    with served.client() as client:
        seen = client.get(target)
        assert seen.status == 404, seen.body
        assert SECRET not in seen.body
        assert client.get("/static/small.txt").body == b"small"


@pytest.mark.parametrize("target", ["/static../secret", "/staticsecret", "/static..%2fsecret"])
def test_a_route_is_no_prefix_of_a_name_a12(served: Served, target: str) -> None:
    """These are other paths: the application's (the classic slip of an alias without a slash)."""
    with served.client() as client:
        assert client.get(target).status == 299


def test_an_absolute_target_is_the_same_path(served: Served) -> None:
    """RFC 9112 section 3.2.2."""
    with served.client() as client:
        assert client.get("http://example.test/static/small.txt").body == b"small"
        assert client.get("http://example.test/static/../secret").status == 404


def test_a_flood_of_ranges_costs_one_file_r24(served: Served) -> None:
    """5,000 ranges, overlapping ones, 1,000 times the same: never more than the file, in no time."""
    with served.client() as client:
        for value in (
            "0-," * 5000 + "0-",
            ",".join(["0-1"] * 1000),
            ",".join(f"{n}-{n}" for n in range(0, 12000, 2)),
            "0-,0-,0-,0-",
            "-1," * 5000 + "-1",
        ):
            began = time.process_time()
            seen = client.get("/static/small.txt", f"Range: bytes={value}")
            assert seen.status in {200, 206, 416}
            assert len(seen.body) <= 5 or seen.status == 416
            assert time.process_time() - began < 0.2


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_large_file_arrives_whole_and_in_parts(served: Served, version: str) -> None:
    with served.client() as client:
        assert client.get("/static/large.bin", version="1.1").body == LARGE
        parts = client.get("/static/large.bin", "Range: bytes=0-1000000,3000000-7999999")
        assert parts.status == 206
        assert LARGE[3000000:8000000] in parts.body and LARGE[:1000001] in parts.body
        assert client.get("/static/large.bin", version=version).body == LARGE


def test_several_requests_at_once_are_answered_in_their_order(served: Served) -> None:
    """Files, errors and the application's answers on one pipeline."""
    targets = [
        "/static/large.bin",
        "/static/small.txt",
        "/app",
        "/static/none",
        "/static/small.txt",
    ]
    with served.client() as client:
        for target in targets:
            client.ask(target)
        assert [client.response().status for _ in targets] == [200, 200, 299, 404, 200]


def test_a_body_that_comes_with_a_get_is_read_off(served: Served) -> None:
    """The next request on the connection is found behind it; a body beyond the limit ends the connection."""
    with served.client() as client:
        assert client.get("/static/small.txt", body=b"x" * 10000).body == b"small"
        client.send(
            b"GET /static/small.txt HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n"
        )
        assert client.response().body == b"small"
        assert client.get("/static/large.bin", body=b"x" * 10000).body == LARGE
        assert client.get("/static/small.txt", "Expect: 100-continue", body=b"").body == b"small"
    with served.client() as client:
        client.ask("/static/small.txt", "Content-Length: 100000000")
        assert client.response().body == b"small"
        with pytest.raises(ConnectionError):
            client.flood(b"x" * 65536, 100_000_000)


def test_head_and_conditions_keep_the_connection_in_step(served: Served) -> None:
    with served.client() as client:
        tag = client.get("/static/large.bin", method="HEAD").get("etag")
        assert client.get("/static/large.bin", f"If-None-Match: {tag}").status == 304
        assert client.get("/static/large.bin", "Range: bytes=99999999-").status == 416
        assert client.get("/static/small.txt", method="DELETE").status == 405
        assert client.get("/static/small.txt").body == b"small"


def test_nothing_stays_behind(served: Served) -> None:
    """No descriptor, whether a client reads all, leaves in the midst of it, or resets; the fixture looks."""
    for end in ("close", "reset", "finish"):
        client = served.client(1 << 14)
        client.ask("/static/large.bin")
        client.head()
        if end == "reset":
            client.reset()
        elif end == "finish":
            client.finish()
            client.widen()
            assert client.exactly(len(LARGE)) == LARGE
        client.sock.close()
    served.until(lambda: not served.worker.connections and not served.worker.running)


@each_loop
def test_a_file_that_shrinks_while_it_is_sent_cuts_the_connection_a12(
    new_loop: NewLoop, tmp_path: Path
) -> None:
    """The client can tell, since the length was promised. What the kernel had of the cut part may be zeros by now."""
    path = tmp_path / "file"
    path.write_bytes(LARGE)
    with serving(asgi, new_loop, static=[f"/s={tmp_path}"]) as served:
        client = served.client(1 << 14)
        client.ask("/s/file")
        assert client.head().get("content-length") == str(len(LARGE))
        os.truncate(path, 1 << 20)
        client.widen()
        rest = client.rest()
        assert len(rest) < len(LARGE)
        assert rest[: 1 << 20] == LARGE[: 1 << 20]
        client.sock.close()
        served.until(lambda: not served.worker.connections)


@each_loop
def test_a_file_that_is_replaced_while_it_is_sent_is_sent_as_it_was(
    new_loop: NewLoop, tmp_path: Path
) -> None:
    """A new version is renamed into place, as is good practice; and one that grows is sent as long as promised."""
    path = tmp_path / "file"
    path.write_bytes(LARGE)
    with serving(asgi, new_loop, static=[f"/s={tmp_path}"]) as served:
        client = served.client(1 << 14)
        client.ask("/s/file")
        client.head()
        with path.open("ab") as growing:
            growing.write(b"more")
        (tmp_path / "new").write_bytes(b"new")
        (tmp_path / "new").rename(path)
        client.widen()
        assert client.exactly(len(LARGE)) == LARGE
        assert client.get("/s/file").body == b"new"
        client.sock.close()


def test_who_does_not_read_is_cut_at_the_lowest_rate_s04(tmp_path: Path) -> None:
    """A slow reader of a file is no better than another."""
    (tmp_path / "file").write_bytes(LARGE)
    with serving(asgi, static=[f"/s={tmp_path}"], timeout_min_rate="0.3s", min_rate=1000) as served:
        client = served.client(1 << 12)
        client.ask("/s/file")
        client.head()
        served.until(lambda: not served.worker.connections)
        assert len(client.rest()) < len(LARGE)
        client.sock.close()


def test_out_of_descriptors_a_file_is_503_and_then_there_again_s07(tmp_path: Path) -> None:
    """The server's own connections go on."""
    (tmp_path / "file").write_bytes(b"x")
    with serving(asgi, static=[f"/s={tmp_path}"]) as served, served.client() as client:
        assert client.get("/s/file").status == 200
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

        def limit(number: int) -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))

        # As many as are open: the next one is refused
        gc.collect()
        highest = max(map(int, os.listdir("/proc/self/fd")))
        held = [os.dup(0) for _ in range(highest)]
        try:
            served.on_loop(lambda: limit(max(held) + 1))
            with contextlib.suppress(OSError):
                # What other tests left to the garbage collector may have been closed meanwhile
                while True:
                    held.append(os.dup(0))
            seen = client.get("/s/file")
            assert (seen.status, seen.get("retry-after")) == (503, "1")
        finally:
            limit(soft)
            for fd in held:
                os.close(fd)
        assert client.get("/s/file").body == b"x"


def test_the_limit_of_running_requests_holds_for_files_too(tmp_path: Path) -> None:
    """A request for a file waits for its place, and is refused with 503, like any other; no descriptor stays open."""
    (tmp_path / "file").write_bytes(b"x")
    release = asyncio.Event()

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        await release.wait()
        await asgi(scope, receive, send)

    with (
        serving(
            waiting, static=[f"/s={tmp_path}"], limit_concurrency=1, timeout_queue="0.1s"
        ) as served,
        served.client() as first,
        served.client() as second,
    ):
        first.ask("/")
        served.until(lambda: served.worker.running == 1)
        before = open_descriptors()
        assert second.get("/s/file").status == 503
        served.until(lambda: open_descriptors() <= before)
        served.on_loop(release.set)
        assert first.response().status == 299
        assert second.get("/s/file").body == b"x"
