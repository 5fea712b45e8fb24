"""ASGI applications as WSGI ones, under PEP 3333's validator."""

import asyncio
import io
import logging
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from penstock.bridge.asgi import AsgiToWsgi
from penstock.errors import MessageError, StartupError
from tests.bridge.calls import DEADLINE_S, call, environ_of

VARIABLE: ContextVar[str] = ContextVar("variable", default="unset")
PLAIN = (b"content-type", b"text/plain")


@pytest.fixture
def adapted() -> Iterator[Any]:
    """Makes adapters, and ends them."""
    made = []

    def adapt(app: Any, **options: Any) -> AsgiToWsgi:
        made.append(AsgiToWsgi(app, **{"lifespan": "off", **options}))
        return made[-1]

    yield adapt
    for each in made:
        each.close()


async def answer(send: Any, *blocks: bytes, status: int = 200, headers: Any = (PLAIN,)) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    for block in blocks:
        await send({"type": "http.response.body", "body": block, "more_body": True})
    await send({"type": "http.response.body"})


async def body_of(receive: Any) -> bytes:
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body", False):
            return body


def scope_for(adapted: Any, environ: dict[str, Any]) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope)
        await answer(send)

    call(adapted(app), environ)
    return found[0]


def test_the_scope_says_what_the_environ_says(adapted: Any) -> None:
    scope = scope_for(
        adapted,
        environ_of(
            b"abc",
            REQUEST_METHOD="POST",
            SCRIPT_NAME="/caf\xc3\xa9",
            PATH_INFO="/a b\xff",
            QUERY_STRING="q=1",
            CONTENT_TYPE="text/x",
            HTTP_X_SOME_THING="\xe9",
            SERVER_NAME="example.test",
            SERVER_PORT="8443",
            SERVER_PROTOCOL="HTTP/1.0",
            REMOTE_PORT="4711",
            **{"wsgi.url_scheme": "https"},
        ),
    )
    expected = {
        "type": "http",
        "method": "POST",
        "root_path": "/café",
        "path": "/café/a b\ufffd",
        "raw_path": b"/caf%C3%A9/a%20b%FF",
        "query_string": b"q=1",
        "scheme": "https",
        "http_version": "1.0",
        "client": ("192.0.2.7", 4711),
        "server": ("example.test", 8443),
    }
    assert {key: scope[key] for key in expected} == expected
    headers = dict(scope["headers"])
    assert headers[b"x-some-thing"] == b"\xe9"
    assert (headers[b"content-type"], headers[b"content-length"]) == (b"text/x", b"3")


@pytest.mark.parametrize(
    "target, raw_path",
    [("/a%2Fb?q", b"/a%2Fb"), ("/other", b"/a/b"), ("http://x/a/b", b"/a/b"), ("/\xe9", b"/a/b")],
)
def test_the_path_is_as_received_where_the_server_says_so(
    adapted: Any, target: str, raw_path: bytes
) -> None:
    scope = scope_for(adapted, environ_of(PATH_INFO="/a/b", REQUEST_URI=target, REMOTE_ADDR=""))
    assert (scope["raw_path"], scope["path"], scope["client"]) == (raw_path, "/a/b", None)
    protocols = {"HTTP/1.1": "1.1", "HTTP/2": "2", "HTTP/2.0": "2", "": "1.1"}
    for said, version in protocols.items():
        assert scope_for(adapted, environ_of(SERVER_PROTOCOL=said))["http_version"] == version


