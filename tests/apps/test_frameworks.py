"""One contract, kept by every framework unmodified: the same requests from the same clients get the same answers.

Each `*_app.py` beside this file implements the routes in its framework's own idiom; the modules under test are named in
FRAMEWORKS. What a framework has no way to do is left out of its `can`, so that nothing is skipped by accident.
"""

import gzip
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.apps.common import PARTS, TEXT
from tests.apps.server import DEADLINE_S, Server, stopped_well

pytestmark = pytest.mark.real

COMMON = frozenset({"background", "late", "chunked", "half-close"})
ASGI = COMMON | {"lifespan", "websocket"}


@dataclass(frozen=True)
class Framework:
    """What to serve, how the start-up line must call it, and what it can do beyond the contract's core."""

    spec: str
    interface: str
    can: frozenset[str] = field(default=COMMON)
    arguments: tuple[str, ...] = ()
    body_bytes_max: int = 1_500_000


FRAMEWORKS = {
    "starlette": Framework("starlette_app:app", "ASGI 3", ASGI | {"cors", "gzip", "denial"}),
    "fastapi": Framework(
        "fastapi_app:app", "ASGI 3", (ASGI | {"cors", "gzip", "denial"}) - {"late"}
    ),
    # Django cancels a view on http.disconnect, which a half-closed connection means too.
    "django-asgi": Framework("django_asgi", "ASGI 3", (COMMON | {"gzip"}) - {"half-close"}),
    "litestar": Framework("litestar_app:app", "ASGI 3", ASGI | {"cors", "gzip"}),
    "quart": Framework("quart_app:app", "ASGI 3", ASGI | {"denial"}),
    "falcon-asgi": Framework("falcon_app:app", "ASGI 3", ASGI | {"cors"}),
    # These two read as much as CONTENT_LENGTH says, so nothing of a chunked body, in any server.
    "django-wsgi": Framework("django_wsgi", "WSGI", (COMMON | {"gzip"}) - {"chunked"}),
    "falcon-wsgi": Framework("falcon_wsgi", "WSGI", frozenset({"late", "cors", "half-close"})),
    "flask": Framework("flask_app", "WSGI"),
    "flask-bridged": Framework("bridged_flask:app", "ASGI 3"),
    "starlette-bridged": Framework("bridged_starlette:app", "WSGI", COMMON | {"cors", "gzip"}),
    "flask-inline": Framework(
        "flask_app", "WSGI", arguments=("--threads", "0"), body_bytes_max=60_000
    ),
}


@dataclass
class Served:
    """A framework's application, being served."""

    name: str
    framework: Framework
    server: Server
    file: Path

    @property
    def url(self) -> str:
        return self.server.url

    @contextmanager
    def websocket(self, path: str, **options: Any) -> Iterator[ClientConnection]:
        address = self.url.replace("http://", "ws://") + path
        with connect(address, open_timeout=DEADLINE_S, proxy=None, **options) as websocket:
            yield websocket


@contextmanager
def serving(name: str, file: Path, *arguments: str) -> Iterator[Served]:
    framework = FRAMEWORKS[name]
    spec = f"tests.apps.{framework.spec}"
    arguments = (*framework.arguments, *arguments)
    with Server(spec, "--port", "0", *arguments, environ={"TRIAL_FILE": str(file)}) as server:
        server.until("Running on")
        yield Served(name, framework, server, file)
        # Django and Quart cancel a response whose client has left, and leave its file to the garbage collector
        stopped_well(server, f"name='{file}'" if name in {"django-asgi", "quart"} else "")


@pytest.fixture(scope="module", params=FRAMEWORKS)
def served(request: pytest.FixtureRequest, served_file: Path) -> Iterator[Served]:
    """One process for all the tests of a framework."""
    with serving(request.param, served_file) as served:
        yield served
    if "lifespan" in served.framework.can:
        assert served.server.output.count("app: startup") == 1
        assert served.server.output.count("app: shutdown") == 1


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=DEADLINE_S, trust_env=False) as client:
        yield client


def only(*names: str) -> pytest.MarkDecorator:
    """Run the test with the frameworks that can do all of `names`."""
    able = [name for name, framework in FRAMEWORKS.items() if framework.can.issuperset(names)]
    return pytest.mark.parametrize("served", able, indirect=True, scope="module")


# ------------------------------------------------------------------------------------- requests


