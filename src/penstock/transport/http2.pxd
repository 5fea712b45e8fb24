import cython

from penstock.gateway.stream cimport Exchange
from penstock.transport.http2_input cimport Input
from penstock.wire.http2_session cimport Session

cdef int WRITE_BUFFER_BYTES
cdef int _NO_ERROR

cdef class Connection(Input):
    cdef double _last_step_at

    cpdef on_sweep(self, double now)
    cdef _sweep_closed(self, double now)
    cdef _cut_reader(self)
    cpdef begin_shutdown(self)
    @cython.locals(session=Session)
    cdef _go_on_leaving(self, double now)
    cdef _leave(self)
    cdef _after(self)
    cpdef notify_disconnect(self)
    cpdef abort(self)
