"""A certificate for the servers, and connections that do not ask who signed it: the server is measured."""

from __future__ import annotations

import datetime
import ssl
from typing import TYPE_CHECKING, NamedTuple

from bench.errors import BenchError
from bench.sockets import connect as plain

if TYPE_CHECKING:
    from pathlib import Path

_DAY = datetime.timedelta(days=1)


class Files(NamedTuple):
    """Where the certificate and its key are."""

    certificate: Path
    key: Path


def write(folder: Path) -> Files:
    """Make a certificate of the kind that most sites have today (ECDSA, P-256), once for a folder."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    files = Files(folder / "server.pem", folder / "server.key")
    if files.key.exists():
        return files
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 30 * _DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def connect(port: int, protocol: str) -> ssl.SSLSocket:
    """A connection over TLS 1.3 that has agreed on `protocol` by ALPN; who names none speaks HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    connection = context.wrap_socket(plain(port), server_hostname="localhost")
    agreed = connection.selected_alpn_protocol() or "http/1.1"
    if agreed != protocol:
        raise BenchError(f"{protocol} was offered, the server chose {agreed}")
    return connection
