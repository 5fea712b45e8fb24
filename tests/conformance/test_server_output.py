"""Results as JSON, JUnit's XML and a table."""

from xml.etree import ElementTree

import pytest

from penstock.conformance.server_cases import all_cases
from penstock.conformance.server_output import as_json, as_junit, from_json, table, worst
from penstock.conformance.server_run import Run
from penstock.conformance.server_trial import VERDICTS, Result, Unusable


def results() -> list[Result]:
    """One of each verdict, with what a hostile server could have sent."""
    nasty = "<script>alert(1)</script>\x00\ud800 &"
    return [
        Result(case, verdict, "this", nasty, [f"> {nasty}"], ["call 1"], 0.5)
        for case, verdict in zip(all_cases(), VERDICTS, strict=False)
    ]


def one_run(name: str = "some") -> Run:
    return Run(name, "1.0", f"/usr/bin/python -m {name} <app>", results(), 2.5)


def test_json_can_be_read_again() -> None:
    (found,) = from_json(as_json([one_run()]), "x.json")
    assert (found.server, found.version, found.seconds) == ("some", "1.0", 2.5)
    assert [(r.verdict, r.case.key, r.came) for r in found.results] == [
        (r.verdict, r.case.key, r.came) for r in results()
    ]


@pytest.mark.parametrize("text", ["", "[]", '{"format": 9, "servers": []}', '{"format": 1}'])
def test_another_file_is_refused(text: str) -> None:
    with pytest.raises(Unusable, match=r"x\.json"):
        from_json(text, "x.json")


def test_junit_is_xml_whatever_servers_send() -> None:
    root = ElementTree.fromstring(as_junit([one_run()]).partition("\n")[2])
    suite = root.find("testsuite")
    assert suite is not None
    counts = [suite.get(key) for key in ("tests", "failures", "errors", "skipped")]
    assert counts == ["5", "1", "1", "1"]
    failure = suite.find("testcase/failure")
    assert failure is not None and "<script>" in (failure.text or "")


def test_the_table_counts_what_was_tried() -> None:
    assert "| **all** | 1 of 4, **2 fail** |" in table([one_run()])


def test_the_worst_verdict_stands_for_all() -> None:
    assert worst(results()) == "error"
    assert worst(results()[:1]) == "pass"
