"""Proxies: who may say who the client is, and what comes of it (threats X01 to X05, X09, X10)."""

import os
import socket
import ssl
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import certificates
from tests.sockets import DEADLINE_S, Client, Served, serving
from tests.threats.gate import AsgiNotes, WsgiNotes

LINE = b"PROXY TCP4 192.0.2.1 198.51.100.2 4000 443\r\n"
LINE_6 = b"PROXY TCP6 2001:db8::1 2001:db8::2 4000 443\r\n"
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
PROXY_2 = (
    SIGNATURE + b"\x21\x11\x00\x0c" + bytes((192, 0, 2, 1, 198, 51, 100, 2)) + b"\x0f\xa0\x01\xbb"
)
LOCAL_2 = SIGNATURE + b"\x20\x00\x00\x00"
GET = b"GET /x HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"

SPOOFED = (
    "X-Forwarded-For: 6.6.6.6",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil",
    "X-Forwarded-Port: 666",
    "X-Forwarded-Prefix: /evil",
    "Forwarded: for=6.6.6.6;proto=https;host=evil",
    "X-Real-IP: 6.6.6.6",
)
ALL = "x-forwarded"


class Side:
    """A server and what reaches its application."""

    def __init__(self, stack: ExitStack, wsgi: bool = False, **options: Any) -> None:
        self.notes: Any = WsgiNotes() if wsgi else AsgiNotes()
        more: dict[str, Any] = {"interface": "wsgi"} if wsgi else {}
        self.served: Served = stack.enter_context(serving(self.notes, **more, **options))

    def warm(self, request: bytes) -> "Side":
        """Serve once: libuv opens a spare descriptor with the first connection."""
        assert self.sent(request).startswith(b"HTTP/1.1 200 ")
        self.notes.reset()
        return self

    def scope(self) -> Any:
        """Of the only call."""
        (call,) = self.notes.calls
        self.notes.reset()
        return call.scope

    def asked(self, *headers: str, target: str = "/x") -> Any:
        """The scope of a request."""
        with self.served.client() as client:
            assert client.get(target, *headers).status == 200
        self.settle()
        return self.scope()

    def sent(self, data: bytes) -> bytes:
        """What comes back for exactly these bytes, until the connection ends, however it does."""
        with self.served.client() as client:
            found = told(client, data)
        self.settle()
        return found

    def settle(self) -> None:
        """Wait until the server has let go of its connections."""
        server = self.served.server
        self.served.until(lambda: not server.worker.connections and not server.acceptor.arriving)


def told(client: Client, data: bytes) -> bytes:
    try:
        client.send(data)
        while client.more():
            pass
    except ConnectionError:
        pass
    return client.buffer


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture(scope="module")
def _module() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture(scope="module")
def untrusting(_module: ExitStack) -> Side:
    side = Side(_module, forwarded_allow_ips="10.0.0.1", forwarded_headers=ALL)
    return side.warm(GET)


@pytest.fixture(scope="module")
def trusting(_module: ExitStack) -> Side:
    return Side(_module, forwarded_headers=ALL, root_path="/own").warm(GET)


@pytest.fixture(scope="module")
def wsgi(_module: ExitStack) -> Side:
    return Side(_module, wsgi=True, forwarded_headers=ALL, root_path="/own").warm(GET)


@pytest.fixture(scope="module")
def proxied(_module: ExitStack) -> Side:
    side = Side(
        _module,
        bind=["127.0.0.1:0?proxy"],
        timeout_proxy_protocol=0.3,
        forwarded_allow_ips="127.0.0.1,192.0.2.1",
    )
    return side.warm(LINE + GET)


# ------------------------------------------------------------------------------------------ X01 to X04, X09


def test_no_header_of_an_untrusted_peer_has_any_effect_x01(untrusting: Side) -> None:
    plain = untrusting.asked()
    scope = untrusting.asked(*SPOOFED)
    for key in ("scheme", "server", "root_path", "path"):
        assert scope[key] == plain[key]
    assert scope["client"][0] == "127.0.0.1"
    assert [value for name, value in scope["headers"] if name == b"host"] == [b"example.test"]


