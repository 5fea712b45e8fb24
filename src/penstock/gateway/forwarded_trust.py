"""Whose word about the client counts: the proxies of `--forwarded-allow-ips` (X01, X04)."""

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

# "[" + the longest IPv6 address + "]:65535".
HOP_CHARS_MAX = 45 + 8


class Trust:
    """Whose forwarding and PROXY headers are believed; parsed once.

    `allowed`: IP addresses, networks in CIDR form, `*` for every peer, `unix` for peers on any
    Unix socket, `/path` for peers on the Unix socket of that path; a comma-separated string or
    its items. IPv4-mapped IPv6 addresses count as the IPv4 addresses in them (X04). Raises
    `UsageError` for anything else, since a misspelt address that never matches would be found out
    only in production.
    """

    __slots__ = ("_addresses", "_everyone", "_networks", "_unix", "_unix_paths")

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
        hop = parse_hop(client[0])
        return hop is not None and self.holds(hop[0])

    def holds(self, address: IPAddress) -> bool:
        """Whether the address of a hop is that of one of our proxies."""
        # `*` says who may send the headers, not that every address in them is one of our proxies.
        return str(address) in self._addresses or any(address in each for each in self._networks)


def parse_hop(text: str) -> tuple[IPAddress, int] | None:
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
