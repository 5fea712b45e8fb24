"""The command `penstock` in a process of its own, and an application whose paths say what it does."""

import os
import re
import selectors
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import penstock

DEADLINE_S = 20.0

# The same package as here, wherever the tests were started.
ENVIRON = {
    # What steers the tests is none of the server's options, and it would look for near misses.
    **{name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")},
    "PYTHONUNBUFFERED": "1",
    "PYTHONPATH": str(Path(penstock.__file__).parents[1]),
}

# Written to `trial.py` in the folder where the command runs.
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
        found = re.search(r"Running on https?://127\.0\.0\.1:(\d+)", self.until("Running on"))
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


def python(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a Python program that can import the same package as here."""
    return subprocess.run(
        [sys.executable, *arguments, "-c", program],
        env=ENVIRON, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
