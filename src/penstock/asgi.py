"""ASGI's vocabulary: typed scopes, messages and the callables' aliases (asgi 3.0, HTTP spec 2.5).

Types for readers and type checkers; the server itself handles plain dictionaries, so that nothing
is paid for them at run time.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Literal, NotRequired, TypedDict

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGI3Application = Callable[[Scope, Receive, Send], Awaitable[None]]
ASGI2Application = Callable[[Scope], Callable[[Receive, Send], Awaitable[None]]]
ASGIApplication = ASGI3Application | ASGI2Application

Headers = Iterable[tuple[bytes, bytes]]
Address = tuple[str, int | None]

ASGI_VERSION = "3.0"
HTTP_SPEC_VERSION = "2.5"
LIFESPAN_SPEC_VERSION = "2.0"


class ASGIVersions(TypedDict):
    """The `asgi` entry of every scope (SCOPE-03, SCOPE-05)."""

    version: str
    spec_version: NotRequired[str]


class HTTPScope(TypedDict):
    """One HTTP request (HTTP-SCOPE-01 ff.)."""

    type: Literal["http"]
    asgi: ASGIVersions
    http_version: str
    method: str
    scheme: str
    path: str
    raw_path: bytes
    query_string: bytes
    root_path: str
    headers: list[tuple[bytes, bytes]]
    client: Address | None
    server: Address | None
    extensions: dict[str, dict[str, Any]]
    state: NotRequired[dict[str, Any]]


class WebSocketScope(TypedDict):
    """One WebSocket (WS-SCOPE-01 ff.)."""

    type: Literal["websocket"]
    asgi: ASGIVersions
    http_version: str
    scheme: str
    path: str
    raw_path: bytes
    query_string: bytes
    root_path: str
    headers: list[tuple[bytes, bytes]]
    client: Address | None
    server: Address | None
    subprotocols: list[str]
    extensions: dict[str, dict[str, Any]]
    state: NotRequired[dict[str, Any]]


class LifespanScope(TypedDict):
    """The life of the application in one event loop (LIFE-04)."""

    type: Literal["lifespan"]
    asgi: ASGIVersions
    state: dict[str, Any]
