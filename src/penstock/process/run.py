"""One process that serves without a supervisor: what `penstock module:app` does.

Event loop, application, logging, signals, start-up lines; then the server; then an end that really
ends, also when an application's tasks swallow their cancellation.
"""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from penstock.config import Bind, Config, SystemdAddress
from penstock.config.config import DEFAULT
from penstock.errors import SetupError, UsageError
from penstock.process.embed import load, open_access_log
from penstock.process.signals import Signals
from penstock.transport.direct import keep_memory
from penstock.transport.server import Server
from penstock.transport.worker import ERROR_LOGGER

# As platform.python_implementation has it, which compiles regular expressions for that
_IMPLEMENTATIONS = {"cpython": "CPython", "pypy": "PyPy"}

# What is still pending at the end gets this long to be cancelled.
END_TASKS_S = 1.0


def run(config: Config) -> int:
    """Serve until a signal and return the exit code: 0, or 128 + signal when the signal came twice.

    Raises SetupError and its kin when it cannot start.
    """
    code, _ = run_config(config, None)
    return code


def run_config(config: Config, sockets: Iterable[socket.socket] | None) -> tuple[int, Signals]:
    """The same, and the guard that ends the process should its threads keep it."""
    around = _surroundings(config)
    if around is None:
        return _run(config, sockets, None)
    try:
        around.enter(bind=sockets is None and around.binds_early)
        return _run(config, around.sockets or sockets, around)
    except SetupError as error:
        around.news.status(f"Not started: {error}")
        raise
    finally:
        around.leave()


def _surroundings(config: Config) -> Any:
    """What surrounds this process, None for nothing: most starts do not pay for it."""
    options = (
        config.announce,
        config.pid,
        config.user,
        config.group,
        config.umask,
        config.name,
    )
    if (
        all(value is None for value in options)
        and not any(name in os.environ for name in ("LISTEN_FDS", "NOTIFY_SOCKET"))
        and not any(isinstance(bind.address, SystemdAddress) for bind in config.listeners)
    ):
        return None
    from penstock.process.surroundings import Surroundings

    return Surroundings(config)


def _run(config: Config, sockets: Any, around: Any) -> tuple[int, Signals]:
    configure_logs(config)
    logger = logging.getLogger(ERROR_LOGGER)

    def ready(server: Server) -> None:
        announce(server)
        if around is not None:
            if text := around.unserved():
                logger.warning("%s", text)
            try:
                around.announce(server.bound)
            except SetupError as error:
                logger.error("%s. %s", error, error.hint)
            around.ready(loop.call_later, f"Serving on {', '.join(server.urls)}")

    loop = loop_factory(config.loop)()
    keep_memory()
    try:
        # Applications that ask for the event loop while they are imported get this one.
        asyncio.set_event_loop(loop)
        server = Server(
            config,
            partial(load, config),
            sockets=sockets,
            open_access_log=partial(open_access_log, config),
            on_ready=ready,
        )
        if around is not None:
            server.on_stopping = around.stopping
        server.load()
        shutdown_s, delay_s = config.timeout_graceful_shutdown, config.drain_delay
        with Signals(server, shutdown_s, _note(logger), delay_s) as caught:
            try:
                loop.run_until_complete(_serve(server, config))
            finally:
                end_tasks(loop, logger)
        return caught.exit_code, caught
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _serve(server: Server, config: Config) -> None:
    if not config.health_bind:
        await server.serve()
        return
    from penstock.process.health import health_of, open_health

    async with open_health(config, partial(health_of, server)):
        await server.serve()


def configure_logs(config: Config) -> None:
    """Set up logging as the options say."""
    from penstock.observe import logs

    # A level that nobody asked for does not override what a log configuration says.
    asked = config.log_config is None or config.sources["log_level"].rank != DEFAULT
    logs.configure(
        level=config.log_level if asked else None,
        config=config.log_config,
        use_colors=config.use_colors,
        log_file=None if config.log_file == "-" else config.log_file,
        access_log_file=None if config.access_log_file == "-" else config.access_log_file,
    )


def loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes the event loop: `uvloop`, `asyncio`, or `auto` for uvloop where it is installed."""
    if name != "asyncio":
        try:
            import uvloop

            return uvloop.new_event_loop
        except ImportError as error:
            if name == "uvloop":
                raise UsageError(
                    f"--loop uvloop: uvloop cannot be imported ({error})",
                    "pip install uvloop, or take --loop auto",
                ) from None
    return asyncio.new_event_loop


def announce(server: Server) -> None:
    """Log the start-up lines of a server that runs in this process."""
    if server.worker is not None:
        loaded = server.load()
        loop = loop_name(server.worker.loop)
        http2 = server.settings.http2
        announce_service(server.bound, loaded.name, loaded.interface, loop, http2=http2)


def loop_name(loop: asyncio.AbstractEventLoop) -> str:
    """`uvloop` or `asyncio`."""
    return type(loop).__module__.partition(".")[0]


def announce_service(
    bound: Iterable[tuple[socket.socket, Bind]],
    app: str,
    interface: str,
    loop: str,
    workers: int = 0,
    *,
    http2: bool,
) -> None:
    """Log the start-up lines, where somebody would see them. `workers`: 0 without a supervisor."""
    logger = logging.getLogger(ERROR_LOGGER)
    if not logger.isEnabledFor(logging.INFO):
        return
    from penstock import __version__
    from penstock._leg import leg
    from penstock.observe import startup

    name = _IMPLEMENTATIONS.get(sys.implementation.name, sys.implementation.name)
    startup.announce(
        logger,
        startup.Startup(
            version=__version__,
            addresses=[
                startup.address_shown(sock.getsockname(), bind.scheme) for sock, bind in bound
            ],
            app=app,
            interface=interface,
            protocols=_protocols(interface, http2),
            leg=leg(),
            loop=loop,
            python=f"{name} {sys.version.split(maxsplit=1)[0]}",
            pid=os.getpid(),
            quit_key=sys.stdin is not None and sys.stdin.isatty(),
            workers=workers,
        ),
    )


def _protocols(interface: str, http2: bool) -> list[str]:
    """What is spoken, for people."""
    spoken = ["HTTP/1.1"]
    if http2:
        spoken.append("HTTP/2")
    if interface != "wsgi":
        spoken.append("WebSocket")
    return spoken


def end_tasks(loop: asyncio.AbstractEventLoop, logger: logging.Logger) -> None:
    """What `asyncio.Runner` does at its end, but with limits."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        _, stuck = loop.run_until_complete(asyncio.wait(tasks, timeout=END_TASKS_S))
        for task in stuck:
            logger.error("A task ignores its cancellation and is left behind: %s", task.get_name())
    # Not `shutdown_default_executor`, which may wait for ever for a thread that hangs: `loop.close()`
    # tells the threads to end, the interpreter waits for them, and the guard bounds that.
    try:
        loop.run_until_complete(asyncio.wait_for(loop.shutdown_asyncgens(), timeout=END_TASKS_S))
    except TimeoutError:
        logger.error("Asynchronous generators do not end; they are left behind")


def _note(logger: logging.Logger) -> Any:
    def note(level: str, text: str) -> None:
        logger.log(logging.getLevelNamesMapping()[level.upper()], "%s", text)

    return note
