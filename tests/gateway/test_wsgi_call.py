"""What a WSGI application may do, and what comes of it (PEP 3333)."""

import contextvars
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest

from penstock.errors import ClientDisconnected, MessageError
from penstock.gateway.wsgi_call import INLINE_WRITE_BYTES_MAX
from tests.wsgi_fakes import Bench, FakeFuture, FakeStream, answer

TEXT = [("Content-Type", "text/plain")]
BOTH = pytest.mark.parametrize("threads", [0, 4])


class Body:
    """An iterable that counts what is asked of it; an exception among the blocks is raised."""

    def __init__(self, *blocks: Any) -> None:
        self.blocks = list(blocks)
        self.given = 0
        self.closed = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.given == len(self.blocks):
            raise StopIteration
        self.given += 1
        block = self.blocks[self.given - 1]
        if isinstance(block, BaseException):
            raise block
        return block

    def close(self) -> None:
        self.closed += 1


def app_of(result: Any, status: str = "200 OK", headers: Any = TEXT) -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, list(headers))
        return result

    return app


def app_of_steps(*steps: Any) -> Any:
    """A generator application: each step is a block, or a call with start_response."""

    def app(environ: Any, start_response: Any) -> Any:
        for step in steps:
            yield step(start_response) if callable(step) else step

    return app


@BOTH
def test_one_block_leaves_as_a_whole(threads: int) -> None:
    """PEP-18: the stream gets head and whole body in one go, so it can declare the length."""
    stream = answer(app_of([b"hello"]), threads=threads)
    assert stream.events == [
        ("head", 200, [(b"content-type", b"text/plain")], False),
        ("body", b"hello", True),
        ("done",),
    ]


@BOTH
def test_blocks_are_handed_on_one_by_one(threads: int) -> None:
    """WSGI-06, PEP-14, PEP-15: each before the next is asked for."""
    stream = FakeStream()
    seen = []

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        for block in (b"a", b"b"):
            yield block
            # In a thread the loop carries it out a moment later; what counts is that it has it.
            seen.append(stream.sent if threads == 0 else bool(bench.pool.outbox))
        yield b"c"

    bench = Bench(app, threads=threads)
    stream = bench.stream
    bench.request()
    bench.work()
    assert seen == ([b"a", b"ab"] if threads == 0 else [True, True])
    assert stream.names() == ["head", "body", "body", "body", "body", "done"]
    assert stream.events[1:5] == [
        ("body", b"a", False),
        ("body", b"b", False),
        ("body", b"c", False),
        ("body", b"", True),
    ]


@BOTH
def test_no_head_before_the_first_block_with_something_in_it(threads: int) -> None:
    """PEP-11, PEP-12: until then a call with exc_info replaces status, headers and content-length (WSGI-16)."""

    def change(start_response: Any) -> bytes:
        try:
            raise ValueError("late")
        except ValueError:
            start_response("500 Late", [("X", "new")], sys.exc_info())
        return b"x"

    stream = answer(
        app_of_steps(
            lambda start: start("200 OK", [("Content-Length", "99")]) and b"", b"", change
        ),
        threads=threads,
    )
    assert (stream.status, stream.headers, stream.sent) == (500, {b"x": b"new"}, b"x")
    assert stream.names().count("head") == 1


@BOTH
def test_exc_info_after_the_head_raises_what_it_holds(threads: int) -> None:
    """PEP-12: the response is cut, and the exception logged."""

    def change(start_response: Any) -> bytes:
        try:
            raise ValueError("too late")
        except ValueError:
            start_response("500 Late", [], sys.exc_info())
        return b""

    stream = answer(
        app_of_steps(lambda start: start("200 OK", []) and b"x", change), threads=threads
    )
    assert stream.names() == ["head", "body", "reset", "done"]
    assert [str(exc) for exc in stream.failures] == ["too late"]  # type: ignore[attr-defined]


