"""The access log: one forge-proof line a request, written in batches, or real records."""

import gc
import io
import logging
import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from penstock.observe import logs
from penstock.observe.access import AccessLog, open_access_log
from tests.observe.conftest import environment
from tests.observe.test_logs import Full, Terminal

CLIENT = ("127.0.0.1", 54321)
BATCH = 1000


class Scheduled:
    """Stands for `loop.call_later`."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def __call__(self, delay_s: float, callback: Callable[[], None]) -> None:
        self.calls.append((delay_s, callback))

    def run(self) -> None:
        calls, self.calls = self.calls, []
        for _, callback in calls:
            callback()


@pytest.fixture
def scheduled() -> Scheduled:
    return Scheduled()


@pytest.fixture
def new_log(scheduled: Scheduled) -> Iterator[Callable[[], AccessLog]]:
    """Opens the log inside of the test: pytest puts handlers of its own on loggers that do not
    propagate when it starts a test."""
    opened = []

    def new_log() -> AccessLog:
        logs.configure(use_colors=False)
        opened.append(AccessLog(scheduled))
        return opened[-1]

    yield new_log
    for log in opened:
        log.close()


def written(log: AccessLog, capsys: pytest.CaptureFixture[str]) -> list[str]:
    log.flush()
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    "entry, line",
    [
        (
            (CLIENT, "GET", b"/a%20b", b"q=1", "1.1", 200),
            '127.0.0.1:54321 - "GET /a%20b?q=1 HTTP/1.1" 200 OK',
        ),
        ((("::1", 9), "HEAD", b"/", b"", "1.0", 404), '[::1]:9 - "HEAD / HTTP/1.0" 404 Not Found'),
        ((None, "OPTIONS", b"*", b"", "1.1", 299), '- - "OPTIONS * HTTP/1.1" 299'),
        (
            (CLIENT, "GET", b"/", b"", "2", 503),
            '127.0.0.1:54321 - "GET / HTTP/2" 503 Service Unavailable',
        ),
    ],
)
def test_a_line_has_uvicorns_look(
    new_log: Callable[[], AccessLog], capsys: pytest.CaptureFixture[str], entry: Any, line: str
) -> None:
    """Existing log readers understand it."""
    log = new_log()
    log.add(*entry)
    assert written(log, capsys) == ["INFO:     " + line]


def test_a_websocket_has_a_line_when_accepted_and_one_when_closed(
    new_log: Callable[[], AccessLog], capsys: pytest.CaptureFixture[str]
) -> None:
    """The close line has the close code."""
    log = new_log()
    log.add_websocket(CLIENT, b"/ws", b"x=1", 0)
    log.add_websocket(CLIENT, b"/ws", b"", 1001)
    assert written(log, capsys) == [
        'INFO:     127.0.0.1:54321 - "WebSocket /ws?x=1" [accepted]',
        'INFO:     127.0.0.1:54321 - "WebSocket /ws" [closed 1001]',
    ]


ODD = [
    (b"/a\nINFO:     forged", "/a\\nINFO:     forged"),
    (b"/\x1b[31m", "/\\x1b[31m"),
    ("/\u202e".encode(), "/\\xe2\\x80\\xae"),
    (b'/" 200 OK', "/\\x22 200 OK"),
    (b"/\\x41", "/\\x5cx41"),
    (b"/\x7f\x00", "/\\x7f\\x00"),
]


@pytest.mark.parametrize("raw_path, shown", ODD)
@pytest.mark.parametrize("colours", [False, True])
@pytest.mark.parametrize("records", [False, True])
def test_no_path_can_forge_a_line(
    scheduled: Scheduled,
    capsys: pytest.CaptureFixture[str],
    raw_path: bytes,
    shown: str,
    colours: bool,
    records: bool,
) -> None:
    """X06: control, non-ASCII and quote bytes are escaped, in each way a line can be made."""
    logs.configure(use_colors=colours)
    logger = logging.getLogger("penstock.access")
    if records:
        logger.addFilter(lambda record: True)
    log = AccessLog(scheduled)
    log.add(CLIENT, "GET", b"/before", b"", "1.1", 200)
    log.add(CLIENT, "GET", raw_path, b"", "1.1", 200)
    log.add(CLIENT, "GET", b"/q", raw_path, "1.1", 200)
    log.add_websocket(CLIENT, raw_path, b"", 0)
    log.close()
    captured = capsys.readouterr()
    lines = (captured.out + captured.err).split("\n")
    assert len(lines) == 5
    assert f"GET {shown} HTTP/1.1" in lines[1]
    assert f"GET /q?{shown} HTTP/1.1" in lines[2]
    assert f"WebSocket {shown}" in lines[3]
    if not colours:
        assert all(line.isascii() and line.isprintable() for line in lines)
        assert [line.count('"') for line in lines] == [2, 2, 2, 2, 0]


def test_two_harmless_looking_wrongs_do_not_make_a_right(
    new_log: Callable[[], AccessLog], capsys: pytest.CaptureFixture[str]
) -> None:
    """X06: a path that contains a whole forged line is seen, though quotes and ends pair up."""
    log = new_log()
    log.add(CLIENT, "GET", b'/ HTTP/1.1" 200 OK\nINFO:     1.1.1.1:1 - "GET /', b"", "1.1", 200)
    assert len(written(log, capsys)) == 1


def test_a_method_or_client_that_is_odd_is_escaped(
    new_log: Callable[[], AccessLog], capsys: pytest.CaptureFixture[str]
) -> None:
    """X06: no field is believed to be clean."""
    log = new_log()
    log.add(("h\n\u202e", 1), 'G"\u20ac', b"/", b"", "1.1", 200)
    assert written(log, capsys) == ['INFO:     h\\n\\u202e:1 - "G\\x22\\u20ac / HTTP/1.1" 200 OK']


class Counting(io.StringIO):
    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def test_lines_wait_for_the_timer_and_leave_in_one_write(
    new_log: Callable[[], AccessLog], scheduled: Scheduled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One timer of 100 ms for all that comes meanwhile; a new one only when something new came."""
    log = new_log()
    stream = Counting()
    monkeypatch.setattr(sys, "stdout", stream)
    for _ in range(50):
        log.add(CLIENT, "GET", b"/", b"", "1.1", 200)
    assert [delay for delay, _ in scheduled.calls] == [0.1]
    assert stream.writes == 0
    scheduled.run()
    assert stream.writes == 1
    assert len(stream.getvalue().splitlines()) == 50
    assert scheduled.calls == []
    log.add(CLIENT, "GET", b"/", b"", "1.1", 200)
    assert len(scheduled.calls) == 1


