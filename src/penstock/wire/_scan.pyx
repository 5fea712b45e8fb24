# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Native twins of the leaf scanners; the contract of each is in `scan.py`.

Every reader here works on an exact `bytes` object. CPython ends its buffer with a NUL that does not
count; NUL is in none of the character classes, so a scan that runs to the end stops there without
comparing positions, and a NUL inside the data stops it just the same.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeASCII
from penstock.wire.events cimport Head
from libc.string cimport memcmp, memcpy

cdef enum:
    TOKEN = 1
    VALUE = 2
    TARGET = 4
    HOSTNAME = 8
    DIGIT = 16

cdef enum:
    HOST = 1
    ODD = 2
    LENGTH = 4
    CODING = 8
    CONNECTION = 16
    EXPECT = 32
    UPGRADE = 64
    KEEP_ALIVE = 128
    FORWARDED = 256

cdef enum:
    SENDS_LENGTH = 1
    SENDS_DATE = 2
    SENDS_SERVER = 4
    SENDS_CODING = 8
    SENDS_CONNECTION = 16
    DIGITS_MAX = 18
    SLOTS = 256
    KNOWN_NAME_MAX = 32
    FIELDS_BUFFER = 1024
    METHOD_BYTES_MAX = 64

cdef unsigned char CLASS[256]
cdef unsigned char LOWER[256]
# The lower-case form of a token's characters, 0 for all others.
cdef unsigned char NAME[256]

# Names that most requests and responses carry: one shared object each instead of a new one per
# request. Slots are filled once at import; a peer cannot change or grow them.
cdef list known_names = []
cdef unsigned char known_slot[SLOTS]
cdef int known_bits[SLOTS]
cdef int sends_bits[SLOTS]
cdef dict methods = {}


cdef void _fill_classes():
    cdef int c
    for c in range(256):
        CLASS[c] = 0
        LOWER[c] = c + 32 if 65 <= c <= 90 else c
        if 48 <= c <= 57:
            CLASS[c] |= DIGIT
        if 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122:
            CLASS[c] |= TOKEN | HOSTNAME
        if c == 9 or 32 <= c <= 126 or c >= 128:
            CLASS[c] |= VALUE
        if 33 <= c <= 126 and c != 35:
            CLASS[c] |= TARGET
    for c in b"!#$%&'*+-.^_`|~":
        CLASS[c] |= TOKEN
    for c in range(256):
        NAME[c] = LOWER[c] if CLASS[c] & TOKEN else 0
    CLASS[45] |= HOSTNAME
    CLASS[46] |= HOSTNAME


cdef inline unsigned int _hash(const unsigned char *name, Py_ssize_t size) noexcept:
    """Spread lower-case names over the slots; collisions among known names show at import."""
    return (size * 55 + name[0] * 7 + name[size - 1] * 59 + name[size >> 1] * 20) & (SLOTS - 1)


