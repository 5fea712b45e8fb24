"""Load for large bodies: downloads or uploads of 1 MiB, or downloads of a static file, one after
another on each connection.

Every answer is checked for its status and its number of bytes. Reads are large, so that this end
costs the kernel as little as it can. `python -m bench.load_transfer --help`.
"""

from __future__ import annotations

import argparse
import random
import select
import socket
import sys
import time

from bench import files, traffic
from bench.apps import CHUNK_BYTES, CHUNKS
from bench.errors import BenchError
from bench.sockets import connect
from bench.window import Window

BODY_BYTES = CHUNKS * CHUNK_BYTES
_FRAMING_BYTES_MAX = 8192
"""What head and chunk framing of an answer may add to its body at most."""
_READ_BYTES = 1024 * 1024
_STALL_TIMEOUT_S = 5.0
_END_OF_CHUNKS = b"0\r\n\r\n"


def uploads(count: int) -> list[bytes]:
    """Different requests that carry 1 MiB of noise each."""
    body = random.Random(1).randbytes(BODY_BYTES)
    more = f"Content-Type: application/octet-stream\r\nContent-Length: {BODY_BYTES}\r\n"
    return [head + body for head in traffic.requests(count, "POST", more)]


class Client:
    """One connection: sends a request, reads its answer to the end, and again."""

    __slots__ = (
        "_body_bytes",
        "_buffer",
        "_length",
        "_received",
        "_tail",
        "_to_send",
        "answered",
        "socket",
    )

    def __init__(
        self, connection: socket.socket, buffer: memoryview, body_bytes: int = BODY_BYTES
    ) -> None:
        """`buffer` takes what is read and is shared by all connections: nothing is kept in it."""
        self.socket = connection
        self._body_bytes = body_bytes
        self.answered = False
        self._buffer = buffer
        self._to_send = memoryview(b"")
        self._received = 0
        self._length: int | None = None
        self._tail = b""

    def begin(self, request: bytes) -> bool:
        """Start the next exchange; True once the request has left."""
        self._to_send = memoryview(request)
        self._received = 0
        self._length = None
        self._tail = b""
        self.answered = False
        return self.go_on_sending()

    def go_on_sending(self) -> bool:
        """Send what the kernel takes; True once the request has left."""
        while self._to_send:
            try:
                sent = self.socket.send(self._to_send)
            except BlockingIOError:
                return False
            self._to_send = self._to_send[sent:]
        return True

    def read(self) -> int:
        """Take what has come. Returns the number of bytes; `answered` tells the end."""
        count = self.socket.recv_into(self._buffer)
        if not count:
            raise BenchError(f"closed after {self._received} bytes of an answer")
        if not self._received:
            self._length = self._framing(bytes(self._buffer[: min(count, 4096)]))
        self._received += count
        self._tail = (self._tail + bytes(self._buffer[max(0, count - 5) : count]))[-5:]
        if self._length is not None:
            self.answered = self._received == self._length
        else:
            self.answered = self._tail == _END_OF_CHUNKS and self._received > self._body_bytes
        if self._received > self._body_bytes + _FRAMING_BYTES_MAX:
            raise BenchError(f"an answer goes on after {self._received} bytes")
        return count

    @staticmethod
    def _framing(start: bytes) -> int | None:
        """The whole answer's length in bytes, or None if it is chunked."""
        head, end, _ = start.partition(b"\r\n\r\n")
        if not end or not head.startswith(b"HTTP/1.1 200 "):
            raise BenchError(f"expected the head of a 200 answer, got {start[:80]!r}")
        for line in head.lower().split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name == b"content-length":
                return len(head) + 4 + int(value)
        return None


def run(
    mode: str,
    port: int,
    connections: int,
    warm_up_s: float,
    seconds: float,
    clock_ids: list[int],
    file: str = "",
) -> str:
    """Transfer until the window is over; the line that reports it."""
    target = files.path(file) if file else ""
    pool = uploads(16) if mode == "upload" else traffic.requests(512, target=target)
    body_bytes = files.SIZES[file] if file else BODY_BYTES
    buffer = memoryview(bytearray(_READ_BYTES))
    clients: dict[int, Client] = {}
    began_at: dict[int, float] = {}
    poll = select.epoll()
    for _ in range(connections):
        connection = connect(port)
        connection.settimeout(0)
        clients[connection.fileno()] = Client(connection, buffer, body_bytes)
        poll.register(connection, select.EPOLLIN)
    window = Window(clock_ids, warm_up_s, seconds)
    index = answers = 0
    latencies_s: list[float] = []

    def begin(number: int) -> None:
        nonlocal index
        began_at[number] = time.perf_counter()
        if not clients[number].begin(pool[index]):
            poll.modify(number, select.EPOLLIN | select.EPOLLOUT)
        index = (index + 1) % len(pool)

    for number in clients:
        begin(number)
    while window.goes_on(answers):
        ready = poll.poll(_STALL_TIMEOUT_S)
        if not ready:
            raise BenchError(f"no connection went on for {_STALL_TIMEOUT_S:g} s")
        for number, events in ready:
            client = clients[number]
            if events & select.EPOLLOUT and client.go_on_sending():
                poll.modify(number, select.EPOLLIN)
            if events & ~select.EPOLLOUT:
                client.read()
            if client.answered:
                answers += 1
                if window.is_open:
                    latencies_s.append(time.perf_counter() - began_at[number])
                begin(number)
    return window.result(answers, latencies_s)


def main() -> None:
    """Run the load that the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=("download", "upload"))
    parser.add_argument("--file", default="", help="name of a static file of bench.files")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--warm-up", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--clock", type=int, action="append", help="id of a CPU clock to read")
    given = parser.parse_args()
    try:
        print(
            run(
                given.mode,
                given.port,
                given.connections,
                given.warm_up,
                given.seconds,
                given.clock,
                given.file,
            )
        )
    except (BenchError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
