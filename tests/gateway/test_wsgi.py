"""The loop's half of a conversation with a WSGI application: bodies, disconnects, limits, ends."""

from typing import Any

import pytest

from penstock.errors import ClientDisconnected
from penstock.gateway.wsgi import INLINE_BODY_BYTES_MAX
from tests.wsgi_fakes import Bench


class Recorder:
    """An application that reads its body by `read` and answers with the number of bytes; keeps what it saw."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = sizes or (-1,)
        self.calls = 0
        self.pieces: list[bytes] = []
        self.error: BaseException | None = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.calls += 1
        try:
            self.pieces.extend(environ["wsgi.input"].read(size) for size in self.sizes)
        except BaseException as exc:
            self.error = exc
            raise
        start_response("200 OK", [])
        return [b"ok"]


def test_a_small_body_holds_no_thread_before_it_is_whole() -> None:
    """Design 2: a slow upload waits on the loop."""
    app = Recorder(2, 100, 1)
    bench = Bench(app)
    exchange = bench.request("POST", length=6)
    exchange.on_body(b"abc", False)
    assert not bench.pool.queue
    exchange.on_body(b"def", True)
    assert len(bench.pool.queue) == 1
    assert bench.work().sent == b"ok"
    assert app.pieces == [b"ab", b"cdef", b""]


def test_a_body_that_was_there_before_the_start_counts() -> None:
    """The connection may have read it together with the head."""
    app = Recorder()
    bench = Bench(app)
    exchange = bench.request("POST", length=3, start=False)
    exchange.on_body(b"abc", True)
    exchange.start()
    bench.work()
    assert (app.pieces, bench.stream.names()) == ([b"abc"], ["head", "body", "done"])


@pytest.mark.parametrize("read_buffer", [4096, 65536])
def test_a_large_body_is_streamed(read_buffer: int) -> None:
    """The thread gets the request when the buffer is full; what it takes makes room for more."""
    app = Recorder(*[1000] * 301)
    bench = Bench(app, read_buffer=read_buffer)
    exchange = bench.request("POST", length=-1)
    sent = highest = 0

    def feed() -> None:
        nonlocal sent, highest
        while exchange.buffered <= read_buffer and sent < 300_000:
            sent += 2000
            exchange.on_body(b"x" * 2000, sent == 300_000)
        highest = max(highest, exchange.buffered)

    feed()
    assert len(bench.pool.queue) == 1
    bench.on_wait = feed
    bench.work()
    assert b"".join(app.pieces) == b"x" * 300_000
    assert app.pieces[-1] == b""
    assert highest <= read_buffer + 2000
    assert bench.stream.sent == b"ok"


def test_a_chunked_body_ends_where_it_ends() -> None:
    """PEP-05: also when the end comes alone, while the application waits for it."""
    app = Recorder(70_000, 10)
    bench = Bench(app)
    exchange = bench.request("POST", length=-1)
    exchange.on_body(b"x" * 66_000, False)
    bench.on_wait = lambda: exchange.on_body(b"", True)
    bench.work()
    assert [len(piece) for piece in app.pieces] == [66_000, 0]


def test_continue_is_sent_when_the_application_asks_for_the_body() -> None:
    """PEP-21: so it runs before any body is there; `read_more` makes the stream say 100."""
    app = Recorder()
    bench = Bench(app)
    exchange = bench.request("POST", length=3, expect=True)
    assert bench.stream.events == []
    bench.on_wait = lambda: exchange.on_body(b"abc", True)
    bench.work()
    assert app.pieces == [b"abc"]
    assert bench.stream.names() == ["read_more", "head", "body", "done"]


def test_an_application_that_does_not_ask_gets_no_continue() -> None:
    """PEP-21: the client keeps its body."""
    bench = Bench(lambda environ, start: start("403 No", []) and [b"no"])
    bench.request("POST", length=3, expect=True)
    assert bench.work().names() == ["head", "body", "done"]


@pytest.mark.parametrize("gone", [True, False])
def test_a_body_that_was_cut_before_the_call_calls_nobody(gone: bool) -> None:
    """C09: and the call that never was is over."""
    app = Recorder()
    bench = Bench(app)
    exchange = bench.request("POST", length=6)
    exchange.on_body(b"abc", False)
    exchange.on_disconnect("eof", gone)
    bench.work()
    assert app.calls == 0
    assert bench.stream.names() == ["read_more", "read_more"] + ["reset"] * (not gone) + ["done"]


@pytest.mark.parametrize("gone", [True, False])
def test_a_body_that_is_cut_while_it_is_read_raises(gone: bool) -> None:
    """WSGI-18, C09: an OSError, no orderly end, nothing in the log as the application's fault."""
    app = Recorder(100_000)
    bench = Bench(app)
    exchange = bench.request("POST", length=100_000)
    exchange.on_body(b"x" * 70_000, False)
    bench.on_wait = lambda: exchange.on_disconnect("eof", gone)
    bench.work()
    assert isinstance(app.error, ClientDisconnected)
    assert bench.failures == []
    assert bench.stream.names()[-2:] == (["read_more", "done"] if gone else ["reset", "done"])


