"""What surrounds the server's main process: one process that serves, a supervisor, a reloader.

    enter    umask · pid file · sockets · title · user and group, for good
    announce other programs can read where it listens
    ready    systemd hears READY, then signs of life; `reloading` and `stopping` likewise
    leave    sockets closed and their files removed · pid file and announcement removed

A start that needs none of it does not import this.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

from penstock.config import Bind, Config, FdAddress
from penstock.config.addresses import SystemdAddress
from penstock.config.config import DEFAULT
from penstock.errors import BindError
from penstock.process import identity, systemd
from penstock.process.announcement import Announcement
from penstock.process.pidfile import PidFile
from penstock.process.title import set_title
from penstock.transport.listeners import GivenListener, Listener, make_listener

# The options that say where to listen.
_PLACES = ("bind", "uds", "fd", "host", "port")


class Surroundings:
    """Of the process that calls `enter`, once, before it loads an application or starts a thread.

    The constructor takes systemd's variables out of `environ`. `predecessor`: the pid of a process
    that hands its sockets to this one and may be the pid file's owner; 0 for none.

    - `inherited(bind)`: sockets for a bind that another process has handed over; none by default.
      `inherited_binds`: all that it had, for a start whose options name none.
    - `systemd`: what systemd said. `news`: tells it how the service is.
    - `listeners`: claimed, and open to nobody until `listen`; empty if `enter` was to bind nothing.
    """

    def __init__(
        self, config: Config, environ: MutableMapping[str, str] = os.environ, predecessor: int = 0
    ) -> None:
        self.systemd = systemd.take(environ, os.getpid())
        self.news = systemd.Notifier(self.systemd.notify)
        self.listeners: list[Listener] = []
        self.inherited: Callable[[Bind], list[socket.socket]] = _nothing
        self.inherited_binds: tuple[Bind, ...] = ()
        self._config = config
        self._environ = environ
        self._identity = identity.find(config.user, config.group)
        self._pid_file = None if config.pid is None else PidFile(config.pid, predecessor)
        self._announcement = (
            None if config.announce is None else Announcement(config.announce, predecessor)
        )
        self._heartbeat: systemd.Heartbeat | None = None
        self._used: set[int] = set()

    def enter(self, part: str = "", *, bind: bool) -> None:
        """Do all of it; `bind`: sockets too. `part`: of this process, for its title.

        Raises SetupError and its kin, after which nothing is left but the umask, a title and
        possibly the user.
        """
        config = self._config
        try:
            systemd.keep_to_this_process(self.systemd.passed)
            if config.umask is not None:
                os.umask(config.umask)
            if self._pid_file is not None:
                self._pid_file.claim()
            if self._announcement is not None:
                self._announcement.claim()
            if bind:
                self._bind()
            # First: after a change of user the files in /proc are still root's
            set_title(config.name, part, config.app if isinstance(config.app, str) else "")
            if self._identity is not None:
                identity.become(self._identity, self._environ)
        except BaseException:
            self.leave()
            raise

    @property
    def binds_early(self) -> bool:
        """Whether a single process has to bind before its application is there: since it will not
        be allowed to later, or since only here systemd's sockets are known."""
        found = binds(self._config, self.systemd)
        return self._identity is not None or any(
            isinstance(bind.address, SystemdAddress) for bind in found
        )

    @property
    def sockets(self) -> list[tuple[socket.socket, Bind]]:
        """The bound sockets, each with what the options say of it."""
        return [(sock, each.bind) for each in self.listeners for sock in each.sockets]

    def listen(self) -> None:
        """Open the sockets: clients may connect. BindError if that cannot be."""
        for listener in self.listeners:
            listener.listen()

    def unserved(self) -> str:
        """A line about sockets that systemd passed and no bind asks for, "" if there are none."""
        config = self._config
        asked = self._used | {
            bind.address.fd for bind in config.listeners if isinstance(bind.address, FdAddress)
        }
        left = [each for each in self.systemd.passed if each.fd not in asked]
        if not left:
            return ""
        names = ", ".join(f"{fd} ({name})" for fd, name in left)
        return (
            f"systemd passed sockets that nothing here serves: descriptor {names};"
            " --bind systemd: serves all of them"
        )

    def announce(self, bound: Iterable[tuple[socket.socket, Bind]]) -> None:
        """These sockets are served: `--announce`. SetupError if that cannot be written."""
        if self._announcement is not None:
            self._announcement.write(bound)

    def ready(
        self,
        call_later: Callable[..., Any],
        status: str = "",
        alive: Callable[[], bool] = lambda: True,
    ) -> None:
        """The service serves: say so, and from now on that it is alive, as long as `alive()` is.

        `call_later`: of the event loop on whose thread this and all that follows are called.
        """
        self.news.ready(status)
        if self._heartbeat is None:
            self._heartbeat = systemd.Heartbeat(
                self.news, self.systemd.watchdog_s, call_later, alive
            )
        self._heartbeat.start()

    def reloading(self, status: str = "") -> None:
        """A reload begins; `ready` ends it, however it went."""
        self.news.reloading(status)

    def stopping(self, status: str = "") -> None:
        """The shutdown begins; signs of life go on until `leave`."""
        self.news.stopping(status)

    def leave(self) -> None:
        """Give back what `enter` took. May be called in any state, and again."""
        if self._heartbeat is not None:
            self._heartbeat.stop()
        for listener in self.listeners:
            listener.close()
        self.listeners.clear()
        if self._announcement is not None:
            self._announcement.withdraw()
        if self._pid_file is not None:
            self._pid_file.remove()
        self.news.close()

    def _bind(self) -> None:
        config, who = self._config, self._identity
        owner = config.uds_owner or ("" if who is None else f"{who.uid}:{who.gid}")
        for bind in self._binds():
            sockets = self.inherited(bind)
            if sockets:
                self.listeners.append(_adopted(bind, sockets, config))
                continue
            listener = make_listener(bind, config.backlog, config.uds_mode, self._activated, owner)
            self.listeners.append(listener)
            listener.claim()
            if who is not None:
                listener.reserve()

    def _binds(self) -> tuple[Bind, ...]:
        if all(self._config.sources[name].rank == DEFAULT for name in _PLACES):
            # What systemd passed to the process before, it does not pass to this one
            passed = [each for each in self.inherited_binds if type(each.address) is SystemdAddress]
            if passed:
                return tuple(passed)
        return binds(self._config, self.systemd)

    def _activated(self, name: str) -> list[socket.socket]:
        found: list[socket.socket] = []
        fd = systemd.FIRST_FD
        try:
            for fd in systemd.chosen(self.systemd.passed, name):
                if fd in self._used:
                    raise BindError(
                        f"Two binds mean the socket that systemd passed as descriptor {fd}",
                        "Give the sockets names (FileDescriptorName=), or bind systemd: once.",
                    )
                self._used.add(fd)
                found.append(socket.socket(fileno=fd))
        except OSError as error:
            for sock in found:
                sock.close()
            raise BindError(
                f"What systemd passed as descriptor {fd} is no socket: {error.strerror or error}",
                "ListenStream= in the .socket unit makes one; a FIFO or a special file is none.",
            ) from None
        return found


def _nothing(_bind: Bind) -> list[socket.socket]:
    return []


def _adopted(bind: Bind, sockets: list[socket.socket], config: Config) -> Listener:
    if isinstance(bind.address, FdAddress | SystemdAddress):
        return GivenListener(sockets, config.backlog, bind)
    listener = make_listener(bind, config.backlog, config.uds_mode)
    listener.adopt(sockets)
    return listener


def binds(config: Config, said: systemd.Systemd) -> tuple[Bind, ...]:
    """The binds of `config`; if it names none and systemd passed sockets, these."""
    if said.passed and all(config.sources[name].rank == DEFAULT for name in _PLACES):
        return (config.listeners[0]._replace(address=SystemdAddress()),)
    return config.listeners
