"""`python -m bench`: measures Penstock against its peers and the floor, and writes the report."""

from __future__ import annotations

import datetime
import os
import resource
import shlex
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from bench import chart, report, traffic
from bench.errors import BenchError
from bench.measure import Setting, measure
from bench.results import Results, RowResult, machine
from bench.rows import MANY, ROWS, Row
from bench.servers import RECIPES, SERVERS, penstock_leg, versions

if TYPE_CHECKING:
    from bench.servers import Leg

DOCUMENTS = Path("docs/benchmarks")
PURE_PYTHON = "PENSTOCK_BENCH_PURE_PYTHON"
_LEGS: tuple[tuple[str, Leg], ...] = (("penstock", "compiled"), ("penstock-pure", "pure"))


@dataclass(frozen=True, slots=True)
class Choice:
    """The rows and servers of a run, and how many rounds each row has."""

    rows: tuple[Row, ...]
    servers: frozenset[str]
    rounds: int
    quick: bool
    """Whether this is a trial: then no row makes more rounds of its own."""

    def rounds_of(self, row: Row) -> int:
        """How many rounds a row gets."""
        return self.rounds if self.quick else max(self.rounds, row.rounds_min)


def _chosen_rows(names: str | None) -> tuple[Row, ...]:
    if names is None:
        return ROWS
    wanted = names.split(",")
    for name in wanted:
        if not any(row.key == name or row.key.startswith(name + "-") for row in ROWS):
            known = ", ".join(row.key for row in ROWS)
            raise click.BadParameter(f"no row {name!r}; there are {known}", param_hint="--rows")
    return tuple(
        row
        for row in ROWS
        if any(row.key == name or row.key.startswith(name + "-") for name in wanted)
    )


def _chosen_servers(names: str | None) -> frozenset[str]:
    if names is None:
        return frozenset(SERVERS)
    wanted = names.split(",")
    for name in wanted:
        if name not in SERVERS:
            known = ", ".join(SERVERS)
            raise click.BadParameter(
                f"no server {name!r}; there are {known}", param_hint="--servers"
            )
    return frozenset(wanted)


def _cores(server_core: int | None, load_core: int | None) -> tuple[int, int]:
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise click.ClickException("one core only: server and load need a core each")
    server = usable[-2] if server_core is None else server_core
    load = usable[-1] if load_core is None else load_core
    if server == load or not {server, load} <= set(usable):
        raise click.ClickException(f"cores {server} and {load}: need two different of {usable}")
    return server, load


def _legs(
    console: Console, servers: frozenset[str], pythons: dict[str, str]
) -> tuple[frozenset[str], dict[str, str]]:
    """The servers that can run, without the legs that are not there, and each leg's version."""
    found = {}
    for server, leg in _LEGS:
        if server not in servers:
            continue
        try:
            if not pythons[server]:
                raise BenchError(
                    f"no interpreter with the pure leg: give --python-pure or set {PURE_PYTHON}"
                )
            found[server] = penstock_leg(pythons[server], leg)
        except BenchError as error:
            console.print(f"[yellow]{server} is left out:[/] {escape(str(error))}", highlight=False)
            servers -= {server}
    return servers, found


