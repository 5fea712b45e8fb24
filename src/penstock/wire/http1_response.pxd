import cython

from penstock.wire.fields cimport Lines, assemble, write_fields

cdef object MessageError
cdef int SENDS_CODING
cdef int SENDS_CONNECTION
cdef int SENDS_DATE
cdef int SENDS_LENGTH
cdef int SENDS_SERVER

cdef Py_ssize_t _JOIN_BYTES_MAX
cdef object NO_TRAILERS
cdef object checked_status
cdef object fault
cdef object listed
cdef tuple _LINES

cpdef bytes status_line(int status)

cdef class Writer(Lines):
    cdef bytes _line
    cdef bytes _defaults
    cdef bint _bodyless
    cdef bint _chunked
    cdef bint _trailers
    cdef bint _old
    cdef public bint keep_alive
    cdef public bint held
    cdef public bint left
    cdef public bint by_close
    cdef public bint dropped_coding

    cpdef void begin(self, bint old, bint keep_alive)
    @cython.locals(code=int, keep_alive=bint)
    cpdef long long head(
        self, object status, object headers, bint bodyless, bint trailers, bytes defaults
    ) except? -2
    cpdef bytes flush(self)
    @cython.locals(head=bytes, framing=bytes)
    cpdef object body(self, bytes data, bint end)
    cpdef tuple file_frame(self, Py_ssize_t count, bint end)
    @cython.locals(encoded=Lines)
    cpdef bytes trailers(self, object headers)
    cpdef bytes informational(self, int status, object headers)
    @cython.locals(encoded=Lines)
    cpdef bytes switch(self, bytes accept, object headers, bytes defaults)
    cdef bytes _chunk(self, bytes data, bint end)
    cdef bytes _head_bytes(self, long long whole)
    @cython.locals(framing=bytes)
    cdef bytes _framing(self, long long whole)

cdef bint _closes(object headers) except -1
cdef Lines _encoded(list headers)
cdef bytes _without(bytes defaults, int bits)