@BOTH
@pytest.mark.parametrize(
    "app",
    [
        app_of_steps(lambda start: (start("200 OK", []), start("200 OK", [])) and b"x"),
        app_of(["text"]),
        app_of([b"", "text"]),
        app_of(["a", "b"]),
        app_of(None),
        app_of(b"bytes"),
        app_of([None]),
        app_of([b"x"], status="200"),
        app_of([b"x"], headers=[("Connection", "close")]),
        app_of([b"x"], headers=[("X", "a\nb")]),
        app_of([b"a", b"b"], headers=[("X", "a\nb")]),
        app_of([], headers=[("Content-Length", "4")]),
        lambda environ, start: [b"x"],
        lambda environ, start: [],
        lambda environ, start: [b"", b"x"],
        lambda environ, start: 1 / 0,
        lambda environ, start: sys.exit(0),
    ],
)
def test_what_breaks_a_rule_before_the_head_is_a_500(app: Any, threads: int) -> None:
    """A13, PEP-09, PEP-12, PEP-16, PEP-17, PEP-19: one answer, one log entry, and the call is over."""
    stream = answer(app, threads=threads)
    assert (stream.status, stream.sent) == (500, b"Internal Server Error")
    assert stream.names()[-2:] == ["body", "done"]
    assert len(stream.failures) == 1  # type: ignore[attr-defined]


@BOTH
@pytest.mark.parametrize("fault", ["text", ValueError("x"), KeyboardInterrupt(), None])
def test_what_breaks_a_rule_after_the_head_cuts(fault: Any, threads: int) -> None:
    """A13, A05, PEP-13: the client can tell; close() is called, once."""
    body = Body(b"a", fault)
    stream = answer(app_of(body), threads=threads)
    assert stream.names() == ["head", "body", "reset", "done"]
    assert body.closed == 1
    assert len(stream.failures) == 1  # type: ignore[attr-defined]


@BOTH
@pytest.mark.parametrize("blocks", [(), (b"",), (b"a",), (b"a", b"b"), ("text",), (ValueError(),)])
def test_close_is_called_once(blocks: tuple[Any, ...], threads: int) -> None:
    """PEP-13: whatever became of the response, and before `done`."""
    body = Body(*blocks)
    assert answer(app_of(body), threads=threads).names()[-1] == "done"
    assert body.closed == 1


@BOTH
def test_close_is_called_where_the_application_itself_failed(threads: int) -> None:
    """There is nothing to close then, and nothing is."""
    stream = answer(lambda environ, start: Body(b"x"), threads=threads)
    assert (stream.status, len(stream.failures)) == (500, 1)  # type: ignore[attr-defined]


@BOTH
def test_an_exception_in_close_harms_no_response(threads: int) -> None:
    """It is logged."""

    class Bad(Body):
        def close(self) -> None:
            raise RuntimeError("close")

    stream = answer(app_of(Bad(b"a")), threads=threads)
    assert stream.names() == ["head", "body", "body", "done"]
    assert [str(exc) for exc in stream.failures] == ["close"]  # type: ignore[attr-defined]


@BOTH
def test_an_empty_iterable_is_an_empty_answer(threads: int) -> None:
    """WSGI-19."""
    stream = answer(app_of([], "204 No Content", []), threads=threads)
    assert stream.events == [("head", 204, [], True), ("body", b"", True), ("done",)]
    assert answer(app_of([b"", b""]), threads=threads).events[1:] == [
        ("body", b"", True),
        ("done",),
    ]


@BOTH
def test_output_is_cut_at_the_declared_length_and_no_more_is_asked_for(threads: int) -> None:
    """WSGI-15."""
    body = Body(b"abc", b"defgh", b"never")
    stream = answer(app_of(body, headers=[("Content-Length", "4")]), threads=threads)
    assert stream.events[1:] == [("body", b"abc", False), ("body", b"d", True), ("done",)]
    assert (body.given, body.closed) == (2, 1)
    assert ["beyond" in text for _, text in stream.notes] == [True]  # type: ignore[attr-defined]
    body = Body(b"abcd", b"never")
    answer(app_of(body, headers=[("Content-Length", "4")]), threads=threads)
    assert body.given == 1
    assert (
        answer(app_of([b"abcdef"], headers=[("Content-Length", "4")]), threads=threads).sent
        == b"abcd"
    )


@BOTH
def test_too_little_output_is_a_cut(threads: int) -> None:
    """A13: a declared length that is missed shows on the wire and in the log."""
    stream = answer(app_of([b"abc"], headers=[("Content-Length", "4")]), threads=threads)
    assert stream.names() == ["head", "body", "reset", "done"]
    assert "declared a content-length of 4" in str(stream.failures[0])  # type: ignore[attr-defined]


