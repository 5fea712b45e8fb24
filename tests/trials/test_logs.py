"""Logs of the whole server: files that are renamed under it, and a reader that stands still."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import APPLICATION, DEADLINE_S, ENVIRON, Process

pytestmark = pytest.mark.real


def until(look: Callable[[], bool]) -> None:
    """Wait for a fact."""
    deadline = time.monotonic() + DEADLINE_S
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def exchange(port: int, paths: list[str]) -> None:
    """Ask for all of them on one connection, and read the answers."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as client:
        client.sendall(
            b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths)
        )
        answers, rest = 0, b""
        while answers < len(paths):
            data = rest + client.recv(1 << 16)
            assert len(data) > len(rest), f"{answers} answers"
            answers += data.count(b"HTTP/1.1 200")
            rest = data[-11:] if not data.endswith(b"HTTP/1.1 200") else b""


def paths_in(path: Path) -> list[str]:
    if not path.exists():
        return []
    return [json.loads(line)["path"] for line in path.read_text().splitlines()]


def dropped(errors: Path) -> int:
    """The lines that were said to be dropped so far."""
    said = re.findall(r"(\d+) lines of the log to stdout were dropped", errors.read_text())
    return sum(map(int, said))


@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_a_signal_opens_renamed_files_again_and_no_line_is_lost_v07(
    tmp_path: Path, workers: tuple[str, ...]
) -> None:
    """V07: SIGUSR1, as logrotate sends it, to one process and to a supervisor."""
    (tmp_path / "trial.py").write_text(APPLICATION)
    log, old, errors = (tmp_path / name for name in ("access.log", "access.log.1", "error.log"))
    options = [
        "--access-log-file",
        str(log),
        "--log-file",
        str(errors),
        "--access-log-format",
        "json",
    ]
    with Process(tmp_path, "trial:app", "--port", "0", *workers, *options) as process:
        until(lambda: errors.exists() and "Running on" in errors.read_text())
        found = re.search(r"Running on http://127\.0\.0\.1:(\d+)", errors.read_text())
        assert found is not None
        port = int(found[1])
        wanted = [f"/before/{number}" for number in range(20)]
        exchange(port, wanted)
        until(lambda: len(paths_in(log)) == 20)
        log.rename(old)
        errors.rename(tmp_path / "error.log.1")
        process.send(signal.SIGUSR1)
        until(log.exists)
        until(errors.exists)
        # Each worker opens it for itself: their lines go to one of the two files until then.
        for number in range(20):
            wanted.append(f"/after/{number}")
            exchange(port, wanted[-1:])
        until(lambda: len(paths_in(old)) + len(paths_in(log)) == len(wanted))

        def has_moved() -> bool:
            exchange(port, ["/new"])
            return "/new" in paths_in(log)

        until(has_moved)
        process.send(signal.SIGTERM)
        assert process.wait()[0] == 0
        seen = [path for path in paths_in(old) + paths_in(log) if path != "/new"]
        assert sorted(seen) == sorted(wanted)
        assert "shutting down" in errors.read_text().lower()


def test_a_pipe_that_nobody_reads_does_not_hold_the_server_up(tmp_path: Path) -> None:
    """All requests are answered; what fits into memory comes when it is read, and what did not is
    counted in the log."""
    (tmp_path / "trial.py").write_text(
        "async def app(scope, receive, send):\n"
        "    headers = [(b'content-length', b'0')]\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': headers})\n"
        "    await send({'type': 'http.response.body'})\n"
    )
    errors = tmp_path / "error.log"
    command = [sys.executable, "-m", "penstock", "trial:app", "--port", "0", "--lifespan", "off"]
    server = subprocess.Popen(
        [*command, "--log-file", str(errors)],
        cwd=tmp_path, env=ENVIRON, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert server.stdout is not None
    try:
        until(lambda: errors.exists() and "Running on" in errors.read_text())
        found = re.search(r"Running on http://127\.0\.0\.1:(\d+)", errors.read_text())
        assert found is not None
        # 2 MiB of lines: twice what waits at most.
        asked = 1024
        for _ in range(8):
            exchange(int(found[1]), [f"/{'x' * 2000}"] * (asked // 8))
        read = b""
        while not dropped(errors) or read.count(b"\n") < asked - dropped(errors):
            assert select.select([server.stdout], [], [], DEADLINE_S)[0], "lines are missing"
            read += os.read(server.stdout.fileno(), 1 << 16)
        assert {len(line) for line in read.split(b"\n")[:-1]} <= {2050, 2051, 2052, 2053, 2054}
        server.send_signal(signal.SIGTERM)
        assert server.wait(DEADLINE_S) == 0
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
