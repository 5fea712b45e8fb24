import cython

from penstock.gateway.stream cimport Exchange
from penstock.transport.http1_input cimport Input

cdef int HEAD
cdef int BODY
cdef int WAIT
cdef int CLOSED
cdef bint _CAN_WRITE
cdef int _WATCHED

cdef class Connection(Input):
    @cython.locals(state=int, exchange=Exchange)
    cpdef on_sweep(self, double now)
    cdef _check_sender(self, double now)
    cdef _check_paused(self)
    cpdef start_queued(self)
    cpdef refuse_queued(self)
    cpdef begin_shutdown(self)
    cpdef relieve(self)
    cpdef notify_disconnect(self)
    cpdef abort(self)
