"""The command serves, tells what it serves, obeys signals, and ends with the right status."""

import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

import penstock

DEADLINE_S = 20.0

# The same package as here, wherever the tests were started.
ENVIRON = {
    **os.environ,
    "PYTHONUNBUFFERED": "1",
    "PYTHONPATH": str(Path(penstock.__file__).parents[1]),
}

APPLICATION = """
import asyncio, os, sys, time

async def answer(send, body):
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})

def say(text):
    print(text, flush=True)

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        say("app: startup")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if os.environ.get("SLOW_SHUTDOWN"):
            await asyncio.sleep(0.3)
        say("app: shutdown")
        await send({"type": "lifespan.shutdown.complete"})
        return
    say("app: " + scope["path"])
    if scope["path"] == "/stuck":
        await asyncio.Event().wait()
    elif scope["path"] == "/stubborn":
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                say("app: swallowed")
    elif scope["path"] == "/blocked":
        time.sleep(3600)
    elif scope["path"] == "/spinning":
        while True:
            pass
    elif scope["path"] == "/thread":
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 3600)
    await answer(send, str(os.getpid()).encode())

async def failing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})

loop_at_import = None
try:
    loop_at_import = asyncio.get_event_loop()
except RuntimeError:
    pass

async def same_loop(scope, receive, send):
    if scope["type"] == "http":
        await answer(send, str(asyncio.get_running_loop() is loop_at_import).encode())
"""


class Process:
    """The command, running."""

    def __init__(self, folder: Path, *arguments: str, **environ: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", "penstock", *arguments],
            cwd=folder,
            env={**ENVIRON, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.output = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        if self.child.stdout is not None:
            self.output += self.child.stdout.read().decode()
            self.child.stdout.close()
        if error is not None:
            print(self.output)

    def until(self, text: str) -> str:
        """Read its output until `text` came; returns all of it."""
        stream = self.child.stdout
        assert stream is not None
        deadline = time.monotonic() + DEADLINE_S
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            while text not in self.output:
                left = deadline - time.monotonic()
                assert left > 0 and selector.select(left), f"no {text!r} in {self.output!r}"
                data = os.read(stream.fileno(), 65536)
                assert data, f"it ended without {text!r}: {self.output!r}"
                self.output += data.decode()
        return self.output

    @property
    def port(self) -> int:
        found = re.search(r"Running on http://127\.0\.0\.1:(\d+)", self.until("Running on"))
        assert found is not None
        return int(found[1])

    def ask(self, path: str) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return client

    def send(self, number: int) -> None:
        self.child.send_signal(number)

    def wait(self) -> tuple[int, float]:
        """Its exit status, and how long that took."""
        began = time.monotonic()
        return self.child.wait(DEADLINE_S), time.monotonic() - began


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Process]:
    (tmp_path / "trial.py").write_text(APPLICATION)

    def started(*arguments: str, **environ: str) -> Process:
        return Process(tmp_path, *arguments, **environ)

    return started


def test_it_says_what_a_person_needs_and_answers(start: Callable[..., Process]) -> None:
    with start("trial:app", "--port", "0") as process:
        port = process.port
        with process.ask("/") as client:
            assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
        process.until('"GET / HTTP/1.1" 200')
        assert "Serving trial:app (ASGI 3) over HTTP/1.1 and WebSocket" in process.output
        assert f"process {process.child.pid}" in process.output
        assert f":{port}" in process.output
        process.send(signal.SIGTERM)
        assert process.wait()[0] == 0
        process.until("app: shutdown")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
@pytest.mark.parametrize("loop", ["asyncio", "auto"])
def test_a_signal_ends_it_well_with_status_0_v03(
    start: Callable[..., Process], number: signal.Signals, loop: str
) -> None:
    with start("trial:app", "--port", "0", "--loop", loop, SLOW_SHUTDOWN="1") as process:
        process.port  # it runs
        process.send(number)
        assert process.wait()[0] == 0
        process.until("app: shutdown")
        assert f"{number.name}: shutting down" in process.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("path", ["/stuck", "/stubborn", "/blocked", "/spinning"])
def test_a_second_signal_really_ends_it_v03(
    start: Callable[..., Process], number: signal.Signals, path: str
) -> None:
    with start("trial:app", "--port", "0") as process, process.ask(path):
        process.until(f"app: {path}")
        process.send(number)
        if path in {"/stuck", "/stubborn"}:
            process.until("shutting down")
        else:
            time.sleep(0.2)  # the loop stands still: nothing can tell that the first one came
        process.send(number)
        status, took_s = process.wait()
        assert status == 128 + number
        assert took_s < 5
        process.until("again: ending now")


def test_a_third_signal_ends_it_at_once_v03(start: Callable[..., Process]) -> None:
    with start("trial:app", "--port", "0") as process, process.ask("/spinning"):
        process.until("app: /spinning")
        process.send(signal.SIGTERM)
        time.sleep(0.2)
        process.send(signal.SIGTERM)
        process.until("again: ending now")
        process.send(signal.SIGTERM)
        status, took_s = process.wait()
        assert status == 128 + signal.SIGTERM
        assert took_s < 0.8


@pytest.mark.slow
def test_a_loop_that_stands_still_cannot_outlive_the_shutdown_and_it_says_where_v03(
    start: Callable[..., Process],
) -> None:
    arguments = ("trial:app", "--port", "0", "--timeout-graceful-shutdown", "100ms")
    with start(*arguments) as process, process.ask("/blocked"):
        process.until("app: /blocked")
        process.send(signal.SIGTERM)
        assert process.wait()[0] == 1
        process.until("did not end within")
        process.until("trial.py")


@pytest.mark.slow
def test_a_thread_of_the_application_cannot_outlive_the_shutdown_v03(
    start: Callable[..., Process],
) -> None:
    arguments = ("trial:app", "--port", "0", "--timeout-graceful-shutdown", "100ms")
    with start(*arguments) as process, process.ask("/thread"):
        process.until("app: /thread")
        process.send(signal.SIGTERM)
        process.until("app: shutdown")
        assert process.wait()[0] == 1
        process.until("did not end within")


def test_a_hang_up_says_that_reload_needs_workers_and_changes_nothing(
    start: Callable[..., Process],
) -> None:
    with start("trial:app", "--port", "0") as process:
        process.port  # it runs
        process.send(signal.SIGHUP)
        process.until("reloading needs --workers")
        with process.ask("/") as client:
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
        process.send(signal.SIGTERM)
        assert process.wait()[0] == 0


def test_a_lost_terminal_ends_it_well(start: Callable[..., Process], tmp_path: Path) -> None:
    program = (
        "import os, pty, sys\n"
        "from penstock.cli.main import main\n"
        "sys.exit(main(['trial:app', '--port', '0']))\n"
    )
    controller, terminal = os.openpty()
    log = tmp_path / "log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-c", "import fcntl, os, termios\nos.setsid()\n"
             "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n" + program],
            cwd=tmp_path,
            env=ENVIRON,
            stdin=terminal,
            stdout=output,
            stderr=output,
        )  # fmt: skip
    os.close(terminal)
    try:
        deadline = time.monotonic() + DEADLINE_S
        while b"Running on" not in log.read_bytes() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.close(controller)  # the terminal's window closes: the kernel sends SIGHUP
        assert child.wait(DEADLINE_S) == 0
        assert "app: shutdown" in log.read_text()
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()


