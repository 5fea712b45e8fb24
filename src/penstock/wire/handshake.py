"""The opening handshake of a WebSocket, seen from the server: over HTTP/1.1 (RFC 6455 section 4.2), and
by an extended CONNECT (RFC 8441).

Everything is checked before the application is called; what is refused says which header, what was
seen and what was expected.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from typing import Any

from penstock.errors import HttpError
from penstock.wire.events import Head

# RFC 6455 section 1.3.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 24
# Browsers offer one extension in one or two variants; more than this is somebody's test of our
# patience, and each costs parsing.
_OFFERS_MAX = 16
_SUBPROTOCOLS_MAX = 128

# RFC 9110 sections 5.6.2 and 5.6.4, RFC 6455 section 9.1.
_TCHARS = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = re.compile(
    rf"[ \t]*;[ \t]*({_TCHARS})(?:[ \t]*=[ \t]*(?:({_TCHARS})|\"({_TCHARS})\"))?"
)
_EXTENSION = re.compile(rf"[ \t]*({_TCHARS})")
_COMMA = re.compile(r"[ \t]*(?:,|\Z)")

Offers = list[tuple[str, list[tuple[str, str | None]]]]


class UpgradeError(HttpError):
    """A handshake that is refused; `headers` belong into the answer."""

    def __init__(
        self, status: int, message: str, rule: str, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        super().__init__(status, message, rule)
        self.headers = headers


class WebSocketOffer:
    """What a client offers in a correct handshake.

    - `accept`: the value of the answer's `Sec-WebSocket-Accept`; `b""` where the protocol needs
      none (RFC 8441).
    - `subprotocols`: in the client's order; header bytes as latin-1.
    - `extensions`: (name, parameters) in the client's order.
    """

    __slots__ = ("accept", "extensions", "subprotocols")

    def __init__(self, accept: bytes, subprotocols: list[str], extensions: Offers) -> None:
        self.accept = accept
        self.subprotocols = subprotocols
        self.extensions = extensions


def check_upgrade(head: Head, settings: Any) -> WebSocketOffer:
    """Check the handshake in `head`, whose `upgrade` names websocket.

    `settings.ws_allowed_origins`, where not empty, lists the origins (`https://example.org`, or
    `*`) whose pages may connect; a request without `Origin` comes from no page and may (W14).

    Raises `UpgradeError`: 400 for a malformed handshake, 426 for another version, 403 for a foreign
    origin.
    """
    if head.method != "GET":
        raise _bad(f"a WebSocket handshake with {head.method}; only GET can be one")
    if head.http_version == "1.0":
        raise _bad("a WebSocket handshake over HTTP/1.0; it needs HTTP/1.1")
    if head.content_length != 0:
        raise _bad("a WebSocket handshake with a body")
    keys = [value for name, value in head.headers if name == b"sec-websocket-key"]
    offer = _offer(head, settings)
    if len(keys) != 1 or not _is_key(keys[0]):
        raise _bad("Sec-WebSocket-Key must be there once, with 16 bytes in base64")
    digest = hashlib.sha1(keys[0] + _GUID, usedforsecurity=False).digest()
    offer.accept = base64.b64encode(digest)
    return offer


def check_connect(head: Head, settings: Any) -> WebSocketOffer:
    """Check the handshake in `head`, an extended CONNECT with the protocol websocket (RFC 8441 section
    5): as `check_upgrade`, but without a key, since HTTP/2 cannot be taken for something else."""
    return _offer(head, settings)


def _offer(head: Head, settings: Any) -> WebSocketOffer:
    versions = []
    origins = []
    protocols = []
    extensions = []
    for name, value in head.headers:
        if name == b"sec-websocket-version":
            versions.append(value)
        elif name == b"sec-websocket-protocol":
            protocols.append(value)
        elif name == b"sec-websocket-extensions":
            extensions.append(value)
        elif name == b"origin":
            origins.append(value)
    if versions != [b"13"]:
        seen = b", ".join(versions).decode("latin-1")
        raise UpgradeError(
            426,
            f"WebSocket version {seen!r:.80}; only 13 is spoken here"
            if versions
            else "a WebSocket handshake without Sec-WebSocket-Version",
            "RFC 6455 section 4.4",
            ((b"sec-websocket-version", b"13"), (b"upgrade", b"websocket")),
        )
    offer = WebSocketOffer(
        b"",
        _subprotocols(protocols) if protocols else [],
        extension_offers(extensions) if extensions else [],
    )
    if origins:
        _check_origin(origins, settings.ws_allowed_origins)
    return offer


def _bad(message: str) -> UpgradeError:
    return UpgradeError(400, message, "RFC 6455 section 4.2.1")


def _is_key(value: bytes) -> bool:
    if len(value) != _KEY_BYTES:
        return False
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except binascii.Error:
        return False


def _check_origin(origins: list[bytes], allowed_origins: Iterable[str]) -> None:
    allowed = list(allowed_origins)
    if not allowed or "*" in allowed:
        return
    origin = origins[0].decode("latin-1")
    if len(origins) != 1 or origin.lower() not in {each.lower() for each in allowed}:
        raise UpgradeError(
            403,
            f"a WebSocket from origin {origin!r:.200}; --ws-allowed-origins lists those that may",
            "RFC 6455 section 4.2.2",
        )


def _subprotocols(values: list[bytes]) -> list[str]:
    """RFC 6455 section 4.1: tokens, each once. What is no token is handed on as latin-1 (W02)."""
    found = []
    for value in values:
        for part in value.split(b","):
            name = part.strip(b" \t").decode("latin-1")
            if name:
                found.append(name)
    if len(found) > _SUBPROTOCOLS_MAX:
        raise _bad(f"{len(found)} subprotocols offered; at most {_SUBPROTOCOLS_MAX} are read")
    return found


def extension_offers(values: list[bytes]) -> Offers:
    """Parse `Sec-WebSocket-Extensions` (RFC 6455 section 9.1) into (name, parameters).

    Raises `UpgradeError` for what does not follow the grammar, and for more than 16 offers (W01).
    """
    offers: Offers = []
    for value in values:
        text = value.decode("latin-1")
        position = 0
        while position < len(text):
            match = _EXTENSION.match(text, position)
            if match is None:
                # Empty elements of a list are allowed (RFC 9110 section 5.6.1.2).
                position = _after_comma(text, position)
                continue
            position = match.end()
            parameters: list[tuple[str, str | None]] = []
            name = match[1]
            while (match := _PARAMETER.match(text, position)) is not None:
                parameters.append((match[1], match[2] or match[3]))
                position = match.end()
            offers.append((name, parameters))
            if len(offers) > _OFFERS_MAX:
                raise _bad(f"more than {_OFFERS_MAX} extensions offered")
            position = _after_comma(text, position)
    return offers


def _after_comma(text: str, position: int) -> int:
    match = _COMMA.match(text, position)
    if match is None:
        raise _bad(f"Sec-WebSocket-Extensions cannot be read from {text[position:][:40]!r} on")
    return match.end()
