# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Native form of `scan.py`, whose docstrings are the contract.

Every reader here works on an exact `bytes` object. CPython ends its buffer with a NUL that does not
count; NUL is in none of the character classes, so a scan that runs to the end stops there without
comparing positions, and a NUL inside the data stops it just the same.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_Append, PyList_New
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.string cimport memcmp, memcpy
from penstock.wire.events cimport Head

cdef extern from *:
    """
    #if defined(__SSE2__) && (defined(__GNUC__) || defined(__clang__))
    #include <emmintrin.h>
    /* Sixteen bytes at a time while none of them is below 32, or 127. */
    static inline const unsigned char *penstock_plain(
        const unsigned char *p, const unsigned char *end)
    {
        const __m128i control = _mm_set1_epi8(31), del = _mm_set1_epi8(127);
        while (end - p >= 16) {
            __m128i x = _mm_loadu_si128((const __m128i *) p);
            __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(x, control), x);
            int found = _mm_movemask_epi8(_mm_or_si128(low, _mm_cmpeq_epi8(x, del)));
            if (found)
                return p + __builtin_ctz(found);
            p += 16;
        }
        return p;
    }
    #else
    /* The same, eight bytes at a time; stops at the first eight that hold one. */
    static inline const unsigned char *penstock_plain(
        const unsigned char *p, const unsigned char *end)
    {
        const unsigned long long ones = 0x0101010101010101ULL;
        while (end - p >= 8) {
            unsigned long long word, del;
            memcpy(&word, p, 8);
            del = word ^ (ones * 127);
            if ((((word - ones * 32) & ~word) | ((del - ones) & ~del)) & (ones * 128))
                break;
            p += 8;
        }
        return p;
    }
    #endif
    """
    const unsigned char *penstock_plain(
        const unsigned char *p, const unsigned char *end
    ) noexcept

cdef extern from "Python.h":
    void Py_SET_SIZE(object o, Py_ssize_t size) noexcept
    void PyList_SET_ITEM(object o, Py_ssize_t i, object item) noexcept

cdef enum:
    TOKEN = 1
    VALUE = 2
    TARGET = 4
    HOSTNAME = 8
    DIGIT = 16

# The bits; `scan.py` says what each means. C has them without a lookup, Python under their names.
cdef enum:
    _HOST = 1
    _ODD = 2
    _LENGTH = 4
    _CODING = 8
    _CONNECTION = 16
    _EXPECT = 32
    _UPGRADE = 64
    _KEEP_ALIVE = 128
    _FORWARDED = 256

HOST = _HOST
ODD = _ODD
LENGTH = _LENGTH
CODING = _CODING
CONNECTION = _CONNECTION
EXPECT = _EXPECT
UPGRADE = _UPGRADE
KEEP_ALIVE = _KEEP_ALIVE
FORWARDED = _FORWARDED

cdef enum:
    SLOTS = 256
    NAMES_MAX = 80
    KNOWN_NAME_MAX = 32
    WORDS = 4
    METHOD_BYTES_MAX = 64
    # As many fields as most requests have: room for them is made at once.
    FIELDS_USUAL = 16

cdef unsigned char CLASS[256]
cdef unsigned char LOWER[256]
# The lower-case form of a token's characters, 0 for all others.
cdef unsigned char NAME[256]


cdef struct Known:
    # A name in lower case, NUL behind it; ones where it has a letter, in the bit that lower case
    # sets; ones over all of it.
    unsigned long long name[WORDS]
    unsigned long long fold[WORDS]
    unsigned long long keep[WORDS]
    Py_ssize_t size
    int bits


# Names that most requests carry: one shared object each instead of a new one per
# request. Slots are filled once at import; a peer cannot change or grow them.
cdef Known known[NAMES_MAX]
cdef unsigned char known_slot[SLOTS]
cdef list known_names = []


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
    """Spread names over the slots, whatever their case; collisions among known names show at
    import."""
    return (
        size * 232 + LOWER[name[0]] * 243 + LOWER[name[size - 1]] * 150
        + LOWER[name[size * 3 >> 2]] * 17
    ) & (SLOTS - 1)


