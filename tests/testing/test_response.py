"""A response, put together from messages."""

from pathlib import Path

import pytest

from penstock.testing import Client
from penstock.testing.response import Headers, Response
from tests.testing import apps
from tests.testing.conftest import Run


def test_every_extension_ends_in_the_response(run: Run) -> None:
    async def test() -> Response:
        return await Client(apps.app).get("/all")

    response = run(test())
    assert response.info == {"template": "x.html"}
    assert response.hints == [[b"</a.css>"]]
    assert response.body == Path(apps.__file__).read_bytes()[3:15] + b"!"
    assert response.trailers.get("X-Sum") == "1"
    assert response.complete


def test_a_file_by_its_path_is_read(run: Run) -> None:
    async def test() -> Response:
        return await Client(apps.app).get("/file")

    assert run(test()).body == Path(apps.__file__).read_bytes()


def test_headers_are_asked_for_by_name() -> None:
    headers = Headers([(b"set-cookie", b"a"), (b"set-cookie", b"b")])
    assert headers.get("Set-Cookie") == "a"
    assert headers.get_all("set-cookie") == ["a", "b"]
    assert headers.get("x", "none") == "none"
    with pytest.raises(KeyError, match="there is no x among the headers: set-cookie, set-cookie"):
        headers.named("x")


def test_text_has_the_charset_that_it_says() -> None:
    response = Response()
    start = {"type": "http.response.start", "status": 200}
    list(response.take({**start, "headers": [(b"content-type", b"text/plain; charset=latin-1")]}))
    response.body = b"gr\xfcn"
    assert response.text == "grün"
    assert repr(response) == "<Response 200, 4 bytes>"


def test_pushes_are_noted_and_trailers_waited_for_only_if_offered() -> None:
    response = Response()
    list(response.take({"type": "http.response.push", "path": "/a.css", "headers": []}))
    assert response.pushes == ["/a.css"]
    list(response.take({"type": "http.response.start", "status": 200, "trailers": True}))
    list(response.take({"type": "http.response.body"}))
    assert response.complete is False
    again = Response()
    start = {"type": "http.response.start", "status": 200, "trailers": True}
    list(again.take(start, offered=False))
    list(again.take({"type": "http.response.body"}))
    assert again.complete is True
