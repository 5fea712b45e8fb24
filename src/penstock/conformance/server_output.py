"""Results for people and programs: a table and failures for terminals, JSON, JUnit's XML."""

import json
from typing import Any
from xml.etree import ElementTree

from penstock.conformance.server_cases import AREAS
from penstock.conformance.server_run import Run, tally
from penstock.conformance.server_trial import (
    ERROR,
    FAIL,
    PASS,
    SKIP,
    VERDICTS,
    WARN,
    Case,
    Result,
    Unusable,
)

# Verdict → its sign and its colour on terminals
SIGNS = {
    PASS: ("✓", "green"),
    FAIL: ("✗", "red"),
    WARN: ("!", "yellow"),
    SKIP: ("–", "bright_black"),
    ERROR: ("E", "magenta"),
}
_FORMAT = 1  # of the JSON


def title(found: Run) -> str:
    """The server's name and version."""
    return f"{found.server} {found.version}".strip()


def as_json(runs: list[Run]) -> str:
    """All results as one document, which `from_json` reads again."""
    servers = [
        {
            "server": found.server,
            "version": found.version,
            "command": found.command,
            "seconds": round(found.seconds, 2),
            "counts": {verdict: found.count(verdict) for verdict in VERDICTS},
            "results": [_plain(result) for result in found.results],
        }
        for found in runs
    ]
    return json.dumps({"format": _FORMAT, "servers": servers}, indent=1) + "\n"


def _plain(result: Result) -> dict[str, Any]:
    case = result.case
    found = {
        "id": case.id,
        "case": case.key,
        "area": case.area,
        "level": case.level,
        "derived": case.derived,
        "text": case.text,
        "verdict": result.verdict,
        "expected": result.expected,
        "came": result.came,
        "seconds": round(result.seconds, 3),
    }
    if result.verdict not in {PASS, SKIP}:
        found |= {"client": result.client, "application": result.application}
    return found


def from_json(text: str, place: str) -> list[Run]:
    """The runs in a document of `as_json`, for comparisons. Raises Unusable."""
    try:
        document = json.loads(text)
        if document["format"] != _FORMAT:
            raise Unusable(f"{place} has format {document['format']}, this is {_FORMAT}")
        return [_run(server) for server in document["servers"]]
    except (ValueError, KeyError, TypeError) as error:
        raise Unusable(
            f"{place} holds no results: {error}", "give a file that --json has written"
        ) from None


def _run(server: dict[str, Any]) -> Run:
    results = []
    for each in server["results"]:
        case = Case(
            each["id"],
            each["level"],
            each["text"],
            each["area"],
            each["case"],
            each["derived"],
            "",
            _nothing,
            None,
        )
        both = each.get("client", []), each.get("application", [])
        came = each["verdict"], each["expected"], each["came"]
        results.append(Result(case, *came, *both, each["seconds"]))
    return Run(server["server"], server["version"], server["command"], results, server["seconds"])


def _nothing(_trial: Any) -> None:
    """A result that was read cannot be tried again."""


def as_junit(runs: list[Run]) -> str:
    """JUnit's XML: a suite for each server; warnings are passes with their text as output."""
    root = ElementTree.Element("testsuites", name="penstock check server")
    for found in runs:
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=title(found),
            tests=str(len(found.results)),
            failures=str(found.count(FAIL)),
            errors=str(found.count(ERROR)),
            skipped=str(found.count(SKIP)),
            time=f"{found.seconds:.2f}",
        )
        for result in found.results:
            _junit_case(suite, found, result)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _junit_case(suite: ElementTree.Element, found: Run, result: Result) -> None:
    entry = ElementTree.SubElement(
        suite,
        "testcase",
        classname=f"{found.server}.{result.case.area}",
        name=f"{result.case.key} [{result.case.level}] {result.case.text}",
        time=f"{result.seconds:.3f}",
    )
    if result.verdict == SKIP:
        ElementTree.SubElement(entry, "skipped", message=_clean(result.came))
    elif result.verdict in {FAIL, ERROR}:
        kind = "failure" if result.verdict == FAIL else "error"
        shown = ElementTree.SubElement(entry, kind, message=_clean(_summary(result)))
        shown.text = _clean("\n".join(conversation(result)))
    elif result.verdict == WARN:
        ElementTree.SubElement(entry, "system-out").text = _clean(f"warning: {_summary(result)}")


def _summary(result: Result) -> str:
    return f"expected {result.expected}; came {result.came}"


def _clean(text: str) -> str:
    """`text` without the characters that XML 1.0 cannot hold."""
    return "".join(c if c in "\t\n" or " " <= c < "\ud800" or c >= "\ue000" else "�" for c in text)


def conversation(result: Result) -> list[str]:
    """Both sides of what happened, for a failure."""
    lines = ["client (> sent, < came)", *(f"  {line}" for line in result.client)]
    return [*lines, "application", *(f"  {line}" for line in result.application)]


def requirements(found: Run) -> dict[str, list[Result]]:
    """Requirement's id → the results of its cases."""
    grouped: dict[str, list[Result]] = {}
    for result in found.results:
        grouped.setdefault(result.case.id, []).append(result)
    return grouped


def worst(results: list[Result]) -> str:
    """The verdict of several cases taken together."""
    order = (ERROR, FAIL, WARN, PASS, SKIP)
    return next(verdict for verdict in order if any(r.verdict == verdict for r in results))


def table(runs: list[Run]) -> str:
    """A table in Markdown: area by area, how many cases of each server passed, failed, warned."""
    heads = " | ".join(title(found) for found in runs)
    lines = [f"| | {heads} |", "| --- |" + " --- |" * len(runs)]
    tallies = [tally(found.results) for found in runs]
    for area, name in AREAS.items():
        cells = []
        for counts in tallies:
            each = counts.get(area)
            cells.append("" if each is None else _cell(each))
        if any(cells):
            lines.append(f"| {name} | {' | '.join(cells)} |")
    totals = [_cell({verdict: found.count(verdict) for verdict in VERDICTS}) for found in runs]
    lines.append(f"| **all** | {' | '.join(totals)} |")
    return "\n".join(lines) + "\n"


def _cell(counts: dict[str, int]) -> str:
    tried = sum(counts.values()) - counts[SKIP]
    if not tried:
        return "–"
    text = f"{counts[PASS]} of {tried}"
    wrong = counts[FAIL] + counts[ERROR]
    return text + (f", **{wrong} fail**" if wrong else "")
