"""What is checked and built once for each WebSocket: its scope, and the application's accept."""

from typing import Any

from penstock.errors import MessageError
from penstock.gateway.scope import decode_path
from penstock.gateway.stream import Service, Stream
from penstock.wire import deflate
from penstock.wire.events import Head
from penstock.wire.handshake import WebSocketOffer

# The handshake's own fields, which the server writes (WS-HS-11).
_OURS = frozenset((b"connection", b"content-length", b"transfer-encoding", b"upgrade"))


def websocket_scope(
    service: Service, stream: Stream, head: Head, offer: WebSocketOffer
) -> dict[str, Any]:
    """A scope that shares no mutable part with any other (WS-SCOPE, SCOPE-08)."""
    scope: dict[str, Any] = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": head.http_version,
        "server": stream.server,
        "client": stream.client,
        "scheme": "wss" if stream.scheme in {"https", "wss"} else "ws",
        "root_path": stream.root_path,
        "path": decode_path(head.raw_path, stream.root_path, service.root_path_mode),
        "raw_path": head.raw_path,
        "query_string": head.query,
        "headers": head.headers,
        "subprotocols": list(offer.subprotocols),
        "extensions": {name: {} for name in stream.extensions},
    }
    if stream.tls is not None:
        scope["extensions"]["tls"] = stream.tls.entry()
    if service.state is not None:
        scope["state"] = service.state.copy()
    return scope


def accept_headers(
    message: dict[str, Any], offer: WebSocketOffer, service: Service
) -> tuple[list[tuple[bytes, bytes]], deflate.Agreement | None]:
    """The extra fields of the answer to a handshake, and the agreement on compression, if any.

    Raises `MessageError` for a subprotocol that the client did not offer, and for fields that would
    change the handshake (W03, WS-HS-08, WS-HS-10). Whether the fields are well-formed is checked
    where they are encoded.
    """
    headers: list[tuple[bytes, bytes]] = []
    subprotocol = message.get("subprotocol")
    if subprotocol is not None:
        if subprotocol not in offer.subprotocols:
            raise MessageError(
                f"subprotocol {subprotocol!r:.80} was not offered; the client offered "
                f"{offer.subprotocols!r:.200}"
            )
        headers.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
    settings = service.settings
    agreement = None
    if offer.extensions and settings.ws_per_message_deflate:
        agreement = deflate.negotiate(
            offer.extensions, settings.ws_deflate_window_bits, settings.ws_deflate_takeover
        )
        if agreement is not None:
            headers.append((b"sec-websocket-extensions", agreement.value))
    for pair in message.get("headers") or ():
        name, value = _pair(pair)
        lower = name.lower()
        if lower.startswith((b"sec-websocket-", b":")):
            raise MessageError(
                f"{name!r:.80} may not be among the headers of websocket.accept; "
                "use its subprotocol for sec-websocket-protocol"
            )
        if lower in _OURS:
            service.note("debug", f"{name!r:.80} among the headers of websocket.accept is dropped")
        else:
            headers.append((name, value))
    return headers, agreement


def _pair(pair: Any) -> tuple[bytes, bytes]:
    try:
        name, value = pair
    except (TypeError, ValueError):
        raise MessageError(f"a header must be a pair of bytes, got {pair!r:.80}") from None
    if not isinstance(name, bytes) or not isinstance(value, bytes):
        raise MessageError(f"a header must be a pair of bytes, got {pair!r:.80}")
    return name, value
