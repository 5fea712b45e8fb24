"""Certificates and keys become contexts of the ssl module, or a `UsageError` that says what is wrong.

A server has one context for each certificate; which one serves a client is chosen by the name that
the client asks for, before its handshake begins.
"""

import os
import ssl
import stat
import time
from collections.abc import Callable, Iterable
from typing import Any

from penstock.errors import UsageError
from penstock.transport.tls_certificate import Certificate, pem_blocks, read_pem
from penstock.transport.tls_files import Pair, pairs

# Protocols that are offered to clients in TLS (RFC 7301).
HTTP2 = "h2"
HTTP1 = "http/1.1"

# TLS 1.2 with forward secrecy and authenticated encryption (RFC 9325 section 4.2); certificates
# decide between ECDSA and RSA. The suites of TLS 1.3 are all of this kind and cannot be chosen.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_REQUIREMENTS = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}
# Of a file that is said to hold certificates or a key.
_FILE_BYTES_MAX = 1 << 20


class Context(ssl.SSLContext):
    """A context with what the scope tells of it: `pem`, the certificate that it shows, what that
    says, and the numbers of its cipher suites by name (IANA's)."""

    pem: str
    certificate: Certificate
    suites: dict[str, int]


class Certificates:
    """The contexts of one load of the files; `default` serves clients that name no other."""

    __slots__ = ("_by_name", "contexts", "default")

    def __init__(self, contexts: Iterable[Context]) -> None:
        self.contexts = tuple(contexts)
        self.default = self.contexts[0]
        self._by_name: dict[str, Context] = {}
        for context in self.contexts:
            for name in context.certificate.names:
                self._by_name.setdefault(name, context)

    def choose(self, name: str) -> Context:
        """The context for a host name, "" for none (RFC 6125 section 6.4)."""
        return self._find(name) or self.default

    def covers(self, name: str) -> bool:
        """Whether there is a certificate for a host name or IP address (lower case, no brackets)."""
        return self._find(name) is not None

    def _find(self, name: str) -> Context | None:
        found = self._by_name.get(name)
        if found is None:
            # A wildcard stands for exactly one label
            _, dot, parent = name.partition(".")
            if dot:
                found = self._by_name.get("*." + parent)
        return found


def load(settings: Any, note: Callable[[str, str], None]) -> Certificates:
    """Load all certificates of the options. Raises UsageError, which never shows the password;
    `note(level, text)` is told what a person should know."""
    if settings.ssl_cert_reqs != "none" and settings.ssl_ca_certs is None:
        raise UsageError(
            f"--ssl-cert-reqs {settings.ssl_cert_reqs} needs the certificates to check against",
            "give --ssl-ca-certs FILE",
        )
    return Certificates(_context(settings, pair, note) for pair in pairs(settings))


def _context(settings: Any, pair: Pair, note: Callable[[str, str], None]) -> Context:
    text = _text(pair.certfile, "certificate")
    blocks = pem_blocks(text)
    if not blocks:
        raise UsageError(
            f"{pair.certfile} holds no certificate",
            "it is a PEM file: -----BEGIN CERTIFICATE-----, the server's own first",
        )
    context = Context(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.ssl_min_version]
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    # A client could make the server work for nothing (Z07, CVE-2011-1473)
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        context.set_ciphers(settings.ssl_ciphers or CIPHERS)
    except ssl.SSLError:
        raise UsageError(
            f"--ssl-ciphers {settings.ssl_ciphers!r} names no cipher suite that OpenSSL has",
            "openssl ciphers -s -tls1_2 LIST shows what a list stands for",
        ) from None
    context.set_alpn_protocols(_protocols(context, settings, note))
    _load_chain(context, pair, settings.ssl_keyfile_password)
    _ask_for_certificates(context, settings)
    context.pem = blocks[0]
    try:
        context.certificate = read_pem(blocks[0])
    except ValueError as error:
        raise UsageError(f"{pair.certfile} holds no certificate: {error}") from None
    context.suites = {suite["name"]: suite["id"] & 0xFFFF for suite in context.get_ciphers()}
    _warn(context, pair, note)
    return context


