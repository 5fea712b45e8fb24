"""Synchronous libraries on the event loop: found wherever it comes to them, and nowhere else."""

import ast
import textwrap
from pathlib import Path

import pytest

from penstock.doctor import dependencies
from penstock.doctor.findings import HINT, NOTE, WRONG, Finding
from penstock.doctor.source import Own

HERE = Path(__file__).parent


def read(text: str, *told: Finding, **others: str) -> list[Finding]:
    modules = {"app": text, **others}
    sources = [
        Own(f"/srv/{name}.py", ast.parse(textwrap.dedent(each)), name)
        for name, each in modules.items()
    ]
    return dependencies.findings(sources, told)


def places(found: list[Finding]) -> list[str]:
    """All places of all findings, as `line function`."""
    every = [place for each in found for place in (each.place, *each.also)]
    return [place.partition(": ")[0].rpartition(":")[2] for place in every]


BLOCKING = """
import time, requests as r
from time import sleep

async def a():
    time.sleep(1)
    r.get("x")
    sleep(1)
    await other(r.post("x"))
    [r.get(u) for u in "ab"]

def plain():
    time.sleep(1)
"""


def test_a_library_is_told_once_with_all_its_places_a_function_each() -> None:
    found = read(BLOCKING + "\nasync def b():\n    r.put('x')\n")
    assert [each.place for each in found] == ["/srv/app.py:7 a", "/srv/app.py:6 a"]
    assert found[0].text == (
        "requests is synchronous: r.get() and 2 more in async def a (read, not seen to run)"
    )
    assert found[0].also == ("/srv/app.py:16 b: r.put() in async def b",)
    assert [each.level for each in found] == [HINT, HINT]
    assert found[1].cure == "await asyncio.sleep()"
    assert found[0].weight > found[1].weight > 1.0


@pytest.mark.parametrize(
    "body",
    [
        "await asyncio.to_thread(time.sleep, 1)",
        "await asyncio.to_thread(lambda: time.sleep(1))",
        "await asyncio.to_thread(load)",
        "await asyncio.to_thread(functools.partial(load, 1))",
        "await loop.run_in_executor(None, load)",
        "await loop.run_in_executor(pool, lambda: load())",
        "await run_in_threadpool(load)",
        "await sync_to_async(load)()",
        "await sync_to_async(load, thread_sensitive=True)()",
        "await wrapped()",
        "await decorated()",
        "await asyncio.gather(decorated(), decorated())",
        "await retried()",
        "background.add_task(load)",
        "pool.submit(load)",
        "threading.Thread(target=load).start()",
        "StreamingResponse(lines())",
        "StreamingResponse(requests.get(u) for u in urls)",
        "other.sleep(1)",
        "time.sleep(0)",
        "await time.sleep(1)",
        "async with requests.get('x'): pass",
        "await asyncio.sleep(1)",
    ],
)
def test_what_threads_run_or_nobody_runs_is_not_blamed(body: str) -> None:
    text = f"""
    import asyncio, functools, requests, threading, time
    from asgiref.sync import sync_to_async
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import StreamingResponse

    def load(): time.sleep(1)
    def lines(): yield time.sleep(1)
    wrapped = sync_to_async(load)

    @sync_to_async
    def decorated(): time.sleep(1)

    @in_a_thread
    def retried(): time.sleep(1)

    async def view(background, pool, loop, urls):
        def inner(): time.sleep(1)
        {body}
    """
    assert read(text) == []


@pytest.mark.parametrize(
    "body, place",
    [
        ("load()", "7 load"),
        ("through()", "7 load"),
        ("await awaits()", "14 awaits"),
        ("service = Service(); service.load()", "11 load"),
        ("list(lines())", "12 lines"),
        ("[each for each in lines()]", "12 lines"),
        ("with opened(): pass", "17 opened"),
        ("def inner(): time.sleep(1)\n        inner()", "20 inner"),
    ],
)
def test_the_loop_is_followed_through_plain_functions(body: str, place: str) -> None:
    text = f"""
    import contextlib
    import time
    # lines count from the text's first, which is empty

    # what is called
    def load(): time.sleep(1)
    def through(): return load()
    class Service:
        # its method
        def load(self): time.sleep(1)
    def lines(): yield time.sleep(1)

    def awaits(): time.sleep(1)

    @contextlib.contextmanager
    def opened(): time.sleep(1); yield

    async def view():
        {body}
    """
    assert places(read(text)) == [place]


