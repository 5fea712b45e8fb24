"""The client of applications in the test's own process: lifespan, requests, WebSockets; no sockets."""

from __future__ import annotations

import json as json_module
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from penstock.testing.conversation import PATIENCE_S, Conversation
from penstock.testing.exchange import Exchange
from penstock.testing.faults import ContractBroken
from penstock.testing.response import Response
from penstock.testing.scopes import (
    HTTP_EXTENSIONS,
    WEBSOCKET_EXTENSIONS,
    Headers,
    header_pairs,
    http_scope,
    lifespan_scope,
    websocket_scope,
)
from penstock.testing.websocket import WebSocket


class Client:
    """A client of the ASGI application `app`.

        async with Client(app) as client:       # lifespan: startup here, shutdown at the block's end
            response = await client.get("/items?page=2")

    - `lifespan`: "auto" goes on without it where the application raises, "on" raises then, "off" leaves
      it out. `state` is the lifespan's; each request has a copy (LIFE-STATE-03).
    - `headers` are sent with each request. `timeout` is in seconds, for each wait.
    - `strict`: where the application breaks ASGI's rules, ContractBroken is raised.
    - `raise_errors`: what the application raises, the call of the client raises; otherwise it is a 500.
    - `http_extensions`, `websocket_extensions`: what scopes offer. `scope`: keys that each scope gets.
    """

    def __init__(
        self,
        app: Any,
        *,
        lifespan: str = "auto",
        headers: Headers | None = None,
        timeout: float = PATIENCE_S,
        strict: bool = True,
        raise_errors: bool = True,
        http_extensions: Iterable[str] = HTTP_EXTENSIONS,
        websocket_extensions: Iterable[str] = WEBSOCKET_EXTENSIONS,
        scope: Mapping[str, Any] | None = None,
    ) -> None:
        if lifespan not in {"auto", "on", "off"}:
            raise ValueError(f"lifespan is 'auto', 'on' or 'off', not {lifespan!r}")
        self.app = app
        self.state: dict[str, Any] = {}
        self.timeout = timeout
        self.strict = strict
        self.raise_errors = raise_errors
        self._lifespan_mode = lifespan
        self._lifespan: Conversation | None = None
        self._headers = header_pairs(headers)
        self._http_extensions = tuple(http_extensions)
        self._websocket_extensions = tuple(websocket_extensions)
        self._more = dict(scope or {})

    # ----------------------------------------------------------------------------------- lifespan

    async def __aenter__(self) -> Self:
        if self._lifespan_mode != "off":
            await self._startup()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        conversation, self._lifespan = self._lifespan, None
        if conversation is None:
            return
        conversation.feed({"type": "lifespan.shutdown"})
        failure: BaseException | None = None
        try:
            message = await conversation.output(self.timeout)
            if not await conversation.over(self.timeout):
                raise TimeoutError("the lifespan's call did not end")
            conversation.reraise()
            if message is not None and message["type"] == "lifespan.shutdown.failed":
                failure = RuntimeError(f"lifespan.shutdown.failed: {message.get('message', '')}")
        except BaseException as raised:
            failure = raised
            await conversation.cancel()
        if failure is not None and error is None:
            raise failure

    async def _startup(self) -> None:
        conversation = Conversation(self.app, lifespan_scope(self.state), strict=self.strict)
        conversation.feed({"type": "lifespan.startup"})
        try:
            message = await conversation.output(self.timeout)
        except TimeoutError:
            await conversation.cancel()
            raise TimeoutError(
                f"the application did not answer lifespan.startup in {self.timeout} s"
            ) from None
        if message is None:
            if isinstance(conversation.error, ContractBroken) or self._lifespan_mode == "on":
                conversation.reraise()
            if self._lifespan_mode == "on":
                raise RuntimeError("the application has no lifespan")
            return
        if message["type"] == "lifespan.startup.failed":
            if not await conversation.over(self.timeout):
                await conversation.cancel()
            raise RuntimeError(
                f"lifespan.startup.failed: {message.get('message', '')}"
            ) from conversation.error
        self._lifespan = conversation

    # ----------------------------------------------------------------------------------- requests

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Headers | None = None,
        body: bytes | str = b"",
        json: Any = None,
        form: Mapping[str, str] | None = None,
        scope: Mapping[str, Any] | None = None,
    ) -> Response:
        """Send a whole request and return the whole response.

        One of `body`, `json` and `form` is its body. `scope` has keys that replace those of its scope.
        The call of the application is over when this returns, background tasks included.
        """
        fields, content = _content(headers, body, json, form)
        async with self.stream(method, url, headers=fields, body=content, scope=scope) as exchange:
            return await exchange.read()

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Headers | None = None,
        body: bytes | None = b"",
        scope: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[Exchange]:
        """A request in pieces. With `body=None` its body is written to the Exchange.

        At the block's end the client leaves if the response is not complete, and the call must end.
        """
        made = http_scope(
            method,
            url,
            [*self._headers, *header_pairs(headers)],
            extensions=self._http_extensions,
            **self._keys(scope),
        )
        exchange = Exchange(
            self.app,
            made,
            strict=self.strict,
            timeout=self.timeout,
            raise_errors=self.raise_errors,
        )
        if body is not None:
            await exchange.write(body, more=False)
        try:
            yield exchange
        except BaseException:
            await exchange.finish(failed=True)
            raise
        await exchange.finish()

    async def get(self, url: str, **options: Any) -> Response:
        """`request` with GET."""
        return await self.request("GET", url, **options)

    async def head(self, url: str, **options: Any) -> Response:
        """`request` with HEAD."""
        return await self.request("HEAD", url, **options)

    async def post(self, url: str, **options: Any) -> Response:
        """`request` with POST."""
        return await self.request("POST", url, **options)

    async def put(self, url: str, **options: Any) -> Response:
        """`request` with PUT."""
        return await self.request("PUT", url, **options)

    async def patch(self, url: str, **options: Any) -> Response:
        """`request` with PATCH."""
        return await self.request("PATCH", url, **options)

    async def delete(self, url: str, **options: Any) -> Response:
        """`request` with DELETE."""
        return await self.request("DELETE", url, **options)

    # --------------------------------------------------------------------------------- WebSockets

    @asynccontextmanager
    async def websocket(
        self,
        url: str,
        *,
        headers: Headers | None = None,
        subprotocols: Iterable[str] = (),
        scope: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[WebSocket]:
        """A WebSocket, accepted; Denied says that it was not. At the block's end it is closed with 1000."""
        made = websocket_scope(
            url,
            [*self._headers, *header_pairs(headers)],
            subprotocols,
            extensions=self._websocket_extensions,
            **self._keys(scope),
        )
        websocket = WebSocket(self.app, made, strict=self.strict, timeout=self.timeout)
        try:
            await websocket.open()
            yield websocket
        except BaseException:
            await websocket.finish(failed=True)
            raise
        await websocket.finish()

    def _keys(self, scope: Mapping[str, Any] | None) -> dict[str, Any]:
        keys = {**self._more, **(scope or {})}
        if self._lifespan is not None and "state" not in keys:
            keys["state"] = dict(self.state)
        return keys


def _content(
    headers: Headers | None, body: bytes | str, json: Any, form: Mapping[str, str] | None
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers, with content-type and content-length where they are not given; and the body."""
    fields = header_pairs(headers)
    names = {name for name, _ in fields}
    kind = ""
    if json is not None:
        body, kind = json_module.dumps(json), "application/json"
    elif form is not None:
        body, kind = urlencode(form), "application/x-www-form-urlencoded"
    content = body.encode() if isinstance(body, str) else body
    if kind and b"content-type" not in names:
        fields.append((b"content-type", kind.encode()))
    if content and not names & {b"content-length", b"transfer-encoding"}:
        fields.append((b"content-length", b"%d" % len(content)))
    return fields, content
