"""granian's settings, as its command line names them."""

from __future__ import annotations

import re
from typing import Any

from penstock.bridge import rules
from penstock.bridge.draft import Draft, NoCounterpart, Said
from penstock.bridge.rules import Server, Setting, by, moot, no, to, words
from penstock.bridge.uvicorn import LOOPS

_HTTP2 = moot("its windows adapt by themselves, and what they hold is bounded")
_HTTP2_IDLE = no("an idle connection is kept for timeout-keep-alive, its client answers no pings")
_RUNTIME = moot("there is no second runtime beside Python's")
_METRICS = no("metrics are not built yet; /status of --health-bind has counts")
# Their atoms of the access log, and gunicorn's for the same, which are ours
ATOMS = {
    "addr": "h", "time": "t", "dt_ms": "M", "status": "s", "path": "U", "query_string": "q",
    "method": "m", "scheme": "", "protocol": "H",
}  # fmt: skip
_ATOM = re.compile(r"%\((\w+)\)[-+ #0]*\d*(?:\.\d+)?[a-zA-Z]")


def _interface(draft: Draft, setting: str, said: Said) -> None:
    if said.value == "rsgi":
        draft.leave("interface = rsgi", "RSGI is spoken by granian alone: name an ASGI application")
        return
    draft.put("interface", "wsgi" if said.value == "wsgi" else "asgi3", f"{setting} = {said.value}")
    if said.value == "asginl":
        draft.put("lifespan", "off", f"{setting} = {said.value}")


def _http(draft: Draft, setting: str, said: Said) -> None:
    if str(said.value) == "1":
        draft.put("http2", False, "http = 1")
    elif str(said.value) == "2":
        draft.leave("http = 2", "HTTP/1.1 is always served, too")
    else:
        draft.spare(setting, "both are served")


def _websockets(draft: Draft, setting: str, said: Said) -> None:
    if rules.flag(said.value):
        draft.spare(setting, "WebSockets are served if the application takes them")
    else:
        draft.leave("ws = false", "an application without WebSocket refuses it by itself")


def _keep_alive(draft: Draft, setting: str, said: Said) -> None:
    if rules.flag(said.value):
        draft.spare(setting, "connections are kept alive")
    else:
        draft.put("timeout_keep_alive", "0s", f"{setting} = {said.value}")


def _log(draft: Draft, setting: str, said: Said) -> None:
    if rules.flag(said.value):
        draft.spare(setting, "the log is on")
        return
    draft.put("log_level", "critical", setting)
    draft.put("access_log", False, setting)


def _format(value: Any) -> str | None:
    def ours(match: re.Match[str]) -> str:
        atom = ATOMS.get(match[1], "")
        if not atom:
            raise NoCounterpart(f"there is no atom like %({match[1]})s: see docs/logging.md")
        return f"%({atom})s"

    return _ATOM.sub(ours, value) if value else None


def _client_verify(value: Any) -> str | None:
    return "required" if rules.flag(value) else None


def _static(draft: Draft, setting: str, said: Said) -> None:
    folders = rules.texts(said.value) or []
    routes = rules.texts(draft.value("static_path_route")) or ["/static"]
    if len(folders) != len(routes):
        draft.leave(f"{setting} = {rules.shown(said.value)}", "each folder needs one route")
        return
    settings = []
    index = draft.value("static_path_dir_to_file")
    if index:
        settings.append(f"index={index}")
    expires = draft.value("static_path_expires", "86400")
    settings.append("cache=revalidate" if str(expires) == "0" else f"cache={expires}")
    mounts = [
        f"{route}={folder}?{'&'.join(settings)}"
        for route, folder in zip(routes, folders, strict=True)
    ]
    draft.put("static", mounts, f"{setting} = {rules.shown(said.value)}")


def _with_static(_draft: Draft, _setting: str, _said: Said) -> None:
    """Read beside the folders."""


_STATIC = by(_with_static, "`static`, beside its folder")

