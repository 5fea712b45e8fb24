"""The real server as a child process: its address, its output, its memory, and how it ended."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import penstock

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 30.0

# The same package as here, on whichever leg the tests run. What the application forgets is told on stderr.
ENVIRON = {
    **{key: value for key, value in os.environ.items() if key not in {"PORT", "FORCE_COLOR"}},
    "PYTHONPATH": str(Path(penstock.__file__).parents[1]),
    "PYTHONUNBUFFERED": "1",
    "PYTHONWARNINGS": "default::ResourceWarning,default::RuntimeWarning",
    "NO_COLOR": "1",
}

# What no server may leave in the log, whatever its application did.
NEGLIGENCE = ("never awaited", "never retrieved", "was destroyed", "ResourceWarning")


class Server:
    """`python -m penstock <arguments>`, running inside a `with` block; it is killed at the block's end if it still runs."""

    def __init__(
        self,
        *arguments: str,
        environ: dict[str, str] | None = None,
        cwd: Path = ROOT,
        pass_fds: tuple[int, ...] = (),
        python: str = sys.executable,
    ) -> None:
        self._output = ""
        self._ended = False
        self._changed = threading.Condition()
        self.child = subprocess.Popen(
            [python, "-m", "penstock", *arguments],
            cwd=cwd,
            env={**ENVIRON, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self._reader.join()
        assert self.child.stdout is not None
        self.child.stdout.close()
        if error is not None:
            print(self.output)

    def _read(self) -> None:
        assert self.child.stdout is not None
        descriptor = self.child.stdout.fileno()
        while data := os.read(descriptor, 65536):
            with self._changed:
                self._output += data.decode(errors="replace")
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def output(self) -> str:
        with self._changed:
            return self._output

    def until(self, text: str) -> str:
        """Wait until `text` is in the output, and return all of it."""
        return self.until_true(lambda output: text in output, repr(text))

    def until_true(self, holds: Callable[[str], bool], what: str) -> str:
        deadline = time.monotonic() + DEADLINE_S
        with self._changed:
            while not holds(self._output):
                assert not self._ended, f"it ended without {what}:\n{self._output}"
                assert self._changed.wait(deadline - time.monotonic()), (
                    f"no {what} in {DEADLINE_S} s:\n{self._output}"
                )
            return self._output

    @property
    def url(self) -> str:
        """Where it listens, once it does: the first TCP address, without a slash at the end."""
        found = re.search(r"Running on (https?://\S+?:\d+)", self.until("Running on http"))
        assert found is not None
        return found[1]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def wait(self) -> int:
        """Its exit status, once it has ended by itself; all its output is there then."""
        status = self.child.wait(DEADLINE_S)
        self._reader.join()
        return status

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal it, and return its exit status."""
        self.child.send_signal(number)
        return self.wait()

    def memory_bytes(self) -> int:
        """What it holds resident now."""
        return self._status_kib("VmRSS") * 1024

    def peak_memory_bytes(self) -> int:
        """The most that it held resident since it started, or since `forget_peak`."""
        return self._status_kib("VmHWM") * 1024

    def forget_peak(self) -> None:
        """Measure the peak from now on (proc(5), clear_refs)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _status_kib(self, name: str) -> int:
        text = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
        assert found is not None
        return int(found[1])


def stopped_well(server: Server, excused: str = "") -> None:
    """End it by SIGTERM: status 0, and nothing in the log that somebody forgot, but in lines with `excused` in them."""
    assert server.stop() == 0, server.output
    # The second line of a warning says nothing of what it is about
    passed_over = ["ResourceWarning: Enable tracemalloc", *([excused] if excused else [])]
    lines = [
        line for line in server.output.splitlines() if not any(each in line for each in passed_over)
    ]
    text = "\n".join(lines)
    assert [word for word in NEGLIGENCE if word in text] == [], server.output