def test_an_untrusted_peer_is_warned_of_once_with_the_option_that_would_trust_it_x01(
    stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    side = Side(stack, forwarded_allow_ips="10.0.0.1")
    for _ in range(3):
        side.asked(*SPOOFED)
    lines = [record.getMessage() for record in caplog.records if "forwarding" in record.message]
    (line,) = lines
    assert line.startswith("127.0.0.1 sends forwarding headers and is not trusted")
    assert line.endswith("add 127.0.0.1 to --forwarded-allow-ips")


def test_headers_that_are_not_chosen_have_no_effect_x01(stack: ExitStack) -> None:
    """By default only -For and -Proto count; one family at a time."""
    usual = Side(stack).asked(*SPOOFED)
    assert (usual["client"], usual["scheme"], usual["root_path"]) == (("6.6.6.6", 0), "https", "")
    assert dict(usual["headers"])[b"host"] == b"example.test"
    nothing = Side(stack, proxy_headers=False).asked(*SPOOFED)
    assert (nothing["client"][0], nothing["scheme"]) == ("127.0.0.1", "http")


def test_what_a_trusted_proxy_says_is_in_the_scope_and_of_one_request_only(trusting: Side) -> None:
    """HTTP-SCOPE-05, -13 to -17: `server` is where we listen, whatever the proxy says."""
    with trusting.served.client() as client:
        assert client.get("/x", *SPOOFED).status == 200
        told = trusting.scope()
        assert client.get("/x").status == 200
        plain = trusting.scope()
    trusting.settle()
    assert told["client"] == ("6.6.6.6", 0)
    assert told["scheme"] == "https"
    assert dict(told["headers"])[b"host"] == b"evil:666"
    assert (told["root_path"], told["path"], told["raw_path"]) == ("/evil", "/evil/x", b"/x")
    assert told["server"] == trusting.served.address
    assert (plain["client"][0], plain["scheme"]) == ("127.0.0.1", "http")
    assert dict(plain["headers"])[b"host"] == b"example.test"
    assert (plain["root_path"], plain["path"]) == ("/own", "/own/x")


def test_a_websocket_is_told_the_same(trusting: Side) -> None:
    """WS-SCOPE-03, WS-SCOPE-04."""
    handshake = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    with trusting.served.client() as client:
        assert client.get("/x", *handshake, *SPOOFED).status == 403
    trusting.settle()
    scope = trusting.scope()
    assert (scope["type"], scope["scheme"], scope["client"]) == ("websocket", "wss", ("6.6.6.6", 0))
    assert (scope["root_path"], scope["path"]) == ("/evil", "/evil/x")
    assert dict(scope["headers"])[b"host"] == b"evil:666"


def test_a_wsgi_application_is_told_the_same(wsgi: Side) -> None:
    """PEP 3333: the URL is put together of these."""
    environ = wsgi.asked(*SPOOFED, target="/x")
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("6.6.6.6", "https")
    assert environ["HTTP_HOST"] == "evil:666"
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/evil", "/x")
    plain = wsgi.asked(target="/own/x")
    assert (plain["SCRIPT_NAME"], plain["PATH_INFO"]) == ("/own", "/x")
    assert (plain["REMOTE_ADDR"], plain["wsgi.url_scheme"]) == ("127.0.0.1", "http")


@pytest.mark.parametrize("header", ["6.6.6.6, 203.0.113.9", "junk, 203.0.113.9, 127.0.0.1"])
def test_the_left_most_address_is_the_clients_own_word_x02(trusting: Side, header: str) -> None:
    assert trusting.asked(f"X-Forwarded-For: {header}")["client"] == ("203.0.113.9", 0)


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For: unknown",
        "X-Forwarded-For: _hidden",
        "X-Forwarded-For: ,",
        "X-Forwarded-For: " + "127.0.0.1," * 1000 + "127.0.0.1",
        "X-Forwarded-For: localhost",
        "X-Forwarded-For: [::1",
        "X-Forwarded-Proto: javascript",
        "X-Forwarded-Proto: https, http",
    ],
)
def test_odd_values_count_for_nothing_x03(trusting: Side, header: str) -> None:
    scope = trusting.asked(header)
    assert (scope["client"][0], scope["scheme"]) == ("127.0.0.1", "http")


@pytest.mark.parametrize(
    "prefix", ["//evil", "/a/../b", "evil", "/\\evil", "/a%0d%0a", "/a b", "/\x7f"]
)
def test_a_prefix_cannot_lead_elsewhere_x09(trusting: Side, prefix: str) -> None:
    scope = trusting.asked(f"X-Forwarded-Prefix: {prefix}") if prefix != "/\x7f" else None
    if scope is None:
        # A control byte in any header is refused with the whole request
        with trusting.served.client() as client:
            assert client.get("/x", f"X-Forwarded-Prefix: {prefix}").status == 400
        return
    assert (scope["root_path"], scope["path"]) == ("/own", "/own/x")


