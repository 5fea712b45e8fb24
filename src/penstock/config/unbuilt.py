"""Options whose part of the server is not built: known by name and kind, refused when they are used.

Declared in the same form as those of `options`, so that a value for one is never ignored in silence,
whatever source it comes from, and the day its room stands only `room` is taken away.
"""

from __future__ import annotations

from penstock.config.kinds import Option

# What an option can wait for, and what to do meanwhile
ROOMS = {
    "process": "it needs the supervisor of several processes, and this version serves with one process",
    "recycling": "it needs --workers, and this version serves with one process",
    "tls": "this version serves plain TCP and Unix sockets; let the proxy in front end TLS",
    "static": "this version serves the application only; let the application or a proxy serve files",
}

PROCESSES = "Processes"
FILES = "Files"
TLS = "TLS"

UNBUILT: tuple[Option, ...] = (
    # ---------------------------------------------------------------------------------- processes
    Option(
        "workers", "count", None, PROCESSES, unit="processes", low=1, optional=True, room="process",
        aliases=("-w",), env=("WEB_CONCURRENCY",),
        help="worker processes, supervised",
        reason="one process without a supervisor is the smallest thing for a container",
    ),
    Option(
        "limit_max_requests", "count", None, PROCESSES, unit="requests", low=1, optional=True,
        room="recycling", aliases=("--max-requests",),
        help="requests after which a worker is replaced by a fresh one",
        reason="recycling hides leaks; who needs it knows",
    ),
    Option(
        "limit_max_requests_jitter", "count", 0, PROCESSES, unit="requests", room="recycling",
        aliases=("--max-requests-jitter",),
        help="random spread of --limit-max-requests",
        reason="needed with --limit-max-requests only",
    ),
    Option(
        "timeout_worker", "duration", 30, PROCESSES, room="process",
        aliases=("-t", "--timeout", "--timeout-worker-healthcheck"),
        help="time for which a worker's event loop may stand still before it is replaced",
        reason="what gunicorn gives",
    ),
    Option(
        "reload", "flag", False, PROCESSES, room="process",
        help="start again when source files change",
        reason="for development only",
    ),
    Option(
        "reload_dir", "texts", (), PROCESSES, room="process", aliases=("--reload-paths",),
        help="folder to watch; may be repeated",
        reason="the current folder holds the application",
    ),
    Option(
        "reload_include", "texts", (), PROCESSES, room="process",
        help="pattern of files to watch; may be repeated",
        reason="Python files are what is imported",
    ),
    Option(
        "reload_exclude", "texts", (), PROCESSES, room="process",
        aliases=("--reload-ignore-patterns",),
        help="pattern of files not to watch; may be repeated",
        reason="nothing is left out unless asked for",
    ),
    Option(
        "reload_delay", "duration", "250ms", PROCESSES, room="process",
        help="time between two looks at the files",
        reason="what uvicorn waits",
    ),
    Option(
        "preload", "flag", False, PROCESSES, room="process", flag="--preload",
        aliases=("--preload-app",),
        help="import the application once, before the workers are started",
        reason="sockets and threads made while importing do not survive the start of a process",
    ),
    Option(
        "pid", "path", None, PROCESSES, optional=True, room="process", aliases=("-p", "--pid-file"),
        help="file to write the process id to",
        reason="process managers know their children without a file",
    ),
    Option(
        "user", "text", None, PROCESSES, optional=True, room="process", aliases=("-u",),
        help="user to become after binding",
        reason="process managers and containers do it before the start",
    ),
    Option(
        "group", "text", None, PROCESSES, optional=True, room="process", aliases=("-g",),
        help="group to become after binding",
        reason="process managers and containers do it before the start",
    ),
    Option(
        "name", "text", None, PROCESSES, optional=True, room="process",
        aliases=("-n", "--process-name"),
        help="name of the processes in ps and top",
        reason="the command line says more",
    ),
    Option(
        "static", "texts", (), FILES, room="static",
        help="/route=folder of files to serve; may be repeated",
        reason="nothing of the disk is public unless asked for",
    ),
    # ---------------------------------------------------------------------------------------- tls
    Option(
        "ssl_certfile", "path", None, TLS, optional=True, room="tls",
        aliases=("--certfile", "--ssl-certificate"),
        help="certificate chain, PEM",
        reason="without a certificate there is no TLS",
    ),
    Option(
        "ssl_keyfile", "path", None, TLS, optional=True, room="tls", aliases=("--keyfile",),
        help="private key, PEM",
        reason="it may stand in the certificate's file",
    ),
    Option(
        "ssl_keyfile_password", "text", None, TLS, optional=True, room="tls",
        aliases=("--keyfile-password",),
        help="password of the private key",
        reason="keys of servers mostly have none",
    ),
    Option(
        "ssl_ca_certs", "path", None, TLS, optional=True, room="tls",
        aliases=("--ca-certs", "--ssl-ca"),
        help="certificates that client certificates are checked against",
        reason="client certificates are rare",
    ),
    Option(
        "ssl_cert_reqs", "count", 0, TLS, unit="level of the ssl module", high=2, room="tls",
        aliases=("--cert-reqs",),
        help="client certificates: 0 none, 1 optional, 2 required",
        reason="client certificates are rare",
    ),
    Option(
        "ssl_ciphers", "text", None, TLS, optional=True, room="tls", aliases=("--ciphers",),
        help="cipher suites, in OpenSSL's form",
        reason="OpenSSL's own choice ages better than a list",
    ),
    Option(
        "timeout_tls_handshake", "duration", 15, TLS, room="tls",
        help="time for the TLS handshake",
        reason="several round trips over a poor link, and an end for those who never finish",
    ),
)  # fmt: skip
