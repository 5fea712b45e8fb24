"""Files of environment variables: the grammar, what they set, and what stops a start."""

import io
from pathlib import Path

import pytest

from penstock.config.dotenv import fill, parse
from penstock.errors import UsageError

# Text, and its variables where A=above and EMPTY= are in the environment
SAMPLES: list[tuple[str, dict[str, str]]] = [
    ("A1=b", {"A1": "b"}),
    ("export A1=b\n  B1 = c  \nC.D-E=f", {"A1": "b", "B1": "c", "C.D-E": "f"}),
    ("A1=\nB1=''", {"A1": "", "B1": ""}),
    ("A1=b # comment\nB1=a#b\nC1='x' # comment", {"A1": "b", "B1": "a#b", "C1": "x"}),
    ("A1=two words\r\nB1=c\r\n", {"A1": "two words", "B1": "c"}),
    (r"A1='a\'b\n'", {"A1": r"a'b\n"}),
    (r'A1="a\n\t\"\\b"', {"A1": 'a\n\t"\\b'}),
    ('A1="first\nsecond"\nB1=c', {"A1": "first\nsecond", "B1": "c"}),
    (r"A1=C:\new", {"A1": r"C:\new"}),
    ("A1=${A}-x\nB1=${A1}${A1}", {"A1": "above-x", "B1": "above-xabove-x"}),
    ("A1=${NONE:-text}${EMPTY:-empty}${A:-x}", {"A1": "textemptyabove"}),
    ('A1="${A}\\n${EMPTY}"', {"A1": "above\n"}),
    ("A1=$A and $(date)", {"A1": "$A and $(date)"}),
    ("A1=b\nA1=c", {"A1": "c"}),
    ("A1=grüße", {"A1": "grüße"}),
]


@pytest.mark.parametrize("text, values", SAMPLES)
def test_what_is_written_is_what_is_set(text: str, values: dict[str, str]) -> None:
    assert parse(text, {"A": "above", "EMPTY": ""}) == values


@pytest.mark.parametrize("text", ["", "\n", "# only\n\n  # comments"])
def test_a_file_may_say_nothing(text: str) -> None:
    assert parse(text, {}) == {}


@pytest.mark.parametrize("text, values", SAMPLES)
def test_python_dotenv_reads_the_same(
    text: str, values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that other servers were given mean the same here."""
    peer = pytest.importorskip("dotenv")
    monkeypatch.setenv("A", "above")
    monkeypatch.setenv("EMPTY", "")
    if "EMPTY:-" in text:
        return  # a variable that is empty: shells and this take the default, python-dotenv the empty text
    assert dict(peer.dotenv_values(stream=io.StringIO(text))) == values


def test_single_quotes_are_literal_as_in_a_shell() -> None:
    assert parse("A1='${A}'", {"A": "above"}) == {"A1": "${A}"}


@pytest.mark.parametrize(
    "text, why",
    [
        ("A1", "line 1: neither a comment nor NAME=value"),
        ("\n\n1A=b", "line 3: neither"),
        ("A1='b", "line 1: the value of A1 begins with ' and does not end with it"),
        ('X=1\nA1="b', 'line 2: the value of A1 begins with " and'),
        ("A1='b'c", "line 1: something stands behind the quoted value of A1"),
        ("A1=${NONE}", r"line 1: \$\{NONE\} is not set"),
        ("A1=a\0b", "line 1: a variable cannot hold a NUL"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text, {})


def test_a_message_holds_nothing_of_a_line_that_may_be_a_secret() -> None:
    for text in ("s3cret", "A1='x's3cret", "A1='s3cret"):
        with pytest.raises(ValueError) as seen:
            parse(text, {})
        assert "s3cret" not in str(seen.value)


def test_what_is_set_already_stays_and_of_several_files_the_last_counts(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("A1=one\nB1=one\nC1=one\nD1=one\nG1=${B1}")
    (tmp_path / "two").write_text("\ufeffB1=two\nC1=${A1}\nE1=${G1}")
    environ = {"A1": "here", "D1": ""}
    places = fill(environ, ("one", "two"), str(tmp_path))
    assert environ == {
        "A1": "here", "B1": "two", "C1": "here", "D1": "", "E1": "one", "G1": "one",
    }  # fmt: skip
    assert places == {"B1": "two", "C1": "two", "E1": "two", "G1": "one"}


@pytest.mark.parametrize(
    "name, content, why",
    [
        ("missing", None, "--env-file missing: there is no such file, seen from"),
        ("latin", b"A=\xff", "--env-file latin is no UTF-8"),
        (".", None, r"--env-file \. cannot be read: Is a directory"),
        ("bad", b"good=1\nbad", "--env-file bad, line 2: neither"),
    ],
)
def test_a_file_that_cannot_be_read_sets_nothing(
    name: str, content: bytes | None, why: str, tmp_path: Path
) -> None:
    (tmp_path / "fine").write_text("FINE=1")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    environ: dict[str, str] = {}
    with pytest.raises(UsageError, match=why):
        fill(environ, ("fine", name), str(tmp_path))
    assert environ == {}
