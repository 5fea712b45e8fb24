"""Requests from URLs, OpenAPI documents and HAR files."""

import json
from pathlib import Path
from typing import Any

import pytest

from penstock.doctor.asking import Request, of_har, of_openapi, of_url, read
from penstock.errors import UsageError


@pytest.mark.parametrize(
    "text, method, target, host, scheme, body",
    [
        ("/", "GET", "/", "doctor.invalid", "http", b""),
        ("/a?b=c d", "GET", "/a?b=c", "doctor.invalid", "http", b"d"),
        ("HEAD /a%20b", "HEAD", "/a%20b", "doctor.invalid", "http", b""),
        ("/a\u00e4", "GET", "/a%C3%A4", "doctor.invalid", "http", b""),
        ("https://shop.example:8443/x?y=1", "GET", "/x?y=1", "shop.example:8443", "https", b""),
        ("http://shop.example", "GET", "/", "shop.example", "http", b""),
        ('post /items {"a": 1}', "POST", "/items", "doctor.invalid", "http", b'{"a": 1}'),
    ],
)
def test_a_url_may_have_a_method_and_a_body(
    text: str, method: str, target: str, host: str, scheme: str, body: bytes
) -> None:
    request = of_url(text)
    assert request[:4] == (method, target, host, scheme)
    assert request.body == body


def test_a_body_is_json_with_its_length() -> None:
    assert of_url("PUT /a {}").headers == (
        (b"content-type", b"application/json"),
        (b"content-length", b"2"),
    )


def test_path_query_and_safety() -> None:
    request = Request("GET", "/a%20b?c=%20")
    assert (request.path, request.query, request.safe) == ("/a b", b"c=%20", True)
    assert not Request("POST", "/").safe


@pytest.mark.parametrize("text", ["items", "G(T /x", "ftp://host/x", "GET items", "http://[/"])
def test_what_is_no_request_is_refused_with_a_way_to_write_it(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        of_url(text)
    assert "/path" in caught.value.hint


def har(tmp_path: Path, *entries: Any) -> str:
    path = tmp_path / "a.har"
    path.write_text(json.dumps({"log": {"entries": entries}}))
    return str(path)


def test_a_har_file_gives_the_requests_to_its_first_host(tmp_path: Path) -> None:
    headers = [{"name": ":path", "value": "/"}, {"name": "Cookie", "value": "a=b"},
               {"name": "Host", "value": "x"}]  # fmt: skip
    post = {"mimeType": "text/plain", "text": "hi"}
    found, notes = of_har(
        har(
            tmp_path,
            {"request": {"method": "GET", "url": "https://x.example/a?b=c", "headers": headers}},
            {"request": {"method": "POST", "url": "https://x.example/p", "postData": post}},
            {"request": {"method": "GET", "url": "https://cdn.example/x.js"}},
            {"request": {"method": "GET", "url": "data:text/plain,x"}},
            {"request": None},
        )
    )
    assert [str(each) for each in found] == ["GET /a?b=c", "POST /p"]
    assert found[0].headers == ((b"cookie", b"a=b"),)
    assert found[1].headers == ((b"content-type", b"text/plain"), (b"content-length", b"2"))
    assert "2 entries of no HTTP request left out" in notes[0]
    assert "1 request to other hosts left out" in notes[1]


@pytest.mark.parametrize(
    "text, words", [("[", "is not JSON"), ("{}", "has no log.entries"), (None, "No such file")]
)
def test_a_har_file_that_is_none_is_refused(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "a.har"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=words):
        of_har(str(path))


def test_a_document_nested_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("[" * 200_000)
    with pytest.raises(UsageError, match="is not JSON"):
        read(str(tmp_path / "deep"), "it", "")


DOCUMENT: dict[str, Any] = {
    "paths": {
        "/items/{item}": {
            "parameters": [{"$ref": "#/components/parameters/Item"}],
            "get": {
                "parameters": [
                    {
                        "name": "q",
                        "in": "query",
                        "required": True,
                        "schema": {"enum": ["red", "x"]},
                    },
                    {"name": "page", "in": "query", "schema": {"type": "integer"}},
                    {"name": "X-Key", "in": "header", "required": True, "example": "k"},
                ]
            },
            "delete": {},
        },
        "/by/{id}/{day}": {
            "get": {
                "parameters": [
                    {"name": "id", "in": "path", "schema": {"type": "string", "format": "uuid"}},
                    {"name": "day", "in": "path", "schema": {"anyOf": [{"format": "date"}]}},
                ]
            }
        },
        "/new": {"post": {}},
        "x-odd": {"get": {}},
    },
    "components": {
        "parameters": {"Item": {"name": "item", "in": "path", "schema": {"type": "integer"}}}
    },
}


def test_every_get_of_an_openapi_document_is_asked_with_what_it_needs() -> None:
    found, notes = of_openapi(DOCUMENT, "openapi.json")
    assert [str(each) for each in found] == [
        "GET /items/1?q=red",
        "GET /by/00000000-0000-4000-8000-000000000000/2026-01-01",
    ]
    assert found[0].headers == ((b"x-key", b"k"),)
    assert "2 operations that would change something left out" in notes[0]


def test_references_in_a_circle_come_to_an_end() -> None:
    circle = {"$ref": "#/a"}
    document = {"a": circle, "paths": {"/x": {"get": {"parameters": [circle]}}}}
    assert [str(each) for each in of_openapi(document, "x")[0]] == ["GET /x"]


@pytest.mark.parametrize("document", [None, [], {}, {"paths": []}])
def test_what_is_no_openapi_document_is_refused(document: Any) -> None:
    with pytest.raises(UsageError, match="has no paths"):
        of_openapi(document, "x")
