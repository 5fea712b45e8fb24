"""One request to a WSGI application, and what it used that ASGI has not."""

import io
import time
from typing import Any
from wsgiref.validate import validator

import pytest

from penstock.doctor.answers import ANSWERED, EMPTY, RAISED, STREAMS, STUCK, Answer
from penstock.doctor.asking import of_url
from penstock.doctor.exercise_wsgi import WsgiExercise
from penstock.doctor.watch import Watch


def asked(app: Any, text: str = "/", root_path: str = "") -> tuple[Answer, bytes, set[str]]:
    with Watch(0.05, 0.1) as watch:
        exercise = WsgiExercise(app, watch, root_path)
        answer, body = exercise.ask(of_url(text))
        return answer, body, exercise.used


def test_its_environ_is_that_of_pep_3333() -> None:
    seen = []

    def app(environ: Any, start_response: Any) -> Any:
        seen.append(environ)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["wsgi.input"].read(2)]

    answer, body, used = asked(validator(app), "POST http://h:81/a%C3%A4?b {}", "/m")
    assert (answer.ending, answer.status, body, used) == (ANSWERED, 200, b"{}", set())
    environ = seen[0]
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/m", "/a\u00c3\u00a4")
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("application/json", "2")
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("h", "81")


def test_what_asgi_has_not_is_noted() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [], None)
        write(b"a")
        try:
            raise ValueError
        except ValueError as error:
            start_response("500 No", [], (ValueError, error, None))
        return environ["wsgi.file_wrapper"](io.BytesIO(b"bc"))

    answer, body, used = asked(app)
    assert (answer.status, body) == (500, b"abc")
    assert used == {"write()", "exc_info", "wsgi.file_wrapper"}


class Closing:
    def __init__(self, *parts: bytes) -> None:
        self.parts = iter(parts)
        self.closed = False

    def __iter__(self) -> Any:
        return self.parts

    def close(self) -> None:
        self.closed = True
        raise ValueError


def test_close_is_called() -> None:
    result = Closing(b"x")

    def app(_environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return result

    assert asked(app)[0].ending == ANSWERED
    assert result.closed


def raises(_environ: Any, _start_response: Any) -> Any:
    raise ValueError("so")


def stops(_environ: Any, _start_response: Any) -> Any:
    return []


def sticks(_environ: Any, _start_response: Any) -> Any:
    time.sleep(1000)


def streams(_environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    while True:
        yield b"x"


@pytest.mark.parametrize(
    "app, ending", [(raises, RAISED), (stops, EMPTY), (sticks, STUCK), (streams, STREAMS)]
)
def test_each_end_has_its_name(app: Any, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.doctor.exercise_wsgi.STREAM_S", 0.02)
    assert asked(app)[0].ending == ending


def test_a_500_has_the_last_line_of_its_errors() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        environ["wsgi.errors"].write("Traceback\nKeyError: 1\n")
        start_response("500 No", [])
        return []

    assert asked(app)[0].text == "KeyError: 1"
