"""The report as text: everything that was found, within the width, plain where no style is given."""

import os

from penstock.doctor.answers import ANSWERED, RAISED, Answer
from penstock.doctor.asking import of_url
from penstock.doctor.examine import Report
from penstock.doctor.findings import FINE, HINT, NOTE, WRONG, Finding
from penstock.doctor.proxy import Seen
from penstock.doctor.report import ALSO_MAX, ANSWERS_MAX, lines, shorter
from tests.doctor.test_imports import node

LONG = "word " * 40


def report(answers: int = 1) -> Report:
    sections = [
        ("Start", [Finding(FINE, "imported in 1 ms")]),
        ("Behind a proxy", [Finding(NOTE, "a note", "", "its cure")]),
        ("Requests", [Finding(WRONG, LONG, "a.py:1 f", LONG), Finding(HINT, LONG)]),
    ]
    asked = [Answer(of_url(f"/{number}"), ANSWERED, 200, 0.012) for number in range(answers)]
    asked.append(Answer(of_url("/" + "x" * 100), RAISED, 0, 1.5))
    seen = [Seen("a proxy", "203.0.113.7", "https", "h", "")]
    chart = node("all", 1.0, node("app", 1.0, node("lib", 0.5)))
    return Report("a:app", chart, sections, asked, seen, ["first", LONG, "third"], 1)


def test_it_shows_everything_within_the_width() -> None:
    text = list(lines(report(), 80))
    assert max(map(len, text)) <= 80
    assert text[0] == "penstock doctor a:app"
    for expected in (
        "  ▏app 1.00 s", "  ✓ imported in 1 ms", "  · a note", "    → its cure", "  ✗ a.py:1 f",
        "  a proxy       203.0.113.7  https   h     \"\"", "  1. first", "  3. third",
    ):  # fmt: skip
        assert any(line.startswith(expected) for line in text), expected
    assert "  GET /0                                         200      12 ms" in text
    assert any(line.endswith("…   -    1500 ms  raised") for line in text)


def test_further_places_are_told_and_many_of_them_counted() -> None:
    here = os.path.join(os.getcwd(), "")
    also = tuple(f"{here}b.py:{number} f: x()" for number in range(ALSO_MAX + 3))
    found = Finding(HINT, f"by {here}a.py", f"{here}a.py:1 f", "its cure", also=also)
    told = list(lines(report()._replace(sections=[("Synchronous dependencies", [found])]), 80))
    at = told.index("  ! a.py:1 f")
    assert told[at + 1 : at + 5 + ALSO_MAX] == [
        "    by a.py", *(f"    also b.py:{number} f: x()" for number in range(ALSO_MAX)),
        "    and 3 more", "    → its cure", "",
    ]  # fmt: skip


def test_many_answers_are_counted() -> None:
    assert f"  and {1 + 100 - ANSWERS_MAX} more" in list(lines(report(100), 80))


def test_styles_are_put_around_the_text_they_are_for() -> None:
    seen: dict[str, list[str]] = {}

    def style(text: str, name: str) -> str:
        seen.setdefault(name, []).append(text)
        return text

    assert list(lines(report(), 80, style)) == list(lines(report(), 80))
    assert seen["wrong"] == ["✗"]
    assert seen["title"] == ["penstock doctor a:app", "Start", "Behind a proxy", "Requests", "Next"]
    assert {"flame0", "flame1", "dim", "cure", "place"} <= set(seen)


def test_paths_are_told_from_the_current_folder() -> None:
    assert shorter(os.path.join(os.getcwd(), "a.py:1")) == "a.py:1"
    assert shorter("/elsewhere/a.py:1") == "/elsewhere/a.py:1"
