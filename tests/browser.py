"""A page in headless Chromium, over its DevTools protocol."""

import json
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

DEADLINE_S = 30.0


class Page:
    """What is shown; `complaints` are the browser's: exceptions, refused assets, errors on its console."""

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
def browser(profile: Path, url: str, *more: str) -> Iterator[Page]:
    """A page at `url`, in a browser of its own; `more` are flags of its command line."""
    program = shutil.which("chromium") or "chromium"
    flags = ["--headless", "--disable-gpu", "--no-sandbox", "--disable-dev-shm-usage"]
    where = [f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
    with subprocess.Popen(
        [program, *flags, *more, *where],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
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
