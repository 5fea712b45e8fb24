"""What blocks the loop is told by code, request and advice; real stalls, looked at from another thread."""

import asyncio
import queue
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from penstock.transport import stall
from penstock.transport.stall import Call, advise, innermost
from tests.loops import NewLoop, each_loop
from tests.sockets import Served, serving

OWN = Call("/srv/app/views.py", 12, "index")
PACKAGE = Call("/venv/lib/python3.13/site-packages/framework/core.py", 3, "run")
LIBRARY = Call(subprocess.__file__, 9, "run")


@pytest.mark.parametrize(
    "calls, found",
    [
        ([LIBRARY, OWN, PACKAGE], OWN),
        ([LIBRARY, PACKAGE], PACKAGE),
        ([PACKAGE, OWN], OWN),
        ([LIBRARY], LIBRARY),
        ([], None),
    ],
)
def test_the_applications_own_innermost_call_is_named(calls: Any, found: Any) -> None:
    assert innermost(calls) is found


@pytest.mark.parametrize(
    "place, source, words",
    [
        ("/srv/app.py:view", "time.sleep(5)", "asyncio.sleep()"),
        ("/lib/python3.13/subprocess.py:wait", "check(command)", "create_subprocess_exec"),
        ("/srv/app.py:view", 'rows = cursor.execute("select 1").fetchall()', "to_thread"),
        ("/x/site-packages/psycopg/connection.py:wait", "load()", "asynchronous driver"),
        ("/x/site-packages/requests/api.py:get", "fetch()", "httpx.AsyncClient"),
        ("/lib/python3.13/ssl.py:read", "fetch()", "httpx.AsyncClient"),
        ("/lib/python3.13/socket.py:getaddrinfo", "fetch()", "httpx.AsyncClient"),
        ("/lib/python3.13/socket.py:getaddrinfo", "socket.getaddrinfo(a, 1)", "loop.getaddrinfo()"),
        ("/lib/python3.13/threading.py:wait", "job()", "asyncio.Lock"),
        ("/srv/app.py:view", "return future.result()", "asyncio.wrap_future"),
        ("/srv/app.py:view", 'text = open("x").read()', "reading and writing files"),
        ("<frozen importlib._bootstrap>:_find_and_load", "import pandas", "top of the module"),
        ("/lib/python3.13/logging/__init__.py:flush", "log(1)", "log less"),
    ],
)
def test_the_advice_fits_what_blocks(place: str, source: str, words: str) -> None:
    file, _, function = place.rpartition(":")
    assert words in advise([Call(file, 1, function), OWN], source, False)


def test_without_a_sign_the_advice_goes_by_whether_it_computes() -> None:
    assert "process pool" in advise([OWN], "total += 1", True)
    assert "asynchronous form" in advise([OWN], "native.call()", False)


class App:
    """An application that holds the loop until the test lets go; paths say where."""

    def __init__(self) -> None:
        self.blocked = threading.Event()
        self.release = threading.Event()

    def hold(self) -> None:
        self.blocked.set()
        self.release.wait(20)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/after":
            await asyncio.sleep(0)
            self.hold()
        elif scope["path"] == "/child":
            await asyncio.create_task(self.child())
        elif scope["path"] == "/callback":
            asyncio.get_running_loop().call_soon(self.hold)
        else:
            self.hold()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def child(self) -> None:
        self.hold()


def explained(path: str, new_loop: NewLoop, app: Any = None, **options: Any) -> str:
    """What is said while a request for `path` blocks."""
    app = app or App()
    with serving(app, new_loop, **options) as served, served.client() as client:
        client.ask(path)
        assert app.blocked.wait(10)
        try:
            return explain(served)
        finally:
            app.release.set()
            assert client.response().status == 204


def explain(served: Served) -> str:
    return stall.explain(served.worker, served._thread.ident or 0, computed=False)


@each_loop
@pytest.mark.parametrize("path", ["/first", "/after"])
def test_frame_request_and_stack_are_told(new_loop: NewLoop, path: str) -> None:
    text = explained(path, new_loop)
    assert text.startswith(f" at {__file__}:")
    assert " hold (self.release.wait(20)), in " in text
    assert f"; it serves GET {path}, " in text
    assert "; advice: what waits for another thread" in text
    assert "threading.py" in text.partition("; stack: ")[2]
    assert "penstock" not in text.partition("; stack: ")[2].replace(__file__, "")


@each_loop
def test_a_task_of_the_applications_is_told_with_the_requests_under_way(new_loop: NewLoop) -> None:
    text = explained("/child", new_loop)
    assert "; task Task-" in text
    assert "is running; under way: GET /child, " in text


@each_loop
def test_a_callback_is_told_as_such(new_loop: NewLoop) -> None:
    assert "; a callback is running" in explained("/callback", new_loop)


class Wsgi(App):
    def __call__(self, environ: Any, start_response: Any) -> Any:  # type: ignore[override]
        self.hold()
        start_response("204 No Content", [])
        return []


@each_loop
def test_a_wsgi_application_on_the_loops_thread_is_told(new_loop: NewLoop) -> None:
    text = explained("/wsgi", new_loop, Wsgi(), interface="wsgi", threads=0)
    assert "; it serves GET /wsgi, " in text


@each_loop
def test_a_loop_that_has_nothing_to_do_is_not_taken_for_the_applications(new_loop: NewLoop) -> None:
    with serving(App(), new_loop) as served:
        served.on_loop(lambda: None)
        until(lambda: explain(served).startswith(", outside of Python code; "))


def until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not look():
        assert time.monotonic() < deadline
        queue.SimpleQueue[None]()


def test_a_line_of_source_is_cut_and_stays_one_line_x06() -> None:
    assert "\n" not in explained("/%0d%0a", asyncio.new_event_loop)
