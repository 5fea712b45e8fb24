"""Typed addresses become bound, listening sockets, or a `BindError` that says what to change.

In two steps, because a taken port should be known before the application starts, and nobody may
get through before it has started (LIFE-06): `claim` binds, `listen` opens. Who gives up its rights in
between calls `reserve`, too.
"""

import errno
import os
import socket
import stat
import sys
from collections.abc import Callable, Iterable
from typing import Any

from penstock.config.addresses import Bind, SystemdAddress, TcpAddress, UnixAddress
from penstock.errors import BindError

# How long a left-over Unix socket may take to show that somebody answers on it (X10).
STALE_CHECK_S = 1.0

# Other families of a name with port 0 get the port that the system chose for the first one; it may
# be taken there, so the choice is repeated.
PORT_CHOICES_MAX = 10

# A name like localhost often has an IPv6 address on machines without IPv6.
_NO_SUCH_FAMILY = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class Listener:
    """An address to listen on. Base class: `claim` and `listen` are overridden.

    `bind`: what the options say of it. `sockets`: those that are bound, non-blocking. `close` frees
    the address.
    """

    def __init__(self, bind: Bind, backlog: int) -> None:
        self.bind = bind
        self.backlog = backlog
        self.sockets: list[socket.socket] = []

    def claim(self) -> None:
        """Make sure that the address can be had, as far as that can be known. BindError if not."""
        raise NotImplementedError

    def reserve(self) -> None:
        """Bind what `claim` only looked at. BindError if that cannot be."""

    def listen(self) -> None:
        """Let clients in. BindError if that cannot be."""
        raise NotImplementedError

    def adopt(self, sockets: Iterable[socket.socket]) -> None:
        """Take sockets that another process has bound to this address, in place of `claim`."""
        self.sockets = list(sockets)

    def disown(self) -> None:
        """The address is another process's from now on: `close` only closes the sockets here."""

    def close(self) -> None:
        """Free the address. May be called in any state, and again."""
        for sock in self.sockets:
            sock.close()
        self.sockets.clear()


class TcpListener(Listener):
    """A host and port: one socket for each address of the host's name.

    IPv6 sockets carry IPv6 only, so that clients' addresses look the same everywhere, unless the
    bind is `dual`.
    """

    def __init__(self, bind: Bind, address: TcpAddress, backlog: int) -> None:
        super().__init__(bind, backlog)
        self.address = address

    def claim(self) -> None:
        """Bind every address of the name, to one port."""
        host, port = self.address
        try:
            # Text goes through the IDNA codec with its tables, also where there is nothing to encode
            name = host.encode("ascii") if host.isascii() else host
            found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except (socket.gaierror, UnicodeError) as error:
            raise BindError(
                f"The host name {host!r} has no address: {error}",
                "Give --host a name of this machine or an IP address, as in 127.0.0.1 or 0.0.0.0.",
            ) from None
        places = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
        choices = PORT_CHOICES_MAX if port == 0 and len(places) > 1 else 1
        for choice in range(1, choices + 1):
            try:
                self._bind_all(places)
            except OSError as error:
                self.close()
                if error.errno == errno.EADDRINUSE and choice < choices:
                    continue
                raise self._explain(error) from None
            return

    def _bind_all(self, places: Iterable[tuple[int, Any]]) -> None:
        chosen = self.address.port
        skipped: OSError | None = None
        for family, place in places:
            try:
                sock = _bound_tcp(family, (place[0], chosen, *place[2:]), self.bind.dual)
                self.sockets.append(sock)
            except OSError as error:
                if error.errno not in _NO_SUCH_FAMILY:
                    raise
                skipped = error
                continue
            chosen = self.sockets[0].getsockname()[1]
        if not self.sockets and skipped is not None:
            raise skipped

    def listen(self) -> None:
        """Listen on all of them; somebody who bound the same port first may listen first."""
        for sock in self.sockets:
            try:
                sock.listen(self.backlog)
            except OSError as error:
                raise self._explain(error) from None

    def _explain(self, error: OSError) -> BindError:
        host, port = self.address
        if error.errno == errno.EADDRINUSE:
            return BindError(
                f"Port {port} on {host} is taken: another program listens there",
                f"Stop it (who it is: ss -ltnp 'sport = :{port}'), or take another port with"
                " --port; 0 lets the system choose.",
            )
        if error.errno in {errno.EACCES, errno.EPERM}:
            return BindError(
                f"Not allowed to listen on {self.address}: ports below 1024 need a privilege",
                "Take a port from 1024 on with --port, or allow it: CAP_NET_BIND_SERVICE, or"
                " sysctl net.ipv4.ip_unprivileged_port_start.",
            )
        if error.errno in _NO_SUCH_FAMILY:
            return BindError(
                f"{host} is no address of this machine ({error.strerror})",
                "Give --host one of its own (see: ip address), or 0.0.0.0 for all of them.",
            )
        return BindError(f"Cannot listen on {self.address}: {error.strerror or error}")


