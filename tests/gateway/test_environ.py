"""The environ says what the head says, as PEP 3333 wants it."""

from typing import Any

import pytest

from penstock.errors import HttpError
from penstock.gateway.environ import VALUES_MAX
from penstock.wire.events import Head
from tests.wsgi_fakes import Bench, FakeStream


def environ(
    *headers: tuple[bytes, bytes],
    path: bytes = b"/",
    query: bytes = b"",
    method: str = "GET",
    version: str = "1.1",
    root_path: str = "",
    root_path_mode: str = "auto",
    stream: FakeStream | None = None,
    body: Any = None,
    **options: Any,
) -> dict[str, Any]:
    bench = Bench(None, root_path, root_path_mode=root_path_mode, **options)
    head = Head(method, path, query, list(headers), version)
    return bench.pool.environs.build(head, stream or bench.stream, body)


def test_the_mapping_holds() -> None:
    """WSGI-02, PEP-02, PEP-04, WSGI-11."""
    body = object()
    found = environ(
        (b"host", b"example.test"), (b"content-type", b"text/plain"), (b"content-length", b"3"), (b"x-two-words", b"\xe9"),
        path=b"/a%20b", query=b"q=%20", method="POST", body=body,
    )  # fmt: skip
    assert type(found) is dict
    errors, wrapper = found.pop("wsgi.errors"), found.pop("wsgi.file_wrapper")
    assert hasattr(errors, "writelines")
    assert callable(wrapper)
    assert found == {
        "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/a b", "QUERY_STRING": "q=%20", "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "3", "SERVER_NAME": "192.0.2.1", "SERVER_PORT": "8000", "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "penstock", "REMOTE_ADDR": "192.0.2.7", "REMOTE_PORT": "4711", "REQUEST_URI": "/a%20b?q=%20",
        "RAW_URI": "/a%20b?q=%20", "HTTP_HOST": "example.test", "HTTP_X_TWO_WORDS": "\xe9", "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http", "wsgi.input": body, "wsgi.input_terminated": True, "wsgi.multithread": True,
        "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip


def test_each_request_has_its_own() -> None:
    """PEP-01: what an application changes is gone with its request."""
    bench = Bench(None)
    stream, head = FakeStream(), Head("GET", b"/", b"", [], "1.1")
    first = bench.pool.environs.build(head, stream, None)
    first["SERVER_NAME"] = first["mine"] = "x"
    second = bench.pool.environs.build(head, stream, None)
    assert (second["SERVER_NAME"], "mine" in second) == ("192.0.2.1", False)


@pytest.mark.parametrize(
    "root,path,expected",
    [
        ("", b"/a/b", ("", "/a/b")),
        ("/a", b"/a/b", ("/a", "/b")),
        ("/a", b"/a", ("/a", "")),
        ("/a", b"/a/", ("/a", "/")),
        ("/a", b"/ab", ("/a", "/ab")),
        ("/a", b"/x", ("/a", "/x")),
        ("/é", b"/%c3%a9/x", ("/\xc3\xa9", "/x")),
        ("", b"/%C3%A9", ("", "/\xc3\xa9")),
        ("", b"/%ff%2F%2541", ("", "/\xff/%41")),
        ("", b"*", ("", "/*")),
    ],
)
def test_script_name_and_path_info(root: str, path: bytes, expected: tuple[str, str]) -> None:
    """WSGI-03 (segments), WSGI-04 (bytes in str), PEP-03 (a slash first), HTTP-SCOPE-06 (decoded once)."""
    found = environ(path=path, root_path=root)
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == expected


@pytest.mark.parametrize(
    "mode,path,expected",
    [
        ("stripped", b"/x", ("/a", "/x")),
        ("stripped", b"/a/x", ("/a", "/a/x")),
        ("kept", b"/a/x", ("/a", "/x")),
        ("kept", b"/a", ("/a", "")),
        ("kept", b"/x", ("", "/x")),
    ],
)
def test_what_the_proxy_did_to_the_path_may_be_said(
    mode: str, path: bytes, expected: tuple[str, str]
) -> None:
    """SCRIPT_NAME and PATH_INFO together are the path of the URL (PEP 3333, URL reconstruction)."""
    found = environ(path=path, root_path="/a", root_path_mode=mode)
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == expected


def test_a_root_path_of_one_request_is_that_requests_only() -> None:
    """X09: a trusted proxy said it for one of them."""
    bench = Bench(None, "/a")
    head = Head("GET", b"/b/x", b"", [], "1.1")
    for root_path, expected in (("/a", "/b/x"), ("/b", "/x"), ("", "/b/x"), ("/a", "/b/x")):
        bench.stream.root_path = root_path
        found = bench.pool.environs.build(head, bench.stream, None)
        assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == (root_path, expected)


def test_odd_query_bytes_do_not_crash() -> None:
    """WSGI-13."""
    assert environ(query=b"\xff=%ff")["QUERY_STRING"] == "\xff=%ff"


def test_repeated_fields_are_joined() -> None:
    """WSGI-10: cookies by a semicolon, since a comma is part of none; others by a comma; equal lengths stay one."""
    found = environ(
        (b"cookie", b"a=1"), (b"x", b"1"), (b"cookie", b"b=2"), (b"x", b"1"),
        (b"content-length", b"5"), (b"content-length", b"5"),
    )  # fmt: skip
    assert (found["HTTP_COOKIE"], found["HTTP_X"], found["CONTENT_LENGTH"]) == (
        "a=1; b=2",
        "1,1",
        "5",
    )


def test_values_of_one_field_are_bounded() -> None:
    """WSGI-14: 100 pass, 101 are refused with 400."""
    assert environ(*[(b"x", b"1")] * VALUES_MAX)["HTTP_X"].count("1") == VALUES_MAX
    environ(*[(b"x%d" % number, b"1") for number in range(VALUES_MAX * 2)])
    with pytest.raises(HttpError) as caught:
        environ(*[(b"x", b"1")] * (VALUES_MAX + 1))
    assert caught.value.status == 400


def test_an_underscore_cannot_stand_for_a_hyphen() -> None:
    """T09, WSGI-12: such a field is dropped, in either order and also from the second request on; the option keeps it."""
    for _ in range(2):
        found = environ(
            (b"x_forwarded_for", b"evil"), (b"x-forwarded-for", b"good"), (b"content_length", b"9")
        )
        assert found["HTTP_X_FORWARDED_FOR"] == "good"
        assert not {"CONTENT_LENGTH", "HTTP_CONTENT_LENGTH"} & set(found)
    assert environ((b"x_a", b"1"), drop_underscore_headers=False)["HTTP_X_A"] == "1"


def test_proxy_does_not_become_http_proxy() -> None:
    """R21, httpoxy; the option keeps it."""
    assert "HTTP_PROXY" not in environ((b"proxy", b"http://evil/"))
    assert environ((b"proxy", b"x"), wsgi_drop_proxy_header=False)["HTTP_PROXY"] == "x"


@pytest.mark.parametrize("server", [None, ("/run/s", None), ("", None)])
def test_a_unix_socket_has_sane_names(server: Any) -> None:
    """WSGI-09, PEP-02: SERVER_NAME and SERVER_PORT are made up, never empty and never "None"."""
    found = environ(stream=FakeStream("https", None, server))
    assert (found["SERVER_NAME"], found["SERVER_PORT"], found["REMOTE_ADDR"]) == (
        "localhost",
        "443",
        "",
    )
    assert "REMOTE_PORT" not in found


def test_what_belongs_to_the_socket_follows_the_socket() -> None:
    """The base that is kept from request to request is for one address and scheme only."""
    bench = Bench(None)
    head = Head("GET", b"/", b"", [], "1.0")
    seen = []
    for stream in (
        FakeStream(server=("a", 1)),
        FakeStream(server=("b", 2)),
        FakeStream("https", server=("b", 2)),
    ):
        found = bench.pool.environs.build(head, stream, None)
        seen.append(
            (
                found["SERVER_NAME"],
                found["SERVER_PORT"],
                found["wsgi.url_scheme"],
                found["SERVER_PROTOCOL"],
            )
        )
    assert seen == [
        ("a", "1", "http", "HTTP/1.0"),
        ("b", "2", "http", "HTTP/1.0"),
        ("b", "2", "https", "HTTP/1.0"),
    ]


def test_a_forwarded_client_without_a_port_has_none() -> None:
    """A forwarding header names an address; a port of 0 is nobody's."""
    found = environ(stream=FakeStream(client=("192.0.2.9", 0)))
    assert found["REMOTE_ADDR"] == "192.0.2.9"
    assert "REMOTE_PORT" not in found


def test_the_table_of_names_is_bounded() -> None:
    """A client that makes up names does not make the server grow, and known names are still right afterwards."""
    bench = Bench(None)
    stream = FakeStream()
    for number in range(40):
        headers = [(b"x-%d-%d" % (number, each), b"") for each in range(100)]
        bench.pool.environs.build(Head("GET", b"/", b"", headers, "1.1"), stream, None)
    assert len(getattr(bench.pool.environs, "_names", {})) <= 1024
    assert "HTTP_X_9_9" in bench.pool.environs.build(
        Head("GET", b"/", b"", [(b"x-9-9", b"")], "1.1"), stream, None
    )
