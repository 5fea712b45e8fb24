cdef long FRAME_MIN
cdef long INITIAL_WINDOW
cdef int SETTINGS_ENABLE_CONNECT_PROTOCOL
cdef int SETTINGS_INITIAL_WINDOW_SIZE
cdef int SETTINGS_MAX_CONCURRENT_STREAMS
cdef int SETTINGS_MAX_FRAME_SIZE
cdef int SETTINGS_MAX_HEADER_LIST_SIZE
cdef int SETTINGS_NO_RFC7540_PRIORITIES
cdef object settings
cdef object window_update

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

cpdef bytes greeting(Http2Limits limits, bint websockets)
