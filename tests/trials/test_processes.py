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

LONG = os.environ.get("TRIALS") == "long"
pytestmark = [pytest.mark.real, pytest.mark.timeout(600 if LONG else 120)]

APP = str(Path(__file__).with_name("served.py"))
DEADLINE_S = 150.0 if LONG else 30.0


def started(notes: Path, *arguments: str, **environ: str) -> Server:
    """The server with the trial's application, on a port of its own, without an access log."""
    return Server(
        APP,
        "--port",
        "0",
        "--no-access-log",
        *arguments,
        environ={"TRIAL_NOTES": str(notes), **environ},
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
    print(f"{load.answered} answered, 0 failed, by {len(load.by_pid)} processes")


async def one_request(port: int, path: str = "/") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())
    try:
        return await asyncio.wait_for(reader.read(), DEADLINE_S)
    finally:
        writer.close()


def test_rolling_reloads_under_load_lose_nothing_v04(tmp_path: Path) -> None:
    reloads = 30 if LONG else 3

    async def trial(server: Server) -> Load:
        async with Load(server.port, kept=24, fresh=8, rate=2000 if LONG else 800) as load:
            for _ in range(reloads):
                before = workers_of(server.pid)
                os.kill(server.pid, signal.SIGHUP)
                await until(
                    lambda before=before: (
                        len(workers_of(server.pid)) >= 2  # type: ignore[misc]
                        and not workers_of(server.pid) & before
                    ),
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


def test_recycling_by_requests_under_load_loses_nothing(tmp_path: Path) -> None:
    wanted = 20 if LONG else 3

    async def trial(server: Server) -> Load:
        async with Load(server.port, kept=12, fresh=8, rate=2000 if LONG else 800) as load:
            await until(lambda: len(load.by_pid) >= 2 + wanted, "replacements")
        return load

    limits = ("--limit-max-requests", "500", "--limit-max-requests-jitter", "100")
    with started(tmp_path / "notes", "--workers", "2", *limits) as server:
        load = asyncio.run(trial(server))
        assert server.stop() == 0
    lost_nothing(load, 500 * (wanted - 2))
    assert server.output.count("is replaced: it has served") >= wanted
    assert "ERROR" not in server.output


def test_killed_workers_take_nothing_along_but_what_they_had_accepted_v01(tmp_path: Path) -> None:
    kills = 30 if LONG else 4
    notes = tmp_path / "notes"
    killed: set[int] = set()

    async def trial(server: Server) -> Load:
        async with Load(server.port, kept=24, fresh=8, rate=1000 if LONG else 500) as load:
            for _ in range(kills):
                await asyncio.sleep(1.0 if LONG else 0.5)
                await until(lambda: len(load.by_pid.keys() - killed) >= 2, "two that serve")
                victim = min(load.by_pid.keys() - killed)
                os.kill(victim, signal.SIGKILL)
                killed.add(victim)
            await until(lambda: len(load.by_pid.keys() - killed) >= 2, "answers of the last ones")
        return load

    with started(notes, "--workers", "4") as server:
        server.until("Running on")
        load = asyncio.run(trial(server))
        assert server.stop() == 0
    assert load.refused == 0
    assert load.answered > 200 * kills * (2 if LONG else 1) // 2
    requests = [line.split() for line in notes.read_text().splitlines() if " request " in line]
    # Each was on a connection of a worker that was killed, as far as anybody noted it at all
    for failure in load.failures:
        accepted_by = failure.pid
        for pid, _, port, at in requests:  # in their order; a port may be used again
            if int(port) == failure.port and float(at) <= failure.at:
                accepted_by = int(pid)
        assert accepted_by in {0, *killed}, failure
    # A worker has at most one request of each of its connections in its hands
    assert len(load.failures) <= kills * 32
    assert server.output.count("was killed by SIGKILL") == kills
    print(f"{load.answered} answered, {len(load.failures)} failed in {kills} kills")


def test_no_worker_outlives_a_supervisor_that_is_killed_v05(tmp_path: Path) -> None:
    with started(tmp_path / "notes", "--workers", "4") as server:
        port = server.port
        workers = workers_of(server.pid)
        assert len(workers) == 4
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")  # one of them is stuck
            os.kill(server.pid, signal.SIGKILL)
            began = time.monotonic()
            while (alive := [pid for pid in workers if lives(pid)]) or not is_free(port):
                assert time.monotonic() - began < 2.0, f"{alive} live on, or the port is taken"
                time.sleep(0.01)


def lives(pid: int) -> bool:
    """Whether there is such a process, zombies excepted."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def is_free(port: int) -> bool:
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            again.bind(("127.0.0.1", port))
            again.listen()
        except OSError:
            return False
    return True


@contextlib.asynccontextmanager
async def opened(
    port: int, count: int, request: bytes, expected: bytes
) -> AsyncIterator[list[Any]]:
    """`count` connections that have sent `request` and got an answer with `expected` in it."""

    async def one() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        if expected:
            assert expected in await asyncio.wait_for(reader.read(4096), DEADLINE_S)
        return reader, writer

    found = await asyncio.gather(*(one() for _ in range(count)))
    try:
        yield list(found)
    finally:
        for _, writer in found:
            writer.close()


HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
UPLOAD = b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + bytes(1000)


def test_a_stop_tells_streams_websockets_and_uploads_and_ends_in_time_v03(tmp_path: Path) -> None:
    many, few = (200, 20) if LONG else (40, 5)
    notes = tmp_path / "notes"
    limits = (
        "--timeout-graceful-shutdown",
        "6s" if LONG else "3s",
        "--timeout-disconnect-grace",
        "1s",
    )

    async def trial(server: Server) -> float:
        port = server.port
        async with (
            opened(port, many, b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n", b"200 OK") as streams,
            opened(port, many, HANDSHAKE, b"101 ") as sockets,
            opened(port, few, UPLOAD, b"") as uploads,
        ):
            await until(lambda: notes.read_text().count("request") == many + few, "requests")
            dripping = asyncio.ensure_future(drip(uploads))
            began = time.monotonic()
            server.child.send_signal(signal.SIGTERM)
            for reader, _ in streams:
                assert (await asyncio.wait_for(reader.read(), 6)).endswith(
                    b"event: bye\n\n\r\n0\r\n\r\n"
                )
            for reader, _ in sockets:
                assert b"\x88\x02\x03\xf4" in await asyncio.wait_for(reader.read(), 6)  # 1012
            await asyncio.gather(*(asyncio.wait_for(reader.read(), 6) for reader, _ in uploads))
            await asyncio.to_thread(server.child.wait, 10)
            dripping.cancel()
            return time.monotonic() - began

    with started(notes, "--workers", "2", *limits) as server:
        took_s = asyncio.run(trial(server))
        assert server.wait() == 0
    assert took_s < 7
    words = [line.split()[1:] for line in notes.read_text().splitlines()]
    assert words.count(["told", "1012"]) == many
    assert words.count(["told"]) == many + few
    assert words.count(["shutdown"]) == 2


async def drip(connections: list[Any]) -> None:
    """Slow uploads, which end with their connections."""
    with contextlib.suppress(OSError):
        while True:
            for _, writer in connections:
                writer.write(bytes(500))
            await asyncio.sleep(0.1)


async def served_by(place: int | str, kind: str, writers: list[asyncio.StreamWriter]) -> int:
    """Open a connection that stays; the process that serves it."""
    if isinstance(place, str):
        reader, writer = await asyncio.open_unix_connection(place)
    else:
        reader, writer = await asyncio.open_connection("127.0.0.1", place)
    writers.append(writer)
    if kind == "websocket":
        writer.write(HANDSHAKE)
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE_S)
        return int(await reader.readexactly((await reader.readexactly(2))[1]))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE_S)
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
    return int(await reader.readexactly(int(length[16:])))


async def spread(place: int | str, kind: str, how: str, count: int) -> float:
    """The busiest of four workers over their mean."""
    writers: list[asyncio.StreamWriter] = []
    try:
        if how == "one by one":
            pids = [await served_by(place, kind, writers) for _ in range(count)]
        else:
            pids = await asyncio.gather(*(served_by(place, kind, writers) for _ in range(count)))
    finally:
        for writer in writers:
            writer.close()
    return max(collections.Counter(pids).values()) / (count / 4)


def descriptors(pids: set[int]) -> int:
    """How many these processes have open."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


@pytest.mark.parametrize("family", ["tcp", "unix"])
def test_connections_are_spread_evenly_over_four_workers(tmp_path: Path, family: str) -> None:
    path = str(tmp_path / "s")
    where = ("--uds", path) if family == "unix" else ("--port", "0")
    with Server(APP, *where, "--workers", "4", "--no-access-log") as server:
        server.until("Running on")
        place = path if family == "unix" else server.port
        workers = workers_of(server.pid)
        idle = descriptors(workers) + 4 * 5  # what each opens with its first requests
        found = {}
        for turn in range(5 if LONG else 1):
            for kind in ("http", "websocket"):
                for how in ("in a burst", "one by one"):
                    found[kind, how, turn] = asyncio.run(spread(place, kind, how, 200))
                    # What still closes would count for the next ones
                    asyncio.run(until(lambda: descriptors(workers) <= idle, "end of connections"))
        assert server.stop() == 0
    assert {what: busiest for what, busiest in found.items() if busiest > 1.3} == {}
    print(found)


def test_new_versions_of_the_program_take_over_under_load_and_lose_nothing(tmp_path: Path) -> None:
    upgrades = 10 if LONG else 1
    pid_file = tmp_path / "pid"

    def supervisor() -> int:
        try:
            return int(pid_file.read_text())
        except (OSError, ValueError):
            return 0

    async def trial(server: Server) -> Load:
        async with Load(server.port, kept=24, fresh=8, rate=2000 if LONG else 800) as load:
            for _ in range(upgrades):
                old = supervisor()
                os.kill(old, signal.SIGUSR2)
                # The old one has gone when its workers have
                await until(lambda old=old: not lives(old), "end of the old supervisor")  # type: ignore[misc]
                assert lives(supervisor())
        return load

    with started(tmp_path / "notes", "--workers", "2", "--pid", str(pid_file)) as server:
        server.until("Running on")
        try:
            load = asyncio.run(trial(server))
        finally:
            last = supervisor()
            if last not in {0, server.pid}:
                os.kill(last, signal.SIGTERM)
        deadline = time.monotonic() + DEADLINE_S
        while lives(last):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert server.wait() == 0
    lost_nothing(load, 100 * upgrades)
    assert server.output.count("has taken over; this one ends") == upgrades
    assert "ERROR" not in server.output
