"""What connections share: default headers, and log lines that no peer can forge or flood."""

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from penstock.config import Config
from penstock.errors import HttpError
from penstock.transport import worker as module
from penstock.transport.worker import REFUSED_LINES_MAX, Worker
from penstock.wire.events import Head


class Clock:
    """Stands for the loop."""

    def __init__(self) -> None:
        self.now = 100.0

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., Any], *arguments: Any) -> None:
        callback(*arguments)

    def call_later(self, delay_s: float, callback: Callable[..., Any], *arguments: Any) -> None:
        callback(*arguments)


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setattr(module.time, "time", lambda: 1_795_334_400.0)

    def made(**options: Any) -> Any:
        return Worker(Clock(), Config(**options), SimpleNamespace(root_path=""))  # type: ignore[arg-type]

    return made


DATE = b"date: Sun, 22 Nov 2026 08:00:00 GMT\r\n"


@pytest.mark.parametrize(
    "options, lines",
    [
        ({}, DATE + b"server: penstock\r\n"),
        ({"server_header": False}, DATE),
        ({"date_header": False}, b"server: penstock\r\n"),
        ({"header": ["X-A: 1", "X-B: 2"]}, DATE + b"server: penstock\r\nx-a: 1\r\nx-b: 2\r\n"),
        ({"header": ["Server: mine"]}, DATE + b"server: mine\r\n"),
        ({"date_header": False, "server_header": False}, b""),
    ],
)
def test_default_headers_are_what_was_asked_for(
    make: Callable[..., Any], options: Any, lines: bytes
) -> None:
    worker = make(**options)
    assert worker.default_headers.lower() == lines.lower()


