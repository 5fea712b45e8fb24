"""What the trials of threats share: applications that note what reaches them, and the forms an attack's end may take.

A refused request must show all of this: the right status, `connection: close`, the end of the connection, no call of the
application for it or for anything behind it, and another connection served meanwhile.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

from tests.sockets import Client, Response, Served, open_descriptors

# What an attacker wants to be taken for a request.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: t\r\n\r\n"


class Call:
    """One call of the application: what it was told, and what it read."""

    def __init__(self, path: str, scope: Any) -> None:
        self.path = path
        self.scope = scope
        self.body = b""
        self.ended = False
        self.disconnected = False


class AsgiNotes:
    """Notes its calls. Paths say what it does: /unread answers without reading, /wait answers when released or when the
    client has left, /large answers 1 MiB; everything else is read to its end and echoed."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.running: dict[Any, int] = {}
        self.most_running = 0
        self.release = False

    def reset(self) -> None:
        self.calls = []
        self.most_running = 0
        self.release = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        call = Call(scope["path"], scope)
        self.calls.append(call)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
            return
        client = tuple(scope["client"] or ())
        self.running[client] = self.running.get(client, 0) + 1
        self.most_running = max(self.most_running, self.running[client])
        try:
            await self.answer(call, receive, send)
        finally:
            self.running[client] -= 1

    async def answer(self, call: Call, receive: Any, send: Any) -> None:
        if call.path != "/unread":
            await self.read(call, receive)
            if call.disconnected:
                return
        if call.path == "/wait":
            while not self.release:
                await asyncio.sleep(0.002)
        elif call.path == "/leaves":
            call.disconnected = (await receive())["type"] == "http.disconnect"
        body = b"x" * (1 << 20) if call.path == "/large" else call.path.encode() + b" " + call.body
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def read(self, call: Call, receive: Any) -> None:
        while not call.ended:
            message = await receive()
            if message["type"] == "http.disconnect":
                call.disconnected = True
                return
            call.body += message["body"]
            call.ended = not message["more_body"]


class WsgiNotes:
    """The same for WSGI; `scope` is the environ."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def reset(self) -> None:
        self.calls = []

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        call = Call(environ["PATH_INFO"], environ)
        self.calls.append(call)
        call.body = environ["wsgi.input"].read()
        call.ended = True
        body = call.path.encode("latin-1") + b" " + call.body
        start_response("200 OK", [("content-length", str(len(body)))])
        return [body]


class Gate:
    """A server and its noting application."""

    def __init__(self, served: Served, notes: Any) -> None:
        self.served = served
        self.notes = notes
        self.clients: list[Client] = []

    def lent(self) -> Iterator["Gate"]:
        """For one test: nothing noted before it, no connection left after it."""
        self.notes.reset()
        before = open_descriptors()
        yield self
        self.notes.release = True
        for client in self.clients:
            client.sock.close()
        self.clients.clear()
        self.served.until(
            lambda: not self.served.worker.connections and open_descriptors() <= before
        )
        errors = self.served.loop_errors.copy()
        self.served.loop_errors.clear()
        assert errors == []

    def client(self, receive_buffer: int = 0) -> Client:
        """A new connection."""
        client = self.served.client(receive_buffer)
        self.clients.append(client)
        return client

    def until(self, look: Callable[[], Any]) -> Any:
        """Wait until the server's thread says something true."""
        return self.served.until(look)

    @property
    def paths(self) -> list[str]:
        """The paths the application was called for, honest ones left out."""
        return [call.path for call in self.notes.calls if call.path != "/honest"]

    def call(self, path: str) -> Call:
        """The only call for `path`."""
        found: list[Call] = [call for call in self.notes.calls if call.path == path]
        assert len(found) == 1, self.paths
        return found[0]

    def serves_others(self) -> None:
        """Another connection is served now."""
        honest = self.client()
        assert honest.get("/honest").status == 200
        honest.sock.close()

    def ended(self, client: Client, *statuses: int) -> Response:
        """`client` gets one of these answers, and the end."""
        response = client.response()
        assert response.status in statuses, (response.status, response.body)
        assert response.get("connection") == "close"
        assert client.closed()
        return response

    def refuses(
        self, attack: bytes, *statuses: int, behind: bytes = SMUGGLED, whole: bool = True
    ) -> Response:
        """`attack`, with another request behind it, is 400-close: nothing of it reaches the application, but, where it is too
        large to come in one read (not `whole`), its head."""
        client = self.client()
        write(client, attack + behind)
        self.serves_others()
        response = self.ended(client, *(statuses or (400,)))
        assert len(self.paths) <= (not whole), self.paths
        return response

    def refuses_body(self, head: bytes, body: bytes, *statuses: int) -> None:
        """A body's fault ends it, whether it comes with the head or after the application was called."""
        self.refuses(head + body, *statuses, whole=len(body) < 1 << 14)
        self.notes.reset()
        client = self.client()
        client.send(head)
        self.until(lambda: self.paths)
        write(client, body + SMUGGLED)
        self.serves_others()
        self.ended(client, *(statuses or (400,)))
        assert len(self.paths) == 1, self.paths
        call = self.notes.calls[0]
        self.until(lambda: call.disconnected)
        assert not call.ended
        self.notes.reset()

    def serves(self, request: bytes) -> Call:
        """`request` is served, and so is an honest one behind it on the same connection; returns its call."""
        client = self.client()
        client.send(request + NEXT)
        head_only = request.lstrip().startswith(b"HEAD")
        response = client.response(head_only=head_only)
        assert response.status == 200, (response.status, response.body)
        assert client.response().body == b"/next "
        assert len(self.paths) == 2
        call: Call = self.notes.calls[0]
        return call


class Sender(threading.Thread):
    """Writes in the background, until it is done or the other side wants no more."""

    def __init__(self, client: Client, data: bytes) -> None:
        super().__init__(name="sender", daemon=True)
        self.client = client
        self.data = data
        self.start()

    def run(self) -> None:
        write(self.client, self.data)


def write(client: Client, data: bytes) -> None:
    """Write, also to somebody who stops listening in between."""
    try:
        client.send(data)
    except ConnectionError:
        pass


def request(
    *lines: bytes, line: bytes = b"POST /attack HTTP/1.1", host: bytes = b"Host: t"
) -> bytes:
    """A request's head of a line, a host and other lines."""
    return b"\r\n".join([line, *([host] if host else []), *lines, b"", b""])
