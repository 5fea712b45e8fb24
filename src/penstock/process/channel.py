"""The pipe between the supervisor and a process of its: small messages, and sockets with them.

    message = length (4 bytes, little endian) marshal(name, arguments…)

`marshal` is the interpreter's own format: both ends run the same one, it needs no imports, and nobody
else can write into the pipe. The end of the stream means that the other process is gone.
"""

import marshal
import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any

# More than any message; what claims to be longer is no message.
MESSAGE_BYTES_MAX = 1 << 24
# What the kernel passes in one go (SCM_MAX_FD is 253).
DESCRIPTORS_MAX = 250
_READ_BYTES = 65536


class Channel:
    """One end. `sock`: of a stream socket pair, owned by the channel from now on.

    Sending blocks, which is nothing for what is sent here; receiving blocks or not, as the socket is.
    """

    __slots__ = ("_buffer", "_descriptors", "_messages", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = b""
        self._descriptors: deque[int] = deque()
        self._messages: deque[tuple[Any, ...]] = deque()

    def send(self, *message: Any, descriptors: Sequence[int] = ()) -> bool:
        """Send one message; False if the other end is gone, or has not read for long."""
        data = marshal.dumps(message)
        data = len(data).to_bytes(4, "little") + data
        try:
            sent = 0
            if descriptors:
                sent = socket.send_fds(self.sock, [data], list(descriptors))
            while sent < len(data):
                sent += self.sock.send(data[sent:])
        except OSError:
            return False
        return True

    def receive(self) -> list[tuple[Any, ...]] | None:
        """Read what is there; the messages that are whole, or None at the end of the stream."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.sock, _READ_BYTES, DESCRIPTORS_MAX)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            return None
        for fd in descriptors:
            os.set_inheritable(fd, False)
        self._descriptors.extend(descriptors)
        if not data:
            return None
        self._buffer += data
        found = []
        while len(self._buffer) >= 4:
            length = int.from_bytes(self._buffer[:4], "little")
            if length > MESSAGE_BYTES_MAX:
                return None
            if len(self._buffer) < 4 + length:
                break
            found.append(marshal.loads(self._buffer[4 : 4 + length]))  # noqa: S302 - our own
            self._buffer = self._buffer[4 + length :]
        return found

    def wait(self) -> tuple[Any, ...] | None:
        """The next message, waiting for it (the socket blocks); None if the other end is gone."""
        while not self._messages:
            found = self.receive()
            if found is None:
                return None
            self._messages.extend(found)
        return self._messages.popleft()

    def take(self, count: int) -> list[int]:
        """Descriptors that came with messages, in their order; they are the caller's to close."""
        return [self._descriptors.popleft() for _ in range(min(count, len(self._descriptors)))]

    def close(self) -> None:
        """Close it, and whatever came and was not taken."""
        self.sock.close()
        while self._descriptors:
            os.close(self._descriptors.popleft())


def pair() -> tuple[Channel, Channel]:
    """Two ends that are connected."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return Channel(one), Channel(other)
