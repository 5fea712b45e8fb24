"""Answers over HTTP/2: heads, lengths, trailers, hints and files as frames, checked as for HTTP/1."""

import os
from pathlib import Path
from typing import Any

import hpack
import pytest

from penstock.errors import MessageError
from penstock.wire.http2_frames import (
    FLAG_END_STREAM,
    INTERNAL_ERROR,
    TYPE_DATA,
    TYPE_HEADERS,
)
from tests.asgi_app import Call, Probe
from tests.http2 import http2
from tests.sockets import serving
from tests.transport.http2_trial import Trial


def app_of(*messages: dict[str, Any]) -> Any:
    """An application that sends these messages, and keeps what it raises."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


def start(status: int = 200, headers: Any = (), **more: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers, **more}


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


def answered(*messages: dict[str, Any], headers: Any = (), **more: Any) -> Any:
    trial = Trial(app_of(*messages))
    trial.ask("/", *headers, **more)
    return trial.answer()


def test_a_whole_answer_is_two_frames() -> None:
    """HEADERS and DATA with the end; a length is added where the application says none."""
    trial = Trial(app_of(start(), part(b"abc")))
    trial.ask()
    answer = trial.answer()
    assert (answer.status, answer.headers, answer.body) == (200, [("content-length", "3")], b"abc")
    frames = [
        (each.type, each.flags & FLAG_END_STREAM) for each in trial.peer.frames if each.stream
    ]
    assert frames == [(TYPE_HEADERS, 0), (TYPE_DATA, 1)]


def test_an_empty_answer_is_one_frame() -> None:
    """The head ends the stream."""
    trial = Trial(app_of(start(204), part(b"")))
    trial.ask()
    assert (trial.answer().status, trial.answer().headers) == (204, [])
    frames = [
        (each.type, each.flags & FLAG_END_STREAM) for each in trial.peer.frames if each.stream
    ]
    assert frames == [(TYPE_HEADERS, 1)]


def test_8_2_names_are_in_lower_case_and_nothing_is_about_the_connection() -> None:
    """RFC 9113 section 8.2 (A08, HTTP-RESP-28)."""
    headers = [
        (b"X-Upper", b"1"),
        (b"Connection", b"close"),
        (b"keep-alive", b"timeout=5"),
        (b"Transfer-Encoding", b"chunked"),
        (b"upgrade", b"h2c"),
        (b"proxy-connection", b"x"),
    ]
    assert answered(start(200, headers), part(b"")).headers == [
        ("x-upper", "1"),
        ("content-length", "0"),
    ]


def test_8_3_2_each_head_begins_with_its_status() -> None:
    """Interim ones too, and those that the server makes itself; trailers have none."""
    hint = {"type": "http.response.early_hint", "links": [b"</a>"]}
    trailers = {"type": "http.response.trailers", "headers": [(b"x-t", b"1")]}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/fails":
            raise ValueError
        await receive()
        for message in (hint, start(201, [(b"a", b"b")], trailers=True), part(b"x"), trailers):
            await send(message)

    trial = Trial(app)
    trial.ask("/", ("expect", "100-continue"), ("te", "trailers"), end=False, method="POST")
    trial.peer.data(1, b"body", end=True)
    trial.ask("/fails", stream=3)
    trial.ask("/" + "x" * 10_000, stream=5)
    trial.settle()
    decoder = hpack.Decoder()
    found = [
        [name for name, _ in decoder.decode(each.payload)]
        for each in trial.peer.frames
        if each.type == TYPE_HEADERS
    ]
    assert len(found) == 6
    assert [names.count(":status") for names in found if names != ["x-t"]] == [1] * 5
    assert all(names[0] == ":status" for names in found if names != ["x-t"])
    assert all(name == ":status" for names in found for name in names if name[0] == ":")
    statuses = [each.status for each in trial.answer(1).informational]
    assert (statuses, trial.answer(1).status) == ([100, 103], 201)
    assert (trial.answer(3).status, trial.answer(5).status) == (500, 414)


def test_head_has_no_body() -> None:
    """Its length may stand there (RFC 9110 section 9.3.2)."""
    headers = [(b"content-length", b"3")]
    answer = answered(start(200, headers), part(b"abc"), method="HEAD")
    assert (answer.headers, answer.size, answer.ended) == ([("content-length", "3")], 0, True)


def test_no_length_with_204() -> None:
    """RFC 9110 section 8.6."""
    assert answered(start(204, [(b"content-length", b"0")]), part(b"")).headers == []


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (99, []),
        ("200", []),
        (200, [(b"a b", b"1")]),
        (200, [(b"a", b"1\r\nb: 2")]),
        (200, [(b":path", b"/")]),
        (200, 5),
    ],
)
def test_heads_that_are_wrong_are_refused(status: Any, headers: Any) -> None:
    """The application gets the error, the client a 500 (A01, A09)."""
    raised = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send(start(status, headers))
        except MessageError as error:
            raised.append(error)
            raise

    trial = Trial(app)
    trial.ask()
    assert trial.answer().status == 500
    assert len(raised) == 1


def test_a_head_leaves_alone_when_its_time_is_over() -> None:
    """Before any body, and the length is unknown then."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await receive()
        await receive()

    trial = Trial(app)
    trial.ask()
    (exchange,) = trial.connection.exchanges()
    exchange.flush()
    answer = trial.answer()
    assert (answer.status, answer.headers, answer.over) == (200, [], False)


