"""WSGI applications as ASGI ones: PEP 3333's duties, streaming, and what asgiref gets wrong."""

import asyncio
import gc
import sys
import threading
import weakref
from contextvars import ContextVar
from typing import Any
from wsgiref.validate import validator

import pytest

from penstock.bridge import async_to_sync, is_double_callable, wsgi
from penstock.bridge.wsgi import WsgiToAsgi
from penstock.errors import MessageError
from tests.bridge.calls import DEADLINE_S, Client, ask, request, run, scope_of

VARIABLE: ContextVar[str] = ContextVar("variable", default="unset")
PLAIN = [("Content-Type", "text/plain")]


@pytest.fixture(autouse=True)
def _adapters_end(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = []
    original = wsgi.Threads

    def threads(*args: Any) -> Any:
        made.append(original(*args))
        return made[-1]

    monkeypatch.setattr(wsgi, "Threads", threads)
    yield
    for each in made:
        for thread in each.stop():
            thread.join()


def environ_for(scope: dict[str, Any], *events: Any) -> dict[str, Any]:
    """The environ that an application gets."""
    found: list[dict[str, Any]] = []

    def app(environ: Any, start_response: Any) -> Any:
        assert type(environ) is dict
        found.append(environ.copy())
        environ.clear()  # it is the application's own (PEP-01)
        start_response("204 No Content", [])
        return []

    ask(WsgiToAsgi(validator(app) if not events else app), scope, *events)
    return found[0]


def answering(*blocks: bytes, status: str = "200 OK", headers: Any = PLAIN) -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, list(headers))
        return list(blocks)

    return app


def test_wsgi_01_the_application_runs_beside_the_loop() -> None:
    go_on = threading.Event()
    threads = []

    def app(environ: Any, start_response: Any) -> Any:
        threads.append(threading.get_ident())
        assert go_on.wait(DEADLINE_S)
        start_response("200 OK", PLAIN)
        return [b"slept"]

    async def main() -> None:
        client = Client()
        task = asyncio.create_task(WsgiToAsgi(app)(scope_of(), client.receive, client.send))
        await asyncio.sleep(0.001)
        go_on.set()
        await task
        assert client.body == b"slept"

    run(main())
    assert threads != [threading.get_ident()]


def test_wsgi_02_04_11_pep_01_to_04_the_environ_says_what_the_scope_says() -> None:
    environ = environ_for(
        scope_of(
            "/app/é%/b",
            method="POST",
            root_path="/app",
            raw_path=b"/app/%C3%A9%25/b",
            query_string=b"q=1",
            scheme="https",
            headers=[
                (b"Content-Type", b"text/x"),
                (b"content-length", b"0"),
                (b"X-Some-Thing", b"\xe9"),
            ],
        )
    )
    expected = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/app",
        "PATH_INFO": "/é%/b".encode().decode("latin-1"),
        "QUERY_STRING": "q=1",
        "REQUEST_URI": "/app/%C3%A9%25/b?q=1",
        "CONTENT_TYPE": "text/x",
        "CONTENT_LENGTH": "0",
        "HTTP_X_SOME_THING": "\xe9",
        "SERVER_NAME": "192.0.2.1",
        "SERVER_PORT": "8000",
        "REMOTE_ADDR": "192.0.2.7",
        "REMOTE_PORT": "4711",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "https",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    assert {key: environ[key] for key in expected} == expected
    assert environ["asgi.scope"]["path"] == "/app/é%/b"


@pytest.mark.parametrize(
    "root_path, path, script_name, path_info",
    [
        ("/a", "/a/b", "/a", "/b"),
        ("/a", "/ab", "/a", "/ab"),
        ("/a", "/a", "/a", ""),
        ("/a/", "/a/b", "/a", "/b"),
        ("/", "/b", "", "/b"),
        ("", "/", "", "/"),
    ],
)
def test_wsgi_03_pep_03_the_root_path_is_taken_off_at_a_slash(
    root_path: str, path: str, script_name: str, path_info: str
) -> None:
    environ = environ_for(scope_of(path, root_path=root_path))
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script_name, path_info)


