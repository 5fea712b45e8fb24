"""ASGI's tls extension says what was agreed on, once for each connection, and afresh for each request."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from penstock.transport.tls_extension import TlsInfo
from tests import certificates
from tests.transport.tls_trial import certificates_of, shaken

KEYS = {
    "server_cert",
    "client_cert_chain",
    "client_cert_name",
    "client_cert_error",
    "tls_version",
    "cipher_suite",
}


def entry(folder: Path, context: ssl.SSLContext | None = None, **options: Any) -> dict[str, Any]:
    server, _ = shaken(certificates_of(folder, **options), context)
    return TlsInfo(server).entry()


def asking(folder: Path, word: str) -> dict[str, Any]:
    authority = certificates.write(folder / "ca.pem", certificates.authority().pem)
    return {"ssl_cert_reqs": word, "ssl_ca_certs": authority}


def test_tls_03_all_keys_are_there(tmp_path: Path) -> None:
    """TLS-03."""
    assert entry(tmp_path).keys() == KEYS


def test_tls_04_the_certificate_is_the_one_that_the_client_received(tmp_path: Path) -> None:
    """TLS-04."""
    server, client = shaken(certificates_of(tmp_path))
    der = ssl.PEM_cert_to_DER_cert(TlsInfo(server).entry()["server_cert"])
    assert der == client.ssl.getpeercert(binary_form=True)


def test_tls_05_without_a_client_certificate_the_chain_is_empty(tmp_path: Path) -> None:
    """TLS-05."""
    for options in ({}, asking(tmp_path, "optional")):
        found = entry(tmp_path, **options)
        assert found["client_cert_chain"] == []
        assert found["client_cert_name"] is None
        assert found["client_cert_error"] is None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_05_the_chain_begins_with_the_client_and_each_signs_the_one_before(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """TLS-05."""
    context = certificates.client_context(version)
    alice = certificates.client("alice")
    certificates.show_certificate(context, tmp_path, alice, certificates.intermediate())
    found = entry(tmp_path, context, **asking(tmp_path, "required"))
    chain = found["client_cert_chain"]
    assert chain[:2] == [alice.pem, certificates.intermediate().pem]
    assert chain[2:] in ([], [certificates.authority().pem])
    assert found["client_cert_name"] == "CN=alice"
    assert found["client_cert_error"] is None


@pytest.mark.parametrize(
    ("version", "number"), [(ssl.TLSVersion.TLSv1_2, 0x0303), (ssl.TLSVersion.TLSv1_3, 0x0304)]
)
def test_tls_09_the_version_is_the_protocols_number(
    tmp_path: Path, version: ssl.TLSVersion, number: int
) -> None:
    """TLS-09."""
    assert entry(tmp_path, certificates.client_context(version))["tls_version"] == number


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", 0xC02B),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", 0xC02C),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", 0xCCA9),
    ],
)
def test_tls_10_the_suite_is_its_registered_number(tmp_path: Path, name: str, number: int) -> None:
    """TLS-10."""
    context = certificates.client_context(ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(name)
    assert entry(tmp_path, context)["cipher_suite"] == number


def test_tls_10_a_suite_of_1_3_has_its_number_too(tmp_path: Path) -> None:
    """TLS-10."""
    found = entry(tmp_path, certificates.client_context(ssl.TLSVersion.TLSv1_3))
    assert found["cipher_suite"] in {0x1301, 0x1302, 0x1303}


def test_scope_08_nothing_of_an_entry_is_shared_with_the_next(tmp_path: Path) -> None:
    """SCOPE-08."""
    context = certificates.client_context()
    certificates.show_certificate(
        context, tmp_path, certificates.client(), certificates.intermediate()
    )
    server, _ = shaken(certificates_of(tmp_path, **asking(tmp_path, "required")), context)
    info = TlsInfo(server)
    first = info.entry()
    first["client_cert_chain"].clear()
    first.clear()
    assert info.entry().keys() == KEYS
    assert len(info.entry()["client_cert_chain"]) >= 2
