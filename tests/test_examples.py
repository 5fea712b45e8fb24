"""The examples do what they say: each application alone, and the page in a real browser."""

import asyncio
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

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


class Page:
    """A page in headless Chromium, over its DevTools protocol."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._count = 0
        self.complaints: list[str] = []

    def call(self, method: str, **parameters: Any) -> Any:
        self._count += 1
        call = {"id": self._count, "method": method, "params": parameters}
        self._socket.send(json.dumps(call))
        while True:
            message = json.loads(self._socket.recv(timeout=DEADLINE_S))
            if message.get("id") == self._count:
                return message["result"]
            if message.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded"}:
                self.complaints.append(json.dumps(message["params"]))

    def evaluate(self, expression: str) -> Any:
        return self.call("Runtime.evaluate", expression=expression)["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Ask until it is true."""
        deadline = time.monotonic() + DEADLINE_S
        while not self.evaluate(expression):
            if time.monotonic() > deadline:
                text = self.evaluate("document.body.innerText")
                pytest.fail(f"never became true: {expression}\n{self.complaints}\n{text}")
            time.sleep(0.02)


@contextmanager
def browser(profile: Path, url: str) -> Iterator[Page]:
    program = shutil.which("chromium") or "chromium"
    flags = ["--headless", "--disable-gpu", "--no-sandbox", "--disable-dev-shm-usage"]
    where = [f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
    with subprocess.Popen(
        [program, *flags, *where], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            port = next(
                found[1]
                for line in process.stderr
                if (found := re.search(r"DevTools listening on ws://[^:]+:(\d+)/", line))
            )
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=DEADLINE_S) as got:
                targets = json.load(got)
            address = next(t["webSocketDebuggerUrl"] for t in targets if t["type"] == "page")
            with connect(address, max_size=None) as socket:
                page = Page(socket)
                page.call("Runtime.enable")
                page.call("Log.enable")
                page.call("Page.navigate", url=url)
                yield page
                page.call("Browser.close")
            process.communicate(timeout=DEADLINE_S)
        finally:
            process.kill()


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
