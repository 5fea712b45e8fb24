"""Contexts are made of certificates as the options say, and what is wrong with them is said."""

import os
import ssl
from pathlib import Path
from typing import Any

import pytest

from penstock.config import Config
from penstock.errors import UsageError
from penstock.transport.tls_context import Certificates, load
from tests import certificates

Notes = list[tuple[str, str]]


def loaded(notes: Notes | None = None, **options: Any) -> Certificates:
    found: Notes = [] if notes is None else notes
    return load(Config(None, **options), lambda level, text: found.append((level, text)))


def complaint(**options: Any) -> UsageError:
    with pytest.raises(UsageError) as seen:
        loaded(**options)
    assert certificates.PASSWORD not in str(seen.value) + seen.value.hint
    assert seen.value.hint
    return seen.value


def test_the_certificate_is_shown_as_it_stands_in_its_file(tmp_path: Path) -> None:
    """TLS-04."""
    context = loaded(**certificates.files(tmp_path)).default
    assert context.pem == certificates.server().pem
    assert "localhost" in context.certificate.names


def test_z01_only_1_2_and_1_3_are_spoken(tmp_path: Path) -> None:
    options = certificates.files(tmp_path)
    assert loaded(**options).default.minimum_version == ssl.TLSVersion.TLSv1_2
    newer = loaded(**options, ssl_min_version="1.3").default
    assert newer.minimum_version == ssl.TLSVersion.TLSv1_3


def test_z01_every_suite_has_forward_secrecy_and_authenticated_encryption(tmp_path: Path) -> None:
    suites = loaded(**certificates.files(tmp_path)).default.get_ciphers()
    assert {suite["protocol"] for suite in suites} == {"TLSv1.2", "TLSv1.3"}
    for suite in suites:
        assert suite["aead"]
        assert suite["protocol"] == "TLSv1.3" or suite["kea"] == "kx-ecdhe"


def test_z01_no_compression_and_no_renegotiation(tmp_path: Path) -> None:
    """CVE-2012-4929, CVE-2011-1473."""
    options = loaded(**certificates.files(tmp_path)).default.options
    assert options & ssl.OP_NO_COMPRESSION
    assert options & ssl.OP_NO_RENEGOTIATION


def test_ciphers_can_be_chosen(tmp_path: Path) -> None:
    options = certificates.files(tmp_path)
    context = loaded(**options, ssl_ciphers="ECDHE+CHACHA20").default
    old = [each["name"] for each in context.get_ciphers() if each["protocol"] == "TLSv1.2"]
    assert old and all("CHACHA20" in name for name in old)
    assert "names no cipher suite" in str(complaint(**options, ssl_ciphers="NONSENSE"))


def test_suites_have_their_registered_numbers(tmp_path: Path) -> None:
    """TLS-10."""
    suites = loaded(**certificates.files(tmp_path)).default.suites
    assert suites["TLS_AES_128_GCM_SHA256"] == 0x1301
    assert suites["ECDHE-ECDSA-AES128-GCM-SHA256"] == 0xC02B


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    options = certificates.files(tmp_path)
    missing = str(tmp_path / "none.pem")
    assert f"certificate {missing} cannot be read" in str(
        complaint(ssl_certfile=missing, ssl_keyfile=options["ssl_keyfile"])
    )
    assert f"key {missing} cannot be read" in str(
        complaint(ssl_certfile=options["ssl_certfile"], ssl_keyfile=missing)
    )


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    options = certificates.files(tmp_path)
    certfile, keyfile = options["ssl_certfile"], options["ssl_keyfile"]
    error = complaint(ssl_certfile=keyfile, ssl_keyfile=certfile)
    assert f"{keyfile} holds no certificate" in str(error)
    assert f"{certfile} holds no private key" in str(complaint(ssl_certfile=certfile))


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    issued = certificates.server()
    lines = issued.pem.splitlines(keepends=True)
    certfile = certificates.write(tmp_path / "cut.pem", *lines[:2], *lines[-1:])
    keyfile = certificates.write(tmp_path / "server.key", issued.key_pem())
    assert certfile in str(complaint(ssl_certfile=certfile, ssl_keyfile=keyfile))


