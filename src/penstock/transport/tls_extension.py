"""ASGI's `tls` extension: what a scope says of the TLS connection that it came by (tls 0.2)."""

import ssl
from typing import Any

from penstock.transport.tls_certificate import read

_VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


class TlsInfo:
    """The extension's entry for one connection, computed at its first request and copied for each."""

    __slots__ = ("_entry", "_ssl")

    # TLS ends in this process, so its end is the end of the connection
    here = True

    def __init__(self, ssl_object: ssl.SSLObject) -> None:
        self._ssl = ssl_object
        self._entry: dict[str, Any] | None = None

    def entry(self) -> dict[str, Any]:
        """A new dict that the application may change (SCOPE-08)."""
        entry = self._entry
        if entry is None:
            entry = self._entry = _entry(self._ssl)
        entry = entry.copy()
        entry["client_cert_chain"] = entry["client_cert_chain"].copy()
        return entry


def _entry(ssl_object: Any) -> dict[str, Any]:
    context = ssl_object.context
    suite = ssl_object.cipher()
    chain: list[bytes] = []
    if context.verify_mode != ssl.CERT_NONE:
        chain = _chain(ssl_object)
    return {
        "server_cert": context.pem,
        "client_cert_chain": [ssl.DER_cert_to_PEM_cert(der) for der in chain],
        "client_cert_name": read(chain[0]).subject if chain else None,
        # A certificate that does not hold ends the handshake, so none is ever told of here
        "client_cert_error": None,
        "tls_version": _VERSIONS.get(ssl_object.version()),
        "cipher_suite": None if suite is None else context.suites.get(suite[0]),
    }


def _chain(ssl_object: Any) -> list[bytes]:
    """The verified certificates of the client as DER, its own first, the issuer's root left out
    unless it is the only one; empty if it showed none."""
    leaf = ssl_object.getpeercert(binary_form=True)
    if leaf is None:
        return []
    if hasattr(ssl_object, "get_verified_chain"):
        chain = ssl_object.get_verified_chain()
    else:
        # What Python 3.13 made public
        chain = [each.public_bytes(2) for each in ssl_object._sslobj.get_verified_chain() or ()]
    return list(chain) or [leaf]
