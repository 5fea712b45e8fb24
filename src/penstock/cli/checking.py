"""What `penstock config check` looks at besides the values themselves: the files that they name, and
the application. Nothing is bound, written or served."""

from __future__ import annotations

import os
from collections.abc import Iterator

from penstock.cli import arguments as line
from penstock.config.addresses import UnixAddress
from penstock.config.config import DEFAULT, Config
from penstock.errors import SetupError, UsageError
from penstock.gateway.detect import LABELS

# Files that are written: their folder must be there
WRITTEN = ("log_file", "access_log_file", "pid", "announce")
# Files that are looked at elsewhere: as they are read with the options, or below
READ = (
    "app_dir", "env_file", "log_config", "static", "ssl_certfile", "ssl_keyfile", "ssl_cert_dir",
    "ssl_ca_certs", "ssl_crl", "uds",
)  # fmt: skip


def problems(config: Config) -> list[SetupError]:
    """What would keep the server from starting, as far as that can be seen without starting it."""
    found: list[SetupError] = []
    for look in (_written, _sockets, _watched, _logging, _tls, _packages, _identity, _loop):
        try:
            found += look(config)
        except SetupError as error:
            found.append(error)
    return found


def summary(config: Config, files: list[str]) -> list[str]:
    """Lines that say what was looked at."""
    changed = sum(source.rank != DEFAULT for source in config.sources.values())
    read = f" ({', '.join(files)})" if files else ""
    binds = ", ".join(f"{bind} ({bind.scheme})" for bind in config.listeners)
    return [
        f"{changed} option{'s' * (changed != 1)} set{read}, all of them valid",
        f"would listen on {binds}",
    ]


def application(config: Config) -> str:
    """Import the application and say what it is; ImportFailed and UsageError as at the start."""
    from penstock.gateway import loading

    loaded = loading.load(
        config.app, interface=config.interface, factory=config.factory, app_dir=config.app_dir
    )
    return f"{loaded.name} can be imported: {LABELS[loaded.interface]}"


def _written(config: Config) -> Iterator[UsageError]:
    for name in WRITTEN:
        path = getattr(config, name, None)
        if path and path != "-":
            yield from _folder_of(path, config.sources[name].place)


def _sockets(config: Config) -> Iterator[UsageError]:
    for bind in config.listeners:
        if isinstance(bind.address, UnixAddress) and not bind.address.abstract:
            yield from _folder_of(bind.address.path, str(bind))


def _folder_of(path: str, place: str) -> Iterator[UsageError]:
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        yield UsageError(f"{place}: there is no folder {folder}", "make it, or name another file")
    elif os.path.isdir(path):
        yield UsageError(f"{place}: {path} is a folder", "name a file in it")


def _watched(config: Config) -> Iterator[UsageError]:
    for folder in config.reload_dir:
        if not os.path.isdir(folder):
            yield UsageError(
                f"{config.sources['reload_dir'].place}: there is no folder {folder},"
                f" seen from {os.getcwd()}"
            )


def _logging(config: Config) -> Iterator[UsageError]:
    """The form only: applying it would open the log files, perhaps as the wrong user."""
    if config.log_config is None:
        return
    from penstock.observe import logs

    for name in ("log_file", "access_log_file"):
        if getattr(config, name) != "-":
            yield UsageError(
                f"{config.sources[name].place}: the log configuration says where logs go",
                "leave it out, or write a handler for it in --log-config",
            )
    named = config.log_config
    shown = "the given table" if isinstance(named, dict) else named
    place = f"{config.sources['log_config'].place}: {shown}"
    try:
        settings = named if isinstance(named, dict) else logs.read_config(named)
        if settings is None:
            from configparser import ConfigParser

            parser = ConfigParser()
            parser.read(str(named), encoding="utf-8")
            missing = [part for part in _SECTIONS if not parser.has_section(part)]
            if missing:
                yield UsageError(f"{place} lacks the section {missing[0]}", _LOG_HINT)
            return
    except SetupError:
        raise
    except Exception as error:  # of several parsers: JSON, YAML, INI
        yield UsageError(f"{place} cannot be read: {error}", _LOG_HINT)
        return
    if settings.get("version") != 1:
        yield UsageError(f"{place} lacks version: 1", _LOG_HINT)
    handlers = settings.get("handlers", {})
    formatters = settings.get("formatters", {})
    loggers = {**settings.get("loggers", {}), "root": settings.get("root", {})}
    for name, logger in loggers.items():
        for handler in logger.get("handlers", ()):
            if handler not in handlers:
                yield UsageError(f"{place}: the logger {name} has no handler {handler}", _LOG_HINT)
    for name, handler in handlers.items():
        formatter = handler.get("formatter")
        if formatter is not None and formatter not in formatters:
            yield UsageError(f"{place}: the handler {name} has no formatter {formatter}", _LOG_HINT)


_SECTIONS = ("loggers", "handlers", "formatters")
_LOG_HINT = "--log-config takes what logging.config.dictConfig or fileConfig takes"


def _tls(config: Config) -> Iterator[UsageError]:
    if config.ssl_certfile or config.ssl_cert_dir is not None:
        from penstock.transport import tls_context

        tls_context.load(config, lambda _level, text: line.note(text))
    yield from ()


def _packages(config: Config) -> Iterator[UsageError]:
    from importlib.util import find_spec

    if config.reload and not config.reload_polling and find_spec("watchfiles") is None:
        yield UsageError(
            "--reload needs the package watchfiles, which tells of changed files",
            "pip install 'penstock[reload]', or add --reload-polling",
        )
    if config.dev_cert and (config.ssl_certfile or config.ssl_cert_dir is not None):
        yield UsageError(
            "--dev-cert and a certificate are both given", "leave --dev-cert out to serve the other"
        )


def _identity(config: Config) -> Iterator[UsageError]:
    if config.user is not None or config.group is not None:
        from penstock.process import identity

        identity.find(config.user, config.group)
    yield from ()


def _loop(config: Config) -> Iterator[UsageError]:
    from penstock.process.run import loop_factory

    loop_factory(config.loop)
    yield from ()
