"""The health endpoints say how the service is, on an address of their own, and nothing that is a secret."""

import asyncio
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import penstock
from penstock.config import Config
from penstock.process import board
from penstock.process.health import (
    LEAVING,
    SERVING,
    STARTING,
    STOPPING,
    Endpoints,
    Health,
    health_of,
    health_of_workers,
    open_health,
)
from tests.command import Process
from tests.loops import NewLoop, each_loop, run_on

GOOD = Health(live=True, ready=True, state=SERVING, details={"workers": []})
PLAIN = [(b"content-type", b"text/plain; charset=utf-8")]


def answer(
    path: str, health: Health = GOOD, method: str = "GET", *, as_json: bool = False
) -> tuple[int, bytes]:
    status, body, _ = Endpoints(lambda: health).answer(method, path, as_json)
    return status, body


@pytest.mark.parametrize(
    "state, live, ready, statuses",
    [
        (SERVING, True, True, [200, 200, 200, 200]),
        (STARTING, True, False, [200, 503, 503, 200]),
        (LEAVING, True, False, [200, 503, 503, 200]),
        (STOPPING, True, False, [200, 503, 503, 200]),
        ("stuck", False, False, [503, 503, 503, 200]),
    ],
)
def test_each_endpoint_answers_its_own_question(
    state: str, live: bool, ready: bool, statuses: list[int]
) -> None:
    health = Health(live, ready, state, {})
    paths = ["/livez", "/readyz", "/healthz", "/status"]
    assert [answer(path, health)[0] for path in paths] == statuses
    assert answer("/readyz", health)[1] == (b"ok\n" if ready else b"no: %b\n" % state.encode())


def test_who_asks_for_json_gets_it() -> None:
    status, body = answer("/readyz", GOOD._replace(ready=False, state=STARTING), as_json=True)
    assert status == 503
    assert json.loads(body) == {"live": True, "ready": False, "state": "starting"}


def test_other_paths_and_methods_are_refused() -> None:
    assert answer("/")[0] == 404
    assert answer("/livez/")[0] == 404
    status, _, headers = Endpoints(lambda: GOOD).answer("POST", "/livez", False)
    assert status == 405
    assert (b"allow", b"GET, HEAD") in headers


def row(**values: int) -> list[int]:
    numbers = [0] * 32
    for name, value in values.items():
        numbers[getattr(board, name.upper())] = value
    return numbers


@pytest.mark.parametrize(
    "states, leaving, stopping, state",
    [
        (["starting", "starting"], False, False, STARTING),
        (["serving", "starting"], False, False, SERVING),
        (["draining", "serving"], False, False, SERVING),
        (["hung", "killed"], False, False, STARTING),
        ([], False, False, STARTING),
        (["serving"], True, False, LEAVING),
        (["draining"], False, True, STOPPING),
    ],
)
def test_a_supervised_service_is_ready_while_a_worker_serves(
    states: list[str], leaving: bool, stopping: bool, state: str
) -> None:
    health = health_of_workers([(each, row()) for each in states], 2, leaving, stopping)
    assert (health.live, health.ready, health.state) == (True, state == SERVING, state)


def test_a_workers_row_of_the_board_is_told() -> None:
    beat_ns = time.monotonic_ns() - 2_000_000_000
    numbers = row(
        pid=7, connections=5, websockets=2, requests=90, running=3, stalls=1,
        stalled_ns=1_500_000_000, beat_ns=beat_ns, accepted=40,
    )  # fmt: skip
    numbers[board.COUNTED + board.COUNTERS.index("refused_full")] = 6
    (worker,) = health_of_workers([("serving", numbers)], 1, False, False).details["workers"]
    assert 2 <= worker.pop("silent_s") < 60
    assert worker == {
        "pid": 7, "state": "serving", "connections": 5, "websockets": 2, "requests": 90,
        "running": 3, "stalls": 1, "stall_s": 1.5, "accepted": 40, "queued": 0, "refused_full": 6,
        "refused_late": 0, "refused_websockets": 0, "refused_clients": 0, "refused_bad": 0,
        "cut_readers": 0, "starved": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "started, leaving, should_exit, state",
    [
        (False, False, False, STARTING),
        (True, False, False, SERVING),
        (True, True, False, LEAVING),
        (True, True, True, STOPPING),
        (False, False, True, STOPPING),
    ],
)
def test_a_server_in_this_process_is_ready_while_it_serves(
    started: bool, leaving: bool, should_exit: bool, state: str
) -> None:
    server: Any = SimpleNamespace(
        started=started, leaving=leaving, should_exit=should_exit, worker=None, acceptor=None
    )
    health = health_of(server)
    assert (health.live, health.ready, health.state) == (True, state == SERVING, state)


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def ask(target: str, path: str, *headers: str) -> tuple[int, str, str]:
    """Status, content type and body."""
    if target.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(target.removeprefix("unix:"))
    else:
        host, _, port = target.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"GET {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    head, _, body = (await asyncio.wait_for(reader.read(), 10)).decode().partition("\r\n\r\n")
    writer.close()
    kind = head.partition("content-type: ")[2].partition("\r\n")[0]
    assert "cache-control: no-store" in head
    return int(head.split(" ")[1]), kind, body


