"""What the scope says of a request, its headers, and the lifespan's state (SCOPE, HTTP-SCOPE, HTTP-HDR, LIFE-STATE)."""

import socket
from pathlib import Path
from typing import Any

import pytest

from tests.asgi_app import Call, Probe, hello
from tests.sockets import serving


def scope_of(request: bytes, status: int = 200, **options: Any) -> dict[str, Any]:
    """The scope that these bytes lead to."""
    probe = Probe()
    with serving(probe, **options) as served, served.client() as client:
        client.send(request)
        assert client.response().status == status
    scope: dict[str, Any] = probe.calls[0].scope
    return scope


def scope_for(target: str, *lines: str, version: str = "1.1", **options: Any) -> dict[str, Any]:
    head = "\r\n".join([f"GET {target} HTTP/{version}", "Host: example.test", *lines, "", ""])
    return scope_of(head.encode("latin-1"), **options)


def test_the_plain_parts() -> None:
    """Types and values of what each http scope has (SCOPE-01, SCOPE-02, SCOPE-03, SCOPE-05, SCOPE-17, HTTP-SCOPE-02, HTTP-SCOPE-05, HTTP-SCOPE-12)."""
    scope = scope_for("/x")
    assert type(scope) is dict
    assert scope["type"] == "http"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert scope["scheme"] == "http"
    assert scope["root_path"] == ""
    assert scope["query_string"] == b""
    assert list(scope["headers"]) == list(scope["headers"]) == [(b"host", b"example.test")]
    assert len(scope["headers"]) == 1
    assert "state" not in scope
    assert set(scope) == {
        "type", "asgi", "http_version", "server", "client", "scheme", "method", "root_path", "path",
        "raw_path", "query_string", "headers", "extensions",
    }  # fmt: skip


@pytest.mark.usefixtures("each_protocol")
def test_no_part_is_shared_between_requests() -> None:
    """What one request does to its scope, the next does not see (SCOPE-08)."""
    fresh = []

    async def handler(call: Call) -> None:
        scope = call.scope
        fresh.append({**scope, "asgi": dict(scope["asgi"]), "headers": list(scope["headers"])})
        fresh[-1]["extensions"] = {name: dict(more) for name, more in scope["extensions"].items()}
        for part in ("asgi", "extensions"):
            for value in scope[part].values():
                if isinstance(value, dict):
                    value["x"] = 1
            scope[part]["x"] = 1
        scope["headers"].append((b"x", b"1"))
        scope["x"] = 1
        await call.answer()

    with serving(Probe(handler)) as served, served.client() as client:
        client.get()
        client.get()
        client.ask()
        client.ask()
        client.response()
        client.response()
    assert fresh[0] == fresh[1] == fresh[2] == fresh[3]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_version(version: str) -> None:
    """`"1.0"` and `"1.1"`, as str (HTTP-SCOPE-03)."""
    assert scope_for("/", version=version)["http_version"] == version


def test_a_later_minor_version_is_1_1() -> None:
    """RFC 9110 section 2.5; only listed values appear (HTTP-SCOPE-03)."""
    assert scope_for("/", version="1.7")["http_version"] == "1.1"


