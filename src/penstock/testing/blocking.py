"""The client for tests that are plain functions: the event loop turns only while the test waits.

So what runs between two steps of a test is decided by the test, and there are no threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from penstock.testing.client import Client
from penstock.testing.exchange import Exchange
from penstock.testing.response import Headers as ResponseHeaders
from penstock.testing.response import Response
from penstock.testing.scopes import Headers
from penstock.testing.websocket import WebSocket

_T = TypeVar("_T")


class SyncExchange:
    """An Exchange whose methods wait by themselves."""

    def __init__(self, runner: asyncio.Runner, exchange: Exchange) -> None:
        self._runner = runner
        self.exchange = exchange

    @property
    def response(self) -> Response:
        """The response, as far as it is known."""
        return self.exchange.response

    def write(self, data: bytes = b"", *, more: bool = True) -> None:
        """As `Exchange.write`."""
        self._runner.run(self.exchange.write(data, more=more))

    def head(self) -> Response:
        """As `Exchange.head`."""
        return self._runner.run(self.exchange.head())

    def parts(self) -> Iterator[bytes]:
        """As `Exchange.parts`."""
        while (part := self._runner.run(self.exchange.part())) is not None:
            yield part

    def read(self) -> Response:
        """As `Exchange.read`."""
        return self._runner.run(self.exchange.read())

    def disconnect(self, *, send_raises: bool = True) -> None:
        """As `Exchange.disconnect`; the application learns of it at the next wait."""
        self.exchange.disconnect(send_raises=send_raises)

    def hold(self) -> None:
        """As `Exchange.hold`."""
        self.exchange.hold()

    def release(self) -> None:
        """As `Exchange.release`."""
        self.exchange.release()

    def ended(self) -> BaseException | None:
        """As `Exchange.ended`."""
        return self._runner.run(self.exchange.ended())


class SyncWebSocket:
    """A WebSocket whose methods wait by themselves."""

    def __init__(self, runner: asyncio.Runner, websocket: WebSocket) -> None:
        self._runner = runner
        self.websocket = websocket

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the application chose."""
        return self.websocket.subprotocol

    @property
    def headers(self) -> ResponseHeaders:
        """The headers that the application accepted with."""
        return self.websocket.headers

    def send(self, data: str | bytes) -> None:
        """As `WebSocket.send`."""
        self._runner.run(self.websocket.send(data))

    def send_json(self, value: Any) -> None:
        """As `WebSocket.send_json`."""
        self._runner.run(self.websocket.send_json(value))

    def receive(self) -> str | bytes:
        """As `WebSocket.receive`."""
        return self._runner.run(self.websocket.receive())

    def receive_json(self) -> Any:
        """As `WebSocket.receive_json`."""
        return self._runner.run(self.websocket.receive_json())

    def close(self, code: int = 1000, reason: str = "") -> None:
        """As `WebSocket.close`."""
        self._runner.run(self.websocket.close(code, reason))

    def lose(self) -> None:
        """As `WebSocket.lose`."""
        self._runner.run(self.websocket.lose())


class SyncClient:
    """`Client` for plain tests; it has its arguments.

        with SyncClient(app) as client:
            assert client.get("/").status == 200

    It has an event loop of its own, so it cannot be used where one runs: use Client there.
    """

    def __init__(self, app: Any, **options: Any) -> None:
        self.client = Client(app, **options)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        try:
            self._run(self.client.__aenter__())
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._run(self.client.__aexit__(kind, error, trace))
        finally:
            self._runner.close()

    def _run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return self._runner.run(coroutine)

    @property
    def state(self) -> dict[str, Any]:
        """The lifespan's state."""
        return self.client.state

    def request(self, method: str, url: str, **options: Any) -> Response:
        """As `Client.request`."""
        return self._run(self.client.request(method, url, **options))

    def get(self, url: str, **options: Any) -> Response:
        """`request` with GET."""
        return self.request("GET", url, **options)

    def head(self, url: str, **options: Any) -> Response:
        """`request` with HEAD."""
        return self.request("HEAD", url, **options)

    def post(self, url: str, **options: Any) -> Response:
        """`request` with POST."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> Response:
        """`request` with PUT."""
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Any) -> Response:
        """`request` with PATCH."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Any) -> Response:
        """`request` with DELETE."""
        return self.request("DELETE", url, **options)

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Headers | None = None,
        body: bytes | None = b"",
        scope: Mapping[str, Any] | None = None,
    ) -> Iterator[SyncExchange]:
        """As `Client.stream`."""
        block = self.client.stream(method, url, headers=headers, body=body, scope=scope)
        exchange = self._run(block.__aenter__())
        try:
            yield SyncExchange(self._runner, exchange)
        except BaseException as error:
            if not self._run(block.__aexit__(type(error), error, error.__traceback__)):
                raise
        else:
            self._run(block.__aexit__(None, None, None))

    @contextmanager
    def websocket(
        self,
        url: str,
        *,
        headers: Headers | None = None,
        subprotocols: Iterable[str] = (),
        scope: Mapping[str, Any] | None = None,
    ) -> Iterator[SyncWebSocket]:
        """As `Client.websocket`."""
        block = self.client.websocket(url, headers=headers, subprotocols=subprotocols, scope=scope)
        websocket = self._run(block.__aenter__())
        try:
            yield SyncWebSocket(self._runner, websocket)
        except BaseException as error:
            if not self._run(block.__aexit__(type(error), error, error.__traceback__)):
                raise
        else:
            self._run(block.__aexit__(None, None, None))
