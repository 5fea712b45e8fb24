"""A gibibyte goes through at constant memory, both ways, by ASGI and by WSGI; and 5,000 connections are served at once."""

import resource
import socket
import zlib
from collections.abc import Iterable, Iterator
from itertools import repeat

import pytest

from tests.apps.plain_app import CHUNK, chunk
from tests.apps.server import DEADLINE_S, Server, stopped_well

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

CHUNKS = 1024
SIZE = CHUNKS * len(CHUNK)
GATED_CHUNKS = 128
GATED_SIZE = GATED_CHUNKS * len(CHUNK)
GROWTH_BYTES_MAX = 8 << 20
CONNECTIONS = 5000


@pytest.fixture(scope="module", params=["app", "application"], ids=["asgi", "wsgi"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    spec = f"tests.apps.plain_app:{request.param}"
    with Server(spec, "--port", "0", "--no-access-log", "--lifespan", "off") as server:
        server.until("Running on")
        ask(server, b"GET /?chunks=20 HTTP/1.1")  # what is made once is made now
        yield server
        stopped_well(server)


def ask(server: Server, request_line: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE_S) as client:
        client.sendall(request_line + b"\r\nhost: x\r\nconnection: close\r\n\r\n")
        return b"".join(iter(lambda: client.recv(1 << 20), b""))


def checksum(chunks: Iterable[bytes]) -> int:
    check = 0
    for part in chunks:
        check = zlib.crc32(part, check)
    return check


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_a_large_upload_needs_constant_memory(server: Server, framing: str) -> None:
    server.forget_peak()
    before = server.memory_bytes()
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE_S) as client:
        chunked = framing == "chunked"
        field = b"transfer-encoding: chunked" if chunked else b"content-length: %d" % SIZE
        client.sendall(b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + field + b"\r\n\r\n")
        piece = b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK) if chunked else CHUNK
        for _ in range(CHUNKS):
            client.sendall(piece)
        if chunked:
            client.sendall(b"0\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.endswith(f"\r\n\r\n{SIZE} {checksum(repeat(CHUNK, CHUNKS))}".encode())
    assert server.peak_memory_bytes() - before < GROWTH_BYTES_MAX


def test_a_large_download_needs_constant_memory(server: Server) -> None:
    server.forget_peak()
    before = server.memory_bytes()
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE_S) as client:
        client.sendall(b"GET /?chunks=%d HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n" % CHUNKS)
        head, _, body = client.recv(65536).partition(b"\r\n\r\n")
        assert b"content-length: %d" % SIZE in head.lower()
        size, check = len(body), zlib.crc32(body)
        buffer = memoryview(bytearray(1 << 20))
        while count := client.recv_into(buffer):
            size += count
            check = zlib.crc32(buffer[:count], check)
    assert (size, check) == (SIZE, checksum(map(chunk, range(CHUNKS))))
    assert server.peak_memory_bytes() - before < GROWTH_BYTES_MAX


def test_an_upload_that_the_application_does_not_read_stops_the_client(server: Server) -> None:
    """What client, kernel and server hold together is bounded; afterwards all of it arrives."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE_S) as client:
        client.sendall(
            b"POST /gated HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % GATED_SIZE
        )
        before = server.memory_bytes()
        client.settimeout(1.0)  # to be seen to elapse
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < GATED_SIZE:
                sent += client.send(memoryview(CHUNK)[sent % len(CHUNK) :])
        assert server.memory_bytes() - before < GROWTH_BYTES_MAX
        client.settimeout(DEADLINE_S)
        assert ask(server, b"POST /open HTTP/1.1").endswith(b"0 0")
        while sent < GATED_SIZE:
            sent += client.send(memoryview(CHUNK)[sent % len(CHUNK) :])
        answer = client.recv(65536)
    assert answer.endswith(f"\r\n\r\n{GATED_SIZE} {checksum(repeat(CHUNK, GATED_CHUNKS))}".encode())


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Room for the connections here and, inherited, in the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} descriptors, and the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("attribute", ["app", "application"], ids=["asgi", "wsgi"])
def test_five_thousand_connections_are_served_at_once(
    many_descriptors: None, attribute: str
) -> None:
    request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"
    expected = f"\r\n\r\n5 {zlib.crc32(b'hello')}".encode()
    clients: list[socket.socket] = []
    with Server(f"tests.apps.plain_app:{attribute}", "--port", "0", "--no-access-log") as server:
        try:
            for _ in range(CONNECTIONS):
                client = socket.create_connection(("127.0.0.1", server.port), DEADLINE_S)
                clients.append(client)
            for _ in range(2):
                for client in clients:
                    client.sendall(request)
                for client in clients:
                    answer = b""
                    while not answer.endswith(expected):
                        part = client.recv(65536)
                        assert part, answer
                        answer += part
        finally:
            for client in clients:
                client.close()
        stopped_well(server)
