# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Native form of `fields.py`, whose docstrings are the contract."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy

# The bits; `fields.py` says what each means. C has them without a lookup, Python under their names.
cdef enum:
    _SENDS_LENGTH = 1
    _SENDS_DATE = 2
    _SENDS_SERVER = 4
    _SENDS_CODING = 8
    _SENDS_CONNECTION = 16

SENDS_LENGTH = _SENDS_LENGTH
SENDS_DATE = _SENDS_DATE
SENDS_SERVER = _SENDS_SERVER
SENDS_CODING = _SENDS_CODING
SENDS_CONNECTION = _SENDS_CONNECTION

cdef enum:
    DIGITS_MAX = 18
    BUFFER_BYTES = 1024

# Whether a byte may stand in a token (RFC 9110 section 5.6.2).
cdef unsigned char TOKEN[256]


cdef void _fill_token():
    cdef int c
    for c in range(256):
        TOKEN[c] = 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122
    for c in b"!#$%&'*+-.^_`|~":
        TOKEN[c] = 1


_fill_token()


cdef inline bint _is(const unsigned char *p, const char *name, Py_ssize_t size) noexcept:
    """Whether these bytes of a token are the lower-case `name`, in any case: what else becomes a
    letter or a hyphen by setting that bit is no character of a token."""
    cdef Py_ssize_t i
    for i in range(size):
        if (p[i] | 32) != <unsigned char> name[i]:
            return False
    return True


cdef inline int _noticed(const unsigned char *p, Py_ssize_t size) noexcept:
    """The bit of a name that matters, 0 for all others."""
    if size == 4:
        return _SENDS_DATE if _is(p, b"date", 4) else 0
    if size == 6:
        return _SENDS_SERVER if _is(p, b"server", 6) else 0
    if size == 10:
        return _SENDS_CONNECTION if _is(p, b"connection", 10) else 0
    if size == 14:
        return _SENDS_LENGTH if _is(p, b"content-length", 14) else 0
    if size == 17:
        return _SENDS_CODING if _is(p, b"transfer-encoding", 17) else 0
    return 0


cdef class Lines:
    def __init__(self):
        self.lines = b""
        self.bits = 0
        self.length = -1


cpdef bint write_fields(object headers, Lines lines) except -1:
    # One pass into a buffer on the stack, a second with one of the right size where that one is
    # too small.
    cdef char small[BUFFER_BYTES]
    cdef Py_ssize_t size
    cdef bytes large
    cdef int bits = 0
    cdef long long length = -1
    if lines is None:
        raise TypeError("lines must be a Lines")
    if type(headers) is not list and type(headers) is not tuple:
        headers = list(headers)
    size = _write_fields(headers, small, BUFFER_BYTES, &bits, &length)
    if size < 0:
        return False
    if size <= BUFFER_BYTES:
        lines.lines = PyBytes_FromStringAndSize(small, size)
    else:
        large = PyBytes_FromStringAndSize(NULL, size)
        bits = 0
        length = -1
        if _write_fields(headers, PyBytes_AS_STRING(large), size, &bits, &length) != size:
            return False
        lines.lines = large
    lines.bits = bits
    lines.length = length
    return True


cdef Py_ssize_t _write_fields(
    headers, char *out, Py_ssize_t room, int *bits, long long *length
) except -2:
    """Write the lines as long as there is room; returns the bytes that all of them take, -1 for
    what `write_fields` answers with False."""
    cdef Py_ssize_t total = 0, i, n, size
    cdef int bit
    cdef const unsigned char *p
    cdef const unsigned char *q
    for pair in headers:
        if type(pair) is tuple:
            if len(<tuple> pair) != 2:
                return -1
            name = (<tuple> pair)[0]
            value = (<tuple> pair)[1]
        elif type(pair) is list:
            if len(<list> pair) != 2:
                return -1
            name = (<list> pair)[0]
            value = (<list> pair)[1]
        else:
            return -1
        if type(name) is not bytes or type(value) is not bytes:
            return -1
        n = PyBytes_GET_SIZE(name)
        size = PyBytes_GET_SIZE(value)
        p = <const unsigned char *> PyBytes_AS_STRING(name)
        q = <const unsigned char *> PyBytes_AS_STRING(value)
        if n == 0:
            return -1
        for i in range(n):
            if not TOKEN[p[i]]:
                return -1
        for i in range(size):
            if q[i] <= 13 and (q[i] == 13 or q[i] == 10 or q[i] == 0):
                return -1
        bit = _noticed(p, n)
        if bit:
            bits[0] |= bit
            if bit == _SENDS_LENGTH:
                if length[0] >= 0 or size == 0 or size > DIGITS_MAX:
                    return -1
                length[0] = 0
                for i in range(size):
                    if q[i] < 48 or q[i] > 57:
                        return -1
                    length[0] = length[0] * 10 + (q[i] - 48)
            elif bit >= _SENDS_CODING:
                continue
        if total + n + size + 4 <= room:
            memcpy(out + total, p, n)
            out[total + n] = 58
            out[total + n + 1] = 32
            memcpy(out + total + n + 2, q, size)
            out[total + n + size + 2] = 13
            out[total + n + size + 3] = 10
        total += n + size + 4
    return total


cdef inline char *_append(char *out, bytes part) noexcept:
    cdef Py_ssize_t size = PyBytes_GET_SIZE(part)
    memcpy(out, PyBytes_AS_STRING(part), size)
    return out + size


cpdef bytes assemble(bytes line, bytes fields, bytes defaults, bytes framing, bytes data):
    cdef bytes whole
    cdef char *out
    if line is None or fields is None or defaults is None or framing is None or data is None:
        raise TypeError("the parts of a response must be bytes")
    whole = PyBytes_FromStringAndSize(
        NULL,
        PyBytes_GET_SIZE(line) + PyBytes_GET_SIZE(fields) + PyBytes_GET_SIZE(defaults)
        + PyBytes_GET_SIZE(framing) + PyBytes_GET_SIZE(data),
    )
    out = _append(PyBytes_AS_STRING(whole), line)
    out = _append(out, fields)
    out = _append(out, defaults)
    out = _append(out, framing)
    _append(out, data)
    return whole
