"""Flags of other servers that have no meaning here, and what replaces each.

Loaded only when a command line holds a flag that is not ours. A value is accepted, with a note, where
it asks for just what happens anyway (`--http auto`); anything else would be ignored in silence, so it
ends the start with exit code 2 and one line that says what to write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

# `--flag` given without a value, as a key of `Foreign.harmless`
BARE = "(given)"


class Foreign(NamedTuple):
    """Spellings of one flag, whose it is, and what to do instead."""

    flags: tuple[str, ...]
    server: str
    instead: str
    takes_value: bool = True
    harmless: Mapping[str, str] = {}

    @property
    def parameter(self) -> str:
        """The name of its parameter on the command line."""
        return f"foreign{self.flags[-1].replace('-', '_')}"


_NOT_NEEDED = "there is only one way here, remove it"
_METRICS = "metrics are not built yet; /status of --health-bind has counts"
_ASGI_WORKER = "an ASGI application needs no worker class here"
_THREADS = "WSGI applications run in threads anyway; --threads sets how many"

FOREIGN: tuple[Foreign, ...] = (
    # ------------------------------------------------------------------------------------ uvicorn
    Foreign(("--http",), "uvicorn, granian", "penstock has its own HTTP parser: remove it",
            harmless={"auto": "it is what happens anyway", "1": "HTTP/1.1 is what is served"}),
    Foreign(("--ws",), "uvicorn, granian", "penstock has its own WebSocket codec: remove it",
            harmless={"auto": "it is what happens anyway"}),
    Foreign(("--no-ws",), "granian", "an application without WebSocket refuses it by itself: remove it",
            takes_value=False),
    Foreign(("--h11-max-incomplete-event-size",), "uvicorn", "--limit-request-head SIZE"),
    Foreign(("--reset-contextvars",), "uvicorn",
            "each request has a fresh copy of the context in which lifespan ran: remove it",
            takes_value=False),
    Foreign(("--ssl-version",), "uvicorn, gunicorn",
            "--ssl-min-version 1.2|1.3: older versions are not spoken",
            harmless={
                "2": "1.2 and 1.3 are what is spoken",  # ssl.PROTOCOL_TLS
                "17": "1.2 and 1.3 are what is spoken",  # ssl.PROTOCOL_TLS_SERVER
                "TLS": "1.2 and 1.3 are what is spoken",
                "TLS_SERVER": "1.2 and 1.3 are what is spoken",
            }),
    # ----------------------------------------------------------------------------------- gunicorn
    Foreign(("-k", "--worker-class"), "gunicorn, hypercorn",
            "there are no worker classes: ASGI and WSGI are told apart by themselves, --threads N runs"
            " WSGI in N threads, --loop chooses the event loop",
            harmless={
                "uvicorn.workers.UvicornWorker": _ASGI_WORKER,
                "uvicorn_worker.UvicornWorker": _ASGI_WORKER,
                "asgi": _ASGI_WORKER,
                "gthread": _THREADS,
            }),
    Foreign(("--worker-connections",), "gunicorn", "--limit-connections N"),
    Foreign(("--limit-request-field_size",), "gunicorn",
            "--limit-request-head SIZE bounds all fields together"),
    Foreign(("--reload-engine",), "gunicorn", "--reload-polling looks at the files itself",
            harmless={"auto": "it is what happens anyway"}),
    Foreign(("--reload-extra-file",), "gunicorn", "--reload-include PATTERN"),
    Foreign(("--spew",), "gunicorn", "python -X importtime or a profiler", takes_value=False),
    Foreign(("--check-config",), "gunicorn", "penstock config check APP", takes_value=False),
    Foreign(("--print-config",), "gunicorn", "penstock config show APP", takes_value=False),
    Foreign(("--no-sendfile",), "gunicorn", "the application decides by offering a file: remove it",
            takes_value=False),
    Foreign(("--reuse-port",), "gunicorn", "one socket is shared by all: remove it", takes_value=False),
    Foreign(("--chdir", "--pythonpath", "--working-dir"), "gunicorn, granian", "--app-dir FOLDER"),
    Foreign(("-D", "--daemon"), "gunicorn, hypercorn",
            "start it from systemd, a container or nohup: it stays in the foreground",
            takes_value=False),
    Foreign(("-e", "--env"), "gunicorn", "--env-file FILE, or before the command: NAME=value penstock APP"),
    Foreign(("--worker-tmp-dir",), "gunicorn", "workers need no file for a heartbeat: remove it"),
    Foreign(("--initgroups",), "gunicorn", "the groups of --user are set anyway: remove it",
            takes_value=False, harmless={BARE: "the groups of --user are set anyway"}),
    Foreign(("--error-log",), "hypercorn", "--log-file FILE",
            harmless={"-": "the log is on without it"}),
    Foreign(("--access-log-fmt", "--log-fmt"), "granian, daphne",
            "--access-log-format text, json, common, combined, or a format of %(…)s atoms as gunicorn"
            " has them"),
    Foreign(("--logger-class",), "gunicorn", "--log-config FILE"),
    Foreign(("--capture-output",), "gunicorn", "> FILE 2>&1 in the shell", takes_value=False),
    Foreign(("-R", "--enable-stdio-inheritance"), "gunicorn", _NOT_NEEDED, takes_value=False),
    Foreign(("--log-syslog", "--disable-redirect-access-to-syslog"), "gunicorn",
            "standard error goes to syslog under systemd; else --log-config FILE with"
            " logging.handlers.SysLogHandler", takes_value=False),
    Foreign(("--log-syslog-to", "--log-syslog-prefix", "--log-syslog-facility"), "gunicorn",
            "--log-config FILE with logging.handlers.SysLogHandler"),
    Foreign(("--statsd-host", "--statsd-prefix", "--dogstatsd-tags"), "gunicorn, hypercorn",
            _METRICS),
    Foreign(("--enable-backlog-metric",), "gunicorn", _METRICS, takes_value=False),
    Foreign(("--paste", "--paster", "--paste-global"), "gunicorn",
            "load it in a module: app = paste.deploy.loadapp('config:FILE')"),
    Foreign(("--proxy-allow-from",), "gunicorn", "--forwarded-allow-ips LIST"),
    Foreign(("--protocol", "--uwsgi-allow-from"), "gunicorn", "only HTTP is spoken: remove it",
            harmless={"http": "it is what is spoken"}),
    Foreign(("--suppress-ragged-eofs", "--do-handshake-on-connect"), "gunicorn",
            "a truncated answer must not look whole, and handshakes have a deadline: remove it",
            takes_value=False),
    Foreign(("--http-protocols",), "gunicorn",
            "HTTP/1.1 and HTTP/2 are served, the latter unless --no-http2 says otherwise: remove it",
            harmless={"h1,h2": "both are served", "h2,h1": "both are served"}),
    Foreign(("--http2-max-concurrent-streams",), "gunicorn, granian", "--limit-http2-streams N"),
    Foreign(("--http2-max-header-list-size", "--http2-max-headers-size"), "gunicorn, granian",
            "--limit-request-head SIZE"),
    Foreign(("--http2-cleartext", "--http2-initial-window-size", "--http2-max-frame-size",
             "--http2-initial-connection-window-size", "--http2-initial-stream-window-size",
             "--http2-keep-alive-interval", "--http2-keep-alive-timeout",
             "--http2-max-send-buffer-size"), "gunicorn, granian",
            "HTTP/2 is served, over TLS and without, with windows that adapt by themselves: remove it"),
    Foreign(("--http2-adaptive-window", "--no-http2-adaptive-window"), "granian",
            "HTTP/2's windows adapt by themselves: remove it", takes_value=False),
    Foreign(("--permit-obsolete-folding", "--strip-header-spaces", "--casefold-http-method",
             "--permit-unconventional-http-method", "--permit-unconventional-http-version"), "gunicorn",
            "requests are read as RFC 9112 writes them, there is no lenient mode: repair the client",
            takes_value=False),
    Foreign(("--header-map",), "gunicorn",
            "--no-drop-underscore-headers lets underscores through to WSGI",
            harmless={"drop": "it is what happens anyway"}),
    Foreign(("--forwarder-headers",), "gunicorn",
            "--forwarded-headers x-forwarded-prefix takes a mount point from the proxy"),
    Foreign(("--asgi-loop",), "gunicorn", "--loop auto|uvloop|asyncio",
            harmless={"auto": "it is what happens anyway"}),
    Foreign(("--asgi-lifespan",), "gunicorn", "--lifespan auto|on|off",
            harmless={"auto": "it is what happens anyway"}),
    Foreign(("--asgi-disconnect-grace-period",), "gunicorn",
            "nothing is cancelled because a client left: remove it"),
    Foreign(("--http-parser",), "gunicorn", "penstock has its own HTTP parser: remove it",
            harmless={"auto": "it is what happens anyway"}),
    Foreign(("--dirty-app", "--dirty-workers", "--dirty-timeout", "--dirty-threads",
             "--dirty-graceful-timeout"), "gunicorn", "run long jobs in a task queue of their own"),
    Foreign(("--control-socket", "--control-socket-mode"), "gunicorn", "there is none: remove it"),
    Foreign(("--no-control-socket",), "gunicorn", "there is none", takes_value=False,
            harmless={BARE: "there is none"}),
    # ---------------------------------------------------------------------------------- hypercorn
    Foreign(("--debug",), "hypercorn", "--log-level debug", takes_value=False),
    Foreign(("--insecure-bind",), "hypercorn",
            "--bind ADDRESS, and --bind 'ADDRESS?tls' for those with TLS"),
    Foreign(("--quic-bind",), "hypercorn", "HTTP/3 is not built yet: let the proxy in front speak it"),
    Foreign(("--read-timeout", "--http-timeout"), "hypercorn, daphne",
            "--timeout-request-head TIME, and --min-rate for bodies"),
    Foreign(("--server-name", "--server-names"), "hypercorn, daphne",
            "the application checks the host; --header 'server: NAME' changes the header"),
    # ------------------------------------------------------------------------------------ granian
    Foreign(("--blocking-threads-idle-timeout",), "granian", "--threads N; they stay: remove it"),
    Foreign(("--runtime-threads", "--runtime-blocking-threads", "--runtime-mode"), "granian",
            "there is no second runtime beside Python's: remove it"),
    Foreign(("--task-impl",), "granian", "--loop auto|uvloop|asyncio",
            harmless={"asyncio": "it is what happens anyway"}),
    Foreign(("--backpressure",), "granian", "--limit-concurrency N"),
    Foreign(("--http1-buffer-size",), "granian", "--limit-request-head SIZE and --read-buffer SIZE"),
    Foreign(("--http1-header-read-timeout",), "granian", "--timeout-request-head TIME"),
    Foreign(("--http1-keep-alive", "--http1-pipeline-flush"), "granian", _NOT_NEEDED,
            takes_value=False, harmless={BARE: "it is what happens anyway"}),
    Foreign(("--no-http1-keep-alive",), "granian", "--timeout-keep-alive 0", takes_value=False),
    Foreign(("--log",), "granian", "the log is on", takes_value=False,
            harmless={BARE: "the log is on without it"}),
    Foreign(("--no-log",), "granian", "--log-level critical --no-access-log", takes_value=False),
    Foreign(("--ssl-client-verify",), "granian", "--ssl-cert-reqs required",
            takes_value=False),
    Foreign(("--url-path-prefix",), "granian", "--root-path PATH"),
    Foreign(("--respawn-failed-workers",), "granian", _NOT_NEEDED, takes_value=False,
            harmless={BARE: "a worker that dies is always replaced"}),
    Foreign(("--no-respawn-failed-workers",), "granian",
            "a worker that dies is always replaced: remove it", takes_value=False),
    Foreign(("--respawn-interval",), "granian",
            "the first death is replaced at once, further ones later and later: remove it"),
    Foreign(("--workers-max-rss",), "granian", "--limit-max-rss SIZE, as in 512MiB"),
    Foreign(("--rss-samples", "--rss-sample-interval"), "granian",
            "--limit-max-rss SIZE counts as soon as it is seen: remove it"),
    Foreign(("--workers-kill-timeout",), "granian", "--timeout-graceful-shutdown TIME"),
    Foreign(("--static-path-route", "--static-path-mount", "--static-path-dir-to-file",
             "--static-path-expires"), "granian",
            "--static /route=folder, with ?index=FILE&cache=TIME behind it"),
    Foreign(("--metrics",), "granian", _METRICS, takes_value=False),
    Foreign(("--no-metrics", "--no-http1-pipeline-flush", "--no-ssl-client-verify",
             "--no-reload-ignore-worker-failure"), "granian", _NOT_NEEDED, takes_value=False,
            harmless={BARE: "it is what happens anyway"}),
    Foreign(("--metrics-scrape-interval", "--metrics-address", "--metrics-port"), "granian",
            _METRICS),
    Foreign(("--reload-ignore-dirs", "--reload-ignore-paths", "--reload-tick"), "granian",
            "--reload-exclude PATTERN and --reload-delay TIME"),
    Foreign(("--reload-ignore-worker-failure",), "granian", "--reload waits for the next change anyway",
            takes_value=False, harmless={BARE: "it is what happens anyway"}),
    # ------------------------------------------------------------------------------------- daphne
    Foreign(("--endpoint",), "daphne", "--bind ADDRESS"),
    Foreign(("--unix-socket",), "daphne", "--uds PATH"),
    Foreign(("--verbosity",), "daphne", "--log-level LEVEL"),
    Foreign(("--websocket_timeout", "--websocket_connect_timeout"), "daphne",
            "--ws-ping-timeout TIME ends dead WebSockets; living ones have no end"),
    Foreign(("--application-close-timeout",), "daphne", "--timeout-disconnect-grace TIME"),
    Foreign(("--websocket-max-frame-size",), "daphne", "--ws-max-size SIZE"),
    Foreign(("--proxy-headers-host", "--proxy-headers-port"), "daphne",
            "--forwarded-headers LIST chooses the headers, --forwarded-allow-ips LIST the proxies"),
    Foreign(("--no-server-name",), "daphne", "--no-server-header", takes_value=False),
)  # fmt: skip

BY_FLAG = {flag: foreign for foreign in FOREIGN for flag in foreign.flags}
