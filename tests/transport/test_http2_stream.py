"""One stream from its request to its end: deadlines, resets, the order of ends, WSGI and static files."""

import gc
from pathlib import Path
from typing import Any

import pytest

from penstock.wire.http2_frames import CANCEL
from tests.asgi_app import Call, Probe
from tests.gateway.http_trial import Future
from tests.http2 import http2, peer, rst
from tests.sockets import serving
from tests.transport.http1_trial import echo, forever, ok
from tests.transport.http2_trial import Trial


def test_a_stream_leaves_nothing_behind() -> None:
    """Neither in its connection, nor among what runs."""
    trial = Trial(ok)
    for n in (1, 3, 5):
        trial.ask(stream=n)
        assert trial.answer(n).status == 200
    assert trial.connection.streams == set()
    assert trial.connection.session.ends() == []
    assert (trial.connection.session.active, trial.worker.running) == (0, 0)


def test_a_slow_body_is_a_408() -> None:
    """Below the lowest rate, over the window of time (S03); a fast one on the same connection is not."""
    trial = Trial(echo, timeout_min_rate=5, min_rate=10)
    trial.ask("/slow", end=False, method="POST")
    trial.ask("/fast", stream=3, end=False, method="POST")
    for _ in range(3):
        trial.peer.data(3, b"x" * 100)
        trial.sweep(2)
    assert trial.answer(1).status == 408
    assert trial.answer(3).status == 0
    trial.peer.data(3, b"", end=True)
    assert trial.answer(3).size == 300


def test_a_body_that_the_application_does_not_take_is_not_slow() -> None:
    """The client rightly waits."""
    trial = Trial(forever_without_reading, timeout_min_rate=5)
    trial.ask("/", end=False, method="POST")
    trial.peer.data(1, b"x" * 1000)
    for _ in range(4):
        trial.sweep(3)
    assert trial.answer().over is False


class Never:
    """What nobody ever resolves."""

    def __await__(self) -> Any:
        yield Future()


async def forever_without_reading(scope: Any, receive: Any, send: Any) -> None:
    await Never()


def test_a_slow_body_after_the_head_has_left_is_a_reset() -> None:
    """There is no other way to tell."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    trial = Trial(app, timeout_min_rate=5)
    trial.ask("/", end=False, method="POST")
    trial.sweep(6)
    assert (trial.answer().status, trial.answer().error) == (200, CANCEL)


def test_h01_a_reset_frees_the_place_when_the_application_ends() -> None:
    """H01, H02: not before."""
    trial = Trial(forever_without_reading)
    trial.ask()
    trial.peer.send(rst(1))
    assert trial.connection.streams == set()
    assert trial.connection.session.active == 1
    trial.runtime.tasks[0].cancel()
    trial.settle()
    assert trial.connection.session.active == 0
    assert trial.worker.running == 0


def test_a_request_that_waits_and_is_reset_is_never_started() -> None:
    """Its place in the queue, and among the streams, is free again."""

    async def app(call: Call) -> None:
        await call.told("go on")
        await call.answer()

    probe = Probe(app)
    with serving(probe, limit_concurrency=1, timeout_queue=5) as served, peer(served) as client:
        client.ask(1)
        probe.call()
        client.ask(3)
        served.until(lambda: served.worker.admission.waiting == 1)
        client.send(rst(3))
        served.until(lambda: served.worker.admission.waiting == 0)
        probe.call().tell("go on")
        assert client.answer(1).status == 200
        served.until(lambda: not next(iter(served.worker.connections)).session.active)
    assert len(probe.calls) == 1


def test_the_application_may_go_on_after_its_answer() -> None:
    """The client has it, the stream is over, and the task still runs."""

    async def app(call: Call) -> None:
        await call.answer()
        await call.told("go on")

    probe = Probe(app)
    with serving(probe) as served, http2(served) as client:
        for _ in range(3):
            assert client.get().status == 200
        assert served.on_loop(lambda: served.worker.running) == 3
        for call in probe.calls:
            call.tell("go on")
        served.until(lambda: served.worker.running == 0)


def test_an_answer_before_the_end_of_the_body() -> None:
    """It arrives whole, and the client may stop (RFC 9113 section 8.1)."""
    with serving(ok) as served, http2(served) as client:
        stream = client.ask("/", method="POST", end=False)
        answer = client.answer(stream)
        assert (answer.status, answer.body) == (200, b"ok")
        assert client.get().status == 200


@pytest.mark.parametrize("threads", [0, 2])
def test_wsgi(threads: int) -> None:
    """Bodies both ways, and the protocol that the environ tells."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("content-type", "text/plain")])
        return [environ["SERVER_PROTOCOL"].encode(), b" %d" % len(body)]

    options: dict[str, Any] = {"interface": "wsgi", "threads": threads}
    with serving(app, **options) as served, http2(served) as client:
        sizes = (0, 10, 60_000) if not threads else (0, 10, 300_000)
        streams = [client.ask("/", method="POST", body=b"x" * size) for size in sizes]
        bodies = [client.answer(n).body for n in streams]
        assert bodies == [b"HTTP/2 %d" % size for size in sizes]


def test_static_files(tmp_path: Path) -> None:
    """Small ones with their head, large ones as windows open; ranges, and what is not there."""
    (tmp_path / "small").write_bytes(b"small")
    (tmp_path / "large").write_bytes(b"x" * 1_000_000)
    with serving(Probe(), static=[f"/s={tmp_path}"]) as served, http2(served) as client:
        assert client.get("/s/small").body == b"small"
        assert client.get("/s/large").size == 1_000_000
        part = client.get("/s/large", "range: bytes=5-9")
        assert (part.status, part.body) == (206, b"xxxxx")
        assert client.get("/s/none").status == 404


