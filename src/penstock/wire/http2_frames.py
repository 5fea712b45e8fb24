"""Frames of HTTP/2: their numbers, and those that are built seldom (RFC 9113 sections 6, 7 and 11).

What each request and answer needs is built by the leaf `http2_pack`.
"""

from struct import Struct

# RFC 9113 section 3.4: the client's first bytes.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Frame types (sections 6.1 to 6.10; RFC 9218 section 7.1).
TYPE_DATA = 0x0
TYPE_HEADERS = 0x1
TYPE_PRIORITY = 0x2
TYPE_RST_STREAM = 0x3
TYPE_SETTINGS = 0x4
TYPE_PUSH_PROMISE = 0x5
TYPE_PING = 0x6
TYPE_GOAWAY = 0x7
TYPE_WINDOW_UPDATE = 0x8
TYPE_CONTINUATION = 0x9
TYPE_PRIORITY_UPDATE = 0x10

# Flags; each means something for some types only.
FLAG_ACK = 0x1
FLAG_END_STREAM = 0x1
FLAG_END_HEADERS = 0x4
FLAG_PADDED = 0x8
FLAG_PRIORITY = 0x20

# Error codes (section 7).
NO_ERROR = 0x0
PROTOCOL_ERROR = 0x1
INTERNAL_ERROR = 0x2
FLOW_CONTROL_ERROR = 0x3
SETTINGS_TIMEOUT = 0x4
STREAM_CLOSED = 0x5
FRAME_SIZE_ERROR = 0x6
REFUSED_STREAM = 0x7
CANCEL = 0x8
COMPRESSION_ERROR = 0x9
CONNECT_ERROR = 0xA
ENHANCE_YOUR_CALM = 0xB
INADEQUATE_SECURITY = 0xC
HTTP_1_1_REQUIRED = 0xD

# Settings (section 6.5.2; RFC 8441 section 3; RFC 9218 section 2.1).
SETTINGS_HEADER_TABLE_SIZE = 0x1
SETTINGS_ENABLE_PUSH = 0x2
SETTINGS_MAX_CONCURRENT_STREAMS = 0x3
SETTINGS_INITIAL_WINDOW_SIZE = 0x4
SETTINGS_MAX_FRAME_SIZE = 0x5
SETTINGS_MAX_HEADER_LIST_SIZE = 0x6
SETTINGS_ENABLE_CONNECT_PROTOCOL = 0x8
SETTINGS_NO_RFC7540_PRIORITIES = 0x9
SETTINGS_OF_ONE_BIT = frozenset(
    (SETTINGS_ENABLE_PUSH, SETTINGS_ENABLE_CONNECT_PROTOCOL, SETTINGS_NO_RFC7540_PRIORITIES)
)

# What holds until a SETTINGS frame says otherwise, and the ends of what one may say (6.5.2, 6.9.1).
INITIAL_WINDOW = 65535
INITIAL_TABLE = 4096
WINDOW_MAX = 2**31 - 1
FRAME_MIN = 16384
FRAME_MAX = 2**24 - 1
STREAM_ID_MAX = 2**31 - 1

ERROR_NAMES = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)

_header = Struct(">HBBBL")
_number = Struct(">9sL")
_two = Struct(">9sLL")
_setting = Struct(">HL")
_DEBUG_BYTES_MAX = 200


def error_name(code: int) -> str:
    """The name of an error code for the log; a number that has none as it is."""
    return ERROR_NAMES[code] if code < len(ERROR_NAMES) else f"error {code:#x}"


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Any frame; the payload is copied."""
    size = len(payload)
    return _header.pack(size >> 8, size & 255, kind, flags, stream) + payload


def settings(pairs: list[tuple[int, int]]) -> bytes:
    """A SETTINGS frame with these settings (section 6.5)."""
    payload = b"".join(_setting.pack(name, value) for name, value in pairs)
    return frame(TYPE_SETTINGS, 0, 0, payload)


def rst_stream(stream: int, code: int) -> bytes:
    """Section 6.4."""
    return _number.pack(_header.pack(0, 4, TYPE_RST_STREAM, 0, stream), code)


def window_update(stream: int, increment: int) -> bytes:
    """Section 6.9; stream 0 is the connection."""
    return _number.pack(_header.pack(0, 4, TYPE_WINDOW_UPDATE, 0, stream), increment)


def ping(payload: bytes, ack: bool) -> bytes:
    """Section 6.7; eight bytes of payload."""
    return frame(TYPE_PING, FLAG_ACK if ack else 0, 0, payload)


def goaway(last: int, code: int, text: str) -> bytes:
    """Section 6.8; `text` is for whoever reads the peer's log, cut where it is long."""
    debug = text.encode("ascii", "backslashreplace")[:_DEBUG_BYTES_MAX]
    return _two.pack(_header.pack(0, 8 + len(debug), TYPE_GOAWAY, 0, 0), last, code) + debug


SETTINGS_ACK = frame(TYPE_SETTINGS, FLAG_ACK, 0, b"")
