import cython

from penstock.wire.http2_end cimport Http2End
from penstock.wire.http2_framing cimport Framer
from penstock.wire.http2_pack cimport whole_answer
from penstock.wire.priority cimport Order, parse_priority

cdef object deque
cdef int INTERNAL_ERROR
cdef int CLOSED_BY_END

cdef Py_ssize_t _UNTAKEN_BYTES_MAX
cdef Py_ssize_t _FRAME_BYTES_MAX

cdef class HeaderBlock:
    cdef bytes block
    cdef bint ended

cdef class Source:
    cdef long long left
    cdef object reader

cdef class Sender(Framer):
    @cython.locals(size=Py_ssize_t, quick=Py_ssize_t, answer=bytes)
    cpdef bint respond(self, Http2End end, bytes block, bytes data) except? False
    cpdef object headers(self, Http2End end, bytes block, bint fin)
    @cython.locals(size=Py_ssize_t)
    cpdef bint send(self, Http2End end, bytes data, bint fin) except? False
    cpdef object send_source(self, Http2End end, object source, long long count, bint fin)
    @cython.locals(urgency=int, incremental=bint)
    cpdef object prioritize(self, Http2End end, bytes value)
    @cython.locals(order=Order)
    cpdef bint has_output(self)
    @cython.locals(out=list, data=bytes)
    cpdef bytes take(self, Py_ssize_t bytes_max)
    cdef object _window_opened(self, Http2End end)
    cdef object _enqueue(self, Http2End end, object item)
    @cython.locals(source=Source)
    cdef object _drop_items(self, Http2End end)
    @cython.locals(order=Order, end=Http2End, first=Http2End)
    cdef object _fill(self, Py_ssize_t bytes_max)
    @cython.locals(
        sent=Py_ssize_t, room="long long", window="long long", waiting=HeaderBlock, file=Source,
        body=bytes
    )
    cdef object _serve(self, Order order, Http2End end)
    cdef object _leave(self, Order order, Http2End end)
    @cython.locals(offset=Py_ssize_t, stop=Py_ssize_t, last=bint, fin=bint)
    cdef object _from_bytes(self, Http2End end, bytes item, Py_ssize_t room)
    @cython.locals(data=bytes, size=Py_ssize_t, fin=bint)
    cdef Py_ssize_t _from_source(self, Http2End end, Source item, Py_ssize_t room) except -1
    cdef object _finish(self, Http2End end)
    @cython.locals(end=Http2End)
    cdef object _unblock(self)
