"""`--reload` with a real child: new code is served, broken code is shown, and nobody is refused meanwhile."""

import importlib.util
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.config import Config
from penstock.process.reload import DRAIN_S, GRACE_S, _of_the_application, hastened
from tests.command import DEADLINE_S, ENVIRON, Process, python

LOOKING = ("--reload", "--reload-polling", "--reload-delay", "30ms", "--port", "0")

VERSIONED = """
import asyncio, os
VERSION = "one"
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive(); await send({"type": "lifespan.startup.complete"})
        await receive(); await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive(); await send({"type": "websocket.accept"})
        await asyncio.Event().wait()
    elif scope["path"] == "/events":
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-type", b"text/event-stream")]})
        while True:
            await send({"type": "http.response.body", "body": b"data: x\\n\\n", "more_body": True})
            await asyncio.sleep(0.05)
    else:
        body = f"{VERSION} {os.getpid()}".encode()
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})
"""


class Edited:
    """An application that is served and edited."""

    def __init__(self, process: Process, path: Path) -> None:
        self.process = process
        self.path = path
        self.port = process.port

    def write(self, text: str) -> None:
        self.path.write_text(text)

    def version(self, name: str) -> None:
        self.write(VERSIONED.replace('"one"', f'"{name}"'))

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)

    def get(self, path: str = "/", *headers: str) -> tuple[int, str]:
        """Status and body of one request on a connection of its own."""
        with self.connect() as client:
            lines = [f"GET {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", ""]
            client.sendall("\r\n".join(lines).encode())
            data = b""
            while part := client.recv(65536):
                data += part
        head, _, body = data.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    def says(self, text: str, within_s: float) -> bool:
        """Whether its output has `text`, or gets it with the next piece."""
        stream = self.process.child.stdout
        assert stream is not None
        if text not in self.process.output and select.select([stream], [], [], within_s)[0]:
            self.process.output += os.read(stream.fileno(), 65536).decode()
        return text in self.process.output

    def until(self, start: str) -> str:
        """Ask until the body starts so."""
        deadline = time.monotonic() + DEADLINE_S
        while not (body := self.get()[1]).startswith(start):
            assert time.monotonic() < deadline, body
            time.sleep(0.02)
        return body


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Edited]:
    def started(*arguments: str) -> Edited:
        (tmp_path / "edited.py").write_text(VERSIONED)
        return Edited(
            Process(tmp_path, "edited:app", *(arguments or LOOKING)), tmp_path / "edited.py"
        )

    return started


def test_the_child_is_hastened_whatever_the_options_say() -> None:
    config = hastened(Config("x:y", timeout_graceful_shutdown=60, timeout_disconnect_grace=20,
                             timeout_lifespan_shutdown=30, timeout_drain=9))  # fmt: skip
    assert config.timeout_graceful_shutdown == GRACE_S < 1
    assert config.timeout_disconnect_grace < GRACE_S
    assert config.timeout_lifespan_shutdown < GRACE_S
    assert config.timeout_drain == DRAIN_S
    assert hastened(Config("x:y", timeout_graceful_shutdown=0.1)).timeout_graceful_shutdown == 0.1


def test_the_folder_of_the_application_is_watched_too() -> None:
    assert _of_the_application(Config("main:app")) == []
    assert _of_the_application(Config("main:app", app_dir="src")) == ["src"]
    assert _of_the_application(Config("/srv/site/main.py:app")) == ["/srv/site"]


def test_without_watchfiles_it_is_said_what_to_install_and_nothing_is_started(
    tmp_path: Path,
) -> None:
    program = (
        "import sys; sys.modules['watchfiles'] = None\n"
        "from penstock.cli.main import main\n"
        "sys.exit(main(['x:y', '--reload', '--port', '0']))\n"
    )
    done = python(program)
    assert done.returncode == 2
    assert "pip install 'penstock[reload]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.real
