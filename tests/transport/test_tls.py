"""The server over TLS, on each event loop: requests, files, slow clients, ends, handshakes, and certificates that change."""

import asyncio
import logging
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from penstock.transport.sockets import ACCEPTS_PER_TURN, PAUSED_HANDSHAKES
from penstock.wire.http2_frames import PREFACE
from tests import certificates
from tests.asgi_app import Call, Probe, echo
from tests.http2 import Http2Client
from tests.loops import NewLoop, each_loop
from tests.sockets import USUAL_LOOP, Client, Served, serving
from tests.transport.tls_trial import secure

MIB = 1 << 20


@contextmanager
def tls_serving(
    app: Any, folder: Path, new_loop: NewLoop = USUAL_LOOP, **options: Any
) -> Iterator[Served]:
    with serving(app, new_loop, **{**certificates.files(folder), **options}) as served:
        yield served


@contextmanager
def slow_reader(
    app: Any, folder: Path, new_loop: NewLoop, **options: Any
) -> Iterator[tuple[Served, Client]]:
    """A server, and a client that takes little at a time."""
    with (
        tls_serving(app, folder, new_loop, **options) as served,
        secure(served, receive_buffer=4096) as client,
    ):
        yield served, client


# ------------------------------------------------------------------------------------------ requests


@each_loop
def test_requests_are_served_and_kept_alive(new_loop: NewLoop, tmp_path: Path) -> None:
    """HTTP-SCOPE-05, TLS-01, TLS-11: the scheme is https and the extension is there."""
    probe = Probe(echo)
    with tls_serving(probe, tmp_path, new_loop) as served, secure(served) as client:
        for size in (0, 1, 20_000, 300_000):
            assert client.get(method="POST", body=b"x" * size).body == b"x" * size
        [connection] = served.on_loop(lambda: list(served.worker.connections))
        assert served.server.url.startswith("https://")
        assert connection.scheme == "https"
    scopes = [call.scope for call in probe.calls]
    assert {scope["scheme"] for scope in scopes} == {"https"}
    first, second = (scope["extensions"]["tls"] for scope in scopes[:2])
    assert first == second and first is not second
    assert first["server_cert"] == certificates.server().pem
    assert "http.response.pathsend" in scopes[0]["extensions"]


def test_plain_connections_have_no_tls_extension() -> None:
    """TLS-01."""
    probe = Probe()
    with serving(probe) as served, served.client() as client:
        client.get()
    assert "tls" not in probe.calls[0].scope["extensions"]


def test_lifespan_has_no_tls_extension(tmp_path: Path) -> None:
    """TLS-12."""
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    with tls_serving(app, tmp_path, lifespan="on"):
        pass
    assert [scope["type"] for scope in scopes] == ["lifespan"]
    assert "tls" not in scopes[0].get("extensions", {})


@each_loop
def test_pipelined_requests_are_answered_in_one_write(new_loop: NewLoop, tmp_path: Path) -> None:
    with tls_serving(Probe(), tmp_path, new_loop) as served, secure(served) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        for _ in range(20):
            assert client.response().body == b"ok"


@each_loop
def test_a_large_answer_and_a_large_upload_are_whole(new_loop: NewLoop, tmp_path: Path) -> None:
    content = os.urandom(4 * MIB)

    async def handler(call: Call) -> None:
        if call.scope["method"] == "POST":
            await call.answer(await call.body())
            return
        await call.start()
        for at in range(0, len(content), 100_000):
            await call.write(content[at : at + 100_000])
        await call.write(b"", more=False)

    with tls_serving(Probe(handler), tmp_path, new_loop) as served, secure(served) as client:
        assert client.get().body == content
        assert client.get(method="POST", body=content).body == content