def test_a_mapped_address_is_the_ipv4_address_in_it_x04(stack: ExitStack) -> None:
    """A dual-stack socket sees ::ffff:127.0.0.1 where people write 127.0.0.1."""
    side = Side(stack, bind=["[::]:0?dual"])
    port = side.served.address[1]
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as sock:
        assert Client(sock).get("/x", *SPOOFED).status == 200
    assert side.scope()["client"] == ("6.6.6.6", 0)
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as sock:
        assert Client(sock).get("/x").status == 200
    assert side.scope()["client"][0] == "127.0.0.1"


@pytest.mark.parametrize("allowed, trusted", [("127.0.0.1", False), ("unix", True)])
def test_a_unix_peer_is_trusted_only_when_said_so_x04(
    stack: ExitStack, tmp_path: Path, allowed: str, trusted: bool
) -> None:
    path = tmp_path / "s"
    side = Side(stack, bind=[f"unix:{path}"], forwarded_allow_ips=allowed)
    scope = side.asked(*SPOOFED)
    assert scope["client"] == (("6.6.6.6", 0) if trusted else None)
    assert scope["server"] == (str(path), None)


# --------------------------------------------------------------------------------------------------- X05


@pytest.mark.parametrize(
    "header, client, server",
    [
        (LINE, ("192.0.2.1", 4000), ("198.51.100.2", 443)),
        (LINE_6, ("2001:db8::1", 4000), ("2001:db8::2", 443)),
        (PROXY_2, ("192.0.2.1", 4000), ("198.51.100.2", 443)),
        (b"PROXY UNKNOWN\r\n", None, None),
        (LOCAL_2, None, None),
    ],
)
def test_a_trusted_proxy_tells_who_is_connected_x05(
    proxied: Side, header: bytes, client: Any, server: Any
) -> None:
    """LOCAL and UNKNOWN: the addresses of the socket itself."""
    assert proxied.sent(header + GET).startswith(b"HTTP/1.1 200 ")
    scope = proxied.scope()
    if client is None:
        assert (scope["client"][0], scope["server"]) == ("127.0.0.1", proxied.served.address)
    else:
        assert (scope["client"], scope["server"]) == (client, server)


@pytest.mark.parametrize(
    "attack",
    [
        GET,
        LINE[:-2].ljust(107, b" ") + GET,
        b"PROXY TCP4 192.0.2.1\r\n" + GET,
        SIGNATURE + b"\x21\x11\xff\xff" + GET,
        SIGNATURE + b"\x21\x41\x00\x00" + GET,
        SIGNATURE + b"\x21\x11\x00\x04" + GET,
        SIGNATURE + b"\x21\x11\x00\x0e" + PROXY_2[16:] + b"\x20\x00" + GET,
        b"\x16\x03\x01\x00\xf8\x01" + GET,
    ],
)
def test_a_bad_or_missing_header_ends_the_connection_with_nothing_served_x05(
    proxied: Side, attack: bytes
) -> None:
    assert proxied.sent(attack) == b""
    assert proxied.notes.calls == []
    assert proxied.sent(LINE + GET).startswith(b"HTTP/1.1 200 ")
    proxied.notes.reset()


@pytest.mark.parametrize("second", [LINE, PROXY_2])
def test_a_second_header_is_no_request_x05(proxied: Side, second: bytes) -> None:
    assert proxied.sent(LINE + second + GET)[:12] in {b"", b"HTTP/1.1 400"}
    assert proxied.notes.calls == []


@pytest.mark.parametrize("start", [b"", LINE[:10], PROXY_2[:20]])
def test_a_header_has_its_time_x05(proxied: Side, start: bytes) -> None:
    """S01."""
    assert proxied.sent(start) == b""
    assert proxied.notes.calls == []


