"""What a proxy says of a request in header fields, believed only from peers that are trusted.

`--forwarded-headers` names the fields, of one family: X-Forwarded-* or `Forwarded` (RFC 7239). No
other field of this kind has any effect (`X-Real-IP`, for one), and by default only -For and -Proto
have: a proxy that sets one of them passes on what clients send in the others (X01).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from penstock.asgi import Address
from penstock.gateway.forwarded_trust import Trust

if TYPE_CHECKING:
    from penstock.gateway.forwarded_values import Told

# Bounds what is remembered of headers: 128 KiB.
REMEMBERED_MAX = 1024
REMEMBERED_BYTES_MAX = 128

# What `Proxy.tell` and `Doubted.tell` return: whether the stream says something else than the connection.
NOTHING = 0
TOLD = 1
NEVER = 2  # not to be asked again on this connection

# One line about peers that are not trusted in this time, and so many of them in a worker's life: on
# the open Internet anybody sends such headers.
DOUBT_INTERVAL_S = 60.0
DOUBTS_MAX = 100


class Forwarding:
    """What the options say of forwarding headers; one for each worker.

    `root_path`: that of the application, where a request says no other. `note(level, text)` logs one
    line; `now()` is a clock.
    """

    __slots__ = ("_doubted", "_names", "_walked", "root_path", "trust")

    def __init__(
        self,
        settings: Any,
        root_path: str,
        note: Callable[[str, str], None],
        now: Callable[[], float],
    ) -> None:
        self.trust = Trust(settings.forwarded_allow_ips)
        self.root_path = root_path
        self._names = frozenset(name.encode("ascii") for name in settings.forwarded_headers)
        self._walked: dict[bytes, Told | None] = {}
        self._doubted = Doubted(note, now)

    def of(self, client: Address | None, local: Address | None) -> Proxy | Doubted:
        """Who answers for a connection whose peer is `client`; `local` is our side of it, None if
        that is not ours (see `Trust.is_trusted`)."""
        return Proxy(self, client) if self.trust.is_trusted(client, local) else self._doubted

    def read(
        self, client: Address | None, scheme: str, headers: Iterable[tuple[bytes, bytes]]
    ) -> tuple[Address | None, str, str, bytes | None]:
        """Client, scheme, root path, and the host field's value, None if it is not to be changed, of
        a request by a trusted peer.

        `client` and `scheme` are those of the connection, and stay where the headers say nothing, or
        anything odd (X03). `headers` have lower-case names. The client's port is 0 unless it is told.
        """
        from penstock.gateway import forwarded_values as values

        names, own_host = self._names, b""
        said: dict[bytes, bytes] = {}
        for name, value in headers:
            if name in names:
                # Some proxies append a line, others append to the line: both mean the same list
                said[name] = said[name] + b"," + value if name in said else value
            elif name == b"host":
                own_host = value
        root_path, host = self.root_path, ""
        if b"forwarded" in said:
            told = self._remembered(values.walk_elements, said[b"forwarded"])
            if told is not None:
                client = told.client or client
                scheme = told.scheme or scheme
                host = told.host
        if b"x-forwarded-for" in said:
            told = self._remembered(values.walk, said[b"x-forwarded-for"])
            if told is not None:
                client = told.client
        if b"x-forwarded-proto" in said:
            scheme = values.scheme(said[b"x-forwarded-proto"].decode("latin-1")) or scheme
        if b"x-forwarded-prefix" in said:
            prefix = values.prefix(said[b"x-forwarded-prefix"].decode("latin-1"))
            root_path = root_path if prefix is None else prefix
        if b"x-forwarded-host" in said:
            host = values.host(said[b"x-forwarded-host"].decode("latin-1"))
        if b"x-forwarded-port" in said:
            port = values.port(said[b"x-forwarded-port"].decode("latin-1"))
            if port is not None:
                host = host or values.host(own_host.decode("latin-1"))
                host = values.with_port(host, port, scheme) if host else ""
        return client, scheme, root_path, host.encode("ascii") if host else None

    def _remembered(self, walk: Callable[[Trust, bytes], Told | None], value: bytes) -> Told | None:
        """What `walk` finds: the requests of one client come with the same header."""
        known = self._walked
        if value in known:
            return known[value]
        found = walk(self.trust, value)
        if len(value) <= REMEMBERED_BYTES_MAX:
            if len(known) >= REMEMBERED_MAX:
                known.clear()
            known[value] = found
        return found


class Proxy:
    """A connection's peer that is trusted: `client` is its address."""

    trusted = True

    __slots__ = ("_client", "_forwarding")

    def __init__(self, forwarding: Forwarding, client: Address | None) -> None:
        self._forwarding = forwarding
        self._client = client

    def tell(self, stream: Any, scheme: str, head: Any) -> int:
        """Let `stream` say what `head` says of its client, or again what the connection says; `scheme`
        is the connection's. The host that the client asked for takes the place of the host field."""
        forwarding = self._forwarding
        if not head.forwarded:
            stream.client = self._client
            stream.scheme = scheme
            stream.root_path = forwarding.root_path
            return NOTHING
        stream.client, stream.scheme, stream.root_path, host = forwarding.read(
            self._client, scheme, head.headers
        )
        if host is not None:
            fields = [(name, host if name == b"host" else value) for name, value in head.headers]
            # Without one it was a request of HTTP/1.0
            head.headers = fields if (b"host", host) in fields else [(b"host", host), *fields]
        return TOLD


class Doubted:
    """All peers that are not trusted: it is said once for each that their headers have no effect."""

    trusted = False

    __slots__ = ("_hosts", "_note", "_now", "_said_s")

    trusted = False

    def __init__(self, note: Callable[[str, str], None], now: Callable[[], float]) -> None:
        self._note = note
        self._now = now
        self._hosts: set[str] = set()
        self._said_s = float("-inf")

    def tell(self, stream: Any, scheme: str, head: Any) -> int:
        """Warn, if there is something new to say; nothing else happens."""
        host = "" if stream.client is None else stream.client[0]
        if host in self._hosts or len(self._hosts) >= DOUBTS_MAX:
            return NEVER
        now = self._now()
        if now - self._said_s >= DOUBT_INTERVAL_S:
            self._said_s = now
            self._hosts.add(host)
            self._note(
                "warning",
                f"{host or 'A peer on a Unix socket'} sends forwarding headers and is not trusted, so"
                " they have no effect; if it is your proxy, add"
                f" {host or 'unix'} to --forwarded-allow-ips",
            )
        return NEVER
