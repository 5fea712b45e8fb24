"""Health endpoints on an address of their own (`--health-bind`), for load balancers and orchestrators.

    /livez    200 while the process does its work, else 503: restart it
    /readyz   200 while it takes requests, else 503: send it none. 503 at the start, as long as the
              application has not started, and from the first signal on, see --drain-delay
    /healthz  both together
    /status   the numbers behind it, as JSON; no addresses, paths or settings (V09)

Plain text, or JSON for who accepts it. They are served by a second small server in the same event loop:
without a supervisor in that of the application, so that a blocked loop fails its probe, as it should;
with one in the supervisor's, which knows how its workers are.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from penstock.config import Config
from penstock.gateway.loading import Loaded
from penstock.process import board
from penstock.transport.server import Given, Server

# Probes are few and quick; whoever else comes must not cost the application anything.
CONNECTIONS_MAX = 64
TIMEOUT_S = 5
SHUTDOWN_S = 1

STARTING = "starting"
SERVING = "serving"
LEAVING = "leaving"
STOPPING = "stopping"


class Health(NamedTuple):
    """How a service is. `state`: one of the words above; `details`: numbers, fit for JSON."""

    live: bool
    ready: bool
    state: str
    details: dict[str, Any]


Look = Callable[[], Health]


def open_health(config: Config, look: Look, sockets: Given | None = None) -> Server:
    """The server of the endpoints on `config.health_bind`, to be started before the application and
    shut down after it. `look()` says how the service is, for each request anew. `sockets`: those of
    a supervisor whose place this one takes."""
    endpoints = Config(
        bind=config.health_bind,
        lifespan="off",
        access_log=False,
        proxy_headers=False,
        backlog=CONNECTIONS_MAX,
        limit_connections=CONNECTIONS_MAX,
        limit_request_head="8KiB",
        limit_request_body=0,
        timeout_request_head=TIMEOUT_S,
        timeout_keep_alive=TIMEOUT_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
        warn_blocked_loop=0,
    )
    loaded = Loaded(Endpoints(look), "asgi3", "the health endpoints")
    return Server(endpoints, lambda: loaded, sockets=sockets, on_ready=_announce)


def health_of(server: Server) -> Health:
    """How a server is that runs in this process and event loop: that it is asked shows that it lives."""
    if server.should_exit:
        state = STOPPING
    elif server.leaving:
        state = LEAVING
    else:
        state = SERVING if server.started else STARTING
    details = {"workers": [worker_numbers(server)]}
    return Health(live=True, ready=state == SERVING, state=state, details=details)


def worker_numbers(server: Server) -> dict[str, Any]:
    """What a worker counts; see `transport.counters`."""
    numbers: dict[str, Any] = {"pid": os.getpid()}
    worker, acceptor = server.worker, server.acceptor
    if worker is None or acceptor is None:
        return numbers
    admission = worker.admission
    numbers["accepted"] = acceptor.accepted
    numbers["connections"] = len(worker.connections)
    numbers["websockets"] = worker.websockets
    numbers["requests"] = worker.requests
    numbers["running"] = worker.running
    numbers["waiting"] = 0 if admission is None else admission.waiting
    return numbers | worker.counters.as_dict()


def health_of_workers(
    rows: Iterable[tuple[str, Sequence[int]]], wanted: int, leaving: bool, stopping: bool
) -> Health:
    """How a supervised service is. `rows`: state of each worker, as `policy` has it, and its row of
    the board; `wanted`: how many workers there should be.

    Ready while at least one of them serves. It is alive as long as the
    supervisor answers: whoever of the workers is not, is replaced by it.
    """
    workers = [worker_row(state, row) for state, row in rows]
    serving = sum(worker["state"] == SERVING for worker in workers)
    if stopping:
        state = STOPPING
    elif leaving:
        state = LEAVING
    else:
        state = SERVING if serving else STARTING
    details = {"wanted": wanted, "serving": serving, "workers": workers}
    return Health(live=True, ready=state == SERVING, state=state, details=details)


def worker_row(state: str, row: Sequence[int]) -> dict[str, Any]:
    """What the board says of a worker."""
    return {
        "pid": row[board.PID],
        "state": state,
        "connections": row[board.CONNECTIONS],
        "websockets": row[board.WEBSOCKETS],
        "requests": row[board.REQUESTS],
        "running": row[board.RUNNING],
        "accepted": row[board.ACCEPTED],
        **{name: row[board.COUNTED + place] for place, name in enumerate(board.COUNTERS)},
        "stalls": row[board.STALLS],
        "stall_s": row[board.STALLED_NS] / 1e9,
        "silent_s": max(time.monotonic_ns() - (row[board.BEAT_NS] or time.monotonic_ns()), 0) / 1e9,
    }


class Endpoints:
    """The ASGI application of the endpoints."""

    def __init__(self, look: Look) -> None:
        self._look = look

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close"})
            return
        status, body, headers = self.answer(scope["method"], scope["path"], accepts_json(scope))
        headers += [
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def answer(
        self, method: str, path: str, as_json: bool
    ) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
        """Status, body and header fields for a request."""
        if path not in {"/livez", "/readyz", "/healthz", "/status"}:
            text = b"404: there are /livez, /readyz, /healthz and /status\n"
            return 404, text, [(b"content-type", b"text/plain; charset=utf-8")]
        if method not in {"GET", "HEAD"}:
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"allow", b"GET, HEAD")]
            return 405, b"405: ask with GET\n", headers
        health = self._look()
        good = {
            "/livez": health.live,
            "/readyz": health.ready,
            "/healthz": health.live and health.ready,
            "/status": True,
        }[path]
        said: dict[str, Any] = {"live": health.live, "ready": health.ready, "state": health.state}
        if path == "/status":
            said |= health.details
        status = 200 if good else 503
        if as_json or path == "/status":
            body = json.dumps(said).encode() + b"\n"
            return status, body, [(b"content-type", b"application/json")]
        body = b"ok\n" if good else b"no: %b\n" % health.state.encode()
        return status, body, [(b"content-type", b"text/plain; charset=utf-8")]


def accepts_json(scope: Any) -> bool:
    """Whether a request asks for JSON by name; what accepts everything gets text."""
    return any(
        name == b"accept" and b"application/json" in value.lower()
        for name, value in scope["headers"]
    )


def _announce(server: Server) -> None:
    if server.worker is not None:
        urls = ", ".join(server.urls)
        server.worker.note("info", f"Health on {urls}: /livez, /readyz, /healthz, /status")
