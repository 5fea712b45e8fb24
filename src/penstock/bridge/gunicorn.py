"""gunicorn's settings, as its configuration file and its command line name them."""

from __future__ import annotations

from typing import Any

from penstock.bridge import rules
from penstock.bridge.draft import Draft, NoCounterpart, Said
from penstock.bridge.hypercorn import access_log, log_file
from penstock.bridge.rules import Rule, Server, Setting, by, moot, no, to, words
from penstock.bridge.uvicorn import CERTIFICATES, LOOPS, SSL_VERSION

_PORT = 8000
_HTTP2 = moot("its windows adapt by themselves, and what they hold is bounded")
_METRICS = no("metrics are not built yet; /status of --health-bind has counts")
_SYSLOG = no("log-config FILE with logging.handlers.SysLogHandler")
_LENIENT = no("requests are read as RFC 9112 writes them, there is no lenient mode")
_DIRTY = no("run long jobs in a task queue of their own", (False, None, "", 0, []))
_ASGI_WORKERS = ("asgi", "uvicorn.workers.uvicornworker", "uvicorn_worker.uvicornworker")
_H11_WORKERS = ("uvicorn.workers.uvicornh11worker", "uvicorn_worker.uvicornh11worker")
_GREEN = ("gevent", "eventlet", "tornado", "ggevent", "geventlet", "gtornado")


def _hook(instead: str) -> Rule:
    return no(instead)


def _binds(value: Any) -> list[str]:
    items = value.split(",") if isinstance(value, str) else list(value)
    return [rules.bind(str(item), _PORT) for item in items]


def _worker_class(draft: Draft, setting: str, said: Said) -> None:
    value = said.value if isinstance(said.value, str) else getattr(said.value, "__name__", "")
    word = value.lower()
    if word in _ASGI_WORKERS or word.endswith("uvicornworker"):
        draft.spare(setting, "an ASGI application needs no worker class")
    elif word in _H11_WORKERS:
        draft.put("loop", "asyncio", f"{setting} = {value}")
    elif word in {"sync", "gthread"} or word.endswith((".sync.syncworker", "threadworker")):
        draft.spare(setting, "WSGI applications run in threads anyway")
    elif any(green in word for green in _GREEN):
        draft.leave(
            f"{setting} = {value}",
            "nothing is patched to be cooperative: WSGI runs in threads, threads = N says how many",
        )
    else:
        draft.leave(
            f"{setting} = {rules.shown(said.value)}",
            "there are no worker classes: ASGI and WSGI are told apart by themselves",
        )


def _engine(draft: Draft, setting: str, said: Said) -> None:
    if said.value == "poll":
        draft.put("reload_polling", True, f"{setting} = poll")
    else:
        draft.spare(setting, "the system is asked, by watchfiles")


def _line_limit(value: Any) -> Any:
    if int(value) == 0:
        raise NoCounterpart("there is always a limit")
    return rules.size(value)


def _paths(draft: Draft, setting: str, said: Said) -> None:
    first, *more = str(said.value).split(",")
    draft.put("app_dir", first, f"{setting} = {said.value}",
              "relative paths are still seen from where the server is started")  # fmt: skip
    if more:
        draft.leave(f"{setting} = {','.join(more)}", "one folder is added: set PYTHONPATH for more")


def _environment(draft: Draft, setting: str, said: Said) -> None:
    names = [str(each).partition("=")[0] for each in rules.texts(said.value) or ()]
    if names:
        draft.leave(
            f"{setting}: {', '.join(names)}", 'write them into a file, and env-file = "that file"'
        )


def _scheme_headers(draft: Draft, setting: str, said: Said) -> None:
    draft.leave(f"{setting} = {rules.shown(said.value)}", "X-Forwarded-Proto or Forwarded is read")


def _header_map(draft: Draft, setting: str, said: Said) -> None:
    if said.value == "dangerous":
        draft.put("drop_underscore_headers", False, f"{setting} = dangerous")
    elif said.value == "refuse":
        draft.leave(
            f"{setting} = refuse", "names with an underscore are dropped for WSGI, not refused"
        )
    else:
        draft.spare(setting, "it is what happens anyway")


def _proxy_protocol(draft: Draft, setting: str, said: Said) -> None:
    if said.value is True or str(said.value).lower() in {"auto", "v1", "v2", "on", "true"}:
        draft.put("proxy_protocol", True, f"{setting} = {said.value}")


