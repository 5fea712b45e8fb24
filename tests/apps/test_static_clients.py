"""Static files with other people's software: curl in all its moods, a browser that loads a page, and nginx asked the same."""

import gzip
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import certificates
from tests.apps.server import DEADLINE_S, Server, stopped_well
from tests.browser import browser
from tests.sockets import Client, Response

pytestmark = pytest.mark.real

LARGE = os.urandom(1 << 16) * 48
SCRIPT = b"document.getElementById('note').textContent = 'script ran';\n" * 50
PAGE = b"""<!doctype html><html lang=en><head><meta charset=utf-8><title>Trial</title>
<link rel=stylesheet href=style.css><link rel=icon href=icon.svg>
<script type=module src=app.mjs></script></head>
<body><p id=note>nothing yet</p><img id=image src=icon.svg alt=""><p id=path></p></body></html>
"""
MODULE = b"""import { text } from './lib/text.mjs';
document.getElementById('note').textContent = text;
document.getElementById('path').textContent = location.pathname;
"""
# What nginx and Penstock share: the times are whole seconds, as nginx's dates are.
CHANGED_S = 1_700_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small site: a page and its assets, something large, a compressed sibling."""
    site = tmp_path_factory.mktemp("site")
    (site / "lib").mkdir()
    (site / "empty folder").mkdir()
    for name, content in {
        "index.html": PAGE,
        "style.css": b"#note { color: rgb(1, 2, 3) }",
        "icon.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><circle r="4"/></svg>',
        "app.mjs": MODULE,
        "app.js": SCRIPT,
        "lib/text.mjs": "export const text = 'all there: grüß';\n".encode(),
        "lib/index.html": b"lib",
        "large.bin": LARGE,
        "empty.txt": b"",
        "gr\u00fc\u00df dich.txt": b"umlaut",
        "app.js.gz": gzip.compress(SCRIPT, mtime=0),
    }.items():
        (site / name).write_bytes(content)
    for path in site.rglob("*"):
        os.utime(path, (CHANGED_S, CHANGED_S))
    return site


@pytest.fixture(scope="module", params=["plain", "tls-http1.1", "tls-http2"])
def server(
    request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The command, with the folder on all paths."""
    options = ["--static", f"/={folder}?spa&missing=404", "--lifespan", "off"]
    if request.param == "tls-http1.1":
        options.append("--no-http2")
    if request.param != "plain":
        files = certificates.files(tmp_path_factory.mktemp("tls"))
        options += [f"--{name.replace('_', '-')}={value}" for name, value in files.items()]
    with Server("tests.apps.plain_app:app", "--port", "0", *options) as server:
        server.until("Running on")
        yield server
        stopped_well(server)


@pytest.fixture
def version(request: pytest.FixtureRequest) -> str:
    """What curl and the server agree on."""
    return "2" if "http2" in request.node.callspec.params["server"] else "1.1"


def url_of(server: Server) -> str:
    output = server.until("Running on")
    word = next(word for word in output.split() if word.startswith(("http://", "https://")))
    return word.replace("0.0.0.0", "127.0.0.1")


