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
        "log_file", "path", "-", LOGGING, aliases=("--error-logfile",),
        help="file for what the server has to say; - is standard error; SIGUSR1 reopens it",
        reason="terminals, containers and systemd read standard error",
    ),
    Option(
        "access_log", "flag", True, LOGGING,
        help="log a line for every request",
        reason="what one looks for first; lines are written in batches, so it costs little",
    ),
    Option(
        "access_log_file", "path", "-", LOGGING, aliases=("--access-logfile",),
        help="file for the access log; - is standard output; SIGUSR1 reopens it",
        reason="terminals, containers and systemd read standard output",
    ),
    Option(
        "access_log_format", "log_format", "text", LOGGING, aliases=("--access-logformat",),
        help="text, json, common, combined, or a format of %(…)s atoms as gunicorn has them;"
        " docs/logging.md lists the atoms",
        reason="what people know from uvicorn",
    ),
    Option(
        "access_log_query", "flag", True, LOGGING,
        help="show the query string in the access log",
        reason="other servers show it; take it out where tokens travel in it",
    ),
    Option(
        "access_log_exclude", "texts", (), LOGGING,
        help="paths that are not logged, * stands for anything: '/health*'; may be repeated",
        reason="only the operator knows what is noise",
    ),
    Option(
        "access_log_sample", "fraction", 1, LOGGING,
        help="share of requests that are logged; a status of 500 and more, and what did not end well,"
        " always is",
        reason="a log with holes must be asked for",
    ),
    Option(
        "access_log_slow", "duration", None, LOGGING, optional=True,
        help="requests that took this long are logged whatever --access-log-sample says",
        reason="what is slow depends on the application",
    ),
    Option(
        "access_log_stream", "duration", None, LOGGING, optional=True,
        help="time after which a response that still goes on has a line for its start, too",
        reason="one line a request is what log readers expect",
    ),
    Option(
        "request_id", "choice", "log", LOGGING, choices=("log", "app", "response"),
        help="who sees a request's id: the log; also the application, as header x-request-id; also the"
        " client, in the response",
        reason="costs nothing until a line shows it",
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