def test_wsgi_05_pep_10_status_and_every_header_value_are_kept() -> None:
    headers = [("X-A", "1"), ("x-a", "\xe9"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    start, _ = ask(WsgiToAsgi(answering(b"x", status="404 Whatever", headers=headers)))
    assert start["status"] == 404
    assert start["headers"] == [
        (b"x-a", b"1"),
        (b"x-a", b"\xe9"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"content-length", b"1"),
    ]


def test_wsgi_06_19_each_block_is_a_message_and_an_empty_one_ends_them() -> None:
    bodies = ask(WsgiToAsgi(answering(b"a", b"b")))[1:]
    assert [(each["body"], each["more_body"]) for each in bodies] == [
        (b"a", True),
        (b"b", True),
        (b"", False),
    ]
    assert [each["type"] for each in ask(WsgiToAsgi(answering()))] == [
        "http.response.start",
        "http.response.body",
    ]


@pytest.mark.parametrize("length", [True, False])
def test_wsgi_07_pep_05_the_input_is_the_whole_body(length: bool) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        body = environ["wsgi.input"]
        start_response("200 OK", PLAIN)
        found = [body.read(2), body.readline(), body.read(0), *body, body.read(9), body.read(9)]
        return [b"|".join(found)]

    headers = [(b"content-length", b"11")] if length else []
    events = request(b"ab", True), request(b"c\nd", True), request(b"e\nfg\n\n")
    sent = ask(WsgiToAsgi(app), scope_of(headers=headers), *events)
    assert sent[1]["body"] == b"ab|c\n||de\n|fg\n|\n||"


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_wsgi_08_other_scopes_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=kind):
        ask(WsgiToAsgi(answering()), {"type": kind})


@pytest.mark.parametrize(
    "server, client, named, remote",
    [
        (None, None, ("localhost", "80"), ""),
        (("/run/socket", None), None, ("localhost", "80"), ""),
        (["192.0.2.1", "8000"], ["192.0.2.7", "1"], ("192.0.2.1", "8000"), "192.0.2.7"),
    ],
)
def test_wsgi_09_addresses_may_be_missing(
    server: Any, client: Any, named: Any, remote: str
) -> None:
    environ = environ_for(scope_of(server=server, client=client))
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == named
    assert environ["REMOTE_ADDR"] == remote


def test_wsgi_10_12_13_repeated_fields_underscores_and_any_query() -> None:
    headers = [
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"x-a", b"1"),
        (b"x_a", b"forged"),
        (b"x-a", b"2"),
    ]
    environ = environ_for(scope_of(headers=headers, query_string=b"\xff"))
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_X_A"] == "1,2"
    assert environ["QUERY_STRING"] == "\xff"


@pytest.mark.parametrize("limit, values, status", [(100, 100, 200), (100, 101, 400), (2, 3, 400)])
def test_wsgi_14_too_many_values_of_a_field_are_a_400(limit: int, values: int, status: int) -> None:
    scope = scope_of(headers=[(b"x-a", b"1")] * values)
    start, body = ask(WsgiToAsgi(answering(b"x"), limit), scope)
    assert start["status"] == status
    assert (b"content-type", b"text/plain; charset=utf-8") in start["headers"] or status == 200
    assert body["body"] != b""


def test_wsgi_14_there_may_be_no_limit() -> None:
    scope = scope_of(headers=[(b"x-a", b"1")] * 200)
    assert ask(WsgiToAsgi(answering(b"x"), None), scope)[0]["status"] == 200


def test_wsgi_15_16_a_declared_length_cuts_and_only_the_last_counts() -> None:
    resumed = []

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", "100"), *PLAIN])
        try:
            raise KeyError
        except KeyError:
            start_response("200 OK", [("Content-Length", "4"), *PLAIN], sys.exc_info())
        yield b"123"
        yield b"456"
        resumed.append(True)

    sent = ask(WsgiToAsgi(app))
    assert b"".join(each["body"] for each in sent[1:]) == b"1234"
    assert (b"content-length", b"4") in sent[0]["headers"]
    assert resumed == []


def test_wsgi_17_a_large_upload_waits_for_the_application_and_is_not_kept() -> None:
    """While nobody reads, no more than the first 64 KiB is received."""
    begun, go_on = threading.Event(), threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        begun.set()
        assert go_on.wait(DEADLINE_S)
        count = sum(map(len, iter(lambda: environ["wsgi.input"].read(65536), b"")))
        start_response("200 OK", PLAIN)
        return [b"%d" % count]

    async def main() -> None:
        given = 0

        async def receive() -> Any:
            nonlocal given
            given += 1
            return request(bytes(16384), given < 64)

        client = Client()
        task = asyncio.create_task(WsgiToAsgi(app)(scope_of(), receive, client.send))
        while not begun.is_set():
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert given <= 5
        go_on.set()
        await task
        assert client.body == b"%d" % (64 * 16384)

    run(main())


def test_wsgi_18_a_client_that_leaves_before_its_body_is_whole_costs_no_call() -> None:
    called = []

    def app(environ: Any, start_response: Any) -> Any:
        called.append(1)
        return []

    disconnect = {"type": "http.disconnect"}
    assert ask(WsgiToAsgi(app), scope_of(), request(b"x", True), disconnect) == []
    assert called == []


def test_wsgi_20_the_adapter_is_a_single_callable() -> None:
    assert not is_double_callable(WsgiToAsgi(answering()))


