"""Applications of both kinds under one another's paths: `AsgiMounts` and `WsgiMounts`.

What is mounted sees its mount point as its root (`root_path`, `SCRIPT_NAME`). Frameworks that have
mounts of their own (Starlette, FastAPI, Werkzeug) take the adapters as they are.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from penstock.asgi import Receive, Scope, Send
from penstock.bridge.asgi import AsgiToWsgi
from penstock.bridge.compatibility import guarantee_single_callable
from penstock.bridge.wsgi import WsgiToAsgi
from penstock.gateway.detect import ASGI2, ASGI3, LABELS, WSGI, detect
from penstock.gateway.scope import is_under

_Mounted = TypeVar("_Mounted")


class AsgiMounts:
    """An ASGI application: `main`, and below the paths of `mounts` other applications, of any kind.

    The longest mount point that fits has the request. Lifespan is `main`'s alone; a WebSocket for a
    WSGI application is refused with 403. Raises ValueError for a path that does not begin with a
    slash or ends with one, TypeError for what is no application.
    """

    def __init__(self, main: Any, mounts: Mapping[str, Any]) -> None:
        self._main = as_asgi(main)
        self._mounts = _by_length({path: as_asgi(app) for path, app in mounts.items()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the call on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._main(scope, receive, send)
            return
        root = scope.get("root_path", "")
        path = scope["path"]
        if root and is_under(path, root):
            path = path[len(root) :]
        for mount, app in self._mounts:
            if is_under(path, mount):
                if isinstance(app, WsgiToAsgi) and scope["type"] == "websocket":
                    await receive()
                    await send({"type": "websocket.close", "code": 1000})
                    return
                # In `path` the root is there exactly once (HTTP-SCOPE-14).
                below = {**scope, "root_path": root + mount, "path": root + path}
                await app(below, receive, send)
                return
        await self._main(scope, receive, send)


class WsgiMounts:
    """A WSGI application: `main`, and below the paths of `mounts` other applications, of any kind.

    Longest mount point and errors as of AsgiMounts.
    """

    def __init__(self, main: Any, mounts: Mapping[str, Any]) -> None:
        self._main = as_wsgi(main)
        self._mounts = _by_length({path: as_wsgi(app) for path, app in mounts.items()})

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Hand the call on."""
        path = environ.get("PATH_INFO", "")
        for mount, app in self._mounts:
            # Mount points are text, an environ's path has a character for each byte.
            point = mount.encode().decode("latin-1")
            if is_under(path, point):
                below = dict(environ)
                below["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + point
                below["PATH_INFO"] = path[len(point) :]
                below_it: Iterable[bytes] = app(below, start_response)
                return below_it
        rest: Iterable[bytes] = self._main(environ, start_response)
        return rest


def as_asgi(application: Any) -> Any:
    """`application` as an ASGI 3 application, whatever its kind; itself if it is one."""
    interface = _interface(application)
    if interface == WSGI:
        return WsgiToAsgi(application)
    return guarantee_single_callable(application) if interface == ASGI2 else application


def as_wsgi(application: Any) -> Any:
    """`application` as a WSGI application, whatever its kind; itself if it is one."""
    return application if _interface(application) == WSGI else AsgiToWsgi(application)


def _interface(application: Any) -> str:
    if isinstance(application, WsgiToAsgi):
        return ASGI3
    if isinstance(application, AsgiToWsgi):
        return WSGI
    verdict = detect(application)
    if verdict.interface is None:
        kinds = ", ".join(LABELS.values())
        raise TypeError(
            f"{application!r:.80} is none of {kinds}: {verdict.seen}. {verdict.advice}".rstrip()
        )
    return verdict.interface


def _by_length(mounts: dict[str, _Mounted]) -> list[tuple[str, _Mounted]]:
    for path in mounts:
        if not path.startswith("/") or path.endswith("/"):
            raise ValueError(
                f"a mount point begins with a slash and does not end with one, got {path!r:.80}"
            )
    return sorted(mounts.items(), key=lambda item: len(item[0]), reverse=True)
