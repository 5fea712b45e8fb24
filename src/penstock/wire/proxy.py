"""The PROXY protocol, versions 1 and 2: what a proxy says of a connection before its first byte.

Section numbers are those of HAProxy's text, https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt.
Sans-IO: the bytes come in by `ProxyReader.feed`, which says how many of them are the header's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from penstock.asgi import Address
from penstock.errors import ProtocolError

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

# Section 2.1: the longest line there can be, with its CR LF.
V1_BYTES_MAX = 107
# Section 2.2 allows 65,535 bytes after the first 16. Addresses and all TLVs that are defined fit in
# far less; the bound keeps a connection that is nobody's yet from holding 64 KiB.
V2_BYTES_MAX = 4096
V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"

_V1_START = b"PROXY "
_V2_FIXED_BYTES = 16
# Of what came in place of a header, as much is shown.
_SHOWN_BYTES = 12

# Section 2.2.1, Type-Length-Value
_TLV_CRC32C = 0x03
_TLV_UNIQUE_ID = 0x05
_TLV_SSL = 0x20
_TLV_SSL_VERSION = 0x21
_TLV_SSL_CN = 0x22
_TLV_SSL_CIPHER = 0x23
_UNIQUE_ID_BYTES_MAX = 128
_CLIENT_SSL, _CLIENT_CERT_CONN, _CLIENT_CERT_SESS = 0x01, 0x02, 0x04
# The Castagnoli polynomial of CRC32C, reflected (RFC 9260 appendix B).
_CRC32C_POLYNOMIAL = 0x82F63B78


class ProxiedTls(NamedTuple):
    """The TLS between client and proxy: `version` as OpenSSL names it ("TLSv1.3"), `cipher`; both ""
    where the proxy does not say.

    `certificate`: the client has shown one. `verified`: the proxy found it good; `common_name` is
    its subject's CN, and only then means anything.
    """

    version: str
    cipher: str
    certificate: bool
    verified: bool
    common_name: str


class Origin(NamedTuple):
    """What a PROXY header says of its connection.

    - `told`: False where it says nothing of the addresses (LOCAL, a health check of the proxy
      itself; UNKNOWN): then those of the socket hold.
    - `client`, `server`: as in a scope; for Unix sockets None, and (path, None).
    - `tls`: None where the client spoke plain to the proxy, or the proxy does not say.

    Other TLVs (unique id, authority, ALPN, network namespace) are checked for their form and not
    kept, so nothing can log them (X07).
    """

    told: bool = False
    client: Address | None = None
    server: Address | None = None
    tls: ProxiedTls | None = None


class ProxyReader:
    """Reads one header from bytes that come in pieces of any size.

    `origin` is None until the header is whole. Holds at most V2_BYTES_MAX bytes and 16.
    """

    __slots__ = ("_held", "origin")

    def __init__(self) -> None:
        self._held = b""
        self.origin: Origin | None = None

    def feed(self, data: bytes) -> int:
        """Take the next bytes; returns how many of them, from the first, are the header's.

        Not to be called again once `origin` is there. Raises ProtocolError for what is no header,
        as early as that can be told.
        """
        before = len(self._held)
        have = self._held + data
        old = have[:1] == _V1_START[:1]
        length = _v1_length(have) if old else _v2_length(have)
        if length > len(have):
            self._held = have
            return len(data)
        header = have[:length]
        self.origin = _parse_v1(header) if old else _parse_v2(header)
        self._held = b""
        return length - before


def _missing(have: bytes) -> ProtocolError:
    shown = have[:_SHOWN_BYTES]
    return ProtocolError(f"no PROXY header, it begins with {shown!r}", "PROXY protocol 2")


def _broken(what: str) -> ProtocolError:
    return ProtocolError(f"a PROXY header {what}", "PROXY protocol 2")


def _v1_length(have: bytes) -> int:
    """The length of the line; one more than what is there while its end has not come."""
    if have[: len(_V1_START)] != _V1_START[: len(have)]:
        raise _missing(have)
    end = have.find(b"\r\n", 0, V1_BYTES_MAX)
    if end >= 0:
        return end + 2
    if len(have) >= V1_BYTES_MAX:
        raise _broken(f"without an end in its first {V1_BYTES_MAX} bytes")
    return len(have) + 1


def _parse_v1(line: bytes) -> Origin:
    """Section 2.1: PROXY SP protocol SP source SP destination SP port SP port CRLF."""
    words = line[:-2].split(b" ")
    if words[1] == b"UNKNOWN":
        return Origin()
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise _broken("of version 1 that is not PROXY TCP4|TCP6 and two addresses and ports")
    version = 4 if words[1] == b"TCP4" else 6
    source, destination = (_ip_of_text(word, version) for word in words[2:4])
    source_port, destination_port = (_port(word) for word in words[4:6])
    return Origin(True, (source, source_port), (destination, destination_port))


def _ip_of_text(word: bytes, version: int) -> str:
    from ipaddress import ip_address  # only who speaks this protocol pays for it

    try:
        address = ip_address(word.decode("ascii"))
    except ValueError:
        raise _broken("of version 1 with something in place of an address") from None
    if address.version != version or (address.version == 6 and address.scope_id is not None):
        raise _broken("of version 1 whose addresses are not of the family that it names")
    return _as_ipv4(address)


def _port(word: bytes) -> int:
    if not (word.isdigit() and len(word) <= 5 and int(word) <= 65535) or (
        len(word) > 1 and word[:1] == b"0"
    ):
        raise _broken("of version 1 with something in place of a port")
    return int(word)


def _v2_length(have: bytes) -> int:
    """The length of the header; more than what is there while it is not known, or not all there."""
    if have[: len(V2_SIGNATURE)] != V2_SIGNATURE[: len(have)]:
        raise _missing(have)
    if len(have) < _V2_FIXED_BYTES:
        return _V2_FIXED_BYTES
    if have[12] >> 4 != 2 or have[12] & 0x0F > 1:
        raise _broken(f"of an unknown version or command ({have[12]:#04x})")
    length = int.from_bytes(have[14:16], "big")
    if length > V2_BYTES_MAX:
        raise _broken(f"of {length} bytes, and at most {V2_BYTES_MAX} are read")
    return _V2_FIXED_BYTES + length


def _parse_v2(header: bytes) -> Origin:
    """Section 2.2: signature, version and command, family and protocol, length, addresses, TLVs."""
    if header[12] & 0x0F == 0:
        # LOCAL: the rest is to be passed over, whatever it is
        return Origin()
    family, block = header[13], header[_V2_FIXED_BYTES:]
    sizes = {0x00: 0, 0x11: 12, 0x21: 36, 0x31: 216}
    if family not in sizes:
        raise _broken(f"of a family and protocol that carry no HTTP ({family:#04x})")
    size = sizes[family]
    if len(block) < size:
        raise _broken("that ends within its addresses")
    tls = _tls_of(header, _V2_FIXED_BYTES + size)
    if family == 0x31:
        path = block[108:216].partition(b"\x00")[0].decode("utf-8", "backslashreplace")
        return Origin(True, None, (path, None) if path else None, tls)
    if family == 0x00:
        return Origin(tls=tls)
    each = (size - 4) // 2
    source, destination = block[:each], block[each : 2 * each]
    ports = block[2 * each : size]
    return Origin(
        True,
        (_ip_of_bytes(source), int.from_bytes(ports[:2], "big")),
        (_ip_of_bytes(destination), int.from_bytes(ports[2:], "big")),
        tls,
    )


def _ip_of_bytes(packed: bytes) -> str:
    from ipaddress import ip_address

    return _as_ipv4(ip_address(packed))


def _as_ipv4(address: IPv4Address | IPv6Address) -> str:
    """An address as text; the IPv4 one in a mapped IPv6 address, which proxies write where only one
    side of a connection is IPv4 (X04)."""
    mapped = address.ipv4_mapped if address.version == 6 else None
    return str(mapped or address)


def _tlvs(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Type, and first and last offset, of each of the TLVs in `data[start:end]`."""
    while start < end:
        first = start + 3
        if first > end or first + int.from_bytes(data[start + 1 : first], "big") > end:
            raise _broken("that ends within a TLV")
        last = first + int.from_bytes(data[start + 1 : first], "big")
        yield data[start], first, last
        start = last


