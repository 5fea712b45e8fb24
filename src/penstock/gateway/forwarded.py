"""`X-Forwarded-For` and `X-Forwarded-Proto`, believed only from peers that are trusted (X01–X04).

No other header of this kind has any effect: not `Forwarded`, `X-Real-IP`, `X-Forwarded-Host`,
`-Port` or `-Prefix`, because a proxy that sets one of them passes on what clients send in the
others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from penstock.asgi import Address
from penstock.errors import UsageError

if TYPE_CHECKING:
    # Imported where it is used: the default list and its peers are told apart as text.
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    IPAddress = IPv4Address | IPv6Address
    IPNetwork = IPv4Network | IPv6Network

# More hops than any real chain of proxies has; bounds the work that one request can ask for.
HOPS_MAX = 50
# "[" + the longest IPv6 address + "]:65535".
HOP_CHARS_MAX = 45 + 8
# Bounds what is remembered: 128 KiB of headers.
REMEMBERED_MAX = 1024
REMEMBERED_BYTES_MAX = 128

_SCHEMES = {b"http": "http", b"https": "https", b"ws": "http", b"wss": "https"}


class Trust:
    """Whose forwarding headers are believed; parsed once, from `--forwarded-allow-ips`.

    `allowed`: IP addresses, networks in CIDR form, `*` for every peer, `unix` for peers on any
    Unix socket, `/path` for peers on the Unix socket of that path; a comma-separated string or
    its items. IPv4-mapped IPv6 addresses count as the IPv4 addresses in them (X04). Raises
    `UsageError` for anything else, since a misspelt address that never matches would be found out
    only in production.
    """

    __slots__ = ("_addresses", "_everyone", "_networks", "_unix", "_unix_paths", "_walked")

    def __init__(self, allowed: str | Iterable[str]) -> None:
        items = allowed.split(",") if isinstance(allowed, str) else allowed
        # In canonical spelling, as ipaddress and the system write them
        addresses: set[str] = set()
        networks: list[IPNetwork] = []
        self._everyone = False
        self._unix = False
        unix_paths: set[str] = set()
        for item in map(str.strip, items):
            if item == "*":
                self._everyone = True
            elif item in {"unix", "unix:"}:
                self._unix = True
            elif item.startswith("/"):
                unix_paths.add(item)
            elif _is_canonical_ipv4(item):
                addresses.add(item)
            elif item:
                network = _network(item)
                if network.prefixlen == network.max_prefixlen:
                    addresses.add(str(network.network_address))
                else:
                    networks.append(network)
        self._addresses = frozenset(addresses)
        self._networks = tuple(networks)
        self._unix_paths = frozenset(unix_paths)
        self._walked: dict[bytes, Address | None] = {}

    def is_trusted(self, client: Address | None, server: Address | None = None) -> bool:
        """Whether this peer's headers count; asked once a connection. `client` None: the peer of
        a Unix socket, trusted only when said so (X04); `server` is then `(path, None)`."""
        if client is None:
            return (
                self._unix
                or self._everyone
                or (server is not None and server[0] in self._unix_paths)
            )
        if self._everyone:
            return True
        if client[0] in self._addresses:
            return True
        if not self._networks and _is_canonical_ipv4(client[0]):
            return False
        hop = _parse_hop(client[0])
        return hop is not None and self._holds(hop[0])

    def _holds(self, address: IPAddress) -> bool:
        # `*` says who may send the headers, not that every address in them is one of our proxies.
        return str(address) in self._addresses or any(address in each for each in self._networks)


def apply(
    trust: Trust, client: Address | None, scheme: str, headers: Iterable[tuple[bytes, bytes]]
) -> tuple[Address | None, str]:
    """The real client and scheme of a request that came from a trusted peer.

    `headers` have lower-case names. Call it only where `trust.is_trusted(client)`. The scheme is
    `"http"` or `"https"` also where the proxy says `ws` or `wss`. The client's port is 0 unless
    the header gives one. A header that holds anything odd is ignored whole (X03).
    """
    hops = proto = None
    for name, value in headers:
        # The length first: most names differ in it, and this runs for each header.
        if len(name) == 15 and name == b"x-forwarded-for":
            # Some proxies append a line, others append to the line: both mean the same list.
            hops = value if hops is None else hops + b"," + value
        elif len(name) == 17 and name == b"x-forwarded-proto":
            proto = value if proto is None else b"two lines are odd"
    if proto is not None:
        scheme = _SCHEMES.get(proto.strip(b" \t").lower(), scheme)
    if hops is not None:
        client = _client(trust, hops) or client
    return client, scheme


def _client(trust: Trust, hops: bytes) -> Address | None:
    """What `_walk` finds, remembered: the requests of one client come with the same header."""
    known = trust._walked
    if hops in known:
        return known[hops]
    found = _walk(trust, hops)
    if len(hops) <= REMEMBERED_BYTES_MAX:
        if len(known) >= REMEMBERED_MAX:
            known.clear()
        known[hops] = found
    return found


def _walk(trust: Trust, hops: bytes) -> Address | None:
    """The first address from the right that is not one of the trusted proxies (X02), else the
    left-most; None if any part is not an address."""
    if hops.count(b",") >= HOPS_MAX:
        return None
    parts = [_parse_hop(part.strip(" \t")) for part in hops.decode("latin-1").split(",")]
    client = None
    for part in reversed(parts):
        if part is None:
            return None
        if client is None or trust._holds(client[0]):
            client = part
    return None if client is None else (str(client[0]), client[1])


def _parse_hop(text: str) -> tuple[IPAddress, int] | None:
    """Address and port (0 for none) of `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]` or `[::1]:5`."""
    if len(text) > HOP_CHARS_MAX:
        return None
    host, port = text, 0
    if text.startswith("[") or text.count(":") == 1:
        host, colon, digits = text.rpartition(":")
        if text.endswith("]"):
            host, colon = text, ""
        if colon:
            if not (digits.isascii() and digits.isdigit()) or int(digits) > 65535:
                return None
            port = int(digits)
        if host.startswith("["):
            if not host.endswith("]") or ":" not in host:
                return None
            host = host[1:-1]
    from ipaddress import ip_address

    try:
        address = ip_address(host)
    except ValueError:
        return None
    if address.version == 6:
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address, port
    return address, port


def _is_canonical_ipv4(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(
        part.isascii()
        and part.isdigit()
        and len(part) <= 3
        and str(int(part)) == part
        and int(part) <= 255
        for part in parts
    )


def _network(item: str) -> IPNetwork:
    from ipaddress import IPv4Network, ip_network

    try:
        network = ip_network(item, strict=False)
    except ValueError:
        raise UsageError(
            f"--forwarded-allow-ips: {item!r} is neither an IP address nor a network",
            "Give IP addresses, networks such as 10.0.0.0/8, 'unix' for Unix sockets, or '*'.",
        ) from None
    if network.version == 6 and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - 96))
    return network
