"""TLS as people meet it: other makers' clients, the command's certificates, and a renewal under load."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests import certificates
from tests.apps.server import Server, stopped_well
from tests.trials.load import Load

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

LONG = os.environ.get("TRIALS") == "long"
APP = str(Path(__file__).with_name("served.py"))
DEADLINE_S = 30.0


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    options = certificates.files(tmp_path)
    certificates.write(tmp_path / "ca.pem", certificates.authority().pem, mode=0o644)
    return ["--ssl-certfile", options["ssl_certfile"], "--ssl-keyfile", options["ssl_keyfile"]]


def ran(*command: str, data: bytes = b"") -> str:
    done = subprocess.run(
        command,
        input=data,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=DEADLINE_S,
        check=False,
    )
    return done.stdout.decode(errors="replace")


@pytest.mark.requires_program("curl", "openssl")
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_clients_of_other_makers_are_served(loop: str, files: list[str], tmp_path: Path) -> None:
    """curl, httpx, websockets and openssl s_client; a large upload, a large download, TLS 1.2 and 1.3."""
    authority = str(tmp_path / "ca.pem")
    with Server(APP, "--port", "0", "--loop", loop, *files) as server:
        assert server.url.startswith("https://")
        pid = str(server.pid)
        url = f"https://localhost:{server.port}/"
        curl = ["curl", "--silent", "--show-error", "--cacert", authority]
        for more in ([], ["--tls-max", "1.2"], ["--tlsv1.3"], ["--http1.0"], ["--http2"]):
            assert ran(*curl, *more, url, url) == pid * 2
        upload = ran(*curl, "--data-binary", "@-", f"{url}upload", data=bytes(3 << 20))
        assert upload == f"{pid} {3 << 20}"
        assert "HTTP/1.1 400 Bad Request" in ran("curl", "-si", f"http://localhost:{server.port}/")

        context = certificates.client_context()
        with httpx.Client(verify=context, trust_env=False) as client:
            assert [client.get(url).text for _ in range(3)] == [pid] * 3
        asyncio.run(_talk(server.port, context))

        said = ran(
            "openssl", "s_client", "-connect", f"localhost:{server.port}", "-CAfile", authority,
            "-verify_return_error", "-alpn", "h2,http/1.1", "-quiet", "-no_ign_eof",
            data=b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n",
        )  # fmt: skip
        assert "verify return:1" in said
        stopped_well(server)
    assert "Traceback" not in server.output


async def _talk(port: int, context: Any) -> None:
    url = f"wss://localhost:{port}/"
    async with websockets.connect(url, ssl=context, proxy=None) as websocket:
        await websocket.ping()


def test_a_certificate_that_changes_under_load_fails_no_request(
    files: list[str], tmp_path: Path
) -> None:
    """Z06: renewed again and again, once by a broken one; new connections get the new one."""
    changes = 20 if LONG else 3

    async def trial(server: Server) -> Load:
        context = certificates.client_context()
        async with Load(server.port, kept=16, fresh=4, rate=300, tls=context) as load:
            for number in range(changes):
                names = ("localhost", f"renewed-{number}.test")
                if number == 1:
                    certificates.write(tmp_path / "server.pem", "nothing")
                    await asyncio.to_thread(server.until, "the old one stays")
                certificates.files(tmp_path, certificates.server(*names))
                await asyncio.to_thread(server.until, f"({', '.join(names)}) is used")
        return load

    with Server(APP, "--port", "0", "--no-access-log", *files) as server:
        load = asyncio.run(trial(server))
        stopped_well(server)
    assert load.failures == []
    assert load.refused == 0
    assert load.answered > 200


def test_workers_serve_tls_and_are_reloaded_without_loss(files: list[str], tmp_path: Path) -> None:
    """Also clients in the midst of their handshake are served when their worker retires (V04)."""
    reloads = 10 if LONG else 1

    async def trial(server: Server) -> Load:
        context = certificates.client_context()
        async with Load(server.port, kept=12, fresh=4, rate=200, tls=context) as load:
            for number in range(reloads):
                server.child.send_signal(1)
                await asyncio.to_thread(
                    server.until_true,
                    lambda output, ended=2 * (number + 1): output.count(") ended") >= ended,
                    "the end of the old workers",
                )
        return load

    with Server(APP, "--port", "0", "--no-access-log", "--workers", "2", *files) as server:
        load = asyncio.run(trial(server))
        assert server.stop() == 0
    assert load.failures == []
    assert load.refused == 0


@pytest.mark.requires_program("curl")
def test_the_certificate_for_development_is_made_told_of_and_trusted(tmp_path: Path) -> None:
    variables = {"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    for start in range(2):
        with Server(APP, "--port", "0", "--dev-cert", environ=variables) as server:
            if sys.platform == "linux":
                certificate = str(tmp_path / "penstock" / "localhost.pem")
                assert ran("curl", "-s", "--cacert", certificate, server.url) == str(server.pid)
            stopped_well(server)
        assert server.output.count("The certificate for development is") == 1
        assert ("certutil" in server.output) == (start == 0)
