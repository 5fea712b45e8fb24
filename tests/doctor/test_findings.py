"""The next three things to do come from what is gravest."""

from penstock.doctor.findings import FINE, HINT, NOTE, WRONG, Finding, next_steps


def test_the_gravest_come_first_and_the_heavier_of_equals() -> None:
    found = [
        Finding(HINT, "c", "c.py:1", "mend c", 9.0),
        Finding(WRONG, "a", "a.py:1 f", "mend a", 0.1),
        Finding(WRONG, "b", "b.py:1 f", "mend b", 2.0),
        Finding(NOTE, "d", "d.py:1", "leave d"),
        Finding(FINE, "e"),
    ]
    assert next_steps(found, ["other"]) == [
        "b.py:1 f: mend b",
        "a.py:1 f: mend a",
        "c.py:1: mend c",
    ]


def test_one_cure_is_told_once_with_the_number_of_places() -> None:
    found = [Finding(WRONG, "a", f"a.py:{line}", "mend it") for line in (1, 2, 3)]
    assert next_steps(found, ["x", "y", "z"]) == ["a.py:1: mend it (and 2 more like it)", "x", "y"]


def test_further_places_of_a_finding_are_counted_too() -> None:
    found = [Finding(HINT, "a", "a.py:1", "mend it", also=("b.py:1 f: x()", "c.py:1 f: x()"))]
    assert next_steps(found, []) == ["a.py:1: mend it (and 2 more like it)"]


def test_where_nothing_is_wrong_there_are_three_steps_still() -> None:
    assert next_steps([Finding(FINE, "good")], ["x", "y", "z", "w"]) == ["x", "y", "z"]