def test_the_disconnect_is_told() -> None:
    """To the stream's own application, and to no other (HTTP-DISC-12)."""
    events = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await forever(scope, receive, send)
        events.append(scope["path"])

    trial = Trial(app)
    trial.ask("/a")
    trial.ask("/b", stream=3)
    trial.peer.send(rst(3))
    trial.settle()
    assert events == ["/b"]


def test_a_request_leaves_no_garbage() -> None:
    """Without the garbage collector too, whatever became of it: memory is free when the request is over."""
    gc.collect()
    gc.disable()
    try:
        trial = Trial(echo)
        trial.ask()
        trial.ask("/", stream=3, end=False, method="POST")
        trial.peer.data(3, b"x", end=True)
        trial.ask("/", stream=5, end=False, method="POST")
        trial.peer.send(rst(5))
        trial.ask("/", ("content-length", "1"), stream=7, end=False, method="POST")
        trial.peer.data(7, b"xx")
        trial.settle()
        assert [trial.peer.answers[n].status for n in (1, 3)] == [200, 200]
        trial.runtime.tasks.clear()
        trial.runtime.to_flush.clear()
        left = [each for each in gc.get_objects() if type(each).__name__ == "Http2Stream"]
        assert left == []
    finally:
        gc.enable()


# ------------------------------------------------------------------------------------------ pushes


def pushing(*pushes: dict[str, Any]) -> Any:
    """An application whose answer to / promises these before its body."""

    async def app(call: Call) -> None:
        if call.scope["path"] != "/":
            await call.answer(call.scope["path"].encode())
            return
        await call.start()
        for push in pushes:
            await call.send({"type": "http.response.push", "headers": [], **push})
        await call.write(b"main", more=False)

    return app


def test_a_push_is_a_promise_a_call_and_a_response() -> None:
    """As if the client had asked, with the authority of its own request (PUSH-03, PUSH-04, PUSH-06)."""
    probe = Probe(pushing({"path": "/é?a=1", "headers": [(b"accept", b"x/y")]}))
    with serving(probe) as served, http2(served, push=True) as client:
        assert client.get().body == b"main"
        ((stream, fields),) = client.promises
        assert fields == [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "example.test"),
            (":path", "/%C3%A9?a=1"),
            ("accept", "x/y"),
        ]
        assert client.answer(stream).body == "/é".encode()
        assert client.get("/after").status == 200
        main, pushed = (call.scope for call in probe.calls[:2])
    assert pushed["headers"] == [(b"host", b"example.test"), (b"accept", b"x/y")]
    assert (pushed["path"], pushed["raw_path"], pushed["query_string"]) == (
        "/é",
        b"/%C3%A9",
        b"a=1",
    )
    for key in ("client", "server", "scheme", "root_path", "http_version", "type"):
        assert pushed[key] == main[key]


def test_to_who_wants_no_pushes_there_is_none() -> None:
    """Neither a promise nor a call, and the answer is as without (PUSH-05)."""
    probe = Probe(pushing({"path": "/a"}))
    with serving(probe) as served, http2(served) as client:
        assert client.get().body == b"main"
        assert client.get("/after").status == 200
        assert (client.promises, len(probe.calls)) == ([], 2)


def test_a_push_does_not_push() -> None:
    """It is taken, and does nothing (PUSH-08)."""

    async def app(call: Call) -> None:
        await call.start()
        if call.scope["path"] != "/after":
            await call.send({"type": "http.response.push", "path": "/again", "headers": []})
        await call.write(b"x", more=False)

    probe = Probe(app)
    with serving(probe) as served, http2(served, push=True) as client:
        client.get()
        ((stream, _),) = client.promises
        assert client.answer(stream).status == 200
        client.get("/after")
        assert [call.scope["path"] for call in probe.calls] == ["/", "/again", "/after"]


def test_a_client_that_takes_a_push_back_is_a_client_that_has_left_it() -> None:
    """The pushed call hears of a disconnect; its connection goes on."""

    async def app(call: Call) -> None:
        if call.scope["path"] == "/pushed":
            await call.start()
            await call.receive()
            await call.receive()
            return
        await call.start()
        await call.send({"type": "http.response.push", "path": "/pushed", "headers": []})
        await call.write(b"x", more=False)

    probe = Probe(app)
    with serving(probe) as served, http2(served, push=True) as client:
        client.get()
        ((stream, _),) = client.promises
        pushed = probe.call(1)
        client.h2.reset_stream(stream, CANCEL)
        client.flush()
        pushed.wait()
        assert pushed.events[-1]["type"] == "http.disconnect"
        assert client.get("/after").status == 200


def test_a_push_that_is_taken_back_before_it_has_begun_is_no_call() -> None:
    """Its place is free again."""
    trial = Trial(forever)
    trial.ask()
    trial.settle()
    connection = trial.connection
    end = connection.session.push(connection.session.ends()[0], b"\x82\x86\x84\x41\x01a")
    assert (end.id, connection.session.pushed) == (2, 1)
    connection.session.reset(end, CANCEL)
    (stream,) = connection.streams
    connection.begin_promised(stream, end, None)
    assert (connection.session.pushed, len(connection.streams)) == (0, 1)


def test_static_files_can_be_pushed(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_bytes(b"a {}")
    app = Probe(pushing({"path": "/static/a.css"}))
    with (
        serving(app, static=[f"/static={tmp_path}"]) as served,
        http2(served, push=True) as client,
    ):
        client.get()
        ((stream, _),) = client.promises
        answer = client.answer(stream)
        assert (answer.status, answer.body) == (200, b"a {}")
        assert len(app.calls) == 1
