"""The TOML file with options: its lines, and what it is called. (What it may hold: test_sources.py.)"""

from pathlib import Path

import pytest

from penstock.config.files import lines_of, read
from penstock.errors import UsageError


@pytest.mark.parametrize(
    "text, table, lines",
    [
        ("a = 1\nb = 2", "", {"a": 1, "b": 2}),
        ("# a = 0\n\n 'a' = 1\n\"b-c\"=2", "", {"a": 3, "b-c": 4}),
        ("a = 1\n[table]\nb = 2\n[table.inner]\nc = 3", "", {"a": 1, "table": 2}),
        ("[x]\na=1\n[tool.penstock]\nb=2\n[y]\nc=3", "tool.penstock", {"b": 4}),
        ('[ tool . "penstock" ]\nb=2\n[tool.penstock.log-config]\nz=1', "tool.penstock",
         {"b": 2, "log-config": 3}),
        ("[[static]]\nroute = 1\n[[static]]\nroute = 2", "", {"static": 1}),
        ("log-config.version = 1", "", {"log-config": 1}),
        ('a = """\nb = 1\n"""\nb = 2', "", {"a": 1}),
        ("tool.penstock.port = 1", "tool.penstock", {}),
    ],
)  # fmt: skip
def test_the_line_of_each_key_is_found_or_not_told(
    text: str, table: str, lines: dict[str, int]
) -> None:
    assert lines_of(text, table) == lines


@pytest.mark.parametrize(
    "name, text, place",
    [
        ("penstock.toml", "\nport = 1", "penstock.toml:2: port"),
        ("pyproject.toml", "[tool.penstock]\nport = 1", "pyproject.toml:2: port"),
        ("pyproject.toml", "tool.penstock.port = 1", "pyproject.toml [tool.penstock]: port"),
    ],
)
def test_a_place_is_where_an_editor_finds_it(
    name: str, text: str, place: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    found = read("", str(tmp_path))
    assert found is not None
    assert found.place("port") == place


def test_gunicorns_python_is_not_read_but_can_be_migrated() -> None:
    with pytest.raises(UsageError) as seen:
        read("gunicorn.conf.py", "/nowhere")
    assert "penstock migrate gunicorn.conf.py" in seen.value.hint


def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        read("missing.toml", str(tmp_path))
    assert read("none", str(tmp_path)) is None
    assert read("", str(tmp_path)) is None
