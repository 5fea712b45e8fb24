"""The server in a thread of its own, and a client that writes exact bytes; both wait for facts, never for time.

`with serving(app) as served, served.client() as client:` is the usual beginning. When the block ends, the server has shut down,
and nothing may have reached the event loop's exception handler.
"""

import asyncio
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import penstock
from tests.loops import NEW_LOOPS, NewLoop

DEADLINE_S = 10.0
# What people get: uvloop where it is installed.
USUAL_LOOP: NewLoop = NEW_LOOPS[-1].values[0]


class Served:
    """A running server, seen from another thread."""

    def __init__(self, app: Any, new_loop: NewLoop, options: dict[str, Any]) -> None:
        self.loop_errors: list[dict[str, Any]] = []
        self._app = app
        self._new_loop = new_loop
        self._options = {
            **({} if "bind" in options else {"port": 0}),
            "lifespan": "off",
            "access_log": False,
            "timeout_graceful_shutdown": 1.5,
            **options,
        }
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self.server: Any = None
        self.loop: Any = None
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)
        self._thread.start()
        if not self._ready.wait(DEADLINE_S):
            raise TimeoutError("the server did not start")
        if self._failed is not None:
            raise self._failed
        self.address = self.server.sockets[0].getsockname()

    def _run(self) -> None:
        async def run() -> None:
            self.loop = asyncio.get_running_loop()
            self.loop.set_exception_handler(lambda _, context: self.loop_errors.append(context))
            self.server = penstock.Server(
                self._app, on_ready=lambda _: self._ready.set(), **self._options
            )
            await self.server.serve()

        try:
            with asyncio.Runner(loop_factory=self._new_loop) as runner:
                runner.run(run())
        except BaseException as error:
            self._failed = error
        finally:
            self._ready.set()

    @property
    def worker(self) -> Any:
        """The worker of the server; look at it with `on_loop`."""
        return self.server.worker

    def on_loop(self, look: Callable[[], Any]) -> Any:
        """What `look()` returns in the server's thread."""
        done = threading.Event()
        answer: list[Any] = []

        def call() -> None:
            try:
                answer.append(look())
            finally:
                done.set()

        self.loop.call_soon_threadsafe(call)
        if not done.wait(DEADLINE_S):
            raise TimeoutError("the server's loop stands still")
        return answer[0]

    def until(self, look: Callable[[], Any], deadline_s: float = DEADLINE_S) -> Any:
        """Wait until `look()`, in the server's thread, says something true; returns that."""
        deadline = time.monotonic() + deadline_s
        while not (seen := self.on_loop(look)):
            if time.monotonic() > deadline:
                raise TimeoutError("it never came true")
            time.sleep(0.002)
        return seen

    def client(self, receive_buffer: int = 0) -> "Client":
        """A new connection; `receive_buffer` bytes make it one that takes little at a time."""
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        if family == socket.AF_INET and len(self.address) == 4:
            family = socket.AF_INET6
        sock = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(DEADLINE_S)
        sock.connect(self.address)
        return Client(sock)

    def connection(self) -> Any:
        """The server's side of the only connection there is."""
        return self.until(lambda: list(self.worker.connections))[0]

    def stop(self) -> None:
        """Shut down and wait for the end; raises what ended the server."""
        self.server.should_exit = True
        self._thread.join(DEADLINE_S)
        if self._thread.is_alive():
            raise TimeoutError("the server did not stop")
        if self._failed is not None:
            raise self._failed


@contextmanager
def serving(app: Any, new_loop: NewLoop = USUAL_LOOP, **options: Any) -> Iterator[Served]:
    """Serve `app` in a thread while the block runs."""
    served = Served(app, new_loop, options)
    try:
        yield served
    finally:
        served.stop()
    assert served.loop_errors == []