def test_a_helper_of_another_file_is_told_with_who_calls_it() -> None:
    found = read(
        "from helpers import load\n\nasync def view():\n    load()\n    await wait()\n",
        helpers="import requests\ndef load():\n    return requests.get('x')\n",
    )
    assert [each.place for each in found] == ["/srv/helpers.py:3 load"]
    assert "requests.get(), called by async def view at line 4 of /srv/app.py" in found[0].text
    assert found[0].cure.endswith("or await asyncio.to_thread(load, …)")


AROUND = "put what uses it into a function, and await asyncio.to_thread() that"


@pytest.mark.parametrize(
    "body, cure",
    [
        ("time.sleep(1)", "await asyncio.sleep()"),
        ("through()", "await asyncio.sleep(), or await asyncio.to_thread(through, …)"),
        ("list(lines())", f"await asyncio.sleep(), or {AROUND}"),
        ("sqlite3.connect('x').execute('y')", f"aiosqlite, or {AROUND}"),
        ("bcrypt.checkpw(a, b)", "await asyncio.to_thread(bcrypt.checkpw, …)"),
    ],
)  # fmt: skip
def test_the_cure_is_the_asynchronous_form_or_a_thread_around_what_the_loop_calls(
    body: str, cure: str
) -> None:
    text = f"""
    import bcrypt, sqlite3, time
    def load(): time.sleep(1)
    def through(): load()
    def lines(): yield time.sleep(1)
    async def view():
        {body}
    """
    (found,) = read(text)
    assert found.cure == cure


def test_a_helper_too_far_away_is_left_out() -> None:
    chain = "".join(f"def f{n}(): f{n + 1}()\n" for n in range(dependencies.DEPTH_MAX))
    text = f"import time\n{chain}def f{dependencies.DEPTH_MAX}(): time.sleep(1)\n"
    assert len(read(f"{text}async def view(): f1()")) == 1
    assert read(f"{text}async def view(): f0()") == []


def test_functions_that_call_each_other_come_to_an_end() -> None:
    text = "import time\ndef a(): b()\ndef b(): a(); time.sleep(1)\nasync def view(): a()"
    assert places(read(text)) == ["3 b"]


def test_a_line_that_was_measured_is_not_told_again() -> None:
    text = """
    import requests
    async def view():
        requests.get(
            "x",
        )
        requests.post("x")
    """
    told = Finding(WRONG, "holds the loop", "/srv/app.py:5 view")
    assert places(read(text)) == ["4 view"]
    assert places(read(text, told)) == ["7 view"]


def test_of_a_connection_one_measured_line_tells_of_the_function() -> None:
    text = """
    import sqlite3
    async def view():
        connection = sqlite3.connect("x")
        connection.execute("select 1")
    async def other():
        sqlite3.connect("x")
    """
    told = Finding(WRONG, "blocks the loop", "/srv/app.py:4 view")
    assert places(read(text, told)) == ["7 other"]


LIFESPAN = """
import time
from fastapi import FastAPI

async def starts(app):
    time.sleep(1)

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        time.sleep(1)
    match scope["type"]:
        case "lifespan":
            time.sleep(1)
        case _:
            pass

async def lifespan(app):
    time.sleep(1)

web = FastAPI(lifespan=starts)

@web.on_event("startup")
async def hook():
    time.sleep(1)

async def early(): time.sleep(1)
async def later(): time.sleep(1)
web.add_event_handler("startup", early)
Starlette(on_startup=[later])
"""


def test_nobody_waits_while_the_application_starts() -> None:
    assert read(LIFESPAN) == []
    assert places(read(LIFESPAN.replace('== "lifespan"', '== "http"'))) == ["10 app"]


FASTAPI = """
import time
from fastapi import Depends, FastAPI
from sqlalchemy.orm import Session, sessionmaker
from typing import Annotated
app = FastAPI()
SessionLocal = sessionmaker()

def get_db():
    with SessionLocal() as db:
        yield db

Db = Annotated[Session, Depends(get_db)]

@app.get("/plain")
def plain(db: Session = Depends(get_db)):
    time.sleep(1)
    return db.execute("select 1")

@app.get("/wrong")
async def wrong(db: Db, other: Session = Depends(get_db), third=Depends(get_db)):
    db.execute("select 1")
    other.query(x).filter(y).all()
    third.commit()

@app.get("/waits")
async def waits():
    time.sleep(1)
    await something()
"""


def test_fastapi_gives_plain_functions_threads_and_the_others_none() -> None:
    database, sleep = read(FASTAPI)
    assert (database.place, sleep.place) == ("/srv/app.py:22 wrong", "/srv/app.py:28 waits")
    assert "db.execute() and 2 more in async def wrong" in database.text
    assert database.cure.endswith("or write def wrong without async, so that it gets a thread")
    assert sleep.cure == "await asyncio.sleep()"


