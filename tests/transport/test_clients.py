"""A client may have so many connections; who speaks for many is no client; what ends is counted no more."""

import socket
from contextlib import ExitStack
from typing import Any

import pytest

from penstock.gateway.forwarded_trust import Trust
from penstock.transport.clients import COMPLAINT_INTERVAL_S, Clients, client_of
from penstock.transport.counters import Counters
from tests.loops import NewLoop, each_loop
from tests.sockets import serving


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("fe80::1%eth0", "fe80::1", True),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_network_of_64_bits(
    one: str, other: str, same: bool
) -> None:
    assert (client_of(one) == client_of(other)) is same


@pytest.mark.parametrize("text", ["", "x", "/run/app.sock", "1.2.3", ":"])
def test_what_is_no_address_is_no_client(text: str) -> None:
    assert client_of(text) is None


class Trial:
    def __init__(self, most: int = 2, trusted: str = "") -> None:
        self.now = 100.0
        self.lines: list[str] = []
        self.counters = Counters()
        self.clients = Clients(
            most, Trust(trusted), self.counters, lambda: self.now,
            lambda level, text: self.lines.append(f"{level}: {text}"),
        )  # fmt: skip


def test_beyond_the_limit_a_client_is_turned_away_and_others_are_not() -> None:
    trial = Trial()
    with ExitStack() as stack:
        socks = [stack.enter_context(socket.socket()) for _ in range(5)]
        peers = [("192.0.2.7", 1), ("192.0.2.7", 2), ("192.0.2.7", 3), ("192.0.2.8", 1)]
        entered = [trial.clients.enter(*each) for each in zip(socks, peers, strict=False)]
        assert entered == [True, True, False, True]
        assert trial.counters.refused_clients == 1
        assert trial.lines == [
            (
                "warning: Turned away 1 more connections, the last of 192.0.2.7, which has 2 open;"
                " --limit-connections-per-client changes this"
            )
        ]
        # At most one line in a while; it says how many there were
        for _ in range(5):
            assert not trial.clients.enter(socks[4], ("192.0.2.7", 9))
        assert len(trial.lines) == 1
        trial.now += COMPLAINT_INTERVAL_S
        trial.clients.enter(socks[4], ("192.0.2.7", 9))
        assert trial.lines[1].startswith("warning: Turned away 6 more connections")


def test_a_socket_that_is_gone_is_counted_no_more() -> None:
    trial = Trial()
    sock = socket.socket()
    assert trial.clients.enter(sock, ("2001:db8::1", 5, 0, 0))
    assert trial.clients.count("2001:db8::2") == 1
    sock.close()
    del sock
    assert trial.clients.count("2001:db8::2") == 0
    assert trial.clients._open == {}
    assert trial.clients._sockets == {}


@pytest.mark.parametrize("peer", ["", b"", None, ("192.0.2.1", 1), ("198.51.100.9", 2)])
def test_unix_sockets_and_trusted_proxies_are_not_bounded(peer: Any) -> None:
    trial = Trial(1, "192.0.2.1,198.51.100.0/24")
    with socket.socket() as sock:
        assert all(trial.clients.enter(sock, peer) for _ in range(10))


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@each_loop
def test_the_server_closes_what_is_too_much_and_takes_another_when_one_has_left(
    new_loop: NewLoop, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"limit_connections_per_client": 2, "forwarded_allow_ips": "192.0.2.1"}
    with serving(hello, new_loop, **options) as served, served.client() as first:
        assert first.get().status == 204
        with served.client() as second, served.client() as third:
            assert second.get().status == 204
            assert third.closed()
            served.until(lambda: served.worker.counters.refused_clients == 1)
        clients = served.server.acceptor.clients
        # Whether or not the garbage collector has come
        served.until(lambda: clients.count("127.0.0.1") == 1)
        with served.client() as fourth:
            assert fourth.get().status == 204
        assert served.server.acceptor.accepted == 4
    assert [text for text in caplog.messages if "Turned away 1 more" in text]


@each_loop
def test_a_proxy_that_is_trusted_brings_as_many_as_it_likes(new_loop: NewLoop) -> None:
    with (
        serving(hello, new_loop, limit_connections_per_client=1) as served,
        served.client() as first,
        served.client() as second,
    ):
        assert first.get().status == second.get().status == 204


@each_loop
def test_behind_the_proxy_protocol_it_is_the_client_that_counts(new_loop: NewLoop) -> None:
    """Not the proxy, and also where that is trusted."""
    header = b"PROXY TCP4 %b 192.0.2.1 4000 80\r\n"
    options = {"limit_connections_per_client": 1, "bind": "127.0.0.1:0?proxy"}
    with (
        serving(hello, new_loop, **options) as served,
        served.client() as one,
        served.client() as same,
        served.client() as other,
    ):
        one.send(header % b"203.0.113.5")
        assert one.get().status == 204
        other.send(header % b"203.0.113.6")
        assert other.get().status == 204
        same.send(header % b"203.0.113.5")
        assert same.closed()
