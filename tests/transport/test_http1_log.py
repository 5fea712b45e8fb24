"""What a connection tells the access log: once for each request, what came and went, and how it ended."""

from typing import Any

import pytest

from penstock.gateway.endings import (
    APP_ERROR,
    CLIENT_GONE,
    COMPLETE,
    REQUEST,
    RESET,
    STREAM_START,
    TIMEOUT,
    UNDER_WAY,
    WEBSOCKET_CLOSE,
    WEBSOCKET_OPEN,
)
from penstock.transport.http1 import Connection
from tests.transport.http1_trial import GET, FakeTransport, Trial, echo, forever, ok

POST = b"POST /p?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
NAMES = [
    "event",
    "client",
    "head",
    "status",
    "ended",
    "bytes_in",
    "bytes_out",
    "duration_us",
    "first_byte_us",
    "close_code",
    "id_head",
    "id_tail",
    "lines",
    "now",
]


class Line:
    """One call of `note`."""

    def __init__(self, *arguments: Any) -> None:
        self.__dict__.update(zip(NAMES, arguments, strict=True))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class DetailsWanted:
    """An access log that wants details."""

    details = True
    wants_lines = True

    def __init__(self, stream_start_s: float = 0.0) -> None:
        self.stream_start_s = stream_start_s
        self.lines: list[Line] = []

    def note(self, *arguments: Any) -> None:
        self.lines.append(Line(*arguments))


class PlainLog:
    """An access log that wants none."""

    details = False

    def __init__(self) -> None:
        self.lines: list[tuple[Any, ...]] = []

    def add(self, *arguments: Any) -> None:
        self.lines.append(arguments)

    def add_websocket(self, *arguments: Any) -> None:
        self.lines.append(arguments)


class LogTrial(Trial):
    """A connection whose worker has this access log."""

    def __init__(self, app: Any, log: Any = None, **options: Any) -> None:
        super().__init__(app, **options)
        self.service.app_failed = self.worker.app_failed
        self.service.settings = self.worker.settings
        self.log: Any = DetailsWanted() if log is None else log
        self.worker.access_log = self.log
        self.transport = FakeTransport()
        self.connection = Connection(self.worker)
        self.connection.client = ("127.0.0.1", 9)
        self.connection.connection_made(self.transport)

    def run(self) -> None:
        """Let the applications go on."""
        for task in self.runtime.tasks:
            task.run()

    @property
    def line(self) -> Line:
        (line,) = self.log.lines
        assert isinstance(line, Line)
        return line


async def failing(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("boom")


async def failing_late(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"abc", "more_body": True})
    raise RuntimeError("boom")


async def beginning(scope: Any, receive: Any, send: Any) -> None:
    """Begin, and go on until the client leaves."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"abc", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass


def test_a_whole_answer_is_one_line_with_all_that_there_is_to_know() -> None:
    """Body bytes, not those of heads; times in order; the id in two parts."""
    trial = LogTrial(echo)
    trial.receive(POST + b"he")
    trial.receive(b"llo")
    trial.run()
    line = trial.line
    assert (line.event, line.status, line.ended) == (REQUEST, 200, COMPLETE)
    assert (line.client, line.head.raw_path) == (("127.0.0.1", 9), b"/p")
    assert (line.bytes_in, line.bytes_out) == (5, 5)
    assert 0 <= line.first_byte_us <= line.duration_us < 10_000_000
    assert (line.id_head, line.id_tail) == (trial.worker.id_prefix, "1")
    assert line.close_code == 0


def test_each_request_of_a_connection_counts_for_itself() -> None:
    """Nothing of the one before is left in the next."""
    trial = LogTrial(echo)
    trial.receive(POST + b"hello")
    trial.receive(POST.replace(b"5", b"2") + b"hi")
    trial.run()
    assert [line.bytes_in for line in trial.log.lines] == [5, 2]
    assert [line.id_tail for line in trial.log.lines] == ["1", "2"]


def test_the_response_s_fields_are_there_for_formats_that_show_them() -> None:
    trial = LogTrial(ok)
    trial.receive(GET)
    assert b"content-length: 2\r\n" in trial.line.lines


@pytest.mark.parametrize("app, status", [(failing, 500), (failing_late, 200)])
def test_an_application_s_failure_is_told_from_a_client_s_loss(app: Any, status: int) -> None:
    """Both where a 500 could be sent, and where the response had begun."""
    trial = LogTrial(app)
    trial.receive(GET)
    trial.run()
    assert (trial.line.status, trial.line.ended) == (status, APP_ERROR)


def test_after_a_failure_the_next_request_is_complete_again() -> None:
    trial = LogTrial(failing)
    trial.receive(GET)
    trial.service.app = ok
    trial.receive(GET)
    assert [line.ended for line in trial.log.lines] == [APP_ERROR, COMPLETE]


def test_a_client_that_leaves_in_the_middle_is_gone() -> None:
    trial = LogTrial(beginning)
    trial.receive(GET)
    trial.lose()
    assert (trial.line.status, trial.line.ended, trial.line.bytes_out) == (200, CLIENT_GONE, 3)


def test_a_client_that_leaves_before_any_answer_has_a_line_without_status() -> None:
    """Uvicorn's look has none: there it would be a line without an outcome."""
    trial = LogTrial(forever)
    trial.receive(GET)
    trial.lose()
    assert (trial.line.status, trial.line.ended, trial.line.first_byte_us) == (0, CLIENT_GONE, 0)
    plain = LogTrial(forever, PlainLog())
    plain.receive(GET)
    plain.lose()
    assert plain.log.lines == []


