"""systemd's sockets are taken, its environment goes no further, and it hears how the service is."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import BindError
from penstock.process.systemd import (
    UNSENT_MAX,
    Heartbeat,
    Notifier,
    Passed,
    Systemd,
    chosen,
    keep_to_this_process,
    take,
)

FULL = {
    "LISTEN_FDS": "2",
    "LISTEN_PID": "77",
    "LISTEN_FDNAMES": "web:admin",
    "LISTEN_PIDFDID": "5",
    "NOTIFY_SOCKET": "/run/systemd/notify",
    "WATCHDOG_USEC": "3000000",
    "WATCHDOG_PID": "77",
    "HOME": "/srv",
}


def test_what_is_meant_for_this_process_is_read_and_nothing_of_it_left_for_children() -> None:
    environ = dict(FULL)
    assert take(environ, 77) == Systemd(
        (Passed(3, "web"), Passed(4, "admin")), "/run/systemd/notify", 3.0
    )
    assert environ == {"HOME": "/srv"}


def test_sockets_and_watchdog_of_another_process_are_left_alone_and_taken_away_too() -> None:
    environ = dict(FULL)
    assert take(environ, 78) == Systemd((), "/run/systemd/notify", 0.0)
    assert environ == {"HOME": "/srv"}


def test_without_systemd_there_is_nothing() -> None:
    assert take({}, 1) == Systemd()
    assert Systemd().handed_on() == {}


def test_sockets_without_names_get_systemds_word_for_it() -> None:
    found = take({"LISTEN_FDS": "3", "LISTEN_PID": "1", "LISTEN_FDNAMES": "web"}, 1)
    assert [name for _, name in found.passed] == ["web", "unknown", "unknown"]


@pytest.mark.parametrize("count", ["-1", "many", "99999", "2.0", "٣"])
def test_a_number_of_sockets_that_is_none_stops_the_start(count: str) -> None:
    with pytest.raises(BindError, match="LISTEN_FDS"):
        take({"LISTEN_FDS": count, "LISTEN_PID": "1"}, 1)


@pytest.mark.parametrize("usec", ["", "0", "-5", "x", "9" * 40])
def test_a_watchdog_time_that_is_none_means_no_watchdog(usec: str) -> None:
    assert take({"WATCHDOG_USEC": usec}, 1).watchdog_s == 0


@pytest.mark.parametrize("address", ["", "@", "/", "vsock:2:1", "run/notify"])
def test_a_place_for_news_that_is_none_means_no_news(address: str) -> None:
    assert take({"NOTIFY_SOCKET": address}, 1).notify == ""


def test_a_successor_gets_the_place_for_news_and_the_watchdog_but_no_pid_of_another() -> None:
    handed_on = Systemd((Passed(3, "web"),), "@news", 1.5).handed_on()
    assert handed_on == {"NOTIFY_SOCKET": "@news", "WATCHDOG_USEC": "1500000"}
    assert take(dict(handed_on), 5) == Systemd((), "@news", 1.5)


def test_a_bind_means_all_sockets_or_those_of_a_name() -> None:
    passed = (Passed(3, "web"), Passed(4, "admin"), Passed(5, "web"))
    assert chosen(passed, "") == [3, 4, 5]
    assert chosen(passed, "web") == [3, 5]
    with pytest.raises(BindError, match="the name 'api', but: web, admin") as caught:
        chosen(passed, "api")
    assert "FileDescriptorName=api" in caught.value.hint
    with pytest.raises(BindError, match="passed no socket"):
        chosen((), "")


def test_passed_sockets_are_closed_on_exec_v06() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.set_inheritable(True)
        keep_to_this_process([Passed(sock.fileno(), "web")])
        assert not sock.get_inheritable()
        gone = sock.fileno()
    with pytest.raises(BindError, match=rf"Descriptor {gone} \(web\).* is not open"):
        keep_to_this_process([Passed(gone, "web")])


# ---------------------------------------------------------------------------------------------- news


@pytest.fixture(params=["path", "abstract"])
def listening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Any]]:
    """A place for news, and the socket on which it arrives."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        if request.param == "path":
            address = str(tmp_path / "notify")
            sock.bind(address)
        else:
            address = f"@penstock-test-{os.getpid()}"
            sock.bind("\0" + address[1:])
        sock.settimeout(5)
        yield address, sock


