"""A certificate for development: for this machine's own names, made once and kept.

It is self-signed and no authority: whoever gets hold of its key can pretend to be localhost, and
nothing else. `cryptography` is needed to make it, and imported only here and only then.
"""

import datetime
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from penstock.config import Config
from penstock.errors import UsageError

NAMES = ("localhost", "127.0.0.1", "::1")
# Browsers refuse certificates that are valid for much longer than a year.
VALID_DAYS = 365
# With less than this left it is made anew: in the middle of a day's work is a bad moment.
RENEW_DAYS = 14
_DAY_S = 86400


def settle(config: Config, say: Callable[[str], None]) -> Config:
    """The Config with the files of the certificate in place of `dev_cert`; makes them if they are
    not there. `say(line)` is told where it is, and how it becomes trusted.

    Raises UsageError where it cannot be made, or a certificate is given as well.
    """
    if config.ssl_certfile or config.ssl_cert_dir is not None:
        raise UsageError(
            "--dev-cert and a certificate are both given", "leave --dev-cert out to serve the other"
        )
    certfile, keyfile, made = obtain(folder(os.environ, sys.platform))
    say(f"The certificate for development is {certfile}")
    if made:
        for line in how_to_trust(certfile, sys.platform):
            say(line)
    return config.replace(ssl_certfile=certfile, ssl_keyfile=keyfile, dev_cert=False)


def folder(environ: Any, platform: str) -> str:
    """Where it is kept: the user's cache folder, as the platform has it."""
    home = os.path.expanduser("~")
    if platform == "darwin":
        base = os.path.join(home, "Library", "Caches")
    elif platform == "win32":
        base = environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    else:
        base = environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return os.path.join(base, "penstock")


def how_to_trust(certfile: str, platform: str) -> list[str]:
    """Lines for a person whose browser or client does not know the certificate."""
    if platform == "darwin":
        system = (
            "security add-trusted-cert -r trustRoot -k"
            f" ~/Library/Keychains/login.keychain-db {certfile}"
        )
    elif platform == "win32":
        system = f"certutil -user -addstore Root {certfile}"
    else:
        system = f"certutil -d sql:$HOME/.pki/nssdb -A -t P,, -n penstock -i {certfile}"
    return [
        "Clients refuse it until it is trusted:",
        f"  browsers        {system}",
        f"  curl            curl --cacert {certfile} https://localhost:...",
        f"  httpx, requests SSL_CERT_FILE={certfile} or REQUESTS_CA_BUNDLE={certfile}",
    ]


def obtain(path: str) -> tuple[str, str, bool]:
    """Certificate and key in the folder `path`, and whether they were made just now."""
    certfile, keyfile = os.path.join(path, "localhost.pem"), os.path.join(path, "localhost.key")
    if _usable(certfile, keyfile):
        return certfile, keyfile, False
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        certificate, key = _make()
        # The key first: a certificate without its key would be found unusable and made again
        _write(keyfile, key)
        _write(certfile, certificate)
    except OSError as error:
        raise UsageError(
            f"--dev-cert: {error.filename or path} cannot be written: {error.strerror or error}",
            "set XDG_CACHE_HOME to a folder that can be, or give --ssl-certfile FILE",
        ) from None
    return certfile, keyfile, True


def _usable(certfile: str, keyfile: str) -> bool:
    """Whether they are there, belong together, are for all names and valid for a while."""
    from penstock.transport.tls_certificate import pem_blocks, read_pem

    try:
        with open(certfile, encoding="ascii") as file:
            certificate = read_pem(pem_blocks(file.read())[0])
        import ssl

        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certfile, keyfile)
    except (OSError, ValueError, IndexError):
        return False
    days_left = (certificate.not_after - time.time()) / _DAY_S
    return set(NAMES) <= set(certificate.names) and days_left > RENEW_DAYS


def _make() -> tuple[bytes, bytes]:
    """A new certificate and its key, PEM."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise UsageError(
            f"--dev-cert needs the package cryptography ({error})",
            "pip install 'penstock[dev-cert]'",
        ) from None
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost (penstock)")])
    names: list[x509.GeneralName] = []
    for each in NAMES:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(each)))
        except ValueError:
            names.append(x509.DNSName(each))
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of containers and virtual machines lag behind at times
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
    )
    certificate = builder.sign(key, hashes.SHA256())
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _write(path: str, content: bytes) -> None:
    """Write a file that only this user may read, whole or not at all."""
    beside = f"{path}.{os.getpid()}"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