def test_the_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    one = certificates.files(tmp_path)
    other = certificates.files(tmp_path, certificates.server("other.test"), "other")
    error = complaint(ssl_certfile=one["ssl_certfile"], ssl_keyfile=other["ssl_keyfile"])
    assert "is not that of the certificate" in str(error)


def test_z08_a_key_opens_with_its_password_only(tmp_path: Path) -> None:
    issued = certificates.server()
    options = {
        "ssl_certfile": certificates.write(tmp_path / "server.pem", issued.pem),
        "ssl_keyfile": certificates.write(
            tmp_path / "server.key", issued.key_pem(certificates.PASSWORD)
        ),
    }
    assert loaded(**options, ssl_keyfile_password=certificates.PASSWORD)
    assert "it has a password" in str(complaint(**options))
    assert "its password is another one" in str(complaint(**options, ssl_keyfile_password="wrong"))


def test_z08_a_key_that_all_may_read_is_warned_of(tmp_path: Path) -> None:
    notes: Notes = []
    options = certificates.files(tmp_path)
    loaded(notes, **options)
    assert notes == []
    os.chmod(options["ssl_keyfile"], 0o644)
    loaded(notes, **options)
    [(level, text)] = notes
    assert level == "warning" and "Every user of this machine can read the key" in text


def test_an_expired_certificate_is_warned_of(tmp_path: Path) -> None:
    notes: Notes = []
    loaded(notes, **certificates.files(tmp_path, certificates.client(expired=True)))
    assert [level for level, _ in notes] == ["warning"]
    assert "has expired" in notes[0][1]


def test_the_certificate_is_chosen_by_name_and_the_first_is_the_default(tmp_path: Path) -> None:
    one = certificates.files(tmp_path, certificates.server("one.test"), "one")
    two = certificates.files(tmp_path, certificates.server("two.test", "*.two.test"), "two")
    found = loaded(**{key: [one[key], two[key]] for key in one})
    first, second = found.contexts
    for name, context in {
        "one.test": first,
        "two.test": second,
        "a.two.test": second,
        "a.b.two.test": first,
        "other.test": first,
        "": first,
    }.items():
        assert found.choose(name) is context, name
    assert found.covers("a.two.test") and not found.covers("other.test")


def test_z05_client_certificates_are_asked_for_as_the_options_say(tmp_path: Path) -> None:
    options = certificates.files(tmp_path)
    authority = certificates.write(tmp_path / "ca.pem", certificates.authority().pem)
    assert loaded(**options).default.verify_mode == ssl.CERT_NONE
    for word, mode in (
        ("optional", ssl.CERT_OPTIONAL),
        ("required", ssl.CERT_REQUIRED),
        (ssl.CERT_REQUIRED, ssl.CERT_REQUIRED),
        ("1", ssl.CERT_OPTIONAL),
        ("CERT_REQUIRED", ssl.CERT_REQUIRED),
    ):
        context = loaded(**options, ssl_cert_reqs=word, ssl_ca_certs=authority).default
        assert context.verify_mode == mode
        assert context.num_tickets == 0 and context.options & ssl.OP_NO_TICKET
        assert not context.verify_flags & ssl.VERIFY_CRL_CHECK_LEAF


def test_z05_what_client_certificates_are_checked_against_must_be_there(tmp_path: Path) -> None:
    options = {**certificates.files(tmp_path), "ssl_cert_reqs": "required"}
    assert "needs the certificates to check against" in str(complaint(**options))
    missing = str(tmp_path / "none.pem")
    assert missing in str(complaint(**options, ssl_ca_certs=missing))
    assert "--ssl-ca-certs" in str(complaint(**options, ssl_ca_certs=options["ssl_keyfile"]))


def test_z05_a_list_of_revoked_certificates_is_used(tmp_path: Path) -> None:
    authority = certificates.authority()
    options = {
        **certificates.files(tmp_path),
        "ssl_cert_reqs": "required",
        "ssl_ca_certs": certificates.write(tmp_path / "ca.pem", authority.pem),
    }
    crl = certificates.write(tmp_path / "crl.pem", certificates.revocations(authority))
    assert loaded(**options, ssl_crl=crl).default.verify_flags & ssl.VERIFY_CRL_CHECK_LEAF
    with pytest.raises(UsageError, match="holds no CRL"):
        loaded(**options, ssl_crl=options["ssl_ca_certs"])
