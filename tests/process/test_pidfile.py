"""A stale pid file is replaced, a living one stops the start, and nothing else is ever touched (V07)."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.errors import SetupError
from penstock.process import pidfile
from penstock.process.pidfile import PidFile, living, read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site.pid"


@pytest.fixture
def other() -> Iterator[int]:
    """The pid of a process that lives."""
    program = "import sys; print(flush=True); sys.stdin.read()  # the other"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()  # by now it is that program, and no copy of this one
        yield child.pid


def ended() -> int:
    """The pid of a process that ran and is gone."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_the_file_names_the_process_and_is_gone_at_the_end_v07(path: Path) -> None:
    file = PidFile(str(path))
    file.claim()
    assert path.read_text() == f"{os.getpid()}\n"
    assert path.stat().st_mode & 0o777 == 0o644 & ~_umask()
    assert os.listdir(path.parent) == [path.name]
    file.remove()
    assert os.listdir(path.parent) == []
    file.remove()


@pytest.mark.parametrize("content", ["{gone}\n", "", "{gone}", "{own}\n"])
def test_a_stale_file_is_replaced_v07(path: Path, content: str) -> None:
    path.write_text(content.format(gone=ended(), own=os.getpid()))
    file = PidFile(str(path))
    file.claim()
    assert path.read_text() == f"{os.getpid()}\n"
    file.remove()


def test_a_file_of_a_living_process_stops_the_start_and_says_who_it_is_v07(
    path: Path, other: int
) -> None:
    path.write_text(f"{other}\n")
    with pytest.raises(SetupError, match=f"process {other}, which runs: .*# the other") as caught:
        PidFile(str(path)).claim()
    assert f"kill {other}" in caught.value.hint
    assert path.read_text() == f"{other}\n"
    assert os.listdir(path.parent) == [path.name]


def test_a_number_that_another_process_got_since_is_stale_v07(path: Path, other: int) -> None:
    path.write_text(f"{other}\n")
    long_ago = time.time() - 1000
    os.utime(path, (long_ago, long_ago))
    assert living(other, long_ago) == ""
    file = PidFile(str(path))
    file.claim()
    file.remove()


def test_a_process_of_another_user_lives_too() -> None:
    assert living(1, time.time())


def test_the_file_of_a_predecessor_is_taken_over_and_not_removed_by_it(
    path: Path, other: int
) -> None:
    old = PidFile(str(path))
    old.claim()
    path.unlink()
    path.write_text(f"{other}\n")  # the new program version has written its own
    old.remove()
    assert path.read_text() == f"{other}\n"
    new = PidFile(str(path), predecessor=other)
    new.claim()
    assert path.read_text() == f"{os.getpid()}\n"
    new.remove()


def test_symbolic_links_are_not_followed_v07(path: Path) -> None:
    victim = path.parent / "victim"
    victim.write_text("precious")
    for target in (victim, path.parent / "nothing"):
        path.symlink_to(target)
        with pytest.raises(SetupError, match="is a symbolic link, so it is left alone"):
            PidFile(str(path)).claim()
        assert path.is_symlink()
        path.unlink()
    assert victim.read_text() == "precious"
    assert sorted(os.listdir(path.parent)) == ["victim"]


def test_a_link_in_place_of_the_temporary_file_is_not_followed_v07(path: Path) -> None:
    victim = path.parent / "victim"
    victim.write_text("precious")
    path.with_name(f"{path.name}.{os.getpid()}.new").symlink_to(victim)
    file = PidFile(str(path))
    file.claim()
    file.remove()
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("content", ["#!/bin/sh\n", "12 13\n", "-1\n", "1" * 100, "٣"])
def test_a_file_that_is_no_pid_file_is_left_alone(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(SetupError, match="left alone"):
        PidFile(str(path)).claim()
    assert path.read_text() == content


def test_folders_and_pipes_are_left_alone(path: Path) -> None:
    path.mkdir()
    with pytest.raises(SetupError, match="no ordinary file, so it is left alone"):
        PidFile(str(path)).claim()
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(SetupError, match="no ordinary file, so it is left alone"):
        PidFile(str(path)).claim()


def test_a_folder_that_is_not_there_is_told(path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be written: No such file") as caught:
        PidFile(str(path / "x" / "y.pid")).claim()
    assert "--pid" in caught.value.hint
    assert caught.value.exit_code == 1


def test_the_file_is_found_again_from_another_folder(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    file = PidFile("site.pid")
    file.claim()
    monkeypatch.chdir("/")
    file.remove()
    assert not path.exists()


def test_a_file_that_may_not_be_removed_is_emptied(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "denied")

    file = PidFile(str(path))
    file.claim()
    monkeypatch.setattr(pidfile, "_unlink_if", denied)
    file.remove()
    assert path.read_text() == ""
    assert read(str(path)).pid is None


def test_a_forked_child_does_not_remove_the_file(path: Path) -> None:
    program = (
        "import os, sys\n"
        "from penstock.process.pidfile import PidFile\n"
        "file = PidFile(sys.argv[1]); file.claim()\n"
        "child = os.fork()\n"
        "if not child: file.remove(); os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "assert os.path.exists(sys.argv[1])\n"
        "file.remove()\n"
        "assert not os.path.exists(sys.argv[1])\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(pidfile.__file__).parents[2])}
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, env=environ, timeout=20)


def test_of_two_that_start_at_once_one_is_told(path: Path, other: int) -> None:
    """The file appears between the look at a stale one and the new one's placing."""
    path.write_text(f"{ended()}\n")
    original = pidfile._unlink_if

    def overtaken(where: str, identity: tuple[int, int]) -> None:
        original(where, identity)
        path.write_text(f"{other}\n")

    pidfile._unlink_if = overtaken
    try:
        with pytest.raises(SetupError, match=f"belongs to process {other}"):
            PidFile(str(path)).claim()
    finally:
        pidfile._unlink_if = original


def _umask() -> int:
    before = os.umask(0o22)
    os.umask(before)
    return before
