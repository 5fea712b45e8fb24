"""What a certificate says, read from its DER form (X.509, RFC 5280; X.690).

The standard library tells a certificate's fields only for one that a peer has shown, and without
the exact values that RFC 4514 wants. Everything here is pure, and raises ValueError for bytes that
are no certificate.
"""

import calendar
import ipaddress
import re
import ssl
import time
from collections.abc import Iterator
from typing import NamedTuple

_BLOCK = re.compile(
    r"-----BEGIN CERTIFICATE-----\s.+?\s-----END CERTIFICATE-----", re.DOTALL | re.ASCII
)

# Universal tags (X.690 section 8, X.680 section 8.6)
_OID = 0x06
_UTC_TIME = 0x17
_VERSION = 0xA0
_EXTENSIONS = 0xA3
# GeneralName's choices (RFC 5280 section 4.2.1.6)
_DNS_NAME = 0x82
_IP_ADDRESS = 0x87

_SUBJECT_ALT_NAME = "2.5.29.17"
_COMMON_NAME = "2.5.4.3"
# RFC 4514 section 3: the names that every implementation must know
_SHORT = {
    _COMMON_NAME: "CN",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.6": "C",
    "2.5.4.9": "STREET",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
_TEXT_CODECS = {
    0x0C: "utf-8",  # UTF8String
    0x12: "ascii",  # NumericString
    0x13: "ascii",  # PrintableString
    0x14: "latin-1",  # TeletexString, as everybody reads it
    0x16: "ascii",  # IA5String
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
_ESCAPED = frozenset('"+,;<>\\')


class Certificate(NamedTuple):
    """`subject`: as RFC 4514 writes it. `names`: the DNS names and IP addresses that it is for, in
    lower case; those of the subject if it has no others. `not_after`: Unix time of its end."""

    subject: str
    names: tuple[str, ...]
    not_after: float


class _Element(NamedTuple):
    tag: int
    content: bytes
    encoded: bytes


def pem_blocks(text: str) -> list[str]:
    """The certificates of a PEM text, each as it stands there."""
    return [block + "\n" for block in _BLOCK.findall(text)]


def read_pem(block: str) -> Certificate:
    """What the certificate of one PEM block says."""
    return read(ssl.PEM_cert_to_DER_cert(block))


def read(der: bytes) -> Certificate:
    """What a certificate says."""
    whole = _only(der)
    fields = list(_elements(next(_elements(whole.content)).content))
    if fields and fields[0].tag == _VERSION:
        del fields[0]
    # TBSCertificate: serialNumber, signature, issuer, validity, subject, key, ...
    if len(fields) < 6:
        raise ValueError("a certificate has more fields")
    validity = list(_elements(fields[3].content))
    if len(validity) != 2:
        raise ValueError("a certificate's validity has two ends")
    relative = [list(_elements(each.content)) for each in _elements(fields[4].content)]
    names = _alternative_names(fields)
    if not names:
        names = [text for each in relative for text in _common_names(each)]
    return Certificate(
        ",".join(_relative_name(each) for each in reversed(relative)),
        tuple(dict.fromkeys(names)),
        _time(validity[1]),
    )


def _elements(data: bytes) -> Iterator[_Element]:
    """The elements that follow one another in `data` (X.690 section 8.1, definite lengths only)."""
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise ValueError("an element is cut")
        tag, length, start = data[at], data[at + 1], at + 2
        if length & 0x80:
            octets = length & 0x7F
            if not 1 <= octets <= 4 or start + octets > len(data):
                raise ValueError("a length is none")
            length = int.from_bytes(data[start : start + octets])
            start += octets
        end = start + length
        if end > len(data):
            raise ValueError("an element is cut")
        yield _Element(tag, data[start:end], data[at:end])
        at = end


def _only(der: bytes) -> _Element:
    found = list(_elements(der))
    if len(found) != 1 or not found[0].content:
        raise ValueError("this is no certificate")
    return found[0]


def _oid(content: bytes) -> str:
    """An object identifier in dots (X.690 section 8.19)."""
    parts: list[int] = []
    value = 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            parts.append(value)
            value = 0
    if not parts:
        raise ValueError("an object identifier is empty")
    first = min(parts[0] // 40, 2)
    return ".".join(map(str, (first, parts[0] - 40 * first, *parts[1:])))


def _time(element: _Element) -> float:
    """UTCTime or GeneralizedTime, in UTC as RFC 5280 section 4.1.2.5 wants it."""
    text = element.content.decode("ascii")
    if element.tag == _UTC_TIME:
        # Years from 50 on are of the last century
        text = ("19" if text[:2] >= "50" else "20") + text
    return calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ"))


def _alternative_names(fields: list[_Element]) -> list[str]:
    """The DNS names and IP addresses of subjectAltName."""
    names: list[str] = []
    for field in fields[6:]:
        if field.tag != _EXTENSIONS:
            continue
        for extension in _elements(_only(field.content).content):
            parts = list(_elements(extension.content))
            if len(parts) < 2 or _oid(parts[0].content) != _SUBJECT_ALT_NAME:
                continue
            for name in _elements(_only(parts[-1].content).content):
                if name.tag == _DNS_NAME:
                    names.append(name.content.decode("ascii").lower())
                elif name.tag == _IP_ADDRESS:
                    names.append(str(ipaddress.ip_address(name.content)))
    return names


def _common_names(relative: list[_Element]) -> Iterator[str]:
    for attribute in relative:
        kind, value = _elements(attribute.content)
        if _oid(kind.content) == _COMMON_NAME:
            yield _text(value).lower()


def _text(value: _Element) -> str:
    return value.content.decode(_TEXT_CODECS.get(value.tag, "utf-8"), "replace")


def _relative_name(relative: list[_Element]) -> str:
    """RFC 4514 section 2.2: the attributes of one RelativeDistinguishedName, joined by `+`."""
    parts = []
    for attribute in relative:
        kind, value = _elements(attribute.content)
        if kind.tag != _OID:
            raise ValueError("an attribute has no type")
        oid = _oid(kind.content)
        short = _SHORT.get(oid)
        if short is None or value.tag not in _TEXT_CODECS:
            # Section 2.4: what has no name of its own is written as it is encoded
            parts.append(f"{short or oid}=#{value.encoded.hex()}")
        else:
            parts.append(f"{short}={escaped(_text(value))}")
    return "+".join(parts)


def escaped(text: str) -> str:
    """RFC 4514 section 2.4; control characters too, since the name will be written to logs."""
    found = []
    for index, character in enumerate(text):
        at_edge = index in {0, len(text) - 1}
        if character in _ESCAPED or (character == " " and at_edge):
            found.append("\\" + character)
        elif character == "#" and index == 0:
            found.append("\\#")
        elif character < " " or character == "\x7f":
            found.append(f"\\{ord(character):02x}")
        else:
            found.append(character)
    return "".join(found)