def test_status_and_every_header_value_are_kept_and_framing_is_the_servers(adapted: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [
            PLAIN,
            (b"set-cookie", b"a"),
            (b"set-cookie", b"\xe9"),
            (b"Transfer-Encoding", b"chunked"),
            (b"connection", b"close"),
        ]
        await answer(send, b"a", b"", b"b", status=299, headers=headers)

    status, headers, body = call(adapted(app))
    assert status == "299 Unknown"
    assert headers == [
        ("content-type", "text/plain"),
        ("set-cookie", "a"),
        ("set-cookie", "\xe9"),
    ]
    assert body == b"ab"


def test_the_body_is_read_as_the_application_asks_for_it(adapted: Any) -> None:
    sizes = []

    class Input(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            sizes.append(size)
            return super().read(size)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert sizes == []
        await answer(send, b"%d" % len(await body_of(receive)))

    environ = environ_of(bytes(150_000))
    environ["wsgi.input"] = Input(bytes(150_000) + b"the next request")
    assert call(adapted(app), environ)[2] == b"150000"
    assert sizes == [65536, 65536, 150_000 - 2 * 65536]


def test_a_body_without_length_ends_where_the_server_ends_it(adapted: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, await body_of(receive))

    environ = environ_of(CONTENT_LENGTH="")
    environ["wsgi.input"] = io.BytesIO(b"chunked")
    assert call(adapted(app), dict(environ))[2] == b""
    assert call(adapted(app), {**environ, "wsgi.input_terminated": True})[2] == b"chunked"


@pytest.mark.parametrize("fails", [True, False])
def test_a_body_that_breaks_off_is_a_disconnect(adapted: Any, fails: bool) -> None:
    class Input(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if fails:
                raise OSError("gone")
            return super().read(size)

    events = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while not events or events[-1] != "http.disconnect":
            events.append((await receive())["type"])

    environ = environ_of(CONTENT_LENGTH="9")
    environ["wsgi.input"] = Input(b"abc")
    with pytest.raises(OSError, match="broke off"):
        call(adapted(app), environ)
    assert events[-1] == "http.disconnect"


def test_pep_14_blocks_are_handed_on_at_once_and_a_slow_server_holds_the_application_up(
    adapted: Any,
) -> None:
    sent = []
    ended = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [PLAIN]})
        for number in range(100):
            await send({"type": "http.response.body", "body": bytes(16384), "more_body": True})
            sent.append(number)
        await send({"type": "http.response.body"})
        ended.set()

    response: Any = adapted(app)(environ_of(), lambda status, headers: None)
    blocks = iter(response)
    size = len(next(blocks))
    before = -1
    while before != len(sent):
        before = len(sent)
        ended.wait(0.02)
    assert len(sent) < 10
    assert size + sum(map(len, blocks)) == 100 * 16384
    assert ended.wait(DEADLINE_S)
    response.close()


def test_pep_13_a_server_that_closes_early_is_a_client_that_has_left(adapted: Any) -> None:
    told: list[Any] = []
    ended = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            while True:
                await receive() if not told else None
                await answer_block(send, told)
        except OSError as error:
            told.append((await receive())["type"])
            told.append(type(error).__name__)
        ended.set()

    async def answer_block(send: Any, told: list[Any]) -> None:
        if not told:
            told.append("started")
            await send({"type": "http.response.start", "status": 200, "headers": [PLAIN]})
        await send({"type": "http.response.body", "body": bytes(32768), "more_body": True})

    response: Any = adapted(app)(environ_of(), lambda status, headers: None)
    next(iter(response))
    response.close()
    response.close()
    assert ended.wait(DEADLINE_S)
    assert told == ["started", "http.disconnect", "ClientDisconnected"]


def test_what_the_application_raises_comes_out_and_later_ones_are_logged(
    adapted: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/middle":
            await send({"type": "http.response.start", "status": 200, "headers": [PLAIN]})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        if scope["path"] == "/after":
            await answer(send, b"whole")
        raise KeyError(scope["path"])

    bridge = adapted(app)
    with pytest.raises(KeyError, match="/before"):
        call(bridge, environ_of(PATH_INFO="/before"))
    response: Any = bridge(environ_of(PATH_INFO="/middle"), lambda status, headers: None)
    with pytest.raises(KeyError, match="/middle"):
        list(response)
    assert call(bridge, environ_of(PATH_INFO="/after"))[2] == b"whole"
    bridge.close()
    assert "raised after its answer" in caplog.text


def test_an_answer_that_is_not_whole_is_cut_and_none_at_all_is_a_500(adapted: Any) -> None:
    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [PLAIN]})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})

    async def nothing(scope: Any, receive: Any, send: Any) -> None: ...

    response: Any = adapted(half)(environ_of(), lambda status, headers: None)
    with pytest.raises(MessageError, match="not whole"):
        list(response)
    assert call(adapted(nothing))[0] == "500 Internal Server Error"