def test_a_header_of_an_untrusted_peer_is_not_believed_and_nothing_is_served_x05(
    stack: ExitStack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither over TCP nor on a Unix socket, and one line says so."""
    for options in (
        {"bind": ["127.0.0.1:0"], "proxy_protocol": True, "forwarded_allow_ips": "10.0.0.1"},
        {"bind": [f"unix:{tmp_path}/s?proxy"]},
    ):
        side = Side(stack, **options)
        caplog.clear()
        for _ in range(3):
            assert side.sent(LINE + GET) == b""
        assert side.notes.calls == []
        (line,) = [record.getMessage() for record in caplog.records]
        assert "no trusted proxy" in line
        assert "--forwarded-allow-ips" in line


def test_the_clients_address_decides_whose_forwarding_headers_count_x05(proxied: Side) -> None:
    """The proxy in between is not asked any more; 192.0.2.1 is a proxy in front of it."""
    headers = b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
    request = GET.replace(b"Host", headers + b"Host")
    proxied.sent(LINE + request)
    scope = proxied.scope()
    assert (scope["client"], scope["scheme"]) == (("203.0.113.9", 0), "https")
    proxied.sent(LINE_6 + request)
    scope = proxied.scope()
    assert (scope["client"], scope["scheme"]) == (("2001:db8::1", 4000), "http")


def test_a_socket_that_a_program_made_obeys_the_option_too_x05(stack: ExitStack) -> None:
    """`sockets=` and --proxy-protocol."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        side = Side(stack, bind=(), sockets=[sock.dup()], proxy_protocol=True)
    assert side.sent(GET) == b""
    assert side.sent(LINE + GET).startswith(b"HTTP/1.1 200 ")


def test_other_binds_take_no_header_x05(stack: ExitStack) -> None:
    """Each bind has its own setting: here the line is a bad request."""
    side = Side(stack, bind=["127.0.0.1:0", "127.0.0.1:0?proxy"])
    assert side.sent(LINE + GET).startswith(b"HTTP/1.1 400 ")
    assert side.notes.calls == []


def test_before_tls_is_the_headers_place_and_nowhere_else_x05(
    stack: ExitStack, tmp_path: Path
) -> None:
    """Before TLS it counts; TLS without it, and a header inside of TLS, serve nothing."""
    context = certificates.client_context()
    side = Side(stack, bind=["127.0.0.1:0?tls&proxy"], **certificates.files(tmp_path))
    for before, inside, answer in (
        (LINE, b"", b"HTTP/1.1 200"),
        (PROXY_2, b"", b"HTTP/1.1 200"),
        (LINE, LINE, b"HTTP/1.1 400"),
        (b"", LINE, b""),
    ):
        with side.served.client() as client:
            client.send(before)
            try:
                with context.wrap_socket(client.sock, server_hostname="localhost") as secured:
                    found = told(Client(secured), inside + GET)
            except (ssl.SSLError, ConnectionError):
                found = b""
        assert found[: len(b"HTTP/1.1 200")] == answer
        if answer.endswith(b"200"):
            scope = side.scope()
            assert (scope["scheme"], scope["client"]) == ("https", ("192.0.2.1", 4000))
            assert scope["extensions"]["tls"]["server_cert"]
        assert side.notes.calls == []


def test_a_shutdown_does_not_wait_for_headers_that_do_not_come_x05(stack: ExitStack) -> None:
    with serving(AsgiNotes(), bind=["127.0.0.1:0?proxy"], timeout_proxy_protocol=60) as served:
        client = served.client()
        served.until(lambda: served.server.acceptor.arriving)
    with client:
        assert told(client, b"") == b""


# --------------------------------------------------------------------------------------------------- X10


def test_a_socket_file_has_its_mode_before_the_first_accept_x10(
    stack: ExitStack, tmp_path: Path
) -> None:
    """Each bind its own; what is left over is removed, and what is no socket stays."""
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / "a"))
    stale.close()
    with serving(AsgiNotes(), bind=[f"unix:{tmp_path}/a?mode=600", f"unix:{tmp_path}/b?mode=660"]):
        modes = [stat.S_IMODE((tmp_path / name).lstat().st_mode) for name in ("a", "b")]
        assert modes == [0o600, 0o660]
    assert list(tmp_path.iterdir()) == []
    target = tmp_path / "precious"
    target.write_text("kept")
    (tmp_path / "link").symlink_to(target)
    for name in ("precious", "link"):
        with (
            pytest.raises(Exception, match="is left alone"),
            serving(AsgiNotes(), bind=[f"unix:{tmp_path}/{name}"]),
        ):
            pass
    assert target.read_text() == "kept"
    assert os.readlink(tmp_path / "link") == str(target)
