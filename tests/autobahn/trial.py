"""One trial: the real server, the Autobahn fuzzing client against it, and what the client's report says of each case.

The server runs as it is started without options: each limit is on, at its default, and compression is offered.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.apps.server import Server, stopped_well

ROOT = Path(__file__).resolve().parents[2]
WSTEST = ROOT / ".venvs/autobahn/bin/wstest"

# Where RFC 6455 leaves the answer open, the suite only notes what the server did.
INFORMATIONAL = frozenset({"7.1.6", "7.13.1", "7.13.2"})

AGENT = "penstock"
CASES_ASKED = re.compile(r"Ok, will run (\d+) test cases")
CASE_BEGINS = re.compile(r"Running test case ID (\S+) ")
ERROR_LOGGED = re.compile(r"^.*\b(?:ERROR|CRITICAL|Traceback|[A-Z]\w*Error)\b.*$", re.MULTILINE)


class TrialError(Exception):
    """The trial did not come to its end; the text says why."""


@dataclass(frozen=True)
class Case:
    """One case of the suite and what came of it."""

    name: str
    behavior: str
    closing: str
    expectation: str
    result: str

    @property
    def order(self) -> tuple[int, ...]:
        """What sorts cases as the suite does: 1.2.10 after 1.2.9."""
        return tuple(map(int, self.name.split(".")))

    @property
    def verdict(self) -> str:
        """The suite's word for it; a connection that was not closed as it should be makes it FAILED."""
        good = {"OK", "INFORMATIONAL"}
        return "FAILED" if self.behavior in good and self.closing not in good else self.behavior

    @property
    def held(self) -> bool:
        """Whether it is OK, or informational where it may be."""
        return self.verdict == "OK" or (
            self.verdict == "INFORMATIONAL" and self.name in INFORMATIONAL
        )


@dataclass(frozen=True)
class Selection:
    """Which cases are tried: for each of the clients that run side by side the patterns of its cases, and how many in all."""

    clients: tuple[tuple[str, ...], ...]
    total: int | None = None


QUICK = Selection(((*(f"{section}.*" for section in range(1, 8)), "9.1.*", "10.*"),), 253)
# A client and the server wait for each other most of the time: three clients need a third of the time of one.
ALL = Selection(((*(f"{section}.*" for section in range(1, 11)),), ("12.*",), ("13.*",)), 517)


def run(
    selection: Selection,
    *,
    python: str = sys.executable,
    timeout_s: float,
    on_case: Callable[[str], None] = lambda name: None,
) -> list[Case]:
    """Try the penstock that `python` imports with the selected cases, and return them in the suite's order.

    `on_case` is called, from any thread, with the name of each case as it begins. Raises TrialError if the server does not
    start, if a client takes longer than `timeout_s`, or if a report lacks a case.
    """
    with _server(python) as server, ThreadPoolExecutor(len(selection.clients)) as pool:
        url = f"ws://127.0.0.1:{server.port}"
        reports = pool.map(
            lambda patterns: _client(url, patterns, timeout_s, on_case), selection.clients
        )
        cases = sorted((case for report in reports for case in report), key=lambda case: case.order)
    if selection.total not in {None, len(cases)}:
        raise TrialError(f"{len(cases)} cases were run instead of {selection.total}")
    return cases


@contextmanager
def _server(python: str) -> Iterator[Server]:
    """The server, running; it must end well, and must not have logged an error."""
    # Another Python has a penstock of its own; this one's is the package that is under test here, wherever it comes from.
    environ = {} if python == sys.executable else {"PYTHONPATH": ""}
    flags = ("tests.autobahn.app:app", "--port", "0", "--no-access-log", "--lifespan", "off")
    try:
        with Server(*flags, environ=environ, python=python) as server:
            yield server
            stopped_well(server)
    except AssertionError as error:
        raise TrialError("the server did not start or end as it should") from error
    if found := ERROR_LOGGED.findall(server.output):
        raise TrialError("the server logged\n" + "\n".join(found[:20]))


def _client(
    url: str, patterns: tuple[str, ...], timeout_s: float, on_case: Callable[[str], None]
) -> list[Case]:
    """Run one fuzzing client to its end, and return what it reported."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        specification = {
            "outdir": str(folder),
            "servers": [{"agent": AGENT, "url": url}],
            "cases": list(patterns),
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        file = folder / "specification.json"
        file.write_text(json.dumps(specification))
        asked = _wstest(file, timeout_s, on_case)
        cases = list(_report(folder))
    if len(cases) != asked:
        raise TrialError(f"only {len(cases)} of {asked} cases were run: the server took no more")
    return cases


def _wstest(specification: Path, timeout_s: float, on_case: Callable[[str], None]) -> int:
    """Run the client's process, and return how many cases it set out to run."""
    said: list[str] = []
    asked = 0
    with subprocess.Popen(
        [WSTEST, "--mode", "fuzzingclient", "--spec", specification],
        cwd=specification.parent, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as child:  # fmt: skip
        timer = threading.Timer(timeout_s, child.kill)
        timer.start()
        try:
            for line in child.stdout or ():
                said.append(line)
                if found := CASE_BEGINS.match(line):
                    on_case(found[1])
                elif found := CASES_ASKED.match(line):
                    asked = int(found[1])
            status = child.wait()
        finally:
            timer.cancel()
            timer.join()
            child.kill()
    if status or not asked or not (specification.parent / "index.json").exists():
        raise TrialError(
            f"the client ended with {status} and without a report (it has {timeout_s:.0f} s):\n"
            + "".join(said[-20:])
        )
    return asked


def _report(folder: Path) -> Iterator[Case]:
    """Every case that the client reported."""
    index = json.loads((folder / "index.json").read_text())
    for name, entry in index.get(AGENT, {}).items():
        page = json.loads((folder / entry["reportfile"]).read_text(errors="replace"))
        yield Case(
            name=name,
            behavior=entry["behavior"],
            closing=entry["behaviorClose"],
            expectation=_plain(page["expectation"]),
            result=_plain(f"{page['result']} {page['resultClose']}"),
        )


def _plain(text: str) -> str:
    """A text of the report on one line and without its markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())
