"""The `tls` extension of a client whose TLS ended at a proxy."""

from typing import Any

import pytest

from penstock.transport.proxied_tls import ProxiedTlsInfo
from penstock.wire.proxy import ProxiedTls

NOTHING = {
    "server_cert": None,
    "client_cert_chain": [],
    "client_cert_name": None,
    "client_cert_error": None,
    "tls_version": None,
    "cipher_suite": None,
}


@pytest.mark.parametrize(
    "told, found",
    [
        (ProxiedTls("", "", False, False, ""), {}),
        (
            ProxiedTls("TLSv1.3", "TLS_AES_128_GCM_SHA256", False, False, ""),
            {"tls_version": 0x0304, "cipher_suite": 0x1301},
        ),
        (ProxiedTls("TLSv1.1", "NONSENSE", False, False, ""), {}),
        (ProxiedTls("", "", True, True, "alice"), {"client_cert_name": "CN=alice"}),
        (ProxiedTls("", "", True, True, "a,b\n"), {"client_cert_name": "CN=a\\,b\\0a"}),
        (ProxiedTls("", "", True, True, ""), {}),
        (
            ProxiedTls("", "", True, False, "eve"),
            {"client_cert_error": "the proxy could not verify it"},
        ),
    ],
)
def test_the_entry_says_what_the_proxy_said_and_nothing_else(
    told: ProxiedTls, found: dict[str, Any]
) -> None:
    """TLS-03, TLS-07 to TLS-10; a name that was not verified is not told."""
    assert ProxiedTlsInfo(told).entry() == {**NOTHING, **found}


def test_each_request_has_an_entry_of_its_own() -> None:
    """SCOPE-08."""
    info = ProxiedTlsInfo(ProxiedTls("TLSv1.2", "", False, False, ""))
    first = info.entry()
    first["tls_version"] = None
    first["client_cert_chain"].append("mine")
    assert info.entry() == {**NOTHING, "tls_version": 0x0303}
