"""Everything that `make test` checks, in one table at the end; exits with 0 only if all of it holds.

    python tools/suite.py                                 all
    python tools/suite.py lint types drift                some of the checks
    python tools/suite.py legs --python 3.11 --leg pure   one leg on one Python
    python tools/suite.py legs --python newest --leg compiled -- tests/wire -k chunked

Which tests run where: the newest Python runs everything, on both legs, but what is marked `real` (other people's software, end
to end) on the compiled leg only; the other Pythons run what is neither `slow` nor `real` nor `alone`, on both legs, but what is
compiled nowhere on the pure leg only, and try fewer examples in property tests.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import venvs

ROOT = venvs.ROOT
CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
PARTS = ("lint", "types", "drift", "legs")
# More than cores: most tests wait for a socket most of the time.
WORKERS = os.environ.get("PENSTOCK_TEST_WORKERS") or str(min((os.cpu_count() or 1) * 2, 8))
# Tests of rooms without a compiled module.
UNCOMPILED = [
    f"tests/{room}" for room in ("bridge", "cli", "config", "conformance", "doctor", "testing")
]
# Of a property test: what hypothesis itself takes.
EXAMPLES = 100
# The last one as the tests start hundreds of servers, each of which would compile all that it imports.
NOT_INHERITED = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"}
CLOSING_LINE = re.compile(r"^=* ?((?:\d+ \w+,? ?)+ in [\d.]+s.*?|no tests ran.*?) ?=*$")
NO_TESTS_COLLECTED = 5
# Of one command; the longest takes a third of that on two cores.
DEADLINE_S = 600


@dataclass
class Row:
    """One line of the closing table."""

    what: str
    held: bool
    closing: str
    seconds: float


def timed(what: str, work: Callable[[], tuple[bool, str]]) -> Row:
    """Do one piece of work under a heading."""
    print(f"\n──── {what} ────", flush=True)
    start = time.monotonic()
    held, closing = work()
    return Row(what, held, closing, time.monotonic() - start)


def stream(
    command: Iterable[str | Path], env: dict[str, str] | None = None, deadline_s: float = DEADLINE_S
) -> tuple[int, list[str]]:
    """Run a command, show its output as it comes, and return its exit code and lines.

    After `deadline_s` it is killed with all that it has started: a test that hangs in C hears no signal of its timeout.
    """
    inherited = {key: value for key, value in os.environ.items() if key not in NOT_INHERITED}
    lines: list[str] = []
    with subprocess.Popen(
        list(command),
        cwd=ROOT,
        env={**inherited, **(env or {})},
        text=True,
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    ) as process:
        assert process.stdout is not None
        late = threading.Timer(deadline_s, os.killpg, (process.pid, signal.SIGKILL))
        late.start()
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(line.rstrip())
            process.wait()
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGINT)
            raise
        finally:
            late.cancel()
    if process.returncode == -signal.SIGKILL:
        print(f"killed: it had not ended after {deadline_s:.0f} s", flush=True)
    return process.returncode, lines


def commands(*all_of: Iterable[str | Path]) -> tuple[bool, str]:
    """Run commands one after the other, all of them, whatever the first says."""
    failed = []
    for command in all_of:
        code, _ = stream(command)
        if code:
            failed.append(
                f"{' '.join(Path(word).name or word for word in map(str, command))} ended with {code}"
            )
    return not failed, "; ".join(failed) or "ok"


def lint(python: Path) -> tuple[bool, str]:
    """Rules and format."""
    ruff = (python, "-m", "ruff")
    return commands((*ruff, "check", "."), (*ruff, "format", "--check", "."))


def types(python: Path) -> tuple[bool, str]:
    """Strict types."""
    return commands((python, "-m", "mypy"))


def drift(python: Path) -> tuple[bool, str]:
    """Each generated page says what the code says: every tools/*_page.py takes `--check`."""
    pages = sorted((ROOT / "tools").glob("*_page.py"))
    return commands(*((python, page, "--check") for page in pages))


def pytest_run(
    python: Path, leg: str, marks: str, arguments: list[str], *, examples: int, may_be_empty: bool
) -> tuple[bool, str]:
    """One run of pytest; a run that collects nothing has tested nothing, so it only holds where that was expected.

    `examples`: how many a property test tries that does not say it itself.
    """
    selection = ("-m", marks) if marks else ()
    code, lines = stream(
        (python, "-m", "pytest", "-q", *selection, *arguments),
        {"PENSTOCK_LEG": leg, "PENSTOCK_TEST_EXAMPLES": str(examples)},
    )
    found = [match[1] for line in lines if (match := CLOSING_LINE.match(line))]
    closing = found[-1] if found else f"pytest ended with {code} and without a closing line"
    if code == NO_TESTS_COLLECTED:
        return (
            may_be_empty,
            closing if may_be_empty else "no test was collected: the selection matches nothing",
        )
    return code == 0, closing if code in {0, 1} else f"pytest ended with {code}: {closing}"


def selections(version: str, leg: str, newest: str) -> list[tuple[str, str, list[str]]]:
    """The runs of one leg: a name, the marks that select its tests, further arguments."""
    workers = ["-n", WORKERS, "--dist", "worksteal"]
    if version != newest:
        left_out = ["tests/apps", "tests/trials"]
        if leg == "compiled":
            left_out += UNCOMPILED
        ignored = [f"--ignore={folder}" for folder in left_out]
        return [("", "not slow and not real and not alone", [*workers, *ignored])]
    once = "" if leg == "compiled" else " and not real"
    return [("", f"not alone{once}", workers), (" alone", f"alone{once}", ["-n", "0"])]


def prepare_autobahn() -> tuple[bool, str]:
    """The Python 2 environment of the WebSocket trial; on a developer's machine it may be missing, in CI not."""
    code, lines = stream(("bash", "tests/autobahn/setup.sh"))
    if code and CI:
        return False, f"tests/autobahn/setup.sh ended with {code}"
    return True, "ready" if not code else f"left out: {lines[-1] if lines else code}"


def legs(options: argparse.Namespace) -> list[Row]:
    """The test suite on each leg of each Python."""
    known = venvs.pythons()
    newest = next(iter(known))
    versions = [newest if each == "newest" else each for each in options.python or known]
    if unknown := [each for each in versions if each not in known]:
        return [
            Row(f"Python {', '.join(unknown)}", False, f"not found; there is {', '.join(known)}", 0)
        ]
    pairs = [(version, leg) for version in versions for leg in options.leg or venvs.LEGS]
    pythons: dict[tuple[str, str], Path] = {}

    def prepare() -> tuple[bool, str]:
        # What takes the C compiler and what waits for a package index side by side: the newest Python's compiled leg, beside
        # it the others' pure ones; each Python's environments are made one after the other.
        order = sorted(pairs, key=lambda pair: (pair[0] == newest) == (pair[1] == "pure"))
        with ThreadPoolExecutor(2) as pool:
            made = {
                (version, leg): pool.submit(
                    venvs.make_leg,
                    version,
                    leg,
                    known[version],
                    ["apps"] if version == newest else [],
                )
                for version, leg in order
            }
            failures = [str(error) for each in made.values() if (error := each.exception())]
            pythons.update(
                {pair: made[pair].result() for pair in pairs if not made[pair].exception()}
            )
        print("\n".join(failures))
        return (
            not failures,
            "ready" if not failures else "an environment could not be made, see above",
        )

    with ThreadPoolExecutor(1) as beside:
        # Mostly waiting for a package index, as the others are for the C compiler
        autobahn = None
        if (newest, "compiled") in pairs and not options.arguments:
            autobahn = beside.submit(timed, "autobahn", prepare_autobahn)
        rows = [timed("environments", prepare)]
        if autobahn is not None:
            rows.append(autobahn.result())
    for (version, leg), python in pythons.items():
        runs = (
            [("", "", options.arguments)] if options.arguments else selections(version, leg, newest)
        )
        for name, marks, arguments in runs:
            run = partial(
                pytest_run,
                python,
                leg,
                marks,
                arguments,
                examples=EXAMPLES if version == newest else EXAMPLES // 4,
                may_be_empty=bool(name),
            )
            rows.append(timed(f"{version} {leg}{name}", run))
    return rows


def main() -> int:
    """Run the parts that were asked for and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "part", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; all of them if none is named"
    )
    parser.add_argument(
        "--python",
        action="append",
        help="3.11 … 3.14 or `newest`; repeatable; default: each that is there",
    )
    parser.add_argument(
        "--leg", action="append", choices=venvs.LEGS, help="repeatable; default: both"
    )
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    options = parser.parse_args(words[:end])
    options.arguments = words[end + 1 :]
    if wrong := set(options.part) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(wrong))}; there is {', '.join(PARTS)}")
    parts = options.part or PARTS
    known = venvs.pythons()
    if not known:
        return 2
    rows: list[Row] = []
    checks = [
        (part, work)
        for part, work in (("lint", lint), ("types", types), ("drift", drift))
        if part in parts
    ]
    try:
        if checks:
            newest = next(iter(known))
            python = venvs.make_leg(newest, "pure", known[newest], ["lint"])
            rows += [timed(part, partial(work, python)) for part, work in checks]
        if "legs" in parts:
            rows += legs(options)
    except venvs.Failure as failure:
        print(failure)
        rows.append(Row("environments", False, "could not be made, see above", 0))
    width = max(len(row.what) for row in rows)
    print()
    for row in rows:
        print(
            f"{'ok  ' if row.held else 'FAIL'}  {row.what:<{width}}  {row.seconds:6.1f} s  {row.closing}"
        )
    return 0 if all(row.held for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
