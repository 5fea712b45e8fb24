"""Threats to TLS (Z01 to Z08) that need a client other than Python's, a whole command, or many clients at once.

The rest of Z02 to Z06 and S02 stands in tests/transport/test_tls.py, where both event loops are tried.
"""

import hashlib
import hmac
import os
import re
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests import certificates
from tests.asgi_app import Probe, echo
from tests.command import APPLICATION, Process
from tests.sockets import Client, Served, serving
from tests.transport.tls_trial import secure

DEADLINE_S = 20.0


def s_client(served: Served, *arguments: str, lines: bytes = b"") -> str:
    """What `openssl s_client` says of a connection on which it sends `lines`."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{served.address[1]}", *arguments],
        input=lines, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    return done.stdout.decode(errors="replace")


def suite_of(said: str) -> str:
    found = re.search(r"Cipher is (\S+)", said)
    return found[1] if found else "(NONE)"


@pytest.mark.requires_program("openssl")
def test_z01_old_versions_and_suites_are_refused(tmp_path: Path) -> None:
    """Z01: for RSA and ECDSA certificates; what is modern is spoken."""
    for algorithm in ("ec", "rsa"):
        issued = certificates.server("localhost", algorithm=algorithm)
        with serving(Probe(), **certificates.files(tmp_path, issued)) as served:
            for version in ("-tls1", "-tls1_1"):
                assert suite_of(s_client(served, version, "-cipher", "ALL:@SECLEVEL=0")) == "(NONE)"
            for suites in (
                "AES128-SHA",
                "AES128-GCM-SHA256",
                "ECDHE+AES:!AESGCM:!AESCCM",
                "NULL",
                "DHE",
                "aNULL",
            ):
                offered = f"{suites}:@SECLEVEL=0"
                assert suite_of(s_client(served, "-tls1_2", "-cipher", offered)) == "(NONE)", suites
            assert "GCM" in suite_of(s_client(served, "-tls1_2"))
            assert suite_of(s_client(served, "-tls1_3")).startswith("TLS_")


def test_z03_a_crowd_of_stalled_handshakes_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Z03, S02: 300 that never say a word, or stop after a few bytes."""
    with serving(Probe(), **certificates.files(tmp_path)) as served:
        crowd = [served.client() for _ in range(300)]
        try:
            for number, client in enumerate(crowd):
                client.send(b"\x16\x03\x01\x00\xc8\x01"[: number % 7])
            for _ in range(5):
                began = time.monotonic()
                with secure(served) as client:
                    assert client.get().status == 200
                assert time.monotonic() - began < 1
        finally:
            for client in crowd:
                client.sock.close()
        served.until(lambda: not served.worker.connections)


@pytest.mark.requires_program("openssl")
def test_z07_there_is_no_renegotiation(tmp_path: Path) -> None:
    """Z07: neither of TLS 1.2 nor of any other version; the server goes on."""
    probe = Probe()
    with serving(probe, **certificates.files(tmp_path)) as served:
        said = s_client(served, "-tls1_2", lines=b"R\nR\nR\n")
        assert "RENEGOTIATING" in said
        assert "no renegotiation" in said.lower() or "alert" in said.lower()
        with secure(served) as client:
            assert client.get().status == 200
    assert len(probe.calls) == 1


class Sender:
    """Makes records of TLS 1.3 by hand, with the keys of a real connection (RFC 8446 sections 5.2 and 7).

    For AES-256 with SHA-384, OpenSSL's first choice.
    """

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self._begin()

    def _begin(self) -> None:
        self.number = 0
        self.key = AESGCM(self._expand(b"key", 32))
        self.iv = self._expand(b"iv", 12)

    def _expand(self, label: bytes, length: int) -> bytes:
        label = b"tls13 " + label
        info = length.to_bytes(2) + bytes([len(label)]) + label + b"\0\x01"
        return hmac.digest(self.secret, info, hashlib.sha384)[:length]

    def record(self, kind: int, content: bytes) -> bytes:
        plain = content + bytes([kind])
        head = b"\x17\x03\x03" + (len(plain) + 16).to_bytes(2)
        nonce = (int.from_bytes(self.iv) ^ self.number).to_bytes(12)
        self.number += 1
        return head + self.key.encrypt(nonce, plain, head)

    def key_update(self) -> bytes:
        """A demand for new keys, in both directions."""
        record = self.record(22, b"\x18\0\0\x01\x01")
        self.secret = self._expand(b"traffic upd", 48)
        self._begin()
        return record


