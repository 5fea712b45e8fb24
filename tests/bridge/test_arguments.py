"""Command lines of other servers: every flag of every table, in every form that its parser takes."""

from typing import Any

import pytest

from penstock.bridge import granian, gunicorn, hypercorn, uvicorn
from penstock.bridge.arguments import Flag, flags_of, read
from penstock.bridge.rules import Server

SERVERS = (granian.SERVER, gunicorn.SERVER, hypercorn.SERVER, uvicorn.SERVER)
EACH_FLAG = [
    (server, spelling, flag) for server in SERVERS for spelling, flag in flags_of(server).items()
]


def values(line: str, server: Server = gunicorn.SERVER) -> dict[str, Any]:
    return {name: said.value for name, said in read(line.split(), server).given.items()}


@pytest.mark.parametrize("server, spelling, flag", EACH_FLAG, ids=lambda each: str(each)[:24])
def test_every_flag_reaches_its_setting(server: Server, spelling: str, flag: Flag) -> None:
    line = [spelling, "7", "main:app"] if flag.takes == "value" else [spelling, "main:app"]
    found = read(line, server)
    assert found.positional == ["main:app"]
    assert found.unknown == []
    (said,) = found.given.values()
    expected = "7" if flag.takes == "value" else flag.value
    assert said.value == ([expected] if flag.many else expected)
    assert said.origin == spelling


@pytest.mark.parametrize(
    "line, expected",
    [
        ("-w 4", {"workers": "4"}),
        ("-w4", {"workers": "4"}),
        ("-w=4", {"workers": "4"}),
        ("--workers=4", {"workers": "4"}),
        ("--workers 4 --workers 5", {"workers": "5"}),
        ("-b a -b b", {"bind": ["a", "b"]}),
        ("--reload", {"reload": True}),
        ("--no-sendfile", {"sendfile": False}),
        ("--work 4", {}),  # workers, worker-class, worker-connections, worker-tmp-dir
        ("--workers-", {}),
        ("--pidd", {}),
        ("--graceful 3", {"graceful_timeout": "3"}),
        ("--proxy-protocol", {"proxy_protocol": True}),
        ("--proxy-protocol=v2", {"proxy_protocol": "v2"}),
        ("-w", {"workers": ""}),
    ],
)
def test_flags_are_read_as_argparse_reads_them(line: str, expected: dict[str, Any]) -> None:
    assert values(line) == expected


def test_click_takes_no_abbreviations() -> None:
    assert read(["--relo"], uvicorn.SERVER).unknown == ["--relo"]


def test_pairs_are_on_and_off() -> None:
    assert values("--access-log", uvicorn.SERVER) == {"access_log": True}
    assert values("--no-access-log", uvicorn.SERVER) == {"access_log": False}
    assert values("--ws", granian.SERVER) == {"websockets": True}
    assert values("--no-ws", granian.SERVER) == {"websockets": False}


def test_unknown_flags_are_told_with_what_seems_their_value() -> None:
    found = read(["main:app", "--zebra", "9", "--yak=3", "-w", "4"], gunicorn.SERVER)
    assert found.unknown == ["--zebra 9", "--yak=3"]
    assert found.positional == ["main:app"]
    assert found.given["workers"].value == "4"


def test_behind_two_dashes_everything_is_a_word() -> None:
    assert read(["--", "--reload"], uvicorn.SERVER).positional == ["--reload"]
