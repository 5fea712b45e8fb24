"""What each kind of option understands, and what it refuses."""

import os
from pathlib import Path

import pytest

from penstock.config.options import BY_NAME
from penstock.config.parsers import default_threads


def parsed(name: str, raw: object) -> object:
    return BY_NAME[name].parse(raw)


@pytest.mark.parametrize(
    "name, raw, value",
    [
        ("access_log", "true", True),
        ("access_log", "off", False),
        ("access_log", 0, False),
        ("access_log", False, False),
        ("interface", "WSGI", "wsgi"),
        ("interface", "asgi", "asgi3"),
        ("log_level", "WARN", "warning"),
        ("lifespan", "off", "off"),
        ("port", "8080", 8080),
        ("backlog", "1_000", 1000),
        ("limit_concurrency", "none", None),
        ("limit_concurrency", None, None),
        ("limit_request_body", "10MiB", 10 << 20),
        ("ws_ping_interval", "off", None),
        ("timeout_keep_alive", "75s", 75.0),
        ("uds_mode", "660", 0o660),
        ("uds_mode", "0o660", 0o660),
        ("uds_mode", 0o660, 0o660),
        ("threads", "4", 4),
        ("threads", 0, 0),
        ("threads", "auto", default_threads()),
        ("host", "[::1]", "::1"),
        ("uds", Path("/run/x"), "/run/x"),
        ("app_dir", Path("/srv"), "/srv"),
        ("root_path", "/api/", "/api"),
        ("root_path", "/", ""),
        ("bind", ":80, unix:/x", ("0.0.0.0:80", "unix:/x")),
        ("bind", [":80"], ("0.0.0.0:80",)),
        ("ws_allowed_origins", "https://A.example", ("https://a.example",)),
        ("ws_allowed_origins", ["null"], ("null",)),
        ("forwarded_headers", "none", ()),
        ("forwarded_headers", "Forwarded", ("forwarded",)),
        (
            "forwarded_headers",
            ["x-forwarded-host", "x-forwarded-for"],
            ("x-forwarded-for", "x-forwarded-host"),
        ),
        (
            "forwarded_headers",
            "x-forwarded",
            (
                "x-forwarded-for",
                "x-forwarded-proto",
                "x-forwarded-host",
                "x-forwarded-port",
                "x-forwarded-prefix",
            ),
        ),
        ("header", "X-A: 1\nX-B: a, b", ((b"x-a", b"1"), (b"x-b", b"a, b"))),
        ("header", {"X-A": "1"}, ((b"x-a", b"1"),)),
        ("header", [(b"X-A", b"\xe9"), ["x-b", ""]], ((b"x-a", b"\xe9"), (b"x-b", b""))),
        ("header", ["X-A:b:c"], ((b"x-a", b"b:c"),)),
        ("forwarded_allow_ips", "10.0.0.0/8,/run/x *", "10.0.0.0/8,/run/x,*"),
        ("forwarded_allow_ips", ["::1", "10.0.0.1"], "::1,10.0.0.1"),
        ("log_config", {"version": 1}, {"version": 1}),
    ],
)
def test_values_are_understood_in_every_form_a_source_can_give(
    name: str, raw: object, value: object
) -> None:
    assert parsed(name, raw) == value


@pytest.mark.parametrize(
    "name, raw, why",
    [
        ("access_log", "maybe", "neither on nor off"),
        ("access_log", 2, "neither on nor off"),
        ("interface", "rsgi", "did you mean wsgi"),
        ("interface", 3, "not one of"),
        ("port", 65536, "between 0 and 65535"),
        ("port", "-1", "between 0 and 65535"),
        ("port", "8.0", "no whole number"),
        ("port", True, "no whole number"),
        ("port", None, "leave it out"),
        ("port", "none", "no whole number"),
        ("backlog", 0, "1 or more"),
        ("limit_request_line", 1, "too small"),
        ("ws_deflate_window_bits", 8, "between 9 and 15"),
        ("uds_mode", "999", "octal"),
        ("uds_mode", 666, "octal"),
        ("uds_mode", True, "octal"),
        ("threads", "many", "or auto"),
        ("host", "http://x", "no host"),
        ("host", "", "says nothing"),
        ("uds", "", "says nothing"),
        ("app_dir", 3, "no text"),
        ("app_dir", "a\0b", "no text"),
        ("root_path", "api", "starts with one slash"),
        ("root_path", "//evil", "starts with one slash"),
        ("root_path", "/a?b", "holds a query"),
        ("root_path", "/a\n", "control"),
        ("bind", 3, "no list"),
        ("bind", {"a": 1}, "no list"),
        ("bind", ["x"], "half an address"),
        ("ws_allowed_origins", "example.org", "no origin"),
        ("forwarded_headers", "x-forwarded-four", "did you mean x-forwarded-for?"),
        ("forwarded_headers", "x-real-ip", "there are x-forwarded-for"),
        ("forwarded_headers", "forwarded,x-forwarded-for", "two families"),
        ("forwarded_headers", [], "an empty list says nothing"),
        ("ws_allowed_origins", "https://example.org/", "no origin"),
        ("header", "X-A", "write 'Name: value'"),
        ("header", ["X A: 1"], "no header name"),
        ("header", [": 1"], "no header name"),
        ("header", [("x", "a\r\nset-cookie: b")], "control character"),
        ("header", ["x: \N{EURO SIGN}"], "latin-1"),
        ("header", ["Content-Length: 3"], "frames messages"),
        ("header", ["Transfer-Encoding: chunked"], "frames messages"),
        ("header", [("x", 3)], "neither text nor bytes"),
        ("header", [3], "write 'Name: value'"),
        ("header", 3, "no list"),
        ("forwarded_allow_ips", "proxy.local", "neither an IP address"),
        ("forwarded_allow_ips", "10.0.0.1/8", "host bits"),
        ("log_config", "log.txt", "endings"),
        ("log_config", "no-such.json", "does not exist"),
    ],
)
def test_what_is_refused_is_explained(name: str, raw: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parsed(name, raw)


def test_a_log_configuration_that_exists_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_text("{}")
    assert parsed("log_config", path) == str(path)


def test_threads_follow_the_cpus_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1}, raising=False)
    assert default_threads() == 6
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(96)))
    assert default_threads() == 32
