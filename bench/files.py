"""The static files that servers are asked for: noise, the same in every run."""

from __future__ import annotations

import functools
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ROUTE = "/static"
SMALL = "1k.bin"
LARGE = "10m.bin"
SIZES = {SMALL: 1024, LARGE: 10 << 20}


@functools.cache
def content(name: str) -> bytes:
    """What the file of that name holds."""
    return random.Random(name).randbytes(SIZES[name])


def path(name: str) -> str:
    """The path of its address."""
    return f"{ROUTE}/{name}"


def write(folder: Path) -> None:
    """Make the files; the same folder serves all rows."""
    for name in SIZES:
        file = folder / name
        if not file.exists():
            file.write_bytes(content(name))
