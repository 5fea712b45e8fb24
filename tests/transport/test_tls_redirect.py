"""Plain HTTP is sent to https at a host that the certificates are for, and nowhere else."""

import asyncio
from typing import Any

import pytest

from penstock.transport.tls_redirect import application, location


class Known:
    """Stands for certificates that are for `names`."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def covers(self, name: str) -> bool:
        return name in self.names


def ask(host: bytes | None, path: bytes = b"/", query: bytes = b"", port: int = 443) -> Any:
    """Status, location and body of the answer."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    app = application(lambda: Known("example.test", "::1"), lambda: port)
    scope = {
        "type": "http",
        "raw_path": path,
        "query_string": query,
        "headers": [] if host is None else [(b"host", host)],
    }
    asyncio.run(app(scope, None, send))
    start, body = sent
    headers = dict(start["headers"])
    assert headers[b"connection"] == b"close"
    assert int(headers[b"content-length"]) == len(body["body"])
    return start["status"], headers.get(b"location")


def test_the_answer_is_308_with_the_same_host_path_and_query() -> None:
    """RFC 9110 section 15.4.9: the method stays."""
    assert ask(b"example.test", b"/a%20b", b"x=1") == (308, b"https://example.test/a%20b?x=1")


def test_the_port_is_that_of_https() -> None:
    assert ask(b"example.test:80") == (308, b"https://example.test/")
    assert ask(b"example.test:8080", port=8443) == (308, b"https://example.test:8443/")


def test_brackets_stay_around_an_ipv6_address() -> None:
    assert ask(b"[::1]:80", port=8443) == (308, b"https://[::1]:8443/")


@pytest.mark.parametrize(
    "host",
    [b"evil.test", b"example.test.evil.test", b"example.test@evil.test", b"", b":80", b"[::1", None,
     b"[::1]evil.test", b"\xff.test", b"example.test/..", b"evil.test:80"],
)  # fmt: skip
def test_a_host_that_is_not_ours_is_refused(host: bytes | None) -> None:
    assert ask(host) == (400, None)


@pytest.mark.parametrize("path", [b"//evil.test/", b"/\\evil.test", b"/@evil.test"])
def test_no_path_leads_to_another_host(path: bytes) -> None:
    status, where = ask(b"example.test", path)
    assert status == 308 and where == b"https://example.test" + path


def test_a_request_about_the_server_itself_has_no_path() -> None:
    assert location(b"Example.test.", b"*", b"", 443) == ("example.test", b"https://example.test./")


def test_a_websocket_is_refused() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(application(Known, lambda: 443)({"type": "websocket"}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1000}]
