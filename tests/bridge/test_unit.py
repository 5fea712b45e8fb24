"""NGINX Unit: its configuration in JSON."""

from typing import Any

import pytest

from penstock.bridge import unit
from penstock.bridge.draft import Draft
from penstock.bridge.migration import Found, Migration
from tests.bridge.drafts import options, told


def drafted(document: dict[str, Any], **application: Any) -> Draft:
    base = {"type": "python 3.12", "module": "a", "protocol": "asgi", "processes": 2}
    whole = {"access_log": "/log", "applications": {"x": {**base, **application}}, **document}
    migration = Migration("/nowhere", lambda _text: None, trust=False)
    migration.found.append(Found(unit.SERVER, unit.given_of(whole, "unit.json"), [], []))
    return migration.draft()


BECOMES = {
    "app": "a:application", "interface": "asgi3", "workers": 2, "access-log": True,
    "access-log-file": "/log",
}  # fmt: skip


@pytest.mark.parametrize(
    "document, application, expected",
    [
        ({}, {}, {}),
        ({"listeners": {"*:80": {"pass": "applications/x"}, "[::]:81": {}, "127.0.0.1": {}}}, {},
         {"bind": ["0.0.0.0:80", "[::]:81", "127.0.0.1:80"]}),
        ({"listeners": {"*:80": {"forwarded": {"client_ip": "X", "source": ["10.0.0.0/8"]}}}}, {},
         {"bind": ["0.0.0.0:80"], "forwarded-allow-ips": "10.0.0.0/8"}),
        ({"listeners": {"unix:/run/x": {}}}, {}, {"bind": ["unix:/run/x"]}),
        ({"routes": [{"match": {"uri": "/static/*"}, "action": {"share": "/www$uri"}},
                     {"action": {"pass": "applications/x"}}]}, {},
         {"static": ["/static=/www/static"]}),
        ({"routes": {"main": [{"match": {"uri": "/s/*"}, "action": {"share": ["/www$uri"],
          "index": "i.html", "fallback": {"pass": "applications/x"}}}]}}, {},
         {"static": ["/s=/www/s?index=i.html&missing=app"]}),
        ({"routes": [{"action": {"share": "/www$uri", "fallback": {"pass": "applications/x"}}}]}, {},
         {"static": ["/=/www"]}),
        ({"settings": {"http": {"max_body_size": 1 << 20, "idle_timeout": 60,
          "header_read_timeout": 5}}}, {},
         {"limit-request-body": "1MiB", "timeout-keep-alive": "1m", "timeout-request-head": "5s"}),
        ({}, {"callable": "app", "factory": True, "path": "/srv", "prefix": "/p"},
         {"app": "a:app", "factory": True, "app-dir": "/srv", "root-path": "/p"}),
        ({}, {"protocol": "wsgi", "threads": 4}, {"interface": "wsgi", "threads": 4}),
        ({}, {"user": "u", "group": "g", "limits": {"requests": 7}, "stderr": "/e"},
         {"user": "u", "group": "g", "limit-max-requests": 7, "log-file": "/e"}),
    ],
)  # fmt: skip
def test_settings_become_options(
    document: dict[str, Any], application: dict[str, Any], expected: dict[str, Any]
) -> None:
    draft = drafted(document, **application)
    assert options(draft) == {**BECOMES, **expected}
    assert draft.left == []


@pytest.mark.parametrize(
    "document, application, why",
    [
        ({"listeners": {"*:443": {"tls": {"certificate": "b"}}}}, {}, "export them"),
        ({"routes": [{"match": {"host": "x"}, "action": {"return": 301}}]}, {}, "routes"),
        ({"routes": [{"match": {"uri": "/a*b"}, "action": {"share": "/x$uri"}}]}, {}, "routes"),
        ({"upstreams": {"u": {}}}, {}, "balances"),
        ({"access_log": {"path": "/log", "format": "$x"}}, {}, "its own"),
        ({}, {"processes": {"max": 2, "spare": 1}}, "fixed"),
        ({}, {"limits": {"timeout": 5}}, "min-rate"),
        ({}, {"environment": {"SECRET": "s3cret"}}, "env-file"),
        ({}, {"isolation": {"rootfs": "/x"}}, "isolate"),
        ({}, {"home": "/v"}, "bin/penstock"),
        ({}, {"path": ["/a", "/b"]}, "PYTHONPATH"),
    ],
)
def test_what_has_no_counterpart_is_told(
    document: dict[str, Any], application: dict[str, Any], why: str
) -> None:
    draft = drafted(document, **application)
    ((_, reason),) = draft.left
    assert why in reason
    assert "s3cret" not in told(draft)


def test_of_several_applications_the_one_that_a_listener_passes_to_is_taken() -> None:
    document = {
        "listeners": {"*:80": {"pass": "applications/b/target"}},
        "applications": {
            "a": {"type": "python", "module": "a"},
            "b": {"type": "python", "module": "b"},
            "c": {"type": "php"},
        },
    }
    draft = drafted(document)
    assert options(draft)["app"] == "b:application"
    assert "applications = ['a']: one server serves one application" in told(draft)


def test_without_a_python_application_there_is_nothing_to_read() -> None:
    with pytest.raises(ValueError, match="type python"):
        unit.given_of({"applications": {"c": {"type": "php"}}}, "x")


def test_what_it_does_by_default_is_written_where_it_differs() -> None:
    draft = Migration("/nowhere", lambda _text: None, trust=False)
    document = {"applications": {"x": {"type": "python", "module": "a"}}}
    draft.found.append(Found(unit.SERVER, unit.given_of(document, "x"), [], []))
    assert options(draft.draft()) == {
        "app": "a:application", "access-log": False, "workers": 1, "threads": 1,
    }  # fmt: skip


def test_no_setting_is_named_twice() -> None:
    assert len({setting.name for setting in unit.SETTINGS}) == len(unit.SETTINGS)
