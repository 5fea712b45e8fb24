import cython

from penstock.gateway.stream cimport Exchange, Stream
from penstock.transport.record cimport Record
from penstock.transport.worker cimport Worker
from penstock.wire.http2_end cimport Http2End

cdef class LoggedStream(Stream):
    cdef object _connection
    cdef Http2End _end
    cdef bytes _lines
    cdef bint _logged
    cdef long long _received
    cdef Record _record
    cdef bint _responded
    cdef long long _written
    cdef public Exchange exchange
    cdef public bint is_websocket
    cdef public Worker worker

    cdef bint _waits(self) except -1
    cdef _log(self, object exchange)
    cdef _tell(self, Record record, object exchange, int event)
    cdef _log_refused(self, object exchange, int status, bint left)
    @cython.locals(record=Record)
    cdef _log_lost(self, object exchange)
    @cython.locals(exchange=Exchange)
    cdef _check_record(self, Record record)
    @cython.locals(record=Record)
    cdef _log_websocket(self, object exchange, int close_code)
