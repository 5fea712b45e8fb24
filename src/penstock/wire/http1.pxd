import cython

from penstock.wire.events cimport Head
from penstock.wire.http1_steer cimport steer, too_large
from penstock.wire.scan cimport parse_head

cdef object HttpError
cdef int HOST
cdef int FORWARDED
cdef int KEEP_ALIVE

cdef int _HEAD
cdef int _LENGTH
cdef int _CHUNK_SIZE
cdef int _CHUNK_DATA
cdef int _CHUNK_END
cdef int _TRAILERS
cdef Py_ssize_t _METHOD_BYTES_MAX
cdef Py_ssize_t _CHUNK_SIZE_DIGITS_MAX

cdef class Limits:
    cdef public Py_ssize_t line_max
    cdef public Py_ssize_t head_max
    cdef public Py_ssize_t fields_max
    cdef public Py_ssize_t chunk_extensions_max
    cdef public long long body_max

cdef class Reader:
    cdef Limits _limits
    cdef str _scheme
    cdef bytes _data
    cdef Py_ssize_t _position
    cdef int _state
    cdef long long _remaining
    cdef Py_ssize_t _scanned
    cdef Py_ssize_t _fields
    cdef Py_ssize_t _section_bytes
    cdef long long _body_bytes
    cdef Py_ssize_t _extension_bytes
    cdef bint _skipped_line
    cdef public bint body_ended

    cpdef void feed(self, bytes data)
    cpdef Py_ssize_t buffered(self)
    cpdef bytes rest(self)
    cpdef void release(self)
    @cython.locals(
        data=bytes, limits=Limits, end=Py_ssize_t, bits=int, head=Head
    )
    cpdef Head head(self)
    @cython.locals(data=bytes, start=Py_ssize_t, available=Py_ssize_t)
    cpdef bytes body(self)
    @cython.locals(parts=list, data=bytes, size=Py_ssize_t, take=Py_ssize_t, end=bytes)
    cdef bytes _chunks(self)
    @cython.locals(
        data=bytes, position=Py_ssize_t, limit=Py_ssize_t, end=Py_ssize_t, tail=bytes, digits=bytes,
        extensions=bytes, size="long long"
    )
    cdef bint _chunk_size(self) except -1
    @cython.locals(
        data=bytes, position=Py_ssize_t, end=Py_ssize_t, taken=Py_ssize_t, line=bytes
    )
    cdef bint _trailers(self) except -1
    @cython.locals(
        data=bytes, limits=Limits, start=Py_ssize_t, position=Py_ssize_t, line_start=Py_ssize_t,
        end=Py_ssize_t, line_bytes=Py_ssize_t, line=bytes, token=bytes
    )
    cdef object _explain(self)
    cdef object _explain_line(self, bytes line)