def _protocols(context: Context, settings: Any, note: Callable[[str, str], None]) -> list[str]:
    """What ALPN offers, in the order of preference. HTTP/2 forbids suites of TLS 1.2 without forward
    secrecy or authenticated encryption (RFC 9113 section 9.2.2): beside one of them it is not offered,
    since a client would have to end the connection that chose it (H28)."""
    if not settings.http2:
        return [HTTP1]
    for suite in context.get_ciphers():
        if suite["protocol"] != "TLSv1.3" and not _is_strong(suite):
            note(
                "warning",
                f"HTTP/2 is not offered over TLS: --ssl-ciphers has {suite['name']}, which it forbids",
            )
            return [HTTP1]
    return [HTTP2, HTTP1]


def _is_strong(suite: Any) -> bool:
    """Whether HTTP/2 takes this suite of TLS 1.2: an ephemeral key exchange, and an AEAD."""
    return bool(suite["aead"]) and suite["name"].startswith(("ECDHE-", "DHE-"))


def _text(path: str, what: str) -> str:
    try:
        with open(path, encoding="latin-1") as file:
            return file.read(_FILE_BYTES_MAX)
    except OSError as error:
        raise UsageError(
            f"The {what} {path} cannot be read: {error.strerror or error}",
            "give the path of a PEM file that this user may read",
        ) from None


def _load_chain(context: Context, pair: Pair, password: str | None) -> None:
    if "PRIVATE KEY-----" not in _text(pair.keyfile, "key"):
        raise UsageError(
            f"{pair.keyfile} holds no private key",
            "give --ssl-keyfile FILE with -----BEGIN PRIVATE KEY-----",
        )
    asked = False

    def answer() -> str:
        # Without an answer OpenSSL would ask on the terminal, and the server would stand still
        nonlocal asked
        asked = True
        return password or ""

    try:
        context.load_cert_chain(pair.certfile, pair.keyfile, answer)
    except ssl.SSLError as error:
        if asked:
            raise UsageError(
                f"The key {pair.keyfile} cannot be opened: "
                + ("its password is another one" if password else "it has a password"),
                "give it in the environment, PENSTOCK_SSL_KEYFILE_PASSWORD, where nobody sees it",
            ) from None
        if error.reason == "KEY_VALUES_MISMATCH":
            raise UsageError(
                f"The key {pair.keyfile} is not that of the certificate {pair.certfile}",
                "the server's own certificate stands first in its file, before those of its issuers",
            ) from None
        raise UsageError(
            f"{pair.certfile} and {pair.keyfile} cannot be used: {error.reason or error}",
            "openssl x509 -in FILE -noout -text and openssl pkey -in FILE -noout -check show more",
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{pair.certfile} and {pair.keyfile} cannot be used: {error}") from None


def _ask_for_certificates(context: Context, settings: Any) -> None:
    """Ask clients for certificates, if the options say so (Z05)."""
    context.verify_mode = _REQUIREMENTS[settings.ssl_cert_reqs]
    if context.verify_mode == ssl.CERT_NONE:
        return
    path = settings.ssl_ca_certs
    try:
        if os.path.isdir(path):
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except OSError as error:
        raise UsageError(
            f"--ssl-ca-certs {path}: {getattr(error, 'reason', None) or error.strerror or error}",
            "give a PEM file of certificates, or a folder made by openssl rehash",
        ) from None
    # Each connection is to be checked anew: against what was revoked, and for its whole chain
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    if settings.ssl_crl is not None:
        if "-----BEGIN X509 CRL-----" not in _text(settings.ssl_crl, "CRL"):
            raise UsageError(f"--ssl-crl {settings.ssl_crl} holds no CRL in PEM form")
        try:
            context.load_verify_locations(cafile=settings.ssl_crl)
        except OSError as error:
            raise UsageError(f"--ssl-crl {settings.ssl_crl}: {error}") from None
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def _warn(context: Context, pair: Pair, note: Callable[[str, str], None]) -> None:
    if context.certificate.not_after < time.time():
        note("warning", f"The certificate {pair.certfile} has expired: clients will refuse it")
    try:
        mode = os.stat(pair.keyfile).st_mode
    except OSError:
        return
    if mode & stat.S_IROTH:  # Z08
        note(
            "warning",
            f"Every user of this machine can read the key {pair.keyfile}: chmod o-rwx it",
        )
