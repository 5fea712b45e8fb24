"""Logging set-up: two loggers with stable names, and lines that no peer can forge (X06).

- `penstock.error`: what the server has to say, to standard error.
- `penstock.access`: one line per answered request, to standard output (see `access`).

The look is the one that people know from uvicorn. Each record is one line of printable ASCII;
everything else is escaped. Only a traceback takes more lines: each of them is indented, so that
nothing in an exception's text can pass for a line of its own.
"""

import atexit
import logging
import os
import re
import sys
from collections.abc import Mapping
from copy import copy
from http import HTTPStatus
from typing import Any, Literal

from penstock.errors import UsageError
from penstock.observe.logs_output import Output

ERROR_LOGGER = "penstock.error"
ACCESS_LOGGER = "penstock.access"

TRACE = 5
LEVELS = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE,
}

ACCESS_FORMAT = '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s'
DEFAULT_FORMAT = "%(levelprefix)s %(message)s"

STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

_BOLD = "1"
_LEVEL_COLORS = {
    TRACE: "34",
    logging.DEBUG: "36",
    logging.INFO: "32",
    logging.WARNING: "33",
    logging.ERROR: "31",
    logging.CRITICAL: "91",
}
_STATUS_COLORS = {1: "97", 2: "32", 3: "33", 4: "31", 5: "91"}

_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_UNFIT_IN_QUOTES = re.compile(r'[^\x20-\x7e]|["\\]')
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_INDENT = "    "


def escape(text: str) -> str:
    """`text` as one line of printable ASCII; what is neither becomes a Python escape (X06)."""
    if text.isascii() and text.isprintable():
        return text
    return _UNPRINTABLE.sub(_escaped, text)


def quoted(text: str) -> str:
    """`text` escaped so that it can stand between double quotes and be told apart from them."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return _UNFIT_IN_QUOTES.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    char = match.group()
    code = ord(char)
    if code < 0x100:
        return _SHORT_ESCAPES.get(char) or f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _indented(block: str) -> str:
    """A traceback below its line. Source text may hold any script, so letters stay as they are;
    controls and characters that reorder or hide text do not (`str.isprintable`)."""
    return "".join(
        "\n"
        + _INDENT
        + "".join(c if c.isprintable() else escape(c) for c in line.replace("\t", _INDENT))
        for line in block.split("\n")
    )


def wants_colors(stream: Any, use_colors: bool | None = None) -> bool:
    """Whether lines to `stream` are coloured: as `use_colors` says, else on a terminal only,
    and not with `NO_COLOR` set to anything (no-color.org) or a dumb terminal."""
    if use_colors is not None:
        return use_colors
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def _styled(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"


class DefaultFormatter(logging.Formatter):
    """`LEVEL:   message`; for `log_config` too, with the arguments of uvicorn's formatter.

    A record's `extra={"highlight": (text, ...)}` makes these parts of its message bold where
    colours are used.
    """

    stream_name = "stderr"

    def __init__(
        self,
        fmt: str | None = DEFAULT_FORMAT,
        datefmt: str | None = None,
        style: Literal["%", "{", "$"] = "%",
        use_colors: bool | None = None,
    ) -> None:
        super().__init__(fmt, datefmt, style)
        self.use_colors = wants_colors(getattr(sys, self.stream_name), use_colors)

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, and below it an indented traceback if it has one."""
        # A copy: other handlers must see neither colours nor escapes, and `exc_text`, which
        # another formatter may have cached in the record, is not escaped.
        shown = copy(record)
        prefix = f"{record.levelname}:"
        if self.use_colors:
            prefix = _styled(record.levelname, _LEVEL_COLORS.get(record.levelno, _BOLD)) + ":"
        shown.levelprefix = prefix + " " * (8 - len(record.levelname))
        self.fill(shown)
        if self.usesTime():
            shown.asctime = self.formatTime(shown, self.datefmt)
        text = self.formatMessage(shown)
        if record.exc_info and record.exc_info[0]:
            text += _indented(self.formatException(record.exc_info))
        if record.stack_info:
            text += _indented(self.formatStack(record.stack_info))
        return text

    def fill(self, record: logging.LogRecord) -> None:
        """Set what the format string names, escaped."""
        record.message = escape(record.getMessage())
        if self.use_colors:
            for part in getattr(record, "highlight", ()):
                shown = escape(str(part))
                record.message = record.message.replace(shown, _styled(shown, _BOLD), 1)


