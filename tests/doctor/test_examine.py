"""The whole examination, of applications written for it: what must be found, and what must not."""

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.config.config import Config
from penstock.doctor.examine import Asked, Report, examine
from penstock.doctor.findings import FINE, HINT, WRONG, Finding
from penstock.errors import UsageError

Examine = Callable[..., Report]
_numbers = itertools.count()

ASGI = """
import sqlite3
import time
import requests

async def answer(send, body=b""):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await ROUTES[scope["path"]]()
    await answer(send, BODIES.get(scope["path"], b""))

async def index():
    pass

async def sleeping():
    time.sleep(0.08)

async def fetching():
    try:
        with requests.Session() as session:
            session.trust_env = False
            requests.get("http://127.0.0.1:9/")  # FETCH
    except requests.ConnectionError:
        pass

connection = sqlite3.connect(":memory:")

async def querying():
    connection.execute("select 1").fetchall()  # QUERY

async def computing():
    end = time.thread_time() + 0.08
    while time.thread_time() < end:  # CPU
        pass

async def raising():
    raise LookupError("no such thing")

async def never():
    time.sleep(1000)  # NEVER

ROUTES = {
    "/": index, "/sleep": sleeping, "/fetch": fetching, "/query": querying, "/cpu": computing,
    "/raise": raising, "/never": never, "/openapi.json": index, "/odd.json": index,
}
BODIES = {"/openapi.json": b'{"paths": {"/": {"get": {}}, "/query": {"get": {}, "post": {}}}}'}
"""


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Examine]:
    """Examine an application of that source; `line` of the report tells where words stand."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "*")
    made: list[str] = []

    def run(text: str, *requests: str, **more: Any) -> Report:
        name = f"penstock_doctor_{next(_numbers)}"
        made.append(name)
        (tmp_path / f"{name}.py").write_text(text)
        asked = Asked(
            requests, more.pop("openapi", ""), more.pop("har", ()), 0.02,
            more.pop("deadline_s", 20.0),
        )  # fmt: skip
        return examine(Config(app=f"{name}:app", app_dir=str(tmp_path), **more), asked)

    yield run
    for name in made:
        connection = getattr(sys.modules.pop(name, None), "connection", None)
        if connection is not None:
            connection.close()


def section(report: Report, title: str) -> list[Finding]:
    return dict(report.sections)[title]


def line(text: str, words: str) -> int:
    return next(number for number, each in enumerate(text.splitlines(), 1) if words in each)


@pytest.mark.parametrize(
    "path, words, function",
    [
        ("/sleep", "time.sleep(0.08)", "sleeping"),
        ("/fetch", "# FETCH", "fetching"),
        ("/query", "# QUERY", "querying"),
        ("/cpu", "# CPU", "computing"),
    ],
)
def test_what_holds_the_loop_is_found_with_file_and_line(
    path: str, words: str, function: str, look: Examine
) -> None:
    report = look(ASGI, path)
    found = [each for each in section(report, "Blocking calls") if each.level == WRONG]
    assert found
    lines = {line(ASGI, words)} | ({line(ASGI, words) + 1} if path == "/cpu" else set())
    for each in found:
        place, _, name = each.place.partition(" ")
        file, _, number = place.rpartition(":")
        assert (Path(file).suffix, name) == (".py", function)
        assert int(number) in lines
        assert each.cure
    assert report.exit_code == 1
    assert len(report.steps) == 3
    assert function in report.steps[0]


SYNCHRONOUS = """
import sqlite3, subprocess

async def app(scope, receive, send):
    if scope["path"] == "/query":
        sqlite3.connect(":memory:").close()  # MEASURED
    if scope["path"] == "/run":
        program()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})

def program():
    subprocess.run(["true"])  # READ
"""


def test_what_no_request_has_reached_is_read_and_what_was_measured_is_not_told_twice(
    look: Examine,
) -> None:
    report = look(SYNCHRONOUS, "/query", lifespan="off")
    (measured,) = section(report, "Blocking calls")
    (read,) = section(report, "Synchronous dependencies")
    assert measured.place.endswith(f":{line(SYNCHRONOUS, '# MEASURED')} app")
    assert (measured.level, read.level) == (WRONG, HINT)
    assert read.place.endswith(f":{line(SYNCHRONOUS, '# READ')} program")
    assert read.text.startswith(
        "subprocess is synchronous: subprocess.run(), called by async def app"
    )
    assert measured.cure in report.steps[0]
    assert report.steps[1].endswith(read.cure)


ONE_QUERY = """
import sqlite3

async def app(scope, receive, send):
    sqlite3.connect(":memory:").close()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
"""


def test_where_all_of_them_were_measured_it_says_besides_those(look: Examine) -> None:
    report = look(ONE_QUERY, "/", lifespan="off")
    (none,) = section(report, "Synchronous dependencies")
    assert none.text == "none seen to be called on the event loop besides those above"


def test_synchronous_dependencies_alone_are_hints_and_the_first_steps(look: Examine) -> None:
    report = look(SYNCHRONOUS, "/", lifespan="off")
    found = section(report, "Synchronous dependencies")
    assert section(report, "Blocking calls")[0].level == FINE
    assert [each.text.partition(" ")[0] for each in found] == ["sqlite3", "subprocess"]
    assert report.exit_code == 0
    assert [step.rpartition(": ")[2] for step in report.steps[:2]] == [each.cure for each in found]


RIGHT = """
import asyncio, sqlite3, time

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        connection = await asyncio.to_thread(sqlite3.connect, ":memory:", check_same_thread=False)
        scope["state"]["connection"] = connection
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        connection.close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    connection = scope["state"]["connection"]
    await asyncio.to_thread(connection.execute, "select 1")
    await asyncio.to_thread(time.sleep, 0.05)
    await asyncio.sleep(0.05)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
