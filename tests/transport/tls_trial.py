"""TLS in a test: both ends in memory, or a client of the real server."""

import ssl
from pathlib import Path
from typing import Any

from penstock.config import Config
from penstock.transport.tls_context import Certificates, load
from tests import certificates
from tests.sockets import Client, Served
from tests.transport.http1_trial import FakeTransport


def certificates_of(folder: Path, **options: Any) -> Certificates:
    """The contexts of a server with the usual certificate."""
    settings = Config(None, **{**certificates.files(folder), **options})
    return load(settings, lambda level, text: None)


class MemoryClient:
    """A client whose bytes are moved by hand."""

    def __init__(self, context: ssl.SSLContext | None = None, name: str = "localhost") -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = context or certificates.client_context()
        self.ssl = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)

    def shake(self, data: bytes = b"") -> bytes:
        """Go on with the handshake; returns what is to be sent."""
        self.incoming.write(data)
        try:
            self.ssl.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def encrypt(self, data: bytes) -> bytes:
        self.ssl.write(data)
        return self.outgoing.read()

    def decrypt(self, data: bytes) -> bytes:
        """The plaintext of what the server wrote; EOFError after its close_notify."""
        self.incoming.write(data)
        parts = []
        try:
            while part := self.ssl.read(1 << 16):
                parts.append(part)
        except ssl.SSLWantReadError:
            return b"".join(parts)
        if not parts:
            raise EOFError
        return b"".join(parts)

    def goodbye(self) -> bytes:
        """A close_notify."""
        try:
            self.ssl.unwrap()
        except ssl.SSLError:
            pass
        return self.outgoing.read()


class RawTransport(FakeTransport):
    """The transport of the socket below; `take` gives what was written since the last time."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.protocol: Any = None

    def write(self, data: bytes) -> None:
        super().write(data)
        self.writes.append(data)

    def take(self) -> bytes:
        data, self.written = self.written, b""
        return data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = (high, low)

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"socket": "the socket"}.get(name, default)


def shaken(
    certificates_: Certificates, context: ssl.SSLContext | None = None
) -> tuple[ssl.SSLObject, MemoryClient]:
    """Both ends of a connection whose handshake is over."""
    client = MemoryClient(context)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificates_.default.wrap_bio(incoming, outgoing, server_side=True)
    data = client.shake()
    for _ in range(4):
        incoming.write(data)
        try:
            server.do_handshake()
        except ssl.SSLWantReadError:
            pass
        data = client.shake(outgoing.read())
    assert server.version() is not None
    return server, client


def secure(
    served: Served, context: ssl.SSLContext | None = None, name: str = "localhost", **options: Any
) -> Client:
    """A client of `served` whose handshake is over."""
    plain = served.client(**options)
    try:
        sock = (context or certificates.client_context()).wrap_socket(
            plain.sock, server_hostname=name
        )
    except BaseException:
        plain.sock.close()
        raise
    return Client(sock)