class AccessFormatter(DefaultFormatter):
    """The access line from a record's five arguments: client address, method, path with query,
    HTTP version, status. For `log_config` too, as uvicorn's formatter of this name."""

    stream_name = "stdout"

    def __init__(
        self,
        fmt: str | None = ACCESS_FORMAT,
        datefmt: str | None = None,
        style: Literal["%", "{", "$"] = "%",
        use_colors: bool | None = None,
    ) -> None:
        super().__init__(fmt, datefmt, style, use_colors)

    def fill(self, record: logging.LogRecord) -> None:
        """Set `client_addr`, `request_line` and `status_code` from the arguments."""
        super().fill(record)
        args: Any = record.args
        client_addr, method, full_path, http_version, status = args
        request_line = escape(f"{method} {full_path} HTTP/{http_version}")
        status_code = STATUS_LINES.get(int(status), str(status))
        if self.use_colors:
            request_line = _styled(request_line, _BOLD)
            status_code = styled_status(int(status), status_code)
        record.client_addr = escape(str(client_addr))
        record.request_line = request_line
        record.status_code = status_code


def styled_status(status: int, text: str) -> str:
    """`text` in the colour of the status's class."""
    return _styled(text, _STATUS_COLORS.get(status // 100, _BOLD))


class LineHandler(logging.Handler):
    """Writes to `sys.stdout` or `sys.stderr`, whatever that is at the time, or to the file `path`;
    how, says `logs_output`.

    What cannot be written (closed stream, broken pipe, full disk) is said once on standard error;
    nothing is ever raised into the caller. `own_formatter` is the formatter given here: a handler
    that has another one now was configured by the user. UsageError if the file cannot be opened.
    """

    def __init__(
        self, stream_name: str, formatter: DefaultFormatter, path: str | None = None
    ) -> None:
        super().__init__()
        self.output = Output(stream_name, path, _say_lost)
        self.write = self.output.write
        self.own_formatter = formatter
        self.use_colors = formatter.use_colors
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; see `logging.Handler`."""
        try:
            line = self.format(record)
        except Exception:
            self.handleError(record)
            return
        self.write(line + "\n")


def _say_lost(lines: int, where: str) -> None:
    logging.getLogger(ERROR_LOGGER).warning(
        "%d lines of the log to %s were dropped: for too long nobody read them", lines, where
    )


def _own_handlers() -> list[tuple[logging.Logger, LineHandler]]:
    """The handlers that `configure` made, each with its logger."""
    return [
        (logger, handler)
        for logger in map(logging.getLogger, ("penstock", ERROR_LOGGER, ACCESS_LOGGER))
        for handler in logger.handlers
        if isinstance(handler, LineHandler)
    ]


def reopen() -> int:
    """Open the log files again by their names, after they were renamed (SIGUSR1); returns how many.

    A file that cannot be opened is said in the log, and the old one stays in use. Handlers of the
    user's own configuration are left alone: `logging.handlers.WatchedFileHandler` reopens itself.
    """
    count = 0
    for _, handler in _own_handlers():
        try:
            count += handler.output.reopen()
        except OSError as exc:
            logging.getLogger(ERROR_LOGGER).error(
                "The log file %s cannot be opened again: %s; the old one stays in use",
                handler.output.name,
                exc.strerror or exc,
            )
    return count


def _finish() -> None:
    for _, handler in _own_handlers():
        handler.output.finish()


# Before any access log registers itself, so that this runs after them.
atexit.register(_finish)


def parse_level(level: str | int) -> int:
    """A level's number from its name (any case) or number. Raises `UsageError`."""
    if isinstance(level, int):
        return level
    try:
        return LEVELS[level.lower()]
    except KeyError:
        raise UsageError(
            f"Unknown log level {escape(level)!r}", f"Use one of {', '.join(LEVELS)}."
        ) from None


def configure(
    *,
    level: str | int | None = None,
    config: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    use_colors: bool | None = None,
    log_file: str | None = None,
    access_log_file: str | None = None,
) -> None:
    """Set up `penstock.error` and `penstock.access`; may be called again.

    `level`: a name of `LEVELS` or a number; None means info, or what `config` says. `config`: a
    dictionary for `logging.config.dictConfig`, or a file: `.json`, `.yaml`/`.yml` (needs PyYAML),
    else `logging.config.fileConfig`'s format; it then decides everything but the level.
    `use_colors`: None for colours on a terminal. `log_file`, `access_log_file`: paths, None for
    standard error and standard output. Raises `UsageError` for what cannot be used.
    """
    logging.addLevelName(TRACE, "TRACE")
    level_number = None if level is None else parse_level(level)
    base = logging.getLogger("penstock")
    error = logging.getLogger(ERROR_LOGGER)
    access = logging.getLogger(ACCESS_LOGGER)
    if config is not None and (log_file or access_log_file):
        raise UsageError(
            f"The log configuration says where logs go, so {log_file or access_log_file!a} says it"
            " twice",
            "Leave --log-file and --access-log-file out, or write handlers for them in --log-config.",
        )
    for logger, handler in _own_handlers():
        logger.removeHandler(handler)
        handler.output.close()
    if config is None:
        _attach(base, _handler("stderr", DefaultFormatter, use_colors, log_file))
        _attach(access, _handler("stdout", AccessFormatter, use_colors, access_log_file))
        level_number = logging.INFO if level_number is None else level_number
        base.setLevel(level_number)
    else:
        _apply(config)
        # A configuration that does not name the server must not silence it.
        for logger in (base, error, access):
            logger.disabled = False
    if level_number is not None:
        error.setLevel(level_number)
        access.setLevel(level_number)


def _handler(
    stream_name: str, formatter: type[DefaultFormatter], use_colors: bool | None, path: str | None
) -> LineHandler:
    if path is not None and use_colors is None:
        use_colors = False
    return LineHandler(stream_name, formatter(use_colors=use_colors), path)


def _attach(logger: logging.Logger, handler: logging.Handler) -> None:
    logger.addHandler(handler)
    logger.propagate = False


def _apply(config: Mapping[str, Any] | str | os.PathLike[str]) -> None:
    import logging.config  # brings pickle, queue and socketserver along

    shown = "the given dictionary" if isinstance(config, Mapping) else escape(str(config))
    try:
        settings = config if isinstance(config, Mapping) else read_config(os.fspath(config))
        if settings is None:
            logging.config.fileConfig(os.fspath(config), disable_existing_loggers=False)  # type: ignore[arg-type]
            return
        logging.config.dictConfig(dict(settings))
    except UsageError:
        raise
    except Exception as exc:
        raise UsageError(
            f"The log configuration in {shown} cannot be used: {exc}",
            "--log-config takes what logging.config.dictConfig or fileConfig takes.",
        ) from exc
    named = settings.get("loggers")
    if isinstance(named, Mapping) and not any(str(name).startswith("penstock") for name in named):
        foreign = [
            escape(str(name)) for name in named if str(name).startswith(("uvicorn", "gunic"))
        ]
        if foreign:
            logging.getLogger(ERROR_LOGGER).warning(
                "The log configuration names %s; here the loggers are %s and %s",
                ", ".join(foreign),
                ERROR_LOGGER,
                ACCESS_LOGGER,
            )


def read_config(path: str) -> Mapping[str, Any] | None:
    """The dictionary in a JSON or YAML file, None for a file in fileConfig's format."""
    suffix = os.path.splitext(path)[1].lower()
    if not os.path.isfile(path):
        raise UsageError(f"No such log configuration file: {escape(path)}")
    if suffix == ".json":
        import json

        settings = json.loads(_text(path))
    elif suffix in {".yaml", ".yml"}:
        try:
            import yaml
        except ImportError:
            raise UsageError(
                f"Reading {escape(path)} needs PyYAML",
                "Install it (pip install pyyaml), or write the file as JSON.",
            ) from None
        settings = yaml.safe_load(_text(path))
    else:
        return None
    if not isinstance(settings, Mapping):
        raise TypeError(f"expected a mapping at the top, got {type(settings).__name__}")
    return settings


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
