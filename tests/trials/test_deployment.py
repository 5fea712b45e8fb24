"""The configurations of docs/deployment.md are taken from the page and run: nginx, Caddy and HAProxy in front of Penstock, systemd, containers, Kubernetes.

A configuration is an indented block whose first line is a comment that names its file.
"""

import configparser
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.apps.server import ENVIRON, Server

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/deployment.md"
DEADLINE_S = 30.0

APPLICATION = """
import json
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive(); await send({"type": "lifespan.startup.complete"})
        await receive(); await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": scope["client"][0]})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
    elif scope["path"] == "/events":
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"data: first\\n\\n", "more_body": True})
        await receive()
        while (await receive())["type"] != "http.disconnect":
            pass
    else:
        size = 0
        while True:
            message = await receive()
            size += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        host = dict(scope["headers"])[b"host"].decode()
        body = json.dumps({"client": scope["client"][0] if scope["client"] else None,
                           "scheme": scope["scheme"], "host": host, "size": size}).encode()
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})
"""


def blocks() -> dict[str, str]:
    """The configurations of the page, by the name in their first line."""
    found: dict[str, str] = {}
    for block in re.findall(r"(?:^ {4}.*\n|^\n)+", PAGE.read_text(), re.MULTILINE):
        text = "\n".join(line[4:] for line in block.strip("\n").split("\n")) + "\n"
        first = text.partition("\n")[0]
        if first.startswith("# "):
            found[first[2:]] = text
    return found


def once(text: str, old: str, new: str) -> str:
    """Replace what stands there exactly once."""
    assert text.count(old) == 1, (old, text)
    return text.replace(old, new)


class Front:
    """A proxy in front of a Penstock."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self.log = log

    def connect(self, source: str = "127.0.0.2") -> socket.socket:
        return socket.create_connection(
            ("127.0.0.1", self.port), DEADLINE_S, source_address=(source, 0)
        )

    def ask(self, *headers: str, body: bytes = b"", path: str = "/") -> dict[str, object]:
        """What the application saw of a request that comes from 127.0.0.2."""
        method = "POST" if body else "GET"
        lines = [f"{method} {path} HTTP/1.1", "Host: site.example.org", "Connection: close"]
        lines += [f"Content-Length: {len(body)}"] * bool(body)
        with self.connect() as client:
            client.sendall("\r\n".join([*lines, *headers, "", ""]).encode() + body)
            data = b""
            while part := client.recv(65536):
                data += part
        assert data.startswith(b"HTTP/1.1 200"), data
        found: dict[str, object] = json.loads(data[data.index(b"{") : data.rindex(b"}") + 1])
        return found


@pytest.fixture
def front(tmp_path: Path, free_port: int) -> Iterator[Callable[..., Front]]:
    """Starts Penstock on `run/site.sock`, and a proxy by a command."""
    (tmp_path / "proxied.py").write_text(APPLICATION)
    with ExitStack() as stack:

        def started(command: list[str], *options: str) -> Front:
            server = Server("proxied:app", *options, cwd=tmp_path)
            stack.enter_context(server)
            server.until("Running on unix:")
            log = tmp_path / "proxy.log"
            with log.open("wb") as output:
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env={**ENVIRON, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"),
                         "XDG_CONFIG_HOME": str(tmp_path / "config")},
                )  # fmt: skip
            stack.callback(_ended, child)
            deadline = time.monotonic() + DEADLINE_S
            while True:
                try:
                    socket.create_connection(("127.0.0.1", free_port), 1).close()
                    break
                except OSError:
                    assert child.poll() is None, log.read_text()
                    assert time.monotonic() < deadline, log.read_text()
                    time.sleep(0.02)
            return Front(free_port, log)

        yield started


def _ended(child: "subprocess.Popen[bytes]") -> None:
    # Not gracefully: it would wait for connections that nobody needs any more
    child.kill()
    child.wait()


def accepted(port: int) -> int:
    """How many connections Penstock has accepted, as its /status says."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=DEADLINE_S) as answer:
        found: int = json.load(answer)["workers"][0]["accepted"]
    return found