def test_the_start_up_lines_name_application_and_interface(served: Served) -> None:
    module = f"tests.apps.{served.framework.spec}"
    output = served.server.output
    assert f"Serving {module}" in output
    assert f"({served.framework.interface})" in output


def test_a_plain_request_is_answered(client: httpx.Client) -> None:
    response = client.get("/hello")
    assert (response.status_code, response.text) == (200, "Hello, wörld")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["x-middleware"] == "passed"
    assert response.headers["server"] == "penstock"
    assert "date" in response.headers


def test_path_and_query_arrive_decoded_as_they_were_meant(client: httpx.Client) -> None:
    response = client.get("/items/Größe%20%F0%9F%98%80+1", params={"q": ["ä b", "c&d=e", ""]})
    assert response.json() == {"name": "Größe 😀+1", "q": ["ä b", "c&d=e", ""]}


def test_what_is_not_there_is_404(client: httpx.Client) -> None:
    assert client.get("/nowhere").status_code == 404


def test_json_comes_back_as_it_was_sent(client: httpx.Client, served: Served) -> None:
    long = "x" * served.framework.body_bytes_max
    value = {"text": "ü😀", "list": [1, None, True, 1.5], "long": long}
    assert client.post("/json", json=value).json() == {"got": value}


@only("chunked")
def test_json_of_unknown_length_comes_back_as_it_was_sent(client: httpx.Client) -> None:
    """A chunked request, in small pieces."""
    content = (part for part in (b'{"a":', b" [1, ", b"2]", b"}"))
    response = client.post("/json", content=content, headers={"content-type": "application/json"})
    assert response.json() == {"got": {"a": [1, 2]}}


def test_a_form_arrives(client: httpx.Client) -> None:
    fields = {"name": "Jürgen", "empty": "", "text": "a&b=c d"}
    assert client.post("/form", data=fields).json() == fields


def test_a_multipart_upload_arrives_whole(client: httpx.Client, served: Served) -> None:
    data = bytes(range(256)) * (served.framework.body_bytes_max // 256)
    response = client.post(
        "/upload", data={"note": "größer"}, files={"file": ("a b.bin", data, "application/x")}
    )
    assert response.json() == {
        "note": "größer",
        "filename": "a b.bin",
        "bytes": len(data),
        "sha256": sha256(data).hexdigest(),
    }


def test_one_connection_carries_many_requests(client: httpx.Client) -> None:
    streams = {
        id(client.get("/hello").extensions["network_stream"].get_extra_info("socket"))
        for _ in range(20)
    }
    assert len(streams) == 1


def test_head_has_the_headers_and_no_body(client: httpx.Client) -> None:
    """The connection must be in step afterwards."""
    response = client.head("/hello")
    assert (response.status_code, response.content) == (200, b"")
    assert client.get("/hello").text == "Hello, wörld"


def test_cookies_go_both_ways(client: httpx.Client) -> None:
    response = client.get("/cookies", headers={"cookie": 'one=1; two="a b"'})
    assert response.json() == {"one": "1", "two": "a b"}
    pairs = [line.partition(";")[0] for line in response.headers.get_list("set-cookie")]
    assert pairs == ["first=1", 'second="two words"']


def test_a_redirect_leads_where_the_client_is(client: httpx.Client) -> None:
    response = client.get("/go")
    assert response.status_code == 303
    assert client.get("/go", follow_redirects=True).text == "Hello, wörld"


# ------------------------------------------------------------------------------------ responses


def test_a_streamed_response_arrives_whole(client: httpx.Client) -> None:
    response = client.get("/stream", headers={"accept-encoding": "identity"})
    assert response.headers["transfer-encoding"] == "chunked"
    assert response.content == b"".join(PARTS)


def test_a_streamed_response_to_an_http_1_0_client_ends_with_the_connection(
    served: Served,
) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port), DEADLINE_S) as client:
        client.sendall(b"GET /stream HTTP/1.0\r\n\r\n")
        data = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"transfer-encoding" not in head.lower()
    assert body == b"".join(PARTS)