@pytest.mark.parametrize(
    "arguments, status, texts",
    [
        (("nowhere:app",), 4, ["no module 'nowhere'"]),
        (("trial:failing",), 3, ["The application failed to start: no database"]),
        (("trial:app", "--port", "TAKEN"), 5, ["is taken", "--port"]),
        (("trial:app", "--uds", "/no/such/folder/s"), 5, ["The folder of", "--uds"]),
        (("trial:app", "--fd", "987"), 5, ["Descriptor 987 is no socket"]),
    ],
)
def test_what_cannot_start_says_why_in_a_line_and_has_its_status_v02(
    start: Callable[..., Process], arguments: tuple[str, ...], status: int, texts: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        given = [taken if each == "TAKEN" else each for each in arguments]
        if "--port" not in given and "--uds" not in given and "--fd" not in given:
            given += ["--port", "0"]
        with start(*given) as process:
            assert process.wait()[0] == status
    for text in texts:
        assert text in process.output
    assert "Traceback" not in process.output
    assert "Running on" not in process.output


def test_the_loop_that_is_there_at_import_is_the_one_that_serves(
    start: Callable[..., Process],
) -> None:
    with start("trial:same_loop", "--port", "0", "--lifespan", "off") as process:
        with process.ask("/") as client:
            data = b""
            while not data.endswith((b"True", b"False")):
                part = client.recv(1000)
                assert part
                data += part
        assert data.endswith(b"True")
        process.send(signal.SIGTERM)
        assert process.wait()[0] == 0


def test_listening_sockets_are_not_passed_on_to_children_v06(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    (tmp_path / "child.py").write_text(
        "import subprocess, sys\n"
        "from trial import answer\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'http':\n"
        "        code = \"import os; print(sum('socket' in os.readlink(f'/proc/self/fd/{n}')"
        " for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')))\"\n"
        "        out = subprocess.run([sys.executable, '-c', code], close_fds=False,\n"
        "                             stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout\n"
        "        await answer(send, out.strip())\n"
    )
    with start("child:app", "--port", "0", "--lifespan", "off") as process:
        with process.ask("/") as client:
            assert client.recv(1000).endswith(b"\r\n\r\n0")
        process.send(signal.SIGTERM)
        assert process.wait()[0] == 0
