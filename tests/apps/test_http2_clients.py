"""HTTP/2 clients of other people: curl, nghttp, h2load and httpx, by prior knowledge and over TLS."""

import asyncio
import json
import os
import re
import socket
import subprocess
import zlib
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import certificates
from tests.apps.common import PARTS, TEXT, facts
from tests.apps.http2_app import PAGE
from tests.apps.server import DEADLINE_S, Server, stopped_well

pytestmark = [
    pytest.mark.real,
    pytest.mark.requires_program("curl", "nghttp", "h2load"),
]


ONLY_TLS = pytest.mark.parametrize("site", [True], ids=["tls"], indirect=True)
ONLY_CLEAR = pytest.mark.parametrize("site", [False], ids=["clear"], indirect=True)


class Site:
    """A server, and how curl and the others are told to speak HTTP/2 with it."""

    def __init__(self, server: Server, authority: Path, *, tls: bool) -> None:
        self.server = server
        self.tls = tls
        self.url = server.url.replace("127.0.0.1", "localhost") if tls else server.url
        self._curl = (
            ("--http2", "--cacert", str(authority)) if tls else ("--http2-prior-knowledge",)
        )

    def curl(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What curl prints; it must end with 0."""
        return ran("curl", "--silent", "--show-error", *self._curl, *arguments, stdin=stdin)

    def httpx(self, **options: Any) -> dict[str, Any]:
        """What makes an httpx client speak HTTP/2 only."""
        verify: Any = certificates.client_context() if self.tls else False
        common = {"http1": False, "http2": True, "trust_env": False, "timeout": DEADLINE_S}
        return {**common, "base_url": self.url, "verify": verify, **options}


def ran(*command: str, stdin: bytes = b"") -> bytes:
    """What a program prints; it must end with 0."""
    done = subprocess.run(
        command,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")
    return done.stdout


def sites(
    folder: Path, app: str, *options: str, environ: dict[str, str] | None = None, tls: bool
) -> Iterator[Site]:
    """A site that serves `app`; it must end well."""
    authority = folder / "authority.pem"
    authority.write_text(certificates.authority().pem)
    if tls:
        files = certificates.files(folder)
        options += tuple(f"--{name.replace('_', '-')}={value}" for name, value in files.items())
    with Server(
        f"tests.apps.{app}", "--port", "0", "--no-access-log", *options, environ=environ
    ) as server:
        yield Site(server, authority, tls=tls)
        stopped_well(server)


@pytest.fixture(scope="module", params=[False, True], ids=["clear", "tls"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The application that shows what HTTP/2 is used for."""
    folder = tmp_path_factory.mktemp("site")
    yield from sites(folder, "http2_app:app", "--lifespan", "off", tls=request.param)


@pytest.fixture(scope="module", params=["starlette_app:app", "flask_app:app"], ids=["asgi", "wsgi"])
def framework(
    request: pytest.FixtureRequest, served_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A framework, unmodified, over TLS."""
    environ = {"TRIAL_FILE": str(served_file)}
    yield from sites(tmp_path_factory.mktemp("site"), request.param, environ=environ, tls=True)


# curl


def test_curl_is_told_that_it_spoke_http_2(site: Site) -> None:
    """One Host header, taken from `:authority`, and no pseudo-header field among the others."""
    seen = json.loads(site.curl("--cookie", "a=1; b=2", f"{site.url}/told?q=%C3%A4"))
    assert (seen["type"], seen["http_version"], seen["method"]) == ("http", "2", "GET")
    assert seen["scheme"] == ("https" if site.tls else "http")
    assert (seen["path"], seen["query_string"]) == ("/told", "q=%C3%A4")
    headers = dict(seen["headers"])
    assert headers["host"] == site.url.partition("//")[2]
    assert headers["cookie"] == "a=1; b=2"
    assert [name for name in headers if name.startswith(":")] == []


def test_curl_shows_the_head_of_an_answer(site: Site) -> None:
    head = site.curl("--head", f"{site.url}/told").decode()
    assert head.startswith("HTTP/2 200 \r\n")
    assert {"date", "server", "content-length"} <= {
        line.partition(":")[0] for line in head.splitlines()
    }
    assert "connection:" not in head


def test_curl_shows_early_hints(site: Site) -> None:
    hints = site.curl("--include", f"{site.url}/hints").decode()
    assert hints.index("HTTP/2 103") < hints.index("link: </style.css>") < hints.index("HTTP/2 200")


def test_curl_shows_trailers_if_it_said_that_it_takes_them(site: Site, tmp_path: Path) -> None:
    """RFC 9110 6.5.1: nobody is sent trailers unasked."""
    dump = tmp_path / "head"
    for header, expected in (("te: trailers", {"x-first: told", "x-last: told"}), ("x: y", set())):
        options = ("--dump-header", str(dump), "--header", header)
        assert site.curl(*options, f"{site.url}/trailers") == b"body"
        assert {line for line in dump.read_text().splitlines() if "told" in line} == expected


def test_curl_uploads_what_it_reads_from_a_pipe(site: Site) -> None:
    """Five windows full, and no length that is known before."""
    body = os.urandom(5 << 20)
    answer = json.loads(site.curl("--data-binary", "@-", f"{site.url}/upload", stdin=body))
    assert (answer["bytes"], answer["sha256"]) == (len(body), sha256(body).hexdigest())
    piped = json.loads(site.curl("--upload-file", "-", f"{site.url}/upload", stdin=body))
    assert piped["sha256"] == answer["sha256"]


@ONLY_TLS
def test_curl_in_parallel_shares_one_connection(site: Site) -> None:
    """50 requests, each with an answer of its own. (By prior knowledge this curl fails whatever it asks.)"""
    output = site.curl(
        "--parallel", "--parallel-max", "50", "--write-out", "\n%{http_version} %{num_connects}\n",
        f"{site.url}/told?n=[1-50]",
    ).decode()  # fmt: skip
    assert len(set(re.findall(r'"query_string": "(n=\d+)"', output))) == 50
    versions = re.findall(r"^(\S+) (\d)$", output, re.MULTILINE)
    assert [version for version, _ in versions] == ["2"] * 50
    assert sum(int(made) for _, made in versions) == 1


@ONLY_CLEAR
def test_curl_asks_to_upgrade_and_is_answered_by_http_1_1(site: Site) -> None:
    """`Upgrade: h2c` is ignored (RFC 9113 3.1 took it away)."""
    output = ran(
        "curl", "--silent", "--http2", "--write-out", "\n%{http_version}", f"{site.url}/told"
    )
    assert output.decode().splitlines()[-1] == "1.1"


@ONLY_TLS
def test_who_offers_http_1_1_alone_gets_it_on_the_same_port(site: Site) -> None:
    assert json.loads(site.curl("--http1.1", f"{site.url}/told"))["http_version"] == "1.1"


def test_curl_gets_everything_from_a_framework(framework: Site, served_file: Path) -> None:
    """ASGI with middleware, and WSGI on its threads: the same answers as by HTTP/1.1."""
    url = framework.url
    assert framework.curl(f"{url}/hello").decode() == "Hello, wörld"
    assert framework.curl("--compressed", f"{url}/text").decode() == TEXT
    assert framework.curl(f"{url}/stream") == b"".join(PARTS)
    assert framework.curl(f"{url}/file") == served_file.read_bytes()
    form = ("--form", "note=x", "--form", f"file=@{served_file};filename=f")
    answer = json.loads(framework.curl(*form, f"{url}/upload"))
    assert answer["sha256"] == facts(served_file.read_bytes())["sha256"]
    assert framework.curl("--location", f"{url}/go").decode() == "Hello, wörld"
    assert b'"a"' in framework.curl("--cookie", "a=1; b=2", f"{url}/cookies")
    status = ("--output", os.devnull, "--write-out", "%{http_code} %{http_version}")
    assert framework.curl(*status, f"{url}/raise") == b"500 2"


@pytest.mark.parametrize("threads", [1, 0])
def test_wsgi_takes_bodies_around_the_size_of_the_first_window(
    tmp_path: Path, threads: int
) -> None:
    """What a thread waits for, and with --threads 0 all of the body, comes before anything is taken.
    (curl may lose an answer that comes before it has sent everything, nghttp does not.)"""
    data = tmp_path / "body"
    options = ("--threads", str(threads))
    for site in sites(tmp_path, "plain_app:application", *options, tls=False):
        for size in (65535, 65536, 65537, 300_000):
            body = os.urandom(size)
            data.write_bytes(body)
            taken = f"{size} {zlib.crc32(body)}"
            expected = taken if threads or size <= 65536 else "Content Too Large"
            for option in ([], ["--no-content-length"]):
                answer = ran("nghttp", f"--data={data}", *option, f"{site.url}/")
                assert answer.decode() == expected


def test_a_response_that_breaks_is_reset(framework: Site) -> None:
    """What came cannot be taken for the whole: the stream ends with RST_STREAM, the connection goes on."""
    done = subprocess.run(
        ["nghttp", "--verbose", "--null-out", f"{framework.url}/late", f"{framework.url}/hello"],
        stdout=subprocess.PIPE,
        timeout=DEADLINE_S,
        check=False,
    )
    text = done.stdout.decode(errors="replace")
    assert "recv RST_STREAM" in text
    assert text.count(":status: 200") == 2
    assert "recv GOAWAY" not in text


def test_static_files_are_served_by_http_2(tmp_path: Path, served_file: Path) -> None:
    """Whole, in part, and not again."""
    folder = served_file.parent
    option = f"/files={folder}"
    for site in sites(
        tmp_path, "http2_app:app", "--lifespan", "off", "--static", option, tls=False
    ):
        url = f"{site.url}/files/{served_file.name}"
        data = served_file.read_bytes()
        assert site.curl(url) == data
        assert site.curl("--range", "1000-100999", url) == data[1000:101_000]
        head = site.curl("--head", url).decode()
        etag = next(line for line in head.splitlines() if line.startswith("etag:"))
        seen = site.curl("--include", "--header", f"If-None-Match:{etag.partition(':')[2]}", url)
        assert seen.startswith(b"HTTP/2 304")


# nghttp


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--continuation",),
        ("--padding=255",),
        ("--window-bits=6", "--connection-window-bits=16"),
        ("--header-table-size=0", "--encoder-header-table-size=0"),
        ("--header-table-size=65536", "--encoder-header-table-size=65536"),
        ("--no-dep", "--weight=256"),
        ("--max-concurrent-streams=1",),
    ],
    ids=lambda options: " ".join(options) or "plain",
)
def test_nghttp_gets_its_answers_in_all_its_moods(site: Site, options: tuple[str, ...]) -> None:
    """A page, and four requests on one connection: small windows, padding, CONTINUATION, tables of other sizes."""
    command = ("nghttp", "--no-verify-peer", *options, "--header=x-long: " + "x" * 3000)
    assert ran(*command, f"{site.url}/") == PAGE
    urls = [f"{site.url}/told?n={number}" for number in range(4)]
    seen = ran(*command, "--verbose", "--null-out", *urls).decode()
    assert len(re.findall(r"recv \(stream_id=\d+\) :status: 200", seen)) == 4
    assert "recv RST_STREAM" not in seen
    assert "recv GOAWAY" not in seen


def test_nghttp_takes_what_is_pushed(site: Site) -> None:
    """A promise before the answer, and a whole response on its stream; none where it wants none."""
    seen = ran("nghttp", "--no-verify-peer", "--verbose", f"{site.url}/pushes").decode()
    promised = re.search(r"recv PUSH_PROMISE.*?promised_stream_id=(\d+)", seen, re.DOTALL)
    assert promised is not None, seen
    assert ":path: /told?pushed=%C3%A9" in seen
    assert f"recv (stream_id={promised[1]}) :status: 200" in seen
    assert '"query_string": "pushed=%C3%A9"' in seen
    seen = ran(
        "nghttp", "--no-verify-peer", "--no-push", "--verbose", f"{site.url}/pushes"
    ).decode()
    assert "PUSH_PROMISE" not in seen and "main" in seen


def test_curl_is_not_pushed_to(site: Site) -> None:
    """It switches pushes off."""
    assert site.curl(f"{site.url}/pushes") == b"main"


def test_nghttp_uploads_with_padding_and_trailers(site: Site, tmp_path: Path) -> None:
    """The trailers are checked and dropped; padding counts against the windows, and is given back."""
    body = os.urandom(1 << 20)
    (tmp_path / "body").write_bytes(body)
    output = ran(
        "nghttp", "--no-verify-peer", "--padding=200", f"--data={tmp_path / 'body'}",
        "--trailer=x-check: 1", f"{site.url}/upload",
    )  # fmt: skip
    answer = json.loads(output)
    assert (answer["bytes"], answer["sha256"]) == (len(body), sha256(body).hexdigest())


def test_nghttp_sees_settings_acknowledged_and_no_error(site: Site) -> None:
    output = ran(
        "nghttp", "--no-verify-peer", "--verbose", "--null-out", f"{site.url}/told"
    ).decode()
    assert "recv SETTINGS frame <length=0, flags=0x01" in output
    assert "SETTINGS_MAX_CONCURRENT_STREAMS" in output
    assert "SETTINGS_ENABLE_CONNECT_PROTOCOL" in output or "UNKNOWN(0x08" in output
    assert "recv RST_STREAM" not in output
    assert "recv GOAWAY" not in output


# h2load


def test_h2load_loses_no_request(site: Site) -> None:
    """8 connections of 32 streams, small answers."""
    output = ran("h2load", "-n", "4000", "-c", "8", "-m", "32", f"{site.url}/told").decode()
    assert "4000 total, 4000 started, 4000 done, 4000 succeeded, 0 failed, 0 errored" in output


def test_h2load_uploads_and_downloads_through_small_windows(tmp_path: Path) -> None:
    body = os.urandom(100_000)
    (tmp_path / "body").write_bytes(body)
    for site in sites(tmp_path, "plain_app:app", "--lifespan", "off", tls=False):
        common = ["h2load", "-c", "4", "-m", "10", "-w", "14", "-W", "15"]
        sent = ran(*common, "-n", "200", "-d", str(tmp_path / "body"), f"{site.url}/").decode()
        assert "200 succeeded, 0 failed, 0 errored" in sent
        answer = f"{len(body)} {zlib.crc32(body)}"
        assert f"({200 * len(answer)}) data" in sent
        got = ran(*common, "-n", "40", f"{site.url}/?chunks=2").decode()
        assert "40 succeeded, 0 failed, 0 errored" in got
        assert f"({40 * 2 * (1 << 20)}) data" in got


# httpx


def test_httpx_streams_both_ways(site: Site) -> None:
    parts = [os.urandom(50_000) for _ in range(20)]
    with httpx.Client(**site.httpx()) as client:
        answer = client.post("/upload", content=iter(parts))
        assert answer.http_version == "HTTP/2"
        assert answer.json()["sha256"] == sha256(b"".join(parts)).hexdigest()
        with client.stream("GET", "/events") as response:
            assert list(response.iter_lines()) == ["data: 0", "", "data: 1", "", "data: 2", ""]


def test_httpx_asks_many_things_at_once_on_one_connection(site: Site) -> None:
    """300 requests beyond the number of streams that may be open, and uploads among them."""

    async def ask(client: httpx.AsyncClient, number: int) -> bool:
        if number % 10:
            answer = await client.get("/told", params={"n": number})
            return bool(answer.json()["query_string"] == f"n={number}")

        async def body() -> AsyncIterator[bytes]:
            for _ in range(number % 7):
                yield b"x" * 20_000

        answer = await client.post("/upload", content=body())
        return bool(answer.json()["bytes"] == number % 7 * 20_000)

    async def ask_all() -> list[bool]:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(**site.httpx(limits=limits)) as client:
            return await asyncio.gather(*(ask(client, number) for number in range(300)))

    assert asyncio.run(ask_all()) == [True] * 300


def test_a_client_that_goes_away_ends_all_its_streams(site: Site) -> None:
    """Killed, so that it says nothing."""
    urls = [f"{site.url}/held?n={number}" for number in range(3)]
    command = ["nghttp", "--no-verify-peer", "--null-out", *urls]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as left:
        try:
            site.server.until_true(lambda output: output.count("app: held") == 3, "3 × held")
        finally:
            left.kill()
    site.server.until_true(lambda output: output.count("app: released") == 3, "3 × released")


@ONLY_TLS
def test_a_client_that_knows_no_http_2_is_not_offered_it(site: Site) -> None:
    """ALPN: without an offer it is HTTP/1.1, and with one the server's order holds."""
    for offered, agreed in (([], None), (["http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2")):
        context = certificates.client_context(alpn=offered)
        with (
            socket.create_connection(("127.0.0.1", site.server.port), DEADLINE_S) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as sock,
        ):
            assert sock.selected_alpn_protocol() == agreed
