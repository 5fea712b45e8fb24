"""Real clients against real frameworks: curl in all its moods, many at once, and broken requests beside good ones."""

import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.apps.common import PARTS, TEXT, facts
from tests.apps.server import DEADLINE_S, ROOT, Server, stopped_well

pytestmark = [pytest.mark.real, pytest.mark.requires_program("curl")]


@pytest.fixture(scope="module", params=["starlette_app:app", "flask_app:app"], ids=["asgi", "wsgi"])
def server(request: pytest.FixtureRequest, served_file: Path) -> Iterator[Server]:
    environ = {"TRIAL_FILE": str(served_file)}
    with Server(f"tests.apps.{request.param}", "--port", "0", environ=environ) as server:
        server.until("Running on")
        yield server
        stopped_well(server)


def curl(*arguments: str, stdin: bytes = b"") -> bytes:
    """What curl prints; it must end with 0."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", str(int(DEADLINE_S)), *arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")
    return done.stdout


def test_curl_gets_a_page(server: Server) -> None:
    assert curl(f"{server.url}/hello").decode() == "Hello, wörld"


def test_curl_gets_a_page_by_http_1_0(server: Server) -> None:
    assert curl("--http1.0", f"{server.url}/text").decode() == TEXT


def test_curl_asks_for_the_head_alone(server: Server) -> None:
    head = curl("--head", f"{server.url}/hello").decode()
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert "content-length: 13\r\n" in head.lower()


def test_curl_waits_for_100_continue_and_gets_it(server: Server, served_file: Path) -> None:
    """Curl waits 300 s here if nobody tells it to go on, which is longer than it may take."""
    log = curl(
        "--verbose", "--header", "Expect: 100-continue", "--expect100-timeout", "300",
        "--form", "note=x", "--form", f"file=@{served_file};filename=f", f"{server.url}/upload",
    ).decode(errors="replace")  # fmt: skip
    assert "< HTTP/1.1 100 Continue" in log
    assert str(facts(served_file.read_bytes())["sha256"]) in log


def test_curl_sends_chunks_of_what_it_reads_from_a_pipe(server: Server) -> None:
    answer = curl(
        "--header", "transfer-encoding: chunked", "--header", "content-type: application/json",
        "--data-binary", "@-", f"{server.url}/json", stdin=b'{"a": [' + b"1, " * 100_000 + b"2]}",
    )  # fmt: skip
    assert answer.count(b"1,") == 100_000


def test_curl_keeps_one_connection_for_several_requests(server: Server) -> None:
    urls = [f"{server.url}/hello"] * 5
    ports = curl("--write-out", "\n%{local_port}\n", *urls).decode().split("\n")[1::2]
    assert len(ports) == 5
    assert len(set(ports)) == 1


def test_curl_in_parallel_gets_everything(server: Server, tmp_path: Path) -> None:
    output = ("--output", str(tmp_path / "#1"))
    curl("--parallel", "--parallel-max", "40", *output, f"{server.url}/stream?[1-40]")
    expected = b"".join(PARTS)
    assert [path.read_bytes() == expected for path in tmp_path.iterdir()] == [True] * 40


def test_many_clients_at_once_each_get_their_own_answer(server: Server) -> None:
    def ask(number: int) -> bool:
        with httpx.Client(base_url=server.url, timeout=DEADLINE_S, trust_env=False) as client:
            return all(
                client.get(f"/items/{number}-{turn}").json()["name"] == f"{number}-{turn}"
                for turn in range(10)
            )

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(16)))


BROKEN = {
    "nonsense": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "another protocol": (b"GET / HTTP/3.0\r\nhost: x\r\n\r\n", 505),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
    "a space before the colon": (b"GET / HTTP/1.1\r\nhost : x\r\n\r\n", 400),
    "a folded header": (b"GET / HTTP/1.1\r\nhost: x\r\nx-a: b\r\n c\r\n\r\n", 400),
    "NUL": (b"GET / HTTP/1.1\r\nhost: x\r\nx-a: b\0c\r\n\r\n", 400),
    "a bare CR": (b"GET / HTTP/1.1\r\nhost: x\r\nx-a: b\rc\r\n\r\n", 400),
    "both lengths": (
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two lengths": (
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n", 400,
    ),
    "a negative length": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n", 400),
    "an unknown coding": (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n", 501),
    "a malformed chunk": (
        b"POST /json HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n\r\n", 400,
    ),
    "a long target": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
    "a long header": (b"GET / HTTP/1.1\r\nhost: x\r\nx-a: " + b"a" * 100_000 + b"\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x-a: b\r\n" * 1000 + b"\r\n", 431),
    "CONNECT": (b"CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n\r\n", 501),
}  # fmt: skip


def refused(port: int, request: bytes) -> bytes:
    """Send all of it, read all of the answer; the server closes."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as client:
        client.sendall(request)
        data = b""
        try:
            while part := client.recv(65536):
                data += part
        except ConnectionResetError:
            pass
        return data


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_request_is_refused_and_harms_no_other_connection(
    server: Server, kind: str
) -> None:
    """Beside it a response is under way, an upload is half done, and an idle connection waits (S01)."""
    request, status = BROKEN[kind]
    good = b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", server.port), DEADLINE_S) as idle,
        socket.create_connection(("127.0.0.1", server.port), DEADLINE_S) as uploading,
        httpx.Client(base_url=server.url, timeout=DEADLINE_S, trust_env=False) as client,
        client.stream("GET", "/stream", headers={"accept-encoding": "identity"}) as response,
    ):
        idle.sendall(good)
        assert idle.recv(65536).startswith(b"HTTP/1.1 200")
        uploading.sendall(
            b"POST /json HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b'content-length: 10\r\n\r\n{"a":'
        )
        parts = response.iter_raw()
        first = next(parts)

        assert int(refused(server.port, request)[9:12]) == status

        assert first + b"".join(parts) == b"".join(PARTS)
        uploading.sendall(b' "b"}')
        assert b'"got"' in uploading.recv(65536)
        idle.sendall(good)
        assert idle.recv(65536).startswith(b"HTTP/1.1 200")


