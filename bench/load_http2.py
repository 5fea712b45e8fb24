"""Load over HTTP/2: on each connection a number of streams, each with one request under way.

Requests come encoded from a file of `traffic_http2`. Every answer is checked for its status and the
length of its body; a reset stream, a GOAWAY or a stall ends the load. `python -m bench.load_http2
--help`.
"""

from __future__ import annotations

import argparse
import random
import select
import ssl
import sys
import time
from pathlib import Path

from bench import http2, tls, traffic_http2
from bench.errors import BenchError
from bench.http2 import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    FRAME_BYTES_MAX,
    GOAWAY,
    HEAD_BYTES,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    PING,
    RST_STREAM,
    SETTINGS,
    WINDOW_BYTES,
    WINDOW_UPDATE,
)
from bench.sockets import connect
from bench.window import Window

_READ_BYTES = 256 * 1024
_BODIES = 16
"""How many different bodies are sent in turn."""
_STALL_TIMEOUT_S = 5.0
_OUTPUT_BYTES_MAX = 256 * 1024
"""Bodies are framed no further ahead of the socket than this."""
_STATUS_200 = 0x88


class Connection:
    """One connection under load."""

    __slots__ = (
        "_answer_bytes",
        "_bodies",
        "_heads",
        "_index",
        "_initial_window_bytes",
        "_output",
        "_pending",
        "_received_bytes",
        "_sending",
        "_stream",
        "_unasked",
        "_ungiven_bytes",
        "_window_bytes",
        "answers",
        "began_at",
        "latencies_s",
        "socket",
    )

    def __init__(
        self,
        client: http2.Client,
        blocks: list[bytes],
        bodies: list[bytes],
        answer_bytes: int,
        requests_max: int,
    ) -> None:
        """Take over a connection that has had its first answer; `bodies` may be empty, and no more
        than `requests_max` requests are asked."""
        self.socket = client.socket
        self._initial_window_bytes = client.peer.get(INITIAL_WINDOW_SIZE, WINDOW_BYTES)
        self._window_bytes = client.window_bytes
        self._stream = client.next_stream
        flags = END_HEADERS if bodies else END_HEADERS | END_STREAM
        # All of a HEADERS frame but its stream, which stands in the midst of it
        self._heads = [(http2.frame(HEADERS, flags, 0, each)[:5], each) for each in blocks]
        self._bodies = bodies
        self._answer_bytes = answer_bytes
        self._index = 1
        self._unasked = requests_max
        self._pending = b""
        self._output = bytearray()
        self._received_bytes = 0
        self._ungiven_bytes = 0
        self._sending: dict[int, list[int]] = {}
        """By stream with a body under way: the number of its body, its bytes sent, its window."""
        self.answers = 0
        self.began_at: dict[int, float] = {}
        self.latencies_s: list[float] = []

    def begin(self, streams: int) -> bool:
        """Start this many exchanges; True once all has left that may."""
        parts: list[bytes] = []
        self._ask(streams, time.perf_counter(), parts)
        self._output += b"".join(parts)
        return self.go_on_sending()

    def _ask(self, count: int, now: float, parts: list[bytes]) -> None:
        count = min(count, self._unasked)
        self._unasked -= count
        heads, index, stream = self._heads, self._index, self._stream
        for _ in range(count):
            if index == len(heads):
                index = 0
            head, block = heads[index]
            parts += (head, stream.to_bytes(4, "big"), block)
            self.began_at[stream] = now
            if self._bodies:
                self._sending[stream] = [index % _BODIES, 0, self._initial_window_bytes]
            index += 1
            stream += 2
        self._index, self._stream = index, stream

    def go_on_sending(self) -> bool:
        """Send what windows and kernel take; True if nothing waits for the kernel."""
        while True:
            if self._sending and self._window_bytes and len(self._output) < _OUTPUT_BYTES_MAX:
                self._frame_bodies()
            if not self._output:
                return True
            try:
                sent = self.socket.send(self._output)
            except (BlockingIOError, ssl.SSLWantWriteError):
                return False
            del self._output[:sent]

    def _frame_bodies(self) -> None:
        output, window = self._output, self._window_bytes
        for stream, progress in list(self._sending.items()):
            number, sent, room = progress
            body = self._bodies[number]
            while window > 0 and room > 0 and len(output) < _OUTPUT_BYTES_MAX:
                size = min(window, room, FRAME_BYTES_MAX, len(body) - sent)
                flags = END_STREAM if sent + size == len(body) else 0
                output += b"%b\0%c%b" % (size.to_bytes(3, "big"), flags, stream.to_bytes(4, "big"))
                output += memoryview(body)[sent : sent + size]
                sent += size
                window -= size
                room -= size
                if flags:
                    del self._sending[stream]
                    break
            progress[1:] = sent, room
        self._window_bytes = window

    def read(self, *, timed: bool) -> bool:
        """Take what has come and ask again for each answer; as `go_on_sending`."""
        finished = 0
        parts: list[bytes] = []
        while True:
            try:
                data = self.socket.recv(_READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                break
            if not data:
                raise BenchError(f"closed after {self.answers} answers on a connection")
            finished += self._take(data, parts, timed=timed)
            if len(data) < _READ_BYTES and not isinstance(self.socket, ssl.SSLSocket):
                break
        if finished:
            self._ask(finished, time.perf_counter(), parts)
        self._output += b"".join(parts)
        return self.go_on_sending()

    def _take(self, data: bytes, parts: list[bytes], *, timed: bool) -> int:
        """Read frames; how many answers ended among them. What must be said at once is put to `parts`."""
        if self._pending:
            data = self._pending + data
        at, end, finished = 0, len(data), 0
        now = time.perf_counter() if timed else 0.0
        while end - at >= HEAD_BYTES:
            start = at + HEAD_BYTES
            stop = start + (data[at] << 16 | data[at + 1] << 8 | data[at + 2])
            if stop > end:
                break
            kind = data[at + 3]
            if kind == DATA:
                self._received_bytes += stop - start
                self._ungiven_bytes += stop - start
            elif kind == HEADERS:
                if data[start] != _STATUS_200:
                    self._must_be_200(data[start:stop], data[at + 4])
            else:
                stream = int.from_bytes(data[at + 5 : start], "big")
                self._note(kind, data[at + 4], stream, data[start:stop], parts)
                at = stop
                continue
            if data[at + 4] & END_STREAM:
                began_at = self.began_at.pop(int.from_bytes(data[at + 5 : start], "big"))
                if timed:
                    self.latencies_s.append(now - began_at)
                finished += 1
            at = stop
        self._pending = data[at:]
        self.answers += finished
        if self._ungiven_bytes > http2.CONNECTION_WINDOW_BYTES // 2:
            parts.append(http2.window_update(0, self._ungiven_bytes))
            self._ungiven_bytes = 0
        return finished

    @staticmethod
    def _must_be_200(block: bytes, flags: int) -> None:
        """Of a block that does not begin as nearly all do: one with a size update, or trailers."""
        if not flags & END_STREAM:
            http2.must_be_200(block)

    def _note(self, kind: int, flags: int, stream: int, payload: bytes, parts: list[bytes]) -> None:
        """Take a frame that is no part of an answer."""
        if kind == WINDOW_UPDATE:
            more = int.from_bytes(payload, "big")
            if not stream:
                self._window_bytes += more
            elif stream in self._sending:
                self._sending[stream][2] += more
        elif kind == PING and not flags & ACK:
            parts.append(http2.frame(PING, ACK, 0, payload))
        elif kind == SETTINGS and not flags & ACK:
            size = http2.settings(payload).get(INITIAL_WINDOW_SIZE, self._initial_window_bytes)
            for progress in self._sending.values():
                progress[2] += size - self._initial_window_bytes
            self._initial_window_bytes = size
            parts.append(http2.frame(SETTINGS, ACK, 0))
        elif kind in {RST_STREAM, GOAWAY}:
            raise http2.failure(kind, stream, payload)

    def check(self) -> None:
        """Raise BenchError unless the bodies received so far are those of the answers.

        Bodies under way may add less than one each.
        """
        extra = self._received_bytes - self.answers * self._answer_bytes
        if not 0 <= extra <= len(self.began_at) * self._answer_bytes:
            raise BenchError(
                f"{self.answers} answers of {self._answer_bytes} bytes, but {self._received_bytes} bytes"
            )


def connected(given: argparse.Namespace, blocks: list[bytes], bodies: list[bytes]) -> Connection:
    """A connection that has had its first answer, and on which the streams may be opened."""
    client = http2.Client(tls.connect(given.port, "h2") if given.tls else connect(given.port))
    client.begin()
    if client.streams_max() < given.streams:
        raise BenchError(f"the server allows {client.streams_max()} streams, not {given.streams}")
    answer = client.ask(blocks[0], bodies[0] if bodies else None)
    if len(answer) != given.answer_bytes:
        raise BenchError(f"an answer of {len(answer)} bytes, not {given.answer_bytes}")
    client.socket.settimeout(0)
    return Connection(client, blocks, bodies, given.answer_bytes, given.requests_max - 1)


def run(given: argparse.Namespace) -> str:
    """Load until the window is over; the line that reports it."""
    sequences = traffic_http2.read(given.requests)
    bodies: list[bytes] = []
    if given.body_bytes:
        random_ = random.Random(1)
        bodies = [random_.randbytes(given.body_bytes) for _ in range(_BODIES)]
    poll = select.epoll()
    connections: dict[int, Connection] = {}
    blocked: set[int] = set()
    latencies_s: list[float] = []
    ended_answers = 0

    def begin(number: int) -> None:
        connection = connected(given, sequences[number % len(sequences)], bodies)
        descriptor = connection.socket.fileno()
        connections[descriptor] = connection
        poll.register(descriptor, select.EPOLLIN)
        note(descriptor, all_sent=connection.begin(given.streams))

    def note(descriptor: int, *, all_sent: bool) -> None:
        if all_sent == (descriptor in blocked):
            (blocked.remove if all_sent else blocked.add)(descriptor)
            poll.modify(descriptor, select.EPOLLIN | (0 if all_sent else select.EPOLLOUT))

    def end(descriptor: int) -> None:
        nonlocal ended_answers
        connection = connections.pop(descriptor)
        connection.check()
        ended_answers += connection.answers
        latencies_s.extend(connection.latencies_s)
        blocked.discard(descriptor)
        connection.socket.close()

    for number in range(given.connections):
        begin(number)
    window = Window(given.clock, given.warm_up, given.seconds)
    while window.goes_on(
        answers := ended_answers + sum(each.answers for each in connections.values())
    ):
        ready = poll.poll(_STALL_TIMEOUT_S)
        if not ready:
            raise BenchError(f"no connection went on for {_STALL_TIMEOUT_S:g} s")
        for descriptor, events in ready:
            connection = connections[descriptor]
            if events & ~select.EPOLLOUT:
                note(descriptor, all_sent=connection.read(timed=window.is_open))
                if not connection.began_at:
                    end(descriptor)
                    begin(descriptor)
            else:
                note(descriptor, all_sent=connection.go_on_sending())
    for connection in connections.values():
        latencies_s.extend(connection.latencies_s)
    line = window.result(answers, latencies_s)
    for connection in connections.values():
        connection.check()
    return line


def main() -> None:
    """Run the load that the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=Path, required=True, help="a file of traffic_http2")
    parser.add_argument("--body-bytes", type=int, default=0, help="size of each request's body")
    parser.add_argument(
        "--answer-bytes", type=int, required=True, help="size of each answer's body"
    )
    parser.add_argument("--tls", action="store_true", help="over TLS, chosen by ALPN")
    parser.add_argument("--streams", type=int, required=True, help="streams of each connection")
    parser.add_argument(
        "--requests-max",
        type=int,
        default=1 << 30,
        help="requests on one connection, before another takes its place",
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--warm-up", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--clock", type=int, action="append", help="id of a CPU clock to read")
    try:
        print(run(parser.parse_args()))
    except (BenchError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
