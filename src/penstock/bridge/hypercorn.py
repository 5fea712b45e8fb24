"""hypercorn's settings, as its `Config` and its command line name them."""

from __future__ import annotations

from typing import Any

from penstock.bridge import rules
from penstock.bridge.draft import Draft, Said
from penstock.bridge.rules import Server, Setting, by, moot, no, to, words
from penstock.bridge.uvicorn import CERTIFICATES

_PORT = 8000
_STATSD = no("metrics are not built yet; /status of --health-bind has counts")
_VERIFY = {
    "cert_none": "none", "cert_optional": "optional", "cert_required": "required", **CERTIFICATES,
}  # fmt: skip
_INTERFACES = {"asgi": "asgi3", "wsgi": "wsgi"}
_LOOPS = {"asyncio": "asyncio", "uvloop": "uvloop"}


def log_file(option: str) -> rules.Rule:
    """A path, `-` for the standard stream, and nothing to write where there is none."""

    def read(value: Any) -> str | None:
        return None if value in {None, ""} else str(value)

    return to(option, read)


def access_log(draft: Draft, setting: str, said: Said) -> None:
    """On with a file, off without one."""
    if said.value in {None, ""}:
        draft.put("access_log", False, setting)
        return
    draft.put("access_log", True, f"{setting} = {rules.shown(said.value)}")
    if said.value != "-":
        draft.put("access_log_file", str(said.value), f"{setting} = {rules.shown(said.value)}")


def _application(draft: Draft, setting: str, said: Said) -> None:
    text = str(said.value)
    kind, found, app = text.partition(":")
    if found and kind in _INTERFACES and ":" in app:
        draft.put("interface", _INTERFACES[kind], f"{setting} = {text}")
        text = app
    draft.put("app", text, f"{setting} = {text}")


def _binds(draft: Draft, setting: str, said: Said) -> None:
    """TLS binds and, with `insecure_bind`, plain ones beside them."""
    secure = [rules.bind(each, _PORT) for each in rules.texts(said.value) or ()]
    plain = [rules.bind(each, _PORT) for each in rules.texts(draft.value("insecure_bind")) or ()]
    if plain and draft.value("certfile"):
        secure = [f"{each}?tls" for each in secure]
    draft.put("bind", secure + plain, f"{setting} = {rules.shown(said.value)}")


def _insecure(draft: Draft, _setting: str, _said: Said) -> None:
    if "bind" not in draft.given:
        _binds(draft, "bind", Said([f"127.0.0.1:{_PORT}"], "its default"))


def _log_config(draft: Draft, setting: str, said: Said) -> None:
    text = str(said.value)
    if text.startswith("toml:"):
        draft.leave(f"{setting} = {text}", "write the table into penstock.toml, as [log-config]")
        return
    draft.put(
        "log_config", text.removeprefix("json:"), f"{setting} = {text}",
        "its loggers are penstock.error, penstock.access",
    )  # fmt: skip


def _socket_mode(value: Any) -> str | None:
    # The bits that are taken from a Unix socket's rw-rw-rw-, not those of the process
    return None if value is None else f"{0o777 & ~int(value):03o}"


def _owner(draft: Draft, setting: str, _said: Said) -> None:
    user, group = draft.value("user"), draft.value("group")
    owner = f"{'' if user is None else user}" + (f":{group}" if group is not None else "")
    if owner:
        draft.put("uds_owner", owner, f"{setting} = {owner}")


def _alt_svc(value: Any) -> list[str] | None:
    return [f"alt-svc: {each}" for each in rules.texts(value) or ()] or None


