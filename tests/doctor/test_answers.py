"""What an answer is worth a word for."""

import pytest

from penstock.doctor.answers import (
    ANSWERED,
    EMPTY,
    RAISED,
    SILENT,
    STREAMS,
    Answer,
    judged,
    told,
)  # fmt: skip
from penstock.doctor.asking import of_url
from penstock.doctor.findings import HINT, WRONG


@pytest.mark.parametrize(
    "ending, status, level, words",
    [
        (ANSWERED, 200, None, ""),
        (ANSWERED, 404, None, ""),
        (STREAMS, 200, None, ""),
        (ANSWERED, 500, HINT, "was answered with 500: why"),
        (RAISED, 0, WRONG, "GET /x raised why"),
        (RAISED, 500, WRONG, "GET /x raised why"),
        (EMPTY, 0, WRONG, "returned without an answer"),
        (SILENT, 0, HINT, "no answer after 3 s"),
    ],
)
def test_an_answer_is_judged_by_its_end(
    ending: str, status: int, level: str | None, words: str
) -> None:
    finding = judged(Answer(of_url("/x"), ending, status, 0.1, "why", "a.py:1 f"), 3)
    assert (finding.level if finding else None) == level
    assert words in (finding.text if finding else "")


def test_an_exception_is_told_in_one_line_with_the_users_own_place() -> None:
    with pytest.raises(ValueError) as caught:
        int("x\ny")
    text, place = told(caught.value)
    assert text.startswith("ValueError: invalid literal for int()")
    assert "\n" not in text
    assert place.startswith(f"{__file__}:")


def test_where_a_library_raised_what_led_to_it_has_the_place() -> None:
    def mine() -> None:
        raise LookupError

    try:
        try:
            mine()
        except LookupError as error:
            raise ValueError("outer") from error
    except ValueError as outer:
        outer.__traceback__ = None
        text, place = told(outer)
        assert text == "ValueError: outer"
        assert place.startswith(f"{__file__}:")
        assert place.endswith(" mine")


def test_in_a_group_the_first_one_counts() -> None:
    assert told(ExceptionGroup("many", [KeyError("a"), ValueError()]))[0] == "KeyError: 'a'"


def test_a_syntax_error_stands_where_the_file_has_it() -> None:
    with pytest.raises(SyntaxError) as caught:
        compile("\nx(", "views.py", "exec")
    assert told(caught.value)[1] == "views.py:2"
