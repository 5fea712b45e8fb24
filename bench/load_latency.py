"""One request at a time on one connection: what a client waits for an answer, HTTP/1.1 or HTTP/2.

Both are driven by the same loop, so that what this end costs is alike. `python -m
bench.load_latency --help`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import http2, traffic, traffic_http2
from bench.apps import HELLO
from bench.errors import BenchError
from bench.http2 import DATA, END_HEADERS, END_STREAM, GOAWAY, HEAD_BYTES, HEADERS, RST_STREAM
from bench.sockets import answer, connect
from bench.window import Window

if TYPE_CHECKING:
    import socket

_READ_BYTES = 65536


def run_http1(given: argparse.Namespace) -> str:
    """Ask over HTTP/1.1 until the window is over; the line that reports it."""
    pool = traffic.requests(traffic.DISTINCT)
    connection = connect(given.port)
    answer(connection, pool[0])
    latencies_s: list[float] = []
    answers = 0
    window = Window(given.clock, given.warm_up, given.seconds)
    while window.goes_on(answers):
        request = pool[answers % len(pool)]
        began_at = time.perf_counter()
        connection.sendall(request)
        received = connection.recv(_READ_BYTES)
        while not received.endswith(HELLO):
            received += _more(connection)
        if window.is_open:
            latencies_s.append(time.perf_counter() - began_at)
        if not received.startswith(b"HTTP/1.1 200 "):
            raise BenchError(f"expected a 200 answer, got {received[:80]!r}")
        answers += 1
    return window.result(answers, latencies_s)


def run_http2(given: argparse.Namespace) -> str:
    """The same over HTTP/2; another connection takes over where a server ends its own."""
    blocks = traffic_http2.read(given.requests)[0]
    pool = [
        (http2.frame(HEADERS, END_HEADERS | END_STREAM, 0, block)[:5], block) for block in blocks
    ]
    latencies_s: list[float] = []
    answers = 0
    client = _greeted(given.port, blocks[0])
    window = Window(given.clock, given.warm_up, given.seconds)
    while window.goes_on(answers):
        stream = client.next_stream
        if stream > 2 * given.requests_max:
            client.socket.close()
            client = _greeted(given.port, blocks[0])
            stream = client.next_stream
        client.next_stream += 2
        # A connection's second request has the second block, since each changes the tables
        head, block = pool[stream // 2 % len(pool)]
        request = head + stream.to_bytes(4, "big") + block
        ending = http2.frame(DATA, END_STREAM, stream, HELLO)
        began_at = time.perf_counter()
        client.socket.sendall(request)
        received = client.socket.recv(_READ_BYTES)
        while not received.endswith(ending) and not _has_ended(received):
            received += _more(client.socket)
        if window.is_open:
            latencies_s.append(time.perf_counter() - began_at)
        if not _has_ended(received):
            raise BenchError(f"expected the frames of a whole answer, got {received[:80]!r}")
        answers += 1
    client.socket.close()
    return window.result(answers, latencies_s)


def _greeted(port: int, block: bytes) -> http2.Client:
    """A connection that has had its first answer."""
    client = http2.Client(connect(port))
    client.begin()
    client.ask(block)
    return client


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(_READ_BYTES)
    if not received:
        raise BenchError("the server closed the connection")
    return received


def _has_ended(received: bytes) -> bool:
    """Whether these frames end an answer, which must be the right one."""
    at, body = 0, b""
    while len(received) - at >= HEAD_BYTES:
        start = at + HEAD_BYTES
        stop = start + int.from_bytes(received[at : at + 3], "big")
        kind, flags = received[at + 3], received[at + 4]
        if stop > len(received):
            return False
        if kind == HEADERS:
            http2.must_be_200(received[start:stop])
        elif kind == DATA:
            body += received[start:stop]
            if flags & END_STREAM:
                if body != HELLO:
                    raise BenchError(f"expected the body {HELLO!r}, got {body[:80]!r}")
                return True
        elif kind in {RST_STREAM, GOAWAY}:
            raise http2.failure(kind, 0, received[start:stop])
        at = stop
    return False


def main() -> None:
    """Run the load that the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=Path, help="a file of traffic_http2; none for HTTP/1.1")
    parser.add_argument("--requests-max", type=int, default=1 << 30, help="on one connection")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--warm-up", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--clock", type=int, action="append", help="id of a CPU clock to read")
    given = parser.parse_args()
    try:
        print(run_http2(given) if given.requests else run_http1(given))
    except (BenchError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
