"""What a stream tells the access log: a request once, a WebSocket twice, and how it ended."""

from typing import Any

import pytest

from penstock.gateway.endings import CLIENT_GONE, COMPLETE, REQUEST, RESET
from tests.http2 import rst
from tests.transport.http1_trial import echo, forever, ok
from tests.transport.http2_trial import Trial
from tests.transport.test_http1_log import DetailsWanted


class Plain:
    """An access log that wants what is known anyway."""

    details = False

    def __init__(self) -> None:
        self.lines: list[Any] = []

    def add(self, *entry: Any) -> None:
        self.lines.append(entry)


def logged(app: Any, log: Any, **options: Any) -> Trial:
    """A connection whose worker has this log from the start."""
    from penstock.transport.http2 import Connection
    from tests.http2 import Peer
    from tests.transport.http1_trial import FakeTransport
    from tests.transport.http2_trial import _Memory

    trial = Trial(app, **options)
    trial.worker.access_log = log
    trial.transport = FakeTransport()
    trial.connection = Connection(trial.worker)
    trial.connection.connection_made(trial.transport)
    trial.peer = Peer(_Memory(trial))  # type: ignore[arg-type]
    trial.settle()
    return trial


def test_each_request_has_its_line() -> None:
    """With what the default log shows."""
    log = Plain()
    trial = logged(ok, log)
    trial.ask("/a?q=1")
    trial.ask("/b", stream=3, method="HEAD")
    trial.settle()
    assert log.lines == [
        (None, "GET", b"/a", b"q=1", "2", 200),
        (None, "HEAD", b"/b", b"", "2", 200),
    ]


def test_a_client_that_resets_before_an_answer_has_no_line() -> None:
    """There is no status to tell, as for HTTP/1."""
    log = Plain()
    trial = logged(forever, log)
    trial.ask()
    trial.peer.send(rst(1))
    trial.settle()
    assert log.lines == []


def test_details_are_of_each_stream() -> None:
    """Bytes in and out, times, the end, the response's fields and the id: of one among others."""
    log = DetailsWanted()
    trial = logged(echo, log)
    trial.ask("/one", stream=1, end=False, method="POST")
    trial.ask("/two", stream=3, end=False, method="POST")
    trial.peer.data(1, b"x" * 10)
    trial.peer.data(3, b"y" * 20)
    trial.peer.data(3, b"", end=True)
    trial.settle()
    trial.peer.data(1, b"", end=True)
    trial.settle()
    assert [(line.head.raw_path, line.bytes_in, line.bytes_out) for line in log.lines] == [
        (b"/two", 20, 20),
        (b"/one", 10, 10),
    ]
    assert {(line.event, line.status, line.ended) for line in log.lines} == {
        (REQUEST, 200, COMPLETE)
    }
    assert len({line.id_head + line.id_tail for line in log.lines}) == 2


def test_what_the_client_has_not_got_waits_for_its_line() -> None:
    """A response is complete when the last of it has found room; a reset before that is the client's."""
    log = DetailsWanted()
    for end, told in (("window", COMPLETE), ("reset", CLIENT_GONE)):
        log.lines.clear()
        trial = logged(ok, log)
        trial.peer.send(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00")
        trial.ask()
        trial.settle()
        assert log.lines == []
        if end == "window":
            trial.peer.send(b"\x00\x00\x04\x08\x00\x00\x00\x00\x01\x00\x00\x00\x09")
        else:
            trial.peer.send(rst(1))
        trial.settle()
        assert [line.ended for line in log.lines] == [told]


@pytest.mark.parametrize("status", [408])
def test_a_body_that_comes_too_slowly_is_a_408(status: int) -> None:
    """And so says the log (S03)."""
    log = Plain()
    trial = logged(echo, log, timeout_min_rate=5)
    trial.ask("/slow", end=False, method="POST")
    trial.sweep(6)
    assert trial.answer().status == status
    assert [line[-1] for line in log.lines] == [status]


def test_a_request_cut_by_its_own_fault_says_reset() -> None:
    """A body longer than it was declared (H22)."""
    log = DetailsWanted()
    trial = logged(forever, log)
    trial.ask("/", ("content-length", "1"), end=False, method="POST")
    trial.peer.data(1, b"xx")
    trial.settle()
    assert [line.ended for line in log.lines] == [RESET]