def test_pep_02_05_06_the_validator_has_no_complaint() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        body = environ["wsgi.input"].read(100)
        environ["wsgi.errors"].write("")
        environ["wsgi.errors"].writelines([])
        environ["wsgi.errors"].flush()
        start_response("200 OK", PLAIN)
        return [body, b"", b"!"]

    scope = scope_of("/x", method="POST", headers=[(b"content-length", b"3")])
    sent = ask(WsgiToAsgi(validator(app)), scope, request(b"abc"))
    assert b"".join(each["body"] for each in sent[1:]) == b"abc!"


def test_pep_08_22_write_comes_before_the_iterable() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", PLAIN)
        write(b"a")
        return [b"b"]

    assert [each.get("body") for each in ask(WsgiToAsgi(app))] == [None, b"a", b"b", b""]


def test_pep_11_12_headers_wait_for_the_first_block_and_may_be_replaced_until_then() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        yield b""
        try:
            raise KeyError
        except KeyError:
            start_response("500 Oh", PLAIN, sys.exc_info())
        yield b"x"
        try:
            raise ValueError("too late")
        except ValueError:
            start_response("500 Oh", PLAIN, sys.exc_info())

    client = Client()

    async def main() -> None:
        await WsgiToAsgi(app)(scope_of(), client.receive, client.send)

    with pytest.raises(ValueError, match="too late"):
        run(main())
    assert [each.get("status", each.get("body")) for each in client.sent] == [500, b"x"]


def faulty(kind: str) -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        if kind == "twice":
            start_response("200 OK", PLAIN)
        if kind != "none":
            start_response("200" if kind == "status" else "200 OK", HEADERS.get(kind, PLAIN))
        return ["x"] if kind == "str" else [b"x"]

    return app


HEADERS = {
    "hop": [("Connection", "close")],
    "wide": [("X-A", "\u20ac")],
    "length": [("Content-Length", "x")],
}


@pytest.mark.parametrize("kind", ["twice", "none", "status", "str", "hop", "wide", "length"])
def test_pep_09_12_16_17_19_what_breaks_the_rules_raises_and_nothing_is_sent(kind: str) -> None:
    client = Client()

    async def main() -> None:
        await WsgiToAsgi(faulty(kind))(scope_of(), client.receive, client.send)

    with pytest.raises(MessageError):
        run(main())
    assert client.sent == []


class Closing:
    """An endless iterable that notes its end."""

    def __init__(self, fails_after: int = -1, ends_after: int = -1) -> None:
        self.closed = 0
        self.count = 0
        self.fails_after = fails_after
        self.ends_after = ends_after
        self.event = threading.Event()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> bytes:
        if self.count == self.fails_after:
            raise KeyError("while iterating")
        if self.count == self.ends_after:
            raise StopIteration
        self.count += 1
        return bytes(1024)

    def close(self) -> None:
        self.closed += 1
        self.event.set()


def test_pep_13_close_is_called_once_at_the_end_and_on_failure() -> None:
    ends = Closing(ends_after=3)
    ask(WsgiToAsgi(ends))
    fails = Closing(fails_after=3)
    with pytest.raises(KeyError, match="while iterating"):
        ask(WsgiToAsgi(fails))
    assert (ends.closed, fails.closed) == (1, 1)


@pytest.mark.parametrize("way", ["send raises", "receive says so", "the call is cancelled"])
def test_pep_13_close_is_called_when_the_client_leaves(way: str) -> None:
    app = Closing()

    async def main() -> None:
        enough = asyncio.Event()

        async def on_send(message: Any) -> None:
            if len(client.sent) > 10:
                enough.set()
                if way == "send raises":
                    raise OSError("gone")
                if way == "receive says so":
                    client.leave()
            await asyncio.sleep(0)

        client = Client(on_send=on_send)
        task = asyncio.create_task(WsgiToAsgi(app)(scope_of(), client.receive, client.send))
        await enough.wait()
        if way == "the call is cancelled":
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.gather(task, return_exceptions=True)
        while not app.event.is_set():
            await asyncio.sleep(0)

    run(main())
    assert app.closed == 1


def test_what_else_send_raises_comes_out_after_the_application_has_ended() -> None:
    app = Closing()

    async def main() -> None:
        async def on_send(message: Any) -> None:
            raise KeyError("a middleware's")

        client = Client(on_send=on_send)
        await WsgiToAsgi(app)(scope_of(), client.receive, client.send)

    with pytest.raises(KeyError, match="a middleware's"):
        run(main())
    assert app.closed == 1


