"""uWSGI: its INI files and its command line, as far as people use it for Python."""

from typing import Any

import pytest

from penstock.bridge import uwsgi
from penstock.bridge.draft import Draft
from penstock.bridge.migration import Found, Migration
from tests.bridge.drafts import commanded, options, told

BECOMES = {"interface": "wsgi", "workers": 2, "threads": 3}


def drafted(text: str) -> Draft:
    migration = Migration("/nowhere", lambda _text: None, trust=False)
    given = uwsgi.given_of(uwsgi.parse(f"[uwsgi]\nprocesses=2\nthreads=3\n{text}"), "x.ini")
    migration.found.append(Found(uwsgi.SERVER, given, [], []))
    return migration.draft()


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", {}),
        ("workers = 4", {"workers": 4}),
        ("module = a.wsgi", {"app": "a.wsgi:application"}),
        ("wsgi = a:app", {"app": "a:app"}),
        ("module = a\ncallable = app", {"app": "a:app"}),
        ("wsgi-file = x/a.py\ncallable = app", {"app": "x/a.py:app"}),
        ("http = :8080\nhttp-socket = 127.0.0.1:81", {"bind": [":8080", "127.0.0.1:81"]}),
        ("http = 8080", {"bind": [":8080"]}),
        ("socket = /run/x.sock\nchmod-socket = 660\nchown-socket = a:b",
         {"bind": ["unix:/run/x.sock"], "forwarded-allow-ips": "127.0.0.1,unix", "uds-mode": "660", "uds-owner": "a:b"}),
        ("socket = @x\nchmod-socket", {"bind": ["unix:@x"], "forwarded-allow-ips": "127.0.0.1,unix", "uds-mode": "666"}),
        ("protocol = http\nsocket = :81", {"bind": [":81"]}),
        ("https = :443,c.pem,k.pem",
         {"bind": [":443?tls"], "ssl-certfile": ["c.pem"], "ssl-keyfile": ["k.pem"]}),
        ("harakiri = 30", {"timeout-worker": "30s"}),
        ("max-requests = 5\nmax-requests-delta = 2\nmax-worker-lifetime = 3600",
         {"limit-max-requests": 5, "limit-max-requests-jitter": 2, "limit-max-age": "1h"}),
        ("reload-on-rss = 256", {"limit-max-rss": "256MiB"}),
        ("base = /srv\nchdir = %(base)/app", {"app-dir": "/srv/app"}),
        ("uid = www\ngid = 33\numask = 027\npidfile = /p",
         {"user": "www", "group": "33", "umask": "027", "pid": "/p"}),
        ("logto = /log\ndisable-logging = true", {"log-file": "/log", "access-log": False}),
        ("listen = 128\nbuffer-size = 8192\nlimit-post = 1000",
         {"backlog": 128, "limit-request-head": "8KiB", "limit-request-body": 1000}),
        ("static-map = /s=/d\nstatic-map = /t=/e\nstatic-index = index.html",
         {"static": ["/s=/d?index=index.html", "/t=/e?index=index.html"]}),
        ("static-map2 = /s=/d", {"static": ["/s=/d/s"]}),
        ("check-static = /d", {"static": ["/=/d"]}),
        ("py-autoreload = 1", {"reload": True}),
        ("py-autoreload = 0", {}),
        ("add-header = X-A: b", {"header": ["X-A: b"]}),
        ("procname-prefix = n", {"name": "n"}),
    ],
)  # fmt: skip
def test_settings_become_options(text: str, expected: dict[str, Any]) -> None:
    draft = drafted(text)
    assert options(draft) == {**BECOMES, **expected}
    assert draft.left == []


@pytest.mark.parametrize(
    "text, why",
    [
        ("https = :443,c,k,HIGH,ca", "only two files"),
        ("fastcgi-socket = :9", "HTTP is spoken"),
        ("protocol = scgi", "HTTP is spoken"),
        ("daemonize = /log", "foreground"),
        ("gevent = 100", "nothing is patched"),
        ("cheaper = 2", "fixed"),
        ("virtualenv = /v", "bin/penstock"),
        ("mule = x.py\nmule = y.py", "task queue"),
        ("env = SECRET=s3cret", "env-file"),
        ("plugins = php", "plugins"),
        ("wsgi-file = app.wsgi", "ends with .py"),
        ("harakiri = 0", "always on"),
        ("static-map = nonsense", "/route=folder"),
        ("pythonpath = /a\npythonpath = /b", "PYTHONPATH"),
        ("weird-thing = 1", "no setting of uwsgi that is known here"),
    ],
)
def test_what_has_no_counterpart_is_told(text: str, why: str) -> None:
    draft = drafted(text)
    ((setting, reason),) = draft.left
    assert setting.startswith(text.partition(" ")[0])
    assert why in reason
    assert "s3cret" not in told(draft)


def test_what_happens_anyway_is_told_apart() -> None:
    draft = drafted("master = true\nplugins = python3\nvacuum = true\nneed-app = true")
    assert [setting for setting, _ in draft.moot] == ["master", "need-app", "vacuum", "plugins"]
    assert draft.left == []


def test_its_own_protocol_is_told_with_what_to_change_in_nginx() -> None:
    assert "in place of uwsgi_pass" in told(drafted("socket = /x"))
    assert "uwsgi_pass" not in told(drafted("protocol = http\nsocket = /x"))


def test_names_that_only_fill_in_others_are_no_settings() -> None:
    draft = drafted("project = a\nbase = /srv/%(project)\nchdir = %(base)/%(nothing)")
    assert options(draft)["app-dir"] == "/srv/a/%(nothing)"
    assert draft.left == []


def test_comments_and_other_sections_are_passed_over() -> None:
    assert uwsgi.parse("[other]\na=1\n; b\n[uwsgi]\n# c=1\nd = 1 = 2\n\nflag") == [
        ("d", "1 = 2"),
        ("flag", ""),
    ]
    with pytest.raises(ValueError, match="no section"):
        uwsgi.parse("[other]\na=1")


def test_its_command_line_says_the_same() -> None:
    draft = commanded("uwsgi --http :81 -w a:app -p 4 --threads=2 --master --harakiri 9")
    assert options(draft) == {
        "app": "a:app", "interface": "wsgi", "bind": [":81"], "workers": 4, "threads": 2,
        "timeout-worker": "9s",
    }  # fmt: skip


def test_what_it_does_by_default_is_written_where_it_differs() -> None:
    assert options(commanded("uwsgi --module a")) == {
        "app": "a:application", "interface": "wsgi", "workers": 1, "threads": 1,
    }  # fmt: skip


def test_no_setting_is_named_twice_and_other_spellings_lead_to_one() -> None:
    names = {setting.name for setting in uwsgi.SETTINGS}
    assert len(names) == len(uwsgi.SETTINGS)
    assert {*uwsgi.ALIASES.values(), *uwsgi.SHORT.values()} <= names
    assert not names & set(uwsgi.ALIASES)
