"""Where servers differ: what docs/asgi.md says that Penstock does, seen on the wire.

Each test has one line in that page. Whole servers on sockets, no fakes; the rules in detail are
tested with the conversations (tests/gateway).
"""

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import penstock

DEADLINE_S = 20.0
GET = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"ok"}
TRAILERS = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}

App = Callable[..., Awaitable[None]]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logging.getLogger("penstock").setLevel(logging.CRITICAL)


def running(make: Callable[[], Awaitable[Any]]) -> Any:
    """The result of a coroutine, within the deadline."""

    async def bounded() -> Any:
        async with asyncio.timeout(DEADLINE_S):
            return await make()

    return asyncio.run(bounded())


def serving(app: App, **options: Any) -> penstock.Server:
    return penstock.Server(app, **{"port": 0, "lifespan": "off", "loop": "asyncio", **options})


async def opened(server: penstock.Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = server.sockets[0].getsockname()[:2]
    return await asyncio.open_connection(host, port)


def answer(app: App, request: bytes = GET, **options: Any) -> bytes:
    """All that comes back for these bytes until the server closes."""

    async def ask() -> bytes:
        async with serving(app, **options) as server:
            reader, writer = await opened(server)
            writer.write(request)
            found = await reader.read()
            writer.close()
            await writer.wait_closed()
            return found

    found: bytes = running(ask)
    return found


class Told:
    """An application that keeps its scope and answers ok."""

    def __init__(self) -> None:
        self.scope: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        await send(START)
        await send(BODY)


# ------------------------------------------------------------------------------------ the scope


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_http_version_is_as_the_request_says(version: str) -> None:
    """AMB-S03: also "1.0", never "1"."""
    app = Told()
    answer(app, GET.replace(b"1.1", version.encode()))
    assert app.scope["http_version"] == version


def test_addresses_are_tuples_with_integer_ports() -> None:
    """AMB-S04."""
    app = Told()
    answer(app)
    for name in ("client", "server"):
        host, port = app.scope[name]
        assert (type(app.scope[name]), host, type(port)) == (tuple, "127.0.0.1", int)


def test_a_unix_socket_has_a_path_and_a_client_without_address(tmp_path: Path) -> None:
    """AMB-S04: server is (path, None), client is None."""
    app = Told()
    path = str(tmp_path / "s")

    async def ask() -> None:
        async with penstock.Server(app, uds=path, lifespan="off"):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(GET)
            await reader.read()
            writer.close()
            await writer.wait_closed()

    running(ask)
    assert (app.scope["server"], app.scope["client"]) == ((path, None), None)


@pytest.mark.parametrize("target", [b"/a%20b", b"/mnt/a%20b"])
def test_path_contains_the_root_path_once_and_raw_path_is_as_received(target: bytes) -> None:
    """AMB-S05, AMB-D10."""
    app = Told()
    answer(app, GET.replace(b"/ ", target + b" "), root_path="/mnt")
    assert (app.scope["path"], app.scope["raw_path"]) == ("/mnt/a b", target)
    assert app.scope["root_path"] == "/mnt"


def test_bytes_of_a_path_that_are_no_utf8_become_replacement_characters() -> None:
    """AMB-S06."""
    app = Told()
    answer(app, GET.replace(b"/ ", b"/%ff ", 1))
    assert app.scope["path"] == "/\ufffd"
    assert answer(app, GET.replace(b"/ ", b"/\xff ", 1)).startswith(b"HTTP/1.1 400 ")


def test_request_headers_stand_in_their_order_lower_case_and_nothing_is_joined() -> None:
    """AMB-S07, AMB-D08, AMB-D14: a list of pairs, repeated fields repeated."""
    app = Told()
    request = (
        b"GET / HTTP/1.1\r\nX-B: 1\r\nHost: x\r\nx_a: 2\r\nx-b: 3\r\nConnection: close\r\n\r\n"
    )
    answer(app, request)
    assert app.scope["headers"] == [
        (b"x-b", b"1"),
        (b"host", b"x"),
        (b"x_a", b"2"),
        (b"x-b", b"3"),
        (b"connection", b"close"),
    ]


def test_scopes_share_nothing_that_can_be_changed() -> None:
    """AMB-S34."""
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append("dirt" in scope["asgi"] or "dirt" in scope["extensions"])
        scope["asgi"]["dirt"] = scope["extensions"]["dirt"] = {}
        await send(START)
        await send(BODY)

    answer(app, GET.replace(b"connection: close\r\n", b"") + GET)
    assert seen == [False, False]


# -------------------------------------------------------------------------------------- receive


def test_an_empty_body_is_one_event() -> None:
    """AMB-S09."""
    events = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        events.append(await receive())
        await send(START)
        await send(BODY)

    answer(app)
    assert events == [{"type": "http.request", "body": b"", "more_body": False}]


def test_the_application_starts_before_the_body_is_whole_and_100_waits_for_receive() -> None:
    """AMB-S08, AMB-S11, AMB-D16."""

    async def ask() -> None:
        called, go_on = asyncio.Event(), asyncio.Event()
        sizes = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            called.set()
            await go_on.wait()
            more = True
            while more:
                message = await receive()
                sizes.append(len(message["body"]))
                more = message["more_body"]
            await send(START)
            await send(BODY)

        async with serving(app) as server:
            reader, writer = await opened(server)
            fields = b"content-length: 4\r\nexpect: 100-continue\r\n\r\n"
            writer.write(GET.replace(b"GET", b"POST")[:-2] + fields)
            await called.wait()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.05)
            go_on.set()
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"body")
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            writer.close()
            await writer.wait_closed()
        assert sum(sizes) == 4

    running(ask)