cdef void _fill_names():
    cdef int i
    cdef unsigned int slot
    cdef bytes name
    special = {
        b"host": HOST, b"content-length": LENGTH, b"transfer-encoding": CODING,
        b"connection": CONNECTION, b"expect": EXPECT, b"upgrade": UPGRADE,
        b"x-forwarded-for": FORWARDED, b"x-forwarded-proto": FORWARDED,
    }
    sends = {
        b"content-length": SENDS_LENGTH, b"date": SENDS_DATE, b"server": SENDS_SERVER,
        b"transfer-encoding": SENDS_CODING, b"connection": SENDS_CONNECTION,
    }
    # Those that decide framing come first, so that no other name can take their slot.
    names = list(special) + [b"date", b"server"] + [
        b"accept", b"accept-charset", b"accept-encoding", b"accept-language", b"authorization",
        b"cache-control", b"content-encoding", b"content-type", b"cookie", b"dnt", b"etag",
        b"forwarded", b"from", b"if-match", b"if-modified-since", b"if-none-match", b"if-range",
        b"keep-alive", b"last-modified", b"location", b"origin", b"pragma", b"priority",
        b"range", b"referer", b"sec-ch-ua", b"sec-ch-ua-mobile", b"sec-ch-ua-platform",
        b"sec-fetch-dest", b"sec-fetch-mode", b"sec-fetch-site", b"sec-fetch-user",
        b"sec-websocket-extensions", b"sec-websocket-key", b"sec-websocket-protocol",
        b"sec-websocket-version", b"set-cookie", b"te", b"traceparent", b"tracestate",
        b"trailer", b"upgrade-insecure-requests", b"user-agent", b"vary", b"via", b"x-api-key",
        b"x-correlation-id", b"x-csrf-token", b"x-forwarded-host", b"x-real-ip", b"x-request-id", b"x-requested-with",
    ]
    for i in range(SLOTS):
        known_slot[i] = 255
        known_bits[i] = 0
        sends_bits[i] = 0
    for name in names:
        slot = _hash(<const unsigned char *> PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))
        if known_slot[slot] != 255:
            if name in special or name in sends:
                raise SystemError(f"header name {name!r} shares a slot with another special name")
            continue
        known_slot[slot] = len(known_names)
        known_bits[slot] = special.get(name, 0)
        sends_bits[slot] = sends.get(name, 0)
        known_names.append(name)
    for name in (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"):
        methods[name] = name.decode("ascii")


_fill_classes()
_fill_names()

cdef tuple KNOWN = tuple(known_names)


cdef inline int _find(const unsigned char *lower, Py_ssize_t size) except -2:
    """The slot that holds this lower-case name, -1 for none."""
    cdef unsigned int slot = _hash(lower, size)
    cdef unsigned char index = known_slot[slot]
    cdef bytes name
    if index == 255:
        return -1
    name = <bytes> KNOWN[index]
    if PyBytes_GET_SIZE(name) != size or memcmp(PyBytes_AS_STRING(name), lower, size) != 0:
        return -1
    return slot


cdef inline bint _plain_host(const unsigned char *p, Py_ssize_t size) noexcept:
    """Whether these bytes are `name`, `name:port` or an IPv4 address, of plain characters; ports
    from 60000 on are left to whoever counts."""
    cdef Py_ssize_t i = 0
    cdef Py_ssize_t port
    while i < size and CLASS[p[i]] & HOSTNAME:
        i += 1
    if i == 0:
        return False
    if i == size:
        return True
    if p[i] != 58:
        return False
    port = size - i - 1
    if port < 1 or port > 5 or (port == 5 and p[i + 1] > 53):
        return False
    i += 1
    while i < size:
        if not CLASS[p[i]] & DIGIT:
            return False
        i += 1
    return True


cdef inline bint _is_keep_alive(const unsigned char *p) noexcept:
    """Whether these ten bytes are `keep-alive`, in any case."""
    cdef int i
    cdef const char *wanted = b"keep-alive"
    for i in range(10):
        if LOWER[p[i]] != <unsigned char> wanted[i]:
            return False
    return True


cdef inline const unsigned char *_value_end(
    const unsigned char *p, const unsigned char *end
) noexcept:
    """The first byte from `p` on that may not stand in a field value (RFC 9110 section 5.5).

    Eight bytes at a time while none of them is below 32 or 127; the rest byte by byte, since HTAB
    is allowed. `end` is where the NUL behind the data stops it at the latest.
    """
    cdef unsigned long long word, delete
    cdef unsigned long long ones = 0x0101010101010101ULL
    cdef int i
    while end - p >= 8:
        memcpy(&word, p, 8)
        delete = word ^ (ones * 127)
        if (((word - ones * 32) & ~word) | ((delete - ones) & ~delete)) & (ones * 128):
            for i in range(8):
                if not CLASS[p[0]] & VALUE:
                    return p
                p += 1
        else:
            p += 8
    while CLASS[p[0]] & VALUE:
        p += 1
    return p


def parse_head(bytes data not None, Py_ssize_t start, Py_ssize_t fields_max, Head head not None):
    """Native twin of `scan.parse_head`."""
    cdef const unsigned char *base = <const unsigned char *> PyBytes_AS_STRING(data)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
    cdef const unsigned char *end = base + size
    cdef const unsigned char *p
    cdef const unsigned char *mark
    cdef const unsigned char *question = NULL
    cdef const unsigned char *last
    cdef unsigned char lower[KNOWN_NAME_MAX]
    cdef unsigned char *out
    cdef Py_ssize_t length, i, line_bytes, count = 0
    cdef int slot, minor, bits = 0
    cdef int hosts = 0
    cdef int connections = 0
    cdef bint keep_alive = False
    cdef bytes name, value, raw_path, query
    cdef list headers = []
    if start < 0 or start > size:
        return 0
    p = base + start

    mark = p
    while CLASS[p[0]] & TOKEN:
        p += 1
    if p == mark or p - mark > METHOD_BYTES_MAX or p[0] != 32:
        return 0
    method_bytes = PyBytes_FromStringAndSize(<const char *> mark, p - mark)
    method = methods.get(method_bytes)
    if method is None:
        method = PyUnicode_DecodeASCII(<const char *> mark, p - mark, NULL).upper()
        if method == "CONNECT":
            bits |= ODD
    p += 1

    mark = p
    while CLASS[p[0]] & TARGET:
        if p[0] == 63 and question == NULL:
            question = p
        p += 1
    if p == mark or p[0] != 32:
        return 0
    if question == NULL:
        raw_path = PyBytes_FromStringAndSize(<const char *> mark, p - mark)
        query = b""
    else:
        raw_path = PyBytes_FromStringAndSize(<const char *> mark, question - mark)
        query = PyBytes_FromStringAndSize(<const char *> question + 1, p - question - 1)
    if mark[0] != 47:
        bits |= ODD
    p += 1

    if end - p < 10 or memcmp(p, b"HTTP/1.", 7) != 0 or not CLASS[p[7]] & DIGIT:
        return 0
    minor = p[7] - 48
    if p[8] != 13 or p[9] != 10:
        return 0
    line_bytes = p + 8 - base - start
    p += 10

    while True:
        mark = p
        i = 0
        while i < KNOWN_NAME_MAX and NAME[p[i]]:
            lower[i] = NAME[p[i]]
            i += 1
        if i == KNOWN_NAME_MAX:
            while NAME[p[i]]:
                i += 1
        p += i
        if i == 0:
            if p[0] == 13 and p + 1 < end and p[1] == 10:
                p += 2
                break
            return 0
        if p[0] != 58:
            return 0
        count += 1
        if count > fields_max:
            return 0
        slot = -1
        if i <= KNOWN_NAME_MAX:
            slot = _find(lower, i)
        if slot >= 0:
            name = <bytes> KNOWN[known_slot[slot]]
        else:
            name = PyBytes_FromStringAndSize(NULL, i)
            out = <unsigned char *> PyBytes_AS_STRING(name)
            for length in range(i):
                out[length] = LOWER[mark[length]]
        p += 1
        while p[0] == 32 or p[0] == 9:
            p += 1
        mark = p
        p = _value_end(p, end)
        if p[0] != 13 or p + 1 >= end or p[1] != 10:
            return 0
        last = p
        while last > mark and ((last - 1)[0] == 32 or (last - 1)[0] == 9):
            last -= 1
        length = last - mark
        value = PyBytes_FromStringAndSize(<const char *> mark, length)
        if slot >= 0 and known_bits[slot]:
            bits |= known_bits[slot]
            if known_bits[slot] == HOST:
                hosts += 1
                if not _plain_host(mark, length):
                    bits |= ODD
            elif known_bits[slot] == CONNECTION:
                connections += 1
                keep_alive = length == 10 and _is_keep_alive(mark)
        headers.append((name, value))
        p += 2

    if connections == 1 and keep_alive:
        bits ^= CONNECTION | KEEP_ALIVE
    if hosts != 1:
        bits |= ODD
    head.method = <str> method
    head.raw_path = raw_path
    head.query = query
    head.http_version = "1.0" if minor == 0 else "1.1"
    head.headers = headers
    head.line_bytes = line_bytes
    head.bits = bits
    return p - base


def write_fields(headers):
    """Native twin of `scan.write_fields`: one pass into a buffer on the stack, a second with a
    buffer of the right size where that one is too small."""
    cdef char small[FIELDS_BUFFER]
    cdef Py_ssize_t size
    cdef bytearray large
    cdef int bits = 0
    cdef long long length = -1
    if type(headers) is not list and type(headers) is not tuple:
        headers = list(headers)
    size = _write_fields(headers, small, FIELDS_BUFFER, &bits, &length)
    if size < 0:
        return None
    if size <= FIELDS_BUFFER:
        return PyBytes_FromStringAndSize(small, size), bits, length
    large = bytearray(size)
    bits = 0
    length = -1
    size = _write_fields(headers, large, size, &bits, &length)
    if size < 0 or size > len(large):
        return None
    return bytes(large[:size]), bits, length


cdef Py_ssize_t _write_fields(
    headers, char *out, Py_ssize_t room, int *bits, long long *length
) except -2:
    """Write the lines as long as there is room; returns the bytes that all of them take, -1 for
    what `scan.write_fields` answers with None."""
    cdef Py_ssize_t total = 0, i, n, size
    cdef int slot, bit
    cdef const unsigned char *p
    cdef const unsigned char *q
    cdef unsigned char lower[KNOWN_NAME_MAX]
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
            if not NAME[p[i]]:
                return -1
            if i < KNOWN_NAME_MAX:
                lower[i] = NAME[p[i]]
        for i in range(size):
            if q[i] <= 13 and (q[i] == 13 or q[i] == 10 or q[i] == 0):
                return -1
        if n <= KNOWN_NAME_MAX:
            slot = _find(lower, n)
            bit = sends_bits[slot] if slot >= 0 else 0
            if bit:
                bits[0] |= bit
                if bit == SENDS_LENGTH:
                    if length[0] >= 0 or size == 0 or size > DIGITS_MAX:
                        return -1
                    length[0] = 0
                    for i in range(size):
                        if not CLASS[q[i]] & DIGIT:
                            return -1
                        length[0] = length[0] * 10 + (q[i] - 48)
                elif bit >= SENDS_CODING:
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


def apply_mask(bytes data not None, bytes key not None, Py_ssize_t offset):
    """Native twin of `scan.apply_mask`."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
    cdef const unsigned char *given = <const unsigned char *> PyBytes_AS_STRING(key)
    cdef unsigned char turned[4]
    cdef int i
    cdef bytes out
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


def unmask(bytes data not None, Py_ssize_t start, Py_ssize_t end):
    """Native twin of `scan.unmask`."""
    cdef const unsigned char *base = <const unsigned char *> PyBytes_AS_STRING(data)
    cdef bytes out
    if start < 4 or end < start or end > PyBytes_GET_SIZE(data):
        raise ValueError("no masked payload lies there")
    out = PyBytes_FromStringAndSize(NULL, end - start)
    _xor(base + start, <unsigned char *> PyBytes_AS_STRING(out), end - start, base + start - 4)
    return out
