"""Masking of WebSocket frames (RFC 6455 section 5.3), in pure Python: the contract of its native form."""


def apply_mask(data: bytes, key: bytes, offset: int) -> bytes:
    """XOR `data` with the four bytes of `key`, from `key[offset % 4]` on (RFC 6455 section 5.3)."""
    size = len(data)
    if not size:
        return b""
    if len(key) != 4:
        raise ValueError("a masking key has four bytes")
    turn = offset & 3
    pad = ((key[turn:] + key[:turn]) * (size // 4 + 1))[:size]
    # Python's big integers are the only thing here that works on many bytes at once.
    return (int.from_bytes(data, "little") ^ int.from_bytes(pad, "little")).to_bytes(size, "little")


def unmask(data: bytes, start: int, end: int) -> bytes:
    """`data[start:end]` unmasked with the key in the four bytes before `start`."""
    if not 4 <= start <= end <= len(data):
        raise ValueError("no masked payload lies there")
    return apply_mask(data[start:end], data[start - 4 : start], 0)