class UnixListener(Listener):
    """A socket file, or a name in Linux's abstract namespace.

    A file that is there is removed only if it is a socket on which nobody answers; a symbolic link
    is never followed, and nothing else is ever removed (X10).
    """

    def __init__(
        self, bind: Bind, address: UnixAddress, backlog: int, mode: int, owner: str
    ) -> None:
        super().__init__(bind, backlog)
        self.address = address
        self.mode = mode if bind.mode is None else bind.mode
        self.owner = "" if address.abstract else bind.owner or owner
        self._ours: tuple[int, int] | None = None

    def claim(self) -> None:
        """Only look: a bound socket that does not listen yet would seem stale to another server
        that starts on the same path."""
        try:
            owner_ids(self.owner)
            self._remove_stale()
        except OSError as error:
            raise self._explain(error) from None

    def reserve(self) -> None:
        """Make the socket file, with its mode and owner."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._remove_stale()
            # The file is made with the mode it is to have: a chmod by name could be led elsewhere,
            # and would leave a moment with another mode.
            before = os.umask(0o777 & ~self.mode)
            try:
                sock.bind(self.address.sockname)
            finally:
                os.umask(before)
            if not self.address.abstract:
                self._own()
            sock.setblocking(False)
        except OSError as error:
            sock.close()
            self.close()
            raise self._explain(error) from None
        except BaseException:
            sock.close()
            raise
        self.sockets.append(sock)

    def listen(self) -> None:
        """Listen, on a file that is made here if it was not reserved."""
        if not self.sockets:
            self.reserve()
        try:
            self.sockets[0].listen(self.backlog)
        except OSError as error:
            self.close()
            raise self._explain(error) from None

    def close(self) -> None:
        """Close, and remove the socket file if it is still the one that was made here."""
        super().close()
        ours, self._ours = self._ours, None
        if ours is None:
            return
        try:
            found = os.lstat(self.address.path)
            if (found.st_dev, found.st_ino) == ours:
                os.unlink(self.address.path)
        except OSError:
            # Gone, or no longer ours to remove: either way there is nothing left to do.
            pass

    def adopt(self, sockets: Iterable[socket.socket]) -> None:
        """The file is this process's to remove, if it is there."""
        super().adopt(sockets)
        if not self.address.abstract:
            try:
                found = os.lstat(self.address.path)
            except OSError:
                return
            if stat.S_ISSOCK(found.st_mode):
                self._ours = (found.st_dev, found.st_ino)

    def disown(self) -> None:
        """The file stays."""
        self._ours = None

    def _own(self) -> None:
        """Remember which file it is, and give it to its owner."""
        path = self.address.path
        found = os.lstat(path)
        self._ours = (found.st_dev, found.st_ino)
        user, group = owner_ids(self.owner)
        if (user, group) != (-1, -1):
            os.chown(path, user, group, follow_symlinks=False)

    def _remove_stale(self) -> None:
        if self.address.abstract:
            return
        path = self.address.path
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(found.st_mode):
            kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "no socket"
            raise BindError(
                f"{path!r} is there already and is {kind}, so it is left alone",
                "Remove it, or give --uds another path.",
            )
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(STALE_CHECK_S)
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                pass
            except FileNotFoundError:
                return
            except (TimeoutError, BlockingIOError):
                # Its queue is full, so somebody keeps it
                raise self._taken() from None
            else:
                raise self._taken()
        again = os.lstat(path)
        if (again.st_dev, again.st_ino) == (found.st_dev, found.st_ino):
            os.unlink(path)

    def _taken(self) -> BindError:
        return BindError(
            f"Another program listens on {self.address.path!r}",
            "Stop it, or give --uds another path.",
        )

    def _explain(self, error: OSError) -> BindError:
        path = self.address.path
        if error.errno == errno.EADDRINUSE:
            return self._taken()
        if error.errno == errno.ENOENT:
            return BindError(
                f"The folder of {path!r} is not there", "Make it, or give --uds another path."
            )
        if error.errno in {errno.EACCES, errno.EPERM}:
            return BindError(
                f"Not allowed to make the socket {path!r}",
                "Give this user the right to write in its folder, or give --uds another path; only"
                " root may give the file to another owner.",
            )
        return BindError(f"Cannot listen on {path!r}: {error.strerror or error}")


