"""The server name in a TLS client's first message (RFC 8446 section 4.1.2, RFC 6066 section 3).

OpenSSL would tell it by a callback, which prints a traceback for a name that is no ASCII; read here,
the right certificate is chosen before the handshake begins. Whatever is odd is left to OpenSSL to
refuse.
"""

# A hello with a post-quantum key share takes a tenth of it, and one record. With every piece that
# comes the beginning is looked at again, so that a client could make much work of small pieces.
HELLO_BYTES_MAX = 1 << 15
_RECORDS_MAX = 16

HANDSHAKE = 22
_CLIENT_HELLO = 1
_SERVER_NAME = 0
_HOST_NAME = 0


def server_name(data: bytes) -> str | None:
    """The host name that the hello at the beginning of `data` asks for, in lower case and without a
    final dot; "" for none; None when more of `data` is needed."""
    hello = _message(data)
    if hello is None:
        return None
    try:
        name = _extension(hello).decode("ascii")
    except (IndexError, UnicodeDecodeError):
        return ""
    return name.lower().removesuffix(".")


def _message(data: bytes) -> bytes | None:
    """The content of the first handshake message, put together from its records; b"" if there is
    none, None if it is not whole yet."""
    message, at, records = b"", 0, 0
    while at < len(data):
        records += 1
        if data[at] != HANDSHAKE or at > HELLO_BYTES_MAX or records > _RECORDS_MAX:
            return b""
        if at + 5 > len(data):
            return None
        end = at + 5 + int.from_bytes(data[at + 3 : at + 5])
        message += data[at + 5 : end]
        if message and message[0] != _CLIENT_HELLO:
            return b""
        if len(message) >= 4:
            length = int.from_bytes(message[1:4])
            if length > HELLO_BYTES_MAX:
                return b""
            if len(message) >= 4 + length:
                return message[4 : 4 + length]
        if end == at + 5:
            return b""
        at = end
    return None


def _extension(hello: bytes) -> bytes:
    """The first host name of the server_name extension, b"" for none; IndexError if it is cut."""
    at = 34  # version and random
    at += 1 + hello[at]  # session id
    at += 2 + _number(hello, at)  # cipher suites
    at += 1 + hello[at]  # compression methods
    if at == len(hello):
        return b""
    end = at + 2 + _number(hello, at)
    at += 2
    while at < end:
        kind, length = _number(hello, at), _number(hello, at + 2)
        at += 4
        if kind == _SERVER_NAME:
            if hello[at + 2] != _HOST_NAME:
                return b""
            start = at + 5
            return hello[start : start + _number(hello, at + 3)]
        at += length
    return b""


def _number(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]
