"""The command serves, tells what it serves, and says why it cannot start."""

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import Process


def test_it_says_what_a_person_needs_and_answers(start: Callable[..., Process]) -> None:
    with start("trial:app", "--port", "0") as process:
        port = process.port
        with process.ask("/") as client:
            assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
        process.until('"GET / HTTP/1.1" 200')
        assert "Serving trial:app (ASGI 3) over HTTP/1.1, HTTP/2 and WebSocket" in process.output
        assert f"process {process.child.pid}" in process.output
        assert f":{port}" in process.output
        process.send(signal.SIGTERM)
        assert process.wait()[0] == 0
        process.until("app: shutdown")


@pytest.mark.parametrize(
    "arguments, status, texts",
    [
        (("nowhere:app",), 4, ["no module 'nowhere'"]),
        (("trial:failing",), 3, ["The application failed to start: no database"]),
        (("trial:app", "--port", "TAKEN"), 5, ["is taken", "--port"]),
        (("trial:app", "--uds", "/no/such/folder/s"), 5, ["The folder of", "--uds"]),
        (("trial:app", "--fd", "987"), 5, ["Descriptor 987 is no socket"]),
    ],
)
def test_what_cannot_start_says_why_in_a_line_and_has_its_status_v02(
    start: Callable[..., Process], arguments: tuple[str, ...], status: int, texts: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        given = [taken if each == "TAKEN" else each for each in arguments]
        if "--port" not in given and "--uds" not in given and "--fd" not in given:
            given += ["--port", "0"]
        with start(*given) as process:
            assert process.wait()[0] == status
    for text in texts:
        assert text in process.output
    assert "Traceback" not in process.output
    assert "Running on" not in process.output


def test_the_loop_that_is_there_at_import_is_the_one_that_serves(
    start: Callable[..., Process],
) -> None:
    with start("trial:same_loop", "--port", "0", "--lifespan", "off") as process:
        with process.ask("/") as client:
            data = b""
            while not data.endswith((b"True", b"False")):
                part = client.recv(1000)
                assert part
                data += part
        assert data.endswith(b"True")
        process.send(signal.SIGTERM)
        assert process.wait()[0] == 0


def test_listening_sockets_are_not_passed_on_to_children_v06(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    (tmp_path / "child.py").write_text(
        "import subprocess, sys\n"
        "from trial import answer\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'http':\n"
        "        code = \"import os; print(sum('socket' in os.readlink(f'/proc/self/fd/{n}')"
        " for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')))\"\n"
        "        out = subprocess.run([sys.executable, '-c', code], close_fds=False,\n"
        "                             stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout\n"
        "        await answer(send, out.strip())\n"
    )
    with start("child:app", "--port", "0", "--lifespan", "off") as process:
        with process.ask("/") as client:
            assert client.recv(1000).endswith(b"\r\n\r\n0")
        process.send(signal.SIGTERM)
        assert process.wait()[0] == 0
