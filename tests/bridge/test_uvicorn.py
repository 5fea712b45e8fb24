"""uvicorn: its spelling is ours, so nearly everything is taken over as it stands."""

from typing import Any

import pytest

from penstock.bridge.uvicorn import SERVER, SETTINGS
from tests.bridge.drafts import commanded, drafted, options, told


@pytest.mark.parametrize(
    "given, expected",
    [
        ({"app": "a:b", "host": "0.0.0.0", "port": "81"},
         {"app": "a:b", "host": "0.0.0.0", "port": 81}),
        ({"uds": "/x", "backlog": "9"}, {"uds": "/x", "backlog": 9}),
        ({"fd": "3"}, {"fd": "3"}),
        ({"loop": "uvloop"}, {"loop": "uvloop"}),
        ({"ws_max_size": 1 << 20, "ws_max_queue": 8, "ws_ping_interval": 5.0},
         {"ws-max-size": "1MiB", "ws-max-queue": 8, "ws-ping-interval": "5s"}),
        ({"ws_ping_timeout": None, "ws_per_message_deflate": "false"},
         {"ws-per-message-deflate": False}),
        ({"reload": True, "reload_dirs": ["a"], "reload_includes": "*.html", "reload_excludes": ["b"],
          "reload_delay": 0.5},
         {"reload": True, "reload-dir": ["a"], "reload-include": ["*.html"], "reload-exclude": ["b"],
          "reload-delay": "500ms"}),
        ({"env_file": ".env"}, {"env-file": [".env"]}),
        ({"log_level": "info", "access_log": False, "use_colors": True},
         {"log-level": "info", "access-log": False, "use-colors": True}),
        ({"workers": "4"}, {"workers": 4}),
        ({"workers": 1}, {}),
        ({"headers": ["X-A:b", ("C", "d: e")]}, {"header": ["X-A: b", "C: d: e"]}),
        ({"limit_concurrency": 5, "limit_max_requests": 7, "limit_max_requests_jitter": 2},
         {"limit-concurrency": 5, "limit-max-requests": 7, "limit-max-requests-jitter": 2,
          "workers": 1}),
        ({"timeout_keep_alive": 5, "timeout_graceful_shutdown": 60},
         {"timeout-keep-alive": "5s", "timeout-graceful-shutdown": "1m"}),
        ({"ssl_certfile": "c", "ssl_keyfile": "k", "ssl_cert_reqs": 2, "ssl_ca_certs": "a"},
         {"ssl-certfile": ["c"], "ssl-keyfile": ["k"], "ssl-cert-reqs": "required",
          "ssl-ca-certs": "a"}),
        ({"h11_max_incomplete_event_size": 32768}, {"limit-request-head": "32KiB"}),
        ({"factory": True, "app_dir": "src", "interface": "wsgi", "lifespan": "off"},
         {"factory": True, "app-dir": "src", "interface": "wsgi", "lifespan": "off"}),
        ({"proxy_headers": False, "forwarded_allow_ips": "10.0.0.0/8", "root_path": "/x"},
         {"proxy-headers": False, "forwarded-allow-ips": "10.0.0.0/8", "root-path": "/x"}),
        ({"server_header": False, "date_header": False},
         {"server-header": False, "date-header": False}),
    ],
)  # fmt: skip
def test_settings_become_options(given: dict[str, Any], expected: dict[str, Any]) -> None:
    draft = drafted(SERVER, **given)
    assert options(draft) == expected
    assert draft.left == []


@pytest.mark.parametrize(
    "name, value, why",
    [
        ("loop", "zuvloop", "the loop is uvloop or asyncio"),
        ("ssl_version", 3, "TLS 1.2 and 1.3 are spoken"),
        ("ssl_keyfile_password", "s3cret", "PENSTOCK_SSL_KEYFILE_PASSWORD"),
        ("callback_notify", "(a function)", "lifespan"),
    ],
)
def test_what_has_no_counterpart_is_told(name: str, value: Any, why: str) -> None:
    draft = drafted(SERVER, app="a:b", **{name: value})
    assert options(draft) == {"app": "a:b"}
    ((_, reason),) = draft.left
    assert why in reason
    assert "s3cret" not in told(draft)


def test_what_happens_anyway_is_told_apart() -> None:
    draft = drafted(SERVER, http="h11", ws="auto", ssl_version=17, reset_contextvars=True)
    assert [setting for setting, _ in draft.moot] == ["http", "ws", "ssl_version",
                                                      "reset_contextvars"]  # fmt: skip
    assert draft.left == []


def test_variables_of_its_own_count_below_flags() -> None:
    draft = commanded("UVICORN_PORT=81 UVICORN_HOST=::1 uvicorn a:b --port 82")
    assert options(draft) == {"app": "a:b", "port": 82, "host": "::1"}


def test_no_setting_is_named_twice() -> None:
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
