"""Frames that every request and answer needs, in pure Python: the contract of `http2_pack.pyx`.

A leaf, as `scan`. `tests/wire/test_http2_pack.py` and `fuzz/http2.py` hold the two forms equal.
"""

from struct import Struct

_header = Struct(">HBBBL")
_pack = _header.pack

# unpack_frame(data, pos): the header of the frame at `pos` (RFC 9113 section 4.1): length as
# 256 * first + second number, type, flags, stream identifier with its reserved bit. Nine bytes must
# lie there.
unpack_frame = _header.unpack_from


def pack_frame(size: int, kind: int, flags: int, stream: int) -> bytes:
    """The nine bytes before `size` bytes of payload."""
    return _pack(size >> 8, size & 255, kind, flags, stream)


def whole_answer(stream: int, block: bytes, data: bytes) -> bytes:
    """HEADERS with END_HEADERS and, unless `data` is empty, DATA; the last has END_STREAM. Copies;
    neither may be longer than a frame of 2**24-1 bytes."""
    size = len(block)
    if not data:
        return _pack(size >> 8, size & 255, 1, 5, stream) + block
    length = len(data)
    return b"%b%b%b%b" % (
        _pack(size >> 8, size & 255, 1, 4, stream),
        block,
        _pack(length >> 8, length & 255, 0, 1, stream),
        data,
    )
