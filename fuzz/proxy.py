"""Longer runs against the PROXY protocol: `python -m fuzz.proxy --seconds 60 [--seed N]`.

Each trial writes a header, legal or bent, with something after it, and feeds it whole and in pieces
of random sizes: that changes nothing, only ProtocolError comes out, nothing after the header is
taken, and a legal one is read as it was written.
"""

from ipaddress import IPv4Address, IPv6Address
from random import Random

from fuzz.running import run
from penstock.errors import ProtocolError
from penstock.wire.proxy import V2_BYTES_MAX, V2_SIGNATURE, Origin, ProxyReader, crc32c

REST = b"GET / HTTP/1.1\r\n\r\n"


def trial(chance: Random) -> None:
    """One header."""
    header, origin = _version_1(chance) if chance.random() < 0.4 else _version_2(chance)
    legal = chance.random() < 0.5
    if not legal:
        header = _bend(chance, header)
    whole = _feed([header + REST])
    pieces = _feed(list(_cut(chance, header + REST)))
    assert whole == pieces, (header, whole, pieces)
    if legal:
        assert whole == (origin, len(header)), (header, whole, origin)


def _feed(pieces: list[bytes]) -> tuple[Origin, int] | str | None:
    """The origin and the bytes that were taken; the error's kind; None if the header is not whole."""
    reader, taken = ProxyReader(), 0
    for piece in pieces:
        try:
            size = reader.feed(piece)
        except ProtocolError:
            return "refused"
        assert 0 <= size <= len(piece)
        taken += size
        if reader.origin is not None:
            return reader.origin, taken
        assert size == len(piece)
        assert taken <= V2_BYTES_MAX + 16
    return None


def _cut(chance: Random, data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        size = chance.choice((1, 1, 2, 5, 12, 16, 50, 200))
        found.append(data[at : at + size])
        at += size
    return found


def _bend(chance: Random, header: bytes) -> bytes:
    data = bytearray(header)
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at] = chance.choice(b"\0\r\n \x20\xff09")
            case 2:
                del data[at : at + chance.randrange(1, 4)]
                data = data or bytearray(b"x")
            case 3:
                data[at:at] = chance.randbytes(chance.randrange(1, 4))
    return bytes(data)


def _version_1(chance: Random) -> tuple[bytes, Origin]:
    if chance.random() < 0.2:
        return b"PROXY UNKNOWN" + b" x" * chance.randrange(46) + b"\r\n", Origin()
    wide = chance.random() < 0.5
    source, destination = _address(chance, wide), _address(chance, wide)
    ports = [chance.choice((0, 1, 80, 443, 65535)) for _ in range(2)]
    line = f"PROXY TCP{6 if wide else 4} {source} {destination} {ports[0]} {ports[1]}\r\n"
    return line.encode(), Origin(True, (_shown(source), ports[0]), (_shown(destination), ports[1]))


def _address(chance: Random, wide: bool) -> IPv4Address | IPv6Address:
    if wide and chance.random() < 0.2:
        return IPv6Address((0xFFFF << 32) + chance.getrandbits(32))
    if wide:
        return IPv6Address(chance.getrandbits(128) >> chance.choice((0, 0, 64, 100)))
    return IPv4Address(chance.getrandbits(32))


def _shown(address: IPv4Address | IPv6Address) -> str:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _version_2(chance: Random) -> tuple[bytes, Origin]:
    local = chance.random() < 0.2
    kind = chance.choice(("none", "inet", "inet6", "unix"))
    origin = Origin()
    block, family = b"", 0x00
    if kind == "unix":
        family, path = 0x31, f"/run/{chance.getrandbits(40)}"
        block = b"/from".ljust(108, b"\0") + path.encode().ljust(108, b"\0")
        origin = Origin(True, None, (path, None))
    elif kind != "none":
        family = 0x11 if kind == "inet" else 0x21
        ends = [_address(chance, kind == "inet6") for _ in range(2)]
        ports = [chance.getrandbits(16) for _ in range(2)]
        block = ends[0].packed + ends[1].packed + b"".join(port.to_bytes(2) for port in ports)
        origin = Origin(True, (_shown(ends[0]), ports[0]), (_shown(ends[1]), ports[1]))
    for _ in range(chance.randrange(4)):
        value = chance.randbytes(chance.choice((0, 1, 20, 128, 900)))
        block += (
            bytes((chance.choice((0x01, 0x02, 0x04, 0x30, 0xEE)),)) + len(value).to_bytes(2) + value
        )
    checked = chance.random() < 0.5
    if checked:
        block += b"\x03\x00\x04\0\0\0\0"
    fixed = bytes((0x20 if local else 0x21, family)) + len(block).to_bytes(2)
    header = V2_SIGNATURE + fixed + block
    if checked:
        header = header[:-4] + crc32c(header).to_bytes(4)
    return header, Origin() if local else origin


if __name__ == "__main__":
    run(__doc__, trial)
