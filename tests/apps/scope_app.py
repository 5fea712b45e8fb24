"""An application, ASGI and WSGI, that answers with what it was told of the request, as JSON."""

import json
from collections.abc import Callable
from typing import Any

_PLAIN = ("type", "scheme", "client", "server", "root_path", "path")


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise RuntimeError("only HTTP here")
    told = {name: scope[name] for name in _PLAIN}
    told["headers"] = [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]]
    told["tls"] = scope["extensions"].get("tls")
    body = json.dumps(told).encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def application(
    environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], Any]
) -> list[bytes]:
    body = json.dumps({name: value for name, value in environ.items() if type(value) is str})
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body.encode()]
