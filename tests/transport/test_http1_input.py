"""The input of an HTTP/1 connection: one request at a time, pipelines, ends of the client, refusals; without a socket."""

from typing import Any

import pytest

from tests.transport.http1_trial import GET, Trial, echo, forever, ok

BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"


def test_a_pipeline_lets_the_loop_turn() -> None:
    """So many requests of one read, then the others in later turns, all in order (P01)."""
    trial = Trial(ok)
    trial.receive(GET * 100)
    seen = [len(trial.statuses)]
    while trial.loop.soon:
        trial.loop.turn()
        seen.append(len(trial.statuses))
    assert seen == [32, 64, 96, 100]


def test_a_pipeline_stops_while_its_answers_are_not_read() -> None:
    """What is read ahead is bounded by pausing, and goes on when there is room (P01, S04)."""
    trial = Trial(ok, read_buffer=4096)
    trial.connection.pause_writing()
    trial.receive(GET * 1000)
    assert trial.statuses == []
    assert not trial.transport.reading
    trial.connection.resume_writing()
    while trial.loop.soon:
        trial.loop.turn()
    assert len(trial.statuses) == 1000
    assert trial.transport.reading


def test_a_request_that_runs_holds_up_the_next() -> None:
    """Until its response and its body are whole (HTTP-CONN-02)."""
    trial = Trial(echo)
    trial.receive(BODY)
    trial.runtime.in_task = True
    trial.receive(b"ab")
    trial.receive(b"cd" + GET)
    assert trial.statuses == []
    trial.runtime.tasks[0].run()
    assert trial.statuses == [200]
    trial.loop.turn()
    assert trial.statuses == [200, 200]


@pytest.mark.parametrize("requests", [1, 100])
def test_a_fin_behind_whole_requests_takes_none_away(requests: int) -> None:
    """All are answered, then the connection closes (P04)."""
    trial = Trial(ok)
    trial.receive(GET * requests)
    stays = trial.connection.eof_received()
    if requests == 1:
        assert not stays
        return
    assert stays
    while trial.loop.soon:
        trial.loop.turn()
    assert len(trial.statuses) == requests
    assert trial.transport.state == "closed"


@pytest.mark.parametrize(
    "data",
    [
        GET[:-2],
        GET + GET[:5],
        BODY + b"ab",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1",
    ],
)
def test_a_fin_in_the_midst_of_a_request_is_400(data: bytes) -> None:
    """Also behind a whole one (C09)."""
    trial = Trial(echo)
    trial.receive(data)
    assert trial.connection.eof_received()
    while trial.loop.soon:
        trial.loop.turn()
    for task in trial.runtime.tasks:
        task.run()
    assert trial.statuses[-1] == 400
    assert trial.transport.state == "closed"


def test_a_fin_during_a_request_is_told_and_the_answer_goes_out() -> None:
    """The sending side stays open (P04, HTTP-DISC-11)."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await forever(scope, receive, send)
        await ok(scope, receive, send)

    trial = Trial(app)
    trial.receive(GET)
    assert trial.connection.eof_received()
    trial.loop.wait(1)
    trial.runtime.tasks[0].run()
    assert trial.statuses == [200]
    assert trial.transport.state == "closed"


@pytest.mark.parametrize("split", range(1, len(BODY) + 4))
def test_a_request_cut_anywhere_is_the_same(split: int) -> None:
    """In two reads, or byte by byte."""
    data = BODY + b"body"
    for pieces in ((data[:split], data[split:]), [bytes([byte]) for byte in data]):
        trial = Trial(echo)
        for piece in pieces:
            if piece:
                trial.receive(piece)
        for task in trial.runtime.tasks:
            task.run()
        assert trial.transport.written.endswith(b"\r\n\r\nbody")


def test_after_a_refusal_nothing_is_looked_at_any_more() -> None:
    """What still comes is counted, and too much of it ends the connection (P02, threats rule 2)."""
    trial = Trial(ok, limit_undrained_body=1000)
    trial.receive(b"GET / HTTP/1.1\r\n\r\n" + GET)
    assert trial.statuses == [400]
    assert trial.transport.eof
    trial.receive(GET)
    assert trial.transport.state == "open"
    trial.receive(b"x" * 1001)
    assert trial.transport.state == "aborted"
    assert trial.statuses == [400]


def test_a_lost_connection_tells_its_request_and_leaves_the_worker() -> None:
    """Once, whatever it was doing (HTTP-DISC-01)."""
    trial = Trial(forever)
    trial.receive(GET)
    assert trial.worker.running == 1
    assert trial.connection in trial.worker.connections
    trial.lose()
    trial.runtime.tasks[0].run()
    assert trial.worker.running == 0
    assert not trial.worker.connections
    trial.sweep(1000)


def test_an_early_answer_with_an_expectation_ends_the_connection() -> None:
    """`connection: close` and our FIN, whether the application answered in the first step or not (S10)."""
    trial = Trial(ok)
    trial.receive(BODY.replace(b"Content", b"Expect: 100-continue\r\nContent"))
    assert trial.statuses == [200]
    assert b"connection: close" in trial.transport.written
    assert trial.transport.eof


def test_an_unread_body_is_read_off_within_its_limits() -> None:
    """The next request begins after it; too much or too late ends the connection (L07, L08)."""
    trial = Trial(ok)
    trial.receive(BODY + b"GET ")
    trial.receive(GET)
    assert trial.statuses == [200, 200]
    trial.receive(BODY.replace(b": 4", b": 70000"))
    trial.receive(b"x" * 60000)
    assert not trial.transport.eof
    trial.receive(b"x" * 6000)
    assert trial.transport.eof
    late = Trial(ok, timeout_undrained=5)
    late.receive(BODY)
    late.sweep(4)
    assert not late.transport.eof
    late.sweep(2)
    assert late.transport.eof