def curl(server: Server, path: str, *arguments: str) -> bytes:
    """What curl prints; it must end with 0."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--insecure", "--max-time", str(int(DEADLINE_S)), *arguments,
         url_of(server) + path],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


@pytest.mark.requires_program("curl")
def test_curl_gets_files_whole_and_the_log_has_them(server: Server, version: str) -> None:
    assert curl(server, "/large.bin") == LARGE
    assert curl(server, "/gr%C3%BC%C3%9F%20dich.txt") == b"umlaut"
    server.until(f'"GET /gr%C3%BC%C3%9F%20dich.txt HTTP/{version}" 200')


@pytest.mark.requires_program("curl")
def test_curl_resumes_a_download(server: Server, tmp_path: Path) -> None:
    """-C asks for the rest by a range."""
    target = tmp_path / "part"
    target.write_bytes(LARGE[:1_000_000])
    curl(server, "/large.bin", "--continue-at", "-", "--output", str(target))
    assert target.read_bytes() == LARGE


@pytest.mark.requires_program("curl")
@pytest.mark.parametrize(
    "ranges, parts", [("0-99", 0), ("-100", 0), ("0-9,1000000-1000009,-10", 3)]
)
def test_curl_gets_ranges(server: Server, version: str, ranges: str, parts: int) -> None:
    got = curl(server, "/large.bin", "--range", ranges, "--include")
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/{version} 206 ".encode())
    if parts:
        assert body.count(b"content-range: bytes ") == parts
        assert LARGE[1000000:1000010] in body
    else:
        assert body == (LARGE[:100] if ranges == "0-99" else LARGE[-100:])


@pytest.mark.requires_program("curl")
def test_curl_decompresses_and_asks_only_for_what_has_changed(
    server: Server, tmp_path: Path
) -> None:
    """The sibling is its own representation, with a tag of its own; by tag and by date a second look costs a 304."""
    tags = tmp_path / "tags"
    written = ["--write-out", "%{http_code} %{size_download}"]
    output = ["--output", str(tmp_path / "body")]
    first = curl(server, "/app.js", "--compressed", "--etag-save", str(tags), *written, *output)
    assert first == b"200 %d" % len(gzip.compress(SCRIPT, mtime=0))
    assert (tmp_path / "body").read_bytes() == SCRIPT
    again = curl(server, "/app.js", "--compressed", "--etag-compare", str(tags), *written, *output)
    assert again == b"304 0"
    plain = curl(server, "/app.js", "--etag-compare", str(tags), *written, *output)
    assert plain == b"200 %d" % len(SCRIPT)
    since = curl(server, "/app.js", "--time-cond", "14 Nov 2023 22:13:20 GMT", *written, *output)
    assert since.startswith(b"304")


@pytest.mark.requires_program("curl")
def test_curl_follows_the_slash(server: Server) -> None:
    assert curl(server, "/lib", "--location") == b"lib"
    assert curl(server, "/lib?x=1", "--head").split(b"\r\n")[1] == b"location: ./lib/?x=1"


@pytest.mark.requires_program("curl")
def test_a_reader_at_a_crawl_gets_it_whole(server: Server) -> None:
    """At 2 MiB/s, through many full buffers."""
    assert curl(server, "/large.bin", "--limit-rate", "2M") == LARGE


@pytest.mark.timeout(120)
@pytest.mark.requires_program("chromium")
def test_a_browser_loads_a_page_with_its_assets(folder: Path, tmp_path: Path) -> None:
    """Style, modules and image, without one complaint; on a path that only the page knows; and from its cache."""
    options = ["--static", f"/={folder}?spa&cache=hashed", "--lifespan", "off"]
    with Server("tests.apps.plain_app:app", "--port", "0", *options) as server:
        url = server.url
        with browser(tmp_path, url + "/") as page:
            page.wait_for(
                "document.getElementById('note').textContent === 'all there: gr\\u00fc\\u00df'"
            )
            style = "getComputedStyle(document.getElementById('note')).color"
            assert page.evaluate(style) == "rgb(1, 2, 3)"
            assert page.evaluate("document.getElementById('image').naturalWidth") == 8
            page.call("Page.navigate", url=url + "/users")
            page.wait_for("document.getElementById('path')?.textContent === '/users'")
            page.call("Page.navigate", url=url + "/")
            page.wait_for("document.getElementById('path')?.textContent === '/'")
            server.until('"GET /app.mjs HTTP/1.1" 304')
            assert page.complaints == []
        stopped_well(server)


# nginx


class Case(NamedTuple):
    """A request. `apart` names what nginx answers otherwise, and why that is right for both."""

    target: str
    headers: tuple[str, ...] = ()
    method: str = "GET"
    apart: tuple[str, ...] = ()


DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
CASES = (
    Case("/style.css"),
    Case("/style.css", method="HEAD"),
    Case("/"),
    Case("/lib/"),
    Case("/lib/text.mjs"),
    Case("/empty.txt"),
    Case("/icon.svg"),
    Case("/large.bin"),
    Case("/large.bin", method="HEAD"),
    Case("/gr%C3%BC%C3%9F%20dich.txt"),
    Case("/none"),
    Case("/lib/none"),
    Case("/%6cib/text.mjs"),
    Case("/style.css?query"),
    Case("/large.bin", ("Range: bytes=0-9",)),
    Case("/large.bin", ("Range: bytes=-9",)),
    Case("/large.bin", ("Range: bytes=100-",)),
    Case("/large.bin", ("Range: bytes=0-9999999",)),
    Case("/large.bin", ("Range: bytes=9999999-",)),
    Case("/large.bin", ("Range: bytes=0-9,1000-1009",)),
    Case("/large.bin", ("Range: lines=1-2",)),
    Case("/large.bin", ("Range: bytes=5-1",), apart=("status",)),  # ignored (RFC 9110 14.2); nginx says 416
    Case("/large.bin", ("Range: bytes=0-9", f"If-Range: {DATE}")),
    Case("/large.bin", ("Range: bytes=0-9", "If-Range: Tue, 14 Nov 2023 22:13:19 GMT")),
    Case("/large.bin", ("Range: bytes=0-9", 'If-Range: "other"')),
    Case("/style.css", (f"If-Modified-Since: {DATE}",)),
    Case("/style.css", ("If-Modified-Since: Tue, 14 Nov 2023 22:13:19 GMT",)),
    Case("/style.css", ("If-Modified-Since: rubbish",)),
    Case("/style.css", ('If-None-Match: "other"',)),
    Case("/style.css", ("If-None-Match: *",)),
    Case("/style.css", ('If-None-Match: "other"', f"If-Modified-Since: {DATE}")),
    Case("/style.css", ('If-Match: "other"',)),
    Case("/style.css", ("If-Match: *",)),
    Case("/style.css", (f"If-Unmodified-Since: {DATE}",)),
    Case("/style.css", ("If-Unmodified-Since: Tue, 14 Nov 2023 22:13:19 GMT",)),
    Case("/app.js"),
    Case("/app.js", ("Accept-Encoding: gzip",), apart=("ranges",)),  # nginx has no ranges of a sibling
    Case("/app.js", ("Accept-Encoding: gzip;q=0",)),
    Case("/app.js", ("Accept-Encoding: br, gzip;q=0.5",), apart=("ranges",)),
    Case("/app.js", ("Accept-Encoding: *",), apart=("encoding",)),  # nginx takes no asterisk
    Case("/style.css", method="POST"),
    Case("/style.css", method="DELETE"),
    Case("/lib", apart=("status",)),  # 308 and not 301, which may turn a POST into a GET
    Case("/empty%20folder/", apart=("status",)),  # no listing: nginx says 403, we that there is nothing
    Case("/style.css/", apart=()),
    Case("/../etc/passwd", apart=("status",)),  # nginx says 400
    Case("/lib/../style.css", apart=("status",)),  # nginx resolves dots; we leave that to clients
    Case("/..%2fetc/passwd", apart=("status",)),
    Case("/style.css%00", apart=("status",)),
)  # fmt: skip


@pytest.fixture(scope="module")
def nginx(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Unix socket of an nginx that serves the folder."""
    base = tmp_path_factory.mktemp("nginx")
    place = base / "socket"
    (base / "nginx.conf").write_text(
        f"""daemon off; master_process off; pid {base}/pid; error_log stderr;
        events {{ worker_connections 64; }}
        http {{
            types {{ text/html html; text/css css; text/javascript js mjs; image/svg+xml svg; text/plain txt; }}
            default_type application/octet-stream; charset utf-8; charset_types text/css text/javascript text/plain;
            access_log off; gzip_static on; gzip_vary on; client_body_temp_path {base}/body;
            proxy_temp_path {base}/p; fastcgi_temp_path {base}/f; uwsgi_temp_path {base}/u; scgi_temp_path {base}/s;
            server {{ listen unix:{place}; location / {{ root "{folder}"; }} }}
        }}"""
    )
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with subprocess.Popen([program, "-p", str(base), "-c", "nginx.conf"]) as process:
        try:
            deadline = time.monotonic() + DEADLINE_S
            while not place.exists():
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.01)
            yield place
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def ours(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Unix socket of a Penstock that serves the folder."""
    place = tmp_path_factory.mktemp("penstock") / "socket"
    options = ["--static", f"/={folder}?missing=404", "--lifespan", "off", "--uds", str(place)]
    with Server("tests.apps.plain_app:app", *options) as server:
        server.until("Running on")
        yield place
        stopped_well(server)


def asked(place: Path, case: Case) -> Response:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(DEADLINE_S)
    sock.connect(str(place))
    with Client(sock) as client:
        return client.get(case.target, *case.headers, "Connection: close", method=case.method)


def facts(response: Response) -> dict[str, Any]:
    """What both must say alike."""
    found = response.status in {200, 206}
    kind = response.get("content-type") or ""
    multipart = kind.startswith("multipart/byteranges; boundary=")
    body: Any = response.body
    if multipart:
        body = [
            part.partition(b"\r\n\r\n")[2]
            for part in body.split(kind.partition("boundary=")[2].encode())
        ]
    return {
        "status": response.status,
        "body": body if found else None,
        "length": response.get("content-length") if found and not multipart else None,
        "type": kind.partition(";")[0] if found else None,
        "charset": "utf-8" in kind if found and not kind.startswith("image") else None,
        "encoding": response.get("content-encoding"),
        "range": response.get("content-range"),
        "modified": response.get("last-modified") if found else None,
        "tagged": response.get("etag") is not None if found else None,
        "ranges": response.get("accept-ranges") if response.status == 200 else None,
    }


@pytest.mark.requires_program("nginx")
@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: " ".join((case.method, case.target, *case.headers))
)
def test_nginx_answers_alike(nginx: Path, ours: Path, case: Case) -> None:
    """Status, body, length, type, coding, range and date; what differs is listed with its reason, and does differ."""
    theirs, own = facts(asked(nginx, case)), facts(asked(ours, case))
    differing = {name for name in theirs if theirs[name] != own[name]}
    if "status" in case.apart:
        assert "status" in differing
        assert own["status"] in {200, 308, 404}
    else:
        assert differing - {"body", "length"} == set(case.apart) - {"body", "length"}, (theirs, own)
        assert "body" not in differing or case.apart
