cdef class Http2Limits:
    cdef public long long body_max
    cdef public Py_ssize_t connection_queue_max
    cdef public long long connection_window
    cdef public long long connection_window_max
    cdef public Py_ssize_t fields_max
    cdef public Py_ssize_t frame_max
    cdef public Py_ssize_t head_max
    cdef public double head_s
    cdef public Py_ssize_t line_max
    cdef public double settings_s
    cdef public Py_ssize_t stream_queue_max
    cdef public long long stream_window
    cdef public long long stream_window_max
    cdef public Py_ssize_t streams_max
    cdef public Py_ssize_t table_max
