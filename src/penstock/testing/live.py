"""The real server on a free port, in a thread of the test's process."""

from __future__ import annotations

import asyncio
import ssl
import threading
from types import TracebackType
from typing import Any, Self

import penstock

START_S = 10.0


class LiveServer:
    """Penstock itself, serving `app` (ASGI or WSGI, or an import string) while the block runs.

        with LiveServer(app) as server:
            urllib.request.urlopen(server.url)

    With `tls` it has a certificate for localhost, which is made once and kept in the user's cache folder
    (it needs `penstock[dev-cert]`); clients trust it by `certificate`, a PEM file, or `ssl_context()`.
    Over TLS clients that offer HTTP/2 get it. `options` are those of docs/options.md; the port is a free
    one of 127.0.0.1 unless they say otherwise. Raises what the start raised.
    """

    def __init__(self, app: Any, *, tls: bool = False, **options: Any) -> None:
        self._app = app
        self._options = {"port": 0, "access_log": False, **options}
        if tls:
            self._options["dev_cert"] = True
        self._tls = tls
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self.url = ""
        self.certificate = ""

    def __enter__(self) -> Self:
        self._started.clear()
        self._thread = threading.Thread(target=self._main, name="penstock live server")
        self._thread.start()
        if not self._started.wait(START_S):
            self._end()
            raise TimeoutError(f"the server did not start in {START_S} s")
        if self._failure is not None:
            failure, self._failure = self._failure, None
            self._thread.join()
            raise failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
        if self._failure is not None and error is None:
            raise self._failure

    @property
    def websocket_url(self) -> str:
        """The address for WebSockets: ws:// or wss://."""
        return "ws" + self.url.removeprefix("http")

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.url.rpartition(":")[2])

    def ssl_context(self, *, http2: bool = False) -> ssl.SSLContext:
        """A client's context that trusts the certificate; with `http2` it offers h2 by ALPN."""
        context = ssl.create_default_context(cafile=self.certificate)
        if http2:
            context.set_alpn_protocols(["h2", "http/1.1"])
        return context

    def _end(self) -> None:
        assert self._thread is not None
        if self._loop is not None and self._stop is not None:
            try:
                self._loop.call_soon_threadsafe(self._stop.set)
            except RuntimeError:  # the loop has been closed
                pass
        self._thread.join()

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with penstock.Server(self._app, **self._options) as server:
            self.url = server.url
            if self._tls:
                self.url = self.url.replace("127.0.0.1", "localhost")
                self.certificate = str(server.settings.ssl_certfile[0])
            self._started.set()
            await self._stop.wait()
