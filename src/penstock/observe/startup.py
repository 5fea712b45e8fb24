"""The lines that a person reads when the server starts: where it is, what it serves, what it is."""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

# As the system writes them, which has one spelling for each; and where a browser finds them.
_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
INTERFACE_NAMES = {"asgi3": "ASGI 3", "asgi2": "ASGI 2", "wsgi": "WSGI"}


class Startup(NamedTuple):
    """What the lines tell.

    `addresses`: as `address_shown` writes them. `app`: the application as it was asked for;
    `interface`: `"asgi3"`, `"asgi2"` or `"wsgi"`. `protocols`: names for people. `leg`:
    `"compiled"` or `"pure"`. `loop`: `"uvloop"` or `"asyncio"`. `python`: implementation and
    version. `quit_key`: whether Ctrl+C ends the process. `workers`: their number, 0 for one process
    without a supervisor.
    """

    version: str
    addresses: Sequence[str]
    app: str
    interface: str
    protocols: Sequence[str]
    leg: str
    loop: str
    python: str
    pid: int
    quit_key: bool = True
    workers: int = 0


def address_shown(sockname: Any, scheme: str = "http") -> str:
    """A listening socket's name as something to click on: `http://127.0.0.1:8000`.

    `sockname` is what `socket.getsockname` returned: a tuple for IP, text or bytes for a Unix
    socket, shown as `unix:/path`. The unspecified address, which no browser can open everywhere,
    becomes the loopback address with a word on it.
    """
    if isinstance(sockname, bytes):
        sockname = sockname.decode("utf-8", "backslashreplace")
    if isinstance(sockname, str):
        # An abstract socket's name starts with NUL (unix(7)); @ is how people write that.
        return "unix:" + sockname.replace("\0", "@", 1)
    host, port = sockname[:2]
    if host in _UNSPECIFIED:
        return f"{scheme}://{_UNSPECIFIED[host]}:{port} (and all other addresses, {host})"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def announce(logger: logging.Logger, startup: Startup) -> None:
    """Log the start-up lines at level info; the last says where the server is."""
    interface = INTERFACE_NAMES.get(startup.interface, startup.interface)
    several = f", {startup.workers} worker{'s' * (startup.workers != 1)}" if startup.workers else ""
    logger.info(
        "Penstock %s (%s) on %s with %s, process %d%s",
        startup.version,
        startup.leg,
        startup.python,
        startup.loop,
        startup.pid,
        several,
        extra={"highlight": (f"Penstock {startup.version}",)},
    )
    logger.info(
        "Serving %s (%s) over %s",
        startup.app,
        interface,
        " and ".join(filter(None, (", ".join(startup.protocols[:-1]), startup.protocols[-1]))),
        extra={"highlight": (startup.app,)},
    )
    quit_hint = " (Press CTRL+C to quit)" if startup.quit_key else ""
    for number, address in enumerate(startup.addresses, 1):
        last = number == len(startup.addresses)
        logger.info(
            "Running on %s%s",
            address,
            quit_hint if last else "",
            extra={"highlight": (address.split(" ")[0],)},
        )
