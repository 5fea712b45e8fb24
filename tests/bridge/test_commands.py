"""Command lines wherever they stand, and the variables in them."""

from typing import Any

import pytest

from penstock.bridge.commands import Command, command, fill, in_file, of_words
from penstock.bridge.draft import Said

PROGRAMS = {"gunicorn", "uvicorn"}


def found(line: str) -> Command:
    one = command(line, PROGRAMS, "here")
    assert one is not None
    return one


@pytest.mark.parametrize(
    "line, program, words, before",
    [
        ("gunicorn a:b", "gunicorn", ["a:b"], []),
        ("/venv/bin/gunicorn -w 4 a:b", "gunicorn", ["-w", "4", "a:b"], []),
        ("python -m uvicorn a:b", "uvicorn", ["a:b"], []),
        ("exec env A=1 uvicorn a:b", "uvicorn", ["a:b"], []),
        ("uv run uvicorn a:b", "uvicorn", ["a:b"], ["uv", "run"]),
        ("cd /x && uvicorn a:b --port 1 | tee log", "uvicorn", ["a:b", "--port", "1"], []),
        ("uvicorn 'a:make(1)' > log 2>&1 &", "uvicorn", ["a:make(1)"], []),
        ("pip install -r gunicorn && uvicorn a:b", "uvicorn", ["a:b"], []),
        ('uvicorn a:b --header "x: y z"', "uvicorn", ["a:b", "--header", "x: y z"], []),
    ],
)
def test_the_server_is_found_among_what_a_shell_runs(
    line: str, program: str, words: list[str], before: list[str]
) -> None:
    one = found(line)
    assert (one.program, one.words, one.before) == (program, words, before)


def test_variables_before_the_command_are_its_environment() -> None:
    assert found("A=1 B='x y' uvicorn a:b").environ == {"A": "1", "B": "x y"}


def test_what_starts_no_server_is_nothing() -> None:
    assert command("celery -A x worker", PROGRAMS, "here") is None
    assert of_words([], PROGRAMS, "here") is None
    with pytest.raises(ValueError):
        command("uvicorn 'a", PROGRAMS, "here")


FILES: list[tuple[str, str, list[str], dict[str, str], str]] = [
    ("Procfile", "# c\nrelease: x\nweb: uvicorn a:b\n", ["a:b"], {}, "Procfile: web"),
    ("Procfile.dev", "web: uvicorn a:b \\\n  --reload", ["a:b", "--reload"], {}, "Procfile.dev: web"),
    ("Dockerfile", 'FROM x\nCMD ["uvicorn", "a:b"]', ["a:b"], {}, "Dockerfile: CMD"),
    ("Dockerfile", "CMD uvicorn a:b --port $PORT", ["a:b", "--port", "$PORT"], {}, "Dockerfile: CMD"),
    ("Dockerfile", 'ENTRYPOINT ["uvicorn", "a:b"]\nCMD ["--reload"]', ["a:b", "--reload"], {},
     "Dockerfile: CMD"),
    ("api.Dockerfile", 'CMD ["sh", "-c", "exec uvicorn a:b"]', ["a:b"], {}, "api.Dockerfile: CMD"),
    ("Containerfile", "FROM a\nENV Z=0\nCMD gunicorn\nFROM b\nENV A=1 B=2\nENV C d e\nCMD uvicorn a:b",
     ["a:b"], {"A": "1", "B": "2", "C": "d e"}, "Containerfile: CMD"),
    ("x.service", "[Service]\nEnvironment=A=1 \"B=x y\"\nExecStart=-/v/bin/uvicorn a:b \\\n  --port 1\n",
     ["a:b", "--port", "1"], {"A": "1", "B": "x y"}, "x.service: ExecStart"),
    ("Dockerfile", "ENV 'A\nENV B\nCMD uvicorn a:b \\", ["a:b"], {"B": ""}, "Dockerfile: CMD"),
    ("run.sh", "#!/bin/sh\n# uvicorn no\necho it's\nexec uvicorn a:b\n", ["a:b"], {},
     "run.sh: line 4"),
]  # fmt: skip


@pytest.mark.parametrize("name, text, words, environ, origin", FILES)
def test_files_hold_command_lines(
    name: str, text: str, words: list[str], environ: dict[str, str], origin: str
) -> None:
    one = in_file(f"/x/{name}", text, PROGRAMS)[0]
    assert (one.program, one.words, one.environ, one.origin) == ("uvicorn", words, environ, origin)


def test_a_file_may_hold_several_or_none() -> None:
    assert len(in_file("Procfile", "a: uvicorn a:b\nb: gunicorn c:d", PROGRAMS)) == 2
    assert in_file("Dockerfile", "FROM x", PROGRAMS) == []


@pytest.mark.parametrize(
    "name, value, environ, filled, host",
    [
        ("x", "plain", {}, "plain", None),
        ("x", 3, {}, 3, None),
        ("x", True, {}, True, None),
        ("x", "$A-${B}", {"A": "1", "B": "2"}, "1-2", None),
        ("x", "${A:-3}${B-4}", {}, "34", None),
        ("x", ["$A", "b"], {"A": "1"}, ["1", "b"], None),
        ("x", "$A", {}, ..., None),
        ("x", ["$A", "b"], {}, ..., None),
        ("port", "$PORT", {}, None, ""),
        ("port", "${PORT}", {}, None, ""),
        ("port", "${PORT:-81}", {}, "81", None),
        ("port", "$PORT", {"PORT": "82"}, "82", None),
        ("bind", ["0.0.0.0:$PORT"], {}, None, "0.0.0.0"),
        ("bind", ":${PORT}", {}, None, "0.0.0.0"),
        ("bind", ["127.0.0.1:$PORT"], {}, None, "127.0.0.1"),
    ],
)
def test_variables_are_filled_in_as_far_as_a_file_can(
    name: str, value: Any, environ: dict[str, str], filled: Any, host: str | None
) -> None:
    result = fill({name: Said(value, "here")}, environ)
    assert result.host == host
    if filled is ...:
        assert result.open == {name: Said(value, "here")}
    elif filled is None:
        assert result.given == {}
    else:
        assert result.given == {name: Said(filled, "here")}
