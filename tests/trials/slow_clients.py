"""Many slow clients at once, in a process of their own: `python -m tests.trials.slow_clients KIND PORT COUNT`.

KIND is `head` (a byte of a request's head now and then), `body` (the same of a body) or `reader` (a few bytes of a large answer
now and then). Writes `open` when all are connected, then, when the server has ended all of them, a line of JSON: how many were
ended after how many seconds, and by which status.
"""

import asyncio
import collections
import json
import select
import socket
import sys
import time

TICK_S = 0.25
SLICES = 50
LIMIT_S = 60.0
READ_BYTES = 16
_HEAD = b"GET / HTTP/1.1\r\nHost: slow\r\nX-Slow: "
_BODY = b"POST /upload HTTP/1.1\r\nHost: slow\r\nContent-Length: 100000\r\n\r\n"
_READER = b"GET /large HTTP/1.1\r\nHost: slow\r\n\r\n"
BEGINNINGS = {"head": _HEAD, "body": _BODY, "reader": _READER}


class Slow:
    """One of them."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        # What came before a reset can still be read, slowly; that there was one shows at once
        self.poll = select.poll()
        self.poll.register(sock, 0)
        self.since = time.monotonic()
        self.answer = b""
        self.lasted_s = 0.0

    def tick(self, reads: bool) -> bool:
        """Do the little it does; False once the server has ended it."""
        try:
            if reads:
                if self.poll.poll(0):
                    raise ConnectionResetError
                data = self.sock.recv(READ_BYTES)
            else:
                try:
                    data = self.sock.recv(4096)
                except BlockingIOError:
                    self.sock.send(b"a")
                    return True
            self.answer = self.answer or data
            if data:
                return True
        except BlockingIOError:
            return True
        except OSError:
            pass
        self.lasted_s = time.monotonic() - self.since
        self.sock.close()
        return False


async def attack(kind: str, port: int, count: int) -> None:
    loop = asyncio.get_running_loop()
    going: list[Slow] = []
    for number in range(count):
        sock = socket.socket()
        if kind == "reader":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.setblocking(False)
        await loop.sock_connect(sock, ("127.0.0.1", port))
        await loop.sock_sendall(sock, BEGINNINGS[kind])
        going.append(Slow(sock))
        if number % 8 == 7:
            await asyncio.sleep(0.01)
    print("open", flush=True)
    ended: list[Slow] = []
    until = time.monotonic() + LIMIT_S
    while going and time.monotonic() < until:
        # Each has its own moment, as strangers have
        left = []
        slice_size = max(len(going) // SLICES, 1)
        for position, each in enumerate(going):
            (left if each.tick(kind == "reader") else ended).append(each)
            if position % slice_size == slice_size - 1:
                await asyncio.sleep(TICK_S / SLICES)
        going = left
    statuses = collections.Counter(each.answer[9:12].decode("ascii", "replace") for each in ended)
    print(
        json.dumps(
            {
                "ended": len(ended),
                "first_s": min((each.lasted_s for each in ended), default=0),
                "last_s": max((each.lasted_s for each in ended), default=0),
                "statuses": statuses,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    asyncio.run(attack(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