"""


def test_a_right_application_is_not_blamed(look: Examine) -> None:
    report = look(RIGHT, "/", "POST / {}")
    every = [each for _, found in report.sections for each in found]
    assert [each for each in every if each.level in {WRONG, HINT}] == []
    (none,) = section(report, "Synchronous dependencies")
    assert (none.level, none.text) == (FINE, "none seen to be called on the event loop")
    assert report.exit_code == 0
    assert len(report.steps) == 3
    assert not report.hangs


def test_without_requests_the_openapi_document_is_asked(look: Examine) -> None:
    report = look(ASGI)
    assert [str(each.request) for each in report.answers] == ["GET /", "GET /query"]
    notes = " ".join(each.text for each in section(report, "Requests"))
    assert "1 operation that would change something left out" in notes


def test_a_document_may_be_asked_of_the_application_or_read_from_a_file(
    look: Examine, tmp_path: Path
) -> None:
    asked = look(ASGI, openapi="/openapi.json")
    (tmp_path / "doc.json").write_text('{"paths": {"/": {"get": {}}}}')
    read = look(ASGI, openapi="doc.json")
    assert [str(each.request) for each in asked.answers] == ["GET /", "GET /query"]
    assert [str(each.request) for each in read.answers] == ["GET /"]


@pytest.mark.parametrize(
    "openapi, words", [("gone.json", "there is no file"), ("/odd.json", "is no OpenAPI document"),
                       ("/raise", "answers GET /raise with nothing")],
)  # fmt: skip
def test_a_document_that_is_none_is_a_mistake_of_the_user(
    openapi: str, words: str, look: Examine
) -> None:
    with pytest.raises(UsageError, match=words):
        look(ASGI, openapi=openapi)


def test_a_call_that_does_not_come_back_is_ended_and_named(look: Examine) -> None:
    report = look(ASGI, "/never", "/", deadline_s=0.1)
    finding = section(report, "Blocking calls")[0]
    assert finding.text.startswith("GET /never did not come back within 0.1 s")
    assert finding.place.endswith(f":{line(ASGI, '# NEVER')} never")
    assert [each.status for each in report.answers] == [0, 200]


def test_what_it_raises_has_its_place_and_nothing_is_printed(
    look: Examine, capfd: pytest.CaptureFixture[str]
) -> None:
    (finding,) = section(look(ASGI, "/raise"), "Requests")
    assert finding.text == "GET /raise raised LookupError: no such thing"
    assert finding.place.endswith(" raising")
    assert capfd.readouterr() == ("", "")


def test_what_it_prints_is_kept_out_of_the_report(look: Examine) -> None:
    report = look("print('hello')\n" + RIGHT, "/")
    assert section(report, "Requests")[-1].text == "the application wrote 1 line; the last: hello"


WSGI = """
import time
HITS = {"n": 0}

def app(environ, start_response):
    HITS["n"] += 1
    if environ["PATH_INFO"] == "/wait":
        time.sleep(0.03)
    elif environ["PATH_INFO"] == "/cpu":
        end = time.thread_time() + 0.03
        while time.thread_time() < end:
            pass
    elif environ["PATH_INFO"] == "/never":
        time.sleep(1000)
    write = start_response("200 OK", [])
    write(b"x")
    return []
"""


def test_a_wsgi_application_learns_what_asgi_has_not(look: Examine) -> None:
    report = look(WSGI, "/")
    assert section(report, "Interface")[0].text.startswith("WSGI: ")
    texts = [each.text for each in section(report, "From WSGI to ASGI")]
    assert "write() has no counterpart in ASGI" in texts
    assert section(report, "Threads")[0].text.startswith("HITS is read, changed and written back")
    assert not {"Blocking calls", "Synchronous dependencies"} & set(dict(report.sections))


@pytest.mark.parametrize("path, cure", [("/wait", "--threads"), ("/cpu", "--workers")])
def test_its_requests_tell_whether_threads_would_help(path: str, cure: str, look: Examine) -> None:
    found = section(look(WSGI, path), "From WSGI to ASGI")
    assert any(cure in each.cure for each in found), found


def test_a_wsgi_call_that_does_not_come_back_is_named(look: Examine) -> None:
    report = look(WSGI, "/never", deadline_s=0.1)
    assert any("did not come back" in each.text for each in section(report, "Requests"))


@pytest.mark.parametrize(
    "text, words, place",
    [
        ("import penstock_none", "No module named 'penstock_none'", ":1 <module>"),
        ("x = 1\nx(", "SyntaxError", ".py:2"),
        ("def f():\n    1 / 0\nf()", "ZeroDivisionError", ":2 f"),
    ],
)
def test_an_application_that_cannot_be_imported_is_a_finding(
    text: str, words: str, place: str, look: Examine
) -> None:
    report = look(text)
    (finding,) = section(report, "Import")
    assert words in finding.text
    assert finding.place.endswith(place)
    assert report.exit_code == 4
    assert len(report.steps) == 3


def test_an_application_that_does_not_start_is_not_asked(look: Examine) -> None:
    report = look("async def app(scope, receive, send):\n    raise SystemExit(1)\n", "/")
    assert report.answers == []
    assert section(report, "Lifespan")[0].level == WRONG
    assert section(report, "Requests")[0].text == "none was asked"


def test_an_asgi_2_application_is_told_why(look: Examine) -> None:
    text = (
        "def app(scope):\n    async def call(receive, send):\n"
        "        await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "        await send({'type': 'http.response.body'})\n    return call\n"
    )
    report = look(text, "/", lifespan="off")
    assert section(report, "Interface")[0].text.startswith("ASGI 2: it takes a scope")
    assert report.answers[0].status == 200
