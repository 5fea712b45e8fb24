"""An HTTP/1 connection before its worker: the sweep's deadlines and rates, a full house, the shutdown; with a clock set by hand."""

from typing import Any

import pytest

from tests.gateway.http_trial import Future
from tests.transport.http1_trial import GET, Trial, echo, forever, ok


class Never:
    """What nobody ever resolves."""

    def __await__(self) -> Any:
        yield Future()


async def sleeps(scope: object, receive: object, send: object) -> None:
    """Take nothing, answer nothing."""
    await Never()


POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"


def test_a_silent_connection_is_closed_after_the_time_for_a_head() -> None:
    """Not before it (S02)."""
    trial = Trial(ok, timeout_request_head=30)
    trial.sweep(29.9)
    assert trial.transport.state == "open"
    trial.sweep(0.2)
    assert (trial.transport.state, trial.transport.written) == ("closed", b"")


def test_a_head_has_its_time_from_its_first_byte() -> None:
    """Further bytes do not add to it; then 408 (S01)."""
    trial = Trial(ok, timeout_request_head=30, timeout_keep_alive=75)
    trial.receive(GET)
    trial.sweep(60)
    trial.receive(b"G")
    for byte in (b"E", b"T", b" "):
        trial.sweep(9)
        trial.receive(byte)
    assert trial.statuses == [200]
    trial.sweep(4)
    assert trial.statuses == [200, 408]
    assert trial.transport.eof


def test_an_idle_connection_is_closed_after_the_keep_alive_time() -> None:
    """Counted from the end of its last response (S05)."""
    trial = Trial(ok, timeout_keep_alive=75)
    trial.sweep(20)
    trial.receive(GET)
    trial.sweep(74)
    trial.receive(GET)
    trial.sweep(74)
    assert trial.transport.state == "open"
    trial.sweep(2)
    assert trial.transport.state == "closed"


def test_a_running_request_is_never_closed() -> None:
    """However long it takes (S05)."""
    trial = Trial(forever, timeout_keep_alive=1)
    trial.receive(GET)
    for _ in range(100):
        trial.sweep(100)
    assert trial.transport.state == "open"


@pytest.mark.parametrize(("per_second", "status"), [(239, [408]), (241, [])])
def test_a_body_must_come_at_the_least_rate(per_second: int, status: list[int]) -> None:
    """Measured over each window (S03)."""
    trial = Trial(forever, min_rate=240, timeout_min_rate=30)
    trial.receive(POST)
    for _ in range(65):
        if trial.statuses:
            break
        trial.receive(b"x" * per_second)
        trial.sweep(1)
    assert trial.statuses == status


def test_a_client_that_waits_for_100_is_not_slow() -> None:
    """The application lets it wait (S03, S10)."""
    expecting = POST.replace(b"Content", b"Expect: 100-continue\r\nContent")
    trial = Trial(sleeps, min_rate=240, timeout_min_rate=30)
    trial.receive(expecting)
    for _ in range(10):
        trial.sweep(31)
    assert trial.statuses == []
    trial = Trial(forever, min_rate=240, timeout_min_rate=30)
    trial.receive(expecting)
    assert trial.statuses == [100]
    trial.sweep(31)
    assert trial.statuses == [100, 408]


def test_a_client_whom_we_do_not_read_is_not_slow() -> None:
    """Reading is paused because the application does not take what came (S03)."""
    trial = Trial(sleeps, read_buffer=4096)
    trial.receive(POST)
    trial.receive(b"x" * 5000)
    assert not trial.transport.reading
    for _ in range(10):
        trial.sweep(30)
    assert trial.statuses == []