def test_what_waits_for_the_client_has_its_line_when_it_is_gone_or_has_it_all() -> None:
    """An answer that nobody read is not complete; one that the client got late is."""
    for lost, ended in ((ConnectionResetError(), CLIENT_GONE), (None, COMPLETE)):
        trial = LogTrial(ok)
        trial.transport.takes = False
        trial.receive(GET)
        assert trial.log.lines == []
        if lost is None:
            trial.transport.buffered = 0
            trial.sweep()
        trial.connection.connection_lost(lost)
        assert trial.line.ended == ended


def test_a_deadline_is_told_from_a_loss() -> None:
    """S04: a client that does not read is cut; S03: one that does not send gets a 408."""
    trial = LogTrial(beginning)
    trial.transport.takes = False
    trial.receive(GET)
    for _ in range(3):
        trial.sweep(31)
    assert trial.transport.state == "aborted"
    trial.lose()
    assert trial.line.ended == TIMEOUT
    slow = LogTrial(echo)
    slow.receive(POST)
    slow.sweep(31)
    assert (slow.line.status, slow.line.ended) == (408, TIMEOUT)


def test_a_body_that_is_broken_has_the_line_of_its_refusal() -> None:
    """Also in uvicorn's look; a head that cannot be read has a warning only."""
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    for log in (DetailsWanted(), PlainLog()):
        trial = LogTrial(forever, log)
        trial.receive(chunked)
        trial.receive(b"x\r\n")
        assert trial.statuses == [400]
        assert len(trial.log.lines) == 1
        bad = LogTrial(forever, type(log)())
        bad.receive(b"GET / HTTP/1.1\r\nHost x\r\n\r\n")
        assert bad.statuses == [400]
        assert bad.log.lines == []


def test_what_the_shutdown_cuts_is_reset() -> None:
    """The application stopped because it was told to; its client did not leave."""
    trial = LogTrial(beginning)
    trial.receive(GET)
    trial.connection.abort()
    trial.lose()
    assert trial.line.ended == RESET
    told = LogTrial(beginning)
    told.receive(GET)
    told.worker.closing = True
    told.connection.notify_disconnect()
    told.run()
    assert told.line.ended == RESET


def test_an_overload_s_503_has_a_line() -> None:
    """S12."""
    trial = LogTrial(forever, limit_concurrency=1, limit_queue=0)
    trial.receive(GET)
    second = Connection(trial.worker)
    second.connection_made(FakeTransport())
    second.data_received(GET)
    assert (trial.line.status, trial.line.ended) == (503, COMPLETE)


def test_a_stream_has_a_line_for_its_start_once_it_has_lasted() -> None:
    """Once, and only if asked for; the end has its own."""
    trial = LogTrial(beginning, DetailsWanted(1e-9))
    trial.receive(GET)
    trial.sweep(1)
    trial.sweep(1)
    trial.lose()
    assert [(line.event, line.ended) for line in trial.log.lines] == [
        (STREAM_START, UNDER_WAY),
        (REQUEST, CLIENT_GONE),
    ]
    silent = LogTrial(beginning)
    silent.receive(GET)
    silent.sweep(1)
    assert silent.log.lines == []


HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
CLOSE_1000 = b"\x88\x82\x00\x00\x00\x00\x03\xe8"


async def accepting(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def failing_socket(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    raise RuntimeError("boom")


def test_a_websocket_has_a_line_at_its_start_and_one_at_its_end() -> None:
    """With the close code, and what came and went after the handshake."""
    trial = LogTrial(accepting)
    trial.receive(HANDSHAKE)
    trial.receive(CLOSE_1000)
    trial.run()
    trial.lose()
    opened, closed = trial.log.lines
    assert (opened.event, opened.status, opened.ended) == (WEBSOCKET_OPEN, 101, UNDER_WAY)
    assert (opened.bytes_in, opened.bytes_out) == (0, 0)
    assert (closed.event, closed.close_code, closed.ended) == (WEBSOCKET_CLOSE, 1000, COMPLETE)
    assert (closed.bytes_in, closed.bytes_out) == (len(CLOSE_1000), 4)


@pytest.mark.parametrize(
    "app, after_s, code, ended",
    [(accepting, 0, 1006, CLIENT_GONE), (accepting, 25, 1011, TIMEOUT), (failing_socket, 0, 1011, APP_ERROR)],
)  # fmt: skip
def test_a_websocket_s_end_is_told_by_its_cause(
    app: Any, after_s: float, code: int, ended: int
) -> None:
    """A lost client, one that does not answer pings (W12), an application that fails (W17)."""
    trial = LogTrial(app)
    trial.receive(HANDSHAKE)
    if after_s:
        for _ in range(5):
            trial.sweep(after_s)
    trial.lose()
    closed: Any = trial.log.lines[-1]
    assert len(trial.log.lines) == 2
    assert (closed.event, closed.close_code, closed.ended) == (WEBSOCKET_CLOSE, code, ended)


def test_a_websocket_that_is_cut_by_us_has_its_line_in_uvicorn_s_look_too() -> None:
    """W12: the end by a missing pong."""
    trial = LogTrial(accepting, PlainLog())
    trial.receive(HANDSHAKE)
    for _ in range(5):
        trial.sweep(25)
    trial.lose()
    assert [line[-1] for line in trial.log.lines] == [0, 1011]


def test_without_a_log_or_a_wish_nothing_is_kept_of_a_request() -> None:
    """The default costs nothing."""
    assert Trial(ok).worker.new_record() is None
    assert LogTrial(ok, PlainLog()).worker.new_record() is None
    assert LogTrial(ok).worker.new_record() is not None
    assert LogTrial(ok, PlainLog(), request_id="app").worker.new_record() is not None
