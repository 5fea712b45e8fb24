"""Behind HAProxy, as Debian has it: the PROXY protocol in both versions, and forwarding headers."""

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import certificates
from tests.apps.server import Server, stopped_well
from tests.sockets import DEADLINE_S, Client

pytestmark = [pytest.mark.real, pytest.mark.requires_program("haproxy")]

FRONTENDS = ("v1", "v2", "tls", "http")
CONFIGURATION = """
global
    maxconn 100
defaults
    mode tcp
    timeout connect 10s
    timeout client 30s
    timeout server 30s
frontend v1
    bind fd@{v1}
    default_backend v1
backend v1
    server penstock 127.0.0.1:{port} send-proxy check check-send-proxy inter 100ms
frontend v2
    bind fd@{v2}
    default_backend v2
backend v2
    server penstock {path} send-proxy-v2 proxy-v2-options crc32c check check-send-proxy inter 100ms
frontend tls
    bind fd@{tls} ssl crt {certificate} ca-file {authority} verify optional
    default_backend tls
backend tls
    server penstock 127.0.0.1:{port} send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,crc32c,authority
frontend http
    mode http
    bind fd@{http}
    option forwardfor
    http-request set-header X-Forwarded-Proto https
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Port 8443
    http-request set-header X-Forwarded-Prefix /api
    http-request replace-path /api(/.*) \\\\1
    http-request set-header Host inside.example
    default_backend http
backend http
    mode http
    server penstock 127.0.0.1:{plain}
"""


class Proxied:
    """HAProxy in front of the server; `places` are its addresses."""

    def __init__(self, server: Server, places: dict[str, Any]) -> None:
        self.server = server
        self.places = places

    def connect(self, frontend: str) -> socket.socket:
        # From an address of its own, since 127.0.0.1 is that of the proxy
        return socket.create_connection(self.places[frontend], DEADLINE_S, ("127.0.0.2", 0))


def told(sock: socket.socket, target: str = "/x", *headers: str) -> dict[str, Any]:
    """What the application was told of two requests on one connection: the same."""
    client = Client(sock)
    answers = [json.loads(client.get(target, *headers).body) for _ in range(2)]
    assert answers[0] == answers[1]
    found: dict[str, Any] = answers[0]
    return found


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("haproxy")
    issued = certificates.server()
    (folder / "server.pem").write_text(issued.pem + issued.key_pem())
    authorities = certificates.intermediate().pem + certificates.authority().pem
    (folder / "authority.pem").write_text(authorities)
    binds = ["127.0.0.1:0?proxy", f"unix:{folder}/penstock.sock?proxy&mode=600", "127.0.0.1:0"]
    options = [option for bind in binds for option in ("--bind", bind)]
    options += ["--forwarded-allow-ips", "127.0.0.1,unix", "--forwarded-headers", "x-forwarded"]
    with ExitStack() as stack:
        server = stack.enter_context(
            Server("tests.apps.scope_app:app", *options, "--lifespan", "off")
        )
        server.until_true(lambda output: output.count("Running on") == len(binds), "all addresses")
        ports = [
            line.rpartition(":")[2]
            for line in server.output.splitlines()
            if "Running on http://" in line
        ]
        # HAProxy gets its sockets open, so there is no port to guess and no start to wait for
        sockets = {
            name: stack.enter_context(socket.create_server(("127.0.0.1", 0))) for name in FRONTENDS
        }
        configuration = CONFIGURATION.format(
            **{name: sock.fileno() for name, sock in sockets.items()},
            port=ports[0],
            plain=ports[1].split()[0],
            path=folder / "penstock.sock",
            certificate=folder / "server.pem",
            authority=folder / "authority.pem",
        )
        (folder / "haproxy.cfg").write_text(configuration)
        haproxy = subprocess.Popen(
            ["haproxy", "-db", "-f", folder / "haproxy.cfg"],
            pass_fds=[sock.fileno() for sock in sockets.values()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield Proxied(server, {name: sock.getsockname() for name, sock in sockets.items()})
        finally:
            haproxy.terminate()
            haproxy.wait(DEADLINE_S)
        stopped_well(server)
        # Its health checks, LOCAL and UNKNOWN, were no reason to complain
        assert "Turned away" not in server.output


@pytest.mark.parametrize("frontend", ["v1", "v2"])
def test_client_and_server_are_those_that_haproxy_saw_x05(proxied: Proxied, frontend: str) -> None:
    """Version 2 with a checksum, over a Unix socket."""
    with proxied.connect(frontend) as sock:
        scope = told(sock)
        assert scope["client"] == list(sock.getsockname())
        assert scope["server"] == list(sock.getpeername())
        assert (scope["scheme"], scope["tls"]) == ("http", None)
        proxied.server.until(f'{sock.getsockname()[0]}:{sock.getsockname()[1]} - "GET /x')


def test_tls_that_ended_at_haproxy_is_told_x05(proxied: Proxied, tmp_path: Path) -> None:
    """TLS-07, TLS-09, TLS-10: who the client is, and how it spoke to the proxy."""
    issued = certificates.client("alice")
    (tmp_path / "client.pem").write_text(issued.pem + issued.key_pem())
    context = ssl.create_default_context(cadata=certificates.authority().pem)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tmp_path / "client.pem")
    with (
        proxied.connect("tls") as raw,
        context.wrap_socket(raw, server_hostname="localhost") as sock,
    ):
        scope = told(sock)
        assert scope["client"] == list(sock.getsockname())
        assert scope["scheme"] == "https"
        suite = sock.cipher()
        assert suite is not None
        number = next(each["id"] for each in context.get_ciphers() if each["name"] == suite[0])
        assert scope["tls"] == {
            "server_cert": None,
            "client_cert_chain": [],
            "client_cert_name": "CN=alice",
            "client_cert_error": None,
            "tls_version": 0x0303,
            "cipher_suite": number & 0xFFFF,
        }


def test_a_client_without_a_certificate_has_no_name(proxied: Proxied) -> None:
    """TLS-06, TLS-08."""
    context = ssl.create_default_context(cadata=certificates.authority().pem)
    with (
        proxied.connect("tls") as raw,
        context.wrap_socket(raw, server_hostname="localhost") as sock,
    ):
        scope = told(sock)
    assert (scope["scheme"], scope["tls"]["tls_version"]) == ("https", 0x0304)
    assert (scope["tls"]["client_cert_name"], scope["tls"]["client_cert_error"]) == (None, None)


def test_forwarding_headers_say_what_the_client_asked_for_x02(proxied: Proxied) -> None:
    """A header of the client's own stands to the left of HAProxy's."""
    with proxied.connect("http") as sock:
        scope = told(sock, "/api/x", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: ftp")
        assert scope["client"] == ["127.0.0.2", 0]
    assert scope["scheme"] == "https"
    assert ["host", "example.test:8443"] in scope["headers"]
    assert (scope["root_path"], scope["path"]) == ("/api", "/api/x")
