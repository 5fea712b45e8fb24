"""The PROXY protocol: what is read, at any cut of the bytes, and what is refused (X05)."""

import struct
from ipaddress import ip_address

import pytest

from penstock.errors import ProtocolError
from penstock.wire.proxy import (
    V1_BYTES_MAX,
    V2_BYTES_MAX,
    V2_SIGNATURE,
    Origin,
    ProxiedTls,
    ProxyReader,
    crc32c,
)

TCP4 = b"PROXY TCP4 192.0.2.1 198.51.100.2 4000 443\r\n"
TCP6 = b"PROXY TCP6 2001:db8::1 2001:db8:0:0:0:0:0:2 4000 443\r\n"
FROM_TCP4 = Origin(True, ("192.0.2.1", 4000), ("198.51.100.2", 443))
FROM_TCP6 = Origin(True, ("2001:db8::1", 4000), ("2001:db8::2", 443))

LOCAL, PROXY = 0x20, 0x21
UNSPEC, INET, INET6, UNIX = 0x00, 0x11, 0x21, 0x31


def v2(command: int, family: int, block: bytes, length: int | None = None) -> bytes:
    size = len(block) if length is None else length
    return V2_SIGNATURE + bytes((command, family)) + size.to_bytes(2, "big") + block


def ips(source: str, destination: str) -> bytes:
    packed = ip_address(source).packed + ip_address(destination).packed
    return packed + struct.pack("!HH", 4000, 443)


def tlv(kind: int, value: bytes) -> bytes:
    return bytes((kind,)) + len(value).to_bytes(2, "big") + value


def unix(path: bytes) -> bytes:
    return b"/from".ljust(108, b"\0") + path.ljust(108, b"\0")


def tls(flags: int = 7, verify: int = 0, inner: bytes = b"") -> bytes:
    return tlv(0x20, bytes((flags,)) + verify.to_bytes(4, "big") + inner)


INET_BLOCK = ips("192.0.2.1", "198.51.100.2")
PLAIN = tls(
    inner=tlv(0x21, b"TLSv1.3") + tlv(0x22, b"alice") + tlv(0x23, b"TLS_AES_128_GCM_SHA256")
)


def checked(block: bytes) -> bytes:
    """A header of version 2 with a checksum that is right."""
    header = v2(PROXY, INET, block + tlv(0x03, bytes(4)))
    return header[:-4] + crc32c(header).to_bytes(4, "big")


def read(data: bytes) -> Origin:
    """Its origin; the same whole with something after it, byte by byte, and in two pieces."""
    rest = b"GET / HTTP/1.1\r\n"
    reader = ProxyReader()
    assert reader.feed(data + rest) == len(data)
    found = reader.origin
    assert found is not None
    reader = ProxyReader()
    for at in range(len(data)):
        assert reader.origin is None
        assert reader.feed(data[at : at + 1]) == 1
    assert reader.origin == found
    reader = ProxyReader()
    assert reader.feed(data[:7]) == 7
    assert reader.feed(data[7:] + rest) == len(data) - 7
    assert reader.origin == found
    return found


def refused(data: bytes) -> str:
    """Why it is refused; whole and byte by byte."""
    with pytest.raises(ProtocolError) as whole:
        ProxyReader().feed(data)
    reader = ProxyReader()
    with pytest.raises(ProtocolError):
        for at in range(len(data)):
            reader.feed(data[at : at + 1])
    return str(whole.value)


@pytest.mark.parametrize(
    "line, origin",
    [
        (TCP4, FROM_TCP4),
        (TCP6, FROM_TCP6),
        (b"PROXY TCP4 0.0.0.0 0.0.0.0 0 65535\r\n", Origin(True, ("0.0.0.0", 0), ("0.0.0.0", 65535))),
        (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", Origin(True, ("192.0.2.1", 1), ("::1", 2))),
        (b"PROXY UNKNOWN\r\n", Origin()),
        (b"PROXY UNKNOWN ffff::1 whatever\0 \x80 else\r\n", Origin()),
        (b"PROXY UNKNOWN " + b"x" * (V1_BYTES_MAX - 16) + b"\r\n", Origin()),
    ],
)  # fmt: skip
def test_a_line_of_version_1_tells_addresses_or_nothing(line: bytes, origin: Origin) -> None:
    """The rest of a connection stays where it is."""
    assert read(line) == origin


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY UNKNOWN " + b"x" * (V1_BYTES_MAX - 15) + b"\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 4000 443\n\r".ljust(V1_BYTES_MAX, b" "),
        b"PROXY TCP4 192.0.2.1 198.51.100.2 4000\r\n",
        b"PROXY TCP4  192.0.2.1 198.51.100.2 4000 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 4000 443 \r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 4000 443\r\n",
        b"PROXY TCP6 192.0.2.1 198.51.100.2 4000 443\r\n",
        b"PROXY TCP6 fe80::1%eth0 fe80::2 4000 443\r\n",
        b"PROXY TCP4 192.0.2.01 198.51.100.2 4000 443\r\n",
        b"PROXY TCP4 localhost 198.51.100.2 4000 443\r\n",
        b"PROXY TCP4 192.0.2.1\xff 198.51.100.2 4000 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 +1 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 04000 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 4000 \r\n",
        b"PROXY UDP4 192.0.2.1 198.51.100.2 4000 443\r\n",
        b"PROXY \r\n",
        b"proxy TCP4 192.0.2.1 198.51.100.2 4000 443\r\n",
        b"PROXY\tTCP4 192.0.2.1 198.51.100.2 4000 443\r\n",
    ],
)
def test_a_line_that_is_odd_in_any_way_is_refused_x05(line: bytes) -> None:
    refused(line)


