# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Native form of `http2_fields.py`, whose docstrings are the contract."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcmp, memcpy

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


cdef inline bint _is_text(const unsigned char *p, Py_ssize_t size) noexcept:
    """Whether all bytes may be part of a value; eight at a time, since values are long."""
    cdef unsigned long long eight, del_
    cdef Py_ssize_t i = 0
    while size - i >= 8:
        memcpy(&eight, p + i, 8)
        # The highest bit of some byte is set where one is below 32, or is 127.
        del_ = eight ^ <unsigned long long> 0x7F7F7F7F7F7F7F7F
        if (
            (eight - <unsigned long long> 0x2020202020202020) & ~eight
            | (del_ - <unsigned long long> 0x0101010101010101) & ~del_
        ) & <unsigned long long> 0x8080808080808080:
            break
        i += 8
    while i < size:
        if not KIND[p[i]] & 2:
            return False
        i += 1
    return True


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
        if not _is_text(p, size):
            return -1
        if p[0] == 32 or p[0] == 9 or p[size - 1] == 32 or p[size - 1] == 9:
            return -1
    return bits


cpdef Py_ssize_t query_at(bytes value) except? -2:
    cdef const unsigned char *p
    cdef Py_ssize_t i, size, place
    if value is None:
        raise TypeError("a path must be bytes")
    p = <const unsigned char *> PyBytes_AS_STRING(value)
    size = PyBytes_GET_SIZE(value)
    if size == 0:
        return -1
    place = size
    for i in range(size):
        if p[i] < 33 or p[i] > 126 or p[i] == 35:
            return -1
        if p[i] == 63 and place == size:
            place = i
    return place


cdef inline bint _is_crumb(tuple field):
    cdef bytes name = field[0]
    return PyBytes_GET_SIZE(name) == 6 and memcmp(PyBytes_AS_STRING(name), b"cookie", 6) == 0


cpdef object join_cookies(list fields):
    cdef Py_ssize_t i, place = -1, kept = 0, size = 0
    cdef tuple field
    cdef bytes value, joined
    cdef char *out
    if fields is None:
        raise TypeError("fields must be a list")
    for i in range(len(fields)):
        field = fields[i]
        if field is None or len(field) != 2 or field[0] is None or field[1] is None:
            raise ValueError("a field is a pair of name and value")
        if _is_crumb(field):
            value = field[1]
            size += PyBytes_GET_SIZE(value) + 2
            if place < 0:
                place = i
    if place < 0:
        return
    joined = PyBytes_FromStringAndSize(NULL, size - 2)
    out = PyBytes_AS_STRING(joined)
    kept = place + 1
    for i in range(place, len(fields)):
        field = fields[i]
        if not _is_crumb(field):
            fields[kept] = field
            kept += 1
            continue
        value = field[1]
        if i > place:
            memcpy(out, b"; ", 2)
            out += 2
        memcpy(out, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        out += PyBytes_GET_SIZE(value)
    fields[place] = (b"cookie", joined)
    del fields[kept:]
