"""The fixtures, in a test run of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import ENVIRON

pytestmark = pytest.mark.real

CONFTEST = """
import pytest
pytest_plugins = ["penstock.testing.fixtures"]
@pytest.fixture
def asgi_app():
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await receive()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": scope["http_version"].encode()})
    return app
"""
TESTS = """
import httpx, pytest
def test_client(asgi_client):
    assert asgi_client.get("/").text == "1.1"
def test_server(penstock_server):
    assert httpx.get(penstock_server.url, trust_env=False).text == "1.1"
@pytest.mark.parametrize("http2, version", [(True, "2"), (False, "1.1")])
def test_tls(penstock_tls_server, http2, version):
    context = penstock_tls_server.ssl_context()
    with httpx.Client(verify=context, http2=http2, trust_env=False) as client:
        assert client.get(penstock_tls_server.url).text == version
def test_serve(serve, asgi_app):
    assert httpx.get(serve(asgi_app).url, trust_env=False).text == "1.1"
"""


def outcome(folder: Path, **environ: str) -> str:
    """What pytest says of the tests in `folder`."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        env={**ENVIRON, **environ}, cwd=folder, capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    return done.stdout


def test_each_fixture_does_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TESTS)
    assert "5 passed" in outcome(tmp_path, XDG_CACHE_HOME=str(tmp_path))


def test_the_application_must_be_named(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["penstock.testing.fixtures"]\n')
    (tmp_path / "test_it.py").write_text("def test_it(asgi_client):\n    pass\n")
    assert "override the fixture asgi_app" in outcome(tmp_path)
