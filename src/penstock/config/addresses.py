"""Addresses to listen on, from text to typed values.

    address = host ":" port / "[" IPv6 "]:" port / ":" port / "unix:" path / "/" path / "fd://" number

The spellings are those of gunicorn and hypercorn, so that their command lines keep working.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# sockaddr_un.sun_path holds 108 bytes on Linux, the closing NUL among them.
UNIX_PATH_BYTES_MAX = 107

_HOST = re.compile(r"[A-Za-z0-9._-]+")


class TcpAddress(NamedTuple):
    """A TCP port; `host` is a name or an IP address without brackets, port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class UnixAddress(NamedTuple):
    """A Unix domain socket in the file system."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


class FdAddress(NamedTuple):
    """A listening socket that was inherited open, under this descriptor."""

    fd: int

    def __str__(self) -> str:
        return f"fd://{self.fd}"


Address = TcpAddress | UnixAddress | FdAddress


def parse_address(text: str) -> Address:
    """Return the typed address that `text` names; ValueError says what is wrong with it."""
    if text.startswith("unix:"):
        return unix_address(text.removeprefix("unix:").removeprefix("//"))
    if text.startswith("/"):
        return unix_address(text)
    if text.startswith("fd:"):
        return FdAddress(_fd(text))
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
    """Return the address of the socket file at `path`."""
    if not path:
        raise ValueError("a Unix socket needs a path, as in unix:/run/app.sock")
    if "\0" in path:
        raise ValueError(f"{path!r} is no path: it holds a NUL")
    length = len(path.encode("utf-8", "surrogateescape"))
    if length > UNIX_PATH_BYTES_MAX:
        raise ValueError(
            f"{path!r} has {length} bytes; the system takes {UNIX_PATH_BYTES_MAX} for a socket's path"
        )
    return UnixAddress(path)


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