@pytest.mark.parametrize("method", ["PATCH", "PURGE", "QUERY", "get", "M-SEARCH"])
def test_the_method_is_upper_case(method: str) -> None:
    """Also an unknown one reaches the application (HTTP-SCOPE-04)."""
    scope = scope_of(f"{method} / HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert scope["method"] == method.upper()
    assert type(scope["method"]) is str


def test_a_head_request_in_lower_case_is_one_in_every_respect() -> None:
    """What the application is told and what the server does must be the same (HTTP-SCOPE-04, HTTP-RESP-21)."""

    async def handler(call: Call) -> None:
        await call.answer(b"body" if call.scope["method"] != "HEAD" else b"")

    with serving(Probe(handler)) as served, served.client() as client:
        client.ask(method="head")
        assert client.response(head_only=True).status == 200
        assert client.get().body == b"body"


@pytest.mark.parametrize(
    "target, path, raw_path, query",
    [
        pytest.param("/caf%C3%A9%20x", "/café x", b"/caf%C3%A9%20x", b"", id="HTTP-SCOPE-06 UTF-8"),
        pytest.param("/a+b", "/a+b", b"/a+b", b"", id="HTTP-SCOPE-06 plus"),
        pytest.param("/a%2Fb", "/a/b", b"/a%2Fb", b"", id="HTTP-SCOPE-06 escaped slash"),
        pytest.param("/%25", "/%", b"/%25", b"", id="HTTP-SCOPE-06 percent"),
        pytest.param("/%2541", "/%41", b"/%2541", b"", id="HTTP-SCOPE-06 once"),
        pytest.param("/%41%zz%4", "/A%zz%4", b"/%41%zz%4", b"", id="HTTP-SCOPE-06 no escape"),
        pytest.param("/%ff", "/\ufffd", b"/%ff", b"", id="HTTP-SCOPE-07 no UTF-8"),
        pytest.param("/%00", "/\0", b"/%00", b"", id="HTTP-SCOPE-06 NUL"),
        pytest.param(
            "/a//b/../c/;x=1", "/a//b/../c/;x=1", b"/a//b/../c/;x=1", b"", id="HTTP-SCOPE-08"
        ),
        pytest.param("//x", "//x", b"//x", b"", id="HTTP-SCOPE-08 two slashes"),
        pytest.param(
            "/./a/%2e%2e/b/", "/./a/../b/", b"/./a/%2e%2e/b/", b"", id="HTTP-SCOPE-08 dots"
        ),
        pytest.param("/a%23b", "/a#b", b"/a%23b", b"", id="HTTP-SCOPE-08 escaped fragment"),
        pytest.param("/a%2Fb%c3%a9", "/a/bé", b"/a%2Fb%c3%a9", b"", id="HTTP-SCOPE-09"),
        pytest.param("/x?y=1", "/x", b"/x", b"y=1", id="HTTP-SCOPE-10"),
        pytest.param("/x?a=%20b&c=?d", "/x", b"/x", b"a=%20b&c=?d", id="HTTP-SCOPE-11"),
        pytest.param("/x?", "/x", b"/x", b"", id="HTTP-SCOPE-11 empty"),
        pytest.param("/x??", "/x", b"/x", b"?", id="HTTP-SCOPE-11 two"),
        pytest.param("/x?%ff", "/x", b"/x", b"%ff", id="HTTP-SCOPE-11 no UTF-8"),
    ],
)
def test_path_and_query(target: str, path: str, raw_path: bytes, query: bytes) -> None:
    """Decoded once and never normalised; the raw path and the query as received."""
    scope = scope_for(target)
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw_path, query)
    assert (type(scope["path"]), type(scope["raw_path"])) == (str, bytes)
    assert type(scope["query_string"]) is bytes


@pytest.mark.parametrize(
    "target, path",
    [
        pytest.param("/mnt/x", "/mnt/x", id="contained already"),
        pytest.param("/x", "/mnt/x", id="added"),
        pytest.param("/", "/mnt/", id="added to the root"),
        pytest.param("/mnt", "/mnt", id="the mount itself"),
        pytest.param("/mnt/", "/mnt/", id="the mount and a slash"),
        pytest.param("/mntx", "/mnt/mntx", id="only a like name"),
        pytest.param("/mnt/mnt/x", "/mnt/mnt/x", id="once, not twice"),
        pytest.param("/%6dnt/x", "/mnt/x", id="escaped"),
        pytest.param("/x/%2e%2e", "/mnt/x/..", id="dots"),
    ],
)
def test_the_root_path_is_contained_exactly_once(target: str, path: str) -> None:
    """Stripping it yields what the application owns; the raw path stays as received (HTTP-SCOPE-13, HTTP-SCOPE-14)."""
    scope = scope_for(target, root_path="/mnt")
    assert scope["root_path"] == "/mnt"
    assert scope["path"] == path
    assert scope["raw_path"] == target.encode()