SETTINGS: tuple[Setting, ...] = (
    Setting("app", to("app")),
    Setting("host", to("host"), "--host="),
    Setting("port", to("port", rules.number), "--port="),
    Setting("uds", to("uds", rules.text), "--uds="),
    Setting("uds_permissions", to("uds_mode", rules.octal), "--uds-permissions="),
    Setting("interface", by(_interface, "`interface`, and `lifespan` for asginl; none for rsgi"),
            "--interface="),
    Setting("http", by(_http, "`http2` off, for 1"), "--http="),
    Setting("websockets", by(_websockets, "not needed: the application takes WebSockets or not"),
            "--ws/--no-ws"),
    Setting("workers", to("workers", rules.count), "--workers="),
    Setting("blocking_threads", to("threads", rules.number), "--blocking-threads="),
    Setting("blocking_threads_idle_timeout", moot("threads stay"),
            "--blocking-threads-idle-timeout="),
    Setting("runtime_threads", _RUNTIME, "--runtime-threads="),
    Setting("runtime_blocking_threads", _RUNTIME, "--runtime-blocking-threads="),
    Setting("runtime_mode", _RUNTIME, "--runtime-mode="),
    Setting("loop", words("loop", LOOPS, "the loop is uvloop or asyncio"), "--loop="),
    Setting("task_impl", moot("tasks are asyncio's"), "--task-impl="),
    Setting("backlog", to("backlog", rules.number), "--backlog="),
    Setting("backpressure", to("limit_concurrency", rules.count), "--backpressure="),
    Setting("http1_buffer_size", no("limit-request-head and read-buffer bound what is held"),
            "--http1-buffer-size="),
    Setting("http1_header_read_timeout", to("timeout_request_head", rules.milliseconds),
            "--http1-header-read-timeout="),
    Setting("http1_keep_alive", by(_keep_alive, "`timeout-keep-alive` 0 for off"),
            "--http1-keep-alive/--no-http1-keep-alive"),
    Setting("http1_pipeline_flush", moot("answers of one read leave together"),
            "--http1-pipeline-flush/--no-http1-pipeline-flush"),
    Setting("http2_adaptive_window", _HTTP2, "--http2-adaptive-window/--no-http2-adaptive-window"),
    Setting("http2_initial_connection_window_size", _HTTP2, "--http2-initial-connection-window-size="),
    Setting("http2_initial_stream_window_size", _HTTP2, "--http2-initial-stream-window-size="),
    Setting("http2_keep_alive_interval", _HTTP2_IDLE, "--http2-keep-alive-interval="),
    Setting("http2_keep_alive_timeout", _HTTP2_IDLE, "--http2-keep-alive-timeout="),
    Setting("http2_max_concurrent_streams", to("limit_http2_streams", rules.count),
            "--http2-max-concurrent-streams="),
    Setting("http2_max_frame_size", _HTTP2, "--http2-max-frame-size="),
    Setting("http2_max_headers_size", to("limit_request_head", rules.size), "--http2-max-headers-size="),
    Setting("http2_max_send_buffer_size", _HTTP2, "--http2-max-send-buffer-size="),
    Setting("log_enabled", by(_log, "`log-level` critical and `access-log` off, for off"),
            "--log/--no-log"),
    Setting("log_level", to("log_level", rules.log_level), "--log-level="),
    Setting("log_config", to("log_config", note="its loggers are penstock.error, penstock.access"),
            "--log-config="),
    Setting("log_access_enabled", to("access_log", rules.flag), "--access-log/--no-access-log"),
    Setting("log_access_fmt", to("access_log_format", _format), "--access-log-fmt="),
    Setting("ssl_certificate", to("ssl_certfile", rules.texts), "--ssl-certificate="),
    Setting("ssl_keyfile", to("ssl_keyfile", rules.texts), "--ssl-keyfile="),
    Setting("ssl_keyfile_password", rules.hidden("set it in the environment, as"
            " PENSTOCK_SSL_KEYFILE_PASSWORD"), "--ssl-keyfile-password="),
    Setting("ssl_protocol_min", to("ssl_min_version"), "--ssl-protocol-min="),
    Setting("ssl_ca", to("ssl_ca_certs", rules.text), "--ssl-ca="),
    Setting("ssl_crl", to("ssl_crl"), "--ssl-crl="),
    Setting("ssl_client_verify", to("ssl_cert_reqs", _client_verify),
            "--ssl-client-verify/--no-ssl-client-verify"),
    Setting("url_path_prefix", to("root_path", rules.text), "--url-path-prefix="),
    Setting("respawn_failed_workers", moot("failed workers are always replaced"),
            "--respawn-failed-workers/--no-respawn-failed-workers"),
    Setting("respawn_interval", moot("a new worker is ready before the old one goes"),
            "--respawn-interval="),
    Setting("rss_sample_interval", moot("memory is looked at as often as is needed"),
            "--rss-sample-interval="),
    Setting("rss_samples", no("one look counts"), "--rss-samples="),
    Setting("workers_lifetime", to("limit_max_age", rules.duration), "--workers-lifetime="),
    Setting("workers_max_rss", to("limit_max_rss", rules.mebibytes), "--workers-max-rss="),
    Setting("workers_kill_timeout", to("timeout_graceful_shutdown", rules.duration),
            "--workers-kill-timeout="),
    Setting("factory", to("factory", rules.only_on), "--factory/--no-factory"),
    Setting("working_dir", to("app_dir", rules.text,
            "relative paths are still seen from where the server is started"), "--working-dir="),
    Setting("env_files", to("env_file", rules.texts), "--env-files=", many=True),
    Setting("static_path_route", _STATIC, "--static-path-route=", many=True),
    Setting("static_path_mount", by(_static, "`static`"), "--static-path-mount=", many=True),
    Setting("static_path_dir_to_file", _STATIC, "--static-path-dir-to-file="),
    Setting("static_path_expires", _STATIC, "--static-path-expires="),
    Setting("metrics_enabled", _METRICS, "--metrics/--no-metrics"),
    Setting("metrics_scrape_interval", _METRICS, "--metrics-scrape-interval="),
    Setting("metrics_address", _METRICS, "--metrics-address="),
    Setting("metrics_port", _METRICS, "--metrics-port="),
    Setting("reload", to("reload", rules.only_on), "--reload/--no-reload"),
    Setting("reload_paths", to("reload_dir", rules.texts), "--reload-paths=", many=True),
    Setting("reload_ignore_dirs", to("reload_exclude", rules.texts), "--reload-ignore-dirs=", many=True),
    Setting("reload_ignore_patterns", no("theirs are regular expressions, those of reload-exclude are"
            " patterns as in a shell"), "--reload-ignore-patterns=", many=True),
    Setting("reload_ignore_paths", to("reload_exclude", rules.texts), "--reload-ignore-paths=",
            many=True),
    Setting("reload_tick", to("reload_delay", rules.milliseconds), "--reload-tick="),
    Setting("reload_ignore_worker_failure", moot("a failure does not end a reload"),
            "--reload-ignore-worker-failure/--no-reload-ignore-worker-failure"),
    Setting("process_name", to("name", rules.text), "--process-name="),
    Setting("pid_file", to("pid", rules.text), "--pid-file="),
    Setting("version", moot("penstock --version"), "--version"),
)  # fmt: skip


def finish(draft: Draft) -> None:
    """What granian does unless told otherwise, and Penstock does not."""
    if "interface" not in draft.given:
        draft.leave(
            "interface (rsgi, its default)",
            "RSGI is spoken by granian alone; an ASGI or WSGI application is told by itself",
        )
    if "log_access_enabled" not in draft.given and "access_log" not in draft.lines:
        draft.put("access_log", False, "access-log", "granian's default")
    if "workers" not in draft.given:
        draft.put("workers", 1, "workers", "granian supervises one, too")


SERVER = Server("granian", SETTINGS, finish, programs=("granian",), prefix="GRANIAN_")
