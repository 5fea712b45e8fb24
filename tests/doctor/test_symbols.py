"""What names stand for: followed as far as it is plain, unknown where it is not."""

import ast
import textwrap

import pytest

from penstock.doctor.source import Own
from penstock.doctor.symbols import Project, written


def own(module: str, text: str, file: str = "") -> Own:
    path = file or f"/srv/{module.replace('.', '/')}.py"
    return Own(path, ast.parse(textwrap.dedent(text)), module)


CLIENTS = own("shop.clients", """
    import redis as r
    from requests import Session
    cache = r.Redis()
    cache2 = other = None
    def get_session() -> Session:
        return connect()
    def get_cache():
        try:
            yield cache
        finally:
            pass
    class Base:
        def __init__(self):
            self.cache = cache
        def load(self): ...
    class Store(Base):
        session: Session
        @property
        def pipe(self):
            return self.cache.pipeline()
        @classmethod
        def make(cls):
            return cls()
    class Client(Session):
        pass
""")  # fmt: skip
PACKAGE = own("shop", "from .clients import cache as shared, Store", "/srv/shop/__init__.py")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("import time; USE(time.sleep)", "time.sleep"),
        ("from time import sleep as s; USE(s)", "time.sleep"),
        ("import urllib.request; USE(urllib.request.urlopen)", "urllib.request.urlopen"),
        ("from shop.clients import cache; USE(cache.get)", "redis.Redis().get"),
        ("from . import clients; USE(clients.cache.get)", "redis.Redis().get"),
        ("import shop.clients; USE(shop.clients.cache.get)", "redis.Redis().get"),
        ("from shop import shared; USE(shared.get)", "redis.Redis().get"),
        ("from .clients import Store; USE(Store().cache.get)", "redis.Redis().get"),
        ("from .clients import Store; USE(Store().session.get)", "requests.Session().get"),
        ("from .clients import Store; USE(Store().pipe.execute)", "redis.Redis().pipeline().execute"),
        ("from .clients import Store; USE(Store.make().cache.get)", "redis.Redis().get"),
        ("from .clients import Store; USE(Store().load)", "shop.clients.Base.load"),
        ("from .clients import Client; USE(Client().get)", "requests.Session().get"),
        ("from .clients import get_session; USE(get_session().get)", "requests.Session().get"),
        ("from .clients import get_cache\ndef f(c=Depends(get_cache)): USE(c.get)", ""),
        (
            ("from fastapi import Depends\nfrom .clients import get_cache\n"
             "def f(c=Depends(get_cache)): USE(c.get)"), "redis.Redis().get",
        ),
        ("from requests import Session\ndef f(s: 'Session | None'): USE(s.get)", "requests.Session().get"),
        (
            ("from typing import Annotated\nfrom requests import Session\nS = Annotated[Session, 1]\n"
             "def f(s: S): USE(s.get)"), "requests.Session().get",
        ),
        ("import sqlite3\nwith sqlite3.connect() as c: USE(c.cursor().execute)",
         "sqlite3.connect().cursor().execute"),
        ("import pymongo\nc = pymongo.MongoClient(); USE(c['a'].b.find)", "pymongo.MongoClient()[].b.find"),
        ("import redis\napp.state.cache = redis.Redis()\ndef f(request): USE(request.app.state.cache.get)",
         "redis.Redis().get"),
        ("import requests\nS = None\ndef f():\n  global S\n  S = requests.Session()\ndef g(): USE(S.get)",
         "requests.Session().get"),
        ("import requests\ndef f(x):\n  s = x or requests.Session(); USE(s.get)", "requests.Session().get"),
    ],
)  # fmt: skip
def test_a_name_is_followed_to_where_it_comes_from(text: str, expected: str) -> None:
    assert _used(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "USE(time.sleep)",
        "import requests\ndef f(requests): USE(requests.get)",
        "import requests\nfor requests in (): USE(requests.get)",
        "try:\n  import redis.asyncio as redis\nexcept ImportError:\n  import redis\nUSE(redis.Redis)",
        "import requests\ns = requests.Session()\ns = other()\nUSE(s.get)",
        "import requests\nclass A:\n  s = requests.Session()\n  def f(self): USE(s.get)",
        "a = b\nb = a\nUSE(a.get)",
        "def f(): return f()\nUSE(f().get)",
        "import requests\n[USE(requests.get) for requests in x]",
        "def f(sessions: list[int]): USE(sessions.get)",
    ],
)
def test_what_cannot_be_told_is_unknown(text: str) -> None:
    assert _used(text) == ""


def _used(text: str) -> str:
    project = Project([CLIENTS, PACKAGE, own("shop.views", text)])
    (use,) = (call for call in project.calls if getattr(call.node.func, "id", "") == "USE")
    return written(project.symbol(use.node.args[0], use.scope))


def test_a_call_of_a_class_or_of_its_object_runs_a_function_of_it() -> None:
    project = Project([own("m", "class A:\n def __init__(self): ...\n def __call__(self): ...\n")])
    made, called = project.function(("m", "A")), project.function(("m", "A", "()"))
    assert made is not None
    assert called is not None
    assert (made.node.name, called.node.name) == ("__init__", "__call__")


def test_a_long_chain_is_followed() -> None:
    assert _used("import x\nUSE(x" + ".a().b[0]" * 10 + ")") == "x" + ".a().b[]" * 10


def test_a_chain_without_end_is_given_up() -> None:
    project = Project([own("m", "import x\n" + "USE(x" + ".a()" * 400 + ")")])
    (use,) = (call for call in project.calls if getattr(call.node.func, "id", "") == "USE")
    assert project.symbol(use.node.args[0], use.scope) == ()