cdef void _fill_names():
    cdef int i
    cdef unsigned int slot
    cdef bytes name
    cdef unsigned char lower[KNOWN_NAME_MAX]
    cdef unsigned char fold[KNOWN_NAME_MAX]
    cdef unsigned char keep[KNOWN_NAME_MAX]
    special = {
        b"host": _HOST, b"content-length": _LENGTH, b"transfer-encoding": _CODING,
        b"connection": _CONNECTION, b"expect": _EXPECT, b"upgrade": _UPGRADE,
        b"forwarded": _FORWARDED, b"x-forwarded-for": _FORWARDED, b"x-forwarded-host": _FORWARDED,
        b"x-forwarded-port": _FORWARDED, b"x-forwarded-prefix": _FORWARDED,
        b"x-forwarded-proto": _FORWARDED,
    }
    # Those that decide framing come first, so that no other name can take their slot.
    names = list(special) + [
        b"accept", b"accept-charset", b"accept-encoding", b"accept-language", b"authorization",
        b"cache-control", b"content-encoding", b"content-type", b"cookie", b"date", b"dnt",
        b"from", b"if-match", b"if-modified-since", b"if-none-match", b"if-range",
        b"keep-alive", b"origin", b"pragma", b"priority",
        b"range", b"referer", b"sec-ch-ua", b"sec-ch-ua-mobile", b"sec-ch-ua-platform",
        b"sec-fetch-dest", b"sec-fetch-mode", b"sec-fetch-site", b"sec-fetch-user",
        b"sec-websocket-extensions", b"sec-websocket-key", b"sec-websocket-protocol",
        b"sec-websocket-version", b"te", b"traceparent", b"tracestate",
        b"trailer", b"upgrade-insecure-requests", b"user-agent", b"via", b"x-api-key",
        b"x-correlation-id", b"x-csrf-token", b"x-real-ip", b"x-request-id",
        b"x-requested-with",
    ]
    if len(names) > NAMES_MAX:
        raise SystemError("there are more known header names than room for them")
    for i in range(SLOTS):
        known_slot[i] = 255
    for name in names:
        slot = _hash(<const unsigned char *> PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))
        if known_slot[slot] != 255:
            if name in special:
                raise SystemError(f"header name {name!r} shares a slot with another special name")
            continue
        for i in range(KNOWN_NAME_MAX):
            lower[i] = name[i] if i < len(name) else 0
            fold[i] = 32 if 97 <= lower[i] <= 122 else 0
            keep[i] = 255 if i < len(name) else 0
        i = len(known_names)
        known_slot[slot] = i
        memcpy(known[i].name, lower, KNOWN_NAME_MAX)
        memcpy(known[i].fold, fold, KNOWN_NAME_MAX)
        memcpy(known[i].keep, keep, KNOWN_NAME_MAX)
        known[i].size = len(name)
        known[i].bits = special.get(name, 0)
        known_names.append(name)


_fill_classes()
_fill_names()

cdef tuple KNOWN = tuple(known_names)


cdef inline int _find(const unsigned char *name, Py_ssize_t size) noexcept:
    """Which known name this is, in whatever case, -1 for none. `KNOWN_NAME_MAX` bytes from `name`
    on must be readable; those behind `size` do not count.

    A letter's two cases differ in one bit, and setting that bit makes no other character a letter;
    all other characters are compared as they are.
    """
    cdef int index = known_slot[_hash(name, size)]
    cdef Known *entry
    cdef unsigned long long word
    cdef Py_ssize_t i
    if index == 255:
        return -1
    entry = &known[index]
    if entry.size != size:
        return -1
    for i in range((size + 7) >> 3):
        memcpy(&word, name + 8 * i, 8)
        if ((word & entry.keep[i]) | entry.fold[i]) != entry.name[i]:
            return -1
    return index


