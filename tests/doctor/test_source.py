"""What is read in the application's own source: hints with file and line, and none for right code."""

import ast
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

from penstock.doctor import source
from penstock.doctor.findings import Finding


def read(text: str) -> list[source.Own]:
    return [source.Own("/srv/app.py", ast.parse(textwrap.dedent(text)))]


def places(found: list[Finding]) -> list[str]:
    return [each.place for each in found]


FASTAPI = """
from fastapi import Depends, FastAPI
app = FastAPI()

async def dependency():
    load()

async def helper():
    load()

@app.get("/")
async def route(x=Depends(dependency)):
    load()

@app.get("/w")
async def waits():
    load()
    await other()
"""


@pytest.mark.parametrize(
    "line, name", [(6, "dependency"), (9, ""), (13, "route"), (17, ""), (3, ""), (99, "")]
)
def test_routes_and_dependencies_that_await_nothing_could_have_a_thread(
    line: int, name: str
) -> None:
    assert source.threads_instead(read(FASTAPI), "/srv/app.py", line) == name
    assert (
        source.threads_instead(read(FASTAPI.replace("fastapi", "aiohttp")), "/srv/app.py", line)
        == ""
    )
    assert source.threads_instead(read(FASTAPI), "/srv/other.py", line) == ""


def test_what_asgi_has_not_is_found() -> None:
    found = source.wsgi_features(
        read(
            "import uwsgi\nx = environ['wsgi.file_wrapper']\ny = 'uwsgi'\nz = environ['PATH_INFO']"
        )
    )
    assert places(found) == ["/srv/app.py:1", "/srv/app.py:2"]
    assert "pathsend" in found[1].cure
    assert [each.text for each in source.used_features({"write()"})] == [
        "write() has no counterpart in ASGI"
    ]


UNSAFE = """
import os, sqlite3, threading
COUNT = 0
HITS: dict = {}
lock = threading.Lock()
connection = sqlite3.connect("x")

def count():
    global COUNT
    COUNT += 1
    if True:
        HITS["a"] += 1
    os.chdir("/")

def right():
    global COUNT
    with lock:
        COUNT += 1
    local = 0
    local += 1
    other["a"] += 1

async def on_loop():
    HITS["a"] += 1
"""


def test_what_threads_trip_over_is_found() -> None:
    found = source.thread_hints(read(UNSAFE), wsgi=True)
    assert places(found) == [
        "/srv/app.py:10 count", "/srv/app.py:12 count", "/srv/app.py:13 count", "/srv/app.py:6",
    ]  # fmt: skip


def test_a_thread_local_is_shared_on_a_loop_only() -> None:
    text = "import threading\nlocal = threading.local()"
    assert places(source.thread_hints(read(text), wsgi=False)) == ["/srv/app.py:2"]
    assert source.thread_hints(read(text), wsgi=True) == []


def test_a_connection_that_may_change_threads_is_left_alone() -> None:
    text = "import sqlite3\nc = sqlite3.connect('x', check_same_thread=False)"
    assert source.thread_hints(read(text), wsgi=True) == []


def test_only_files_of_the_application_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def module(name: str, path: Path, text: str) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        made = ModuleType(name)
        made.__file__ = str(path)
        monkeypatch.setitem(sys.modules, name, made)
        return name

    names = [
        module("penstock_own", tmp_path / "own.py", "x = 1"),
        module("penstock_installed", tmp_path / "site-packages" / "lib.py", "x = 1"),
        module("penstock_broken", tmp_path / "broken.py", "x("),
        module("penstock_large", tmp_path / "large.py", "#" * (source.FILE_BYTES_MAX + 1)),
        module("penstock_twice", tmp_path / "own.py", "x = 1"),
        "ast", "penstock.errors", "penstock_none", "sys",
    ]  # fmt: skip
    assert [(each.file, each.module) for each in source.own_sources(names)] == [
        (str(tmp_path / "own.py"), "penstock_own")
    ]


def test_no_more_files_are_read_than_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"penstock_many_{number}" for number in range(3)]
    for name in names:
        (tmp_path / f"{name}.py").write_text("")
        made = ModuleType(name)
        made.__file__ = str(tmp_path / f"{name}.py")
        monkeypatch.setitem(sys.modules, name, made)
    monkeypatch.setattr(source, "FILES_MAX", 2)
    assert len(source.own_sources(names)) == 2
