"""Every option declared once, and the sources that its value may come from.

options   the table: name, kind, unit, default, flags, environment, help, reason
kinds     what a value of each kind looks like, parsed and checked
config    `Config`: the values, immutable, and where each came from
sources   defaults < TOML file < environment < flags
"""

from __future__ import annotations

from penstock.config.addresses import (
    Address,
    Bind,
    FdAddress,
    SystemdAddress,
    TcpAddress,
    UnixAddress,
)
from penstock.config.config import Config, Source

__all__ = [
    "Address",
    "Bind",
    "Config",
    "FdAddress",
    "Source",
    "SystemdAddress",
    "TcpAddress",
    "UnixAddress",
]
