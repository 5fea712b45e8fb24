"""What a client of plain HTTP is told where only https is served: the same address with https.

The answer names a host only if one of the server's certificates is for it, so that nobody can be
sent elsewhere by a made-up Host field.
"""

from collections.abc import Callable
from typing import Any

_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_CLOSE = (b"connection", b"close")


def location(host: bytes, raw_path: bytes, query: bytes, port: int) -> tuple[str, bytes]:
    """The host name (lower case, no brackets) of a Host field, and the https address of a request.

    `port` is where https is served. Raises ValueError for a Host that names none.
    """
    text = host.decode("ascii").lower()
    if text.startswith("["):
        name, bracket, rest = text[1:].partition("]")
        shown = f"[{name}]"
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError("the host is none")
    else:
        name = shown = text.partition(":")[0]
    name = name.removesuffix(".")
    if not name:
        raise ValueError("the host is none")
    place = shown if port == 443 else f"{shown}:{port}"
    # `OPTIONS *` is about the server, whose address has no path
    path = raw_path if raw_path.startswith(b"/") else b"/"
    return name, b"https://%b%b%b%b" % (place.encode(), path, b"?" if query else b"", query)


def application(certificates: Callable[[], Any], port: Callable[[], int]) -> Any:
    """An ASGI application that answers every request with a redirect (308), or 400 for a host that
    is not ours. `certificates()` gives the `Certificates` in use, `port()` that of https."""

    async def redirect(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        status, headers, body = 400, [_TEXT, _CLOSE], b"400: this host is not served here\n"
        try:
            name, where = location(
                hosts[0] if hosts else b"", scope["raw_path"], scope["query_string"], port()
            )
            if certificates().covers(name):
                status, body = 308, b"308: this is served over https only\n"
                headers = [(b"location", where), _TEXT, _CLOSE]
        except ValueError:
            pass
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return redirect
