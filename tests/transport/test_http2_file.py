"""A file as a body: read piece by piece, and let go of once."""

import os
from pathlib import Path
from typing import Any

from penstock.transport.http2_file import FileSource
from tests.gateway.http_trial import Future


def source(path: Path, offset: int, count: int, told: list[Any]) -> tuple[FileSource, Future, int]:
    fd = os.open(path, os.O_RDONLY)
    future = Future()
    return FileSource(fd, offset, count, future, told.append), future, fd


def test_it_gives_what_was_asked_for_and_no_more(tmp_path: Path) -> None:
    """From an offset, in pieces of any size."""
    (tmp_path / "f").write_bytes(b"0123456789")
    told: list[Any] = []
    reader, future, fd = source(tmp_path / "f", 2, 6, told)
    assert [reader.read(4), reader.left, reader.read(100), reader.left] == [b"2345", 2, b"67", 0]
    reader.close()
    reader.close()
    assert told == [True]
    assert future.done()
    os.close(fd)


def test_a_file_that_became_shorter_says_so(tmp_path: Path) -> None:
    """There is nothing where there should be something."""
    (tmp_path / "f").write_bytes(b"0123")
    told: list[Any] = []
    reader, future, fd = source(tmp_path / "f", 0, 6, told)
    assert reader.read(4) == b"0123"
    assert reader.read(4) == b""
    assert "2 bytes early" in reader.error
    reader.close()
    assert told == [False]
    assert future.done()
    os.close(fd)


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """The error of the system."""
    told: list[Any] = []
    (tmp_path / "f").write_bytes(b"0123")
    reader, _, fd = source(tmp_path / "f", 0, 4, told)
    os.close(fd)
    assert reader.read(4) == b""
    assert "Bad file descriptor" in reader.error
