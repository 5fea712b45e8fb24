# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Native form of `http2_pack.py`, whose docstrings are the contract."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy


cdef inline void _put(
    unsigned char *p, Py_ssize_t size, int kind, int flags, unsigned int stream
) noexcept:
    p[0] = <unsigned char> (size >> 16)
    p[1] = <unsigned char> (size >> 8)
    p[2] = <unsigned char> size
    p[3] = <unsigned char> kind
    p[4] = <unsigned char> flags
    p[5] = <unsigned char> (stream >> 24)
    p[6] = <unsigned char> (stream >> 16)
    p[7] = <unsigned char> (stream >> 8)
    p[8] = <unsigned char> stream


cpdef (int, int, int, int, unsigned int) unpack_frame(bytes data, Py_ssize_t pos) except *:
    cdef const unsigned char *p
    if data is None or pos < 0 or PyBytes_GET_SIZE(data) - pos < 9:
        raise ValueError("no frame header lies there")
    p = <const unsigned char *> PyBytes_AS_STRING(data) + pos
    return (
        p[0] << 8 | p[1], p[2], p[3], p[4],
        <unsigned int> p[5] << 24 | <unsigned int> p[6] << 16 | <unsigned int> p[7] << 8 | p[8],
    )


cpdef bytes pack_frame(Py_ssize_t size, int kind, int flags, unsigned int stream):
    cdef bytes out = PyBytes_FromStringAndSize(NULL, 9)
    _put(<unsigned char *> PyBytes_AS_STRING(out), size, kind, flags, stream)
    return out


cpdef bytes whole_answer(unsigned int stream, bytes block, bytes data):
    cdef Py_ssize_t size, length
    cdef unsigned char *p
    cdef bytes out
    if block is None or data is None:
        raise TypeError("block and data must be bytes")
    size = PyBytes_GET_SIZE(block)
    length = PyBytes_GET_SIZE(data)
    out = PyBytes_FromStringAndSize(NULL, 9 + size + (9 + length if length else 0))
    p = <unsigned char *> PyBytes_AS_STRING(out)
    _put(p, size, 1, 4 if length else 5, stream)
    memcpy(p + 9, PyBytes_AS_STRING(block), size)
    if length:
        p += 9 + size
        _put(p, length, 0, 1, stream)
        memcpy(p + 9, PyBytes_AS_STRING(data), length)
    return out
