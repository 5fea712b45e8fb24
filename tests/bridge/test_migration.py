"""Whole configurations as projects have them: what is written is right, and can be used."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.bridge.migration import Migration
from penstock.cli.main import main
from penstock.errors import UsageError
from tests.cli.conftest import without_variables

SAMPLES = Path(__file__).parent / "samples"
APPLICATION = """
async def app(scope, receive, send): ...
def application(environ, start_response): ...
"""
Read = Callable[..., str]


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def read(tmp_path: Path, notes: list[str]) -> Read:
    """Migrate files of `tmp_path` by name, or a command line in one text with spaces."""

    def migrate(*sources: str, trust: bool = False) -> str:
        migration = Migration(str(tmp_path), notes.append, trust=trust)
        for source in sources:
            if " " in source:
                migration.add_line(source)
            else:
                migration.add_file(source)
        return migration.text()

    return migrate


@pytest.mark.parametrize("name", sorted(each.name for each in SAMPLES.iterdir()))
def test_a_sample_becomes_what_is_expected_and_passes_the_check(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """expected.toml is what `penstock migrate` prints; `config check` finds nothing wrong with it."""
    (source,) = (each for each in (SAMPLES / name).iterdir() if each.name != "expected.toml")
    shutil.copy(source, tmp_path)
    for folder in ("run", "static", f"sample_{name}"):
        (tmp_path / folder).mkdir()
    (tmp_path / f"sample_{name}" / "__init__.py").write_text(APPLICATION)
    (tmp_path / f"sample_{name}" / "wsgi.py").write_text(APPLICATION)
    without_variables(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    named = source.read_text().strip() if source.name == "command.txt" else source.name
    assert main(["migrate", named]) == 0
    written = capsys.readouterr().out
    assert written == (SAMPLES / name / "expected.toml").read_text()
    assert "not-to-be-shown" not in written
    assert "postgres" not in written
    (tmp_path / "penstock.toml").write_text(written)
    code = main(["config", "check"])
    seen = capsys.readouterr()
    assert (code, seen.err) == (0, "")
    assert f"sample_{name}" in seen.out
    for module in [each for each in sys.modules if each.partition(".")[0] == f"sample_{name}"]:
        del sys.modules[module]


def test_a_command_line_counts_more_than_the_file_that_it_names(
    read: Read, tmp_path: Path, notes: list[str]
) -> None:
    (tmp_path / "conf.py").write_text("workers = 2\nbacklog = 7")
    text = read("gunicorn -c conf.py -w 4 a:b")
    assert "from a command line, conf.py, of gunicorn" in text
    assert "workers = 4\n" in text
    assert "backlog = 7\n" in text
    (note,) = notes
    assert note.startswith(
        "conf.py is Python: it is run to read its values, in a process of its own"
    )


def test_gunicorn_reads_its_own_file_where_none_is_named(read: Read, tmp_path: Path) -> None:
    (tmp_path / "gunicorn.conf.py").write_text("workers = 5")
    assert "workers = 5\n" in read("gunicorn a:b")
    assert "from gunicorn.conf.py, a command line, of" in read("gunicorn.conf.py", "gunicorn a:b")
    (tmp_path / "other.py").write_text("backlog = 3")
    assert "workers = 5" not in read("gunicorn -c other.py a:b")


def test_of_several_sources_the_later_one_counts(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.conf.py").write_text("workers = 2\nbacklog = 7")
    (tmp_path / "b.conf.py").write_text("workers = 3")
    text = read("a.conf.py", "b.conf.py")
    assert "workers = 3\n" in text
    assert "backlog = 7\n" in text


def test_a_file_that_is_named_and_not_here_is_said(read: Read, notes: list[str]) -> None:
    read("gunicorn -c gone.py a:b")
    assert notes == ["gone.py, which the command line names, is not here: name it, too"]


@pytest.mark.parametrize(
    "line, name, content, expected",
    [
        ("hypercorn -c x.toml a:b", "x.toml", "workers = 3", "workers = 3"),
        ("hypercorn -c file:x.py a:b", "x.py", "workers = 3", "workers = 3"),
        ("uwsgi --ini x.ini", "x.ini", "[uwsgi]\nprocesses = 3", "workers = 3"),
        ("uwsgi x.ini", "x.ini", "[uwsgi]\nprocesses = 3", "workers = 3"),
    ],
)
def test_files_of_each_server_are_followed(
    line: str, name: str, content: str, expected: str, read: Read, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    assert expected in read(line)


def test_a_python_file_of_hypercorn_is_told_by_its_name(read: Read, tmp_path: Path) -> None:
    (tmp_path / "hypercorn_config.py").write_text("keep_alive_timeout = 9")
    assert 'timeout-keep-alive = "9s"' in read("hypercorn_config.py")


def test_of_several_commands_in_a_file_the_first_is_read(
    read: Read, tmp_path: Path, notes: list[str]
) -> None:
    (tmp_path / "Procfile").write_text("web: uvicorn a:b\nadmin: gunicorn c:d")
    assert 'app = "a:b"' in read("Procfile")
    assert notes == ["Procfile: admin starts gunicorn, too; only the first is read"]


def test_a_followed_file_that_cannot_be_read_is_said(read: Read, tmp_path: Path) -> None:
    (tmp_path / "x.ini").write_text("[other]")
    with pytest.raises(UsageError, match=r"x\.ini cannot be read: it has no section"):
        read("uwsgi --ini x.ini")


def test_computed_values_are_told(read: Read, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text(
        "import os\nworkers = len(os.listdir('.')) + 1\nbacklog = int(9)"
    )
    text = " ".join(read("x.py").replace("#", "").split())
    assert "workers was computed where this was made, from len(os.listdir('.')) + 1" in text
    assert 'workers = "auto" is one for each CPU there is' in text
    assert "backlog was computed where this was made, from int(9)." in text


def test_variables_that_a_file_cannot_have_are_told(read: Read) -> None:
    text = " ".join(read("uvicorn a:b --host $SOMEWHERE --port $PORT").split())
    assert "host = $SOMEWHERE: a file has no variables: give it as a flag" in text
    assert "$PORT is read by penstock itself" in text
    assert "port = " not in text


def test_options_that_do_not_go_together_are_told_and_left_out(read: Read) -> None:
    """What is written can be loaded, whatever it is made from."""
    text = read("hypercorn a:b --bind unix:run/x --bind unix:run/x --graceful-timeout 3")
    assert "\nbind =" not in text
    assert "is given twice" in " ".join(text.split())
    assert 'timeout-graceful-shutdown = "3s"' in text


def test_without_an_application_it_says_what_to_add(read: Read, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("workers = 2")
    assert 'add app = "module:attribute"' in " ".join(read("x.py").replace("#", "").split())


@pytest.mark.parametrize(
    "name, content, why",
    [
        ("x.py", "unknown = 1", "it sets nothing that gunicorn knows"),
        ("x.py", "1 / 0", "ZeroDivisionError"),
        ("x.py", "import uvicorn\nuvicorn.run(app)\n1 / 0", "a program that starts uvicorn"),
        ("x.toml", "a = ", "x.toml cannot be read: Invalid value"),
        ("x.json", "[]", "it is no object"),
        ("x.json", "{", "Expecting"),
        ("x.json", "{}", "no application of type python"),
        ("x.ini", "[other]", "no section"),
        ("Procfile", "web: celery", "holds no command line of gunicorn, uvicorn"),
        ("penstock.toml", "", "is ours already"),
        ("pyproject.toml", "", "holds no server's configuration"),
        ("x.conf", b"\xff", "it is no UTF-8"),
    ],
)
def test_what_cannot_be_read_is_said(
    name: str, content: str | bytes, why: str, read: Read, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UsageError, match=why):
        read(name)


def test_sources_of_several_servers_are_refused(read: Read) -> None:
    with pytest.raises(UsageError, match="of several servers: gunicorn, uvicorn"):
        read("gunicorn a:b", "uvicorn a:b")


@pytest.mark.parametrize("line", ["celery -A x", "uvicorn 'a"])
def test_a_line_that_is_no_servers_is_refused(line: str, read: Read) -> None:
    with pytest.raises(UsageError, match=r"starts none of|is no command line"):
        read(line)


def test_the_page_is_what_the_tables_say() -> None:
    page = Path(__file__).parents[2] / "tools" / "migrating_page.py"
    done = subprocess.run([sys.executable, str(page), "--check"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
