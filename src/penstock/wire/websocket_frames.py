"""WebSocket frames going out, and the numbers of RFC 6455: opcodes, close codes, limits."""

from penstock.errors import MessageError
from penstock.wire.mask import apply_mask

# What `Reader.next` returns.
NEED_MORE = 0
TEXT = 1
BINARY = 2
PING = 3
PONG = 4
CLOSE = 5

# Opcodes, with FIN set (section 5.2).
FIN_TEXT = 0x81
FIN_BINARY = 0x82
FIN_CLOSE = 0x88
FIN_PING = 0x89
FIN_PONG = 0x8A
RSV1 = 0x40

# Close codes (section 7.4.1).
NORMAL_CLOSURE = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
NO_STATUS_RECEIVED = 1005
ABNORMAL_CLOSURE = 1006
INVALID_PAYLOAD = 1007
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
INTERNAL_ERROR = 1011
SERVICE_RESTART = 1012

REASON_BYTES_MAX = 123

CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})


def close_code_allowed(code: int) -> bool:
    """Whether `code` may stand in a Close frame (section 7.4 and its registry)."""
    return code in CLOSE_CODES


def _headers(first: int) -> tuple[bytes, ...]:
    return tuple(bytes((first, size)) for size in range(126))


TEXT_HEADERS = _headers(FIN_TEXT)
BINARY_HEADERS = _headers(FIN_BINARY)


def frame_header(first: int, size: int) -> bytes:
    """The header of an unmasked frame: `first` is FIN, RSV bits and opcode (section 5.2)."""
    if size < 126:
        if first == FIN_TEXT:
            return TEXT_HEADERS[size]
        if first == FIN_BINARY:
            return BINARY_HEADERS[size]
        return bytes((first, size))
    if size < 65536:
        return bytes((first, 126, size >> 8, size & 0xFF))
    return bytes((first, 127)) + size.to_bytes(8, "big")


def masked_frame(first: int, payload: bytes, key: bytes) -> bytes:
    """A whole frame as a client sends it, masked with the four bytes of `key` (section 5.3)."""
    header = bytearray(frame_header(first, len(payload)))
    header[1] |= 0x80
    masked: bytes = apply_mask(payload, key, 0)
    return bytes(header) + key + masked


def close_payload(code: int, reason: str) -> bytes:
    """The payload of a Close frame (section 5.5.1); code 1005 stands for an empty one.

    Raises `MessageError` for a code that must not be sent and for a reason longer than 123 bytes.
    """
    if code == NO_STATUS_RECEIVED and not reason:
        return b""
    if code not in CLOSE_CODES:
        raise MessageError(
            f"close code {code!r} must not be sent: use 1000 to 1003, 1007 to 1014 or 3000 to 4999"
        )
    try:
        encoded = reason.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MessageError(f"the close reason cannot be encoded as UTF-8: {error.reason}") from None
    if len(encoded) > REASON_BYTES_MAX:
        raise MessageError(
            f"the close reason has {len(encoded)} bytes in UTF-8; at most {REASON_BYTES_MAX} fit"
        )
    return code.to_bytes(2, "big") + encoded