def test_a_websocket_is_wss(tmp_path: Path) -> None:
    """WS-SCOPE-03, and the extension of TLS-03 in its scope."""
    from websockets.sync.client import connect

    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await receive()
        await send({"type": "websocket.accept"})
        message = await receive()
        await send({"type": "websocket.send", "text": message["text"]})
        await receive()

    with tls_serving(app, tmp_path) as served:
        url = f"wss://localhost:{served.address[1]}/"
        with connect(url, ssl=certificates.client_context(), proxy=None) as websocket:
            websocket.send("over TLS")
            assert websocket.recv(10) == "over TLS"
    assert scopes[0]["scheme"] == "wss"
    assert scopes[0]["extensions"]["tls"]["tls_version"] == 0x0304


def test_a_wsgi_application_is_told_of_https(tmp_path: Path) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{environ['wsgi.url_scheme']} {environ['HTTPS']}".encode()]

    with tls_serving(app, tmp_path, interface="wsgi") as served, secure(served) as client:
        assert client.get().body == b"https on"


def test_a_plain_wsgi_request_has_no_https_in_its_environ() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str("HTTPS" in environ).encode()]

    with serving(app, interface="wsgi") as served, served.client() as client:
        assert client.get().body == b"False"


def test_a_trusted_proxy_over_tls_leaves_the_scheme_where_it_says_nothing(tmp_path: Path) -> None:
    probe = Probe()
    with tls_serving(probe, tmp_path) as served, secure(served) as client:
        client.get()
        client.get("/", "X-Forwarded-Proto: http")
        client.get()
    assert [call.scope["scheme"] for call in probe.calls] == ["https", "http", "https"]


# --------------------------------------------------------------------------------------------- files


@each_loop
def test_files_are_sent_by_copying(new_loop: NewLoop, tmp_path: Path) -> None:
    """ZCS-09, PATH-02: what would go past TLS in clear must not."""
    content = os.urandom(MIB)
    (tmp_path / "content").write_bytes(content)

    async def handler(call: Call) -> None:
        await call.start(200, [(b"content-length", b"%d" % len(content))])
        if call.scope["path"] == "/path":
            await call.send({"type": "http.response.pathsend", "path": str(tmp_path / "content")})
            return
        with (tmp_path / "content").open("rb") as file:
            await call.send({"type": "http.response.zerocopysend", "file": file})

    with tls_serving(Probe(handler), tmp_path, new_loop) as served, secure(served) as client:
        for path in ("/path", "/file", "/path"):
            assert client.get(path).body == content


@each_loop
def test_a_file_for_a_slow_reader_is_whole(new_loop: NewLoop, tmp_path: Path) -> None:
    content = os.urandom(3 * MIB)
    (tmp_path / "content").write_bytes(content)

    async def handler(call: Call) -> None:
        await call.start()
        await call.send({"type": "http.response.pathsend", "path": str(tmp_path / "content")})

    with slow_reader(Probe(handler), tmp_path, new_loop) as (served, client):
        client.ask()
        until_full(served)
        client.widen()
        assert client.response().body == content


# ---------------------------------------------------------------------------------------- slow clients


def until_full(served: Served) -> Any:
    """Wait until answers pile up at the server, and return the connection."""
    connection = served.until(
        lambda: next((each for each in served.worker.connections if hasattr(each, "tls")), None)
    )
    served.until(lambda: not connection.writable)
    return connection


@each_loop
def test_a_slow_reader_stops_the_application(new_loop: NewLoop, tmp_path: Path) -> None:
    """S04."""
    piece = bytes(100_000)
    written = [0]

    async def handler(call: Call) -> None:
        await call.start()
        for _ in range(100):
            await call.write(piece)
            written[0] += 1
        await call.write(b"", more=False)

    with slow_reader(Probe(handler), tmp_path, new_loop) as (served, client):
        client.ask()
        until_full(served)
        assert written[0] < 60
        client.widen()
        assert len(client.response().body) == 100 * len(piece)


@each_loop
def test_s04_who_does_not_read_at_all_is_cut(new_loop: NewLoop, tmp_path: Path) -> None:
    """S04: also where the whole answer is out of the application's hands."""

    async def handler(call: Call) -> None:
        await call.answer(bytes(8 * MIB))

    options = {"timeout_min_rate": 0.4}
    with slow_reader(Probe(handler), tmp_path, new_loop, **options) as (served, client):
        client.ask()
        until_full(served)
        served.until(lambda: not served.worker.connections)


