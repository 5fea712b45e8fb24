"""A file goes onto the socket whole, in bounded turns, or the connection is known to be broken."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from penstock.transport import sendfile
from penstock.transport.sendfile import TURN_BYTES_MAX, send_file
from tests.loops import NewLoop, each_loop, run_on

DEADLINE_S = 15.0
CONTENT = os.urandom(1 << 16) * 24  # 1.5 MiB: more than a socket's buffer takes


class Pair:
    """A transport, and the plain socket at its other end."""

    def __init__(self, transport: Any, protocol: "Watcher", client: socket.socket) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport = transport
        self.protocol = protocol
        self.client = client

    async def read(self, count: int) -> bytes:
        parts, missing = [], count
        async with asyncio.timeout(DEADLINE_S):
            while missing:
                data = await self.loop.sock_recv(self.client, min(missing, 1 << 16))
                if not data:
                    break
                parts.append(data)
                missing -= len(data)
        return b"".join(parts)


class Watcher(asyncio.Protocol):
    def __init__(self) -> None:
        self.lost = asyncio.Event()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost.set()


class Outcome:
    """What `on_done` was told."""

    def __init__(self) -> None:
        self.calls: list[BaseException | None] = []
        self.called = asyncio.Event()

    def __call__(self, error: BaseException | None) -> None:
        self.calls.append(error)
        self.called.set()

    async def wait(self) -> BaseException | None:
        await asyncio.wait_for(self.called.wait(), DEADLINE_S)
        (error,) = self.calls
        return error


def run(
    new_loop: NewLoop, test: Callable[[Pair], Coroutine[Any, Any, None]], *, tcp: bool = True
) -> None:
    async def main() -> None:
        if tcp:
            with socket.create_server(("127.0.0.1", 0)) as listening:
                client = socket.create_connection(listening.getsockname())
                accepted, _ = listening.accept()
        else:
            client, accepted = socket.socketpair()
        client.setblocking(False)
        accepted.setblocking(False)
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.connect_accepted_socket(Watcher, accepted)
        try:
            await test(Pair(transport, protocol, client))
        finally:
            transport.abort()
            await asyncio.wait_for(protocol.lost.wait(), DEADLINE_S)
            client.close()

    run_on(new_loop, main())


@pytest.fixture
def file(tmp_path: Path) -> Any:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    fd = os.open(path, os.O_RDWR)
    yield fd
    os.close(fd)


@each_loop
@pytest.mark.parametrize("tcp", [True, False])
def test_the_file_follows_what_the_transport_had_to_write(
    new_loop: NewLoop, file: int, tcp: bool
) -> None:
    async def test(pair: Pair) -> None:
        head = b"h" * 300_000
        pair.transport.write(head)
        done = Outcome()
        job = send_file(pair.loop, pair.transport, file, 1000, len(CONTENT) - 1000, done)
        data = await pair.read(len(head) + len(CONTENT) - 1000)
        assert await done.wait() is None
        assert data == head + CONTENT[1000:]
        assert job.sent == len(CONTENT) - 1000
        pair.transport.write(b"after")
        assert await pair.read(5) == b"after"

    run(new_loop, test, tcp=tcp)


@each_loop
def test_a_small_file_is_gone_before_the_call_returns(new_loop: NewLoop, file: int) -> None:
    async def test(pair: Pair) -> None:
        done = Outcome()
        send_file(pair.loop, pair.transport, file, 0, 100, done)
        assert done.calls == [None]
        assert await pair.read(100) == CONTENT[:100]

    run(new_loop, test)


@each_loop
def test_nothing_of_the_file_passes_through_the_transport(new_loop: NewLoop, file: int) -> None:
    async def test(pair: Pair) -> None:
        done = Outcome()
        job = send_file(pair.loop, pair.transport, file, 0, len(CONTENT), done)
        while job.sent < len(CONTENT):
            assert pair.transport.get_write_buffer_size() == 0
            await pair.read(10_000)
        assert await done.wait() is None

    run(new_loop, test)


@each_loop
def test_one_turn_sends_no_more_than_its_share(
    new_loop: NewLoop, file: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = os.sendfile

    def counted(out: int, fd: int, offset: int, count: int) -> int:
        asked.append(count)
        return real(out, fd, offset, count)

    monkeypatch.setattr(sendfile, "_SENDFILE", counted)

    async def test(pair: Pair) -> None:
        done = Outcome()
        send_file(pair.loop, pair.transport, file, 0, len(CONTENT), done)
        assert len(asked) == 1  # the rest only after the loop has turned
        assert await pair.read(len(CONTENT)) == CONTENT
        assert await done.wait() is None
        assert max(asked) <= TURN_BYTES_MAX

    run(new_loop, test)


@each_loop
def test_a_slow_reader_stops_it_and_its_progress_can_be_seen_s04(
    new_loop: NewLoop, tmp_path: Path
) -> None:
    path = tmp_path / "large"
    with path.open("wb") as large:
        large.truncate(1 << 27)

    async def test(pair: Pair) -> None:
        done = Outcome()
        with path.open("rb") as large:
            job = send_file(pair.loop, pair.transport, large.fileno(), 0, 1 << 27, done)
            last = -1
            async with asyncio.timeout(DEADLINE_S):
                while job.sent != last:  # until the kernel takes no more
                    last = job.sent
                    await asyncio.sleep(0.05)
            assert 0 < job.sent < 1 << 27
            assert await pair.read(1 << 22)
            async with asyncio.timeout(DEADLINE_S):
                while job.sent == last:
                    await asyncio.sleep(0)
            job.cancel()
        assert done.calls == []

    run(new_loop, test)


@each_loop
@pytest.mark.parametrize("by_reads", [False, True])
def test_a_file_that_shrinks_is_an_error(
    new_loop: NewLoop, file: int, by_reads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_reads:
        monkeypatch.setattr(sendfile, "_SENDFILE", None)

    async def test(pair: Pair) -> None:
        done = Outcome()
        send_file(pair.loop, pair.transport, file, 0, len(CONTENT) + 1, done)
        assert await pair.read(len(CONTENT)) == CONTENT
        error = await done.wait()
        assert isinstance(error, OSError)
        assert f"{len(CONTENT)} of {len(CONTENT) + 1} bytes" in str(error)

    run(new_loop, test)


@each_loop
def test_a_reset_is_an_error(new_loop: NewLoop, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as large:
        large.truncate(1 << 27)

    async def test(pair: Pair) -> None:
        done = Outcome()
        with path.open("rb") as large:
            send_file(pair.loop, pair.transport, large.fileno(), 0, 1 << 27, done)
            pair.client.close()
            assert isinstance(await done.wait(), OSError)

    run(new_loop, test)


@each_loop
def test_cancel_lets_go_of_the_socket_and_says_nothing(new_loop: NewLoop, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as large:
        large.truncate(1 << 27)

    async def test(pair: Pair) -> None:
        done = Outcome()
        with path.open("rb") as large:
            job = send_file(pair.loop, pair.transport, large.fileno(), 0, 1 << 27, done)
            await asyncio.sleep(0)
            job.cancel()
            job.cancel()
            assert job._socket == -1
            assert job._handle is None
        assert done.calls == []

    run(new_loop, test)


@each_loop
@pytest.mark.parametrize("why", ["no os.sendfile", "refused for this file", "no descriptor left"])
def test_where_sendfile_cannot_be_the_file_is_read(
    new_loop: NewLoop, file: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> int:
        raise OSError(22, "Invalid argument")

    def exhausted(_fd: int) -> int:
        raise OSError(24, "Too many open files")

    if why == "no os.sendfile":
        monkeypatch.setattr(sendfile, "_SENDFILE", None)
    elif why == "refused for this file":
        monkeypatch.setattr(sendfile, "_SENDFILE", refused)
    else:
        monkeypatch.setattr(sendfile.os, "dup", exhausted)

    async def test(pair: Pair) -> None:
        done = Outcome()
        send_file(pair.loop, pair.transport, file, 0, len(CONTENT), done)
        assert await pair.read(len(CONTENT)) == CONTENT
        assert await done.wait() is None

    run(new_loop, test)


@each_loop
def test_a_transport_that_closes_is_an_error_at_once(new_loop: NewLoop, file: int) -> None:
    async def test(pair: Pair) -> None:
        pair.transport.abort()
        done = Outcome()
        send_file(pair.loop, pair.transport, file, 0, 100, done)
        assert isinstance(await done.wait(), ConnectionError)

    run(new_loop, test)
