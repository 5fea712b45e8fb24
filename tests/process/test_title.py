"""ps and top name the processes by --name and by their part."""

import sys
import types
from pathlib import Path

import pytest

from penstock.process.title import COMM_BYTES_MAX, long_title, set_title, short_title
from tests.command import python


@pytest.mark.parametrize(
    "name, part, expected",
    [
        ("site", "", "site"),
        ("site", "worker 2", "site w2"),
        ("penstock", "supervisor", "penstock super"),
        ("penstock", "worker 128", "penstock w128"),
        ("a-rather-long-name", "worker 12", "a-rather-lo w12"),
        ("a-rather-long-name", "", "a-rather-long-n"),
        ("größergrößer", "worker 1", "größergrö w1"),
        ("x", "somethingelsethatislong", "x somethingelse"),
    ],
)
def test_the_short_name_keeps_the_part_in_15_bytes(name: str, part: str, expected: str) -> None:
    assert short_title(name, part) == expected
    assert len(expected.encode()) <= COMM_BYTES_MAX


def test_the_long_title_has_the_application_too() -> None:
    assert long_title("site", "worker 2", "main:app") == "site: worker 2 [main:app]"
    assert long_title("site", "", "") == "site"


PROGRAM = """
from penstock.process.title import set_title
set_title(NAME, PART, "main:app")
print(open("/proc/self/comm").read().strip())
"""


@pytest.mark.skipif(not Path("/proc/self/comm").exists(), reason="no such file on this system")
@pytest.mark.parametrize(
    "name, part, expected",
    [("site", "worker 3", "site w3"), (None, "supervisor", "penstock super"), ("site", "", "site")],
)
def test_the_system_shows_it(name: str | None, part: str, expected: str) -> None:
    done = python(PROGRAM.replace("NAME", repr(name)).replace("PART", repr(part)))
    assert done.stdout.strip() == expected, done.stderr


def test_one_process_without_a_name_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.open", lambda *_: pytest.fail("nothing is to be written"))
    set_title(None)


def test_the_long_title_needs_the_package_and_nothing_happens_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def closed(*_: object, **__: object) -> None:
        raise PermissionError

    titles: list[str] = []
    fake = types.ModuleType("setproctitle")
    fake.setproctitle = titles.append  # type: ignore[attr-defined]
    monkeypatch.setattr("builtins.open", closed)
    monkeypatch.setitem(sys.modules, "setproctitle", fake)
    set_title("site", "worker 1", "main:app")
    assert titles == ["site: worker 1 [main:app]"]
    monkeypatch.setitem(sys.modules, "setproctitle", None)
    set_title("site", "worker 1", "main:app")
