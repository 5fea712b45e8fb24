"""What passes between systemd and a service: sockets in, news out (sd_listen_fds(3), sd_notify(3)).

    LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES   sockets that systemd opened, from descriptor 3 on
    NOTIFY_SOCKET                            where the service says READY, RELOADING, STOPPING …
    WATCHDOG_USEC, WATCHDOG_PID              how often it has to say that it is alive

`take` reads them once and takes them out of the environment: they are meant for this process, and
what the application starts must neither believe that it got sockets nor speak for the service.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, NamedTuple

from penstock.errors import BindError

FIRST_FD = 3
# More than any unit has; a larger number is no list of sockets but a mistake in the environment.
FDS_MAX = 1024
# What systemd calls sockets whose unit has no FileDescriptorName= that it could pass on.
UNNAMED = "unknown"

# systemd's own advice (sd_watchdog_enabled(3)): at half the time after which it gives up.
WATCHDOG_SHARE = 0.5
# News that systemd's queue had no room for is offered again after this time.
AGAIN_S = 1.0
# Only what a service waits for is kept for another try, and that is a handful.
UNSENT_MAX = 16
STATUS_CHARS_MAX = 200

VARIABLES = (
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "LISTEN_FDNAMES",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
)


class Passed(NamedTuple):
    """A socket that systemd opened: its descriptor, and the name that its unit gives it."""

    fd: int
    name: str


class Systemd(NamedTuple):
    """What the environment said. Without systemd it is empty: no sockets, no place for news.

    `passed`: the sockets. `notify`: address of the socket for news, "" for none. `watchdog_s`: the
    time after which systemd gives the service up, 0 for never.
    """

    passed: tuple[Passed, ...] = ()
    notify: str = ""
    watchdog_s: float = 0.0

    def handed_on(self) -> dict[str, str]:
        """The environment for a process that takes this one's place as the service's main process."""
        found = {}
        if self.notify:
            found["NOTIFY_SOCKET"] = self.notify
        if self.watchdog_s:
            found["WATCHDOG_USEC"] = str(round(self.watchdog_s * 1_000_000))
        return found


def take(environ: MutableMapping[str, str], pid: int) -> Systemd:
    """Read what is meant for process `pid`, and remove all of it from `environ`.

    Sockets or a watchdog of another process (LISTEN_PID, WATCHDOG_PID) are none of ours. Raises
    BindError for a LISTEN_FDS that is no number of sockets.
    """
    said = {name: environ.pop(name, "") for name in VARIABLES}
    return Systemd(_passed(said, pid), _notify(said["NOTIFY_SOCKET"]), _watchdog_s(said, pid))


def _passed(said: MutableMapping[str, str], pid: int) -> tuple[Passed, ...]:
    if not said["LISTEN_FDS"] or said["LISTEN_PID"] != str(pid):
        return ()
    count = _number(said["LISTEN_FDS"])
    if count is None or count > FDS_MAX:
        raise BindError(
            f"LISTEN_FDS={said['LISTEN_FDS']!r} is no number of sockets from 0 to {FDS_MAX}",
            "systemd sets it for a service that has a .socket unit; unset it otherwise.",
        )
    names = said["LISTEN_FDNAMES"].split(":") if said["LISTEN_FDNAMES"] else []
    names += [UNNAMED] * (count - len(names))
    return tuple(Passed(FIRST_FD + index, names[index]) for index in range(count))


def _notify(address: str) -> str:
    # Others, as vsock: of virtual machines, speak of a whole machine and not of a service
    return address if address[:1] in {"/", "@"} and len(address) > 1 else ""


def _watchdog_s(said: MutableMapping[str, str], pid: int) -> float:
    if said["WATCHDOG_PID"] not in {"", str(pid)}:
        return 0.0
    return (_number(said["WATCHDOG_USEC"]) or 0) / 1_000_000


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def keep_to_this_process(passed: Iterable[Passed]) -> None:
    """Close the sockets on exec: systemd passes them without that flag (V06).

    Raises BindError for a descriptor that is not open.
    """
    for fd, name in passed:
        try:
            os.set_inheritable(fd, False)
        except OSError as error:
            raise BindError(
                f"Descriptor {fd} ({name}), which LISTEN_FDS names, is not open: {error.strerror}",
                "Something between systemd and the server closed it: start the server directly"
                " in ExecStart=, or through exec.",
            ) from None


def chosen(passed: tuple[Passed, ...], name: str) -> list[int]:
    """The descriptors that the bind `systemd:` (all of them) or `systemd:name` means.

    Raises BindError if there are none.
    """
    found = [fd for fd, its_name in passed if name in {"", its_name}]
    if found:
        return found
    if not passed:
        raise BindError(
            f"systemd passed no socket for systemd:{name}",
            "Start it by its .socket unit (systemctl start site.socket), which names the service;"
            " by hand: systemd-socket-activate -l 8000 penstock ...",
        )
    there = ", ".join(dict.fromkeys(its_name for _, its_name in passed))
    raise BindError(
        f"systemd passed no socket with the name {name!r}, but: {there}",
        f"Write FileDescriptorName={name} into its .socket unit, or bind systemd: for all of them.",
    )


class Notifier:
    """Tells systemd what the service is doing; does nothing where `address` is "".

    No call blocks or raises: news is help for an operator, and a service that cannot give it still
    serves. What the queue of systemd has no room for is sent before the next news, and `unsent` is
    true until then.
    """

    __slots__ = ("_monotonic_ns", "_socket", "_unsent", "address")

    def __init__(self, address: str, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.address = address
        self._monotonic_ns = monotonic_ns
        self._socket: socket.socket | None = None
        self._unsent: list[bytes] = []

    def ready(self, status: str = "") -> None:
        """The service serves; also after a reload, whether that went well or not."""
        self._send("READY=1", _status(status))

    def reloading(self, status: str = "") -> None:
        """A reload begins. systemd pairs it with the `ready` that ends it by the time in it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={self._monotonic_ns() // 1000}", _status(status))

    def stopping(self, status: str = "") -> None:
        """The shutdown begins."""
        self._send("STOPPING=1", _status(status))

    def status(self, text: str) -> None:
        """A line for `systemctl status`."""
        self._send(_status(text))

    def main_pid(self, pid: int) -> None:
        """Another process is the main one from here on; only the one before may say so."""
        self._send(f"MAINPID={pid}")

    def watchdog(self) -> None:
        """The service is alive. Not kept for later: an old sign of life says nothing."""
        self._send("WATCHDOG=1", keep=False)

    @property
    def unsent(self) -> bool:
        """Whether there is news that systemd had no room for."""
        return bool(self._unsent)

    def flush(self) -> None:
        """Offer again what systemd had no room for."""
        while self._unsent:
            if not self._offer(self._unsent[0]):
                return
            del self._unsent[0]

    def close(self) -> None:
        """Let go of the socket; what is sent after that opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *lines: str, keep: bool = True) -> None:
        if not self.address:
            return
        self.flush()
        data = "\n".join(line for line in lines if line).encode("utf-8", "replace")
        if (self._unsent or not self._offer(data)) and keep:
            self._unsent = [*self._unsent, data][-UNSENT_MAX:]

    def _offer(self, data: bytes) -> bool:
        """False if it should be offered again."""
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            self._socket.sendto(data, self._where())
        except (BlockingIOError, InterruptedError):
            return False
        except (OSError, AttributeError):
            # Nobody listens there, or it may not be reached: another try would end the same way
            self.close()
        return True

    def _where(self) -> str:
        # The abstract name space (unix(7)) is written with @ for the NUL that it starts with
        return f"\0{self.address[1:]}" if self.address.startswith("@") else self.address


def _status(text: str) -> str:
    line = " ".join(text.split())
    return f"STATUS={line[:STATUS_CHARS_MAX]}" if line else ""


class Heartbeat:
    """Sends the watchdog's sign of life from the event loop, at half the time that systemd allows.

    A loop that stands still sends none, and `alive()`, which is asked before each, can withhold it.
    Unsent news is offered again, too. `start` and `stop` on the loop's thread.
    """

    __slots__ = ("_alive", "_call_later", "_interval_s", "_news", "_timer", "_watched")

    def __init__(
        self,
        notifier: Notifier,
        watchdog_s: float,
        call_later: Callable[..., Any],
        alive: Callable[[], bool],
    ) -> None:
        self._news = notifier
        self._watched = watchdog_s > 0
        self._interval_s = watchdog_s * WATCHDOG_SHARE if self._watched else AGAIN_S
        self._call_later = call_later
        self._alive = alive
        self._timer: Any = None

    def start(self) -> None:
        """Give the first sign now. Without a watchdog and unsent news it is over at once."""
        if self._news.address and self._timer is None:
            self._beat()

    def stop(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        self._timer = None
        self._news.flush()
        if self._watched and self._alive():
            self._news.watchdog()
        if self._watched or self._news.unsent:
            self._timer = self._call_later(self._interval_s, self._beat)