def test_a_line_without_an_end_is_refused_at_its_limit_and_not_later_x05() -> None:
    reader = ProxyReader()
    start = b"PROXY TCP4 ".ljust(V1_BYTES_MAX - 1, b"1")
    assert reader.feed(start) == len(start)
    with pytest.raises(ProtocolError, match="first 107 bytes"):
        reader.feed(b"1")


@pytest.mark.parametrize(
    "header, origin",
    [
        (v2(PROXY, INET, INET_BLOCK), FROM_TCP4),
        (v2(PROXY, INET6, ips("2001:db8::1", "2001:db8::2")), FROM_TCP6),
        (v2(PROXY, INET6, ips("::ffff:192.0.2.1", "::ffff:198.51.100.2")), FROM_TCP4),
        (v2(PROXY, UNIX, unix(b"/run/front.sock")), Origin(True, None, ("/run/front.sock", None))),
        (v2(PROXY, UNIX, unix(b"")), Origin(True, None, None)),
        (v2(PROXY, UNSPEC, b""), Origin()),
        (v2(LOCAL, UNSPEC, b""), Origin()),
        (v2(LOCAL, INET, INET_BLOCK), Origin()),
        (v2(LOCAL, 0xFF, b"anything"), Origin()),
        (v2(PROXY, INET, INET_BLOCK + tlv(0x02, b"example.org") + tlv(0x05, b"u" * 128)), FROM_TCP4),
        (v2(PROXY, INET, INET_BLOCK + tlv(0xEE, b"x" * (V2_BYTES_MAX - 15))), FROM_TCP4),
        (checked(INET_BLOCK), FROM_TCP4),
        (checked(INET_BLOCK + tlv(0x04, b"padding")), FROM_TCP4),
    ],
)  # fmt: skip
def test_a_header_of_version_2_tells_addresses_or_nothing(header: bytes, origin: Origin) -> None:
    """LOCAL is the proxy's own connection: the addresses of the socket hold (X05)."""
    assert read(header) == origin


@pytest.mark.parametrize(
    "block, found",
    [
        (PLAIN, ProxiedTls("TLSv1.3", "TLS_AES_128_GCM_SHA256", True, True, "alice")),
        (tls(flags=1, verify=1), ProxiedTls("", "", False, False, "")),
        (tls(flags=5, verify=20, inner=tlv(0x22, b"eve")), ProxiedTls("", "", True, False, "eve")),
        (tls(flags=0), None),
        (b"", None),
    ],
)
def test_tls_between_client_and_proxy_is_told_and_who_the_client_is(
    block: bytes, found: ProxiedTls | None
) -> None:
    assert read(v2(PROXY, INET, INET_BLOCK + block)).tls == found
    assert read(v2(PROXY, UNSPEC, block)) == Origin(tls=found)


def test_what_the_proxy_says_of_itself_is_not_kept_x07() -> None:
    """No log can tell a unique id or an authority that nothing holds."""
    block = INET_BLOCK + tlv(0x02, b"secret.example") + tlv(0x05, b"secret-id") + tlv(0x30, b"ns")
    assert "secret" not in repr(read(v2(PROXY, INET, block)))


@pytest.mark.parametrize(
    "header",
    [
        v2(0x11, INET, INET_BLOCK),
        v2(0x22, INET, INET_BLOCK),
        v2(PROXY, 0x12, INET_BLOCK),
        v2(PROXY, 0x41, INET_BLOCK),
        v2(PROXY, 0x01, b""),
        v2(PROXY, INET, INET_BLOCK[:-1]),
        v2(PROXY, UNIX, unix(b"/s")[:-1]),
        v2(PROXY, INET, INET_BLOCK + tlv(0x02, b"abc")[:-1]),
        v2(PROXY, INET, INET_BLOCK + b"\x02"),
        v2(PROXY, INET, INET_BLOCK + b"\x02\x00"),
        v2(PROXY, INET, INET_BLOCK + tlv(0x20, b"\x01\x00\x00\x00")),
        v2(PROXY, INET, INET_BLOCK + tls(inner=tlv(0x22, b"abc")[:-1])),
        v2(PROXY, INET, INET_BLOCK + tlv(0x05, b"u" * 129)),
        v2(PROXY, INET, INET_BLOCK + tlv(0x03, b"\x00\x00\x00\x00")),
        v2(PROXY, INET, INET_BLOCK + tlv(0x03, b"\x00")),
        checked(INET_BLOCK)[:-1] + b"\xff",
    ],
)
def test_a_header_of_version_2_that_is_odd_in_any_way_is_refused_x05(header: bytes) -> None:
    refused(header)


@pytest.mark.parametrize("command", [LOCAL, PROXY])
def test_a_header_that_announces_more_than_is_read_is_refused_at_once_x05(command: int) -> None:
    for length in (V2_BYTES_MAX + 1, 65535):
        assert f"{length} bytes" in refused(v2(command, INET, b"", length))


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00\x01", b"\r\n\r\nGET /", b"\0", b"Q"]
)
def test_a_missing_header_is_told_at_its_first_wrong_byte_x05(data: bytes) -> None:
    assert "no PROXY header" in refused(data)


def test_what_came_in_its_place_is_shown_escaped_and_cut() -> None:
    reason = refused(b"\x1b[31mGET /" + b"x" * 100)
    assert "\x1b" not in reason
    assert len(reason) < 100


def test_the_checksum_is_that_of_the_specification() -> None:
    """RFC 3720 appendix B.4: 32 bytes of zeros, of ones, and counted up."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