@pytest.mark.parametrize(
    "start",
    [
        {"status": "200"},
        {"status": 100},
        {"status": 200, "headers": [(b"a", b"b\r\nc: d")]},
        {"status": 200, "headers": [("a", "b")]},
    ],
)
def test_wrong_messages_raise_in_the_application(adapted: Any, start: Any) -> None:
    raised = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send({"type": "http.response.start", **start})
        except Exception as error:
            raised.append(type(error))
        await answer(send, b"ok")

    assert call(adapted(app))[2] == b"ok"
    assert raised == [MessageError]


def test_a_start_response_that_raises_ends_the_request(adapted: Any) -> None:
    ended = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await answer(send, *[bytes(65536)] * 10)
        finally:
            ended.set()

    def refuse(status: str, headers: Any) -> None:
        raise AssertionError("refused")

    with pytest.raises(AssertionError, match="refused"):
        adapted(app)(environ_of(), refuse)
    assert ended.wait(DEADLINE_S)


def test_the_context_of_the_servers_thread_is_the_applications(adapted: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, VARIABLE.get().encode())

    token = VARIABLE.set("set by a middleware")
    try:
        assert call(adapted(app))[2] == b"set by a middleware"
    finally:
        VARIABLE.reset(token)


def test_head_has_no_body_and_asgi_2_applications_are_served(adapted: Any) -> None:
    class Double:
        def __init__(self, scope: Any) -> None: ...

        async def __call__(self, receive: Any, send: Any) -> None:
            headers = [PLAIN, (b"content-length", b"4")]
            await answer(send, b"body", headers=headers)

    bridge = adapted(Double)
    assert call(bridge)[2] == b"body"
    status, headers, body = call(bridge, environ_of(REQUEST_METHOD="HEAD"))
    assert (status, headers[1], body) == ("200 OK", ("content-length", "4"), b"")


def test_lifespan_begins_with_the_first_request_and_ends_with_close(adapted: Any) -> None:
    events = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                event = (await receive())["type"]
                scope["state"]["ready"] = "yes"
                events.append(event)
                await send({"type": f"{event}.complete"})
        else:
            await answer(send, scope["state"]["ready"].encode())

    bridge = adapted(app, lifespan="auto")
    assert events == []
    assert call(bridge)[2] == b"yes"
    assert call(bridge)[2] == b"yes"
    bridge.close()
    assert events == ["lifespan.startup", "lifespan.shutdown"]
    with pytest.raises(ValueError, match="lifespan must be"):
        adapted(app, lifespan="maybe")


def test_a_start_that_fails_raises_for_each_request(adapted: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError

    bridge = adapted(app, lifespan="on")
    for _ in range(2):
        with pytest.raises(StartupError, match="KeyError"):
            call(bridge)


def test_requests_of_many_threads_share_one_loop(adapted: Any) -> None:
    loops = []
    together = threading.Barrier(4, timeout=DEADLINE_S)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        loops.append(asyncio.get_running_loop())
        await answer(send)

    bridge = adapted(app)

    def use() -> None:
        together.wait()
        call(bridge)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loops) == 4
    assert len(set(map(id, loops))) == 1


def test_notes_go_to_the_bridges_logger(adapted: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    with caplog.at_level(logging.ERROR, "penstock.bridge"):
        call(adapted(app))
    assert [record.name for record in caplog.records] == ["penstock.bridge"]
