"""Certificates for tests, made with `cryptography`; each kind is made once in a process."""

import datetime
import functools
import ipaddress
import os
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

DAY = datetime.timedelta(days=1)
PASSWORD = "correct horse"


class Issued(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def key_pem(self, password: str = "") -> str:
        encryption: Any = serialization.NoEncryption()
        if password:
            encryption = serialization.BestAvailableEncryption(password.encode())
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        ).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)


def common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def issue(
    subject: x509.Name,
    names: Sequence[str] = (),
    *,
    issuer: Issued | None = None,
    authority: bool = False,
    expired: bool = False,
    key: Any = None,
) -> Issued:
    """A new certificate, signed by `issuer` or by itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    end = now - DAY if expired else now + 30 * DAY
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 60 * DAY)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                (issuer.key if issuer else key).public_key()
            ),
            critical=False,
        )
    )
    if authority:
        usage = dict.fromkeys(
            (
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        builder = builder.add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage),
            critical=True,
        )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(name) for name in names]), critical=False
        )
    return Issued(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@functools.cache
def authority(name: str = "Test authority") -> Issued:
    """An issuer of certificates."""
    return issue(common_name(name), authority=True)


@functools.cache
def server(*names: str, algorithm: str = "ec") -> Issued:
    """A server's certificate by the test authority; for localhost where no name is given."""
    key = rsa.generate_private_key(65537, 2048) if algorithm == "rsa" else None
    names = names or ("localhost", "127.0.0.1")
    return issue(common_name(names[0]), names, issuer=authority(), key=key)


@functools.cache
def intermediate() -> Issued:
    """An authority below the test authority, for clients."""
    return issue(common_name("Intermediate"), issuer=authority(), authority=True)


@functools.cache
def client(name: str = "alice", *, expired: bool = False, strange: bool = False) -> Issued:
    """A client's certificate by the intermediate authority, or by one that nobody knows."""
    issuer = authority("Strange") if strange else intermediate()
    return issue(common_name(name), issuer=issuer, expired=expired)


def revocations(issuer: Issued, *revoked: Issued) -> str:
    """A list of revoked certificates, PEM."""
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now - DAY)
        .next_update(now + DAY)
    )
    for each in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(each.certificate.serial_number)
            .revocation_date(now - DAY)
            .build()
        )
    return (
        builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    )


def write(path: Path, *texts: str, mode: int = 0o600) -> str:
    """Write a PEM file as certbot does, in place of the one that is there; returns its path."""
    beside = path.with_name(path.name + ".new")
    beside.write_text("".join(texts))
    beside.chmod(mode)
    os.replace(beside, path)
    return str(path)


def files(folder: Path, issued: Issued | None = None, stem: str = "server") -> dict[str, Any]:
    """The options that serve `issued`, whose files are written to `folder`."""
    issued = issued or server()
    return {
        "ssl_certfile": write(folder / f"{stem}.pem", issued.pem),
        "ssl_keyfile": write(folder / f"{stem}.key", issued.key_pem()),
    }


def client_context(
    version: ssl.TLSVersion | None = None, alpn: Sequence[str] = (), **options: Any
) -> ssl.SSLContext:
    """What a client needs to trust the test authority; `version` is the only one that it speaks."""
    context = ssl.create_default_context(cadata=authority().pem, **options)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def show_certificate(context: ssl.SSLContext, folder: Path, issued: Issued, *more: Issued) -> None:
    """Let the client show this certificate, with those of its issuers."""
    path = write(folder / "client.pem", issued.pem, *(each.pem for each in more), issued.key_pem())
    context.load_cert_chain(path)
