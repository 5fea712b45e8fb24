"""`penstock --workers N`, the real thing: it starts, says what happens to its workers, and ends."""

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.apps.server import Server
from tests.command import python

pytestmark = pytest.mark.real

DEADLINE_S = 20.0
APPLICATION = """
import asyncio, faulthandler, os, time

IMPORTED = os.getpid()

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        print("lifespan in", os.getpid(), flush=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/sleeps":
        time.sleep(3600)
    elif scope["path"] == "/computes":
        sum(range(10**12))  # in C, with the interpreter's lock, without a look at signals
    elif scope["path"] == "/crashes":
        faulthandler._sigsegv()
    elif scope["path"] == "/waits":
        await asyncio.sleep(3600)
    body = f"{os.getpid()} {IMPORTED}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "supervised.py"
    path.write_text(APPLICATION)
    return path


def ask(port: int, path: str = "/", *, answered: bool = True) -> bytes:
    """The body of the answer; with `answered` false nothing is waited for."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while answered and (part := client.recv(4096)):
            data += part
        return data.partition(b"\r\n\r\n")[2]


def children(pid: int) -> list[int]:
    return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_is_announced_once_and_obeys_its_signals(app: Path) -> None:
    """Each worker has a lifespan of its own, one (APP-20)."""
    with Server(str(app), "--port", "0", environ={"WEB_CONCURRENCY": "2"}) as server:
        port = server.port
        assert server.output.count("Running on") == 1
        assert f"process {server.pid}, 2 workers" in server.output
        assert len(children(server.pid)) == 2
        started = re.compile(r"lifespan in (\d+)")
        text = server.until_true(lambda output: len(started.findall(output)) == 2, "two lifespans")
        assert sorted(map(int, started.findall(text))) == sorted(children(server.pid))
        assert int(ask(port).split()[0]) in children(server.pid)
        for number, count, text in (
            (signal.SIGTTIN, 3, "3 workers from now on"),
            (signal.SIGTTOU, 2, "2 workers from now on"),
            (signal.SIGTTOU, 1, "1 worker from now on"),
        ):
            os.kill(server.pid, number)
            server.until(text)
            until(lambda count=count: len(children(server.pid)) == count)  # type: ignore[misc]
        [old] = children(server.pid)
        # An idle connection stays for its next answer while its worker drains
        with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"connection: close" not in client.recv(4096).lower()
            os.kill(server.pid, signal.SIGHUP)
            until(lambda: len(children(server.pid)) == 2)
            until(lambda: int(ask(port).split()[0]) != old)
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            last = client.recv(4096)
            assert b"connection: close" in last.lower()
            assert str(old).encode() in last
        server.until(f"(process {old}) ended")
        assert old not in children(server.pid)
        assert server.stop(signal.SIGINT) == 0
    assert "Traceback" not in server.output


def test_an_import_that_fails_is_not_tried_again_v02(app: Path) -> None:
    app.write_text("import no_such_module")
    with Server(str(app), "--port", "0", "--workers", "1") as server:
        assert server.wait() == 4
    assert server.output.count("ModuleNotFoundError: No module named 'no_such_module'") == 1
    assert "Running on" not in server.output


def test_a_lifespan_that_fails_is_tried_once_more_and_ends_with_3_v02(app: Path) -> None:
    app.write_text(
        "async def app(scope, receive, send):\n"
        "    await receive()\n"
        "    await send({'type': 'lifespan.startup.failed', 'message': 'no database'})\n"
    )
    with Server(str(app), "--port", "0", "--workers", "1") as server:
        assert server.wait() == 3
    assert (
        "failed to start, and is tried once more: The application failed to start: no database"
        in server.output
    )
    assert "penstock: The application failed to start: no database" in server.output


def test_an_address_that_is_taken_ends_it_with_5_v02(app: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        Server(str(app), "--port", str(other.getsockname()[1]), "--workers", "1") as server,
    ):
        assert server.wait() == 5
    assert "is taken" in server.output
    assert "Traceback" not in server.output


def test_a_socket_that_cannot_be_opened_ends_it_with_5_v02(app: Path) -> None:
    with Server(str(app), "--uds", "/no/such/folder/s", "--workers", "1") as server:
        assert server.wait() == 5
    assert "The folder of '/no/such/folder/s' is not there" in server.output
    assert "Traceback" not in server.output


def test_a_start_that_takes_too_long_is_explained_and_ended(app: Path) -> None:
    app.write_text("import time\ntime.sleep(3600)\n")
    with Server(str(app), "--port", "0", "--workers", "1", "--timeout-startup", "1s") as server:
        assert server.wait() == 3
    assert "is killed: it did not start within 1 s; this is where it is:" in server.output
    assert f'File "{app}", line 2 in <module>' in server.output