cdef inline const unsigned char *_name_end(
    const unsigned char *p, const unsigned char *end
) noexcept:
    """The first colon from `p` on, `end` if there is none; eight bytes at a time."""
    cdef unsigned long long word
    cdef unsigned long long ones = 0x0101010101010101ULL
    while end - p >= 8:
        memcpy(&word, p, 8)
        word ^= ones * 58
        if ((word - ones) & ~word) & (ones * 128):
            break
        p += 8
    while p < end and p[0] != 58:
        p += 1
    return p


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

    `end` is where the NUL behind the data stops it at the latest.
    """
    while True:
        p = penstock_plain(p, end)
        while CLASS[p[0]] & VALUE:
            p += 1
            if (p - 1)[0] == 9:
                break
        else:
            return p


cdef inline str _method(const unsigned char *p, Py_ssize_t size):
    """The method of these bytes, in upper case."""
    if size == 3:
        if memcmp(p, b"GET", 3) == 0:
            return "GET"
        if memcmp(p, b"PUT", 3) == 0:
            return "PUT"
    elif size == 4:
        if memcmp(p, b"POST", 4) == 0:
            return "POST"
        if memcmp(p, b"HEAD", 4) == 0:
            return "HEAD"
    return PyUnicode_DecodeASCII(<const char *> p, size, NULL).upper()


cpdef Py_ssize_t parse_head(
    bytes data, Py_ssize_t start, Py_ssize_t fields_max, Head head
) except -1:
    cdef const unsigned char *base
    cdef const unsigned char *end
    cdef const unsigned char *p
    cdef const unsigned char *mark
    cdef const unsigned char *question = NULL
    cdef const unsigned char *last
    cdef unsigned char *out
    cdef Py_ssize_t size, length, i, line_bytes, count = 0
    cdef int index, minor, bits = 0
    cdef int hosts = 0
    cdef int connections = 0
    cdef bint keep_alive = False
    cdef bytes name, value, raw_path, query
    cdef str method
    cdef tuple pair
    cdef list headers
    if data is None or head is None:
        raise TypeError("data must be bytes, and head a Head")
    base = <const unsigned char *> PyBytes_AS_STRING(data)
    size = PyBytes_GET_SIZE(data)
    end = base + size
    if start < 0 or start > size:
        return 0
    p = base + start

    mark = p
    while CLASS[p[0]] & TOKEN:
        p += 1
    if p == mark or p - mark > METHOD_BYTES_MAX or p[0] != 32:
        return 0
    method = _method(mark, p - mark)
    if p - mark == 7 and method == "CONNECT":
        bits |= _ODD
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
        bits |= _ODD
    p += 1

    if end - p < 10 or memcmp(p, b"HTTP/1.", 7) != 0 or not CLASS[p[7]] & DIGIT:
        return 0
    minor = p[7] - 48
    if p[8] != 13 or p[9] != 10:
        return 0
    line_bytes = p + 8 - base - start
    p += 10

    # Room for the usual number at once. Its empty places lie behind the list's end.
    headers = PyList_New(FIELDS_USUAL)
    Py_SET_SIZE(headers, 0)
    while True:
        mark = p
        if p[0] == 13:
            if p + 1 < end and p[1] == 10:
                p += 2
                break
            return 0
        index = -1
        if end - p >= KNOWN_NAME_MAX:
            i = _name_end(p, p + KNOWN_NAME_MAX) - p
            if 0 < i < KNOWN_NAME_MAX:
                index = _find(p, i)
        if index >= 0:
            name = <bytes> KNOWN[index]
        else:
            i = 0
            while NAME[mark[i]]:
                i += 1
            if i == 0 or mark[i] != 58:
                return 0
            name = PyBytes_FromStringAndSize(NULL, i)
            out = <unsigned char *> PyBytes_AS_STRING(name)
            for length in range(i):
                out[length] = LOWER[mark[length]]
            if end - p < KNOWN_NAME_MAX and i < KNOWN_NAME_MAX:
                # Too near to the end of the data to be looked up there.
                index = _find_copy(out, i)
        count += 1
        if count > fields_max:
            return 0
        p += i + 1
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
        if index >= 0 and known[index].bits:
            bits |= known[index].bits
            if known[index].bits == _HOST:
                hosts += 1
                if not _plain_host(mark, length):
                    bits |= _ODD
            elif known[index].bits == _CONNECTION:
                connections += 1
                keep_alive = length == 10 and _is_keep_alive(mark)
        pair = (name, value)
        if count <= FIELDS_USUAL:
            Py_INCREF(pair)
            PyList_SET_ITEM(headers, count - 1, pair)
            Py_SET_SIZE(headers, count)
        else:
            PyList_Append(headers, pair)
        p += 2

    if connections == 1 and keep_alive:
        bits ^= _CONNECTION | _KEEP_ALIVE
    if hosts != 1:
        bits |= _ODD
    head.method = method
    head.raw_path = raw_path
    head.query = query
    head.http_version = "1.0" if minor == 0 else "1.1"
    head.headers = headers
    head.line_bytes = line_bytes
    head.bits = bits
    return p - base


cdef int _find_copy(const unsigned char *name, Py_ssize_t size) noexcept:
    """`_find` for a name behind which nothing may be read."""
    cdef unsigned char copy[KNOWN_NAME_MAX]
    memcpy(copy, name, size)
    return _find(copy, size)
