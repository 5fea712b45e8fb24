"""A worker process says what it does, and does what it is told; here in this process's place."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.config import Config
from penstock.process import board as columns
from penstock.process.board import Board
from penstock.process.channel import Channel, pair
from penstock.process.child import resident_bytes
from penstock.process.handover import pack, pack_bind
from penstock.process.stacks import new_report
from tests.command import ENVIRON, python

DEADLINE_S = 30.0
APP = """
async def app(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    print("app: shutdown", flush=True)
    await send({"type": "lifespan.shutdown.complete"})
"""


class Worker:
    """A worker process, and the supervisor's end of its channel."""

    def __init__(self, config: Config) -> None:
        self.board = Board()
        self.report = new_report()
        self.channel, theirs = pair()
        self.channel.sock.settimeout(DEADLINE_S)
        fd = theirs.sock.fileno()
        program = f"import sys; from penstock.process.child import main; sys.exit(main({fd}))"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program], env=ENVIRON, pass_fds=(fd,), stdout=subprocess.PIPE
        )
        theirs.close()
        start = {
            "config": pack(config), "slot": 2, "path": sys.path, "argv": ["penstock"], "drain_s": 0.0,
        }  # fmt: skip
        self.channel.send("start", start, descriptors=(self.board.fd, self.report))

    def close(self) -> None:
        self.channel.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.board.close()
        os.close(self.board.fd)
        os.close(self.report)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    app = tmp_path / "worked.py"
    app.write_text(APP)
    found = Worker(Config(str(app), workers=1, log_level="error"))
    yield found
    found.close()


def served(worker: Worker, sock: socket.socket) -> Channel:
    """Bring it to where it accepts from `sock`."""
    channel = worker.channel
    assert channel.wait() == ("loaded",)
    started = channel.wait()
    assert started is not None
    assert started[0] == "started"
    assert worker.board.get(2, columns.STATE) == columns.STARTING
    bind = Config("x:y", bind=["127.0.0.1:0"]).listeners[0]
    channel.send("sockets", [pack_bind(bind)], descriptors=[sock.fileno()])
    assert channel.wait() == ("ready",)
    assert worker.board.get(2, columns.STATE) == columns.SERVING
    return channel


@pytest.mark.slow
def test_it_starts_asks_for_its_sockets_and_stops_when_told(worker: Worker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        channel = served(worker, sock)
        os.kill(worker.process.pid, signal.SIGINT)  # the supervisor's to act on
        os.kill(worker.process.pid, signal.SIGHUP)
        channel.send("stop", True)
        output, _ = worker.process.communicate(timeout=DEADLINE_S)
    assert worker.process.returncode == 0
    assert output == b"app: shutdown\n"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["signalled twice", "abandoned"])
def test_it_ends_gracefully_however_it_is_ended(worker: Worker, how: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        channel = served(worker, sock)
        if how == "abandoned":
            channel.close()
        else:
            # A service manager signals all processes, and the supervisor asks as well
            os.kill(worker.process.pid, signal.SIGTERM)
            os.kill(worker.process.pid, signal.SIGTERM)
        output, _ = worker.process.communicate(timeout=DEADLINE_S)
    assert worker.process.returncode == 0
    assert output == b"app: shutdown\n"


def test_its_memory_is_known() -> None:
    assert 1 << 20 < resident_bytes() < 1 << 34


def test_a_worker_whose_supervisor_is_gone_before_the_start_ends() -> None:
    done = python(
        "import os, socket\n"
        "from penstock.process.child import main\n"
        "one, other = socket.socketpair()\n"
        "other.close()\n"
        "os._exit(main(one.detach()))"
    )
    assert done.returncode == 1
