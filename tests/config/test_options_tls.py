"""Options of TLS: both families of spellings, several certificates, and a password that is never shown."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from penstock.cli.command import known_flags
from penstock.config import Config, sources
from penstock.config.options import BY_NAME
from penstock.errors import UsageError

SECRET = "correct horse"


def config(**options: Any) -> Config:
    return Config(None, **options)


def test_uvicorns_gunicorns_hypercorns_and_granians_spellings_are_known() -> None:
    assert known_flags() >= {
        "--ssl-certfile", "--ssl-keyfile", "--ssl-keyfile-password", "--ssl-ca-certs",
        "--ssl-cert-reqs", "--ssl-ciphers",
        "--certfile", "--keyfile", "--keyfile-password", "--ca-certs", "--cert-reqs", "--ciphers",
        "--verify-mode", "--ssl-certificate", "--ssl-ca", "--ssl-crl", "--ssl-protocol-min",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("/a b/c,d.pem", ("/a b/c,d.pem",)),
        ("a.pem:b.pem", ("a.pem", "b.pem")),
        (["a.pem", Path("b.pem")], ("a.pem", "b.pem")),
        (Path("a.pem"), ("a.pem",)),
    ],
)
def test_certificates_may_be_several(raw: Any, expected: tuple[str, ...]) -> None:
    assert config(ssl_certfile=raw).ssl_certfile == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (0, "none"), ("1", "optional"), (ssl.CERT_REQUIRED, "required"), ("CERT_OPTIONAL", "optional"),
        ("none", "none"),
    ],
)  # fmt: skip
def test_the_demand_for_client_certificates_is_understood_in_each_form(
    raw: Any, expected: str
) -> None:
    assert config(ssl_cert_reqs=raw).ssl_cert_reqs == expected


def test_another_number_is_none_of_its_forms() -> None:
    for raw in (3, True):
        with pytest.raises(UsageError, match="is not one of none, optional, required"):
            config(ssl_cert_reqs=raw)


def test_the_oldest_version_is_understood_in_each_form() -> None:
    for raw in ("1.3", "TLSv1.3", "tls1.3", "TLSv1_3"):
        assert config(ssl_min_version=raw).ssl_min_version == "1.3"
    with pytest.raises(UsageError, match=r"not one of 1\.2, 1\.3"):
        config(ssl_min_version="1.1")


def test_z08_the_password_is_never_shown() -> None:
    made = config(ssl_keyfile_password=SECRET)
    assert made.ssl_keyfile_password == SECRET
    assert SECRET not in repr(made) and "ssl_keyfile_password=(hidden)" in repr(made)
    assert BY_NAME["ssl_keyfile_password"].show(SECRET) == "(hidden)"
    for wrong in (SECRET + "\0", [SECRET]):
        with pytest.raises(UsageError) as seen:
            config(ssl_keyfile_password=wrong)
        assert SECRET not in str(seen.value)


def test_a_certificate_makes_every_tcp_bind_https() -> None:
    made = config(ssl_certfile="c.pem", bind=["127.0.0.1:1", "[::1]:2", "unix:/s", "fd://3"])
    assert [bind.tls for bind in made.listeners] == [True, True, False, True]
    assert all(bind.tls for bind in config(ssl_cert_dir="/certs").listeners)
    assert all(bind.tls for bind in config(dev_cert=True).listeners)


def test_where_a_bind_asks_for_tls_the_others_stay_plain() -> None:
    made = config(ssl_certfile="c.pem", bind=["127.0.0.1:1", "127.0.0.1:2?tls", "unix:/s?tls"])
    assert [bind.tls for bind in made.listeners] == [False, True, True]


def test_a_bind_with_redirect_stays_plain_and_the_rest_is_https() -> None:
    made = config(ssl_certfile="c.pem", bind=[":80?redirect", ":443"])
    assert [(bind.tls, bind.redirect) for bind in made.listeners] == [(False, True), (True, False)]
    both = config(ssl_certfile="c.pem", bind=":443?tls&redirect").listeners[0]
    assert both.tls and both.redirect


def test_a_redirect_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(UsageError, match="no other bind speaks it"):
        config(ssl_certfile="c.pem", bind=":80?redirect")


@pytest.mark.parametrize("bind", [":443?tls", ":80?redirect"])
def test_a_bind_that_needs_a_certificate_says_so(bind: str) -> None:
    with pytest.raises(UsageError, match="needs a certificate") as seen:
        config(bind=bind)
    assert "--ssl-certfile" in seen.value.hint and "--dev-cert" in seen.value.hint


def test_a_variable_holds_paths_as_path_does(tmp_path: Path) -> None:
    environ = {"PENSTOCK_SSL_CERTFILE": "/a b.pem:/c.pem"}
    found, _ = sources.load({}, environ, tmp_path)
    assert found.ssl_certfile == ("/a b.pem", "/c.pem")
