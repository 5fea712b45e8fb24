"""Cases: the `tls` extension, where the live scope offers it (section 19)."""

import re
import ssl
from typing import Any

from penstock.conformance.client_http1 import Wire
from penstock.conformance.server_certificate import CERTIFICATE
from penstock.conformance.server_trial import MUST, Trial, case

_KEYS = ("server_cert", "tls_version", "cipher_suite")
_VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


def _entry(t: Trial) -> tuple[dict[str, Any], Wire]:
    """What the scope says of one connection, and the connection."""
    t.announced("tls")
    wire = t.connect()
    wire.send(t.request())
    wire.response()
    return dict(t.call().scope["extensions"]["tls"]), wire


@case("TLS-01", MUST, "There is no `tls` on a connection without TLS")
def none_without_tls(t: Trial) -> None:
    t.ask()
    extensions = t.call().scope.get("extensions") or {}
    t.check("tls" not in extensions, "no tls", extensions)


@case("TLS-03", MUST, "server_cert, tls_version and cipher_suite are there", on="tls")
def mandatory_keys(t: Trial) -> None:
    entry, _ = _entry(t)
    lacking = [key for key in _KEYS if key not in entry]
    t.check(not lacking, "all three", f"without {', '.join(lacking)}")


@case("TLS-04", MUST, "server_cert is the certificate that the server showed, as PEM", on="tls")
def server_certificate(t: Trial) -> None:
    entry, _ = _entry(t)
    shown = entry.get("server_cert")
    if shown is not None:
        t.check(type(shown) is str, "a str", type(shown))
        one = re.sub(r"\s", "", shown)
        t.check(one == re.sub(r"\s", "", CERTIFICATE), "the certificate", shown)


@case("TLS-05", MUST, "client_cert_chain is empty without a client certificate", on="tls")
def no_client_certificate(t: Trial) -> None:
    entry, _ = _entry(t)
    t.equal(list(entry.get("client_cert_chain") or ()), [])


@case("TLS-06", MUST, "client_cert_name is None without a client certificate", on="tls")
def no_client_name(t: Trial) -> None:
    entry, _ = _entry(t)
    t.equal(entry.get("client_cert_name"), None)


@case("TLS-08", MUST, "client_cert_error is None without a client certificate", on="tls")
def no_client_error(t: Trial) -> None:
    entry, _ = _entry(t)
    t.equal(entry.get("client_cert_error"), None)


@case("TLS-09", MUST, "tls_version is the protocol's number", on="tls")
def version(t: Trial) -> None:
    entry, wire = _entry(t)
    assert isinstance(wire.sock, ssl.SSLSocket)
    spoken = wire.sock.version() or ""
    if entry.get("tls_version") is not None:
        t.equal(entry["tls_version"], _VERSIONS[spoken], spoken)


@case("TLS-10", MUST, "cipher_suite is the suite's number", on="tls")
def cipher_suite(t: Trial) -> None:
    entry, wire = _entry(t)
    assert isinstance(wire.sock, ssl.SSLSocket)
    cipher = wire.sock.cipher()
    name = cipher[0] if cipher else ""
    known = {each["name"]: int(each["id"]) & 0xFFFF for each in wire.sock.context.get_ciphers()}
    if entry.get("cipher_suite") is not None:
        t.equal(entry["cipher_suite"], known[name], name)


@case("TLS-12", MUST, "There is no `tls` in the lifespan scope", on="tls")
def none_in_lifespan(t: Trial) -> None:
    scopes = [seen.scope for seen in t.lifespan()]
    found = [scope for scope in scopes if "tls" in (scope.get("extensions") or {})]
    t.check(not found, "no tls", found)