def test_what_came_of_the_body_is_delivered_before_the_disconnect() -> None:
    """AMB-S10."""

    async def ask() -> list[Any]:
        seen: list[Any] = []
        done = asyncio.Event()
        called = asyncio.Event()
        gone = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            called.set()
            await gone.wait()
            while not seen or seen[-1]["type"] != "http.disconnect":
                seen.append(await receive())
            done.set()

        async with serving(app) as server:
            _, writer = await opened(server)
            writer.write(GET.replace(b"GET", b"POST")[:-2] + b"content-length: 9\r\n\r\nsome")
            await called.wait()
            reset(writer)
            while server.worker is not None and server.worker.connections:
                await asyncio.sleep(0)
            gone.set()
            await done.wait()
        return seen

    seen = running(ask)
    assert seen == [
        {"type": "http.request", "body": b"some", "more_body": True},
        {"type": "http.disconnect"},
    ]


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with a reset."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def test_after_the_response_receive_says_disconnect_each_time() -> None:
    """AMB-S12, AMB-D03."""
    events = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(BODY)
        events.extend([await receive(), await receive()])

    answer(app)
    assert events == [{"type": "http.disconnect"}] * 2


def test_a_client_that_ends_its_side_is_a_disconnect_and_still_gets_the_answer() -> None:
    """A FIN is no death: `receive` says so, `send` works, nothing is cancelled."""

    async def ask() -> bytes:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            await send(START)
            await send(BODY)

        async with serving(app) as server:
            reader, writer = await opened(server)
            writer.write(GET)
            writer.write_eof()
            found = await reader.read()
            writer.close()
            await writer.wait_closed()
            return found

    assert running(ask).endswith(b"\r\n\r\nok")


# ----------------------------------------------------------------------------------------- send


def test_send_raises_an_oserror_once_the_client_is_gone() -> None:
    """AMB-S01, AMB-D01: also when the application never calls receive."""

    async def ask() -> BaseException:
        raised: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(START)
            try:
                while True:
                    await send({**BODY, "more_body": True})
                    await asyncio.sleep(0)
            except BaseException as exc:
                raised.set_result(exc)
                raise

        async with serving(app) as server:
            reader, writer = await opened(server)
            writer.write(GET)
            await reader.readuntil(b"ok")
            reset(writer)
            return await raised

    assert isinstance(running(ask), OSError)


