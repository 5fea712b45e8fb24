"""SIGUSR2: a new version of the program takes the listening sockets over, without a gap.

The old supervisor starts its own command line again and passes its sockets to it through a channel. When
all workers of the new one are ready, it says so, and the old one ends gracefully; if it fails or takes
too long, the old one goes on as if nothing had been.

    old → new   sockets (pid, binds) · yours (you are the service's main process now)
    new → old   ready
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, MutableMapping, Sequence

from penstock.config import Bind
from penstock.errors import SetupError
from penstock.process.channel import Channel, pair
from penstock.process.handover import pack_bind, unpack_bind

VARIABLE = "PENSTOCK_HANDOVER"
# What either side waits for the other's answer, where it can only be a matter of moments.
ANSWER_S = 5.0

# Which listener a socket belongs to: the service's, or that of the health endpoints.
SERVICE = "service"
HEALTH = "health"
Handed = list[tuple[str, Bind, socket.socket]]


class Successor:
    """The old side: a process that is to take this one's place.

    `on_ready(pid)` is called when it serves, `on_failed(why)` when it does not; one of both, once.
    `limit_s`: how long it may take.
    """

    def __init__(
        self, limit_s: float, on_ready: Callable[[int], None], on_failed: Callable[[str], None]
    ) -> None:
        self.pid = 0
        self._limit_s = limit_s
        self._on_ready = on_ready
        self._on_failed = on_failed
        self._loop = asyncio.get_running_loop()
        self._channel: Channel | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(
        self, sockets: Sequence[tuple[str, Bind, socket.socket]], environ: dict[str, str]
    ) -> None:
        """Start it. OSError if there can be no process. `environ`: what it has besides this
        process's own environment."""
        ours, theirs = pair()
        command = [sys.executable, *sys.orig_argv[1:]]
        environ = {**os.environ, **environ, VARIABLE: str(theirs.sock.fileno())}
        try:
            child = subprocess.Popen(command, env=environ, pass_fds=(theirs.sock.fileno(),))
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        child.returncode = 0  # the supervisor's `reap` waits for it, not this object
        self.pid = child.pid
        ours.send(
            "sockets",
            os.getpid(),
            [(kind, pack_bind(bind)) for kind, bind, _ in sockets],
            descriptors=[sock.fileno() for _, _, sock in sockets],
        )
        ours.sock.setblocking(False)
        self._channel = ours
        self._loop.add_reader(ours.sock, self._heard)
        self._timer = self._loop.call_later(self._limit_s, self._too_late)

    def exited(self, status: int) -> None:
        """Its process has ended."""
        self._fail(f"it ended with status {status}")

    def close(self) -> None:
        """Hear no more of it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._channel is not None:
            self._loop.remove_reader(self._channel.sock)
            self._channel.close()
            self._channel = None

    def _heard(self) -> None:
        channel = self._channel
        messages = channel.receive() if channel is not None else None
        if channel is None or messages is None:
            if channel is not None:
                self._loop.remove_reader(channel.sock)  # it ends; its status says how
            return
        if ("ready",) in messages:
            self._on_ready(self.pid)
            channel.send("yours")
            self.close()

    def _too_late(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self._fail(f"it was not ready within {self._limit_s:g} s and is killed")

    def _fail(self, why: str) -> None:
        if self._channel is not None:
            self.close()
            self._on_failed(why)


class Predecessor:
    """The new side: the process whose place this one is to take, and what it handed over."""

    def __init__(self, channel: Channel, pid: int, handed: Handed) -> None:
        self.pid = pid
        self._channel = channel
        self._handed = handed

    def take(self, kind: str, bind: Bind) -> list[socket.socket]:
        """The sockets for `bind`, which are the caller's then; empty if it had none like it."""
        found = [
            sock for its, old, sock in self._handed if (its, old.address) == (kind, bind.address)
        ]
        self._handed = [each for each in self._handed if each[2] not in found]
        return found

    def binds(self, kind: str) -> list[Bind]:
        """What is left that was not taken."""
        return list(dict.fromkeys(bind for its, bind, _ in self._handed if its == kind))

    def take_all(self, kind: str) -> list[tuple[socket.socket, Bind]]:
        """All sockets of a kind, with their binds."""
        return [(sock, bind) for bind in self.binds(kind) for sock in self.take(kind, bind)]

    def ready(self) -> None:
        """This process serves: the old one may end. Returns when it knows."""
        self._channel.sock.settimeout(ANSWER_S)
        self._channel.send("ready")
        self._channel.wait()
        self.close()

    def close(self) -> None:
        """Let go of what was not taken."""
        for _, _, sock in self._handed:
            sock.close()
        self._handed = []
        self._channel.close()


def predecessor(environ: MutableMapping[str, str]) -> Predecessor | None:
    """Who started this process to take its place; None if nobody did. SetupError if it is gone."""
    text = environ.pop(VARIABLE, "")
    if not text:
        return None
    try:
        sock = socket.socket(fileno=int(text))
        sock.set_inheritable(False)
        sock.settimeout(ANSWER_S)
    except (OSError, ValueError):
        raise SetupError(
            f"${VARIABLE} names no channel to another supervisor: {text!r}",
            "It is set for the process that SIGUSR2 starts, and for no other: unset it.",
        ) from None
    channel = Channel(sock)
    message = channel.wait()
    if message is None:
        channel.close()
        raise SetupError("The supervisor that started this one to take its place is gone")
    _, pid, packed = message
    handed = [
        (kind, unpack_bind(bind), socket.socket(fileno=fd))
        for (kind, bind), fd in zip(packed, channel.take(len(packed)), strict=True)
    ]
    return Predecessor(channel, pid, handed)
