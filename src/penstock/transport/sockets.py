"""The accept loop: ours, so that it can be bounded, paused and steered.

The loops' own servers cannot be paused, hide which process gets a connection, and on running out of
descriptors asyncio's logs and retries for each listener while uvloop's drops the client.
"""

import asyncio
import errno
import functools
import os
import socket
import sys
from collections.abc import Callable, Iterable
from typing import Any

from penstock.config.addresses import Bind

# Connections accepted from one listener before the loop turns: bounds the time that a flood of
# connects keeps running requests waiting, at about 50 µs each, and several times that for what each
# of them asks for in the next turn. A turn more costs little beside that.
ACCEPTS_PER_TURN = 4

# After running out of descriptors or memory: when to try again (S07).
RETRY_S = 0.1
# One line about it in this time.
COMPLAINT_INTERVAL_S = 1.0

# What a client has not made room for yet waits here, where it is bounded, and not in the kernel, which
# takes 1 to 4 MB for each socket: 300 slow readers of large answers fill its TCP memory, and then it
# slows every connection of the machine down to seconds (S04).
UNSENT_BYTES_MAX = 1 << 17
_NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 0)

# Why nothing is accepted; several may hold at once.
PAUSED_FULL = 1
PAUSED_EXHAUSTED = 2
PAUSED_STEERED = 4
PAUSED_CLOSED = 8

# What steering answers to "one more?".
ACCEPT = 0
NEXT_TURN = 1  # not before the loop has turned: the others may be quicker
LOOK_AWAY = 2
PAUSED_HANDSHAKES = 16

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
TCP_FAMILIES = frozenset({socket.AF_INET, socket.AF_INET6})
# `eager_start` is Python 3.12's, and unknown to the types of 3.11
_TASK: Any = asyncio.Task
_EAGER = sys.version_info >= (3, 12)


def _unheard(crowded: bool) -> None:
    """Where nobody can make room."""


