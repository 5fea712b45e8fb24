cdef Py_ssize_t _RECORDS_MAX


cdef class AccessLog:
    cdef bint _as_records
    cdef object _handler
    cdef object _logger
    cdef list _pending
    cdef object _schedule
    cdef bint _scheduled
    cdef public bint details

    cpdef add(self, object client, object method, object raw_path, object query, object http_version, object status)
    cpdef add_websocket(self, object client, object raw_path, object query, object close_code)
    cpdef flush(self)
    cdef _look_at_logger(self)
    cdef _emit(self, object client, object method, object raw_path, object query, object http_version, object status)
