"""ASGI's `tls` extension for clients whose TLS ended at a proxy, by what its PROXY header says."""

import ssl
from typing import Any

from penstock.transport.tls_certificate import escaped
from penstock.wire.proxy import ProxiedTls

_VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


class ProxiedTlsInfo:
    """The extension's entry for one connection, made at its first request and copied for each.

    There is no certificate to show, neither the proxy's nor the client's; the client's name is the
    CN that the proxy verified (TLS-07), and an error is told where it did not (TLS-08).
    """

    __slots__ = ("_entry", "_told")

    # The connection itself is plain
    here = False

    def __init__(self, told: ProxiedTls) -> None:
        self._told = told
        self._entry: dict[str, Any] | None = None

    def entry(self) -> dict[str, Any]:
        """A new dict that the application may change (SCOPE-08)."""
        entry = self._entry
        if entry is None:
            entry = self._entry = _entry(self._told)
        return {**entry, "client_cert_chain": []}


def _entry(told: ProxiedTls) -> dict[str, Any]:
    named = told.verified and told.common_name
    failed = told.certificate and not told.verified
    return {
        "server_cert": None,
        "client_cert_name": f"CN={escaped(told.common_name)}" if named else None,
        "client_cert_error": "the proxy could not verify it" if failed else None,
        "tls_version": _VERSIONS.get(told.version),
        "cipher_suite": _suites().get(told.cipher),
    }


def _suites() -> dict[str, int]:
    """Numbers of the cipher suites that this machine's OpenSSL knows, by its names for them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return {suite["name"]: suite["id"] & 0xFFFF for suite in context.get_ciphers()}
