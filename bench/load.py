"""Runs a load generator on its core and reads its report."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.processes import cpu_clock_id
from bench.window import RESULT

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCRIPT = Path(__file__).with_name("wrk.lua")
_EXTRA_S = 30.0
"""How much longer than asked a generator may take before it is ended."""
_ANSWER_SLACK_BYTES = 64
"""How far the mean size of all answers may be from that of the one that was checked."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What load to put on a server, for how long and from which core."""

    port: int
    connections: int
    warm_up_s: float
    seconds: float
    core: int
    streams: int = 1
    """How many requests are under way on each HTTP/2 connection."""
    tls: bool = False
    requests_max: int | None = None
    """How many requests an HTTP/2 connection of the server bears."""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it. `answers` counts the whole run, the rest the window (wrk's p99: all)."""

    answers: int
    cpu_s_per_answer: float
    answers_per_s: float
    p50_us: float
    p99_ms: float


def requests(plan: Plan, pids: Sequence[int], file: Path, answer_bytes: int) -> Load:
    """Varied HTTP/1.1 requests from a file, by wrk; `answer_bytes` is the size that each answer has.

    Raises:
        BenchError: wrk saw an error or timeout, a status above 399, or answers of another size.
    """
    seconds = max(1, round(plan.warm_up_s + plan.seconds))
    command = [
        "wrk",
        "--threads=1",
        f"--connections={plan.connections}",
        f"--duration={seconds}s",
        "--timeout=10s",
        f"--script={_SCRIPT}",
        f"{'https' if plan.tls else 'http'}://127.0.0.1:{plan.port}/",
        "--",
        str(file),
        str(plan.warm_up_s),
        *(str(cpu_clock_id(pid)) for pid in pids),
    ]
    report = _run(command, plan, seconds)
    wrong = {
        name: report[name]
        for name in ("connect", "read", "write", "timeout", "status")
        if report[name]
    }
    if wrong:
        raise BenchError(f"wrk saw errors among {report['requests']:.0f} answers: {wrong}")
    mean_bytes = report["bytes"] / max(1, report["requests"])
    if abs(mean_bytes - answer_bytes) > _ANSWER_SLACK_BYTES:
        raise BenchError(f"answers have {mean_bytes:.0f} bytes, the one checked {answer_bytes}")
    return _load(report)


def messages(plan: Plan, pids: Sequence[int]) -> Load:
    """WebSocket echoes, each compared with what was sent."""
    command = [sys.executable, "-m", "bench.load_websocket"]
    return _load(_run([*command, *_own_options(plan, pids)], plan, plan.warm_up_s + plan.seconds))


def transfers(plan: Plan, pids: Sequence[int], mode: str, file: str = "") -> Load:
    """Bodies of 1 MiB, or a static file of `files`; `mode` is `download` or `upload`."""
    command = [sys.executable, "-m", "bench.load_transfer", mode, f"--file={file}"]
    return _load(_run([*command, *_own_options(plan, pids)], plan, plan.warm_up_s + plan.seconds))


def http2_requests(
    plan: Plan, pids: Sequence[int], file: Path, *, body_bytes: int, answer_bytes: int
) -> Load:
    """Requests over HTTP/2 from a file of `traffic_http2`; the sizes are those of the bodies."""
    command = [
        sys.executable,
        "-m",
        "bench.load_http2",
        f"--requests={file}",
        f"--body-bytes={body_bytes}",
        f"--answer-bytes={answer_bytes}",
        f"--streams={plan.streams}",
        *(["--tls"] if plan.tls else []),
        *([f"--requests-max={plan.requests_max}"] if plan.requests_max else []),
        f"--connections={plan.connections}",
    ]
    return _load(_run([*command, *_window(plan, pids)], plan, plan.warm_up_s + plan.seconds))


def latency(plan: Plan, pids: Sequence[int], file: Path | None) -> Load:
    """One request at a time; over HTTP/2 from a file of `traffic_http2`, without one over HTTP/1.1."""
    command = [sys.executable, "-m", "bench.load_latency"]
    if plan.requests_max:
        command.append(f"--requests-max={plan.requests_max}")
    if file is not None:
        command.append(f"--requests={file}")
    return _load(_run([*command, *_window(plan, pids)], plan, plan.warm_up_s + plan.seconds))


def _own_options(plan: Plan, pids: Sequence[int]) -> list[str]:
    return [f"--connections={plan.connections}", *_window(plan, pids)]


def _window(plan: Plan, pids: Sequence[int]) -> list[str]:
    return [
        f"--port={plan.port}",
        f"--warm-up={plan.warm_up_s}",
        f"--seconds={plan.seconds}",
        *(f"--clock={cpu_clock_id(pid)}" for pid in pids),
    ]


def _run(command: list[str], plan: Plan, seconds: float) -> dict[str, float]:
    try:
        done = subprocess.run(
            ["taskset", "--cpu-list", str(plan.core), *command],
            capture_output=True,
            text=True,
            timeout=seconds + _EXTRA_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"the load did not end within {error.timeout:g} s") from None
    lines = [line for line in done.stdout.splitlines() if line.startswith(RESULT)]
    if done.returncode or not lines:
        said = (done.stderr or done.stdout).strip()[-300:]
        raise BenchError(f"the load failed with {done.returncode}: {said}")
    report: dict[str, float] = json.loads(lines[-1].removeprefix(RESULT))
    return report


def _load(report: dict[str, float]) -> Load:
    answers = report["window_requests"]
    if answers <= 0 or report["window_s"] <= 0:
        raise BenchError("too few answers within the window; ask for more --seconds")
    return Load(
        answers=int(report["requests"]),
        cpu_s_per_answer=report["window_cpu_s"] / answers,
        answers_per_s=answers / report["window_s"],
        p50_us=report["p50_us"],
        p99_ms=report["p99_us"] / 1000,
    )
