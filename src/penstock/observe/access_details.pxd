import cython

from penstock.observe.access_json cimport JsonShape
from penstock.wire.events cimport Head

cdef Py_ssize_t _RECORDS_MAX
cdef Py_ssize_t _FIELD_CHARS_MAX
cdef Py_ssize_t _TRACEPARENT_CHARS
cdef bytes _TRACEPARENT


cdef class DetailedLog:
    cdef bint _as_records
    cdef double _clock
    cdef object _excluded
    cdef str _format
    cdef object _handler
    cdef dict _index
    cdef JsonShape _json
    cdef object _logger
    cdef list _pending
    cdef bint _plainly
    cdef object _random
    cdef object _schedule
    cdef bint _scheduled
    cdef object _shape
    cdef double _share
    cdef bint _show_query
    cdef long long _slow_us
    cdef tuple _wanted
    cdef public bint details
    cdef public double stream_start_s
    cdef public bint wants_lines

    @cython.locals(raw_path=bytes, query=bytes, picked=list, entry=tuple, line=str)
    cpdef note(
        self,
        int event,
        object client,
        Head head,
        int status,
        int ended,
        long long bytes_in,
        long long bytes_out,
        long long duration_us,
        long long first_byte_us,
        int close_code,
        str id_head,
        str id_tail,
        object lines,
        double now,
    )
    @cython.locals(pending=list)
    cdef _keep(self, object noted)
    @cython.locals(picked=list, index=dict, name=bytes, value=bytes, place=object)
    cdef list _pick(self, list headers)
    cpdef flush(self)
    cdef _look_at_logger(self)
    cdef _write_lines(self, list lines)
    cdef bint _keeps(self, object noted) except -1
    cdef _emit(self, object noted)