@pytest.mark.parametrize("how", ["looking", "told"])
def test_changed_code_is_served_and_nobody_is_refused_meanwhile(
    edited: Callable[..., Edited], how: str
) -> None:
    if how == "told":
        pytest.importorskip("watchfiles")
    site = edited(*(LOOKING if how == "looking" else ("--reload", "--port", "0")))
    with site.process:
        assert site.get()[1].startswith("one ")
        while not site.says("edited.py changed: starting again", 0.3):
            site.version("two")  # again: the watcher tells nobody when it has begun
        answers: list[str] = []
        deadline = time.monotonic() + DEADLINE_S
        while not answers or not answers[-1].startswith("two "):
            assert time.monotonic() < deadline, site.process.until("")
            status, body = site.get()  # a refused or reset connection raises
            assert status == 200
            answers.append(body)
        site.process.until("Serving again")
        site.process.send(signal.SIGTERM)
        assert site.process.wait()[0] == 0


@pytest.mark.real
def test_broken_code_is_shown_in_terminal_and_browser_until_a_file_changes(
    edited: Callable[..., Edited],
) -> None:
    site = edited()
    with site.process:
        site.write("def (<script>):\n    pass\n")
        site.process.until("The reason is shown at")
        assert "SyntaxError: invalid syntax" in site.process.output
        status, text = site.get()
        assert status == 500
        assert "SyntaxError" in text
        assert "def (<script>):" in text
        status, page = site.get("/any", "Accept: text/html,*/*;q=0.8")
        assert status == 500
        assert "def (&lt;script&gt;):" in page
        assert "<script" not in page
        site.version("two")
        site.until("two ")
        site.write(VERSIONED.replace("startup.complete", "startup.failed"))
        site.process.until("The application failed to start")
        assert site.get()[0] == 500
        site.version("three")
        site.until("three ")
        site.process.send(signal.SIGINT)
        assert site.process.wait()[0] == 0


@pytest.mark.real
def test_an_edit_in_the_second_of_the_last_and_of_the_same_size_is_served(
    edited: Callable[..., Edited], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python takes what it compiled before for up to date then."""
    monkeypatch.delitem(ENVIRON, "PYTHONDONTWRITEBYTECODE", raising=False)
    site = edited()
    with site.process:
        assert site.get()[1].startswith("one ")
        assert Path(importlib.util.cache_from_source(str(site.path))).exists()
        second = int(site.path.stat().st_mtime)
        site.version("two")
        os.utime(site.path, (second + 0.9, second + 0.9))
        site.until("two ")
        site.process.send(signal.SIGTERM)
        assert site.process.wait()[0] == 0


@pytest.mark.real
@pytest.mark.alone
def test_open_streams_do_not_hold_a_restart_up_for_more_than_a_second(
    edited: Callable[..., Edited],
) -> None:
    site = edited()
    with site.process:
        streams = []
        for number in range(20):
            client = site.connect()
            streams.append(client)
            if number % 2:
                client.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            else:
                client.sendall(
                    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                )
            assert client.recv(100)
        child = int(site.get()[1].split()[1])
        site.version("two")
        site.process.until("changed: starting again")
        began = time.monotonic()
        while Path(f"/proc/{child}").exists():
            assert time.monotonic() - began < DEADLINE_S
            time.sleep(0.01)
        took_s = time.monotonic() - began
        site.until("two ")
        for client in streams:
            client.close()
        assert took_s < 1.0
        site.process.send(signal.SIGTERM)
        assert site.process.wait()[0] == 0


@pytest.mark.real
def test_a_killed_child_is_noticed_said_and_started_anew_at_the_next_change(
    edited: Callable[..., Edited],
) -> None:
    site = edited()
    with site.process:
        child = int(site.get()[1].split()[1])
        os.kill(child, signal.SIGKILL)
        site.process.until("The reason is shown at")
        text = "The application's process ended by SIGKILL; it is started again when a file changes"
        assert text in site.process.output
        assert "ended by SIGKILL" in site.get()[1]
        site.version("two")
        assert int(site.until("two ").split()[1]) != child
        # Also by a hang-up, as under the supervisor
        site.process.send(signal.SIGHUP)
        site.process.until("SIGHUP: starting again")
        site.process.send(signal.SIGTERM)
        assert site.process.wait()[0] == 0


@pytest.mark.real
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_no_child_outlives_a_killed_reloader_v05(edited: Callable[..., Edited]) -> None:
    site = edited()
    with site.process:
        child = int(site.get()[1].split()[1])
        site.process.send(signal.SIGKILL)
        site.process.wait()
        deadline = time.monotonic() + 2
        while Path(f"/proc/{child}").exists() and _state(child) != "Z":
            assert time.monotonic() < deadline
            time.sleep(0.02)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
