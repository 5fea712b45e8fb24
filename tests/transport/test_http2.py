"""An HTTP/2 connection as the worker sees it: deadlines, the shutdown, the switch from HTTP/1."""

from penstock.wire.http2_frames import (
    NO_ERROR,
    TYPE_GOAWAY,
    TYPE_PING,
    TYPE_RST_STREAM,
)
from tests.asgi_app import Probe
from tests.http2 import frame, http2, peer, rst
from tests.loops import NewLoop, each_loop
from tests.sockets import serving
from tests.transport.http1_trial import echo, forever, ok
from tests.transport.http2_trial import Trial


def goaways(trial: Trial) -> list[tuple[int, int]]:
    """Last stream and code of each GOAWAY so far."""
    trial.settle()
    return [
        (int.from_bytes(each.payload[:4], "big"), each.code)
        for each in trial.peer.frames
        if each.type == TYPE_GOAWAY
    ]


@each_loop
def test_it_serves(new_loop: NewLoop) -> None:
    """Many requests on one connection, with bodies, on both event loops; no rule of HTTP/2 is broken by that."""

    async def app(call: object) -> None:
        body = await call.body()  # type: ignore[attr-defined]
        await call.answer(b"%d" % len(body))  # type: ignore[attr-defined]

    with serving(Probe(app), new_loop) as served, http2(served) as client:
        streams = [
            client.ask("/", method="POST", body=b"x" * size) for size in (0, 1, 70_000, 200_000)
        ]
        assert [client.answer(n).body for n in streams] == [b"0", b"1", b"70000", b"200000"]


def test_an_idle_connection_is_closed_with_a_goaway() -> None:
    """After --timeout-keep-alive (S02): nothing was wrong, and no request is lost."""
    trial = Trial(ok, timeout_keep_alive=5)
    trial.ask()
    assert trial.answer().status == 200
    trial.sweep(4)
    assert goaways(trial) == []
    trial.sweep(2)
    assert goaways(trial) == [(1, NO_ERROR)]
    assert trial.transport.eof


def test_pings_keep_no_idle_connection() -> None:
    """They carry no request (H07)."""
    trial = Trial(ok, timeout_keep_alive=5)
    for _ in range(3):
        trial.sweep(2)
        trial.peer.send(frame(TYPE_PING, 0, 0, b"12345678"))
    trial.sweep(0.1)
    assert goaways(trial) == [(0, NO_ERROR)]


def test_a_client_that_says_nothing_is_closed() -> None:
    """Within the time of a request's head (S02)."""
    trial = Trial(ok, timeout_request_head=5, greeting={"greet": False})
    trial.sweep(4)
    assert not trial.transport.eof
    trial.sweep(2)
    assert trial.transport.eof


def test_a_request_under_way_keeps_the_connection() -> None:
    """However long it takes."""
    trial = Trial(forever, timeout_keep_alive=5)
    trial.ask()
    trial.sweep(60)
    assert goaways(trial) == []
    trial.peer.send(rst(1))
    trial.sweep(6)
    assert goaways(trial) == [(1, NO_ERROR)]


def test_h17_a_graceful_end_has_two_steps() -> None:
    """RFC 9113 section 6.8: a warning and a PING; at its answer the last number; the end when all streams are done."""
    trial = Trial(echo)
    trial.ask("/", end=False, method="POST")
    trial.connection.begin_shutdown()
    assert goaways(trial) == [(2**31 - 1, NO_ERROR)]
    trial.ask("/", stream=3, end=False, method="POST")
    (ping,) = [each for each in trial.peer.frames if each.type == TYPE_PING]
    trial.peer.send(frame(TYPE_PING, 1, 0, ping.payload))
    assert goaways(trial) == [(2**31 - 1, NO_ERROR), (3, NO_ERROR)]
    trial.ask("/", stream=5)
    trial.peer.data(1, b"one", end=True)
    assert not trial.transport.eof
    trial.peer.data(3, b"three", end=True)
    assert (trial.answer(1).body, trial.answer(3).body) == (b"one", b"three")
    assert trial.answer(5).status == 0
    assert trial.transport.eof


def test_h17_a_client_that_answers_no_ping_gets_the_second_step_all_the_same() -> None:
    """After a second."""
    trial = Trial(ok)
    trial.connection.begin_shutdown()
    trial.settle()
    trial.loop.wait(0.5)
    assert len(goaways(trial)) == 1
    trial.loop.wait(0.6)
    assert len(goaways(trial)) == 2
    assert trial.transport.eof


def test_a_stop_tells_and_then_cuts_what_goes_on() -> None:
    """http.disconnect at the grace, and the end by force."""
    trial = Trial(forever)
    trial.ask()
    assert len(trial.connection.exchanges()) == 1
    trial.connection.begin_shutdown()
    trial.connection.notify_disconnect()
    trial.settle()
    assert trial.answer().status == 500
    trial.ask("/", stream=3)
    trial.connection.abort()
    assert trial.transport.state == "aborted"


def test_the_client_is_lost() -> None:
    """All its applications are told, once."""
    trial = Trial(forever)
    for n in (1, 3, 5):
        trial.ask("/", stream=n)
    exchanges = trial.connection.exchanges()
    assert len(exchanges) == 3
    trial.lose()
    assert trial.connection.exchanges() == []
    for task in trial.runtime.tasks:
        task.run()
    assert trial.worker.running == 0
    assert trial.worker.connections == set()


def test_crashes_know_their_request() -> None:
    """Id and client of one among many."""
    trial = Trial(forever)
    trial.ask()
    (exchange,) = trial.connection.exchanges()
    number, client = trial.connection.identity(exchange)
    assert (number, client) == (f"{trial.worker.id_prefix}1", None)
    assert trial.connection.identity(object()) == ("", None)


def test_the_switch_from_http_1_leaves_nothing_behind() -> None:
    """The worker has one connection, which has become one of HTTP/2."""
    with serving(Probe()) as served, peer(served) as client:
        client.ask(1)
        client.answer(1)
        connections = served.on_loop(
            lambda: [type(each).__module__ for each in served.worker.connections]
        )
        assert connections == ["penstock.transport.http2"]


def test_a_reset_that_comes_while_a_response_waits() -> None:
    """What waits is dropped, and the application's send raises."""
    errors = []

    async def large(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200})  # type: ignore[operator]
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})  # type: ignore[operator]
        except OSError as error:
            errors.append(error)
            raise

    trial = Trial(large, greeting={"initial": 10})
    trial.ask()
    trial.settle()
    assert trial.connection.session.queued_bytes
    trial.peer.send(rst(1))
    trial.settle()
    assert len(errors) == 1
    assert trial.connection.session.queued_bytes == 0
    assert [each for each in trial.peer.frames if each.type == TYPE_RST_STREAM] == []