SETTINGS: tuple[Setting, ...] = (
    Setting("application_path", by(_application, "`app`; its prefix asgi: or wsgi: is `interface`")),
    Setting("bind", by(_binds, "`bind`; with ?tls if there are insecure binds, too"), "-b,--bind=",
            many=True),
    Setting("insecure_bind", by(_insecure, "`bind`, without ?tls"), "--insecure-bind=", many=True),
    Setting("quic_bind", no("HTTP/3 is not built yet: let the proxy in front speak it",
            (False, None, "", [])), "--quic-bind=", many=True),
    Setting("root_path", to("root_path", rules.text), "--root-path="),
    Setting("access_log_format", to("access_log_format"), "--access-logformat="),
    Setting("accesslog", by(access_log, "`access-log`, `access-log-file`"),
            "--access-logfile,--access-log="),
    Setting("alpn_protocols", moot("ALPN offers what is served")),
    Setting("alt_svc_headers", to("header", _alt_svc)),
    Setting("backlog", to("backlog", rules.number), "--backlog="),
    Setting("ca_certs", to("ssl_ca_certs", rules.text), "--ca-certs="),
    Setting("certfile", to("ssl_certfile", rules.texts), "--certfile="),
    Setting("ciphers", to("ssl_ciphers", rules.text), "--ciphers="),
    Setting("debug", to("log_level", lambda value: "debug" if rules.flag(value) else None), "--debug"),
    Setting("dogstatsd_tags", _STATSD),
    Setting("errorlog", log_file("log_file"), "--error-logfile,--log-file,--error-log="),
    Setting("graceful_timeout", to("timeout_graceful_shutdown", rules.duration),
            "--graceful-timeout="),
    Setting("read_timeout", no("timeout-request-head bounds heads, min-rate bodies"),
            "--read-timeout="),
    Setting("group", by(_owner, "`uds-owner`"), "-g,--group="),
    Setting("h11_max_incomplete_size", to("limit_request_head", rules.size)),
    Setting("h11_pass_raw_headers", moot("headers are passed as ASGI wants them, in lower case")),
    Setting("h2_max_concurrent_streams", to("limit_http2_streams", rules.count)),
    Setting("h2_max_header_list_size", to("limit_request_head", rules.size)),
    Setting("h2_max_inbound_frame_size", moot("frames are of up to 16 KiB")),
    Setting("include_date_header", to("date_header", rules.flag)),
    Setting("include_server_header", to("server_header", rules.flag)),
    Setting("keep_alive_timeout", to("timeout_keep_alive", rules.duration), "--keep-alive="),
    Setting("keep_alive_max_requests", no("a connection has no number of requests; max-requests is of"
            " a worker")),
    Setting("keyfile", to("ssl_keyfile", rules.texts), "--keyfile="),
    Setting("keyfile_password", rules.hidden("set it in the environment, as"
            " PENSTOCK_SSL_KEYFILE_PASSWORD"), "--keyfile-password="),
    Setting("logconfig", by(_log_config, "`log-config`"), "--log-config="),
    Setting("logconfig_dict", to("log_config", note="its loggers are penstock.error, penstock.access")),
    Setting("logger_class", no("log-config FILE says how it is logged")),
    Setting("loglevel", to("log_level", rules.log_level), "--log-level="),
    Setting("max_app_queue_size", moot("read-buffer bounds what waits for the application, in bytes")),
    Setting("max_requests", to("limit_max_requests", rules.count), "--max-requests="),
    Setting("max_requests_jitter", to("limit_max_requests_jitter", rules.count),
            "--max-requests-jitter="),
    Setting("pid_path", to("pid", rules.text), "-p,--pid="),
    Setting("server_names", no("the application checks the host, or the proxy", (False, None, "", [])),
            "--server-name=", many=True),
    Setting("shutdown_timeout", to("timeout_lifespan_shutdown", rules.duration)),
    Setting("ssl_handshake_timeout", to("timeout_tls_handshake", rules.duration)),
    Setting("startup_timeout", to("timeout_startup", rules.duration)),
    Setting("statsd_host", _STATSD, "--statsd-host="),
    Setting("statsd_prefix", _STATSD, "--statsd-prefix="),
    Setting("umask", to("uds_mode", _socket_mode), "-m,--umask="),
    Setting("use_reloader", to("reload", rules.only_on), "--reload"),
    Setting("user", by(_owner, "`uds-owner`"), "-u,--user="),
    Setting("verify_flags", no("ssl-crl names the certificates that are revoked")),
    Setting("verify_mode", words("ssl_cert_reqs", _VERIFY), "--verify-mode="),
    Setting("cert_reqs", words("ssl_cert_reqs", _VERIFY), "--cert-reqs="),
    Setting("websocket_max_message_size", to("ws_max_size", rules.size)),
    Setting("websocket_ping_interval", to("ws_ping_interval", rules.duration),
            "--websocket-ping-interval="),
    Setting("worker_class", words("loop", _LOOPS, "the loop is uvloop or asyncio"),
            "-k,--worker-class="),
    Setting("workers", to("workers", rules.count), "-w,--workers="),
    Setting("wsgi_max_body_size", to("limit_request_body", rules.size)),
    Setting("daemon", moot("workers end with their supervisor"), "-D,--daemon"),
    Setting("config", moot("the file that it names is read too"), "-c,--config="),
)  # fmt: skip


def finish(draft: Draft) -> None:
    """What hypercorn does unless told otherwise, and Penstock does not."""
    if "accesslog" not in draft.given:
        draft.put("access_log", False, "accesslog", "hypercorn's default")
    if "shutdown_timeout" in draft.given and "timeout_lifespan_shutdown" in draft.lines:
        # Here the lifespan's part lies within the whole
        from penstock.config import units

        whole = units.parse_duration(draft.value("graceful_timeout", 3)) + units.parse_duration(
            draft.value("shutdown_timeout")
        )
        draft.put(
            "timeout_graceful_shutdown", units.format_duration(whole), "shutdown_timeout",
            "graceful_timeout and shutdown_timeout together",
        )  # fmt: skip


SERVER = Server("hypercorn", SETTINGS, finish, programs=("hypercorn",), abbreviates=True)
