"""A Config, and the binds of sockets, as plain values that pass from one process to another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from penstock.config import Bind, Config
from penstock.config.addresses import FdAddress, SystemdAddress, TcpAddress, UnixAddress
from penstock.config.config import DEFAULT, Setting, Source
from penstock.config.options import BY_NAME

_ADDRESSES: dict[str, Any] = {
    each.__name__: each for each in (TcpAddress, UnixAddress, FdAddress, SystemdAddress)
}


def pack(config: Config) -> list[tuple[str, Any, int, str]]:
    """What makes `config` again in another process: the options that somebody gave."""
    found = []
    for name, source in config.sources.items():
        if source.rank != DEFAULT:
            value = _plain(getattr(config, name))
            found.append((name, value, source.rank, source.place))
    return found


def _plain(value: Any) -> Any:
    """Named tuples as tuples, which is all that a channel carries; the option reads them again."""
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value


def unpack(packed: Iterable[tuple[str, Any, int, str]]) -> Config:
    """The Config that was packed."""
    return Config.of(
        Setting(BY_NAME[name], value, Source(rank, place)) for name, value, rank, place in packed
    )


def pack_bind(bind: Bind) -> tuple[Any, ...]:
    """The same for a bind."""
    return (type(bind.address).__name__, tuple(bind.address), *bind[1:])


def unpack_bind(packed: tuple[Any, ...]) -> Bind:
    """The Bind that was packed."""
    kind, address, *rest = packed
    return Bind(_ADDRESSES[kind](*address), *rest)
