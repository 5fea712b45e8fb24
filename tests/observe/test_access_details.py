"""The detailed access log: what it notes, what it leaves out, and what a logger of the user's gets."""

import json
import logging
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from penstock.config import Config
from penstock.gateway.endings import (
    APP_ERROR,
    COMPLETE,
    REQUEST,
    WEBSOCKET_CLOSE,
    WEBSOCKET_OPEN,
)
from penstock.observe import logs
from penstock.observe.access import AccessLog, open_access_log
from penstock.observe.access_details import DetailedLog
from penstock.wire.events import Head
from tests.observe.test_access import CLIENT, Collecting, Scheduled

HEADERS = [
    (b"host", b"x"),
    (b"authorization", b"Bearer hunter2"),
    (b"cookie", b"session=hunter2"),
    (b"user-agent", b"curl/8"),
    (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
]

Open = Callable[..., DetailedLog]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens the log that these options describe, inside of the test (see `test_access.new_log`)."""
    made = []

    def open_(configure: bool = True, schedule: Any = None, **options: Any) -> DetailedLog:
        if configure:
            logs.configure(use_colors=False)
        log = open_access_log(schedule or Scheduled(), Config("a:b", **options))
        assert isinstance(log, DetailedLog)
        made.append(log)
        return log

    yield open_
    for log in made:
        log.close()


def note(log: DetailedLog, path: bytes = b"/", **changes: Any) -> None:
    values: dict[str, Any] = {
        "event": REQUEST,
        "client": CLIENT,
        "head": Head("GET", path, b"q=token", changes.pop("headers", HEADERS), "1.1"),
        "status": 200,
        "ended": COMPLETE,
        "bytes_in": 1,
        "bytes_out": 2,
        "duration_us": 30,
        "first_byte_us": 20,
        "close_code": 0,
        "id_head": "abc-",
        "id_tail": "1",
        "lines": b"",
        "now": 1.0,
        **changes,
    }
    log.note(*values.values())


def written(log: DetailedLog, capsys: pytest.CaptureFixture[str]) -> list[str]:
    log.flush()
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    "options",
    [
        {"access_log_format": "json"},
        {"access_log_format": "combined"},
        {"access_log_query": False},
        {"access_log_sample": 0.5},
        {"access_log_exclude": "/x"},
        {"access_log_slow": 1},
        {"access_log_stream": 1},
    ],
)
def test_each_wish_leads_to_the_detailed_log(opened: Open, options: dict[str, Any]) -> None:
    assert opened(**options).details


def test_without_a_wish_the_plain_log_is_opened() -> None:
    """Nobody pays for what is not used."""
    logs.configure()
    log = open_access_log(Scheduled(), Config("a:b"))
    assert isinstance(log, AccessLog)
    assert not log.details
    log.close()


def test_json_is_written_in_batches(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """One timer for all that comes meanwhile."""
    scheduled = Scheduled()
    log = opened(access_log_format="json", schedule=scheduled)
    for number in range(3):
        note(log, b"/%d" % number)
    assert capsys.readouterr().out == ""
    assert [delay for delay, _ in scheduled.calls] == [0.1]
    scheduled.run()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["path"] for line in lines] == ["/0", "/1", "/2"]
    assert lines[0]["user_agent"] == "curl/8"
    assert lines[0]["request_id"] == "abc-1"


def test_a_full_batch_does_not_wait(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """What waits in memory is bounded."""
    log = opened(access_log_format="json")
    for _ in range(1000):
        note(log)
    assert len(capsys.readouterr().out.splitlines()) > 500


@pytest.mark.parametrize("log_format", ["text", "json", "combined", '%(r)s %(u)s "%(a)s"'])
def test_no_format_shows_a_secret_x07(
    opened: Open, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    """X07: neither authorization nor cookie; the query only until it is cut."""
    log = opened(access_log_format=log_format, access_log_query=False)
    note(log)
    (line,) = written(log, capsys)
    assert "hunter2" not in line
    assert "token" not in line


def test_text_keeps_uvicorns_look(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """Also of WebSockets, and where paths are left out."""
    log = opened(access_log_exclude="/none")
    note(log, b"/a", status=404)
    note(log, b"/ws", event=WEBSOCKET_OPEN, status=101)
    note(log, b"/ws", event=WEBSOCKET_CLOSE, status=101, close_code=1001)
    assert written(log, capsys) == [
        'INFO:     127.0.0.1:54321 - "GET /a?q=token HTTP/1.1" 404 Not Found',
        'INFO:     127.0.0.1:54321 - "WebSocket /ws?q=token" [accepted]',
        'INFO:     127.0.0.1:54321 - "WebSocket /ws?q=token" [closed 1001]',
    ]


def test_paths_are_left_out_by_pattern(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """`*` stands for anything; the whole path must fit; failures are left out, too."""
    log = opened(access_log_exclude=["/health*", "*.css"])
    for path in (b"/health", b"/health/live", b"/a/b.css", b"/healt", b"/b.css?", b"/x/health"):
        note(log, path)
    note(log, b"/health", status=500)
    assert [line.split()[4].partition("?")[0] for line in written(log, capsys)] == [
        "/healt",
        "/b.css",
        "/x/health",
    ]


def test_a_sample_keeps_its_share_and_every_failure(
    opened: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    """A status of 500 and more, what did not end well, what was slow, and WebSockets always have
    their lines."""
    log = opened(access_log_sample=0.1, access_log_slow="1ms", access_log_format="%(s)s")
    random.seed(7)
    for _ in range(2000):
        note(log)
    kept = len(written(log, capsys))
    assert 140 < kept < 260
    kept_always: tuple[dict[str, Any], ...] = (
        {"status": 500},
        {"ended": APP_ERROR},
        {"duration_us": 1000},
        {"event": WEBSOCKET_OPEN},
    )
    for changes in kept_always:
        note(log, **changes)
    assert written(log, capsys) == ["500", "200", "200", "200"]


def test_a_share_of_nothing_keeps_failures_only(
    opened: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    log = opened(access_log_sample=0)
    for _ in range(100):
        note(log)
    note(log, status=503)
    assert len(written(log, capsys)) == 1


def test_long_header_fields_are_cut(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """A peer does not decide how long a line is."""
    log = opened(access_log_format="%(a)s")
    note(log, headers=[(b"user-agent", b"a" * 60000)])
    assert written(log, capsys) == ["a" * 1024]


def test_of_several_fields_the_first_counts_and_a_bad_traceparent_is_none(
    opened: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    log = opened(access_log_format="%(a)s %(traceparent)s")
    note(log, headers=[(b"user-agent", b"1"), (b"user-agent", b"2"), (b"traceparent", b"x")])
    assert written(log, capsys) == ["1 -"]


def test_the_time_is_that_of_the_record(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """Told by the monotonic clock, shown as Unix time."""
    import time

    log = opened(access_log_format="json")
    before = time.time()
    note(log, now=time.monotonic())
    (line,) = written(log, capsys)
    shown = time.mktime(time.strptime(json.loads(line)["time"][:19], "%Y-%m-%dT%H:%M:%S"))
    assert abs(shown - time.timezone - before) < 5


# ------------------------------------------------------------------ when the user configured it


@pytest.fixture
def collecting() -> Collecting:
    handler = Collecting()
    logger = logging.getLogger("penstock.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    return handler


def test_a_handler_of_the_user_gets_the_details_as_attributes(
    opened: Open, collecting: Collecting
) -> None:
    """Beside the arguments that formatters for uvicorn expect, and at once."""
    log = opened(configure=False)
    note(log, b"/a", status=404, ended=APP_ERROR)
    (record,) = collecting.records
    assert record.args == ("127.0.0.1:54321", "GET", "/a?q=token", "1.1", 404)
    seen = vars(record)
    assert (seen["status"], seen["ended"], seen["request_id"]) == (404, "app-error", "abc-1")
    assert (seen["bytes_in"], seen["bytes_out"]) == (1, 2)
    assert (seen["duration_us"], seen["first_byte_us"]) == (30, 20)
    assert (seen["traceparent"], seen["user_agent"]) == (HEADERS[4][1].decode(), "curl/8")


def test_a_handler_of_the_user_gets_lines_of_the_format_that_is_asked_for(
    opened: Open, collecting: Collecting
) -> None:
    log = opened(configure=False, access_log_format="%(m)s %(s)s", access_log_exclude="/no")
    note(log)
    note(log, b"/no")
    assert [record.getMessage() for record in collecting.records] == ["GET 200"]


def test_a_logger_that_is_changed_later_gets_records(
    opened: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    """Applications configure logging when they start."""
    log = opened(access_log_format="json")
    note(log)
    handler = Collecting()
    logging.getLogger("penstock.access").addHandler(handler)
    log.flush()
    note(log)
    assert len(handler.records) == 2


def test_a_websocket_s_records_go_to_the_error_logger(opened: Open) -> None:
    """As uvicorn does it: their arguments do not fit formatters of access lines."""
    error = Collecting()
    logging.getLogger("penstock.access").addHandler(Collecting())
    logging.getLogger("penstock.error").addHandler(error)
    logging.getLogger("penstock").setLevel(logging.INFO)
    log = opened(configure=False)
    note(log, event=WEBSOCKET_OPEN)
    note(log, event=WEBSOCKET_CLOSE, close_code=1000)
    assert [record.getMessage() for record in error.records] == [
        '127.0.0.1:54321 - "WebSocket /?q=token" [accepted]',
        '127.0.0.1:54321 - "WebSocket /?q=token" [closed 1000]',
    ]


def test_a_list_of_headers_that_the_application_spoilt_spoils_no_line(
    opened: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the list in the scope; what stood before is shown."""
    log = opened(access_log_format="%(a)s %(s)s")
    note(log, headers=[(b"user-agent", b"1"), 7, ("x", "y")])
    note(log, headers=[("x", "y"), (b"a",)])
    assert written(log, capsys) == ["1 200", "- 200"]
