"""The rows of the benchmark, as data: what is asked of whom, and what must be reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.files import LARGE, SMALL
from bench.targets import Target, best_peer_ratio, difference, growth_ratio, ratio, value

if TYPE_CHECKING:
    from bench.servers import Interface

Kind = Literal[
    "requests", "messages", "download", "upload", "idle-worker", "idle-connection",
    "open-websocket", "start", "latency", "idle-streams", "closed-windows",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One server under one condition; `key` is unique within the row."""

    key: str
    server: str
    log: bool = False
    options: tuple[str, ...] = ()
    """Further arguments of the server's command."""
    connections: int = 64
    http2: bool = False
    """Whether the load speaks HTTP/2, not HTTP/1.1."""
    streams: int = 1
    """How many requests are under way on each HTTP/2 connection."""
    app: str = ""
    """The target that this server imports, where it is not the row's."""


@dataclass(frozen=True, slots=True)
class Row:
    """One benchmark. `app` is a target that every server imports; `unit` is that of the cost."""

    key: str
    title: str
    kind: Kind
    app: str
    cases: tuple[Case, ...]
    targets: tuple[Target, ...]
    unit: str = "µs"
    interface: Interface = "asgi"
    rounds_min: int = 1
    """Rounds that a full run makes at least, however few are asked for in general."""
    file: str = ""
    """The static file of `files` that is asked for; "" for the application."""
    body_bytes: int = 0
    """What each HTTP/2 request uploads (those of idle streams never do); 0 for no body."""
    tls: bool = False


def _cases(servers: str, *, connections: int = 64) -> tuple[Case, ...]:
    return tuple(Case(server, server, connections=connections) for server in servers.split())


def _http2(servers: str, *, connections: int = 16, streams: int = 32) -> tuple[Case, ...]:
    return tuple(
        Case(server, server, connections=connections, http2=True, streams=streams)
        for server in servers.split()
    )


LOG_SUFFIX = " with log"
JSON_LOG = "penstock with JSON log"
MANY = 2000
MANY_SUFFIX = f" at {MANY}"
TRANSFER_CONNECTIONS = 8

_TRANSFER_TARGETS = (
    ratio("penstock", "floor", at_most=1.15),
    ratio("uvicorn", "penstock", at_least=1.1),
)
OVER_HTTP1 = "penstock, HTTP/1.1"
_HTTP2_PEERS = "uvicorn-zttp granian hypercorn"
_TLS_PEERS = "uvicorn uvicorn-zttp granian gunicorn hypercorn"
_ASGI_PEERS = "uvicorn uvicorn-zttp granian gunicorn hypercorn daphne"

