"""Slow clients by the hundred are ended at their deadlines, and an honest client beside them hardly notices (S01, S03, S04).

With TRIALS=long (`make trial`) there are 3,000 of each kind, and the honest client's pace is judged. In `make test` it is only
told: what else runs on the machine moves a p99 by more than the bound. The slow clients take processor time themselves, on the
machine that is measured; so the honest one is compared with itself while they are at another server of the same kind.
"""

import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.apps.server import ENVIRON, ROOT, Server

pytestmark = [pytest.mark.real, pytest.mark.alone, pytest.mark.timeout(240)]

LONG = os.environ.get("TRIALS") == "long"
COUNT = 3000 if LONG else 300
# Each kind has this long in the trial; 30 s by default.
DEADLINE_S = 10.0 if LONG else 1.0
# The sweep's step, the slow clients' own ticks, the filling of their kernels' buffers, and a loaded machine.
MARGIN_S = 20.0 if LONG else 10.0
APP = str(Path(__file__).with_name("served.py"))
RATE = 250
ALONE_S = 1.0
# The noise of the machine is in each pair; a server that lets itself be slowed is slowed in all of them.
PAIRS_MAX = 5 if LONG else 1
P99_RATIO_MAX = 2.0
_REQUEST = b"GET / HTTP/1.1\r\nHost: honest\r\n\r\n"


class Honest:
    """A client that asks RATE times a second, by the clock: a late answer makes those after it late, too."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.waits_s: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Honest":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), 20) as client:
            due = time.perf_counter()
            while not self._over.is_set():
                due += 1 / RATE
                time.sleep(max(due - time.perf_counter(), 0))
                client.sendall(_REQUEST)
                assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
                self.waits_s.append(time.perf_counter() - due)

    @property
    def p99_s(self) -> float:
        return statistics.quantiles(self.waits_s, n=100)[98]


def beside(kind: str, asked: int, attacked: int) -> tuple[float, dict[str, Any]]:
    """The p99 of an honest client of the server at port `asked`, while slow ones are at `attacked`, from the first of them until
    all have been ended; and how they were."""
    command = [sys.executable, "-m", "tests.trials.slow_clients", kind, str(attacked), str(COUNT)]
    with Honest(asked) as honest, subprocess.Popen(
        command, cwd=ROOT, env=ENVIRON, stdout=subprocess.PIPE, text=True
    ) as attack:  # fmt: skip
        assert attack.stdout is not None
        assert attack.stdout.readline() == "open\n"
        outcome: dict[str, Any] = json.loads(attack.stdout.readline())
    return honest.p99_s, outcome


def alone(port: int) -> float:
    with Honest(port) as honest:
        time.sleep(ALONE_S)
    return honest.p99_s


@pytest.mark.parametrize("kind, status", [("head", "408"), ("body", "408"), ("reader", "200")])
def test_slow_clients_are_ended_and_an_honest_one_keeps_its_pace(
    kind: str, status: str, record_property: Callable[[str, object], None]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, COUNT + 500), hard), hard))
    deadline = f"{DEADLINE_S:g}s"
    options = (
        APP, "--port", "0", "--no-access-log", "--timeout-request-head", deadline,
        "--timeout-min-rate", deadline,
    )  # fmt: skip
    with Server(*options) as server, Server(*options) as other:
        text = f"{COUNT} x {kind}: p99 alone {alone(server.port) * 1e3:.2f} ms"
        ratios = []
        for _ in range(PAIRS_MAX):
            elsewhere_s, _ = beside(kind, server.port, other.port)
            here_s, outcome = beside(kind, server.port, server.port)
            text += f"; they elsewhere {elsewhere_s * 1e3:.2f} ms, here {here_s * 1e3:.2f} ms"
            assert outcome["ended"] == COUNT, outcome
            assert outcome["statuses"] == {status: COUNT}
            assert outcome["first_s"] >= DEADLINE_S * 0.9
            assert outcome["last_s"] <= DEADLINE_S * 2 + MARGIN_S
            ratios.append(here_s / elsewhere_s)
            if ratios[-1] <= P99_RATIO_MAX:
                break
        record_property("slow", text)
        print(text, outcome)
        if LONG:
            assert min(ratios) <= P99_RATIO_MAX, text
        assert server.stop() == 0
