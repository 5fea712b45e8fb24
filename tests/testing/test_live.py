"""The real server in a thread, on a free port."""

import json
import ssl
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import SetupError
from penstock.testing import LiveServer
from tests.testing.apps import respond


async def tell(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await receive()
        told = {"http_version": scope["http_version"], "scheme": scope["scheme"]}
        await respond(send, json.dumps(told).encode())


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "4")])
    return [b"wsgi"]


def get(url: str, context: ssl.SSLContext | None = None) -> bytes:
    with urllib.request.urlopen(url, timeout=10, context=context) as response:
        data: bytes = response.read()
        return data


@pytest.mark.parametrize("app, expected", [(tell, b'"1.1"'), (wsgi, b"wsgi")])
def test_it_serves_what_penstock_serves(app: Any, expected: bytes) -> None:
    with LiveServer(app) as first, LiveServer(app) as second:
        assert first.port != second.port
        assert expected in get(first.url)
        assert first.websocket_url == f"ws://127.0.0.1:{first.port}"


def test_with_tls_clients_trust_it_by_its_certificate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with LiveServer(tell, tls=True) as server:
        assert server.url == f"https://localhost:{server.port}"
        assert b'"https"' in get(server.url, server.ssl_context())
        assert server.certificate.startswith(str(tmp_path))


def test_what_the_start_raises_is_raised() -> None:
    with pytest.raises(SetupError), LiveServer("no_such_module:app"):
        pass
