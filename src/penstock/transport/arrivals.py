"""What comes before HTTP on a connection: a PROXY header, where its bind asks for one.

It is read from the raw socket before anything else is (TLS comes after it), byte for byte: what
belongs to the next layer stays in the kernel.
"""

import asyncio
import functools
import socket
from collections.abc import Callable
from typing import Any

from penstock.config.addresses import Bind, TcpAddress
from penstock.errors import ProtocolError
from penstock.gateway.forwarded_trust import Trust
from penstock.transport.sockets import address_of
from penstock.wire.proxy import V2_BYTES_MAX, Origin, ProxyReader

# One line about connections that were turned away in this time; the others are counted.
COMPLAINT_INTERVAL_S = 1.0
# A whole header of version 2 with its fixed part.
_PEEK_BYTES = V2_BYTES_MAX + 16


async def until_readable(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    """Return when `sock`, which no transport has yet, can be read: bytes, its end or an error."""
    future: asyncio.Future[None] = loop.create_future()
    loop.add_reader(sock, _wake, future)
    try:
        await future
    finally:
        loop.remove_reader(sock)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def read_origin(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, limit_s: float
) -> Origin:
    """Take the PROXY header off `sock`, and nothing after it, within `limit_s` seconds.

    Raises ProtocolError where there is none, or no good one, or not in time; OSError if the
    connection is lost.
    """
    reader = ProxyReader()
    # It is there already, nearly always, so the first look is without a timer
    if not _take(reader, sock):
        try:
            async with asyncio.timeout(limit_s):
                await until_readable(loop, sock)
                while not _take(reader, sock):
                    await until_readable(loop, sock)
        except TimeoutError:
            raise ProtocolError(
                f"no whole PROXY header within {limit_s:g} s",
                "PROXY protocol 2",
                "--timeout-proxy-protocol",
            ) from None
    origin = reader.origin
    if origin is None:
        raise RuntimeError("the reader has ended without an origin")
    return origin


def _take(reader: ProxyReader, sock: socket.socket) -> bool:
    """Feed `reader` what is there of its header; whether that was all of it."""
    try:
        seen = sock.recv(_PEEK_BYTES, socket.MSG_PEEK)
    except (BlockingIOError, InterruptedError):
        return False
    if not seen:
        raise ProtocolError("no PROXY header, the connection was closed", "PROXY protocol 2")
    size = reader.feed(seen)
    # What was only looked at would be readable for ever: so it is taken off piece by piece
    sock.recv(size)
    return reader.origin is not None


class TurnedAway:
    """Logs connections that were refused before HTTP, at most one line in COMPLAINT_INTERVAL_S."""

    __slots__ = ("_left_out", "_note", "_now", "_since")

    def __init__(self, now: Callable[[], float], note: Callable[[str, str], None]) -> None:
        self._now = now
        self._note = note
        self._since = float("-inf")
        self._left_out = 0

    def tell(self, who: str, error: ProtocolError) -> None:
        """`who` was turned away for `error`."""
        now = self._now()
        if now - self._since < COMPLAINT_INTERVAL_S:
            self._left_out += 1
            return
        more = f"; {self._left_out} more since the last such line" if self._left_out else ""
        option = f"; {error.option} changes this" if error.option else ""
        self._since = now
        self._left_out = 0
        self._note("warning", f"Turned away {who}: {error}{option}{more}")


class Arrivals:
    """Receives the clients of binds with PROXY headers for an `Acceptor`, as its `prepare`.

    `make(bind, client, peer, origin)` makes the protocol object of a connection. `clients`: who
    counts connections by client, None where nobody does.
    """

    __slots__ = ("_clients", "_limit_s", "_loop", "_make", "_trust", "_turned_away")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        settings: Any,
        note: Callable[[str, str], None],
        make: Callable[..., Any],
        clients: Any = None,
    ) -> None:
        self._clients = clients
        self._loop = loop
        self._make = make
        self._limit_s = settings.timeout_proxy_protocol
        self._trust = Trust(settings.forwarded_allow_ips)
        self._turned_away = TurnedAway(loop.time, note)

    async def prepare(
        self, bind: Bind, client: socket.socket, peer: Any
    ) -> Callable[[], Any] | None:
        """What makes the protocol object, or None if the client was turned away: then the caller
        closes the socket. Raises OSError if the connection is lost."""
        try:
            self._check_trust(bind, client, peer)
            origin = await read_origin(self._loop, client, self._limit_s)
        except ProtocolError as error:
            self._turned_away.tell(_shown(peer), error)
            return None
        counted = self._clients is not None and origin.told
        if counted and not self._clients.enter(client, origin.client):
            return None
        return functools.partial(self._make, bind, client, peer, origin)

    def _check_trust(self, bind: Bind, client: socket.socket, peer: Any) -> None:
        """A PROXY header can claim any address, so it counts from trusted peers only (X05)."""
        if not self._trust.is_trusted(address_of(peer), address_of(client.getsockname(), True)):
            raise ProtocolError(
                f"no trusted proxy, and {bind.address} takes PROXY headers of those only",
                "PROXY protocol 2",
                "--forwarded-allow-ips",
            )


def _shown(peer: Any) -> str:
    return str(TcpAddress(peer[0], peer[1])) if isinstance(peer, tuple) else "a local client"
