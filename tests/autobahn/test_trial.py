"""How the report of the Autobahn fuzzing client is judged."""

import pytest

from tests.autobahn.__main__ import complaint, table
from tests.autobahn.trial import Case


def case(name: str, behavior: str, closing: str = "OK") -> Case:
    return Case(name, behavior, closing, "an echo", "silence")


@pytest.mark.parametrize(
    ("tried", "verdict", "held"),
    [
        (case("1.1.1", "OK"), "OK", True),
        (case("1.1.1", "OK", "INFORMATIONAL"), "OK", True),
        (case("1.1.1", "OK", "WRONG CODE"), "FAILED", False),
        (case("7.1.6", "INFORMATIONAL", "INFORMATIONAL"), "INFORMATIONAL", True),
        (case("7.1.6", "INFORMATIONAL", "UNCLEAN"), "FAILED", False),
        (case("7.1.5", "INFORMATIONAL"), "INFORMATIONAL", False),
        (case("6.4.1", "NON-STRICT"), "NON-STRICT", False),
        (case("12.1.1", "UNIMPLEMENTED"), "UNIMPLEMENTED", False),
        (case("5.3", "FAILED", "FAILED"), "FAILED", False),
    ],
)
def test_only_ok_and_the_three_informational_cases_hold(
    tried: Case, verdict: str, held: bool
) -> None:
    """A case whose connection was not closed as expected does not hold either."""
    assert (tried.verdict, tried.held) == (verdict, held)


def test_cases_sort_by_number() -> None:
    names = ["1.2.10", "10.1.1", "1.2.9", "2.1"]
    cases = sorted((case(name, "OK") for name in names), key=lambda each: each.order)
    assert [each.name for each in cases] == ["1.2.9", "1.2.10", "2.1", "10.1.1"]


def test_the_table_counts_by_section_and_in_all() -> None:
    cases = [case("1.1.1", "OK"), case("1.1.2", "OK"), case("6.4.1", "NON-STRICT")]
    heading, framing, utf8, total = table(cases).splitlines()
    assert heading.split()[:3] == ["OK", "INFORMATIONAL", "NON-STRICT"]
    assert framing.split() == ["1", "framing", "2", *"····"]
    assert utf8.split() == ["6", "UTF-8", "·", "·", "1", "·", "·"]
    assert total.split() == ["2", "·", "1", "·", "·"]


def test_a_complaint_says_what_was_expected_and_seen() -> None:
    text = complaint(case("6.4.1", "NON-STRICT"))
    assert text.startswith("6.4.1: NON-STRICT")
    assert "expected: an echo" in text
    assert "seen: silence" in text
