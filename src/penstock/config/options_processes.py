"""Options of the supervisor and its processes; a part of the table in `options`."""

from __future__ import annotations

from penstock.config.kinds import Option

PROCESSES = "Processes"

PROCESS_OPTIONS: tuple[Option, ...] = (
    Option(
        "workers", "workers", None, PROCESSES, low=1, high=128, optional=True, aliases=("-w",),
        env=("WEB_CONCURRENCY",),
        help="worker processes, supervised; auto: one for each CPU that may be used (affinity, cgroup)",
        reason="one process without a supervisor is the smallest thing for a container",
    ),
    Option(
        "timeout_worker", "duration", 30, PROCESSES, optional=True,
        aliases=("-t", "--timeout", "--timeout-worker-healthcheck"),
        help="time for which a worker's event loop may stand still before it is replaced; 0: for ever",
        reason="what gunicorn gives",
    ),
    Option(
        "timeout_drain", "duration", 5, PROCESSES,
        help="when a worker is replaced: how long its idle connections stay for another request",
        reason="a request may be on its way; a client that is silent for so long can connect anew",
    ),
    Option(
        "limit_max_requests", "count", None, PROCESSES, unit="requests", low=1, optional=True,
        aliases=("--max-requests",),
        help="requests after which a worker is replaced by a fresh one",
        reason="recycling hides leaks; who needs it knows",
    ),
    Option(
        "limit_max_requests_jitter", "count", 0, PROCESSES, unit="requests",
        aliases=("--max-requests-jitter",),
        help="random spread of --limit-max-requests: up to so many more",
        reason="needed with --limit-max-requests only",
    ),
    Option(
        "limit_max_age", "duration", None, PROCESSES, optional=True,
        aliases=("--workers-lifetime",),
        help="time after which a worker is replaced by a fresh one",
        reason="recycling hides leaks; who needs it knows",
    ),
    Option(
        "limit_max_age_jitter", "duration", 0, PROCESSES,
        help="random spread of --limit-max-age: up to so much more",
        reason="needed with --limit-max-age only; workers that started together are replaced one"
        " after the other in any case",
    ),
    Option(
        "limit_max_rss", "size", None, PROCESSES, low=1 << 24, optional=True,
        help="resident memory at which a worker is replaced by a fresh one",
        reason="only the machine's owner knows how much there is",
    ),
    Option(
        "limit_max_rss_jitter", "size", 0, PROCESSES,
        help="random spread of --limit-max-rss: up to so much more",
        reason="needed with --limit-max-rss only",
    ),
    Option(
        "reload", "flag", False, PROCESSES,
        help="for development: start the application again when source files change; needs the extra"
        " penstock[reload], or --reload-polling",
        reason="it watches the files and shows tracebacks to clients",
    ),
    Option(
        "reload_dir", "texts", (), PROCESSES, aliases=("--reload-paths",),
        help="folder to watch in place of the current one; may be repeated",
        reason="the current folder holds the application",
    ),
    Option(
        "reload_include", "texts", (), PROCESSES,
        help="pattern of files, or folder, to watch besides *.py; may be repeated",
        reason="Python files are what is imported",
    ),
    Option(
        "reload_exclude", "texts", (), PROCESSES, aliases=("--reload-ignore-patterns",),
        help="pattern of files, or folder, not to watch; may be repeated",
        reason="hidden files and folders, __pycache__, node_modules and virtual environments are left"
        " out anyway",
    ),
    Option(
        "reload_delay", "duration", "250ms", PROCESSES,
        help="how long no file may change before the start; with --reload-polling also the time"
        " between two looks",
        reason="an editor or a checkout writes many files at once; uvicorn waits as long",
    ),
    Option(
        "reload_polling", "flag", False, PROCESSES,
        help="look at the files instead of asking the system, as network and container mounts need",
        reason="looking costs time, and the system tells at once",
    ),
    Option(
        "preload", "flag", False, PROCESSES, flag="--preload",
        aliases=("--preload-app",),
        help="import the application once, before the workers are started",
        reason="sockets and threads made while importing do not survive the start of a process",
    ),
    Option(
        "pid", "path", None, PROCESSES, optional=True, aliases=("-p", "--pid-file"),
        help="file to write the process id to",
        reason="process managers know their children without a file",
    ),
    Option(
        "user", "text", None, PROCESSES, optional=True, aliases=("-u",),
        help="user to become after binding, name or number",
        reason="process managers and containers do it before the start",
    ),
    Option(
        "group", "text", None, PROCESSES, optional=True, aliases=("-g",),
        help="group to become after binding, name or number; the user's own if only --user is given",
        reason="process managers and containers do it before the start",
    ),
    Option(
        "umask", "mode", None, PROCESSES, optional=True, aliases=("-m",),
        help="which rights the files that the application makes do not get, as in 027",
        reason="process managers, containers and shells set it before the start",
    ),
    Option(
        "name", "text", None, PROCESSES, optional=True, aliases=("-n", "--process-name"),
        help="name of the processes in ps and top",
        reason="the command line says more",
    ),
)  # fmt: skip
