"""The accept loop accepts, stops at its limits, and neither spins, nor leaks, nor dies."""

import asyncio
import errno
import resource
import socket
import struct
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from penstock.config import Bind, TcpAddress
from penstock.transport import sockets
from penstock.transport.sockets import (
    PAUSED_EXHAUSTED,
    PAUSED_FULL,
    PAUSED_HANDSHAKES,
    Acceptor,
)
from tests.loops import NewLoop, each_loop, run_on

DEADLINE_S = 10.0
HERE = Bind(TcpAddress("127.0.0.1", 0))


class Setup:
    """An acceptor on a loopback port, whose connections echo."""

    def __init__(self, connections_max: int = 100) -> None:
        self.loop = asyncio.get_running_loop()
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.sock.setblocking(False)
        self.place = self.sock.getsockname()
        self.connections: set[Any] = set()
        self.notes: list[tuple[str, str]] = []
        self.changed = asyncio.Event()
        self.made = 0
        self.acceptor = Acceptor(
            self.loop,
            [(self.sock, HERE)],
            self.connection,
            self.connections,
            connections_max,
            self.note,
        )

    def note(self, level: str, text: str) -> None:
        self.notes.append((level, text))
        self.changed.set()

    def connection(self, bind: Bind, client: socket.socket, peer: Any) -> asyncio.Protocol:
        return Echo(self)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def close(self) -> None:
        self.acceptor.close()
        self.sock.close()
        for connection in list(self.connections):
            connection.transport.abort()
        await self.until(lambda: not self.connections)


class Echo(asyncio.Protocol):
    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.setup.connections.add(self)
        self.setup.made += 1
        self.setup.changed.set()

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.setup.connections.discard(self)
        self.setup.acceptor.connection_gone()
        self.setup.changed.set()


def run(
    new_loop: NewLoop,
    test: Callable[[Setup], Coroutine[Any, Any, None]],
    connections_max: int = 100,
) -> None:
    async def main() -> None:
        setup = Setup(connections_max)
        escaped: list[Any] = []
        setup.loop.set_exception_handler(lambda _, context: escaped.append(context))
        try:
            await test(setup)
        finally:
            await setup.close()
        assert escaped == []

    run_on(new_loop, main())


def clients(setup: Setup, count: int) -> list[socket.socket]:
    made = []
    for _ in range(count):
        client = socket.socket()
        client.settimeout(DEADLINE_S)
        client.connect(setup.place)
        made.append(client)
    return made


async def echoed(setup: Setup, client: socket.socket) -> bool:
    client.setblocking(False)
    await setup.loop.sock_sendall(client, b"x")
    async with asyncio.timeout(DEADLINE_S):
        return await setup.loop.sock_recv(client, 1) == b"x"


@each_loop
def test_clients_are_accepted_and_small_answers_leave_at_once(new_loop: NewLoop) -> None:
    async def test(setup: Setup) -> None:
        setup.acceptor.start()
        made = clients(setup, 100)
        await setup.until(lambda: setup.made == 100)
        assert await echoed(setup, made[-1])
        some = next(iter(setup.connections)).transport.get_extra_info("socket")
        assert some.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        assert setup.acceptor.arriving == 0
        for client in made:
            client.close()
        await setup.until(lambda: not setup.connections)

    run(new_loop, test)


@each_loop
def test_beyond_the_limit_clients_wait_and_are_served_when_there_is_room(new_loop: NewLoop) -> None:
    async def test(setup: Setup) -> None:
        setup.acceptor.start()
        made = clients(setup, 8)
        await setup.until(lambda: any("3 connections are open" in text for _, text in setup.notes))
        assert len(setup.connections) == 3
        assert setup.acceptor.paused == PAUSED_FULL
        served = 0
        for client in made:  # in the order of their arrival
            assert await echoed(setup, client)
            assert len(setup.connections) <= 3
            client.close()
            served += 1
        assert served == 8
        await setup.until(lambda: not setup.connections)
        assert setup.acceptor.paused == 0

    run(new_loop, test, connections_max=3)


@each_loop
def test_a_steered_pause_leaves_clients_in_the_kernel_until_it_is_over(new_loop: NewLoop) -> None:
    async def test(setup: Setup) -> None:
        setup.acceptor.start()
        setup.acceptor.pause()
        (client,) = clients(setup, 1)
        for _ in range(5):
            await asyncio.sleep(0)
        assert setup.made == 0
        setup.acceptor.resume()
        assert await echoed(setup, client)
        client.close()

    run(new_loop, test)


@each_loop
def test_too_many_handshakes_keep_only_clients_of_tls_waiting_z03(new_loop: NewLoop) -> None:
    async def test(setup: Setup) -> None:
        acceptor = setup.acceptor
        acceptor.start()
        acceptor.pause(PAUSED_HANDSHAKES)
        (plain,) = clients(setup, 1)
        assert await echoed(setup, plain)
        acceptor.binds[setup.sock] = HERE._replace(tls=True)
        acceptor.pause(PAUSED_HANDSHAKES)
        (over_tls,) = clients(setup, 1)
        for _ in range(5):
            await asyncio.sleep(0)
        assert setup.made == 1
        acceptor.resume(PAUSED_HANDSHAKES)
        assert await echoed(setup, over_tls)
        plain.close()
        over_tls.close()

    run(new_loop, test)