def _proxies(draft: Draft, setting: str, said: Said) -> None:
    """Both of their lists are one here."""
    forwarded = str(draft.value("forwarded_allow_ips", "")).split(",")
    both = [each.strip() for each in [*forwarded, *str(said.value).split(",")]]
    draft.put("forwarded_allow_ips", ",".join(dict.fromkeys(filter(None, both))),
              f"{setting} = {said.value}")  # fmt: skip


def _protocol(draft: Draft, setting: str, said: Said) -> None:
    if said.value == "http":
        draft.spare(setting, "it is what is spoken")
    else:
        draft.leave(f"{setting} = {said.value}", "HTTP is spoken: in nginx, proxy_pass in place of"
                    " uwsgi_pass or fastcgi_pass")  # fmt: skip


def _protocols(draft: Draft, setting: str, said: Said) -> None:
    if "h3" in str(said.value):
        draft.leave(f"{setting} = {said.value}", "HTTP/3 is not built yet: let the proxy speak it")
    elif "h2" in str(said.value):
        draft.spare(setting, "HTTP/1.1 and HTTP/2 are served")
    else:
        draft.put("http2", False, f"{setting} = {said.value}")


def _names(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


SETTINGS: tuple[Setting, ...] = (
    Setting("config", moot("the file that it names is read too"), "-c,--config="),
    Setting("wsgi_app", to("app")),
    Setting("bind", to("bind", _binds), "-b,--bind=", many=True),
    Setting("backlog", to("backlog", rules.number), "--backlog="),
    Setting("workers", to("workers", rules.count), "-w,--workers="),
    Setting("worker_class", by(_worker_class, "not needed for ASGI, sync and gthread; `loop` for"
            " UvicornH11Worker; none for gevent and eventlet"), "-k,--worker-class="),
    Setting("threads", to("threads", rules.number), "--threads="),
    Setting("worker_connections", to("limit_connections", rules.number), "--worker-connections="),
    Setting("max_requests", to("limit_max_requests", rules.count), "--max-requests="),
    Setting("max_requests_jitter", to("limit_max_requests_jitter", rules.count),
            "--max-requests-jitter="),
    Setting("timeout", to("timeout_worker", rules.duration, "for the event loop: a slow request in a"
            " thread of WSGI is not cut"), "-t,--timeout="),
    Setting("graceful_timeout", to("timeout_graceful_shutdown", rules.duration),
            "--graceful-timeout="),
    Setting("keepalive", to("timeout_keep_alive", rules.duration), "--keep-alive="),
    Setting("limit_request_line", to("limit_request_line", _line_limit), "--limit-request-line="),
    Setting("limit_request_fields", to("limit_request_fields", rules.number),
            "--limit-request-fields="),
    Setting("limit_request_field_size", moot("limit-request-head bounds all fields together, at"
            " 64KiB"), "--limit-request-field_size="),
    Setting("reload", to("reload", rules.only_on), "--reload"),
    Setting("reload_engine", by(_engine, "`reload-polling` for poll; not needed for others"),
            "--reload-engine="),
    Setting("reload_extra_files", to("reload_include", rules.texts), "--reload-extra-file=", many=True),
    Setting("spew", no("python -X importtime, or a profiler"), "--spew"),
    Setting("check_config", moot("penstock config check"), "--check-config"),
    Setting("print_config", moot("penstock config show"), "--print-config"),
    Setting("preload_app", to("preload", rules.only_on), "--preload"),
    Setting("sendfile", moot("the application decides, by offering a file"), "--no-sendfile"),
    Setting("reuse_port", moot("the supervisor keeps the sockets, and shares them evenly"),
            "--reuse-port"),
    Setting("chdir", by(_paths, "`app-dir`"), "--chdir="),
    Setting("daemon", no("start it from systemd, a container or nohup: it stays in the foreground"),
            "-D,--daemon"),
    Setting("raw_env", by(_environment, "`env-file` names a file with them"), "-e,--env=", many=True),
    Setting("pidfile", to("pid", rules.text), "-p,--pid="),
    Setting("worker_tmp_dir", moot("workers need no file for a heartbeat"), "--worker-tmp-dir="),
    Setting("user", to("user", _names), "-u,--user="),
    Setting("group", to("group", _names), "-g,--group="),
    Setting("umask", to("umask", rules.octal), "-m,--umask="),
    Setting("initgroups", moot("the user's groups are always taken"), "--initgroups"),
    Setting("tmp_upload_dir", moot("bodies are not written to disk")),
    Setting("secure_scheme_headers", by(_scheme_headers, "none: X-Forwarded-Proto or Forwarded is"
            " read")),
    Setting("forwarded_allow_ips", to("forwarded_allow_ips"), "--forwarded-allow-ips="),
    Setting("accesslog", by(access_log, "`access-log`, `access-log-file`"), "--access-logfile="),
    Setting("disable_redirect_access_to_syslog", _SYSLOG, "--disable-redirect-access-to-syslog"),
    Setting("access_log_format", to("access_log_format"), "--access-logformat="),
    Setting("errorlog", log_file("log_file"), "--error-logfile,--log-file="),
    Setting("loglevel", to("log_level", rules.log_level), "--log-level="),
    Setting("capture_output", no("what is printed goes where it goes: > FILE 2>&1 in the shell"),
            "--capture-output"),
    Setting("logger_class", no("log-config FILE says how it is logged"), "--logger-class="),
    Setting("logconfig", to("log_config", rules.text, "its loggers are penstock.error,"
            " penstock.access"), "--log-config="),
    Setting("logconfig_dict", to("log_config", lambda value: value or None, "its loggers are"
            " penstock.error, penstock.access")),
    Setting("logconfig_json", to("log_config", rules.text, "its loggers are penstock.error,"
            " penstock.access"), "--log-config-json="),
    Setting("syslog_addr", _SYSLOG, "--log-syslog-to="),
    Setting("syslog", _SYSLOG, "--log-syslog"),
    Setting("syslog_prefix", _SYSLOG, "--log-syslog-prefix="),
    Setting("syslog_facility", _SYSLOG, "--log-syslog-facility="),
    Setting("enable_stdio_inheritance", moot("streams are inherited"),
            "-R,--enable-stdio-inheritance"),
    Setting("statsd_host", _METRICS, "--statsd-host="),
    Setting("dogstatsd_tags", _METRICS, "--dogstatsd-tags="),
    Setting("statsd_prefix", _METRICS, "--statsd-prefix="),
    Setting("enable_backlog_metric", _METRICS, "--enable-backlog-metric"),
    Setting("proc_name", to("name", rules.text), "-n,--name="),
    Setting("default_proc_name", moot("the name is penstock")),
    Setting("pythonpath", by(_paths, "`app-dir`"), "--pythonpath="),
    Setting("paste", no("load it in a module: app = paste.deploy.loadapp('config:FILE')"),
            "--paste,--paster="),
    Setting("on_starting", _hook("ExecStartPre=, or the container's entry point")),
    Setting("on_reload", _hook("systemd's RELOADING tells of it")),
    Setting("when_ready", _hook("systemd's READY, or /readyz of --health-bind")),
    Setting("pre_fork", _hook("workers are fresh processes, with nothing to close before")),
    Setting("post_fork", _hook("the application's lifespan startup; with --preload, os.register_at_fork")),
    Setting("post_worker_init", _hook("the application's lifespan startup")),
    Setting("worker_int", _hook("the application's lifespan shutdown")),
    Setting("worker_abort", _hook("stacks, tasks and requests are logged, always")),
    Setting("pre_exec", _hook("do it before sending USR2")),
    Setting("pre_request", _hook("middleware of the application")),
    Setting("post_request", _hook("middleware of the application, or the access log")),
    Setting("child_exit", _hook("the supervisor logs each worker's end")),
    Setting("worker_exit", _hook("the application's lifespan shutdown, or atexit")),
    Setting("nworkers_changed", _hook("the supervisor logs it")),
    Setting("on_exit", _hook("ExecStopPost=, or whoever waits for the process")),
    Setting("ssl_context", _hook("the --ssl-* options; renewed certificates are used without a restart")),
    Setting("proxy_protocol", by(_proxy_protocol, "`proxy-protocol`"), "--proxy-protocol?"),
    Setting("proxy_allow_ips", by(_proxies, "`forwarded-allow-ips`"), "--proxy-allow-from="),
    Setting("protocol", by(_protocol, "not needed, but for uwsgi and fastcgi: HTTP is spoken"),
            "--protocol="),
    Setting("uwsgi_allow_ips", no("HTTP is spoken"), "--uwsgi-allow-from="),
    Setting("keyfile", to("ssl_keyfile", rules.texts), "--keyfile="),
    Setting("certfile", to("ssl_certfile", rules.texts), "--certfile="),
    Setting("ssl_version", SSL_VERSION, "--ssl-version="),
    Setting("cert_reqs", words("ssl_cert_reqs", CERTIFICATES), "--cert-reqs="),
    Setting("ca_certs", to("ssl_ca_certs", rules.text), "--ca-certs="),
    Setting("suppress_ragged_eofs", moot("a cut connection is no error"), "--suppress-ragged-eofs"),
    Setting("do_handshake_on_connect", moot("timeout-tls-handshake bounds it"),
            "--do-handshake-on-connect"),
    Setting("ciphers", to("ssl_ciphers", rules.text), "--ciphers="),
    Setting("http_protocols", by(_protocols, "`http2` off, for h1 alone; HTTP/3 is not built yet"),
            "--http-protocols="),
    Setting("http2_cleartext", moot("it is served by prior knowledge, where http2 is on"),
            "--http2-cleartext="),
    Setting("http2_max_concurrent_streams", to("limit_http2_streams", rules.count),
            "--http2-max-concurrent-streams="),
    Setting("http2_initial_window_size", _HTTP2, "--http2-initial-window-size="),
    Setting("http2_max_frame_size", _HTTP2, "--http2-max-frame-size="),
    Setting("http2_max_header_list_size", to("limit_request_head", rules.size),
            "--http2-max-header-list-size="),
    Setting("raw_paste_global_conf", no("pass them to loadapp(..., global_conf={...})",
            (False, None, "", [])), "--paste-global=", many=True),
    Setting("permit_obsolete_folding", _LENIENT, "--permit-obsolete-folding"),
    Setting("strip_header_spaces", _LENIENT, "--strip-header-spaces"),
    Setting("permit_unconventional_http_method", _LENIENT, "--permit-unconventional-http-method"),
    Setting("permit_unconventional_http_version", _LENIENT, "--permit-unconventional-http-version"),
    Setting("casefold_http_method", _LENIENT, "--casefold-http-method"),
    Setting("forwarder_headers", no("SCRIPT_NAME and PATH_INFO are not taken from headers; root-path"
            " says where the application is"), "--forwarder-headers="),
    Setting("header_map", by(_header_map, "`drop-underscore-headers` for dangerous; none for refuse"),
            "--header-map="),
    Setting("asgi_loop", words("loop", LOOPS, "the loop is uvloop or asyncio"), "--asgi-loop="),
    Setting("asgi_lifespan", to("lifespan"), "--asgi-lifespan="),
    Setting("asgi_disconnect_grace_period", moot("nothing is cancelled because a client left"),
            "--asgi-disconnect-grace-period="),
    Setting("websocket_max_message_size", to("ws_max_size", rules.size),
            "--websocket-max-message-size="),
    Setting("http_parser", moot("there is one parser of its own"), "--http-parser="),
    Setting("root_path", to("root_path", rules.text), "--root-path="),
    Setting("dirty_apps", _DIRTY, "--dirty-app=", many=True),
    Setting("dirty_workers", _DIRTY, "--dirty-workers="),
    Setting("dirty_timeout", _DIRTY, "--dirty-timeout="),
    Setting("dirty_threads", _DIRTY, "--dirty-threads="),
    Setting("dirty_graceful_timeout", _DIRTY, "--dirty-graceful-timeout="),
    Setting("on_dirty_starting", _DIRTY),
    Setting("dirty_post_fork", _DIRTY),
    Setting("dirty_worker_init", _DIRTY),
    Setting("dirty_worker_exit", _DIRTY),
    Setting("control_socket", moot("signals steer it"), "--control-socket="),
    Setting("control_socket_mode", moot("there is no control socket"), "--control-socket-mode="),
    Setting("control_socket_disable", moot("there is no control socket"), "--no-control-socket"),
)  # fmt: skip


def finish(draft: Draft) -> None:
    """What gunicorn does unless told otherwise, and Penstock does not."""
    if "workers" not in draft.given:
        draft.put("workers", 1, "workers", "gunicorn supervises one, too; $WEB_CONCURRENCY wins")
    if "accesslog" not in draft.given:
        draft.put("access_log", False, "accesslog", "gunicorn's default")
    draft.trust_unix("gunicorn trusts whoever may use its Unix socket")
    klass = str(draft.value("worker_class", "sync")).lower()
    if klass == "sync" and "threads" not in draft.given:
        draft.put("threads", 1, "threads",
                  "as sync workers, one request at a time; more if the application is thread-safe, no"
                  " matter for ASGI")  # fmt: skip


SERVER = Server("gunicorn", SETTINGS, finish, programs=("gunicorn",), abbreviates=True)