def test_the_tick_moves_the_clock_and_the_date(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = make()
    monkeypatch.setattr(module.time, "time", lambda: 1_795_334_401.0)
    worker.tick(101.5)
    assert worker.now == 101.5
    assert b"08:00:01" in worker.default_headers


def test_limits_come_from_the_options(make: Callable[..., Any]) -> None:
    worker = make(limit_request_line="1KiB", limit_request_body="2MiB", limit_request_fields=7)
    assert worker.limits.line_max == 1024
    assert worker.limits.body_max == 2 << 20
    assert worker.limits.fields_max == 7
    assert make().limits.body_max == -1


def test_admission_and_trust_are_there_only_when_asked_for(make: Callable[..., Any]) -> None:
    assert make().admission is None
    assert make(limit_concurrency=3).admission is not None
    assert make(proxy_headers=False).forwarding is None


def refuse(worker: Any, text: str = "bad", client: Any = ("10.0.0.9", 4000)) -> None:
    error = HttpError(400, text, "RFC 9112 5.1", "--limit-request-head")
    worker.refused(SimpleNamespace(client=client), 400, error)


def test_a_refusal_names_peer_status_reason_rule_and_option(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    worker = make()
    refuse(worker, "space before colon")
    refuse(worker, client=("::1", 5))
    refuse(worker, client=None)
    tail = " (RFC 9112 5.1); --limit-request-head changes this"
    assert caplog.messages == [
        "Refused a request from 10.0.0.9:4000 with 400: space before colon" + tail,
        "Refused a request from [::1]:5 with 400: bad" + tail,
        "Refused a request from a local client with 400: bad" + tail,
    ]
    assert {record.name for record in caplog.records} == {"penstock.error"}


def test_what_a_peer_sent_is_escaped_and_cut_x06(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    refuse(make(), "evil\r\nINFO: all is well \x1b[2J \u202e % %s" + "A" * 5000)
    (line,) = caplog.messages
    assert line.isascii()
    assert line.isprintable()
    assert "evil\\r\\nINFO" in line
    assert len(line) < 500


def test_a_flood_of_refusals_is_counted_not_written(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    worker = make()
    for _ in range(1000):
        refuse(worker)
    assert len(caplog.messages) == REFUSED_LINES_MAX
    worker.loop.now += 1.1
    worker.tick(worker.loop.now)
    assert (
        caplog.messages[-1]
        == f"Refused {1000 - REFUSED_LINES_MAX} more requests in the last second"
    )
    refuse(worker)
    assert len(caplog.messages) == REFUSED_LINES_MAX + 2
    worker.loop.now += 1.1
    worker.tick(worker.loop.now)
    assert len(caplog.messages) == REFUSED_LINES_MAX + 2


def test_a_failed_application_is_logged_with_its_request_and_traceback(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    head = Head("GET", b"/a\x1b[2J", b"", [], "1.1")
    error = ValueError("boom")
    make().app_failed(SimpleNamespace(head=head), error)
    (record,) = caplog.records
    assert record.getMessage() == "Exception in the application: GET /a\\x1b[2J"
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[1] is error


class Connection:
    def __init__(self, seen: list[Any], *, fails: bool = False) -> None:
        self.seen = seen
        self.fails = fails

    def on_sweep(self, now: float) -> None:
        if self.fails:
            raise ZeroDivisionError
        self.seen.append(now)

    def abort(self) -> None:
        self.seen.append("aborted")


def test_clients_that_do_not_read_are_counted_and_told_now_and_then(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    worker = make()
    for _ in range(300):
        worker.reader_cut()
    worker.tick(worker.now + module.CUT_INTERVAL_S)
    worker.reader_cut()
    assert worker.counters.cut_readers == 301
    assert [text.split(", ")[1].split(";")[0] for text in caplog.messages] == ["1 more", "300 more"]


def test_a_long_sweep_lets_the_loop_turn_and_leaves_nobody_out(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """3,000 clients that are cut at once hold nobody up (S01)."""
    clock = iter(range(1000))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock) * module.SWEEP_SLICE_S)
    worker = make()
    turns: list[Any] = []
    worker.loop.call_soon = lambda callback, *arguments: turns.append((callback, arguments))
    seen: list[Any] = []
    worker.connections.update(Connection(seen) for _ in range(5))
    worker.sweep(7.0)
    assert seen == [7.0]
    # A sweep that comes before the last one has ended begins no second one
    worker.sweep(8.0)
    assert len(turns) == 1
    # Who has left meanwhile is not asked
    worker.connections.pop()
    for callback, arguments in turns:
        callback(*arguments)
    assert seen in ([7.0] * 4, [7.0] * 5)
    worker.sweep(9.0)
    assert seen[-1] == 9.0


def test_a_sweep_that_makes_much_to_do_leaves_as_long_for_something_else(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was cut has to be closed, and its application to end, before the next are cut (S04)."""
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    worker = make()
    soon: list[Any] = []
    later: list[Any] = []
    worker.loop.call_soon = lambda callback, *arguments: soon.append((callback, arguments))
    worker.loop.call_later = lambda delay_s, callback, *arguments: later.append(
        (delay_s, callback, arguments)
    )
    seen: list[Any] = []

    class Cut(Connection):
        def on_sweep(self, at: float) -> None:
            super().on_sweep(at)
            now[0] += module.SWEEP_SLICE_S

    worker.connections.update(Cut(seen) for _ in range(3))
    worker.sweep(7.0)
    [(go_on, arguments)] = soon
    now[0] += 0.009
    go_on(*arguments)
    [(delay_s, go_on, arguments)] = later
    assert seen == [7.0]
    assert delay_s == pytest.approx(0.009 + module.SWEEP_SLICE_S)
    go_on(*arguments)
    assert seen == [7.0, 7.0]


def test_a_connection_whose_sweep_fails_is_closed_and_harms_no_other(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    worker = make()
    seen: list[Any] = []
    worker.connections.update(Connection(seen, fails=number == 3) for number in range(6))
    worker.sweep(7.0)
    assert sorted(map(str, seen)) == ["7.0"] * 5 + ["aborted"]
    assert len(caplog.records) == 1


def test_a_closed_connection_is_forgotten_and_told_on(make: Callable[..., Any]) -> None:
    worker = make()
    told: list[int] = []
    worker.closed_hook = lambda: told.append(len(worker.connections))
    connection = Connection([])
    worker.connections.add(connection)
    worker.connection_closed(connection)
    assert told == [0]
