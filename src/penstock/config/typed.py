"""The types of all options. Made by tools/options_page.py from the table in `options`: change it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypedDict

from penstock.config.mounts import Mount


class Values:
    """What Config holds: seconds as float, bytes as int, None for no limit."""

    __slots__ = (
        "access_log",
        "access_log_exclude",
        "access_log_file",
        "access_log_format",
        "access_log_query",
        "access_log_sample",
        "access_log_slow",
        "access_log_stream",
        "announce",
        "app",
        "app_dir",
        "backlog",
        "bind",
        "date_header",
        "dev_cert",
        "drain_delay",
        "drop_underscore_headers",
        "env_file",
        "factory",
        "fd",
        "forwarded_allow_ips",
        "forwarded_headers",
        "group",
        "header",
        "health_bind",
        "health_path",
        "host",
        "http2",
        "interface",
        "lifespan",
        "limit_chunk_extensions",
        "limit_concurrency",
        "limit_connections",
        "limit_connections_per_client",
        "limit_http2_streams",
        "limit_max_age",
        "limit_max_age_jitter",
        "limit_max_requests",
        "limit_max_requests_jitter",
        "limit_max_rss",
        "limit_max_rss_jitter",
        "limit_queue",
        "limit_request_body",
        "limit_request_fields",
        "limit_request_head",
        "limit_request_line",
        "limit_tls_handshakes",
        "limit_undrained_body",
        "limit_websockets",
        "log_config",
        "log_file",
        "log_level",
        "loop",
        "min_rate",
        "name",
        "pid",
        "port",
        "preload",
        "proxy_headers",
        "proxy_protocol",
        "read_buffer",
        "redirect_port",
        "reload",
        "reload_delay",
        "reload_dir",
        "reload_exclude",
        "reload_include",
        "reload_polling",
        "request_id",
        "root_path",
        "root_path_mode",
        "server_header",
        "ssl_ca_certs",
        "ssl_cert_dir",
        "ssl_cert_reqs",
        "ssl_certfile",
        "ssl_ciphers",
        "ssl_crl",
        "ssl_keyfile",
        "ssl_keyfile_password",
        "ssl_min_version",
        "static",
        "threads",
        "timeout_disconnect_grace",
        "timeout_drain",
        "timeout_graceful_shutdown",
        "timeout_keep_alive",
        "timeout_lifespan_shutdown",
        "timeout_min_rate",
        "timeout_proxy_protocol",
        "timeout_queue",
        "timeout_request_head",
        "timeout_startup",
        "timeout_tls_handshake",
        "timeout_undrained",
        "timeout_worker",
        "uds",
        "uds_mode",
        "uds_owner",
        "umask",
        "use_colors",
        "user",
        "warn_blocked_loop",
        "workers",
        "write_buffer",
        "ws_allowed_origins",
        "ws_close_timeout",
        "ws_deflate_takeover",
        "ws_deflate_window_bits",
        "ws_max_empty",
        "ws_max_fragments",
        "ws_max_queue",
        "ws_max_size",
        "ws_per_message_deflate",
        "ws_ping_interval",
        "ws_ping_timeout",
        "wsgi_drop_proxy_header",
    )

    app: Any | None
    app_dir: str
    factory: bool
    interface: Literal["auto", "asgi3", "asgi2", "wsgi"]
    lifespan: Literal["auto", "on", "off"]
    root_path: str
    env_file: tuple[str, ...]
    root_path_mode: Literal["auto", "kept", "stripped"]
    host: str
    port: int
    bind: tuple[str, ...]
    uds: str | None
    fd: int | None
    uds_mode: int
    uds_owner: str | None
    announce: str | None
    backlog: int
    loop: Literal["auto", "uvloop", "asyncio"]
    header: tuple[tuple[bytes, bytes], ...]
    server_header: bool
    date_header: bool
    http2: bool
    read_buffer: int
    write_buffer: int
    limit_connections: int
    limit_connections_per_client: int | None
    limit_websockets: int | None
    limit_concurrency: int | None
    limit_queue: int
    limit_http2_streams: int
    limit_request_line: int
    limit_request_head: int
    limit_request_fields: int
    limit_chunk_extensions: int
    limit_request_body: int | None
    limit_undrained_body: int
    min_rate: int
    timeout_startup: float
    timeout_queue: float
    timeout_request_head: float
    timeout_keep_alive: float
    timeout_min_rate: float
    timeout_undrained: float
    timeout_graceful_shutdown: float
    timeout_disconnect_grace: float
    timeout_lifespan_shutdown: float
    ws_max_size: int
    ws_max_queue: int
    ws_max_fragments: int
    ws_max_empty: int
    ws_ping_interval: float | None
    ws_ping_timeout: float | None
    ws_close_timeout: float
    ws_per_message_deflate: bool
    ws_deflate_window_bits: int
    ws_deflate_takeover: bool
    ws_allowed_origins: tuple[str, ...]
    threads: int
    drop_underscore_headers: bool
    wsgi_drop_proxy_header: bool
    proxy_headers: bool
    forwarded_headers: tuple[str, ...]
    forwarded_allow_ips: str
    proxy_protocol: bool
    timeout_proxy_protocol: float
    health_bind: tuple[str, ...]
    health_path: tuple[str, ...]
    drain_delay: float
    warn_blocked_loop: float
    log_level: Literal["critical", "error", "warning", "info", "debug", "trace"]
    log_file: str
    access_log: bool
    access_log_file: str
    access_log_format: str
    access_log_query: bool
    access_log_exclude: tuple[str, ...]
    access_log_sample: float
    access_log_slow: float | None
    access_log_stream: float | None
    request_id: Literal["log", "app", "response"]
    log_config: str | dict[str, Any] | None
    use_colors: bool | None
    workers: int | None
    timeout_worker: float | None
    timeout_drain: float
    limit_max_requests: int | None
    limit_max_requests_jitter: int
    limit_max_age: float | None
    limit_max_age_jitter: float
    limit_max_rss: int | None
    limit_max_rss_jitter: int
    reload: bool
    reload_dir: tuple[str, ...]
    reload_include: tuple[str, ...]
    reload_exclude: tuple[str, ...]
    reload_delay: float
    reload_polling: bool
    preload: bool
    pid: str | None
    user: str | None
    group: str | None
    umask: int | None
    name: str | None
    static: tuple[Mount, ...]
    ssl_certfile: tuple[str, ...]
    ssl_keyfile: tuple[str, ...]
    ssl_keyfile_password: str | None
    ssl_cert_dir: str | None
    ssl_ca_certs: str | None
    ssl_cert_reqs: Literal["none", "optional", "required"]
    ssl_crl: str | None
    ssl_min_version: Literal["1.2", "1.3"]
    ssl_ciphers: str | None
    dev_cert: bool
    redirect_port: int | None
    limit_tls_handshakes: int
    timeout_tls_handshake: float


class Keywords(TypedDict, total=False):
    """What Config, run, serve and Server take by keyword, besides the application."""

    app_dir: str | PathLike[str]
    factory: bool | str
    interface: Literal["auto", "asgi3", "asgi2", "wsgi"]
    lifespan: Literal["auto", "on", "off"]
    root_path: str
    env_file: str | PathLike[str] | Sequence[str | PathLike[str]]
    root_path_mode: Literal["auto", "kept", "stripped"]
    host: str
    port: int | str
    bind: str | Sequence[str]
    uds: str | PathLike[str] | None
    fd: int | str | None
    uds_mode: int | str
    uds_owner: str | None
    announce: str | PathLike[str] | None
    backlog: int | str
    loop: Literal["auto", "uvloop", "asyncio"]
    header: str | Sequence[str | tuple[str | bytes, str | bytes]] | Mapping[str, str]
    server_header: bool | str
    date_header: bool | str
    http2: bool | str
    read_buffer: int | str
    write_buffer: int | str
    limit_connections: int | str
    limit_connections_per_client: int | str | None
    limit_websockets: int | str | None
    limit_concurrency: int | str | None
    limit_queue: int | str
    limit_http2_streams: int | str
    limit_request_line: int | str
    limit_request_head: int | str
    limit_request_fields: int | str
    limit_chunk_extensions: int | str
    limit_request_body: int | str | None
    limit_undrained_body: int | str
    min_rate: int | str
    timeout_startup: float | str
    timeout_queue: float | str
    timeout_request_head: float | str
    timeout_keep_alive: float | str
    timeout_min_rate: float | str
    timeout_undrained: float | str
    timeout_graceful_shutdown: float | str
    timeout_disconnect_grace: float | str
    timeout_lifespan_shutdown: float | str
    ws_max_size: int | str
    ws_max_queue: int | str
    ws_max_fragments: int | str
    ws_max_empty: int | str
    ws_ping_interval: float | str | None
    ws_ping_timeout: float | str | None
    ws_close_timeout: float | str
    ws_per_message_deflate: bool | str
    ws_deflate_window_bits: int | str
    ws_deflate_takeover: bool | str
    ws_allowed_origins: str | Sequence[str]
    threads: int | str
    drop_underscore_headers: bool | str
    wsgi_drop_proxy_header: bool | str
    proxy_headers: bool | str
    forwarded_headers: str | Sequence[str]
    forwarded_allow_ips: str | Sequence[str]
    proxy_protocol: bool | str
    timeout_proxy_protocol: float | str
    health_bind: str | Sequence[str]
    health_path: str | Sequence[str]
    drain_delay: float | str
    warn_blocked_loop: float | str
    log_level: Literal["critical", "error", "warning", "info", "debug", "trace"]
    log_file: str | PathLike[str]
    access_log: bool | str
    access_log_file: str | PathLike[str]
    access_log_format: str
    access_log_query: bool | str
    access_log_exclude: str | Sequence[str]
    access_log_sample: float | str
    access_log_slow: float | str | None
    access_log_stream: float | str | None
    request_id: Literal["log", "app", "response"]
    log_config: str | PathLike[str] | Mapping[str, Any] | None
    use_colors: bool | str | None
    workers: int | str | None
    timeout_worker: float | str | None
    timeout_drain: float | str
    limit_max_requests: int | str | None
    limit_max_requests_jitter: int | str
    limit_max_age: float | str | None
    limit_max_age_jitter: float | str
    limit_max_rss: int | str | None
    limit_max_rss_jitter: int | str
    reload: bool | str
    reload_dir: str | Sequence[str]
    reload_include: str | Sequence[str]
    reload_exclude: str | Sequence[str]
    reload_delay: float | str
    reload_polling: bool | str
    preload: bool | str
    pid: str | PathLike[str] | None
    user: str | None
    group: str | None
    umask: int | str | None
    name: str | None
    static: str | Sequence[str | Mapping[str, Any] | Mount] | Mapping[str, Any]
    ssl_certfile: str | PathLike[str] | Sequence[str | PathLike[str]]
    ssl_keyfile: str | PathLike[str] | Sequence[str | PathLike[str]]
    ssl_keyfile_password: str | None
    ssl_cert_dir: str | PathLike[str] | None
    ssl_ca_certs: str | PathLike[str] | None
    ssl_cert_reqs: Literal["none", "optional", "required"]
    ssl_crl: str | PathLike[str] | None
    ssl_min_version: Literal["1.2", "1.3"]
    ssl_ciphers: str | None
    dev_cert: bool | str
    redirect_port: int | str | None
    limit_tls_handshakes: int | str
    timeout_tls_handshake: float | str
