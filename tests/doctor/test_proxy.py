"""What the options make of a proxy's request, through the code that a server uses."""

from typing import Any

import pytest

from penstock.config.config import Config
from penstock.doctor.proxy import doubled, findings, table


async def app(scope: Any, receive: Any, send: Any) -> None:
    """None of it matters here."""


def test_by_default_a_proxy_on_this_machine_is_believed_and_a_stranger_is_not() -> None:
    own, stranger = table(Config(app=app))
    assert own[1:] == ("203.0.113.7", "https", "10.0.0.5:8000", "")
    assert stranger[1:] == ("198.51.100.66", "http", "10.0.0.5:8000", "")


def test_the_options_change_what_is_seen() -> None:
    config = Config(app=app, forwarded_headers="x-forwarded", root_path="/r")
    assert table(config)[0][1:] == ("203.0.113.7", "https", "shop.example", "/shop")
    assert table(config)[1].root_path == "/r"
    config = Config(app=app, forwarded_headers="forwarded")
    assert table(config)[0][1:4] == ("203.0.113.7", "https", "shop.example")
    assert table(Config(app=app, proxy_headers=False))[0].client == "127.0.0.1"


@pytest.mark.parametrize(
    "options, words",
    [
        ({"forwarded_allow_ips": "*"}, "everybody is believed"),
        ({}, "X-Forwarded-Host is not believed"),
    ],
)
def test_what_is_odd_is_said(options: Any, words: str) -> None:
    assert words in " ".join(each.text for each in findings(Config(app=app, **options), app))


def test_a_setup_that_is_whole_needs_no_word() -> None:
    assert findings(Config(app=app, forwarded_headers="x-forwarded"), app) == []


def test_a_middleware_that_reads_the_headers_again_is_named() -> None:
    kind = type("ProxyFix", (), {"__module__": "werkzeug.middleware.proxy_fix", "__call__": None})
    outer = type("App", (), {})()
    outer.wsgi_app = kind()
    assert doubled(outer) == "werkzeug's ProxyFix"
    (finding,) = findings(Config(app=app, forwarded_headers="x-forwarded"), outer)
    assert "a second time" in finding.text
    assert doubled(app) == ""


def test_middleware_of_starlette_is_seen_before_it_is_built() -> None:
    kind = type("ProxyHeadersMiddleware", (), {"__module__": "uvicorn.middleware.proxy_headers"})
    outer = type("App", (), {})()
    outer.user_middleware = [type("Middleware", (), {"cls": kind})()]
    assert doubled(outer) == "uvicorn's ProxyHeadersMiddleware"


def test_an_application_within_itself_comes_to_an_end() -> None:
    left, right = type("A", (), {"__call__": None})(), type("B", (), {"__call__": None})()
    left.app, right.app = right, left
    assert doubled(left) == ""
