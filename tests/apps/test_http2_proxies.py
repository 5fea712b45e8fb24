"""Behind proxies that speak HTTP/2 to the server, as far as Debian's do: HAProxy (also WebSockets over HTTP/2), nginx with gRPC."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from websockets.sync.client import connect

from tests import certificates
from tests.apps.grpc_app import PIECE
from tests.apps.server import DEADLINE_S, Server, stopped_well

pytestmark = pytest.mark.real

HAPROXY = """
global
    maxconn 200
defaults
    mode http
    timeout connect 10s
    timeout client 30s
    timeout server 30s
    option forwardfor
    http-reuse always
frontend clear
    bind fd@{clear}
    default_backend clear
backend clear
    server penstock 127.0.0.1:{port} proto h2 ws h2
frontend tls
    bind fd@{tls}
    default_backend tls
backend tls
    server penstock 127.0.0.1:{tls_port} ssl verify required ca-file {authority} sni str(localhost) verifyhost localhost alpn h2 ws h2
"""
NGINX = """{user}daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr warn;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream penstock {{ server 127.0.0.1:{port}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{listen} http2;
        client_max_body_size 100m; grpc_read_timeout 30s;
        location / {{ grpc_pass grpc://penstock; }}
    }}
}}
"""


@contextmanager
def running(command: list[str], **options: Any) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, **options) as process:
        try:
            yield process
        finally:
            # Not gracefully: it would wait for connections that nobody needs any more
            process.kill()


@contextmanager
def haproxy_before(folder: Path, port: int, tls_port: int) -> Iterator[dict[str, str]]:
    """HAProxy in front of a server with these ports: the addresses of its frontends."""
    (folder / "authority.pem").write_text(certificates.authority().pem)
    with ExitStack() as stack:
        # HAProxy gets its sockets open, so there is no port to guess and no start to wait for
        sockets = {
            name: stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            for name in ("clear", "tls")
        }
        configuration = HAPROXY.format(
            **{name: sock.fileno() for name, sock in sockets.items()},
            port=port,
            tls_port=tls_port,
            authority=folder / "authority.pem",
        )
        (folder / "haproxy.cfg").write_text(configuration)
        stack.enter_context(
            running(
                ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")],
                pass_fds=[sock.fileno() for sock in sockets.values()],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        yield {name: f"127.0.0.1:{sock.getsockname()[1]}" for name, sock in sockets.items()}


@pytest.fixture(scope="module")
def haproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of HAProxy's frontends, in front of one server."""
    folder = tmp_path_factory.mktemp("haproxy")
    files = certificates.files(folder)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in files.items()]
    binds = ["--bind", "127.0.0.1:0", "--bind", "127.0.0.1:0?tls"]
    with Server("tests.apps.http2_app:app", *binds, *options, "--lifespan", "off") as server:
        server.until_true(lambda output: output.count("Running on") == 2, "both addresses")
        words = [word for word in server.output.split() if word.startswith(("http://", "https://"))]
        ports = {word.partition(":")[0]: int(word.rpartition(":")[2]) for word in words}
        with haproxy_before(folder, ports["http"], ports["https"]) as addresses:
            yield addresses
        stopped_well(server)


@pytest.mark.requires_program("haproxy")
@pytest.mark.parametrize("frontend", ["clear", "tls"])
def test_haproxy_passes_on_what_http_1_clients_ask_by_http_2(
    haproxy: dict[str, str], frontend: str
) -> None:
    url = f"http://{haproxy[frontend]}"

    def ask(number: int) -> bool:
        with httpx.Client(base_url=url, timeout=DEADLINE_S, trust_env=False) as client:
            for turn in range(10):
                told = client.get("/told", params={"n": f"{number}.{turn}"}).json()
                assert (told["http_version"], told["query_string"]) == ("2", f"n={number}.{turn}")
                assert dict(told["headers"])["host"] == haproxy[frontend]
            body = bytes([number]) * 300_000
            return bool(client.post("/upload", content=body).json()["bytes"] == len(body))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(8)))


@pytest.mark.requires_program("haproxy")
@pytest.mark.parametrize("frontend", ["clear", "tls"])
def test_haproxy_turns_websockets_into_streams(haproxy: dict[str, str], frontend: str) -> None:
    """RFC 8441: the client's Upgrade becomes an extended CONNECT."""
    with connect(f"ws://{haproxy[frontend]}/ws", subprotocols=["chat"], proxy=None) as websocket:  # type: ignore[list-item]
        told = json.loads(websocket.recv(DEADLINE_S))
        assert (told["type"], told["http_version"]) == ("websocket", "2")
        assert told["scheme"] == ("wss" if frontend == "tls" else "ws")
        assert websocket.subprotocol == "chat"
        for message in ("grüß dich", b"\0" * 200_000):
            websocket.send(message)
            assert websocket.recv(DEADLINE_S) == message
        websocket.send("bye")
        with pytest.raises(Exception, match="4001"):
            websocket.recv(DEADLINE_S)


@pytest.mark.requires_program("haproxy")
def test_a_rolling_reload_loses_no_request_of_haproxys(tmp_path: Path) -> None:
    """H17: requests are under way on its connections all the time, while both workers are replaced."""
    over = threading.Event()

    def ask(address: str) -> int:
        count = 0
        with httpx.Client(timeout=DEADLINE_S, trust_env=False) as client:
            while not over.is_set():
                assert client.get(f"http://{address}/told").status_code == 200
                count += 1
        return count

    options = ("--workers", "2", "--lifespan", "off", "--no-access-log")
    with Server("tests.apps.http2_app:app", "--port", "0", *options) as server:
        port = server.port
        with haproxy_before(tmp_path, port, port) as addresses, ThreadPoolExecutor(4) as pool:
            try:
                asked = [pool.submit(ask, addresses["clear"]) for _ in range(4)]
                server.child.send_signal(signal.SIGHUP)
                server.until_true(lambda output: output.count(") ended") == 2, "2 × ended")
            finally:
                over.set()
            assert min(each.result() for each in asked) > 10
        stopped_well(server)


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of nginx, in front of the gRPC application."""
    folder = tmp_path_factory.mktemp("nginx")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    with Server("tests.apps.grpc_app:app", "--port", "0", "--lifespan", "off") as server:
        user = "user root; " if not os.getuid() else ""
        configuration = NGINX.format(user=user, folder=folder, port=server.port, listen=port)
        (folder / "nginx.conf").write_text(configuration)
        command = ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
        with running(command, stderr=subprocess.PIPE) as process:
            wait_for(port, process)
            yield port
        stopped_well(server)


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.requires_program("nginx")
def test_grpc_goes_through_nginx(nginx: int) -> None:
    """Unary, a stream of 4 MiB, and a failure whose status stands in the trailers."""
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{nginx}", options) as channel:
        ask = channel.unary_unary("/trial.Echo/Unary")
        calls = [ask.future(b"%d" % number, timeout=DEADLINE_S) for number in range(60)]
        assert [call.result() for call in calls] == [b"%d" % number for number in range(60)]
        answers = channel.unary_stream("/trial.Echo/Many")(b"256", timeout=DEADLINE_S)
        assert [message == PIECE for message in answers] == [True] * 256
        answer = channel.stream_unary("/trial.Echo/Sum")(iter([PIECE] * 100), timeout=DEADLINE_S)
        assert answer == b"100 %d" % (100 * len(PIECE))
        with pytest.raises(grpc.RpcError) as caught:
            ask(b"fail", timeout=DEADLINE_S)
        error: Any = caught.value
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
