"""Server processes: started on one core, watched through /proc, ended as a group. Linux only."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STOP_TIMEOUT_S = 10.0
_STAT_SESSION_FIELD = 3
"""Index of `session` among the fields of /proc/PID/stat that follow the command's name."""


def cpu_clock_id(pid: int) -> int:
    """The clock of a process's CPU time: all its threads, also ended ones, in nanoseconds.

    The kernel's encoding (linux/posix-timers.h) of what `clock_getcpuclockid(3)` returns.
    """
    return (~pid << 3) | 2


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a process tree, in bytes.

    `worker_bytes` is the resident set of its largest process, the one that serves;
    `tree_bytes` adds up the proportional sets, so that shared pages count once.
    """

    worker_bytes: int
    tree_bytes: int


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A running server: the leader of a session of its own, and all that it has started."""

    process: subprocess.Popen[bytes]
    port: int
    output: Path
    started_at: float
    """`time.perf_counter()` just before the process was made."""

    def tree(self) -> tuple[int, ...]:
        """The ids of all living processes of the server, sorted."""
        session = str(self.process.pid)
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError):
                    stat = Path("/proc", entry, "stat").read_text()
                    fields = stat.rpartition(")")[2].split()
                    if fields[_STAT_SESSION_FIELD] == session and fields[0] != "Z":
                        found.append(int(entry))
        return tuple(sorted(found))

    def memory(self) -> Memory:
        """What the tree occupies now."""
        resident, proportional = [0], 0
        for pid in self.tree():
            with contextlib.suppress(OSError):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
                sizes = {name: int(rest.split()[0]) for name, _, rest in _fields(lines)}
                resident.append(sizes["Rss"] * 1024)
                proportional += sizes["Pss"] * 1024
        return Memory(max(resident), proportional)

    def must_live(self) -> None:
        """Raise BenchError with the server's last words if it has ended."""
        if self.process.poll() is not None:
            raise BenchError(f"server exited with {self.process.returncode}: {self.last_words()}")

    def last_words(self) -> str:
        """The end of what the server printed, on one line."""
        tail = self.output.read_bytes()[-2000:].decode(errors="replace")
        return " / ".join(tail.split("\n")[-6:]).strip(" /") or "(printed nothing)"


def _fields(lines: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    return (line.partition(":") for line in lines)


@contextlib.contextmanager
def running(
    command: Sequence[str], *, port: int, core: int, directory: Path, environment: Mapping[str, str]
) -> Iterator[ServerProcess]:
    """Run a server on one core, its output in a file of `directory`; end its whole session after.

    SIGTERM first, as an operator would; SIGKILL after `STOP_TIMEOUT_S`.
    """
    output = directory / f"server-{port}.log"
    with output.open("wb") as sink:
        started_at = time.perf_counter()
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **environment},
        )
    server = ServerProcess(process, port, output, started_at)
    try:
        yield server
    finally:
        _stop(server)


def _stop(server: ServerProcess) -> None:
    if server.process.poll() is None:
        server.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(STOP_TIMEOUT_S)
    for pid in server.tree():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if server.process.poll() is None:
        server.process.wait()
