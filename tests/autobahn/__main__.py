"""`python -m tests.autobahn`: a trial of the WebSocket side with the Autobahn fuzzing client, and a table of what it found.

Exits with 0 only if each case is OK, or informational where RFC 6455 leaves the answer open; 1 names each case that is not,
with what the suite expected; 2 means that the trial could not be run. The environment is made by tests/autobahn/setup.sh.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence

from tests.autobahn.trial import ALL, QUICK, WSTEST, Case, Selection, TrialError, run

VERDICTS = ("OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED", "FAILED")
SECTIONS = {
    1: "framing", 2: "pings and pongs", 3: "reserved bits", 4: "opcodes", 5: "fragmentation",
    6: "UTF-8", 7: "closing", 9: "limits, performance", 10: "auto-fragmentation",
    12: "compression, many payloads", 13: "compression, many parameters",
}  # fmt: skip
TIMEOUT_S = 3600.0


def table(cases: Sequence[Case]) -> str:
    """How many cases of each section have which verdict."""
    rows = Counter((int(case.name.partition(".")[0]), case.verdict) for case in cases)
    width = max(map(len, SECTIONS.values())) + 3
    lines = [" " * width + "".join(f"{verdict:>15}" for verdict in VERDICTS)]
    for section in sorted({section for section, _ in rows}):
        counts = "".join(f"{rows[section, verdict] or '·':>15}" for verdict in VERDICTS)
        lines.append(f"{section:>2} {SECTIONS.get(section, ''):<{width - 3}}{counts}")
    totals = Counter(case.verdict for case in cases)
    lines.append(" " * width + "".join(f"{totals[verdict] or '·':>15}" for verdict in VERDICTS))
    return "\n".join(lines)


def complaint(case: Case) -> str:
    """What is wrong with a case."""
    return (
        f"{case.name}: {case.behavior}, closing: {case.closing}\n"
        f"    expected: {case.expectation}\n    seen: {case.result}"
    )


def main() -> int:
    """Run the trial that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.autobahn", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="517 cases")
    which.add_argument(
        "--quick", action="store_true", help="sections 1 to 7, 9.1 and 10 (the default)"
    )
    which.add_argument("--cases", nargs="+", metavar="PATTERN", help="such as 6.4.* 7.1.5")
    parser.add_argument(
        "--leg",
        default=sys.executable,
        metavar="PYTHON",
        help="the Python whose penstock is tried; default: this one",
    )
    options = parser.parse_args()
    if not WSTEST.exists():
        print("the Autobahn test suite is not there: run tests/autobahn/setup.sh", file=sys.stderr)
        return 2
    began, sections = time.monotonic(), set[str]()

    def on_case(name: str) -> None:
        section = name.rpartition(".")[0]
        if section not in sections:
            sections.add(section)
            print(f"{time.monotonic() - began:6.1f} s  {section}", file=sys.stderr, flush=True)

    selection = ALL if options.all else QUICK
    if options.cases:
        selection = Selection((tuple(options.cases),))
    try:
        cases = run(selection, python=options.leg, timeout_s=TIMEOUT_S, on_case=on_case)
    except TrialError as error:
        print(error, file=sys.stderr)
        return 2
    bad = [case for case in cases if not case.held]
    print(table(cases))
    print(
        f"\n{len(cases)} cases in {time.monotonic() - began:.0f} s, {len(bad)} not as they must be"
    )
    print("\n".join(map(complaint, bad)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
