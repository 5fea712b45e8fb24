"""A certificate's fields are read from its DER form, and its subject is written as RFC 4514 wants it."""

import datetime

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from hypothesis import given
from hypothesis import strategies as st

from penstock.transport.tls_certificate import pem_blocks, read, read_pem
from tests import certificates


def subject_of(*relative: list[x509.NameAttribute]) -> str:
    name = x509.Name([x509.RelativeDistinguishedName(each) for each in relative])
    return read(certificates.issue(name).der).subject


def attribute(
    oid: x509.ObjectIdentifier, value: str, kind: _ASN1Type | None = None
) -> x509.NameAttribute:
    return x509.NameAttribute(oid, value, kind)


CN, O, C = x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME, x509.NameOID.COUNTRY_NAME  # noqa: E741


def test_names_are_those_of_the_subject_alternative_name_in_lower_case() -> None:
    issued = certificates.server("Example.test", "*.example.test", "192.0.2.1", "2001:db8::1")
    found = read(issued.der)
    assert found.names == ("example.test", "*.example.test", "192.0.2.1", "2001:db8::1")


def test_without_alternative_names_the_common_name_counts() -> None:
    assert read(certificates.issue(certificates.common_name("Old.test")).der).names == ("old.test",)


def test_the_end_of_its_life_is_told_in_unix_time() -> None:
    issued = certificates.server()
    expected = issued.certificate.not_valid_after_utc.timestamp()
    assert read(issued.der).not_after == expected


def test_a_life_beyond_2050_is_read_too() -> None:
    """RFC 5280 section 4.1.2.5: such times are GeneralizedTime."""
    far = datetime.datetime(2061, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
    issued = certificates.server()
    builder = (
        x509.CertificateBuilder()
        .subject_name(issued.certificate.subject)
        .issuer_name(issued.certificate.subject)
        .public_key(issued.key.public_key())
        .serial_number(1)
        .not_valid_before(far - datetime.timedelta(days=1))
        .not_valid_after(far)
    )
    from cryptography.hazmat.primitives import hashes

    made = certificates.Issued(builder.sign(issued.key, hashes.SHA256()), issued.key)
    assert read(made.der).not_after == far.timestamp()


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "a,b",
        "a+b",
        'a"b',
        "a;b",
        "a<b>",
        "a\\b",
        " edges ",
        "#hash",
        "a=b",
        "Dörte",
        "鍵",
        "x" * 64,
    ],
)
def test_tls_06_the_subject_is_escaped_as_in_rfc_4514(value: str) -> None:
    """TLS-06."""
    attributes = [[attribute(C, "DE")], [attribute(O, "Test, Inc.")], [attribute(CN, value)]]
    name = x509.Name([x509.RelativeDistinguishedName(each) for each in attributes])
    assert subject_of(*attributes) == name.rfc4514_string()


def test_a_control_character_is_escaped() -> None:
    assert subject_of([attribute(CN, "a\nb\x7f")]) == "CN=a\\0ab\\7f"


def test_relative_names_of_several_attributes_are_joined_by_plus() -> None:
    assert subject_of([attribute(C, "DE")], [attribute(CN, "a"), attribute(O, "b")]) in {
        "CN=a+O=b,C=DE",
        "O=b+CN=a,C=DE",
    }


def test_an_attribute_without_a_short_name_is_written_as_it_is_encoded() -> None:
    """RFC 4514 section 2.4."""
    email = x509.NameOID.EMAIL_ADDRESS
    assert subject_of([attribute(email, "a@b")]) == "1.2.840.113549.1.9.1=#1603614062"


def test_a_bmp_string_is_text() -> None:
    assert subject_of([attribute(CN, "Ä", _ASN1Type.BMPString)]) == "CN=Ä"


def test_an_empty_subject_is_empty() -> None:
    assert read(certificates.issue(x509.Name([]), ["a.test"]).der).subject == ""


def test_the_blocks_of_a_pem_file_are_found_among_other_text() -> None:
    issued = certificates.server()
    text = "Bag Attributes\n" + issued.pem + issued.key_pem() + certificates.authority().pem
    assert pem_blocks(text) == [issued.pem, certificates.authority().pem]
    assert read_pem(issued.pem) == read(issued.der)


@given(st.binary(max_size=64))
def test_bytes_that_are_no_certificate_are_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):
        read(data)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_certificate_is_read_or_is_a_value_error(place: int, octet: int) -> None:
    damaged = bytearray(certificates.server().der)
    damaged[place % len(damaged)] = octet
    try:
        read(bytes(damaged))
    except ValueError:
        pass
