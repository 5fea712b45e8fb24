"""uvicorn's settings, as its `Config` and its command line name them."""

from __future__ import annotations

from typing import Any

from penstock.bridge import rules
from penstock.bridge.draft import Draft, Said
from penstock.bridge.rules import Server, Setting, by, moot, no, to, words

CERTIFICATES = {0: "none", 1: "optional", 2: "required", "0": "none", "1": "optional",
                "2": "required"}  # fmt: skip
LOOPS = {"auto": "auto", "uvloop": "uvloop", "asyncio": "asyncio", "none": "auto"}
CONTEXT = "certificates are given as files: --ssl-certfile, --ssl-keyfile, --ssl-ca-certs"
CODECS = "there is one codec of its own"


def _workers(value: Any) -> int | None:
    # One is what serves without a supervisor here, too
    found = rules.count(value)
    return None if found == 1 else found


def _headers(value: Any) -> list[str] | None:
    lines = [": ".join(pair) if not isinstance(pair, str) else pair for pair in value or ()]
    return [": ".join(part.strip() for part in line.split(":", 1)) for line in lines] or None


def _ssl_version(draft: Draft, setting: str, said: Said) -> None:
    if str(said.value) in {"2", "16", "17", "None"}:
        draft.spare(setting, "the newest version that both sides have is spoken anyway")
    else:
        draft.leave(
            f"{setting} = {rules.shown(said.value)}",
            'TLS 1.2 and 1.3 are spoken; ssl-min-version = "1.3" leaves 1.2 out',
        )


SSL_VERSION = by(_ssl_version, "TLS 1.2 and 1.3 are spoken; `ssl-min-version` narrows it")


SETTINGS: tuple[Setting, ...] = (
    Setting("app", to("app")),
    Setting("host", to("host"), "--host="),
    Setting("port", to("port", rules.number), "--port="),
    Setting("uds", to("uds", rules.text), "--uds="),
    Setting("fd", to("fd"), "--fd="),
    Setting("loop", words("loop", LOOPS, "the loop is uvloop or asyncio"), "--loop="),
    Setting("http", moot(CODECS), "--http="),
    Setting("http2", to("http2", rules.flag), "--http2"),
    Setting("ws", moot(CODECS), "--ws="),
    Setting("ws_max_size", to("ws_max_size", rules.size), "--ws-max-size="),
    Setting("ws_max_queue", to("ws_max_queue", rules.number), "--ws-max-queue="),
    Setting("ws_ping_interval", to("ws_ping_interval", rules.duration), "--ws-ping-interval="),
    Setting("ws_ping_timeout", to("ws_ping_timeout", rules.duration), "--ws-ping-timeout="),
    Setting("ws_per_message_deflate", to("ws_per_message_deflate", rules.flag),
            "--ws-per-message-deflate="),
    Setting("lifespan", to("lifespan"), "--lifespan="),
    Setting("env_file", to("env_file", rules.texts), "--env-file="),
    Setting("log_config", to("log_config", note="its loggers are penstock.error, penstock.access"),
            "--log-config="),
    Setting("log_level", to("log_level", rules.log_level), "--log-level="),
    Setting("access_log", to("access_log", rules.flag), "--access-log/--no-access-log"),
    Setting("use_colors", to("use_colors"), "--use-colors/--no-use-colors"),
    Setting("interface", to("interface"), "--interface="),
    Setting("reload", to("reload", rules.only_on), "--reload"),
    Setting("reload_dirs", to("reload_dir", rules.texts), "--reload-dir=", many=True),
    Setting("reload_delay", to("reload_delay", rules.duration), "--reload-delay="),
    Setting("reload_includes", to("reload_include", rules.texts), "--reload-include=", many=True),
    Setting("reload_excludes", to("reload_exclude", rules.texts), "--reload-exclude=", many=True),
    Setting("workers", to("workers", _workers), "--workers="),
    Setting("proxy_headers", to("proxy_headers", rules.flag), "--proxy-headers/--no-proxy-headers"),
    Setting("server_header", to("server_header", rules.flag), "--server-header/--no-server-header"),
    Setting("date_header", to("date_header", rules.flag), "--date-header/--no-date-header"),
    Setting("forwarded_allow_ips", to("forwarded_allow_ips"), "--forwarded-allow-ips="),
    Setting("root_path", to("root_path", rules.text), "--root-path="),
    Setting("limit_concurrency", to("limit_concurrency", rules.count,
            "requests beyond it wait for timeout-queue before they get 503"), "--limit-concurrency="),
    Setting("limit_max_requests", to("limit_max_requests", rules.count), "--limit-max-requests="),
    Setting("limit_max_requests_jitter", to("limit_max_requests_jitter", rules.count),
            "--limit-max-requests-jitter="),
    Setting("backlog", to("backlog", rules.number), "--backlog="),
    Setting("timeout_keep_alive", to("timeout_keep_alive", rules.duration), "--timeout-keep-alive="),
    Setting("timeout_notify", no("nothing is called back; run what is periodic in the application's"
            " lifespan")),
    Setting("timeout_graceful_shutdown", to("timeout_graceful_shutdown", rules.duration),
            "--timeout-graceful-shutdown="),
    Setting("timeout_worker_healthcheck", to("timeout_worker", rules.duration),
            "--timeout-worker-healthcheck="),
    Setting("callback_notify", no("run what is periodic in the application's lifespan")),
    Setting("ssl_keyfile", to("ssl_keyfile", rules.texts), "--ssl-keyfile="),
    Setting("ssl_certfile", to("ssl_certfile", rules.texts), "--ssl-certfile="),
    Setting("ssl_keyfile_password", rules.hidden("set it in the environment, as"
            " PENSTOCK_SSL_KEYFILE_PASSWORD"), "--ssl-keyfile-password="),
    Setting("ssl_version", SSL_VERSION, "--ssl-version="),
    Setting("ssl_cert_reqs", words("ssl_cert_reqs", CERTIFICATES), "--ssl-cert-reqs="),
    Setting("ssl_ca_certs", to("ssl_ca_certs", rules.text), "--ssl-ca-certs="),
    Setting("ssl_ciphers", to("ssl_ciphers", rules.text), "--ssl-ciphers="),
    Setting("ssl_context_factory", no(CONTEXT)),
    Setting("headers", to("header", _headers), "--header=", many=True),
    Setting("factory", to("factory", rules.only_on), "--factory"),
    Setting("app_dir", to("app_dir", rules.text), "--app-dir="),
    Setting("h11_max_incomplete_event_size", to("limit_request_head", rules.size),
            "--h11-max-incomplete-event-size="),
    Setting("reset_contextvars", moot("each request has a fresh copy of the context in which lifespan"
            " ran"), "--reset-contextvars"),
    Setting("version", moot("penstock --version"), "--version"),
)  # fmt: skip


def finish(draft: Draft) -> None:
    """Their defaults are ours."""


SERVER = Server("uvicorn", SETTINGS, finish, programs=("uvicorn",), prefix="UVICORN_")
