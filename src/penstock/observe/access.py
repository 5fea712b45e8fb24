"""The access log: noted on the hot path, formatted and written in batches off it.

A request costs one tuple in a list. Every `BATCH_INTERVAL_S`, or after `BATCH_RECORDS_MAX`
requests, the lines of all are made, checked together for bytes that could forge a line (X06), and
written in one write. Where the `penstock.access` logger was configured by the user, each request
becomes a real log record at once instead, in the context of the caller, with the arguments that
formatters written for uvicorn expect.
"""

import atexit
import logging

from penstock.errors import UsageError
from penstock.observe.logs import (
    ACCESS_LOGGER,
    ERROR_LOGGER,
    STATUS_LINES,
    LineHandler,
    escape,
    quoted,
    styled_status,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from penstock.asgi import Address
    from penstock.observe.access_details import DetailedLog

    # client, method, raw path, query, HTTP version (None for a WebSocket's line), status
    Entry = tuple[Address | None, str, bytes, bytes, str | None, int]

BATCH_INTERVAL_S = 0.1
# Bounds the memory that waits to be written (a request line is 8 KiB at most by default) and the
# time that one batch keeps the loop: about a millisecond.
BATCH_RECORDS_MAX = 1000
# A twin that the .pxd makes a C integer.
_RECORDS_MAX = BATCH_RECORDS_MAX

RECORD_FORMAT = '%s - "%s %s HTTP/%s" %d'
WEBSOCKET_ACCEPTED_FORMAT = '%s - "WebSocket %s" [accepted]'
WEBSOCKET_CLOSED_FORMAT = '%s - "WebSocket %s" [closed %d]'

# A line consists of these, its two quotes and its end. So what is left of a harmless batch
# without them is known, and one pass over all lines replaces a check of each.
_HARMLESS = bytes(b for b in range(0x20, 0x7F) if b not in b'"\\')
_LEFT_OF_A_LINE = b'""\n'


class AccessLog:
    """One worker's access log. Used on the loop's thread only.

    `details`: whether `note` is to be called in place of `add` (see `access_details`); here it is
    not. `schedule(delay_s, callback)` is the loop's `call_later`. What is noted but not yet written is
    written by `close`, and at the interpreter's exit. Nothing here raises because of a stream.
    """

    __slots__ = (
        "_as_records",
        "_handler",
        "_logger",
        "_pending",
        "_schedule",
        "_scheduled",
        "details",
    )

    def __init__(self, schedule: "Callable[[float, Callable[[], None]], object]") -> None:
        self.details = False
        self._schedule = schedule
        self._scheduled = False
        self._logger = logging.getLogger(ACCESS_LOGGER)
        self._handler: LineHandler | None = None
        self._pending: list[Entry] = []
        self._as_records = False
        self._look_at_logger()
        atexit.register(self.flush)

    def add(
        self,
        client: "Address | None",
        method: str,
        raw_path: bytes,
        query: bytes,
        http_version: "str | None",
        status: int,
    ) -> None:
        """Note one answered request. `client` as in the ASGI scope; `query` without `?`."""
        if self._as_records:
            self._emit(client, method, raw_path, query, http_version, status)
            return
        pending = self._pending
        pending.append((client, method, raw_path, query, http_version, status))
        if not self._scheduled:
            self._scheduled = True
            self._schedule(BATCH_INTERVAL_S, self._on_timer)
        elif len(pending) >= _RECORDS_MAX:
            self.flush()

    def add_websocket(
        self, client: "Address | None", raw_path: bytes, query: bytes, close_code: int
    ) -> None:
        """Note that a WebSocket was accepted (`close_code` 0), or that it closed with this code.

        A handshake that was refused is an ordinary answer: use `add`.
        """
        self.add(client, "WebSocket", raw_path, query, None, close_code)

    def flush(self) -> None:
        """Write what is pending."""
        pending = self._pending
        if not pending:
            return
        self._pending = []
        self._look_at_logger()
        handler = self._handler
        if handler is None:
            for client, method, raw_path, query, http_version, status in pending:
                self._emit(client, method, raw_path, query, http_version, status)
        elif self._logger.isEnabledFor(logging.INFO):
            handler.write(text_lines(pending, handler.use_colors))

    def close(self) -> None:
        """Write what is pending; the log may be dropped afterwards."""
        self.flush()
        atexit.unregister(self.flush)

    def _on_timer(self) -> None:
        self._scheduled = False
        self.flush()

    def _look_at_logger(self) -> None:
        """See whether the logger is still as `logs.configure` left it. It is asked with each
        batch, because applications configure logging when they start."""
        if not self._as_records:
            self._handler = own_handler(self._logger)
            self._as_records = self._handler is None

    def _emit(
        self,
        client: "Address | None",
        method: str,
        raw_path: bytes,
        query: bytes,
        http_version: "str | None",
        status: int,
    ) -> None:
        """One real log record. A WebSocket's has fewer arguments than formatters of access lines
        expect, so it goes to `penstock.error`, as uvicorn does it."""
        where = address(client)
        path = quoted(_target(raw_path, query))
        if http_version is not None:
            self._logger.info(RECORD_FORMAT, where, method, path, http_version, status)
        elif status:
            logging.getLogger(ERROR_LOGGER).info(WEBSOCKET_CLOSED_FORMAT, where, path, status)
        else:
            logging.getLogger(ERROR_LOGGER).info(WEBSOCKET_ACCEPTED_FORMAT, where, path)


def open_access_log(
    schedule: "Callable[[float, Callable[[], None]], object]", settings: "Any" = None
) -> "AccessLog | DetailedLog | None":
    """The access log that `settings`, a Config, describes (None: as by default), or None where the
    logger's level or lack of handlers would drop each line.

    UsageError where it is to go to a file, and the logger does not: a server inside a program logs
    as the program configured it.
    """
    logger = logging.getLogger(ACCESS_LOGGER)
    if settings is not None:
        _check_files(settings)
    if not (logger.isEnabledFor(logging.INFO) and logger.hasHandlers()):
        return None
    if settings is None or (own_handler(logger) is not None and _is_plain(settings)):
        return AccessLog(schedule)
    from penstock.observe.access_details import DetailedLog

    return DetailedLog(schedule, settings)


def _is_plain(settings: "Any") -> bool:
    """Whether uvicorn's look of every request is all that is asked for."""
    return (
        settings.access_log_format == "text"
        and settings.access_log_query
        and settings.access_log_sample >= 1
        and not settings.access_log_exclude
        and settings.access_log_slow is None
        and settings.access_log_stream is None
    )


def _check_files(settings: "Any") -> None:
    for name, option in ((ACCESS_LOGGER, "access_log_file"), ("penstock", "log_file")):
        path = getattr(settings, option)
        if path != "-" and not any(
            isinstance(handler, LineHandler) and handler.output.path == path
            for handler in logging.getLogger(name).handlers
        ):
            raise UsageError(
                f"{option}: a server inside a program logs as the program configured it",
                f"Give the logger {name} a handler for {escape(path)} there.",
            )


def own_handler(logger: logging.Logger) -> LineHandler | None:
    """The logger's one handler if both are as `logs.configure` made them, so that lines may be
    written without records; None if the user changed anything that a record could meet."""
    if len(logger.handlers) != 1 or logger.filters or logger.propagate:
        return None
    handler = logger.handlers[0]
    if not isinstance(handler, LineHandler) or handler.filters or handler.level:
        return None
    return handler if handler.formatter is handler.own_formatter else None


def text_lines(entries: "list[Entry]", colours: bool) -> str:
    """The lines of all entries, with or without colours."""
    return _coloured(entries) if colours else _plain(entries)


def _target(raw_path: bytes, query: bytes) -> str:
    return (raw_path + b"?" + query if query else raw_path).decode("latin-1")


def address(client: "Address | None") -> str:
    """`host:port`, IPv6 in brackets; `-` for a peer without address (a Unix socket's)."""
    if client is None:
        return "-"
    host, port = client
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _plain(entries: "list[Entry]") -> str:
    """The lines of all entries. Escapes line by line only if any of them needs it."""
    lines = []
    addresses: dict[Address | None, str] = {}
    for client, method, raw_path, query, http_version, status in entries:
        start = addresses.get(client)
        if start is None:
            start = addresses[client] = f"INFO:     {address(client)} - "
        target = (raw_path + b"?" + query if query else raw_path).decode("latin-1")
        if http_version is None:
            lines.append(f'{start}"{method} {target}" {_outcome(status)}\n')
        else:
            shown = STATUS_LINES.get(status) or status
            lines.append(f'{start}"{method} {target} HTTP/{http_version}" {shown}\n')
    text = "".join(lines)
    left = text.encode("ascii", "backslashreplace").translate(None, _HARMLESS)
    if left == _LEFT_OF_A_LINE * len(entries):
        return text
    return "".join([_line(*entry) for entry in entries])


def _outcome(close_code: int) -> str:
    return f"[closed {close_code}]" if close_code else "[accepted]"


def _line(
    client: "Address | None",
    method: str,
    raw_path: bytes,
    query: bytes,
    http_version: "str | None",
    status: int,
    *,
    colours: bool = False,
) -> str:
    """One line with every part escaped that came from outside."""
    request_line = f"{quoted(method)} {quoted(_target(raw_path, query))}"
    outcome = _outcome(status)
    if http_version is not None:
        request_line += f" HTTP/{http_version}"
        outcome = STATUS_LINES.get(status) or str(status)
    level = "INFO"
    if colours:
        level = "\x1b[32mINFO\x1b[0m"
        request_line = f"\x1b[1m{request_line}\x1b[0m"
        outcome = styled_status(status if http_version is not None else 200, outcome)
    return f'{level}:     {escape(address(client))} - "{request_line}" {outcome}\n'


def _coloured(entries: "list[Entry]") -> str:
    return "".join([_line(*entry, colours=True) for entry in entries])
