"""gunicorn: its settings, and what it does by default."""

from typing import Any

import pytest

from penstock.bridge.gunicorn import SERVER, SETTINGS
from penstock.bridge.pyfile import CALLABLE
from tests.bridge.drafts import commanded, drafted, options, told

BASE = {"accesslog": "-", "workers": 2, "worker_class": "uvicorn.workers.UvicornWorker"}


@pytest.mark.parametrize(
    "given, expected",
    [
        ({}, {}),
        ({"bind": "a:1,unix:/x,[::1]"}, {"bind": ["a:1", "unix:/x", "[::1]:8000"],
          "forwarded-allow-ips": "127.0.0.1,unix"}),
        ({"bind": ["fd://3"], "backlog": 64}, {"bind": ["fd://3"], "backlog": 64}),
        ({"worker_class": "uvicorn.workers.UvicornH11Worker"}, {"loop": "asyncio"}),
        ({"worker_class": "uvicorn_worker.UvicornWorker"}, {}),
        ({"worker_class": "my.module.UvicornWorker"}, {}),
        ({"worker_class": "gthread", "threads": 8}, {"threads": 8}),
        ({"worker_connections": 500}, {"limit-connections": 500}),
        ({"max_requests": 1000, "max_requests_jitter": 50},
         {"limit-max-requests": 1000, "limit-max-requests-jitter": 50}),
        ({"max_requests": 0}, {}),
        ({"timeout": 120, "graceful_timeout": 30, "keepalive": 5},
         {"timeout-worker": "2m", "timeout-graceful-shutdown": "30s", "timeout-keep-alive": "5s"}),
        ({"limit_request_line": 8190, "limit_request_fields": 50},
         {"limit-request-line": "8190", "limit-request-fields": 50}),
        ({"preload_app": True}, {"preload": True}),
        ({"reload": True, "reload_engine": "poll", "reload_extra_files": ["a.html"]},
         {"reload": True, "reload-polling": True, "reload-include": ["a.html"]}),
        ({"timeout": 0}, {"timeout-worker": "0s"}),
        ({"chdir": "/srv"}, {"app-dir": "/srv"}),
        ({"pidfile": "/p", "user": 33, "group": "www", "umask": 0o27, "proc_name": "n"},
         {"pid": "/p", "user": "33", "group": "www", "umask": "027", "name": "n"}),
        ({"accesslog": "/log", "access_log_format": '%(h)s "%(r)s" %(s)s'},
         {"access-log-file": "/log", "access-log-format": '%(h)s "%(r)s" %(s)s'}),
        ({"errorlog": "-", "loglevel": "debug"}, {"log-file": "-", "log-level": "debug"}),
        ({"errorlog": "/e", "accesslog": "/a", "logconfig_dict": {"version": 1}},
         {"log-config": {"version": 1}}),
        ({"logconfig_dict": {}}, {}),
        ({"forwarded_allow_ips": "10.0.0.1", "proxy_allow_ips": "10.0.0.1,10.0.0.2",
          "proxy_protocol": True},
         {"forwarded-allow-ips": "10.0.0.1,10.0.0.2", "proxy-protocol": True}),
        ({"proxy_protocol": "off"}, {}),
        ({"certfile": "c", "keyfile": "k", "cert_reqs": 1, "ca_certs": "a", "ciphers": "X"},
         {"ssl-certfile": ["c"], "ssl-keyfile": ["k"], "ssl-cert-reqs": "optional",
          "ssl-ca-certs": "a", "ssl-ciphers": "X"}),
        ({"header_map": "dangerous"}, {"drop-underscore-headers": False}),
        ({"asgi_loop": "uvloop", "asgi_lifespan": "off", "root_path": "/x",
          "websocket_max_message_size": 1 << 20},
         {"loop": "uvloop", "lifespan": "off", "root-path": "/x", "ws-max-size": "1MiB"}),
    ],
)  # fmt: skip
def test_settings_become_options(given: dict[str, Any], expected: dict[str, Any]) -> None:
    draft = drafted(SERVER, **{**BASE, **given})
    assert options(draft) == {
        **({} if "log-config" in expected and "accesslog" not in given else {"access-log": True}),
        "workers": 2,
        **expected,
    }
    assert [why for _, why in draft.left if "log-config says" not in why] == []


@pytest.mark.parametrize(
    "name, value, why",
    [
        ("worker_class", "gevent", "nothing is patched"),
        ("worker_class", "my.Own", "no worker classes"),
        ("limit_request_line", 0, "there is always a limit"),
        ("daemon", True, "foreground"),
        ("raw_env", ["SECRET=s3cret"], "env-file"),
        ("secure_scheme_headers", {"X": "y"}, "X-Forwarded-Proto"),
        ("post_fork", CALLABLE, "lifespan startup"),
        ("when_ready", CALLABLE, "/readyz"),
        ("statsd_host", "x:1", "metrics"),
        ("protocol", "uwsgi", "proxy_pass"),
        ("http_protocols", "h3,h1", "HTTP/3 is not built yet"),
        ("header_map", "refuse", "dropped"),
        ("strip_header_spaces", True, "RFC 9112"),
        ("dirty_workers", 2, "task queue"),
        ("access_log_format", "%(nonsense)s", "access-log-format"),
        ("pythonpath", "/a,/b", "PYTHONPATH"),
    ],
)
def test_what_has_no_counterpart_is_told(name: str, value: Any, why: str) -> None:
    draft = drafted(SERVER, **{**BASE, name: value})
    ((setting, reason),) = draft.left
    assert setting.startswith(name)
    assert why in reason
    assert "s3cret" not in told(draft)


def test_what_happens_anyway_is_told_apart() -> None:
    given = {"reload_engine": "inotify", "header_map": "drop", "protocol": "http",
             "http_protocols": "h2,h1", "worker_class": "sync", "reuse_port": True,
             "limit_request_field_size": 8190, "worker_tmp_dir": "/x"}  # fmt: skip
    draft = drafted(SERVER, **{**BASE, **given, "threads": 2})
    assert {setting for setting, _ in draft.moot} == set(given)
    assert draft.left == []


def test_what_it_does_by_default_is_written_where_it_differs() -> None:
    """One supervised worker, no access log, and sync workers that run one request at a time."""
    draft = commanded("gunicorn mysite.wsgi")
    assert options(draft) == {
        "app": "mysite.wsgi:application", "access-log": False, "workers": 1, "threads": 1,
    }  # fmt: skip
    assert "threads" not in options(commanded("gunicorn -k asgi a:b"))
    assert "threads" not in options(commanded("gunicorn -k gthread a:b"))
    assert options(commanded("gunicorn a:b --threads 4"))["threads"] == 4


def test_arguments_in_its_variable_count_below_flags() -> None:
    draft = commanded("GUNICORN_CMD_ARGS='-w 3 --keep-alive 9' gunicorn -w 4 a:b")
    assert (options(draft)["workers"], options(draft)["timeout-keep-alive"]) == (4, "9s")


def test_no_setting_is_named_twice() -> None:
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
