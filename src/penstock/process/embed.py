"""The server for use in a Python program: `run`, `serve` and `Server`.

They differ from the command line in three ways: start-up errors are raised, signals are left alone
unless asked for, and nothing is read from files or the environment.
"""

import logging
import os
import socket
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from penstock.config import Config
from penstock.config.config import DEFAULT
from penstock.config.options import BY_NAME
from penstock.errors import UsageError
from penstock.gateway import loading
from penstock.transport import server
from penstock.transport.worker import ERROR_LOGGER

# What a program cannot have at all; and what it can have with `run`, which is the whole process.
_OF_THE_COMMAND = ("workers", "reload", "preload")
_OF_A_PROCESS = ("announce", "health_bind", "pid", "user", "group", "umask", "name")


class Server(server.Server):
    """A server in the running event loop.

        async with penstock.Server(app, port=0) as server:
            ... server.url ...

    or `await penstock.Server(app).serve()`, which returns after `should_exit` was set.

    `app` is an ASGI or WSGI application, an import string as on the command line, or a `Config`.
    `options` are those of docs/options.md. `sockets`: bound sockets to serve on instead; they are
    closed at the end. Installs no signal handlers and no logging; log lines go to the loggers
    `penstock.error` and `penstock.access`, as the program configured them. Raises `SetupError` and
    its kin: `UsageError` from here, the others from the start.
    """

    def __init__(
        self,
        app: Any,
        *,
        sockets: Iterable[socket.socket] | None = None,
        on_ready: Callable[[Any], None] | None = None,
        **options: Any,
    ) -> None:
        config = _config(app, options)
        _refuse(config, (*_OF_THE_COMMAND, *_OF_A_PROCESS))
        super().__init__(
            config,
            partial(load, config),
            sockets=sockets,
            open_access_log=partial(open_access_log, config),
            on_ready=on_ready,
        )
        # A program that has an event loop of its own may know what it does with it.
        self.watched = config.sources["warn_blocked_loop"].rank != DEFAULT


async def serve(
    app: Any,
    *,
    signals: bool = False,
    sockets: Iterable[socket.socket] | None = None,
    **options: Any,
) -> None:
    """Serve `app` until this call is cancelled, or with `signals` until SIGINT or SIGTERM.

    A cancelled call shuts down gracefully first. Arguments and errors as `Server`.
    """
    embedded = Server(app, sockets=sockets, **options)
    if not signals:
        await embedded.serve()
        return
    from penstock.process.signals import Signals

    note = partial(_note, embedded)
    settings = embedded.settings
    shutdown_s, delay_s = settings.timeout_graceful_shutdown, settings.drain_delay
    with Signals(embedded, shutdown_s, note, delay_s) as caught:
        try:
            await embedded.serve()
        finally:
            caught.dismiss()


def run(app: Any, *, sockets: Iterable[socket.socket] | None = None, **options: Any) -> None:
    """Serve `app` as the command line does, with its signals, logging and start-up lines, until a
    signal ends it. Arguments as `Server`; start-up errors are raised."""
    from penstock.process.run import run_config

    config = _config(app, options)
    _refuse(config, _OF_THE_COMMAND)
    _, caught = run_config(config, sockets)
    caught.dismiss()


def load(config: Config) -> loading.Loaded:
    """The application that `config` names or holds."""
    return loading.load(
        config.app,
        interface=config.interface,
        factory=config.factory,
        app_dir=config.app_dir,
    )


def open_access_log(config: Config, call_later: Any) -> Any:
    """The access log that `config` describes, None where nobody would see it."""
    from penstock.observe.access import open_access_log as opened

    return opened(call_later, config)


def _config(app: Any, options: dict[str, Any]) -> Config:
    if not isinstance(app, Config):
        config = Config(app, **options)
    else:
        config = app.replace(**options) if options else app
    if config.env_file and config.sources["env_file"].place == "env_file=":
        # Of other sources it has been read with them
        from penstock.config import dotenv

        dotenv.fill(os.environ, config.env_file, os.getcwd())
    if config.dev_cert:
        from penstock.process import devcert

        config = devcert.settle(config, logging.getLogger(ERROR_LOGGER).info)
    return config


def _refuse(config: Config, names: Iterable[str]) -> None:
    """Nothing that was asked for is left undone in silence."""
    for name in names:
        place = config.sources[name].place
        if place == f"{name}=" and getattr(config, name) not in {None, False}:
            raise UsageError(
                f"{place} is of a process of the server's own, not of a server within a program",
                f"start one: penstock APP {BY_NAME[name].spelling}",
            )


def _note(embedded: Server, level: str, text: str) -> None:
    if embedded.worker is not None:
        embedded.worker.note(level, text)
