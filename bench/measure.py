"""Measures one case: starts the server, checks its answers, puts the load on it, ends it."""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import files, http2, load, memory, tls, traffic, traffic_http2
from bench.apps import CHUNK, CHUNKS, HELLO, LARGE_CHUNKS
from bench.errors import BenchError
from bench.load_transfer import BODY_BYTES, uploads
from bench.processes import ServerProcess, free_port, running
from bench.servers import RECIPES
from bench.sockets import Answer, answer, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from bench.rows import Case, Row

START_TIMEOUT_S = 30.0
START_POLL_S = 0.001
MEMORY = ("idle-worker", "idle-connection", "open-websocket", "idle-streams", "closed-windows")
"""The rows that put no load on the server."""

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
    """A request of HTTP/1.1 or a header block of HTTP/2, its body, and what its answer's body must be;
    None leaves it to the status."""

    head: bytes
    sent: bytes | None
    body: bytes | None


def probes(row: Row, case: Case) -> list[Probe]:
    """Some requests as the row's load sends them, with their right answers."""
    if row.file:
        requests = traffic.requests(3, target=files.path(row.file))
        return [Probe(request, None, files.content(row.file)) for request in requests]
    body = _answers(row)
    if row.kind == "upload" and not case.http2:
        return [Probe(request, None, b"%d" % BODY_BYTES) for request in uploads(2)]
    if case.http2:
        sent = random.Random(1).randbytes(row.body_bytes) if row.body_bytes else None
        return [Probe(block, sent, body) for block in traffic_http2.blocks(0, 3, _shape(row))]
    return [Probe(request, None, body) for request in traffic.requests(3)]


def _answers(row: Row) -> bytes | None:
    """The body of every answer of a row, None if they differ."""
    bodies = {
        "hello": HELLO,
        "echo": HELLO,
        "wsgi_hello": HELLO,
        "stream": CHUNK * CHUNKS,
        "large": CHUNK * LARGE_CHUNKS,
        "upload": b"%d" % row.body_bytes,
        "app": None,
    }
    return bodies[row.app.rpartition(":")[2]]


def _shape(row: Row) -> traffic_http2.Shape:
    """What the HTTP/2 requests of a row have in common."""
    return traffic_http2.Shape(
        "POST" if row.body_bytes else "GET", row.body_bytes or None, "https" if row.tls else "http"
    )


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
        setting.pythons[case.server],
        case.app or row.app,
        port,
        log=case.log,
        folder=str(folder or ""),
        tls=tls.write(setting.directory) if row.tls else None,
        http2=case.http2,
    )
    command += case.options
    with running(
        command, port=port, core=setting.server_core, directory=setting.directory, environment={}
    ) as server:
        expected = probes(row, case)
        started_ms = _wait_until_ready(row, case, server, expected[0]) * 1000
        answer_bytes = _check(row, case, server, expected)
        if row.kind == "start":
            sample = Sample(cost=started_ms)
        elif row.kind in MEMORY:
            sample = _measure_memory(row, case, server)
        else:
            sample = _measure_load(row, case, server, setting, answer_bytes)
    if case.log:
        _must_have_logged(server, sample.answers)
    server.output.unlink()
    return sample


@contextlib.contextmanager
def _asking(row: Row, case: Case, port: int) -> Iterator[Callable[[Probe], Answer]]:
    """A connection of the kind that the load makes: call what it gives with each request in turn."""
    protocol = "h2" if case.http2 else "http/1.1"
    with tls.connect(port, protocol) if row.tls else connect(port) as connection:
        if not case.http2:
            yield lambda probe: answer(connection, probe.head)
            return
        client = http2.Client(connection)
        client.begin()

        def ask(probe: Probe) -> Answer:
            body = client.ask(probe.head, probe.sent)
            return Answer(body, len(body))

        yield ask


def _wait_until_ready(row: Row, case: Case, server: ServerProcess, probe: Probe) -> float:
    """Ask until the first answer; seconds since the process was made."""
    deadline = time.perf_counter() + START_TIMEOUT_S
    while time.perf_counter() < deadline:
        try:
            with _asking(row, case, server.port) as ask:
                ask(probe)
        except (ConnectionError, TimeoutError):
            server.must_live()
            time.sleep(START_POLL_S)
        else:
            return time.perf_counter() - server.started_at
    raise BenchError(f"no answer within {START_TIMEOUT_S:g} s: {server.last_words()}")


def _check(row: Row, case: Case, server: ServerProcess, expected: list[Probe]) -> int:
    """Ask on one connection and compare every answer; the size of the last, in bytes: of head and body
    in HTTP/1.1, of the body in HTTP/2."""
    size_bytes = 0
    with _asking(row, case, server.port) as ask:
        for probe in expected:
            given = ask(probe)
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
        server.port,
        case.connections,
        setting.warm_up_s,
        setting.seconds,
        setting.load_core,
        case.streams,
        row.tls,
        RECIPES[case.server, row.interface].requests_max,
    )
    seen = _load(row, case, plan, pids, setting, answer_bytes)
    server.must_live()
    if server.tree() != pids:
        raise BenchError("the server's processes changed under load: its CPU time is not whole")
    held = server.memory()
    return Sample(
        cost=seen.p50_us if row.kind == "latency" else seen.cpu_s_per_answer * 1e6,
        answers_per_s=seen.answers_per_s,
        p99_ms=seen.p99_ms,
        worker_mb=held.worker_bytes / MB,
        tree_mb=held.tree_bytes / MB,
        answers=seen.answers,
    )


def _load(
    row: Row,
    case: Case,
    plan: load.Plan,
    pids: tuple[int, ...],
    setting: Setting,
    answer_bytes: int,
) -> load.Load:
    """Put the row's load on the server."""
    if case.http2:
        shape = _shape(row)
        file = setting.directory / f"blocks-{shape.method}-{shape.body_bytes}-{shape.scheme}"
        if not file.exists():
            traffic_http2.write(file, shape)
        if row.kind == "latency":
            return load.latency(plan, pids, file)
        return load.http2_requests(
            plan, pids, file, body_bytes=row.body_bytes, answer_bytes=answer_bytes
        )
    if row.kind == "latency":
        return load.latency(plan, pids, None)
    if row.kind == "requests":
        file = setting.requests_file
        if row.file:
            file = setting.directory / f"requests-{row.file}"
            traffic.write(file, target=files.path(row.file))
        return load.requests(plan, pids, file, answer_bytes)
    if row.kind == "messages":
        return load.messages(plan, pids)
    return load.transfers(plan, pids, row.kind, row.file)


def _measure_memory(row: Row, case: Case, server: ServerProcess) -> Sample:
    time.sleep(memory.SETTLE_S)
    idle = server.memory()
    worker_mb, tree_mb = idle.worker_bytes / MB, idle.tree_bytes / MB
    if row.kind == "idle-worker":
        return Sample(cost=worker_mb, worker_mb=worker_mb, tree_mb=tree_mb)
    grown_bytes = memory.grown_bytes(row, case, server)
    now = server.memory()
    return Sample(
        cost=grown_bytes / (MB if row.unit == "MB" else KB),
        worker_mb=now.worker_bytes / MB,
        tree_mb=now.tree_bytes / MB,
    )


def _must_have_logged(server: ServerProcess, answers: int | None) -> None:
    """Raise BenchError if the log has fewer lines than there were answers."""
    with server.output.open("rb") as lines:
        logged = sum(block.count(b"\n") for block in iter(lambda: lines.read(1 << 20), b""))
    if answers is None or logged < answers:
        raise BenchError(f"{answers} answers, but only {logged} lines in the access log")
