# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Native form of `http2_fields.py`, whose docstrings are the contract."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memcmp

# The bits; `http2_fields.py` says what each means. C has them without a lookup, Python by name.
cdef enum:
    _HOST = 1
    _LENGTH = 2
    _EXPECT = 4
    _FORWARDED = 8
    _COOKIES = 16
    _TE = 32
    _PRIORITY = 64
    _CONNECTION = 128

HOST = _HOST
LENGTH = _LENGTH
EXPECT = _EXPECT
FORWARDED = _FORWARDED
COOKIES = _COOKIES
TE = _TE
PRIORITY = _PRIORITY
CONNECTION = _CONNECTION

# What a byte may be: bit 1 part of a lower-case name, bit 2 part of a value.
cdef unsigned char KIND[256]


cdef void _fill_kind():
    cdef int c
    for c in range(256):
        KIND[c] = 1 if 48 <= c <= 57 or 97 <= c <= 122 else 0
        if c == 9 or (c >= 32 and c != 127):
            KIND[c] |= 2
    for c in b"!#$%&'*+-.^_`|~":
        KIND[c] |= 1


_fill_kind()


cdef inline int _bit(const unsigned char *p, Py_ssize_t size) noexcept:
    """The bit of a name, 0 for all others; -1 for `cookie`."""
    if size == 2:
        return _TE if memcmp(p, b"te", 2) == 0 else 0
    if size == 4:
        return _HOST if memcmp(p, b"host", 4) == 0 else 0
    if size == 6:
        if memcmp(p, b"cookie", 6) == 0:
            return -1
        return _EXPECT if memcmp(p, b"expect", 6) == 0 else 0
    if size == 7:
        return _CONNECTION if memcmp(p, b"upgrade", 7) == 0 else 0
    if size == 8:
        return _PRIORITY if memcmp(p, b"priority", 8) == 0 else 0
    if size == 9:
        return _FORWARDED if memcmp(p, b"forwarded", 9) == 0 else 0
    if size == 10:
        if memcmp(p, b"connection", 10) == 0 or memcmp(p, b"keep-alive", 10) == 0:
            return _CONNECTION
        return 0
    if size == 14:
        return _LENGTH if memcmp(p, b"content-length", 14) == 0 else 0
    if size == 15:
        return _FORWARDED if memcmp(p, b"x-forwarded-for", 15) == 0 else 0
    if size == 16:
        if memcmp(p, b"proxy-connection", 16) == 0:
            return _CONNECTION
        if memcmp(p, b"x-forwarded-host", 16) == 0 or memcmp(p, b"x-forwarded-port", 16) == 0:
            return _FORWARDED
        return 0
    if size == 17:
        if memcmp(p, b"transfer-encoding", 17) == 0:
            return _CONNECTION
        return _FORWARDED if memcmp(p, b"x-forwarded-proto", 17) == 0 else 0
    if size == 18:
        return _FORWARDED if memcmp(p, b"x-forwarded-prefix", 18) == 0 else 0
    return 0


cpdef int check_fields(list fields, Py_ssize_t start) except? -2:
    cdef int bits = 0, bit
    cdef bint cookie = False
    cdef Py_ssize_t i, j, size
    cdef const unsigned char *p
    cdef tuple field
    cdef bytes name, value
    cdef unsigned char all_of
    if fields is None:
        raise TypeError("fields must be a list")
    for i in range(start, len(fields)):
        field = fields[i]
        if field is None or len(field) != 2:
            raise ValueError("a field is a pair of name and value")
        name = field[0]
        value = field[1]
        if name is None or value is None:
            raise TypeError("name and value must be bytes")
        p = <const unsigned char *> PyBytes_AS_STRING(name)
        size = PyBytes_GET_SIZE(name)
        if size == 0:
            return -1
        all_of = 1
        for j in range(size):
            all_of &= KIND[p[j]]
        if not all_of:
            return -1
        bit = _bit(p, size)
        if bit > 0:
            bits |= bit
        elif bit:
            if cookie:
                bits |= _COOKIES
            cookie = True
        p = <const unsigned char *> PyBytes_AS_STRING(value)
        size = PyBytes_GET_SIZE(value)
        if size == 0:
            continue
        all_of = 2
        for j in range(size):
            all_of &= KIND[p[j]]
        if not all_of:
            return -1
        if p[0] == 32 or p[0] == 9 or p[size - 1] == 32 or p[size - 1] == 9:
            return -1
    return bits


cpdef bint is_path(bytes value) except? False:
    cdef const unsigned char *p
    cdef Py_ssize_t i, size
    if value is None:
        raise TypeError("a path must be bytes")
    p = <const unsigned char *> PyBytes_AS_STRING(value)
    size = PyBytes_GET_SIZE(value)
    for i in range(size):
        if p[i] < 33 or p[i] > 126 or p[i] == 35:
            return False
    return size > 0
