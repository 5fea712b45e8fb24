"""Flask inside Starlette, Django beside FastAPI, and the reverse, served for real."""

import httpx
import pytest

from tests.apps.server import DEADLINE_S, Server, stopped_well

pytestmark = pytest.mark.real

API = {"root_path": "/api", "url": "/api/hello"}


@pytest.mark.parametrize(
    "name, under",
    [
        ("starlette", {"/own": "Starlette's own", "/flask/hello": "Hello, wörld"}),
        ("beside", {"/django/hello": "Hello, wörld", "/api/hello": API}),
        (
            "asgi",
            {
                "/own": "Starlette's own",
                "/flask/hello": "Hello, wörld",
                "/django/hello": "Hello, wörld",
                "/api/hello": API,
            },
        ),
        (
            "wsgi",
            {"/hello": "Hello, wörld", "/django/hello": "Hello, wörld", "/api/hello": API},
        ),
        ("dispatcher", {"/hello": "Hello, wörld", "/api/hello": API}),
    ],
)
def test_each_application_answers_under_its_path(name: str, under: dict[str, object]) -> None:
    with Server(f"tests.apps.mounted_app:{name}", "--port", "0") as server:
        for path, expected in under.items():
            answer = httpx.get(server.url + path, timeout=DEADLINE_S)
            assert answer.status_code == 200
            found = answer.json() if isinstance(expected, dict) else answer.text
            assert found == expected
            item = httpx.get(f"{server.url}{path}-nothing", timeout=DEADLINE_S)
            assert item.status_code == 404
        # A body that is more than any buffer arrives whole.
        for path in under:
            if path.endswith("/hello") and path != "/api/hello":
                root = path.removesuffix("/hello")
                body = b"x" * 300_000
                uploaded = httpx.post(
                    f"{server.url}{root}/json",
                    content=b'"' + body + b'"',
                    headers={"content-type": "application/json"},
                    timeout=DEADLINE_S,
                )
                assert uploaded.json() == {"got": body.decode()}
        stopped_well(server)
