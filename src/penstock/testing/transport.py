"""A transport for httpx.AsyncClient that calls an application in the test's process, and streams.

What it does that httpx's own ASGITransport does not: a response is read while the application still
runs, closing it early is a disconnect, a slow reader holds the application up, messages are judged,
and `response.extensions["http.response.debug"]` has what the application told for debugging.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx

from penstock.testing.conversation import PATIENCE_S
from penstock.testing.exchange import Exchange
from penstock.testing.scopes import http_scope

_READ_TIMEOUT = "read"


class Transport(httpx.AsyncBaseTransport):
    """`httpx.AsyncClient(transport=Transport(app), base_url="http://localhost")`.

    - `strict`: where the application breaks ASGI's rules, ContractBroken is raised.
    - `raise_app_exceptions`: what the application raises before its response comes out of the client;
      otherwise it is a 500.
    - `root_path`, `client`: as in the scope. `state`: copied into each scope; a Client that runs the
      application's lifespan has it.

    There is no lifespan: `async with Client(app)` around it runs one.
    """

    def __init__(
        self,
        app: Any,
        *,
        strict: bool = True,
        raise_app_exceptions: bool = True,
        root_path: str = "",
        client: tuple[str, int] = ("127.0.0.1", 50000),
        state: dict[str, Any] | None = None,
    ) -> None:
        self.app = app
        self._strict = strict
        self._raise = raise_app_exceptions
        self._keys: dict[str, Any] = {"root_path": root_path, "client": client}
        self._state = state

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Call the application; returns when status and headers are there."""
        keys = dict(self._keys)
        if self._state is not None:
            keys["state"] = dict(self._state)
        scope = http_scope(request.method, str(request.url), request.headers.raw, **keys)
        scope["raw_path"], _, scope["query_string"] = request.url.raw_path.partition(b"?")
        timeout = request.extensions.get("timeout", {}).get(_READ_TIMEOUT, PATIENCE_S)
        exchange = Exchange(
            self.app, scope, strict=self._strict, timeout=timeout, raise_errors=self._raise
        )
        try:
            await self._send_body(exchange, request)
            response = await exchange.head()
        except TimeoutError as error:
            await exchange.finish(failed=True)
            raise httpx.ReadTimeout(str(error), request=request) from None
        except BaseException:
            await exchange.finish(failed=True)
            raise
        return httpx.Response(
            response.status,
            headers=list(response.headers),
            stream=_Body(exchange, request),
            extensions={"http_version": b"HTTP/1.1", "http.response.debug": response.info},
        )

    async def _send_body(self, exchange: Exchange, request: httpx.Request) -> None:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        async for part in request.stream:
            await exchange.write(part)
        await exchange.write(b"", more=False)


class _Body(httpx.AsyncByteStream):
    """The body of a response that is under way."""

    def __init__(self, exchange: Exchange, request: httpx.Request) -> None:
        self._exchange = exchange
        self._request = request
        self._failed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            part = await self._exchange.part()
        except TimeoutError as error:
            self._failed = True
            raise httpx.ReadTimeout(str(error), request=self._request) from None
        except EOFError as error:
            self._failed = True
            raise httpx.RemoteProtocolError(str(error), request=self._request) from None
        except BaseException:
            self._failed = True
            raise
        if part is None:
            raise StopAsyncIteration
        return part

    async def aclose(self) -> None:
        """Leave; the application is told so if its response is not complete."""
        await self._exchange.finish(failed=self._failed)
