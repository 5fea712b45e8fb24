import cython

from penstock.wire.http2_pack cimport unpack_frame
from penstock.wire.huffman cimport copy

cdef object Http2Error
cdef int CONTINUATIONS_MAX
cdef int ENHANCE_YOUR_CALM
cdef int FLAG_ACK
cdef int FLAG_END_HEADERS
cdef int FLAG_END_STREAM
cdef int FLAG_PADDED
cdef int FLAG_PRIORITY
cdef int FRAME_SIZE_ERROR
cdef bytes PREFACE
cdef int PROTOCOL_ERROR
cdef int TYPE_CONTINUATION
cdef int TYPE_DATA
cdef int TYPE_GOAWAY
cdef int TYPE_HEADERS
cdef int TYPE_PRIORITY_UPDATE
cdef int TYPE_PUSH_PROMISE
cdef int TYPE_SETTINGS

cdef int _NO_FRAME
cdef Py_ssize_t _HEADER_BYTES
cdef long long _STREAM_MASK
cdef int _NOT_PLAIN
cdef int _READY
cdef int _IN_DATA
cdef int _IN_BLOCK
cdef int _PREFACE
cdef int _FIRST
cdef int _ANY
cdef dict _RULES

cdef class Reader:
    cdef Py_ssize_t _block_bytes
    cdef int _block_flags
    cdef Py_ssize_t _block_max
    cdef int _continuations
    cdef bytes _data
    cdef Py_ssize_t _frame_max
    cdef bint _fresh
    cdef bint _last
    cdef Py_ssize_t _left
    cdef Py_ssize_t _padding
    cdef list _parts
    cdef Py_ssize_t _position
    cdef int _state
    cdef public Py_ssize_t body
    cdef public bint ended
    cdef public int flags
    cdef public bint fresh
    cdef public int kind
    cdef public long long number
    cdef public bytes payload
    cdef public Py_ssize_t size

    cpdef object feed(self, bytes data)
    cpdef Py_ssize_t pending(self)
    cpdef bint head_open(self)
    @cython.locals(
        data=bytes, position=Py_ssize_t, start=Py_ssize_t, high=int, low=int, kind=int, flags=int,
        number="long long", size=Py_ssize_t, end=Py_ssize_t
    )
    cpdef int next(self) except -2
    @cython.locals(data=bytes)
    cdef bint _read_preface(self) except -1
    cdef object _check_expected(self, int kind, int flags, long long number)
    @cython.locals(fixed=int)
    cdef object _check_rules(self, int kind, int flags, long long number, Py_ssize_t size)
    @cython.locals(payload=bytes, start=Py_ssize_t, padding=Py_ssize_t)
    cdef object _unwrap(self, int flags)
    cdef object _begin_block(self, int flags, long long number)
    cdef bint _add_to_block(self, int flags) except -1
    @cython.locals(padding=Py_ssize_t, left=Py_ssize_t)
    cdef int _begin_data(
        self, Py_ssize_t start, Py_ssize_t size, int flags, long long number
    ) except -2
    @cython.locals(start=Py_ssize_t, end=Py_ssize_t)
    cdef int _piece(self) except -2
    @cython.locals(end=Py_ssize_t)
    cdef bint _skip_padding(self) except -1

cdef object _fault(int code, str text, str section)