def test_a_full_batch_does_not_wait_for_the_timer(
    new_log: Callable[[], AccessLog], scheduled: Scheduled, capsys: pytest.CaptureFixture[str]
) -> None:
    """What waits in memory is bounded."""
    log = new_log()
    for _ in range(BATCH):
        log.add(CLIENT, "GET", b"/", b"", "1.1", 200)
    assert len(capsys.readouterr().out.splitlines()) == BATCH
    assert len(scheduled.calls) == 1


def test_closing_writes_what_is_pending(
    scheduled: Scheduled, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is lost at shutdown."""
    logs.configure(use_colors=False)
    log = AccessLog(scheduled)
    log.add(CLIENT, "GET", b"/last", b"", "1.1", 200)
    log.close()
    assert "/last" in capsys.readouterr().out
    scheduled.run()
    assert capsys.readouterr().out == ""


def in_python(code: str, **kwargs: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        timeout=30,
        check=False,
        **kwargs,
    )


NOTE_ONE = (
    "from penstock.observe import logs\n"
    "from penstock.observe.access import AccessLog\n"
    "logs.configure()\n"
    "log = AccessLog(lambda delay, callback: None)\n"
    "log.add(('127.0.0.1', 1), 'GET', b'/x', b'', '1.1', 200)\n"
)


def test_the_interpreters_exit_writes_what_is_pending() -> None:
    """Nothing is lost when the process ends in another way than by shutdown."""
    done = in_python(NOTE_ONE + "raise SystemExit(3)", stdout=subprocess.PIPE)
    assert done.returncode == 3
    assert done.stdout == b'INFO:     127.0.0.1:1 - "GET /x HTTP/1.1" 200 OK\n'


def test_a_closed_log_is_not_kept_by_the_interpreter() -> None:
    """A process that opens and closes many servers does not collect their logs."""
    scheduled = Scheduled()
    kept = weakref.ref(scheduled)
    log = AccessLog(scheduled)
    log.close()
    del log, scheduled
    gc.collect()
    assert kept() is None


def test_what_the_application_printed_stands_before_the_later_line() -> None:
    """The stream's own buffer goes first."""
    done = in_python("print('printed')\n" + NOTE_ONE, stdout=subprocess.PIPE)
    assert done.stdout.splitlines()[0] == b"printed"
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_said_once_and_the_exit_code_stays() -> None:
    """Nothing is raised into the server, and Python does not fail on the way out."""
    with open("/dev/full", "wb") as full:
        done = in_python(
            NOTE_ONE + "log.flush()\nlog.add(None, 'GET', b'/', b'', '1.1', 200)\n",
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1
    assert b"No space left" in done.stderr


def test_a_stream_that_fails_never_raises(
    new_log: Callable[[], AccessLog],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever stands in for standard output."""
    log = new_log()
    monkeypatch.setattr(sys, "stdout", Full())
    for _ in range(BATCH + 1):
        log.add(CLIENT, "GET", b"/", b"", "1.1", 200)
    log.flush()
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_colours_on_a_terminal(scheduled: Scheduled, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request line is bold, the status coloured by its class."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    logs.configure()
    log = AccessLog(scheduled)
    log.add(CLIENT, "GET", b"/", b"", "1.1", 500)
    log.close()
    assert terminal.getvalue() == (
        '\x1b[32mINFO\x1b[0m:     127.0.0.1:54321 - "\x1b[1mGET / HTTP/1.1\x1b[0m" '
        "\x1b[91m500 Internal Server Error\x1b[0m\n"
    )


# ------------------------------------------------------------------ when the user configured it


class Collecting(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def test_a_handler_of_the_user_gets_records_at_once_with_uvicorns_arguments(
    scheduled: Scheduled,
) -> None:
    """Formatters written for uvicorn's access log work; filters see the request's context."""
    handler = Collecting()
    logger = logging.getLogger("penstock.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    log = AccessLog(scheduled)
    log.add(CLIENT, "GET", b"/a", b"b=1", "1.1", 200)
    (record,) = handler.records
    assert record.args == ("127.0.0.1:54321", "GET", "/a?b=1", "1.1", 200)
    assert record.getMessage() == '127.0.0.1:54321 - "GET /a?b=1 HTTP/1.1" 200'
    assert (record.name, record.levelno) == ("penstock.access", logging.INFO)
    assert scheduled.calls == []
    log.close()


def test_a_websockets_records_go_to_the_error_logger(scheduled: Scheduled) -> None:
    """As uvicorn does it: their arguments do not fit formatters of access lines."""
    access, error = Collecting(), Collecting()
    logging.getLogger("penstock.access").addHandler(access)
    logging.getLogger("penstock.error").addHandler(error)
    logging.getLogger("penstock").setLevel(logging.INFO)
    log = AccessLog(scheduled)
    log.add_websocket(CLIENT, b"/ws", b"", 0)
    log.add_websocket(CLIENT, b"/ws", b"", 1000)
    log.close()
    assert access.records == []
    assert [record.getMessage() for record in error.records] == [
        '127.0.0.1:54321 - "WebSocket /ws" [accepted]',
        '127.0.0.1:54321 - "WebSocket /ws" [closed 1000]',
    ]


def change_formatter(logger: logging.Logger) -> None:
    logger.handlers[0].setFormatter(logging.Formatter("F %(message)s"))


def change_handler_level(logger: logging.Logger) -> None:
    logger.handlers[0].setLevel(logging.INFO)


def add_handler_filter(logger: logging.Logger) -> None:
    logger.handlers[0].addFilter(lambda record: True)


def add_logger_filter(logger: logging.Logger) -> None:
    logger.addFilter(lambda record: True)


def add_handler(logger: logging.Logger) -> None:
    logger.addHandler(Collecting())


def propagate(logger: logging.Logger) -> None:
    logger.propagate = True


CHANGES = [
    change_formatter,
    change_handler_level,
    add_handler_filter,
    add_logger_filter,
    add_handler,
    propagate,
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("late", [False, True])
def test_each_change_of_the_logger_leads_to_real_records(
    scheduled: Scheduled,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[logging.Logger], None],
    late: bool,
) -> None:
    """Whatever a user changed counts, also when the application changes it while it starts."""
    seen = Collecting()
    factory = logging.getLogRecordFactory()

    def counting(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = factory(*args, **kwargs)
        seen.records.append(record)
        return record

    logs.configure()
    logger = logging.getLogger("penstock.access")
    if not late:
        change(logger)
    log = AccessLog(scheduled)
    log.add(CLIENT, "GET", b"/", b"", "1.1", 200)
    if late:
        change(logger)
    logging.setLogRecordFactory(counting)
    try:
        log.flush()
        assert len(seen.records) == late
        log.add(CLIENT, "GET", b"/", b"", "1.1", 200)
        assert len(seen.records) == late + 1
    finally:
        logging.setLogRecordFactory(factory)
        log.close()


def test_a_level_above_info_drops_the_lines(
    new_log: Callable[[], AccessLog], capsys: pytest.CaptureFixture[str]
) -> None:
    """`--log-level warning` silences the access log, also when set later."""
    log = new_log()
    log.add(CLIENT, "GET", b"/", b"", "1.1", 200)
    logging.getLogger("penstock.access").setLevel(logging.WARNING)
    assert written(log, capsys) == []


@pytest.mark.parametrize("level, opened", [("info", True), ("warning", False)])
def test_a_log_that_nobody_would_read_is_not_opened(
    scheduled: Scheduled, level: str, opened: bool
) -> None:
    """Then a request does not pay even for the tuple."""
    logs.configure(level=level)
    log = open_access_log(scheduled)
    assert (log is not None) is opened
    if log is not None:
        log.close()
