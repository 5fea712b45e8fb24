"""What `penstock --version` says: version, leg, Python and event loop."""

from __future__ import annotations

import platform
from importlib import metadata

from penstock import __version__
from penstock._leg import compiled_modules


def version_text() -> str:
    """One line: `penstock 0.1.0 (compiled: 9 modules), CPython 3.13.0, uvloop 0.23.0, Linux x86_64`."""
    compiled = compiled_modules()
    count = f"{len(compiled)} module{'s' * (len(compiled) != 1)}"
    leg = f"compiled: {count}" if compiled else "pure Python"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"penstock {__version__} ({leg}), {python}, {_loop()}, {platform.system()} {platform.machine()}"


def _loop() -> str:
    """The event loop that --loop auto takes here."""
    try:
        return f"uvloop {metadata.version('uvloop')}"
    except metadata.PackageNotFoundError:
        return "asyncio (no uvloop)"
