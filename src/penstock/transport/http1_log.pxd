import cython

from penstock.transport.http1_output cimport Output
from penstock.transport.record cimport Record

cdef class Logged(Output):
    cdef bint _logged

    @cython.locals(record=Record)
    cdef double _begin_record(self, object head) except? -1
    cdef _log(self, object exchange)
    @cython.locals(lines=bytes, waits=bint)
    cdef _tell(self, Record record, object exchange, int event)
    cdef _log_refused(self, object exchange, int status, bint left)
    @cython.locals(record=Record)
    cdef _log_lost(self, object exchange, object exc)
    cdef _check_record(self, Record record, object exchange, bint plain)
    @cython.locals(record=Record)
    cdef _log_websocket(self, object exchange, int close_code)
    cdef _tell_websocket(self, Record record, object exchange, int close_code)