ROWS: tuple[Row, ...] = (
    Row(
        "http",
        "HTTP/1.1, 12 realistic headers, 64 connections",
        "requests",
        "bench.apps:hello",
        _cases(f"floor penstock penstock-pure {_ASGI_PEERS}"),
        (
            ratio("granian", "penstock", at_least=2.3),
            ratio("uvicorn", "penstock", at_least=3.0),
            ratio("penstock", "floor", at_most=1.7),
            ratio("granian", "penstock-pure", at_least=1.2),
        ),
    ),
    Row(
        "log",
        "HTTP/1.1 with access log, to a file",
        "requests",
        "bench.apps:hello",
        (
            *(
                Case(server + (LOG_SUFFIX if log else ""), server, log=log)
                for server in ("penstock", "uvicorn", "granian")
                for log in (False, True)
            ),
            Case(JSON_LOG, "penstock", log=True, options=("--access-log-format", "json")),
        ),
        (
            ratio("uvicorn" + LOG_SUFFIX, "penstock" + LOG_SUFFIX, at_least=5),
            difference("penstock" + LOG_SUFFIX, "penstock", at_most=1.5, unit="µs"),
            difference(JSON_LOG, "penstock", at_most=2.5, unit="µs"),
        ),
    ),
    Row(
        "starlette",
        "a Starlette JSON endpoint",
        "requests",
        "bench.apps_starlette:app",
        _cases("penstock penstock-pure uvicorn uvicorn-zttp granian"),
        (
            ratio("uvicorn", "penstock", at_least=1.7),
            ratio("granian", "penstock", at_least=1.2),
        ),
    ),
    Row(
        "connections",
        f"HTTP/1.1, {MANY:,} connections instead of 64",
        "requests",
        "bench.apps:hello",
        tuple(
            Case(server + suffix, server, connections=connections)
            for server in ("floor", "penstock", "uvicorn", "granian")
            for suffix, connections in (("", 64), (MANY_SUFFIX, MANY))
        ),
        (growth_ratio("penstock", "floor", MANY_SUFFIX, at_most=1.15),),
    ),
    Row(
        "websocket",
        "WebSocket echo, 64 bytes, 64 connections",
        "messages",
        "bench.apps:echo",
        _cases(f"floor penstock penstock-pure {_ASGI_PEERS}"),
        (best_peer_ratio(_ASGI_PEERS.split(), "penstock", at_least=2.0),),
    ),
    Row(
        "wsgi",
        "WSGI hello, one thread",
        "requests",
        "bench.apps:wsgi_hello",
        _cases("penstock penstock-pure granian gunicorn-gthread waitress"),
        (
            ratio("granian", "penstock", at_least=1.1),
            ratio("gunicorn-gthread", "penstock", at_least=6),
        ),
        interface="wsgi",
    ),
    Row(
        "stream",
        "1 MiB streamed in 64 KiB chunks",
        "download",
        "bench.apps:stream",
        _cases("floor penstock uvicorn granian", connections=TRANSFER_CONNECTIONS),
        _TRANSFER_TARGETS,
        rounds_min=7,
    ),
    Row(
        "static-small",
        "a static file of 1 KiB, 12 realistic headers, 64 connections",
        "requests",
        "bench.apps:hello",
        _cases("penstock penstock-pure granian"),
        (ratio("granian", "penstock", at_least=1.5),),
        file=SMALL,
    ),
    Row(
        "static-large",
        "a static file of 10 MiB",
        "download",
        "bench.apps:hello",
        _cases("penstock penstock-pure granian", connections=TRANSFER_CONNECTIONS),
        (ratio("granian", "penstock", at_least=1.1),),
        rounds_min=7,
        file=LARGE,
    ),
    Row(
        "upload",
        "1 MiB uploaded",
        "upload",
        "bench.apps:upload",
        _cases("floor penstock uvicorn granian", connections=TRANSFER_CONNECTIONS),
        _TRANSFER_TARGETS,
        rounds_min=7,
    ),
    Row(
        "memory-worker",
        "memory of an idle worker",
        "idle-worker",
        "bench.apps:hello",
        _cases("floor penstock penstock-pure uvicorn granian"),
        (value("penstock", at_most=30, unit="MB"),),
        unit="MB",
    ),
    Row(
        "memory-connection",
        "memory of an idle keep-alive connection",
        "idle-connection",
        "bench.apps:hello",
        _cases("floor penstock penstock-pure uvicorn granian", connections=MANY),
        (value("penstock", at_most=2.5, unit="KB"),),
        unit="KB",
    ),
    Row(
        "memory-websocket",
        "memory of a WebSocket held open, no deflate",
        "open-websocket",
        "bench.apps:echo",
        _cases("floor penstock penstock-pure uvicorn granian", connections=MANY),
        (value("penstock", at_most=8, unit="KB"),),
        unit="KB",
    ),
    Row(
        "start",
        "start to first answer",
        "start",
        "bench.apps:hello",
        _cases(f"floor penstock penstock-pure {_ASGI_PEERS}"),
        (ratio("uvicorn", "penstock", at_least=1.0),),
        unit="ms",
    ),
    Row(
        "http2",
        "HTTP/2, 12 realistic fields, 16 connections × 32 streams",
        "requests",
        "bench.apps:hello",
        _http2(f"penstock penstock-pure {_HTTP2_PEERS}"),
        (
            ratio("granian", "penstock", at_least=2.0),
            ratio("uvicorn-zttp", "penstock", at_least=2.0),
            ratio("hypercorn", "penstock", at_least=20),
            ratio("granian", "penstock-pure", at_least=1.3),
        ),
    ),
    Row(
        "http2-post",
        "HTTP/2, POST with 1 KiB, 16 connections × 32 streams",
        "requests",
        "bench.apps:upload",
        _http2(f"penstock penstock-pure {_HTTP2_PEERS}"),
        (ratio("granian", "penstock", at_least=1.5),),
        body_bytes=1024,
    ),
    Row(
        "http2-stream",
        "HTTP/2, 1 MiB streamed in 64 KiB chunks, 8 connections × 4 streams",
        "download",
        "bench.apps:stream",
        _http2(f"penstock {_HTTP2_PEERS}", connections=TRANSFER_CONNECTIONS, streams=4),
        (best_peer_ratio(_HTTP2_PEERS.split(), "penstock", at_least=1 / 1.1),),
        rounds_min=7,
    ),
    Row(
        "http2-upload",
        "HTTP/2, 1 MiB uploaded, 8 connections × 4 streams",
        "upload",
        "bench.apps:upload",
        _http2(f"penstock {_HTTP2_PEERS}", connections=TRANSFER_CONNECTIONS, streams=4),
        (best_peer_ratio(_HTTP2_PEERS.split(), "penstock", at_least=1 / 1.1),),
        rounds_min=7,
        body_bytes=1 << 20,
    ),
    Row(
        "http2-latency",
        "one request at a time on one connection, what its client waits (p50)",
        "latency",
        "bench.apps:hello",
        (
            *_http2(f"penstock {_HTTP2_PEERS}", connections=1, streams=1),
            Case(OVER_HTTP1, "penstock", connections=1),
        ),
        (ratio("penstock", OVER_HTTP1, at_most=1.15),),
        unit="µs p50",
    ),
    Row(
        "tls",
        "HTTP/1.1 over TLS, 12 realistic headers, 64 connections",
        "requests",
        "bench.apps:hello",
        _cases(f"penstock penstock-pure {_TLS_PEERS}"),
        (best_peer_ratio(_TLS_PEERS.split(), "penstock", at_least=1.3),),
        tls=True,
    ),
    Row(
        "http2-tls",
        "HTTP/2 over TLS, 12 realistic fields, 16 connections × 32 streams",
        "requests",
        "bench.apps:hello",
        _http2(f"penstock penstock-pure {_HTTP2_PEERS}"),
        (best_peer_ratio(_HTTP2_PEERS.split(), "penstock", at_least=1.3),),
        tls=True,
    ),
    Row(
        "memory-http2",
        "memory of an idle HTTP/2 connection",
        "idle-connection",
        "bench.apps:hello",
        (
            # Of HTTP/1.1, which it does not even speak: what the socket costs by itself
            *_cases("floor", connections=MANY),
            *_http2(f"penstock penstock-pure {_HTTP2_PEERS}", connections=MANY, streams=1),
        ),
        (difference("penstock", "floor", at_most=6, unit="KB"),),
        unit="KB",
    ),
    Row(
        "memory-streams",
        "memory of an idle HTTP/2 stream, 100 connections × 100 streams that upload nothing",
        "idle-streams",
        "bench.apps:upload",
        _http2(f"penstock penstock-pure {_HTTP2_PEERS}", connections=100, streams=100),
        (value("penstock", at_most=10, unit="KB"),),
        unit="KB",
        body_bytes=1024,
    ),
    Row(
        "closed-windows",
        "growth by 100 answers of 10 MiB that an HTTP/2 client asks for and does not take",
        "closed-windows",
        "bench.apps:large",
        _http2(f"penstock penstock-pure {_HTTP2_PEERS}", connections=1, streams=100),
        (value("penstock", at_most=16, unit="MB"),),
        unit="MB",
    ),
    Row(
        "bridge-wsgi",
        "a WSGI application behind an adapter, served by penstock as ASGI",
        "requests",
        "bench.apps:hello",
        tuple(
            Case(adapter, "penstock", app=f"bench.apps_bridge:{adapter}")
            for adapter in ("penstock", "a2wsgi", "asgiref")
        ),
        (
            ratio("a2wsgi", "penstock", at_least=2.0),
            ratio("asgiref", "penstock", at_least=2.0),
        ),
    ),
)
