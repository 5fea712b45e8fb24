"""What an HTTP/2 connection writes, and when; how it ends."""

from typing import Any

from tests.http2 import fields, frame, settings, window_update
from tests.transport.http1_trial import ok
from tests.transport.http2_trial import Trial


async def large(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"x" * (1 << 20)})


def writes(trial: Trial) -> list[int]:
    """Have each write of the transport counted."""
    sizes: list[int] = []
    write = trial.transport.write

    def counted(data: bytes) -> None:
        sizes.append(len(data))
        write(data)

    trial.transport.write = counted  # type: ignore[method-assign]
    return sizes


def test_all_answers_of_a_read_leave_in_one_write() -> None:
    """With what else was to be said."""
    trial = Trial(ok)
    sizes = writes(trial)
    requests = b"".join(trial.peer.headers(n, fields()) for n in range(1, 61, 2))
    trial.receive(requests + frame(6, 0, 0, b"12345678"))
    assert len(sizes) == 1
    trial.settle()
    assert sum(each.status == 200 for each in trial.peer.answers.values()) == 30


def test_what_comes_outside_of_a_read_leaves_in_the_next_turn() -> None:
    """Once, for all who have something to say."""
    trial = Trial(ok)
    sizes = writes(trial)
    trial.connection.session.ping()
    trial.connection.output()
    trial.connection.output()
    assert sizes == []
    trial.loop.turn()
    assert len(sizes) == 1


def test_no_more_is_taken_than_the_socket_has_room_for() -> None:
    """The rest stays where order and windows still count, and goes on when there is room (S04)."""
    trial = Trial(large)
    sizes: list[int] = []

    def write(data: bytes) -> None:
        sizes.append(len(data))
        trial.transport.written += data
        trial.connection.pause_writing()

    trial.transport.write = write  # type: ignore[method-assign]
    trial.ask()
    trial.settle()
    assert len(sizes) == 1
    assert trial.connection.session.queued_bytes > 900_000
    while trial.connection.session.queued_bytes:
        trial.connection.resume_writing()
    trial.settle()
    assert trial.answer().size == 1 << 20
    assert max(sizes) <= (1 << 16) + (1 << 14) + 9


def test_5_2_2_what_opens_a_window_is_read_while_a_response_waits_for_it() -> None:
    """Also while another application leaves its request unread, and waits itself."""
    trial = Trial(large)
    trial.ask("/", end=False, method="POST")
    trial.peer.data(1, b"unread")
    trial.peer.send(settings((4, 0)))
    trial.ask("/", stream=3)
    assert trial.answer(3).size == 0
    trial.peer.send(frame(6, 0, 0, b"12345678") + window_update(3, 100))
    assert trial.answer(3).size == 100
    assert trial.transport.reading
    assert [each.payload for each in trial.peer.frames if each.type == 6] == [b"12345678"]


def test_5_2_2_while_the_client_does_not_read_nothing_is_taken_from_it() -> None:
    """Reading is paused, and nothing grows; then it goes on (H07, H30)."""
    trial = Trial(ok)
    trial.connection.pause_writing()
    trial.receive(frame(6, 0, 0, b"12345678"))
    reading = [trial.transport.reading]
    trial.connection.resume_writing()
    reading.append(trial.transport.reading)
    assert reading == [False, True]
    trial.settle()
    assert [each.payload for each in trial.peer.frames if each.type == 6] == [b"12345678"]


def test_a_client_that_does_not_read_is_cut() -> None:
    """Below the lowest rate, over the window of time (S04)."""
    trial = Trial(large, timeout_min_rate=5)
    trial.transport.takes = False
    trial.ask()
    trial.sweep(1)
    trial.sweep(3)
    assert trial.transport.state == "open"
    trial.sweep(4)
    assert trial.transport.state == "aborted"
    assert trial.worker.counters.cut_readers == 1


def test_what_comes_after_the_end_is_read_off_within_a_limit() -> None:
    """Then it is cut, as for HTTP/1."""
    trial = Trial(ok, limit_undrained_body=1000)
    trial.peer.send(frame(6, 0, 1, b"12345678"))
    assert trial.transport.eof
    trial.receive(b"x" * 900)
    assert trial.transport.state == "open"
    trial.receive(b"x" * 200)
    assert trial.transport.state == "aborted"


def test_a_client_that_never_ends_its_side_is_not_waited_for() -> None:
    """For longer than --timeout-undrained, or at all where room is needed."""
    for crowded in (False, True):
        trial = Trial(ok, timeout_undrained=5)
        trial.peer.send(frame(6, 0, 1, b"12345678"))
        if crowded:
            trial.worker.relieve(True)
            assert trial.transport.state == "closed"
        else:
            trial.sweep(6)
            assert trial.transport.state == "aborted"
