# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Native form of `huffman.py`, whose docstrings are the contract.

Codes of up to eight bits, which all usual characters have, are found in one step by the eight bits
that they start. In a canonical code the longer ones of a length are a range of numbers.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from penstock.wire.hpack_table import HUFFMAN_LENGTHS

cdef enum:
    SYMBOLS = 257
    SHORT_BITS = 8
    LONG_BITS = 30
    SYMBOL = 511
    EOS = 256
    # Most texts of a header fit; longer ones take memory for as long as they are made.
    BUFFER_BYTES = 1024

# By symbol: its code, in the lowest bits, and the bits it has.
cdef unsigned int code_of[SYMBOLS]
cdef unsigned char length_of[SYMBOLS]
# By the first eight bits: the symbol, and above its nine bits the length; 0 for a longer code.
cdef unsigned short short_code[256]
# By length: the first number that is too large for a code of it, with 32 bits from the left; what
# to add to a code for its place among the symbols, which stand in the order of their codes.
cdef unsigned long long limit_of[LONG_BITS + 1]
cdef int place_of[LONG_BITS + 1]
cdef short symbol_at[SYMBOLS]


cdef void _fill():
    cdef bytes given = HUFFMAN_LENGTHS
    cdef const unsigned char *lengths = <const unsigned char *> PyBytes_AS_STRING(given)
    cdef int length, symbol, i, place = 0
    cdef unsigned int code = 0
    for length in range(1, LONG_BITS + 1):
        code <<= 1
        place_of[length] = place - <int> code
        for symbol in range(SYMBOLS):
            if lengths[symbol] != length:
                continue
            code_of[symbol] = code
            length_of[symbol] = length
            symbol_at[place] = symbol
            if length <= SHORT_BITS:
                for i in range(1 << (SHORT_BITS - length)):
                    short_code[(code << (SHORT_BITS - length)) + i] = length << 9 | symbol
            place += 1
            code += 1
        limit_of[length] = <unsigned long long> code << (32 - length)


_fill()


cdef inline unsigned long long _eight(const unsigned char *p) noexcept:
    """Eight bytes, the first of them highest."""
    return (
        <unsigned long long> p[0] << 56 | <unsigned long long> p[1] << 48
        | <unsigned long long> p[2] << 40 | <unsigned long long> p[3] << 32
        | <unsigned long long> p[4] << 24 | <unsigned long long> p[5] << 16
        | <unsigned long long> p[6] << 8 | <unsigned long long> p[7]
    )


cdef inline unsigned int _long_code(unsigned long long bits) noexcept:
    """A code of more than eight bits, which these start with, as in `short_code`."""
    cdef unsigned long long first = bits >> 32
    cdef int length = SHORT_BITS + 1
    while length < LONG_BITS and first >= limit_of[length]:
        length += 1
    return length << 9 | symbol_at[place_of[length] + <int> (first >> (32 - length))]


cdef Py_ssize_t _decode(
    const unsigned char *p, const unsigned char *end, unsigned char *out
) noexcept:
    """Write the text, which has room; its size, -1 where the code is none."""
    cdef unsigned char *start = out
    # What is read and not used yet, from the left; zeros behind the last byte.
    cdef unsigned long long bits = 0
    cdef int count = 0
    cdef int step
    cdef unsigned int code
    # With eight bytes ahead. Bits to spare are read along and not counted: they are the same when
    # their turn comes. So each round has seven short codes, which need not ask whether they are there.
    while end - p >= 8:
        bits |= _eight(p) >> count
        p += (63 - count) >> 3
        count |= 56
        for step in range(7):
            code = short_code[bits >> 56]
            if code == 0:
                break
            out[0] = code & 255
            out += 1
            bits <<= code >> 9
            count -= code >> 9
        if code == 0 and count >= LONG_BITS:
            code = _long_code(bits)
            if code & SYMBOL == EOS:
                return -1
            out[0] = code & 255
            out += 1
            bits <<= code >> 9
            count -= code >> 9
    while True:
        while count <= 56 and p < end:
            bits |= <unsigned long long> p[0] << (56 - count)
            count += 8
            p += 1
        # The longest code is there as a whole, or nothing more comes.
        while count >= LONG_BITS or p == end:
            code = short_code[bits >> 56]
            if code == 0:
                code = _long_code(bits)
            if <int> (code >> 9) > count:
                break
            if code & SYMBOL == EOS:
                return -1
            out[0] = code & 255
            out += 1
            bits <<= code >> 9
            count -= code >> 9
        if p == end:
            break
    # The padding: fewer than eight bits, all ones (section 5.2).
    if count > 7 or (count != 0 and bits != ~<unsigned long long> 0 << (64 - count)):
        return -1
    return out - start


cpdef bytes decode(bytes data, Py_ssize_t start, Py_ssize_t end):
    cdef unsigned char small[BUFFER_BYTES]
    cdef unsigned char *large
    cdef const unsigned char *base
    cdef Py_ssize_t size
    if data is None:
        raise TypeError("data must be bytes")
    if start < 0 or start > end or end > PyBytes_GET_SIZE(data):
        raise ValueError("no code lies there")
    base = <const unsigned char *> PyBytes_AS_STRING(data)
    # No code is shorter than five bits.
    size = (end - start) * 8 // 5
    if size <= BUFFER_BYTES:
        size = _decode(base + start, base + end, small)
        return None if size < 0 else PyBytes_FromStringAndSize(<char *> small, size)
    large = <unsigned char *> PyMem_Malloc(size)
    if large == NULL:
        raise MemoryError
    try:
        size = _decode(base + start, base + end, large)
        return None if size < 0 else PyBytes_FromStringAndSize(<char *> large, size)
    finally:
        PyMem_Free(large)


cpdef bytes copy(bytes data, Py_ssize_t start, Py_ssize_t end):
    if data is None:
        raise TypeError("data must be bytes")
    if start < 0 or start > end or end > PyBytes_GET_SIZE(data):
        raise ValueError("no string lies there")
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(data) + start, end - start)


cpdef bytes encode(bytes data):
    cdef const unsigned char *p
    cdef unsigned char *out
    cdef Py_ssize_t i, size
    cdef Py_ssize_t total = 0
    # What is not written yet: the lowest `count` bits.
    cdef unsigned long long bits = 0
    cdef int count = 0
    cdef bytes code
    if data is None:
        raise TypeError("data must be bytes")
    p = <const unsigned char *> PyBytes_AS_STRING(data)
    size = PyBytes_GET_SIZE(data)
    for i in range(size):
        total += length_of[p[i]]
    code = PyBytes_FromStringAndSize(NULL, (total + 7) >> 3)
    out = <unsigned char *> PyBytes_AS_STRING(code)
    for i in range(size):
        bits = bits << length_of[p[i]] | code_of[p[i]]
        count += length_of[p[i]]
        while count >= 8:
            count -= 8
            out[0] = (bits >> count) & 255
            out += 1
    if count != 0:
        out[0] = (bits << (8 - count) | (255 >> count)) & 255
    return code