@pytest.mark.parametrize("where", ["request", "idle", "closing"])
@pytest.mark.parametrize(("per_second", "cut"), [(0, True), (239, True), (241, False)])
def test_what_we_send_must_be_read_at_the_least_rate(
    where: str, per_second: int, cut: bool
) -> None:
    """While the request runs, between requests, and at the connection's end (S04)."""

    async def app(scope: object, receive: object, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        more = where == "request"
        await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": more})
        if more:
            await Never()

    trial = Trial(app, min_rate=240, timeout_min_rate=30)
    trial.transport.takes = False
    trial.receive(GET.replace(b"Host", b"Connection: close\r\nHost") if where == "closing" else GET)
    for _ in range(95):
        trial.sweep(1)
        trial.transport.buffered -= per_second
    assert (trial.transport.state == "aborted") == cut


def test_who_reads_a_last_answer_slowly_gets_it_whole() -> None:
    """The time for an undrained body does not count for what we still have to send (L08, S04)."""
    trial = Trial(ok, timeout_undrained=5)
    trial.transport.takes = False
    trial.receive(GET.replace(b"Host", b"Connection: close\r\nHost") + b"more")
    assert trial.transport.eof
    trial.transport.buffered = 1_000_000
    for _ in range(60):
        trial.sweep(1)
        trial.transport.buffered -= 10_000
    assert trial.transport.state == "open"
    trial.transport.buffered = 0
    trial.sweep(4)
    assert trial.transport.state == "open"
    trial.sweep(6)
    assert trial.transport.state == "aborted"


class Doorman:
    """An admission that says what the test wants."""

    def __init__(self, admits: bool) -> None:
        self.admits = admits
        self.calls: list[str] = []

    def admit(self, connection: object) -> bool:
        self.calls.append("admit")
        return self.admits

    def withdraw(self, connection: object) -> None:
        self.calls.append("withdraw")

    def release(self, connection: object) -> None:
        self.calls.append("release")


def test_a_request_that_waits_is_started_later() -> None:
    """And gives its slot back at its end, once (S12)."""
    trial = Trial(echo)
    trial.worker.admission = doorman = Doorman(False)
    trial.receive(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
    assert trial.statuses == []
    trial.connection.start_queued()
    assert trial.transport.written.endswith(b"\r\n\r\nab")
    assert doorman.calls == ["admit", "release"]


def test_a_request_whose_client_leaves_while_it_waits_is_withdrawn() -> None:
    """A slot that comes too late is given back (S11)."""
    trial = Trial(echo)
    trial.worker.admission = doorman = Doorman(False)
    trial.receive(GET)
    trial.lose()
    trial.connection.start_queued()
    assert doorman.calls == ["admit", "withdraw", "release"]
    assert trial.runtime.tasks == []


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_a_refused_request_leaves_the_connection_in_step(method: bytes) -> None:
    """503 with Retry-After, no body to HEAD; the next request is asked for again (S12)."""
    trial = Trial(echo)
    trial.worker.admission = doorman = Doorman(False)
    trial.receive(GET.replace(b"GET", method))
    trial.connection.refuse_queued()
    assert trial.statuses == [503]
    assert b"retry-after: 1\r\n" in trial.transport.written
    assert trial.transport.written.endswith(b"\r\n\r\n") == (method == b"HEAD")
    doorman.admits = True
    trial.receive(GET)
    assert trial.statuses == [503, 200]


def test_the_shutdown_closes_what_is_idle_and_lets_the_rest_end() -> None:
    """An idle connection at once, a running one after its response, which says so (HTTP-CONN-05)."""
    idle = Trial(ok)
    idle.connection.begin_shutdown()
    assert idle.transport.state == "closed"
    running = Trial(echo)
    running.receive(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n")
    running.connection.begin_shutdown()
    assert running.transport.state == "open"
    running.receive(b"ab")
    running.runtime.tasks[0].run()
    assert b"connection: close" in running.transport.written
    assert running.transport.eof


def test_the_grace_and_the_force_of_a_shutdown() -> None:
    """A long request is told; one that stays is cancelled, and its place is named."""
    trial = Trial(forever)
    trial.receive(GET)
    trial.connection.notify_disconnect()
    trial.runtime.tasks[0].run()
    assert trial.runtime.tasks[0].done()

    async def stays(scope: object, receive: object, send: object) -> None:
        while True:
            try:
                await receive()  # type: ignore[operator]
            except BaseException:
                return

    trial = Trial(stays)
    trial.receive(GET)
    trial.connection.abort()
    assert trial.runtime.tasks[0]._cancelled
    assert trial.transport.state == "aborted"
    idle = Trial(ok)
    idle.connection.abort()
    assert idle.transport.state == "aborted"
