"""What comes before HTTP: a PROXY header is taken off the socket, from trusted peers, within its time (X05)."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from penstock.config.addresses import Bind, TcpAddress
from penstock.errors import ProtocolError
from penstock.transport import arrivals
from penstock.transport.arrivals import Arrivals, TurnedAway, read_origin
from penstock.wire.proxy import V2_SIGNATURE, Origin
from tests.loops import NewLoop, each_loop, run_on

LINE = b"PROXY TCP4 192.0.2.1 198.51.100.2 4000 443\r\n"
ORIGIN = Origin(True, ("192.0.2.1", 4000), ("198.51.100.2", 443))
REST = b"GET / HTTP/1.1\r\n\r\n"
DEADLINE_S = 10.0
PROXY = Bind(TcpAddress("127.0.0.1", 80), proxy_protocol=True)


def run(new_loop: NewLoop, test: Callable[[Any, Any], Coroutine[Any, Any, None]]) -> None:
    """`test(ours, theirs)` on a loop, with the two ends of a connection."""

    async def main() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.setblocking(False)
            async with asyncio.timeout(DEADLINE_S):
                await test(ours, theirs)

    run_on(new_loop, main())


@each_loop
def test_the_header_is_taken_and_nothing_after_it(new_loop: NewLoop) -> None:
    async def test(ours: socket.socket, theirs: socket.socket) -> None:
        theirs.send(LINE + REST)
        assert await read_origin(asyncio.get_running_loop(), ours, DEADLINE_S) == ORIGIN
        assert ours.recv(100) == REST

    run(new_loop, test)


@each_loop
@pytest.mark.parametrize("header", [LINE, V2_SIGNATURE + b"\x20\x00\x00\x00"])
def test_a_header_in_pieces_is_waited_for_without_spinning(
    new_loop: NewLoop, header: bytes
) -> None:
    """What was looked at is taken off: else the socket would be readable all the time."""

    async def test(ours: socket.socket, theirs: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reading = loop.create_task(read_origin(loop, ours, DEADLINE_S))
        for at in range(len(header)):
            assert not reading.done()
            theirs.send(header[at : at + 1])
            while _readable(ours):
                await asyncio.sleep(0)
        theirs.send(REST)
        assert (await reading).told is (header == LINE)
        assert ours.recv(100) == REST

    run(new_loop, test)


def _readable(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


@each_loop
@pytest.mark.parametrize("start", [b"", LINE[:20], V2_SIGNATURE])
def test_a_header_that_does_not_come_has_a_deadline_x05(new_loop: NewLoop, start: bytes) -> None:
    async def test(ours: socket.socket, theirs: socket.socket) -> None:
        theirs.send(start)
        with pytest.raises(ProtocolError, match=r"within 0\.02 s") as caught:
            await read_origin(asyncio.get_running_loop(), ours, 0.02)
        assert caught.value.option == "--timeout-proxy-protocol"

    run(new_loop, test)


@each_loop
@pytest.mark.parametrize("start", [b"", LINE[:20]])
def test_a_peer_that_leaves_before_its_header_is_whole_is_turned_away_x05(
    new_loop: NewLoop, start: bytes
) -> None:
    async def test(ours: socket.socket, theirs: socket.socket) -> None:
        theirs.send(start)
        loop = asyncio.get_running_loop()
        reading = loop.create_task(read_origin(loop, ours, DEADLINE_S))
        await asyncio.sleep(0)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(ProtocolError, match="the connection was closed"):
            await reading

    run(new_loop, test)


class Trial:
    """An `Arrivals` whose connections are the arguments that they are made with."""

    def __init__(self, allowed: str, clients: Any = None) -> None:
        self.notes: list[str] = []
        settings = SimpleNamespace(forwarded_allow_ips=allowed, timeout_proxy_protocol=DEADLINE_S)
        self.arrivals = Arrivals(
            asyncio.get_running_loop(),
            settings,
            lambda level, text: self.notes.append(f"{level}: {text}"),
            lambda *arguments: arguments,
            clients,
        )


@each_loop
def test_a_trusted_proxy_says_who_is_connected(new_loop: NewLoop) -> None:
    async def test(ours: socket.socket, theirs: socket.socket) -> None:
        trial = Trial("10.0.0.0/8")
        theirs.send(LINE)
        peer = ("10.0.0.1", 5)
        prepared = await trial.arrivals.prepare(PROXY, ours, peer)
        assert prepared is not None
        assert prepared() == (PROXY, ours, peer, ORIGIN)
        assert trial.notes == []

    run(new_loop, test)


@each_loop
@pytest.mark.parametrize(
    "allowed, peer",
    [("10.0.0.1", ("10.0.0.2", 5)), ("10.0.0.1", ("::1", 5, 0, 0)), ("127.0.0.1", "")],
)
def test_a_header_of_anybody_else_is_not_even_read_x05(
    new_loop: NewLoop, allowed: str, peer: Any
) -> None:
    """A peer on a Unix socket, too, is trusted only when said so (X04)."""

    async def test(ours: socket.socket, theirs: socket.socket) -> None:
        trial = Trial(allowed)
        theirs.send(LINE)
        assert await trial.arrivals.prepare(PROXY, ours, peer) is None
        assert ours.recv(100) == LINE
        (note,) = trial.notes
        assert "no trusted proxy" in note
        assert "--forwarded-allow-ips" in note
        assert "192.0.2.1" not in note

    run(new_loop, test)


@each_loop
def test_a_bad_header_is_said_in_one_line_x05(new_loop: NewLoop) -> None:
    async def test(ours: socket.socket, theirs: socket.socket) -> None:
        trial = Trial("unix")
        theirs.send(REST)
        for _ in range(3):
            assert await trial.arrivals.prepare(PROXY, ours, "") is None
        (note,) = trial.notes
        assert note.startswith("warning: Turned away a local client: no PROXY header")

    run(new_loop, test)


@each_loop
def test_a_client_is_counted_by_the_address_that_its_proxy_tells(new_loop: NewLoop) -> None:
    """--limit-connections-per-client."""

    async def test(ours: socket.socket, theirs: socket.socket) -> None:
        entered: list[Any] = []
        clients = SimpleNamespace(enter=lambda sock, client: entered.append(client))
        trial = Trial("unix", clients)
        theirs.send(LINE + b"PROXY UNKNOWN\r\n")
        assert await trial.arrivals.prepare(PROXY, ours, "") is None
        assert await trial.arrivals.prepare(PROXY, ours, "") is not None
        assert entered == [("192.0.2.1", 4000)]

    run(new_loop, test)


def test_a_flood_of_refusals_is_no_flood_of_lines_x06() -> None:
    notes: list[str] = []
    now = 0.0
    turned_away = TurnedAway(lambda: now, lambda level, text: notes.append(text))
    for _ in range(1000):
        turned_away.tell("somebody", ProtocolError("odd", "", "--option"))
    assert notes == ["Turned away somebody: odd; --option changes this"]
    now = arrivals.COMPLAINT_INTERVAL_S
    turned_away.tell("somebody", ProtocolError("odd"))
    assert notes[1:] == ["Turned away somebody: odd; 999 more since the last such line"]
