"""Chromium over TLS: it chooses HTTP/2 by itself, also for a WebSocket (RFC 8441)."""

import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests import certificates
from tests.apps.server import Server, stopped_well
from tests.browser import browser

pytestmark = [pytest.mark.real, pytest.mark.requires_program("chromium")]


def trust(issued: certificates.Issued) -> str:
    """The flag that lets Chromium take this certificate, and no other that it cannot verify."""
    key = issued.certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = base64.b64encode(sha256(key).digest()).decode()
    return f"--ignore-certificate-errors-spki-list={digest}"


def test_a_page_does_all_that_it_can_over_http_2(tmp_path: Path) -> None:
    """60 requests at once, uploads (one without a declared length), events, a WebSocket, and a request that is given up."""
    files = certificates.files(tmp_path)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in files.items()]
    with Server("tests.apps.http2_app:app", "--port", "0", "--lifespan", "off", *options) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        with browser(tmp_path / "profile", url + "/", trust(certificates.server())) as page:
            page.wait_for("document.getElementById('seen')?.textContent")
            server.until("app: held")
            page.evaluate("leave()")
            server.until("app: released")
            page.wait_for("document.getElementById('seen').textContent.includes('AbortError')")
            seen = json.loads(page.evaluate("document.getElementById('seen').textContent"))
            assert page.complaints == []
        assert "error" not in seen
        assert seen["protocols"] == ["h2"]
        assert (seen["versions"], seen["queries"]) == (["2"], 60)
        assert seen["upload"]["bytes"] == 1 << 20
        assert seen["upload"]["sha256"] == sha256(bytes(1 << 20)).hexdigest()
        streamed = b"".join(bytes([number]) * 50000 for number in range(8))
        assert seen["streamed"]["sha256"] == sha256(streamed).hexdigest()
        assert seen["events"] == ["0", "1", "2"]
        websocket = seen["websocket"]
        told = websocket.pop("told")
        assert (told["type"], told["http_version"], told["scheme"]) == ("websocket", "2", "wss")
        assert websocket == {
            "text": True,
            "binary": 200_000,
            "protocol": "chat",
            "code": 4001,
            "reason": "genug",
            "clean": True,
        }
        stopped_well(server)