STARLETTE = """
import redis, requests
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.endpoints import HTTPEndpoint
from starlette.routing import Route

def plain(request): return requests.get("x")

class Page(HTTPEndpoint):
    def get(self, request):
        return requests.get("x")
    async def post(self, request):
        request.app.state.cache.set("a", 1)
        return Response(background=BackgroundTask(plain))

app = Starlette(routes=[Route("/", plain), Route("/page", Page)])
app.state.cache = redis.Redis()
"""


def test_starlettes_endpoints_and_background_tasks_have_threads_and_its_state_is_known() -> None:
    (found,) = read(STARLETTE)
    assert found.place == "/srv/app.py:14 post"
    assert found.cure == (
        "redis.asyncio.Redis, or await asyncio.to_thread(request.app.state.cache.set, …)"
    )


DJANGO = """
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.db import models

class Book(models.Model):
    pass

def shelf():
    return list(Book.objects.all())

async def right(request):
    await sync_to_async(shelf)()
    await Book.objects.aget(pk=1)
    await cache.aget("x")
    queryset = Book.objects.filter(pk=1)
    return [book async for book in queryset]

def plain(request):
    return shelf()

async def wrong(request):
    book = Book.objects.get(pk=1)
    book.save()
    for each in Book.objects.all(): pass

async def indirect(request):
    shelf()

async def late(request):
    queryset = Book.objects.filter(pk=1)
    return [book for book in queryset]
"""


def test_djangos_orm_goes_to_its_own_thread() -> None:
    (found,) = read(DJANGO)
    assert places([found]) == ["23 wrong", "10 shelf", "32 late"]
    assert "Book.objects.get() and 2 more" in found.text
    assert found.also[1].endswith("the query queryset in async def late")
    assert found.cure.endswith("await sync_to_async(Book.objects.get, thread_sensitive=True)(…)")


def test_a_query_is_evaluated_in_the_thread_and_not_only_made_there() -> None:
    text = (
        DJANGO.partition("def plain")[0] + "async def f():\n    for x in Book.objects.all(): pass"
    )
    (found,) = read(text)
    assert found.cure.endswith("await sync_to_async(list, thread_sensitive=True)(…)")


@pytest.mark.parametrize(
    "text, runs, cure",
    [
        (
            "from litestar import get\n@get('/')\ndef view(): time.sleep(1)",
            "which Litestar runs", "sync_to_thread=True in its decorator",
        ),
        (
            "from litestar.di import Provide\ndef view(): time.sleep(1)\nx = {'a': Provide(view)}",
            "which Litestar runs", "sync_to_thread=True in Provide()",
        ),
        (
            "from sanic import Sanic\napp = Sanic('x')\n@app.get('/')\ndef view(r): time.sleep(1)",
            "which Sanic runs", "an async def",
        ),
        (
            "import strawberry\nclass Q:\n @strawberry.field\n def view(self): time.sleep(1)",
            "which Strawberry runs", "an async def resolver",
        ),
        (
            "import strawberry\ndef view(): time.sleep(1)\nclass Q:\n x = strawberry.field(resolver=view)",
            "which Strawberry runs", "an async def resolver",
        ),
        (
            "def view(): time.sleep(1)\nasync def f(loop): loop.call_later(5, view)",
            "which call_later() has", "a task that awaits",
        ),
    ],
)  # fmt: skip
def test_plain_functions_that_run_on_the_loop_are_known(text: str, runs: str, cure: str) -> None:
    (found,) = read(f"import time\n{text}")
    assert f"def view, {runs}" in found.text
    assert cure in found.cure


def test_a_plain_function_that_litestar_gives_a_thread_is_left_alone() -> None:
    text = """
    import time
    from litestar import get
    from litestar.di import Provide

    def dependency(): time.sleep(1)
    def generator(): yield time.sleep(1)
    given = Provide(generator)

    @get("/", sync_to_thread=True, dependencies={"x": Provide(dependency, sync_to_thread=True)})
    def view(): time.sleep(1)
    """
    assert read(text) == []


def test_many_libraries_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "LIBRARIES_MAX", 1)
    found = read(BLOCKING)
    assert [each.level for each in found] == [HINT, NOTE]
    assert found[1].text == "and 1 more: requests"


def test_applications_that_do_it_right_are_not_blamed() -> None:
    files = sorted((HERE.parent / "apps").glob("*_app.py"))
    assert len(files) > 5
    sources = [Own(str(file), ast.parse(file.read_bytes()), file.stem) for file in files]
    assert dependencies.findings(sources) == []
