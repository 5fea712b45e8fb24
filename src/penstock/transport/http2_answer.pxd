import cython

from penstock.gateway.stream cimport Exchange
from penstock.transport.http2_log cimport LoggedStream
from penstock.transport.http2_output cimport Output
from penstock.transport.http2_shared cimport Shared
from penstock.transport.record cimport Record, listed
from penstock.wire.blocks cimport Block, response_block, status_field, write_block
from penstock.wire.http2_session cimport Session

cdef int SENDS_CODING
cdef int SENDS_LENGTH
cdef int _CANCEL
cdef int _INTERNAL_ERROR
cdef int _CONTINUE
cdef int _OK
cdef int _NO_CONTENT

cdef class Answer(LoggedStream):
    cdef bint _accepted
    cdef bytes _block
    cdef bint _bodyless
    cdef bytes _defaults
    cdef bint _expect
    cdef object _file
    cdef bint _held
    cdef bint _left
    cdef long long _length
    cdef Session _session
    cdef int _status
    cdef Py_ssize_t _unread

    @cython.locals(shared=Shared, block=Block, lines=bytes, bits=int, code=int)
    cpdef long long head(
        self, object status, object headers, bint bodyless, bint trailers
    ) except? -2
    @cython.locals(record=Record, shared=Shared, block=bytes, added=bytes)
    cdef bytes _recorded(self, object headers, bytes lines, int bits)
    cdef bytes _whole_block(self, long long size)
    cpdef object flush(self)
    @cython.locals(session=Session)
    cpdef object body(self, bytes data, bint end)
    cpdef object file(self, int fd, long long offset, long long count, bint end)
    @cython.locals(block=Block, fields=bytes)
    cpdef object trailers(self, object headers)
    @cython.locals(block=Block)
    cpdef object informational(self, int status, object headers)
    cpdef object accept(self, object headers)
    @cython.locals(exchange=Exchange, buffered=Py_ssize_t)
    cpdef object read_more(self)
    cpdef object reset(self, str reason)
    cdef _response_end(self)
    cdef _give_up(self)