def test_an_event_stream_opens_at_once_and_the_application_learns_that_the_client_left(
    client: httpx.Client, served: Served
) -> None:
    token = uuid4().hex
    with client.stream("GET", "/events", params={"token": token}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.iter_lines()
        assert next(line for line in lines if line.startswith("data:")) == "data: first"
    served.server.until(f"app: left {token}")


def test_a_file_arrives_whole_with_its_length_and_name(
    client: httpx.Client, served: Served
) -> None:
    response = client.get("/file", headers={"accept-encoding": "identity"})
    assert response.content == served.file.read_bytes()
    assert response.headers["content-length"] == str(served.file.stat().st_size)
    disposition = unquote(response.headers["content-disposition"])
    assert "größe.bin" in disposition
    assert client.get("/hello").status_code == 200


def test_a_request_for_a_file_that_the_client_leaves_harms_nobody(
    client: httpx.Client, served: Served
) -> None:
    for _ in range(3):
        with client.stream("GET", "/file") as response:
            next(response.iter_raw(1000))
    assert client.get("/hello").text == "Hello, wörld"


@only("background")
def test_what_runs_after_the_response_runs(client: httpx.Client, served: Served) -> None:
    token = uuid4().hex
    response = client.post("/background", params={"token": token})
    assert (response.status_code, response.json()) == (202, {"accepted": True})
    served.server.until(f"app: background {token}")


def test_an_exception_is_500_and_its_traceback_in_the_log(
    client: httpx.Client, served: Served
) -> None:
    response = client.get("/raise")
    assert response.status_code == 500
    assert "on purpose" not in response.text
    served.server.until("RuntimeError: broken on purpose")
    assert client.get("/hello").status_code == 200


@only("late")
def test_a_response_that_breaks_in_the_middle_is_not_taken_for_whole(
    client: httpx.Client, served: Served
) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        client.get("/late", headers={"accept-encoding": "identity"})
    served.server.until("broken on purpose, late")
    assert client.get("/hello").status_code == 200


@only("gzip")
def test_compression_middleware_compresses(client: httpx.Client) -> None:
    with client.stream("GET", "/text", headers={"accept-encoding": "gzip"}) as response:
        raw = b"".join(response.iter_raw())
    assert response.headers["content-encoding"] == "gzip"
    assert len(raw) < len(TEXT) / 10
    assert gzip.decompress(raw).decode() == TEXT


@only("gzip")
def test_compression_middleware_compresses_a_stream(client: httpx.Client) -> None:
    response = client.get("/stream", headers={"accept-encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert response.content == b"".join(PARTS)


@only("cors")
def test_cross_origin_requests_are_judged_by_the_framework(client: httpx.Client) -> None:
    origin = {"origin": "https://example.org"}
    preflight = client.options("/hello", headers={**origin, "access-control-request-method": "PUT"})
    assert preflight.status_code in {200, 204}
    assert preflight.headers["access-control-allow-origin"] == "https://example.org"
    assert client.get("/hello", headers=origin).headers["access-control-allow-origin"]
    assert "access-control-allow-origin" not in client.get("/hello").headers


@only("half-close")
def test_a_client_that_half_closes_still_gets_its_answer(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port), DEADLINE_S) as client:
        client.sendall(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        data = b"".join(iter(lambda: client.recv(65536), b""))
    assert data.startswith(b"HTTP/1.1 200 ")
    assert data.endswith("Hello, wörld".encode())


# ------------------------------------------------------------------------- state, context, mount


@only("lifespan")
def test_what_startup_made_is_there_for_requests(client: httpx.Client) -> None:
    assert client.get("/state").json() == {"greeting": "from startup"}


def test_each_request_has_a_fresh_copy_of_the_context_of_lifespan(
    client: httpx.Client, served: Served
) -> None:
    expected = "from lifespan" if "lifespan" in served.framework.can else "unset"
    assert [client.get("/context").json() for _ in range(3)] == [{"before": expected}] * 3


# Falcon's router does not know root_path in ASGI: it wants routes with it.
MOUNTABLE = [name for name in FRAMEWORKS if name not in {"falcon-asgi", "flask-inline"}]


@pytest.mark.parametrize("name", MOUNTABLE)
def test_under_a_root_path_links_lead_back_whether_the_proxy_strips_it_or_not(
    name: str, served_file: Path
) -> None:
    with (
        serving(name, served_file, "--root-path", "/ein/amt") as served,
        httpx.Client(base_url=served.url, timeout=DEADLINE_S, trust_env=False) as client,
    ):
        for path in ("/go", "/ein/amt/go"):
            location = client.get(path).headers["location"]
            assert location.removeprefix(served.url) == "/ein/amt/hello"
            assert client.get(location).text == "Hello, wörld"
        assert client.get("/hello").text == "Hello, wörld"


# ------------------------------------------------------------------------------------ WebSocket


@only("websocket")
def test_websocket_text_comes_back(served: Served) -> None:
    with served.websocket("/ws/echo", subprotocols=["other", "chat"]) as websocket:
        assert websocket.subprotocol == "chat"
        assert websocket.response is not None
        assert websocket.response.headers["x-accepted"] == "yes"
        for text in ("Grüße 😀", "", "x" * 200_000):
            websocket.send(text)
            assert websocket.recv(DEADLINE_S) == text
        websocket.ping().wait(DEADLINE_S)


@only("websocket")
def test_websocket_binary_comes_back(served: Served) -> None:
    with served.websocket("/ws/echo?kind=binary", compression=None) as websocket:
        assert websocket.subprotocol is None
        for data in (b"\0\xff", bytes(range(256)) * 1000):
            websocket.send(data)
            assert websocket.recv(DEADLINE_S) == data


@only("websocket")
def test_websocket_messages_in_fragments_are_put_together(served: Served) -> None:
    with served.websocket("/ws/echo") as websocket:
        websocket.send(["ein ", "Satz ", "in Stücken"])
        assert websocket.recv(DEADLINE_S) == "ein Satz in Stücken"


@only("websocket")
def test_the_application_closes_a_websocket_with_code_and_reason(served: Served) -> None:
    with served.websocket("/ws/echo") as websocket:
        websocket.send("close")
        with pytest.raises(ConnectionClosed) as caught:
            websocket.recv(DEADLINE_S)
    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4001, "genug")


@only("websocket")
def test_the_application_learns_how_a_websocket_was_closed(served: Served) -> None:
    told = {"quart": "", "falcon-asgi": " 4321"}.get(served.name, " 4321 bis dann")
    with served.websocket("/ws/echo") as websocket:
        websocket.send("hallo")
        assert websocket.recv(DEADLINE_S) == "hallo"
        websocket.close(4321, "bis dann")
    assert websocket.protocol.close_sent is not None
    assert websocket.protocol.close_rcvd is not None
    assert websocket.protocol.close_rcvd.code == 4321
    served.server.until(f"app: websocket left{told}\n")


@only("websocket")
def test_a_websocket_that_the_application_does_not_want_is_refused(served: Served) -> None:
    with pytest.raises(InvalidStatus) as caught, served.websocket("/ws/deny"):
        pass
    assert caught.value.response.status_code == 403


@only("websocket", "denial")
def test_a_refused_websocket_carries_the_applications_own_answer(served: Served) -> None:
    with pytest.raises(InvalidStatus) as caught, served.websocket("/ws/deny"):
        pass
    body = caught.value.response.body
    assert body is not None
    assert b"members only" in body


@pytest.mark.parametrize("served", ["django-asgi"], indirect=True, scope="module")
def test_a_framework_that_knows_no_websocket_refuses_it(served: Served) -> None:
    """Django raises ValueError: the handshake is answered, and the log says why."""
    with pytest.raises(InvalidStatus) as caught, served.websocket("/hello"):
        pass
    assert caught.value.response.status_code == 500
    served.server.until("Django can only handle ASGI/HTTP connections, not websocket")


@pytest.mark.parametrize(
    "served", ["django-wsgi", "flask", "falcon-wsgi"], indirect=True, scope="module"
)
def test_a_wsgi_application_answers_a_websocket_handshake_as_the_request_that_it_is(
    served: Served,
) -> None:
    with pytest.raises(InvalidStatus) as caught, served.websocket("/hello"):
        pass
    # Flask's router tells the two apart
    assert caught.value.response.status_code == (400 if served.name == "flask" else 200)


# -------------------------------------------------------------------------------- FastAPI's own

fastapi_only = pytest.mark.parametrize("served", ["fastapi"], indirect=True, scope="module")


@fastapi_only
def test_fastapi_checks_bodies_and_closes_dependencies(
    client: httpx.Client, served: Served
) -> None:
    token = uuid4().hex
    good = client.post("/order", params={"token": token}, json={"article": "Uhr", "count": "2"})
    assert good.json() == {"article": "Uhr", "count": 2, "lent": f"connection for {token}"}
    served.server.until(f"app: dependency closed {token}")
    bad = client.post("/order", params={"token": token}, json={"article": "Uhr", "count": "many"})
    assert bad.status_code == 422
    assert bad.json()["detail"][0]["loc"] == ["body", "count"]


@fastapi_only
def test_fastapi_shows_its_documentation(client: httpx.Client) -> None:
    assert "/order" in client.get("/openapi.json").json()["paths"]
    assert "swagger-ui" in client.get("/docs").text