def test_news_has_systemds_form(listening: tuple[str, Any]) -> None:
    address, sock = listening
    news = Notifier(address, lambda: 12_345_678_999)
    news.ready("Serving on\nport 80\x00")
    assert sock.recv(1000) == b"READY=1\nSTATUS=Serving on port 80\x00"
    news.reloading()
    assert sock.recv(1000) == b"RELOADING=1\nMONOTONIC_USEC=12345678"
    news.stopping("SIGTERM")
    assert sock.recv(1000) == b"STOPPING=1\nSTATUS=SIGTERM"
    news.status("3 workers")
    assert sock.recv(1000) == b"STATUS=3 workers"
    news.main_pid(55)
    assert sock.recv(1000) == b"MAINPID=55"
    news.watchdog()
    assert sock.recv(1000) == b"WATCHDOG=1"
    news.close()


def test_news_that_nobody_hears_is_no_error_and_no_wait(tmp_path: Path) -> None:
    for address in ("", str(tmp_path / "nobody"), "@penstock-nobody", "/" + "x" * 200, "@a\0b"):
        news = Notifier(address)
        news.ready("x")
        news.watchdog()
        assert not news.unsent
        news.close()


def test_a_full_queue_does_not_block_and_what_a_service_waits_for_is_sent_later(
    tmp_path: Path,
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        news = Notifier(str(tmp_path / "notify"))
        for number in range(100_000):
            news.status(f"line {number}")
            if news.unsent:
                break
        assert news.unsent
        began = time.monotonic()
        for _ in range(2 * UNSENT_MAX):
            news.watchdog()
        news.ready()
        assert time.monotonic() - began < 1
        received = _drained(sock)
        assert b"READY=1" not in received
        news.flush()
        assert not news.unsent
        received = _drained(sock)
        assert received[-1] == b"READY=1"
        assert b"WATCHDOG=1" not in received  # an old sign of life says nothing
        news.close()


def test_unsent_news_is_bounded(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        news = Notifier(str(tmp_path / "notify"))
        while not news.unsent:
            news.status("x")
        for _ in range(10 * UNSENT_MAX):
            news.status("x")
        assert len(news._unsent) == UNSENT_MAX
        news.close()


def _drained(sock: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(sock.recv(1000))
        except BlockingIOError:
            return found


class Clock:
    """`call_later` by hand."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Any]] = []

    def call_later(self, delay_s: float, call: Any) -> Any:
        self.calls.append((delay_s, call))
        return self

    def cancel(self) -> None:
        self.calls.clear()

    def turn(self) -> float:
        delay_s, call = self.calls.pop()
        call()
        return delay_s


def test_signs_of_life_come_at_half_of_the_watchdogs_time_and_only_while_alive(
    listening: tuple[str, Any],
) -> None:
    address, sock = listening
    clock, alive = Clock(), [True]
    beat = Heartbeat(Notifier(address), 3.0, clock.call_later, lambda: alive[0])
    beat.start()
    beat.start()
    assert sock.recv(100) == b"WATCHDOG=1"
    assert clock.turn() == 1.5
    assert sock.recv(100) == b"WATCHDOG=1"
    alive[0] = False
    clock.turn()
    sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        sock.recv(100)
    alive[0] = True
    clock.turn()
    assert sock.recv(100) == b"WATCHDOG=1"
    beat.stop()
    assert clock.calls == []
    beat._news.close()


def test_without_a_watchdog_there_is_no_timer_unless_news_is_unsent(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        clock, news = Clock(), Notifier(str(tmp_path / "notify"))
        beat = Heartbeat(news, 0.0, clock.call_later, lambda: True)
        beat.start()
        assert clock.calls == []
        while not news.unsent:
            news.status("x")
        beat.start()
        assert len(clock.calls) == 1
        _drained(sock)
        clock.turn()
        assert clock.calls == []
        assert not news.unsent
        news.close()


def test_without_systemd_nothing_is_started() -> None:
    clock = Clock()
    Heartbeat(Notifier(""), 3.0, clock.call_later, lambda: True).start()
    assert clock.calls == []


def test_a_loop_that_stands_still_gives_no_sign_of_life(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)

        async def test() -> None:
            news = Notifier(str(tmp_path / "notify"))
            loop = asyncio.get_running_loop()
            beat = Heartbeat(news, 0.02, loop.call_later, lambda: True)
            beat.start()
            while len(_drained(sock)) == 0:
                await asyncio.sleep(0.005)
            _drained(sock)
            time.sleep(0.1)
            assert _drained(sock) == []
            beat.stop()
            news.close()

        asyncio.run(test())
