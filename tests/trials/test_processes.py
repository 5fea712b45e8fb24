"""Nothing that was accepted is lost: while workers are reloaded, recycled, upgraded, killed and stopped under load.

In the suite each trial is short; `make trial` runs them at full length (TRIALS=long).
"""

import asyncio
import collections
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.apps.server import Server
from tests.trials.load import Load

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

LONG = os.environ.get("TRIALS") == "long"
APP = str(Path(__file__).with_name("served.py"))
DEADLINE_S = 30.0
REPLACED = "Worker "


def started(notes: Path, *arguments: str, **environ: str) -> Server:
    """The server with the trial's application, on a port of its own, without an access log."""
    return Server(
        APP, "--port", "0", "--no-access-log", *arguments, environ={"TRIAL_NOTES": str(notes), **environ}
    )


async def until(holds: Callable[[], bool], what: str) -> None:
    """Look again and again until it holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"no {what}"
        await asyncio.sleep(0.02)


def workers_of(pid: int) -> set[int]:
    """The processes that a supervisor has."""
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def lost_nothing(load: Load, least: int) -> None:
    """Each request got its whole answer, each connection was made, and it was load."""
    assert load.failures == []
    assert load.refused == 0
    assert load.answered >= least


async def one_request(port: int, path: str = "/") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())
    try:
        return await asyncio.wait_for(reader.read(), DEADLINE_S)
    finally:
        writer.close()


def test_rolling_reloads_under_load_lose_nothing_v04(tmp_path: Path) -> None:
    reloads = 30 if LONG else 4

    async def trial(server: Server) -> Load:
        async with Load(server.port, kept=24, fresh=8, rate=2000 if LONG else 800) as load:
            for _ in range(reloads):
                before = workers_of(server.pid)
                os.kill(server.pid, signal.SIGHUP)
                await until(
                    lambda before=before: len(workers_of(server.pid)) >= 2  # type: ignore[misc]
                    and not workers_of(server.pid) & before,
                    "new workers",
                )
        return load

    with started(tmp_path / "notes", "--workers", "2") as server:
        load = asyncio.run(trial(server))
        assert server.stop() == 0
    lost_nothing(load, 100 * reloads)
    assert len(load.by_pid) >= 2 * reloads
    assert server.output.count("Reloading: 2 workers") == reloads
    assert "ERROR" not in server.output