@pytest.mark.parametrize(
    "request_, path, raw_path, hosts",
    [
        pytest.param(
            b"GET http://h.test/p?q HTTP/1.1\r\nX: 1\r\nHost: other\r\n\r\n",
            "/p", b"/p", [b"h.test"], id="HTTP-SCOPE-21 the authority wins",
        ),
        pytest.param(
            b"GET http://h.test?q HTTP/1.1\r\nHost: h.test\r\n\r\n",
            None, None, None, id="HTTP-SCOPE-21 without a path",
        ),
        pytest.param(
            b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "*", b"*", [b"x"], id="HTTP-SCOPE-22 asterisk"
        ),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", "/", b"/", [], id="HTTP-HDR-08 HTTP-SCOPE-15 none"),
    ],
)  # fmt: skip
def test_targets_of_other_forms(
    request_: bytes, path: str | None, raw_path: bytes | None, hosts: list[bytes] | None
) -> None:
    """Absolute, asterisk, and no host at all."""
    if path is None:
        probe = Probe()
        with serving(probe) as served, served.client() as client:
            client.send(request_)
            assert client.response().status in {200, 400}
        assert all(call.scope["path"] == "/" for call in probe.calls)
        return
    scope = scope_of(request_)
    assert (scope["path"], scope["raw_path"]) == (path, raw_path)
    assert [value for name, value in scope["headers"] if name == b"host"] == hosts


@pytest.mark.usefixtures("each_protocol")
def test_client_and_server_are_the_sockets_addresses() -> None:
    """Literals and ints, as the two ends see them (HTTP-SCOPE-16, HTTP-SCOPE-17)."""
    probe = Probe()
    with serving(probe) as served, served.client() as client:
        client.get()
        assert tuple(probe.calls[0].scope["client"]) == client.sock.getsockname()
        assert tuple(probe.calls[0].scope["server"]) == client.sock.getpeername()
        assert type(probe.calls[0].scope["client"][1]) is int


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_an_ipv6_client_has_no_brackets_and_no_scope() -> None:
    """`::1`, two items (HTTP-SCOPE-16)."""
    probe = Probe()
    with serving(probe, host="::1") as served, served.client() as client:
        client.get()
        assert probe.calls[0].scope["client"] == ("::1", client.sock.getsockname()[1])
        assert probe.calls[0].scope["server"] == ("::1", client.sock.getpeername()[1])


def test_on_a_unix_socket(tmp_path: Path) -> None:
    """The server is path and None, the client None (HTTP-SCOPE-18, HTTP-SCOPE-19)."""
    probe = Probe()
    path = str(tmp_path / "s")
    with _on_unix(probe, path) as served, served.client() as client:
        client.get()
    assert tuple(probe.calls[0].scope["server"]) == (path, None)
    assert probe.calls[0].scope["client"] is None