def test_messages_after_the_end_are_ignored() -> None:
    """AMB-S13, AMB-D02: nothing raises, nothing reaches the wire."""
    raised = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        for _ in range(3):
            try:
                await send(BODY)
            except Exception as exc:
                raised.append(exc)

    found = answer(app)
    assert raised == []
    assert found.endswith(b"\r\n\r\nok")


def test_a_failure_between_start_and_body_is_a_500() -> None:
    """AMB-S14, AMB-D06: the head waits for the first body."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        raise ValueError

    assert answer(app).startswith(b"HTTP/1.1 500 ")


def test_a_head_whose_body_waits_leaves_soon() -> None:
    """AMB-S14: an event stream opens in the browser before its first event."""

    async def ask() -> None:
        go_on = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(START)
            await go_on.wait()
            await send(BODY)

        async with serving(app) as server:
            reader, writer = await opened(server)
            writer.write(GET)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            go_on.set()
            await reader.read()
            writer.close()
            await writer.wait_closed()

    running(ask)


@pytest.mark.parametrize("raises", [True, False])
def test_a_response_that_stops_in_the_middle_is_cut_not_finished(raises: bool) -> None:
    """AMB-S15: the client can tell, since the last chunk is missing."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({**BODY, "more_body": True})
        if raises:
            raise ValueError

    found = answer(app)
    assert found.endswith(b"2\r\nok\r\n")


def test_an_application_that_answers_nothing_is_a_500() -> None:
    """AMB-S16, AMB-D06."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        pass

    assert answer(app).startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize(
    "message, start",
    [
        ({"type": "http.response.body", "body": "text"}, True),
        ({"type": "http.response.body", "body": b"", "more_body": 1}, True),
        ({"type": "http.response.start", "status": "200"}, False),
        ({"type": "http.response.start", "status": 200, "headers": [("a", "b")]}, False),
        ({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b\r\nc: d")]}, False),
        ({"type": "http.response.nonsense"}, False),
    ],
)
def test_what_is_wrong_raises_in_the_application_before_it_reaches_the_wire(
    message: dict[str, Any], start: bool
) -> None:
    """AMB-S17, AMB-D16: and a right message may follow."""
    raised = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if start:
            await send(START)
        try:
            await send(message)
        except Exception as exc:
            raised.append(type(exc).__name__)
        if not start:
            await send({"type": "http.response.start", "status": 200})
        await send(BODY)

    assert answer(app).endswith(b"\r\n\r\nok")
    assert raised == ["MessageError"]


@pytest.mark.parametrize("version, framed", [(b"1.1", True), (b"1.0", False)])
def test_transfer_encoding_is_the_servers(version: bytes, framed: bool) -> None:
    """AMB-S18: the application's is dropped, and HTTP/1.0 clients get no chunks."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"transfer-encoding", b"chunked")]})
        await send({**BODY, "more_body": True})
        await send(BODY)

    head, _, body = answer(app, GET.replace(b"1.1", version)).partition(b"\r\n\r\n")
    assert head.lower().count(b"transfer-encoding") == framed
    assert body == (b"2\r\nok\r\n2\r\nok\r\n0\r\n\r\n" if framed else b"okok")


def test_an_early_hint_leaves_before_the_head_that_waits() -> None:
    """AMB-S19, AMB-D11."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.early_hint", "links": [b"</a>; rel=preload"]})
        await send(BODY)

    first, second, _ = answer(app).split(b"\r\n\r\n")
    assert first == b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload"
    assert second.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("te", [b"te: gzip, Trailers;q=1\r\n", b""])
def test_trailers_go_to_clients_that_ask_for_them(te: bytes) -> None:
    """AMB-S20: `trailers` anywhere in TE; else the response ends without them."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "trailers": True})
        await send(BODY)
        await send(TRAILERS)

    found = answer(app, GET[:-2] + te + b"\r\n")
    assert found.endswith(b"2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n" if te else b"2\r\nok\r\n0\r\n\r\n")