@contextmanager
def few_descriptors(spare: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as probe:
        resource.setrlimit(resource.RLIMIT_NOFILE, (probe.fileno() + spare, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@each_loop
def test_out_of_descriptors_accepting_pauses_goes_on_later_and_says_so_once_a_second_s07(
    new_loop: NewLoop,
) -> None:
    async def test(setup: Setup) -> None:
        attempts = 0
        real = setup.acceptor._failed

        def counted(error: OSError) -> None:
            nonlocal attempts
            attempts += 1
            real(error)

        setup.acceptor._failed = counted  # type: ignore[method-assign]
        made = clients(setup, 20)
        with few_descriptors(5):
            began = setup.loop.time()
            setup.acceptor.start()
            await setup.until(lambda: bool(setup.notes))
            assert setup.acceptor.paused == PAUSED_EXHAUSTED
            # Several tries later there is still one line, and those who are in are served
            while attempts < 4:
                assert await echoed(setup, made[0])
                await asyncio.sleep(0.01)
            elapsed = setup.loop.time() - began
            assert attempts <= elapsed / sockets.RETRY_S + 1
            assert len(setup.notes) <= 1 + elapsed
        ((level, text),) = setup.notes
        assert level == "error"
        assert "Too many open files" in text
        assert "ulimit -n" in text
        for client in made:
            assert await echoed(setup, client)
            client.close()
        await setup.until(lambda: not setup.connections)

    class Slotted(Acceptor):  # without __slots__, so that the test can look in
        pass

    original = globals()["Acceptor"]
    globals()["Acceptor"] = Slotted
    try:
        run(new_loop, test)
    finally:
        globals()["Acceptor"] = original


@each_loop
def test_clients_that_reset_at_once_leave_no_trace_s08(new_loop: NewLoop) -> None:
    async def test(setup: Setup) -> None:
        setup.acceptor.start()
        for _ in range(10):
            for client in clients(setup, 50):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
            await asyncio.sleep(0)
        (client,) = clients(setup, 1)
        assert await echoed(setup, client)
        client.close()
        await setup.until(lambda: not setup.connections)
        assert [note for note in setup.notes if note[0] != "debug"] == []
        assert setup.acceptor.arriving == 0

    run(new_loop, test, connections_max=1000)


class Broken:
    """A listening socket whose accept fails once with each of `errors`."""

    def __init__(self, sock: socket.socket, errors: list[int]) -> None:
        self.sock = sock
        self.errors = errors

    def accept(self) -> Any:
        if self.errors:
            number = self.errors.pop(0)
            raise OSError(number, "refused by the test")
        return self.sock.accept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)


@each_loop
def test_an_aborted_connection_is_passed_over_and_an_odd_error_is_tried_again(
    new_loop: NewLoop,
) -> None:
    async def test(setup: Setup) -> None:
        broken = Broken(setup.sock, [errno.ECONNABORTED, errno.ENETDOWN])
        setup.acceptor.binds = {broken: HERE}  # type: ignore[dict-item]
        setup.acceptor.start()
        (client,) = clients(setup, 1)
        assert await echoed(setup, client)
        assert len(setup.notes) == 1
        assert "tried again" in setup.notes[0][1]
        client.close()

    run(new_loop, test)


@each_loop
def test_one_turn_accepts_no_more_than_its_share(new_loop: NewLoop) -> None:
    async def test(setup: Setup) -> None:
        setup.acceptor.accepts_per_turn = 4
        made = clients(setup, 10)
        setup.acceptor._paused = 0
        setup.acceptor._accept(setup.sock)
        await setup.until(lambda: setup.made == 4)
        while setup.acceptor.arriving:
            await asyncio.sleep(0)
        assert setup.made == 4
        setup.acceptor.drain()
        await setup.until(lambda: setup.made == 10)
        setup.acceptor._paused = sockets.PAUSED_CLOSED
        for client in made:
            client.close()

    run(new_loop, test)


@each_loop
def test_a_connection_that_cannot_be_made_is_said_and_harms_no_other(new_loop: NewLoop) -> None:
    async def test(setup: Setup) -> None:
        real, count = setup.connection, 0

        def first_fails(bind: Bind, client: socket.socket, peer: Any) -> asyncio.Protocol:
            nonlocal count
            count += 1
            if count == 1:
                raise ZeroDivisionError("no connection today")
            return real(bind, client, peer)

        setup.acceptor._factory = first_fails
        setup.acceptor.start()
        refused, served = clients(setup, 2)
        assert await echoed(setup, served)
        assert [level for level, _ in setup.notes] == ["error"]
        assert "no connection today" in setup.notes[0][1]
        assert refused.recv(1) == b""
        refused.close()
        served.close()

    run(new_loop, test)
