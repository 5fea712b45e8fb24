"""Applications without a framework, ASGI and WSGI, that move much data and keep none of it.

POST /: length and CRC-32 of the body. POST /gated: the same, but it does not begin to read before somebody asked for
/open. GET /?chunks=N: N chunks.
"""

import asyncio
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

CHUNK = bytes(range(256)) * 4096  # 1 MiB

gate_of_loop = asyncio.Event()
gate_of_threads = threading.Event()


def chunk(number: int) -> bytes:
    """A chunk that shares no memory with any other, so that what is buffered shows."""
    return number.to_bytes(8) + CHUNK[8:]


def wanted(query: str) -> int:
    return int(dict(parse_qsl(query)).get("chunks", "1"))


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise RuntimeError("only HTTP here")
    if scope["path"] == "/open":
        gate_of_loop.set()
    elif scope["path"] == "/gated":
        await gate_of_loop.wait()
    if scope["method"] == "POST":
        size = check = 0
        more = True
        while more:
            message = await receive()
            body = message.get("body", b"")
            size += len(body)
            check = zlib.crc32(body, check)
            more = message.get("more_body", False)
        answer = f"{size} {check}".encode()
        headers = [(b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
        return
    chunks = wanted(scope["query_string"].decode())
    headers = [(b"content-length", b"%d" % (chunks * len(CHUNK)))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(chunks):
        await send(
            {"type": "http.response.body", "body": chunk(number), "more_body": number < chunks - 1}
        )


def application(
    environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], Any]
) -> Iterator[bytes]:
    if environ["PATH_INFO"] == "/open":
        gate_of_threads.set()
    elif environ["PATH_INFO"] == "/gated":
        gate_of_threads.wait()
    if environ["REQUEST_METHOD"] == "POST":
        size = check = 0
        body = environ["wsgi.input"]
        while part := body.read(65536):
            size += len(part)
            check = zlib.crc32(part, check)
        answer = f"{size} {check}".encode()
        start_response("200 OK", [("Content-Length", str(len(answer)))])
        yield answer
        return
    chunks = wanted(environ["QUERY_STRING"])
    start_response("200 OK", [("Content-Length", str(chunks * len(CHUNK)))])
    for number in range(chunks):
        yield chunk(number)