def test_requests_sent_in_one_go_are_answered_in_order(server: Server) -> None:
    """Pipelining, also behind a response that takes long."""
    paths = [b"/stream", b"/hello", b"/items/1", b"/hello", b"/items/2"]
    requests = [b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n" % path for path in paths]
    last = b"GET /items/last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE_S) as client:
        client.sendall(b"".join(requests) + last)
        data = b"".join(iter(lambda: client.recv(1 << 20), b""))
    assert data.count(b"HTTP/1.1 200 ") == len(paths) + 1
    marks = (PARTS[-1][:100], b"w\xc3\xb6rld", b'"1"', b'"2"', b'"last"')
    places = [data.index(mark) for mark in marks]
    assert places == sorted(places)


@pytest.mark.parametrize("spec", ["starlette_app:app", "flask_app:app", "django_wsgi"])
def test_a_unix_socket_serves_curl(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with Server(f"tests.apps.{spec}", "--uds", str(path)) as server:
        server.until(f"Running on unix:{path}")
        page = curl("--unix-socket", str(path), "http://any.name/items/ä%20b?q=1")
        assert '"name"' in page.decode()
        location = curl(
            "--unix-socket", str(path), "--output", os.devnull, "--write-out", "%{redirect_url}",
            "http://any.name/go",
        )  # fmt: skip
        assert location == b"http://any.name/hello"
        stopped_well(server)
    assert not path.exists()


def test_several_addresses_are_served_at_once(tmp_path: Path, free_port: int) -> None:
    path = tmp_path / "s"
    with Server(
        "tests.apps.starlette_app:app", "--bind", f"127.0.0.1:{free_port}", "--bind", f"unix:{path}"
    ) as server:
        server.until(f"Running on unix:{path}")
        assert curl(f"http://127.0.0.1:{free_port}/hello")
        assert curl("--unix-socket", str(path), "http://x/hello")
        stopped_well(server)


def test_an_inherited_socket_is_served() -> None:
    """As systemd, circus and supervisors of their own hand it over."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        descriptor = listener.fileno()
        with Server(
            "tests.apps.starlette_app:app", "--fd", str(descriptor), pass_fds=(descriptor,)
        ) as server:
            assert server.port == listener.getsockname()[1]
            assert curl(f"{server.url}/hello").decode() == "Hello, wörld"
            stopped_well(server)


def test_the_example_is_served_by_its_path() -> None:
    with Server(str(ROOT / "examples" / "hello.py"), "--port", "0") as server:
        assert b"<html" in curl(server.url + "/")
        stopped_well(server)