@BOTH
@pytest.mark.parametrize("result", [[b"hello"], [b"hel", b"lo"], (b"hello",)])
def test_head_has_no_body(result: Any, threads: int) -> None:
    """RFC 9110 9.3.2: and the same length as GET, where that is known."""
    stream = answer(app_of(result, headers=[]), "HEAD", threads=threads)
    length = {b"content-length": b"5"} if len(result) == 1 else {}
    assert (stream.headers, stream.sent, stream.names()) == (length, b"", ["head", "body", "done"])
    assert stream.events[0][3] is True


@BOTH
def test_head_asks_for_one_block_only_and_forgives_a_missed_length(threads: int) -> None:
    """An iterable may be endless."""
    body = Body(b"a", b"b")
    answer(app_of(body), "HEAD", threads=threads)
    assert (body.given, body.closed) == (1, 1)
    stream = answer(app_of([], headers=[("Content-Length", "5")]), "HEAD", threads=threads)
    assert (stream.status, stream.headers[b"content-length"]) == (200, b"5")


@BOTH
@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_statuses_without_body_have_none(status: str, threads: int) -> None:
    """RFC 9110 15.3.5, 15.4.5: neither body nor a length made up from it."""
    stream = answer(app_of([b"x"], status, []), threads=threads)
    assert (stream.sent, stream.headers, stream.names()) == (b"", {}, ["head", "body", "done"])


@BOTH
def test_write_comes_before_the_iterable(threads: int) -> None:
    """PEP-08, PEP-22."""

    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [])
        write(b"a")
        write(b"")
        write(b"b")
        return [b"c"]

    stream = answer(app, threads=threads)
    assert (stream.sent, stream.names()) == (
        b"abc",
        ["head", "body", "body", "body", "body", "done"],
    )


@BOTH
@pytest.mark.parametrize("data", ["text", bytearray(b"x"), b"abcde"])
def test_write_raises_what_is_wrong_in_the_application(data: Any, threads: int) -> None:
    """PEP-19, and bytes beyond the declared length (A02)."""
    seen = []

    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [("Content-Length", "4")])
        with pytest.raises(MessageError) as caught:
            write(data)
        seen.append(caught.value)
        write(b"fine")
        return []

    assert answer(app, threads=threads).sent == b"fine"
    assert len(seen) == 1


@BOTH
def test_a_header_that_the_stream_refuses_comes_back_out_of_write(threads: int) -> None:
    """A01: it is logged once, answered with 500, and no later block goes out."""
    seen = []

    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [("X", "a\r\nSet-Cookie: evil")])
        try:
            write(b"a" * 70_000)
            write(b"b")
        except MessageError as exc:
            seen.append(exc)
            raise
        return []

    stream = answer(app, threads=threads)
    assert (stream.status, stream.sent, len(seen)) == (500, b"Internal Server Error", 1)
    assert stream.failures == seen  # type: ignore[attr-defined]