def test_pep_14_a_block_is_handed_on_before_the_next_is_made_and_a_slow_client_holds_it_up() -> (
    None
):
    app = Closing(ends_after=1000)

    async def main() -> None:
        go_on = asyncio.Event()

        async def on_send(message: Any) -> None:
            await go_on.wait()

        client = Client(on_send=on_send)
        task = asyncio.create_task(WsgiToAsgi(app)(scope_of(), client.receive, client.send))
        before = -1
        while before != app.count or not app.count:
            before = app.count
            await asyncio.sleep(0.02)
        assert app.count < 300
        go_on.set()
        await task
        assert len(client.body) == 1000 * 1024

    run(main())


def test_the_first_block_arrives_while_the_second_waits() -> None:
    """PEP-14, PEP-15: and start_response may come as late as the first block."""
    go_on = threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        yield b"first"
        assert go_on.wait(DEADLINE_S)
        yield b"second"

    async def main() -> None:
        async def on_send(message: Any) -> None:
            if message.get("body") == b"first":
                go_on.set()

        client = Client(on_send=on_send)
        await WsgiToAsgi(app)(scope_of(), client.receive, client.send)
        assert client.body == b"firstsecond"

    run(main())


def test_a_body_is_read_while_an_answer_is_written() -> None:
    """An echo of more than all buffers hold, whose client reads before it writes on."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        while data := environ["wsgi.input"].read(32768):
            yield data

    async def main() -> None:
        room = asyncio.Semaphore(4)
        count = 0

        async def receive() -> Any:
            nonlocal count
            await room.acquire()
            count += 1
            return request(bytes(32768), count < 50)

        async def on_send(message: Any) -> None:
            if message.get("body"):
                room.release()

        client = Client(on_send=on_send)
        await WsgiToAsgi(app)(scope_of(), receive, client.send)
        assert len(client.body) == 50 * 32768

    run(main())


def test_head_and_204_have_no_body_and_no_invented_length() -> None:
    sent = ask(WsgiToAsgi(answering(b"body")), scope_of(method="HEAD"))
    assert (b"content-length", b"4") in sent[0]["headers"]
    assert [each["body"] for each in sent[1:]] == [b""]
    sent = ask(WsgiToAsgi(answering(status="204 No Content", headers=[])))
    assert sent[0]["headers"] == []


def test_expect_100_the_application_runs_before_the_body_is_asked_for() -> None:
    """PEP-21: so that it can refuse it."""
    asked = []

    async def main() -> None:
        async def receive() -> Any:
            asked.append(1)
            return request(b"x" * 5)

        client = Client()
        scope = scope_of(headers=[(b"content-length", b"5"), (b"expect", b"100-continue")])
        await WsgiToAsgi(answering(b"no", status="413 Too Large"))(scope, receive, client.send)
        assert client.sent[0]["status"] == 413

    run(main())
    assert len(asked) <= 1


def test_sync_24_async_to_sync_in_the_application_finds_the_servers_loop() -> None:
    found = []

    async def where() -> Any:
        return asyncio.get_running_loop(), VARIABLE.get()

    def app(environ: Any, start_response: Any) -> Any:
        found.append(async_to_sync(where)())
        start_response("200 OK", PLAIN)
        return [b""]

    async def main() -> None:
        VARIABLE.set("set by a middleware")
        client = Client()
        await WsgiToAsgi(app)(scope_of(), client.receive, client.send)
        assert found == [(asyncio.get_running_loop(), "set by a middleware")]

    run(main())


def test_a_failing_receive_is_a_client_that_is_gone() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        environ["wsgi.input"].read(100000)
        return []

    async def main() -> None:
        count = 0

        async def receive() -> Any:
            nonlocal count
            count += 1
            if count > 1:
                raise KeyError("a middleware's")
            return request(bytes(65536), True)

        await WsgiToAsgi(app)(scope_of(), receive, Client().send)

    with pytest.raises(KeyError, match="a middleware's"):
        run(main())


def test_requests_leave_no_cycles_behind() -> None:
    class Environ(dict[str, Any]):
        pass

    async def main() -> None:
        bridge = WsgiToAsgi(answering(b"x"))
        client = Client()
        gc.disable()
        try:
            scope = Environ(scope_of())
            seen = weakref.ref(scope)
            await bridge(scope, client.receive, client.send)
            del scope
            await bridge(scope_of(), Client().receive, client.send)
            assert seen() is None
        finally:
            gc.enable()

    run(main())


def test_threads_must_be_some_and_end_with_close() -> None:
    with pytest.raises(ValueError, match="threads must be 1 or more"):
        WsgiToAsgi(answering(), threads=0)
    bridge = WsgiToAsgi(answering(b"x"), threads=1)
    ask(bridge)
    bridge.close()
    assert "penstock-wsgi-bridge-1" not in {thread.name for thread in threading.enumerate()}
    assert ask(bridge)[0]["status"] == 200