def test_more_body_than_declared_raises_and_none_of_it_leaves() -> None:
    """AMB-S21: what was declared goes out, then the connection closes."""
    raised = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"content-length", b"1")]})
        try:
            await send(BODY)
        except Exception as exc:
            raised.append(type(exc).__name__)

    keep_alive = GET.replace(b"connection: close\r\n", b"")
    assert answer(app, keep_alive + GET).endswith(b"\r\n\r\no")
    assert raised == ["MessageError"]


def test_less_body_than_declared_closes_the_connection() -> None:
    """AMB-S21: nothing that follows can be taken for the rest."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"content-length", b"9")]})
        await send(BODY)

    keep_alive = GET.replace(b"connection: close\r\n", b"")
    assert answer(app, keep_alive + GET).endswith(b"\r\n\r\nok")


def test_a_file_by_its_path_is_the_whole_body(tmp_path: Path) -> None:
    """AMB-D12: a path that cannot be sent raises, and nothing has left."""
    file = tmp_path / "f"
    file.write_bytes(b"from a file")
    raised = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        for path in (str(tmp_path / "none"), "relative"):
            try:
                await send({"type": "http.response.pathsend", "path": path})
            except Exception as exc:
                raised.append(type(exc).__name__)
        await send({"type": "http.response.pathsend", "path": str(file)})

    assert answer(app).endswith(b"content-length: 11\r\n\r\nfrom a file")
    assert raised == ["FileNotFoundError", "MessageError"]


# ------------------------------------------------------------------------------------ WebSocket


def websocket(app: App, use: Callable[..., Awaitable[Any]], **options: Any) -> Any:
    """What `use(socket)` returns for a client's WebSocket to `app`, opened with these options."""

    async def ask() -> Any:
        ended = asyncio.Event()

        async def noticed(scope: Any, receive: Any, send: Any) -> None:
            try:
                await app(scope, receive, send)
            finally:
                ended.set()

        async with serving(noticed) as server:
            url = server.url.replace("http", "ws", 1)
            async with connect(url, **options) as socket:
                result = await use(socket)
            await ended.wait()
            return result

    return running(ask)