@BOTH
def test_wsgiref_finds_nothing_to_complain_of(threads: int) -> None:
    """PEP-02 to PEP-08: environ, input and errors as the standard library's validator wants them."""

    @validator
    def app(environ: Any, start_response: Any) -> Any:
        body = (
            environ["wsgi.input"].read(3)
            + environ["wsgi.input"].readline()
            + environ["wsgi.input"].read(100)
        )
        environ["wsgi.errors"].write("a line\n")
        environ["wsgi.errors"].flush()
        start_response(
            "200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        )
        return [body]

    bench = Bench(app, threads=threads)
    exchange = bench.request("POST", length=12)
    exchange.on_body(b"abcdef\n", False)
    exchange.on_body(b"ghijk", True)
    stream = bench.work()
    assert (bench.failures, stream.status, stream.sent) == ([], 200, b"abcdef\nghijk")
    assert ("error", "a line") in bench.notes


@BOTH
def test_what_is_left_of_a_line_in_wsgi_errors_is_logged_at_the_end(threads: int) -> None:
    """It must not run into the next request's."""
    bench = Bench(
        lambda environ, start: (
            environ["wsgi.errors"].write("half") and app_of([b"x"])(environ, start)
        ),
        threads=threads,
    )
    bench.request()
    bench.work()
    assert bench.notes == [("error", "half")]


@BOTH
def test_each_request_runs_in_its_own_copy_of_the_context(threads: int) -> None:
    """What lifespan has set is seen, what a request sets is gone; also close() and late blocks see the request's."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    seen = []

    class Closing(Body):
        def close(self) -> None:
            seen.append(variable.get())

    def app(environ: Any, start_response: Any) -> Any:
        seen.append(variable.get())
        variable.set("request's")
        start_response("200 OK", [])
        return Closing(b"a", b"b")

    bench = Bench(app, threads=threads)
    bench.service.context.run(variable.set, "lifespan's")
    for _ in range(2):
        bench.request()
        bench.work()
    assert seen == ["lifespan's", "request's"] * 2
    assert variable.get() == "none"


def test_a_thread_waits_while_the_client_is_slow() -> None:
    """Backpressure: never more than the stream takes and 64 KiB beyond wait to be sent."""
    bench = Bench(app_of(Body(*[b"x" * 10_000] * 40)))
    bench.stream.full_after = 50_000
    highest = 0

    def take() -> None:
        nonlocal highest
        highest = max(highest, bench.stream.waiting)
        bench.stream.take()

    bench.on_wait = take
    bench.request()
    bench.work()
    assert len(bench.stream.sent) == 400_000
    assert bench.waits > 2
    assert highest < 50_000 + 65_536 + 10_000


def test_a_client_that_leaves_ends_an_endless_generator() -> None:
    """A13, PEP-13: the next block raises, the generator is closed where it stands."""
    seen = []

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 30_000
        finally:
            seen.append("closed")

    bench = Bench(app)
    bench.stream.full_after = 1
    bench.on_wait = lambda: bench.exchange.on_disconnect("lost", True)
    bench.request()
    bench.work()
    assert seen == ["closed"]
    assert bench.failures == []
    assert set(bench.stream.names()[1:-1]) == {"body"}
    assert bench.stream.names()[-1] == "done"


def test_write_raises_an_oserror_once_the_client_is_gone() -> None:
    """HTTP-DISC-06 for WSGI."""
    seen = []

    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [])
        write(b"a")
        bench.exchange.on_disconnect("lost", True)
        try:
            write(b"b")
        except OSError as exc:
            seen.append(type(exc))
            raise
        return []

    bench = Bench(app)
    bench.request()
    bench.work()
    assert seen == [ClientDisconnected]
    assert (bench.failures, bench.stream.names()) == ([], ["done"])


def test_inline_an_iterable_is_suspended_while_the_client_is_slow() -> None:
    """--threads 0: the loop is not held, and goes on where it was when the client has read."""
    body = Body(*[b"x" * 1000] * 10)
    bench = Bench(app_of(body), threads=0)
    bench.stream.full_after = 1500
    bench.request()
    bench.work()
    assert body.given == 2
    bench.stream.full_after = -1
    bench.stream.take()
    bench.work()
    assert (body.given, body.closed, len(bench.stream.sent)) == (10, 1, 10_000)
    assert bench.stream.names()[-1] == "done"


def test_inline_an_iterable_that_never_waits_lets_the_loop_turn() -> None:
    """--threads 0: after some blocks, or some bytes."""
    for blocks in ([b"x"] * 1000, [b"x" * 100_000] * 20):
        body = Body(*blocks)
        bench = Bench(app_of(body), threads=0)
        bench.request()
        assert 0 < body.given < len(blocks)
        bench.work()
        assert (body.given, body.closed) == (len(blocks), 1)


def test_inline_a_client_that_leaves_closes_what_was_suspended() -> None:
    """--threads 0, PEP-13."""
    body = Body(*[b"x" * 1000] * 10)
    bench = Bench(app_of(body), threads=0)
    bench.stream.full_after = 0
    bench.request()
    bench.work()
    bench.exchange.on_disconnect("lost", True)
    bench.work()
    assert (body.given, body.closed, bench.stream.names()[-1]) == (1, 1, "done")
    assert bench.failures == []


def test_inline_write_cannot_wait_so_it_is_bounded() -> None:
    """--threads 0: what write() piles up for a slow client has a limit, and the error says what to do."""

    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [])
        while True:
            write(b"x" * 65_536)

    bench = Bench(app, threads=0)
    bench.stream.full_after = 0
    bench.request()
    bench.work()
    assert "--threads 1" in str(bench.failures[0])
    assert len(bench.stream.sent) <= INLINE_WRITE_BYTES_MAX + 65_536
    assert bench.stream.names()[-2:] == ["reset", "done"]


@pytest.fixture
def ten_bytes(tmp_path: Path) -> Path:
    """A file."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    return path


def file_app(path: Path, headers: list[tuple[str, str]], opened: list[Any], skip: int = 0) -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        file = path.open("rb")
        file.read(skip)
        opened.append(file)
        start_response("200 OK", list(headers))
        return environ["wsgi.file_wrapper"](file)

    return app


@BOTH
def test_a_file_is_sent_by_its_descriptor(ten_bytes: Path, threads: int) -> None:
    """PEP-20: from its position on, with its length; closed when it is sent, and no thread waits for that."""
    opened: list[Any] = []
    bench = Bench(file_app(ten_bytes, [], opened, skip=3), threads=threads)
    future = bench.stream.future = FakeFuture()
    bench.request()
    bench.work()
    file = opened[0]
    assert bench.stream.events == [
        ("head", 200, [(b"content-length", b"7")], False),
        ("file", file.fileno(), 3, 7, True),
    ]
    assert not file.closed
    future.finish()
    bench.work()
    assert file.closed
    assert bench.stream.names() == ["head", "file", "done"]
    assert bench.exchange.sent_bytes == 7


@BOTH
def test_a_file_that_is_sent_at_once_is_closed_at_once(ten_bytes: Path, threads: int) -> None:
    """The stream may be done with it when it returns; the declared length counts."""
    opened: list[Any] = []
    stream = answer(file_app(ten_bytes, [("Content-Length", "4")], opened), threads=threads)
    assert (stream.names(), stream.events[1][2:]) == (["head", "file", "done"], (0, 4, True))
    assert opened[0].closed


@BOTH
def test_a_file_shorter_than_declared_is_a_500(ten_bytes: Path, threads: int) -> None:
    """It is known before a byte has left."""
    opened: list[Any] = []
    stream = answer(file_app(ten_bytes, [("Content-Length", "11")], opened), threads=threads)
    assert (stream.status, opened[0].closed) == (500, True)


@BOTH
def test_head_of_a_file_has_its_length(ten_bytes: Path, threads: int) -> None:
    """And nothing of the file."""
    opened: list[Any] = []
    stream = answer(file_app(ten_bytes, [], opened), "HEAD", threads=threads)
    assert (stream.headers, stream.names(), opened[0].closed) == (
        {b"content-length": b"10"},
        ["head", "body", "done"],
        True,
    )


@BOTH
def test_a_file_for_a_client_that_left_is_closed(ten_bytes: Path, threads: int) -> None:
    """PEP-13."""
    opened: list[Any] = []
    bench = Bench(
        lambda environ, start: bench.exchange.on_disconnect("lost", True) or app(environ, start),
        threads=threads,
    )
    app = file_app(ten_bytes, [], opened)
    bench.request()
    bench.work()
    assert (opened[0].closed, bench.stream.names()) == (True, ["done"])


@BOTH
def test_what_is_no_plain_file_is_read(threads: int) -> None:
    """PEP-20: the wrapper is an iterable like any other then, and closed like one."""
    source = io.BytesIO(b"abcde")

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](source, 2)

    stream = answer(app, threads=threads)
    assert (stream.sent, stream.names()[1:], source.closed) == (
        b"abcde",
        ["body"] * 4 + ["done"],
        True,
    )


def test_a_file_may_be_closed_before_the_thread_that_opened_it_is_back(ten_bytes: Path) -> None:
    """Loop and another thread can be that quick; the context of the request is not entered twice."""
    opened: list[Any] = []
    bench = Bench(file_app(ten_bytes, [], opened))
    bench.pool.post = lambda exchange: exchange.deliver()
    bench.pool.resubmit = lambda exchange: exchange.run()
    bench.request()
    bench.work()
    assert opened[0].closed
    assert (bench.failures, bench.stream.names()) == ([], ["head", "file", "done"])
