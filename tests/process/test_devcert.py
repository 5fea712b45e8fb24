"""The certificate for development is made once, kept for its user alone, and good for this machine only."""

import os
import ssl
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.config import Config
from penstock.errors import UsageError
from penstock.process import devcert
from penstock.transport.tls_certificate import read_pem


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path / "penstock"


def settled(**options: Any) -> tuple[Config, list[str]]:
    said: list[str] = []
    return devcert.settle(Config(None, dev_cert=True, **options), said.append), said


def test_it_is_made_for_the_names_of_this_machine_and_told_how_to_trust_it(cache: Path) -> None:
    config, said = settled()
    certificate = read_pem((cache / "localhost.pem").read_text())
    assert set(certificate.names) == {"localhost", "127.0.0.1", "::1"}
    assert config.ssl_certfile == (str(cache / "localhost.pem"),)
    assert config.ssl_keyfile == (str(cache / "localhost.key"),)
    assert config.listeners[0].tls
    text = "\n".join(said)
    assert "certutil" in text and "curl --cacert" in text and str(cache) in text


def test_only_its_user_may_read_it(cache: Path) -> None:
    settled()
    for name in ("localhost.pem", "localhost.key"):
        assert stat.S_IMODE((cache / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_it_is_made_once() -> None:
    first, _ = settled()
    before = os.stat(first.ssl_certfile[0])
    second, said = settled()
    assert os.stat(second.ssl_certfile[0]).st_mtime_ns == before.st_mtime_ns
    assert len(said) == 1


@pytest.mark.parametrize("damage", ["expiring", "cut", "keyless", "other key"])
def test_it_is_made_anew_when_it_cannot_be_used_any_more(
    damage: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled()
    before = (cache / "localhost.pem").read_text()
    if damage == "expiring":
        monkeypatch.setattr(devcert, "RENEW_DAYS", devcert.VALID_DAYS + 1)
    elif damage == "cut":
        (cache / "localhost.pem").write_text(before[:100])
    elif damage == "keyless":
        (cache / "localhost.key").unlink()
    else:
        (cache / "localhost.key").write_bytes(devcert._make()[1])
    settled()
    assert (cache / "localhost.pem").read_text() != before


def test_strict_clients_accept_it_when_they_trust_it(cache: Path) -> None:
    config, _ = settled()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(config.ssl_certfile[0], config.ssl_keyfile[0])
    client = ssl.create_default_context(cafile=config.ssl_certfile[0])
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    for name in ("localhost", "127.0.0.1", "::1"):
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = [
            client.wrap_bio(down, up, server_hostname=name),
            server.wrap_bio(up, down, server_side=True),
        ]
        for end in ends * 2:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
        assert ends[0].version() is not None


def test_a_certificate_of_ones_own_and_this_one_are_refused_together() -> None:
    with pytest.raises(UsageError, match="both given"):
        settled(ssl_certfile="x.pem")


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(UsageError, match="needs the package cryptography") as seen:
        settled()
    assert "penstock[dev-cert]" in seen.value.hint


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(UsageError, match="cannot be written"):
        settled()


def test_it_lies_where_each_platform_keeps_such_things(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert devcert.folder({}, "linux") == "/home/ada/.cache/penstock"
    assert devcert.folder({"XDG_CACHE_HOME": "/c"}, "linux") == "/c/penstock"
    assert devcert.folder({}, "darwin") == "/home/ada/Library/Caches/penstock"
    assert devcert.folder({"LOCALAPPDATA": "/l"}, "win32") == "/l/penstock"
    assert "security add-trusted-cert" in devcert.how_to_trust("c", "darwin")[1]
    assert "certutil -user -addstore" in devcert.how_to_trust("c", "win32")[1]


def test_a_server_in_a_program_has_it_too(cache: Path) -> None:
    server = penstock.Server("module:app", dev_cert=True)
    assert server.settings.ssl_certfile == (str(cache / "localhost.pem"),)
    assert not server.settings.dev_cert
