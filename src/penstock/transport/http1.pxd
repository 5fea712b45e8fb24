import cython

from penstock.gateway.stream cimport Exchange
from penstock.transport.http1_input cimport Input

cdef int HEAD
cdef int BODY
cdef int WAIT
cdef int CLOSED
cdef bint _CAN_WRITE
cdef bytes _HTTP2_LINE
cdef int _WATCHED

cdef class Connection(Input):
    @cython.locals(state=int, exchange=Exchange)
    cpdef on_sweep(self, double now)
    cdef _check_sender(self, double now)
    cdef _check_paused(self)
    @cython.locals(data=bytes)
    cdef bint _becomes_http2(self) except -1
    cpdef start_queued(self)
    cpdef refuse_queued(self)
    cpdef begin_shutdown(self)
    cpdef relieve(self)
    cpdef notify_disconnect(self)
    cpdef abort(self)