@pytest.fixture
def health_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def serves_well(front: Front, health_port: int, *, reuses: bool = True) -> None:
    """What every proxy is to do with the configuration of the page."""
    # Forwarding headers: the client's address gets through, and it cannot claim another
    seen = front.ask("X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https")
    assert seen == {"client": "127.0.0.2", "scheme": "http", "host": "site.example.org", "size": 0}
    # Bodies
    assert front.ask(body=b"x" * 3_000_000)["size"] == 3_000_000
    # Connections to Penstock are kept
    before = accepted(health_port)
    for _ in range(20):
        front.ask()
    made = accepted(health_port) - before
    assert (made <= 2) if reuses else (made == 20), made
    # WebSocket
    with front.connect() as client:
        client.sendall(
            b"GET /ws HTTP/1.1\r\nHost: site.example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        data = _until(client, b"\x81\x09127.0.0.2")
        assert data.startswith(b"HTTP/1.1 101")
        client.sendall(b"\x81\x85\0\0\0\0hello")
        _until(client, b"\x81\x05hello")
    # Event streams get through at once
    with front.connect() as client:
        client.sendall(b"GET /events HTTP/1.1\r\nHost: site.example.org\r\n\r\n")
        _until(client, b"data: first")


def _until(client: socket.socket, text: bytes) -> bytes:
    data = b""
    while text not in data:
        part = client.recv(65536)
        assert part, data
        data += part
    return data


@pytest.mark.requires_program("nginx")
def test_nginx_passes_on_requests_websockets_and_who_the_client_is(
    front: Callable[..., Front], tmp_path: Path, free_port: int, health_port: int
) -> None:
    text = once(
        blocks()["/etc/nginx/conf.d/site.conf"], "/run/site/site.sock", f"{tmp_path}/site.sock"
    )
    text = once(text, "listen 80;", f"listen 127.0.0.1:{free_port};")
    (tmp_path / "site.conf").write_text(text)
    temporary = "".join(
        f"{name}_temp_path {tmp_path}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(
        f"{user}daemon off; master_process off; pid {tmp_path}/nginx.pid;\n"
        f"error_log stderr; events {{}}\nhttp {{ access_log off; {temporary}"
        f"include {tmp_path}/site.conf; }}\n"
    )
    served = front(
        ["nginx", "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
        "--uds", str(tmp_path / "site.sock"), "--forwarded-allow-ips", "unix",
        "--health-bind", f"127.0.0.1:{health_port}",
    )  # fmt: skip
    serves_well(served, health_port)


@pytest.mark.requires_program("caddy")
def test_caddy_passes_on_requests_websockets_and_who_the_client_is(
    front: Callable[..., Front], tmp_path: Path, free_port: int, health_port: int
) -> None:
    text = once(blocks()["/etc/caddy/Caddyfile"], "/run/site/site.sock", f"{tmp_path}/site.sock")
    text = once(text, "site.example.org {", f"http://:{free_port} {{")
    (tmp_path / "Caddyfile").write_text(f"{{\n admin off\n auto_https off\n}}\n{text}")
    served = front(
        ["caddy", "run", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")],
        "--uds", str(tmp_path / "site.sock"), "--forwarded-allow-ips", "unix",
        "--health-bind", f"127.0.0.1:{health_port}",
    )  # fmt: skip
    serves_well(served, health_port)


@pytest.mark.requires_program("haproxy")
@pytest.mark.parametrize("how", ["headers", "PROXY protocol"])
def test_haproxy_passes_on_requests_websockets_and_who_the_client_is(
    front: Callable[..., Front], tmp_path: Path, free_port: int, health_port: int, how: str
) -> None:
    name, bind = "/etc/haproxy/haproxy.cfg", f"unix:{tmp_path}/site.sock"
    if how == "PROXY protocol":
        name, bind = f"{name} with the PROXY protocol", f"{bind}?proxy"
    text = once(blocks()[name], "/run/site/site.sock", f"{tmp_path}/site.sock")
    text = once(text, "bind :80\n", f"bind 127.0.0.1:{free_port}\n")
    (tmp_path / "haproxy.cfg").write_text(text)
    served = front(
        ["haproxy", "-db", "-f", str(tmp_path / "haproxy.cfg")],
        "--bind", bind, "--forwarded-allow-ips", "unix",
        "--health-bind", f"127.0.0.1:{health_port}",
    )  # fmt: skip
    serves_well(served, health_port, reuses=how == "headers")


# ------------------------------------------------------------------------------------------- systemd

UNITS = ("/etc/systemd/system/site.service", "/etc/systemd/system/site.socket")


def test_systemd_units_say_what_systemd_knows(tmp_path: Path) -> None:
    (tmp_path / "penstock").write_text("#!/bin/sh\n")
    (tmp_path / "penstock").chmod(0o755)
    paths = []
    for name in UNITS:
        text = blocks()[name].replace("/srv/site/.venv/bin/penstock", f"{tmp_path}/penstock")
        paths.append(tmp_path / Path(name).name)
        paths[-1].write_text(text)
        parsed = configparser.RawConfigParser(strict=True)
        parsed.optionxform = str  # type: ignore[assignment, method-assign]
        parsed.read_string(text)
        assert parsed.has_section("Unit")
        assert parsed.get("Install", "WantedBy")
    if shutil.which("systemd-analyze") is None:
        return
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, paths)],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:/lib/systemd/system"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    about_ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert about_ours == []


def test_the_service_gives_systemd_time_for_the_shutdown_and_tells_it_when_it_is_ready() -> None:
    service = blocks()[UNITS[0]]
    assert "Type=notify" in service
    stop_s = int(re.findall(r"TimeoutStopSec=(\d+)", service)[0])
    assert stop_s > 30
    command = re.findall(r"ExecStart=\S+/penstock (.*)", service)[0].split()
    _accepted_options(command)


def _accepted_options(arguments: list[str]) -> None:
    """Each option of a command line exists, and takes its value."""
    program = (
        "import os, sys\n"
        "from penstock.cli import main\n"
        "import penstock.process.run as one, penstock.process.supervise as many\n"
        "one.run = many.run = lambda config: print('taken') or 0\n"
        "sys.exit(main.main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=ENVIRON, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "taken\n", "")


# ----------------------------------------------------------------------------- containers, Kubernetes


def test_the_command_of_the_container_serves_as_it_stands_and_ends_by_its_signal(
    tmp_path: Path,
) -> None:
    text = blocks()["Dockerfile"]
    command = json.loads(re.findall(r"^CMD (.*)$", text, re.MULTILINE)[0])
    assert command[0] == "penstock"
    number = getattr(signal, re.findall(r"^STOPSIGNAL (\w+)$", text, re.MULTILINE)[0])
    (tmp_path / "main.py").write_text(APPLICATION)
    with Server(*command[1:], "--port", "0", cwd=tmp_path) as server:
        server.until("Running on")
        assert server.stop(number) == 0


def test_a_pod_leaves_the_service_before_it_ends(tmp_path: Path, health_port: int) -> None:
    text = blocks()["deployment.yaml"]
    arguments = json.loads(re.findall(r"args: (\[.*\])", text)[0])
    grace_s = int(re.findall(r"terminationGracePeriodSeconds: (\d+)", text)[0])
    delay_s = float(arguments[arguments.index("--drain-delay") + 1].removesuffix("s"))
    assert delay_s + 30 < grace_s
    period_s, failures = (
        int(re.findall(rf"readinessProbe:.*?{name}: (\d+)", text, re.DOTALL)[0])
        for name in ("periodSeconds", "failureThreshold")
    )
    assert period_s * failures < delay_s
    paths = {
        name: re.findall(rf"{name}Probe:\n\s+httpGet: {{path: (\S+), port: health}}", text)[0]
        for name in ("startup", "readiness", "liveness")
    }
    (tmp_path / "main.py").write_text(APPLICATION)
    arguments[arguments.index("--health-bind") + 1] = f"127.0.0.1:{health_port}"
    arguments[arguments.index("--drain-delay") + 1] = "700ms"
    with Server(*arguments, "--port", "0", cwd=tmp_path) as server:
        port = int(re.findall(r"Running on http://\S+?:(\d+) \(", server.until("0.0.0.0)"))[0])
        assert _probed(health_port, paths["startup"]) == 200
        assert _probed(health_port, paths["readiness"]) == 200
        assert _probed(health_port, paths["liveness"]) == 200
        server.child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + DEADLINE_S
        while _probed(health_port, paths["readiness"]) == 200:
            assert time.monotonic() < deadline
        # Requests still come, and are served; it does its work, so nobody has to restart it
        assert _probed(port, "/") == 200
        assert _probed(health_port, paths["liveness"]) == 200
        assert server.wait() == 0


def _probed(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=DEADLINE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_every_hook_of_gunicorn_has_its_line() -> None:
    """The hooks are those of gunicorn's settings, in the group "Server Hooks"."""
    hooks = (
        "on_starting on_reload when_ready pre_fork post_fork post_worker_init worker_int worker_abort"
        " pre_exec pre_request post_request child_exit worker_exit nworkers_changed on_exit ssl_context"
    )
    table = PAGE.read_text().partition("## gunicorn's server hooks")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    found = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(found) == sorted(hooks.split())
