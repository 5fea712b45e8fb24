"""Options of the logs; a part of the table in `options`."""

from __future__ import annotations

from penstock.config.kinds import Option

LOGGING = "Logging"

LOG_OPTIONS: tuple[Option, ...] = (
    Option(
        "log_level", "choice", "info", LOGGING,
        choices=("critical", "error", "warning", "info", "debug", "trace"),
        synonyms={"warn": "warning", "fatal": "critical"},
        help="least level that is logged",
        reason="says what was started, and what went wrong",
    ),
    Option(
        "access_log", "flag", True, LOGGING,
        help="log a line for every request",
        reason="what one looks for first; lines are written in batches, so it costs little",
    ),
    Option(
        "log_config", "log_config", None, LOGGING, optional=True, aliases=("--log-config-json",),
        help="configuration of Python's logging: .json, .ini or .yaml; a dict in Python",
        reason="the built-in lines need none",
    ),
    Option(
        "use_colors", "flag", None, LOGGING, optional=True,
        help="colours in the log; by default on a terminal that has NO_COLOR not set",
        reason="colours help people, and disturb files",
    ),
)  # fmt: skip
