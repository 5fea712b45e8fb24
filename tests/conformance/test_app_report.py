"""What was found, as text and as JSON."""

import json

from penstock.conformance.app import Report, Settings, check_app
from penstock.conformance.app_report import as_data, as_text
from tests.conformance.zoo import END, START, ZOO, http


def report(name: str) -> Report:
    app, _ = ZOO[name]
    return check_app(app, settings=Settings(0.1, 0.01), only="HTTP-RESP-01")


def test_a_fault_is_told_with_both_sides_of_the_conversation() -> None:
    lines = list(as_text(report("two_starts")))
    assert lines[0] == "MUST HTTP-RESP-20  GET /: a plain request"
    assert lines[1] == "    the response has been started already"
    assert [line.strip()[:1] for line in lines[3:7]] == [">", "<", "<", "<"]
    assert lines[-1] == "1 case for 1 target: 1 fault, 0 notes"


def test_notes_come_together_and_can_be_left_out() -> None:
    found = report("upper_case")
    assert list(as_text(found)) == [
        "note HTTP-RESP-04  GET /",
        "    names of headers are in lower case, b'X-A' is not",
        "",
        "1 case for 1 target: 0 faults, 1 note",
    ]
    assert list(as_text(found, notes=False)) == ["1 case for 1 target: 0 faults, 1 note"]


def test_a_long_conversation_is_cut() -> None:
    app = http(START, *[{**END, "more_body": True}] * 30)
    found = check_app(app, settings=Settings(0.1, 0.01), only="HTTP-RESP-01")
    assert "      … and 20 more" in list(as_text(found))


def test_programs_get_json() -> None:
    data = json.loads(json.dumps(as_data(report("two_starts"))))
    assert (data["faults"], data["notes"]) == (1, 0)
    assert data["findings"][0]["rule"] == "HTTP-RESP-20"
    assert data["cases"] == [
        {"target": "GET /", "rule": "HTTP-RESP-01", "case": "a plain request", "found": 1}
    ]
