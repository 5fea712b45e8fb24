import cython

from penstock.transport.direct cimport write_now

cdef Py_ssize_t _READ_MAX
cdef Py_ssize_t _HELD_BYTES_MAX
cdef Py_ssize_t _UNASKED_BYTES_MAX
cdef Py_ssize_t _PLAIN_BYTES_MAX
cdef int _HELLO
cdef int _SHAKE
cdef int _OPEN
cdef int _DRAIN
cdef int _PLAIN
cdef int _OVER


cdef class TlsLayer:
    cdef object _arrival
    cdef bint _closing
    cdef object _connection
    cdef double _deadline
    cdef int _fd
    cdef bytes _hello
    cdef bint _holding
    cdef object _incoming
    cdef object _outgoing
    cdef object _raw
    cdef object _ssl
    cdef int _state
    cdef object _tls
    cdef Py_ssize_t _unasked
    cdef public double began
    cdef public object client

    cpdef data_received(self, bytes data)
    cdef _begin(self)
    cdef _shake(self)
    cdef _not_tls(self, bytes first)
    @cython.locals(ended=bint, parts=list, part=bytes)
    cdef _read(self, bytes data)
    cdef bint _answer_unasked(self) except -1
    @cython.locals(data=bytes, sent=Py_ssize_t)
    cdef _flush(self)
    @cython.locals(size=Py_ssize_t, sent=Py_ssize_t)
    cpdef write(self, data)
    cdef _say_goodbye(self)
