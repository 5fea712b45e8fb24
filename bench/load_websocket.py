"""Load for WebSocket echo: on each connection one masked text frame is under way, and each echo is
compared with what was sent. `python -m bench.load_websocket --help`.

Frames are masked before the load starts; payloads and masks differ from frame to frame.
"""

from __future__ import annotations

import argparse
import select
import socket
import sys
import time

from bench import traffic
from bench.errors import BenchError
from bench.sockets import open_websocket
from bench.window import Window

_OP_PING_FIN = 0x89
_STALL_TIMEOUT_S = 5.0


class Client:
    """One connection that is not in its normal course: a frame came in pieces, or a ping did."""

    __slots__ = ("pending", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.pending = b""

    def completes(self, received: bytes, expected: bytes) -> bool:
        """Take bytes that are not exactly the echo; True once the echo is whole.

        Raises BenchError for anything but the echo and pings, which are answered.
        """
        self.pending += received
        while self.pending[:1] == bytes((_OP_PING_FIN,)) and len(self.pending) >= 2:
            end = 2 + self.pending[1]
            if len(self.pending) < end:
                return False
            pong = bytes((0x8A, 0x80 | self.pending[1], 0, 0, 0, 0)) + self.pending[2:end]
            self.socket.sendall(pong)
            self.pending = self.pending[end:]
        if self.pending == expected:
            self.pending = b""
            return True
        if not received or not expected.startswith(self.pending):
            raise BenchError(f"expected the echo {expected!r}, got {self.pending[:80]!r}")
        return False


def run(port: int, connections: int, warm_up_s: float, seconds: float, clock_ids: list[int]) -> str:
    """Echo until the window is over; the line that reports it. BenchError for a wrong answer."""
    pool = traffic.frames()
    clients: dict[int, Client] = {}
    expected: dict[int, bytes] = {}
    sent_at: dict[int, float] = {}
    poll = select.epoll()
    for handshake, key in traffic.handshakes(connections):
        connection = open_websocket(port, handshake, key)
        connection.settimeout(0)
        clients[connection.fileno()] = Client(connection)
        poll.register(connection, select.EPOLLIN)
    receive = {number: client.socket.recv for number, client in clients.items()}
    send = {number: client.socket.send for number, client in clients.items()}
    window = Window(clock_ids, warm_up_s, seconds)
    clock = time.perf_counter
    index = answers = 0
    latencies_s: list[float] = []
    for number in clients:
        frame, expected[number] = pool[index]
        index += 1
        sent_at[number] = clock()
        send[number](frame)
    while window.goes_on(answers):
        ready = poll.poll(_STALL_TIMEOUT_S)
        if not ready:
            raise BenchError(f"no echo on any connection for {_STALL_TIMEOUT_S:g} s")
        for number, _ in ready:
            received = receive[number](4096)
            if received != expected[number] and not clients[number].completes(
                received, expected[number]
            ):
                continue
            answers += 1
            now = clock()
            if window.is_open:
                latencies_s.append(now - sent_at[number])
            sent_at[number] = now
            frame, expected[number] = pool[index]
            index = (index + 1) % len(pool)
            send[number](frame)
    return window.result(answers, latencies_s)


def main() -> None:
    """Run the load that the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--warm-up", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--clock", type=int, action="append", help="id of a CPU clock to read")
    given = parser.parse_args()
    try:
        print(run(given.port, given.connections, given.warm_up, given.seconds, given.clock))
    except (BenchError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
