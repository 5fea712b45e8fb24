"""The table of options is whole, and holds what users of other servers expect."""

from collections import Counter

import pytest

from penstock.cli.command import flags
from penstock.config.kinds import KINDS, Option
from penstock.config.options import BY_NAME, OPTIONS


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_declared_in_full(option: Option) -> None:
    """Help, unit or form, reason of the default and group are there; the default is a value of its kind."""
    assert option.kind in KINDS
    assert option.help
    assert not option.help.endswith(".")
    assert option.reason
    assert not option.reason.endswith(".")
    assert option.measure
    assert option.group
    assert bool(option.choices) == (option.kind == "choice")
    assert set(option.synonyms.values()) <= set(option.choices)
    value = option.parse(option.default)
    assert option.parse(value) == value


def test_no_name_flag_or_variable_is_declared_twice() -> None:
    names = Counter(option.name for option in OPTIONS)
    spellings = Counter(flag for option in OPTIONS for flag in flags(option))
    variables = Counter(variable for option in OPTIONS for variable in option.environment)
    assert [
        word for count in (names, spellings, variables) for word in count if count[word] > 1
    ] == []


@pytest.mark.parametrize(
    "name, value",
    [
        ("host", "127.0.0.1"),
        ("port", 8000),
        ("backlog", 2048),
        ("uds_mode", 0o666),
        ("limit_connections", 10_000),
        ("limit_concurrency", None),
        ("limit_request_line", 8 << 10),
        ("limit_request_head", 64 << 10),
        ("limit_request_fields", 128),
        ("limit_chunk_extensions", 16 << 10),
        ("limit_request_body", None),
        ("limit_undrained_body", 64 << 10),
        ("timeout_undrained", 5.0),
        ("timeout_request_head", 30.0),
        ("timeout_keep_alive", 75.0),
        ("timeout_queue", 1.0),
        ("timeout_startup", 60.0),
        ("timeout_graceful_shutdown", 30.0),
        ("timeout_lifespan_shutdown", 5.0),
        ("timeout_tls_handshake", 15.0),
        ("min_rate", 240),
        ("timeout_min_rate", 30.0),
        ("write_buffer", 64 << 10),
        ("ws_max_size", 16 << 20),
        ("ws_max_queue", 32),
        ("ws_max_fragments", 131_072),
        ("ws_max_empty", 1000),
        ("ws_ping_interval", 20.0),
        ("ws_ping_timeout", 20.0),
    ],
)
def test_the_limits_of_the_design_are_the_defaults(name: str, value: object) -> None:
    assert BY_NAME[name].parse(BY_NAME[name].default) == value


@pytest.mark.parametrize(
    "flag",
    [
        "--host",
        "--port",
        "--uds",
        "--fd",
        "--reload",
        "--reload-dir",
        "--reload-include",
        "--reload-exclude",
        "--reload-delay",
        "--workers",
        "--loop",
        "--ws-max-size",
        "--ws-max-queue",
        "--ws-ping-interval",
        "--ws-ping-timeout",
        "--ws-per-message-deflate",
        "--lifespan",
        "--interface",
        "--log-config",
        "--log-level",
        "--access-log",
        "--no-access-log",
        "--use-colors",
        "--proxy-headers",
        "--no-proxy-headers",
        "--server-header",
        "--no-server-header",
        "--date-header",
        "--no-date-header",
        "--forwarded-allow-ips",
        "--root-path",
        "--limit-concurrency",
        "--backlog",
        "--limit-max-requests",
        "--limit-max-requests-jitter",
        "--timeout-keep-alive",
        "--timeout-graceful-shutdown",
        "--timeout-worker-healthcheck",
        "--ssl-keyfile",
        "--ssl-certfile",
        "--ssl-keyfile-password",
        "--ssl-cert-reqs",
        "--ssl-ca-certs",
        "--ssl-ciphers",
        "--header",
        "--app-dir",
        "--factory",
        "-b",
        "--bind",
        "-w",
        "-t",
        "--timeout",
        "-p",
        "--pid",
        "-u",
        "--user",
        "-g",
        "--group",
        "-m",
        "--umask",
        "-n",
        "--name",
        "--threads",
        "--max-requests",
        "--graceful-timeout",
        "--keep-alive",
        "--limit-request-line",
        "--limit-request-fields",
        "--keyfile",
        "--certfile",
        "--preload",
    ],
)
def test_the_flags_of_uvicorn_and_gunicorn_are_known(flag: str) -> None:
    assert any(flag in flags(option) for option in OPTIONS)