def _tls_of(header: bytes, start: int) -> ProxiedTls | None:
    """Check the TLVs from `start` on (section 2.2.1 to 2.2.8), and return what they say of TLS."""
    tls = None
    for kind, first, last in _tlvs(header, start, len(header)):
        if kind == _TLV_CRC32C:
            claimed = header[first:last]
            zeroed = header[:first] + bytes(len(claimed)) + header[last:]
            if len(claimed) != 4 or crc32c(zeroed) != int.from_bytes(claimed, "big"):
                raise _broken("whose checksum is wrong")
        elif kind == _TLV_UNIQUE_ID and last - first > _UNIQUE_ID_BYTES_MAX:
            raise _broken(f"with a unique id of more than {_UNIQUE_ID_BYTES_MAX} bytes")
        elif kind == _TLV_SSL:
            if last - first < 5:
                raise _broken("that ends within a TLV")
            tls = _parse_tls(header, first, last)
    return tls


def _parse_tls(header: bytes, first: int, last: int) -> ProxiedTls | None:
    """Section 2.2.6, PP2_TYPE_SSL: flags, result of the verification, and TLVs of its own."""
    flags, verify = header[first], int.from_bytes(header[first + 1 : first + 5], "big")
    found = {
        kind: header[start:end].decode("utf-8", "replace")
        for kind, start, end in _tlvs(header, first + 5, last)
    }
    if not flags & _CLIENT_SSL:
        return None
    certificate = bool(flags & (_CLIENT_CERT_CONN | _CLIENT_CERT_SESS))
    return ProxiedTls(
        found.get(_TLV_SSL_VERSION, ""),
        found.get(_TLV_SSL_CIPHER, ""),
        certificate,
        certificate and verify == 0,
        found.get(_TLV_SSL_CN, ""),
    )


def crc32c(data: bytes) -> int:
    """The CRC32C of `data` (RFC 9260 appendix B). Bit by bit: a header is short, and few have one."""
    crc = 0xFFFFFFFF
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (_CRC32C_POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