class Response:
    """A response as it stood on the wire; `head` are its bytes, `headers` in order, names lower-case."""

    def __init__(self, head: bytes) -> None:
        self.head = head
        lines = head[:-4].decode("latin-1").split("\r\n")
        self.version, status, *phrase = lines[0].split(" ", 2)
        self.status = int(status)
        self.phrase = "".join(phrase)
        self.headers = [
            (name.lower(), value.strip())
            for name, _, value in (line.partition(":") for line in lines[1:])
        ]
        self.body = b""
        self.trailers: list[tuple[str, str]] = []
        self.informational: list[Response] = []

    def all(self, name: str) -> list[str]:
        """The values of all header fields of that name."""
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str | None:
        """The value of a header field that must not be there twice."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there twice: {values}"
        return values[0] if values else None


class Client:
    """One connection, by hand. What is read and not asked for stays in `buffer`."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        """Write exactly these bytes."""
        self.sock.sendall(data)

    def ask(
        self,
        target: str = "/",
        *headers: str,
        method: str = "GET",
        version: str = "1.1",
        body: bytes | None = None,
    ) -> None:
        """Write a request; a body gets its content-length."""
        lines = [f"{method} {target} HTTP/{version}", "Host: example.test", *headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))

    def get(self, target: str = "/", *headers: str, **more: Any) -> Response:
        """Ask, and read the response."""
        self.ask(target, *headers, **more)
        return self.response(head_only=more.get("method") == "HEAD")

    def more(self) -> bool:
        """Read what there is; False at the end of the connection."""
        data = self.sock.recv(1 << 16)
        self.buffer += data
        return bool(data)

    def until(self, mark: bytes) -> bytes:
        """Read up to and with `mark`."""
        while mark not in self.buffer:
            if not self.more():
                raise EOFError(f"the connection ended before {mark!r}: {self.buffer!r:.300}")
        taken, _, self.buffer = self.buffer.partition(mark)
        return taken + mark

    def exactly(self, size: int) -> bytes:
        """Read so many bytes."""
        parts = [self.buffer[:size]]
        self.buffer = self.buffer[size:]
        missing = size - len(parts[0])
        while missing:
            data = self.sock.recv(min(missing, 1 << 20))
            if not data:
                raise EOFError(f"the connection ended {missing} bytes early")
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def head(self) -> Response:
        """Read the head of a final response, with the informational ones before it."""
        before = []
        while True:
            response = Response(self.until(b"\r\n\r\n"))
            if response.status >= 200:
                response.informational = before
                return response
            before.append(response)

    def response(self, *, head_only: bool = False) -> Response:
        """Read a whole response, strictly: exactly one framing, and it must hold."""
        response = self.head()
        length, coding = response.get("content-length"), response.get("transfer-encoding")
        assert length is None or coding is None, "two framings"
        if head_only or response.status in {204, 304}:
            return response
        if coding is not None:
            assert coding == "chunked"
            response.body = self.chunks(response)
        elif length is not None:
            response.body = self.exactly(int(length))
        else:
            assert response.get("connection") == "close", "nothing says where the body ends"
            response.body = self.rest()
        return response

    def chunk(self) -> bytes:
        """Read one chunk, b"" for the last one (its trailers are left in the buffer)."""
        size = int(self.until(b"\r\n"), 16)
        if not size:
            return b""
        data = self.exactly(size + 2)
        assert data.endswith(b"\r\n")
        return data[:-2]

    def chunks(self, response: Response) -> bytes:
        """Read a chunked body and its trailers."""
        parts = []
        while part := self.chunk():
            parts.append(part)
        while (line := self.until(b"\r\n")) != b"\r\n":
            name, _, value = line[:-2].decode("latin-1").partition(":")
            response.trailers.append((name.lower(), value.strip()))
        return b"".join(parts)

    def rest(self) -> bytes:
        """Read to the end of the connection; a reset is an end, too."""
        parts = [self.buffer]
        self.buffer = b""
        try:
            while data := self.sock.recv(1 << 18):
                parts.append(data)
        except ConnectionError:
            pass
        return b"".join(parts)

    def widen(self) -> None:
        """Become a client that takes much at a time."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)

    def closed(self) -> bool:
        """Whether the server ends the connection without another byte."""
        return self.rest() == b""

    def finish(self) -> None:
        """Send a FIN; go on reading."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def flood(self, piece: bytes, most: int) -> int:
        """Write `piece` again and again until the server takes no more for a while; the bytes written."""
        written = 0
        self.sock.settimeout(0.2)
        try:
            while written < most:
                written += self.sock.send(piece)
        except TimeoutError:
            pass
        finally:
            self.sock.settimeout(DEADLINE_S)
        return written


def open_descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))
