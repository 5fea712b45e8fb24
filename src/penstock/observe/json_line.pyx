# cython: language_level=3
"""Native form of `json_line.py`, whose docstrings are the contract."""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.string cimport memcpy, strlen

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    void *PyUnicode_DATA(object text)
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 largest)

# What the names, the punctuation and six numbers of up to 20 digits take at most.
cdef enum:
    FRAME_BYTES = 512
    STACK_BYTES = 4096

cdef bint HARMLESS[256]
cdef int _each
for _each in range(256):
    HARMLESS[_each] = 0x20 <= _each < 0x7F and _each != 0x22 and _each != 0x5C


cdef inline bint _is_harmless(str text) noexcept:
    cdef const unsigned char *data
    cdef Py_ssize_t at
    if not PyUnicode_IS_ASCII(text):
        return False
    data = <const unsigned char *> PyUnicode_DATA(text)
    for at in range(PyUnicode_GET_LENGTH(text)):
        if not HARMLESS[data[at]]:
            return False
    return True


cdef inline char *_text(char *out, str text) noexcept:
    cdef Py_ssize_t size = PyUnicode_GET_LENGTH(text)
    memcpy(out, PyUnicode_DATA(text), <size_t> size)
    return out + size


cdef inline char *_literal(char *out, const char *text) noexcept:
    cdef size_t size = strlen(text)
    memcpy(out, text, size)
    return out + size


cdef inline char *_number(char *out, long long value) noexcept:
    cdef char digits[20]
    cdef int count = 0
    if value <= 0:
        out[0] = c"0"
        return out + 1
    while value:
        digits[count] = <char> (c"0" + value % 10)
        value //= 10
        count += 1
    while count:
        count -= 1
        out[0] = digits[count]
        out += 1
    return out


cpdef str json_line(
    str second,
    int millisecond,
    str event,
    str who,
    str method,
    str path,
    str query,
    str version,
    str more,
    int status,
    long long bytes_in,
    long long bytes_out,
    long long duration_us,
    long long first_byte_us,
    str ended,
    str id_head,
    str id_tail,
    str traceparent,
    str user_agent,
    str worker,
    bint escaped,
):
    cdef char stack[STACK_BYTES]
    cdef char *buffer = stack
    cdef char *out
    cdef Py_ssize_t size = FRAME_BYTES
    cdef bint is_ascii = True
    cdef str part
    for part in (
        second, event, who, method, path, query, version, more, ended, id_head, id_tail,
        traceparent, user_agent, worker,
    ):
        if part is None:
            raise TypeError("a part of the line must be a str")
        size += PyUnicode_GET_LENGTH(part)
        is_ascii = is_ascii and PyUnicode_IS_ASCII(part)
    if not escaped and not (
        _is_harmless(method)
        and _is_harmless(path)
        and _is_harmless(query)
        and _is_harmless(version)
        and _is_harmless(id_head)
        and _is_harmless(traceparent)
        and _is_harmless(user_agent)
    ):
        return ""
    if not is_ascii:
        raise ValueError("a part of the line is not ASCII")
    if size > STACK_BYTES:
        buffer = <char *> PyMem_Malloc(<size_t> size)
        if buffer == NULL:
            raise MemoryError()
    out = _literal(buffer, b'{"time":"')
    out = _text(out, second)
    out[0] = c"."
    out[1] = <char> (c"0" + millisecond // 100 % 10)
    out[2] = <char> (c"0" + millisecond // 10 % 10)
    out[3] = <char> (c"0" + millisecond % 10)
    out = _literal(out + 4, b'Z","event":"')
    out = _text(out, event)
    out = _literal(out, b'",')
    out = _text(out, who)
    out = _literal(out, b',"method":"')
    out = _text(out, method)
    out = _literal(out, b'","path":"')
    out = _text(out, path)
    out = _literal(out, b'","query":"')
    out = _text(out, query)
    out = _literal(out, b'","protocol":"HTTP/')
    out = _text(out, version)
    out = _literal(out, b'",')
    out = _text(out, more)
    out = _literal(out, b'"status":')
    out = _number(out, status)
    out = _literal(out, b',"bytes_in":')
    out = _number(out, bytes_in)
    out = _literal(out, b',"bytes_out":')
    out = _number(out, bytes_out)
    out = _literal(out, b',"duration_us":')
    out = _number(out, duration_us)
    out = _literal(out, b',"first_byte_us":')
    out = _number(out, first_byte_us)
    out = _literal(out, b',"ended":"')
    out = _text(out, ended)
    out = _literal(out, b'","request_id":"')
    out = _text(out, id_head)
    out = _text(out, id_tail)
    out = _literal(out, b'","traceparent":"')
    out = _text(out, traceparent)
    out = _literal(out, b'","user_agent":"')
    out = _text(out, user_agent)
    out = _literal(out, b'","worker":')
    out = _text(out, worker)
    out = _literal(out, b"}\n")
    try:
        line = PyUnicode_New(out - buffer, 127)
        memcpy(PyUnicode_DATA(line), buffer, <size_t> (out - buffer))
    finally:
        if buffer != stack:
            PyMem_Free(buffer)
    return line