class GivenListener(Listener):
    """Sockets that somebody else made: an inherited descriptor, or `sockets=` in Python."""

    def __init__(self, sockets: Iterable[socket.socket], backlog: int, bind: Bind) -> None:
        super().__init__(bind, backlog)
        self.sockets = list(sockets)

    def claim(self) -> None:
        """Check that they can be listened on, and keep them to this process."""
        for sock in self.sockets:
            if sock.type != socket.SOCK_STREAM:
                raise BindError(
                    f"The given socket (descriptor {sock.fileno()}) is no stream socket:"
                    f" {socket.SocketKind(sock.type).name}",
                    "Give a TCP or Unix stream socket that is bound.",
                )
            # Children of the application must not hold the port open (V06).
            sock.set_inheritable(False)
            sock.setblocking(False)

    def listen(self) -> None:
        """Listen, which changes nothing for sockets that listen already."""
        for sock in self.sockets:
            try:
                sock.listen(self.backlog)
            except OSError as error:
                raise BindError(
                    f"Cannot listen on the given socket (descriptor {sock.fileno()}):"
                    f" {error.strerror or error}",
                    "Give a socket that is bound and not connected.",
                ) from None


def owner_ids(owner: str) -> tuple[int, int]:
    """User and group id of `user`, `user:group` or `:group`, names or numbers; -1 where none is said.
    BindError for a name that this machine does not know."""
    if not owner:
        return -1, -1
    import grp  # only here, and not on every system
    import pwd

    user, _, group = owner.partition(":")
    try:
        user_id = int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid if user else -1
        group_id = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid if group else -1
    except KeyError as error:
        raise BindError(
            f"There is no such owner for a socket: {error}", "Give names or ids of this machine."
        ) from None
    return user_id, group_id


def _from_descriptor(fd: int, backlog: int, bind: Bind) -> GivenListener:
    try:
        return GivenListener([socket.socket(fileno=fd)], backlog, bind)
    except OSError as error:
        raise BindError(
            f"Descriptor {fd} is no socket: {error.strerror or error}",
            "--fd takes the number of a socket that the parent process left open; systemd's start"
            " at 3.",
        ) from None


def make_listener(
    bind: Bind,
    backlog: int,
    uds_mode: int,
    activated: Callable[[str], Iterable[socket.socket]] | None = None,
    uds_owner: str = "",
) -> Listener:
    """The listener of a bind; nothing is reserved yet.

    `uds_mode`, `uds_owner`: of socket files whose bind names none. `activated(name)`: the sockets that systemd
    has opened under that name, or all of them for "". Raises `BindError` for a descriptor that is
    no socket, and for sockets that systemd has not opened.
    """
    address = bind.address
    if isinstance(address, TcpAddress):
        return TcpListener(bind, address, backlog)
    if isinstance(address, UnixAddress):
        return UnixListener(bind, address, backlog, uds_mode, uds_owner)
    if isinstance(address, SystemdAddress):
        sockets = list(activated(address.name)) if activated is not None else []
        if not sockets:
            raise BindError(
                f"systemd has opened no socket for {address}",
                "Start the server by a .socket unit (LISTEN_FDS), or give --bind another address.",
            )
        return GivenListener(sockets, backlog, bind)
    return _from_descriptor(address.fd, backlog, bind)


def bind_of(sock: socket.socket) -> Bind:
    """The bind of a socket that a program made itself: plain HTTP at its own address."""
    name = sock.getsockname()
    if isinstance(name, tuple):
        return Bind(TcpAddress(name[0], name[1]))
    return Bind(UnixAddress(os.fsdecode(name).replace("\0", "@", 1)))


def url_of(sock: socket.socket, bind: Bind) -> str:
    """Where a client on this machine reaches `sock`: `http://host:port`, or `unix:/path`.

    A wildcard address is none that a client can ask for, so the loopback address stands for it.
    """
    if sock.family == socket.AF_UNIX:
        return str(bind_of(sock).address)
    host, port = sock.getsockname()[:2]
    if host == "0.0.0.0":
        host = "127.0.0.1"
    elif host == "::":
        host = "::1"
    return f"{bind.scheme}://[{host}]:{port}" if ":" in host else f"{bind.scheme}://{host}:{port}"


def _bound_tcp(family: int, place: Any, dual: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix" and sys.platform != "cygwin":
            # Else a restart waits for the old connections' TIME_WAIT.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
        sock.setblocking(False)
        sock.bind(place)
    except BaseException:
        sock.close()
        raise
    return sock
