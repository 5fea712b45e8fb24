"""Applications under one another's paths."""

from collections.abc import Iterator
from typing import Any

import pytest

from penstock.bridge import mount
from penstock.bridge.asgi import AsgiToWsgi
from penstock.bridge.mount import AsgiMounts, WsgiMounts, as_asgi, as_wsgi
from penstock.bridge.wsgi import WsgiToAsgi
from tests.bridge.calls import ask, call, environ_of, scope_of


@pytest.fixture(autouse=True)
def _adapters_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    made: list[Any] = []

    def kept(kind: Any) -> Any:
        class Kept(kind):  # type: ignore[misc]
            def __init__(self, *args: Any) -> None:
                super().__init__(*args)
                made.append(self)

        return Kept

    monkeypatch.setattr(mount, "WsgiToAsgi", kept(WsgiToAsgi))
    monkeypatch.setattr(mount, "AsgiToWsgi", kept(AsgiToWsgi))
    yield
    for each in made:
        each.close()


def wsgi_app(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"wsgi {environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode("latin-1")]


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await send({"type": "lifespan.startup.complete"})
        return
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    text = f"asgi {scope['root_path']}|{scope['path']}"
    await send({"type": "http.response.body", "body": text.encode()})


class Double:
    def __init__(self, scope: Any) -> None:
        self.scope = scope

    async def __call__(self, receive: Any, send: Any) -> None:
        await asgi_app(self.scope, receive, send)


MOUNTS = {"/w": wsgi_app, "/w/deeper": Double, "/é": asgi_app}


@pytest.mark.parametrize(
    "path, root_path, expected",
    [
        ("/", "", "asgi |/"),
        ("/w", "", "wsgi /w|"),
        ("/w/x", "", "wsgi /w|/x"),
        ("/wx", "", "asgi |/wx"),
        ("/w/deeper/x", "", "asgi /w/deeper|/w/deeper/x"),
        ("/r/w/x", "/r", "wsgi /r/w|/x"),
        ("/w/x", "/r", "wsgi /r/w|/x"),
        ("/é/ü", "", "asgi /é|/é/ü"),
    ],
)
def test_below_asgi_each_sees_its_mount_point_as_root(
    path: str, root_path: str, expected: str
) -> None:
    sent = ask(AsgiMounts(asgi_app, MOUNTS), scope_of(path, root_path=root_path))
    assert sent[1]["body"].decode() == expected


@pytest.mark.parametrize(
    "path, expected",
    [
        ("/", "wsgi |/"),
        ("/w", "wsgi /w|"),
        ("/w/x", "wsgi /w|/x"),
        ("/wx", "wsgi |/wx"),
        ("/w/deeper/x", "asgi /w/deeper|/w/deeper/x"),
        ("/é/ü", "asgi /é|/é/ü"),
    ],
)
def test_below_wsgi_each_sees_its_mount_point_as_root(path: str, expected: str) -> None:
    app = WsgiMounts(wsgi_app, MOUNTS)
    assert call(app, environ_of(PATH_INFO=path.encode().decode("latin-1")))[2].decode() == expected


def test_a_websocket_for_a_wsgi_application_is_refused_and_lifespan_is_the_main_ones() -> None:
    app = AsgiMounts(asgi_app, MOUNTS)
    sent = ask(app, scope_of("/w", type="websocket"), {"type": "websocket.connect"})
    assert sent == [{"type": "websocket.close", "code": 1000}]
    assert ask(app, {"type": "lifespan"}) == [{"type": "lifespan.startup.complete"}]


def test_an_application_of_the_right_kind_stays_as_it_is() -> None:
    assert as_asgi(asgi_app) is asgi_app
    assert as_wsgi(wsgi_app) is wsgi_app
    adapted = WsgiToAsgi(wsgi_app)
    assert as_asgi(adapted) is adapted
    other = AsgiToWsgi(asgi_app)
    assert as_wsgi(other) is other


@pytest.mark.parametrize("path", ["w", "/w/", "", "/"])
def test_mount_points_begin_with_a_slash_and_do_not_end_with_one(path: str) -> None:
    with pytest.raises(ValueError, match="begins with a slash"):
        AsgiMounts(asgi_app, {path: asgi_app})


def test_what_is_no_application_is_refused() -> None:
    with pytest.raises(TypeError, match="is none of ASGI 3, ASGI 2, WSGI"):
        WsgiMounts(wsgi_app, {"/x": 3})
