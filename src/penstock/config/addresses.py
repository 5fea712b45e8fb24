"""Addresses to listen on, from text to typed values.

    bind    = address [ "?" option *( "&" option ) ]
    address = host ":" port / "[" IPv6 "]:" port / ":" port / "unix:" path / "unix:@" name / "/" path /
              "fd://" number / "systemd:" [ name ]
    option  = "tls" / "redirect" / "proxy" / "dual" / "mode=" octal / "owner=" user [ ":" group ] /
              "name=" word

The spellings of addresses are those of gunicorn and hypercorn, so that their command lines keep
working.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

# sockaddr_un.sun_path holds 108 bytes on Linux, the closing NUL among them.
UNIX_PATH_BYTES_MAX = 107

_HOST = re.compile(r"[A-Za-z0-9._-]+")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OWNER = re.compile(r"[A-Za-z0-9._-]*(:[A-Za-z0-9._-]+)?")


class TcpAddress(NamedTuple):
    """A TCP port; `host` is a name or an IP address without brackets, port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class UnixAddress(NamedTuple):
    """A Unix domain socket: in the file system, or with a path that begins with @ in Linux's
    abstract namespace (unix(7)); a file of such a name is ./@name."""

    path: str

    @property
    def abstract(self) -> bool:
        """Whether it is a name without a file."""
        return self.path.startswith("@")

    @property
    def sockname(self) -> str:
        """What `socket.bind` takes."""
        return "\0" + self.path[1:] if self.abstract else self.path

    def __str__(self) -> str:
        return f"unix:{self.path}"


class FdAddress(NamedTuple):
    """A listening socket that was inherited open, under this descriptor."""

    fd: int

    def __str__(self) -> str:
        return f"fd://{self.fd}"


class SystemdAddress(NamedTuple):
    """Sockets that systemd has opened (sd_listen_fds(3)): those of this FileDescriptorName, all of
    them for ""."""

    name: str = ""

    def __str__(self) -> str:
        return f"systemd:{self.name}"


Address = TcpAddress | UnixAddress | FdAddress | SystemdAddress


class Bind(NamedTuple):
    """An address to listen on, and what is spoken there.

    - `tls`: TLS, with the server's certificates. `redirect`: plain HTTP is only sent to https; with
      `tls`, where somebody speaks it all the same.
    - `proxy_protocol`: each connection begins with a PROXY protocol header.
    - `mode`, `owner` (`user`, `user:group`, `:group`): of the socket's file; None and "" for the
      server's defaults.
    - `dual`: the IPv6 socket takes IPv4 clients too.
    - `name`: what it is called in what the server announces, "" for nothing.
    """

    address: Address
    tls: bool = False
    proxy_protocol: bool = False
    redirect: bool = False
    mode: int | None = None
    owner: str = ""
    dual: bool = False
    name: str = ""

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return "https" if self.tls else "http"

    def __str__(self) -> str:
        options = []
        for key, (field, _) in _OPTIONS.items():
            value = getattr(self, field)
            if value is True:
                options.append(key)
            elif isinstance(value, int) and value is not False:
                options.append(f"{key}={value:o}")
            elif value:
                options.append(f"{key}={value}")
        return f"{self.address}?{'&'.join(options)}" if options else str(self.address)


def parse_bind(text: str) -> Bind:
    """Return the typed bind that `text` names; ValueError says what is wrong with it."""
    place, mark, query = text.partition("?")
    found: dict[str, Any] = {}
    for item in query.split("&") if mark else ():
        key, equals, value = item.partition("=")
        if key not in _OPTIONS:
            from penstock.config.nearest import nearest

            close = nearest(key, _OPTIONS, cutoff=0.5)
            raise ValueError(
                f"{text!r}: there is no bind option {key!r}; "
                + (f"did you mean {close}?" if close else f"there are {', '.join(_OPTIONS)}")
            )
        field, parse = _OPTIONS[key]
        if field in found:
            raise ValueError(f"{text!r}: {key} is given twice")
        try:
            found[field] = parse(value if equals else None)
        except ValueError as error:
            raise ValueError(f"{text!r}: {key} {error}") from None
    bind = Bind(parse_address(place), **found)
    _check(text, bind)
    return bind


def _check(text: str, bind: Bind) -> None:
    """Refuse options that contradict each other or say nothing of such an address."""
    address = bind.address
    if bind.dual and not (isinstance(address, TcpAddress) and address.host == "::"):
        raise ValueError(
            f"{text!r}: dual is for all addresses of both families, as in [::]:80?dual"
        )
    if bind.mode is not None or bind.owner:
        key = "mode" if bind.mode is not None else "owner"
        if not isinstance(address, UnixAddress):
            raise ValueError(
                f"{text!r}: {key} is of a Unix socket's file, as in unix:/run/app.sock"
            )
        if address.abstract:
            raise ValueError(f"{text!r}: an abstract socket has no file, so it has no {key}")


