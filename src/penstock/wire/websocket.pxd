import cython

from penstock.wire.mask cimport apply_mask, unmask

cdef object WebSocketError
cdef object utf_8_decode

cdef Py_ssize_t _CONTROL_BYTES_MAX
cdef int _V_WHOLE_TEXT
cdef int _V_WHOLE_BINARY
cdef int _V_PING
cdef int _V_PONG
cdef int _V_CLOSE
cdef int _V_FIRST_TEXT
cdef int _V_FIRST_BINARY
cdef int _V_MIDDLE
cdef int _V_LAST
cdef int _V_REFUSED
cdef int _V_RSV
cdef int _V_OPCODE
cdef int _V_FRAGMENTED_CONTROL
cdef int _V_STRAY
cdef int _V_INSIDE
cdef int _COMPRESSED_BIT
cdef int _NEED_MORE
cdef int _GO_ON
cdef dict _REFUSALS
cdef dict _KINDS
cdef bytes _PLAIN
cdef bytes _COMPRESSED
cdef int _INSIDE
cdef frozenset CLOSE_CODES
cdef int INVALID_PAYLOAD
cdef int MESSAGE_TOO_BIG
cdef int NO_STATUS_RECEIVED
cdef int PROTOCOL_ERROR

cdef class Reader:
    cdef bint _continued
    cdef bytes _data
    cdef Py_ssize_t _empty
    cdef Py_ssize_t _empty_max
    cdef Py_ssize_t _fragments
    cdef Py_ssize_t _fragments_max
    cdef object _inflater
    cdef bint _inflating
    cdef int _inside
    cdef bytes _key
    cdef bint _last
    cdef Py_ssize_t _left
    cdef bint _masked
    cdef Py_ssize_t _message_bytes_max
    cdef int _offset
    cdef bytearray _parts
    cdef Py_ssize_t _pos
    cdef bytes _table
    cdef bytes _tail
    cdef bint _text
    cdef Py_ssize_t _wire_bytes
    cdef public int close_code
    cdef public bint finished
    cdef public object payload

    cpdef Py_ssize_t pending(self)
    cpdef object feed(self, bytes data)
    @cython.locals(
        event=int, data=bytes, pos=Py_ssize_t, avail=Py_ssize_t, first=int, size=Py_ssize_t,
        verdict=int, width=int, end=Py_ssize_t, payload=bytes
    )
    cpdef int next(self) except -1
    cdef object _refuse(self, int verdict)
    cdef object _too_big(self)
    @cython.locals(data=bytes, size=Py_ssize_t)
    cdef Py_ssize_t _long_size(self, Py_ssize_t pos, int width) except -1
    @cython.locals(fragments=Py_ssize_t, empty=Py_ssize_t, total=Py_ssize_t)
    cdef object _check_fragment(self, int verdict, int first, Py_ssize_t size)
    cdef Py_ssize_t _wire_bytes_max(self, int first) except -1
    cdef str _whole_text(self, bytes payload)
    cdef object _bad_text(self, object error)
    @cython.locals(code=int)
    cdef object _read_close(self, bytes payload)
    cdef object _open(self, int verdict, int first, Py_ssize_t size, Py_ssize_t pos)
    @cython.locals(data=bytes, pos=Py_ssize_t, count=Py_ssize_t, chunk=bytes)
    cdef int _go_on(self) except -2
    @cython.locals(room=Py_ssize_t, part=bytes)
    cdef object _inflate(self, bytes chunk, bint last)
    @cython.locals(whole=bytes, consumed=Py_ssize_t)
    cdef object _add(self, bytes chunk)
    @cython.locals(parts=bytearray)
    cdef int _close_message(self) except -2
