"""Configuration in Python: run in a process of its own, with a guard against accidents."""

from pathlib import Path

import pytest

from penstock.bridge import pyfile


def read(folder: Path, text: str, *, trust: bool = False) -> pyfile.PyFile:
    path = folder / "x.conf.py"
    path.write_text(text)
    return pyfile.read(str(path), str(folder), trust=trust)


def test_names_are_read_with_what_they_were_computed_from(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("number = 3")
    found = read(
        tmp_path,
        "import os, ssl, beside\nfrom pathlib import Path\nprint('noise')\n_own = 1\n"
        "a = 1\nb = os.environ.get('NOTHING', 'x')\nc = ('t',)\nd = {1: {2}}\n"
        "e = ssl.CERT_REQUIRED\nf = Path('/x')\ng = beside.number\nh = b'x'\ni = 1.5\nj = None\n"
        "def hook(): ...\nclass Own: ...\n",
    )
    values = {name: each for name, each in found.values.items() if name != "Path"}
    assert values == {
        "a": 1, "b": "x", "c": ["t"], "d": {"1": [2]}, "e": 2, "f": "/x", "g": 3, "h": "x", "i": 1.5,
        "j": None, "hook": pyfile.CALLABLE, "Own": "__config__.Own",
    }  # fmt: skip
    assert found.computed == {"b": "os.environ.get('NOTHING', 'x')", "f": "Path('/x')"}
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    "text, why",
    [
        ("import os\nos.mkdir('made')", "os.mkdir: 'made'"),
        ("open('made', 'w')", "open a file for writing: 'made'"),
        ("import os\nos.open('made', os.O_CREAT)", "open a file for writing"),
        ("import os\nos.system('touch made')", "os.system"),
        ("import subprocess\nsubprocess.run(['touch', 'made'])", "subprocess.Popen: 'touch'"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 9))", "socket.connect"),
        ("import os\nos.fork()", "os.fork"),
    ],
)
def test_it_may_neither_write_nor_start_programs_nor_use_the_network(
    text: str, why: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError) as seen:
        read(tmp_path, text)
    assert "this file may not do that while it is only read" in str(seen.value)
    assert why in str(seen.value)
    assert "--trust" in str(seen.value)
    assert [each.name for each in tmp_path.iterdir()] == ["x.conf.py"]


def test_who_trusts_it_lets_it_do_what_it_wants(tmp_path: Path) -> None:
    assert read(tmp_path, "import os\nos.mkdir('made')\na = 1", trust=True).values == {"a": 1}
    assert (tmp_path / "made").is_dir()


def test_reading_is_no_writing(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("7")
    assert read(tmp_path, "a = int(open('data').read())").values == {"a": 7}


@pytest.mark.parametrize(
    "text, why",
    [
        ("a = 1\nb = 1 / 0", "ZeroDivisionError: division by zero"),
        ("a = (", "SyntaxError: '(' was never closed"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_what_it_raises_is_shown_with_its_own_lines_only(
    text: str, why: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError) as seen:
        read(tmp_path, text)
    assert why in str(seen.value)
    assert "x.conf.py" in str(seen.value) or "SystemExit" in str(seen.value)
    assert "runpy" not in str(seen.value)


def test_a_file_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyfile, "TIMEOUT_S", 0.2)
    with pytest.raises(ValueError, match=r"did not end within 0\.2 s"):
        read(tmp_path, "while True: pass")