def parse_address(text: str) -> Address:
    """Return the typed address that `text` names; ValueError says what is wrong with it."""
    if text.startswith("unix:"):
        return unix_address(text.removeprefix("unix:").removeprefix("//"))
    if text.startswith("/"):
        return unix_address(text)
    if text.startswith("fd:"):
        return FdAddress(_fd(text))
    if text.startswith("systemd:"):
        name = text.removeprefix("systemd:").removeprefix("//")
        if name and not name.isprintable():
            raise ValueError(f"{text!r} names no socket of systemd: write systemd: or systemd:NAME")
        return SystemdAddress(name)
    rest = text.removeprefix("tcp://")
    if "://" in rest or "/" in rest:
        raise ValueError(f"{text!r} is a URL: to listen, write host:port, as in 127.0.0.1:8000")
    host, colon, port = rest.rpartition(":")
    if rest.startswith("["):
        return _bracketed(text, rest)
    if not colon:
        shown = rest if not rest.isdigit() else ""
        number = rest if rest.isdigit() else "8000"
        raise ValueError(f"{text!r} is half an address: write {shown}:{number}")
    if ":" in host:
        raise ValueError(f"{text!r} is ambiguous: an IPv6 address needs brackets, as in [::1]:8000")
    return TcpAddress(check_host(host) if host else "0.0.0.0", _port(text, port))


def check_host(host: str) -> str:
    """Return a host name or IP address as given; brackets around IPv6 are taken off."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if ":" in bare:
        import ipaddress  # only IPv6 needs it

        try:
            ipaddress.IPv6Address(bare)
        except ValueError:
            raise ValueError(
                f"{host!r} is no host: give a name or an IP address, and the port with --port"
            ) from None
        return bare
    if not _HOST.fullmatch(bare):
        raise ValueError(f"{host!r} is no host: give a name or an IP address, as in 127.0.0.1")
    return bare


def unix_address(path: str) -> UnixAddress:
    """Return the address of the socket file at `path`, or of the abstract socket `@name`."""
    if path in {"", "@"}:
        raise ValueError("a Unix socket needs a path, as in unix:/run/app.sock")
    if "\0" in path:
        raise ValueError(f"{path!r} is no path: it holds a NUL")
    length = len(path.encode("utf-8", "surrogateescape"))
    if length > UNIX_PATH_BYTES_MAX:
        raise ValueError(
            f"{path!r} has {length} bytes; the system takes {UNIX_PATH_BYTES_MAX} for a socket's path"
        )
    return UnixAddress(path)


def parse_mode(raw: object) -> int:
    """Return the file mode that `raw`, octal digits or a number, stands for; ValueError if none."""
    mode: object = raw
    if isinstance(raw, str):
        try:
            mode = int(raw.removeprefix("0o"), 8)
        except ValueError:
            mode = None
    if isinstance(mode, bool) or not isinstance(mode, int) or not 0 <= mode <= 0o777:
        raise ValueError(
            f"{raw!r} is no file mode: write it in octal, as in 660 (TOML, Python: 0o660)"
        )
    return mode


def _bracketed(text: str, rest: str) -> TcpAddress:
    inside, closing, port = rest[1:].partition("]:")
    if not closing:
        raise ValueError(f"{text!r} lacks a port: write [::1]:8000")
    if ":" not in inside:
        raise ValueError(f"{text!r}: brackets are for IPv6 only; write {inside}:{port}")
    return TcpAddress(check_host(f"[{inside}]"), _port(text, port))


def _port(text: str, port: str) -> int:
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(f"{text!r}: the port must be a number from 0 to 65535, not {port!r}")
    return int(port)


def _fd(text: str) -> int:
    number = text.removeprefix("fd:").removeprefix("//")
    if not (number.isascii() and number.isdigit()):
        raise ValueError(f"{text!r} names no descriptor: write fd://3")
    return int(number)


def _switch(value: str | None) -> bool:
    if value is not None:
        raise ValueError("takes no value: leave it out to have it off")
    return True


def _mode(value: str | None) -> int:
    return parse_mode(value or "")


def _owner(value: str | None) -> str:
    if not value or value == ":" or not _OWNER.fullmatch(value):
        raise ValueError(f"is user, user:group or :group, not {value or ''!r}")
    return value


def _named(value: str | None) -> str:
    if value is None or not _NAME.fullmatch(value):
        raise ValueError(f"is a word of at most 64 letters, digits, dots and dashes, not {value!r}")
    return value


# Spelling in text → field of Bind, and how a value is read (None: the key stands alone).
_OPTIONS: dict[str, tuple[str, Callable[[str | None], Any]]] = {
    "tls": ("tls", _switch),
    "redirect": ("redirect", _switch),
    "proxy": ("proxy_protocol", _switch),
    "dual": ("dual", _switch),
    "mode": ("mode", _mode),
    "owner": ("owner", _owner),
    "name": ("name", _named),
}