class Acceptor:
    """Accepts from `sockets`, each with its bind, and makes a connection of each client by
    `factory(bind, client, peer)`: its socket and its address, as `accept` gave them.

    At `connections_max` it stops to accept, and clients wait in the kernel's queue, whose length is
    the `backlog`: a short peak costs them a wait and no error, a long one is refused by the kernel,
    and neither takes memory here. (A 503 would need the very descriptor that is to be saved; running
    requests are limited elsewhere, see `admission`.) `connection_gone()` tells that one has ended.

    `connections` is the live collection that `factory`'s protocols add themselves to; `note(level,
    text)` logs one line. `clients`, where each may have so many, counts them; binds with PROXY headers
    are left to who reads these. `crowded(whether)` is told when there is no room for another, and when
    there is again. `accepted` counts all connections. `prepare`, where binds need it, is awaited
    before (see `arrivals`). `steering`, where there are other workers, says whether this one is to accept (see
    `process.steering.Steering`).
    """

    __slots__ = (
        "_arriving",
        "_complained_at",
        "_connections",
        "_factory",
        "_listening",
        "_loop",
        "_note",
        "_paused",
        "_retry",
        "_tasks",
        "accepted",
        "accepts_per_turn",
        "binds",
        "clients",
        "connections_max",
        "crowded",
        "prepare",
        "steering",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sockets: Iterable[tuple[socket.socket, Bind]],
        factory: Callable[[Bind, socket.socket, Any], Any],
        connections: Any,
        connections_max: int,
        note: Callable[[str, str], None],
    ) -> None:
        self.binds = dict(sockets)
        self.connections_max = connections_max
        self.accepted = 0
        self.accepts_per_turn = ACCEPTS_PER_TURN
        self.clients: Any = None
        self.crowded: Callable[[bool], None] = _unheard
        self.prepare: Any = None
        self.steering: Any = None
        self._loop = loop
        self._factory = factory
        self._connections = connections
        self._note = note
        self._listening: set[socket.socket] = set()
        self._paused = PAUSED_CLOSED
        self._arriving = 0  # accepted, and not yet among `connections`
        self._complained_at = float("-inf")
        self._retry: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Begin to accept."""
        for sock in self.binds:
            if sock.family in TCP_FAMILIES:
                # Accepted sockets inherit it, so it costs no call for each. The loops do not do it
                # reliably: asyncio looks at `proto`, which is 0 for most listening sockets.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if _NOTSENT_LOWAT:
                    sock.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, UNSENT_BYTES_MAX)
        self.resume(PAUSED_CLOSED)

    def pause(self, why: int = PAUSED_STEERED) -> None:
        """Stop accepting until `resume` with the same reason; clients wait in the kernel. Too many
        handshakes (PAUSED_HANDSHAKES) stop only binds with TLS."""
        self._paused |= why
        self._listen()

    def resume(self, why: int = PAUSED_STEERED) -> None:
        """One reason to pause is gone; accepts again if it was the last."""
        if self._paused & why:
            self._paused &= ~why
            if not self._paused & (PAUSED_FULL | PAUSED_EXHAUSTED):
                self.crowded(False)
            self._listen()

    def _listen(self) -> None:
        """Let the loop tell of clients at the sockets that accept now, and at no others."""
        for sock, bind in self.binds.items():
            if self._accepts(bind):
                if sock not in self._listening:
                    self._listening.add(sock)
                    self._loop.add_reader(sock, self._accept, sock)
            elif sock in self._listening:
                self._listening.discard(sock)
                self._loop.remove_reader(sock)

    def _accepts(self, bind: Bind) -> bool:
        return not (self._paused if bind.tls else self._paused & ~PAUSED_HANDSHAKES)

    @property
    def paused(self) -> int:
        """The PAUSED_* reasons that hold now, 0 while accepting."""
        return self._paused

    @property
    def arriving(self) -> int:
        """Clients that were accepted and whose connections are not made yet."""
        return self._arriving

    def drain(self) -> None:
        """Accept at once whoever is in the kernel's queue, as far as there is room."""
        self.steering = None
        self.resume(PAUSED_STEERED)
        accepts_before, self.accepts_per_turn = self.accepts_per_turn, self.connections_max
        for sock, bind in self.binds.items():
            if self._accepts(bind):
                self._accept(sock)
        self.accepts_per_turn = accepts_before

    def close(self) -> None:
        """Accept no more, for good; the sockets stay open and are the caller's to close."""
        self.pause(PAUSED_CLOSED)
        self.binds.clear()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    async def settle(self, limit_s: float) -> None:
        """Wait until all that were accepted are connections; those that keep their PROXY header or
        TLS handshake back for `limit_s` seconds from now are closed. Call it after `close`."""
        if self._tasks:
            _, waiting = await asyncio.wait(self._tasks, timeout=limit_s)
            for task in waiting:
                task.cancel()
            if waiting:
                await asyncio.wait(waiting)

    def connection_gone(self) -> None:
        """A connection has ended: there is room again."""
        if self.steering is not None:
            self.steering.count(len(self._connections) + self._arriving)
        if self._paused & PAUSED_FULL and self._room() > 0:
            self.resume(PAUSED_FULL)

    def _room(self) -> int:
        return self.connections_max - len(self._connections) - self._arriving

    def _accept(self, sock: socket.socket) -> None:
        bind = self.binds[sock]
        steering = self.steering
        if steering is not None:
            steering.wake()
        for _ in range(self.accepts_per_turn):
            if self._room() <= 0:
                self._full()
                return
            if steering is not None:
                answer = steering.ask(len(self._connections) + self._arriving)
                if answer != ACCEPT:
                    if answer == LOOK_AWAY:
                        self._look_away()
                    return
            if not self._accepts(bind):
                return
            try:
                client, peer = sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue  # the client left while it waited (S08)
            except OSError as error:
                self._failed(error)
                return
            self.accepted += 1
            if (
                self.clients is not None
                and not bind.proxy_protocol
                and not self.clients.enter(client, peer)
            ):
                client.close()
                continue
            client.setblocking(False)
            self._adopt(bind, client, peer)
            if steering is not None:
                steering.count(len(self._connections) + self._arriving)

    def _look_away(self) -> None:
        """Leave those who wait to the other workers, for a moment."""
        self.pause(PAUSED_STEERED)
        self._loop.call_later(self.steering.paused(), self._look_again)

    def _look_again(self) -> None:
        if self._paused & PAUSED_STEERED and self.steering is not None:
            self.steering.resumed()
            self.resume(PAUSED_STEERED)

    def _adopt(self, bind: Bind, client: socket.socket, peer: Any) -> None:
        coroutine = self._connect(bind, client, peer)
        self._arriving += 1
        if _EAGER:
            task = _TASK(coroutine, loop=self._loop, eager_start=True)
            if task.done():
                return
        else:
            task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, bind: Bind, client: socket.socket, peer: Any) -> None:
        factory: Any = functools.partial(self._factory, bind, client, peer)
        try:
            if bind.proxy_protocol:
                factory = await self.prepare(bind, client, peer)
                if factory is None:
                    client.close()
                    return
            await self._loop.connect_accepted_socket(factory, client)
        except asyncio.CancelledError:
            client.close()
            raise
        except OSError as error:
            # Lost between its arrival and now (S08)
            client.close()
            self._note("debug", f"A connection was lost while it was accepted: {error}")
        except Exception as error:
            client.close()
            self._note("error", f"A connection could not be made: {error!r}")
        finally:
            self._arriving -= 1
            self.connection_gone()
            self._complain_if_full()

    def _full(self) -> None:
        self.pause(PAUSED_FULL)
        self.crowded(True)
        self._complain_if_full()

    def _complain_if_full(self) -> None:
        # Not while some are still arriving: they may not make it
        if self._paused & PAUSED_FULL and not self._arriving:
            self._complain(
                "warning",
                f"{len(self._connections)} connections are open, so new ones wait to be accepted;"
                " --limit-connections raises the limit",
            )

    def _failed(self, error: OSError) -> None:
        """Accepting failed for a reason that is not the client's: wait, for trying again at once
        would only spin (S07)."""
        self.pause(PAUSED_EXHAUSTED)
        if self._retry is None:
            self._retry = self._loop.call_later(RETRY_S, self._try_again)
        self.crowded(True)
        if error.errno in _EXHAUSTED:
            hint = "raise the limit of open files (ulimit -n), or lower --limit-connections"
        else:
            hint = "the sockets stay open and are tried again"
        self._complain(
            "error",
            f"New connections cannot be accepted and wait: {error.strerror or error},"
            f" with {len(self._connections)} open; {hint}",
        )

    def _try_again(self) -> None:
        self._retry = None
        self.resume(PAUSED_EXHAUSTED)

    def _complain(self, level: str, text: str) -> None:
        now = self._loop.time()
        if now - self._complained_at >= COMPLAINT_INTERVAL_S:
            self._complained_at = now
            self._note(level, text)


def address_of(name: Any, local: bool = False) -> Any:
    """An ASGI address of a socket's name: (host, port), (path, None) for a Unix socket of our own,
    None where there is nothing to tell (HTTP-SCOPE-16 to 19). An IPv4 client of a dual-stack socket
    has its IPv4 address (X04)."""
    if isinstance(name, tuple):
        host = name[0].partition("%")[0]
        if host.startswith("::ffff:") and "." in host:
            host = host[7:]
        return host, name[1]
    if local and isinstance(name, (str, bytes)) and name:
        return os.fsdecode(name).replace("\0", "@", 1), None
    return None
