"""Honest load: clients that count every request without a whole answer as failed, whatever the reason.

A kept-alive client reuses its connection until the server says `Connection: close`, or closes it while it is idle; that the
server closed it the client learns as real ones do, by an end that arrived before it sends. A request that was sent and got no
answer counts as failed even where HTTP would allow to repeat it.
"""

import asyncio
import ssl
import time
from collections import Counter
from typing import NamedTuple

DEADLINE_S = 20.0
_REQUEST = b"GET / HTTP/1.1\r\nHost: trial\r\n%s\r\n"


class Failure(NamedTuple):
    """A request without a whole answer. `pid`: who answered on the connection before, 0 if nobody did yet."""

    at: float
    why: str
    port: int
    pid: int


class _Wire(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.over = False
        self.data = b""
        self.answer: asyncio.Future[tuple[bytes, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, found, rest = self.data.partition(b"\r\n\r\n")
        if not found or self.answer is None or self.answer.done():
            return
        length = next(
            int(line[15:])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        if len(rest) >= length:
            self.data = b""
            self.answer.set_result((head, rest))

    def eof_received(self) -> None:
        self._end("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(f"the connection was lost: {exc!r}")

    def _end(self, why: str) -> None:
        self.over = True
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(ConnectionError(why))

    async def ask(self, request: bytes) -> tuple[bytes, bytes]:
        assert self.transport is not None
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await asyncio.wait_for(self.answer, DEADLINE_S)


class Load:
    """Clients on 127.0.0.1:`port`: `kept` of them reuse connections, `fresh` ones make one for each request. Together they ask
    about `rate` times a second; over TLS if there is a context `tls`.

        async with Load(port, kept=24, fresh=8, rate=2000) as load:
            ...
        load.answered, load.failures, load.refused, load.by_pid
    """

    def __init__(
        self, port: int, *, kept: int, fresh: int, rate: float, tls: ssl.SSLContext | None = None
    ) -> None:
        self.port = port
        self._tls = tls
        self.answered = 0
        self.refused = 0
        self.failures: list[Failure] = []
        self.by_pid: Counter[int] = Counter()
        self.slowest_s = 0.0
        self._pause_s = (kept + fresh) / rate
        self._kept, self._fresh = kept, fresh
        self._ending = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Load":
        for number in range(self._kept + self._fresh):
            self._tasks.append(asyncio.ensure_future(self._client(number, number < self._kept)))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ending = True
        await asyncio.gather(*self._tasks)

    async def _client(self, number: int, keeps: bool) -> None:
        wire: _Wire | None = None
        pid = 0
        request = _REQUEST % (b"" if keeps else b"Connection: close\r\n")
        await asyncio.sleep(self._pause_s * number / len(self._tasks))
        while not self._ending:
            began = time.monotonic()
            if wire is None or wire.over or wire.transport is None or wire.transport.is_closing():
                pid = 0
                wire = await self._connect()
                if wire is None:
                    await asyncio.sleep(self._pause_s)
                    continue
            assert wire.transport is not None
            port = wire.transport.get_extra_info("sockname")[1]
            try:
                head, body = await wire.ask(request)
            except (OSError, TimeoutError) as error:
                self.failures.append(Failure(time.time(), f"{error!r}", port, pid))
                wire.transport.abort()
                wire = None
                continue
            took_s = time.monotonic() - began
            self.slowest_s = max(self.slowest_s, took_s)
            if not head.startswith(b"HTTP/1.1 200 "):
                self.failures.append(Failure(time.time(), head[:40].decode("latin-1"), port, pid))
            else:
                self.answered += 1
                pid = int(body.split()[0])
                self.by_pid[pid] += 1
            if not keeps or b"connection: close" in head.lower():
                wire.transport.close()
                wire = None
            await asyncio.sleep(max(self._pause_s - took_s, 0))
        if wire is not None and wire.transport is not None:
            wire.transport.close()

    async def _connect(self) -> _Wire | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(DEADLINE_S):
                name = "localhost" if self._tls is not None else None
                _, wire = await loop.create_connection(
                    _Wire, "127.0.0.1", self.port, ssl=self._tls, server_hostname=name
                )
        except (OSError, TimeoutError):
            self.refused += 1
            return None
        return wire