def by_hand(served: Served, folder: Path) -> tuple[Client, Sender]:
    """A connection over which the test sends records of its own making. What the server sends stays unread."""
    context = certificates.client_context(ssl.TLSVersion.TLSv1_3)
    context.keylog_filename = str(folder / "keys")
    client = secure(served, context)
    assert client.sock.cipher()[0] == "TLS_AES_256_GCM_SHA384"  # type: ignore[attr-defined]
    found = re.search(r"CLIENT_TRAFFIC_SECRET_0 \S+ (\S+)", (folder / "keys").read_text())
    assert found is not None
    return Client(socket.socket(fileno=client.sock.detach())), Sender(bytes.fromhex(found[1]))


def test_z07_floods_of_key_updates_and_tiny_records_hold_nobody_up(tmp_path: Path) -> None:
    """Z07: 10,000 key updates, then a request in records of one byte each; a second client is served meanwhile."""
    probe = Probe(echo)
    with serving(probe, **certificates.files(tmp_path)) as served:
        client, sender = by_hand(served, tmp_path)
        with client:
            for _ in range(20):
                client.send(b"".join(sender.key_update() for _ in range(500)))
                with secure(served) as other:
                    began = time.monotonic()
                    assert other.get().status == 200
                    assert time.monotonic() - began < 1
            body = b"x" * 2000
            request = (
                b"POST /tiny HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )
            client.send(b"".join(sender.record(23, bytes([octet])) for octet in request))
            tiny = served.until(
                lambda: next((c for c in probe.calls if c.scope["path"] == "/tiny"), None)
            )
            tiny.wait()
            assert tiny.error is None


# ----------------------------------------------------------------------------------- the whole command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "trial.py").write_text(APPLICATION)
    issued = certificates.server()
    certificates.write(tmp_path / "cert.pem", issued.pem)
    certificates.write(tmp_path / "key.pem", issued.key_pem(certificates.PASSWORD))
    return tmp_path


def command(folder: Path, password: str, *more: str) -> Process:
    files = ("--certfile", "cert.pem", "--keyfile", "key.pem")
    variables = {"PENSTOCK_SSL_KEYFILE_PASSWORD": password} if password else {}
    return Process(folder, "trial:app", "--port", "0", *files, *more, **variables)


@pytest.mark.parametrize("password", ["", "wrong horse"])
def test_z08_a_key_that_does_not_open_ends_the_start_with_a_plain_message(
    password: str, folder: Path
) -> None:
    """Z08: exit code 2, no traceback, no question on the terminal, and no password in it."""
    with command(folder, password) as process:
        code, _ = process.wait()
    assert code == 2
    assert "The key key.pem cannot be opened" in process.output
    assert "Traceback" not in process.output
    assert not password or password not in process.output
    assert "app: startup" not in process.output


def test_z08_a_key_that_all_may_read_is_warned_of_and_the_url_is_https(folder: Path) -> None:
    """Z08, with gunicorn's spelling of the flags; the password stands nowhere."""
    os.chmod(folder / "key.pem", 0o644)
    with command(folder, certificates.PASSWORD, "--log-level", "debug") as process:
        sock: Any = socket.create_connection(("127.0.0.1", process.port), DEADLINE_S)
        with certificates.client_context().wrap_socket(sock, server_hostname="localhost") as sock:
            assert Client(sock).get().status == 200
        process.send(15)
        assert process.wait()[0] == 0
    assert "Running on https://" in process.output
    assert "Every user of this machine can read the key key.pem" in process.output
    assert certificates.PASSWORD not in process.output
