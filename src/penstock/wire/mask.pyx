# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Native form of `mask.py`, whose docstrings are the contract."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy


cdef inline void _xor(
    const unsigned char *source, unsigned char *target, Py_ssize_t size, const unsigned char *key
) noexcept:
    """XOR `size` bytes with the four of `key` over and over, eight at a time."""
    cdef unsigned long long pad, word
    cdef Py_ssize_t i = 0
    memcpy(&pad, key, 4)
    memcpy(<char *> &pad + 4, key, 4)
    # memcpy, since neither side need be aligned; compilers turn it into one load or store.
    while i + 8 <= size:
        memcpy(&word, source + i, 8)
        word ^= pad
        memcpy(target + i, &word, 8)
        i += 8
    while i < size:
        target[i] = source[i] ^ key[i & 3]
        i += 1


cpdef bytes apply_mask(bytes data, bytes key, Py_ssize_t offset):
    cdef Py_ssize_t size
    cdef const unsigned char *given
    cdef unsigned char turned[4]
    cdef int i
    cdef bytes out
    if data is None or key is None:
        raise TypeError("data and key must be bytes")
    size = PyBytes_GET_SIZE(data)
    given = <const unsigned char *> PyBytes_AS_STRING(key)
    if size == 0:
        return b""
    if PyBytes_GET_SIZE(key) != 4:
        raise ValueError("a masking key has four bytes")
    for i in range(4):
        turned[i] = given[(offset + i) & 3]
    out = PyBytes_FromStringAndSize(NULL, size)
    _xor(
        <const unsigned char *> PyBytes_AS_STRING(data),
        <unsigned char *> PyBytes_AS_STRING(out), size, turned,
    )
    return out


cpdef bytes unmask(bytes data, Py_ssize_t start, Py_ssize_t end):
    cdef const unsigned char *base
    cdef bytes out
    if data is None:
        raise TypeError("data must be bytes")
    base = <const unsigned char *> PyBytes_AS_STRING(data)
    if start < 4 or end < start or end > PyBytes_GET_SIZE(data):
        raise ValueError("no masked payload lies there")
    out = PyBytes_FromStringAndSize(NULL, end - start)
    _xor(base + start, <unsigned char *> PyBytes_AS_STRING(out), end - start, base + start - 4)
    return out