def test_a_worker_is_never_ended_without_saying_why_and_others_serve_on_v01(app: Path) -> None:
    options = ("--workers", "3", "--timeout-worker", "1s", "--no-access-log")
    limits = ("--timeout-graceful-shutdown", "1s")
    with Server(str(app), "--port", "0", *options, *limits) as server:
        port = server.port
        # One is asleep in Python; one is at work in C, where no interpreter runs
        ask(port, "/sleeps", answered=False)
        assert ask(port)  # by another one
        ask(port, "/computes", answered=False)
        text = server.until_true(
            lambda output: (
                len(re.findall(r"is killed: its event loop has not turned for \d", output)) == 2
            ),
            "two kills",
        )
        assert re.search(r"GET /sleeps, \d+\.\d s, waits at", text)
        assert re.search(r"Tasks: \d", text)
        assert "Tasks and requests cannot be told: the interpreter does not run." in text
        for line in (15, 17):
            assert f'File "{app}", line {line} in app' in text
        assert ask(port)

        # A crash leaves its stacks, too
        ask(port, "/crashes", answered=False)
        text = server.until("was killed by SIGSEGV; it is replaced")
        assert "Fatal Python error: Segmentation fault" in text

        # Killed from outside: said, and replaced at once
        victim = int(ask(port).split()[0])
        os.kill(victim, signal.SIGKILL)
        server.until(f"(process {victim}) was killed by SIGKILL; it is replaced")
        until(lambda: len(children(server.pid)) == 3)
        assert ask(port)
        assert server.stop() == 0


def test_the_second_signal_cuts_what_runs(app: Path) -> None:
    with Server(str(app), "--port", "0", "--workers", "2") as server:
        port = server.port
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /waits HTTP/1.1\r\nHost: x\r\n\r\n")
            os.kill(server.pid, signal.SIGTERM)
            server.until("SIGTERM: shutting down")
            assert server.child.poll() is None
            began = time.monotonic()
            assert server.stop(signal.SIGTERM) == 128 + signal.SIGTERM
            assert time.monotonic() - began < 4


def test_a_terminal_s_interrupt_of_all_processes_is_one_stop(app: Path) -> None:
    with Server(str(app), "--port", "0", "--workers", "2") as server:
        assert server.port
        for pid in (*children(server.pid), server.pid):
            os.kill(pid, signal.SIGINT)
        assert server.wait() == 0
    assert "Traceback" not in server.output
    assert "is replaced" not in server.output


def test_code_that_is_broken_leaves_the_old_workers_whether_by_reload_or_by_upgrade_v04(
    app: Path,
) -> None:
    with Server(str(app), "--port", "0", "--workers", "1") as server:
        port = server.port
        before = children(server.pid)
        app.write_text("import no_such_module")
        os.kill(server.pid, signal.SIGHUP)
        server.until("The reload is given up and the old workers stay")
        os.kill(server.pid, signal.SIGUSR2)
        server.until("The new version did not take over: it ended with status 4; this one goes on")
        until(lambda: children(server.pid) == before)
        assert int(ask(port).split()[0]) == before[0]
        assert server.stop() == 0


def test_with_preload_the_application_is_imported_once_and_a_reload_imports_it_anew(
    app: Path,
) -> None:
    options = ("--workers", "2", "--preload", "--no-access-log")
    with Server(str(app), "--port", "0", *options) as server:
        port = server.port
        [imported] = {ask(port).split()[1] for _ in range(6)}
        assert int(imported) in children(server.pid)  # the template
        workers = {int(ask(port).split()[0]) for _ in range(6)}
        assert int(imported) not in workers
        assert workers <= set(children(server.pid))
        os.kill(server.pid, signal.SIGHUP)
        until(lambda: ask(port).split()[1] != imported)
        until(lambda: not workers & set(children(server.pid)))
        # What cannot be imported any more can still be forked
        app.write_text("import no_such_module")
        os.kill(server.pid, signal.SIGHUP)
        server.until("The reload is given up and the old workers stay")
        victim = int(ask(port).split()[0])
        os.kill(victim, signal.SIGKILL)
        server.until(f"(process {victim}) was killed by SIGKILL; it is replaced")
        until(lambda: len(children(server.pid)) == 3)
        assert ask(port)
        assert server.stop() == 0
    assert "Traceback" not in server.output.replace("ModuleNotFoundError", "")


def test_it_is_not_available_to_a_single_process() -> None:
    done = python("from penstock.cli.main import main; main(['x:app', '--preload'])")
    assert "--preload is about worker processes" in done.stderr
    assert "add --workers N" in done.stderr