def test_an_end_of_input_after_a_whole_body_harms_nothing() -> None:
    """A FIN is not a death: the answer still goes out."""
    app = Recorder()
    bench = Bench(app)
    exchange = bench.request("POST", length=3)
    exchange.on_body(b"abc", True)
    exchange.on_disconnect("eof", False)
    assert bench.work().sent == b"ok"


def test_a_client_that_leaves_while_its_request_waits_makes_no_work() -> None:
    """S11."""
    app = Recorder()
    bench = Bench(app)
    bench.request().on_disconnect("lost", True)
    bench.work()
    assert (app.calls, bench.stream.names()) == (0, ["done"])


def test_input_that_is_kept_beyond_the_request_reads_nothing() -> None:
    """A13: never into the next request, and no end that looks like an orderly one."""
    kept = []
    bench = Bench(
        lambda environ, start: (kept.append(environ["wsgi.input"]), start("200 OK", []), [b"x"])[-1]
    )
    exchange = bench.request("POST", length=3)
    exchange.on_body(b"abc", True)
    bench.work()
    exchange.on_body(b"next", True)
    with pytest.raises(OSError, match="over"):
        kept[0].read()
    assert exchange.buffered == 0


def test_too_many_waiting_requests_get_503() -> None:
    """The queue of requests for threads is bounded."""
    bench = Bench(Recorder())
    bench.pool.full = True
    bench.request()
    assert (bench.stream.status, bench.stream.headers[b"retry-after"]) == (503, b"1")
    assert bench.stream.names() == ["head", "body", "done"]


def test_a_header_too_often_is_a_400() -> None:
    """WSGI-14: refused by the environ, in the thread; the application is not called."""
    app = Recorder()
    bench = Bench(app)
    exchange = bench.request(start=False)
    exchange.head.headers.extend([(b"x", b"")] * 101)
    exchange.start()
    bench.work()
    assert (bench.stream.status, app.calls, bench.failures) == (400, 0, [])


@pytest.mark.parametrize(
    "length,body", [(INLINE_BODY_BYTES_MAX + 1, 0), (-1, INLINE_BODY_BYTES_MAX + 1)]
)
def test_inline_a_large_body_is_a_413_that_names_the_option(length: int, body: int) -> None:
    """--threads 0: by its declared length, or as it comes."""
    app = Recorder()
    bench = Bench(app, threads=0)
    exchange = bench.request("POST", length=length)
    for _ in range(body):
        exchange.on_body(b"x", False)
    exchange.on_body(b"x", True)
    assert (bench.stream.status, app.calls) == (413, 0)
    assert "--threads 1" in bench.notes[0][1]
    assert bench.stream.names()[-3:] == ["head", "body", "done"]
    assert exchange.buffered == 0


def test_inline_a_request_starts_once_its_body_is_whole() -> None:
    """--threads 0: 100 Continue is asked for at once, since the application can not."""
    app = Recorder()
    bench = Bench(app, threads=0)
    exchange = bench.request("POST", length=INLINE_BODY_BYTES_MAX, expect=True)
    assert bench.stream.names() == ["read_more"]
    exchange.on_body(b"x" * (INLINE_BODY_BYTES_MAX - 1), False)
    assert app.calls == 0
    exchange.on_body(b"x", True)
    assert (bench.stream.sent, bench.stream.names()[-1]) == (b"ok", "done")


def test_cancel_says_where_a_request_stands() -> None:
    """Shutdown, phase 3; `done` comes when the call comes back, or at once where it was not begun."""
    bench = Bench(Recorder())
    exchange = bench.request("POST", length=5)
    assert "body" in exchange.cancel()
    assert bench.stream.names() == ["read_more", "done"]
    bench = Bench(Recorder())
    assert bench.request().cancel() == "somewhere"
    assert bench.stream.names() == []
    assert bench.work().names() == ["done"]


def test_head_and_status_are_there_for_the_access_log() -> None:
    """`status`, `sent_bytes`, `bodyless`, `head`, and one line that describes the request."""
    bench = Bench(lambda environ, start: start("201 Made", []) and [b"abc"])
    exchange = bench.request("PUT", b"/a%20b")
    assert exchange.status == 0
    bench.work()
    assert (exchange.status, exchange.sent_bytes, exchange.bodyless) == (201, 3, False)
    assert exchange.describe() == "PUT /a%20b"
    exchange.on_shutdown()
    exchange.on_deadline(0.0)
    assert bench.stream.names() == ["head", "body", "done"]
