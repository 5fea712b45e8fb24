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
    from penstock.gateway.forwarded_values import Said

    Fields = tuple[tuple[bytes, bytes], ...]

# Bounds what is remembered of headers: 128 KiB of values.
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

    __slots__ = ("_doubted", "_known", "_names", "root_path", "trust")

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
        self._known: dict[tuple[str, Fields], Said] = {}
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
        names = self._names
        fields = tuple([field for field in headers if field[0] in names])
        # The requests of one client come with the same fields
        said = self._known.get((scheme, fields))
        if said is None:
            said = self._said(scheme, fields)
        host = said.host
        if said.port:
            host = self._with_port(said, headers)
        return said.client or client, said.scheme, said.root_path, host

    def _said(self, scheme: str, fields: Fields) -> Said:
        """What the fields say, read and remembered."""
        from penstock.gateway import forwarded_values as values  # most workers never see any

        lines: dict[bytes, bytes] = {}
        for name, value in fields:
            # Some proxies append a line, others append to the line: both mean the same list
            lines[name] = lines[name] + b"," + value if name in lines else value
        said = values.said(self.trust, scheme, self.root_path, lines)
        if sum(len(value) for _, value in fields) <= REMEMBERED_BYTES_MAX:
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            self._known[scheme, fields] = said
        return said

    def _with_port(self, said: Said, headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
        """The host that was told, or the request's own, with the port that was told."""
        from penstock.gateway import forwarded_values as values

        own = next((value for name, value in headers if name == b"host"), b"")
        host = values.host((said.host or own).decode("latin-1"))
        return values.with_port(host, said.port, said.scheme).encode("ascii") if host else None


class Proxy:
    """A connection's peer that is trusted: `client` is its address."""

    __slots__ = ("_client", "_forwarding")

    trusted = True

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
