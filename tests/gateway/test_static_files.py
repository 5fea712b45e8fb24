"""Opening below a folder: what lies inside is opened, and nothing else, whatever links and races there are (A12)."""

import errno
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.gateway import static_files
from penstock.gateway.static_files import (
    BUSY,
    FAILED,
    FOLDER,
    FORBIDDEN,
    MISSING,
    OpenFailed,
    open_below,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`site` has files, folders and links; `secret` and `outside` lie beside it."""
    site = tmp_path / "site"
    (site / "a" / "b").mkdir(parents=True)
    (site / "top.txt").write_text("top")
    (site / "a" / "b" / "deep.txt").write_text("deep")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("secret")
    return site


def text(folder: Path, *names: str, symlinks: bool = True) -> str:
    file = open_below(str(folder), names, symlinks=symlinks)
    try:
        return file.read(0, file.size).decode()
    finally:
        file.close()


def refused(folder: Path, *names: str, symlinks: bool = True) -> int:
    with pytest.raises(OpenFailed) as seen:
        open_below(str(folder), names, symlinks=symlinks)
    return seen.value.status


def test_files_at_any_depth_are_opened(folder: Path) -> None:
    assert text(folder, "top.txt") == "top"
    assert text(folder, "a", "b", "deep.txt") == "deep"


def test_the_facts_are_those_of_the_open_file(folder: Path) -> None:
    """What is renamed over it afterwards changes nothing."""
    os.utime(folder / "top.txt", ns=(1, 1_700_000_000_123_456_789))
    file = open_below(str(folder), ["top.txt"], symlinks=True)
    (folder / "other").write_text("something longer")
    (folder / "other").rename(folder / "top.txt")
    assert (file.size, file.modified_ns) == (3, 1_700_000_000_123_456_789)
    assert file.read(0, 100) == b"top"
    assert file.read(1, 1) == b"o"
    file.close()
    file.close()


def test_a_file_that_is_forgotten_is_closed(folder: Path) -> None:
    file = open_below(str(folder), ["top.txt"], symlinks=True)
    fd = file.fd
    del file
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


@pytest.mark.parametrize(
    "names", [("none",), ("a", "none"), ("none", "x"), ("top.txt", "x"), ("x" * 300,)]
)
def test_what_is_not_there_is_missing(folder: Path, names: tuple[str, ...]) -> None:
    assert refused(folder, *names) == MISSING
    assert refused(folder, *names, symlinks=False) == MISSING


def test_a_folder_is_a_folder(folder: Path) -> None:
    assert refused(folder, "a") == FOLDER
    assert refused(folder, "a", "b") == FOLDER


def test_fifos_sockets_and_devices_are_missing(folder: Path) -> None:
    """None of them is opened to wait for somebody."""
    os.mkfifo(folder / "fifo")
    assert refused(folder, "fifo") == MISSING
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket"))
        assert refused(folder, "socket") == MISSING
    assert refused(Path("/dev"), "null") == MISSING


LINKS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "to a file": ("link", ("link",), "top.txt"),
    "to a folder": ("dir", ("dir", "deep.txt"), "a/b"),
    "up and in again": ("a/link", ("a", "link"), "../top.txt"),
    "out and in again": ("round", ("round",), "../site/top.txt"),
}


@pytest.mark.parametrize("case", LINKS)
def test_a_link_that_ends_inside_is_followed_where_links_are(folder: Path, case: str) -> None:
    """Not where they are switched off."""
    place, names, target = LINKS[case]
    (folder / place).symlink_to(target)
    assert text(folder, *names) in {"top", "deep"}
    assert refused(folder, *names, symlinks=False) == MISSING


def test_an_absolute_link_counts_by_its_end(folder: Path) -> None:
    (folder / "in").symlink_to(folder / "top.txt")
    (folder / "out").symlink_to(folder.parent / "secret")
    assert text(folder, "in") == "top"
    assert refused(folder, "out") == MISSING


def test_links_of_links_as_kubernetes_makes_them(folder: Path) -> None:
    """A volume's files are links through a link to a folder whose name changes."""
    (folder / "..2026_11_22").mkdir()
    (folder / "..2026_11_22" / "config.js").write_text("new")
    (folder / "..data").symlink_to("..2026_11_22")
    (folder / "config.js").symlink_to("..data/config.js")
    assert text(folder, "config.js") == "new"


@pytest.mark.parametrize(
    "place, names, target",
    [
        ("link", ("link",), "../secret"),
        ("link", ("link",), "/etc/passwd"),
        ("dir", ("dir", "file"), "../outside"),
        ("a/dir", ("a", "dir", "file"), "../../outside"),
        ("dir", ("dir", "secret"), ".."),
        ("near", ("near",), "../site-other"),
        ("loop", ("loop",), "loop"),
        ("loop", ("loop", "x"), "loop"),
        ("root", ("root", "etc", "passwd"), "/"),
        ("proc", ("proc", "passwd"), "/proc/self/root/etc"),
    ],
)
def test_a_link_that_ends_outside_is_missing(
    folder: Path, place: str, names: tuple[str, ...], target: str
) -> None:
    """By whatever way it leads out; also into a folder whose name only begins alike."""
    (folder.parent / "site-other").write_text("secret")
    (folder / place).symlink_to(target)
    assert refused(folder, *names) == MISSING
    assert refused(folder, *names, symlinks=False) == MISSING


def test_a_link_to_the_folder_itself_is_a_folder(folder: Path) -> None:
    (folder / "self").symlink_to(".")
    assert refused(folder, "self") == FOLDER
    assert text(folder, "self", "self", "top.txt") == "top"


def test_the_folder_may_be_a_link_and_change(folder: Path) -> None:
    """A release is put in place by pointing a link elsewhere."""
    current = folder.parent / "current"
    current.symlink_to(folder)
    assert text(current, "a", "b", "deep.txt") == "deep"
    (folder / "link").symlink_to("top.txt")
    assert text(current, "link") == "top"
    current.unlink()
    current.symlink_to(folder.parent / "outside")
    assert text(current, "file") == "secret"


def test_a_folder_exchanged_for_a_link_in_between_leads_nowhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the links and the opening; each name is opened without following."""
    (folder / "dir").symlink_to("a")
    original = os.path.realpath

    def exchanging(path: Any, **more: Any) -> str:
        real = original(path, **more)
        if str(path).endswith("file"):
            (folder / "a").rename(folder / "gone")
            (folder / "a").symlink_to("../outside")
        return real

    (folder / "a" / "file").write_text("mine")
    monkeypatch.setattr(os.path, "realpath", exchanging)
    assert refused(folder, "dir", "file") == MISSING
    assert (folder / "a").is_symlink()


def test_a_file_exchanged_for_a_link_all_the_time_never_shows_the_other(folder: Path) -> None:
    """A thousand looks and more while another thread renames to and fro: the file, or nothing."""
    stop = threading.Event()
    (folder / "x").mkdir()
    (folder / "x" / "file").write_text("mine")

    def exchange() -> None:
        while not stop.is_set():
            (folder / "x").rename(folder / "y")
            (folder / "x").symlink_to("../outside")
            (folder / "x").unlink()
            (folder / "y").rename(folder / "x")

    thread = threading.Thread(target=exchange)
    thread.start()
    seen = set()
    try:
        for look in range(100_000):
            if look > 1000 and "mine" in seen:
                break
            try:
                seen.add(text(folder, "x", "file"))
            except OpenFailed as failed:
                seen.add(str(failed.status))
    finally:
        stop.set()
        thread.join()
    assert "mine" in seen
    assert seen <= {"mine", "404"}


@pytest.mark.parametrize(
    "number, status",
    [
        (errno.EACCES, FORBIDDEN),
        (errno.EPERM, FORBIDDEN),
        (errno.EMFILE, BUSY),
        (errno.ENFILE, BUSY),
        (errno.ENOMEM, BUSY),
        (errno.EIO, FAILED),
        (errno.ESTALE, FAILED),
        (errno.ENXIO, MISSING),
    ],
)
def test_the_system_s_refusal_has_its_status(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    """Whether opening fails, or what follows it."""
    monkeypatch.setattr(static_files.os, "open", raising(number))
    assert refused(folder, "top.txt") == status


def test_a_failed_look_at_the_open_file_leaves_no_descriptor(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(static_files.os, "fstat", raising(errno.EIO))
        assert refused(folder, "top.txt") == FAILED


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_forbidden(folder: Path) -> None:
    (folder / "top.txt").chmod(0)
    assert refused(folder, "top.txt") == FORBIDDEN


def test_a_name_that_the_file_system_has_no_bytes_for_is_missing(folder: Path) -> None:
    """As under an ASCII locale."""
    assert refused(folder, "\ud800") == MISSING


def test_without_openat_the_resolved_path_is_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows, where links are rare: only what ends inside."""
    monkeypatch.setattr(static_files, "_RELATIVE", False)
    (folder / "out").symlink_to("../secret")
    (folder / "in").symlink_to("a")
    assert text(folder, "a", "b", "deep.txt") == "deep"
    assert text(folder, "in", "b", "deep.txt") == "deep"
    assert refused(folder, "out") == MISSING
    assert refused(folder, "a") == FOLDER
    assert refused(folder, "none") == MISSING


def raising(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail
