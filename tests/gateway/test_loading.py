"""The application is found, judged and explained."""

import asyncio
import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import ImportFailed, UsageError
from penstock.gateway.loading import Loaded, load

ASGI3 = "async def {}(scope, receive, send): ...\n"
WSGI = "def {}(environ, start_response): ...\n"
ASGI2 = "def {}(scope): ...\n"


@pytest.fixture
def module(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A function that writes the current folder's module `served` and loads from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])

    def write(text: str, spec: str = "served", **options: Any) -> Loaded:
        (tmp_path / "served.py").write_text(text)
        sys.modules.pop("served", None)
        for cached in tmp_path.rglob("*.pyc"):
            cached.unlink()  # two texts of one length within a second look the same to Python
        importlib.invalidate_caches()
        return load(spec, **options)

    yield write
    sys.modules.pop("served", None)


# ---------------------------------------------------------------------------------- without an attribute


@pytest.mark.parametrize(
    "text, name, interface",
    [
        (ASGI3.format("app"), "served:app", "asgi3"),
        (WSGI.format("application"), "served:application", "wsgi"),
        (WSGI.format("application") + ASGI3.format("app"), "served:app", "asgi3"),
        (ASGI3.format("site"), "served:site", "asgi3"),
        (WSGI.format("site"), "served:site", "wsgi"),
        (ASGI2.format("site"), "served:site", "asgi2"),
        ("async def helper(a, b, c): ...\n" + ASGI3.format("site"), "served:site", "asgi3"),
        (ASGI3.format("_hidden") + ASGI3.format("site"), "served:site", "asgi3"),
        (ASGI3.format("site") + "again = site\n", "served:site", "asgi3"),
        (
            "class App:\n    async def __call__(self, scope, receive, send): ...\nsite = App()\n",
            "served:site",
            "asgi3",
        ),
        ("from wsgiref.simple_server import demo_app\n" + ASGI3.format("s"), "served:s", "asgi3"),
    ],
)
def test_app_then_application_then_the_only_one_is_taken(
    module: Any, text: str, name: str, interface: str
) -> None:
    loaded = module(text)
    assert (loaded.name, loaded.interface) == (name, interface)


@pytest.mark.parametrize(
    "text, message, hint",
    [
        (
            ASGI3.format("api") + WSGI.format("site"),
            "has several applications: api (ASGI 3), site (WSGI)",
            "name one: served:api",
        ),
        ("def create_app(): ...", "but the function create_app", "write served:create_app()"),
        ("x = 1\ny = 2", "nothing that looks like one", "it has x, y"),
        ("", "nothing that looks like one", "it is empty"),
    ],
)
def test_what_is_there_instead_is_told(module: Any, text: str, message: str, hint: str) -> None:
    with pytest.raises(ImportFailed) as seen:
        module(text)
    assert message in str(seen.value)
    assert hint in seen.value.hint


def test_a_proxy_with_nothing_behind_it_is_passed_over(module: Any) -> None:
    """flask.request is such an object: every look at it raises."""
    text = (
        "class Proxy:\n    def __call__(self): ...\n"
        "    def __getattribute__(self, name): raise RuntimeError\nrequest = Proxy()\n"
    )
    assert module(text + WSGI.format("site")).name == "served:site"


def test_a_submodule_called_app_is_not_the_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", sys.path[:])
    package = tmp_path / "served_pkg"
    package.mkdir()
    (package / "app.py").write_text("")
    (package / "__init__.py").write_text("from . import app\n" + WSGI.format("application"))
    assert load("served_pkg", app_dir=str(tmp_path)).name == "served_pkg:application"
    for name in ("served_pkg", "served_pkg.app"):
        del sys.modules[name]


# ------------------------------------------------------------------------------------ with an attribute


def test_dots_lead_into_the_object(module: Any) -> None:
    text = "class holder:\n    class inner:\n        @staticmethod\n        async def app(s, r, w): ...\n"
    assert module(text, "served:holder.inner.app").name == "served:holder.inner.app"


@pytest.mark.parametrize(
    "spec, message, hint",
    [
        ("served:ap", "served has no attribute 'ap'", "did you mean app?"),
        ("served:zebra", "served has no attribute 'zebra'", "it has app (ASGI 3)"),
        ("served:app.zebra", "served:app has no attribute 'zebra'", "it has app (ASGI 3)"),
    ],
)
def test_a_missing_attribute_names_what_is_there(
    module: Any, spec: str, message: str, hint: str
) -> None:
    with pytest.raises(ImportFailed) as seen:
        module(ASGI3.format("app"), spec)
    assert (str(seen.value), seen.value.hint) == (message, hint)


# --------------------------------------------------------------------------------------------- factories

FACTORY = "async def app(scope, receive, send): ...\ndef make(mode='x', *, debug=False):\n    return app\n"


@pytest.mark.parametrize(
    "spec, options",
    [
        ("served:make()", {}),
        ("served:make('production', debug=True)", {}),
        ("served:make", {"factory": True}),
    ],
)
def test_a_factory_is_called_once_and_judged_by_what_it_returns(
    module: Any, spec: str, options: dict[str, Any]
) -> None:
    loaded = module(FACTORY, spec, **options)
    assert loaded.interface == "asgi3"
    assert loaded.name == "served:make()"
    assert loaded.app is sys.modules["served"].app


@pytest.mark.parametrize(
    "text, spec, factory, message, hint",
    [
        (FACTORY, "served:make", False, "a factory?", "--factory"),
        (FACTORY, "served:app", True, "itself an ASGI 3 application", "remove --factory"),
        (FACTORY, "served:app()", False, "itself an ASGI 3 application", "or the brackets"),
        (
            WSGI.format("app"),
            "served:app",
            True,
            "looks like the WSGI application itself",
            "remove",
        ),
        ("def make(x): ...", "served:make()", False, "cannot be called without", "plain values"),
        (
            "def make(x): ...",
            "served:make(1, 2)",
            False,
            "cannot be called like this",
            "plain values",
        ),
        ("async def make(): ...", "served:make()", False, "async factory", "lifespan"),
        ("async def make(): ...", "served:make", False, "async factory", "lifespan"),
        (
            "async def inner(): ...\ndef make(): return inner()",
            "served:make()",
            False,
            "returned a coroutine",
            "lifespan",
        ),
        ("def make(): ...", "served:make()", False, "returned None", "return?"),
        ("make = 3", "served:make", True, "is a int, which cannot be called", "remove --factory"),
    ],
)
def test_a_factory_that_is_none_is_explained(
    module: Any, text: str, spec: str, factory: bool, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as seen:
        module(text, spec, factory=factory)
    assert message in str(seen.value)
    assert hint in seen.value.hint


@pytest.mark.parametrize("raised", ["1 / 0", "raise SystemExit(3)", "import not_there_at_all"])
def test_what_a_factory_raises_is_the_cause_from_the_users_first_frame_on(
    module: Any, raised: str
) -> None:
    with pytest.raises(ImportFailed, match=r"served:make\(\)? raised|served:make raised") as seen:
        module(f"def make():\n    {raised}\n", "served:make()")
    cause = seen.value.__cause__
    assert cause is not None
    assert cause.__traceback__ is not None
    assert cause.__traceback__.tb_frame.f_code.co_name == "make"


def test_a_builtin_factory_without_a_signature_is_just_called() -> None:
    with pytest.raises(UsageError, match="a dict, which cannot be called"):
        load("builtins:dict()")


# -------------------------------------------------------------------------------------------- interface


def test_an_object_is_taken_as_it_is() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    loaded = load(app)
    assert loaded.app is app
    assert loaded.name.endswith("app")

    class Instance:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    assert load(Instance()).name.endswith("Instance")


def test_asgi_2_comes_wrapped(module: Any) -> None:
    text = (
        "def app(scope):\n    async def inner(receive, send): return scope['x']\n    return inner\n"
    )
    loaded = module(text)
    assert loaded.interface == "asgi2"
    assert asyncio.run(loaded.app({"x": 5}, None, None)) == 5


@pytest.mark.parametrize("interface", ["asgi3", "asgi2", "wsgi"])
def test_a_given_interface_is_believed(module: Any, interface: str) -> None:
    assert module("def app(*a): ...", interface=interface).interface == interface


def test_without_a_word_what_cannot_be_told_names_the_flag(module: Any) -> None:
    with pytest.raises(UsageError) as seen:
        module("def app(*a): ...")
    assert str(seen.value) == "served:app is a callable that takes any arguments"
    assert "--interface asgi3, asgi2 or wsgi" in seen.value.hint


@pytest.mark.parametrize("interface", ["asgi2", "wsgi"])
def test_an_interface_that_can_never_work_is_refused(module: Any, interface: str) -> None:
    with pytest.raises(UsageError) as seen:
        module(ASGI3.format("app"), interface=interface)
    assert seen.value.hint == f"remove --interface {interface}"


@pytest.mark.parametrize("interface", ["auto", "asgi3", "wsgi"])
def test_what_cannot_be_called_is_no_application(module: Any, interface: str) -> None:
    with pytest.raises(UsageError, match="is a dict, which cannot be called"):
        module("app = {}", interface=interface)


@pytest.mark.parametrize("spec", [None, ""])
def test_no_application_at_all_is_a_usage_error(spec: Any) -> None:
    with pytest.raises(UsageError, match="no application to serve"):
        load(spec)


def framework(package: str, text: str, interface: str) -> Any:
    return pytest.param(package, text, interface, id=text.split("app = ")[1])


@pytest.mark.real
@pytest.mark.parametrize(
    "package, text, interface",
    [
        framework(
            "starlette", "from starlette.applications import Starlette; app = Starlette()", "asgi3"
        ),
        framework(
            "starlette", "from starlette.endpoints import HTTPEndpoint; app = HTTPEndpoint", "asgi3"
        ),
        framework(
            "starlette",
            "from starlette.middleware.gzip import GZipMiddleware; app = GZipMiddleware(None)",
            "asgi3",
        ),
        framework("fastapi", "from fastapi import FastAPI; app = FastAPI()", "asgi3"),
        framework("litestar", "from litestar import Litestar; app = Litestar([])", "asgi3"),
        framework("quart", "from quart import Quart; app = Quart('x')", "asgi3"),
        framework("falcon", "import falcon.asgi; app = falcon.asgi.App()", "asgi3"),
        framework("falcon", "import falcon; app = falcon.App()", "wsgi"),
        framework("flask", "from flask import Flask, request; app = Flask('x')", "wsgi"),
        framework("flask", "from flask import Flask; app = Flask('x').wsgi_app", "wsgi"),
        framework(
            "asgiref",
            "from asgiref.wsgi import WsgiToAsgi; app = WsgiToAsgi(None)",
            "asgi3",
        ),
        framework(
            "django",
            "from django.core.handlers.asgi import ASGIHandler as H; app = H.__new__(H)",
            "asgi3",
        ),
        framework(
            "django",
            "from django.core.handlers.wsgi import WSGIHandler as H; app = H.__new__(H)",
            "wsgi",
        ),
    ],
)
def test_applications_of_real_frameworks_are_told_apart(
    package: str, text: str, interface: str
) -> None:
    """In a process of its own, since frameworks start threads and change the warnings."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    code = f"{text}\nfrom penstock.gateway.loading import load\nprint(load(app).interface)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == (interface, 0), done.stderr
