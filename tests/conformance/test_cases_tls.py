"""Each case about the `tls` extension fails on a server that is wrong in just that."""

from typing import Any

import pytest

from tests.conformance.crooked import Crooked, Fault, rescope, unseen

pytestmark = pytest.mark.slow
ELSEWHERE = ("none_in_lifespan",)


def _tls(**changes: Any) -> Fault:
    def change(scope: Any) -> Any:
        extensions = dict(scope.get("extensions") or {})
        extensions["tls"] = {**extensions.get("tls", {}), **changes}
        return {**scope, "extensions": extensions}

    return rescope(change)


def _without(key: str) -> Fault:
    def change(scope: Any) -> Any:
        entry = {k: v for k, v in scope["extensions"]["tls"].items() if k != key}
        return {**scope, "extensions": {**scope["extensions"], "tls": entry}}

    return rescope(change)


FAULTS = {
    "none_without_tls": _tls(),
    "mandatory_keys": _without("cipher_suite"),
    "server_certificate": _tls(server_cert="another"),
    "no_client_certificate": _tls(client_cert_chain=["one"]),
    "no_client_name": _tls(client_cert_name="CN=somebody"),
    "no_client_error": _tls(client_cert_error=""),
    "version": _tls(tls_version=0x0302),
    "cipher_suite": _tls(cipher_suite=1),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "tls", FAULTS, ELSEWHERE) == {}
