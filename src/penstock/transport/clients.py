"""How many connections one client has, where `--limit-connections-per-client` bounds that.

A client is an IPv4 address, or an IPv6 /64 network: that much is what one household or one rented
machine gets, and it may use another address of it for each connection. Who comes through a Unix
socket or from a trusted proxy is not bounded: such a peer speaks for many.
"""

import socket
import weakref
from collections.abc import Callable
from typing import Any

from penstock.gateway.forwarded_trust import Trust
from penstock.transport.counters import Counters

# One line about connections that were turned away in this time; it says how many they were.
COMPLAINT_INTERVAL_S = 5.0

_IPV4_IN_IPV6 = b"\0" * 10 + b"\xff\xff"


def client_of(host: str) -> bytes | None:
    """What an IP address counts as: 4 bytes of IPv4, the upper 8 of IPv6; None for no address."""
    try:
        if ":" not in host:
            return socket.inet_pton(socket.AF_INET, host)
        packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    except OSError:
        return None
    return packed[12:] if packed.startswith(_IPV4_IN_IPV6) else packed[:8]


class Clients:
    """Counts open connections by client, up to `most` each. `counters`: where refusals are counted;
    `now()` is a clock, `note(level, text)` logs a line."""

    __slots__ = (
        "_complained_at",
        "_counters",
        "_most",
        "_note",
        "_now",
        "_open",
        "_sockets",
        "_trust",
        "_turned_away",
    )

    def __init__(
        self,
        most: int,
        trust: Trust,
        counters: Counters,
        now: Callable[[], float],
        note: Callable[[str, str], None],
    ) -> None:
        self._most = most
        self._trust = trust
        self._counters = counters
        self._now = now
        self._note = note
        # A socket lives as long as its connection, whatever layers there are, and however it ends;
        # it may outlive it, closed, until the garbage collector comes.
        self._open: dict[bytes, set[weakref.ref[socket.socket]]] = {}
        self._sockets: dict[weakref.ref[socket.socket], bytes] = {}
        self._turned_away = 0
        self._complained_at = float("-inf")

    def enter(self, sock: socket.socket, peer: Any) -> bool:
        """Count the connection of an accepted socket until it ends; `peer` as `accept` gave it, or
        an ASGI address. False, and not counted, if its client has too many."""
        client = client_of(peer[0]) if isinstance(peer, tuple) else None
        if client is None or self._trust.is_trusted((peer[0], peer[1]), None):
            return True
        if len(self._open.get(client, ())) >= self._most:
            count = self.count(peer[0])
            if count >= self._most:
                self._turn_away(peer[0], count)
                return False
        entry = weakref.ref(sock, self._leave)
        self._open.setdefault(client, set()).add(entry)
        self._sockets[entry] = client
        return True

    def count(self, host: str) -> int:
        """How many connections the client at this address has."""
        client = client_of(host)
        if client is None:
            return 0
        for entry in list(self._open.get(client, ())):
            sock = entry()
            if sock is not None and sock.fileno() < 0:
                self._leave(entry)
        return len(self._open.get(client, ()))

    def _leave(self, entry: "weakref.ref[socket.socket]") -> None:
        client = self._sockets.pop(entry, None)
        if client is None:
            return  # seen closed before
        self._open[client].discard(entry)
        if not self._open[client]:
            del self._open[client]

    def _turn_away(self, host: str, count: int) -> None:
        self._counters.refused_clients += 1
        self._turned_away += 1
        now = self._now()
        if now - self._complained_at >= COMPLAINT_INTERVAL_S:
            self._complained_at = now
            self._note(
                "warning",
                f"Turned away {self._turned_away} more connections, the last of {host}, which has"
                f" {count} open; --limit-connections-per-client changes this",
            )
            self._turned_away = 0


def open_clients(worker: Any) -> Clients:
    """What counts the clients of `worker`, as its options say."""
    settings = worker.settings
    return Clients(
        settings.limit_connections_per_client,
        Trust(settings.forwarded_allow_ips),
        worker.counters,
        worker.loop.time,
        worker.note,
    )
