"""The requests of the load: browser-like, twelve headers, no two alike.

Made once, from a fixed seed, before anything is measured. Paths and the values of eight headers
differ from each request to the next, so that a server wins nothing by remembering the last one.
"""

from __future__ import annotations

import base64
import random
import string
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HEADERS = 12
DISTINCT = 8192
"""How many different requests the load cycles through: more than any sensible cache holds."""

PAYLOAD_BYTES = 64
DISTINCT_FRAMES = 4096

_TEXT_FIN = 0x81
"""First byte of a whole text message in one frame (RFC 6455 §5.2)."""
_SEED = 20261122
_KINDS = ("orders", "customers", "products", "invoices", "shipments", "reviews", "carts")
_SORTS = ("name", "-created", "price", "-updated", "relevance")
LANGUAGES = ("en-US,en;q=0.9", "de-DE,de;q=0.9,en;q=0.7", "fr-FR,fr;q=0.8,en;q=0.5", "ja,en;q=0.6")
ACCEPTS = (
    "application/json, text/plain, */*",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "*/*",
)
SYSTEMS = (
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
    "Linux; Android 14; Pixel 8",
)


def path(random_: random.Random) -> str:
    """A path with a query, as an interface for a shop has them."""
    kind = random_.choice(_KINDS)
    item = random_.randrange(10**8)
    return f"/api/v1/{kind}/{item}?page={random_.randrange(500)}&sort={random_.choice(_SORTS)}"


def request(random_: random.Random, method: str = "GET", more: str = "", target: str = "") -> bytes:
    """One request's head; `more` is further header lines, each with its CRLF, `target` what is asked for
    in place of a made-up path."""
    chrome = f"{random_.randrange(110, 150)}.0.{random_.randrange(7000)}.{random_.randrange(200)}"
    token = base64.urlsafe_b64encode(random_.randbytes(48)).decode()
    session = base64.urlsafe_b64encode(random_.randbytes(24)).decode()
    return (
        f"{method} {target or path(random_)} HTTP/1.1\r\n"
        f"Host: shop.example.com\r\n"
        f"Connection: keep-alive\r\n"
        f"User-Agent: Mozilla/5.0 ({random_.choice(SYSTEMS)}) AppleWebKit/537.36 "
        f"(KHTML, like Gecko) Chrome/{chrome} Safari/537.36\r\n"
        f"Accept: {random_.choice(ACCEPTS)}\r\n"
        f"Accept-Language: {random_.choice(LANGUAGES)}\r\n"
        f"Accept-Encoding: gzip, deflate, br, zstd\r\n"
        f"Referer: https://shop.example.com{path(random_)}\r\n"
        f"Cookie: session={session}; csrftoken={random_.randbytes(16).hex()}; theme=dark\r\n"
        f"Authorization: Bearer {token}\r\n"
        f'If-None-Match: "{random_.randbytes(8).hex()}"\r\n'
        f"X-Request-ID: {uuid.UUID(bytes=random_.randbytes(16), version=4)}\r\n"
        f"traceparent: 00-{random_.randbytes(16).hex()}-{random_.randbytes(8).hex()}-01\r\n"
        f"{more}\r\n"
    ).encode("ascii")


def requests(count: int, method: str = "GET", more: str = "", target: str = "") -> list[bytes]:
    """`count` different requests, the same ones in every run."""
    random_ = random.Random(_SEED)
    return [request(random_, method, more, target) for _ in range(count)]


def handshakes(count: int) -> list[tuple[bytes, bytes]]:
    """`count` WebSocket handshakes of eight headers that offer no extension, with their keys."""
    random_ = random.Random(_SEED)
    made = []
    for _ in range(count):
        key = base64.b64encode(random_.randbytes(16))
        head = (
            f"GET /live/{random_.randrange(10**8)}?token={random_.randbytes(12).hex()} HTTP/1.1\r\n"
            f"Host: shop.example.com\r\n"
            f"Upgrade: websocket\r\n"
            f"Connection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key.decode()}\r\n"
            f"Sec-WebSocket-Version: 13\r\n"
            f"Origin: https://shop.example.com\r\n"
            f"User-Agent: Mozilla/5.0 ({random_.choice(SYSTEMS)}) Gecko/20100101 Firefox/140.0\r\n"
            f"Cookie: session={random_.randbytes(24).hex()}\r\n\r\n"
        )
        made.append((head.encode("ascii"), key))
    return made


def frames() -> list[tuple[bytes, bytes]]:
    """Pairs of a masked text frame to send and the unmasked frame that must come back."""
    random_ = random.Random(_SEED)
    made = []
    for _ in range(DISTINCT_FRAMES):
        payload = "".join(random_.choices(string.ascii_letters, k=PAYLOAD_BYTES)).encode()
        mask = random_.randbytes(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        made.append(
            (
                bytes((_TEXT_FIN, 0x80 | PAYLOAD_BYTES)) + mask + masked,
                bytes((_TEXT_FIN, PAYLOAD_BYTES)) + payload,
            )
        )
    return made


def write(file: Path, count: int = DISTINCT, target: str = "") -> None:
    """Write the requests for `wrk.lua`: each preceded by its length in eight decimal digits."""
    with file.open("wb") as sink:
        for head in requests(count, target=target):
            sink.write(b"%08d%b" % (len(head), head))
