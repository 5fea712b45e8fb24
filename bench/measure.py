"""Measures one case: starts the server, checks its answers, puts the load on it, ends it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import files, load, traffic
from bench.apps import CHUNK, CHUNKS, HELLO
from bench.errors import BenchError
from bench.load_transfer import BODY_BYTES, uploads
from bench.processes import ServerProcess, free_port, running
from bench.servers import RECIPES
from bench.sockets import answer, connect, must_be_open, open_websocket

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bench.rows import Case, Row

START_TIMEOUT_S = 30.0
START_POLL_S = 0.001
SETTLE_S = 0.5
"""How long a server is left alone before its memory is read."""
_BASE_SHARE = 4
"""Memory is compared between n and n + n/4 connections, so that what the first ones make the
server allocate once, and the free memory that they find, is on both sides."""

KB, MB = 1000, 1_000_000


@dataclass(frozen=True, slots=True)
class Setting:
    """What all cases of a run share. `pythons` has the interpreter for each server."""

    pythons: Mapping[str, str]
    server_core: int
    load_core: int
    seconds: float
    warm_up_s: float
    directory: Path
    requests_file: Path


@dataclass(frozen=True, slots=True)
class Sample:
    """One case in one round. `cost` is in the row's unit: what the row is about."""

    cost: float
    answers_per_s: float | None = None
    p99_ms: float | None = None
    worker_mb: float | None = None
    tree_mb: float | None = None
    answers: int | None = None
    """How many answers the server gave under load, warm-up included."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A request and what its answer's body must be; None leaves it to the status."""

    request: bytes
    body: bytes | None


def probes(row: Row) -> list[Probe]:
    """Some requests as the row's load sends them, with their right answers."""
    if row.file:
        requests = traffic.requests(3, target=files.path(row.file))
        return [Probe(request, files.content(row.file)) for request in requests]
    if row.kind == "upload":
        return [Probe(request, b"%d" % BODY_BYTES) for request in uploads(2)]
    bodies = {
        "hello": HELLO,
        "echo": HELLO,
        "wsgi_hello": HELLO,
        "stream": CHUNK * CHUNKS,
        "app": None,
    }
    body = bodies[row.app.rpartition(":")[2]]
    return [Probe(request, body) for request in traffic.requests(3)]


def measure(row: Row, case: Case, setting: Setting) -> Sample:
    """One case, from a fresh process to its end.

    Raises:
        BenchError: the server did not start, answered wrongly, or the load saw a mistake.
    """
    port = free_port()
    recipe = RECIPES[case.server, row.interface]
    folder = setting.directory / "files" if row.file else None
    if folder is not None:
        folder.mkdir(exist_ok=True)
        files.write(folder)
    command = recipe.command(
        setting.pythons[case.server], row.app, port, log=case.log, folder=str(folder or "")
    )
    command += case.options
    with running(
        command, port=port, core=setting.server_core, directory=setting.directory, environment={}
    ) as server:
        started_ms = _wait_until_ready(server, probes(row)[0]) * 1000
        answer_bytes = _check(server, probes(row))
        if row.kind == "start":
            sample = Sample(cost=started_ms)
        elif row.kind in ("idle-worker", "idle-connection", "open-websocket"):
            sample = _measure_memory(row, case, server)
        else:
            sample = _measure_load(row, case, server, setting, answer_bytes)
    if case.log:
        _must_have_logged(server, sample.answers)
    server.output.unlink()
    return sample


def _wait_until_ready(server: ServerProcess, probe: Probe) -> float:
    """Ask until the first answer; seconds since the process was made."""
    deadline = time.perf_counter() + START_TIMEOUT_S
    while time.perf_counter() < deadline:
        try:
            with connect(server.port) as connection:
                answer(connection, probe.request)
        except (ConnectionError, TimeoutError):
            server.must_live()
            time.sleep(START_POLL_S)
        else:
            return time.perf_counter() - server.started_at
    raise BenchError(f"no answer within {START_TIMEOUT_S:g} s: {server.last_words()}")


def _check(server: ServerProcess, expected: list[Probe]) -> int:
    """Ask on one connection and compare every answer; the size of the last, in bytes."""
    size_bytes = 0
    with connect(server.port) as connection:
        for probe in expected:
            given = answer(connection, probe.request)
            if probe.body is not None and given.body != probe.body:
                raise BenchError(
                    f"expected the body {probe.body[:60]!r} ({len(probe.body)} bytes), "
                    f"got {given.body[:60]!r} ({len(given.body)} bytes)"
                )
            size_bytes = given.size_bytes
    return size_bytes


def _measure_load(
    row: Row, case: Case, server: ServerProcess, setting: Setting, answer_bytes: int
) -> Sample:
    pids = server.tree()
    plan = load.Plan(
        server.port, case.connections, setting.warm_up_s, setting.seconds, setting.load_core
    )
    if row.kind == "requests":
        file = setting.requests_file
        if row.file:
            file = setting.directory / f"requests-{row.file}"
            traffic.write(file, target=files.path(row.file))
        seen = load.requests(plan, pids, file, answer_bytes)
    elif row.kind == "messages":
        seen = load.messages(plan, pids)
    else:
        seen = load.transfers(plan, pids, row.kind, row.file)
    server.must_live()
    if server.tree() != pids:
        raise BenchError("the server's processes changed under load: its CPU time is not whole")
    memory = server.memory()
    return Sample(
        cost=seen.cpu_s_per_answer * 1e6,
        answers_per_s=seen.answers_per_s,
        p99_ms=seen.p99_ms,
        worker_mb=memory.worker_bytes / MB,
        tree_mb=memory.tree_bytes / MB,
        answers=seen.answers,
    )


def _measure_memory(row: Row, case: Case, server: ServerProcess) -> Sample:
    time.sleep(SETTLE_S)
    idle = server.memory()
    worker_mb, tree_mb = idle.worker_bytes / MB, idle.tree_bytes / MB
    if row.kind == "idle-worker":
        return Sample(cost=worker_mb, worker_mb=worker_mb, tree_mb=tree_mb)
    base = case.connections // _BASE_SHARE
    opened = _open(row, server.port, base + case.connections)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(next(opened)) for _ in range(base)]
        time.sleep(SETTLE_S)
        before = server.memory()
        held.extend(stack.enter_context(connection) for connection in opened)
        time.sleep(SETTLE_S)
        after = server.memory()
        must_be_open(held)
    grown_bytes = after.worker_bytes - before.worker_bytes
    return Sample(
        cost=grown_bytes / case.connections / KB,
        worker_mb=after.worker_bytes / MB,
        tree_mb=after.tree_bytes / MB,
    )


def _open(row: Row, port: int, count: int) -> Iterator[socket.socket]:
    """Connections that have had one answer each, or accepted WebSockets; made as they are taken."""
    if row.kind == "open-websocket":
        for handshake, key in traffic.handshakes(count):
            yield open_websocket(port, handshake, key)
        return
    for request in traffic.requests(count):
        connection = connect(port)
        answer(connection, request)
        yield connection


def _must_have_logged(server: ServerProcess, answers: int | None) -> None:
    """Raise BenchError if the log has fewer lines than there were answers."""
    with server.output.open("rb") as lines:
        logged = sum(block.count(b"\n") for block in iter(lambda: lines.read(1 << 20), b""))
    if answers is None or logged < answers:
        raise BenchError(f"{answers} answers, but only {logged} lines in the access log")
