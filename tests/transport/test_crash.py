"""A crash in the log: the request beside the traceback, no secret, and no flood."""

import logging
from typing import Any

import pytest

from penstock.transport import crash
from tests.transport.http1_trial import GET
from tests.transport.test_http1_log import LogTrial, PlainLog, failing

REQUEST = (
    b"POST /pay?card=4111 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer hunter2\r\n"
    b"Cookie: session=hunter2\r\nX-Api-Key: hunter2\r\nX-CSRF-Token: hunter2\r\n"
    b"User-Agent: a\xe2\x80\xae\tb\r\nX-Request-Id: 7\r\n\r\n"
)


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_crash_shows_its_request_and_hides_secrets_x06_x07(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """X06: what came from outside is escaped. X07: no credentials, and no query."""
    trial = LogTrial(failing, PlainLog())
    trial.receive(REQUEST)
    (message,) = messages(caplog)
    assert message == (
        f"Exception in the application: POST /pay (id {trial.worker.id_prefix}1, from 127.0.0.1:9);"
        " headers: host: x; authorization: (hidden); cookie: (hidden); x-api-key: (hidden);"
        " x-csrf-token: (hidden); user-agent: a\\xe2\\x80\\xae\\tb; x-request-id: 7"
    )
    assert caplog.records[0].exc_info is not None
    assert "hunter2" not in message
    assert "4111" not in message


def test_a_flood_of_crashes_is_no_flood_of_lines(caplog: pytest.LogCaptureFixture) -> None:
    """So many a second with their tracebacks, then a count."""
    trial = LogTrial(failing, PlainLog())

    def told() -> list[str]:
        # Applications of other tests may be ended by the garbage collector meanwhile.
        return [text for text in messages(caplog) if trial.worker.id_prefix in text]

    for _ in range(crash.CRASHES_MAX + 40):
        trial.receive(GET)
    assert len(told()) == crash.CRASHES_MAX
    trial.sweep(2)
    assert "Exceptions in the application: 40 more in the last second" in messages(caplog)
    trial.sweep(2)
    trial.receive(GET)
    assert len(told()) == crash.CRASHES_MAX + 1
    assert sum("more in the last second" in text for text in messages(caplog)) == 1


def test_what_was_left_out_is_said_before_the_next() -> None:
    """Also where no sweep came in between."""
    crashes = crash.Crashes()
    told = True
    for _ in range(crash.CRASHES_MAX + 3):
        told, left_out = crashes.ask(1.0)
        assert left_out == 0
    assert not told
    assert crashes.ask(2.5) == (True, 3)
    assert crashes.ask(2.6) == (True, 0)


def test_many_long_fields_are_cut(caplog: pytest.LogCaptureFixture) -> None:
    """A peer does not decide how long a line is."""
    trial = LogTrial(failing, PlainLog())
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 400) for number in range(100))
    trial.receive(b"GET / HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n")
    (message,) = messages(caplog)
    assert message.endswith("; 61 more")
    assert len(message) < 10_000


@pytest.mark.parametrize(
    "name", [b"authorization", b"proxy-authorization", b"set-cookie", b"x-auth", b"api-key", b"x-amz-security-token"]
)  # fmt: skip
def test_names_of_secrets_are_known_by_their_parts(name: bytes) -> None:
    """X07."""
    assert crash.is_secret(name)
    assert not crash.is_secret(b"user-agent")


def test_a_list_of_headers_that_the_application_spoilt_is_told_as_far_as_it_goes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A crash is logged whatever the application did to its scope."""

    async def spoiling(scope: Any, receive: Any, send: Any) -> None:
        scope["headers"].append(7)
        raise RuntimeError("boom")

    LogTrial(spoiling, PlainLog()).receive(GET)
    assert "headers: host: x; (what follows is no header field)" in messages(caplog)[0]