def _on_unix(probe: Probe, path: str) -> Any:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    return serving(probe, sockets=[listener])


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n", id="HTTP-HDR-13 space"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nx: a\0b\r\n\r\n", id="HTTP-HDR-13 NUL"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nx: a\rb\r\n\r\n", id="HTTP-HDR-13 CR"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nx: a\nb\r\n\r\n", id="HTTP-HDR-13 LF"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\xe9: a\r\n\r\n", id="HTTP-HDR-13 no token"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(b"GET /\r\n\r\n", id="no version"),
        pytest.param(b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", id="two spaces"),
        pytest.param(b"GET x HTTP/1.1\r\nHost: x\r\n\r\n", id="no path"),
        pytest.param(b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", id="raw byte"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            id="HTTP-REQ-07 both lengths",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            id="HTTP-REQ-07 two lengths",
        ),
    ],
)
def test_what_is_malformed_never_reaches_the_application(bad: bytes) -> None:
    """400, and the request that follows in the same bytes is not served (HTTP-SCOPE-24, HTTP-CONN-06)."""
    probe = Probe()
    with serving(probe) as served, served.client() as client:
        client.send(bad + b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.response().status == 400
        assert client.closed()
    assert probe.calls == []


# -------------------------------------------------------------------------------------------- headers


def test_names_are_lower_case_and_duplicates_stay_apart() -> None:
    """In wire order, values not joined, exact bytes (HTTP-HDR-01, HTTP-HDR-03, HTTP-HDR-04, HTTP-HDR-05, HTTP-HDR-14)."""
    scope = scope_of(
        b"GET / HTTP/1.1\r\nHost: h\r\nX-CaSe: V\r\nx-a: 1\r\nx_b:2\r\nx-a: \t 3 \t\r\nx-e:\r\n"
        b"x-raw: \x80\xff\xe9\r\nset-cookie: a\r\nset-cookie: b\r\n\r\n"
    )
    assert scope["headers"] == [
        (b"host", b"h"),
        (b"x-case", b"V"),
        (b"x-a", b"1"),
        (b"x_b", b"2"),
        (b"x-a", b"3"),
        (b"x-e", b""),
        (b"x-raw", b"\x80\xff\xe9"),
        (b"set-cookie", b"a"),
        (b"set-cookie", b"b"),
    ]


def test_cookie_stays_one_header() -> None:
    """And framing headers stay visible (HTTP-HDR-09, HTTP-HDR-12)."""
    scope = scope_for("/", "Cookie: a=1; b=2", "Content-Length: 0")
    assert (b"cookie", b"a=1; b=2") in scope["headers"]
    assert (b"content-length", b"0") in scope["headers"]


# ---------------------------------------------------------------------------------------------- state


class _Living(Probe):
    """A probe with a lifespan that keeps its scope."""

    def __init__(self, handler: Any) -> None:
        super().__init__(handler)
        self.lifespan: dict[str, Any] = {}
        self.shared: list[int] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        if scope["type"] != "lifespan":
            return await super().__call__(scope, receive, send)
        assert scope["state"] == {}
        self.lifespan = scope["state"]
        await receive()
        scope["state"]["shared"] = self.shared
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.at_shutdown = dict(scope["state"])
        return await send({"type": "lifespan.shutdown.complete"})


@pytest.mark.usefixtures("each_protocol")
def test_each_request_has_a_shallow_copy_of_the_state() -> None:
    """Another dict, the same values; nothing added by the server (SCOPE-14, HTTP-SCOPE-20, LIFE-STATE-01 to LIFE-STATE-05)."""

    async def handler(call: Call) -> None:
        state = call.scope["state"]
        assert set(state) == {"shared"}
        state["shared"].append(1)
        state["own"] = 1
        await hello(call)

    probe = _Living(handler)
    with serving(probe, lifespan="on") as served, served.client() as client:
        for _ in range(3):
            assert client.get().status == 200
    states = [call.scope["state"] for call in probe.calls]
    assert len(set(map(id, states))) == 3
    assert all(state["shared"] is probe.shared for state in states)
    assert probe.shared == [1, 1, 1]
    assert probe.at_shutdown == {"shared": probe.shared}


def test_keys_that_lifespan_adds_later_are_seen_later() -> None:
    """The copy is taken when the request comes (LIFE-STATE-06)."""
    probe = _Living(hello)
    with serving(probe, lifespan="on") as served, served.client() as client:
        client.get()
        served.on_loop(lambda: probe.lifespan.update(late=1))
        client.get()
    assert [("late" in call.scope["state"]) for call in probe.calls] == [False, True]
