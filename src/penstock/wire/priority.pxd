import cython

from penstock.wire.http2_end cimport Http2End

cdef object deque
cdef Py_ssize_t _LEVELS
cdef Py_ssize_t _TURN_BYTES
cdef Py_ssize_t _STRIDE
cdef Py_ssize_t _FIELD_BYTES_MAX
cdef dict _USUAL
cdef dict _SWITCHES

@cython.locals(item=bytes, usual=tuple, said=int, switched=int)
cpdef tuple parse_priority(bytes value, int urgency, bint incremental)

cdef class Order:
    cdef list _levels
    cdef Py_ssize_t _served
    cdef public Py_ssize_t count

    cpdef object add(self, Http2End end)
    cpdef object discard(self, Http2End end)
    @cython.locals(waits=bint)
    cpdef object change(self, Http2End end, int urgency, bint incremental)
    @cython.locals(served=Py_ssize_t, start=Py_ssize_t, step=Py_ssize_t, end=Http2End)
    cpdef Http2End first(self)
    cpdef object sent(self, Http2End end, Py_ssize_t count)