@each_loop
@pytest.mark.parametrize("unix", [False, True])
def test_they_are_served_beside_the_application_in_its_loop(
    new_loop: NewLoop, unix: bool, tmp_path: Path
) -> None:
    bind = f"unix:{tmp_path}/health.sock" if unix else "127.0.0.1:0"

    async def test() -> None:
        server = penstock.Server(hello, port=0, lifespan="off", access_log=False)
        health = open_health(Config(health_bind=bind), lambda: health_of(server))
        async with health:
            assert (await ask(health.url, "/readyz"))[0] == 503
            async with server:
                assert await ask(health.url, "/readyz") == (200, PLAIN[0][1].decode(), "ok\n")
                status, kind, body = await ask(
                    health.url, "/livez", "Accept: text/html, application/json"
                )
                assert (status, kind, json.loads(body)["live"]) == (200, "application/json", True)
                numbers = json.loads((await ask(health.url, "/status"))[2])["workers"][0]
                assert numbers["connections"] == numbers["running"] == numbers["requests"] == 0
                assert numbers["stalls"] == 0
            assert await ask(health.url, "/readyz") == (503, PLAIN[0][1].decode(), "no: stopping\n")

    run_on(new_loop, test())


def test_the_numbers_hold_no_text_of_the_applications_or_its_clients_v09() -> None:
    """Names of states aside, there are numbers only."""

    async def test() -> None:
        server = penstock.Server(hello, port=0, lifespan="off", access_log=False)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"GET /secret?token=1 HTTP/1.1\r\nHost: private\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            details = health_of(server).details
            writer.close()
        (worker,) = details["workers"]
        assert worker["requests"] == worker["accepted"] == 1
        assert all(isinstance(value, int | float | list) for value in worker.values())

    asyncio.run(test())


def test_a_websocket_gets_no_health() -> None:
    async def test() -> None:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await Endpoints(lambda: GOOD)({"type": "websocket"}, receive, send)
        assert sent == [{"type": "websocket.close"}]

    asyncio.run(test())


# ------------------------------------------------------------------------------- the whole server


def health_url(process: Process) -> str:
    """Where the endpoints are, once they are."""
    return process.until("Health on http://").partition("Health on ")[2].partition(": /")[0]


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


@pytest.mark.real
@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_with_a_drain_delay_readiness_ends_before_the_service_does(
    start: Callable[..., Process], workers: tuple[str, ...]
) -> None:
    options = ("--health-bind", "127.0.0.1:0", "--drain-delay", "30s", *workers)
    with start("trial:app", "--port", "0", *options) as process:
        url = health_url(process)
        process.port  # it serves
        until(lambda: status_of(f"{url}/readyz") == 200)
        process.send(signal.SIGTERM)
        until(lambda: status_of(f"{url}/readyz") == 503)
        assert status_of(f"{url}/livez") == 200
        with process.ask("/still") as client:
            head = client.recv(4096)
            assert head.startswith(b"HTTP/1.1 200 ")
            assert b"connection: close" not in head.lower()
        # A second signal ends the delay, and nothing else
        process.send(signal.SIGTERM)
        assert process.wait()[0] == 0
        process.until("app: shutdown")


@pytest.mark.real
def test_while_a_new_version_takes_over_somebody_is_always_ready(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    options = ("--workers", "1", "--health-bind", "127.0.0.1:0", "--pid", str(pid_file))
    with start("trial:app", "--port", "0", *options) as process:
        url = health_url(process)
        process.port  # it serves
        until(lambda: status_of(f"{url}/readyz") == 200)
        old = process.child.pid
        process.send(signal.SIGUSR2)
        statuses = []
        try:
            while process.child.poll() is None:
                statuses.append(status_of(f"{url}/readyz"))
            statuses += [status_of(f"{url}/readyz") for _ in range(5)]
        finally:
            new = int(pid_file.read_text())
            if new != old:
                os.kill(new, signal.SIGTERM)
        until(lambda: not Path(f"/proc/{new}").exists())
        assert process.child.wait() == 0
        assert new != old
        assert set(statuses) == {200}


@pytest.mark.real
def test_a_blocked_loop_fails_its_probe(start: Callable[..., Process]) -> None:
    with start("trial:app", "--port", "0", "--health-bind", "127.0.0.1:0") as process:
        url = health_url(process)
        assert status_of(f"{url}/livez") == 200
        with process.ask("/blocked"):
            process.until("The event loop has stood still for")
            with pytest.raises(OSError):
                urllib.request.urlopen(f"{url}/livez", timeout=0.5)


def test_an_address_that_is_taken_ends_the_start_with_5(
    start: Callable[..., Process], free_port: int
) -> None:
    with start(
        "trial:app", "--port", str(free_port), "--health-bind", f"127.0.0.1:{free_port}"
    ) as p:
        assert p.wait()[0] == 5


@pytest.mark.real
def test_the_numbers_of_workers_reach_the_status(start: Callable[..., Process]) -> None:
    options = ("--workers", "2", "--health-bind", "127.0.0.1:0")
    with start("trial:app", "--port", "0", *options) as process:
        url = health_url(process)

        def numbers() -> Any:
            with urllib.request.urlopen(f"{url}/status", timeout=10) as response:
                return json.load(response)

        clients = [process.ask("/") for _ in range(4)]
        try:
            for client in clients:
                assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
            until(lambda: sum(each["requests"] for each in numbers()["workers"]) == 4)
            found = numbers()
            assert (found["wanted"], found["serving"], found["ready"]) == (2, 2, True)
            assert sum(each["accepted"] for each in found["workers"]) == 4
            assert all(each["silent_s"] < 10 for each in found["workers"])
        finally:
            for client in clients:
                client.close()
