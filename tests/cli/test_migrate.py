"""`penstock migrate`: sources in, penstock.toml out, and no file of yours overwritten."""

from pathlib import Path

import pytest

from tests.cli.conftest import Ask


def test_a_command_line_in_quotes_or_behind_two_dashes(ask: Ask) -> None:
    quoted = ask("migrate", "uvicorn a:b --port 81")
    assert quoted == ask("migrate", "--", "uvicorn", "a:b", "--port", "81")
    code, out, err = quoted
    assert (code, err) == (0, "")
    assert 'app = "a:b"' in out
    assert "port = 81" in out


def test_a_file_is_never_overwritten_without_force(ask: Ask, tmp_path: Path) -> None:
    target = tmp_path / "penstock.toml"
    line = ["migrate", "-o", "penstock.toml", "uvicorn a:b"]
    assert ask(*line) == (
        0, "wrote penstock.toml; look at it with: penstock config check -c penstock.toml\n", "",
    )  # fmt: skip
    target.write_text("mine")
    code, out, err = ask(*line)
    assert (code, out) == (2, "")
    assert err == (
        "penstock: penstock.toml exists, and is kept\n  choose another -o FILE, or add --force\n"
    )
    assert target.read_text() == "mine"
    assert ask(*line, "--force")[0] == 0
    assert 'app = "a:b"' in target.read_text()


def test_a_python_file_is_announced_before_it_is_run(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "gunicorn.conf.py").write_text("import os\nos.mkdir('made')\nworkers = 2")
    code, _, err = ask("migrate", "gunicorn.conf.py")
    assert code == 2
    assert err.startswith(
        "penstock: note: gunicorn.conf.py is Python: it is run to read its values"
    )
    assert (
        "may not do that while it is only read (os.mkdir: 'made'); if it must, give --trust" in err
    )
    assert not (tmp_path / "made").exists()
    code, out, _ = ask("migrate", "--trust", "gunicorn.conf.py")
    assert code == 0
    assert "workers = 2" in out
    assert (tmp_path / "made").is_dir()


@pytest.mark.parametrize(
    "arguments, message, hint",
    [
        ([], "migrate what?", "penstock migrate gunicorn.conf.py"),
        (["gone"], "there is no file gone", "behind --"),
        (["--workers", "3"], "there is no option --workers", "behind --"),
        (["-o"], "Option '-o' requires an argument", "--help"),
        (["--", "celery"], "celery starts none of gunicorn", "begin with its name"),
        (["--"], " starts none of gunicorn", "begin with its name"),
        (["celery -A x"], "celery -A x starts none of", ""),
        (["-o", "gone/x.toml", "uvicorn a:b"], "gone/x.toml cannot be written: No such file", ""),
        (["--", "unit"], "unit starts none of", ""),
    ],
)
def test_a_mistake_ends_with_2_and_two_lines(
    arguments: list[str], message: str, hint: str, ask: Ask
) -> None:
    code, out, err = ask("migrate", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"penstock: {message}")
    assert hint in err
    assert len(err.splitlines()) <= 2


def test_it_has_its_help(ask: Ask) -> None:
    code, out, err = ask("migrate", "--help")
    assert (code, err) == (0, "")
    assert out.startswith("Usage: penstock migrate FILE... | -- COMMAND LINE\n")
    assert max(map(len, out.splitlines())) <= 80
