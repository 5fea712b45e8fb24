"""The examples do what they say: each application alone, and the page in a real browser."""

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser import browser

EXAMPLES = Path(__file__).parent.parent / "examples"
DEADLINE_S = 30.0
MIB = 1 << 20


def example(name: str) -> Any:
    spec = spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hello = example("hello")


def requested(method: str, path: str, **kwargs: Any) -> httpx.Response:
    """The application's answer, without a server."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(hello.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **kwargs)

    return asyncio.run(ask())


def test_the_page_needs_nothing_from_elsewhere() -> None:
    """It shows the same without a network, and its policy says so."""
    answer = requested("GET", "/")
    assert answer.status_code == 200
    assert re.findall(r"""(?:src|href)=["'](?!data:)""", answer.text) == []
    assert "url(" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_an_upload_is_counted_and_hashed_and_a_wrong_path_is_refused() -> None:
    """What the page shows of an upload is what came."""
    body = b"abc" * 1000
    got = requested("POST", "/upload", content=body).json()
    assert (got["bytes"], got["sha256"]) == (3000, sha256(body).hexdigest())
    assert requested("GET", "/nothing").status_code == 404
    assert requested("POST", "/").status_code == 404


def test_an_upload_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An example that people put on the net must not read for ever."""
    monkeypatch.setattr(hello, "UPLOAD_BYTES_MAX", 10)
    sent = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"xxxx", "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(hello.upload({}, receive, send))
    assert sent[0]["status"] == 413


@contextmanager
def served(*arguments: str) -> Iterator[str]:
    """The URL of a running `penstock` with these arguments; it must end cleanly on SIGINT."""
    command = [sys.executable, "-m", "penstock", *arguments, "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stderr is not None
            seen = []
            for line in server.stderr:
                seen.append(line)
                if found := re.search(r"Running on (http://\S+)", line):
                    yield found[1]
                    break
            else:
                pytest.fail("the server did not start:\n" + "".join(seen))
            server.send_signal(signal.SIGINT)
            _, rest = server.communicate(timeout=DEADLINE_S)
            assert server.returncode == 0, rest
            assert "Traceback" not in rest
        finally:
            server.kill()


@pytest.mark.real
@pytest.mark.timeout(120)
@pytest.mark.requires_program("chromium")
def test_the_page_shows_all_four_at_work_in_a_browser(tmp_path: Path) -> None:
    """HTTP, event stream, WebSocket and upload, without one complaint from the browser."""
    with served(str(EXAMPLES / "hello.py")) as url, browser(tmp_path, url) as page:
        page.wait_for("document.querySelectorAll('.state.good').length === 3")
        assert "HTTP/1.1 (http)" in page.evaluate("document.body.innerText")
        page.wait_for("/^event [2-9]/.test(document.getElementById('sse-note').textContent)")
        page.wait_for("document.querySelectorAll('#ws-talk li').length === 1")
        page.evaluate("document.getElementById('ws-text').value = 'gr\\u00fc\\u00df dich'")
        page.evaluate("document.getElementById('ws-send').click()")
        page.wait_for("document.querySelector('#ws-talk li').textContent.startsWith('gr\\u00fc')")
        page.evaluate("document.getElementById('up-sample').click()")
        page.wait_for("document.getElementById('up-state').textContent === 'received'")
        facts = page.evaluate("document.getElementById('up-facts').innerText")
        assert "16.0 MiB" in facts
        assert sha256(bytes(16 * MIB)).hexdigest()[:32] in facts
        assert page.complaints == []
