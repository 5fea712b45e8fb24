"""Actions become processes, and what these do becomes events; with one real worker."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from penstock.config import Config
from penstock.process import board as columns
from penstock.process import events as e
from penstock.process.actor import Actor

DEADLINE_S = 30.0
APP = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
"""


class Trial:
    """An actor, and the events that it tells."""

    def __init__(self, config: Config, sock: socket.socket) -> None:
        self.events: asyncio.Queue[e.Event] = asyncio.Queue()
        bind = config.listeners[0]
        logger = logging.getLogger("penstock.error")
        self.actor = Actor(config, logger, self.events.put_nowait, lambda: [(sock, bind)])

    async def next(self) -> e.Event:
        return await asyncio.wait_for(self.events.get(), DEADLINE_S)


@asynccontextmanager
async def trial(app: Path, sock: socket.socket) -> AsyncIterator[Trial]:
    config = Config(str(app), workers=1, lifespan="off", access_log=False, log_level="critical")
    found = Trial(config, sock)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGCHLD, found.actor.reap)
    try:
        yield found
    finally:
        loop.remove_signal_handler(signal.SIGCHLD)
        found.actor.close()


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "acted.py"
    path.write_text(APP)
    return path


@pytest.mark.slow
def test_a_worker_starts_serves_is_explained_and_ends(
    app: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            async with trial(app, sock) as it:
                actor = it.actor
                actor.act(e.Spawn(1))
                assert await it.next() == e.Loaded(1)
                assert await it.next() == e.Ready(1)
                process = actor.processes[1]
                assert process.served is not None
                assert process.served[1] == "asgi3"
                assert actor.describe(1) == f"worker 1 (process {process.pid})"
                row = actor.board.row(0)
                assert row[columns.PID] == process.pid
                assert row[columns.STATE] == columns.SERVING
                assert row[columns.BEAT_NS] > 0
                reader, writer = await asyncio.open_connection(*sock.getsockname())
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert (await reader.readline()).startswith(b"HTTP/1.1 204")
                actor.act(e.Explain(1, "it is a test"))
                async with asyncio.timeout(DEADLINE_S):
                    while not any("stands still: it is a test" in text for text in caplog.messages):
                        await asyncio.sleep(0.01)
                actor.act(e.Cut(1))
                actor.act(e.Retire(1, False))
                assert await it.next() == e.Exited(1, 0)
                assert actor.processes == {}
                assert set(actor.board.row(0)) == {0}
                writer.close()
                await writer.wait_closed()

    asyncio.run(scenario())


@pytest.mark.slow
def test_why_a_worker_cannot_start_is_told_before_its_end(app: Path) -> None:
    app.write_text("import no_such_module")

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            async with trial(app, sock) as it:
                it.actor.act(e.Spawn(1))
                failed = await it.next()
                assert isinstance(failed, e.Failed)
                assert failed.code == 4
                assert await it.next() == e.Exited(1, 4)
                assert it.actor.failure is not None
                assert "ModuleNotFoundError" in it.actor.failure.detail

    asyncio.run(scenario())


@pytest.mark.slow
def test_a_worker_that_is_killed_is_explained_first(
    app: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            async with trial(app, sock) as it:
                it.actor.act(e.Spawn(1))
                assert [await it.next(), await it.next()] == [e.Loaded(1), e.Ready(1)]
                it.actor.act(e.Kill(1, "it is a test"))
                assert await it.next() == e.Exited(1, -9)
                [record] = [r for r in caplog.records if "is killed: it is a test" in r.message]
                assert "Tasks: " in (record.stack_info or "")

    asyncio.run(scenario())


def test_a_process_that_cannot_be_started_is_a_failed_start(app: Path) -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            async with trial(app, sock) as it:

                def start(_channel: object) -> int:
                    raise BlockingIOError(11, "Resource temporarily unavailable")

                it.actor.start = start
                it.actor.act(e.Spawn(1))
                failed = await it.next()
                assert isinstance(failed, e.Failed)
                assert "no process could be started" in failed.reason
                assert await it.next() == e.Exited(1, 1)

    asyncio.run(scenario())


def test_what_is_no_worker_is_buried_and_told(app: Path) -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            async with trial(app, sock) as it:
                asyncio.get_running_loop().remove_signal_handler(signal.SIGCHLD)
                pid = os.fork()
                if pid == 0:
                    os._exit(7)
                async with asyncio.timeout(DEADLINE_S):
                    while not (found := it.actor.reap()):
                        await asyncio.sleep(0.001)
                assert found == {pid: 7}

    asyncio.run(scenario())
