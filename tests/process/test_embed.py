"""`run`, `serve` and `Server` work in any program, and raise what keeps them from starting."""

import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.errors import BindError, ImportFailed, StartupError, UsageError
from tests.command import python
from tests.loops import NewLoop, each_loop, run_on

DEADLINE_S = 20.0


async def app(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    headers = [(b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


async def fetch(server: Any) -> bytes:
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    try:
        return await asyncio.wait_for(reader.read(), DEADLINE_S)
    finally:
        writer.close()
        await writer.wait_closed()


@each_loop
def test_a_server_is_up_inside_its_block_on_any_loop(new_loop: NewLoop) -> None:
    async def test() -> None:
        async with penstock.Server(app, port=0, lifespan="off") as server:
            assert server.url.startswith("http://127.0.0.1:")
            assert (await fetch(server)).endswith(b"hello")

    run_on(new_loop, test())


@each_loop
def test_two_servers_live_side_by_side(new_loop: NewLoop) -> None:
    async def test() -> None:
        async with (
            penstock.Server(app, port=0, lifespan="off") as one,
            penstock.Server(app, port=0, lifespan="off") as two,
        ):
            assert one.url != two.url
            assert (await fetch(one)).endswith(b"hello")
            assert (await fetch(two)).endswith(b"hello")

    run_on(new_loop, test())


def test_an_import_string_and_a_config_are_taken_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "public_trial.py").write_text("from tests.process.test_embed import app\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    async def test() -> None:
        async with penstock.Server("public_trial:app", port=0, lifespan="off") as server:
            assert (await fetch(server)).endswith(b"hello")
        config = penstock.Config(app, port=0)
        async with penstock.Server(config, lifespan="off") as server:
            assert server.settings.lifespan == "off"
            assert (await fetch(server)).endswith(b"hello")

    asyncio.run(test())


def test_an_embedded_server_touches_neither_signals_nor_logging() -> None:
    async def test() -> None:
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        handlers = list(logging.getLogger("penstock.error").handlers)
        async with penstock.Server(app, port=0, lifespan="off"):
            assert {number: signal.getsignal(number) for number in before} == before
            assert logging.getLogger("penstock.error").handlers == handlers

    asyncio.run(test())


def test_errors_of_the_start_are_raised() -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    async def test() -> None:
        with pytest.raises(StartupError, match="no database"):
            await penstock.serve(failing, port=0)
        with pytest.raises(ImportFailed):
            await penstock.serve("no_such_module:app", port=0)
        with pytest.raises(UsageError, match="there is no option 'prot'"):
            await penstock.serve(app, prot=0)
        with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(BindError):
            await penstock.serve(app, port=other.getsockname()[1], lifespan="off")

    asyncio.run(test())


def test_serve_ends_when_cancelled() -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            place = sock.getsockname()
            serving = asyncio.ensure_future(penstock.serve(app, sockets=[sock], lifespan="off"))
            reader, writer = await asyncio.open_connection(*place)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await asyncio.wait_for(reader.read(), DEADLINE_S)).endswith(b"hello")
            writer.close()
            await writer.wait_closed()
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving

    asyncio.run(test())


def test_serve_with_signals_ends_by_a_signal_and_puts_the_handlers_back() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            place = sock.getsockname()
            serving = asyncio.ensure_future(
                penstock.serve(app, signals=True, sockets=[sock], lifespan="off")
            )
            _, writer = await asyncio.open_connection(*place)
            assert signal.getsignal(signal.SIGTERM) != before[signal.SIGTERM]
            writer.close()
            await writer.wait_closed()
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(serving, DEADLINE_S)

    asyncio.run(test())
    assert {number: signal.getsignal(number) for number in before} == before


RUN = """
import os, signal, sys, threading
import penstock
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
penstock.run(app, port=0)
print("and the program goes on")
"""


def test_run_serves_until_a_signal_and_returns() -> None:
    done = python(RUN)
    assert done.returncode == 0, done.stderr
    assert "Running on http://127.0.0.1:" in done.stderr
    assert "and the program goes on" in done.stdout


def test_run_raises_what_keeps_it_from_starting() -> None:
    done = python(
        "import penstock\n"
        "try:\n"
        "    penstock.run('no_such_module:app', port=0)\n"
        "except penstock.errors.ImportFailed as error:\n"
        "    print('raised', error.exit_code)\n"
    )
    assert done.stdout == "raised 4\n", done.stderr


@pytest.mark.parametrize(
    "options",
    [
        {"workers": 2},
        {"reload": True},
        {"pid": "x"},
        {"user": "nobody"},
        {"umask": "027"},
        {"health_bind": "127.0.0.1:0"},
    ],
)
def test_what_needs_a_process_of_its_own_is_refused_and_not_ignored(options: Any) -> None:
    (name,) = options
    with pytest.raises(UsageError, match=f"{name}= is of a process of the server's own"):
        penstock.Server(app, **options)
    if name in {"workers", "reload"}:
        with pytest.raises(UsageError, match=f"{name}="):
            penstock.run(app, **options)


def test_nothing_is_said_about_resources_that_were_not_freed() -> None:
    done = python(RUN, "-X", "dev", "-W", "error")
    assert done.returncode == 0
    assert "Warning" not in done.stderr


def test_an_env_file_reaches_the_application_before_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From Python, too; read once, where the option is given."""
    (tmp_path / "vars").write_text("EMBEDDED_TRIAL=1")
    monkeypatch.setenv("EMBEDDED_TRIAL", "")
    monkeypatch.delenv("EMBEDDED_TRIAL")
    penstock.Server("a:b", env_file=tmp_path / "vars")
    assert os.environ["EMBEDDED_TRIAL"] == "1"
    monkeypatch.delenv("EMBEDDED_TRIAL")
    penstock.Server(penstock.Config("a:b", env_file=str(tmp_path / "vars")), port=0)
    assert os.environ["EMBEDDED_TRIAL"] == "1"
