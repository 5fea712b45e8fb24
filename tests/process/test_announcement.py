"""--announce: where the server listens, for programs."""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from penstock.config import Bind, TcpAddress, UnixAddress
from penstock.errors import SetupError
from penstock.process.announcement import Announcement
from tests.apps.server import Server, stopped_well


def test_every_address_is_told_with_what_is_spoken_there(tmp_path: Path) -> None:
    path = tmp_path / "where.json"
    announcement = Announcement(str(path))
    announcement.claim()
    unix = socket.socket(socket.AF_UNIX)
    with socket.create_server(("0.0.0.0", 0)) as tcp, unix:
        unix.bind(str(tmp_path / "s"))
        port = tcp.getsockname()[1]
        announcement.write(
            [
                (tcp, Bind(TcpAddress("0.0.0.0", 0), tls=True, name="main")),
                (unix, Bind(UnixAddress(str(tmp_path / "s")), proxy_protocol=True)),
            ]
        )
    assert json.loads(path.read_text()) == {
        "pid": os.getpid(),
        "addresses": [
            {
                "url": f"https://127.0.0.1:{port}",
                "name": "main",
                "host": "0.0.0.0",
                "port": port,
                "tls": True,
                "proxy_protocol": False,
            },
            {
                "url": f"unix:{tmp_path}/s",
                "name": "",
                "path": str(tmp_path / "s"),
                "tls": False,
                "proxy_protocol": True,
            },
        ],
    }
    assert [each.name for each in tmp_path.iterdir() if each.name != "s"] == ["where.json"]
    announcement.withdraw()
    announcement.withdraw()
    assert not path.exists()


def test_a_left_over_file_is_gone_before_anybody_can_believe_it(tmp_path: Path) -> None:
    path = tmp_path / "where.json"
    path.write_text("old")
    Announcement(str(path), predecessor=os.getpid()).claim()
    assert path.read_text() == "old"
    Announcement(str(path)).claim()
    assert not path.exists()


def test_the_file_of_a_successor_stays(tmp_path: Path) -> None:
    path = tmp_path / "where.json"
    first, second = Announcement(str(path)), Announcement(str(path))
    first.write([])
    second.write([])
    first.withdraw()
    assert json.loads(path.read_text())["addresses"] == []


@pytest.mark.parametrize("kind", ["folder", "link", "no folder"])
def test_what_is_no_file_of_ours_is_left_alone_and_explained(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "where.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        (tmp_path / "precious").write_text("kept")
        path.symlink_to(tmp_path / "precious")
    else:
        path = tmp_path / "no" / "where.json"
    with pytest.raises(SetupError, match="cannot tell where the server listens") as caught:
        Announcement(str(path)).claim()
    assert "--announce" in caught.value.hint
    if kind == "link":
        assert (tmp_path / "precious").read_text() == "kept"


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "where.json").mkdir()
    with pytest.raises(SetupError, match="Is a directory"):
        Announcement(str(tmp_path / "where.json")).write([])


@pytest.mark.real
@pytest.mark.parametrize("workers", [(), ("--workers", "1")])
def test_the_server_tells_its_port_while_it_serves(tmp_path: Path, workers: Any) -> None:
    """Who starts it on port 0 finds out here, with and without a supervisor."""
    path = tmp_path / "where.json"
    options = ["--port", "0", "--announce", str(path), "--lifespan", "off", *workers]
    with Server("tests.apps.scope_app:app", *options) as server:
        server.until("Running on")
        # The file comes right after the line
        told = json.loads(read(path))
        assert told["addresses"][0]["url"] == server.url
        assert told["pid"] == server.pid
        stopped_well(server)
    assert not path.exists()


def read(path: Path) -> str:
    """The file once it is there."""
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline, "no file"
        time.sleep(0.005)
    return path.read_text()