@each_loop
def test_the_end_of_an_answer_is_not_cut_off_for_a_slow_reader(
    new_loop: NewLoop, tmp_path: Path
) -> None:
    """The close waits for what is written, however long the client takes at the lowest rate."""
    size = 4 * MIB

    async def handler(call: Call) -> None:
        await call.answer(bytes(size), headers=[(b"connection", b"close")])

    with slow_reader(Probe(handler), tmp_path, new_loop) as (served, client):
        client.ask()
        until_full(served)
        client.head()
        client.widen()
        assert len(client.exactly(size)) == size
        assert client.closed()


@each_loop
def test_an_early_answer_reaches_a_client_that_still_uploads(
    new_loop: NewLoop, tmp_path: Path
) -> None:
    """L08, and RFC 9112 section 9.6."""

    async def handler(call: Call) -> None:
        await call.answer(b"too large", 413, [(b"connection", b"close")])

    with tls_serving(Probe(handler), tmp_path, new_loop) as served, secure(served) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n" + bytes(10_000))
        head = client.head()
        client.send(bytes(30_000))
        assert head.status == 413
        assert client.exactly(9) == b"too large"


# ----------------------------------------------------------------------------------------------- ends


@each_loop
def test_an_end_over_tls_ends_the_connection(new_loop: NewLoop, tmp_path: Path) -> None:
    """P04 is for plain connections: a close_notify, or a FIN, tells the application at once, and nothing can be sent."""

    async def handler(call: Call) -> None:
        call.note("there")
        while (await call.receive())["type"] != "http.disconnect":
            pass
        call.note(type(await call.raised_by({"type": "http.response.start", "status": 200})))

    for end in (lambda client: client.sock.unwrap(), lambda client: client.finish()):
        probe = Probe(handler)
        with tls_serving(probe, tmp_path, new_loop) as served, secure(served) as client:
            client.ask()
            probe.call().noted("there")
            try:
                end(client)
            except (ssl.SSLError, OSError):
                pass
            served.until(lambda: not served.worker.connections)
            probe.call().wait()


@pytest.mark.parametrize("end", ["close", "finish"])
@each_loop
def test_a_client_that_leaves_while_reading_is_paused_is_noticed_within_2_s(
    new_loop: NewLoop, end: str, tmp_path: Path
) -> None:
    """HTTP-DISC-01: no event loop reports it, so the sweep asks the socket."""
    released = []

    async def handler(call: Call) -> None:
        call.note("there")
        await call.told("go")
        try:
            await call.body()
        except EOFError:
            released.append(True)

    probe = Probe(handler)
    with tls_serving(probe, tmp_path, new_loop, read_buffer="16KiB") as served:
        client = secure(served)
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
        probe.call().noted("there")
        began = time.monotonic()
        if end == "finish":
            # No more than the kernel takes: a FIN comes after what is sent
            client.send(bytes(90_000))
            client.finish()
        else:
            client.flood(bytes(65536), 8 * MIB)
            began = time.monotonic()
            client.sock.close()
        served.until(lambda: not served.worker.connections)
        assert time.monotonic() - began < 2.5
        client.sock.close()
        probe.call().tell("go")
        probe.call().wait()
    assert released == [True]


@each_loop
def test_the_server_says_goodbye(new_loop: NewLoop, tmp_path: Path) -> None:
    """RFC 8446 section 6.1: without a close_notify a client could not tell an end from a cut."""
    with tls_serving(Probe(), tmp_path, new_loop, timeout_keep_alive=0.2) as served:
        context = certificates.client_context()
        with (
            served.client() as plain,
            context.wrap_socket(
                plain.sock, server_hostname="localhost", suppress_ragged_eofs=False
            ) as sock,
        ):
            client = Client(sock)
            assert client.get("/", "Connection: close").body == b"ok"
            assert sock.recv(1) == b""


@each_loop
def test_the_shutdown_waits_for_nobodys_goodbye(new_loop: NewLoop, tmp_path: Path) -> None:
    """Clients that hold connections open and read nothing: ended within the drain."""
    with tls_serving(Probe(), tmp_path, new_loop) as served:
        clients = [secure(served) for _ in range(3)]
        half = [served.client() for _ in range(3)]
        half[0].send(b"\x16\x03\x01")
        served.until(lambda: len(served.worker.connections) == 6)
        began = time.monotonic()
        served.stop()
        assert time.monotonic() - began < 1.4
        for client in (*clients, *half):
            client.sock.close()


# ---------------------------------------------------------------------------------------- handshakes


@each_loop
def test_s02_z03_a_handshake_that_does_not_end_is_ended(new_loop: NewLoop, tmp_path: Path) -> None:
    """S02, Z03: silence, and a few bytes."""
    options = {"timeout_tls_handshake": 0.3}
    with tls_serving(Probe(), tmp_path, new_loop, **options) as served:
        silent, slow = served.client(), served.client()
        with silent, slow:
            slow.send(b"\x16\x03\x01\x02")
            assert silent.closed()
            assert slow.closed()
            with secure(served) as client:
                assert client.get().status == 200


@each_loop
def test_z03_too_many_handshakes_make_new_clients_wait_and_stalled_ones_go(
    new_loop: NewLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z03: 100 stalled ones with room for 10; what was accepted before the first of them was a connection may be above it."""
    monkeypatch.setattr("penstock.transport.tls.HURRIED_S", 0.2)
    options = {"limit_tls_handshakes": 10, "ws_ping_interval": 0.2}
    with tls_serving(Probe(), tmp_path, new_loop, **options) as served:
        acceptor = served.server.acceptor
        stalled = [served.client() for _ in range(100)]
        try:
            served.until(lambda: acceptor.paused & PAUSED_HANDSHAKES)
            waiting = served.on_loop(lambda: len(served.worker.connections))
            with secure(served) as client:
                assert client.get().status == 200
        finally:
            for each in stalled:
                each.sock.close()
        served.until(lambda: not acceptor.paused)
    assert waiting <= 10 + 4 * ACCEPTS_PER_TURN


@each_loop
def test_z04_clients_that_break_off_leave_no_trace(
    new_loop: NewLoop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Z04: resets and ends in every stage, unknown bytes, records that are none."""
    caplog.set_level(logging.INFO)
    with tls_serving(Probe(), tmp_path, new_loop) as served:
        for data in (
            b"",
            b"\x16",
            b"\x16\x03\x01\x00\x05hello",
            b"\x80\x2e\x01\x00\x02",
            b"\0" * 50,
        ):
            for end in (Client.reset, Client.finish):
                with served.client() as plain:
                    plain.send(data)
                    end(plain)
        # A reset right after the handshake, and one in the midst of a request
        for data in (b"", b"GET / HT"):
            client = secure(served)
            client.send(data) if data else None
            client.reset()
        with served.client() as plain, pytest.raises((ssl.SSLError, OSError)):
            certificates.client_context().wrap_socket(plain.sock, server_hostname="other.test")
        with secure(served) as client:
            raw = socket.socket(fileno=os.dup(client.sock.fileno()))
            raw.sendall(b"\x17\x03\x03\x00\x10" + bytes(16))
            raw.close()
            with pytest.raises((ssl.SSLError, OSError)):
                while client.sock.recv(100):
                    pass
                raise ConnectionError
        with secure(served) as client:
            assert client.get().status == 200
        served.until(lambda: not served.worker.connections)
    assert [each for each in caplog.records if each.name.startswith(("penstock", "asyncio"))] == []


def test_a_protocol_is_agreed_on(tmp_path: Path) -> None:
    """RFC 7301: HTTP/2 with those who offer it, HTTP/1.1 with others, and where HTTP/2 is switched off (H28)."""
    for http2, agreements in (
        (
            True,
            ((["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), ([], None), (["h2"], "h2")),
        ),
        (False, ((["h2", "http/1.1"], "http/1.1"), ([], None), (["h2"], None))),
    ):
        with tls_serving(Probe(), tmp_path, http2=http2) as served:
            for offered, agreed in agreements:
                with secure(served, certificates.client_context(alpn=offered)) as client:
                    assert client.sock.selected_alpn_protocol() == agreed  # type: ignore[attr-defined]
                    spoken = Http2Client(client.sock, "https") if agreed == "h2" else client
                    assert spoken.get().status == 200  # type: ignore[attr-defined]


def test_3_3_h27_http_2_inside_of_tls_is_agreed_on_by_alpn(tmp_path: Path) -> None:
    """RFC 9113 section 3.3: neither who offers nothing nor who agreed on HTTP/1.1 may begin with it."""
    with tls_serving(Probe(), tmp_path) as served:
        for offered in ([], ["http/1.1"]):
            with secure(served, certificates.client_context(alpn=offered)) as client:
                client.send(PREFACE)
                assert client.response().status == 505


def test_3_2_h2c_is_never_selected(tmp_path: Path) -> None:
    """RFC 9113 section 3.2: it is no name for what runs over TLS."""
    with tls_serving(Probe(), tmp_path) as served:
        for offered, agreed in ((["h2c"], None), (["h2c", "http/1.1"], "http/1.1")):
            with secure(served, certificates.client_context(alpn=offered)) as client:
                assert client.sock.selected_alpn_protocol() == agreed  # type: ignore[attr-defined]


def test_3_2_over_tls_the_server_sends_its_preface_unasked(tmp_path: Path) -> None:
    """RFC 9113 section 3.2: SETTINGS, without a byte of the client's."""
    with (
        tls_serving(Probe(), tmp_path) as served,
        secure(served, certificates.client_context(alpn=["h2"])) as client,
    ):
        assert client.sock.recv(9)[3:] == b"\x04\x00\x00\x00\x00\x00"


def test_h28_http_2_is_not_offered_beside_suites_that_it_forbids(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """H28, RFC 9113 section 9.2.2; a line says so."""
    suites = "ECDHE+AESGCM:ECDHE+AES:@SECLEVEL=0"
    with (
        tls_serving(Probe(), tmp_path, ssl_ciphers=suites) as served,
        secure(served, certificates.client_context(alpn=["h2", "http/1.1"])) as client,
    ):
        assert client.sock.selected_alpn_protocol() == "http/1.1"  # type: ignore[attr-defined]
    assert "HTTP/2 is not offered over TLS" in caplog.text


@each_loop
def test_http_2_over_tls_carries_much_both_ways(new_loop: NewLoop, tmp_path: Path) -> None:
    """Bodies of many records, files too, which are read and encrypted."""
    path = tmp_path / "file"
    path.write_bytes(b"f" * 500_000)

    async def app(call: Call) -> None:
        size = len(await call.body())
        if call.scope["path"] == "/file":
            await call.start()
            await call.send({"type": "http.response.pathsend", "path": str(path)})
        else:
            await call.answer(b"x" * size)

    with tls_serving(Probe(app), tmp_path, new_loop=new_loop) as served:
        context = certificates.client_context(alpn=["h2"])
        with secure(served, context) as plain, Http2Client(plain.sock, "https") as client:
            streams = [client.ask("/", method="POST", body=b"y" * 300_000) for _ in range(3)]
            assert [client.answer(n).size for n in streams] == [300_000] * 3
            assert client.get("/file").size == 500_000


def test_a_session_can_be_resumed(tmp_path: Path) -> None:
    """The second handshake of a client is the cheaper one."""
    context = certificates.client_context(ssl.TLSVersion.TLSv1_3)
    with tls_serving(Probe(), tmp_path) as served:
        with secure(served, context) as client:
            client.get()
            session = client.sock.session  # type: ignore[attr-defined]
        with served.client() as plain:
            sock = context.wrap_socket(plain.sock, server_hostname="localhost", session=session)
            with Client(sock) as client:
                assert client.get().status == 200
                assert sock.session_reused


# ------------------------------------------------------------------------------------------- binds


@each_loop
def test_z02_plain_http_on_a_tls_port_is_told_so(
    new_loop: NewLoop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Z02."""
    caplog.set_level(logging.INFO)
    probe = Probe()
    with tls_serving(probe, tmp_path, new_loop) as served, served.client() as client:
        response = client.get()
        assert response.status == 400
        assert b"https://" in response.body
        assert client.closed()
    assert probe.calls == []
    assert caplog.records == []


@each_loop
def test_a_bind_with_redirect_sends_to_https(new_loop: NewLoop, tmp_path: Path) -> None:
    probe = Probe()
    options = {"bind": ["127.0.0.1:0?redirect", "127.0.0.1:0?tls"]}
    with tls_serving(probe, tmp_path, new_loop, **options) as served:
        urls = served.on_loop(lambda: served.server.urls)
        port = urls[1].rpartition(":")[2]
        assert urls[0].startswith("http://") and urls[1].startswith("https://")
        for host, status, where in (
            ("localhost", 308, f"https://localhost:{port}/a?b=c"),
            ("127.0.0.1:80", 308, f"https://127.0.0.1:{port}/a?b=c"),
            ("evil.test", 400, None),
        ):
            with served.client() as client:
                client.send(
                    f"POST /a?b=c HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\n\r\nabc".encode()
                )
                response = client.response()
                assert (response.status, response.get("location")) == (status, where)
                assert response.get("connection") == "close"
                assert client.closed()
        for request in (b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"):
            with served.client() as client:
                client.send(request)
                assert client.response().status == 400
    assert probe.calls == []


def test_a_tls_bind_with_redirect_sends_plain_requests_to_itself(tmp_path: Path) -> None:
    probe = Probe()
    with tls_serving(probe, tmp_path, bind="127.0.0.1:0?tls&redirect") as served:
        port = served.address[1]
        with served.client() as client:
            client.send(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
            response = client.response()
            assert response.get("location") == f"https://localhost:{port}/x"
        with secure(served) as client:
            assert client.get().status == 200
    assert len(probe.calls) == 1


def test_redirects_name_the_port_that_the_options_say(tmp_path: Path) -> None:
    options = {"bind": ["127.0.0.1:0?redirect", "127.0.0.1:0?tls"], "redirect_port": 443}
    with tls_serving(Probe(), tmp_path, **options) as served, served.client() as client:
        client.send(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.response().get("location") == "https://localhost/x"


def test_plain_and_tls_binds_stand_beside_each_other(tmp_path: Path) -> None:
    probe = Probe()
    with tls_serving(probe, tmp_path, bind=["127.0.0.1:0", "127.0.0.1:0?tls"]) as served:
        with served.client() as client:
            client.get()
        served.address = served.server.sockets[1].getsockname()
        with secure(served) as client:
            client.get()
    assert [call.scope["scheme"] for call in probe.calls] == ["http", "https"]


def test_a_unix_socket_stays_plain_beside_a_certificate(tmp_path: Path) -> None:
    bind = f"unix:{tmp_path}/socket"
    with tls_serving(Probe(), tmp_path, bind=bind) as served, served.client() as client:
        assert client.get().status == 200


def test_given_sockets_speak_tls_where_there_is_a_certificate(tmp_path: Path) -> None:
    import penstock

    async def main() -> None:
        sock = socket.create_server(("127.0.0.1", 0))
        options = certificates.files(tmp_path)
        async with penstock.Server(Probe(), sockets=[sock], lifespan="off", **options) as server:
            assert server.url.startswith("https://")

    asyncio.run(main())


# -------------------------------------------------------------------------------------- certificates


def shown(served: Served, name: str = "localhost") -> bytes:
    """The certificate that a new client gets, as DER."""
    with secure(served, name=name) as client:
        der = client.sock.getpeercert(binary_form=True)  # type: ignore[attr-defined]
        assert isinstance(der, bytes)
        return der


@each_loop
def test_each_name_has_its_certificate(new_loop: NewLoop, tmp_path: Path) -> None:
    one = certificates.files(tmp_path, certificates.server("one.test"), "one")
    two = certificates.files(tmp_path, certificates.server("two.test", "*.two.test"), "two")
    both = {key: [one[key], two[key]] for key in one}
    with tls_serving(Probe(), tmp_path, new_loop, **both) as served:
        assert shown(served, "two.test") == certificates.server("two.test", "*.two.test").der
        assert shown(served, "x.two.test") == certificates.server("two.test", "*.two.test").der
        assert shown(served, "one.test") == certificates.server("one.test").der
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = certificates.client_context(version)
            context.check_hostname = False
            with secure(served, context, name="other.test") as client:
                assert (
                    client.sock.getpeercert(binary_form=True)  # type: ignore[attr-defined]
                    == certificates.server("one.test").der
                )


def test_the_scope_names_the_certificate_that_was_shown(tmp_path: Path) -> None:
    """TLS-04, with several."""
    one = certificates.files(tmp_path, certificates.server("one.test"), "one")
    two = certificates.files(tmp_path, certificates.server("two.test"), "two")
    both = {key: [one[key], two[key]] for key in one}
    probe = Probe()
    with tls_serving(probe, tmp_path, **both) as served:
        for name in ("two.test", "one.test"):
            with secure(served, name=name) as client:
                client.get()
    found = [call.scope["extensions"]["tls"]["server_cert"] for call in probe.calls]
    assert found == [certificates.server("two.test").pem, certificates.server("one.test").pem]


def look_twice(served: Served) -> None:
    """What the sweep does: a change counts when it is seen twice alike."""
    served.on_loop(lambda: (served.server._tls.look(), served.server._tls.look()))


@each_loop
def test_z06_a_renewed_certificate_is_used_for_new_connections(
    new_loop: NewLoop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Z06: by the sweep alone, without a restart; connections that are open stay."""
    caplog.set_level(logging.INFO)
    renewed = certificates.server("localhost", "renewed.test")
    options = {"ws_ping_interval": 0.2}
    with tls_serving(Probe(), tmp_path, new_loop, **options) as served:
        assert shown(served) == certificates.server().der
        with secure(served) as old:
            certificates.files(tmp_path, renewed)
            served.until(
                lambda: "renewed.test" in str(served.server._tls.certificates.default.certificate)
            )
            assert shown(served) == renewed.der
            assert old.get().status == 200
    lines = [each.getMessage() for each in caplog.records if each.name == "penstock.error"]
    assert lines == [
        "The changed certificate (localhost, renewed.test) is used for new connections"
    ]


@pytest.mark.parametrize("kind", ["broken", "mismatched", "gone", "empty"])
def test_z06_a_certificate_that_cannot_be_used_is_refused_once(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Z06: the old one stays, one error says why, and a good one is taken afterwards."""
    renewed = certificates.server("localhost", "renewed.test")
    with tls_serving(Probe(), tmp_path) as served:
        certfile = tmp_path / "server.pem"
        if kind == "gone":
            certfile.unlink()
        else:
            texts = {"broken": renewed.pem[:200], "mismatched": renewed.pem, "empty": ""}
            certificates.write(certfile, texts[kind])
        look_twice(served)
        look_twice(served)
        assert shown(served) == certificates.server().der
        [line] = [each for each in caplog.records if each.levelno >= logging.ERROR]
        assert "is not used, the old one stays" in line.getMessage()
        certificates.files(tmp_path, renewed)
        look_twice(served)
        assert shown(served) == renewed.der


def test_a_change_is_taken_when_it_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Certificate and key are written one after the other: between them nothing is loaded, nor complained of."""
    renewed = certificates.server("localhost", "renewed.test")
    with tls_serving(Probe(), tmp_path, ws_ping_interval=None, timeout_min_rate=60) as served:
        tls = served.server._tls
        served.on_loop(
            lambda: certificates.write(tmp_path / "server.pem", renewed.pem) and tls.look()
        )
        served.on_loop(
            lambda: certificates.write(tmp_path / "server.key", renewed.key_pem()) and tls.look()
        )
        look_twice(served)
        assert shown(served) == renewed.der
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


def test_an_unusable_certificate_ends_the_start_before_the_application_starts(
    tmp_path: Path,
) -> None:
    from penstock.errors import UsageError

    started = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        started.append(scope["type"])

    options = certificates.files(tmp_path)
    os.unlink(options["ssl_keyfile"])
    with pytest.raises(UsageError, match="cannot be read"), serving(app, lifespan="on", **options):
        pass
    assert started == []


# -------------------------------------------------------------------------------- client certificates


def mutual(folder: Path, word: str = "required") -> dict[str, Any]:
    authority = certificates.write(folder / "ca.pem", certificates.authority().pem)
    return {"ssl_cert_reqs": word, "ssl_ca_certs": authority}


def showing(folder: Path, issued: certificates.Issued | None) -> ssl.SSLContext:
    """A client that shows a certificate, and speaks TLS 1.2, in which a refusal is part of the handshake."""
    context = certificates.client_context(ssl.TLSVersion.TLSv1_2)
    if issued is not None:
        certificates.show_certificate(context, folder, issued, certificates.intermediate())
    return context


def test_z05_a_client_that_shows_a_good_certificate_is_served(tmp_path: Path) -> None:
    """Z05, TLS-05, TLS-06."""
    probe = Probe()
    with tls_serving(probe, tmp_path, **mutual(tmp_path)) as served:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = certificates.client_context(version)
            certificates.show_certificate(
                context, tmp_path, certificates.client(), certificates.intermediate()
            )
            with secure(served, context) as client:
                assert client.get().status == 200
    for call in probe.calls:
        assert call.scope["extensions"]["tls"]["client_cert_name"] == "CN=alice"


@pytest.mark.parametrize("kind", ["none", "strange", "expired"])
def test_z05_any_other_client_does_not_get_through(kind: str, tmp_path: Path) -> None:
    """Z05: the handshake fails, and the application never hears of it."""
    issued = {
        "none": None,
        "strange": certificates.client(strange=True),
        "expired": certificates.client(expired=True),
    }[kind]
    probe = Probe()
    with tls_serving(probe, tmp_path, **mutual(tmp_path)) as served:
        context = showing(tmp_path, issued)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            secure(served, context).get()
    assert probe.calls == []


def test_z05_with_tls_1_3_the_refusal_comes_with_the_first_answer(tmp_path: Path) -> None:
    """Z05: the client's handshake is over before the server has seen its certificate."""
    probe = Probe()
    with tls_serving(probe, tmp_path, **mutual(tmp_path)) as served:
        client = secure(served, certificates.client_context(ssl.TLSVersion.TLSv1_3))
        with client, pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
            client.get()
    assert probe.calls == []


def test_z05_a_revoked_certificate_does_not_get_through(tmp_path: Path) -> None:
    """Z05."""
    authority = certificates.authority()
    bob, carol = (
        certificates.issue(certificates.common_name(name), issuer=authority)
        for name in ("bob", "carol")
    )
    crl = certificates.write(tmp_path / "crl.pem", certificates.revocations(authority, bob))
    probe = Probe()
    with tls_serving(probe, tmp_path, **mutual(tmp_path), ssl_crl=crl) as served:
        with secure(served, showing(tmp_path, carol)) as client:
            assert client.get().status == 200
        with pytest.raises((ssl.SSLError, ConnectionError)):
            secure(served, showing(tmp_path, bob)).get()
    assert len(probe.calls) == 1


def test_z05_an_optional_certificate_may_be_missing_but_not_bad(tmp_path: Path) -> None:
    """Z05, TLS-08."""
    probe = Probe()
    with tls_serving(probe, tmp_path, **mutual(tmp_path, "optional")) as served:
        for issued in (None, certificates.client()):
            with secure(served, showing(tmp_path, issued)) as client:
                assert client.get().status == 200
        with pytest.raises((ssl.SSLError, ConnectionError)):
            secure(served, showing(tmp_path, certificates.client(strange=True))).get()
    found = [call.scope["extensions"]["tls"] for call in probe.calls]
    assert [each["client_cert_name"] for each in found] == [None, "CN=alice"]
    assert [each["client_cert_error"] for each in found] == [None, None]