async def accepted(receive: Any, send: Any, **fields: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", **fields})


async def close_code(socket: Any) -> Any:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await socket.recv()
    return socket.close_code, socket.close_reason


def refused(app: App) -> InvalidStatus:
    with pytest.raises(InvalidStatus) as caught:
        websocket(app, close_code)
    return caught.value


def test_a_close_before_accept_is_a_403_at_once() -> None:
    """AMB-S22: while the application goes on."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.close", "code": 4000})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    assert refused(app).response.status_code == 403


@pytest.mark.parametrize("raises", [True, False])
def test_an_end_before_the_handshake_is_answered_is_a_500(raises: bool) -> None:
    """AMB-S23."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if raises:
            raise ValueError

    assert refused(app).response.status_code == 500


@pytest.mark.parametrize("raises, code", [(True, 1011), (False, 1000)])
def test_an_end_after_accept_closes_with_a_code(raises: bool, code: int) -> None:
    """AMB-S24, AMB-D05."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await accepted(receive, send)
        if raises:
            raise ValueError

    assert websocket(app, close_code) == (code, "")


def test_accept_takes_headers_and_only_a_subprotocol_that_was_offered() -> None:
    """AMB-S25: what belongs to the handshake is not the application's."""
    raised = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        wrong: list[dict[str, Any]] = [
            {"subprotocol": "c"},
            {"headers": [(b"sec-websocket-protocol", b"a")]},
            {"headers": [(b":status", b"200")]},
        ]
        for fields in wrong:
            try:
                await send({"type": "websocket.accept", **fields})
            except Exception as exc:
                raised.append(type(exc).__name__)
        fields = {"subprotocol": "b", "headers": [(b"x-a", b"1")]}
        await send({"type": "websocket.accept", **fields})

    async def use(socket: Any) -> Any:
        return socket.subprotocol, socket.response.headers["x-a"]

    assert websocket(app, use, subprotocols=["a", "b"]) == ("b", "1")
    assert raised == ["MessageError"] * 3


async def close_plain(socket: Any) -> None:
    await socket.close(4001, "enough")


async def close_without_code(socket: Any) -> None:
    socket.transport.write(b"\x88\x80\0\0\0\0")
    await socket.wait_closed()


async def cut(socket: Any) -> None:
    socket.transport.abort()


@pytest.mark.parametrize(
    "end, code, reason",
    [(close_plain, 4001, "enough"), (close_without_code, 1005, ""), (cut, 1006, "")],
)
def test_disconnect_has_the_clients_code_and_reason(end: Any, code: int, reason: str) -> None:
    """AMB-S26, AMB-D04: 1005 for a Close without code, 1006 without a Close."""
    events = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await accepted(receive, send)
        events.extend([await receive(), await receive()])

    websocket(app, end)
    assert events == [{"type": "websocket.disconnect", "code": code, "reason": reason}] * 2


def test_send_needs_exactly_one_of_text_and_bytes_empty_ones_too() -> None:
    """AMB-S27, AMB-S35: anything else, and an unknown message, raises."""
    raised = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await accepted(receive, send)
        wrong: list[dict[str, Any]] = [
            {"type": "websocket.send", "text": "a", "bytes": b"b"},
            {"type": "websocket.send"},
            {"type": "websocket.nonsense"},
        ]
        for message in wrong:
            try:
                await send(message)
            except Exception as exc:
                raised.append(type(exc).__name__)
        await send({"type": "websocket.send", "text": ""})
        await send({"type": "websocket.send", "bytes": b"", "text": None})

    async def use(socket: Any) -> Any:
        return [await socket.recv(), await socket.recv()]

    assert websocket(app, use) == ["", b""]
    assert raised == ["MessageError"] * 3


def test_receive_has_only_the_key_that_is_meant() -> None:
    """AMB-S28."""
    events = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await accepted(receive, send)
        events.extend([await receive(), await receive()])

    async def use(socket: Any) -> None:
        await socket.send("t")
        await socket.send(b"b")
        await close_code(socket)

    websocket(app, use)
    assert events == [
        {"type": "websocket.receive", "text": "t"},
        {"type": "websocket.receive", "bytes": b"b"},
    ]


def test_a_denial_is_streamed_and_needs_neither_headers_nor_body() -> None:
    """AMB-S29, AMB-D21, AMB-D22: then `receive` says disconnect."""
    events = []
    extensions = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        extensions.append(sorted(scope["extensions"]))
        await receive()
        await send({"type": "websocket.http.response.start", "status": 401})
        await send({"type": "websocket.http.response.body", "body": b"\xff", "more_body": True})
        await send({"type": "websocket.http.response.body"})
        events.append(await receive())

    response = refused(app).response
    assert (response.status_code, response.body) == (401, b"\xff")
    assert [event["type"] for event in events] == ["websocket.disconnect"]
    assert extensions == [["websocket.http.response"]]


def test_receive_after_the_applications_own_close_says_disconnect() -> None:
    """AMB-S37, AMB-D04: with the code that the application sent."""
    events = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await accepted(receive, send)
        await send({"type": "websocket.close", "code": 4002, "reason": "done"})
        events.append(await receive())

    assert websocket(app, close_code) == (4002, "done")
    assert events == [{"type": "websocket.disconnect", "code": 4002, "reason": "done"}]


def test_send_on_a_websocket_whose_client_has_left_raises_an_oserror() -> None:
    """AMB-S02."""
    raised = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await accepted(receive, send)
        await receive()
        try:
            await send({"type": "websocket.send", "text": "x"})
        except BaseException as exc:
            raised.append(exc)

    websocket(app, close_plain)
    assert [isinstance(exc, OSError) for exc in raised] == [True]


def test_a_server_that_stops_closes_with_1012() -> None:
    """AMB-S38."""
    events = []

    async def ask() -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await accepted(receive, send)
            events.append(await receive())

        server = serving(app)
        await server.start()
        async with connect(server.url.replace("http", "ws", 1)) as client:
            stopping = asyncio.ensure_future(server.shutdown())
            code = await close_code(client)
        await stopping
        return code

    assert running(ask) == (1012, "")
    assert [(event["type"], event["code"]) for event in events] == [("websocket.disconnect", 1012)]