def _allow_many_sockets() -> None:
    """Let the load and, by inheritance, the servers hold the connections of the largest row."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MANY * 2:
        raise click.ClickException(f"only {hard} open files are allowed: need {MANY * 2}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, MANY * 8)), hard))


def _run_row(console: Console, row: Row, choice: Choice, setting: Setting) -> RowResult:
    """All rounds of a row, servers in turn; every other round goes the other way round."""
    result = RowResult(row.key)
    cases = [
        case
        for case in row.cases
        if case.server in choice.servers and (case.server, row.interface) in RECIPES
    ]
    rounds = choice.rounds_of(row)
    with console.status("") as status:
        for number in range(rounds):
            for case in cases if number % 2 == 0 else reversed(cases):
                if case.key in result.failures:
                    result.add(case.key, None)
                    continue
                status.update(f"{row.title} · round {number + 1} of {rounds} · {case.key}")
                try:
                    result.add(case.key, measure(row, case, setting))
                except (BenchError, OSError) as error:
                    result.add(case.key, None)
                    result.failures[case.key] = str(error)
    return result


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--rows", help="Rows to measure, with commas. [default: all]")
@click.option("--servers", help="Servers to measure, with commas. [default: all]")
@click.option(
    "--rounds",
    type=click.IntRange(1),
    help="Rounds of each row; transfers never have less than 7. [default: 5]",
)
@click.option(
    "--seconds", type=float, default=4.0, show_default=True, help="Length of a measurement."
)
@click.option(
    "--warm-up", type=float, default=1.0, show_default=True, help="Seconds of load before it."
)
@click.option("--quick", is_flag=True, help="One round of one second: does everything work?")
@click.option(
    "--python", default=sys.executable, help="Interpreter of peers and compiled Penstock."
)
@click.option("--python-pure", envvar=PURE_PYTHON, default="", help="Interpreter of pure Penstock.")
@click.option("--server-core", type=int, help="Core of the server. [default: the last but one]")
@click.option("--load-core", type=int, help="Core of the load. [default: the last]")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder for results.json, README.md and chart.svg. [default: {DOCUMENTS} for a whole run]",
)
@click.option("--render", is_flag=True, help="Measure nothing: write the pages from results.json.")
def main(
    rows: str | None,
    servers: str | None,
    rounds: int | None,
    seconds: float,
    warm_up: float,
    quick: bool,
    python: str,
    python_pure: str,
    server_core: int | None,
    load_core: int | None,
    output: Path | None,
    render: bool,
) -> None:
    """Measure Penstock against its peers on this machine.

    Each server runs on one core, the load on another; what counts is the CPU time of the server's
    whole process tree for each answer. A run of all rows and servers writes docs/benchmarks.
    """
    console = Console()
    if render:
        pages = output or DOCUMENTS
        _write_pages(Results.load(pages / "results.json"), pages)
        return
    if shutil.which("wrk") is None or shutil.which("taskset") is None:
        raise click.ClickException(
            "wrk and taskset are needed (Debian: apt install wrk util-linux)"
        )
    whole = rows is None and servers is None and not quick
    if quick:
        rounds, seconds = rounds or 1, 1.0
    core_of_server, core_of_load = _cores(server_core, load_core)
    os.sched_setaffinity(0, {core_of_load})
    # As on Ctrl-C: an exception, so that no server outlives the run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    _allow_many_sockets()
    pythons = dict.fromkeys(SERVERS, python) | {"penstock-pure": python_pure}
    folder = (output or DOCUMENTS) if whole or output is not None else None
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    able, legs = _legs(console, _chosen_servers(servers), pythons)
    choice = Choice(_chosen_rows(rows), able, rounds or 5, quick)
    results = Results(
        command=shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
        date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        machine=machine(),
        versions=versions(able) | legs,
        rounds=choice.rounds,
        seconds=seconds,
    )
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as directory:
        requests_file = Path(directory, "requests")
        traffic.write(requests_file)
        setting = Setting(
            pythons=pythons,
            server_core=core_of_server,
            load_core=core_of_load,
            seconds=seconds,
            warm_up_s=warm_up,
            directory=Path(directory),
            requests_file=requests_file,
        )
        for row in choice.rows:
            result = _run_row(console, row, choice, setting)
            results.rows.append(result)
            report.print_row(console, result)
            if folder is not None:
                # After each row: a run that is interrupted keeps what it has.
                results.save(folder / "results.json")
    if folder is not None:
        _write_pages(results, folder)
        console.print(f"written: {folder}")


def _write_pages(results: Results, folder: Path) -> None:
    (folder / "README.md").write_text(report.page(results))
    (folder / "chart.svg").write_text(chart.svg(results))


if __name__ == "__main__":
    main()
