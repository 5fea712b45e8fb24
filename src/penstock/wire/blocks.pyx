# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True
"""Native form of `blocks.py`, whose docstrings are the contract."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcmp, memcpy
from penstock.wire.huffman cimport encode as encode_huffman

from penstock.wire.fields import (
    SENDS_CODING,
    SENDS_CONNECTION,
    SENDS_DATE,
    SENDS_LENGTH,
    SENDS_SERVER,
)
from penstock.wire.hpack_table import STATIC_NAMES, STATIC_TABLE

NO_TABLE = b"\x20"

cdef enum:
    DIGITS_MAX = 18
    BUFFER_BYTES = 1024
    NAMES_MAX = 64
    KNOWN_NAME_MAX = 32
    SLOTS = 256
    # The names of the static table that are no pseudo-header fields begin behind the prefix.
    INDEX_PREFIX = 15

# The lower-case form of a token's characters (RFC 9110 section 5.6.2), 0 for all others.
cdef unsigned char NAME[256]


cdef struct Known:
    const char *name
    Py_ssize_t size
    int bits
    # How a field of this name starts; nothing where the static table lacks it.
    unsigned char start[2]
    int start_bytes
    # The next name with the same hash, -1 for none.
    int next


cdef Known known[NAMES_MAX]
cdef short known_slot[SLOTS]
cdef list known_names = []
cdef unsigned char status_index[1000]
# C has the bits without a lookup.
cdef int LENGTH = SENDS_LENGTH
cdef int CODING = SENDS_CODING


cdef inline int _hash(const unsigned char *name, Py_ssize_t size) noexcept:
    return <int> (size * 11 + name[0] * 7 + name[size - 1] * 29) & (SLOTS - 1)


cdef void _add(bytes name, int index, int bits):
    cdef int place = len(known_names)
    cdef int slot = _hash(<const unsigned char *> PyBytes_AS_STRING(name), len(name))
    if place == NAMES_MAX or len(name) > KNOWN_NAME_MAX:
        raise ValueError("too many names, or too long a one")
    known_names.append(name)
    known[place].name = PyBytes_AS_STRING(name)
    known[place].size = len(name)
    known[place].bits = bits
    known[place].start_bytes = 2 if index else 0
    known[place].start[0] = INDEX_PREFIX | (16 if name == b"set-cookie" else 0)
    known[place].start[1] = index - INDEX_PREFIX
    known[place].next = known_slot[slot]
    known_slot[slot] = place


cdef void _fill():
    cdef int c
    for c in range(256):
        NAME[c] = 0
        if 48 <= c <= 57 or 97 <= c <= 122:
            NAME[c] = c
        elif 65 <= c <= 90:
            NAME[c] = c + 32
    for c in b"!#$%&'*+-.^_`|~":
        NAME[c] = c
    for c in range(SLOTS):
        known_slot[c] = -1
    bits = {
        b"content-length": SENDS_LENGTH, b"date": SENDS_DATE, b"server": SENDS_SERVER,
        b"transfer-encoding": SENDS_CODING, b"connection": SENDS_CONNECTION,
        b"keep-alive": SENDS_CONNECTION, b"proxy-connection": SENDS_CONNECTION,
        b"upgrade": SENDS_CONNECTION,
    }
    for name, index in STATIC_NAMES.items():
        if name[:1] != b":":
            _add(name, index, bits.pop(name, 0))
    for name, bit in bits.items():
        _add(name, 0, bit)
    for index, (name, value) in enumerate(STATIC_TABLE, 1):
        if name == b":status":
            status_index[int(value)] = index


_fill()


cdef inline int _find(const unsigned char *name, Py_ssize_t size) noexcept:
    """The place of a lower-case name, -1 for one that is not known."""
    cdef int place = known_slot[_hash(name, size)]
    while place >= 0:
        if known[place].size == size and memcmp(known[place].name, name, size) == 0:
            return place
        place = known[place].next
    return -1


cdef inline int _integer_bytes(Py_ssize_t value) noexcept:
    """The bytes that an integer takes with a prefix of seven bits (RFC 7541 section 5.1)."""
    cdef int count = 1
    if value >= 127:
        value -= 127
        count = 2
        while value >= 128:
            value >>= 7
            count += 1
    return count


cdef inline unsigned char *_put_integer(unsigned char *out, Py_ssize_t value) noexcept:
    if value < 127:
        out[0] = <unsigned char> value
        return out + 1
    out[0] = 127
    out += 1
    value -= 127
    while value >= 128:
        out[0] = <unsigned char> (value & 127 | 128)
        out += 1
        value >>= 7
    out[0] = <unsigned char> value
    return out + 1


cdef class Block:
    def __init__(self):
        self.block = b""
        self.bits = 0
        self.length = -1


cpdef bint write_block(object headers, Block block) except -1:
    # One pass into a buffer on the stack, a second with one of the right size where that one is
    # too small.
    cdef unsigned char small[BUFFER_BYTES]
    cdef Py_ssize_t size
    cdef bytes large
    cdef int bits = 0
    cdef long long length = -1
    if block is None:
        raise TypeError("block must be a Block")
    if type(headers) is not list and type(headers) is not tuple:
        headers = list(headers)
    size = _write_block(headers, small, BUFFER_BYTES, &bits, &length)
    if size < 0:
        return False
    if size <= BUFFER_BYTES:
        block.block = PyBytes_FromStringAndSize(<char *> small, size)
    else:
        large = PyBytes_FromStringAndSize(NULL, size)
        bits = 0
        length = -1
        if _write_block(
            headers, <unsigned char *> PyBytes_AS_STRING(large), size, &bits, &length
        ) != size:
            return False
        block.block = large
    block.bits = bits
    block.length = length
    return True


cdef Py_ssize_t _write_block(
    headers, unsigned char *out, Py_ssize_t room, int *bits, long long *length
) except -2:
    """Write the fields as long as there is room; returns the bytes that all of them take, -1 for
    what `write_block` answers with False."""
    cdef unsigned char lower[KNOWN_NAME_MAX]
    cdef Py_ssize_t total = 0, i, n, size, needed
    cdef int place, bit
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
        place = -1
        if n <= KNOWN_NAME_MAX:
            for i in range(n):
                lower[i] = NAME[p[i]]
                if lower[i] == 0:
                    return -1
            place = _find(lower, n)
        else:
            for i in range(n):
                if NAME[p[i]] == 0:
                    return -1
        for i in range(size):
            if q[i] <= 13 and (q[i] == 13 or q[i] == 10 or q[i] == 0):
                return -1
        needed = 1 + _integer_bytes(n) + n
        if place >= 0:
            if known[place].start_bytes != 0:
                needed = known[place].start_bytes
            bit = known[place].bits
            if bit:
                bits[0] |= bit
                if bit == LENGTH:
                    if length[0] >= 0 or size == 0 or size > DIGITS_MAX:
                        return -1
                    length[0] = 0
                    for i in range(size):
                        if q[i] < 48 or q[i] > 57:
                            return -1
                        length[0] = length[0] * 10 + (q[i] - 48)
                elif bit >= CODING:
                    continue
        while size and (q[0] == 32 or q[0] == 9):
            q += 1
            size -= 1
        while size and (q[size - 1] == 32 or q[size - 1] == 9):
            size -= 1
        needed += _integer_bytes(size) + size
        total += needed
        if total > room:
            continue
        if place >= 0 and known[place].start_bytes != 0:
            out[0] = known[place].start[0]
            out[1] = known[place].start[1]
            out += 2
        else:
            out[0] = 0
            out = _put_integer(out + 1, n)
            for i in range(n):
                out[i] = NAME[p[i]]
            out += n
        out = _put_integer(out, size)
        memcpy(out, q, size)
        out += size
    return total


cdef inline int _put_status(unsigned char *out, int status) except -1:
    """Write the field, of five bytes at most; how many it has."""
    if status < 100 or status > 999:
        raise ValueError("no status")
    if status_index[status] != 0:
        out[0] = 128 | status_index[status]
        return 1
    out[0] = 8
    out[1] = 3
    out[2] = 48 + status // 100
    out[3] = 48 + status // 10 % 10
    out[4] = 48 + status % 10
    return 5


cpdef bytes status_field(int status):
    cdef unsigned char field[5]
    cdef int size = _put_status(field, status)
    return PyBytes_FromStringAndSize(<char *> field, size)


cpdef bytes response_block(int status, bytes fields, long long length, bytes defaults):
    cdef unsigned char first[5]
    cdef unsigned char field[3 + DIGITS_MAX]
    cdef int place = 3 + DIGITS_MAX
    cdef Py_ssize_t first_size, size, field_size = 0, rest_size
    cdef unsigned char *out
    cdef bytes block
    if fields is None or defaults is None:
        raise TypeError("fields and defaults must be bytes")
    if length >= 1000000000000000000:
        raise ValueError("no length of a body")
    first_size = _put_status(first, status)
    if length >= 0:
        while True:
            place -= 1
            field[place] = 48 + length % 10
            length //= 10
            if length == 0:
                break
        field[place - 1] = 3 + DIGITS_MAX - place
        place -= 3
        field[place] = 0x0F
        field[place + 1] = 0x0D
        field_size = 3 + DIGITS_MAX - place
    size = PyBytes_GET_SIZE(fields)
    rest_size = PyBytes_GET_SIZE(defaults)
    block = PyBytes_FromStringAndSize(NULL, first_size + size + field_size + rest_size)
    out = <unsigned char *> PyBytes_AS_STRING(block)
    memcpy(out, first, first_size)
    out += first_size
    memcpy(out, PyBytes_AS_STRING(fields), size)
    out += size
    memcpy(out, field + place, field_size)
    memcpy(out + field_size, PyBytes_AS_STRING(defaults), rest_size)
    return block


cpdef bytes encode_fields(object pairs):
    cdef int place
    cdef bytes lower
    out = []
    for name, value in pairs:
        lower = (<bytes?> name).lower()
        place = -1
        if 0 < len(lower) <= KNOWN_NAME_MAX:
            place = _find(<const unsigned char *> PyBytes_AS_STRING(lower), len(lower))
        if place >= 0 and known[place].start_bytes != 0:
            out.append(PyBytes_FromStringAndSize(<char *> known[place].start, 2))
        else:
            out.append(b"\0" + _string(lower))
        out.append(_string(value))
    return b"".join(out)


cdef bytes _string(bytes text):
    cdef unsigned char start[12]
    cdef bytes code = encode_huffman(text)
    cdef bint shorter = len(code) < len(text)
    if not shorter:
        code = text
    cdef Py_ssize_t size = _put_integer(start, len(code)) - start
    if shorter:
        start[0] |= 128
    return PyBytes_FromStringAndSize(<char *> start, size) + code
