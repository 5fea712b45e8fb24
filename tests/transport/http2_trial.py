"""An HTTP/2 connection in a test: a fake transport and loop, and a peer that writes into it; no socket, no clock."""

from typing import Any

from penstock.transport.http2 import Connection
from tests.http2 import Answer, Peer
from tests.transport.http1_trial import FakeTransport
from tests.transport.http1_trial import Trial as Http1Trial


class _Memory:
    """Stands for the client's socket: what is written arrives at once, and what the server wrote can be read."""

    def __init__(self, trial: "Trial") -> None:
        self.trial = trial

    def sendall(self, data: bytes) -> None:
        self.trial.receive(data)

    def recv(self, size: int) -> bytes:
        """What there is; b"" where a socket would wait."""
        transport = self.trial.transport
        data, transport.written = transport.written, b""
        return data


class Trial(Http1Trial):
    """A worker with one connection, greeted; `peer` is its client."""

    def __init__(self, app: Any, **options: Any) -> None:
        greeting = options.pop("greeting", {})
        super().__init__(app, **options)
        self.worker.connections.clear()
        self.transport = FakeTransport()
        self.connection: Any = Connection(self.worker)
        self.connection.connection_made(self.transport)
        greets = greeting.get("greet", True)
        self.peer = Peer(_Memory(self), **greeting)  # type: ignore[arg-type]
        if greets:
            self.settle()

    def settle(self) -> None:
        """Turn until nothing is asked for any more, and have the peer read."""
        self._run()
        while self.peer.more():
            self._run()

    def _run(self) -> None:
        for task in self.runtime.tasks:
            task.run()
        while self.loop.soon:
            self.loop.turn()

    def ask(self, path: str = "/", *more: tuple[str, str], stream: int = 1, **rest: Any) -> None:
        """Send a request."""
        self.peer.ask(stream, path, *more, **rest)

    def answer(self, stream: int = 1) -> Answer:
        """What has come of a response so far."""
        self.settle()
        return self.peer.answers.get(stream, Answer())
