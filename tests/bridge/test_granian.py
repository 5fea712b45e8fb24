"""granian: its settings, and what it does by default."""

from typing import Any

import pytest

from penstock.bridge.granian import SERVER, SETTINGS
from tests.bridge.drafts import commanded, drafted, options, told

BASE = {"interface": "asgi", "log_access_enabled": True, "workers": 2}
BECOMES = {"interface": "asgi3", "access-log": True, "workers": 2}


@pytest.mark.parametrize(
    "given, expected",
    [
        ({}, {}),
        ({"interface": "wsgi", "blocking_threads": "8"}, {"interface": "wsgi", "threads": 8}),
        ({"interface": "asginl"}, {"lifespan": "off"}),
        ({"uds": "/x", "uds_permissions": "660"}, {"uds": "/x", "uds-mode": "660"}),
        ({"backpressure": 9}, {"limit-concurrency": 9}),
        ({"http1_header_read_timeout": "250"}, {"timeout-request-head": "250ms"}),
        ({"http1_keep_alive": False}, {"timeout-keep-alive": "0s"}),
        ({"http": "1"}, {"http2": False}),
        ({"http2_max_concurrent_streams": 50}, {"limit-http2-streams": 50}),
        ({"log_enabled": False}, {"log-level": "critical"}),
        ({"log_level": "notset"}, {"log-level": "trace"}),
        ({"log_access_fmt": '%(addr)s "%(method)s %(path)s" %(status)d %(dt_ms).3f'},
         {"access-log-format": '%(h)s "%(m)s %(U)s" %(s)s %(M)s'}),
        ({"ssl_certificate": "c", "ssl_keyfile": "k", "ssl_protocol_min": "tls1.3", "ssl_ca": "a",
          "ssl_client_verify": True},
         {"ssl-certfile": ["c"], "ssl-keyfile": ["k"], "ssl-min-version": "tls1.3",
          "ssl-ca-certs": "a", "ssl-cert-reqs": "required"}),
        ({"url_path_prefix": "/x"}, {"root-path": "/x"}),
        ({"workers_lifetime": "24h", "workers_max_rss": 512, "workers_kill_timeout": "45s"},
         {"limit-max-age": "1d", "limit-max-rss": "512MiB", "timeout-graceful-shutdown": "45s"}),
        ({"env_files": ["a", "b"]}, {"env-file": ["a", "b"]}),
        ({"process_name": "n", "pid_file": "/p"}, {"name": "n", "pid": "/p"}),
        ({"static_path_mount": ["d"]}, {"static": ["/static=d?cache=86400"]}),
        ({"static_path_mount": ["d", "e"], "static_path_route": ["/d", "/e"],
          "static_path_dir_to_file": "index.html", "static_path_expires": "0"},
         {"static": ["/d=d?index=index.html&cache=revalidate",
                     "/e=e?index=index.html&cache=revalidate"]}),
    ],
)  # fmt: skip
def test_settings_become_options(given: dict[str, Any], expected: dict[str, Any]) -> None:
    draft = drafted(SERVER, **{**BASE, **given})
    assert options(draft) == {**BECOMES, **expected}
    assert draft.left == []


@pytest.mark.parametrize(
    "name, value, why",
    [
        ("interface", "rsgi", "granian alone"),
        ("http", "2", "HTTP/1.1 is always served"),
        ("loop", "rloop", "uvloop or asyncio"),
        ("metrics_enabled", True, "metrics"),
        ("log_access_fmt", "%(scheme)s", "no atom like %(scheme)s"),
        ("static_path_mount", ["a", "b"], "each folder needs one route"),
        ("websockets", False, "refuses it by itself"),
        ("reload_ignore_patterns", ["x"], "regular expressions"),
    ],
)
def test_what_has_no_counterpart_is_told(name: str, value: Any, why: str) -> None:
    draft = drafted(SERVER, **{**BASE, name: value})
    ((setting, reason),) = draft.left
    assert setting.startswith(name.replace("websockets", "ws"))
    assert why in reason


def test_what_happens_anyway_is_told_apart() -> None:
    given = {"http": "auto", "websockets": True, "http1_keep_alive": True, "log_enabled": True,
             "respawn_failed_workers": True, "runtime_threads": 2, "static_path_route": ["/s"]}  # fmt: skip
    draft = drafted(SERVER, **{**BASE, **given})
    assert {setting for setting, _ in draft.moot} == set(given) - {"static_path_route"}
    assert draft.left == []
    assert options(draft) == BECOMES


def test_what_it_does_by_default_is_written_where_it_differs() -> None:
    draft = commanded("granian a:b")
    assert options(draft) == {"app": "a:b", "access-log": False, "workers": 1}
    assert "RSGI is spoken by granian alone" in told(draft)


def test_no_setting_is_named_twice() -> None:
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
