"""As a new user meets it: start, mistakes, and exit codes, with real frameworks."""

import json
import os
import signal
import socket
from pathlib import Path

import httpx
import pytest

from tests.apps.server import DEADLINE_S, Server, stopped_well

pytestmark = pytest.mark.real

APP = "tests.apps.starlette_app:app"

# One file for each framework, since importing one takes its time.
FILES = {
    "project.py": """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


def create_app():
    return Starlette(routes=[Route("/", lambda request: PlainTextResponse("made by a factory"))])


def create_named(name):
    return create_app()


async def create_async():
    return Starlette()


first = Starlette()
second = Starlette()
text = "not an application"
""",
    "main.py": """
from flask import Flask

api = Flask(__name__)
api.get("/")(lambda: "here")
""",
    "failing.py": """
from contextlib import asynccontextmanager


def fail(*arguments):
    raise ConnectionError("no database at db:5432")


@asynccontextmanager
async def lifespan(app):
    fail()
    yield


class Starting:
    async def process_startup(self, scope, event):
        fail()
""",
    "starlette_fails.py": """
from starlette.applications import Starlette
from failing import lifespan
app = Starlette(lifespan=lifespan)
""",
    "fastapi_fails.py": """
from fastapi import FastAPI
from failing import lifespan
app = FastAPI(lifespan=lifespan)
""",
    "litestar_fails.py": """
from litestar import Litestar
from failing import lifespan
app = Litestar(lifespan=[lifespan])
""",
    "quart_fails.py": """
from quart import Quart
from failing import fail
app = Quart(__name__)
app.before_serving(fail)
""",
    "falcon_fails.py": """
import falcon.asgi
from failing import Starting
app = falcon.asgi.App(middleware=[Starting()])
""",
    "broken.py": "import json\nimport nothing_like_this\n",
    "wrong.py": "import json\n\napp = json.loads(\n",
    "raising.py": "import os\n\nsecret = os.environ['NO_SUCH_SETTING']\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("spec", [APP, "tests.apps.flask_app"])
def test_it_starts_serves_and_stops_with_status_0(spec: str, number: int) -> None:
    with Server(spec, "--port", "0") as server:
        assert httpx.get(f"{server.url}/hello").text == "Hello, wörld"
        assert server.stop(number) == 0
        if spec == APP:
            assert server.output.index("app: startup") < server.output.index("app: shutdown")


def test_a_request_under_way_is_finished_before_the_end() -> None:
    with (
        Server(APP, "--port", "0") as server,
        socket.create_connection(("127.0.0.1", server.port), DEADLINE_S) as client,
    ):
        client.sendall(
            b"POST /json HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b'content-length: 10\r\n\r\n{"a":'
        )
        with pytest.raises(httpx.TransportError):  # it serves, then it does not accept any more
            while httpx.get(f"{server.url}/hello").status_code == 200:
                server.child.send_signal(signal.SIGTERM)
                server.until("shutting down")
        client.sendall(b' "b"}')
        data = b"".join(iter(lambda: client.recv(65536), b""))
        assert b"connection: close" in data.lower()
        assert data.endswith(b'{"got":{"a":"b"}}')
        assert server.wait() == 0


def test_the_port_comes_from_the_environment_and_all_addresses_are_meant(free_port: int) -> None:
    """As platforms set it that run one web process."""
    with Server(APP, environ={"PORT": str(free_port)}) as server:
        server.until("all other addresses")
        assert httpx.get(f"http://127.0.0.1:{free_port}/hello").status_code == 200
        stopped_well(server)


def test_the_command_line_wins_over_the_environment(free_port: int) -> None:
    with Server(APP, "--port", "0", environ={"PORT": str(free_port)}) as server:
        assert server.port != free_port
        stopped_well(server)


@pytest.mark.parametrize(
    "arguments, answer, shown",
    [
        (("main.py",), "here", "main:api (WSGI)"),
        (("./main.py:api",), "here", "main:api (WSGI)"),
        (("main",), "here", "main:api (WSGI)"),
        (("project:create_app()",), "made by a factory", "project:create_app() (ASGI 3)"),
        (("project:create_app", "--factory"), "made by a factory", "(ASGI 3)"),
        (("project:create_named('x')",), "made by a factory", "(ASGI 3)"),
    ],
)
def test_each_way_to_name_an_application_works(
    project: Path, arguments: tuple[str, ...], answer: str, shown: str
) -> None:
    with Server(*arguments, "--port", "0", cwd=project) as server:
        assert httpx.get(server.url).text == answer
        assert shown in server.output
        stopped_well(server)


@pytest.mark.parametrize(
    "arguments, status, lines",
    [
        # 2: the command line itself
        ((), 2, ["penstock: there is no application to serve", "penstock module:app"]),
        (("main:api", "--prot", "1"), 2, ["there is no option --prot", "did you mean --port?"]),
        (("main:api", "--port", "http"), 2, ["--port", "http"]),
        (("main:api", "more"), 2, ["one process serves one application"]),
        (("main:api", "--workers", "many"), 2, ["--workers", "many"]),
        (("project:create_app",), 2, ["a factory?", "--factory", "project:create_app()"]),
        (("project:create_async", "--factory"), 2, ["project:create_async", "async"]),
        (("project:create_named", "--factory"), 2, ["missing", "'name'"]),
        (("project:text",), 2, ["project:text is a str", "module:app"]),
        (("main:api", "--factory"), 2, ["WSGI application itself", "remove --factory"]),
        ((".",), 2, ["names no module"]),
        # 3: the application does not start
        (("starlette_fails",), 3, ["failed to start: ConnectionError: no database at db:5432"]),
        (("fastapi_fails",), 3, ["failed to start: ConnectionError: no database at db:5432"]),
        (("litestar_fails",), 3, ["failed to start: ConnectionError: no database at db:5432"]),
        (("quart_fails",), 3, ["failed to start: no database at db:5432"]),
        (("falcon_fails",), 3, ["failed to start: ConnectionError: no database at db:5432"]),
        # 4: it cannot be imported
        (("projekt:first",), 4, ["no module 'projekt'", "did you mean project:first?"]),
        (("project:frist",), 4, ["project has no attribute 'frist'", "did you mean first?"]),
        (("project",), 4, ["several applications", "project:first"]),
        (("main.api",), 4, ["did you mean main:api?"]),
        (("missing.py",), 4, ["missing.py"]),
        (("broken:app",), 4, ["nothing_like_this", "line 2"]),
        (("wrong:app",), 4, ["wrong.py", "line 3", "SyntaxError"]),
        (("raising:app",), 4, ["NO_SUCH_SETTING", "line 3"]),
        # 5: the address cannot be had
        (("main:api", "--port", "TAKEN"), 5, ["is taken", "--port"]),
        (("main:api", "--host", "192.0.2.1"), 5, ["192.0.2.1", "--host"]),
        (("main:api", "--uds", "/no/such/folder/s"), 5, ["/no/such/folder", "--uds"]),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_what_to_do_and_has_its_own_status(
    project: Path, arguments: tuple[str, ...], status: int, lines: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        given = [port if word == "TAKEN" else word for word in arguments]
        with Server(*given, cwd=project) as server:
            assert server.wait() == status
    assert [line for line in lines if line not in server.output] == []
    assert "Running on" not in server.output
    own_code = status == 3 or arguments[:1] in {("broken:app",), ("wrong:app",), ("raising:app",)}
    if own_code:  # a traceback is the user's own code only
        assert "importlib" not in server.output
    else:
        assert "Traceback" not in server.output
        assert len(server.output.strip().splitlines()) <= 3, server.output


def test_the_configuration_file_is_read_from_the_current_folder(project: Path) -> None:
    (project / "penstock.toml").write_text(
        'app = "main:api"\nport = 0\nheader = ["x-from: file"]\n'
    )
    with Server(cwd=project) as server:
        assert httpx.get(server.url).headers["x-from"] == "file"
        stopped_well(server)


def test_logging_can_be_configured(project: Path) -> None:
    """With the logger names that are promised: penstock.error, penstock.access."""
    log = project / "access.log"
    handlers = {"file": {"class": "logging.FileHandler", "filename": str(log)}}
    loggers = {"penstock.access": {"handlers": ["file"], "level": "INFO"}}
    configuration = {"version": 1, "handlers": handlers, "loggers": loggers}
    (project / "log.json").write_text(json.dumps(configuration))
    # Without a handler of its own, penstock.error says nothing: the port is ours to choose.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        descriptor = os.dup(listener.fileno())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            with Server(
                "main:api", "--fd", str(descriptor), "--log-config", "log.json",
                cwd=project, pass_fds=(descriptor,),
            ) as server:  # fmt: skip
                assert httpx.get(url, timeout=DEADLINE_S).text == "here"
                assert server.stop() == 0
        finally:
            os.close(descriptor)
    assert '"GET / HTTP/1.1" 200' in log.read_text()
