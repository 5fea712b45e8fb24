"""Where lines go: files that are opened again, and readers that do not read and hold nobody up."""

import fcntl
import os
import select
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import UsageError
from penstock.observe import logs_output
from penstock.observe.logs_output import BACKLOG_BYTES_MAX, Output

DEADLINE_S = 10.0
# What a pipe takes that nobody reads; set by the tests, so that they know.
PIPE_BYTES = 1 << 16


class Lost:
    """Collects what is said of dropped lines."""

    def __init__(self) -> None:
        self.said: list[tuple[int, str]] = []
        self.event = threading.Event()

    def __call__(self, lines: int, where: str) -> None:
        self.said.append((lines, where))
        self.event.set()


class Pipe:
    """A stream, as a pipe that is read when the test wants it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ends: tuple[int, int]) -> None:
        self.reader, writer = ends
        self.stream = os.fdopen(writer, "w")
        # Under a name of its own, since pytest puts its streams in the place of others.
        monkeypatch.setattr(sys, "piped", self.stream, raising=False)
        self.lost = Lost()
        self.output = Output("piped", None, self.lost)

    def read(self, lines: int) -> list[bytes]:
        """So many lines, and no more than there are."""
        data = b""
        while data.count(b"\n") < lines:
            assert select.select([self.reader], [], [], DEADLINE_S)[0], f"{len(data)} bytes came"
            piece = os.read(self.reader, 1 << 16)
            assert piece
            data += piece
        return data.split(b"\n")[:-1]

    def close(self) -> None:
        if self.reader >= 0:
            os.close(self.reader)
            self.reader = -1
        self.output.close()
        self.stream.close()


def make_pipe() -> tuple[int, int]:
    ends = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return ends


def make_sockets() -> tuple[int, int]:
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


@pytest.fixture(params=[make_pipe, make_sockets])
def pipe(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    made = Pipe(monkeypatch, request.param())
    yield made
    made.close()


LINE = "x" * 79 + "\n"


def test_what_is_read_comes_whole_and_in_order(pipe: Pipe) -> None:
    """Behind what the application printed before."""
    pipe.stream.write("printed\n")
    pipe.output.write("one\n")
    pipe.output.write("two\nthree\n")
    assert pipe.read(4) == [b"printed", b"one", b"two", b"three"]


def test_a_reader_that_stands_still_holds_nobody_up(pipe: Pipe) -> None:
    """The writes return; what waited comes when it is read, in its order and whole."""
    lines = 8000
    for number in range(lines):
        pipe.output.write(f"{number:079d}\n")
    assert [int(line) for line in pipe.read(lines)] == list(range(lines))
    assert pipe.lost.said == []


def test_what_does_not_fit_any_more_is_dropped_and_counted_when_it_moves(pipe: Pipe) -> None:
    """The memory for it is bounded; whole lines are dropped, the last ones."""
    batch = LINE * 1000
    written = 0
    while not pipe.output._lost:
        pipe.output.write(batch)
        written += 1000
        assert written < 100_000
    assert pipe.output._backlog_bytes <= BACKLOG_BYTES_MAX
    dropped = pipe.output._lost
    assert set(pipe.read(written - dropped)) == {b"x" * 79}
    assert pipe.lost.event.wait(DEADLINE_S)
    assert pipe.lost.said == [(dropped, "piped")]


def test_a_broken_pipe_is_said_once_and_nothing_is_raised(
    pipe: Pipe, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is anything kept for a reader that is gone."""
    os.close(pipe.reader)
    pipe.reader = -1
    for _ in range(3):
        pipe.output.write(LINE)
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_what_waits_at_the_end_gets_a_moment(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that still stands still does not keep the process from ending."""
    monkeypatch.setattr(logs_output, "LAST_WORDS_S", 0.02)
    for _ in range(8000):
        pipe.output.write(LINE)
    assert pipe.output._backlog
    pipe.output.finish()
    reader = threading.Thread(target=pipe.read, args=(8000,))
    reader.start()
    monkeypatch.setattr(logs_output, "LAST_WORDS_S", DEADLINE_S)
    pipe.output.finish()
    assert not pipe.output._backlog
    reader.join(DEADLINE_S)
    assert not reader.is_alive()


def test_the_mode_of_an_inherited_pipe_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process that shares it would find it changed."""
    pipe = Pipe(monkeypatch, make_pipe())
    pipe.output.write(LINE)
    assert os.get_blocking(pipe.stream.fileno())
    pipe.close()


def test_lines_of_a_batch_are_written_in_pieces_that_a_pipe_takes_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PIPE_BUF: workers that share a pipe never tear each other's lines."""
    pipe = Pipe(monkeypatch, make_pipe())
    pieces: list[bytes] = []
    write = os.write

    def seen(fd: int, data: Any) -> int:
        pieces.append(bytes(data))
        return write(fd, data)

    monkeypatch.setattr(os, "write", seen)
    pipe.output.write(LINE * 200)
    assert len(pieces) > 1
    assert all(len(piece) <= 4096 and piece.endswith(b"\n") for piece in pieces)
    monkeypatch.undo()
    pipe.close()


# --------------------------------------------------------------------------------------- files


def test_a_file_is_made_and_appended_to(tmp_path: Path) -> None:
    """What was there stays."""
    path = tmp_path / "access.log"
    path.write_text("before\n")
    output = Output("stdout", str(path), Lost())
    output.write("\xe9\n")
    output.close()
    assert path.read_text("utf-8") == "before\n\xe9\n"


def test_a_renamed_file_is_opened_again(tmp_path: Path) -> None:
    """V07: until then lines go to the old one; none is lost."""
    path = tmp_path / "access.log"
    output = Output("stdout", str(path), Lost())
    output.write("1\n")
    path.rename(tmp_path / "access.log.1")
    output.write("2\n")
    assert output.reopen()
    output.write("3\n")
    output.close()
    assert (tmp_path / "access.log.1").read_text() == "1\n2\n"
    assert path.read_text() == "3\n"


def test_a_file_that_cannot_be_opened_again_leaves_the_old_one_in_use(tmp_path: Path) -> None:
    """V07: a folder that is gone costs no line."""
    folder = tmp_path / "logs"
    folder.mkdir()
    output = Output("stdout", str(folder / "access.log"), Lost())
    folder.rename(tmp_path / "old")
    with pytest.raises(FileNotFoundError):
        output.reopen()
    output.write("1\n")
    output.close()
    assert (tmp_path / "old" / "access.log").read_text() == "1\n"


def test_a_stream_is_not_opened_again() -> None:
    assert not Output("stdout", None, Lost()).reopen()


def test_a_file_that_cannot_be_opened_ends_the_start(tmp_path: Path) -> None:
    """With a word on why."""
    with pytest.raises(UsageError, match="No such file"):
        Output("stdout", str(tmp_path / "none" / "access.log"), Lost())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_that_nobody_reads_ends_the_start_instead_of_holding_it(
    tmp_path: Path,
) -> None:
    """To open one for writing would wait for its reader."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(UsageError, match="cannot be opened"):
        Output("stdout", str(path), Lost())


def test_after_a_fork_the_parent_s_lines_are_the_parent_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child has neither its thread nor what waited for it."""
    pipe = Pipe(monkeypatch, make_pipe())
    while not pipe.output._backlog:
        pipe.output.write(LINE * 100)
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: -1)
        pipe.output.write("child\n")
    assert LINE.encode() not in b"".join(pipe.output._backlog)
    pipe.close()
