"""`penstock app:app` pays only for what it uses: what is loaded once the first request is answered."""

import http.client
from pathlib import Path

import pytest

from tests.command import DEADLINE_S, Process, python

# What a bare server of the same parts has loaded, on this Python and in this environment.
BARE = """
import sys
import asyncio, click
try:
    import uvloop
except ImportError:
    pass
print(*sys.modules)
"""

APPLICATION = """
import sys

async def app(scope, receive, send):
    body = " ".join(sys.modules).encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""

# Each with the modules below it, and what needs it instead.
OTHERS_NEED = {
    "argparse": "nothing",
    "bz2": "importlib.metadata",
    "dataclasses": "nothing",
    "difflib": "advice on misspelt names",
    "email": "importlib.metadata",
    "encodings.idna": "host names beyond ASCII",
    "hashlib": "WebSocket",
    "importlib.metadata": "--version",
    "importlib.resources": "importlib.metadata",
    "ipaddress": "trust in networks; X-Forwarded-For",
    "json": "a log configuration in JSON",
    "logging.config": "--log-config",
    "logging.handlers": "--log-config",
    "lzma": "importlib.metadata",
    "pathlib": "nothing",
    "penstock.bridge": "penstock migrate",
    "penstock.cli.checking": "penstock config check",
    "penstock.cli.configuration": "penstock config",
    "penstock.cli.doctor": "penstock doctor",
    "penstock.cli.foreign": "other servers' flags",
    "penstock.cli.migrate": "penstock migrate",
    "penstock.cli.showing": "penstock config show",
    "penstock.cli.version": "--version",
    "penstock.config.dotenv": "--env-file",
    "penstock.doctor": "penstock doctor",
    "penstock.gateway.environ": "WSGI",
    "penstock.gateway.websocket": "WebSocket",
    "penstock.gateway.websocket_accept": "WebSocket",
    "penstock.gateway.websocket_denial": "WebSocket",
    "penstock.gateway.wsgi": "WSGI",
    "penstock.gateway.wsgi_call": "WSGI",
    "penstock.gateway.wsgi_headers": "WSGI",
    "penstock.gateway.wsgi_input": "WSGI",
    "penstock.transport.pool": "WSGI",
    "penstock.wire.deflate": "WebSocket",
    "penstock.wire.handshake": "WebSocket",
    "penstock.wire.websocket": "WebSocket",
    "pickle": "--log-config",
    "platform": "--version",
    "random": "importlib.metadata",
    "rich": "nothing",
    "shutil": "--help",
    "socketserver": "--log-config",
    "tempfile": "importlib.metadata",
    "tomllib": "a file with options",
    "unicodedata": "host names beyond ASCII",
    "urllib": "percent-encoded paths",
    "watchfiles": "nothing",
    "yaml": "a log configuration in YAML",
    "zipfile": "importlib.metadata",
    "zlib": "WebSocket",
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What Penstock has loaded beyond a bare server when it answers its first request."""
    folder: Path = tmp_path_factory.mktemp("start")
    (folder / "plain.py").write_text(APPLICATION)
    # As most projects have one: it names the server, but holds no options.
    (folder / "pyproject.toml").write_text("[project]\ndependencies = ['penstock']\n")
    bare = python(BARE)
    assert bare.returncode == 0, bare.stderr
    with Process(folder, "plain:app", "--port", "0") as process:
        client = http.client.HTTPConnection("127.0.0.1", process.port, timeout=DEADLINE_S)
        client.request("GET", "/")
        names = client.getresponse().read().decode().split()
        client.close()
    return set(names) - set(bare.stdout.split())


@pytest.mark.parametrize("name", OTHERS_NEED)
def test_a_plain_start_does_without(name: str, loaded: set[str]) -> None:
    """What others need costs a plain start neither its time nor its memory."""
    assert [found for found in loaded if found == name or found.startswith(f"{name}.")] == []


def test_what_is_looked_for_would_be_found(loaded: set[str]) -> None:
    """The list that was answered is the server's."""
    assert {"penstock.cli.main", "penstock.transport.http1", "plain"} <= loaded
