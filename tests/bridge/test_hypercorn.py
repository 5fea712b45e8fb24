"""hypercorn: its settings, and what it does by default."""

from typing import Any

import pytest

from penstock.bridge.hypercorn import SERVER, SETTINGS
from tests.bridge.drafts import commanded, drafted, options, told

BASE = {"accesslog": "-"}


@pytest.mark.parametrize(
    "given, expected",
    [
        ({}, {}),
        ({"application_path": "asgi:a:b"}, {"app": "a:b", "interface": "asgi3"}),
        ({"application_path": "wsgi:a:b"}, {"app": "a:b", "interface": "wsgi"}),
        ({"application_path": "wsgi:app"}, {"app": "wsgi:app"}),
        ({"bind": "0.0.0.0"}, {"bind": ["0.0.0.0:8000"]}),
        ({"bind": ["a:1"], "insecure_bind": ["b:2"], "certfile": "c", "keyfile": "k"},
         {"bind": ["a:1?tls", "b:2"], "ssl-certfile": ["c"], "ssl-keyfile": ["k"]}),
        ({"insecure_bind": ["b:2"]}, {"bind": ["127.0.0.1:8000", "b:2"]}),
        ({"accesslog": "/log"}, {"access-log-file": "/log"}),
        ({"errorlog": "/log", "loglevel": "WARNING"}, {"log-file": "/log", "log-level": "warning"}),
        ({"accesslog": ""}, {"access-log": False}),
        ({"debug": True}, {"log-level": "debug"}),
        ({"keep_alive_timeout": 5, "read_timeout": None}, {"timeout-keep-alive": "5s"}),
        ({"graceful_timeout": 10, "shutdown_timeout": 20},
         {"timeout-graceful-shutdown": "30s", "timeout-lifespan-shutdown": "20s"}),
        ({"startup_timeout": 5, "ssl_handshake_timeout": 7},
         {"timeout-startup": "5s", "timeout-tls-handshake": "7s"}),
        ({"user": 33, "group": 44}, {"uds-owner": "33:44"}),
        ({"group": 44}, {"uds-owner": ":44"}),
        ({"umask": 0o117}, {"uds-mode": "660"}),
        ({"verify_mode": "CERT_REQUIRED", "ca_certs": "c"},
         {"ssl-cert-reqs": "required", "ssl-ca-certs": "c"}),
        ({"websocket_max_message_size": 1024, "websocket_ping_interval": 3.0},
         {"ws-max-size": "1KiB", "ws-ping-interval": "3s"}),
        ({"wsgi_max_body_size": 1 << 24, "h11_max_incomplete_size": 16384},
         {"limit-request-body": "16MiB", "limit-request-head": "16KiB"}),
        ({"worker_class": "uvloop", "workers": 3}, {"loop": "uvloop", "workers": 3}),
        ({"logconfig": "json:/x.json"}, {"log-config": "/x.json"}),
        ({"alt_svc_headers": ['h3=":1"']}, {"header": ['alt-svc: h3=":1"']}),
        ({"include_server_header": False}, {"server-header": False}),
        ({"max_requests": 7, "max_requests_jitter": 0, "pid_path": "/p", "backlog": 5},
         {"limit-max-requests": 7, "workers": 1, "pid": "/p", "backlog": 5}),
    ],
)  # fmt: skip
def test_settings_become_options(given: dict[str, Any], expected: dict[str, Any]) -> None:
    draft = drafted(SERVER, **{**BASE, **given})
    assert options(draft) == {"access-log": True, **expected}
    assert draft.left == []


@pytest.mark.parametrize(
    "name, value, why",
    [
        ("quic_bind", ["a:1"], "HTTP/3"),
        ("worker_class", "trio", "uvloop or asyncio"),
        ("server_names", ["a"], "checks the host"),
        ("statsd_host", "x", "metrics"),
        ("logconfig", "toml:x", "[log-config]"),
        ("keyfile_password", "s3cret", "PENSTOCK_SSL_KEYFILE_PASSWORD"),
        ("read_timeout", 3, "min-rate"),
    ],
)
def test_what_has_no_counterpart_is_told(name: str, value: Any, why: str) -> None:
    draft = drafted(SERVER, **{**BASE, name: value})
    ((setting, reason),) = draft.left
    assert setting.startswith(name)
    assert why in reason
    assert "s3cret" not in told(draft)


def test_what_it_does_by_default_is_written_where_it_differs() -> None:
    draft = commanded("hypercorn a:b -w 2 --keep-al 9")
    assert options(draft) == {
        "app": "a:b", "access-log": False, "workers": 2, "timeout-keep-alive": "9s",
    }  # fmt: skip


def test_no_setting_is_named_twice() -> None:
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
