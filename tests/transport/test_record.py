"""What is kept of a request for the log: its id, and when it has its line."""

from typing import Any

import pytest

from penstock.gateway.endings import CLIENT_GONE, COMPLETE
from penstock.transport.record import Record, given_id
from penstock.wire.events import Head
from tests.transport.http1_trial import GET, Trial, ok
from tests.transport.test_http1_log import HANDSHAKE, DetailsWanted, LogTrial, accepting

GIVEN = b"GET / HTTP/1.1\r\nHost: x\r\nX-Request-ID: given-1\r\n\r\n"


def head(*fields: tuple[bytes, bytes]) -> Head:
    return Head("GET", b"/", b"", list(fields), "1.1")


@pytest.mark.parametrize(
    "value, used",
    [
        (b"7f3a-1", "7f3a-1"),
        (b"a" * 128, "a" * 128),
        (b"a" * 129, ""),
        (b"", ""),
        (b"a b", ""),
        (b"a\x1b[31m", ""),
        (b'a"b', ""),
        (b"a\\b", ""),
        (b"a,b", ""),
        (b"\xe9", ""),
    ],
)
def test_an_id_of_a_proxy_is_used_only_if_it_is_harmless_x06(value: bytes, used: str) -> None:
    """X06: it goes into logs, headers and applications."""
    assert given_id([(b"host", b"x"), (b"x-request-id", value)]) == used


@pytest.mark.parametrize("trusted, shown", [(True, "given-1"), (False, "p-7")])
def test_only_a_trusted_peer_says_what_the_id_is(trusted: bool, shown: str) -> None:
    record = Record(DetailsWanted(), "p-", False, False)
    record.trusted = trusted
    given = head((b"x-request-id", b"given-1"))
    record.begin(given, 7)
    assert record.request_id(given) == shown


def test_without_a_given_id_one_is_made_of_prefix_and_number() -> None:
    """Also for a trusted peer."""
    record = Record(DetailsWanted(), "p-", False, False)
    record.trusted = True
    record.begin(head(), 7)
    assert record.request_id(head()) == "p-7"


def test_ids_of_workers_differ() -> None:
    """Each has a prefix of its own, as random as it takes."""
    first, second = Trial(ok).worker.id_prefix, Trial(ok).worker.id_prefix
    assert first != second
    assert len(first) == len(second) == 13


async def telling(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what the application sees as id."""
    ids = [value for name, value in scope["headers"] if name == b"x-request-id"]
    headers = [(b"x-request-id", b"own")] if scope["path"] == "/own" else []
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b",".join(ids)})


def answer(mode: str, request: bytes) -> bytes:
    trial = LogTrial(telling, DetailsWanted(), request_id=mode)
    trial.receive(request)
    return trial.transport.written.replace(trial.worker.id_prefix.encode(), b"p-")


def test_by_default_the_id_is_for_the_log_alone() -> None:
    """What the client sent reaches the application as it is."""
    assert answer("log", GET).endswith(b"\r\n\r\n")
    assert b"x-request-id" not in answer("log", GIVEN)
    assert answer("log", GIVEN).endswith(b"\r\n\r\ngiven-1")


def test_the_application_sees_the_id_that_the_log_shows() -> None:
    """Once, and never one that an untrusted client made up."""
    assert answer("app", GET).endswith(b"\r\n\r\np-1")
    assert answer("app", GIVEN).endswith(b"\r\n\r\np-1")
    assert b"x-request-id: " not in answer("app", GET)


def test_the_client_sees_the_id_when_asked_for() -> None:
    """The application's own header field goes before."""
    assert b"\r\nx-request-id: p-1\r\n" in answer("response", GET)
    own = answer("response", b"GET /own HTTP/1.1\r\nHost: x\r\n\r\n")
    assert own.count(b"x-request-id") == 1
    assert b"x-request-id: own\r\n" in own


def test_a_held_line_leaves_when_the_next_is_held() -> None:
    """A pipeline's answers wait in one buffer: one line is kept at most."""
    log = DetailsWanted()
    record = Record(log, "p-", False, False)
    for number in (1, 2):
        record.begin(head(), number)
        record.note(0, None, head(), 200, COMPLETE, 0, 0, 0, b"", True)
    assert [line.id_tail for line in log.lines] == ["1"]
    record.release(CLIENT_GONE)
    assert [line.ended for line in log.lines] == [COMPLETE, CLIENT_GONE]
    assert record.held is None


def test_the_first_byte_of_a_stream_is_when_it_began_to_leave() -> None:
    """Of an answer in one piece it is the end."""
    log = DetailsWanted()
    record = Record(log, "p-", False, False)
    record.begin(head(), 1)
    record.started()
    record.started()
    record.note(0, None, head(), 200, COMPLETE, 0, 0, 0, b"", False)
    assert 0 <= log.lines[0].first_byte_us <= log.lines[0].duration_us
    record.begin(head(), 2)
    record.note(0, None, head(), 200, COMPLETE, 0, 0, 0, b"", False)
    assert log.lines[1].first_byte_us == log.lines[1].duration_us


async def spoiling(scope: Any, receive: Any, send: Any) -> None:
    """Put into the scope's list what is no header field; answer from a generator."""
    scope["headers"].extend([("x", "y"), 7])
    headers = (pair for pair in [(b"x-own", b"1")])
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def test_an_application_that_spoils_its_headers_spoils_no_line() -> None:
    """The list in the scope is the request's own."""
    trial = LogTrial(spoiling, DetailsWanted(), request_id="response")
    trial.receive(GET)
    assert b"\r\nx-own: 1\r\n" in trial.transport.written
    assert b"\r\nx-request-id: " in trial.transport.written
    assert len(trial.log.lines) == 1
    assert given_id([("x", "y"), (b"x-request-id", b"1")]) in {"", "1"}
    assert given_id([7]) == ""


@pytest.mark.parametrize("headers", [7, [7], [(b"a",)], [("a", "b")]])
def test_what_is_no_header_field_is_refused_as_ever(headers: Any) -> None:
    """By the writer, with a word on what is wrong; the application gets to know, the client a 500."""

    async def wrong(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    trial = LogTrial(wrong, DetailsWanted(), request_id="response")
    trial.receive(GET)
    assert trial.statuses == [500]
    assert trial.line.status == 500


def test_a_websocket_s_handshake_is_answered_with_the_id_too() -> None:
    trial = LogTrial(accepting, DetailsWanted(), request_id="response")
    trial.receive(HANDSHAKE)
    assert f"x-request-id: {trial.worker.id_prefix}1\r\n".encode() in trial.transport.written