def test_trailers_reach_who_wants_them() -> None:
    """After the body, also one that waits; nobody else gets them (TRAIL-05)."""
    messages = (
        start(200, [], trailers=True),
        part(b"abc"),
        {"type": "http.response.trailers", "headers": [(b"X-T", b"1")]},
    )
    answer = answered(*messages, headers=[("te", "trailers")])
    assert (answer.body, answer.trailers, answer.ended) == (b"abc", [("x-t", "1")], True)
    answer = answered(*messages)
    assert (answer.body, answer.trailers, answer.ended) == (b"abc", [], True)
    answer = answered(*messages, headers=[("te", "trailers")], method="HEAD")
    assert (answer.size, answer.trailers, answer.ended) == (0, [], True)


def test_trailers_wait_behind_a_body_that_waits() -> None:
    """For the window."""

    async def app(call: Call) -> None:
        await call.start(200, [], trailers=True)
        await call.write(b"x" * 100_000, more=False)
        await call.send({"type": "http.response.trailers", "headers": [(b"x-t", b"1")]})

    with serving(Probe(app)) as served, http2(served) as client:
        answer = client.get("/", "te: trailers")
        assert (answer.size, answer.trailers) == (100_000, [("x-t", "1")])


@pytest.mark.parametrize(
    "name", [b"content-length", b"Transfer-Encoding", b"a b", b":x", b":status"]
)
def test_8_1_what_may_be_no_trailer_is_refused(name: bytes) -> None:
    """And the response is cut (TRAIL-08, TRAIL-09)."""
    messages = (
        start(200, [], trailers=True),
        part(b"abc"),
        {"type": "http.response.trailers", "headers": [(name, b"1")]},
    )
    assert answered(*messages, headers=[("te", "trailers")]).error == INTERNAL_ERROR


def test_early_hints_come_first() -> None:
    """A 103 before the head (HINT-01)."""
    hint = {"type": "http.response.early_hint", "links": [b"</a>; rel=preload"]}
    answer = answered(hint, start(), part(b"x"))
    (before,) = answer.informational
    assert (before.status, before.headers) == (103, [("link", "</a>; rel=preload")])
    assert answer.status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "x"},
        {"path": 1},
        {},
        {"path": "/", "headers": [(b":path", b"/")]},
        {"path": "/", "headers": [("a", b"")]},
    ],
)
def test_pushes_that_are_wrong_are_refused(wrong: dict[str, Any]) -> None:
    """PUSH-07."""
    assert answered(start(), {"type": "http.response.push", **wrong}).status == 500


def test_100_continue_when_the_application_asks() -> None:
    """Not before, and not after an answer (RFC 9110 section 10.1.1)."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/reads":
            await receive()
        await send(start())
        await send(part(b"x"))

    trial = Trial(app)
    trial.ask("/reads", ("expect", "100-continue"), end=False, method="POST")
    trial.ask("/not", ("expect", "100-continue"), stream=3, end=False, method="POST")
    assert [each.status for each in trial.answer(1).informational] == [100]
    trial.peer.data(1, b"x", end=True)
    assert trial.answer(1).status == 200
    assert (trial.answer(3).informational, trial.answer(3).status) == ([], 200)


def test_files_are_read_as_windows_open(tmp_path: Path) -> None:
    """Path and descriptor, with a body before and after; its length is told where it is known (PATH-01, ZCS-09)."""
    path = tmp_path / "f"
    content = os.urandom(200_000)
    path.write_bytes(content)

    async def app(call: Call) -> None:
        await call.start()
        if call.scope["path"] == "/path":
            await call.send({"type": "http.response.pathsend", "path": str(path)})
            return
        await call.write(b"before")
        with path.open("rb") as file:
            zero_copy = {"type": "http.response.zerocopysend", "file": file, "more_body": True}
            await call.send(zero_copy)
        await call.write(b"after", more=False)

    with serving(Probe(app)) as served, http2(served) as client:
        answer = client.get("/path")
        assert (answer.body, answer.get("content-length")) == (content, "200000")
        assert client.get("/both").body == b"before" + content + b"after"


def test_a_file_that_becomes_shorter_is_a_reset(tmp_path: Path) -> None:
    """The client can tell that it has not got all; the connection goes on."""
    path = tmp_path / "f"
    path.write_bytes(b"x" * 300_000)

    async def app(call: Call) -> None:
        if call.scope["path"] == "/next":
            await call.answer()
            return
        await call.start()
        await call.send({"type": "http.response.pathsend", "path": str(path)})

    with serving(Probe(app)) as served, http2(served) as client:
        stream = client.ask("/")
        client.head(stream)
        os.truncate(path, 10)
        assert client.answer(stream).error == INTERNAL_ERROR
        assert client.get("/next").status == 200


def test_the_id_goes_to_the_client() -> None:
    """Where --request-id says so; one that the application sends stays."""
    with serving(Probe(), request_id="response") as served, http2(served) as client:
        ids = {client.get().get("x-request-id") for _ in range(2)}
        assert len(ids) == 2
        assert None not in ids
